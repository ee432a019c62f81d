"""One code point from UTF-8 bytes, and runs of bytes copied, for compiled kernels.

Numba keeps compiled code by the date of the file it stands in: after a change here, touch the kernels that import it.
"""

from numba import njit


@njit(nogil=True)
def code_point(data, i, end):
    """Code point at byte i and its length in bytes, reading no byte at or after `end`.

    A sequence cut by `end` or above U+10FFFF is U+FFFD; other malformed input gives some code point, never an error.
    """
    b = data[i]
    if b < 0x80:
        return int(b), 1
    if b < 0xE0:
        if i + 1 >= end:
            return 0xFFFD, 1
        return ((int(b) & 0x1F) << 6) | (int(data[i + 1]) & 0x3F), 2
    if b < 0xF0:
        if i + 2 >= end:
            return 0xFFFD, 1
        return ((int(b) & 0x0F) << 12) | ((int(data[i + 1]) & 0x3F) << 6) | (int(data[i + 2]) & 0x3F), 3
    if i + 3 >= end:
        return 0xFFFD, 1
    c = ((int(b) & 0x07) << 18) | ((int(data[i + 1]) & 0x3F) << 12) | ((int(data[i + 2]) & 0x3F) << 6)
    c |= int(data[i + 3]) & 0x3F
    return (c if c <= 0x10FFFF else 0xFFFD), 4


@njit(nogil=True, cache=True)
def copied(out, w, data, start, stop):
    """Copies data[start:stop] to out[w:]; returns where it ends there. Long runs go by memcpy, short ones are not worth the call."""
    if stop - start > 48:
        out[w : w + stop - start] = data[start:stop]
    else:
        for q in range(stop - start):
            out[w + q] = data[start + q]
    return w + stop - start
