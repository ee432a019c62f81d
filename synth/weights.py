"""A model on disk, hashed: which files it is made of, and under which licence text it came.

A model is a folder in Hugging Face's layout or one GGUF file. Its weight hash is SHA-256 over the sorted lines `name NUL hash` of
every file that decides what it answers: weights, configuration, tokenizer and chat template. A README may change without making it
another model. The licence is hashed apart, because one text is shared by many projects and says nothing about which model it is.
"""

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_WEIGHTS = (".safetensors", ".gguf", ".bin", ".pt", ".pth")
_DECIDES = (*_WEIGHTS, ".json", ".jinja", ".model", ".tiktoken", ".txt", ".py")
_LICENCE = ("license", "licence", "copying", "use_policy")


class ModelFolderError(Exception):
    """A model on disk that cannot be used: no weights, or no licence text beside them."""


@dataclass(frozen=True)
class Weights:
    """A hashed model.

    sha256: of all deciding files together (of the file itself for one GGUF). files: each one's hash by name. licences: hash
    of each licence text by name. total: bytes of the deciding files.
    """

    path: Path
    sha256: str
    files: dict[str, str]
    licences: dict[str, str]
    total: int


def weigh(path: str | Path, licence: str | Path | None = None) -> Weights:
    """Hashes a model folder or a GGUF file; `licence` names its licence text where that lies elsewhere.

    Raises ModelFolderError for what is no model, or has no licence text.
    """
    path = Path(path)
    deciding = (
        [path] if path.is_file() else [p for p in _files(path) if p.suffix in _DECIDES and not _is_licence(p.name)]
    )
    if path.exists() and not any(p.suffix in _WEIGHTS for p in deciding):
        raise ModelFolderError(f"{path}: holds no weights ({', '.join(_WEIGHTS)})")
    texts = licence_texts(path, licence)
    root = path if path.is_dir() else path.parent
    files = {p.relative_to(root).as_posix(): sha256_of(p) for p in sorted(deciding)}
    whole = hashlib.sha256(
        "".join(f"{name}\0{digest}\n" for name, digest in sorted(files.items())).encode()
    ).hexdigest()
    total = sum(p.stat().st_size for p in deciding)
    return Weights(path, next(iter(files.values())) if path.is_file() else whole, files, texts, total)


def licence_texts(path: str | Path, licence: str | Path | None = None) -> dict[str, str]:
    """Hash of each licence text of a model by its name, without looking at the weights; `licence` names one that lies elsewhere.

    Raises ModelFolderError where there is no such model, or no licence text.
    """
    path = Path(path)
    if not path.exists():
        raise ModelFolderError(f"{path}: there is no such model folder or file")
    around = path.parent.iterdir() if path.is_file() else _files(path)
    found = [p for p in around if p.is_file() and _is_licence(p.name)] if licence is None else [Path(licence)]
    if not found or not all(p.is_file() for p in found):
        raise ModelFolderError(
            f"{path}: no licence text ({licence or 'LICENSE, LICENCE, COPYING …'}) beside the weights; what a model may write "
            "for is decided by its licence, so fetch it with the model, or name the file that holds it"
        )
    return {p.name: sha256_of(p) for p in sorted(found)}


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _files(folder: Path) -> Iterator[Path]:
    """Regular files below a folder, links followed (caches link to blobs), without hidden folders."""
    for at, folders, names in os.walk(folder, followlinks=True):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        yield from (path for name in sorted(names) if (path := Path(at) / name).is_file() and not name.startswith("."))


def _is_licence(name: str) -> bool:
    return name.lower().startswith(_LICENCE)
