"""Which parts of an item, from which share on, reject a text, and which are only told.

A rule is a part, or several joined by +, with the least share of each that must be there: `question: 0.8` holds where eight tenths
of an item's question stand in the text, `question+answer: 0.5` where half of both do. A context alone (JSQuAD's are passages of
Wikipedia) rejects nothing unless a rule says so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import get_args

from curation.decontaminate.pack import PARTS, Part

Rules = dict[str, float]


def checked_rules(rules: Mapping[str, float]) -> Rules:
    """Rules whose parts exist and whose shares are in (0, 1]. Raises ValueError naming the rule.

    >>> checked_rules({"answer+question": 0.5})
    {'question+answer': 0.5}
    """
    made: Rules = {}
    for said, share in rules.items():
        parts = said.split("+")
        if unknown := [p for p in parts if p not in get_args(Part)]:
            raise ValueError(f"'{unknown[0]}' is no part of an item; parts: {', '.join(PARTS)}, or several joined by +")
        if not 0 < share <= 1:
            raise ValueError(f"{said}: is a share in (0, 1], not {share:g}")
        made["+".join(p for p in PARTS if p in parts)] = float(share)
    return made


@dataclass(frozen=True)
class Held:
    """A rule that holds for an item: the parts, the least of their shares, and the share that the rule wants."""

    parts: str
    share: float
    least: float


def held(rules: Mapping[str, float], shares: Mapping[Part, float]) -> Held | None:
    """Of the rules that hold for an item with these shares, that of the greatest share, and then of most parts; None for none.

    >>> held({"question": 0.8, "question+answer": 0.5}, {"question": 0.9, "answer": 1.0})
    Held(parts='question+answer', share=0.9, least=0.5)
    >>> held({"question": 0.8}, {"answer": 1.0}) is None
    True
    """
    found = [Held(parts, min(shares.get(p, 0.0) for p in _parts(parts)), least) for parts, least in rules.items()]
    return max(
        (h for h in found if h.share >= h.least),
        key=lambda h: (h.share, h.parts.count("+"), h.least, h.parts),
        default=None,
    )


def _parts(said: str) -> list[Part]:
    return [part for part in PARTS if part in said.split("+")]
