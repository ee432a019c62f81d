"""Character 5-grams of a normal form, and the exact Jaccard similarity of two forms over them.

A form of n ≥ 5 characters has up to n − 4 distinct shingles; a shorter one is a single shingle, the whole form; the empty form
has none. Shingles are compared as 64-bit hashes: over the 10^4 shingles of a page the chance that any two meet is 3e-12.
Short forms get no special case. What follows for them (and is tested): one character replaced in the middle of a form of n
distinct shingles' length costs 5 of its n − 4 shingles, so J = (n − 9) / (n + 1) and τ = 0.8 asks for n ≥ 49; under that, one
different character already makes two texts different.
"""

import numpy as np

_MASK = (1 << 64) - 1
_POWERS = (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F)
WIDTH = 5
"""Characters in a shingle."""


def shingles(form: str) -> set[str]:
    """Distinct character 5-grams of a form.

    >>> sorted(shingles("きょうは晴れ")), shingles("晴れ"), shingles("")
    (['きょうは晴', 'ょうは晴れ'], {'晴れ'}, set())
    """
    if len(form) < WIDTH:
        return {form} if form else set()
    return {form[i : i + WIDTH] for i in range(len(form) - WIDTH + 1)}


def jaccard(a: str, b: str) -> float:
    """Exact Jaccard similarity of two forms over distinct 5-grams, in [0, 1]; two empty forms are equal, 1.0.

    >>> jaccard("きょうは晴れ", "きょうは晴れだ"), jaccard("", ""), jaccard("晴れ", "")
    (0.6666666666666666, 1.0, 0.0)
    """
    x, y = shingles(a), shingles(b)
    return len(x & y) / len(x | y) if x or y else 1.0


def _mix(h: int) -> int:
    h ^= h >> 33
    h = h * 0xFF51AFD7ED558CCD & _MASK
    h ^= h >> 33
    h = h * 0xC4CEB9FE1A85EC53 & _MASK
    return h ^ (h >> 33)


def shingle_words(form: str) -> np.ndarray:
    """Distinct 64-bit hashes of a form's shingles, sorted, uint64. The reference of the kernel behind `ShingleSets`."""
    points = [ord(c) for c in form]
    if 0 < len(points) < WIDTH:
        h = len(points)
        for c in points:
            h = (h * _POWERS[0] + c) & _MASK
        return np.array([_mix(h)], np.uint64)
    grams = {tuple(points[i : i + WIDTH]) for i in range(len(points) - WIDTH + 1)}
    words = {_mix(sum(c * p for c, p in zip(gram, _POWERS, strict=True)) & _MASK) for gram in grams}
    return np.array(sorted(words), np.uint64)
