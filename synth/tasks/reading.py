"""Reading comprehension over one or two made-up notices, with quotations, and unanswerable twins.

A twin is the same question about the same text without the sentence that answers it: 「分かりません」 is expected, and an answer that
gives the removed value all the same fails. A fact is removed only where its value is nowhere else in the text, in any form
(`notices.remains`). Both twins have one name, so that novelty does not take one for a copy of the other.
"""

from typing import ClassVar

from synth.seed import Seed
from synth.tasks import notices
from synth.tasks.draw import Draw
from synth.tasks.notices import Fact, Notice
from synth.tasks.task import Instance, Task, TaskError, Turn, checks
from synth.wordings import wordings


class Reading(Task):
    """Questions about notices.

    unanswerable: percent of questions that have a twin without an answer. two, quoted: percent of those about two texts, and of those
    that ask for the sentence that shows the answer.
    """

    name: ClassVar[str] = "reading"
    function: ClassVar[str] = "reading"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "reading"
    members: ClassVar[int] = 2

    def __init__(self, *, unanswerable: int = 50, two: int = 30, quoted: int = 40):
        for name, value in (("unanswerable", unanswerable), ("two", two), ("quoted", quoted)):
            if not 0 <= value <= 100:
                raise TaskError(f"reading: {name} is a percentage from 0 to 100, not {value}")
        self.unanswerable, self.two, self.quoted = unanswerable, two, quoted

    def make(self, draw: Draw, passage: Seed | None) -> Instance | None:
        """A question about a fact of a notice; the other notice, where there is one, is of the same kind and about something else.

        The second member is the same without its answer; None where the recipe wants none, or the value is elsewhere too.
        """
        notice = notices.notice(draw)
        fact = draw.one(notice.facts)
        others = [notices.notice(draw, notice.kind, (notice.subject,))] if draw.chance(self.two) else []
        question = notices.ask(draw, notice, fact.name)
        hidden, left = draw.member == 1, [notice.without(fact.name), *others]
        if not draw.chance(self.unanswerable) and hidden:
            return None
        if hidden and any(notices.remains(n.text, fact) for n in left):
            return None
        texts = draw.shuffled(left if hidden else [notice, *others])
        quoted = draw.chance(self.quoted)
        rules = [draw.say("unknown")] + ([draw.say("ground")] if quoted else [])
        line = draw.line("ask")
        prompt = line.fill(texts=_joined(draw, texts), question=question, rules="".join(rules))
        turn = _unanswerable(draw, notice, fact) if hidden else _answerable(draw, notice, fact, texts, quoted)
        twin = f"{notice.text}/{question}/{line.id}"
        return Instance((Turn("user", prompt), turn), line.id, twin=twin)


def _joined(draw: Draw, texts: list[Notice]) -> str:
    if len(texts) == 1:
        return texts[0].text
    label = draw.line("label")
    return "\n\n".join(label.fill(n=i, text=notice.text) for i, notice in enumerate(texts, 1))


def _answerable(draw: Draw, notice: Notice, fact: Fact, texts: list[Notice], quoted: bool) -> Turn:
    answer = notices.reply(draw, notice, fact.name)
    if quoted:
        answer = draw.say("quoted", answer=answer, sentence=fact.sentence)
    numbers = {"kind": "grounded_numbers", "passages": [n.text for n in texts], "least": 0}
    spec = checks(
        {"kind": "keyword_include", "keywords": list(fact.said), "least": 1},
        {"kind": "abstention", "expect": "answer"},
        numbers,
        {"kind": "grounded_quotes", "passages": [fact.sentence], "shortest": 6} if quoted else None,
        {"kind": "keitai", "style": "keitai"} if not quoted else None,
        {"kind": "char_count", "max": 200},
    )
    return Turn("assistant", checks=spec, answer=answer)


def _unanswerable(draw: Draw, notice: Notice, fact: Fact) -> Turn:
    what = wordings("extraction").of(f"{notice.kind}_{fact.name}")[0]
    draw.lines.append(what)
    spec = checks(
        {"kind": "abstention", "expect": "unknown", "leaks": list(fact.said)},
        {"kind": "keitai", "style": "keitai"},
        {"kind": "char_count", "max": 120},
    )
    return Turn("assistant", checks=spec, answer=draw.say("nowhere", what=what.text))
