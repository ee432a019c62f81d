"""Near-copies where there should be none: two released texts under two labels.

A sample of rows is drawn; its partners are sought inside the sample exactly, and among all released rows by the checker's own
bands. Two kept texts (those that labels are named after) are never near-copies, but for what the deduplication's bands missed: it
finds a pair of similarity J with probability p(J) = 1 − (1 − J^rows)^bands, so what fails is a pair that it can hardly have missed
(p > 0.999), or more pairs than it can have missed. A text that only joined a cluster may be a near-copy of one in another (a text
joins the best-ranked of all kept texts that it is near to); that stands where its own kept text is there, or was rejected.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp

import numpy as np

from curation.verify import key_words
from curation.verify.findings import Check, share
from curation.verify.normal_form import normal_form
from curation.verify.rows import Rows
from curation.verify.shard_files import Release
from curation.verify.similarity import BANDS, jaccard, joined, shingles
from curation.verify.stated import Step

HARDLY_MISSED = 1e-3
MOST_COMPARED = 1 << 20
"""Candidates that are compared at most, of each way to find them."""
IN_A_BUCKET = 64
"""Drawn rows of one band key that another row is compared with."""


@dataclass(frozen=True)
class Bands:
    """What the deduplication was told: threshold τ, bands and rows a band."""

    tau: float
    bands: int = 14
    rows: int = 8

    @classmethod
    def of(cls, steps: Sequence[Step]) -> "Bands":
        """As the identity of the step `dedup` states them; DESIGN's 14 × 8 at 0.8 where no step is one."""
        said = next((s.parameters for s in reversed(steps) if s.kind == "dedup"), {})
        return cls(said.get("threshold", 0.8), said.get("bands", 14), said.get("rows", 8))

    def missed(self, similarity: float) -> float:
        """Probability that it did not compare a pair."""
        return (1 - similarity**self.rows) ** self.bands


@dataclass
class Pairs:
    """Near-copies under two labels, as places in `Rows`, with their similarity."""

    found: dict[tuple[int, int], float] = field(default_factory=dict[tuple[int, int], float])
    left_out: int = 0
    """Candidates that were not compared, because there were too many."""
    sets: dict[int, np.ndarray] = field(default_factory=dict[int, np.ndarray])
    """Shingles of the rows that were asked for beside, by number."""

    def note(self, a: int, b: int, similarity: float) -> None:
        """Keeps a pair once."""
        self.found[(a, b) if a < b else (b, a)] = similarity


def partners(
    rows: Rows,
    drawn: np.ndarray,
    sets: dict[int, np.ndarray],
    release: Release,
    tau: float,
    also: np.ndarray,
) -> Pairs:
    """Pairs of two labels and two texts with J ≥ tau, at least one of them drawn (places in `rows`).

    A text under two labels is not looked at here: over all rows `check_labels` finds each. sets: shingles of the drawn rows, by
    number. also: numbers of rows whose shingles are wanted beside, since their texts are read in the same go.
    """
    pairs = Pairs(sets={n: sets[n] for n in also.tolist() if n in sets})
    _, first = np.unique(rows.form[drawn], axis=0, return_index=True)
    drawn = drawn[np.sort(first)]
    mine = [sets[int(n)] for n in rows.number[drawn]]
    label = rows.labels[1]
    for a, b, similarity in joined(mine, tau, label[drawn], MOST_COMPARED):
        pairs.note(int(drawn[a]), int(drawn[b]), similarity)
    others, of = _candidates(rows, drawn, tau, pairs)
    by_other: dict[int, list[int]] = defaultdict(list)
    for other, at in zip(others.tolist(), of.tolist(), strict=True):
        by_other[int(rows.number[other])].append(at)
    place = {int(rows.number[o]): int(o) for o in np.unique(others)}
    more = set(also.tolist()) - pairs.sets.keys()
    for number, row in release.rows_at(np.array(sorted(by_other.keys() | more), np.int64), ["text"]):
        made = shingles(normal_form(str(row["text"])))
        if number in more:
            pairs.sets[number] = made
        for at in by_other.get(number, ()):
            if (similarity := jaccard(mine[at], made)) >= tau:
                pairs.note(int(drawn[at]), place[number], similarity)
    return pairs


def _candidates(rows: Rows, drawn: np.ndarray, tau: float, pairs: Pairs) -> tuple[np.ndarray, np.ndarray]:
    """Rows that share a band with a drawn one, are of another label and text and of a size that allows the similarity.

    Returns (places in rows, places in drawn), each pair once; of a bucket with more drawn rows the first 64 only.
    """
    label, is_drawn = rows.labels[1], np.zeros(len(rows), bool)
    is_drawn[drawn] = True
    others = np.flatnonzero(~is_drawn)
    codes = [np.zeros(0, np.int64)]
    for band in range(BANDS):
        keys = rows.bands[drawn, band]
        order = np.argsort(keys, kind="stable")
        low, high = (np.searchsorted(keys[order], rows.bands[others, band], side) for side in ("left", "right"))
        count = np.minimum(high - low, IN_A_BUCKET)
        pairs.left_out += int((high - low - count).sum())
        made = 0
        for some in np.array_split(np.flatnonzero(count), max(1, int(count.sum()) >> 22)):
            at = np.repeat(low[some] - np.cumsum(count[some]) + count[some], count[some]) + np.arange(count[some].sum())
            a, b = np.repeat(others[some], count[some]), order[at]
            small, large = (f(rows.shingles[a], rows.shingles[drawn[b]]) for f in (np.minimum, np.maximum))
            fits = (label[a] != label[drawn[b]]) & (tau * large <= small + 1e-9)
            fits &= (rows.form[a] != rows.form[drawn[b]]).any(axis=1)
            room = MOST_COMPARED - made
            pairs.left_out += max(0, int(fits.sum()) - room)
            code = (a[fits] * len(drawn) + b[fits])[:room]
            made += len(code)
            codes.append(code)
    several = np.unique(np.concatenate(codes))
    return several // max(len(drawn), 1), several % max(len(drawn), 1)


def check_pairs(
    rows: Rows, drawn: np.ndarray, pairs: Pairs, bands: Bands, missed: float, grounds: dict[int, str]
) -> Check:
    """No two released rows under two labels are near-copies, but for what the bands missed and what the definition allows.

    missed: near-copies that the bands may have missed among all released rows. grounds: rows (places) whose label stands for no kept
    text, and why; see `grounds.py`.
    """
    check = Check("near-copies", looked_at=len(drawn))
    both = {p: s for p, s in pairs.found.items() if rows.kept[p[0]] and rows.kept[p[1]]}
    for (a, b), similarity in sorted(pairs.found.items(), key=lambda kv: -kv[1]):
        named = f"rows {key_words.hexed(rows.id[a])} and {key_words.hexed(rows.id[b])} have two labels and J = {similarity:.3f}"
        if (a, b) in both and bands.missed(similarity) < HARDLY_MISSED:
            check.fail(named)
        for row in (a, b):
            if row in grounds:
                check.fail(f"{named}; of {key_words.hexed(rows.id[row])} {grounds[row]}")
    possible = missed * (1 - (1 - len(drawn) / max(len(rows), 1)) ** 2)
    if _tail(len(both), possible) < HARDLY_MISSED:
        for (a, b), similarity in list(both.items())[:5]:
            if bands.missed(similarity) >= HARDLY_MISSED:
                said = f"rows {key_words.hexed(rows.id[a])} and {key_words.hexed(rows.id[b])}"
                check.fail(f"{said} have two labels and J = {similarity:.3f}")
        check.fail(f"{len(both)} pairs of kept rows are near-copies; bands like these would miss about {possible:.1f}")
    hit = {r for pair in both for r in pair} & set(drawn.tolist())
    check.notes.append(
        f"sampled rows with a near-copy (J ≥ {bands.tau:g}) kept beside them: {share(len(hit), len(drawn))}"
    )
    if bystanders := sum(p not in both for p in pairs.found):
        check.notes.append(
            f"{bystanders} more pairs of two clusters of which one row is no kept text: the definition allows them"
        )
    if pairs.left_out:
        check.notes.append(f"{pairs.left_out:,} candidates in crowded bands were not compared")
    return check


def possibly_missed(values: np.ndarray, bands: Bands) -> float:
    """Near-copies that the bands may have missed, judged by those that they found: Σ q/(1 − q) over their similarities."""
    q = (1 - np.minimum(values, 1.0) ** bands.rows) ** bands.bands
    return float((q[q < 1] / (1 - q[q < 1])).sum())


def _tail(found: int, expected: float) -> float:
    """Probability that a Poisson number of this mean is at least `found`."""
    term = total = exp(-expected)
    for n in range(1, found):
        term *= expected / n
        total += term
    return 1.0 if found == 0 else max(0.0, 1.0 - total)
