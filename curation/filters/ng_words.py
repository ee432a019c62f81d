"""Rejecting pages by the user's own word lists (NG ワード): any word at all, or more than a share of the text.

Lists are text files, one word a line; none is packaged, because a list says what its maker finds unfit. A page is searched once
for all words together (Aho–Corasick, in polars); only pages with a hit are looked at closer. Ideas: HojiChar's NgWordsFilterJa
(any occurrence rejects, `whole_katakana` is its `ignore_confused`), Swallow's ngword.py (`max_fraction` 0.05, longest match first).
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa

from curation.step import Batch, Columns, Decide

_KATAKANA = re.compile(r"[ァ-ヴー]+")


class NgWords(Decide):
    """Rejects rows with words of the lists.

    `lists`: files, one word a line, UTF-8. `max_fraction`: share of the text's characters inside such words that is still kept;
    null rejects at the first word. `whole_katakana`: katakana words count only without katakana beside them (not アス in アスパラ).
    """

    reads, reasons = ("text",), ("ng_words",)

    def __init__(self, lists: list[str], max_fraction: float | None = None, whole_katakana: bool = False):
        super().__init__()
        self.max_fraction = max_fraction
        self.whole_katakana = whole_katakana
        self._files = {path: _bytes_of(path) for path in lists}
        self.words = sorted({word for raw in self._files.values() for word in word_list(raw)})
        if not self.words:
            raise ValueError(f"ng_words: no word in {', '.join(lists) or 'lists'}")

    def artefacts(self) -> Mapping[str, bytes]:
        """The lists."""
        return self._files

    def columns(self, batch: Batch) -> Columns:
        import polars as pl

        rows = batch.num_rows
        reason: list[str | None] = [None] * rows
        value: list[float | None] = [None] * rows
        detail: list[str | None] = [None] * rows
        text = pl.Series(batch.column("text"))
        hit = text.str.contains_any(self.words).fill_null(False).arg_true()
        pages = text.gather(hit)
        words = pages.str.extract_many(self.words, overlapping=True)
        starts = pages.str.find_many(self.words, overlapping=True)
        for i, page, found, at in zip(hit.to_list(), pages, words, starts, strict=True):
            taken = ng_words_in(page, found.to_list(), at.to_list(), self.whole_katakana)
            fraction = sum(map(len, taken)) / len(page)
            if taken and (self.max_fraction is None or fraction > self.max_fraction):
                reason[i], value[i], detail[i] = "ng_words", fraction, taken[0]
        bound = None if self.max_fraction is None else float(self.max_fraction)
        return {
            "reason": pa.array(reason, pa.string()),
            "value": pa.array(value, pa.float64()),
            "threshold": pa.array([None if r is None else bound for r in reason], pa.float64()),
            "detail": pa.array(detail, pa.string()),
        }


def word_list(raw: bytes) -> list[str]:
    """Words of a list: one a line, white space around them taken off, empty lines left out.

    >>> word_list("賭博\\r\\n\\n 違法 \\n".encode())
    ['賭博', '違法']
    """
    return [word for line in raw.decode("utf-8-sig").splitlines() if (word := line.strip())]


def ng_words_in(text: str, words: Sequence[str], starts: Sequence[int], whole_katakana: bool) -> list[str]:
    """Of all occurrences (words and their first bytes), those that a reading from left to right takes, the longest at each place.

    With `whole_katakana`, a word of katakana beside other katakana is not taken.

    >>> ng_words_in("賭博場でアスパラ", ["賭博", "賭博場", "アス"], [0, 0, 12], True)
    ['賭博場']
    """
    raw, end, taken = text.encode(), 0, []
    for start, word in sorted(zip(starts, words, strict=True), key=lambda found: (found[0], -len(found[1]))):
        after = start + len(word.encode())
        if start < end or (whole_katakana and _KATAKANA.fullmatch(word) and _touches_katakana(raw, start, after)):
            continue
        taken.append(word)
        end = after
    return taken


def _touches_katakana(raw: bytes, start: int, end: int) -> bool:
    beside = raw[max(start - 3, 0) : start].decode(errors="ignore") + raw[end : end + 3].decode(errors="ignore")
    return _KATAKANA.search(beside) is not None


def _bytes_of(path: str) -> bytes:
    if not Path(path).is_file():
        raise ValueError(f"ng_words: there is no list {path}")
    raw = Path(path).read_bytes()
    try:
        raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"ng_words: {path} is not UTF-8: {error.reason} at byte {error.start}") from None
    return raw
