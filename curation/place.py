"""A folder on any file system, and files that are there whole or not at all.

Locally a file is written under a temporary name and renamed; an object store shows an upload only when it is complete. An upload
that nobody completed is seen by no reader, but keeps its parts until it is given up: by its writer after an error, else by whoever
finishes the set that it was for.
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
_BUCKETS = {"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oci", "oss"}
"""Stores that have no folders: there fsspec would make a bucket of its own where the one that was named is not there."""


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
        return "file" in self._protocols

    @property
    def _protocols(self) -> set[str]:
        protocol = self.fs.protocol
        return {protocol} if isinstance(protocol, str) else set(protocol)

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
        found = [p.rsplit("/", 1)[-1] for p in fs.ls(folder, detail=False)] if fs.isdir(folder) else []
        fs.invalidate_cache()  # a listing grows old: nobody may be told by it that a file is not there yet
        return sorted(
            p for p in found if p and not p.endswith(PARTIAL)
        )  # a store's console marks a folder by an empty name

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
        self.write_bytes(name, _indented(value))

    def claim_json(self, name: str, value: Any) -> bool:
        """Writes a JSON file unless one is there; whether it did. Of two writers in an object store the first one's stays.

        On a disk the later one's does: it takes the place of an equal one before the folder has its final name.
        """
        if self.local:
            self.write_json(name, value)
            return True
        if self.exists(name):
            return False
        if not self._protocols & {"s3", "s3a"}:
            self.write_json(name, value)
            return True
        try:  # asked for by the store itself, which tells two writers apart that have both just looked (If-None-Match)
            with self.fs.open(f"{self.path}/{name}", "xb") as file:
                file.write(_indented(value))
        except OSError:
            if self.exists(name):
                return False
            self.write_json(name, value)  # a store that knows no such condition
        return True

    def make(self) -> None:
        """Makes the folder, if it is not there; in an object store, which has none, nothing."""
        if not self._protocols & _BUCKETS:
            self.fs.makedirs(self.path, exist_ok=True)

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
        self.give_up_uploads()

    def give_up_uploads(self) -> None:
        """Gives up what processes that were killed began to upload below this folder (S3): unseen parts take room and are paid for.

        A store that does not list uploads, or not to this user, is left as it is.
        """
        fs = self.fs
        if not self._protocols & {"s3", "s3a"}:
            return
        bucket, _, prefix = self.path.partition("/")
        after: dict[str, str] = {}
        with contextlib.suppress(OSError):
            while True:
                page = fs.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=f"{prefix}/", **after)
                for upload in page.get("Uploads", ()):
                    with contextlib.suppress(FileNotFoundError):  # completed at this moment
                        fs.abort_mpu(bucket, upload["Key"], upload["UploadId"])
                if not page.get("IsTruncated"):
                    return
                after = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}


def _indented(value: Any) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS)


class Created(io.RawIOBase):
    """A file being written: hashed on its way, renamed into place at the end, removed after an error.

    In an object store it is an upload that is completed at the end; whoever lets go of one without an end gives it up.
    """

    def __init__(self, place: Place, name: str):
        self._ended = True
        self._place, self._fs, self._final = place, place.fs, f"{place.path}/{name}"
        # a name of its own: a task that was given up as lost may still write while its successor does
        self._written = f"{self._final}.{secrets.token_hex(4)}{PARTIAL}" if place.local else self._final
        Place(f"{place.url}/{name}".rsplit("/", 1)[0]).make()
        self._file = self._fs.open(self._written, "wb")
        self._digest, self.size, self._ended = hashlib.sha256(), 0, False

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

    def __enter__(self) -> "Created":
        return self

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is not None:
            self._give_up()
            return
        try:
            self._file.close()
            if self._written != self._final:
                self._fs.mv(self._written, self._final)
            self._ended = True
        except BaseException:
            self._give_up()
            raise

    def _give_up(self) -> None:
        """Leaves nothing of the file. What goes wrong on the way is not told: there is an error already."""
        self._ended = True
        with contextlib.suppress(Exception):
            if self._written == self._final and hasattr(self._file, "discard"):
                self._file.discard()
                self._file.closed = True  # fsspec completes what is open when it is collected
                return
        with contextlib.suppress(OSError):  # a full disk says so again when buffers are flushed
            self._file.close()
        with contextlib.suppress(OSError):
            self._fs.rm_file(self._written)

    def __del__(self) -> None:
        if not getattr(self, "_ended", True):
            self._give_up()
