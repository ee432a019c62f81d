"""A text's tokens cut into windows that an encoder can read: the first, the first and the last, or one after the other.

A text is tokenised as far as its windows need, not whole: of a page of 5 MB and one window of 512 tokens a few thousand characters.
Where a text was cut for that, tokens within `MARGIN` of the cut are not used: further in they are the whole text's own. (A tokenizer
whose tokens depend on text hundreds of characters away would differ; none that is in use does.)
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

MARGIN = 32
"""Tokens next to a cut that may be others than in the whole text."""
CHARS = 3
"""Characters tried for each token wanted, at most."""
_PROBE, _SPARE = 16, 1.15
"""So many texts show what the others need, and how much more than that they are given."""

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

    @property
    def most_tokens(self) -> int:
        """Tokens that all windows of a text have at most."""
        return self.max_tokens * {"first": 1, "first_last": 2, "mean": self.most}[self.policy]


class Windows:
    """Windows of many texts, end to end in one array, so that nothing is done row by row behind the tokenizer.

    tokens: int32, all windows one after the other; lengths: int64 [windows]; text: int64 [windows], the text that each is from,
    rising; texts: how many there are, those without a window included.
    """

    def __init__(self, tokens: np.ndarray, lengths: np.ndarray, text: np.ndarray, texts: int):
        self.tokens, self.lengths, self.text, self.texts = tokens, lengths, text, texts

    @classmethod
    def of(cls, ids: Sequence[np.ndarray], text: Sequence[int], texts: int) -> "Windows":
        """From the ids of each window."""
        tokens = np.concatenate(ids, dtype=np.int32) if ids else np.zeros(0, np.int32)
        return cls(tokens, np.array([len(i) for i in ids], np.int64), np.array(text, np.int64), texts)

    @classmethod
    def joined(cls, parts: Sequence["Windows"]) -> "Windows":
        """Those of texts that were cut in several parts, in order."""
        if len(parts) == 1:
            return parts[0]
        before = np.cumsum([0, *(p.texts for p in parts)])
        return cls(
            np.concatenate([p.tokens for p in parts]) if parts else np.zeros(0, np.int32),
            np.concatenate([p.lengths for p in parts]) if parts else np.zeros(0, np.int64),
            np.concatenate([p.text + n for p, n in zip(parts, before, strict=False)])
            if parts
            else np.zeros(0, np.int64),
            int(before[-1]),
        )

    @cached_property
    def starts(self) -> np.ndarray:
        """Place of each window's first token in `tokens`."""
        return np.cumsum(self.lengths) - self.lengths

    @property
    def ids(self) -> list[np.ndarray]:
        """Token ids window by window."""
        return np.split(self.tokens, self.starts[1:]) if len(self.lengths) else []

    def padded(self, rows: np.ndarray, pad: int) -> tuple[np.ndarray, np.ndarray]:
        """Windows side by side as int64 [rows, longest], and the mask that is 1 on tokens and 0 on padding behind them."""
        at = np.arange(self.lengths[rows].max())
        mask = at < self.lengths[rows, None]
        ids = np.where(mask, self.tokens[(self.starts[rows, None] + at) * mask], pad)
        return ids.astype(np.int64), mask.astype(np.int64)

    def take(self, rows: np.ndarray) -> "Windows":
        """Some of the windows, of as many texts."""
        ids = [self.tokens[at : at + n] for at, n in zip(self.starts[rows], self.lengths[rows], strict=True)]
        return Windows.of(ids, self.text[rows].tolist(), self.texts)

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
        self.prefix, self.suffix = np.array(prefix, np.int32), np.array(suffix, np.int32)
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
        return Windows.of(made, of, len(texts))

    def _enough(self, texts: list[str], wanted: int, *, from_end: bool) -> list[tuple[np.ndarray, bool]]:
        """Tokens from one end of each text, at least as many as wanted or all, and whether they are all.

        How many characters that takes is seen in the first of the texts, and where it was too few in the text itself.
        """
        found: list[tuple[np.ndarray, bool]] = [(np.zeros(0, np.int32), True)] * len(texts)
        most = (wanted + MARGIN) * CHARS
        chars = [most] * len(texts)
        left, others = list(range(min(_PROBE, len(texts)))), list(range(_PROBE, len(texts)))
        while left or others:
            parts = [(texts[n][-chars[n] :] if from_end else texts[n][: chars[n]]) for n in left]
            again, seen = [], []
            for n, part, ids in zip(left, parts, self.encode(parts), strict=True):
                cut = len(texts[n]) > chars[n]
                each = len(part) / max(1, len(ids))
                if cut and len(ids) < wanted + MARGIN:
                    more = int((wanted + MARGIN) * each * _SPARE)
                    chars[n] = min(max(more, chars[n] * 5 // 4), chars[n] * 8)
                    again.append(n)
                else:
                    found[n] = (ids[MARGIN:] if from_end else ids[:-MARGIN]) if cut else ids, not cut
                seen.append(each)
            left = again
            if others:
                enough = int((wanted + MARGIN) * float(np.quantile(seen, 0.8)) * _SPARE) + MARGIN
                for n in others:
                    chars[n] = min(most, enough)
                left, others = again + others, []
        return found


def encoder_of(tokenizer: Any) -> Encode:
    """The function that gives tokens of texts, from a tokenizer of `transformers`; compiled ones are asked without Python between."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is not None:
        return compiled(backend)

    def plain(texts: list[str]) -> list[np.ndarray]:
        quiet = {"add_special_tokens": False, "return_attention_mask": False, "verbose": False}
        return [np.array(tokenizer(text, **quiet)["input_ids"], np.int32) for text in texts]

    return plain


def compiled(backend: Any) -> Encode:
    """The same of a tokenizer of the library `tokenizers`, which leaves the interpreter alone while it works."""
    backend.no_truncation()
    backend.no_padding()

    def encode(texts: list[str]) -> list[np.ndarray]:
        return [np.array(e.ids, np.int32) for e in backend.encode_batch_fast(texts, add_special_tokens=False)]

    return encode
