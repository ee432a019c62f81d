"""Compiled kernels from UTF-8 to normal form to MinHash signature; imported in `setup()` because numba is heavy.

The references are plain Python: `normal_form` for the form, `shingles.shingle_words` and `minhash.signature` for the signature.
A text that the table cannot settle one code point at a time (combining marks, jamo, malformed UTF-8, a form longer than its text)
is refused here and takes the reference; kana with (han)dakuten, the frequent case in Japanese, is settled here.
"""

import numpy as np
from numba import njit, uint8, uint32, uintp

REMOVED, COMPOSES, VOICED, SEMI_VOICED, EXPANDS = -1, -2, -3, -4, -10
"""Entries of the fold table that are no code point; EXPANDS − k is expansion k."""

REFUSED = -1
"""What `form_points` returns for a text that must take the reference."""

SLACK = 16
"""Code points, and bytes, that a form may have beyond the bytes of its text."""

_BLOCK = 4096
_P0, _P1, _P2, _P3, _P4 = (np.uint32(p) for p in (0x165667B1, 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F))


@njit(cache=True, nogil=True, inline="always")
def _with_mark(kana: int, mark: int) -> int:
    """The kana with a VOICED or SEMI_VOICED mark, 0 where NFC joins none."""
    katakana = 0x30A1 <= kana <= 0x30FE
    k = kana - 0x60 if katakana else kana
    ha_row = 0x306F <= k <= 0x307B and (k - 0x306F) % 3 == 0
    if mark == SEMI_VOICED:
        return kana + 2 if ha_row else 0
    ka_to_chi = 0x304B <= k <= 0x3061 and k % 2 == 1
    tsu_te_to = k == 0x3064 or k == 0x3066 or k == 0x3068
    if ha_row or ka_to_chi or tsu_te_to or k == 0x309D:
        return kana + 1
    if k == 0x3046:
        return kana + 0x4E
    if katakana and 0x30EF <= kana <= 0x30F2:
        return kana + 8
    return 0


@njit(cache=True, nogil=True)
def form_points(
    data: np.ndarray, start: int, end: int, table: np.ndarray, pool_start: np.ndarray, pool: np.ndarray, out: np.ndarray
) -> int:
    """Code points of the normal form of data[start:end] (UTF-8) into `out` (≥ end − start + SLACK); their number or REFUSED.

    Indices are unsigned: numba checks a signed one for being negative at every access, a third of this loop's time.
    """
    n = uintp(0)
    i, stop = uintp(start), uintp(end)
    one, two, three = uintp(1), uintp(2), uintp(3)
    room = uintp(end - start + SLACK)
    expanded = uintp(
        0
    )  # where the last expansion ended: if not in kana, it may end in a mark, before which a dakuten is sorted
    while i < stop:
        b = uint32(data[i])
        if uint32(b - uint32(0xE0)) < uint32(0x10):
            if i + two >= stop:
                return REFUSED
            b1, b2 = uint32(data[i + one]), uint32(data[i + two])
            c = ((b & uint32(0x0F)) << uint32(12)) | ((b1 & uint32(0x3F)) << uint32(6)) | (b2 & uint32(0x3F))
            if (b1 & uint32(0xC0)) != uint32(0x80) or (b2 & uint32(0xC0)) != uint32(0x80) or c < uint32(0x800):
                return REFUSED
            i += three
        elif b < uint32(0x80):
            c = b
            i += one
        elif b < uint32(0xE0):
            if b < uint32(0xC2) or i + one >= stop:
                return REFUSED
            b1 = uint32(data[i + one])
            if (b1 & uint32(0xC0)) != uint32(0x80):
                return REFUSED
            c = ((b & uint32(0x1F)) << uint32(6)) | (b1 & uint32(0x3F))
            i += two
        else:
            if b > uint32(0xF4) or i + three >= stop:
                return REFUSED
            b1, b2, b3 = uint32(data[i + one]), uint32(data[i + two]), uint32(data[i + three])
            if (
                (b1 & uint32(0xC0)) != uint32(0x80)
                or (b2 & uint32(0xC0)) != uint32(0x80)
                or (b3 & uint32(0xC0)) != uint32(0x80)
            ):
                return REFUSED
            c = ((b & uint32(0x07)) << uint32(18)) | ((b1 & uint32(0x3F)) << uint32(12))
            c |= ((b2 & uint32(0x3F)) << uint32(6)) | (b3 & uint32(0x3F))
            if c < uint32(0x10000) or c > uint32(0x10FFFF):
                return REFUSED
            i += uintp(4)
        t = table[c]
        if t >= 0:
            out[n] = uint32(t)
            n += one
        elif t == REMOVED:
            continue
        elif t <= EXPANDS:
            k = EXPANDS - t
            if n + uintp(pool_start[k + 1] - pool_start[k]) + (stop - i) > room:
                return REFUSED
            for j in range(pool_start[k], pool_start[k + 1]):
                out[n] = pool[j]
                n += one
            expanded = n
        elif t == COMPOSES or (n and n == expanded and uint32(out[n - one] - uint32(0x3041)) > uint32(0xBE)):
            return REFUSED
        else:
            joined = _with_mark(int(out[n - one]), int(t)) if n else 0
            if joined:
                out[n - one] = uint32(joined)
            else:
                out[n] = uint32(0x3099) if t == VOICED else uint32(0x309A)
                n += one
    return np.int64(n)  # pyright: ignore[reportReturnType]


@njit(cache=True, nogil=True)
def utf8_length(points: np.ndarray, n: int) -> int:
    """Bytes of the UTF-8 of points[:n]."""
    total = n
    for i in range(n):
        c = points[i]
        total += int(c > uint32(0x7F)) + int(c > uint32(0x7FF)) + int(c > uint32(0xFFFF))
    return total


@njit(cache=True, nogil=True)
def write_utf8(points: np.ndarray, n: int, out: np.ndarray, at: int) -> int:
    """Writes points[:n] as UTF-8 to out[at:]; the end position. Indices are unsigned so that none is checked for being negative."""
    w = uintp(at)
    for i in range(uintp(n)):
        c = points[i]
        if uint32(c - uint32(0x800)) < uint32(0xF800):
            out[w] = uint8(uint32(0xE0) | (c >> uint32(12)))
            out[w + uintp(1)] = uint8(uint32(0x80) | ((c >> uint32(6)) & uint32(0x3F)))
            out[w + uintp(2)] = uint8(uint32(0x80) | (c & uint32(0x3F)))
            w += uintp(3)
        elif c < uint32(0x80):
            out[w] = uint8(c)
            w += uintp(1)
        elif c < uint32(0x800):
            out[w] = uint8(uint32(0xC0) | (c >> uint32(6)))
            out[w + uintp(1)] = uint8(uint32(0x80) | (c & uint32(0x3F)))
            w += uintp(2)
        else:
            out[w] = uint8(uint32(0xF0) | (c >> uint32(18)))
            out[w + uintp(1)] = uint8(uint32(0x80) | ((c >> uint32(12)) & uint32(0x3F)))
            out[w + uintp(2)] = uint8(uint32(0x80) | ((c >> uint32(6)) & uint32(0x3F)))
            out[w + uintp(3)] = uint8(uint32(0x80) | (c & uint32(0x3F)))
            w += uintp(4)
    return np.int64(w)  # pyright: ignore[reportReturnType]


@njit(cache=True, nogil=True, inline="always")
def _mix32(h: np.uint32) -> np.uint32:
    h = uint32(h ^ (h >> uint32(16)))
    h = uint32(h * uint32(0x85EBCA6B))
    h = uint32(h ^ (h >> uint32(13)))
    h = uint32(h * uint32(0xC2B2AE35))
    return uint32(h ^ (h >> uint32(16)))


@njit(cache=True, nogil=True)
def sign(points: np.ndarray, n: int, a: np.ndarray, b: np.ndarray, signature: np.ndarray) -> None:
    """MinHash of the 5-grams of points[:n] into `signature` (uint32, a multiple of 4 long): min over shingles of a·h + b mod 2^32.

    Blocks of shingles stay in the L1 cache; inside one, four permutations run over a vector of shingles (the loop order that
    LLVM vectorises: permutations inside cost 14 times as much). n = 0 leaves 2^32 − 1 everywhere; under 5 points, one shingle.
    """
    for k in range(len(signature)):
        signature[k] = uint32(0xFFFFFFFF)
    if n == 0:
        return
    block = np.empty(_BLOCK, np.uint32)
    if n < 5:
        h = uint32(n)
        for i in range(n):
            h = uint32(uint32(h * _P1) + points[i])
        block[0] = _mix32(h)
        _minima(block, _filled(block, 1), a, b, signature)
        return
    for first in range(0, n - 4, _BLOCK):
        m = min(_BLOCK, n - 4 - first)
        _hashes(points[first : first + m + 4], block)
        _minima(block, _filled(block, m), a, b, signature)


@njit(cache=True, nogil=True)
def _hashes(points: np.ndarray, block: np.ndarray) -> None:
    """32-bit hashes of the 5-grams of points; a loop over a slice from 0, because LLVM vectorises no index that may be negative."""
    for i in range(len(points) - 4):
        h = uint32(uint32(points[i] * _P0) + uint32(points[i + 1] * _P1))
        h = uint32(h + uint32(points[i + 2] * _P2))
        h = uint32(h + uint32(points[i + 3] * _P3))
        block[i] = _mix32(uint32(h + uint32(points[i + 4] * _P4)))


@njit(cache=True, nogil=True)
def _filled(block: np.ndarray, m: int) -> int:
    """Repeats the last of m shingles up to whole vectors, which changes no minimum and leaves the loop no scalar rest."""
    whole = (m + 63) & ~63
    for j in range(m, whole):
        block[j] = block[m - 1]
    return whole


@njit(cache=True, nogil=True)
def _minima(block: np.ndarray, m: int, a: np.ndarray, b: np.ndarray, signature: np.ndarray) -> None:
    for k in range(0, len(signature), 4):
        a0, a1, a2, a3 = a[k], a[k + 1], a[k + 2], a[k + 3]
        b0, b1, b2, b3 = b[k], b[k + 1], b[k + 2], b[k + 3]
        m0, m1, m2, m3 = signature[k], signature[k + 1], signature[k + 2], signature[k + 3]
        for i in range(m):
            h = block[i]
            m0 = min(m0, uint32(uint32(a0 * h) + b0))
            m1 = min(m1, uint32(uint32(a1 * h) + b1))
            m2 = min(m2, uint32(uint32(a2 * h) + b2))
            m3 = min(m3, uint32(uint32(a3 * h) + b3))
        signature[k], signature[k + 1], signature[k + 2], signature[k + 3] = m0, m1, m2, m3


@njit(cache=True, nogil=True)
def sign_rows(
    data: np.ndarray,
    offsets: np.ndarray,
    valid: np.ndarray,
    table: np.ndarray,
    pool_start: np.ndarray,
    pool: np.ndarray,
    a: np.ndarray,
    b: np.ndarray,
    points: np.ndarray,
    forms: np.ndarray,
    ends: np.ndarray,
    lengths: np.ndarray,
    signatures: np.ndarray,
) -> None:
    """Forms, their lengths and signatures of rows in one pass over an Arrow text buffer.

    data uint8, offsets int64 [rows + 1], valid bool [rows]; points is scratch for the longest row, forms takes the UTF-8 of all
    forms one after another (each no longer than its text + SLACK), ends [rows] where each stops. lengths[r] is the form's number
    of code points, REFUSED where the row must take the reference or is null.
    """
    at = 0
    for r in range(len(offsets) - 1):
        n = REFUSED
        if valid[r]:
            n = form_points(data, offsets[r], offsets[r + 1], table, pool_start, pool, points)
        if n != REFUSED and utf8_length(points, n) > offsets[r + 1] - offsets[r] + SLACK:
            n = REFUSED
        lengths[r] = n
        if n != REFUSED:
            at = write_utf8(points, n, forms, at)
            sign(points, n, a, b, signatures[r])
        ends[r] = at
