"""Magpie: the model writes the user's turn itself, and then answers it (Xu+24, arXiv 2406.08464).

A system message with a persona and a topic says who asks about what; where a user would speak, the model goes on. What it writes
there must be one whole request in Japanese before it is answered, and the answer is held to what a program can see. Whether it is
right, no program knows: rows of this task want a judge or a person before they are trusted. No program answers them.
"""

from typing import ClassVar

from synth.personas import persona
from synth.seed import Seed
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, Turn, checks
from synth.topics import topics

PERSONAS = 1_000_000


class Magpie(Task):
    """Questions and answers that a model makes up.

    turns: how often the user speaks, from 1 to 3. asked: most characters of a user's turn.
    """

    name: ClassVar[str] = "magpie"
    function: ClassVar[str] = "dialogue"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "magpie"

    def __init__(self, *, turns: int = 1, asked: int = 300):
        if not 1 <= turns <= 3:
            raise TaskError(f"magpie: turns is from 1 to 3, not {turns}")
        if asked < 40:
            raise TaskError(f"magpie: asked must be ≥ 40 characters, not {asked}")
        self.turns, self.asked = turns, asked

    def make(self, draw: Draw, passage: Seed | None) -> Instance:
        """An open turn of the user and an open answer, as often as the recipe says."""
        who, topic = persona(draw.integer(0, PERSONAS - 1)), draw.one(sorted(topics()))
        line = draw.line("system")
        system = line.fill(persona=who.text(), topic=topic.rpartition("/")[2])
        user = checks(
            {"kind": "response_language", "language": "ja"},
            {"kind": "char_count", "min": 8, "max": self.asked},
            {"kind": "no_prompt_leak"},
            {"kind": "no_chinese"},
            {"kind": "no_stock_phrase"},
            {"kind": "no_repetition"},
            {"kind": "not_truncated"},
        )
        answer = checks(
            {"kind": "response_language", "language": "ja"},
            {"kind": "style_unity"},
            {"kind": "char_count", "min": 20, "max": 2000},
            {"kind": "no_self_identification"},
            {"kind": "no_chinese"},
        )
        turns = [Turn("system", system)]
        for _ in range(self.turns):
            turns += [Turn("user", checks=user, max_tokens=160), Turn("assistant", checks=answer)]
        empty = {"licence": None, "rights_basis": None, "host": None, "digest": None, "use": "topic"}
        grown = {"persona": who.id, "topic": topic}
        seeds = tuple({"kind": kind, "id": ident} | empty for kind, ident in grown.items() if kind in line.slots)
        return Instance(tuple(turns), line.id, seeds=seeds)
