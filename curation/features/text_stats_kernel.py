"""The compiled pass of `text_stats`: a histogram of character classes, and a look at each line and sentence as it ends.

Every character costs one look-up and one increment; what classes have in common (letter, kanji, special …) is summed from the
histogram afterwards. Lines and sentences are compared by a 64-bit hash of their bytes together with their length.
"""

from functools import cache

import numpy as np
from numba import njit

from curation.features import text_stats as rules
from curation.features.character_sets import SPECIAL_CHARACTERS, TERMINAL_PUNCTUATION
from curation.normalise.utf8 import code_point

HIRAGANA, KATAKANA, KANJI, KUTOTEN, KANA, LETTER, DIGIT, SPACE, SPECIAL, TERMINAL = (1 << k for k in range(10))
KUTEN, SENTENCE_END, LINE_END, NEWLINE = (1 << k for k in range(10, 14))
"""Properties of a character: bits of its class."""

_SEED, _MIX = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xFF51AFD7ED558CCD)
_BULLETS = (0x2022, 0x2D)


@cache
def character_classes() -> tuple[np.ndarray, np.ndarray]:
    """Class of every code point, uint8 [0x110000], and the properties of each class, uint32 [classes].

    Classes are numbered so that those that end a sentence or a line come first: one comparison finds what needs a second look.
    """
    points = np.arange(0x110000, dtype=np.uint32)
    points[0xD800:0xE000] = (
        0xE000  # surrogates do not occur in valid text, and private use has none of these properties
    )
    every = points.view("<U1")
    bits = np.zeros(0x110000, np.uint32)
    for name, bit in (("isalpha", LETTER), ("isdecimal", DIGIT), ("isspace", SPACE)):
        bits[getattr(np.char, name)(every)] |= bit
    text = "".join(map(chr, range(0xD800))) + "\ue000" * 0x800 + "".join(map(chr, range(0xE000, 0x10000)))
    patterns = (rules.HIRAGANA, rules.KATAKANA, rules.KANJI, rules.KUTOTEN, rules.KANA)
    for pattern, bit in zip(patterns, (HIRAGANA, KATAKANA, KANJI, KUTOTEN, KANA), strict=True):
        bits[[match.start() for match in pattern.finditer(text)]] |= bit
    for characters, bit in (
        (SPECIAL_CHARACTERS, SPECIAL),
        (TERMINAL_PUNCTUATION, TERMINAL),
        ("。", KUTEN),
        ("。．！？!?", SENTENCE_END),
        ("\n", NEWLINE),
        ("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", LINE_END),
    ):
        bits[[ord(c) for c in characters]] |= bit
    properties, classes = np.unique(bits, return_inverse=True)
    quiet = (properties & (SENTENCE_END | LINE_END)) == 0
    order = np.argsort(quiet, kind="stable")
    place = np.empty(len(order), np.uint8)
    place[order] = np.arange(len(order), dtype=np.uint8)
    return place[classes], properties[order]


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
def _stripped(data, start, stop, classes, properties):
    """The end of data[start:stop] without white space at its end."""
    while stop > start:
        k = stop - 1
        while k > start and stop - k < 4 and (data[k] & 0xC0) == 0x80:
            k -= 1
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
def _with(table, used, value):
    """The table with one more value, twice as long where it was full."""
    if used == len(table):
        longer = np.empty(2 * used, table.dtype)
        longer[:used] = table
        table = longer
    table[used] = value
    return table


@njit(nogil=True)
def _repeats(hashes, lengths, used, slots):
    """How many of the first `used` items repeat an earlier one, and their characters; and the table, larger if it had to be.

    `slots` int32 [power of two], all −1, and all −1 again on return.
    """
    if 2 * used > len(slots):
        size = len(slots)
        while size < 2 * used:
            size *= 2
        slots = np.full(size, -1, np.int32)
    mask = len(slots) - 1
    items = chars = 0
    for k in range(used):
        p = int(hashes[k] >> np.uint64(20)) & mask
        while slots[p] >= 0:
            other = slots[p]
            if hashes[other] == hashes[k] and lengths[other] == lengths[k]:
                items += 1
                chars += lengths[k]
                break
            p = (p + 1) & mask
        else:
            slots[p] = k
    for k in range(used):
        p = int(hashes[k] >> np.uint64(20)) & mask
        while slots[p] >= 0:
            slots[p] = -1
            p = (p + 1) & mask
    return items, chars, slots


@njit(nogil=True)
def _summed(histogram, properties, bit):
    total = 0
    for k in range(len(properties)):
        if properties[k] & bit:
            total += histogram[k]
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
    histogram = np.zeros(len(properties), np.int64)
    loud = 0
    while loud < len(properties) and properties[loud] & (SENTENCE_END | LINE_END):
        loud += 1
    newline = classes[10]
    sentence_hash, sentence_size = np.empty(1024, np.uint64), np.empty(1024, np.int32)
    line_hash, line_size = np.empty(1024, np.uint64), np.empty(1024, np.int32)
    full_hash, full_size = np.empty(1024, np.uint64), np.empty(1024, np.int32)
    paragraph_hash, paragraph_size = np.empty(1024, np.uint64), np.empty(1024, np.int32)
    slots = np.full(4096, -1, np.int32)
    scratch = np.empty(4096, np.uint8)
    for row in range(rows):
        start, end = offsets[row], offsets[row + 1]
        histogram[:] = 0
        chars = newlines = 0
        sentences = sentence_chars = longest_sentence = ellipsis_sentences = 0
        lines = full = paragraph_chars = punct = short = ellipsis_newlines = 0
        visual = bullets = ellipsis_lines = 0
        kana = 0
        run = longest_run = 0
        before = -1
        line_start = visual_start = sentence_start = start
        line_first = sentence_first = 0  # the same in characters
        extra = 0  # terminators in this line that belong to no sentence
        i = start
        while chars < 50 and i < end:
            c, size = code_point(data, i, end)
            kana += (properties[classes[c]] & KANA) != 0
            i += size
            chars += 1
        chars = 0
        i = start
        while True:
            last = i >= end
            size = 0
            kind = newline
            if not last:
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
                    longest_run = max(longest_run, run)
                else:
                    run = 1
                    before = c
                if kind >= loud:
                    i += size
                    chars += 1
                    continue
                if properties[kind] & SENTENCE_END:
                    i += size
                    chars += 1
                    if chars - sentence_first > 1:
                        length = chars - sentence_first
                        sentence_hash = _with(sentence_hash, sentences, _hashed(data, sentence_start, i))
                        sentence_size = _with(sentence_size, sentences, length)
                        sentences += 1
                        sentence_chars += length
                        longest_sentence = max(longest_sentence, length)
                    else:
                        extra += 1
                    sentence_start, sentence_first = i, chars
                    continue
            # a line break of some kind, or the end: lines of str.splitlines first, then lines of split("\n")
            if not last or visual_start < end:
                # the \n of \r\n ends no second line
                if not (kind == newline and not last and i > start and data[i - 1] == 13):
                    visual += 1
                    stop = _stripped(data, visual_start, i, classes, properties)
                    ellipsis_lines += _ellipsis(data, visual_start, stop)
                    k = visual_start
                    while k < stop:
                        head, width = code_point(data, k, stop)
                        if not properties[classes[head]] & SPACE:
                            bullets += head in _BULLETS
                            break
                        k += width
                visual_start = i + size
            if kind != newline:
                i += size
                chars += 1
                continue
            if chars > sentence_first:
                length = chars - sentence_first
                sentence_hash = _with(sentence_hash, sentences, _hashed(data, sentence_start, i))
                sentence_size = _with(sentence_size, sentences, length)
                sentences += 1
                sentence_chars += length
                longest_sentence = max(longest_sentence, length)
                stop = _stripped(data, sentence_start, i, classes, properties)
                ellipsis_sentences += _ends(data, sentence_start, stop, 0xE2, 0x80, 0xA6) or _ends(
                    data, sentence_start, stop, 0xE3, 0x83, 0xBB
                )
            length = chars - line_first
            short += length <= 10
            hashed = _hashed(data, line_start, i)
            line_hash = _with(line_hash, lines, hashed)
            line_size = _with(line_size, lines, length)
            if length and _stripped(data, line_start, i, classes, properties) > line_start:
                full_hash = _with(full_hash, full, hashed)
                full_size = _with(full_size, full, length)
                full += 1
                k = i - 1
                while k > line_start and i - k < 4 and (data[k] & 0xC0) == 0x80:
                    k -= 1
                tail, _ = code_point(data, k, i)
                punct += (properties[classes[tail]] & TERMINAL) != 0
            if extra:
                # the same paragraph may stand elsewhere without its extra terminators, so it is hashed without them here
                if i - line_start > len(scratch):
                    scratch = np.empty(2 * (i - line_start), np.uint8)
                w = 0
                k = line_start
                open_sentence = False
                while k < i:
                    head, width = code_point(data, k, i)
                    ends_sentence = (properties[classes[head]] & SENTENCE_END) != 0
                    if open_sentence or not ends_sentence:
                        for q in range(width):
                            scratch[w + q] = data[k + q]
                        w += width
                    open_sentence = not ends_sentence
                    k += width
                hashed = _hashed(scratch, 0, w)
                length -= extra
            paragraph_hash = _with(paragraph_hash, lines, hashed)
            paragraph_size = _with(paragraph_size, lines, length)
            paragraph_chars += length
            lines += 1
            if last:
                break
            newlines += 1
            ellipsis_newlines += _ellipsis(data, start, i)
            i += size
            chars += 1
            line_start = sentence_start = i
            line_first = sentence_first = chars
            extra = 0

        # pieces of split("\n+"): lines that hold something, and an empty one at each end where there is a line break
        empty_ends = 0
        if end > start:
            empty_ends = int(line_size[0] == 0) + int(line_size[lines - 1] == 0)
        kept = 0
        for k in range(lines):
            if line_size[k]:
                line_hash[kept] = line_hash[k]
                line_size[kept] = line_size[k]
                kept += 1
        line_repeats, _, slots = _repeats(line_hash, line_size, kept, slots)
        line_repeats += empty_ends == 2
        _, full_repeat_chars, slots = _repeats(full_hash, full_size, full, slots)
        paragraph_repeats, paragraph_repeat_chars, slots = _repeats(paragraph_hash, paragraph_size, lines, slots)
        sentence_repeats, sentence_repeat_chars, slots = _repeats(sentence_hash, sentence_size, sentences, slots)

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
        counts[6, row] = longest_sentence
        counts[7, row] = kana
        counts[8, row] = max(longest_run, min(chars, 1))
        fractions[0, row] = _share(hiragana, japanese)
        fractions[1, row] = _share(katakana, japanese)
        fractions[2, row] = _share(kanji, japanese)
        fractions[3, row] = _share(japanese, chars)
        fractions[4, row] = _share(sentence_chars, sentences)
        fractions[5, row] = _share(ellipsis_sentences, sentences)
        fractions[6, row] = _share(paragraph_repeats, lines)
        fractions[7, row] = _share(paragraph_repeat_chars, paragraph_chars)
        fractions[8, row] = _share(sentence_repeats, sentences)
        fractions[9, row] = _share(sentence_repeat_chars, sentence_chars)
        fractions[10, row] = _share(line_repeats, kept + empty_ends)
        fractions[11, row] = _share(punct, full)
        fractions[12, row] = _share(full_repeat_chars, chars - newlines)
        fractions[13, row] = _share(bullets, visual)
        fractions[14, row] = _share(ellipsis_lines, visual)
        fractions[15, row] = _share(short, lines)
        fractions[16, row] = ellipsis_newlines / max(newlines, 1)
        fractions[17, row] = _summed(histogram, properties, KUTEN) / chars if chars else 1.0
        fractions[18, row] = _share(_summed(histogram, properties, SPECIAL), chars)
    return counts, fractions
