"""Lists: how many items, numbered how, in which order."""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import ClassVar, Literal

from pydantic import Field

from synth.verify.answer import Answer, bare, hiragana
from synth.verify.bounds import Bounded
from synth.verify.constraint import Constraint
from synth.verify.numerals import kanji_number, number
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, abstained, decided, failed, passed

_BULLET = re.compile(r"^([ \t\u3000]*)([・●○■□◆◇▪•‣＊]|[*+](?=[ \t])|[\-–−‐](?![\-–\d]))[ \t\u3000]*(\S.*)$", re.M)
_EMPTY_ITEM = re.compile(r"^[ \t\u3000]*[・●○■□◆◇▪•‣][ \t\u3000]*$", re.M)
_NUMBERED = re.compile(
    r"^([ \t\u3000]*)(?:\*\*)?(?:[(（]?([0-9０-９]{1,3}|[一二三四五六七八九十]{1,3})(?:[.．](?![0-9])|[)）、])|([①-⑳]))"
    r"[ \t\u3000]*(\S.*)$",
    re.M,
)


def bullets(text: str, marks: str | None = None) -> tuple[list[str], list[str]]:
    """Items of a bulleted list: of the outermost level, and of all levels. Any usual mark, or only `marks`.

    >>> bullets("・一\\n・二\\n  - 二の一\\n**強調**")
    (['一', '二'], ['一', '二', '二の一'])
    """
    found = [(len(m[1].expandtabs(4)), m[3]) for m in _BULLET.finditer(text) if marks is None or m[2] in marks]
    outer = min((depth for depth, _ in found), default=0)
    return [item for depth, item in found if depth == outer], [item for _, item in found]


def numbered(text: str) -> tuple[list[int | None], list[str]]:
    """Numbers and items of the outermost level of a numbered list (1. ２． (3) ④ 五、).

    >>> numbered("1. 研ぐ\\n2. 炊く\\n   1. 火\\n円周率は\\n3.14")
    ([1, 2], ['研ぐ', '炊く'])
    """
    found = list(_NUMBERED.finditer(text))
    outer = min((len(m[1].expandtabs(4)) for m in found), default=0)
    level = [m for m in found if len(m[1].expandtabs(4)) == outer]
    return [ord(m[3]) - 0x245F if m[3] else kanji_number(m[2]) for m in level], [m[4] for m in level]


def filled(verdict: Verdict, found: Sequence[str], answer: Answer) -> Verdict:
    """A verdict on how many there are, where it passes: `fail` if all say the same, `abstain` if one comes again or says nothing."""
    if (
        verdict.outcome != "pass" or not found or len(answer.lines) >= 2 * len(found)
    ):  # items that head texts may be alike
        return verdict
    said = [bare(item) for item in found]
    different = len(set(said))
    if different == 1 and len(said) > 1:
        return failed(Evidence("different items", 1, len(said)), score=0.5)
    if different < len(said) or "" in said:
        return abstained(Evidence("different items", different - ("" in said), len(said)))
    return verdict


def items(answer: Answer) -> list[str]:
    """Items of the answer's list: bulleted, else numbered, else its lines."""
    text = answer.prose
    return bullets(text)[0] or numbered(text)[1] or [line.strip() for line in answer.lines]


class BulletCount(Bounded):
    """箇条書き: how many items, with any usual mark unless the wording names it. Nested items and lists are counted both ways.

    Items that all say the same fail; one that stands twice, or says nothing, abstains.
    """

    kind: ClassVar[str] = "bullet_count"
    version: ClassVar[int] = 3
    marks: str | None = None

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        outer, everything = bullets(answer.prose, self.marks)
        if empty := _EMPTY_ITEM.search(answer.prose) if everything else None:
            return abstained(Evidence("an item", "empty", "text", empty.start(), empty.end()))
        if not everything:
            numbers, found = numbered(answer.prose)
            if self.marks is None and numbers:  # 箇条書き is also said of numbered lists
                return filled(self.counted("items", len(numbers), 0), found, answer)
            return failed(Evidence("items", 0, self.wanted))
        return filled(self.counted("items", len(outer), len(everything)), outer, answer)


class NumberedCount(Bounded):
    """番号付きリスト: how many items; their numbers run 1, 2, 3 … without a gap; 1, 1, 1, which Markdown counts itself, abstains.

    Items that all say the same fail; one that stands twice, or says nothing, abstains.
    """

    kind: ClassVar[str] = "numbered_count"
    version: ClassVar[int] = 3

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        numbers, found = numbered(answer.prose)
        if numbers and numbers != list(range(1, len(numbers) + 1)):
            one = [1] * len(numbers)  # Markdown numbers such a list itself
            said = Evidence("numbers", ", ".join(map(str, numbers)), "1, 2, 3 …")
            return abstained(said) if numbers == one and self.within(len(numbers)) else failed(said, score=0.5)
        return filled(self.counted("numbered items", len(numbers)), found, answer)


class ItemLength(Bounded):
    """Every item of the list has this many characters, its mark not counted."""

    kind: ClassVar[str] = "item_length"

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        found = bullets(answer.prose)[0] or numbered(answer.prose)[1]
        if not found:
            return failed(Evidence("items", 0, "at least 1"))
        wrong = [item for item in found if not self.within(len(item.strip()))]
        near = [item for item in found if not self.within(len(item.strip().rstrip("。")))]
        places = [Evidence("item of characters", len(item), self.wanted) for item in (wrong or near)[:5]]
        return decided([not wrong, not near], *places, score=0.99 * (1 - len(wrong) / len(found)))


class ItemStart(Constraint):
    """Every item of the list begins with one of these (a verb in 「～する」 form is `item_end`)."""

    kind: ClassVar[str] = "item_start"
    starts: tuple[str, ...] = Field(min_length=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        return _each_item(answer, lambda item: item.lstrip("*「 ").startswith(self.starts), " / ".join(self.starts))


class ItemEnd(Constraint):
    """Every item of the list ends with one of these, 。 aside."""

    kind: ClassVar[str] = "item_end"
    ends: tuple[str, ...] = Field(min_length=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        return _each_item(answer, lambda item: item.rstrip("。．*」 ").endswith(self.ends), " / ".join(self.ends))


def _each_item(answer: Answer, holds: Callable[[str], bool], wanted: str) -> Verdict:
    found = bullets(answer.prose)[0] or numbered(answer.prose)[1]
    if not found:
        return failed(Evidence("items", 0, "at least 1"))
    wrong = [item for item in found if not holds(item.strip())]
    return (
        failed(*(Evidence("item", item[:30], wanted) for item in wrong[:5]), score=0.99 * (1 - len(wrong) / len(found)))
        if wrong
        else passed()
    )


class SortedItems(Constraint):
    """Items (or lines) in order: `number` by the first number in each, `kana` in 五十音順 where all begin in kana.

    五十音順 of words that begin in kanji needs their reading, which the answer does not give: abstain.
    """

    kind: ClassVar[str] = "sorted_items"
    by: Literal["number", "kana"] = "number"
    descending: bool = False

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        found = items(answer)
        if len(found) < 2:
            return failed(Evidence("items", len(found), "at least 2"))
        keys = [self._key(item) for item in found]
        if None in keys:
            return abstained(Evidence("item without a key", found[keys.index(None)][:30], self.by))
        for i, (a, b) in enumerate(pairwise(keys), 2):
            if (a < b) if self.descending else (b < a):  # type: ignore[operator]
                return failed(
                    Evidence(f"item {i}", found[i - 1][:30], "descending" if self.descending else "ascending")
                )
        return passed(Evidence("items", len(found)))

    def _key(self, item: str) -> Fraction | str | None:
        if self.by == "number":
            match = re.search(r"\d[\d,]*(?:\.\d+)?[万億兆]?", item.translate(_HALF))
            return None if match is None else number(match[0])
        head = re.match(r"[ぁ-ゖー]+", hiragana(item.lstrip("「『* ")))
        return None if head is None else gojuon(head[0])


def gojuon(kana: str) -> str:
    """What words are compared by in 五十音順: without 濁点 and ー, small kana as large ones.

    >>> sorted(["びわ", "ぴあの", "ぎたー"], key=gojuon)
    ['ぎたー', 'ぴあの', 'びわ']
    """
    return hiragana(kana).translate(_PLAIN_KANA)


_HALF = str.maketrans("０１２３４５６７８９，．", "0123456789,.")
_PLAIN_KANA = str.maketrans(
    "がぎぐげござじずぜぞだぢづでどばびぶべぼぱぴぷぺぽぁぃぅぇぉっゃゅょゎゔ",
    "かきくけこさしすせそたちつてとはひふへほはひふへほあいうえおつやゆよわう",
    "ー",
)
