"""All answers of the generations that a pair set reads, as narrow columns, with their texts in a file beside memory.

An answer is about a hundred bytes here whatever its text is. Where it lies (file, row, turn) leads back to all of it.
"""

import os
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.parquet_file import ParquetFile, present
from curation.place import Place
from synth.pairing.answers import ANSWER, FAILED, NARROW, SURPLUS, Turns, flat, found_by_verifiers, judged_turns
from synth.pairing.form import MEASURES, measures

if TYPE_CHECKING:
    import polars as pl

BATCH = 8192
"""Rows that are read at a time."""
ORIGINS = ("model", "program", "human", "imported")


@dataclass(frozen=True)
class File:
    """A file of rows (`data/`, `refused/` of a generation) or, where `edited`, of edits with the columns of `ANSWER`."""

    url: str
    name: str
    edited: bool = False

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[int, pa.Table]]:
        """Its rows with those of the columns that it has: number of the first, and the rows."""
        place, first = Place(self.url), 0
        with place.fs.open(f"{place.path}/{self.name}", "rb") as raw, ThreadPoolExecutor(1) as ahead:
            file = ParquetFile(raw, memory_map=False)
            found = file.iter_batches(BATCH, columns=present(file, columns))
            waiting = ahead.submit(next, found, None)
            while (batch := waiting.result()) is not None:
                waiting = ahead.submit(next, found, None)  # decoded while the one before it is looked at
                yield first, pa.table(batch)
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

    audited: kinds of constraint that may decide. drafts: whether rows of wordings that nobody has reviewed may be used.
    `unused` counts answers that may be on neither side, by reason.
    """

    def __init__(self, audited: frozenset[str], drafts: bool):
        self.audited, self.drafts = audited, drafts
        self.files: list[File] = []
        self.kinds: dict[str, int] = {}
        self.words = {name: Words() for name in ("function", "template", "model", "split")}
        self.unused: Counter[str] = Counter()
        self.rows = 0
        self._parts: list[dict[str, np.ndarray]] = []
        self._held: pl.DataFrame | None = None
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
        number = len(self.files)
        self.files.append(file)
        for first, rows in file.batches(NARROW):
            self.rows += len(rows)
            self._count_undecided(rows)
            turns = judged_turns(rows)
            if len(turns.row):
                self._parts.append(self._narrow(rows, turns) | self._where(number, first, turns))

    def add_edits(self, file: File, of: np.ndarray) -> None:
        """Reads a file of edits. of: index of the answer that each edit is of."""
        number = len(self.files)
        self.files.append(file)
        columns = [*ANSWER.names, "kind", "side"]
        for first, rows in file.batches(columns):
            n = len(rows)
            texts = rows.column("text").to_pylist()
            mine = self._frame().select("prompt_hi", "prompt_lo", "twin", "asked", "function", "template", "split")
            source = of[first : first + n]
            shared = {name: mine[name].to_numpy()[source] for name in mine.columns}
            zero = np.zeros(n, np.int64)
            text_keys = _words(rows.column("text_key"))
            scores = np.array([_mean(v) for v in rows.column("verifications").to_pylist()], np.float32)
            part = shared | {
                "text_hi": text_keys[:, 0], "text_lo": text_keys[:, 1], "passed": np.zeros(n, bool), "chosen": np.zeros(n, bool),
                "rejected": np.zeros(n, bool), "origin": np.ones(n, np.int8), "model": self.words["model"].of(rows.column("model")),
                "fails": np.ones(n, np.int16), "limit": rows.column("side").to_numpy().astype(np.int8), "score": scores,
                "kind": np.array([self.kinds.setdefault(k, len(self.kinds)) for k in rows.column("kind").to_pylist()], np.int32),
                "file": zero + number, "row": first + np.arange(n), "turn": zero, "of": source,
                "about": np.zeros(n, np.int8), "id": text_keys[:, 1],
            }  # fmt: skip
            self._parts.append(_typed(part | self._measured(texts)))

    def _count_undecided(self, rows: pa.Table) -> None:
        """Counts turns that no verifier decided: they are on no side of a pair."""
        turns = flat(rows.column("turns"))[1]
        self.unused["abstain"] += pc.sum(pc.equal(turns.field("verdict"), "abstain")).as_py() or 0

    def _narrow(self, rows: pa.Table, turns: Turns) -> dict[str, np.ndarray]:
        found = found_by_verifiers(rows, turns, self.audited, self.kinds)
        reason = rows.column("reason") if "reason" in rows.column_names else pa.nulls(len(rows), pa.string())
        at = pa.array(turns.row)
        released = pc.is_null(reason).to_numpy(zero_copy_only=False)
        surplus = pc.is_in(reason, value_set=pa.array(SURPLUS)).to_numpy(zero_copy_only=False)
        failed = pc.is_in(reason, value_set=pa.array(FAILED)).to_numpy(zero_copy_only=False)
        denied = pc.equal(rows.column("licence_status"), "deny").fill_null(True).to_numpy(zero_copy_only=False)
        draft = pc.equal(rows.column("wording_state"), "draft").fill_null(False).to_numpy(zero_copy_only=False)
        usable = (released | surplus | failed)[turns.row]
        why = {
            "no_question": ~turns.asked, "licence_denied": denied[turns.row], "unaudited_verifier": found.unaudited,
            "draft_wording": draft[turns.row] & (not self.drafts), "refused": ~usable,
            "turn_of_a_failed_dialogue": failed[turns.row] & turns.verdict,
        }  # fmt: skip
        good = np.ones(len(turns.row), bool)
        for name, bad in why.items():
            self.unused[name] += int((bad & good).sum())
            good &= ~bad
        taken = rows.select(["function", "template", "split"]).take(at)
        codes = {name: self.words[name].of(taken.column(name)) for name in taken.column_names}
        parts = [pc.fill_null(rows.column(c), "") for c in ("model", "revision", "weights")]
        model = pc.binary_join_element_wise(*parts, "@").take(at)
        origin = pc.index_in(rows.column("answer_origin"), value_set=pa.array(ORIGINS)).take(at)
        twin = (
            _words(rows.column("twin").take(at))[:, 0] if "twin" in rows.column_names else np.zeros(len(at), np.uint64)
        )
        return codes | {
            "prompt_hi": turns.prompt_key[:, 0], "prompt_lo": turns.prompt_key[:, 1],
            "text_hi": turns.text_key[:, 0], "text_lo": turns.text_key[:, 1], "twin": twin,
            "passed": turns.verdict, "chosen": good & turns.verdict, "rejected": good & ~turns.verdict,
            "origin": origin.to_numpy().astype(np.int8), "model": self.words["model"].of(model),
            "fails": found.fails.astype(np.int16), "kind": found.kind, "limit": found.limit,
            "score": found.score.astype(np.float32), "about": found.about,
            "id": _words(rows.column("id").take(at))[:, 0], "asked": _words(rows.column("prompt_key").take(at))[:, 0],
        } | self._measured(turns.texts)  # fmt: skip

    def _measured(self, texts: list[str]) -> dict[str, np.ndarray]:
        """Measures of texts, and where they lie in the file of texts."""
        import polars as pl

        raw = [t.encode("utf-8", "surrogatepass") for t in texts]
        sizes = np.fromiter(map(len, raw), np.int64, len(raw))
        begin = self._end + np.concatenate([[0], np.cumsum(sizes)[:-1]]) if len(raw) else np.zeros(0, np.int64)
        self._texts.write(b"".join(raw))
        self._end += int(sizes.sum())
        counted = measures(pl.Series(texts, dtype=pl.String))
        named = {name: counted[:, i] for i, name in enumerate(MEASURES)}
        return named | {"begin": begin, "size": sizes.astype(np.int32)}

    def _where(self, number: int, first: int, turns: Turns) -> dict[str, np.ndarray]:
        n = len(turns.row)
        return {"file": np.full(n, number), "row": first + turns.row, "turn": turns.turn, "of": np.full(n, -1)}

    def frame(self) -> "pl.DataFrame":
        """One line an answer; `index` is its number."""
        return self._frame().with_row_index("index")

    def _frame(self) -> "pl.DataFrame":
        """What was read so far, held once: parts are given up when they are in it."""
        import polars as pl

        held = [] if self._held is None else [self._held]
        while self._parts:
            names = self._parts[0].keys()
            some, self._parts = self._parts[:64], self._parts[64:]
            held.append(pl.DataFrame(_typed({name: np.concatenate([p[name] for p in some]) for name in names})))
        self._held = pl.concat(held, rechunk=True) if held else pl.DataFrame(schema=_schema())
        return self._held

    def texts(self, begin: np.ndarray, size: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Texts by their places: UTF-8 in one buffer, and the offset of each in it."""
        self._texts.flush()
        number = self._texts.fileno()
        pieces = [os.pread(number, n, at) for at, n in zip(begin.tolist(), size.tolist(), strict=True)]
        offsets = np.concatenate([[0], np.cumsum(size)]).astype(np.int64)
        return np.frombuffer(b"".join(pieces), np.uint8), offsets


_TYPES: dict[str, Any] = {
    "prompt_hi": np.uint64, "prompt_lo": np.uint64, "text_hi": np.uint64, "text_lo": np.uint64, "twin": np.uint64, "asked": np.uint64,
    "about": np.int8, "id": np.uint64,
    "function": np.int32, "template": np.int32, "split": np.int32, "model": np.int32, "passed": np.bool_,
    "chosen": np.bool_, "rejected": np.bool_, "origin": np.int8, "fails": np.int16, "kind": np.int32, "limit": np.int8,
    "score": np.float32, "begin": np.int64, "size": np.int32, "file": np.int32, "row": np.int32, "turn": np.int16, "of": np.int64,
    **dict.fromkeys(MEASURES, np.int32),
}  # fmt: skip


def _typed(part: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name: np.ascontiguousarray(part[name], kind) for name, kind in _TYPES.items()}


def _schema() -> dict[str, Any]:
    import polars as pl

    return {name: pl.Series(np.zeros(0, kind)).dtype for name, kind in _TYPES.items()}


def _words(keys: pa.ChunkedArray | pa.Array) -> np.ndarray:
    """Keys as uint64 [n, 2]; a null key is 0."""
    whole = keys.combine_chunks() if isinstance(keys, pa.ChunkedArray) else keys
    whole = pc.fill_null(whole, b"\0" * 16)
    raw = np.frombuffer(b"".join(whole.to_pylist()), ">u8") if len(whole) else np.zeros(0, ">u8")
    return raw.astype(np.uint64).reshape(-1, 2)


def _mean(verifications: list[dict[str, Any]]) -> float:
    said = [v["score"] if v["score"] is not None else float(v["verdict"] != "fail") for v in verifications if v["hard"]]
    return sum(said) / len(said) if said else 1.0
