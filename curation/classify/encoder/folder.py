"""A model's folder in Hugging Face's layout: which files it is made of, what is refused before anything is loaded, and its hash.

Weights are safetensors; a pickle can run any program when it is read, so a folder that has only pickles is refused, and one beside
safetensors is never opened. Code that comes with a model runs only when the recipe names its files. Nothing is fetched: a model of
the hub is looked for in the local cache, by the 40 digits of its revision.
"""

import hashlib
import json
import os
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from curation.local_file import local_file

WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"
ONNX = ("onnx/model.onnx", "model.onnx")
"""Where a model exported for ONNX Runtime may lie."""
PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
TOKENIZERS = ("tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "sentencepiece.bpe.model", "tokenizer.model")
_DECIDES = (".safetensors", ".json", ".txt", ".model", ".py", ".onnx", ".data", ".jinja")
_APART = ("card.json",)
_LABELS = 100_000
_HEADER = 100 << 20
"""Bytes of a header of safetensors at most; the library refuses longer ones too."""
_OFFSET = {"roberta", "xlm-roberta", "camembert", "xlm-roberta-xl", "data2vec-text", "longformer"}
"""Models whose first positions stand for padding: `max_position_embeddings` says that many more than a text may have."""


class ModelFolderError(ValueError):
    """A model's folder that cannot be used: files that are missing, pickled, code, or that do not fit each other."""


@dataclass(frozen=True)
class ModelFolder:
    """A folder that was looked at: its configuration and the hash of the files that decide what the model answers."""

    path: Path
    model: str
    revision: str | None
    config: dict[str, Any]
    sha256: str
    code: tuple[str, ...] = ()
    """Files of Python code that the recipe allows to run."""

    @property
    def labels(self) -> list[str]:
        """Names of the outputs, in order; Hugging Face leaves them out where they are its two default ones."""
        named = self.config.get("id2label")
        if not named:
            return [f"LABEL_{i}" for i in range(self.config.get("num_labels") or 2)]
        return [str(named[key]) for key in sorted(named, key=int)]

    @property
    def most_tokens(self) -> int | None:
        """Positions that the model has, special tokens included; None where the configuration does not say."""
        most = self.config.get("max_position_embeddings")
        if not isinstance(most, int) or most <= 0:
            return None
        padding = int(self.config.get("pad_token_id") or 0)
        return most - padding - 1 if self.config.get("model_type") in _OFFSET else most


def find_folder(model: str, revision: str | None) -> Path:
    """Where a model lies: a folder, or with a revision OWNER/NAME in the local cache of the hub. Raises ModelFolderError."""
    if revision is None:
        try:
            path = local_file(model, "model folder")
        except ValueError as error:
            raise ModelFolderError(str(error)) from None
        if not path.is_dir():
            raise ModelFolderError(
                f"there is no model folder {model}; a model of the hub needs 'revision', the 40 digits of a commit"
            )
        return path
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise ModelFolderError(
            f"{model}: revision {revision!r} is not pinned; it must be a commit of 40 hexadecimal digits"
        )
    from huggingface_hub.constants import HF_HUB_CACHE

    path = Path(HF_HUB_CACHE) / f"models--{model.replace('/', '--')}" / "snapshots" / revision
    if not path.is_dir():
        raise ModelFolderError(
            f"{model} at {revision} is not in the local cache ({path}), and nothing is fetched by itself: "
            f"`hf download {model} --revision {revision}`"
        )
    return path


def read_folder(model: str, revision: str | None = None, remote_code: tuple[str, ...] = ()) -> ModelFolder:
    """Looks at a model's files. Raises ModelFolderError naming the file for all that can be seen without loading it."""
    path = find_folder(model, revision)
    config = _json(path / "config.json", "the configuration of a model")
    _held(config, path / "config.json")
    if (path / "adapter_config.json").exists():
        raise ModelFolderError(
            f"{path}: holds an adapter (adapter_config.json), which changes another model: merge it into that "
            "(`merge_and_unload()`), and save what comes out"
        )
    _weights(path)
    if not any((path / name).is_file() for name in TOKENIZERS):
        raise ModelFolderError(f"{path}: has no tokenizer ({', '.join(TOKENIZERS)})")
    code = _code(path, config, remote_code)
    return ModelFolder(path, model, revision, config, _hash(path), code)


def _json(path: Path, what: str) -> dict[str, Any]:
    if not path.is_file():
        raise ModelFolderError(f"{path.parent}: has no {path.name}, {what}")
    try:
        found = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ModelFolderError(f"{path}: no JSON: {error}") from None
    if not isinstance(found, dict):
        raise ModelFolderError(f"{path}: must hold an object, {what}")
    return found


def _held(config: dict[str, Any], file: Path) -> None:
    """Holds the keys that are read here to their kinds."""
    for key in ("num_labels", "vocab_size", "pad_token_id"):
        found = config.get(key)
        if found is not None and (not isinstance(found, int) or found < 0):
            raise ModelFolderError(f"{file}: '{key}' must be a whole number, not negative; found {found!r}")
    if (many := config.get("num_labels") or 2) > _LABELS:
        raise ModelFolderError(f"{file}: 'num_labels' is {many}, and a classifier has {_LABELS:,} at most")
    if kernel := _kernel(config):
        raise ModelFolderError(
            f"{file}: asks for a compiled kernel of another place ({kernel}), which would be fetched and run: take its "
            "'attn_implementation' out"
        )
    if (kind := config.get("model_type")) is not None and not isinstance(kind, str):
        raise ModelFolderError(f"{file}: 'model_type' must be a name; found {kind!r}")
    named = config.get("id2label")
    numbers = {str(n) for n in range(len(named))} if isinstance(named, dict | list) else set[str]()
    if named is not None and (not isinstance(named, dict) or set(named) != numbers):
        raise ModelFolderError(
            f'{file}: \'id2label\' must give each output its name by its number ({{"0": …, "1": …}}); found {_short(named)}'
        )


def _kernel(config: Any) -> str | None:
    """OWNER/NAME of a kernel that the configuration, or a part of it, wants computed with; None without."""
    if isinstance(config, dict):
        for key, value in config.items():
            said = value if isinstance(value, dict | list) else [value]
            names = said.values() if isinstance(said, dict) else said
            asked = (name for name in names if isinstance(name, str) and "/" in name)
            if "_implementation" in f"_{key}" and (name := next(asked, None)):
                return name
            if found := _kernel(value):
                return found
    return next(filter(None, map(_kernel, config)), None) if isinstance(config, list) else None


def _weights(path: Path) -> None:
    """Holds the weights to be safetensors, all of them there and whole."""
    if (path / WEIGHTS).is_file():
        names = [WEIGHTS]
    elif (path / INDEX).is_file():
        listed = _json(path / INDEX, "the list of its weights").get("weight_map")
        if not isinstance(listed, dict) or not listed or not all(map(_is_name, listed.values())):
            raise ModelFolderError(
                f"{path / INDEX}: 'weight_map' must name for each weight the file beside it that holds it; found {_short(listed)}"
            )
        names = sorted(set(listed.values()))
    else:
        pickled = sorted(p.name for p in path.iterdir() if p.suffix in PICKLES)
        if pickled:
            raise ModelFolderError(
                f"{path / pickled[0]} is a pickle, which can run any program when it is read, and is refused unread; weights must be "
                f"{WEIGHTS}: load it where you trust it, and `model.save_pretrained(FOLDER)` writes that"
            )
        raise ModelFolderError(f"{path}: has no weights ({WEIGHTS}, or {INDEX} and what it lists)")
    for name in names:
        if not (path / name).is_file():
            raise ModelFolderError(f"{path}: has no {name}, which {INDEX} lists")
        _whole(path / name)


def _whole(file: Path) -> None:
    """Holds a file to be safetensors: a length, a header that lists tensors, and as many bytes as it lists."""
    size = file.stat().st_size
    with file.open("rb") as opened:
        head = opened.read(9)
        length = int.from_bytes(head[:8], "little")
        if len(head) < 9 or head[8:9] != b"{" or not 2 <= length <= min(size - 8, _HEADER):
            kind = "a zip or pickle" if head[:2] in (b"PK", b"\x80\x02", b"\x80\x04") else "something else, or cut off"
            raise ModelFolderError(f"{file}: is no file of safetensors ({kind}), and is refused unread")
        header = head[8:9] + opened.read(length - 1)
    try:
        tensors = {name: said for name, said in json.loads(header).items() if name != "__metadata__"}
        bytes_listed = 8 + length + max((int(said["data_offsets"][1]) for said in tensors.values()), default=0)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise ModelFolderError(
            f"{file}: is no file of safetensors (its header lists no tensors), and is refused unread"
        ) from None
    if bytes_listed != size:
        what = "is cut off" if size < bytes_listed else "has something behind its weights"
        raise ModelFolderError(
            f"{file}: {what}: its header lists {bytes_listed:,} bytes, and it has {size:,}; copy it again"
        )


def _is_name(name: Any) -> bool:
    return isinstance(name, str) and name == Path(name).name and name != ""


def _short(found: Any) -> str:
    said = repr(found)
    return said if len(said) <= 80 else said[:80] + "…"


def _code(path: Path, config: dict[str, Any], allowed: tuple[str, ...]) -> tuple[str, ...]:
    """The files of code that the model asks for, each of which the recipe must name."""
    maps = {"config.json": config.get("auto_map") or {}}
    if (path / "tokenizer_config.json").is_file():
        tokenizer = _json(path / "tokenizer_config.json", "the tokenizer's configuration")
        maps["tokenizer_config.json"] = tokenizer.get("auto_map") or {}
    asked: set[str] = set()
    for name in (name for file, found in maps.items() for name in _classes(found, path / file)):
        if "--" in name:
            raise ModelFolderError(
                f"{path}: runs code of another place ({name}), which is refused: it cannot be pinned"
            )
        asked.add(name.rsplit(".", 1)[0] + ".py")
    if refused := sorted(asked - set(allowed)):
        raise ModelFolderError(
            f"{path}: the model brings code of its own ({', '.join(refused)}), which does not run unless the recipe names it: "
            f"read it, then say remote_code: [{', '.join(refused)}]"
        )
    # what runs may import any file beside it
    others = {file.relative_to(path).as_posix() for file in path.rglob("*.py")} - set(allowed) if asked else set[str]()
    if others:
        raise ModelFolderError(
            f"{path}: holds more code ({', '.join(sorted(others))}), which the named files could import: read it and name it too "
            "in remote_code, or take it out of the folder"
        )
    if missing := [name for name in sorted({*asked, *allowed}) if not (path / name).is_file()]:
        raise ModelFolderError(f"{path}: has no {', '.join(missing)}, which 'remote_code' names")
    return tuple(sorted(asked))


def _classes(found: Any, file: Path) -> list[str]:
    """The classes that an `auto_map` names. A tokenizer's may be a pair of two, of which one may be null, without any key."""
    values = list(found.values()) if isinstance(found, dict) else found if isinstance(found, list) else [found]
    names = [name for value in values for name in (value if isinstance(value, list) else [value])]
    if not isinstance(found, dict | list) or not all(name is None or isinstance(name, str) for name in names):
        raise ModelFolderError(
            f"{file}: 'auto_map' must name classes (FILE.CLASS) by what they are for; found {_short(found)}"
        )
    return [name for name in names if name]


def _hash(path: Path) -> str:
    """SHA-256 over the sorted lines `name NUL hash` of every file that decides what the model answers."""
    lines, above = [], {os.path.realpath(path)}
    for at, folders, names in os.walk(path, followlinks=True):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and _once(os.path.join(at, f), above))
        for name in names:
            file = Path(at) / name
            if file.suffix in _DECIDES and name not in _APART and not name.startswith("."):
                if not file.is_file():  # opening a pipe would wait for ever
                    what = "a link to nothing; load the model's files anew" if file.is_symlink() else "no plain file"
                    raise ModelFolderError(f"{file}: is {what}")
                stat = file.stat()
                digest = _sha256(str(file), stat.st_size, stat.st_mtime_ns)
                lines.append(f"{file.relative_to(path).as_posix()}\0{digest}\n")
    return hashlib.sha256("".join(sorted(lines)).encode()).hexdigest()


def _once(folder: str, seen: set[str]) -> bool:
    """Whether a folder was not looked into yet; a link may lead back to one that was."""
    real = os.path.realpath(folder)
    new = real not in seen
    seen.add(real)
    return new


@lru_cache(4096)
def _sha256(path: str, size: int, changed: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
