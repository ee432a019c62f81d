"""Evaluation items in released texts, sought again: n-grams in a dictionary, plain Python, from docs/decontamination.md.

What the items are is read by who calls (the files of benchmarks are nobody's shards); how they are sought is written here anew.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from curation.verify.findings import Check
from curation.verify.normal_form import normal_form
from curation.verify.shard_files import Release

_READING = re.compile(
    r"(?<=[\u3400-\u4dbf\u4e00-\u9fff\u3005\U00020000-\U0003ffff])\|*(?:\([\u3041-\u309f\u30a1-\u30ff·]+\)|《[\u3041-\u309f\u30a1-\u30ff·]+》)"
)


@dataclass(frozen=True)
class SoughtItem:
    """An item by its name: each part as alternatives, each of one or several texts; the least shares that reject it, by rule.

    there: the least share of any rule, of those that are only told too: from it on a part is there, for what is too short beside it.
    """

    name: str
    parts: Mapping[str, Sequence[Sequence[str]]]
    reject: Mapping[str, float]
    there: float


@dataclass
class Sought:
    """Items of a `decontaminate` step: width of an n-gram, characters of the shortest text that is sought by itself, and of the
    shortest question that is sought with its mark ？ and its answer at most 60 characters away."""

    width: int
    shortest: int
    items: Sequence[SoughtItem]
    with_answer: int | None = None

    def __post_init__(self) -> None:
        self._grams: defaultdict[str, set[tuple[str, int]]] = defaultdict(set)
        self._short: set[str] = set()
        self._items_of: defaultdict[str, set[int]] = defaultdict(set)
        self._forms: list[dict[str, list[list[str]]]] = []
        for number, item in enumerate(self.items):
            made = {
                part: [[compared(t).rstrip(".,!?") for t in way] for way in ways] for part, ways in item.parts.items()
            }
            self._forms.append(made)
            for form in {f for ways in made.values() for way in ways for f in way if len(f) >= self.shortest}:
                self._items_of[form].add(number)
            for question in self._asked(number):
                self._items_of[question].add(number)
        for form in self._items_of:
            if len(form) < self.width:
                self._short.add(form)
            for at in range(len(form) - self.width + 1):
                self._grams[form[at : at + self.width]].add((form, at))

    def rejecting(self, text: str) -> list[str]:
        """Items that reject a text, with the rule that holds and its share."""
        form = compared(text)
        covered: defaultdict[str, set[int]] = defaultdict(set)
        for at in range(len(form) - self.width + 1):
            for of, place in self._grams.get(form[at : at + self.width], ()):
                covered[of].update(range(place, place + self.width))
        chars = {of: len(places) for of, places in covered.items()} | {s: len(s) for s in self._short if s in form}
        found: list[str] = []
        for number in sorted({n for of in chars for n in self._items_of[of]}):
            item = self.items[number]
            shares = {part: self._share(ways, chars) for part, ways in self._forms[number].items()}
            if any(self._answered(number, question, form) for question in self._asked(number)):
                shares["question"] = 1.0
            for rule, least in item.reject.items():
                if all(self._holds(number, part, shares, least, form) for part in rule.split("+")):
                    found.append(
                        f"{item.name} ({rule} {min(shares[p] for p in rule.split('+')):.2f}, at most {least:g})"
                    )
                    break
        return found

    def _share(self, ways: Sequence[Sequence[str]], chars: Mapping[str, int]) -> float:
        """The best of a part's alternatives."""
        best = 0.0
        for way in ways:
            long = {f for f in way if len(f) >= self.shortest}
            if long:
                best = max(best, sum(chars.get(f, 0) for f in long) / sum(map(len, long)))
        return best

    def _holds(self, number: int, part: str, shares: dict[str, float], least: float, form: str) -> bool:
        """Whether a part is there; one too short to be sought by itself counts beside another that is."""
        if shares.get(part, 0.0) >= least:
            return True
        beside = any(share >= self.items[number].there for other, share in shares.items() if other != part)
        ways = [way for way in self._forms[number].get(part, ()) if all(0 < len(f) < self.shortest for f in way)]
        if beside and any(way and all(f in form for f in way) for way in ways):
            shares[part] = 1.0
            return True
        return False

    def _asked(self, number: int) -> list[str]:
        """Questions of an item that are too short by themselves, and sought with its answer."""
        forms = self._forms[number]
        if self.with_answer is None or not forms.get("answer") or not forms.get("question"):
            return []
        alone = [compared(way[0]) for way in self.items[number].parts["question"] if len(way) == 1]
        bare = [(form.rstrip(".,!?"), form) for form in alone]
        return [f"{b}?" for b, form in bare if self.with_answer <= len(b) < self.shortest and "?" in form[len(b) :]]

    def _answered(self, number: int, question: str, form: str) -> bool:
        """Whether an answer stands before or behind the question."""
        for found in re.finditer(re.escape(question), form):
            near = (form[max(0, found.start() - 60) : found.start()], form[found.end() : found.end() + 60])
            for way in self._forms[number]["answer"]:
                texts = [text for text in way if text]
                if texts and all(any(text in side for side in near) for text in texts):
                    return True
        return False


def compared(text: str) -> str:
    """The form in which texts are compared: the normal form without | and without readings in brackets behind kanji.

    >>> compared("｜漢《かん》字（じ）（れい）の例（注）")
    '漢字の例(注)'
    """
    form = normal_form(text)
    while (fewer := _READING.sub("", form)) != form:
        form = fewer
    return form.replace("|", "")


def check_benchmarks(release: Release, sought: Sequence[Sought], numbers: np.ndarray, notes: Sequence[str]) -> Check:
    """No sampled row (numbers, sorted) holds an item that should have rejected it. notes: sets that could not be sought, and why."""
    check = Check("benchmarks", looked_at=len(numbers) if sought else 0)
    check.notes += list(notes)
    for _, row in release.rows_at(numbers, ["id", "text"]) if sought else ():
        for one in sought:
            for held in one.rejecting(str(row["text"] or ""))[:3]:
                ident = row["id"]
                check.fail(f"row {ident.hex() if isinstance(ident, bytes) else ident} holds {held}")
    if sought:
        check.notes.append(f"{sum(len(s.items) for s in sought):,} evaluation items sought in sampled rows")
    return check
