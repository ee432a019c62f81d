"""A text's tokens cut into windows that an encoder can read: the first, the first and the last, or one after the other.

A text is tokenised as far as its windows need, not whole: of a page of 5 MB and one window of 512 tokens a few thousand characters.
Where a text was cut for that, tokens within `MARGIN` of the cut are not used: further in they are the whole text's own. (A tokenizer
whose tokens depend on text hundreds of characters away would differ; none that is in use does.)
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

MARGIN = 32
"""Tokens next to a cut that may be others than in the whole text."""
_CHARS, _MORE = 3, 4
"""Characters tried for each token wanted, and how many times as many next, where they did not give enough."""

Encode = Callable[[list[str]], list[np.ndarray]]
"""Texts → tokens of each, without special tokens."""


class WindowPolicy(BaseModel):
    """How a text is cut. Special tokens count: a window of 512 holds 510 tokens of text between [CLS] and [SEP]."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    policy: Literal["first", "first_last", "mean"]
    """`first`; `first_last`: the first and the last window, which overlap in a text of less than two; `mean`: all, end to end."""
    max_tokens: int = Field(ge=8)
    most: int = Field(default=16, ge=1)
    """Windows of a text at most, for `mean`."""


class Windows:
    """Windows of many texts: token ids, and the text that each is from, in order of the texts."""

    def __init__(self, ids: list[np.ndarray], text: list[int], texts: int):
        self.ids = ids
        self.text = np.array(text, np.int64)
        self.texts = texts
        self.lengths = np.array([len(i) for i in ids], np.int64)

    def mean(self, values: np.ndarray) -> np.ndarray:
        """Mean over each text's windows, weighted by their tokens, float64; NaN for a text without one."""
        weight = np.bincount(self.text, self.lengths, minlength=self.texts)
        total = np.bincount(self.text, self.lengths * values.astype(np.float64), minlength=self.texts)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(weight > 0, total / weight, np.nan)


class Cutter:
    """Cuts texts into windows. prefix, suffix: special tokens around every window."""

    def __init__(self, encode: Encode, policy: WindowPolicy, prefix: Sequence[int], suffix: Sequence[int]):
        self.encode, self.policy = encode, policy
        self.prefix, self.suffix = np.array(prefix, np.int64), np.array(suffix, np.int64)
        self.room = policy.max_tokens - len(prefix) - len(suffix)
        if self.room < 1:
            raise ValueError(f"max_tokens: {policy.max_tokens} leaves no room beside the tokenizer's special tokens")

    def cut(self, texts: Sequence[str | None]) -> Windows:
        """Windows of the texts; none for a text that is null, only spaces, or has no token."""
        said = [(n, t) for n, t in enumerate(texts) if t is not None and t.strip()]
        most = self.room * (self.policy.most if self.policy.policy == "mean" else 1)
        pieces: dict[int, list[np.ndarray]] = {}
        if self.policy.policy == "first_last":
            first = self._enough([t for _, t in said], 2 * self.room, from_end=False)
            cut = [(n, t) for (n, t), (_, whole) in zip(said, first, strict=True) if not whole]
            last = self._enough([t for _, t in cut], self.room, from_end=True)
            tails = {n: tail for (n, _), (tail, _) in zip(cut, last, strict=True)}
            for (n, _), (head, _) in zip(said, first, strict=True):
                tail = tails.get(n, head)
                pieces[n] = [head] if len(head) <= self.room else [head[: self.room], tail[-self.room :]]
        else:
            for (n, _), (ids, _) in zip(said, self._enough([t for _, t in said], most, from_end=False), strict=True):
                pieces[n] = [ids[at : at + self.room] for at in range(0, min(len(ids), most), self.room)]
        made: list[np.ndarray] = []
        of: list[int] = []
        for n in sorted(pieces):
            for piece in pieces[n]:
                if len(piece):
                    made.append(np.concatenate([self.prefix, piece, self.suffix]))
                    of.append(n)
        return Windows(made, of, len(texts))

    def _enough(self, texts: list[str], wanted: int, *, from_end: bool) -> list[tuple[np.ndarray, bool]]:
        """Tokens from one end of each text, at least as many as wanted or all, and whether they are all."""
        found: list[tuple[np.ndarray, bool]] = [(np.zeros(0, np.int64), True)] * len(texts)
        chars, left = (wanted + MARGIN) * _CHARS, list(range(len(texts)))
        while left:
            parts = [(texts[n][-chars:] if from_end else texts[n][:chars]) for n in left]
            again = []
            for n, ids in zip(left, self.encode(parts), strict=True):
                if len(texts[n]) > chars and len(ids) < wanted + MARGIN:
                    again.append(n)
                    continue
                cut = len(texts[n]) > chars
                found[n] = (ids[MARGIN:] if from_end else ids[:-MARGIN]) if cut else ids, not cut
            chars, left = chars * _MORE, again
        return found


def encoder_of(tokenizer: Any) -> Encode:
    """The function that gives tokens of texts, from a tokenizer of `transformers`; compiled ones are asked without Python between."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        backend.no_truncation()
        backend.no_padding()

        def compiled(texts: list[str]) -> list[np.ndarray]:
            return [np.array(e.ids, np.int64) for e in backend.encode_batch_fast(texts, add_special_tokens=False)]

        return compiled

    def plain(texts: list[str]) -> list[np.ndarray]:
        quiet = {"add_special_tokens": False, "return_attention_mask": False, "verbose": False}
        return [np.array(tokenizer(text, **quiet)["input_ids"], np.int64) for text in texts]

    return plain
