"""SudachiPy's segmentation of one answer: made once, read lazily.

Surface, part of speech and reading of a morpheme are read when a verifier asks for them; most look only at the ends of sentences.
Mode C is what sentence ends and readings are read from; other modes are asked for by `readings`.
"""

import threading
from bisect import bisect_left
from functools import cache
from typing import Any

CHUNK_BYTES = 40_000
"""UTF-8 bytes given to SudachiPy at once; its limit is 49,149."""

_local = threading.local()


@cache
def dictionary() -> Any:
    """The core dictionary, once per process (about 200 MB, memory-mapped)."""
    from sudachipy import Dictionary

    return Dictionary(dict="core")


def tokeniser(mode: str = "C") -> Any:
    """A tokeniser of this thread in split mode A, B or C."""
    made = _local.__dict__.setdefault("tokenisers", {})
    if mode not in made:
        from sudachipy import SplitMode

        whole = dictionary()
        create = getattr(whole, "tokenizer", None) or whole.create  # `create` is deprecated from 0.7 on
        made[mode] = create(getattr(SplitMode, mode))
    return made[mode]


def segmented(text: str, mode: str = "C") -> list[Any]:
    """SudachiPy's morphemes of a text of any length with a surface; a chunk ends at a line end where there is one."""
    if len(text) * 4 <= CHUNK_BYTES or len(text.encode()) <= CHUNK_BYTES:
        return list(tokeniser(mode).tokenize(text))
    cut = text.rfind("\n", 0, CHUNK_BYTES // 4) + 1 or CHUNK_BYTES // 4
    return [*segmented(text[:cut], mode), *segmented(text[cut:], mode)]


class Morphemes:
    """Morphemes of one text with their places in it."""

    def __init__(self, text: str):
        self.text = text
        self.all = segmented(text)
        at, self.starts = 0, []
        for morpheme in self.all:
            self.starts.append(at)
            at += len(morpheme.surface())

    def between(self, start: int, end: int) -> range:
        """Numbers of the morphemes that begin in [start, end)."""
        return range(bisect_left(self.starts, start), bisect_left(self.starts, end))
