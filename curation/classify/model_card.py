"""What a quality model's file does not say of itself: how text is cut, what its labels mean, how far to trust it, whose data it is.

`seimai train` writes it beside the model (NAME.bin, NAME.card.json) and, for readers, as NAME.card.md; the step `fasttext_quality`
reads it.
"""

import hashlib
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from curation.spdx import Licence

Tokens = Literal["characters", "sudachi", "words"]
"""How a text becomes fastText's words: its characters, SudachiPy's words in mode A, or what white space parts already."""


class Calibration(BaseModel):
    """From a model's own score to a probability: through points (isotonic), by a logistic curve (Platt), or not at all."""

    model_config = ConfigDict(extra="forbid")
    method: Literal["isotonic", "platt", "none"] = "none"
    scores: list[float] = []
    probabilities: list[float] = []
    """Isotonic: points that straight lines join, both rising; beyond the ends the probability stays."""
    slope: float = 1.0
    intercept: float = 0.0
    """Platt: probability = 1 / (1 + exp(−slope · logit(score) − intercept))."""

    @model_validator(mode="after")
    def _rising(self) -> "Calibration":
        x, y = self.scores, self.probabilities
        if not all(map(isfinite, [*x, *y, self.slope, self.intercept])):
            raise ValueError("calibration: every number must be finite")
        if self.method == "isotonic" and not (len(x) == len(y) > 0 and x == sorted(set(x)) and y == sorted(y)):
            raise ValueError(
                f"calibration: isotonic needs as many rising 'scores' as 'probabilities'; found {len(x)} and {len(y)}"
            )
        if not all(0 <= p <= 1 for p in y):
            raise ValueError("calibration: 'probabilities' must lie in [0, 1]")
        return self

    def apply(self, scores: np.ndarray) -> np.ndarray:
        """Probabilities in [0, 1] for scores in [0, 1]; NaN stays NaN.

        >>> Calibration(method="isotonic", scores=[0.2, 0.6], probabilities=[0.0, 1.0]).apply(np.array([0.1, 0.4, 0.9])).tolist()
        [0.0, 0.5, 1.0]
        """
        if self.method == "isotonic":
            return np.where(np.isnan(scores), np.nan, np.interp(scores, self.scores, self.probabilities))
        if self.method == "platt":
            return 1 / (1 + np.exp(-self.slope * logit(scores) - self.intercept))
        return np.asarray(scores, np.float64)


class ModelCard(BaseModel):
    """A model's own words about itself; written by training, never by hand."""

    model_config = ConfigDict(extra="forbid")
    format: Literal[1] = 1
    name: str
    version: str
    about: str = ""
    """What it knows and what it does not, in the words of who trained it."""
    licence: Licence
    """SPDX expression of the model's file."""
    sha256: str
    """Of the model's file."""
    tokens: Tokens
    line_break: str = ""
    """Character that stands for a line break; "" where line breaks are left out."""
    labels: dict[str, float] = Field(min_length=2)
    """What each of the model's labels is worth, in [0, 1]; a text's score is the sum of worth × probability."""
    positive: list[str]
    """Labels that count as good where one must be told from the other: calibration, AUC."""
    calibration: Calibration = Calibration()
    content: str = ""
    """Content hash of the labelled pages that it was trained, calibrated and tried on (`curation.classify.examples.content_of`)."""
    data: list[dict[str, Any]] = []
    """What it was trained and tried on: fold, source, licence, rights, pages, examples."""
    training: dict[str, Any] = {}
    """Every parameter that made it."""
    metrics: dict[str, Any] = {}
    """How it does on the held-out part."""

    def score(self, probabilities: np.ndarray, labels: list[str]) -> np.ndarray:
        """Calibrated scores in [0, 1] from probabilities [rows, labels] in this order of labels."""
        worth = np.array([self.labels[label] for label in labels])
        total = np.maximum(probabilities.sum(axis=1), 1e-30)  # sigmoids of several labels need not sum to 1
        return self.calibration.apply(probabilities @ worth / total)


def logit(scores: np.ndarray) -> np.ndarray:
    """ln(p / (1 − p)), with p kept 1e-7 away from 0 and 1."""
    p = np.clip(scores, 1e-7, 1 - 1e-7)
    return np.log(p / (1 - p))


def card_path(model: Path) -> Path:
    """Where a model's card lies: of quality.bin in quality.card.json, unless there is a quality.bin.card.json.

    A file that was quantised beside it is another model: the card of quality.ftz is quality.ftz.card.json.
    """
    own = model.with_name(f"{model.name}.card.json")
    return own if own.exists() else model.with_suffix(".card.json")


def card_of(model: Path, digest: str) -> ModelCard | None:
    """The card of a model whose file has this SHA-256; None where there is none, or the one there is of the .bin or .ftz beside it.

    Raises ValueError for a card that cannot be read, or that was written for another file.
    """
    path = card_path(model)
    if not path.exists():
        return None
    card = read_card(path)
    if card.sha256 == digest:
        return card
    beside = [model.with_suffix(kind) for kind in (".bin", ".ftz") if kind != model.suffix]
    if path.name != f"{model.name}.card.json" and any(p.is_file() and sha256_of(p) == card.sha256 for p in beside):
        return None
    raise ValueError(
        f"{model}: is not the file that its card was written for (SHA-256 {digest}, {path.name} {card.sha256})"
    )


def read_card(path: Path) -> ModelCard:
    """Reads a card. Raises ValueError naming the file and what is wrong in it."""
    try:
        return ModelCard.model_validate_json(path.read_bytes())
    except ValidationError as error:
        said = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
        )
        raise ValueError(f"{path}: no card of a model: {said}") from None


def sha256_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
