"""Deciding by evaluation items: a page that holds a benchmark's question is no training text.

What is held against what: normalised character n-grams of every item's parts against the page, exactly (`overlaps.py`), and by choice
near-misses (`near_index.py`). A page that holds a question, its answer, both, or only the passage that a question is about are told
apart, and the recipe says which of these reject, from which share on. What is found and does not reject stands in `contamination`.
"""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from curation.decontaminate.near_index import NearRule
from curation.decontaminate.search import BenchmarkSearch
from curation.step import Batch, Columns, Decide

TOLD = 20
"""Items that `contamination` names of one page."""


class Decontaminate(Decide):
    """Rejects rows that hold evaluation items as `contaminated`; writes `contamination`, what else of items they hold.

    width: characters of an n-gram of the compared form, ≥ 5 (13 is usual). shortest: characters of the shortest text of an item that
    is sought by itself, 5 to width. with_answer: characters of the shortest question that is sought with its answer beside it, 5 to
    shortest; without it none is. sets: by name, {file, pack} or {file, question, answer, context, id, form …}; with none, nothing
    is looked for. reject: least share by part (question, answer, context, or several joined by +) from which on a row goes.
    report: least share by part from which on it is only told. near: {jaccard, reject, report}: near-misses by MinHash.
    """

    reads, writes, reasons = ("text",), ("contamination",), ("contaminated",)

    def __init__(
        self,
        width: int,
        shortest: int,
        sets: dict[str, Any],
        reject: dict[str, float],
        report: dict[str, float] | None = None,
        near: NearRule | None = None,
        with_answer: int | None = None,
    ):
        super().__init__()
        try:
            self.search = BenchmarkSearch(width, shortest, sets, reject, report, near, with_answer=with_answer)
        except ValueError as error:
            raise ValueError(f"decontaminate: {error}") from None

    def placed(self, folder: Path) -> None:
        """Relative files begin at the recipe's folder."""
        self.search.benchmarks.folder = folder

    def artefacts(self) -> Mapping[str, bytes]:
        """Content of benchmarks and packs. Raises ValueError where a file is missing, or not as its pack says."""
        return self.search.artefacts()

    def plan_note(self) -> str:
        """What is looked for of each set."""
        if not self.search.benchmarks.sets:
            return "no evaluation set is named, so nothing is looked for: see docs/decontamination.md"
        lines = []
        for name, said in self.search.note()["sets"].items():
            short, beside = sum(said["skipped"].values()), said["with_answer"]
            more = f", {beside:,} of them only with their answer beside them" if beside else ""
            lines.append(
                f"{name}: {said['sought']:,} of {said['items']:,} items are looked for{more}; {short:,} texts too short"
            )
        return "\n".join(lines)

    def manifest_notes(self) -> Mapping[str, Any]:
        """The sets with their sources, hashes and what of them is looked for."""
        return {"benchmarks": self.search.note()}

    def setup(self) -> None:
        """Makes the index of the items and loads the compiled search."""
        if self.search.benchmarks.sets:
            self.search.setup()

    def columns(self, batch: Batch) -> Columns:
        """One search over the batch; Python sees only the rows that hold something."""
        rows = batch.num_rows
        reason: list[str | None] = [None] * rows
        value: list[float | None] = [None] * rows
        threshold: list[float | None] = [None] * rows
        detail: list[str | None] = [None] * rows
        told: list[list[str]] = [[] for _ in range(rows)]
        counts: Counter[str] = Counter()
        found = self.search.find(batch.column("text")) if self.search.benchmarks.sets else ()
        for i, one in enumerate(found):
            told[i] = [str(overlap) for overlap in one.overlaps[:TOLD]]
            counts.update({f"rejected_{overlap.set}" for overlap, _ in one.rejecting})
            counts.update({f"told_{overlap.set}" for overlap in one.told} if not one.rejecting else ())
            if (worst := one.worst) is not None:
                reason[i], value[i], threshold[i] = "contaminated", worst.share, worst.least
                detail[i] = one.said()
        for name, count in counts.items():
            self.stat_update(name, value=count)
        return {
            "contamination": pa.array(told, pa.list_(pa.string())),
            "reason": pa.array(reason, pa.string()),
            "value": pa.array(value, pa.float64()),
            "threshold": pa.array(threshold, pa.float64()),
            "detail": pa.array(detail, pa.string()),
        }
