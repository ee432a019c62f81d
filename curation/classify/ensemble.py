"""Several quality scores, one decision: where each row stands among all rows, as columns that a threshold can decide on.

Scores of different classifiers are not comparable (one gives half of a crawl .9, another nothing), their ranks are. What is measured
of the ranks, over all rows that reach the step:

    top         the share of rows that the classifier scores at least as high: a kept share, for each of them. Any of several at most
                0.1 is the union of top tenths (Swallow v2 keeps what one of its two classifiers likes)
    mean_rank   the mean over classifiers of the rank in (0, 1), and its own top share: what all of them rather like
    buckets     each classifier's score into equally large buckets, the highest over classifiers, and that in groups by name
                (Nemotron-CC: 20 buckets of equal token weight over three classifiers, quality levels from high to low)

Nothing is decided here: a threshold behind it keeps `quality_top <= 0.1`, `mean_rank_top <= 0.3` or `quality_group in [high]`. Ranks
come from exact counts of the rounded scores (`score_counts`), so they are the same for any number of tasks.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from curation.classify.score_counts import ScoreCounts, ScoreError, ScoreSum
from curation.dedup.exchange import read_part, write_part
from curation.document import COLUMNS
from curation.place import Place
from curation.step import Batch, Columns
from curation.survey import Phase, Rows, Survey

RANKS = 1_000_000
"""Steps in which a mean rank is stored."""
MEAN = "mean_rank"
SHARES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.5)
"""Kept shares whose scores the manifest names, so that a later crawl can be cut at the same values."""

Way = Literal["top", "mean_rank", "buckets"]


def top_column(score: str) -> str:
    """Column of a score's top share.

    >>> top_column("quality_2")
    'quality_2_top'
    """
    return f"{score}_top"


class Ensemble(Survey):
    """Writes ranks of the rows by several scores: `SCORE_top`, `mean_rank` and `mean_rank_top`, `quality_bucket` and `quality_group`.

    scores: columns that classifiers wrote, higher is better.
    by: what is measured of them, one or several of top, mean_rank and buckets (see above).
    weight: an integer column (`chars`, `tokens`): shares and buckets are of its sum, not of rows; a null weighs nothing.
    buckets: how many; groups: for each name the lowest bucket that belongs to it, the lowest of all being 0.
    resolution: what scores are rounded to before they are ranked, as they were for storing.

    A row without a score of some classifier has no `SCORE_top` of it and no `mean_rank`, and the bucket of the others; a threshold
    rejects what is null. A score that is not a number rejects the row as `nan_value`, and it counts in no rank.
    """

    reasons = ("nan_value",)
    writes = (*(c for c in COLUMNS if c.endswith("_top")), MEAN, "quality_bucket", "quality_group")
    tables = {  # noqa: RUF012 - Survey declares it
        "counts": pa.schema(
            [
                pa.field("place", pa.int64()),
                pa.field("score", pa.string()),
                pa.field("value", pa.int64()),
                pa.field("rows", pa.int64()),
                pa.field("weight", pa.int64()),
            ]
        )
    }

    def __init__(
        self,
        scores: list[str],
        by: Way | list[Way],
        weight: str | None = None,
        buckets: int | None = None,
        groups: dict[str, int] | None = None,
        resolution: float = 0.001,
    ):
        super().__init__()
        ways: list[Way] = [by] if isinstance(by, str) else list(by)
        _check(scores, ways, weight, buckets, groups, resolution)
        self.scores, self.ways, self.weight, self.resolution = list(scores), ways, weight, resolution
        self.buckets, self.groups = buckets or 0, sorted((groups or {}).items(), key=lambda g: g[1])
        self.reads = tuple(scores)
        self.surveys = (*scores, *([weight] if weight and weight not in scores else []))
        made = [top_column(s) for s in scores] if "top" in ways else []
        made += [MEAN, f"{MEAN}_top"] if "mean_rank" in ways else []
        made += ["quality_bucket"] if "buckets" in ways else []
        self.writes = (*made, *(["quality_group"] if groups else []))
        self.rows_a_task = 1 << 20
        self._partitions = 0
        self._counts: dict[str, ScoreCounts] | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_counts": None}

    @property
    def _names(self) -> list[str]:
        """What is counted: each score, and the mean rank where it is asked for."""
        return [*self.scores, *([MEAN] if "mean_rank" in self.ways else [])]

    def columns(self, batch: Batch) -> Columns:
        counts = self._loaded()
        keys = {s: self._keys(batch.column(s)) for s in self.scores}
        made: dict[str, pa.Array] = {}
        if "top" in self.ways:
            for s, (key, there, _) in keys.items():
                made[top_column(s)] = pa.array(counts[s].top(key), mask=~there)
        if "mean_rank" in self.ways:
            rank, there = self._mean_ranks(keys, counts)
            made[MEAN] = pa.array(rank / RANKS, mask=~there)
            made[f"{MEAN}_top"] = pa.array(counts[MEAN].top(rank), mask=~there)
        if "buckets" in self.ways:
            each = [np.where(there, counts[s].bucket(key, self.buckets), -1) for s, (key, there, _) in keys.items()]
            best = np.max(each, axis=0)
            made["quality_bucket"] = pa.array(best.astype(np.int16), mask=best < 0)
            if self.groups:
                bounds, names = [low for _, low in self.groups], pa.array([name for name, _ in self.groups])
                made["quality_group"] = names.take(pa.array(np.searchsorted(bounds, best, "right") - 1, mask=best < 0))
        if (broken := np.any([b for _, _, b in keys.values()], axis=0)).any():
            first = np.argmax([b for _, _, b in keys.values()], axis=0)
            made["reason"] = pa.array(np.where(broken, "nan_value", ""), pa.string(), mask=~broken)
            made["detail"] = pa.array(np.array(self.scores, object)[first], pa.string(), mask=~broken)
        return made

    def manifest_notes(self) -> Mapping[str, Any]:
        """`ensemble`, `ensemble2` …: rows ranked, and the lowest score in the top 1 % to 50 % (None where a tie is larger)."""
        counts = self._loaded()
        said = {}
        for s in self.scores:
            cuts = {f"{share:g}": counts[s].at_top(share) for share in SHARES}
            values = {share: None if key is None else round(key * self.resolution, 9) for share, key in cuts.items()}
            said[s] = {"rows": int(counts[s].rows.sum()), "top": values}
        return {self.name: {"by": self.ways, "weight": self.weight, "scores": said}}

    def survey(self, rows: Rows) -> Iterator[tuple[str, pa.Table]]:
        """Yields `counts`: rows and weight of every distinct score, and of every distinct mean rank (in millionths)."""
        counts = self._count(rows.read(self.surveys))
        if "mean_rank" in self.ways:
            counts[MEAN] = self._count_means(rows.read(self.surveys), counts)
        yield "counts", _table(counts)

    def phases(self, rows: int, partitions: int) -> Sequence[Phase]:
        """None up to `rows_a_task` rows; above that each partition is counted by a task of its own, and one task adds them up."""
        if rows <= self.rows_a_task:
            return ()
        self._partitions = partitions
        means = [Phase("means", partitions), Phase("all_means", 1)] if "mean_rank" in self.ways else []
        return [Phase("scores", partitions), Phase("all_scores", 1), *means]

    def run_phase(self, phase: str, task: int, rows: Rows, work: Place) -> Iterator[tuple[str, pa.Table]]:
        """One task of a phase; the last phase yields `counts`."""
        if phase == "scores":
            _put(work, task, self._count(rows.read(self.surveys, task)))
        elif phase == "means":
            found = self._count_means(rows.read(self.surveys, task), _get(work, self.scores, "all"))
            _put(work, task, {MEAN: found})
        else:
            names = self.scores if phase == "all_scores" else [MEAN]
            parts = range(self._partitions)
            joined = {n: ScoreCounts.added(_get(work, [n], p)[n] for p in parts) for n in names}
            _put(work, "all", joined)
            if phase == "all_means" or "mean_rank" not in self.ways:
                yield "counts", _table(_get(work, self._names, "all"))

    def _keys(self, column: pa.Array) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Scores in units of the resolution, which rows have one, and which have one that is not a number."""
        value = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        given = column.is_valid().to_numpy(zero_copy_only=False)
        there = given & np.isfinite(value)
        return np.rint(np.where(there, value, 0.0) / self.resolution).astype(np.int64), there, given & ~there

    def _weights(self, batch: Batch) -> np.ndarray:
        if self.weight is None:
            return np.ones(batch.num_rows, np.int64)
        return batch.column(self.weight).cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)

    def _mean_ranks(self, keys: Mapping[str, Any], counts: Mapping[str, ScoreCounts]) -> tuple[np.ndarray, np.ndarray]:
        """Mean ranks in millionths, int64, and which rows have one: those that every classifier scored."""
        ranks = [counts[s].midrank(key) for s, (key, _, _) in keys.items()]
        there = np.all([t for _, t, _ in keys.values()], axis=0)
        return np.rint(np.mean(ranks, axis=0) * RANKS).astype(np.int64), there

    def _count(self, batches: Iterable[Batch]) -> dict[str, ScoreCounts]:
        sums = {s: ScoreSum() for s in self.scores}
        for batch in batches:
            keys, weight = {s: self._keys(batch.column(s)) for s in self.scores}, self._weights(batch)
            whole = ~np.any([b for _, _, b in keys.values()], axis=0)  # a row that is rejected ranks nowhere
            for s, (key, there, _) in keys.items():
                some = there & whole
                with self._named(s):
                    sums[s].add(key[some], weight[some])
        return {s: self._total(s, one) for s, one in sums.items()}

    def _count_means(self, batches: Iterable[Batch], counts: Mapping[str, ScoreCounts]) -> ScoreCounts:
        ranks = ScoreSum()
        for batch in batches:
            rank, there = self._mean_ranks({s: self._keys(batch.column(s)) for s in self.scores}, counts)
            ranks.add(rank[there], self._weights(batch)[there])
        return ranks.total()

    def _total(self, score: str, one: ScoreSum) -> ScoreCounts:
        with self._named(score):
            return one.total()

    @contextmanager
    def _named(self, score: str) -> Iterator[None]:
        """Says of which column and step a ScoreError is."""
        try:
            yield
        except ScoreError as error:
            where = f"{self.stage}, {self.name}: column '{score}' has"
            raise ScoreError(f"{where} {error} (it is {self.resolution:g})") from None

    def _loaded(self) -> dict[str, ScoreCounts]:
        if self._counts is None:
            table = self.made["counts"].read()
            score = np.array(table.column("score").to_pylist(), object)
            columns = [table.column(c).to_numpy() for c in ("value", "rows", "weight")]
            self._counts = {n: ScoreCounts(*(c[score == n] for c in columns)) for n in self._names}
        return self._counts


def _table(counts: Mapping[str, ScoreCounts]) -> pa.Table:
    """The table `counts`, in order of its first column."""
    total = sum(len(c.key) for c in counts.values())
    names = pa.array([name for name, c in counts.items() for _ in range(len(c.key))], pa.string())
    columns = [np.concatenate([getattr(c, part) for c in counts.values()]) for part in ("key", "rows", "weight")]
    return pa.table([pa.array(np.arange(total)), names, *map(pa.array, columns)], schema=Ensemble.tables["counts"])


def _put(work: Place, task: int | Literal["all"], counts: Mapping[str, ScoreCounts]) -> None:
    for name, c in counts.items():
        where = (f"{name}-all", 0) if task == "all" else (name, task)
        write_part(work, *where, np.column_stack([c.key, c.rows, c.weight]))


def _get(work: Place, names: Iterable[str], task: int | Literal["all"]) -> dict[str, ScoreCounts]:
    found = {}
    for name in names:
        where = (f"{name}-all", 0) if task == "all" else (name, task)
        found[name] = ScoreCounts(*read_part(work, *where, np.int64, 3).T)
    return found


def _check(
    scores: list[str],
    ways: list[Way],
    weight: str | None,
    buckets: int | None,
    groups: dict[str, int] | None,
    resolution: float,
) -> None:
    """Raises ValueError naming what cannot be and what would be right."""
    if not scores or len(set(scores)) < len(scores):
        raise ValueError(f"scores: name at least one column, each once; found {scores}")
    for name in scores:
        if name not in COLUMNS or not _is_number(COLUMNS[name].type):
            raise ValueError(f"scores: there is no column of numbers called '{name}'")
        if "top" in ways and top_column(name) not in COLUMNS:
            tops = ", ".join(c.removesuffix("_top") for c in COLUMNS if c.endswith("_top"))
            raise ValueError(f"by: a column for the top share is registered for {tops}; not for {name}")
    if not ways or len(set(ways)) < len(ways):
        raise ValueError(f"by: name at least one of top, mean_rank and buckets, each once; found {ways}")
    if weight is not None and (weight not in COLUMNS or not pa.types.is_integer(COLUMNS[weight].type)):
        raise ValueError(f"weight: '{weight}' is no column of whole numbers (chars, tokens …)")
    if ("buckets" in ways) != (buckets is not None) or (groups and buckets is None):
        raise ValueError("buckets (and groups) are for by: buckets, which needs a number of them")
    if buckets is not None and not 2 <= buckets <= 1000:
        raise ValueError(f"buckets must be from 2 to 1000, not {buckets}")
    if groups is not None:
        lowest = sorted(groups.values())
        if not groups or lowest[0] != 0 or len(set(lowest)) < len(lowest) or lowest[-1] >= (buckets or 0):
            raise ValueError(
                f"groups: each name begins at a bucket of its own, one at 0 and none above {(buckets or 0) - 1}; found {groups}"
            )
    if not resolution > 0:
        raise ValueError(f"resolution must be above 0, not {resolution:g}")


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind)
