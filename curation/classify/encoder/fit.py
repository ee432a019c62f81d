"""Whether tokenizer and model are of one piece: by their files when a recipe is checked, by themselves when they are loaded."""

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from curation.classify.encoder.folder import ModelFolder, ModelFolderError


def files_hold_together(folder: ModelFolder) -> None:
    """`hold_together` by what tokenizer.json and config.json say, without any library. Raises ModelFolderError.

    A tokenizer in other files is looked at when it is loaded.
    """
    file = folder.path / "tokenizer.json"
    if not file.is_file():
        return
    stat = file.stat()
    ids = _ids(str(file), stat.st_size, stat.st_mtime_ns)
    rows = folder.config.get("vocab_size")
    if rows is not None and max(ids.values(), default=-1) >= rows:
        raise _too_many(folder, max(ids.values()), rows)
    try:
        said = json.loads((folder.path / "tokenizer_config.json").read_bytes()).get("pad_token")
    except (OSError, ValueError, AttributeError, RecursionError):
        return
    pad = ids.get(said.get("content") if isinstance(said, dict) else said)
    if pad is not None and (own := folder.config.get("pad_token_id")) is not None and pad != own:
        raise _pads_otherwise(folder, pad, own)


@lru_cache(16)
def _ids(path: str, size: int, changed: int) -> dict[Any, int]:
    """Token → id of a tokenizer.json."""
    try:
        found = json.loads(Path(path).read_bytes())
        vocabulary = found["model"]["vocab"]
        if isinstance(vocabulary, list):  # Unigram: [token, score], by number
            vocabulary = {token: n for n, (token, _) in enumerate(vocabulary)}
        return {**vocabulary, **{said["content"]: int(said["id"]) for said in found.get("added_tokens") or ()}}
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelFolderError(
            f"{path}: no tokenizer of the library `tokenizers` ({type(error).__name__}: {error})"
        ) from None


def special_tokens(tokenizer: Any, folder: ModelFolder) -> tuple[list[int], list[int]]:
    """Tokens that the tokenizer puts before and behind a text. Raises ModelFolderError where an encoder's are missing."""
    for probe in ("精米", "a", "1"):
        bare = tokenizer(probe, add_special_tokens=False)["input_ids"]
        whole = tokenizer(probe)["input_ids"]
        for at in range(len(whole) - len(bare) + 1):
            if bare and whole[at : at + len(bare)] == bare:
                prefix, suffix = whole[:at], whole[at + len(bare) :]
                if not prefix and not suffix and _wants_special(folder):
                    raise ModelFolderError(
                        f"{folder.path}: the tokenizer puts no special tokens around a text, which a model of type "
                        f"{folder.config.get('model_type')} was trained with ([CLS] … [SEP]); it is not this model's tokenizer"
                    )
                return prefix, suffix
    raise ModelFolderError(
        f"{folder.path}: the tokenizer has no token for 精米, a or 1; it is not a tokenizer of texts"
    )


def hold_together(tokenizer: Any, folder: ModelFolder, embeddings: int | None) -> None:
    """Raises ModelFolderError where the tokenizer gives tokens that the model has not (it has `embeddings`), or no padding."""
    rows = embeddings if embeddings is not None else folder.config.get("vocab_size")
    largest = max(tokenizer.get_vocab().values(), default=-1)
    if rows is not None and largest >= rows:
        raise _too_many(folder, largest, rows)
    pad, own = tokenizer.pad_token_id, folder.config.get("pad_token_id")
    if own is None and pad is None:
        raise ModelFolderError(f"{folder.path}: neither the tokenizer nor config.json names a padding token")
    if pad is not None and own is not None and pad != own:
        raise _pads_otherwise(folder, pad, own)


def _too_many(folder: ModelFolder, largest: int, rows: int) -> ModelFolderError:
    return ModelFolderError(
        f"{folder.path}: the tokenizer has tokens up to {largest}, and the model's embedding {rows} rows; "
        "it is not this model's tokenizer"
    )


def _pads_otherwise(folder: ModelFolder, pad: int, own: int) -> ModelFolderError:
    return ModelFolderError(
        f"{folder.path}: the tokenizer pads with token {pad}, and config.json says {own}; it is not this model's tokenizer"
    )


def _wants_special(folder: ModelFolder) -> bool:
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    return folder.config.get("model_type") in MODEL_FOR_MASKED_LM_MAPPING_NAMES
