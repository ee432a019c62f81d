"""短歌, 俳句, 川柳: 5-7-5(-7-7) counted over a よみ line that is checked against the poem.

The poem stands on lines of its own (or in one line with spaces or ／ between), then よみ: and its reading in kana, divided
likewise. The morae of the reading are counted exactly; whether it is a reading of the poem is asked of the dictionary. Each line
gives (`readings.fit`)

    pass     the reading is allowed: by segmentation A, B or C, inflection included
    abstain  it is only possible: another segmentation, an unknown word, 連濁, old spelling
    fail     no segmentation gives it: a reading bent to the count

Without a よみ line the verdict abstains unless all readings that are allowed have the right counts.
"""

import re
from typing import ClassVar, Literal

from pydantic import Field

from synth.verify.answer import Answer
from synth.verify.constraint import Constraint
from synth.verify.mora import morae
from synth.verify.prompt import Prompt
from synth.verify.readings import Fit, fit, is_kana, letters, mora_counts
from synth.verify.verdict import Evidence, Verdict, abstained, failed, passed

FORMS: dict[str, tuple[int, ...]] = {"haiku": (5, 7, 5), "senryu": (5, 7, 5), "tanka": (5, 7, 5, 7, 7)}
"""Morae of each line."""

_YOMI = re.compile(
    r"^[\s（(【\[*]*(?:よみ(?:がな|かた)?|読み(?:仮名|がな|方)?|ふりがな)[\s*]*(?:[】\]][:：]?|[:：]|$)[*\s]*", re.M
)
_DIVIDED = re.compile(r"[\n／/|｜、。，,\s\u3000・]+")
_HEAD = re.compile(r"^[\s\-・>*#「『]*(?:(?:俳句|短歌|川柳|句|歌|作品|本文)\s*[:：]\s*)?", re.M)


def parts_of(answer: str) -> tuple[list[str], list[str]]:
    """Lines of the poem, and of its reading; the second list is empty where there is no よみ line.

    >>> parts_of("古池や　蛙飛びこむ　水の音\\nよみ：ふるいけや　かわずとびこむ　みずのおと")
    (['古池や', '蛙飛びこむ', '水の音'], ['ふるいけや', 'かわずとびこむ', 'みずのおと'])
    """
    head = _YOMI.search(answer)
    poem, reading = (answer, "") if head is None else (answer[: head.start()], answer[head.end() :])
    reading = reading.strip().split("\n\n")[0]
    poem = next((p for p in reversed(poem.strip().split("\n\n")) if letters(p)), "")
    return _lines(poem), _lines(re.sub(r"[（）()【】\[\]]", "", reading))


def _lines(text: str) -> list[str]:
    return [part for part in (letters(p) for p in _DIVIDED.split(_HEAD.sub("", text))) if part]


class Poem(Constraint):
    """A poem in this form. jiamari: how many morae a line may have too many (字余り) or too few (字足らず); 0 allows none.

    word: must stand in the poem (not only in its reading). yomi_required: the wording asked for a よみ line, so that an answer
    without one fails.
    """

    kind: ClassVar[str] = "poem"
    morphemes: ClassVar[bool] = True
    form: Literal["haiku", "senryu", "tanka"]
    jiamari: int = Field(0, ge=0, le=2)
    word: str = ""
    yomi_required: bool = False

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        wanted = FORMS[self.form]
        poem, reading = parts_of(answer.stripped)
        if self.word and letters(self.word) not in "".join(poem):
            return failed(Evidence("word", "missing", self.word))
        if not reading:
            if self.yomi_required:
                return failed(Evidence("よみ line", "none", "よみ："), score=0.3)
            return self._unread(poem, wanted)
        if len(reading) != len(wanted):
            return failed(Evidence("lines of the reading", len(reading), len(wanted)))
        if not all(map(is_kana, reading)):
            other = next(line for line in reading if not is_kana(line))
            return failed(Evidence("reading", other, "kana"), score=0.3)
        counts = [morae(line) for line in reading]
        off = [
            Evidence(f"line {i} of morae", n, w)
            for i, (n, w) in enumerate(zip(counts, wanted, strict=True), 1)
            if abs(n - w) > self.jiamari
        ]
        if off:
            return failed(*off, score=0.99 * (1 - len(off) / len(wanted)))
        return self._read(poem, reading, tuple(Evidence("morae", n, w) for n, w in zip(counts, wanted, strict=True)))

    def _read(self, poem: list[str], reading: list[str], seen: tuple[Evidence, ...]) -> Verdict:
        # a poem divided otherwise than its reading (in one line, or in two 句) is compared as a whole
        pairs = (
            list(zip(poem, reading, strict=True)) if len(poem) == len(reading) else [("".join(poem), "".join(reading))]
        )
        fits = [(line, kana, fit(line, kana)) for line, kana in pairs]
        bent = [Evidence("no reading of the line", kana, line) for line, kana, f in fits if f is Fit.IMPOSSIBLE]
        if bent:
            return failed(*bent, *seen, score=0.3)
        rare = [Evidence("reading not certain", kana, line) for line, kana, f in fits if f is Fit.POSSIBLE]
        return abstained(*rare, *seen) if rare else passed(*seen)

    def _unread(self, poem: list[str], wanted: tuple[int, ...]) -> Verdict:
        if len(poem) != len(wanted):
            return abstained(Evidence("lines", len(poem), len(wanted)), Evidence("よみ line", "none"))
        counts = [mora_counts(line) for line in poem]
        allowed = [set(range(w - self.jiamari, w + self.jiamari + 1)) for w in wanted]
        seen = tuple(
            Evidence(f"line {i} of morae", "unknown" if c is None else "/".join(map(str, sorted(c))), w)
            for i, (c, w) in enumerate(zip(counts, wanted, strict=True), 1)
        )
        if any(c is not None and not c & a for c, a in zip(counts, allowed, strict=True)):
            return failed(*seen)
        certain = all(c is not None and c <= a for c, a in zip(counts, allowed, strict=True))
        return passed(*seen) if certain else abstained(*seen)
