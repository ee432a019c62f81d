"""The search for evaluation items in texts, for pages and generated rows alike: one index, one set of rules, one way of saying it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curation.decontaminate.column_search import ColumnSearch
from curation.decontaminate.compared_form import VERSION, compared_form
from curation.decontaminate.item_index import ItemIndex
from curation.decontaminate.near_index import NearIndex, NearRule
from curation.decontaminate.overlaps import Overlap, covered, overlaps, united
from curation.decontaminate.rules import Held, Rules, checked_rules, held
from curation.decontaminate.sets import Benchmarks, benchmark_sets

_KEPT = 2
"""Searches that a process keeps for its next tasks."""
_kept: dict[str, ColumnSearch] = {}


@dataclass(frozen=True)
class Found:
    """What a text holds: overlaps that reject, the worst first with its rule, and overlaps that are only told, by name."""

    rejecting: tuple[tuple[Overlap, Held], ...] = ()
    told: tuple[Overlap, ...] = ()

    @property
    def worst(self) -> Held | None:
        """The rule that rejects with the greatest share; None where nothing does."""
        return self.rejecting[0][1] if self.rejecting else None

    @property
    def overlaps(self) -> tuple[Overlap, ...]:
        """All of them, those that reject first."""
        return (*(overlap for overlap, _ in self.rejecting), *self.told)

    def said(self, most: int = 5) -> str:
        """The rejecting items in words, at most so many."""
        more = len(self.rejecting) - most
        return "; ".join(str(o) for o, _ in self.rejecting[:most]) + (f"; {more} more" if more > 0 else "")


NOTHING = Found()


class BenchmarkSearch:
    """Evaluation items of a recipe's sets, and what of them rejects.

    width: characters of an n-gram of the compared form, ≥ 5 (13 is usual). shortest: characters of the shortest text that is sought.
    sets: `sets.BenchmarkSet` by the name under which items are called set:id. reject, report: least shares by part (`rules.py`);
    a set may have its own. near: near-misses by MinHash. folder: at which relative files begin. with_answer: characters of the
    shortest question that is sought with its answer beside it.
    Raises ValueError naming the key.
    """

    def __init__(
        self,
        width: int,
        shortest: int,
        sets: Mapping[str, Any],
        reject: Mapping[str, float],
        report: Mapping[str, float] | None = None,
        near: NearRule | None = None,
        folder: Path = Path(),
        with_answer: int | None = None,
    ):
        ItemIndex((), width, shortest, with_answer)
        self.width, self.shortest, self.near, self.with_answer = width, shortest, near, with_answer
        self.benchmarks = Benchmarks(benchmark_sets(sets), folder)
        self._reject, self._report = _rules("reject", reject), _rules("report", report or {})
        self._search: ColumnSearch | None = None

    def __getstate__(self) -> dict[str, Any]:
        """Without the index: a worker makes its own, once for all its tasks."""
        return {**vars(self), "_search": None}

    def artefacts(self) -> dict[str, bytes]:
        """Content of the files behind it. Raises ValueError where one is missing, or not as its pack says."""
        return self.benchmarks.artefacts()

    def rules_of(self, name: str) -> tuple[Rules, Rules]:
        """What rejects and what is told of a set's items."""
        one = self.benchmarks.sets[name]
        reject = self._reject if one.reject is None else one.reject
        return reject, self._report if one.report is None else one.report

    def note(self) -> dict[str, Any]:
        """What a manifest says: form, widths, where files began, and of each set where it is from and what of it is looked for."""
        index = self._index()
        sets: dict[str, Any] = {}
        for name, files in self.benchmarks.files.items():
            (reject, report), pack = self.rules_of(name), self.benchmarks.packs.get(name)
            sets[name] = index.looked[name].as_dict() | {"reject": reject, "report": report}
            sets[name]["files"] = {path: hashlib.sha256(content).hexdigest() for path, content in files}
            if pack is not None:
                sets[name] |= {"pack": pack.name, "title": pack.source.title, "licence": pack.source.licence}
        near = None if self.near is None else self.near.model_dump()
        said = {"form": VERSION, "width": self.width, "shortest": self.shortest, "with_answer": self.with_answer}
        return said | {"near": near, "sets": sets, "folder": str(self.benchmarks.folder)}

    def _index(self) -> ItemIndex:
        return ItemIndex(self.benchmarks.items, self.width, self.shortest, self.with_answer)

    def setup(self) -> None:
        """Makes the index and loads the compiled search, unless this process has them."""
        contents = [hashlib.sha256(c).hexdigest() for c in self.artefacts().values()]
        sets = [(name, one.model_dump_json()) for name, one in self.benchmarks.sets.items()]
        key = repr(
            (
                self.width,
                self.shortest,
                self.with_answer,
                None if self.near is None else self.near.jaccard,
                sets,
                contents,
            )
        )
        if key not in _kept:
            while len(_kept) >= _KEPT:
                del _kept[next(iter(_kept))]
            index = self._index()
            _kept[key] = ColumnSearch(index, None if self.near is None else NearIndex(index, self.near.jaccard))
        self._search = _kept[key]

    @property
    def ready(self) -> ColumnSearch:
        """The search, made when it is first asked for."""
        if self._search is None:
            self.setup()
        assert self._search is not None
        return self._search

    def find(self, texts: pa.Array) -> list[Found]:
        """What each text of a column holds, in order; nothing for a null."""
        found = [NOTHING] * len(texts)
        for row, there in self._overlaps(texts).items():
            found[row] = self._decided(there)
        return found

    def find_in(self, parts: Mapping[str, str]) -> tuple[Found, dict[str, list[str]]]:
        """What the named texts of one row hold together; and of each item that overlaps, the names of the texts that hold of it.

        A short question in one of them may have its answer in the next: so they are searched one behind another, too.
        """
        joined = ["\n".join(parts.values())] if self.with_answer is not None and len(parts) > 1 else []
        by_text = self._overlaps(pa.array([*parts.values(), *joined], pa.large_string()))
        where: dict[str, list[str]] = {}
        for row, name in enumerate(parts):
            for overlap in by_text.get(row, ()):
                where.setdefault(overlap.name, []).append(name)
        for overlap in by_text.get(len(parts), ()):
            where.setdefault(overlap.name, list(parts))
        return self._decided(united(o for there in by_text.values() for o in there)), where

    def _overlaps(self, texts: pa.Array) -> dict[int, list[Overlap]]:
        """Overlaps of each row that has any, exact and near ones, with shares from the least that any rule wants."""
        search = self.ready
        row, text, chars = covered(search.index, search.matches(texts))
        bound = min((self._least(name) for name in self.benchmarks.sets), default=1.0)
        enough = chars >= bound * np.diff(search.index.pool[1])[text] - 1e-9
        kept = np.isin(row, row[enough])
        by_row: dict[int, dict[int, int]] = {}
        for r, t, n in zip(row[kept].tolist(), text[kept].tolist(), chars[kept].tolist(), strict=True):
            by_row.setdefault(r, {})[t] = n
        near: dict[int, list[Overlap]] = {}
        if search.near_index is not None:
            near = search.near_index.by_row(search.near(texts))
        made: dict[int, list[Overlap]] = {}
        for r in sorted(by_row.keys() | near.keys()):
            exact = overlaps(search.index, by_row.get(r, {}), self._least, _form_of(texts, r))
            if there := [*exact, *near.get(r, ())]:
                made[r] = there
        return made

    def _least(self, name: str) -> float:
        """Share of a part below which nothing of a set's item is told."""
        reject, report = self.rules_of(name)
        return min((*reject.values(), *report.values()), default=1.0)

    def _decided(self, there: Sequence[Overlap]) -> Found:
        """Which of these overlaps reject and which are told; a near-miss of an item that is there itself is neither."""
        rejecting: list[tuple[Overlap, Held]] = []
        told: list[Overlap] = []
        for overlap in sorted(there, key=lambda o: (o.near, o.name)):
            reject, report = self.rules_of(overlap.set)
            if overlap.near:
                assert self.near is not None
                reject, report = self.near.reject, self.near.report
                if any(overlap.name == o.name for o in (*(o for o, _ in rejecting), *told)):
                    continue
            if (rule := held(reject, overlap.shares)) is not None:
                rejecting.append((overlap, rule))
            elif held(report, overlap.shares) is not None:
                told.append(overlap)
        rejecting.sort(key=lambda found: (-found[1].share, found[0].near, found[0].name))
        return Found(tuple(rejecting), tuple(told))


def _form_of(texts: pa.Array, row: int) -> Callable[[], str]:
    """The compared form of a row, made when it is first asked for."""
    made: list[str] = []

    def form() -> str:
        if not made:
            made.append(compared_form(texts[row].as_py()))
        return made[0]

    return form


def _rules(key: str, rules: Mapping[str, float]) -> Rules:
    try:
        return checked_rules(rules)
    except ValueError as error:
        raise ValueError(f"{key}: {error}") from None
