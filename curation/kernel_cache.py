"""Where compiled kernels are kept, and when they are too old.

numba keeps what it compiled beside the source and compiles again when that file changes. But a kernel also holds the functions and
tables of other files that it was compiled with (code points, tag names, character classes), and would go on with the old ones
after an update. So a kernel's stamp is the hash of every file that its module can reach.
"""

from collections.abc import Callable
from typing import Any

from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

from curation.source_hash import PACKAGES, of_module


class _Ours:
    """Takes the project's own functions only, with a stamp of all that they can reach."""

    _module = ""

    @classmethod
    def from_function(cls, py_func: Callable[..., Any], py_file: str) -> Any:
        """A locator for a kernel of the project whose cache can be written here, else None."""
        if py_func.__module__.split(".")[0] not in PACKAGES:
            return None
        made: Any = super().from_function(py_func, py_file)  # type: ignore[misc]
        if made is not None:
            made._module = py_func.__module__
        return made

    def get_source_stamp(self) -> bytes:
        """Hash of the sources."""
        return of_module(self._module).encode()


class Chosen(_Ours, UserProvidedCacheLocator):
    """In the folder that NUMBA_CACHE_DIR names."""


class InTree(_Ours, InTreeCacheLocator):
    """Beside the source, where that can be written."""


class UserWide(_Ours, UserWideCacheLocator):
    """In the user's cache."""
