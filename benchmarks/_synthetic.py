"""Signatures and band keys of documents that were never written: families of near-copies among documents of their own.

Of every ten documents four are in families of two to nine; a member keeps each place of its family's signature with a probability
between .8 and .98, so that pairs of every similarity that matters occur.
"""

import numpy as np
from numba import njit


def families(docs: int, seed: int) -> np.ndarray:
    """Family of each document, −1 for one of its own, int64 [docs]; members lie anywhere."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(2, 10, docs // 12)
    sizes = sizes[np.cumsum(sizes) <= docs * 0.4]
    family = np.full(docs, -1, np.int64)
    family[: int(sizes.sum())] = np.repeat(np.arange(len(sizes)), sizes)
    return rng.permutation(family)


def signatures(docs: int, seed: int = 1, permutations: int = 112) -> np.ndarray:
    """MinHash signatures, uint32 [docs, permutations]."""
    rng = np.random.default_rng(seed)
    family = families(docs, seed)
    made = rng.integers(0, 1 << 32, (docs, permutations), dtype=np.uint32)
    base = rng.integers(0, 1 << 32, (int(family.max()) + 1, permutations), dtype=np.uint32)
    members = np.flatnonzero(family >= 0)
    alike = rng.uniform(0.8, 0.98, len(base))[family[members]]
    for first in range(0, len(members), 1 << 16):
        some = slice(first, first + (1 << 16))
        kept = rng.random((len(members[some]), permutations)) < alike[some, None]
        made[members[some]] = np.where(kept, base[family[members[some]]], made[members[some]])
    return made


def band_keys(first: int, last: int, bands: int = 14, seed: int = 1) -> np.ndarray:
    """64-bit band keys of documents first … last − 1 of an endless row, uint64 [bands, last − first].

    Two in five of the families i // 3 are real ones, whose members share each band with probability .43, as at J = .9 (.9^8).
    No state, so that any piece of fifty million can be made alone.
    """
    keys = np.empty((bands, last - first), np.uint64)
    _fill(keys, first, seed)
    return keys


@njit
def _fill(keys, first, seed):
    for i in range(keys.shape[1]):
        number = np.uint64(first + i)
        group = number // np.uint64(3)
        member = _mix(group + np.uint64(seed)) % np.uint64(5) < np.uint64(2)
        for band in range(keys.shape[0]):
            place = np.uint64(band + 1) * np.uint64(0x9E3779B97F4A7C15)
            shares = member and _mix(number ^ place) % np.uint64(100) < np.uint64(43)
            of = group | np.uint64(1 << 63) if shares else number
            keys[band, i] = _mix(of * np.uint64(0xD6E8FEB86659FD93) ^ place)


@njit(inline="always")
def _mix(h):
    """MurmurHash3's finaliser."""
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    h = (h ^ (h >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return h ^ (h >> np.uint64(33))
