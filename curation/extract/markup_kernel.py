"""The compiled pass over markup; `curation.extract.markup` says what it does and holds the plain reference.

One scan over UTF-8 bytes: a tokenizer after WHATWG HTML 13.2.5 (tags, quoted attributes, comments, raw text) that copies what the
parser is to see. No allocation, no look-ahead beyond a bound, so time is linear in the page and every page ends.
"""

import numpy as np
from numba import njit

from curation.extract import tags as T
from curation.extract.char_class import CLASSES as _CLASSES

OUT, DEPTH, NODES, LETTERS, LINK_LETTERS, HIDDEN, LINK_HIDDEN, FLAGS, CONTENTS_LINKS = range(9)
"""Places in `info`: bytes written, deepest nesting, upper estimate of the tree's nodes, letters (in links) and hidden ones, bits,
letters of links in shown tables of contents."""

ROBOTS, LICENCE, XHTML, CUT = 1, 2, 4, 8
"""Bits of `info[FLAGS]`: a robots meta tag, a licence link, an XHTML sign; the output buffer was too small."""

_VOID, _INLINE, _FORMATTING, _OPTIONAL = T.VOID, T.INLINE, T.FORMATTING, T.OPTIONAL_END
_RAW, _VERBATIM, _PRE, _NAVIGATION, _AROUND = T.RAW, T.VERBATIM, T.PRE, T.NAVIGATION, T.AROUND
_LIST, _FOREIGN, _FRAMED, _CONTENTS = T.LIST, T.FOREIGN, T.FRAMED, T.CONTENTS
_OPEN_MAX = 24
_REACH = 256
"""Open elements searched for the one that an end tag closes."""
_LOOK = 2000
"""Bytes looked ahead for the end of a cell's only paragraph."""


def name_hash(name: bytes) -> int:
    """FNV-1a of a name in lower case: how tag names and class tokens are looked up."""
    h = 0xCBF29CE484222325
    for b in name.lower():
        h = ((h ^ b) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return h


def _table(bits: dict[str, int]) -> tuple[np.ndarray, np.ndarray]:
    pairs = sorted((name_hash(n.encode()), b) for n, b in bits.items())
    return np.array([p[0] for p in pairs], np.uint64), np.array([p[1] for p in pairs], np.int64)


_TAG_HASH, _TAG_BITS = _table(T.TAGS)
_CLASS_HASH, _CLASS_BITS = _table(
    {
        **dict.fromkeys(T.AROUND_CLASSES, T.AROUND),
        **dict.fromkeys(T.CONTENTS_CLASSES, T.CONTENTS),
        **dict.fromkeys(T.NAVIGATION_CLASSES | T.NAVIGATION_ROLES, T.NAVIGATION),
    }
)
_H = {
    n: np.uint64(name_hash(n.encode()))
    for n in "a p div td th rt rp rtc ruby html body meta link img pre id class role style".split()
}
_A, _P, _DIV, _TD, _TH, _RT, _RP, _RTC, _RUBY = (_H[n] for n in "a p div td th rt rp rtc ruby".split())
_HTML, _BODY, _META, _LINK, _IMG = (_H[n] for n in "html body meta link img".split())
_ID, _CLASS, _ROLE, _STYLE = (_H[n] for n in "id class role style".split())
_HREF, _REL, _XMLNS = np.uint64(name_hash(b"href")), np.uint64(name_hash(b"rel")), np.uint64(name_hash(b"xmlns"))
_CONTAINERS = np.array(
    sorted(
        name_hash(n.encode())
        for n in "div section ul ol dl table td p header footer aside form tr tbody center".split()
    ),
    np.uint64,
)


@njit(cache=True, nogil=True)
def _space(c):
    return c == 32 or (9 <= c <= 13 and c != 11)


@njit(cache=True, nogil=True)
def _alpha(c):
    return 97 <= (c | 32) <= 122


@njit(cache=True, nogil=True)
def _find(keys, h):
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
def _hash(src, i, j):
    h = np.uint64(0xCBF29CE484222325)
    for k in range(i, j):
        c = src[k]
        if 65 <= c <= 90:
            c |= 32
        h = (h ^ np.uint64(c)) * np.uint64(0x100000001B3)
    return h


@njit(cache=True, nogil=True)
def _class(cp):
    """`char_class.char_class`, compiled."""
    if cp < 0x10000:
        return np.int64(_CLASSES[cp])
    if 0x20000 <= cp < 0x40000:
        return np.int64(3)
    return np.int64(0 if 0x1F000 <= cp < 0x1FB00 else 1)


@njit(cache=True, nogil=True)
def _word_in(src, i, j, word):
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
        while i < j and _space(src[i]):
            i += 1
        k = i
        while k < j and not _space(src[k]):
            k += 1
        if k > i:
            at = _find(_CLASS_HASH, _hash(src, i, k))
            if at >= 0:
                bits |= _CLASS_BITS[at]
        i = k
    return bits


_HIDDEN = np.frombuffer(b" hidden", np.uint8)
_NONE = np.frombuffer(b"none", np.uint8)
_BOT = np.frombuffer(b"bot", np.uint8)
_LICEN = np.frombuffer(b"licen", np.uint8)
_CC = np.frombuffer(b"creativecommons", np.uint8)
_DISPLAY = np.frombuffer(b"display", np.uint8)
_XHTML_WORD = np.frombuffer(b"xhtml", np.uint8)


@njit(cache=True, nogil=True)
def _attributes(src, i, n, found):
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
        if _space(c):
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
        while i < n and src[i] != 61 and src[i] != 62 and src[i] != 47 and not _space(src[i]):
            i += 1
        a1 = i
        stop = i
        k = i
        while k < n and _space(src[k]):
            k += 1
        v0 = v1 = a1
        if k < n and src[k] == 61:
            i = k + 1
            while i < n and _space(src[i]):
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
                while i < n and src[i] != 62 and not _space(src[i]):
                    i += 1
                v1 = i
            stop = min(i, n)
        if v1 > v0 and a1 - a0 <= 5:
            h = _hash(src, a0, a1)
            if h == _CLASS or h == _ID or h == _ROLE:
                found[0] |= _tokens(src, v0, v1)
            elif h == _STYLE:
                if v1 - v0 < 500 and _word_in(src, v0, v1, _DISPLAY) and _word_in(src, v0, v1, _NONE):
                    found[1] = 1
            elif h == _HREF:
                found[3] = 1
                if v1 - v0 > 26 and src[v0 + 1] != 35 and _word_in(src, v0, min(v1, v0 + 32), _CC):
                    found[6] = 1
            elif h == _REL:
                if _word_in(src, v0, v1, _LICEN):
                    found[6] = 1
            elif h == _XMLNS:
                found[4] = 1
    return n, n


@njit(cache=True, nogil=True)
def _hide(out, at):
    """Writes the attribute ` hidden` over seven places."""
    for k in range(7):
        out[at + k] = _HIDDEN[k]


@njit(cache=True, nogil=True)
def _put3(out, o, last2):
    """Writes a character of three bytes that starts with 0xEF; `last2` holds the other two."""
    out[o] = 0xEF
    out[o + 1] = last2 >> 8
    out[o + 2] = last2 & 255
    return o + 3


@njit(cache=True, nogil=True)
def _copy(src, i, j, out, o):
    for k in range(i, j):
        out[o] = src[k]
        o += 1
    return o


@njit(cache=True, nogil=True)
def _end_of_raw(src, i, n, name0, name1):
    """Place of the '<' of the end tag that closes raw text opened by src[name0:name1], or n."""
    m = name1 - name0
    while i < n:
        if src[i] == 60 and i + 2 + m <= n and src[i + 1] == 47:
            q = 0
            while q < m and (src[i + 2 + q] | 32) == (src[name0 + q] | 32):
                q += 1
            if q == m:
                k = i + 2 + m
                if k >= n or _space(src[k]) or src[k] == 62 or src[k] == 47:
                    return i
        i += 1
    return n


@njit(cache=True, nogil=True)
def _only_block(src, i, n, name):
    """Whether the block `name`, opened just before i in a table cell, is all that the cell holds."""
    end = min(n, i + _LOOK)
    while i < end:
        if src[i] != 60:
            i += 1
            continue
        close = i + 1 < n and src[i + 1] == 47
        k = i + 2 if close else i + 1
        j = k
        while j < end and (_alpha(src[j]) or 48 <= src[j] <= 57):
            j += 1
        h = _hash(src, k, j)
        if close and h == name:
            while j < end and src[j] != 62:
                j += 1
            j += 1
            while j < end and _space(src[j]):
                j += 1
            if j + 4 >= end or src[j] != 60 or src[j + 1] != 47:
                return False
            h = _hash(src, j + 2, j + 4)
            return h == _TD or h == _TH
        at = _find(_TAG_HASH, h)
        if at < 0 or not _TAG_BITS[at] & _INLINE:
            return False
        i = j
    return False


_PENDING, _BEFORE, _NODE_CHARS, _NODE_THREE, _LETTERS, _LINK_LETTERS, _COUNTS, _WRITES, _LINKED, _IN_PRE = range(10)
"""Places in the state of text: a line break not yet written, class of the character before (-1 at a block's start), characters of the
text node up to two and whether the first has three bytes, letters so far (in links); then what holds for the run at hand."""


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
        while k < n and k < i + 12 and (_alpha(src[k]) or 48 <= src[k] <= 57):
            k += 1
    if k < n and src[k] == 59:
        return k + 1 - i, value if value else np.int64(38)
    return 1, np.int64(38)


@njit(cache=True, nogil=True)
def _text(src, i, n, out, o, cap, state):
    """Copies text from i up to the next markup; (place, bytes written so far), the latter inverted where `out` is full."""
    pending = state[_PENDING]
    before = state[_BEFORE]
    node_chars = state[_NODE_CHARS]
    letters = np.int64(0)
    counts, writes, in_pre = state[_COUNTS], state[_WRITES], state[_IN_PRE]
    begin = i
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
            if _space(c):
                if in_pre:
                    if c == 13:
                        if i + 1 < n and src[i + 1] == 10:
                            i += 1
                        c = 10
                    out[o] = c
                    o += 1
                    i += 1
                    if c == 10:
                        o = _put3(out, o, 0xB791)
                    continue
                broken = False
                while i < n and _space(src[i]):
                    broken |= src[i] == 10 or src[i] == 13
                    i += 1
                if broken:
                    pending = 1
                elif not pending:
                    out[o] = 32
                    o += 1
                continue
        elif c == 60:
            if (
                i > begin
                and i + 1 < n
                and (_alpha(src[i + 1]) or src[i + 1] == 47 or src[i + 1] == 33 or src[i + 1] == 63)
            ):
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
                state[_NODE_THREE] = 0x800 <= cp < 0xE000 or 0xF900 <= cp < 0x10000
            node_chars += 1
        letters += kind & 1
        if writes:
            for k in range(size):
                out[o + k] = src[i + k]
            o += size
        i += size
    state[_PENDING] = pending
    state[_BEFORE] = before
    state[_NODE_CHARS] = node_chars
    if counts:
        state[_LETTERS] += letters
        if state[_LINKED]:
            state[_LINK_LETTERS] += letters
    return i, ~o if full else o


@njit(cache=True, nogil=True)
def prepare(src, start, n, out, info, ruby_keep, max_depth):
    """Copies src[start:n] to `out` as `curation.extract.markup.prepare` describes; fills `info` (9 × int64).

    `out` must hold 5 × (n - start) + 64 bytes; where it does not, CUT is set and nothing beyond it is written.
    """
    info[:] = 0
    cap = len(out) - 64
    found = np.zeros(7, np.int64)
    e_name = np.zeros(_OPEN_MAX, np.uint64)
    e_open = np.zeros(_OPEN_MAX, np.int64)
    e_at = np.zeros(_OPEN_MAX, np.int64)
    e_kind = np.zeros(_OPEN_MAX, np.int64)
    e_sums = np.zeros((_OPEN_MAX, 5), np.int64)
    t_at = np.zeros(_OPEN_MAX, np.int64)
    t_sums = np.zeros((_OPEN_MAX, 3), np.int64)
    stack = np.empty(max_depth + 1, np.uint64)
    opened = contents = 0
    o = 0
    i = start
    depth = deepest = nodes = fmt = 0
    hidden = hidden_linked = links = 0
    state = np.zeros(10, np.int64)
    state[_BEFORE] = -1
    flags = 0
    in_link = in_pre = in_title = foreign = framed = in_rt = in_rp = 0
    cell = False
    dropped = np.uint64(0)

    while i < n:
        if o + 16 > cap:
            flags |= CUT
            break
        c = src[i]
        if (
            c != 60
            or i + 1 >= n
            or not (_alpha(src[i + 1]) or src[i + 1] == 47 or src[i + 1] == 33 or src[i + 1] == 63)
        ):
            state[_COUNTS] = not in_title and not in_rp and (ruby_keep or not in_rt)
            state[_WRITES] = not in_rp or not ruby_keep
            state[_LINKED] = in_link
            state[_IN_PRE] = in_pre
            i, o = _text(src, i, n, out, o, cap, state)
            if o >= 0:
                cell = cell and state[_NODE_CHARS] == 0
                continue
            o = ~o
            flags |= CUT
            break
        # ---- markup
        if state[_NODE_CHARS] == 1 and state[_NODE_THREE]:
            o = _put3(out, o, 0xB790)
        state[_NODE_CHARS] = 0
        if src[i + 1] == 33 or src[i + 1] == 63 or (src[i + 1] == 47 and (i + 2 >= n or not _alpha(src[i + 2]))):
            if i + 3 < n and src[i + 1] == 33 and src[i + 2] == 45 and src[i + 3] == 45:
                k = i + 4
                if k < n and src[k] == 62:
                    i = k + 1
                    continue
                if k + 1 < n and src[k] == 45 and src[k + 1] == 62:
                    i = k + 2
                    continue
                while k < n and not (
                    src[k] == 62
                    and (
                        (src[k - 1] == 45 and src[k - 2] == 45)
                        or (src[k - 1] == 33 and src[k - 2] == 45 and src[k - 3] == 45)
                    )
                ):
                    k += 1
                i = k + 1
                continue
            k = i + 2
            while k < n and src[k] != 62:
                k += 1
            if depth == 0 and (src[i + 1] == 63 or (src[i + 1] == 33 and src[min(i + 2, n - 1)] | 32 == 100)):
                if k - i < 400 and (src[i + 1] == 63 or _word_in(src, i, k, _XHTML_WORD)):
                    flags |= XHTML
                if src[i + 1] == 33 and k < n and o + (k - i) < cap:
                    o = _copy(src, i, k + 1, out, o)
            i = k + 1
            continue
        close = src[i + 1] == 47
        name0 = i + 2 if close else i + 1
        name1 = name0
        while name1 < n and src[name1] != 62 and src[name1] != 47 and not _space(src[name1]):
            name1 += 1
        h = _hash(src, name0, name1)
        at = _find(_TAG_HASH, h)
        bits = _TAG_BITS[at] if at >= 0 else 0
        gt, stop = _attributes(src, name1, n, found)
        if not found[5]:
            break  # a tag without its end is no tag (13.2.5, eof-in-tag)
        after = gt + 1
        if o + (after - i) + 40 > cap:
            flags |= CUT
            break
        if bits & _FOREIGN:
            foreign = max(0, foreign - 1) if close else foreign + (0 if found[2] else 1)
        if not bits & _INLINE:
            if state[_PENDING]:
                out[o] = 10
                o += 1
                state[_PENDING] = 0
            state[_BEFORE] = -1

        if close:
            if bits & _VOID:
                i = after
                continue
            if h == _A:
                in_link = 0
            elif h == _RT or h == _RP or h == _RUBY:
                if in_rt and ruby_keep and not in_rp:
                    o = _put3(out, o, 0xBC89)
                    in_rt = 0
                if h == _RP or h == _RUBY:
                    in_rp = 0
                if h != _RP:
                    in_rt = 0
            if bits & _PRE:
                in_pre = 0
            if bits & _FRAMED:
                framed = max(0, framed - 1)
            if not bits & (_OPTIONAL | _VOID):
                k = depth - 1
                while k >= max(0, depth - _REACH) and stack[k] != h:
                    k -= 1
                if k >= 0 and stack[k] == h:
                    depth = k
                    if bits & _FORMATTING:
                        fmt = max(0, fmt - 1)
            top = opened
            for k in range(opened):
                if e_name[k] == h:
                    e_open[k] -= 1
                    if e_open[k] < 0 and k < top:
                        top = k
            if top < opened:
                own = state[_LETTERS] - e_sums[top, 0]
                own_linked = state[_LINK_LETTERS] - e_sums[top, 1]
                many = links - e_sums[top, 4]
                gone = False
                listed = e_kind[top] & _CONTENTS or (e_kind[top] & _LIST and own_linked * 10 >= own * 9 and many >= 5)
                if listed and not e_kind[top] & _NAVIGATION:
                    while contents and t_at[contents - 1] > e_at[top]:
                        contents -= 1
                    if contents < _OPEN_MAX:
                        t_at[contents] = e_at[top]
                        t_sums[contents, 0] = own
                        t_sums[contents, 1] = own_linked
                        t_sums[contents, 2] = own_linked if e_kind[top] & _CONTENTS else 0
                        contents += 1
                elif e_kind[top] & _AROUND:
                    gone = own_linked * 10 >= own * 3 or (own < 120 and e_kind[top] & _FRAMED)
                if e_kind[top] & _NAVIGATION:
                    gone = True
                if gone:
                    _hide(out, e_at[top])
                    hidden = e_sums[top, 2] + own
                    hidden_linked = e_sums[top, 3] + own_linked
                    while contents and t_at[contents - 1] > e_at[top]:
                        contents -= 1
                opened = top
            cell = False
            if dropped != 0 and h == dropped:
                dropped = np.uint64(0)
                i = after
                continue
            o = _copy(src, i, after, out, o)
            i = after
            continue

        # ---- a start tag
        nodes += 2
        closed = found[2] and not foreign and not bits & _VOID
        if closed and not flags & XHTML:
            closed = False
        if h == _HTML and found[4]:
            flags |= XHTML
        if bits & _RAW:
            if closed:
                i = after
                continue
            k = _end_of_raw(src, after, n, name0, name1)
            while k < n and src[k] != 62:
                k += 1
            i = min(k + 1, n)
            continue
        if h == _IMG:
            i = after
            cell = False
            continue
        if h == _META or h == _LINK or h == _A:
            if h == _META and after - i < 4000 and _word_in(src, name1, gt, _BOT):
                flags |= ROBOTS
            if h != _META and found[6]:
                flags |= LICENCE
        if (h == _P or h == _DIV) and cell and not closed and dropped == 0 and _only_block(src, after, n, h):
            dropped = h
            i = after
            continue
        if not bits & _INLINE:
            cell = h == _TD or h == _TH
        if h == _A and not closed:
            in_link = found[3]
            links += found[3]
        ruby = h == _RT or h == _RP or h == _RTC
        if ruby and not closed:
            if in_rt and ruby_keep and not in_rp:
                o = _put3(out, o, 0xBC89)
            in_rt = 1 if h != _RP else 0
            in_rp = 1 if h == _RP else 0

        # the mark: hidden for good, room for a later verdict, or none
        mark = 0
        kind = bits & (_NAVIGATION | _AROUND)
        if found[0]:
            if found[0] & _NAVIGATION:
                kind |= _NAVIGATION
            if found[0] & (_AROUND | _CONTENTS) and _find(_CONTAINERS, h) >= 0:
                kind |= found[0] & (_AROUND | _CONTENTS)
        if bits & _LIST and not kind:
            kind = _LIST
        if bits & _AROUND and not framed:
            kind |= _FRAMED
        if h == _HTML or h == _BODY or bits & (_FRAMED | _VOID) or closed:
            kind = 0
        if found[1] and not (h == _HTML or h == _BODY):
            kind = _NAVIGATION
        if ruby and not ruby_keep:
            mark = 1
        elif kind and opened < _OPEN_MAX:
            mark = 2
        o = _copy(src, i, name1, out, o)
        if mark:
            if mark == 2:
                for k in range(opened):
                    if e_name[k] == h:
                        e_open[k] += 1
                e_name[opened] = h
                e_open[opened] = 0
                e_at[opened] = o
                e_kind[opened] = kind
                e_sums[opened, 0] = state[_LETTERS]
                e_sums[opened, 1] = state[_LINK_LETTERS]
                e_sums[opened, 2] = hidden
                e_sums[opened, 3] = hidden_linked
                e_sums[opened, 4] = links
                opened += 1
                for _ in range(7):
                    out[o] = 32
                    o += 1
            else:
                _hide(out, o)
                o += 7
        elif not closed and not bits & _VOID:
            for k in range(opened):
                if e_name[k] == h:
                    e_open[k] += 1
        if closed:
            o = _copy(src, name1, stop, out, o)
            out[o] = 62
            out[o + 1] = 60
            out[o + 2] = 47
            o += 3
            o = _copy(src, name0, name1, out, o)
            out[o] = 62
            o += 1
        else:
            o = _copy(src, name1, after, out, o)
            if not bits & (_OPTIONAL | _VOID):
                stack[depth] = h
                depth += 1
                deepest = max(deepest, depth)
                if depth > max_depth:
                    break
            if bits & _FORMATTING:
                fmt += 1
            if not bits & _INLINE:
                nodes += fmt
            if bits & _FRAMED:
                framed += 1
        if ruby_keep and ruby and not closed and h != _RP:
            o = _put3(out, o, 0xBC88)
        i = after
        if closed:
            continue
        if bits & _VERBATIM:
            k = _end_of_raw(src, i, n, name0, name1)
            if o + (k - i) + 64 > cap:
                flags |= CUT
                break
            while i < k:
                if src[i] != 0:
                    out[o] = src[i]
                    o += 1
                i += 1
        elif bits & _PRE:
            in_pre = 1
            if i < n and src[i] == 13:
                i += 1
            if i < n and src[i] == 10:
                i += 1
            o = _put3(out, o, 0xB791)

    own = own_linked = 0
    for k in range(contents):
        own += t_sums[k, 0]
        own_linked += t_sums[k, 1]
    if own and state[_LETTERS] - hidden - own > own:
        for k in range(contents):
            _hide(out, t_at[k])
        hidden += own
        hidden_linked += own_linked
    else:
        for k in range(contents):
            info[CONTENTS_LINKS] += t_sums[k, 2]

    info[OUT] = o
    info[DEPTH] = deepest
    info[NODES] = nodes
    info[LETTERS] = state[_LETTERS]
    info[LINK_LETTERS] = state[_LINK_LETTERS]
    info[HIDDEN] = hidden
    info[LINK_HIDDEN] = hidden_linked
    info[FLAGS] = flags
