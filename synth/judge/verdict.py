"""What a judge said: one choice in each order, and what both orders say together.

A model that is asked which of two answers is better leans to one place, most often the first. So each comparison is asked in both
orders and only a verdict that survives the exchange is one:

    a first   b first   together
    a         a         win           (of a)
    b         b         loss
    tie       tie       tie
    else                inconsistent
    one missing         none          (refused, malformed, cut off: nothing follows from the other order alone)

Dropping inconsistent comparisons makes agreement look better than it is, since they are the hard ones; they are counted beside it.
"""

from collections.abc import Mapping
from typing import Any, Literal

import orjson

Choice = Literal["a", "b", "tie"]
"""What one order said, of the answers and not of their places."""

Together = Literal["win", "loss", "tie", "inconsistent"]

FIRST, SECOND, SAME = "A", "B", "同じ"
"""What the judge may write: the answer in the first place, the one in the second, or no difference."""

SCALE = (1, 5)
"""Lowest and highest score of a rubric's aspect."""


def choice(text: str, swapped: bool) -> Choice | None:
    """The choice in an answer of the judge, None where it holds none. swapped: b stood in the first place.

    Only the field `verdict` of a JSON object is read: what else the answer says, or quotes from what it judged, decides nothing.

    >>> choice('{"reason": "…", "verdict": "A"}', swapped=True)
    'b'
    """
    said = _object(text).get("verdict")
    if said == SAME:
        return "tie"
    if said not in (FIRST, SECOND):
        return None
    return "a" if (said == FIRST) != swapped else "b"


def together(forward: Choice | None, backward: Choice | None) -> Together | None:
    """What both orders say; None where one is missing.

    >>> together("a", "a"), together("b", "b"), together("a", "b"), together("a", "tie"), together("a", None)
    ('win', 'loss', 'inconsistent', 'inconsistent', None)
    """
    if forward is None or backward is None:
        return None
    if forward != backward:
        return "inconsistent"
    return {"a": "win", "b": "loss", "tie": "tie"}[forward]  # type: ignore[return-value]


def scores(text: str, aspects: tuple[str, ...]) -> dict[str, int] | None:
    """Scores of a rubric, 1 to 5 an aspect; None where one is missing, no whole number or outside the scale.

    >>> scores('{"reason": "", "scores": {"helpfulness": 4}}', ("helpfulness",))
    {'helpfulness': 4}
    >>> scores('{"reason": "", "scores": {"helpfulness": 7}}', ("helpfulness",)) is None
    True
    """
    said = _object(text).get("scores")
    if not isinstance(said, dict):
        return None
    low, high = SCALE
    for name in aspects:
        value = said.get(name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            return None
    return {name: said[name] for name in aspects}


def _object(text: str) -> Mapping[str, Any]:
    """The JSON object that the answer is; empty where it is none. A fenced block around it is taken off."""
    bare = text.strip()
    if bare.startswith("```") and bare.endswith("```"):
        bare = bare.strip("`").removeprefix("json").strip()
    try:
        found = orjson.loads(bare)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}
