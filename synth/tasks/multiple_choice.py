"""Multiple choice: a question about a notice with four answers, one of them right, answered by its label alone.

The wrong answers are values of the same kind that the notice does not state. A model's answer is held to one of the labels while it
is drawn, so that a weak model answers too; only the right one passes, and how often it does says whether the model reads.
"""

from typing import ClassVar

from synth.engine.request import Structure
from synth.seed import Seed
from synth.tasks import notices
from synth.tasks.draw import Draw
from synth.tasks.notices import Fact
from synth.tasks.task import Instance, Task, TaskError, Turn, checks

LABELS = ("ア", "イ", "ウ", "エ")


class MultipleChoice(Task):
    """Questions about notices with the answers ア to エ. facts: how many a notice states at most; all of them when not given."""

    name: ClassVar[str] = "multiple_choice"
    function: ClassVar[str] = "multiple_choice"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "multiple_choice"

    def __init__(self, *, facts: int | None = None):
        if facts is not None and facts < 1:
            raise TaskError(f"multiple_choice: facts must be ≥ 1, not {facts}")
        self.facts = facts

    def make(self, draw: Draw, passage: Seed | None) -> Instance | None:
        """A question about a fact; None where its kind has too few other values."""
        notice = notices.notice(draw)
        fact = draw.one(notice.facts)
        if self.facts is not None and len(notice.facts) > self.facts:
            others = draw.some([f.name for f in notice.facts if f is not fact], len(notice.facts) - self.facts)
            for name in others:
                notice = notice.without(name)
        wrong = _others(draw, notice.kind, notice.subject, fact, notice.text)
        if len(wrong) < len(LABELS) - 1:
            return None
        texts = draw.shuffled([fact.text, *wrong])
        right = LABELS[texts.index(fact.text)]
        choice = draw.line("choice")
        choices = "\n".join(choice.fill(label=label, text=text) for label, text in zip(LABELS, texts, strict=True))
        line = draw.line("ask")
        prompt = line.fill(notice=notice.text, question=notices.ask(draw, notice, fact.name), choices=choices)
        spec = checks(
            {"kind": "answer_choice", "choices": list(LABELS)}, {"kind": "keyword_include", "keywords": [right]}
        )
        turn = Turn("assistant", checks=spec, answer=right, structure=Structure.choice(LABELS), max_tokens=8)
        return Instance((Turn("user", prompt), turn), line.id)


def _others(draw: Draw, kind: str, subject: str, fact: Fact, text: str) -> list[str]:
    """Three other values of a fact, none of which stands in the notice."""
    found: list[str] = []
    for _ in range(12):
        other = notices.value(draw, kind, fact.name, subject)
        if other != fact.text and other not in found and other not in text:
            found.append(other)
        if len(found) == len(LABELS) - 1:
            break
    return found
