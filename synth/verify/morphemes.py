"""SudachiPy's segmentation of one answer: made once, read lazily.

Surface, part of speech and reading of a morpheme are read when a verifier asks for them; most look only at the ends of sentences.
Mode C is what sentence ends and readings are read from; other modes are asked for by `readings`.
"""

import threading
from functools import cache, cached_property
from typing import Any, NamedTuple

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


def pieces(text: str) -> list[str]:
    """The text in pieces that SudachiPy takes; a piece ends at a line end where there is one."""
    if len(text) * 4 <= CHUNK_BYTES or len(text.encode()) <= CHUNK_BYTES:
        return [text]
    cut = text.rfind("\n", 0, CHUNK_BYTES // 4) + 1 or CHUNK_BYTES // 4
    return [text[:cut], *pieces(text[cut:])]


class Part(NamedTuple):
    """What a morpheme's part-of-speech number says: part, its kind, and the conjugation form."""

    part: str
    sub: str
    form: str
    skipped: bool
    """White space or a mark other than 、."""


_parts: dict[int, Part] = {}


def part_of(morpheme: Any) -> Part:
    """Part of speech of a morpheme, looked up by its number: a tuple of six strings each time is what costs."""
    number = morpheme.part_of_speech_id()
    part = _parts.get(number)
    if part is None:
        names = morpheme.part_of_speech()
        mark = names[0] in ("空白", "記号") or (names[0] == "補助記号" and names[1] != "読点")
        part = _parts[number] = Part(names[0], names[1], names[5], mark)
    return part


class Morphemes:
    """Morphemes of one text with their places in it.

    The text is segmented when a verifier first asks, and nothing of a morpheme is read before it is asked for.
    """

    def __init__(self, text: str):
        self.text = text

    @cached_property
    def _lists(self) -> list[tuple[int, Any]]:
        """First character and morphemes of each piece that is segmented at once."""
        found: list[tuple[int, Any]] = []
        at = 0
        for piece in pieces(self.text):
            found.append((at, tokeniser().tokenize(piece)))
            at += len(piece)
        return found

    def until(self, end: int) -> tuple[int, Any, int]:
        """First character of the piece in which `end` lies, its morphemes, and the number of the last that begins before `end`.

        The number is -1 where none does. A sentence that runs over two pieces is read from its last one.
        """
        lists = self._lists
        offset, found = lists[0]
        if len(lists) > 1:
            offset, found = next(((o, f) for o, f in reversed(lists) if o < end), lists[0])
        low, high = 0, len(found)
        if high and found[high - 1].begin() + offset < end:  # most often the last sentence is asked for
            return offset, found, high - 1
        while low < high:  # where the first one at or after the end stands
            middle = (low + high) // 2
            if found[middle].begin() + offset < end:
                low = middle + 1
            else:
                high = middle
        return offset, found, low - 1
