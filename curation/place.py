"""A folder on any file system, and files that are there whole or not at all.

Locally a file is written under a temporary name and renamed; an object store shows an upload only when it is complete.
"""

import contextlib
import hashlib
import io
import os
import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import fsspec
import orjson

from curation.shape import BadFile

PARTIAL = ".tmp"
"""Ends the name of a local file that is being written, or was when its process died."""
AT_ONCE = 256
"""Pieces that are asked for together."""
GAP = 64 << 10
"""Bytes between two pieces of a file up to which an object store is asked for both in one request."""


@dataclass(frozen=True)
class Place:
    """A folder on any fsspec file system."""

    url: str

    @property
    def fs(self) -> fsspec.AbstractFileSystem:
        """The file system behind the URL."""
        return fsspec.core.url_to_fs(self.url)[0]

    @property
    def path(self) -> str:
        """The folder's path on that file system."""
        return fsspec.core.url_to_fs(self.url)[1].rstrip("/")

    @property
    def local(self) -> bool:
        """True where a rename is atomic."""
        protocol = self.fs.protocol
        return "file" in ((protocol,) if isinstance(protocol, str) else protocol)

    def __truediv__(self, name: str) -> "Place":
        return Place(f"{self.url.rstrip('/')}/{name}")

    def exists(self, name: str = "") -> bool:
        """Whether the folder, or a file in it, is there now, whatever an earlier listing said."""
        fs, path = self.fs, f"{self.path}/{name}" if name else self.path
        fs.invalidate_cache(path)
        return fs.exists(path)

    def names(self, name: str = "") -> list[str]:
        """Sorted names in a subfolder, but for files that are still being written; empty when it is not there."""
        folder = f"{self.path}/{name}".rstrip("/")
        fs = self.fs
        fs.invalidate_cache()
        found = fs.ls(folder, detail=False) if fs.isdir(folder) else []
        return sorted(p.rsplit("/", 1)[-1] for p in found if not p.endswith(PARTIAL))

    def read_bytes(self, name: str) -> bytes:
        """The whole content of a small file."""
        return self.fs.cat_file(f"{self.path}/{name}")

    def read_all(self, names: Sequence[str]) -> list[bytes]:
        """Whole contents of small files, fetched together where the file system can. Raises FileNotFoundError."""
        return self.read_ranges(names, [None] * len(names), [None] * len(names))

    def read_ranges(
        self, names: Sequence[str], starts: Sequence[int | None], ends: Sequence[int | None]
    ) -> list[bytes]:
        """Bytes [start, end) of each file, fetched together where the file system can: many small pieces of many files."""
        fs, found = self.fs, list[bytes]()
        for at in range(0, len(names), AT_ONCE):
            paths = [f"{self.path}/{name}" for name in names[at : at + AT_ONCE]]
            some = slice(at, at + AT_ONCE)
            for one in fs.cat_ranges(paths, list(starts[some]), list(ends[some]), on_error="raise"):
                if isinstance(one, BaseException):
                    raise one
                found.append(one)
        return found

    def read_spans(self, name: str, spans: Sequence[tuple[int, int]]) -> Iterator[memoryview]:
        """Bytes [start, end) of one file, in ascending order: by seeking here, by requests for just these bytes elsewhere.

        (A file of an object store that is read by seeking fetches ahead at every seek: 50 MiB for 15 kB, by s3fs.)
        """
        if self.local:
            with self.fs.open(f"{self.path}/{name}", "rb") as file:
                for start, end in spans:
                    file.seek(start)
                    yield memoryview(file.read(end - start))
            return
        for at in range(0, len(spans), AT_ONCE):
            asked: list[tuple[int, int]] = []
            for start, end in (some := spans[at : at + AT_ONCE]):
                if start == end:
                    continue
                if asked and start - asked[-1][1] <= GAP:
                    asked[-1] = asked[-1][0], max(end, asked[-1][1])
                else:
                    asked.append((start, end))
            raws = self.read_ranges([name] * len(asked), [a for a, _ in asked], [b for _, b in asked])
            of = 0
            for start, end in some:
                while start < end and end > asked[of][1]:
                    of += 1
                yield memoryview(raws[of] if start < end else b"")[start - asked[of][0] : end - asked[of][0]]

    def read_json(self, name: str) -> Any:
        """A JSON file's value. Raises BadFile for what is no JSON."""
        return self._json(name, self.read_bytes(name))

    def read_all_json(self, names: Sequence[str]) -> Iterator[Any]:
        """Values of JSON files in their order, many fetched together and few held. Raises BadFile, FileNotFoundError."""
        for at in range(0, len(names), AT_ONCE):
            some = names[at : at + AT_ONCE]
            yield from map(self._json, some, self.read_all(some))

    def _json(self, name: str, raw: bytes) -> Any:
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise BadFile(f"{self.url}/{name}: no JSON ({error}); it was changed or cut off: make it anew") from None

    def write_bytes(self, name: str, content: bytes) -> None:
        """Writes a small file so that it is there whole or not at all."""
        with self.create(name) as file:
            file.write(content)

    def write_json(self, name: str, value: Any) -> None:
        """Writes a value as indented JSON, atomically; keys that are numbers become their text."""
        option = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
        self.write_bytes(name, orjson.dumps(value, option=option))

    def create(self, name: str) -> "Created":
        """Opens a new file for writing; it takes its name when it is closed without an error."""
        return Created(self, name)

    def publish(self, final: "Place") -> None:
        """Renames this folder to its final name; where the file system has no atomic rename the two must be one."""
        if self.url != final.url:
            os.replace(self.path, final.path)

    def remove(self) -> None:
        """Removes the folder and everything in it, if it is there."""
        if self.exists():
            self.fs.rm(self.path, recursive=True)


class Created(io.RawIOBase):
    """A file being written: hashed on its way, renamed into place at the end, removed after an error."""

    def __init__(self, place: Place, name: str):
        self._place, self._fs, self._final = place, place.fs, f"{place.path}/{name}"
        # a name of its own: a task that was given up as lost may still write while its successor does
        self._written = f"{self._final}.{secrets.token_hex(4)}{PARTIAL}" if place.local else self._final
        self._fs.makedirs(self._final.rsplit("/", 1)[0], exist_ok=True)
        self._file = self._fs.open(self._written, "wb")
        self._digest, self.size = hashlib.sha256(), 0

    def writable(self) -> bool:
        """Always: it is a file being written."""
        return True

    def write(self, content: Any) -> int:
        """Appends bytes."""
        view = memoryview(content)
        self._digest.update(view)
        self._file.write(view)
        self.size += view.nbytes
        return view.nbytes

    def call(self, name: str) -> None:
        """Gives a file that is still open another name in its folder, on a local disk; elsewhere it keeps the one that it has."""
        if self._place.local:
            self._final = f"{self._place.path}/{name}"

    @property
    def sha256(self) -> str:
        """Hex digest of what has been written so far."""
        return self._digest.hexdigest()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._file.close()
            if self._written != self._final:
                self._fs.mv(self._written, self._final)
            return
        if self._written == self._final and hasattr(
            self._file, "discard"
        ):  # object storage: an upload that is never completed
            self._file.discard()
            return
        with contextlib.suppress(OSError):  # a full disk says so again when buffers are flushed
            self._file.close()
        self._fs.rm_file(self._written)

    def __enter__(self) -> "Created":
        return self
