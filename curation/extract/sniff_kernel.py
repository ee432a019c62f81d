"""Compiled twin of `sniff.kana_evidence`: the same count over all payloads of a batch, in place, stopping once there is enough."""

import numpy as np
from numba import njit


@njit(cache=True, nogil=True)
def kana_evidence_rows(data: np.ndarray, bounds: np.ndarray, enough: int) -> np.ndarray:
    """Kana evidence of each payload (int64); counting a payload stops at `enough`, so larger counts are at least that."""
    counts = np.zeros(len(bounds) - 1, np.int64)
    for row in range(len(counts)):
        counts[row] = _evidence(data, bounds[row], bounds[row + 1], enough)
    return counts


@njit(cache=True, nogil=True)
def _wide(data, start, end):
    little = 0
    big = 0
    for i in range(start, end - 1, 2):
        low, high = data[i], data[i + 1]
        little += high == 0x30 and low >= 0x41
        big += low == 0x30 and high >= 0x41
    return max(little, big)


@njit(cache=True, nogil=True)
def _utf8_length(data, i, end):
    """Bytes of the UTF-8 sequence at i by its byte pattern; 0 when there is none."""
    b = data[i]
    if b < 0xC2 or b > 0xF4:
        return 0
    n = 2 if b < 0xE0 else (3 if b < 0xF0 else 4)
    if i + n > end:
        return 0
    for k in range(1, n):
        if data[i + k] & 0xC0 != 0x80:
            return 0
    return n


@njit(cache=True, nogil=True)
def _reference(data, i, end):
    """Value of &#DDDDD; or &#xHHHH; at i, else 0."""
    if i + 7 >= end or data[i + 1] != 0x23:
        return 0
    is_hex = data[i + 2] | 0x20 == 0x78
    value = 0
    for k in range(3 if is_hex else 2, 7):
        b = data[i + k]
        if 0x30 <= b <= 0x39:
            digit = b - 0x30
        elif is_hex and 0x61 <= b | 0x20 <= 0x66:
            digit = (b | 0x20) - 0x57
        else:
            return 0
        value = value * (16 if is_hex else 10) + digit
    return value if data[i + 7] == 0x3B else 0


@njit(cache=True, nogil=True)
def _evidence(data, start, end, enough):
    if end - start < 2:
        return 0
    first, second = data[start], data[start + 1]
    if (first == 0xFF and second == 0xFE) or (first == 0xFE and second == 0xFF):
        return _wide(data, start, end)
    for i in range(start, min(end, start + 64)):
        if data[i] == 0:
            return _wide(data, start, end)
    utf8 = sjis = euc = jis = reference = pairs = contradictions = 0
    i = start
    while i < end:
        b = data[i]
        if b < 0x80:
            if b == 0x26:
                value = _reference(data, i, end)
                if value:
                    reference += 0x3041 <= value <= 0x30FF
                    i += 8
                    continue
            elif b == 0x1B and i + 2 < end and data[i + 1] == 0x24 and (data[i + 2] == 0x40 or data[i + 2] == 0x42):
                i += 3
                while i + 1 < end and data[i] != 0x1B and data[i] != 0x0A and data[i] != 0x0D:
                    row, cell = data[i], data[i + 1]
                    if cell == 0x1B or cell == 0x0A or cell == 0x0D:
                        i += 1
                        break
                    jis += (row == 0x24 or row == 0x25) and 0x21 <= cell <= 0x76
                    i += 2
                continue
            i += 1
            continue
        n = _utf8_length(data, i, end)
        if n:
            if (
                n == 3
                and b == 0xE3
                and 0x81 <= data[i + 1] <= 0x83
                and not (data[i + 1] == 0x81 and data[i + 2] == 0x80)
            ):
                utf8 += 1
                if utf8 + reference >= enough:
                    break
            i += n
            continue
        t = data[i + 1] if i + 1 < end else 0
        if b >= 0xA1 and t >= 0xA1 and b != 0xFF and t != 0xFF:
            pairs += 1
            euc += (b == 0xA4 and t <= 0xF3) or (b == 0xA5 and t <= 0xF6)
            i += 2
            continue
        contradictions += b != 0x8E and b != 0x8F
        if (0x81 <= b <= 0x9F or 0xE0 <= b <= 0xFC) and 0x40 <= t <= 0xFC and t != 0x7F:
            if (b == 0x82 and 0x9F <= t <= 0xF1) or (b == 0x83 and t <= 0x96):
                sjis += 1
                if sjis + reference >= enough:
                    break
            i += 2
        else:
            i += 1
    if 8 * contradictions > pairs:
        euc = 0
    return max(max(utf8, sjis), max(euc, jis)) + reference
