"""Whether an input's or an output's place can be used at all, and in words why not.

fsspec finds a file system by a URL's scheme, loads its library, and only then meets the network: each of the three can fail with an
exception class of its own. Here they become one RecipeError that names the URL, what was found and what would be right.
"""

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fsspec.core import url_to_fs
from fsspec.registry import known_implementations

from curation.local_file import local_file
from curation.place import Place
from curation.secrets_left_out import holds_password, is_signed, without_secrets
from recipes.engine.errors import RecipeError

_PACKAGES = {"gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp", "https": "aiohttp", "hf": "huggingface_hub"}
"""Package that a scheme needs, where fsspec does not say it in one word; `s3` is an extra of ours."""


TRIED = ".writable"
"""An object that is written and removed to see whether it can be."""


def _remote(url: str) -> bool:
    return "://" in url and not url.startswith(("file://", "local://"))


def check_scheme(url: str, place: str) -> None:
    """Raises RecipeError for a URL that nothing here can open (unknown scheme, a package that is missing) or that has a password."""
    if holds_password(url):
        raise RecipeError(
            f"{place}: {without_secrets(url)}: a password in a URL would stand in recipe.yaml, manifests and reports; "
            "credentials come from "
            "the environment (docs/clusters.md, Object storage)"
        )
    if _remote(url) and is_signed(url):
        raise RecipeError(
            f"{place}: {without_secrets(url)}: a signed URL would stand in recipe.yaml, manifests and reports, and who sees it "
            "may read there; name the object itself (s3://…), credentials from the environment (docs/clusters.md, Object storage)"
        )
    scheme = url.partition("://")[0] if "://" in url else ""
    try:
        url_to_fs(os.path.expanduser(url))
    except ImportError as error:
        raise RecipeError(f"{place}: {url}: {_install(scheme)} ({_cause(error)})") from error
    except ValueError as error:
        if scheme and scheme not in known_implementations:
            raise RecipeError(
                f"{place}: {url}: no file system is called '{scheme}://'; a path, or s3://, gs://, hf://, https:// and "
                "what else fsspec knows"
            ) from error
        raise RecipeError(f"{place}: {url}: {_cause(error)}") from error
    except Exception as error:  # a file system that asks the network or for credentials when it is made
        if not _remote(url):
            raise
        raise RecipeError(f"{place}: {url} cannot be reached: {_cause(error)}") from error


def _install(scheme: str) -> str:
    if scheme in ("s3", "s3a"):
        return "s3:// needs s3fs: `uv run --extra s3 seimai …`, or pip install 'seimai[s3]'"
    package = _PACKAGES.get(scheme)
    needs = (
        f"needs {package}: `uv run --with {package} seimai …`, or pip install {package}" if package else "needs more"
    )
    return f"{scheme}:// {needs}"


@contextmanager
def reaching(urls: Sequence[str], place: str) -> Iterator[None]:
    """Says in one line what a remote file system raised. Errors over local paths pass as they are, except those of the system."""
    for url in urls:
        check_scheme(url, place)
    try:
        yield
    except RecipeError:
        raise
    except Exception as error:
        remote = [url for url in urls if _remote(url)]
        if not remote and not (isinstance(error, OSError) and error.errno is not None):
            raise
        raise RecipeError(
            f"{place}: {', '.join(remote or urls)} cannot be {'reached' if remote else 'read'}: {_cause(error)}"
        ) from error


def on_disk(path: str | Path, what: str) -> Path:
    """A path of what cannot lie in a store. Raises RecipeError for a URL."""
    try:
        return local_file(path, what)
    except ValueError as error:
        raise RecipeError(str(error)) from None


def check_out(out: str) -> None:
    """Raises RecipeError when `out` cannot become a folder that this user writes to. Creates nothing."""
    check_scheme(out, "--out")
    if _remote(out):
        return
    folder = Path(url_to_fs(out)[1])
    above = folder
    while not (above.exists() or above.is_symlink()) and above != above.parent:
        above = above.parent
    if not above.is_dir():
        said = out if above == folder else f"{out}: {above}"
        raise RecipeError(f"--out {said} is a file; give a folder, which is made if it is not there")
    if not os.access(above, os.W_OK | os.X_OK):
        raise RecipeError(f"--out {out}: {above} may not be written to; give a folder that may")


def open_out(out: str) -> None:
    """Makes `out` and proves that it can be written to. Raises RecipeError."""
    check_out(out)
    place = Place(out)
    try:
        place.make()
        if _remote(out):  # a bucket that may only be read, or is not there, is told here and not after the first task
            place.write_bytes(TRIED, b"")
            place.fs.rm_file(f"{place.path}/{TRIED}")
        else:
            tempfile.TemporaryFile(dir=place.path).close()
    except Exception as error:
        if not _remote(out) and not isinstance(error, OSError):
            raise
        raise RecipeError(f"--out {out} cannot be written to: {_cause(error)}") from error


def _cause(error: BaseException) -> str:
    """The class and the first line of what went wrong."""
    if isinstance(error, OSError) and error.strerror and error.errno is not None:
        return error.strerror
    said = without_secrets(" ".join(str(error).split("\n")[0].split()))[:200]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
