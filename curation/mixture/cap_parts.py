"""The cap as phases of partitioned tasks, for more rows than one task should hold.

    gather   rows: each partition's rows to the part of their label, and which label their form has to the part of the form;
             edges to the part of their better form
    edges    parts of forms: every edge to the part of its better form's label
    share    parts of labels, for a token budget only: what each cluster would cost and is worth
    fill     one task, for a token budget only: which clusters it reaches, and with how many showings
    decide   parts of labels: every row's verdict to the row's partition
    places   rows: the table `allowance` of each partition, in order of id

A part is a range of labels or of forms. A cluster lies in one part, and but for the budget nothing that is decided crosses clusters.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from curation.dedup.exchange import Exchange, read_part, write_part
from curation.dedup.key_order import column_keys, distinct_keys, key_array, place_of
from curation.dedup.partitioned.cut import part_of
from curation.merge_join import positions
from curation.mixture.allowance_table import allowance_table
from curation.mixture.sharing import REACH_WORDS, Seen, Sharing
from curation.mixture.showings import fill_budget
from curation.place import Place
from curation.shards import Table
from curation.survey import Phase

if TYPE_CHECKING:
    from curation.mixture.cap import Cap

_EDGE = pa.schema([("form_a", pa.binary(16)), ("form_b", pa.binary(16)), ("jaccard", pa.float32())])


@dataclass(frozen=True)
class Cut:
    """How the rows lie (in `rows` partitions) and into how many parts their labels and forms are cut, a power of two."""

    rows: int
    parts: int


def planned(cut: Cut, budget: bool) -> list[Phase]:
    """The phases with their numbers of tasks."""
    phases = [Phase("gather", cut.rows), Phase("edges", cut.parts)]
    if budget:
        phases += [Phase("share", cut.parts), Phase("fill", 1)]
    return [*phases, Phase("decide", cut.parts), Phase("places", cut.rows)]


class CapParts:
    """The tasks of the phases, over the records in a work folder."""

    def __init__(self, step: "Cap", cut: Cut, work: Place):
        self.step, self.cut, self.work = step, cut, work
        self.reached = Exchange(work, "reached", REACH_WORDS, cut.parts)
        self.forms = Exchange(work, "forms", 4, cut.parts)  # form, its label
        self.of_forms = Exchange(work, "of_forms", 5, cut.parts)  # forms of an edge, Jaccard
        self.of_labels = Exchange(work, "of_labels", 5, cut.parts)
        self.verdicts = Exchange(work, "verdicts", 8, cut.rows)  # id, verdict, repeat, Jaccard, claiming id, before

    def run(self, phase: str, task: int, rows: Iterable[Any]) -> Iterator[tuple[str, pa.Table]]:
        """One task of a phase. rows: batches of the partition, with the columns that the phase reads."""
        if phase == "gather":
            self._gather(task, rows)
        elif phase == "edges":
            self._edges(task)
        elif phase == "share":
            sharing = self._shared(task)
            words = [np.ascontiguousarray(v, np.float64).view(np.uint64)[:, None] for v in sharing.terms()]
            write_part(self.work, "terms", task, np.concatenate([*words, sharing.labels[sharing.full]], axis=1))
        elif phase == "fill":
            self._fill()
        elif phase == "decide":
            self._decide(task)
        else:
            yield from self._places(task, rows)

    def _part(self, keys: np.ndarray) -> np.ndarray:
        return part_of(keys[:, 0], self.cut.parts)

    def _gather(self, task: int, rows: Iterable[Any]) -> None:
        pieces = [self.step.seen(batch)[2].words() for batch in rows]
        self.reached.send(task, ((self._part(words[:, 2:4]), words) for words in pieces))
        pairs = (np.unique(words[:, [4, 5, 2, 3]], axis=0) for words in pieces)
        self.forms.send(task, ((self._part(found), found) for found in pairs))
        edges: Table = self.step.made["edges"]
        mine = (edges.read(p) for p in range(task, edges.manifest["partitions"], self.cut.rows))
        self.of_forms.send(task, ((self._part(words), words) for words in map(_edge_words, mine)))

    def _edges(self, task: int) -> None:
        forms, edges = np.unique(self.forms.receive(task), axis=0), self.of_forms.receive(task)
        at = place_of(forms[:, :2], edges[:, :2])
        here = at >= 0
        self.of_labels.send(task, [(self._part(forms[at[here], 2:]), edges[here])])

    def _shared(self, task: int) -> Sharing:
        edges = self.of_labels.receive(task)
        jaccard = np.ascontiguousarray(edges[:, 4]).view(np.float64).astype(np.float32)
        table = pa.table([key_array(edges[:, :2]), key_array(edges[:, 2:4]), pa.array(jaccard)], schema=_EDGE)
        return self.step.shared(Seen.of_words(self.reached.receive(task)), table)

    def _fill(self) -> None:
        parts = [read_part(self.work, "terms", p, width=7) for p in range(self.cut.parts)]
        words = np.concatenate(parts)
        terms = [np.ascontiguousarray(words[:, i]).view(np.float64) for i in range(5)]
        worth, base, again, able, debit = terms
        assert self.step.tokens is not None
        room, had = able.astype(np.int64), debit.astype(np.int64)
        filled = fill_budget(self.step.tokens, worth, base, again, room, had, words[:, 5:])
        self.step.stat_update("budget_tokens", value=filled.tokens)
        given = np.column_stack([filled.shown, filled.extra]).astype(np.int64)
        bounds = np.cumsum([0, *map(len, parts)])
        for part in range(self.cut.parts):
            write_part(self.work, "filled", part, given[bounds[part] : bounds[part + 1]])

    def _decide(self, task: int) -> None:
        sharing = self._shared(task)
        if self.step.tokens is not None:
            given = read_part(self.work, "filled", task, np.int64, width=2)
            sharing.give(given[:, 0] > 0, given[:, 1])
        self.step.count(sharing)
        write_part(self.work, "exposures", task, sharing.exposure_counts())
        verdict, repeat, jaccard, claimed_by, before = sharing.decided()
        numbers = np.column_stack([verdict, repeat]).astype(np.uint64)
        near = jaccard.astype(np.float64)[:, None].view(np.uint64)
        words = [sharing.seen.ids, numbers, near, claimed_by, before.astype(np.uint64)[:, None]]
        self.verdicts.send(task, [(part_of(sharing.seen.ids[:, 0], self.cut.rows), np.concatenate(words, axis=1))])

    def _places(self, task: int, rows: Iterable[Any]) -> Iterator[tuple[str, pa.Table]]:
        words = self.verdicts.receive(task)
        words = words[np.lexsort((words[:, 1], words[:, 0]))]
        jaccard = np.ascontiguousarray(words[:, 4]).view(np.float64)
        decided = (words[:, 2].astype(np.int8), words[:, 3].astype(np.int32), jaccard, words[:, 5:7], words[:, 7])
        for batch in rows:
            ids = column_keys(batch.column("id"))
            at = positions(words, ids)
            yield "allowance", allowance_table(ids, at, decided, self.step.k, self.step.threshold)
        if task == 0:
            parts = [read_part(self.work, "exposures", p, np.int64, width=3) for p in range(self.cut.parts)]
            yield "exposures", exposures_table(np.concatenate(parts))


def exposures_table(counts: np.ndarray) -> pa.Table:
    """The table `exposures` from rows (showings now, showings before, clusters), those of equal showings added up."""
    pairs, place = distinct_keys(counts[:, :2].astype(np.uint64))
    clusters = np.bincount(place, weights=counts[:, 2], minlength=len(pairs)).astype(np.int64)
    columns = [*(pa.array(pairs[:, i].astype(np.int64)) for i in (0, 1)), pa.array(clusters)]
    return pa.table(columns, names=["exposures", "before", "clusters"])


def _edge_words(edges: pa.Table) -> np.ndarray:
    jaccard = edges.column("jaccard").to_numpy().astype(np.float64)[:, None].view(np.uint64)
    return np.concatenate([column_keys(edges.column("form_a")), column_keys(edges.column("form_b")), jaccard], axis=1)
