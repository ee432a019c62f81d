"""Loops: a model that says the same again and again.

The patterns that find a loop are slow on running text, so what every loop has is looked for first (`_come_thrice`).
"""

import re
from collections import Counter
from collections.abc import Iterator
from typing import ClassVar

from pydantic import Field

from synth.verify.answer import Answer
from synth.verify.constraint import Constraint
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, failed, passed

_SHORT_LOOP = re.compile(r"(.{2,7}?)\1{3,}", re.S)
_LOOP = re.compile(r"(.{8,120}?)\1{3,}", re.S)
_RUN = re.compile(r"(.)\1{19,}", re.S)
_MARKS = re.compile(r"\W+")


class NoRepetition(Constraint):
    """No loop: nothing four times running over 20 characters or more (marks aside), no sentence of ≥ 10 characters thrice."""

    kind: ClassVar[str] = "no_repetition"
    version: ClassVar[int] = 2
    sentence_times: int = Field(3, ge=2)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = answer.prose
        for m in _candidates(text):
            if sum(c.isalnum() for c in m[1]) * 2 >= len(m[1]) or len(m[1]) == 1:
                if len(m[1]) > 1 and len(m[0]) < 24 and len(set(m[1])) <= 2:
                    continue  # ドキドキドキドキドキドキ
                if re.fullmatch(r"[\s\-=*_~・.…―─ー|+#]+", m[0]):
                    continue
                return failed(Evidence("repeated", m[1][:40], f"{len(m[0]) // len(m[1])} times", m.start(), m.end()))
        if self.sentence_times >= 3 and not _come_thrice(_MARKS.sub("", text)):
            return passed()
        seen: dict[str, int] = {}
        for s in answer.sentences:
            key = _MARKS.sub("", s.text)
            if len(key) >= 10:
                seen[key] = seen.get(key, 0) + 1
                if seen[key] >= self.sentence_times:
                    return failed(Evidence("sentence repeated", s.text[:40], f"{seen[key]} times", s.start, s.end))
        return passed()


_EVEN: list[slice] = []


def _even_nines(text: str) -> list[str]:
    """Nine characters from every even place of a text."""
    count = max(len(text) - 7, 0) // 2
    if count > len(_EVEN):
        _EVEN[:] = [slice(i, i + 9) for i in range(0, 2 * count, 2)]
    return list(map(text.__getitem__, _EVEN[:count]))


def _come_thrice(text: str) -> bool:
    """False where no nine characters from an even place stand at another even place and three times in all: then surely

    nothing is a loop: one of period p is max(20, 4p) characters or more, its first nine from an even place come back after p and 2p;
    no ten characters stand there thrice apart: two of three are an even number of characters from each other.
    """
    even = _even_nines(text)
    if len(set(even)) == len(even):
        return False
    again = (text.find(nine, text.find(nine) + 1) for nine, times in Counter(even).items() if times > 1)
    return any(text.find(text[at : at + 9], at + 1) >= 0 for at in again)


def _candidates(text: str) -> Iterator[re.Match[str]]:
    """Loops of at least 20 characters, looked for only where stretches of eight come back: the patterns are slow on running text."""
    if not _come_thrice(text):
        return
    # 20 characters of period p ≤ 7 have at least 6 such stretches too many, four times a period of p ≥ 8 has 17
    back = len(text) - 7 - len({text[i : i + 8] for i in range(len(text) - 7)})
    if back < 6:
        return
    yield from (m for m in _RUN.finditer(text))
    yield from (m for m in _SHORT_LOOP.finditer(text) if len(m[0]) >= 20)
    if back < 17:
        return
    seen: dict[str, int] = {}
    for i in range(len(text) - 7):
        gram = text[i : i + 8]
        before = seen.get(gram, -200)
        if i - before <= 120 and (m := _LOOP.match(text, before, min(len(text), i + 600))):
            yield m
            return
        seen[gram] = i
