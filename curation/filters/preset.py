"""Presets: thresholds as data, each rule with its column and what is kept, each file with its source.

A preset is a YAML file in `curation/filters/presets` (or any path that ends in .yaml):

    name: swallow_v1
    source: {title: …, url: …, revision: …, licence: …}
    about: what it is for
    differences: [every way in which it acts otherwise than its original]
    rules:
      - {name: letters, column: chars, keep: ">= 400"}
      - {name: mean_sentence, column: mean_sentence_chars, keep: "between 20 and 90"}
      - {name: japanese, any: [{column: language, keep: "in [ja]"}, {column: kana_ratio, keep: ">= 0.1"}]}

`keep` is `<`, `<=`, `>`, `>=`, `==` or `!=` and a value, `between A and B` (both kept), or `in [a, b]`. With `any`, one alternative
that holds keeps the row. `needs: words` marks rules that need a tokeniser, so that a recipe can decide on the others first.
The first broken rule in the file's order is the reason, `preset.rule`.
"""

import difflib
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from curation.document import COLUMNS
from curation.local_file import local_file
from curation.yaml_file import load_yaml, yaml_fault

FOLDER = Path(__file__).parent / "presets"
"""Where the packaged presets lie."""

_COMPARISON = re.compile(r"(<=|>=|==|!=|<|>)\s*(\S.*)")
_BETWEEN = re.compile(r"between\s+(\S+)\s+and\s+(\S+)")
_MEMBERS = re.compile(r"in\s+\[(.*)\]")


class Condition(BaseModel):
    """What is kept: one operator and its bounds (numbers, or texts for `==`, `!=` and `in`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    operator: str
    bounds: tuple[float | str, ...] = Field(min_length=1)

    def __str__(self) -> str:
        said = [b if isinstance(b, str) else f"{b:g}" for b in self.bounds]
        if self.operator == "between":
            return f"between {said[0]} and {said[1]}"
        return f"in [{', '.join(said)}]" if self.operator == "in" else f"{self.operator} {said[0]}"


def condition(keep: Any) -> Condition:
    """Reads a `keep`. Raises ValueError for anything else than the forms of this module's head.

    >>> str(condition("<= 0.30")), condition("between 20 and 90").bounds, condition("in [ja, en]").bounds
    ('<= 0.3', (20.0, 90.0), ('ja', 'en'))
    >>> condition("=< 3")
    Traceback (most recent call last):
    ValueError: keep: '=< 3' is none of '<= 0.3', '>= 400', '== ja', 'between 20 and 90', 'in [ja, en]'
    """
    if isinstance(keep, Condition):
        return keep
    said = str(keep).strip()
    if found := _COMPARISON.fullmatch(said):
        operator, bound = found[1], _bound(found[2])
        if operator in ("==", "!=") or isinstance(bound, float):
            return Condition(operator=operator, bounds=(bound,))
    elif found := _BETWEEN.fullmatch(said):
        low, high = _bound(found[1]), _bound(found[2])
        if isinstance(low, float) and isinstance(high, float) and low <= high:
            return Condition(operator="between", bounds=(low, high))
    elif found := _MEMBERS.fullmatch(said):
        return Condition(operator="in", bounds=tuple(part.strip().strip("'\"") for part in found[1].split(",")))
    raise ValueError(f"keep: {said!r} is none of '<= 0.3', '>= 400', '== ja', 'between 20 and 90', 'in [ja, en]'")


def _bound(said: str) -> float | str:
    try:
        return float(said)
    except ValueError:
        return said.strip("'\"")


class Test(BaseModel):
    """One column and what of it is kept."""

    __test__ = False  # the name is not pytest's
    model_config = ConfigDict(extra="forbid", frozen=True)
    column: str
    keep: Annotated[Condition, BeforeValidator(condition)]


class Rule(BaseModel):
    """A named rule: one test, or several of which one must hold. `note` says what the original calls it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    tests: tuple[Test, ...]
    needs: Literal["characters", "words"] = "characters"
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _one_or_any(cls, given: Any) -> Any:
        if not isinstance(given, dict) or "tests" in given:
            return given
        given = dict(given)
        some = given.pop("any", None)
        one = {k: given.pop(k) for k in ("column", "keep") if k in given}
        if (some is None) == (not one):
            raise ValueError("a rule has either 'column' and 'keep', or 'any' with a list of those")
        tests = some if some is not None else [one]
        return {"name": one.get("column", ""), **given, "tests": tests}

    def __str__(self) -> str:
        return " or ".join(f"{test.column} {test.keep}" for test in self.tests)


class Preset(BaseModel):
    """A named list of rules with its source; `differences` are all known ways in which it does not act like the original."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str
    source: dict[str, str] = {}
    about: str = ""
    differences: tuple[str, ...] = ()
    rules: tuple[Rule, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that its rules read, in their order."""
        return tuple(dict.fromkeys(test.column for rule in self.rules for test in rule.tests))

    def rule(self, name: str) -> Rule:
        """The rule of that name. Raises ValueError naming the nearest one."""
        by_name = {rule.name: rule for rule in self.rules}
        if name not in by_name:
            raise ValueError(f"preset '{self.name}' has no rule '{name}'; {nearest(name, by_name)}")
        return by_name[name]

    def changed(self, skip: tuple[str, ...] = (), bounds: dict[str, float] | None = None) -> "Preset":
        """The preset without the rules of `skip` and with other bounds by rule name (`rule.low`, `rule.high` for `between`).

        >>> preset = Preset(name="p", rules=[{"name": "short", "column": "chars", "keep": ">= 400"}])
        >>> str(preset.changed(bounds={"short": 200}).rules[0])
        'chars >= 200'
        """
        rules = {rule.name: rule for rule in self.rules}
        for name, bound in (bounds or {}).items():
            short, _, end = name.partition(".")
            rules[short] = _with_bound(self.rule(short), end, float(bound))
        for name in skip:
            self.rule(name)
        return self.model_copy(update={"rules": tuple(r for r in rules.values() if r.name not in skip)})

    def needing(self, what: str) -> "Preset":
        """Only the rules that need words, or only those that need none (`characters`)."""
        return self.model_copy(update={"rules": tuple(rule for rule in self.rules if rule.needs == what)})


def _with_bound(rule: Rule, end: str, bound: float) -> Rule:
    column, keep = rule.tests[0].column, rule.tests[0].keep
    if len(rule.tests) > 1 or keep.operator == "in" or any(isinstance(b, str) for b in keep.bounds):
        raise ValueError(
            f"rule '{rule.name}' ({rule}) has no single bound to set; skip it and write one of your own under 'rules'"
        )
    if keep.operator == "between":
        if end not in ("low", "high"):
            raise ValueError(f"rule '{rule.name}' is {rule}: set '{rule.name}.low' or '{rule.name}.high'")
        low, high = keep.bounds
        bounds = (bound, high) if end == "low" else (low, bound)
    elif end:
        raise ValueError(f"rule '{rule.name}' is {rule}: set '{rule.name}', without '.{end}'")
    else:
        bounds = (bound,)
    test = Test(column=column, keep=Condition(operator=keep.operator, bounds=bounds))
    return rule.model_copy(update={"tests": (test,)})


def nearest(name: str, known: Any) -> str:
    """What an error says about a name that is not known.

    >>> nearest("swalow_v1", ["swallow_v1"]), nearest("x", ["b", "a"])
    ("did you mean 'swallow_v1'?", 'there are: a, b')
    """
    near = difflib.get_close_matches(name, list(known), 1)
    return f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(sorted(known))}"


def preset_names() -> list[str]:
    """Names of the packaged presets."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def preset_file(name_or_path: str) -> Path:
    """The file of a packaged preset, or of a path that ends in .yaml. Raises ValueError where there is none."""
    if name_or_path.endswith((".yaml", ".yml")):
        path = local_file(name_or_path, "preset")
        if not path.is_file():
            raise ValueError(f"preset: there is no file {name_or_path}")
        return path
    if name_or_path not in preset_names():
        raise ValueError(f"there is no preset '{name_or_path}'; {nearest(name_or_path, preset_names())}")
    return FOLDER / f"{name_or_path}.yaml"


def load_preset(name_or_path: str) -> Preset:
    """A preset by name or by path. Raises ValueError naming the file, the place and what would be right."""
    path = preset_file(name_or_path)
    return read_preset(path.read_text(encoding="utf-8"), str(path.name))


@cache
def read_preset(text: str, where: str) -> Preset:
    """A preset from its YAML. Raises ValueError for bad YAML, an unknown key or column, a name said twice."""
    try:
        preset = Preset.model_validate(load_yaml(text))
    except yaml.YAMLError as error:
        raise ValueError(yaml_fault(error, where)) from None
    except ValidationError as error:
        raise ValueError(f"{where}: {said(error)}") from None
    check(preset, where)
    return preset


_KEYS = ("name", "column", "keep", "any", "needs", "note")


def said(error: ValidationError) -> str:
    """What is wrong with a preset or with rules, on one line: each rule by its name, or by its number from 1."""
    return "; ".join(dict.fromkeys(_one(e) for e in error.errors()))


def _one(error: Any) -> str:
    loc, found = list(error["loc"]), error["input"]
    message = error["msg"].removeprefix("Value error, ")
    place = ""
    if loc[:1] == ["rules"] and len(loc) > 1:
        place, loc = f"rule {int(loc[1]) + 1}", loc[2:]
    if loc[:1] == ["tests"]:
        loc = loc[2:]
    if error["type"] == "extra_forbidden":
        valid = _KEYS if place else tuple(Preset.model_fields)
        near = difflib.get_close_matches(str(loc[-1]), valid, 1)
        message = f"unknown key '{loc.pop()}'; " + (
            f"did you mean '{near[0]}'?" if near else f"keys: {', '.join(valid)}"
        )
    elif error["type"] == "missing":
        message = f"the key '{loc.pop()}' is missing"
    elif isinstance(found, str | int | float) and loc and not message.startswith(f"{loc[-1]}:"):
        message = f"{message} (found {found!r})"
    if loc and message.startswith(f"{loc[-1]}:"):
        loc.pop()
    return ": ".join([place] * bool(place) + [".".join(map(str, loc))] * bool(loc) + [message])


def check(preset: Preset, where: str) -> None:
    """Raises ValueError for a column that is not registered, a rule without a name, or one named twice."""
    for column in preset.columns:
        if column not in COLUMNS:
            raise ValueError(f"{where}: there is no column '{column}'; {_nearest_column(column)}")
    names = [rule.name for rule in preset.rules]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"{where}: rules named twice: {', '.join(sorted(twice))}")
    if "" in names or any("." in name for name in names):
        raise ValueError(f"{where}: every rule needs a name without a dot")


def _nearest_column(column: str) -> str:
    near = difflib.get_close_matches(column, COLUMNS, 3)
    return f"did you mean {' or '.join(near)}?" if near else "columns are registered in curation/document.py"
