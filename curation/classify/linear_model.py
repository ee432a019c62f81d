"""A fastText classifier over characters, collapsed: one number for each feature and label, instead of a vector for each feature.

fastText averages the vectors of all features of a text and multiplies the mean with the output matrix. Both are linear, so the
product can be made once, ahead: a table [features, labels] gives the same sums. With a softmax over two labels only the difference of
their columns matters, and a model of 800 MB (2 million buckets × 100 numbers) becomes one of 8 MB that stays in a processor's cache.
Exact but for the order of additions; tests hold it against fastText itself.
"""

from typing import NamedTuple

import numpy as np

from curation.classify.fasttext_file import NEGATIVE_SAMPLING, ONE_VS_ALL, SOFTMAX, FastTextFile, fnv

CODE_POINTS = 0x110000
END = b"</s>"
"""fastText's word for the end of a line."""
END_HASH = fnv(END) - (1 << 32) if fnv(END) >> 31 else fnv(END)
"""Its hash, as a signed number."""
MOST_NGRAMS = 3
_ROWS_AT_ONCE = 1 << 16
_MULTIPLIER = 116049371


class LinearModel(NamedTuple):
    """What `linear_kernel.sum_rows` needs, and how its sums become probabilities."""

    labels: tuple[str, ...]
    softmax: bool
    """True: columns are differences to the first label; False: each label has a column and a sigmoid of its own."""
    table: np.ndarray
    """float32 [words + n-grams, columns]: what a feature adds to each column."""
    characters: np.ndarray
    """int32 [code points, 2]: row of a character that is in the vocabulary, else -1; and fastText's hash of it, signed."""
    end_row: int
    """Row of the end of a line; -1 where the vocabulary lacks it."""
    word_count: int
    """Rows of words, in front of those of n-grams."""
    buckets: int
    row_of_bucket: np.ndarray
    """int32 [buckets]: row behind the words of a bucket's n-gram, -1 where it was pruned; empty where every bucket has a row."""
    ngrams: int
    """Longest n-gram of characters, 1 to 3."""


def why_not(file: FastTextFile) -> str | None:
    """Why a model cannot be collapsed over characters, in words; None where it can."""
    arguments = file.arguments
    if arguments["loss"] not in (SOFTMAX, ONE_VS_ALL, NEGATIVE_SAMPLING):
        return "its loss is hierarchical softmax"
    if arguments["longest"] > 0:
        return "it reads n-grams of letters inside words"
    if not 1 <= arguments["word_ngrams"] <= MOST_NGRAMS:
        return f"it reads n-grams of {arguments['word_ngrams']} words; at most {MOST_NGRAMS} are looked up"
    return None


def collapse(file: FastTextFile) -> LinearModel:
    """The collapsed model. Raises ValueError with `why_not`, or for matrices that do not fit the vocabulary."""
    if reason := why_not(file):
        raise ValueError(f"{file.path}: cannot be collapsed: {reason}")
    rows, outputs = file.matrices
    words, buckets = len(file.words), file.arguments["buckets"]
    ngrams = file.arguments["word_ngrams"]
    wanted = words + (len(file.kept) if file.kept is not None else buckets if ngrams > 1 else 0)
    if len(rows) < wanted or len(outputs) != len(file.labels):
        raise ValueError(
            f"{file.path}: broken: {len(rows)} × {len(outputs)} vectors for {wanted} features and {len(file.labels)} labels"
        )
    softmax = file.arguments["loss"] == SOFTMAX
    weights = outputs[1:] - outputs[:1] if softmax else outputs
    table = np.empty((len(rows), len(weights)), np.float32)
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        some = rows[first : first + _ROWS_AT_ONCE].astype(np.float64)
        table[first : first + _ROWS_AT_ONCE] = some @ weights.T.astype(np.float64)
    row_of_bucket = np.zeros(0, np.int32)
    if file.kept is not None:
        row_of_bucket = np.full(buckets, -1, np.int32)
        row_of_bucket[file.kept[:, 0]] = file.kept[:, 1]
    characters = np.full((CODE_POINTS, 2), -1, np.int32)
    characters[:, 1] = character_hashes().view(np.int32)
    for row, word in enumerate(file.words):
        character = word.decode(errors="ignore")
        if len(character) == 1 and character.encode() == word:
            characters[ord(character), 0] = row
    return LinearModel(
        labels=tuple(file.label_names),
        softmax=softmax,
        table=table,
        characters=characters,
        end_row=file.words.index(END) if END in file.words else -1,
        word_count=words,
        buckets=max(buckets, 1),
        row_of_bucket=row_of_bucket,
        ngrams=ngrams,
    )


def character_hashes() -> np.ndarray:
    """uint32 [code points]: `fnv` of every character's UTF-8; surrogates have none and get 0."""
    codes = np.arange(CODE_POINTS, dtype=np.uint32)
    hashes = np.zeros(CODE_POINTS, np.uint32)
    marks = (0, 0xC0, 0xE0, 0xF0)
    for size, (low, high) in enumerate(((0, 0x80), (0x80, 0x800), (0x800, 0x10000), (0x10000, CODE_POINTS)), start=1):
        some = codes[low:high]
        h = np.full(len(some), 2166136261, np.uint32)
        for place in range(size):
            bits = some >> np.uint32(6 * (size - 1 - place))
            byte = (bits | np.uint32(marks[size - 1])) if place == 0 else (bits & np.uint32(0x3F)) | np.uint32(0x80)
            h = (h ^ np.where(byte & 0x80, byte | np.uint32(0xFFFFFF00), byte)) * np.uint32(16777619)
        hashes[low:high] = h
    hashes[0xD800:0xE000] = 0
    return hashes


def probabilities(model: LinearModel, sums: np.ndarray, features: np.ndarray) -> np.ndarray:
    """float64 [rows, labels]: probabilities from the kernel's sums and numbers of features; as fastText's, by softmax or sigmoid."""
    logits = sums / np.maximum(features, 1)[:, None]
    if not model.softmax:
        return _sigmoid(logits)
    logits = np.concatenate([np.zeros((len(logits), 1)), logits], axis=1)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _sigmoid(logits: np.ndarray) -> np.ndarray:
    """fastText's sigmoid: a table of 512 steps over [−8, 8], 0 below and 1 above it."""
    steps = np.nan_to_num((np.clip(logits, -8, 8) + 8) * 32).astype(np.int64)
    made = 1 / (1 + np.exp(8 - steps / 32))
    made = np.where(logits < -8, 0.0, np.where(logits > 8, 1.0, made))
    return np.where(np.isnan(logits), np.nan, made)


def plain_sums(model: LinearModel, text: str, line_break: str = "") -> tuple[np.ndarray, int]:
    """(sums over the table's columns, number of features) of one text: the reference of the compiled kernel."""
    found = [tuple(map(int, model.characters[ord(c)])) for c in tokens(text, line_break)]
    found.append((model.end_row, END_HASH))
    rows = [row for row, _ in found if row >= 0]
    signed = [h for _, h in found]
    for first in range(len(signed)):
        h = signed[first] % (1 << 64)
        for after in signed[first + 1 : first + model.ngrams]:
            h = (h * _MULTIPLIER + after) % (1 << 64)
            bucket = h % model.buckets
            behind = int(model.row_of_bucket[bucket]) if len(model.row_of_bucket) else bucket
            if behind >= 0:
                rows.append(model.word_count + behind)
    return model.table[rows].sum(axis=0, dtype=np.float64), len(rows)


def tokens(text: str, line_break: str = "") -> list[str]:
    """Characters as the model reads them: white space of ASCII and NUL are left out, a line break is `line_break` if that is given.

    >>> tokens("米 と\\n　水", "␤")
    ['米', 'と', '␤', '\\u3000', '水']
    """
    text = text.replace("\n", line_break or " ")
    return [c for c in text if c not in " \n\t\r\v\f\0"]
