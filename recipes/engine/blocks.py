"""Steps by name: what a recipe may call, and how its parameters become a step object.

Nothing is imported until a recipe names it, and step modules import no heavy library, so that `seimai check` answers at once.
"""

import difflib
import importlib
import inspect
import re
from collections.abc import Iterable
from typing import Any

from pydantic import ConfigDict, ValidationError, create_model

from curation.step import Step
from recipes.engine.errors import RecipeError

STEPS: dict[str, str] = {
    "fetch": "curation.extract.ranges.fetch:Fetch",
    "sniff": "curation.extract.sniff:Sniff",
    "decode": "curation.extract.decode:Decode",
    "main_text": "curation.extract.main_text:MainText",
    "edge_lines": "curation.extract.edge_lines:EdgeLines",
    "site_lines": "curation.extract.site_lines:SiteLines",
    "nfkc": "curation.normalise.nfkc:Nfkc",
    "kutoten": "curation.normalise.kutoten:Kutoten",
    "whitespace": "curation.normalise.whitespace:Whitespace",
    "mask_personal_data": "curation.normalise.pii.step:MaskPersonalData",
    "text_stats": "curation.features.text_stats:TextStats",
    "repetition": "curation.features.repetition:Repetition",
    "words": "curation.features.words:Words",
    "keywords": "curation.features.keywords:Keywords",
    "tokens": "curation.features.tokens:Tokens",
    "language": "curation.classify.language:Language",
    "fasttext_quality": "curation.classify.fasttext_quality:FasttextQuality",
    "encoder_quality": "curation.classify.encoder_quality:EncoderQuality",
    "ensemble": "curation.classify.ensemble:Ensemble",
    "threshold": "curation.filters.threshold:Threshold",
    "opt_out": "curation.filters.opt_out:OptOut",
    "licensed": "curation.filters.licensed:Licensed",
    "url_blocklist": "curation.filters.url_blocklist:UrlBlocklist",
    "ng_words": "curation.filters.ng_words:NgWords",
    "decontaminate": "curation.decontaminate.step:Decontaminate",
    "minhash": "curation.dedup.minhash:MinHash",
    "dedup": "curation.dedup.dedup:Dedup",
    "line_dedup": "curation.dedup.lines:LineDedup",
    "cap": "curation.mixture.cap:Cap",
    "datatrove": "curation.datatrove_step:Datatrove",
}
"""Every step by the name that recipes use."""


_SORT = re.compile(r"(str|int|float|bool|none|(list|dict|literal|tuple|set|nullable|function-\w+)\[.*)$", re.S)
"""What pydantic calls a sort of value where a key may have several."""


def step_class(name: str, where: str) -> type[Step]:
    """The class of a step. Raises RecipeError naming the nearest one."""
    if name not in STEPS:
        near = difflib.get_close_matches(name, STEPS, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"steps: {', '.join(sorted(STEPS))}"
        raise RecipeError(f"{where}: there is no step '{name}'; {hint}")
    module, _, cls = STEPS[name].partition(":")
    return getattr(importlib.import_module(module), cls)


def writers(column: str) -> list[str]:
    """Steps that write a column, in the registry's order; none for what only a reader writes."""
    classes = {name: step_class(name, "steps") for name in STEPS}
    return [name for name, cls in classes.items() if isinstance(cls.writes, tuple) and column in cls.writes]


def who_writes(columns: Iterable[str]) -> str:
    """In words which steps write these columns; empty when no step does.

    >>> who_writes(["chars", "noun_fraction", "kana_ratio", "payload", "of_no_step"])
    '`text_stats` writes chars, `words` writes noun_fraction, `language` writes kana_ratio, `fetch` writes payload'
    """
    by_steps: dict[str, list[str]] = {}
    for column in columns:
        if steps := writers(column):
            by_steps.setdefault("` or `".join(steps), []).append(column)
    return ", ".join(f"`{steps}` writes {', '.join(names)}" for steps, names in by_steps.items())


def parameters(cls: type[Any]) -> dict[str, tuple[Any, Any]]:
    """Keyword parameters of a class: name → (annotation, default or ...)."""
    found = {}
    for p in list(inspect.signature(cls.__init__, eval_str=True).parameters.values())[1:]:
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            continue
        kind = Any if p.annotation is p.empty else p.annotation
        found[p.name] = (kind, ... if p.default is p.empty else p.default)
    return found


def checked(cls: type[Any], params: dict[str, Any], where: str, given: tuple[str, ...] = ()) -> dict[str, Any]:
    """Parameters of a recipe held against a class's signature (`given` are set by the engine). Raises RecipeError."""
    fields: dict[str, Any] = {k: v for k, v in parameters(cls).items() if k not in given}
    model = create_model(cls.__name__, __config__=ConfigDict(extra="forbid", protected_namespaces=()), **fields)
    try:
        made = model.model_validate(params)
    except ValidationError as error:
        raise RecipeError("\n".join(_said(e, list(fields), where) for e in _by_key(error.errors()))) from None
    return {k: getattr(made, k) for k in params}


def build(name: str, params: dict[str, Any], where: str) -> Step:
    """A step from its name and parameters. Raises RecipeError for an unknown step, key or value."""
    cls = step_class(name, where)
    values = checked(cls, params, where)
    try:
        return cls(**values)
    except (ValueError, OSError) as error:
        raise RecipeError(f"{where}: {error}") from error


def _by_key(errors: Iterable[Any]) -> list[dict[str, Any]]:
    """One error a key: pydantic gives one for each sort of value that a key may have, and names that sort behind the key."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for error in errors:
        loc = tuple(part for n, part in enumerate(error["loc"]) if not n or not _SORT.match(str(part)))
        known = found.setdefault(loc, {**error, "loc": loc, "msg": ""})
        said = error["msg"].removeprefix("Value error, ")
        if said not in known["msg"]:
            known["msg"] += f", or {said.removeprefix('Input should be ')}" if known["msg"] else said
    return list(found.values())


def _said(error: Any, valid: list[str], where: str) -> str:
    key = ".".join(str(k) for k in error["loc"])
    if error["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, valid, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"keys here: {', '.join(valid) or 'none'}"
        return f"{where}: unknown key '{key}'; {hint}"
    if error["type"] == "missing":
        return f"{where}: the key '{key}' is missing"
    return f"{where}: {key}: {error['msg']} (found {error['input']!r})"
