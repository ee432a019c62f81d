"""Data: JSON, its schema and values, CSV, YAML, XML tags."""

import csv
import io
import json
import re
from functools import cached_property
from typing import Any, ClassVar

from pydantic import Field, model_validator

from synth.verify.answer import Answer, folded
from synth.verify.constraint import Constraint
from synth.verify.markdown import code_blocks, hollow
from synth.verify.numerals import number
from synth.verify.prompt import Prompt
from synth.verify.schema_patterns import SlowPatternError, bounded_validator
from synth.verify.verdict import Evidence, Verdict, abstained, failed, passed


class DuplicateKey(ValueError):
    """A JSON object that has one key twice: readers differ about which one holds."""


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    if len(set(keys)) < len(keys):
        raise DuplicateKey(next(key for key in keys if keys.count(key) > 1))
    return dict(pairs)


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON")


def strict_json(text: str) -> Any:
    """RFC 8259: no NaN, no duplicate keys. Raises ValueError (its subclass DuplicateKey, json.JSONDecodeError) and RecursionError."""
    return json.loads(text, object_pairs_hook=_pairs, parse_constant=_constant)


def payload(answer: Answer, language: str) -> tuple[str, bool]:
    """The data of an answer, and whether anything stands beside it: the whole answer, or its only fenced block."""
    blocks = code_blocks(answer.text)
    if len(blocks) == 1 and blocks[0][0] in ("", language, f"{language}c", f"{language}l"):
        outside = re.sub(r"^[ \t]*(```|~~~)[^\n]*\n.*?^[ \t]*\1[ \t]*$", "", answer.text, count=1, flags=re.M | re.S)
        return blocks[0][1], bool(outside.strip())
    return answer.stripped, False


class _Json(Constraint):
    as_written: ClassVar[bool] = True
    alone: bool = True
    """Nothing stands beside the JSON (a fence around it is allowed)."""

    def _read(self, answer: Answer) -> tuple[Any, Verdict | None]:
        text, beside = payload(answer, "json")
        if beside and self.alone:
            return None, failed(Evidence("text beside the JSON", answer.stripped[:20], "JSON only"), score=0.5)
        try:
            return strict_json(text), None
        except (ValueError, RecursionError) as error:
            at = getattr(error, "pos", -1)
            what = "duplicate key" if isinstance(error, DuplicateKey) else "no JSON"
            return None, failed(Evidence(what, str(error)[:120] or type(error).__name__, "RFC 8259", at, at + 1))


class JsonForm(_Json):
    """The answer is JSON: an object or an array, bare or in one fenced block; `fenced` asks for the block."""

    kind: ClassVar[str] = "json_form"
    fenced: bool = False

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        if self.fenced and not code_blocks(answer.text):
            return failed(Evidence("code blocks", 0, 1), score=0.5)
        value, wrong = self._read(answer)
        if wrong is not None:
            return wrong
        if not isinstance(value, dict | list):
            return failed(Evidence("JSON", type(value).__name__, "object or array"))
        return (
            passed(Evidence("JSON", type(value).__name__)) if value else abstained(Evidence("JSON", "empty", "content"))
        )


class JsonSchema(_Json):
    """The answer is JSON that a schema (draft 2020-12) accepts."""

    kind: ClassVar[str] = "json_schema"
    version: ClassVar[int] = 2
    schema_: dict[str, Any] = Field(alias="schema")

    @model_validator(mode="after")
    def _valid(self) -> "JsonSchema":
        check_schema(self.schema_)
        return self

    @cached_property
    def _validator(self) -> Any:
        return validator(self.schema_)

    def as_json(self) -> dict[str, Any]:
        """As `Constraint.as_json`, under the names that `parse` reads."""
        stored = super().as_json()
        return {("schema" if key == "schema_" else key): value for key, value in stored.items()}

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        value, wrong = self._read(answer)
        if wrong is not None:
            return wrong
        try:
            errors = [Evidence(f"at {e.json_path}", e.message[:120]) for e in self._validator.iter_errors(value)]
        except SlowPatternError as error:
            return abstained(Evidence("schema", str(error)[:200], "a pattern that ends"))
        return failed(*errors[:5], score=0.5) if errors else passed()


def check_schema(schema: dict[str, Any]) -> None:
    """Raises ValueError with the place where a schema is not valid, or refers outside itself."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"no valid JSON Schema: {error.json_path}: {error.message}") from None
    if outside := [
        r for r in re.findall(r'"\$(?:ref|dynamicRef)": "([^"]*)"', json.dumps(schema)) if not r.startswith("#")
    ]:
        raise ValueError(f"the schema refers to {outside[0]!r}; only references inside it (#/…) are resolved")


def validator(schema: dict[str, Any]) -> Any:
    """A validator of draft 2020-12 that looks at formats too (date, email …) and fetches nothing.

    It raises SlowPatternError where a pattern of the schema finds no end.
    """
    checks = bounded_validator()
    return checks(schema, format_checker=checks.FORMAT_CHECKER)


class JsonValues(_Json):
    """Extraction: the JSON holds these values at these keys (`a.b` for nested). Texts are compared folded, numbers by value.

    `null` in the spec: the key is null, empty or absent.
    """

    kind: ClassVar[str] = "json_values"
    values: dict[str, Any] = Field(min_length=1)
    only: bool = False
    """No other key at the top."""

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        value, wrong = self._read(answer)
        if wrong is not None:
            return wrong
        if not isinstance(value, dict):
            return failed(Evidence("JSON", type(value).__name__, "object"))
        bad = []
        for path, wanted in self.values.items():
            at: Any = value
            for key in path.split("."):
                at = at.get(key) if isinstance(at, dict) else None
            if not equal(at, wanted):
                bad.append(
                    Evidence(path, json.dumps(at, ensure_ascii=False)[:60], json.dumps(wanted, ensure_ascii=False)[:60])
                )
        if self.only and (more := value.keys() - {path.split(".")[0] for path in self.values}):
            bad.append(Evidence("other keys", "、".join(sorted(more)), "none"))
        return failed(*bad, score=0.99 * max(0.0, 1 - len(bad) / len(self.values))) if bad else passed()


def equal(found: Any, wanted: Any) -> bool:
    """Whether an extracted value is the wanted one: texts folded without spaces, numbers by value, lists as sets.

    >>> equal("１２００円", 1200), equal("精 米", "精米"), equal([2, 1], [1, 2]), equal("", None), equal(True, 1)
    (True, True, True, True, False)
    """
    if wanted is None:
        return found in (None, "", []) and not isinstance(found, bool)
    if isinstance(wanted, bool) or isinstance(found, bool):
        return found is wanted
    if isinstance(wanted, list):
        rest = list(found) if isinstance(found, list) else [found]
        for one in wanted:
            hit = next((i for i, other in enumerate(rest) if equal(other, one)), None)
            if hit is None:
                return False
            rest.pop(hit)
        return not rest
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(equal(found.get(k), v) for k, v in wanted.items())
    if isinstance(wanted, int | float):
        text = (
            re.sub(r"[円年歳人個件名%％]$|^[¥￥]", "", str(found).strip())
            if isinstance(found, str | int | float)
            else ""
        )
        return number(text) == number(str(wanted)) is not None
    return isinstance(found, str | int | float) and re.sub(r"\s", "", folded(str(found))) == re.sub(
        r"\s", "", folded(str(wanted))
    )


class CsvForm(Constraint):
    """The answer is CSV (RFC 4180): every row has as many fields as the header; header and number of data rows as asked.

    A row without anything in it fails, and so do rows that all say the same; a column without anything abstains.
    """

    kind: ClassVar[str] = "csv_form"
    as_written: ClassVar[bool] = True
    version: ClassVar[int] = 3
    columns: tuple[str, ...] = ()
    rows: int | None = Field(None, ge=1)
    delimiter: str = Field(",", min_length=1, max_length=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text, beside = payload(answer, "tsv" if self.delimiter == "\t" else "csv")
        if beside:
            return failed(Evidence("text beside the CSV", answer.stripped[:20], "CSV only"), score=0.5)
        try:
            rows = [row for row in csv.reader(io.StringIO(text.strip()), delimiter=self.delimiter, strict=True) if row]
        except csv.Error as error:
            return failed(Evidence("no CSV", str(error)))
        if len(rows) < 2 or len(rows[0]) < 2:
            return failed(
                Evidence("rows and columns", f"{len(rows)} × {len(rows[0]) if rows else 0}", "at least 2 × 2")
            )
        if uneven := [i for i, row in enumerate(rows, 1) if len(row) != len(rows[0])]:
            return failed(Evidence(f"fields of row {uneven[0]}", len(rows[uneven[0] - 1]), len(rows[0])), score=0.5)
        if self.columns and tuple(folded(c.strip()) for c in rows[0]) != tuple(map(folded, self.columns)):
            return failed(
                Evidence("header", self.delimiter.join(rows[0]), self.delimiter.join(self.columns)), score=0.5
            )
        if self.rows is not None and len(rows) - 1 != self.rows:
            return failed(Evidence("data rows", len(rows) - 1, self.rows), score=0.5)
        return hollow(rows[1:]) or passed(Evidence("data rows", len(rows) - 1))


class YamlForm(Constraint):
    """The answer is YAML: a mapping or a list, with these keys at the top. Over 20,000 characters or with aliases: abstains."""

    kind: ClassVar[str] = "yaml_form"
    as_written: ClassVar[bool] = True
    keys: tuple[str, ...] = ()

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        import yaml

        text, beside = payload(answer, "yaml")
        if beside:
            return failed(Evidence("text beside the YAML", answer.stripped[:20], "YAML only"), score=0.5)
        if len(text) > 20_000 or re.search(r"(?m)^[^#\n]*[:\-]\s+[&*]\w", text):
            return abstained(Evidence("YAML", "too long or with aliases"))
        try:
            value = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            return failed(Evidence("no YAML", str(error)[:120]))
        if not isinstance(value, dict | list) or not value:
            return failed(Evidence("YAML", type(value).__name__, "mapping or list"))
        missing = [key for key in self.keys if not isinstance(value, dict) or key not in value]
        return failed(*(Evidence("key", "missing", key) for key in missing), score=0.5) if missing else passed()


class Tagged(Constraint):
    """The answer has these tags once each, in order, closed and not empty: <考察>…</考察><答え>…</答え>; `alone`: nothing outside."""

    kind: ClassVar[str] = "tagged"
    as_written: ClassVar[bool] = True
    tags: tuple[str, ...] = Field(min_length=1)
    alone: bool = True

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        at, outside = 0, ""
        for tag in self.tags:
            count = answer.text.count(f"<{tag}>"), answer.text.count(f"</{tag}>")
            begin, end = answer.text.find(f"<{tag}>", at), answer.text.find(f"</{tag}>", at)
            if count != (1, 1) or not 0 <= begin < end:
                return failed(Evidence(f"<{tag}>", count[0], "once, closed, in order"), score=0.3)
            if not answer.text[begin + len(tag) + 2 : end].strip():
                return failed(Evidence(f"<{tag}>", "empty", "text"), score=0.5)
            outside += answer.text[at:begin]
            at = end + len(tag) + 3
        outside += answer.text[at:]
        if self.alone and outside.strip():
            return failed(Evidence("outside the tags", outside.strip()[:30], "nothing"), score=0.5)
        return passed()
