"""What an encoder's own files do not say: what its labels are worth, how text is cut for it, how far to trust it, whose data it is.

`seimai train` writes it into the model's folder as card.json (and card.md for readers); the step `encoder_quality` reads it.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from curation.classify.encoder.windows import WindowPolicy
from curation.classify.model_card import Calibration

CARD = "card.json"
"""Name of the card in a model's folder."""


class EncoderCard(BaseModel):
    """An encoder's own words about itself; written by training, never by hand."""

    model_config = ConfigDict(extra="forbid")
    format: Literal[1] = 1
    kind: Literal["encoder"] = "encoder"
    name: str
    version: str
    about: str = ""
    """What it knows and what it does not, in the words of who trained it."""
    licence: str
    """SPDX expression of the model's files."""
    sha256: str
    """Of the model's files together, the card left out (`folder.ModelFolder.sha256`)."""
    base: dict[str, Any] = {}
    """The encoder that training began with: name, revision, SHA-256, licence."""
    labels: dict[str, float] = {}
    """Classes: what each label is worth, in [0, 1]; a text's score is the sum of worth × probability. Empty for a regression."""
    range: tuple[float, float] | None = None
    """Regression: the model's outputs that stand for 0 and for 1; what lies outside counts as the nearer end."""
    positive: list[str] = []
    """Labels that count as good where one must be told from the other: calibration, AUC."""
    windows: WindowPolicy
    calibration: Calibration = Calibration()
    data: list[dict[str, Any]] = []
    """What it was trained and tried on: fold, source, licence, rights, pages, examples."""
    training: dict[str, Any] = {}
    """Every parameter that made it."""
    metrics: dict[str, Any] = Field(default={})
    """How it does on the held-out part."""

    @model_validator(mode="after")
    def _scored(self) -> "EncoderCard":
        if bool(self.labels) == (self.range is not None):
            raise ValueError("must say either what 'labels' are worth, or the 'range' of a regression")
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(f"range: two rising numbers, those that stand for 0 and for 1; found {self.range}")
        if not all(0 <= worth <= 1 for worth in self.labels.values()):
            raise ValueError(f"labels: what one is worth must lie in [0, 1]; found {self.labels}")
        return self


def read_encoder_card(folder: Path) -> EncoderCard | None:
    """The card in a model's folder, None where there is none. Raises ValueError naming the file and what is wrong in it."""
    path = folder / CARD
    if not path.is_file():
        return None
    try:
        return EncoderCard.model_validate_json(path.read_bytes())
    except ValidationError as error:
        said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise ValueError(f"{path}: no card of an encoder: {said}") from None
