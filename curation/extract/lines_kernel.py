"""The compiled pass over extracted lines: blank lines, indents and marks go, preformatted lines stay.

The plain reference is `japanese_lines.tidy`.
"""

from numba import njit


@njit(cache=True, nogil=True)
def _blank(src, i, n):
    """Bytes of the white space at i: 1 ASCII, 2 for U+00A0 and ¶ (a link to its own heading), 3 for U+3000 and U+200B, or 0."""
    c = src[i]
    if c == 32 or (9 <= c <= 13 and c != 10):
        return 1
    if c == 0xC2 and i + 1 < n and (src[i + 1] == 0xA0 or src[i + 1] == 0xB6):
        return 2
    if c == 0xE3 and i + 2 < n and src[i + 1] == 0x80 and src[i + 2] == 0x80:
        return 3
    if c == 0xE2 and i + 2 < n and src[i + 1] == 0x80 and src[i + 2] == 0x8B:
        return 3
    return 0


@njit(cache=True, nogil=True)
def tidy(src, n, out):
    """Copies the lines of src[:n] to `out` (at least n bytes) as `curation.extract.japanese_lines.tidy` describes; bytes written."""
    o = 0
    i = 0
    blanks = 0
    kept_pre = False
    while i < n:
        start = i
        while i < n and src[i] != 10:
            i += 1
        stop = i
        i += 1
        k = start
        while k < stop and (src[k] == 32 or src[k] == 9):
            k += 1
        pre = k + 2 < stop and src[k] == 0xEF and src[k + 1] == 0xB7 and src[k + 2] == 0x91
        begin = o
        if begin:
            out[o] = 10
            o += 1
            if pre and kept_pre:
                for _ in range(blanks):
                    out[o] = 10
                    o += 1
        first = o
        last = o
        gap = 0
        while k < stop:
            c = src[k]
            if gap == 0 and (32 < c < 0x80 or 0xE3 <= c < 0xEF):  # runs of ordinary characters
                ran = o
                while k < stop:
                    c = src[k]
                    if 32 < c < 0x80:
                        out[o] = c
                        o += 1
                        k += 1
                    elif 0xE3 <= c < 0xEF and k + 2 < stop and not (c == 0xE3 and src[k + 1] == 0x80):
                        out[o] = c
                        out[o + 1] = src[k + 1]
                        out[o + 2] = src[k + 2]
                        o += 3
                        k += 3
                    else:
                        break
                last = o if o > ran else last
                if k >= stop:
                    break
            if c == 0xEF and k + 2 < stop and src[k + 1] == 0xB7 and 0x90 <= src[k + 2] <= 0x91:
                k += 3
                continue
            size = _blank(src, k, stop)
            if size == 0:
                if gap and not pre and o > first:
                    out[o] = 9 if gap == 2 else 32
                    o += 1
                gap = 0
                out[o] = c
                o += 1
                last = o
                k += 1
            elif size == 1 and not pre:
                gap = 2 if c == 9 else max(gap, 1)
                k += 1
            else:
                if gap:
                    if o > first:
                        out[o] = 9 if gap == 2 else 32
                        o += 1
                    gap = 0
                for _ in range(size):
                    out[o] = src[k]
                    o += 1
                    k += 1
        if last == first:
            o = begin
            if pre and kept_pre:
                blanks += 1
        else:
            o = last
            kept_pre = pre
            blanks = 0
    return o
