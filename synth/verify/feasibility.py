"""Which constraints cannot hold together, so that no prompt asks for both.

Sound rather than complete: a pair that is named here has no answer that passes both verifiers (a test looks for one among the
goldens); a pair that is not named may still be hard. Reasons are in words, for the report of a recipe that asks for such a pair.
"""

from collections.abc import Iterable
from itertools import combinations
from typing import Any

from synth.verify.constraint import Constraint, SpecError

_WHOLE = {
    "json_form": "JSON", "json_schema": "JSON", "json_values": "JSON", "csv_form": "CSV", "yaml_form": "YAML",
    "tagged": "tags", "answer_choice": "a choice", "dialogue_form": "a dialogue",
}  # fmt: skip
"""Kinds that settle what the whole answer is, unless `alone` is off."""
_APART = {"json_form", "json_schema", "json_values", "csv_form", "dialogue_form"}
"""Of these no text is two at once (YAML reads JSON, a choice or a tag may be anything)."""
_NOT_JSON = {"enclosed", "section_count", "separated_answers", "repeat_prompt", "postscript"}
"""Kinds that ask for text at the ends of an answer or for lines of prose, which JSON cannot hold."""
_MARKDOWN = {"heading_count", "bold_count", "table_form", "code_block", "blockquote_count"}


def conflict(a: Constraint, b: Constraint) -> str | None:
    """Why the two cannot both hold, or None.

    >>> from synth.verify.constraint import parse
    >>> conflict(parse({"kind": "char_count", "max": 10}), parse({"kind": "end_phrase", "phrase": "他にご質問はございますか。"}))
    'char_count allows 10 characters, end_phrase needs 12'
    """
    for one, other in ((a, b), (b, a)):
        for rule in (_counts, _length, _forbidden, _letters, _whole, _markdown, _language, _ends):
            if why := rule(one, other):
                return why
    return None


def conflicts(specs: Iterable[Constraint]) -> list[tuple[Constraint, Constraint, str]]:
    """Every pair of a set that cannot both hold, with the reason."""
    return [(a, b, why) for a, b in combinations(specs, 2) if (why := conflict(a, b))]


def require_feasible(specs: Iterable[Constraint]) -> None:
    """Raises SpecError naming the first pair that cannot both hold."""
    for a, b, why in conflicts(specs):
        raise SpecError(f"{a.kind} and {b.kind} cannot both hold: {why}")


def _of(spec: Constraint, name: str, default: Any = None) -> Any:
    return getattr(spec, name, default)


def required(spec: Constraint) -> list[str]:
    """Texts that every answer which meets the spec holds (folded, white space aside)."""
    match spec.kind:
        case "keyword_include" if _of(spec, "least") is None:
            return list(_of(spec, "keywords"))
        case "keyword_order" | "keyword_together":
            return list(_of(spec, "keywords"))
        case "start_phrase":
            return [_of(spec, "phrase")]
        case "end_phrase":
            return [_of(spec, "phrase").rstrip("。．.！!？?」』）)")]
        case "repeat_prompt":
            return [_of(spec, "text")]
        case "postscript":
            return [_of(spec, "marker")]
        case "keyword_count" if _of(spec, "min"):
            return [_of(spec, "keyword")]
        case "labelled_lines":
            return list(_of(spec, "labels"))
        case "heading_names":
            return list(_of(spec, "names"))
    return []


def _counts(a: Constraint, b: Constraint) -> str | None:
    if a.kind != b.kind or not hasattr(a, "within"):
        return None
    skip = {"min", "max", "hard"}
    if a.model_dump(exclude=skip) != b.model_dump(exclude=skip):
        return None
    low, high = _of(a, "min"), _of(b, "max")
    return (
        f"{a.kind} is at least {low} and at most {high}"
        if low is not None and high is not None and low > high
        else None
    )


def _length(a: Constraint, b: Constraint) -> str | None:
    if a.kind != "char_count" or _of(a, "max") is None or _of(a, "without"):
        return None
    if b.kind == "script_count":
        need = _of(b, "min") or 0
    else:  # keywords may overlap: only the longest is needed in any case
        need = max((len("".join(text.split())) for text in required(b)), default=0)
        need *= _of(b, "min") if b.kind == "keyword_count" and need else 1
    if need <= _of(a, "max") + _of(a, "tolerance"):
        return None
    return f"{a.kind} allows {_of(a, 'max')} characters, {b.kind} needs {need}"


def _forbidden(a: Constraint, b: Constraint) -> str | None:
    if a.kind != "keyword_exclude":
        return None
    from synth.verify.answer import folded, hiragana

    kana = _of(a, "fold_kana")
    for text in required(b):
        held = "".join(folded(text).split())
        for allowed in _of(a, "except_in"):
            held = held.replace(folded(allowed), "\ufffc")
        held = hiragana(held) if kana else held
        for word in _of(a, "keywords"):
            if (hiragana(folded(word)) if kana else folded(word)) in held:
                return f"{b.kind} needs {text!r}, which holds the forbidden {word!r}"
    return None


def _letters(a: Constraint, b: Constraint) -> str | None:
    if a.kind not in ("script_only", "script_exclude", "kansuuji", "kutoten_exclude"):
        return None
    if a.kind == "script_only":
        if (
            b.kind == "script_count"
            and _of(b, "min")
            and _of(b, "script") not in _of(a, "scripts")
            and _of(b, "script") != "digit"
        ):
            return f"script_only leaves no {_of(b, 'script')}"
        if b.kind == "script_only" and not set(_of(a, "scripts")) & set(_of(b, "scripts")):
            return "two scripts at once"
        if b.kind in ("furigana", "kansuuji", "kanji_within") and "kanji" not in _of(a, "scripts"):
            return f"{b.kind} needs kanji"
    if a.kind == "script_exclude":
        if b.kind == "script_only" and set(_of(b, "scripts")) == {_of(a, "script")}:
            return f"only {_of(a, 'script')} and none of it"
        if b.kind == "script_count" and _of(b, "script") == _of(a, "script") and _of(b, "min"):
            return f"{_of(b, 'min')} letters of {_of(a, 'script')} and none of it"
    if b.kind in ("start_phrase", "repeat_prompt", "end_phrase"):  # compared folded: a width may still be chosen
        from synth.verify.answer import folded
        from synth.verify.prompt import Prompt

        for text in required(b):
            verdict = a.verify(Prompt(""), folded(text))
            if verdict.outcome == "fail" and a.kind in ("script_only", "script_exclude") and text == folded(text):
                return f"{b.kind} needs {text!r}, which {a.kind} forbids"
            if (
                a.kind == "kutoten_exclude"
                and b.kind == "repeat_prompt"
                and verdict.outcome == "fail"
                and text == folded(text)
            ):
                return f"{b.kind} needs the marks of {text!r}"
    return None


def _whole(a: Constraint, b: Constraint) -> str | None:
    if a.kind not in _WHOLE or not _of(a, "alone", True):
        return None
    if b.kind in _WHOLE and _of(b, "alone", True) and _WHOLE[a.kind] != _WHOLE[b.kind]:
        return f"the answer is {_WHOLE[a.kind]} and {_WHOLE[b.kind]} at once" if {a.kind, b.kind} <= _APART else None
    if a.kind.startswith("json") and b.kind in _NOT_JSON:
        return f"{b.kind} asks for text that JSON has no place for"
    return None


def _markdown(a: Constraint, b: Constraint) -> str | None:
    if a.kind == "no_markdown" and b.kind in _MARKDOWN and _of(b, "min", 1):
        return f"{b.kind} asks for Markdown"
    return None


def _language(a: Constraint, b: Constraint) -> str | None:
    if a.kind != "response_language":
        return None
    mine = _of(a, "language")
    if b.kind == "response_language" and _of(b, "language") != mine:
        return f"an answer in {mine} and in {_of(b, 'language')}"
    if mine == "ja":
        return None
    kana = {"hiragana", "katakana", "kanji"}
    if b.kind == "script_only" and set(_of(b, "scripts")) <= kana and mine != "zh":
        return f"an answer in {mine} is not written in {'/'.join(_of(b, 'scripts'))}"
    return f"{b.kind} is about Japanese, the answer is in {mine}" if b.kind in ("code_switching", "keitai") else None


def _ends(a: Constraint, b: Constraint) -> str | None:
    if a.kind != "enclosed":
        return None
    left, right = _of(a, "brackets")
    if b.kind in ("start_phrase", "repeat_prompt") and not required(b)[0].startswith(left):
        return f"the answer begins with {left} and with {required(b)[0][:12]!r}"
    if b.kind == "enclosed" and _of(b, "brackets") != _of(a, "brackets"):
        return f"the answer stands in {left}{right} and in {_of(b, 'brackets')}"
    return None
