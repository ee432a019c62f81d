"""fastText's prediction over windows of a batch of texts, in place.

The library builds a string of every n-gram, hashes it and asks a hash map, one text at a time (0.4 ms for 1,000 characters); the
same sums from flat tables take a fraction. Words and n-grams are those of `Dictionary::getLine`: a word in the vocabulary counts with
its own vector and its n-grams, any other with its n-grams, and the end of the line with one vector of its own.
"""

import numpy as np
from numba import njit

from curation.classify.lid_model import BUCKETS

_OFFSET = np.uint64(2166136261)
_PRIME = np.uint64(16777619)
_MASK = np.uint64(0xFFFFFFFF)
_SIGN = np.uint64(0xFFFFFF00)
_BUCKETS = np.uint64(BUCKETS)


@njit(cache=True, nogil=True)
def predict_rows(
    data,
    bounds,
    characters,
    windows,
    rows,
    row_of_bucket,
    kept,
    table,
    word_bytes,
    word_bounds,
    nodes,
    children,
    low,
    high,
):
    """Label number (int32, -1 for an empty text) and probability (float32) of each text.

    data, bounds: UTF-8 bytes and int64 offsets. A text of more than `characters` characters is read in `windows` parts, see
    `language.sampled`. `low` and `high` are the lengths of n-grams; the other arguments are the arrays of `LidModel`.
    """
    count = len(bounds) - 1
    label = np.full(count, -1, np.int32)
    score = np.zeros(count, np.float32)
    hidden = np.zeros(rows.shape[1], np.float32)
    scores = np.zeros(len(children), np.float64)
    for row in range(count):
        start, end = bounds[row], bounds[row + 1]
        if start == end:
            continue
        hidden[:] = 0
        found = 0
        if _skip(data, start, end, characters) < end:
            for k in range(windows):
                first = _edge(data, start + (end - start) * k // windows)
                until = _edge(data, start + (end - start) * (k + 1) // windows) if k + 1 < windows else end
                last = _skip(data, first, until, characters // windows)
                found += _add(
                    data, first, last, hidden, rows, row_of_bucket, kept, table, word_bytes, word_bounds, low, high
                )
        else:
            found = _add(data, start, end, hidden, rows, row_of_bucket, kept, table, word_bytes, word_bounds, low, high)
        for d in range(len(hidden)):
            hidden[d] = (hidden[d] + rows[0, d]) / np.float32(found + 1)
        label[row], score[row] = _best(hidden, nodes, children, scores)
    return label, score


@njit(nogil=True)
def _edge(data, i):
    """First byte of a character at or after i."""
    while data[i] & 0xC0 == 0x80:
        i += 1
    return i


@njit(nogil=True)
def _skip(data, i, end, characters):
    """Where the text stands after so many characters, at most `end`."""
    if end - i <= characters:
        return end
    seen = 0
    while i < end:
        if data[i] & 0xC0 != 0x80:
            if seen == characters:
                return i
            seen += 1
        i += 1
    return end


@njit(nogil=True)
def _white(b):
    return b == 0x20 or 0x09 <= b <= 0x0D or b == 0


@njit(nogil=True)
def _step(h, b):
    c = np.uint64(b)
    return ((h ^ (c | _SIGN if b & 0x80 else c)) * _PRIME) & _MASK


@njit(nogil=True)
def _word(data, a, b, table, word_bytes, word_bounds):
    """Number of the word at [a, b) in the vocabulary, or -1."""
    h = _OFFSET
    for i in range(a, b):
        h = _step(h, data[i])
    place = np.int64(h) & (len(table) - 1)
    while table[place] >= 0:
        word = table[place]
        first = word_bounds[word]
        if word_bounds[word + 1] - first == b - a:
            k = 0
            while k < b - a and word_bytes[first + k] == data[a + k]:
                k += 1
            if k == b - a:
                return word
        place = (place + 1) & (len(table) - 1)
    return -1


@njit(nogil=True)
def _add(data, i, end, hidden, rows, row_of_bucket, kept, table, word_bytes, word_bounds, low, high):
    """Adds the vectors of all words and n-grams in [i, end) to `hidden`; returns how many."""
    found = 0
    dim = len(hidden)
    while i < end:
        if _white(data[i]):
            i += 1
            continue
        a = i
        while i < end and not _white(data[i]):
            i += 1
        b = i
        word = _word(data, a, b, table, word_bytes, word_bounds)
        if word >= 0:
            found += 1
            for d in range(dim):
                hidden[d] += rows[word, d]
        for s in range(a - 1, b + 1):
            if a <= s < b and data[s] & 0xC0 == 0x80:
                continue
            h = _OFFSET
            j = s
            n = 0
            while j <= b and n < high:
                h = _step(h, 0x3C if j < a else (0x3E if j == b else data[j]))
                j += 1
                while a < j < b and data[j] & 0xC0 == 0x80:
                    h = _step(h, data[j])
                    j += 1
                n += 1
                if n >= low:
                    bucket = np.int64(h % _BUCKETS)
                    if kept[bucket >> 3] >> (bucket & 7) & 1:
                        row = row_of_bucket[bucket]
                        found += 1
                        for d in range(dim):
                            hidden[d] += rows[row, d]
    return found


@njit(nogil=True)
def _best(hidden, nodes, children, scores):
    """The likeliest leaf of the label tree and its probability, with fastText's log(x + 1e-5)."""
    leaves = len(nodes) + 1
    root = len(children) - 1
    scores[root] = 0.0
    for node in range(root, leaves - 1, -1):
        f = np.float32(0)
        for d in range(len(hidden)):
            f += hidden[d] * nodes[node - leaves, d]
        right = 1.0 / (1.0 + np.exp(-f))
        scores[children[node, 0]] = scores[node] + np.log(1.0 - right + 1e-5)
        scores[children[node, 1]] = scores[node] + np.log(right + 1e-5)
    best = 0
    for leaf in range(1, leaves):
        if scores[leaf] > scores[best]:
            best = leaf
    return best, min(1.0, np.exp(scores[best]))
