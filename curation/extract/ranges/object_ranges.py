"""One range of a file in an object store or on a disk, through fsspec: s3://, gs://, hf://, a path."""

from typing import Any

from fsspec.core import url_to_fs
from fsspec.implementations.local import LocalFileSystem

from curation.extract.inputs import InputError
from curation.extract.ranges.http_ranges import Again, Missing, Piece

_NO_USE = ("NoCredentialsError", "PartialCredentialsError", "ProfileNotFound", "TokenRetrievalError")
"""Errors by name (their libraries are extras) that no other try betters."""


class ObjectRanges:
    """Ranges of files behind any fsspec URL; may be called by several threads. Credentials come from the environment."""

    def __init__(self) -> None:
        self._sizes: dict[str, int] = {}

    def once(self, url: str, start: int, stop: int) -> Piece:
        """Bytes [start, stop) of a file, fewer where it ends. Raises Missing, Again, InputError."""
        fs: Any = None
        try:
            fs, path = url_to_fs(url)
            if (size := self._sizes.get(url)) is None:
                size = self._sizes[url] = int(fs.size(path))
            if start >= size:
                return Piece(b"", size)
            return Piece(fs.cat_file(path, start=start, end=min(stop, size)), size)
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise Missing("no such file") from None
        except PermissionError as error:
            raise InputError(f"{url} may not be read: {_said(error)}") from None
        except (ImportError, ValueError) as error:
            raise InputError(f"{url} cannot be opened: {_said(error)}") from None
        except Exception as error:  # each store has classes of its own
            if type(error).__name__ in _NO_USE or isinstance(fs, LocalFileSystem):
                raise InputError(f"{url} cannot be read: {_said(error)}") from None
            known = isinstance(error, OSError | TimeoutError)
            raise Again(_said(error), odd=not known, busy=known) from None


def _said(error: Any) -> str:
    said = " ".join(str(error).split())[:200]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
