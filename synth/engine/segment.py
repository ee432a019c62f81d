"""One file of the store: records appended one after the other, each whole or not there.

    header   16 bytes  "seimai store 1\\n" and a zero byte
    record    4 bytes  marker F5 53 52 31
              4 bytes  length of the payload, little-endian
              4 bytes  CRC-32 of key and payload
             16 bytes  key
              n bytes  payload, JSON

A record is one `write` to a file opened for appending, so a process that is killed leaves at most one torn record, at the end.
A writer never opens a file that is there: each has a segment of its own, locked while it lives, and nobody repairs another's.
Reading stops at the torn end; where a disk has damaged the middle, it goes on at the next whole record and says what it skipped.
Beside a segment that nobody writes any more lies its index: keys and offsets, sorted, so that opening a large store reads no answers.
"""

import fcntl
import mmap
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

HEADER = b"seimai store 1\n\0"
MARKER = b"\xf5SR1"
_HEAD = struct.Struct("<4sII16s")
INDEX = np.dtype([("hi", "<u8"), ("lo", "<u8"), ("offset", "<u8")])
"""One record of an index: the key as two big-endian words, and where the record begins."""

_INDEX_HEAD = struct.Struct("<8sQQ")
_INDEX_MAGIC = b"seimaix1"


class StoreError(Exception):
    """The store cannot be written or is not one: a full disk, another program's file, another format."""


@dataclass
class Scan:
    """What reading a segment found: its index, the bytes of a torn end, and damaged stretches (from, to) in the middle."""

    index: np.ndarray
    size: int
    torn: int = 0
    damaged: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])


def frame(key: bytes, payload: bytes) -> bytes:
    """A record's bytes."""
    return _HEAD.pack(MARKER, len(payload), zlib.crc32(payload, zlib.crc32(key)), key) + payload


class SegmentWriter:
    """A new segment, locked until it is closed or its process ends."""

    def __init__(self, path: Path):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
            fcntl.flock(self.fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.size = 0
            self._write(HEADER)
        except OSError as error:
            raise StoreError(f"{path}: cannot begin a segment: {error.strerror}") from error
        self._entries: list[tuple[bytes, int]] = []

    def append(self, key: bytes, payload: bytes) -> int:
        """Appends a record; it is in the file when this returns. Returns its offset. Raises StoreError, leaving no part of it."""
        at = self.size
        try:
            self._write(frame(key, payload))
        except OSError as error:
            os.ftruncate(self.fd, at)
            self.size = at
            raise StoreError(
                f"{self.path}: cannot append at byte {at}: {error.strerror}; free space and run again"
            ) from error
        self._entries.append((key, at))
        return at

    def sync(self) -> None:
        """Makes what was appended outlive the machine, not only the process."""
        os.fdatasync(self.fd)

    def close(self) -> None:
        """Writes the index and lets the segment go; an empty segment is removed."""
        if self.fd < 0:
            return
        if self._entries:
            self.sync()
            write_index(self.path, _index(self._entries), self.size)
        else:
            self.path.unlink(missing_ok=True)
        os.close(self.fd)
        self.fd = -1

    def _write(self, content: bytes) -> None:
        view = memoryview(content)
        while view:
            written = os.write(self.fd, view)
            view = view[written:]
            self.size += written


def is_written(path: Path) -> bool:
    """Whether a living process writes the segment."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


def read_record(fd: int, offset: int, where: Path) -> tuple[bytes, bytes]:
    """Key and payload of the record at an offset. Raises StoreError when none is there."""
    head = os.pread(fd, _HEAD.size, offset)
    if len(head) == _HEAD.size:
        marker, length, crc, key = _HEAD.unpack(head)
        payload = os.pread(fd, length, offset + _HEAD.size)
        if marker == MARKER and len(payload) == length and zlib.crc32(payload, zlib.crc32(key)) == crc:
            return key, payload
    raise StoreError(f"{where}: no whole record at byte {offset}; remove its .idx and open the store again")


def open_index(path: Path) -> Scan:
    """The segment's index: from the file beside it, and what was appended since by reading. Writes it anew when it was behind."""
    size = path.stat().st_size
    known, done = _read_index(path.with_suffix(".idx"))
    if done > size:  # another file has taken the name: trust only what is read
        known, done = np.zeros(0, INDEX), 0
    if done == size:
        return Scan(known, size)
    writing = is_written(path)
    scan = _scan(path, done or len(HEADER))
    scan.index = np.sort(np.concatenate([known, scan.index]), order=("hi", "lo", "offset"))
    if not writing:
        write_index(path, scan.index, size)
    return scan


def records(path: Path, start: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
    """Offset, key and payload of every whole record of a segment, in order."""
    for at, key, payload in _walk(path, start or len(HEADER)):
        if isinstance(key, bytes):
            yield at, key, payload


def write_index(segment: Path, index: np.ndarray, size: int) -> None:
    """Writes the index beside a segment of this size, whole or not at all."""
    final = segment.with_suffix(".idx")
    temporary = final.with_suffix(f".{os.getpid()}.tmp")
    temporary.write_bytes(_INDEX_HEAD.pack(_INDEX_MAGIC, size, len(index)) + np.ascontiguousarray(index).tobytes())
    temporary.replace(final)


def _index(entries: list[tuple[bytes, int]]) -> np.ndarray:
    index = np.zeros(len(entries), INDEX)
    words = np.frombuffer(b"".join(k for k, _ in entries), ">u8").reshape(-1, 2)
    index["hi"], index["lo"] = words[:, 0], words[:, 1]
    index["offset"] = [at for _, at in entries]
    return np.sort(index, order=("hi", "lo", "offset"))


def _read_index(path: Path) -> tuple[np.ndarray, int]:
    """An index file's records and how many bytes of the segment they cover; nothing when it is missing, torn or of another kind."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return np.zeros(0, INDEX), 0
    if len(content) < _INDEX_HEAD.size:
        return np.zeros(0, INDEX), 0
    magic, size, count = _INDEX_HEAD.unpack_from(content)
    if magic != _INDEX_MAGIC or len(content) != _INDEX_HEAD.size + count * INDEX.itemsize:
        return np.zeros(0, INDEX), 0
    return np.frombuffer(content, INDEX, offset=_INDEX_HEAD.size), size


def _scan(path: Path, start: int) -> Scan:
    entries: list[tuple[bytes, int]] = []
    scan = Scan(np.zeros(0, INDEX), path.stat().st_size)
    for item in _walk(path, start):
        if isinstance(item[1], bytes):
            entries.append((item[1], item[0]))
        elif item[1] is None:
            scan.torn = scan.size - item[0]
        else:
            scan.damaged.append((item[0], item[1]))
    if entries:
        scan.index = _index(entries)
    return scan


def _walk(path: Path, start: int) -> Iterator[tuple[int, bytes | int | None, bytes]]:
    """(offset, key, payload) of whole records; (from, to, b"") of damage in the middle; (from, None, b"") of a torn end."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if file.read(len(HEADER)) != HEADER[:size]:
            raise StoreError(f"{path}: not a segment of a store (it begins otherwise); it was left as it is")
        if size <= start:
            return
        with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as data:
            at = start
            while at < size:
                if (end := _whole(data, at, size)) is not None:
                    yield at, data[at + 12 : at + 28], data[at + _HEAD.size : end]
                    at = end
                    continue
                following = data.find(MARKER, at + 1)
                while following >= 0 and _whole(data, following, size) is None:
                    following = data.find(MARKER, following + 1)
                if following < 0:
                    yield at, None, b""
                    return
                yield at, following, b""
                at = following


def _whole(data: mmap.mmap, at: int, size: int) -> int | None:
    """End of the record at an offset, None where no whole record begins."""
    if at + _HEAD.size > size:
        return None
    marker, length, crc, key = _HEAD.unpack_from(data, at)
    end = at + _HEAD.size + length
    if marker != MARKER or end > size or zlib.crc32(data[at + _HEAD.size : end], zlib.crc32(key)) != crc:
        return None
    return end
