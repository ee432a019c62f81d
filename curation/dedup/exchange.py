"""Records on their way between the tasks of two phases: each task writes one file, each task of the next reads its part of all.

A record is a fixed number of 64-bit words. A file begins with where each target's records start, so that a task of the next phase
reads two words and one range of it: as many files as there were tasks, not tasks × targets, on a disk or on object storage.
A task that sends more than it holds writes several; it holds the more, the more targets there are, so that pieces do not become tiny.
What a task reads again itself, or what is read in order, lies in parts (`write_part`).
"""

from collections.abc import Iterable, Iterator

import numpy as np

from curation.place import Place

RUN_BYTES = 64 << 20
"""What a task holds before it writes a file: 256 KiB for each of 256 targets. For more it holds more, up to 16 times as much."""
_ROWS_A_PIECE = 128


class Exchange:
    """Records [n, width] of uint64 from the tasks of one phase to `targets` tasks of a later one."""

    def __init__(self, place: Place, name: str, width: int, targets: int):
        self.place, self.name, self.width, self.targets = place, name, width, targets

    def send(self, task: int, batches: Iterable[tuple[np.ndarray, np.ndarray]]) -> None:
        """Writes all that a task sends: (target of each record, records [n, width]). Run again, it writes the same files."""
        held: list[tuple[np.ndarray, np.ndarray]] = []
        size, run = 0, 0
        for target, records in batches:
            held.append((target.astype(np.int64), np.ascontiguousarray(records, np.uint64).reshape(-1, self.width)))
            size += held[-1][1].nbytes
            if size >= run_bytes(self.targets):
                self._write(task, run, held)
                held, size, run = [], 0, run + 1
        self._write(task, run, held)

    def _write(self, task: int, run: int, held: list[tuple[np.ndarray, np.ndarray]]) -> None:
        target = np.concatenate([np.zeros(0, np.int64), *(t for t, _ in held)])
        records = np.concatenate([np.zeros((0, self.width), np.uint64), *(r for _, r in held)])
        few = self.targets <= 1 << 16  # numbers of two bytes are sorted in one pass, five times as fast
        order = np.argsort(target.astype(np.uint16) if few else target, kind="stable")
        starts = np.searchsorted(target[order], np.arange(self.targets + 1)).astype("<u8")
        with self.place.create(f"sent/{self.name}/{task:05d}.{run:03d}.bin") as file:
            file.write(starts.tobytes())
            file.write(np.ascontiguousarray(records[order], "<u8").data)

    def receive(self, target: int) -> np.ndarray:
        """All records for a target, uint64 [n, width], in the order of tasks and as each sent them."""
        names = self._names()
        heads = self.place.read_ranges(names, [8 * target] * len(names), [8 * target + 16] * len(names))
        begin = 8 * (self.targets + 1)
        spans = [(begin + 8 * self.width * np.frombuffer(head, "<u8").astype(np.int64)).tolist() for head in heads]
        some = [(name, *span) for name, span in zip(names, spans, strict=True) if span[1] > span[0]]
        parts = [np.zeros((0, self.width), np.uint64)]
        for raw in self.place.read_ranges([n for n, _, _ in some], [a for _, a, _ in some], [b for _, _, b in some]):
            parts.append(np.frombuffer(raw, "<u8").astype(np.uint64, copy=False).reshape(-1, self.width))
        return np.concatenate(parts)

    def counts(self) -> np.ndarray:
        """Records for each target, int64 [targets]."""
        total, names = np.zeros(self.targets, np.int64), self._names()
        for head in self.place.read_ranges(names, [0] * len(names), [8 * (self.targets + 1)] * len(names)):
            total += np.diff(np.frombuffer(head, "<u8").astype(np.int64))
        return total

    def _names(self) -> list[str]:
        return [f"sent/{self.name}/{name}" for name in self.place.names(f"sent/{self.name}")]


def run_bytes(targets: int) -> int:
    """What a task holds before it writes a file for so many targets.

    >>> run_bytes(14) >> 20, run_bytes(1024) >> 20, run_bytes(14 * 1024) >> 20, run_bytes(1 << 20) >> 20
    (64, 256, 1024, 1024)
    """
    return RUN_BYTES * min(16, max(1, targets >> 8))


def write_part(place: Place, name: str, part: int, words: np.ndarray) -> None:
    """Writes an array as one part of a named array, in its own type."""
    with place.create(f"held/{name}/{part:05d}.bin") as file:
        file.write(np.ascontiguousarray(words).data)


def read_part(place: Place, name: str, part: int, kind: type = np.uint64, width: int = 1) -> np.ndarray:
    """One part of a named array, [n] or [n, width]."""
    (whole,) = read_chunks(place, name, part, kind, width, 1 << 62)
    return whole


def read_chunks(
    place: Place, name: str, part: int, kind: type = np.uint64, width: int = 1, rows: int = 1 << 16
) -> Iterator[np.ndarray]:
    """One part of a named array in pieces of at most so many rows; at least one piece, which may be empty."""
    size = np.dtype(kind).itemsize * width
    path = f"{place.path}/held/{name}/{part:05d}.bin"
    left = place.fs.size(path) // size
    with place.fs.open(path, "rb") as file:
        while True:
            n = min(rows, left)
            words = np.frombuffer(file.read(n * size), kind)
            yield words if width == 1 else words.reshape(-1, width)
            left -= n
            if not left:
                return


def read_rows(place: Place, name: str, part: int, rows: np.ndarray, width: int, kind: type = np.uint64) -> np.ndarray:
    """Some rows of one part of a named array, [len(rows), width], in the order asked for; reads only pieces that hold one."""
    size = np.dtype(kind).itemsize * width
    out = np.empty((len(rows), width), kind)
    if not len(rows):
        return out
    order = np.argsort(rows, kind="stable")
    piece = rows[order] // _ROWS_A_PIECE
    first = np.flatnonzero(np.r_[True, piece[1:] != piece[:-1]])
    starts = (piece[first] * _ROWS_A_PIECE).tolist()
    spans = [(start * size, (start + _ROWS_A_PIECE) * size) for start in starts]
    pieces = place.read_spans(f"held/{name}/{part:05d}.bin", spans)
    for start, some, raw in zip(starts, np.split(order, first[1:]), pieces, strict=True):
        out[some] = np.frombuffer(raw, kind).reshape(-1, width)[rows[some] - start]
    return out
