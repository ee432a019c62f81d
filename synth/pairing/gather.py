"""The whole of chosen answers, brought together from the files in which they lie, a bounded piece at a time.

Files are read once from front to back. What is wanted of each goes to temporary files by the piece of the output that it belongs
to, so that memory holds one piece, however many answers there are.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from synth.pairing.answers import ANSWER, keys, whole
from synth.pairing.edited import EDIT
from synth.pairing.pool import File, Pool

if TYPE_CHECKING:
    import polars as pl

PIECE = 4096
"""Rows of the output that memory holds at a time."""
PIECES = 512
"""Temporary files at most: a larger output has larger pieces."""
COLUMNS = ("id", "answer_origin", "messages", "tools", "turns", "spec", "seeds", "verifications", "judgements")
"""Columns of a generation's file that an answer is made of, beside those that it has under the same name."""
_EXTRA = pa.schema([EDIT.field("kind"), EDIT.field("span")])
_PLACED = pa.schema([*ANSWER, *_EXTRA, ("place", pa.int64())])


def pieces(pool: Pool, answers: "pl.DataFrame", sides: np.ndarray) -> Iterator[tuple[slice, list[pa.Table]]]:
    """Pieces of an output: which of its rows, and for each side a table of whole answers in their order.

    sides: indices of answers, int64 [rows, sides]. Tables have the columns of `ANSWER`, and `kind` and `span` of edits.
    """
    rows, width = sides.shape
    size = max(PIECE, -(-rows // PIECES))
    with tempfile.TemporaryDirectory(prefix="seimai-gather-") as folder:
        _scatter(pool, answers, sides.ravel(), size * width, Path(folder))
        for number in range(-(-rows // size)):
            part = slice(number * size, min(rows, (number + 1) * size))
            with pa.ipc.open_stream(Path(folder) / f"{number}.arrow") as stream:
                table = stream.read_all()
            order = np.argsort(table.column("place").to_numpy(), kind="stable")
            table = table.drop_columns(["place"]).take(pa.array(order))
            yield part, [table.take(pa.array(np.arange(side, len(table), width))) for side in range(width)]


def _scatter(pool: Pool, answers: "pl.DataFrame", wanted: np.ndarray, size: int, folder: Path) -> None:
    """Writes every wanted answer, with its place in the output, to the file of its piece."""
    where = answers.select("file", "row", "turn")
    file, row, turn = (where[name].to_numpy()[wanted].astype(np.int64) for name in where.columns)
    known = [
        np.stack([answers[f"{name}_{half}"].to_numpy()[wanted] for half in ("hi", "lo")], axis=1)
        for name in ("prompt", "text")
    ]
    order = np.lexsort((row, file))
    bounds = np.searchsorted(file[order], np.arange(len(pool.files) + 1))
    writers: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
    try:
        for number, one in enumerate(pool.files):
            mine = order[bounds[number] : bounds[number + 1]]
            for at, table in _of_file(one, mine, row, turn, known):
                placed = table.append_column(_PLACED.field("place"), pa.array(at))
                piece = at // size
                for p in np.unique(piece).tolist():
                    if p not in writers:
                        writers[p] = pa.ipc.new_stream(str(folder / f"{p}.arrow"), _PLACED)
                    writers[p].write_table(placed.take(pa.array(np.flatnonzero(piece == p))))
    finally:
        for writer in writers.values():
            writer.close()


def _of_file(
    file: File, mine: np.ndarray, row: np.ndarray, turn: np.ndarray, known: list[np.ndarray] | None = None
) -> Iterator[tuple[np.ndarray, pa.Table]]:
    """The wanted answers of one file: places in the output, and the answers. mine: places, sorted by row.

    known: words of the keys of prompts and of texts, by place, where they need not be made again.
    """
    if not len(mine):
        return
    columns = [*EDIT.names] if file.edited else [*dict.fromkeys((*COLUMNS, *ANSWER.names))]
    mine_rows = row[mine]
    for first, rows in file.batches(columns):
        a, b = np.searchsorted(mine_rows, [first, first + len(rows)])
        if a == b:
            continue
        at = mine[a:b]
        if file.edited:
            some = rows.take(pa.array(row[at] - first)).select([*ANSWER.names, *_EXTRA.names])
            yield at, some.cast(pa.schema([*ANSWER, *_EXTRA]))
            continue
        made = whole(
            rows, row[at] - first, turn[at], None if known is None else (keys(known[0][at]), keys(known[1][at]))
        )
        for f in _EXTRA:
            made = made.append_column(f, pa.nulls(len(made), f.type))
        yield at, made


def answers_of(file: File, row: np.ndarray, turn: np.ndarray) -> Iterator[tuple[np.ndarray, pa.Table]]:
    """Whole answers of one file by row and turn, batch by batch: which of those asked for, and the answers."""
    yield from _of_file(file, np.argsort(row, kind="stable"), row, turn)
