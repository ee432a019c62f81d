"""Whether tokenizer, model and recipe are of one piece: seen when they are loaded, before the first row."""

from typing import Any

from curation.classify.encoder.folder import ModelFolder, ModelFolderError


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
        raise ModelFolderError(
            f"{folder.path}: the tokenizer has tokens up to {largest}, and the model's embedding {rows} rows; "
            "it is not this model's tokenizer"
        )
    pad, own = tokenizer.pad_token_id, folder.config.get("pad_token_id")
    if own is None and pad is None:
        raise ModelFolderError(f"{folder.path}: neither the tokenizer nor config.json names a padding token")
    if pad is not None and own is not None and pad != own:
        raise ModelFolderError(
            f"{folder.path}: the tokenizer pads with token {pad}, and config.json says {own}; it is not this model's tokenizer"
        )


def _wants_special(folder: ModelFolder) -> bool:
    from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

    return folder.config.get("model_type") in MODEL_FOR_MASKED_LM_MAPPING_NAMES
