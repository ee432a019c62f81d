"""Logits made into one score a text: worth, range, mean over windows, calibration; and rounded so that batches leave no trace.

Two batches of different shape give logits that differ in the last bits, and a score on the edge between two thousandths would be
rounded either way. So a score that lies within `NEAR` of an edge is computed again, each of its windows alone and unpadded, and that
is what is rounded: about one text in a hundred. It holds for float32; in bfloat16 the same unit gives the same score because it is
cut into the same batches.
"""

from collections.abc import Sequence

import numpy as np

from curation.classify.encoder.batches import padded_tokens, token_batches
from curation.classify.encoder.engines import Engine
from curation.classify.encoder.windows import Cutter, Windows
from curation.classify.model_card import Calibration

NEAR = 5e-6
"""How far scores of one text may be apart in float32, whatever its batch; in models of usual size it is below 1e-6."""


class Scale:
    """From logits [windows, labels] to worth, one number a window: a regression's output on its range, or worth of classes.

    worth: of each output, in order, for classes; several: whether labels do not exclude each other (sigmoids instead of a softmax).
    """

    def __init__(self, worth: Sequence[float] | None, range: tuple[float, float] | None = None, several: bool = False):
        self.worth = None if worth is None else np.array(worth, np.float64)
        self.range, self.several = range, several

    def __call__(self, logits: np.ndarray) -> np.ndarray:
        """float64, not yet held inside [0, 1] for a regression; NaN where a logit is none.

        >>> Scale([0.0, 1.0])(np.array([[0.0, 0.0]])).tolist(), Scale(None, (0, 5))(np.array([[2.5]])).tolist()
        ([0.5], [0.5])
        """
        logits = logits.astype(np.float64)
        if self.worth is None:
            assert self.range is not None
            return (logits[:, 0] - self.range[0]) / (self.range[1] - self.range[0])
        with np.errstate(invalid="ignore", over="ignore"):
            if self.several:
                p = 1 / (1 + np.exp(-logits))
            else:
                p = np.exp(logits - logits.max(axis=1, keepdims=True))
            return p @ self.worth / np.maximum(p.sum(axis=1), 1e-30)


class Scorer:
    """Scores units of texts; counts what it did in `tokens`, `computed` (with padding) and `settled` (texts computed again)."""

    def __init__(self, cutter: Cutter, engine: Engine, scale: Scale, calibration: Calibration, batch_tokens: int):
        self.cutter, self.engine, self.scale = cutter, engine, scale
        self.calibration, self.batch_tokens = calibration, batch_tokens
        self.tokens = self.computed = self.settled = 0

    def cut(self, texts: Sequence[str | None]) -> Windows:
        """The windows of a unit's texts: the part that runs ahead of the device."""
        return self.cutter.cut(texts)

    def scores(self, windows: Windows) -> np.ndarray:
        """float64 [texts] in [0, 1], rounded to 1e-3; NaN for a text without a window, and where the model gave no number."""
        raw = self.raw(windows)
        found = np.round(self._calibrated(raw), 3)
        if self.engine.exact:
            apart = np.round(self._calibrated(raw - NEAR), 3) != np.round(self._calibrated(raw + NEAR), 3)
            near = np.flatnonzero(apart & np.isfinite(raw))
            if len(near):
                alone = self._alone(windows, near)
                found[near] = np.round(self._calibrated(alone), 3)
                self.settled += len(near)
        return found

    def raw(self, windows: Windows) -> np.ndarray:
        """Scores before calibration and rounding."""
        batches = token_batches(windows.lengths, self.batch_tokens)
        self.tokens += int(windows.lengths.sum())
        self.computed += padded_tokens(windows.lengths, batches)
        if not batches:
            return np.full(windows.texts, np.nan)
        return windows.mean(self.scale(self.engine.logits(windows.ids, batches)))

    def _alone(self, windows: Windows, texts: np.ndarray) -> np.ndarray:
        mine = np.flatnonzero(np.isin(windows.text, texts))
        ids = [windows.ids[i] for i in mine]
        logits = self.engine.logits(ids, [np.array([i]) for i in range(len(ids))])
        return Windows(ids, windows.text[mine].tolist(), windows.texts).mean(self.scale(logits))[texts]

    def _calibrated(self, raw: np.ndarray) -> np.ndarray:
        return self.calibration.apply(np.clip(raw, 0, 1))
