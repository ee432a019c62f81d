"""The step that masks personal data: windows by a compiled kernel, rules in the windows, tokens in the text, counts in columns."""

from collections import Counter
from collections.abc import Iterator
from itertools import groupby
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.normalise.pii.found import TYPES, Found, PersonalDataType, Taken
from curation.normalise.pii.mask import BY_FORM, Style, find, masked, replacement
from curation.normalise.text_column import text_array, text_views
from curation.step import Batch, Columns, Measure

MASKED = {kind: f"masked_{kind}" for kind in TYPES}
"""Type → the column that counts it."""


class MaskPersonalData(Measure):
    """Rewrites text with personal data masked; writes how many pieces of each type a row had, int32 (0 also for a null text).

    columns: `text`, and `title` where there is one.
    types: which types are masked; all that are found by form and context when not given. What is left out has no column.
    person_names: also names of private persons (`person_names.py`), which need morphemes and are found with less certainty.
    style: `token` (【電話番号】) or `same_form` (000-0000-0000).

    Put it behind `nfkc` and `whitespace`: a zero-width space inside a number hides it from every rule.
    """

    reads, writes = ("text",), ("text", "title", *MASKED.values())
    libraries = ()

    def __init__(
        self,
        columns: list[Literal["text", "title"]] = ["text"],  # noqa: B006  (never changed; a recipe's signature shows it)
        types: list[PersonalDataType] | None = None,
        person_names: bool = False,
        style: Style = "token",
    ):
        super().__init__()
        if not columns or len(set(columns)) < len(columns):
            raise ValueError("mask_personal_data: 'columns' names text, title or both, each once")
        if types is not None and (not types or "person_name" in types):
            raise ValueError(
                "mask_personal_data: 'types' is a list of types that are found by form (or is left out for all); "
                "names of persons are asked for by person_names: true"
            )
        self.masks = tuple(columns)
        self.types = tuple(t for t in BY_FORM if types is None or t in types)
        self.person_names = person_names
        self.style: Style = style
        counted = (*self.types, "person_name") if person_names else self.types
        self.reads = self.masks
        self.writes = (*self.masks, *(MASKED[t] for t in counted))
        if person_names:
            self.libraries = ("sudachipy", "sudachidict_core")

    def setup(self) -> None:
        from curation.normalise.pii.windows_kernel import tables

        tables()
        if self.person_names:
            from curation.normalise.pii.person_names import name_size

            name_size("名")  # loads the dictionary

    def columns(self, batch: Batch) -> Columns:
        counts = {t: np.zeros(batch.num_rows, np.int32) for t in TYPES if MASKED[t] in self.writes}
        made: dict[str, pa.Array] = {}
        for name in self.masks:
            made[name] = self._masked(batch.column(name), counts)
        for kind, found in counts.items():
            self.stat_update(f"masked_{kind}", value=int(found.sum()))
            self.stat_update(f"pages_with_{kind}", value=int(np.count_nonzero(found)))
        return made | {MASKED[kind]: pa.array(found, pa.int32()) for kind, found in counts.items()}

    def _masked(self, column: pa.Array, counts: dict[str, np.ndarray]) -> pa.Array:
        data, offsets = text_views(column)
        base = int(offsets[0])
        parts: list[bytes | memoryview] = []
        view = memoryview(data)
        at, grown = base, np.zeros(len(offsets), np.int64)
        for row, start, end, said in self._pieces(column, data, offsets, counts):
            parts += [view[at:start], said]
            grown[row + 1] += len(said) - (end - start)
            at = end
        if not parts:
            return column
        whole = np.frombuffer(b"".join([*parts, view[at : int(offsets[-1])]]), np.uint8)
        return text_array(whole, offsets - base + np.cumsum(grown), column)

    def _pieces(
        self, column: pa.Array, data: np.ndarray, offsets: np.ndarray, counts: dict[str, np.ndarray]
    ) -> Iterator[tuple[int, int, int, bytes]]:
        """Row, first byte, end and what stands there now, of every piece in order."""
        from curation.normalise.pii.windows_kernel import tables, windows

        named = self._rows_with_labels(column) if self.person_names else frozenset()
        opened = windows(data, offsets, *tables()).tolist()
        valid = column.is_valid().to_pylist() if column.null_count else None
        by_row = {row: [(a, b) for _, a, b in of_row] for row, of_row in groupby(opened, key=lambda w: w[0])}
        for row in sorted(by_row.keys() | named):
            if valid is not None and not valid[row]:
                continue
            found: list[tuple[str, int, int, bytes]] = []
            for start, end in by_row.get(row, ()):
                text = data[start:end].tobytes().decode("utf-8", "replace")
                found += _in_bytes(text, start, find(text, self.types), self.style)
            if self.person_names and (found or row in named):
                text = data[offsets[row] : offsets[row + 1]].tobytes().decode("utf-8", "replace")
                found = _in_bytes(text, int(offsets[row]), self._with_names(text), self.style)
            for kind, start, end, said in found:
                counts[kind][row] += 1
                yield row, start, end, said

    def _with_names(self, text: str) -> list[Found]:
        from curation.normalise.pii.person_names import person_names

        taken = Taken()
        pieces = find(text, self.types)
        taken.add(pieces)
        taken.add(person_names(text, pieces))
        return sorted(taken.pieces, key=lambda piece: piece.start)

    def _rows_with_labels(self, column: pa.Array) -> frozenset[int]:
        from curation.normalise.pii.person_names import LABEL

        labelled = pc.match_substring_regex(column, pattern=LABEL).fill_null(False)
        return frozenset(np.flatnonzero(labelled.to_numpy(zero_copy_only=False)).tolist())


def _in_bytes(text: str, first: int, found: list[Found], style: Style) -> list[tuple[str, int, int, bytes]]:
    """Pieces of a text that begins at byte `first`, with their places in bytes and what stands there now."""
    made, at, byte = [], 0, first
    for piece in found:
        start = byte + len(text[at : piece.start].encode())
        byte, at = start + len(text[piece.start : piece.end].encode()), piece.end
        made.append((piece.type, start, byte, replacement(piece.type, text[piece.start : piece.end], style).encode()))
    return made


def mask_with_names(text: str, style: Style = "token") -> tuple[str, Counter[str]]:
    """A text with everything masked, names of private persons too, and how many of each type there were.

    >>> mask_with_names("担当：山田花子（03-1234-5678）")[0]
    '担当：【氏名】（【電話番号】）'
    """
    from curation.normalise.pii.person_names import person_names

    taken = Taken()
    taken.add(find(text))
    taken.add(person_names(text, list(taken.pieces)))
    found = sorted(taken.pieces, key=lambda piece: piece.start)
    return masked(text, found, style), Counter(piece.type for piece in found)
