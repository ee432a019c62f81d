"""What an encoder's own files do not say: what its labels are worth, how text is cut for it, how far to trust it, whose data it is.

`seimai train` writes it into the model's folder as card.json (and card.md for readers); the step `encoder_quality` reads it.
"""

from math import isfinite
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from curation.classify.encoder.folder import ModelFolder, ModelFolderError
from curation.classify.encoder.windows import WindowPolicy
from curation.classify.model_card import Calibration
from curation.spdx import Licence

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
    licence: Licence
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
        if self.range is not None and not (self.range[0] < self.range[1] and all(map(isfinite, self.range))):
            raise ValueError(
                f"range: two rising numbers, both finite, those that stand for 0 and for 1; found {self.range}"
            )
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
        said = "; ".join(
            f"{'.'.join(map(str, e['loc']))}: {e['msg'].removeprefix('Value error, ')}" for e in error.errors()
        )
        raise ValueError(f"{path}: no card of an encoder: {said}") from None


def card_of(
    folder: ModelFolder,
    policy: dict[str, Any],
    labels: dict[str, float] | None,
    range: list[float] | None,
    licence: str | None,
) -> EncoderCard:
    """The card in the folder, or one made of what the recipe says. Raises ModelFolderError where that is not enough, or too much."""
    given = {k: v for k, v in {**policy, "labels": labels, "range": range, "licence": licence}.items() if v is not None}
    names = {"policy": "windows", "most": "most_windows"}
    card = read_encoder_card(folder.path)
    if card is not None:
        if given:
            said = ", ".join(f"'{names.get(k, k)}'" for k in given)
            raise ModelFolderError(f"{folder.path / CARD} says {said} of this model already: leave it out")
        if card.sha256 != folder.sha256:
            raise ModelFolderError(
                f"{folder.path}: holds other files than its card was written for (SHA-256 {folder.sha256}, card {card.sha256})"
            )
        return card
    outputs = folder.labels
    lacking = [name for name in ("policy", "max_tokens", "licence") if name not in given]
    if labels is None and range is None:
        lacking.append("range" if len(outputs) == 1 else "labels")
    if lacking:
        raise ModelFolderError(
            f"{folder.path} has no card ({CARD}): say {', '.join(repr(names.get(k, k)) for k in lacking)}; "
            f"its outputs: {', '.join(outputs)}"
        )
    if range is not None and len(range) != 2:
        raise ModelFolderError(f"range: two numbers, the outputs that stand for 0 and for 1; found {range}")
    try:
        return EncoderCard(
            name=folder.model.rstrip("/").rsplit("/", 1)[-1],
            version=folder.revision or folder.sha256[:12],
            licence=licence or "",
            sha256=folder.sha256,
            labels=labels or {},
            range=(range[0], range[1]) if range is not None else None,
            windows=WindowPolicy(**{k: v for k, v in policy.items() if v is not None}),
        )
    except ValidationError as error:
        said = "; ".join(e["msg"].removeprefix("Value error, ") for e in error.errors())
        raise ModelFolderError(f"{folder.path}: {said}") from None


def check_card(card: EncoderCard, folder: ModelFolder) -> None:
    """Raises ModelFolderError where the model has other outputs than are expected, or fewer positions than a window."""
    outputs = folder.labels
    if card.range is not None and len(outputs) != 1:
        raise ModelFolderError(
            f"{folder.path}: has {len(outputs)} labels ({', '.join(outputs)}), and 'range' is for a regression, which has one; "
            "say 'labels', what each is worth"
        )
    if card.labels and set(card.labels) != set(outputs):
        raise ModelFolderError(
            f"{folder.path}: has {len(outputs)} labels ({', '.join(outputs)}), and worth is stated for {len(card.labels)} "
            f"({', '.join(card.labels)})"
        )
    most = folder.most_tokens
    if most is not None and card.windows.max_tokens > most:
        raise ModelFolderError(
            f"{folder.path}: reads {most} tokens at most, and max_tokens is {card.windows.max_tokens}"
        )
