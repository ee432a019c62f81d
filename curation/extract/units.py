"""How files are cut into units of work: by bytes and row groups, whatever the number of files.

One huge file must not mean one busy core, so WARC files and plain JSON lines are cut by byte ranges and Parquet files by row groups.
A unit that begins in the middle of a record is put right when it is read (`warc_range.py`, `json_lines.py`): every record belongs
to the unit in which it begins, so planning looks at sizes alone, at the first mebibyte of large files and at the footers of
Parquet files. A unit is read in pieces, which are cut by the same rule: between two of them a task may stop and leave the rest
to others (`curation/work_list.py`).
"""

import datetime
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import pairwise

import fsspec
from fsspec.core import url_to_fs

from curation.extract.inputs import InputError, InputFile, mark_of, open_window
from curation.extract.members import Gzip, format_of, whole
from curation.extract.warc_range import spans_members
from curation.extract.warc_record import record_at
from curation.extract.window import Damaged, Held, Inflated

PIECE_BYTES, PIECES = 4 << 20, 4
"""Stored bytes of a piece at most (some 500 pages of a crawl, a second or two), and pieces of a unit that may be cut at least."""

_LOOK = 4 << 20
_AT_ONCE = 16
"""Files looked into at a time: on an object store a look is a tenth of a second, and a crawl has a hundred thousand files."""


@dataclass(frozen=True)
class Unit:
    """A part of a file: bytes [start, end) of a WARC or JSON lines file, row groups [start, end) of a Parquet file.

    Of kind `ids`, which has no file: rows of the sets that a stage reads whose id begins with 32 bits in [start, end). `stored` are
    its bytes as stored, `size` and `mark` those of the whole file when it was listed (`mark` as in `InputFile`), and `cut` says that
    it may be cut further.
    """

    url: str
    file: str
    kind: str
    start: int
    end: int
    stored: int = field(default=0, compare=False)
    size: int = field(default=-1, compare=False)
    mark: str = field(default="", compare=False)
    cut: bool = field(default=False, compare=False)


def splittable(file: InputFile) -> str | None:
    """Why a file cannot be cut into units, in words; None when it can. Reads at most its first mebibytes."""
    if file.kind == "parquet":
        return None
    if file.kind == "ranges":
        return "a list of ranges is read from its beginning"
    with open_window(file.url) as window:
        try:
            form = format_of(window, file.file)
        except Damaged as damage:
            return str(damage)
        if form is None:
            return None
        if file.kind == "jsonl":
            return "compressed JSON lines are read from the beginning"
        what = "gzip member" if isinstance(form, Gzip) else "zstd frame"
        try:
            data, after = whole(form, window, 0, _LOOK)
            start = 0
            if data == b"":  # the dictionary's frame, or an empty member
                start = after
                data, after = whole(form, window, start, _LOOK)
        except Damaged:
            return None
        if data is not None and after < window.size:
            return f"its {what}s are not cut by record" if spans_members(form, window, data, after) else None
        first = Held(data) if data is not None else Inflated(lambda: form.pieces(window, start))
        try:
            record = record_at(first, 0, 0, False)
            more = record is not None and record.fault is None and len(first.view(record.end, 1))
        except Damaged:
            return None
        return f"one {what} holds more than one record" if more else None


def plan_units(inputs: Sequence[InputFile], unit_bytes: int = 32 << 20) -> list[Unit]:
    """Units of about `unit_bytes` stored bytes, in the order of the inputs; the same for the same files and `unit_bytes`.

    A Parquet file whose footer cannot be read is one unit [0, 0), which its reader reports.
    """
    if unit_bytes < 1:
        raise InputError(f"unit_bytes must be at least 1, not {unit_bytes}")
    with ThreadPoolExecutor(_AT_ONCE) as beside:
        return [unit for units in beside.map(lambda file: _units_of(file, unit_bytes), inputs) for unit in units]


def _units_of(file: InputFile, unit_bytes: int) -> list[Unit]:
    whole_file = Unit(file.url, file.file, file.kind, 0, file.size, file.size, file.size, file.mark)
    if file.kind == "parquet":
        return _row_groups(whole_file, unit_bytes)
    if file.size <= unit_bytes or splittable(file) is not None:
        return [whole_file]
    return cut_evenly(replace(whole_file, cut=True), unit_bytes)


def cut_evenly(unit: Unit, most: int) -> list[Unit]:
    """A range of bytes (or of ids) as equal ranges of at most `most`, in order."""
    size = unit.end - unit.start
    count = max(1, -(-size // most))
    cuts = [unit.start + size * i // count for i in range(count + 1)]
    return [replace(unit, start=a, end=b, stored=unit.stored * (b - a) // max(1, size)) for a, b in pairwise(cuts)]


def _row_groups(unit: Unit, unit_bytes: int) -> list[Unit]:
    """A Parquet file as units of whole row groups."""
    from curation.extract.parquet_pages import footer_of
    from curation.extract.parquet_rows import Unreadable, unread

    try:
        with fsspec.open(unit.url, "rb") as handle, unread():
            groups = footer_of(handle)
    except FileNotFoundError:
        raise InputError(f"{unit.url} is not there") from None
    except Unreadable:
        return [replace(unit, start=0, end=0)]
    sizes = [sum(chunk.stored for chunk in group) for group in groups]
    cuts, size = [0], 0
    for group, stored in enumerate(sizes):
        size += stored
        if size >= unit_bytes:
            cuts.append(group + 1)
            size = 0
    if cuts[-1] < len(sizes) or len(cuts) == 1:
        cuts.append(len(sizes))
    return [replace(unit, start=a, end=b, stored=sum(sizes[a:b]), cut=b - a > 1) for a, b in pairwise(cuts)]


def pieces_of(unit: Unit) -> list[Unit]:
    """A unit as pieces that can be read one after the other by anybody: the same rows, the same cuts for the same unit."""
    if not unit.cut:
        return [unit]
    if unit.kind == "ids":
        return cut_evenly(unit, max(1, -(-(unit.end - unit.start) // 8)))
    if unit.kind != "parquet":
        return cut_evenly(unit, min(PIECE_BYTES, max(1, -(-unit.stored // PIECES))))
    each = unit.stored // max(1, unit.end - unit.start)
    return [replace(unit, start=g, end=g + 1, stored=each) for g in range(unit.start, unit.end)]


def joined(pieces: Sequence[Unit]) -> list[Unit]:
    """The same parts of files with neighbours as one."""
    found: list[Unit] = []
    for piece in pieces:
        if found and (found[-1].url, found[-1].end) == (piece.url, piece.start) and piece.cut:
            last = found[-1]
            found[-1] = replace(last, end=piece.end, stored=last.stored + piece.stored)
        else:
            found.append(piece)
    return found


def require_unchanged(units: Sequence[Unit]) -> Iterator[Unit]:
    """The units, each when its file was found as it was when it was listed. Raises InputError for one that changed, or is gone."""
    seen = set[str]()
    for unit in units:
        if unit.url not in seen:
            require_same(unit)
            seen.add(unit.url)
        yield unit


def require_same(unit: Unit) -> None:
    """Raises InputError where the unit's file is not as it was when it was listed: asked before it is read, and when it was."""
    if unit.size < 0:
        return
    fs, path = url_to_fs(unit.url)
    try:
        info = fs.info(path)
    except FileNotFoundError:
        raise InputError(f"{unit.url} is not there any more; it had {unit.size:,} bytes when it was listed") from None
    size, mark = int(info["size"]), mark_of(info)
    if size != unit.size:
        how = f"it had {unit.size:,} bytes and has {size:,}"
    elif mark != unit.mark:
        how = f"{size:,} bytes as before, but then {_told(unit.mark)} and now {_told(mark)}"
    else:
        return
    raise InputError(
        f"{unit.url} changed since it was listed: {how}. Rows of both would be mixed; the same command plans the run anew"
    )


def _told(mark: str) -> str:
    """A mark in words.

    >>> _told("etag:5d41"), _told("1795377600.5")
    ('etag:5d41', 'changed at 2026-11-22 20:00:00 UTC')
    """
    try:
        return f"changed at {datetime.datetime.fromtimestamp(float(mark), datetime.UTC):%Y-%m-%d %H:%M:%S} UTC"
    except ValueError:
        return mark or "without a mark"
