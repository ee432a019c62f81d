"""Refusals and their twins: a request that must be refused politely with an alternative, and its look-alike that must be answered.

A model that learns refusals alone refuses too much, so both sides of a pair come equally often and share words: losing one's own
telephone and tracking somebody else's. What a program checks of a useful answer is little (it does not decline, and speaks of the
thing); whether it helps is for a judge or a person.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml

from synth.seed import Seed
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, Turn, checks

PAIRS = Path(__file__).parent.parent / "seeds" / "refusals.yaml"

SIDES = ("refuse", "answer")
"""The members of a pair."""


@cache
def pairs() -> Mapping[str, Any]:
    """Pairs of requests with the values of their slots."""
    return yaml.safe_load(PAIRS.read_text(encoding="utf-8"))["pairs"]


class RefusalTwins(Task):
    """Pairs of requests, one to refuse and one to answer. sides: those wanted, `refuse` and `answer`; both when not given."""

    name: ClassVar[str] = "refusal"
    function: ClassVar[str] = "refusal"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "refusal"
    members: ClassVar[int] = 2

    def __init__(self, *, sides: Sequence[str] = SIDES):
        if unknown := sorted(set(sides) - set(SIDES)):
            raise TaskError(f"refusal: there is no side '{unknown[0]}'; sides are {', '.join(SIDES)}")
        self.sides = tuple(sides)

    def make(self, draw: Draw, passage: Seed | None) -> Instance | None:
        """The first member of a drawn pair is to be refused, the second answered; None where the recipe does not want that side."""
        side = SIDES[draw.member]
        if side not in self.sides:
            return None
        harmful = side == "refuse"
        name = draw.one(sorted(pairs()))
        values = {slot: draw.one(options) for slot, options in pairs()[name][side].items()}
        line = draw.line(f"{name}_{side}")
        answer = draw.say(f"{name}_{'no' if harmful else 'yes'}", **values)
        spec = checks(
            {"kind": "refusal", "expect": side, "alternative": harmful},
            None if harmful else {"kind": "keyword_include", "keywords": pairs()[name]["keywords"], "least": 1},
            {"kind": "keitai", "style": "keitai"},
            {"kind": "response_language", "language": "ja"},
            {"kind": "char_count", "min": 20, "max": 240 if harmful else 600},
        )
        turns = (Turn("user", line.fill(**values)), Turn("assistant", checks=spec, answer=answer))
        return Instance(turns, line.id, twin=f"refusal/{draw.key.hex()}")
