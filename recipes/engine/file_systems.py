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

from curation.secrets_left_out import holds_password, without_secrets
from recipes.engine.errors import RecipeError

_PACKAGES = {"gs": "gcsfs", "gcs": "gcsfs", "http": "aiohttp", "https": "aiohttp", "hf": "huggingface_hub"}
"""Package that a scheme needs, where fsspec does not say it in one word; `s3` is an extra of ours."""


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
    fs, path = url_to_fs(out)
    try:
        fs.makedirs(path, exist_ok=True)
        if _remote(out):
            fs.exists(f"{path}/run.json")
        else:
            tempfile.TemporaryFile(dir=path).close()
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
