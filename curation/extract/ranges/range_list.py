"""The source `ranges`: rows of an index, or of any list of (file, offset, length), that are wanted.

A row's id is 80 bits of a hash of its file and 48 bits of its offset, so that sorting by id sorts by file and offset: a partition of
the shard set is a work list with whole files in it, in the order in which `fetch` reads them, whatever the number of tasks.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.document import COLUMNS
from curation.extract.ranges.list_files import NAMES, Unread, read_list
from curation.extract.ranges.remote import Missing, Remote
from curation.extract.ranges.wanted import Wanted
from curation.extract.reader import InputError, Read, Row, Unit, seconds_of
from curation.provenance import Source, key
from curation.step import Batch, Rejected

_WRITES = (
    "id source url host date file offset length http_status mime_declared mime_identified truncated payload_digest "
    "rights_basis licence"
)
MOST_OFFSET = 1 << 48


class ReadRanges(Read):
    """Rows of lists of ranges: Parquet, CSV (.csv, .tsv, also .gz, .zst) and WAT files; what they point at is read by `fetch`.

    `languages` (ISO 639-3), `status` and `mime` say which rows are wanted (null: all of them, which is what a list has
    that was made for the purpose); the others are only counted (`unwanted_languages` …). `columns` names the list's
    columns where they are called neither as in Common Crawl's index nor plainly: `{file: path, offset: begin, length:
    bytes}`. A row that names no range, and a part of a list that cannot be read, is rejected as `record_broken`.
    `payload_digest` is a hash of the length, so that a range that is listed twice is a `duplicate_id`, and one with
    two lengths an `id_collision`.
    """

    writes = tuple(name for name in COLUMNS if name in _WRITES.split())
    reasons = ("record_broken", "forgotten")

    def __init__(
        self,
        units: list[Unit],
        source: Source,
        languages: list[str | None] | None = None,
        status: list[int] | None = None,
        mime: list[str] | None = None,
        columns: dict[str, str] | None = None,
        batch_rows: int = 8192,
    ):
        super().__init__(units, source, batch_rows)
        self.wanted = Wanted(languages, status, mime)
        if unknown := set(columns or {}) - NAMES.keys():
            raise InputError(f"columns: '{sorted(unknown)[0]}' is nothing that a list says; keys: {', '.join(NAMES)}")
        self.named = dict(columns or {})
        self._seen: set[str] = set()
        self._remote: Remote | None = None

    @property
    def waited(self) -> int:
        """Seconds spent waiting for servers: that the reader waits is no standstill."""
        return int(self._remote.waited) if self._remote is not None else 0

    def run(self, data: Iterable[Any] = (), rank: int = 0, world_size: int = 1) -> Iterator[Batch | Rejected]:
        """Batches of the task's lists. A list of which nothing is wanted was read all the same."""
        self._seen = set()
        yield from super().run(data, rank, world_size)
        self.unreadable = [(file, said) for file, said in self.unreadable if file not in self._seen]

    def batches(self, unit: Unit) -> Iterator[Batch]:
        """Wanted rows of one list."""
        remote, before = Remote(), self.bytes_read
        self._remote = remote
        try:
            for listed in read_list(remote, unit, self.wanted, self.named):
                self.bytes_read = before + remote.bytes_read
                if isinstance(listed, Unread):
                    said = f"{unit.file}, row {listed.number + 1}: {listed.said}"
                    yield self._fault_rows(unit.file, [listed.number], [said])
                    continue
                self._seen.add(unit.file)
                self.stat_update("listed", value=len(listed.numbers) + sum(listed.unwanted.values()))
                for what, rows in listed.unwanted.items():
                    self.stat_update(f"unwanted_{what}", value=rows)
                for start in range(0, len(listed.numbers), self.batch_rows):
                    columns = {n: c.slice(start, self.batch_rows) for n, c in listed.columns.items()}
                    yield self._ranges(unit.file, listed.numbers.slice(start, self.batch_rows), columns)
        except Missing:
            raise InputError(f"{unit.url} is not there") from None
        self.stat_update("list_bytes_read", value=remote.bytes_read)
        self.bytes_read = before + max(remote.bytes_read, unit.end - unit.start)

    def _ranges(self, listed_in: str, numbers: pa.Array, columns: dict[str, pa.Array]) -> Batch:
        files, rows = columns["file"], len(numbers)
        offset = columns["offset"].fill_null(-1).to_numpy()
        length = columns["length"].fill_null(-1).to_numpy()
        named = pc.fill_null(pc.greater(pc.utf8_length(files), 0), False).to_numpy(zero_copy_only=False)
        bad = ~named | (offset < 0) | (offset >= MOST_OFFSET) | (length <= 0)
        ids = range_ids(files.fill_null(""), offset)
        read: dict[str, Any] = {
            "id": ids,
            "url": columns["url"].to_pylist() if "url" in columns else [None] * rows,
            "date": _dates(columns.get("date")),
            "file": files,
            "offset": columns["offset"],
            "length": columns["length"],
            "http_status": columns["status"].cast(pa.int16(), safe=False) if "status" in columns else None,
            "mime_declared": columns.get("mime_declared"),
            "mime_identified": columns.get("mime"),
            "truncated": columns.get("truncated"),
            "payload_digest": pa.array([key("range", n) for n in length.tolist()], pa.binary(16)),
        }
        if bad.any():
            at = np.flatnonzero(bad).tolist()
            said = np.full(rows, None, object)
            reason, made = np.full(rows, None, object), ids.to_pylist()
            for i in at:
                number = numbers[i].as_py()
                found = f"file {files[i].as_py()!r}, offset {columns['offset'][i].as_py()}, length {columns['length'][i].as_py()}"
                said[i] = f"{listed_in}, row {number + 1}: names no range of a file ({found})"
                reason[i], made[i] = "record_broken", key("list", listed_in, number)
            read |= {"id": pa.array(made, pa.binary(16)), "reason": pa.array(reason, pa.string())}
            read["detail"] = pa.array(said, pa.string())
        return self.assembled(rows, read)

    def _fault_rows(self, file: str, numbers: list[int], said: list[str]) -> Batch:
        rows = [
            Row(key("list", file, n), None, None, file, n, None, None, reason="record_broken", detail=d)
            for n, d in zip(numbers, said, strict=True)
        ]
        return self._batch(rows)


def range_ids(files: pa.Array, offsets: np.ndarray) -> pa.Array:
    """Ids of ranges: the first 80 bits of SHA-256 over the file's name, then the offset in 48 bits, so that order by id is by offset.

    >>> ids = range_ids(pa.array(["a", "b", "a"]), np.array([700, 5, 90_000])).to_pylist()
    >>> ids[0][:10] == ids[2][:10] != ids[1][:10], ids[0] < ids[2]
    (True, True)
    """
    encoded = files.dictionary_encode()
    names = [hashlib.sha256(b"range\0" + name.encode()).digest()[:10] for name in encoded.dictionary.to_pylist()]
    made = np.zeros((len(files), 16), np.uint8)
    if len(files):
        heads = np.frombuffer(b"".join(names), np.uint8).reshape(-1, 10)
        made[:, :10] = heads[encoded.indices.to_numpy()]
        made[:, 10:] = np.maximum(offsets, 0).astype(">u8").view(np.uint8).reshape(-1, 8)[:, 2:]
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(files), [None, pa.py_buffer(made.tobytes())])


def _dates(said: pa.Array | None) -> pa.Array | list[Any] | None:
    if said is None:
        return None
    return said.to_pylist() if pa.types.is_integer(said.type) else [_seconds(one) for one in said.to_pylist()]


def _seconds(said: str | None) -> int | None:
    """Seconds since 1970 of a list's date: ISO 8601, or the 14 digits of a capture index (20261122200000).

    >>> _seconds("20261122200000") == _seconds("2026-11-22 20:00:00") == _seconds("2026-11-22T20:00:00.000Z")
    True
    """
    if said and len(said) == 14 and said.isdigit():
        said = f"{said[:4]}-{said[4:6]}-{said[6:8]}T{said[8:10]}:{said[10:12]}:{said[12:]}"
    return seconds_of(said)
