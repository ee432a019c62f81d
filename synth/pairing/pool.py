"""All answers of the generations that a pair set reads, as narrow columns, with their texts in a file beside memory.

An answer is 140 bytes here whatever its text is. Where it lies (file, row, turn) leads back to all of it.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.parquet_file import ParquetFile, present
from curation.place import Place
from curation.provenance import id_words
from synth.pairing.ahead import ahead
from synth.pairing.answers import ANSWER, NARROW
from synth.pairing.form import FORMAT, MEASURES, measures
from synth.pairing.grown_columns import GrownColumns
from synth.pairing.narrow import NAMES, SCHEMA, narrow

if TYPE_CHECKING:
    import polars as pl

BATCH = 4096
"""Rows that are read at a time."""


@dataclass(frozen=True)
class File:
    """A file of rows (`data/`, `refused/` of a generation) or, where `edited`, of edits with the columns of `ANSWER`."""

    url: str
    name: str
    edited: bool = False

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[int, pa.Table]]:
        """Its rows with those of the columns that it has: number of the first, and the rows."""
        place, first = Place(self.url), 0
        with place.fs.open(f"{place.path}/{self.name}", "rb") as raw:
            file = ParquetFile(raw, memory_map=False)
            for batch in ahead(file.iter_batches(BATCH, columns=present(file, columns)), "decode"):
                yield first, pa.Table.from_batches([batch])
                first += len(batch)


@dataclass
class Words:
    """Codes of strings that many answers share, the same for all files."""

    codes: dict[str, int] = field(default_factory=dict[str, int])

    def of(self, column: pa.ChunkedArray | pa.Array) -> np.ndarray:
        """Code of every value, int32; null is a value of its own."""
        whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        named = pc.fill_null(whole.cast(pa.string()), "").dictionary_encode()
        words = named.dictionary.to_pylist()
        codes = np.array([self.codes.setdefault(w, len(self.codes)) for w in words] or [0], np.int32)
        return codes[named.indices.to_numpy()]

    @property
    def names(self) -> list[str]:
        """Strings by their code."""
        return list(self.codes)


class Pool:
    """Narrow columns of all answers; a context manager that removes its file of texts.

    audited, drafts: as `narrow.narrow` takes them, for files that the pool reads itself (`add`); workers read those of a run.
    `unused` counts answers that may be on neither side, by reason.
    """

    def __init__(self, audited: frozenset[str], drafts: bool):
        self.audited, self.drafts = audited, drafts
        self.files: list[File] = []
        self.words = {name: Words() for name in NAMES}
        self.unused: Counter[str] = Counter()
        self.rows = 0
        self._columns = GrownColumns(_TYPES)
        self._texts = tempfile.TemporaryFile(prefix="seimai-answers-")  # noqa: SIM115 - closed by __exit__
        self._end = 0

    def __enter__(self) -> "Pool":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._texts.close()

    def add(self, file: File) -> None:
        """Reads a file of rows."""
        number = self.name(file)
        for first, rows in file.batches(NARROW):
            made, unused = narrow(rows, first, self.audited, self.drafts)
            self.take(number, made)
            self.rows += len(rows)
            self.unused += unused

    def read(self, file: File, made: File, rows: int, unused: Mapping[str, int]) -> None:
        """Takes the answers of a file of rows from `made`, the file of `narrow.SCHEMA` that was made of it."""
        number = self.name(file)
        for _, answers in made.batches(SCHEMA.names):
            self.take(number, answers)
        self.rows += rows
        self.unused.update(unused)

    def expect(self, answers: int) -> None:
        """Makes room for so many answers, so that memory holds them once."""
        self._columns.expect(answers)

    def name(self, file: File) -> int:
        """A number for a file of rows whose answers are taken."""
        self.files.append(file)
        return len(self.files) - 1

    def take(self, number: int, made: pa.Table) -> None:
        """Takes answers of a file, with the columns of `narrow.SCHEMA`."""
        n = len(made)
        part = {f.name: made.column(f.name).to_numpy() for f in SCHEMA if f.name not in ("text", *NAMES)}
        part |= {name: words.of(made.column(name)) for name, words in self.words.items()}
        part |= {"file": np.full(n, number), "of": np.full(n, -1)} | self._kept(made.column("text"))
        self._columns.add(_fitting(part))

    def add_edits(self, file: File, of: np.ndarray) -> None:
        """Reads a file of edits. of: index of the answer that each edit is of."""
        import polars as pl

        number = self.name(file)
        columns = [*ANSWER.names, "kind", "side"]
        for first, rows in file.batches(columns):
            n = len(rows)
            texts = rows.column("text")
            source = of[first : first + n]
            names = ("prompt_hi", "prompt_lo", "twin", "asked", "function", "template", "split")
            shared = {name: self._columns[name][source] for name in names}
            zero = np.zeros(n, np.int64)
            text_keys = id_words(rows.column("text_key").combine_chunks())
            scores = np.array([_mean(v) for v in rows.column("verifications").to_pylist()], np.float32)
            part = shared | {
                "text_hi": text_keys[:, 0], "text_lo": text_keys[:, 1], "origin": np.ones(n, np.int8),
                **{name: np.zeros(n, bool) for name in ("passed", "chosen", "rejected", "open")},
                "model": self.words["model"].of(rows.column("model")), "kind": self.words["kind"].of(rows.column("kind")),
                "fails": np.ones(n, np.int16), "limit": rows.column("side").to_numpy().astype(np.int8), "score": scores,
                "file": zero + number, "row": first + np.arange(n), "turn": zero, "of": source,
                "about": np.zeros(n, np.int8), "id": text_keys[:, 1],
            }  # fmt: skip
            counted = measures(pl.Series(texts.to_pylist(), dtype=pl.String))
            part |= {name: counted[:, i] for i, name in enumerate(MEASURES)} | self._kept(texts.cast(pa.large_binary()))
            self._columns.add(_fitting(part))

    def _kept(self, texts: pa.ChunkedArray) -> dict[str, np.ndarray]:
        """Where texts lie in the file of texts, into which they go."""
        whole = texts.combine_chunks()
        whole = whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole
        offsets = np.frombuffer(whole.buffers()[1], np.int64)[whole.offset : whole.offset + len(whole) + 1]
        if len(whole):
            self._texts.write(memoryview(whole.buffers()[2])[offsets[0] : offsets[-1]])
        begin = self._end + offsets[:-1] - offsets[:1]
        self._end += int(offsets[-1] - offsets[0]) if len(offsets) else 0
        return {"begin": begin, "size": np.diff(offsets)}

    def frame(self) -> "pl.DataFrame":
        """One line an answer; `index` is its number. What is read later is not in it."""
        return self._columns.frame().with_row_index("index")

    def texts(self, begin: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Texts by their places: UTF-8 in one buffer, and the offset of each in it."""
        self._texts.flush()
        number = self._texts.fileno()
        pieces = [os.pread(number, n, at) for at, n in zip(begin.tolist(), size.tolist(), strict=True)]
        offsets = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
        return np.frombuffer(b"".join(pieces), np.uint8), offsets


_TYPES: dict[str, Any] = {
    "prompt_hi": np.uint64, "prompt_lo": np.uint64, "text_hi": np.uint64, "text_lo": np.uint64, "twin": np.uint64, "asked": np.uint64,
    "about": np.int8, "id": np.uint64, "function": np.int32, "template": np.int32, "split": np.int32, "model": np.int32,
    "passed": np.bool_, "chosen": np.bool_, "rejected": np.bool_, "open": np.bool_, "origin": np.int8, "fails": np.int16,
    "kind": np.int32, "limit": np.int8, "score": np.float32, "begin": np.int64, "size": np.int32, "file": np.int32, "row": np.int32,
    "turn": np.int16, "of": np.int64,
    "length": np.int32, **dict.fromkeys(FORMAT, np.int16),
}  # fmt: skip


def _fitting(part: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The part with counts of form that fit their columns."""
    return part | {name: np.minimum(part[name], np.iinfo(np.int16).max) for name in FORMAT}


def _mean(verifications: list[dict[str, Any]]) -> float:
    said = [v["score"] if v["score"] is not None else float(v["verdict"] != "fail") for v in verifications if v["hard"]]
    return sum(said) / len(said) if said else 1.0
