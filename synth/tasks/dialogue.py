"""Dialogues of several turns about one notice: facts that it has, one that it lacks, and one that was asked before.

Every answer is judged by itself, so that a trainer learns from each turn that is right. A program answers all of them; a model is
asked turn by turn, with what it said before in front of it, and its dialogue ends with the first wrong answer.
"""

from typing import ClassVar

from synth.seed import Seed
from synth.tasks import notices
from synth.tasks.draw import Draw
from synth.tasks.notices import Fact, Notice
from synth.tasks.task import Instance, Task, TaskError, Turn, checks
from synth.wordings import wordings


class Dialogue(Task):
    """Dialogues. turns: answers from least to most, between 2 and 5. system: percent of dialogues with a system message."""

    name: ClassVar[str] = "dialogue"
    function: ClassVar[str] = "dialogue"
    version: ClassVar[str] = "2"
    group: ClassVar[str] = "dialogue"

    def __init__(self, *, turns: tuple[int, int] = (2, 4), system: int = 50):
        if not 2 <= turns[0] <= turns[1] <= 5:
            raise TaskError(f"dialogue: turns is two rising numbers from 2 to 5, not {list(turns)}")
        if not 0 <= system <= 100:
            raise TaskError(f"dialogue: system is a percentage from 0 to 100, not {system}")
        self.turns, self.system = turns, system

    def make(self, draw: Draw, passage: Seed | None) -> Instance:
        """A dialogue about a notice with a fact taken out, if its value is nowhere else."""
        whole = notices.notice(draw)
        count = min(draw.integer(*self.turns), len(whole.facts))
        asked = draw.some(whole.facts, count)
        gone = draw.one(asked[1:])
        left = whole.without(gone.name)
        shown, missing = (left, gone) if draw.chance(60) and not notices.remains(left.text, gone) else (whole, None)
        system = draw.say("system") if draw.chance(self.system) else None
        line = draw.line("open")
        turns = [Turn("system", system)] if system else []
        first = line.fill(notice=shown.text, question=notices.ask(draw, whole, asked[0].name))
        turns += [Turn("user", first), _answer(draw, whole, asked[0], missing)]
        going_on = draw.shuffled(draw.words.of("next", draw.split))  # nobody says なるほど。 three times
        for i, fact in enumerate(asked[1:]):
            said = going_on[i % len(going_on)]
            draw.lines.append(said)
            turns += [
                Turn("user", said.fill(what=_what(draw, whole, fact))),
                _answer(draw, whole, fact, missing),
            ]
        if draw.chance(30):
            what = _what(draw, whole, asked[0])
            turns += [Turn("user", draw.say("again", what=what)), _answer(draw, whole, asked[0], missing)]
        return Instance(tuple(turns), line.id)


def _what(draw: Draw, notice: Notice, fact: Fact) -> str:
    line = wordings("extraction").of(f"{notice.kind}_{fact.name}")[0]
    draw.lines.append(line)
    return line.text


def _answer(draw: Draw, notice: Notice, fact: Fact, missing: Fact | None) -> Turn:
    """An open turn for a fact: its value, or that it cannot be known."""
    values = fact.said
    if fact is missing:
        spec = checks(
            {"kind": "abstention", "expect": "unknown", "leaks": list(values)},
            {"kind": "keitai", "style": "keitai"},
            {"kind": "char_count", "max": 120},
        )
        return Turn("assistant", checks=spec, answer=draw.say("nowhere", what=_what(draw, notice, fact)))
    spec = checks(
        {"kind": "keyword_include", "keywords": list(values), "least": 1},
        {"kind": "abstention", "expect": "answer"},
        {"kind": "keitai", "style": "keitai"},
        {"kind": "char_count", "max": 120},
    )
    return Turn("assistant", checks=spec, answer=notices.reply(draw, notice, fact.name))
