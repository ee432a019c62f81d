"""Reading markup byte by byte, compiled: names, attributes, raw text, character references and runs of text.

A tokenizer after WHATWG HTML 13.2.5 over UTF-8 in place, as far as extraction needs one. Nothing is allocated, nothing is looked
ahead beyond a bound, and no byte outside the given range is read, whatever stands there.
"""

import numpy as np
from numba import njit

from curation.extract import tags as T
from curation.extract.char_class import CLASSES as _CLASSES

_INLINE = T.INLINE
_LOOK = 2000
"""Bytes looked ahead for the end of a cell's only paragraph."""


def name_hash(name: bytes) -> int:
    """FNV-1a of a name in lower case, as a signed 64-bit integer: how tag names and class tokens are looked up."""
    h = 0xCBF29CE484222325
    for b in name.lower():
        h = ((h ^ b) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h - (1 << 64) if h >> 63 else h


def _table(bits: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    pairs = sorted((name_hash(n.encode()), b) for n, b in bits.items())
    return np.array([p[0] for p in pairs], np.int64), np.array([p[1] for p in pairs], np.int64)


TAG_HASH, TAG_BITS = _table(T.TAGS)
_CLASS_HASH, _CLASS_BITS = _table(
    {
        **dict.fromkeys(T.AROUND_CLASSES, T.AROUND),
        **dict.fromkeys(T.CONTENTS_CLASSES, T.CONTENTS),
        **dict.fromkeys(T.NAVIGATION_CLASSES | T.NAVIGATION_ROLES, T.NAVIGATION),
    }
)
_H = {
    n: np.int64(name_hash(n.encode()))
    for n in "a p div td th rt rp rtc ruby html body meta link img pre id class role style".split()
}
A, P, DIV, TD, TH, RT, RP, RTC, RUBY = (_H[n] for n in "a p div td th rt rp rtc ruby".split())
HTML, BODY, META, LINK, IMG = (_H[n] for n in "html body meta link img".split())
_ID, _CLASS, _ROLE, _STYLE = (_H[n] for n in "id class role style".split())
_HREF, _REL, _XMLNS = (np.int64(name_hash(n)) for n in (b"href", b"rel", b"xmlns"))
CONTAINERS = np.array(
    sorted(
        name_hash(n.encode())
        for n in "div section ul ol dl table td p header footer aside form tr tbody center".split()
    ),
    np.int64,
)


@njit(cache=True, nogil=True)
def space(c):
    """White space of HTML: space, tab, line feed, form feed, carriage return."""
    return c == 32 or (9 <= c <= 13 and c != 11)


@njit(cache=True, nogil=True)
def letter(c):
    """An ASCII letter."""
    return 97 <= (c | 32) <= 122


@njit(cache=True, nogil=True)
def markup_at(src, i, n):
    """Whether a tag, comment or declaration starts at i, and not a bare '<'."""
    if src[i] != 60 or i + 1 >= n:
        return False
    c = src[i + 1]
    return letter(c) or c == 47 or c == 33 or c == 63


@njit(cache=True, nogil=True)
def find(keys, h):
    """Place of a hash in the sorted keys, −1 where it is not."""
    lo, hi = 0, len(keys)
    while lo < hi:
        mid = (lo + hi) >> 1
        if keys[mid] < h:
            lo = mid + 1
        else:
            hi = mid
    if lo < len(keys) and keys[lo] == h:
        return lo
    return -1


@njit(cache=True, nogil=True)
def name_hash_at(src, i, j):
    """FNV-1a of src[i:j], ASCII letters in lower case."""
    h = np.uint64(0xCBF29CE484222325)
    for k in range(i, j):
        c = src[k]
        if 65 <= c <= 90:
            c |= 32
        h = (h ^ np.uint64(c)) * np.uint64(0x100000001B3)
    return np.int64(h)


@njit(cache=True, nogil=True)
def _class(cp):
    """`char_class.char_class`, compiled."""
    if cp < 0x10000:
        return np.int64(_CLASSES[cp])
    if 0x20000 <= cp < 0x40000:
        return np.int64(3)
    return np.int64(0 if 0x1F000 <= cp < 0x1FB00 else 1)


@njit(cache=True, nogil=True)
def word_in(src, i, j, word):
    """Whether the lower-case ASCII `word` stands anywhere in src[i:j], whatever its case."""
    m = len(word)
    for k in range(i, j - m + 1):
        q = 0
        while q < m:
            c = src[k + q]
            if 65 <= c <= 90:
                c |= 32
            if c != word[q]:
                break
            q += 1
        if q == m:
            return True
    return False


@njit(cache=True, nogil=True)
def _tokens(src, i, j):
    bits = 0
    while i < j:
        while i < j and space(src[i]):
            i += 1
        k = i
        while k < j and not space(src[k]):
            k += 1
        if k > i:
            at = find(_CLASS_HASH, name_hash_at(src, i, k))
            if at >= 0:
                bits |= _CLASS_BITS[at]
        i = k
    return bits


_HIDDEN = np.frombuffer(b" hidden", np.uint8)
_NONE = np.frombuffer(b"none", np.uint8)
BOT = np.frombuffer(b"bot", np.uint8)
TDM = np.frombuffer(b"tdm-", np.uint8)
_LICEN = np.frombuffer(b"licen", np.uint8)
_CC = np.frombuffer(b"creativecommons", np.uint8)
_DISPLAY = np.frombuffer(b"display", np.uint8)
XHTML_WORD = np.frombuffer(b"xhtml", np.uint8)


@njit(cache=True, nogil=True)
def attributes(src, i, n, found):
    """From after a tag's name to after its '>'.

    found: [0] class bits, [1] hidden by style, [2] self-closed, [3] href, [4] xmlns, [5] whole, [6] licence link.

    Returns (place of the '>' or n, place where the attributes end).
    """
    found[:] = 0
    stop = i
    while i < n:
        c = src[i]
        if c == 62:
            found[5] = 1
            return i, stop
        if space(c):
            i += 1
            continue
        if c == 47:
            if i + 1 < n and src[i + 1] == 62:
                found[2] = 1
                found[5] = 1
                return i + 1, stop
            i += 1
            continue
        a0 = i
        i += 1
        while i < n and src[i] != 61 and src[i] != 62 and src[i] != 47 and not space(src[i]):
            i += 1
        a1 = i
        stop = i
        k = i
        while k < n and space(src[k]):
            k += 1
        v0 = v1 = a1
        if k < n and src[k] == 61:
            i = k + 1
            while i < n and space(src[i]):
                i += 1
            if i >= n:
                break
            c = src[i]
            if c == 34 or c == 39:
                v0 = i + 1
                i = v0
                while i < n and src[i] != c:
                    i += 1
                v1 = i
                i += 1
            else:
                v0 = i
                while i < n and src[i] != 62 and not space(src[i]):
                    i += 1
                v1 = i
            stop = min(i, n)
        if v1 > v0 and a1 - a0 <= 5:
            h = name_hash_at(src, a0, a1)
            if h == _CLASS or h == _ID or h == _ROLE:
                found[0] |= _tokens(src, v0, v1)
            elif h == _STYLE:
                if v1 - v0 < 500 and word_in(src, v0, v1, _DISPLAY) and word_in(src, v0, v1, _NONE):
                    found[1] = 1
            elif h == _HREF:
                found[3] = 1
                if v1 - v0 > 26 and src[v0 + 1] != 35 and word_in(src, v0, min(v1, v0 + 32), _CC):
                    found[6] = 1
            elif h == _REL:
                if word_in(src, v0, v1, _LICEN):
                    found[6] = 1
            elif h == _XMLNS:
                found[4] = 1
    return n, n


@njit(cache=True, nogil=True)
def hide(out, at):
    """Writes the attribute ` hidden` over seven places."""
    for k in range(7):
        out[at + k] = _HIDDEN[k]


@njit(cache=True, nogil=True)
def put3(out, o, last2):
    """Writes a character of three bytes that starts with 0xEF; `last2` holds the other two."""
    out[o] = 0xEF
    out[o + 1] = last2 >> 8
    out[o + 2] = last2 & 255
    return o + 3


@njit(cache=True, nogil=True)
def copy(src, i, j, out, o):
    """Copies src[i:j] to out from o on; returns the place after it."""
    for k in range(i, j):
        out[o] = src[k]
        o += 1
    return o


@njit(cache=True, nogil=True)
def end_of_raw(src, i, n, name0, name1):
    """Place of the '<' of the end tag that closes raw text opened by src[name0:name1], or n."""
    m = name1 - name0
    while i < n:
        if src[i] == 60 and i + 2 + m <= n and src[i + 1] == 47:
            q = 0
            while q < m and (src[i + 2 + q] | 32) == (src[name0 + q] | 32):
                q += 1
            if q == m:
                k = i + 2 + m
                if k >= n or space(src[k]) or src[k] == 62 or src[k] == 47:
                    return i
        i += 1
    return n


@njit(cache=True, nogil=True)
def only_block(src, i, n, name):
    """Whether the block `name`, opened just before i in a table cell, is all that the cell holds."""
    end = min(n, i + _LOOK)
    while i < end:
        if src[i] != 60:
            i += 1
            continue
        close = i + 1 < n and src[i + 1] == 47
        k = i + 2 if close else i + 1
        j = k
        while j < end and (letter(src[j]) or 48 <= src[j] <= 57):
            j += 1
        h = name_hash_at(src, k, j)
        if close and h == name:
            while j < end and src[j] != 62:
                j += 1
            j += 1
            while j < end and space(src[j]):
                j += 1
            if j + 4 >= end or src[j] != 60 or src[j + 1] != 47:
                return False
            h = name_hash_at(src, j + 2, j + 4)
            return h == TD or h == TH
        at = find(TAG_HASH, h)
        if at < 0 or not TAG_BITS[at] & _INLINE:
            return False
        i = j
    return False


PENDING, BEFORE, NODE_CHARS, NODE_THREE, LETTERS, LINK_LETTERS, IN_PRE, IN_LINK, IN_RT, IN_RP, RUBY_KEEP, LEAN = range(
    12
)
"""Places of the text's state: a line break not yet written, class of the character before (-1 at a block's start), characters of the
text node up to two and whether the first has three bytes, letters so far (in links), what the text stands in, the ruby rule,
and whether attributes are left out."""


@njit(cache=True, nogil=True)
def _entity(src, i, n):
    """(bytes, code point) of the character reference at i; (1, '&') for a bare ampersand, '&' for named ones."""
    k = i + 1
    value = np.int64(0)
    if k < n and src[k] == 35:
        k += 1
        base = 10
        if k < n and (src[k] | 32) == 120:
            base = 16
            k += 1
        while k < n and k < i + 12:
            d = np.int64(src[k])
            if 48 <= d <= 57:
                d -= 48
            elif base == 16 and 97 <= (d | 32) <= 102:
                d = (d | 32) - 87
            else:
                break
            value = min(value * base + d, 0x110000)
            k += 1
    else:
        while k < n and k < i + 12 and (letter(src[k]) or 48 <= src[k] <= 57):
            k += 1
    if k < n and src[k] == 59:
        return k + 1 - i, value if value else np.int64(38)
    return 1, np.int64(38)


@njit(cache=True, nogil=True)
def copy_text(src, i, n, out, o, cap, state):
    """Copies text from i up to the next markup; (place, bytes written so far), the latter inverted where `out` is full."""
    pending = state[PENDING]
    before = state[BEFORE]
    node_chars = state[NODE_CHARS]
    letters = np.int64(0)
    in_pre = state[IN_PRE]
    writes = not (state[IN_RP] and state[RUBY_KEEP])
    full = False
    while i < n:
        c = np.int64(src[i])
        if o > cap:
            full = True
            break
        size = 1
        cp = c
        if c >= 0xE0:
            if c >= 0xF0:
                if i + 3 < n:
                    cp = (
                        ((c & 7) << 18)
                        | (np.int64(src[i + 1] & 63) << 12)
                        | (np.int64(src[i + 2] & 63) << 6)
                        | np.int64(src[i + 3] & 63)
                    )
                    size = 4
            elif i + 2 < n:
                cp = ((c & 15) << 12) | (np.int64(src[i + 1] & 63) << 6) | np.int64(src[i + 2] & 63)
                size = 3
                if 0xFDD0 <= cp <= 0xFDEF:
                    i += 3
                    continue
        elif c >= 0x80:
            if c >= 0xC0 and i + 1 < n:
                cp = ((c & 31) << 6) | np.int64(src[i + 1] & 63)
                size = 2
        elif c <= 32:
            if c == 0:
                i += 1
                continue
            if space(c):
                if in_pre:
                    if c == 13:
                        if i + 1 < n and src[i + 1] == 10:
                            i += 1
                        c = 10
                    out[o] = c
                    o += 1
                    i += 1
                    if c == 10:
                        o = put3(out, o, 0xB791)
                    continue
                broken = False
                while i < n and space(src[i]):
                    broken |= src[i] == 10 or src[i] == 13
                    i += 1
                if broken:
                    pending = 1
                elif not pending:
                    out[o] = 32
                    o += 1
                continue
        elif c == 60:
            if markup_at(src, i, n):
                break
        elif c == 38:
            size, cp = _entity(src, i, n)
        kind = _class(cp)
        if pending:
            if before < 0 or not (before & kind & 2 or (before | kind) & 4):
                out[o] = 10
                o += 1
            pending = 0
        before = kind
        if node_chars < 2:
            if node_chars == 0:
                state[NODE_THREE] = 0x800 <= cp < 0xE000 or 0xF900 <= cp < 0x10000
            node_chars += 1
        letters += kind & 1
        if writes:
            o = copy(src, i, i + size, out, o)
        i += size
        if node_chars == 2 and writes:  # the common characters once more, without a question that is settled
            limit = min(n - 3, i + cap - o)
            first = i
            while i < limit:
                c = np.int64(src[i])
                if c < 0x80:
                    if c <= 32 or c == 38 or c == 60:
                        break
                    kind = np.int64(_CLASSES[c])
                    out[o] = c
                    o += 1
                    i += 1
                elif 0xE0 <= c < 0xEF:
                    cp = ((c & 15) << 12) | (np.int64(src[i + 1] & 63) << 6) | np.int64(src[i + 2] & 63)
                    kind = np.int64(_CLASSES[cp])
                    out[o] = c
                    out[o + 1] = src[i + 1]
                    out[o + 2] = src[i + 2]
                    o += 3
                    i += 3
                else:
                    break
                letters += kind & 1
            if i > first:
                before = kind
    state[PENDING] = pending
    state[BEFORE] = before
    state[NODE_CHARS] = node_chars
    if not state[IN_RP] and (state[RUBY_KEEP] or not state[IN_RT]):
        state[LETTERS] += letters
        if state[IN_LINK]:
            state[LINK_LETTERS] += letters
    return i, ~o if full else o
