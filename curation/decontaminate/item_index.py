"""All items of all sets as tables: which texts there are, and every n-gram of `width` characters of them with its places.

A text is a distinct compared form without marks at its end; many items may say it (a passage of JSQuAD belongs to four questions).
One that is shorter than `width` is looked for whole, by the hash of its first characters; one that is shorter than `shortest` is not
looked for by itself, since everything would hold it. It is counted, and asked for where another part of its item was found; a
question of at least `with_answer` characters that ends in ？ also where it stands with that mark and its answer beside it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from curation.decontaminate.benchmark_file import Item
from curation.decontaminate.compared_form import compared_form
from curation.decontaminate.gram_table import GramTable, gram_table
from curation.decontaminate.pack import PARTS, Part

LEAST_WIDTH = 5
"""Narrower n-grams, and shorter texts, say nothing."""
_END_MARKS = ".,!?"
"""Left out at the end of a text: a question is the same with ？ as with 。 behind it."""


@dataclass(frozen=True)
class Saying:
    """One way to say a part of an item: the texts that belong together and are looked for, and those that are too short for it."""

    item: int
    part: Part
    texts: tuple[int, ...]
    chars: int
    """Characters of `texts`."""
    short: tuple[str, ...]
    answered: bool = False
    """Whether it is a question so short that it counts only with its answer beside it."""


@dataclass
class Looked:
    """What of a set is looked for: its items, those of which some text is looked for, texts by part, and texts that are too short.

    answered: questions that are looked for with their answers only.
    """

    items: int = 0
    sought: int = 0
    texts: Counter[Part] = field(default_factory=Counter[Part])
    skipped: Counter[Part] = field(default_factory=Counter[Part])
    answered: int = 0

    def as_dict(self) -> dict[str, object]:
        """As manifests say it."""
        sought: dict[str, object] = {"items": self.items, "sought": self.sought, "with_answer": self.answered}
        return sought | {"texts": dict(self.texts), "skipped": dict(self.skipped)}


class ItemIndex:
    """Items, searchable. width: characters of an n-gram, ≥ 5; shortest: characters of the shortest text that is sought, 5 to width.

    with_answer: those of the shortest question that is sought with its answer beside it, 5 to shortest; none are where not given.
    Raises ValueError for widths out of range.
    """

    def __init__(self, items: Sequence[Item], width: int, shortest: int, with_answer: int | None = None):
        if width < LEAST_WIDTH:
            raise ValueError(f"width: an n-gram has at least {LEAST_WIDTH} characters, not {width}")
        if not LEAST_WIDTH <= shortest <= width:
            raise ValueError(f"shortest: is {LEAST_WIDTH} to width ({width}) characters, not {shortest}")
        if with_answer is not None and not LEAST_WIDTH <= with_answer <= shortest:
            raise ValueError(f"with_answer: is {LEAST_WIDTH} to shortest ({shortest}) characters, not {with_answer}")
        self.items, self.width, self.shortest = list(items), width, shortest
        self.least = shortest if with_answer is None else with_answer
        self.texts: list[str] = []
        self.sayings: list[Saying] = []
        self.sayings_of: list[list[int]] = []
        """Of each text, the sayings that it is part of."""
        self.first_saying: list[int] = []
        """Of each item its first saying; the others follow."""
        self.looked: dict[str, Looked] = {}
        number: dict[str, int] = {}
        for i, item in enumerate(self.items):
            self._add(i, item, number)

    def _add(self, i: int, item: Item, number: dict[str, int]) -> None:
        looked = self.looked.setdefault(item.set, Looked())
        before = len(self.sayings)
        self.first_saying.append(before)
        looked.items += 1
        for part in PARTS:
            for way in item.parts.get(part, ()):
                forms = [compared_form(text).rstrip(_END_MARKS) for text in way]
                answered = part == "question" and self._with_answer(item, way, forms)
                forms = [f"{forms[0]}?"] if answered else forms
                long = [form for form in forms if answered or len(form) >= self.shortest]
                looked.answered += answered
                looked.texts[part] += len(long)
                looked.skipped[part] += len(forms) - len(long)
                texts: list[int] = []
                for form in dict.fromkeys(long):
                    if form not in number:
                        number[form] = len(self.texts)
                        self.texts.append(form)
                        self.sayings_of.append([])
                    texts.append(number[form])
                    self.sayings_of[number[form]].append(len(self.sayings))
                chars = sum(len(self.texts[t]) for t in texts)
                short = () if answered else tuple(form for form in forms if 0 < len(form) < self.shortest)
                self.sayings.append(Saying(i, part, tuple(texts), chars, short, answered))
        looked.sought += any(s.texts for s in self.sayings[before:])

    def _with_answer(self, item: Item, way: Sequence[str], forms: Sequence[str]) -> bool:
        """Whether a way to ask is sought only with its mark and its answer: 日本の首都は東京 is a fact, 日本の首都は？ a question."""
        alone = len(forms) == 1 and self.least <= len(forms[0]) < self.shortest
        return alone and "?" in compared_form(way[0])[len(forms[0]) :] and bool(item.parts.get("answer"))

    @cached_property
    def pool(self) -> tuple[np.ndarray, np.ndarray]:
        """Code points of all texts one after another, uint32, and where each begins, int64 [texts + 1]."""
        points = [np.frombuffer(t.encode("utf-32-le", "surrogatepass"), "<u4") for t in self.texts]
        sizes = np.array([len(p) for p in points], np.int64)
        return (
            np.concatenate([*points, np.zeros(0, np.uint32)]).astype(np.uint32),
            np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)]).astype(np.int64),
        )

    @cached_property
    def tables(self) -> tuple[GramTable, GramTable]:
        """The n-grams of texts of at least `width` characters, and the beginnings of shorter ones."""
        pool, starts = self.pool
        sizes = np.diff(starts)
        long, short = np.flatnonzero(sizes >= self.width), np.flatnonzero(sizes < self.width)
        grams = sizes[long] - self.width + 1
        text = np.repeat(long, grams)
        place = np.arange(grams.sum()) - np.repeat(np.cumsum(grams) - grams, grams)
        return (
            gram_table(pool, starts[text] + place, text, place, self.width),
            gram_table(pool, starts[short], short, np.zeros(len(short), np.int64), self.least),
        )

    @cached_property
    def _places(self) -> Mapping[str, list[tuple[int, int]]]:
        found: dict[str, list[tuple[int, int]]] = {}
        for t, text in enumerate(self.texts):
            for i in range(len(text) - self.width + 1):
                found.setdefault(text[i : i + self.width], []).append((t, i))
        return found

    def matches(self, form: str) -> set[tuple[int, int]]:
        """Every (text, place in it) whose n-gram, or whole when it is shorter, stands in a compared form; the kernel's reference."""
        found: set[tuple[int, int]] = set()
        for i in range(len(form) - self.width + 1):
            found.update(self._places.get(form[i : i + self.width], ()))
        return found | {(t, 0) for t, text in enumerate(self.texts) if len(text) < self.width and text in form}

    def __len__(self) -> int:
        return len(self.items)
