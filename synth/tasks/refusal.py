"""Refusals and their twins: a request that must be refused politely with an alternative, and its look-alike that must be answered.

A model that learns refusals alone refuses too much, so both sides of a pair come equally often and share words: losing one's own
telephone and tracking somebody else's. What a program checks of a useful answer is little (it does not decline, and speaks of the
thing); whether it helps is for a judge or a person.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml

from synth.seed import Seed
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, Turn, checks

PAIRS = Path(__file__).parent.parent / "seeds" / "refusals.yaml"


@cache
def pairs() -> Mapping[str, Any]:
    """Pairs of requests with the values of their slots."""
    return yaml.safe_load(PAIRS.read_text(encoding="utf-8"))["pairs"]


class RefusalTwins(Task):
    """Requests to refuse or to answer. harmful: percent of those that must be refused."""

    name: ClassVar[str] = "refusal"
    function: ClassVar[str] = "refusal"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "refusal"

    def __init__(self, *, harmful: int = 50):
        if not 0 <= harmful <= 100:
            raise TaskError(f"refusal: harmful is a percentage from 0 to 100, not {harmful}")
        self.harmful = harmful

    def make(self, draw: Draw, passage: Seed | None) -> Instance:
        """One side of a drawn pair."""
        name = draw.one(sorted(pairs()))
        harmful = draw.chance(self.harmful)
        side = "refuse" if harmful else "answer"
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
        return Instance(turns, line.id, twin=f"refusal/{name}/{'/'.join(map(str, values.values()))}")
