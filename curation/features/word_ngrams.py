"""Repetition of words: Gopher's top and duplicate n-grams as datatrove counts them, and HojiChar's share of repeated windows.

Words come as one run of code points and the place where each word begins, so the kernel never touches a Python string. An n-gram is
known by a 64-bit hash of its characters (a polynomial over the run, so that any stretch costs one multiplication); a collision
would need about 2^32 n-grams in one text. `tests/filters/test_words.py` holds the kernel equal to plain Python over strings.
Source: datatrove 0.10.1 `gopher_repetition_filter.py`; Rae+21 (Gopher), table A1, has the idea but not these details.
"""

from typing import Any

import numpy as np
from numba import njit

_BASE = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


@njit(cache=True, nogil=True, inline="always")
def _mix(x: Any) -> Any:
    x = (x ^ (x >> np.uint64(30))) * _M1
    x = (x ^ (x >> np.uint64(27))) * _M2
    return x ^ (x >> np.uint64(31))


@njit(cache=True, nogil=True)
def _rolling(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Prefix hashes and powers of the base, each one longer than `codes`."""
    prefix = np.zeros(len(codes) + 1, np.uint64)
    power = np.ones(len(codes) + 1, np.uint64)
    for i in range(len(codes)):
        prefix[i + 1] = prefix[i] * _BASE + _mix(np.uint64(codes[i]) + np.uint64(1))
        power[i + 1] = power[i] * _BASE
    return prefix, power


@njit(cache=True, nogil=True)
def _slot(key: Any, keys: np.ndarray, stamps: np.ndarray, stamp: int) -> Any:
    """Slot of the key in an open table: the one that holds it in this round, else a free one."""
    mask = len(keys) - 1
    at = np.int64(key & np.uint64(mask))
    while stamps[at] == stamp and keys[at] != key:
        at = (at + 1) & mask
    return at


@njit(cache=True, nogil=True)
def gopher_ngrams(codes: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Characters in the top n-gram for n = 2, 3, 4 and in duplicate n-grams for n = 5 … 10: int64 [9].

    `codes` are the code points of all words in a row (uint32), `starts` where each word begins, plus the end (int64 [words + 1]).
    Top: the words joined by one space, length × occurrences of the most frequent, the first to occur among equals; 0 without any.
    Duplicate: the walk of `curation.features` (`duplicate_5word_fraction`).
    """
    words = len(starts) - 1
    out = np.zeros(9, np.int64)
    prefix, power = _rolling(codes)
    size = 16
    while size < 2 * (words + 1):
        size *= 2
    keys, stamps = np.zeros(size, np.uint64), np.zeros(size, np.int32)
    counts, firsts = np.zeros(size, np.int64), np.zeros(size, np.int64)
    for n in range(2, 5):
        best_count, best_first = 0, 0
        for i in range(words - n + 1):
            key = np.uint64(n)
            for j in range(i, i + n):
                a, b = starts[j], starts[j + 1]
                key = _mix(key * _BASE + (prefix[b] - prefix[a] * power[b - a]))
            at = _slot(key, keys, stamps, n)
            if stamps[at] != n:
                stamps[at], keys[at], counts[at], firsts[at] = n, key, 0, i
            counts[at] += 1
            if counts[at] > best_count or (counts[at] == best_count and firsts[at] < best_first):
                best_count, best_first = counts[at], firsts[at]
        if best_count:
            out[n - 2] = (starts[best_first + n] - starts[best_first] + n - 1) * best_count
    for n in range(5, 11):
        i = 0
        while i < words - n + 1:
            a, b = starts[i], starts[i + n]
            key = _mix(prefix[b] - prefix[a] * power[b - a])
            at = _slot(key, keys, stamps, n)
            if stamps[at] == n:
                out[n - 2] += b - a
                i += n
            else:
                stamps[at], keys[at] = n, key
                i += 1
    return out


@njit(cache=True, nogil=True)
def repeated_windows(codes: np.ndarray, starts: np.ndarray, n: int) -> int:
    """How many windows of n words occur more than once, every occurrence counted."""
    windows = len(starts) - n
    if windows < 2:
        return 0
    prefix, power = _rolling(codes)
    size = 16
    while size < 2 * windows:
        size *= 2
    keys, stamps, counts = np.zeros(size, np.uint64), np.zeros(size, np.int32), np.zeros(size, np.int64)
    repeated = 0
    for i in range(windows):
        key: Any = np.uint64(n)
        for j in range(i, i + n):
            a, b = starts[j], starts[j + 1]
            key = _mix(key * _BASE + (prefix[b] - prefix[a] * power[b - a]))
        at = _slot(key, keys, stamps, 1)
        if stamps[at] != 1:
            stamps[at], keys[at] = 1, key
        counts[at] += 1
        if counts[at] == 2:
            repeated += 2
        elif counts[at] > 2:
            repeated += 1
    return repeated
