"""Rejecting pages by lists of words (NG ワード): more than a share of the text.

Lists are data with a source and a licence (`listed.py`): those that come along by name, and the user's own. A page is searched
once for all words of all lists together (Aho–Corasick, the Rust crate behind polars); only pages with a hit are looked at closer.
Not one hit decides but how much of the text such words are, read from left to right with the longest at each place (so a word
inside a longer one counts once). Ideas: Swallow's ngword.py (longest match, bound 0.05) and HojiChar's NgWordsFilterJa, which
rejects at the first word (`max_fraction: 0`; `whole_katakana` is its `ignore_confused`).

What was found is said masked, as 賭＊＊: reports go to people who did not ask to read such words.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from curation.filters.listed import read_list
from curation.step import Batch, Columns, Decide

_KATAKANA = re.compile(r"[ァ-ヴー]+")


class NgWords(Decide):
    """Rejects rows of which words of the lists are more than a share.

    lists: names of lists that come along (`hojichar_adult_ja`, `hojichar_discrimination_ja`, `hojichar_violence_ja`), or paths of
    YAML files, which begin at the recipe's folder. max_fraction: share of the text's characters inside such words that is still
    kept, in [0, 1); 0 rejects at the
    first word.
    whole_katakana: katakana words count only without katakana beside them (not アス in アスパラ). skip: words that are left out of
    the lists, because the texts at hand mean something else by them (二号 in laws).
    """

    reads, reasons = ("text",), ("ng_words",)

    def __init__(
        self, lists: list[str], max_fraction: float, whole_katakana: bool = False, skip: list[str] | None = None
    ):
        super().__init__()
        if not lists:
            raise ValueError("ng_words: 'lists' names no list")
        if not 0 <= max_fraction < 1:
            raise ValueError(f"ng_words: max_fraction is a share in [0, 1), not {max_fraction}")
        self.max_fraction = max_fraction
        self.whole_katakana = whole_katakana
        try:
            self._read = {name: read_list(name, "words") for name in lists}
        except ValueError as error:
            raise ValueError(f"ng_words: {error}") from None
        self._list_of: dict[str, str] = {}
        for listed in self._read.values():
            for word in listed.lines:
                self._list_of.setdefault(word, listed.name)
        if unknown := [word for word in skip or () if word not in self._list_of]:
            raise ValueError(f"ng_words: skip: {', '.join(map(masked_word, unknown))}: in none of these lists")
        for word in skip or ():
            del self._list_of[word]
        self.words = sorted(self._list_of)

    def artefacts(self) -> Mapping[str, bytes]:
        """The entries."""
        return {listed.name: listed.raw for listed in self._read.values()}

    def manifest_notes(self) -> Mapping[str, Any]:
        """Source, version and licence of each list."""
        return {"word_lists": {listed.name: listed.note() for listed in self._read.values()}}

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
            if taken and fraction > self.max_fraction:
                reason[i], value[i], detail[i] = "ng_words", fraction, self._said(taken)
        return {
            "reason": pa.array(reason, pa.string()),
            "value": pa.array(value, pa.float64()),
            "threshold": pa.array([None if r is None else float(self.max_fraction) for r in reason], pa.float64()),
            "detail": pa.array(detail, pa.string()),
        }

    def _said(self, taken: Sequence[str]) -> str:
        by_list = Counter(self._list_of[word] for word in taken)
        counts = ", ".join(f"{name}: {n}" for name, n in sorted(by_list.items(), key=lambda kv: (-kv[1], kv[0])))
        most = min(Counter(taken).items(), key=lambda kv: (-kv[1], kv[0]))[0]
        return f"{counts} ({masked_word(most)} …)"


def masked_word(word: str) -> str:
    """A word of a list as reports may show it: its first character, or nothing of a word of one.

    >>> masked_word("賭博場"), masked_word("賭")
    ('賭＊＊', '＊')
    """
    return (word[0] if len(word) > 1 else "＊") + "＊" * (len(word) - 1)


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
