"""The compiled pass of `text_stats`: a histogram of character classes, then a walk over the line breaks and sentence ends.

The scan costs one look-up and one increment a character; what classes have in common (letter, kanji, special …) is summed from
the histogram afterwards. It notes where sentences and lines end, and the walks see only those places. Lines and sentences
are compared by a 64-bit hash of their bytes together with their length.
"""

import numpy as np
from numba import njit

from curation.features.character_classes import (
    DIGIT,
    HIRAGANA,
    KANA,
    KANJI,
    KATAKANA,
    KUTEN,
    KUTOTEN,
    LETTER,
    LINE_END,
    SENTENCE_END,
    SPACE,
    SPECIAL,
    TERMINAL,
)
from curation.features.text_stats import LOOK_UP, SHORT_LINE
from curation.normalise.utf8 import code_point

_SEED, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFF51AFD7ED558CCD)
SENTENCE, LINE, PARAGRAPH = range(3)
"""Rows of the tables of a page."""
(
    SENTENCES,
    SENTENCE_CHARS,
    LONGEST,
    ELLIPSES,
    LINES,
    FULL,
    BLANK,
    SHORT,
    PUNCT,
    EMPTY_ENDS,
    EXTRA,
    BREAK_ELLIPSES,
    FOUND,
) = range(13)
"""What the walk over sentences and lines counts; FOUND is how many there are."""
_BULLETS = (0x2022, 0x2D)


@njit(nogil=True)
def _hashed(data, start, stop):
    """64-bit hash of data[start:stop], eight bytes at a time."""
    h = _SEED ^ np.uint64(stop - start)
    i = start
    while i + 8 <= stop:
        word = np.uint64(0)
        for q in range(8):
            word |= np.uint64(data[i + q]) << np.uint64(8 * q)
        h = (h ^ word) * _MIX
        h ^= h >> np.uint64(32)
        i += 8
    word = np.uint64(0)
    shift = np.uint64(0)
    while i < stop:
        word |= np.uint64(data[i]) << shift
        shift += np.uint64(8)
        i += 1
    h = (h ^ word) * _MIX
    return h ^ (h >> np.uint64(29))


@njit(nogil=True)
def _back(data, start, stop):
    """Where the last character of data[start:stop] begins."""
    k = stop - 1
    while k > start and stop - k < 4 and (data[k] & 0xC0) == 0x80:
        k -= 1
    return k


@njit(nogil=True)
def _stripped(data, start, stop, classes, properties):
    """The end of data[start:stop] without white space at its end."""
    while stop > start:
        k = _back(data, start, stop)
        c, _ = code_point(data, k, stop)
        if not properties[classes[c]] & SPACE:
            break
        stop = k
    return stop


@njit(nogil=True)
def _ends(data, start, stop, a, b, c):
    return stop - start >= 3 and data[stop - 3] == a and data[stop - 2] == b and data[stop - 1] == c


@njit(nogil=True)
def _ellipsis(data, start, stop):
    """Whether data[start:stop] ends in … or three full stops."""
    return _ends(data, start, stop, 0xE2, 0x80, 0xA6) or _ends(data, start, stop, 46, 46, 46)


@njit(nogil=True)
def _repeats(hashes, sizes, first, last, slots):
    """How many of the items [first, last) repeat an earlier one, and their characters.

    `slots` int32 [power of two, at least twice the items], all −1, and all −1 again on return.
    """
    mask = len(slots) - 1
    items = chars = 0
    for k in range(first, last):
        p = int(hashes[k] >> np.uint64(20)) & mask
        while slots[p] >= 0 and (hashes[slots[p]] != hashes[k] or sizes[slots[p]] != sizes[k]):
            p = (p + 1) & mask
        if slots[p] >= 0:
            items += 1
            chars += sizes[k]
        else:
            slots[p] = k
    for k in range(first, last):
        p = int(hashes[k] >> np.uint64(20)) & mask
        while slots[p] >= 0:
            slots[p] = -1
            p = (p + 1) & mask
    return items, chars


@njit(nogil=True)
def _scanned(data, start, end, classes, loud, histogram, at, nth):
    """Counts classes into the histogram and notes the loud characters: byte `at` and number `nth` of each, the end as the last.

    Returns how many there are without the end, the characters, and the longest run of one of them.
    """
    events = chars = run = longest = 0
    before = -1
    i = start
    while i < end:
        b = data[i]
        if b < 0x80:
            c, size = int(b), 1
        elif b >= 0xE0 and b < 0xF0 and i + 2 < end:
            c = ((int(b) & 0x0F) << 12) | ((int(data[i + 1]) & 0x3F) << 6) | (int(data[i + 2]) & 0x3F)
            size = 3
        else:
            c, size = code_point(data, i, end)
        kind = classes[c]
        histogram[kind] += 1
        if c == before:
            run += 1
            longest = max(longest, run)
        else:
            run = 1
            before = c
        if kind < loud:
            at[events] = i
            nth[events] = chars
            events += 1
        i += size
        chars += 1
    at[events] = end
    nth[events] = chars
    return events, chars, max(longest, min(chars, 1))


@njit(nogil=True)
def _mixed(h, word):
    h = (h ^ word) * _MIX
    return h ^ (h >> np.uint64(32))


@njit(nogil=True)
def _walked(data, start, at, nth, events, classes, properties, tables, sizes, found):
    """One walk over sentences, lines of split("\n") and paragraphs, the bytes hashed once.

    A paragraph is the sequence of its sentences, a line that and the terminators that belong to none of them, so both are hashed
    from the hashes of their sentences. Hashes and sizes go to rows SENTENCE, LINE and PARAGRAPH of `tables` uint64 and `sizes`
    int32; lines without text are not there, except those of white space, from the back of row LINE on. `found` int64 [FOUND]
    gets the counts.
    """
    for k in range(FOUND):
        found[k] = 0
    first, first_char = start, 0
    line, line_char = start, 0
    line_hash = paragraph_hash = _SEED
    line_extra = 0
    sentences = lines = full = blank = 0
    for k in range(events + 1):
        i = at[k]
        broken = k == events or data[i] == 10
        if broken:
            stop, length = i, nth[k] - first_char
        elif data[i] == 33 or data[i] == 63:
            stop, length = i + 1, nth[k] + 1 - first_char
        elif data[i] == 0xE3 or data[i] == 0xEF:
            stop, length = i + 3, nth[k] + 1 - first_char
        else:
            continue
        if length > 1 or (broken and length):
            sentence = _hashed(data, first, stop)
            tables[SENTENCE, sentences] = sentence
            sizes[SENTENCE, sentences] = length
            sentences += 1
            found[SENTENCE_CHARS] += length
            found[LONGEST] = max(found[LONGEST], length)
            line_hash = _mixed(line_hash, sentence)
            paragraph_hash = _mixed(paragraph_hash, sentence)
        elif not broken:
            line_hash = _mixed(line_hash, np.uint64(data[stop - 1]))
            line_extra += 1
        if broken:
            bare = _stripped(data, line, i, classes, properties)
            if bare > first and length:
                ellipsis = _ends(data, first, bare, 0xE2, 0x80, 0xA6) or _ends(data, first, bare, 0xE3, 0x83, 0xBB)
                found[ELLIPSES] += ellipsis
            chars = nth[k] - line_char
            found[SHORT] += chars <= SHORT_LINE
            if bare > line:
                tables[LINE, full] = line_hash
                sizes[LINE, full] = chars
                full += 1
                tail, _ = code_point(data, _back(data, line, i), i)
                found[PUNCT] += (properties[classes[tail]] & TERMINAL) != 0
            elif chars:
                blank += 1
                tables[LINE, tables.shape[1] - blank] = line_hash
                sizes[LINE, tables.shape[1] - blank] = chars
            elif line == start or k == events:
                found[EMPTY_ENDS] += 1
            tables[PARAGRAPH, lines] = paragraph_hash
            sizes[PARAGRAPH, lines] = chars - line_extra
            lines += 1
            found[EXTRA] += line_extra
            found[BREAK_ELLIPSES] += k < events and _ellipsis(data, start, i)
            line, line_char = i + 1, nth[k] + 1
            line_hash = paragraph_hash = _SEED
            line_extra = 0
            stop += 1
        first, first_char = stop, nth[k] + 1
    found[SENTENCES], found[LINES], found[FULL], found[BLANK] = sentences, lines, full, blank


@njit(nogil=True)
def _visual_lines(data, start, at, events, classes, properties):
    """Lines of splitlines(): their number, those that begin with a bullet, and those that end in an ellipsis."""
    lines = bullets = ellipses = 0
    first = start
    for k in range(events + 1):
        i = at[k]
        size = 0
        if k < events:
            c, size = code_point(data, i, at[events])
            if not properties[classes[c]] & LINE_END:
                continue
        if (k == events and first == i) or (size == 1 and data[i] == 10 and i > start and data[i - 1] == 13):
            first = i + size  # nothing after the last break, and the second half of \r\n, are no lines
            continue
        lines += 1
        stop = _stripped(data, first, i, classes, properties)
        ellipses += _ellipsis(data, first, stop)
        while first < stop:
            c, width = code_point(data, first, stop)
            if not properties[classes[c]] & SPACE:
                bullets += c in _BULLETS
                break
            first += width
        first = i + size
    return lines, bullets, ellipses


@njit(nogil=True)
def _kana_at_head(data, start, end, classes, properties):
    kana = 0
    i = start
    for _ in range(LOOK_UP):
        if i >= end:
            break
        c, size = code_point(data, i, end)
        kana += (properties[classes[c]] & KANA) != 0
        i += size
    return kana


@njit(nogil=True)
def _summed(histogram, properties, bit):
    total = 0
    for kind in range(len(properties)):
        if properties[kind] & bit:
            total += histogram[kind]
    return total


@njit(nogil=True)
def _share(part, whole):
    return part / whole if whole else 0.0


@njit(cache=True, nogil=True)
def measured(data, offsets, classes, properties):
    """All columns of all rows: int32 [counts, rows] and float64 [fractions, rows], in the order of `COUNTS` and `FRACTIONS`."""
    rows = len(offsets) - 1
    counts = np.zeros((9, rows), np.int32)
    fractions = np.zeros((19, rows), np.float64)
    loud = 0
    while loud < len(properties) and properties[loud] & (SENTENCE_END | LINE_END):
        loud += 1
    room = 1
    for row in range(rows):
        room = max(room, offsets[row + 1] - offsets[row] + 1)
    at, nth = np.empty(room, np.int64), np.empty(room, np.int32)  # memory that is never written is never taken
    tables, sizes = np.empty((3, 2048), np.uint64), np.empty((3, 2048), np.int32)
    found = np.zeros(FOUND, np.int64)
    slots = np.full(2048, -1, np.int32)
    histogram = np.zeros(len(properties), np.int64)
    for row in range(rows):
        start, end = offsets[row], offsets[row + 1]
        for kind in range(len(histogram)):
            histogram[kind] = 0
        events, chars, longest_run = _scanned(data, start, end, classes, loud, histogram, at, nth)
        if 2 * events + 2 > len(slots):
            size = len(slots)
            while size < 2 * events + 2:
                size *= 2
            slots = np.full(size, -1, np.int32)
            tables, sizes = np.empty((3, size), np.uint64), np.empty((3, size), np.int32)
        _walked(data, start, at, nth, events, classes, properties, tables, sizes, found)
        sentences, lines, full, blank = found[SENTENCES], found[LINES], found[FULL], found[BLANK]
        sentence_repeats, sentence_repeat_chars = _repeats(tables[SENTENCE], sizes[SENTENCE], 0, sentences, slots)
        full_repeats, full_repeat_chars = _repeats(tables[LINE], sizes[LINE], 0, full, slots)
        width = tables.shape[1]
        blank_repeats, blank_repeat_chars = _repeats(tables[LINE], sizes[LINE], width - blank, width, slots)
        # without extra terminators a paragraph is its line, and the empty lines repeat one another
        paragraph_repeats = full_repeats + blank_repeats + max(lines - full - blank - 1, 0)
        paragraph_repeat_chars = full_repeat_chars + blank_repeat_chars
        if found[EXTRA]:
            paragraphs = _repeats(tables[PARAGRAPH], sizes[PARAGRAPH], 0, lines, slots)
            paragraph_repeats, paragraph_repeat_chars = paragraphs
        newlines = lines - 1
        # pieces of split("\n+"): lines that hold something, and an empty one at each end where the text has a break
        empty_ends = found[EMPTY_ENDS] if chars else 0
        pieces = full + blank + empty_ends
        piece_repeats = full_repeats + blank_repeats + (empty_ends == 2)
        visual, bullets, line_ellipses = _visual_lines(data, start, at, events, classes, properties)

        hiragana = _summed(histogram, properties, HIRAGANA)
        katakana = _summed(histogram, properties, KATAKANA)
        kanji = _summed(histogram, properties, KANJI)
        japanese = hiragana + katakana + kanji + _summed(histogram, properties, KUTOTEN)
        counts[0, row] = chars
        counts[1, row] = _summed(histogram, properties, LETTER)
        counts[2, row] = japanese
        counts[3, row] = _summed(histogram, properties, DIGIT)
        counts[4, row] = lines
        counts[5, row] = sentences
        counts[6, row] = found[LONGEST]
        counts[7, row] = _kana_at_head(data, start, end, classes, properties)
        counts[8, row] = longest_run
        fractions[0, row] = _share(hiragana, japanese)
        fractions[1, row] = _share(katakana, japanese)
        fractions[2, row] = _share(kanji, japanese)
        fractions[3, row] = _share(japanese, chars)
        fractions[4, row] = _share(found[SENTENCE_CHARS], sentences)
        fractions[5, row] = _share(found[ELLIPSES], sentences)
        fractions[6, row] = _share(paragraph_repeats, lines)
        fractions[7, row] = _share(paragraph_repeat_chars, chars - newlines - found[EXTRA])
        fractions[8, row] = _share(sentence_repeats, sentences)
        fractions[9, row] = _share(sentence_repeat_chars, found[SENTENCE_CHARS])
        fractions[10, row] = _share(piece_repeats, pieces)
        fractions[11, row] = _share(found[PUNCT], full)
        fractions[12, row] = _share(full_repeat_chars, chars - newlines)
        fractions[13, row] = _share(bullets, visual)
        fractions[14, row] = _share(line_ellipses, visual)
        fractions[15, row] = _share(found[SHORT], lines)
        fractions[16, row] = found[BREAK_ELLIPSES] / max(newlines, 1)
        fractions[17, row] = _summed(histogram, properties, KUTEN) / chars if chars else 1.0
        fractions[18, row] = _share(_summed(histogram, properties, SPECIAL), chars)
    return counts, fractions
