"""A choice or a regular expression as a GBNF grammar, which is what llama.cpp holds an answer to.

The whole answer matches, as with vLLM's `regex`. Python's own parser reads the pattern, so its syntax is Python's; what a grammar
cannot say (look-around, back-references, word boundaries, lazy marks' preference) is refused, never approximated.

>>> print(choice_grammar(("はい", "いいえ")))
root ::= "はい" | "いいえ"
>>> print(regex_grammar("[0-9]{1,3}円"))
root ::= [0-9]{1,3} "円"
"""

import re
from typing import Any

from synth.engine.request import RequestError

_CLASSES = {"CATEGORY_DIGIT": "0-9", "CATEGORY_WORD": "A-Za-z0-9_", "CATEGORY_SPACE": " \\t\\n\\r"}


def choice_grammar(options: tuple[str, ...]) -> str:
    """A grammar whose strings are the options."""
    return "root ::= " + " | ".join(_literal(option) for option in options)


def regex_grammar(pattern: str) -> str:
    r"""A grammar whose strings are those that match the whole pattern. `\d`, `\w` and `\s` are ASCII.

    Raises RequestError for a pattern that is none, or that a grammar cannot say.
    """
    try:
        tree = re._parser.parse(pattern)  # pyright: ignore[reportAttributeAccessIssue]
    except re.error as error:
        raise RequestError(f"structure: no regular expression: {pattern!r}: {error}") from None
    return "root ::= " + (_sequence(list(tree), pattern) or '""')


def _sequence(items: list[Any], pattern: str) -> str:
    if items and str(items[0][0]) == "AT" and str(items[0][1]) in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
        items = items[1:]
    if items and str(items[-1][0]) == "AT" and str(items[-1][1]) in ("AT_END", "AT_END_STRING"):
        items = items[:-1]
    parts, run = [], ""
    for item in items:
        if str(item[0]) == "LITERAL":
            run += chr(item[1])
            continue
        if run:
            parts.append(_literal(run))
            run = ""
        parts.append(_item(item, pattern))
    return " ".join([*parts, *([_literal(run)] if run else [])])


def _item(item: Any, pattern: str) -> str:
    kind, value = str(item[0]), item[1]
    if kind == "LITERAL":
        return _literal(chr(value))
    if kind == "NOT_LITERAL":
        return f"[^{_in_class(chr(value))}]"
    if kind == "ANY":
        return "[^\\n]"
    if kind == "IN":
        return _class(value, pattern)
    if kind == "BRANCH":
        return "(" + " | ".join(_sequence(list(branch), pattern) or '""' for branch in value[1]) + ")"
    if kind == "SUBPATTERN" and not value[1] and not value[2]:
        return f"({_sequence(list(value[3]), pattern) or chr(34) * 2})"
    if kind in ("MAX_REPEAT", "MIN_REPEAT"):
        low, high, inner = value
        repeated = list(inner)
        said = _sequence(repeated, pattern) or '""'
        single = len(repeated) == 1 and str(repeated[0][0]) in ("LITERAL", "NOT_LITERAL", "ANY", "IN", "SUBPATTERN")
        return (said if single else f"({said})") + _times(low, high)
    raise RequestError(f"structure: a grammar cannot say {kind.lower()} in the regular expression {pattern!r}")


def _times(low: int, high: Any) -> str:
    endless = str(high) == "MAXREPEAT"
    if endless and low in (0, 1):
        return "*+"[low]
    if endless:
        return f"{{{low},}}"
    if (low, high) == (0, 1):
        return "?"
    return f"{{{low}}}" if low == high else f"{{{low},{high}}}"


def _class(items: Any, pattern: str) -> str:
    negated, said = "", ""
    for kind, value in items:
        name = str(kind)
        if name == "NEGATE":
            negated = "^"
        elif name == "LITERAL":
            said += _in_class(chr(value))
        elif name == "RANGE":
            said += f"{_in_class(chr(value[0]))}-{_in_class(chr(value[1]))}"
        elif name == "CATEGORY" and str(value) in _CLASSES:
            said += _CLASSES[str(value)]
        elif name == "CATEGORY" and len(items) == 1 and str(value).replace("_NOT", "") in _CLASSES:
            negated, said = "^", _CLASSES[str(value).replace("_NOT", "")]
        else:
            raise RequestError(f"structure: a grammar cannot say {value} in the regular expression {pattern!r}")
    return f"[{negated}{said}]"


def _literal(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_controls(escaped)}"'


def _in_class(character: str) -> str:
    if character in "^-":  # GBNF has no escape of their own for these
        return f"\\x{ord(character):02X}"
    return "\\" + character if character in "\\[]" else _controls(character)


def _controls(text: str) -> str:
    """GBNF's own escapes for what may not stand in a line."""
    for control, escape in (("\n", "\\n"), ("\r", "\\r"), ("\t", "\\t")):
        text = text.replace(control, escape)
    return text
