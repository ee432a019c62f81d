"""The lines of a page as keys: what two lines must share to be the same line wherever they stand.

A line's key is a 64-bit hash of its normal form (normal_form.py), so that width, case, punctuation style and white space do not tell
copies of a footer apart. Lines without a letter or digit (rules, bullets) are never counted and never taken out. Idea: CCNet
(Wenzek+20) hashes normalised paragraphs to 64 bits; it also folds digits, which would make all numbered headings one line.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curation.dedup.normal_form import kernel_tables, normal_form
from curation.extract.char_class import LETTER, char_class
from curation.normalise.text_column import text_array, text_views

SEED, PRIME = 0xCBF29CE484222325, 0x100000001B3
_MASK = (1 << 64) - 1


def mix64(h: int) -> int:
    """MurmurHash3's 64-bit finaliser: every bit of the result depends on every bit of h.

    >>> mix64(0), mix64(1) == 0xB456BCFC34C2CB2C
    (0, True)
    """
    h = ((h ^ (h >> 33)) * 0xFF51AFD7ED558CCD) & _MASK
    h = ((h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53) & _MASK
    return h ^ (h >> 33)


def hash_of(values: list[int]) -> int:
    """64-bit hash of a sequence of numbers below 2^64: FNV-1a with a shift, then `mix64`."""
    h = SEED
    for value in values:
        h = ((h ^ value) * PRIME) & _MASK
        h ^= h >> 29
    return mix64(h)


def line_key(line: str) -> tuple[int, int, bool]:
    """Key of a line, characters of its normal form, and whether it has a letter or digit. The reference of the kernel.

    >>> line_key("　ＡＢＣ社 お問い合わせ ") == line_key("abc社お問い合わせ"), line_key("―― ★")[1:], line_key(" ")[1:]
    (True, (3, False), (0, False))
    """
    form = normal_form(line)
    return hash_of([ord(c) for c in form]), len(form), any(char_class(ord(c)) & LETTER for c in form)


def without_lines(text: str, gone: Callable[[str], bool]) -> str:
    """The text without the lines that `gone` names. The reference of the kernel.

    Blank lines do not pile up where a line went: those after it go if a blank line, or none at all, stands before it; and those
    before it if nothing else follows.

    >>> without_lines("本文\\n\\n© 精米社\\n\\n続き\\n\\n© 精米社\\n", lambda line: line[0] == "©")
    '本文\\n\\n続き'
    """
    made: list[str] = []
    after = False
    for line in text.split("\n"):
        blank = not normal_form(line)
        if not blank and gone(line):
            after = True
        elif not (blank and after and (not made or not normal_form(made[-1]))):
            made.append(line)
            after = after and blank
    while after and made and not normal_form(made[-1]):
        made.pop()
    return "\n".join(made)


@dataclass(frozen=True)
class Lines:
    """All lines of a column of texts, blank ones too; row r has `rows[r]:rows[r + 1]` of them, none where it is null."""

    rows: np.ndarray
    begin: np.ndarray
    """First byte of each line in the column's buffer, int64."""
    end: np.ndarray
    """The byte after its last one; the line break is not part of a line."""
    key: np.ndarray
    """uint64."""
    chars: np.ndarray
    """Characters of its normal form, int64; 0 for a blank line."""
    lettered: np.ndarray
    """Whether it has a letter or digit, bool."""

    @property
    def owner(self) -> np.ndarray:
        """Row of each line, int64."""
        return np.repeat(np.arange(len(self.rows) - 1), np.diff(self.rows))

    def sums(self, chosen: np.ndarray) -> np.ndarray:
        """How many lines of each row are chosen (bool), or the sum of what is chosen (numbers), int64 [rows]."""
        sums = np.concatenate([np.zeros(1, np.int64), np.cumsum(chosen, dtype=np.int64)])
        return sums[self.rows[1:]] - sums[self.rows[:-1]]


class LineKeys:
    """Makes the lines of columns of texts; loads the compiled pass and the fold table once."""

    def __init__(self) -> None:
        from curation.dedup import form_kernel, line_kernel

        self._kernel, self._tables, self._slack = line_kernel, kernel_tables(), form_kernel.SLACK

    def of(self, text: pa.Array) -> Lines:
        """The lines of a text column, in order."""
        data, offsets = text_views(text)
        valid = text.is_valid().to_numpy(zero_copy_only=False) if text.null_count else np.ones(len(text), bool)
        breaks = int(np.count_nonzero(data[offsets[0] : offsets[-1]] == 10)) if len(text) else 0
        room = breaks + len(text)
        rows = np.zeros(len(text) + 1, np.int64)
        begin, end, chars = (np.empty(room, np.int64) for _ in range(3))
        key, lettered = np.empty(room, np.uint64), np.empty(room, bool)
        longest = int(np.diff(offsets).max(initial=0))
        points = np.empty(longest + self._slack, np.uint32)
        n = self._kernel.split_lines(
            data, offsets, valid, *self._tables, points, rows, begin, end, key, chars, lettered
        )
        for k in np.flatnonzero(
            chars[:n] < 0
        ).tolist():  # marks that compose: the kernel leaves such a line to the reference
            line = data[begin[k] : end[k]].tobytes().decode("utf-8", "replace")
            key[k], chars[k], lettered[k] = line_key(line)
        return Lines(rows, begin[:n], end[:n], key[:n], chars[:n], lettered[:n])

    def distinct(self, lines: Lines, chosen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Distinct keys of each row's chosen lines (bool), sorted, row after row; and how many each row has, int64 [rows]."""
        found, sizes = np.empty(len(lines.key), np.uint64), np.empty(len(lines.rows) - 1, np.int64)
        n = self._kernel.distinct_lines(lines.key, chosen, lines.rows, found, sizes)
        return found[:n], sizes

    def beyond(self, rank: np.ndarray, owner: np.ndarray, bounds: np.ndarray, place: np.ndarray) -> np.ndarray:
        """Which lines stand on a page that ranks after their bound, bool.

        rank: words of each page; owner: page of each line; place: of each line in `bounds`, −1 for one that has none.
        """
        out = np.empty(len(owner), bool)
        self._kernel.beyond(rank, owner, bounds, place, out)
        return out

    def without(self, text: pa.Array, lines: Lines, gone: np.ndarray) -> pa.Array:
        """The texts without the lines that are gone (bool); null where they were."""
        data, offsets = text_views(text)
        out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
        made = np.zeros(len(text) + 1, np.int64)
        n = self._kernel.take_out(data, lines.rows, lines.begin, lines.end, lines.chars, gone, out, made)
        return text_array(out[:n], made, text)

    def text_keys(self, lines: Lines) -> np.ndarray:
        """One key for all lines of each row, uint64: equal for copies that differ in blank lines and in what a form takes away."""
        keys = np.empty(len(lines.rows) - 1, np.uint64)
        self._kernel.keys_of_texts(lines.key, lines.chars, lines.rows, keys)
        return keys

    def string_keys(self, column: pa.Array) -> np.ndarray:
        """A key of each string, uint64; that of the empty one for null."""
        data, offsets = text_views(column.cast(pa.large_string()).fill_null(""))
        keys = np.empty(len(column), np.uint64)
        self._kernel.keys_of_bytes(data, offsets, keys)
        return keys


class KeyPlaces:
    """A sorted table of distinct 64-bit keys in which the places of many keys are looked up."""

    def __init__(self, table: np.ndarray):
        from curation.dedup import line_kernel

        self._kernel, self._table = line_kernel, table
        self._starts = np.searchsorted(table >> np.uint64(48), np.arange((1 << 16) + 1)).astype(np.int64)

    def of(self, keys: np.ndarray) -> np.ndarray:
        """Place of each key, int64; −1 where it is not in the table."""
        out = np.empty(len(keys), np.int64)
        self._kernel.places(keys, self._table, self._starts, out)
        return out
