"""The compiled pass over markup; `curation.extract.markup` says what it does and holds the plain reference.

One scan that copies what the parser is to see, repairs it and marks what is hidden. A start tag that may have to be hidden gets
seven spaces behind its name, and its end tag decides whether they become ` hidden`.
"""

import numpy as np
from numba import njit

from curation.extract import markup_scan as s
from curation.extract import tags as T
from curation.extract.markup_scan import (
    BEFORE,
    IN_LINK,
    IN_PRE,
    IN_RP,
    IN_RT,
    LEAN,
    LETTERS,
    LINK_LETTERS,
    NODE_CHARS,
    NODE_THREE,
    PENDING,
    RUBY_KEEP,
)

OUT, DEEPEST, NODES, HIDDEN, LINK_HIDDEN, FLAGS, CONTENTS_LINKS = range(12, 19)
"""Places in the state (after those of `markup_scan`): bytes written, deepest nesting, upper estimate of the tree's nodes, hidden
letters (in links), bits, letters of links in tables of contents that are shown."""
_DEPTH, _FORMATS, _LINKS, _FOREIGNS, _FRAMES, _CELL, _DROPPED, _OPENED, _CONTENTS = range(19, 28)
STATE = 28
"""Length of the state."""

ROBOTS, LICENCE, XHTML, CUT, DEEP = 1, 2, 4, 8, 16
"""Bits of FLAGS: a robots or TDM meta tag, a licence link, an XHTML sign; the output was too small; nested deeper than allowed."""

_VOID, _INLINE, _FORMATTING, _OPTIONAL = T.VOID, T.INLINE, T.FORMATTING, T.OPTIONAL_END
_RAW, _VERBATIM, _PRE, _NAVIGATION, _AROUND = T.RAW, T.VERBATIM, T.PRE, T.NAVIGATION, T.AROUND
_LIST, _FOREIGN, _FRAMED, _OWN_CONTENTS = T.LIST, T.FOREIGN, T.FRAMED, T.CONTENTS

_OPEN_MAX = 24
"""Open elements that wait for their verdict, and tables of contents that wait for the page's end; more are shown."""
_NAME, _OPEN, _AT, _KIND, _SUMS = 0, 1, 2, 3, 4
_REACH = 256
"""Open elements searched for the one that an end tag closes."""


@njit(cache=True, nogil=True)
def _declaration(src, i, n, out, state):
    """Passes a comment, doctype or processing instruction at i, copies a doctype; the place after it."""
    o = state[OUT]
    if i + 3 < n and src[i + 1] == 33 and src[i + 2] == 45 and src[i + 3] == 45:
        k = i + 4
        if k < n and src[k] == 62:
            return k + 1
        if k + 1 < n and src[k] == 45 and src[k + 1] == 62:
            return k + 2
        while k < n:
            if src[k] == 62 and src[k - 1] == 45 and src[k - 2] == 45 and k - 2 >= i + 4:
                break
            if src[k] == 62 and src[k - 1] == 33 and src[k - 2] == 45 and src[k - 3] == 45 and k - 3 >= i + 4:
                break
            k += 1
        return k + 1
    k = i + 2
    while k < n and src[k] != 62:
        k += 1
    doctype = src[i + 1] == 33 and i + 2 < n and src[i + 2] | 32 == 100
    if state[_DEPTH] == 0 and (src[i + 1] == 63 or doctype):
        if k - i < 400 and (src[i + 1] == 63 or s.word_in(src, i, k, s.XHTML_WORD)):
            state[FLAGS] |= XHTML
        if doctype and k < n:
            if o + (k + 1 - i) + 64 > len(out):
                state[FLAGS] |= CUT
                return n
            state[OUT] = s.copy(src, i, k + 1, out, o)
    return k + 1


@njit(cache=True, nogil=True)
def _judge(waiting, listed, top, out, state):
    """The verdict on the element `top` of `waiting`, whose end tag is there."""
    kind = waiting[top, _KIND]
    own = state[LETTERS] - waiting[top, _SUMS]
    linked = state[LINK_LETTERS] - waiting[top, _SUMS + 1]
    links = state[_LINKS] - waiting[top, _SUMS + 4]
    at = waiting[top, _AT]
    gone = kind & _NAVIGATION != 0
    contents = kind & _OWN_CONTENTS != 0 or (kind & _LIST != 0 and linked * 10 >= own * 9 and links >= 5)
    if not gone and not contents and kind & _AROUND:
        gone = linked * 10 >= own * 3 or (own < 120 and kind & _FRAMED != 0)
    if gone or contents:
        while state[_CONTENTS] and listed[state[_CONTENTS] - 1, 0] > at:
            state[_CONTENTS] -= 1
    if gone:
        s.hide(out, at)
        state[HIDDEN] = waiting[top, _SUMS + 2] + own
        state[LINK_HIDDEN] = waiting[top, _SUMS + 3] + linked
    elif contents and state[_CONTENTS] < _OPEN_MAX:
        k = state[_CONTENTS]
        listed[k, 0], listed[k, 1], listed[k, 2] = at, own, linked
        listed[k, 3] = linked if kind & _OWN_CONTENTS else 0
        state[_CONTENTS] += 1


@njit(cache=True, nogil=True)
def _end_tag(src, i, after, h, bits, out, state, stack, waiting, listed):
    """An end tag src[i:after]: closes what it closes, has it judged, and is copied."""
    if bits & _VOID:
        return
    if h == s.A:
        state[IN_LINK] = 0
    elif h == s.RT or h == s.RP or h == s.RUBY:
        if state[IN_RT] and state[RUBY_KEEP] and not state[IN_RP]:
            state[OUT] = s.put3(out, state[OUT], 0xBC89)
        if h != s.RT:
            state[IN_RP] = 0
        if h != s.RP:
            state[IN_RT] = 0
    if bits & _PRE:
        state[IN_PRE] = 0
    if bits & _FRAMED and state[_FRAMES]:
        state[_FRAMES] -= 1
    if bits & _FOREIGN and state[_FOREIGNS]:
        state[_FOREIGNS] -= 1
    if not bits & _OPTIONAL:
        k = state[_DEPTH] - 1
        low = max(0, state[_DEPTH] - _REACH)
        while k >= low and stack[k] != h:
            k -= 1
        if k >= low:
            state[_DEPTH] = k
            if bits & _FORMATTING and state[_FORMATS]:
                state[_FORMATS] -= 1
    top = state[_OPENED]
    for k in range(state[_OPENED]):
        if waiting[k, _NAME] == h:
            waiting[k, _OPEN] -= 1
            if waiting[k, _OPEN] < 0 and k < top:
                top = k
    if top < state[_OPENED]:
        _judge(waiting, listed, top, out, state)
        state[_OPENED] = top
    state[_CELL] = 0
    if state[_DROPPED] == h:
        state[_DROPPED] = 0
    else:
        state[OUT] = s.copy(src, i, after, out, state[OUT])


@njit(cache=True, nogil=True)
def _kind(h, bits, found, closed, framed):
    """Why an element may be hidden: bits of `tags`, with FRAMED for one that also goes when it is short; 0 for never."""
    if h == s.HTML or h == s.BODY or closed or bits & (_FRAMED | _VOID):
        return 0
    if found[1]:
        return _NAVIGATION
    kind = bits & (_NAVIGATION | _AROUND)
    if bits & _AROUND and not framed:
        kind |= _FRAMED
    if found[0] & _NAVIGATION:
        kind |= _NAVIGATION
    if found[0] & (_AROUND | _OWN_CONTENTS) and s.find(s.CONTAINERS, h) >= 0:
        kind |= found[0] & (_AROUND | _OWN_CONTENTS)
    if bits & _LIST and not kind:
        kind = _LIST
    return kind


@njit(cache=True, nogil=True)
def _wait(h, kind, state, waiting):
    """Puts an element on the list of those that wait for their end tag."""
    k = state[_OPENED]
    waiting[k, _NAME], waiting[k, _OPEN], waiting[k, _AT], waiting[k, _KIND] = h, 0, state[OUT], kind
    waiting[k, _SUMS], waiting[k, _SUMS + 1] = state[LETTERS], state[LINK_LETTERS]
    waiting[k, _SUMS + 2], waiting[k, _SUMS + 3], waiting[k, _SUMS + 4] = (
        state[HIDDEN],
        state[LINK_HIDDEN],
        state[_LINKS],
    )
    state[_OPENED] = k + 1


@njit(cache=True, nogil=True)
def _start_tag(src, i, name1, gt, stop, n, h, bits, found, out, state, stack, waiting):
    """A start tag src[i:gt + 1] with attributes from name1 to stop: copied, repaired, marked; the place after what it takes along."""
    after = gt + 1
    state[NODES] += 2 if bits & _INLINE else 2 + state[_FORMATS]
    if h == s.HTML and found[4]:
        state[FLAGS] |= XHTML
    closed = found[2] and state[FLAGS] & XHTML and not state[_FOREIGNS] and not bits & (_VOID | _FOREIGN)
    if bits & _RAW:
        if closed:
            return after
        k = s.end_of_raw(src, after, n, i + 1, name1)
        while k < n and src[k] != 62:
            k += 1
        return min(k + 1, n)
    if h == s.IMG:
        state[_CELL] = 0
        return after
    if h == s.META:
        if after - i < 4000 and (s.word_in(src, name1, gt, s.BOT) or s.word_in(src, name1, gt, s.TDM)):
            state[FLAGS] |= ROBOTS
    elif found[6] and (h == s.A or h == s.LINK):
        state[FLAGS] |= LICENCE
    if (
        (h == s.P or h == s.DIV)
        and state[_CELL]
        and not closed
        and not state[_DROPPED]
        and s.only_block(src, after, n, h)
    ):
        state[_DROPPED] = h
        return after
    if not bits & _INLINE:
        state[_CELL] = h == s.TD or h == s.TH
    if h == s.A and not closed:
        state[IN_LINK] = found[3]
        state[_LINKS] += found[3]
    ruby = (h == s.RT or h == s.RP or h == s.RTC) and not closed
    if ruby:
        if state[IN_RT] and state[RUBY_KEEP] and not state[IN_RP]:
            state[OUT] = s.put3(out, state[OUT], 0xBC89)
        state[IN_RT] = h != s.RP
        state[IN_RP] = h == s.RP
    state[OUT] = s.copy(src, i, name1, out, state[OUT])
    if not closed and not bits & _VOID:
        for k in range(state[_OPENED]):
            if waiting[k, _NAME] == h:
                waiting[k, _OPEN] += 1
    kind = _kind(h, bits, found, closed, state[_FRAMES])
    if ruby and not state[RUBY_KEEP]:
        s.hide(out, state[OUT])
        state[OUT] += 7
    elif kind and state[_OPENED] < _OPEN_MAX:
        _wait(h, kind, state, waiting)
        for k in range(7):
            out[state[OUT] + k] = 32
        state[OUT] += 7
    if closed:
        o = state[OUT] if state[LEAN] else s.copy(src, name1, stop, out, state[OUT])
        out[o] = 62
        out[o + 1] = 60
        out[o + 2] = 47
        o = s.copy(src, i + 1, name1, out, o + 3)
        out[o] = 62
        state[OUT] = o + 1
        return after
    if state[LEAN] and not found[6] and h != s.HTML and h != s.META and h != s.LINK:
        state[OUT] = s.copy(src, gt - 1 if found[2] else gt, after, out, state[OUT])
    else:
        state[OUT] = s.copy(src, name1, after, out, state[OUT])
    if not bits & (_OPTIONAL | _VOID):
        stack[state[_DEPTH]] = h
        state[_DEPTH] += 1
        state[DEEPEST] = max(state[DEEPEST], state[_DEPTH])
    if bits & _FORMATTING:
        state[_FORMATS] += 1
    if bits & _FRAMED:
        state[_FRAMES] += 1
    if bits & _FOREIGN and not found[2]:
        state[_FOREIGNS] += 1
    if ruby and state[RUBY_KEEP] and h != s.RP:
        state[OUT] = s.put3(out, state[OUT], 0xBC88)
    if bits & _PRE:
        state[IN_PRE] = 1
        if after < n and src[after] == 13:
            after += 1
        if after < n and src[after] == 10:
            after += 1
        state[OUT] = s.put3(out, state[OUT], 0xB791)
    return after


@njit(cache=True, nogil=True)
def _verbatim(src, i, n, name0, name1, out, state):
    """Copies text without markup (a title) up to its end tag; the place of that, or i where there is no room."""
    k = s.end_of_raw(src, i, n, name0, name1)
    o = state[OUT]
    if o + (k - i) + 64 > len(out):
        state[FLAGS] |= CUT
        return i
    while i < k:
        if src[i] != 0:
            out[o] = src[i]
            o += 1
        i += 1
    state[OUT] = o
    return k


@njit(cache=True, nogil=True)
def prepare(src, i, n, out, state, max_depth):
    """Copies src[i:n] to `out` as `curation.extract.markup.prepare` describes.

    `state` (int64 [STATE]) is zeros but for RUBY_KEEP and LEAN, and holds the figures at the end. `out` must hold 5 × (n - i) + 128
    bytes; where it does not, CUT is set and nothing is written beyond it. Ends early, with DEEP, below `max_depth` open elements.
    """
    cap = len(out) - 64
    found = np.zeros(7, np.int64)
    waiting = np.zeros((_OPEN_MAX, 9), np.int64)
    listed = np.zeros((_OPEN_MAX, 4), np.int64)
    stack = np.empty(max_depth + 1, np.int64)
    state[BEFORE] = -1
    while i < n:
        if state[OUT] + 16 > cap:
            state[FLAGS] |= CUT
            break
        if not s.markup_at(src, i, n):
            i, o = s.copy_text(src, i, n, out, state[OUT], cap, state)
            if o < 0:
                o = ~o
                state[FLAGS] |= CUT
            state[OUT] = o
            if state[FLAGS] & CUT:
                break
            if state[NODE_CHARS]:
                state[_CELL] = 0
            continue
        if state[NODE_CHARS] == 1 and state[NODE_THREE]:
            state[OUT] = s.put3(out, state[OUT], 0xB790)
        state[NODE_CHARS] = 0
        close = src[i + 1] == 47
        name0 = i + 2 if close else i + 1
        if name0 >= n or not s.letter(src[name0]):
            i = _declaration(src, i, n, out, state)
            continue
        name1 = name0
        while name1 < n and src[name1] != 62 and src[name1] != 47 and not s.space(src[name1]):
            name1 += 1
        h = s.name_hash_at(src, name0, name1)
        at = s.find(s.TAG_HASH, h)
        bits = s.TAG_BITS[at] if at >= 0 else 0
        gt, stop = s.attributes(src, name1, n, found)
        if not found[5]:
            break  # a tag without its end is no tag (13.2.5, eof-in-tag)
        if state[OUT] + 2 * (gt - i) + 64 > cap:
            state[FLAGS] |= CUT
            break
        if not bits & _INLINE:
            if state[PENDING]:
                out[state[OUT]] = 10
                state[OUT] += 1
                state[PENDING] = 0
            state[BEFORE] = -1
        if close:
            _end_tag(src, i, gt + 1, h, bits, out, state, stack, waiting, listed)
            i = gt + 1
            continue
        i = _start_tag(src, i, name1, gt, stop, n, h, bits, found, out, state, stack, waiting)
        if state[_DEPTH] > max_depth:
            state[FLAGS] |= DEEP
            break
        if bits & _VERBATIM and not (found[2] and state[FLAGS] & XHTML):
            i = _verbatim(src, i, n, name0, name1, out, state)
    own = linked = shown = 0
    for k in range(state[_CONTENTS]):
        own += listed[k, 1]
        linked += listed[k, 2]
        shown += listed[k, 3]
    if own and state[LETTERS] - state[HIDDEN] - own > own:
        for k in range(state[_CONTENTS]):
            s.hide(out, listed[k, 0])
        state[HIDDEN] += own
        state[LINK_HIDDEN] += linked
        shown = 0
    state[CONTENTS_LINKS] = shown
