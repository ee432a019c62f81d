"""The store of answers: append-only, keyed by content, one folder for all tasks and all runs of a recipe.

    STORE/00003/000002-9f31c07a.seg   what task 3 has appended since its second start
    STORE/00003/000002-9f31c07a.idx   its keys and offsets, sorted

Every task writes into its own shard and reads all of them, so a run with another number of tasks finds what an earlier one asked.
An answer is in the file before the caller sees it: a process killed at any byte loses what was in flight and nothing else.
Where a key is there more than once (two tasks asked the same at the same time; a fault was tried again) what holds does not depend on
order: a completion before a fault, the fault that a larger
context gave before that of a smaller one, then the smaller bytes. So given the same store there are the same rows.
"""

import os
import time
from collections import OrderedDict
from collections.abc import Collection, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from secrets import token_hex
from types import TracebackType
from typing import Any

import numpy as np
import orjson

from synth.engine.request import Answer, Completion, Fault
from synth.engine.segment import INDEX, Scan, SegmentWriter, StoreError, is_written, open_index, read_record, records

_OPEN_FILES = 64


class Store:
    """Answers by key. One writer a shard at a time; any number of readers. 28 bytes of memory an answer of other segments.

    folder: on a local or shared POSIX file system (an object store cannot append). shard: the task's number; None only reads.
    sync_s: how often appended answers are forced to the disk, in seconds: what a power failure may cost; a killed process costs none.
    """

    def __init__(self, folder: str | Path, shard: int | None = None, *, sync_s: float = 5.0):
        self.folder, self.shard, self.sync_s = Path(folder), shard, sync_s
        self.torn: dict[str, int] = {}
        """Bytes of torn ends by segment: answers that were being written when a process was killed."""
        self.damaged: dict[str, list[tuple[int, int]]] = {}
        """Stretches (from, to) that a disk has damaged, by segment; the answers in them are asked again."""
        self._files: OrderedDict[int, int] = OrderedDict()
        self._own: dict[bytes, int] = {}
        self._writer: SegmentWriter | None = None
        self._synced = time.monotonic()
        self._beside = ThreadPoolExecutor(1, "store")
        self._forcing: Future[None] | None = None
        self._load()

    def get(self, key: bytes) -> Answer | None:
        """The answer under a key, None where there is none."""
        if (at := self._own.get(key)) is not None and self._writer is not None:
            return _answer(key, read_record(self._own_fd, at, self._writer.path)[1])
        found = [self._payload(int(self._segment[i]), int(self._offset[i])) for i in self._places(key)]
        return _answer(key, min(found, key=_rank)) if found else None

    def has(self, key: bytes) -> bool:
        """Whether there is an answer under a key."""
        return self.get(key) is not None

    def put(self, answer: Answer) -> None:
        """Appends an answer; it outlives the process when this returns. Raises StoreError (a full disk, a store opened to read)."""
        if self._writer is None:
            self._begin()
        assert self._writer is not None
        self._own[answer.key] = self._writer.append(answer.key, _payload(answer))
        if (now := time.monotonic()) - self._synced >= self.sync_s:
            self._sync(self._writer)
            self._synced = now

    def answers(self) -> Iterator[Answer]:
        """Every answer once, in order of key."""
        last = None
        keys = np.stack([self._hi, self._lo], axis=1).astype(">u8").tobytes()
        others = (keys[i : i + 16] for i in range(0, len(keys), 16))
        for key in sorted({*others, *self._own}) if self._own else others:
            if key != last and (answer := self.get(key)) is not None:
                yield answer
            last = key

    def __len__(self) -> int:
        pairs = np.stack([self._hi, self._lo], axis=1)
        others = len(np.unique(pairs, axis=0)) if len(pairs) else 0
        return others + sum(not self._places(k) for k in self._own)

    def close(self) -> None:
        """Writes the index of the own segment and lets everything go."""
        try:
            self._forced()
        finally:
            self._beside.shutdown()
            if self._writer is not None:
                os.close(self._own_fd)
                self._writer.close()
                self._writer = None
            while self._files:
                os.close(self._files.popitem()[1])

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _load(self) -> None:
        self.segments = segments(self.folder)
        found = [open_index(path) for path in self.segments]
        for path, scan in zip(self.segments, found, strict=True):
            name = str(path.relative_to(self.folder))
            if scan.torn:
                self.torn[name] = scan.torn
            if scan.damaged:
                self.damaged[name] = scan.damaged
        self._hi, self._lo, self._offset, self._segment = _merged(found)

    def _sync(self, writer: SegmentWriter) -> None:
        """Forces to the disk what was appended, beside this thread: an engine in this process must not wait for a busy disk."""
        if self._forcing is not None:
            if not self._forcing.done():
                return
            self._forced()
        self._forcing = self._beside.submit(writer.sync)

    def _forced(self) -> None:
        """Waits until the disk has it. Raises StoreError where it never will."""
        forcing, self._forcing = self._forcing, None
        if forcing is not None and (error := forcing.exception()) is not None:
            raise StoreError(f"{self.folder}: cannot be forced to the disk: {error}") from error

    def _begin(self) -> None:
        if self.shard is None:
            raise StoreError(f"{self.folder}: this store was opened to read; a writer names its shard")
        place = self.folder / f"{self.shard:05d}"
        number = 1 + max((int(p.name[:6]) for p in place.glob("*.seg")), default=0)
        self._writer = SegmentWriter(place / f"{number:06d}-{token_hex(4)}.seg")
        self._own_fd = os.open(self._writer.path, os.O_RDONLY)

    def _places(self, key: bytes) -> list[int]:
        """Where a key stands in the merged index of other segments."""
        hi, lo = np.uint64(int.from_bytes(key[:8], "big")), int.from_bytes(key[8:], "big")
        first, found = int(np.searchsorted(self._hi, hi)), []
        while first < len(self._hi) and self._hi[first] == hi:
            if self._lo[first] == lo:
                found.append(first)
            first += 1
        return found

    def _payload(self, segment: int, offset: int) -> bytes:
        path = self.segments[segment]
        if segment in self._files:
            self._files.move_to_end(segment)
        else:
            if len(self._files) >= _OPEN_FILES:
                os.close(self._files.popitem(last=False)[1])
            try:
                self._files[segment] = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                raise StoreError(f"{path}: gone since the store was opened (it was compacted); run again") from None
        return read_record(self._files[segment], offset, path)[1]


def segments(folder: Path) -> list[Path]:
    """All segments of a store, in order of shard and number."""
    return sorted(folder.glob("[0-9]*/*.seg"))


def compact(folder: str | Path, without: Collection[bytes] = ()) -> dict[str, int]:
    """Makes one segment of each shard's, without what no longer holds and without the answers of some keys.

    Returns segments and bytes, before and after, and how many of these answers were there (`dropped`).

    The new segment takes its name before the old ones go, so a crash in between leaves answers twice, never none.
    Raises StoreError when a process is writing into the store.
    """
    folder = Path(folder)
    before = segments(folder)
    if busy := [str(p) for p in before if is_written(p)]:
        raise StoreError(f"{busy[0]} is being written; compact the store when no run is at work")
    figures = {"segments_before": len(before), "bytes_before": sum(p.stat().st_size for p in before)}
    dropped = set[bytes]()
    for shard in sorted({p.parent for p in before}):
        for left in shard.glob("*.new"):  # of a compaction that was killed
            left.unlink()
        old = [p for p in before if p.parent == shard]
        best: dict[bytes, tuple[tuple[int, int, bytes], int, int]] = {}
        for i, path in enumerate(old):
            for at, key, payload in records(path):
                entry = (_rank(payload), i, at)
                if key in without:
                    dropped.add(key)
                elif key not in best or entry[0] < best[key][0]:
                    best[key] = entry
        writer = SegmentWriter(shard / f"{int(old[-1].name[:6]) + 1:06d}-{token_hex(4)}.new")
        for i, path in enumerate(old):
            for at, key, payload in records(path):
                if key not in without and best[key][1:] == (i, at):
                    writer.append(key, payload)
        writer.close()
        if writer.path.exists():
            writer.path.replace(writer.path.with_suffix(".seg"))
        for path in old:
            path.unlink()
            path.with_suffix(".idx").unlink(missing_ok=True)
    after = segments(folder)
    figures |= {"segments_after": len(after), "bytes_after": sum(p.stat().st_size for p in after)}
    return figures | {"dropped": len(dropped)}


def _merged(found: list[Scan]) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The indexes of all segments as sorted arrays: high and low word of the key, offset, segment."""
    lengths = [len(scan.index) for scan in found]
    segment = np.repeat(np.arange(len(found), dtype=np.uint32), lengths)
    whole = np.concatenate([np.zeros(0, INDEX), *(scan.index for scan in found)])
    order = np.lexsort((segment, whole["lo"], whole["hi"]))
    taken = whole[order]
    return taken["hi"].copy(), taken["lo"].copy(), taken["offset"].copy(), segment[order]


def _rank(payload: bytes) -> tuple[int, int, bytes]:
    """What holds when a key is there twice: the lower rank."""
    if not payload.startswith(b'{"fault"'):
        return (0, 0, payload)
    fault = orjson.loads(payload)["fault"]
    return (1, -(fault["limit"] or 0) if fault["kind"] == "prompt_too_long" else 0, payload)


def _payload(answer: Answer) -> bytes:
    kind = "fault" if isinstance(answer, Fault) else "completion"
    content: dict[str, Any] = {name: getattr(answer, name) for name in answer.__slots__ if name != "key"}
    content["request_key"] = answer.request_key.hex()
    return orjson.dumps({kind: content})


def _answer(key: bytes, payload: bytes) -> Answer:
    ((kind, content),) = orjson.loads(payload).items()
    content["request_key"] = bytes.fromhex(content["request_key"])
    return Fault(key, **content) if kind == "fault" else Completion(key, **content)
