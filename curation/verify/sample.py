"""Which rows are looked at closely: a drawn sample, and rows of labels that several released rows have."""

from dataclasses import dataclass

import numpy as np

from curation.verify import key_words
from curation.verify.shard_files import Release
from curation.verify.similarity import scrambled


@dataclass(frozen=True)
class Sample:
    """Numbers of released rows, sorted: `drawn` ones, and `together` all rows of some labels with several."""

    drawn: np.ndarray
    together: np.ndarray
    total: int

    @property
    def rows(self) -> np.ndarray:
        """Both."""
        return np.union1d(self.drawn, self.together)


def draw(release: Release, count: int, seed: int) -> Sample:
    """The `count` rows of smallest keyed hash of their id, and of labels with several rows as many as have `count` rows together.

    The same for the same rows and seed, whatever the files; who does not know the seed cannot keep a row out.
    """
    ids, labels, given = [np.zeros((0, 2), np.uint64)], [np.zeros((0, 2), np.uint64)], [np.zeros(0, bool)]
    for _, batch in release.batches(["id", "cluster"], 1 << 16):
        ids.append(key_words.words(batch.column("id")))
        labels.append(key_words.words(batch.column("cluster")))
        given.append(key_words.present(batch.column("cluster")))
    has = np.flatnonzero(np.concatenate(given))
    by_label, place = key_words.distinct(np.concatenate(labels)[has])
    rows = np.bincount(place, minlength=len(by_label))
    several = np.flatnonzero(rows > 1)
    several = several[np.argsort(_hash(by_label[several], seed), kind="stable")]
    several = several[: np.searchsorted(np.cumsum(rows[several]), count, "right")]
    chosen = np.zeros(len(by_label), bool)
    chosen[several] = True
    every = _hash(np.concatenate(ids), seed)
    drawn = np.sort(np.argsort(every, kind="stable")[:count])
    return Sample(drawn, has[chosen[place]], len(every))


def _hash(keys: np.ndarray, seed: int) -> np.ndarray:
    mixed = scrambled(keys[:, 0] ^ np.uint64(seed & (2**64 - 1)))
    return scrambled(mixed + keys[:, 1])
