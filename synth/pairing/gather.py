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

from synth.pairing.ahead import ahead
from synth.pairing.answers import ANSWER, keys, whole
from synth.pairing.edited import EDIT
from synth.pairing.pool import File, Pool

if TYPE_CHECKING:
    import polars as pl

PIECE = 4096
"""Rows of the output that memory holds at a time."""
CUT, CUT_BYTES = 8192, 64 << 20
"""Answers that are cut into pieces at a time, as soon as there are so many or so many bytes of them."""
PIECES = 512
"""Temporary files at most: a larger output has larger pieces."""
COLUMNS = ("id", "answer_origin", "messages", "tools", "turns", "spec", "seeds", "verifications", "judgements")
"""Columns of a generation's file that an answer is made of, beside those that it has under the same name."""
_EXTRA = pa.schema([EDIT.field("kind"), EDIT.field("span")])
_GATHERED = pa.schema([*(f for f in ANSWER if f.name not in ("text", "text_key")), *_EXTRA])
_PLACED = _GATHERED.append(pa.field("place", pa.int64()))


def pieces(pool: Pool, answers: "pl.DataFrame", sides: np.ndarray) -> Iterator[tuple[slice, list[pa.Table]]]:
    """Pieces of an output: which of its rows, and for each side a table of whole answers in their order.

    sides: indices of answers, int64 [rows, sides]. Tables have the columns of `ANSWER` but `text` and its key, and of edits
    `kind` and `span`.
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
            table = table.drop_columns(["place"])
            yield part, [table.take(pa.array(order[side::width])) for side in range(width)]


def _scatter(pool: Pool, answers: "pl.DataFrame", wanted: np.ndarray, size: int, folder: Path) -> None:
    """Writes every wanted answer, with its place in the output, to the file of its piece."""
    where = answers.select("file", "row", "turn")
    file, row, turn = (where[name].to_numpy()[wanted].astype(np.int64) for name in where.columns)
    asked = np.stack([answers[f"prompt_{half}"].to_numpy()[wanted] for half in ("hi", "lo")], axis=1)
    order = np.lexsort((row, file))
    bounds = np.searchsorted(file[order], np.arange(len(pool.files) + 1))
    found = (
        batch
        for number, one in enumerate(pool.files)
        for batch in _of_file(one, order[bounds[number] : bounds[number + 1]], row, turn, asked)
    )
    writers: dict[int, pa.ipc.RecordBatchStreamWriter] = {}
    try:
        for at, table in _together(ahead(found, "gather")):
            by_place = np.argsort(at)
            placed = table.append_column(_PLACED.field("place"), pa.array(at)).take(pa.array(by_place))
            piece = at[by_place] // size
            begins = np.flatnonzero(np.diff(piece, prepend=-1)).tolist()
            for first, end in zip(begins, [*begins[1:], len(at)], strict=True):
                p = int(piece[first])
                if p not in writers:
                    writers[p] = pa.ipc.new_stream(str(folder / f"{p}.arrow"), _PLACED)
                writers[p].write_table(placed.slice(first, end - first))
    finally:
        for writer in writers.values():
            writer.close()


def _together(found: Iterator[tuple[np.ndarray, pa.Table]]) -> Iterator[tuple[np.ndarray, pa.Table]]:
    """Batches of answers as fewer, larger ones: each is cut into all pieces, and small cuts cost more than what is in them."""
    places: list[np.ndarray] = []
    tables: list[pa.Table] = []
    for at, table in found:
        places.append(at)
        tables.append(table)
        if sum(map(len, places)) >= CUT or sum(one.nbytes for one in tables) >= CUT_BYTES:
            yield np.concatenate(places), pa.concat_tables(tables)
            places, tables = [], []
    if tables:
        yield np.concatenate(places), pa.concat_tables(tables)


def _of_file(
    file: File, mine: np.ndarray, row: np.ndarray, turn: np.ndarray, asked: np.ndarray | None = None
) -> Iterator[tuple[np.ndarray, pa.Table]]:
    """The wanted answers of one file: places in the output, and the answers. mine: places, sorted by row.

    asked: words of the keys of prompts, by place; then the columns are those of `pieces`.
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
        here = row[at] - first
        if file.edited:
            yield at, rows.take(pa.array(here)).select(_GATHERED.names).cast(_GATHERED)
        elif asked is None:
            yield at, whole(rows, here, turn[at])
        else:
            made = whole(rows, here, turn[at], keys(asked[at]))
            for f in _EXTRA:
                made = made.append_column(f, pa.nulls(len(made), f.type))
            yield at, made


def answers_of(file: File, row: np.ndarray, turn: np.ndarray) -> Iterator[tuple[np.ndarray, pa.Table]]:
    """Whole answers of one file by row and turn, batch by batch: which of those asked for, and the answers."""
    yield from _of_file(file, np.argsort(row, kind="stable"), row, turn)
