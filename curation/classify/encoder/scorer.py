"""Logits made into one score a text: worth, range, mean over windows, calibration; and rounded so that batches leave no trace.

Two batches of different shape give logits that differ in the last bits, and a score on the edge between two thousandths would be
rounded either way. So a score that lies within `NEAR` of an edge is computed again, each of its windows alone and unpadded, and that
is what is rounded: about one text in a hundred. It holds for float32; in bfloat16 the same unit gives the same score because it is
cut into the same batches.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from curation.classify.encoder.ahead import Ahead
from curation.classify.encoder.batches import padded_tokens, token_batches
from curation.classify.encoder.engines import Engine, Logits
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


@dataclass(frozen=True)
class Begun:
    """A unit that the device was given."""

    windows: Windows
    logits: Logits | None
    """None where no text has a token."""


class Scorer:
    """Scores units of texts; counts what it did in `tokens`, `computed` (with padding) and `settled` (texts computed again).

    A unit is scored in two steps, both in one thread: it is begun, and finished when the next one was begun, so that a device always
    has work. ahead: what cuts texts meanwhile.
    """

    def __init__(
        self, cutter: Cutter, engine: Engine, scale: Scale, calibration: Calibration, batch_tokens: int, ahead: Ahead
    ):
        self.cutter, self.engine, self.scale, self.ahead = cutter, engine, scale, ahead
        self.calibration, self.batch_tokens = calibration, batch_tokens
        self.tokens = self.computed = self.settled = 0
        self.users = 0
        """Steps that rows flow through just now: with two encoders in one stage a process holds both."""

    def close(self) -> None:
        """Ends the processes that it started."""
        self.ahead.close()
        if hasattr(self.engine, "close"):
            self.engine.close()  # type: ignore[attr-defined]

    def cut(self, texts: Sequence[str | None]) -> Windows:
        """The windows of texts, cut here and now."""
        return self.cutter.cut(texts)

    def begin(self, windows: Windows) -> Begun:
        """Plans the batches and gives them to the device."""
        batches = token_batches(windows.lengths, self.batch_tokens)
        self.tokens += int(windows.lengths.sum())
        self.computed += padded_tokens(windows.lengths, batches)
        return Begun(windows, self.engine.begin(windows, batches) if batches else None)

    def finish(self, begun: Begun) -> np.ndarray:
        """float64 [texts] in [0, 1], rounded to 1e-3; NaN for a text without a window, and where the model gave no number."""
        raw = self._raw(begun)
        found = np.round(self._calibrated(raw), 3)
        if self.engine.exact:
            apart = np.round(self._calibrated(raw - NEAR), 3) != np.round(self._calibrated(raw + NEAR), 3)
            near = np.flatnonzero(apart & np.isfinite(raw))
            if len(near):
                found[near] = np.round(self._calibrated(self._alone(begun.windows, near)), 3)
                self.settled += len(near)
        return found

    def scores(self, windows: Windows) -> np.ndarray:
        """One unit begun and finished."""
        return self.finish(self.begin(windows))

    def raw(self, windows: Windows) -> np.ndarray:
        """Scores before calibration and rounding."""
        return self._raw(self.begin(windows))

    def _raw(self, begun: Begun) -> np.ndarray:
        if begun.logits is None:
            return np.full(begun.windows.texts, np.nan)
        return begun.windows.mean(self.scale(begun.logits()))

    def _alone(self, windows: Windows, texts: np.ndarray) -> np.ndarray:
        mine = windows.take(np.flatnonzero(np.isin(windows.text, texts)))
        logits = self.engine.begin(mine, [np.array([i]) for i in range(len(mine.lengths))])()
        return mine.mean(self.scale(logits))[texts]

    def _calibrated(self, raw: np.ndarray) -> np.ndarray:
        return self.calibration.apply(np.clip(raw, 0, 1))
