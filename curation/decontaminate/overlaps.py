"""What of which items a text holds: of each part the share of its characters that stand in the text, in n-grams of it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from curation.decontaminate.item_index import ItemIndex, Saying
from curation.decontaminate.pack import PARTS, Part

BESIDE = 60
"""Characters of the compared form within which an answer stands beside its question."""


@dataclass(frozen=True)
class Overlap:
    """An item that a text holds something of: of each part that is there its share, in (0, 1]; `near` where by near-misses."""

    name: str
    shares: Mapping[Part, float]
    near: bool = False

    @property
    def set(self) -> str:
        """The item's set."""
        return self.name.partition(":")[0]

    def __str__(self) -> str:
        """As columns and details say it.

        >>> str(Overlap("jcq:7", {"question": 1.0, "answer": 0.5}))
        'jcq:7 question 1.00 answer 0.50'
        """
        said = " ".join(f"{part} {self.shares[part]:.2f}" for part in PARTS if part in self.shares)
        return f"{self.name} {said}{' near' if self.near else ''}"


def read_overlap(said: str) -> Overlap:
    """An overlap from how it is said. Raises ValueError for anything else.

    >>> read_overlap("jcq:a 7 question 1.00 answer 0.50 near")
    Overlap(name='jcq:a 7', shares={'question': 1.0, 'answer': 0.5}, near=True)
    """
    words = said.split(" ")
    near = words[-1] == "near"
    words = words[: len(words) - near]
    shares: dict[Part, float] = {}
    by_name: dict[str, Part] = {part: part for part in PARTS}
    while len(words) > 2 and words[-2] in by_name:
        shares[by_name[words[-2]]] = float(words[-1])
        words = words[:-2]
    if not shares:
        raise ValueError(f"{said!r} names no part of an item with its share")
    return Overlap(" ".join(words), {p: shares[p] for p in PARTS if p in shares}, near)


def united(found: Iterable[Overlap]) -> list[Overlap]:
    """Overlaps of several texts as those of one: of each item the greatest share of each part."""
    shares: dict[tuple[str, bool], dict[Part, float]] = {}
    for overlap in found:
        of = shares.setdefault((overlap.name, overlap.near), {})
        for part, share in overlap.shares.items():
            of[part] = max(of.get(part, 0.0), share)
    return [Overlap(name, {p: of[p] for p in PARTS if p in of}, near) for (name, near), of in sorted(shares.items())]


def covered(index: ItemIndex, matches: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, texts and how many characters of the text are covered, from matches (int64 [n, 3]: row, text, place), in order."""
    if not len(matches):
        return matches[:, 0], matches[:, 1], matches[:, 2]
    matches = matches[np.lexsort((matches[:, 2], matches[:, 1], matches[:, 0]))]
    row, text, place = matches.T
    sizes = np.diff(index.pool[1])
    width = np.minimum(index.width, sizes[text])
    last = np.r_[(row[1:] != row[:-1]) | (text[1:] != text[:-1]), True]
    step = np.r_[place[1:] - place[:-1], 0]
    chars = np.where(last, width, np.minimum(step, width))
    ends = np.flatnonzero(last)
    total = np.cumsum(chars)[ends]
    return row[ends], text[ends], np.diff(np.r_[0, total])


def overlaps(
    index: ItemIndex, texts: Mapping[int, int], least: Callable[[str], float], form: Callable[[], str]
) -> list[Overlap]:
    """Items that a row holds, by name, from the characters covered of each text.

    least: share of a part from which on an item of a set is told at all. form: the row's compared form, asked for where an item's
    text is too short to be sought by itself: beside another part of its item that is there, it counts.
    """
    shares: dict[int, dict[Part, float]] = {}
    answered: dict[int, list[Saying]] = {}
    for number in sorted({s for text in texts for s in index.sayings_of[text]}):
        saying = index.sayings[number]
        of = shares.setdefault(saying.item, {})
        if saying.answered:
            answered.setdefault(saying.item, []).append(saying)
            continue
        share = sum(texts.get(t, 0) for t in saying.texts) / saying.chars
        of[saying.part] = max(of.get(saying.part, 0.0), share)
    found: list[Overlap] = []
    for item, of in shares.items():
        bound = least(index.items[item].set)
        there: dict[Part, float] = {part: share for part, share in of.items() if share >= bound}
        if any(there or _answer_beside(index, saying, form()) for saying in answered.get(item, ())):
            there["question"] = 1.0
        if there:
            there |= dict.fromkeys(_beside(index, item, there, form), 1.0)
            found.append(Overlap(index.items[item].name, {p: round(there[p], 4) for p in PARTS if p in there}))
    return sorted(found, key=lambda o: o.name)


def _answer_beside(index: ItemIndex, question: Saying, form: str) -> bool:
    """Whether an answer of the item stands whole within `BESIDE` characters before or behind its question."""
    asked = index.texts[question.texts[0]]
    answers = [
        (*(index.texts[t] for t in saying.texts), *saying.short)
        for saying in _sayings(index, question.item)
        if saying.part == "answer"
    ]
    at = form.find(asked)
    while at >= 0:
        end = at + len(asked)
        around = form[max(0, at - BESIDE) : at] + "\n" + form[end : end + BESIDE]
        if any(answer and all(text in around for text in answer) for answer in answers):
            return True
        at = form.find(asked, end)
    return False


def _beside(index: ItemIndex, item: int, there: Mapping[Part, float], form: Callable[[], str]) -> Iterable[Part]:
    """Parts of an item that are too short to be sought and stand in the text, beside a part that was found."""
    for saying in _sayings(index, item):
        if saying.part not in there and not saying.texts and saying.short and all(s in form() for s in saying.short):
            yield saying.part


def _sayings(index: ItemIndex, item: int) -> Iterable[Saying]:
    first = index.first_saying[item]
    for saying in index.sayings[first:]:
        if saying.item != item:
            return
        yield saying
