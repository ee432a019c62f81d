"""Tokens of a page, as the trainer's tokenizer will count them: budgets and mixtures are made of tokens, not of pages.

The tokenizer is a file of the `tokenizers` library (the tokenizer.json of a model), given in the recipe and part of the
fingerprint. `small_ja` comes along: a byte-level BPE of 3,000 tokens trained on the quickstart's Japanese pages, for tests and
first looks; a real plan counts with the tokenizer of its model.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curation.local_file import local_file
from curation.step import Batch, Columns, Measure

PACKAGED = {"small_ja": Path(__file__).with_name("small_ja.json")}
"""Tokenizers that come along, by name."""

_TEXTS_AT_ONCE = 64


def tokenizer_bytes(tokenizer: str) -> bytes:
    """Content of a tokenizer file given by path or packaged name. Raises ValueError when there is none."""
    path = PACKAGED.get(tokenizer) or local_file(tokenizer, "tokenizer")
    if not path.is_file():
        raise ValueError(
            f"there is no tokenizer file {tokenizer}; give a tokenizer.json of the `tokenizers` library, or {', '.join(PACKAGED)}"
        )
    return path.read_bytes()


def load_tokenizer(content: bytes, name: str) -> Any:
    """The tokenizer in a file's content. Raises ValueError when it is none.

    >>> tokenizer = load_tokenizer(tokenizer_bytes("small_ja"), "small_ja")
    >>> tokenizer.decode(tokenizer.encode("精米の設定を変更する").ids)
    '精米の設定を変更する'
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # workers are processes already
    from tokenizers import Tokenizer

    try:
        return Tokenizer.from_str(content.decode("utf-8"))
    except Exception as error:  # the library raises plain Exception for a file that it cannot read
        raise ValueError(f"{name} is no file of the `tokenizers` library: {error}") from None


class Tokens(Measure):
    """Writes `tokens`: tokens of the text without special tokens, 0 for an empty one, null without text.

    tokenizer: a tokenizer.json, or the name of a packaged one.
    """

    reads, writes = ("text",), ("tokens",)

    def __init__(self, tokenizer: str):
        super().__init__()
        self.tokenizer = tokenizer
        self._content = tokenizer_bytes(tokenizer)
        load_tokenizer(self._content, tokenizer)

    def artefacts(self) -> Mapping[str, bytes]:
        """The tokenizer file."""
        return {self.tokenizer: self._content}

    def manifest_notes(self) -> Mapping[str, Any]:
        """`tokenizer`: its name and the SHA-256 of its file."""
        digest = hashlib.sha256(self._content).hexdigest()
        return {"tokenizer": {"name": Path(self.tokenizer).name, "sha256": digest}}

    def setup(self) -> None:
        """Loads the tokenizer."""
        self._loaded = load_tokenizer(self._content, self.tokenizer)

    def columns(self, batch: Batch) -> Columns:
        texts = batch.column("text")
        counts = np.zeros(len(texts), np.int32)
        filled = texts.fill_null("")
        for first in range(0, len(texts), _TEXTS_AT_ONCE):
            some = filled.slice(first, _TEXTS_AT_ONCE).to_pylist()
            for i, made in enumerate(self._loaded.encode_batch_fast(some, add_special_tokens=False)):
                counts[first + i] = len(made)
        return {"tokens": pa.array(counts, mask=texts.is_null().to_numpy(zero_copy_only=False))}
