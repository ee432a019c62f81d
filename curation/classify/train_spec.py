"""What a recipe says of training a quality model, under its key `train`: which rows are good, what is held out, and every parameter.

train:
  name: quality_ja
  licence: Apache-2.0
  positive: [manual]                  sources whose rows are good
  negative: [spam]                    sources whose rows are not
  damage: [menu, shuffled_words]      and good rows made bad by program, where there are no bad ones
  answers: {files: [answers.jsonl], positive: ">= 3"}      or labels of people or of a judge model, by row id
  groups: host                        the model is tried on hosts that it never saw
  calibrate: 0.2
  test: 0.2
"""

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from curation.classify.answers import Answers
from curation.classify.damaged import KINDS
from curation.spdx import Licence


class EncoderTraining(BaseModel):
    """An encoder that gets a head and learns the labels, in place of a fastText model."""

    model_config = ConfigDict(extra="forbid", protected_namespaces=())
    model: str
    """Folder of the encoder that training begins with, or OWNER/NAME with `revision`; safetensors only."""
    revision: str | None = None
    licence: Licence
    """SPDX id of that encoder, for the card."""
    remote_code: list[str] = []
    """Files of Python in its folder that may run."""
    frozen: bool = False
    """Trains the head alone; the encoder stays as it is, dropout included."""
    objective: Literal["regression", "classes"] = "regression"
    """`regression` to what a label is worth, in [0, 1] (mean squared error), or a class a label (cross-entropy)."""
    windows: Literal["first", "first_last", "mean"] = "first"
    """What of a page is read when it is scored; pieces are cut into windows in the same way."""
    max_tokens: int = Field(default=512, ge=8)
    most_windows: int = Field(default=16, ge=1)
    epochs: float = Field(default=3, gt=0)
    rate: float = Field(default=2e-5, gt=0)
    """Highest learning rate; it rises over `warmup` of the steps and falls in a straight line. A head alone wants 1e-3 or so."""
    batch: int = Field(default=32, ge=1)
    """Windows a step, of which `at_once` are computed together."""
    at_once: int | None = Field(default=None, ge=1)
    warmup: float = Field(default=0.06, ge=0, lt=1)
    weight_decay: float = Field(default=0.01, ge=0)
    checkpoint_steps: int = Field(default=200, ge=1)
    """Training that was stopped goes on from the last of these."""
    needs: Literal["cpu", "gpu"] = "cpu"
    """Where it is trained and tried: on a GPU in bfloat16 with weights in float32."""

    @model_validator(mode="after")
    def _divides(self) -> "EncoderTraining":
        if self.at_once is not None and self.batch % self.at_once:
            raise ValueError(f"at_once: must divide 'batch' ({self.batch}); found {self.at_once}")
        return self


_FASTTEXT = ("tokens", "tokens_gain", "line_break", "word_ngrams", "dim", "buckets", "epochs", "rate", "min_count")


class TrainSpec(BaseModel):
    """A quality model to be trained from the rows that the recipe releases: fastText's, or with `encoder` an encoder."""

    model_config = ConfigDict(extra="forbid")
    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    licence: Licence
    about: str = ""
    positive: list[str] = []
    negative: list[str] = []
    damage: list[str] = []
    damage_copies: int = Field(default=1, ge=1, le=100)
    """Damaged versions of each good piece in training; good pieces are shown as often, so that classes weigh the same."""
    answers: Answers | None = None
    stage: str | None = None
    """Stage whose rows it learns from, e.g. the one that labels were drawn from, before later ones decided; else what is released."""
    encoder: EncoderTraining | None = None
    groups: str = "host"
    """`host`, `file`, or a regular expression with one group over the URL; the file stands in where a row has no URL."""
    calibrate: float | list[str] = 0.2
    """Groups that calibrate: a share of all examples, or names (* stands for anything)."""
    test: float | list[str] = 0.2
    """Groups that are never seen before the end, likewise."""
    tokens: list[Literal["characters", "sudachi"]] = Field(default=["characters"], min_length=1)
    """Ways to cut text; of several the first is taken, unless another does better on the calibrating part by `tokens_gain`."""
    tokens_gain: float | None = Field(default=None, ge=0)
    """AUC by which a later way to cut must be better than the first: words cost far more to score than characters."""
    line_break: str = "␤"
    piece_chars: int = Field(default=1000, ge=50)
    """Characters of a piece: texts are cut at line breaks, so that a model learns style and not length."""
    least_chars: int = Field(default=100, ge=1)
    """Shorter pieces are left out."""
    page_pieces: int = Field(default=20, ge=1)
    """Pieces that a page gives at most, evenly over it: one long page would drown the others' labels."""
    word_ngrams: int = Field(default=3, ge=1, le=5)
    dim: int = Field(default=8, ge=1)
    buckets: int = Field(default=100_000, ge=1)
    epochs: int = Field(default=25, ge=1)
    rate: float = Field(default=0.5, gt=0)
    min_count: int = Field(default=2, ge=1)
    calibration: Literal["isotonic", "platt", "none"] = "platt"
    seed: int = 0

    @field_validator("damage")
    @classmethod
    def _kinds(cls, names: list[str]) -> list[str]:
        if unknown := [n for n in names if n not in KINDS]:
            raise ValueError(f"no damage is called {', '.join(unknown)}; there are: {', '.join(KINDS)}")
        return names

    @field_validator("groups")
    @classmethod
    def _pattern(cls, value: str) -> str:
        try:
            groups = re.compile(value).groups
        except re.error as error:
            raise ValueError(f"{value!r} is neither 'host', 'file' nor a regular expression: {error}") from None
        if value not in ("host", "file") and groups != 1:
            raise ValueError(f"{value!r} must be 'host', 'file' or a regular expression with one group")
        return value

    @field_validator("line_break")
    @classmethod
    def _one(cls, value: str) -> str:
        if len(value) > 1 or value.isspace():
            raise ValueError(f"must be one character that is no white space, or empty; found {value!r}")
        return value

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("tokens"), str):
            given = {**given, "tokens": [given["tokens"]]}
        return given

    @model_validator(mode="after")
    def _labelled(self) -> "TrainSpec":
        if self.encoder is not None and (given := [k for k in _FASTTEXT if k in self.model_fields_set]):
            raise ValueError(
                f"{', '.join(given)}: of a fastText model, and 'encoder' is trained; its own keys stand in 'encoder'"
            )
        if self.answers is not None and (self.positive or self.negative or self.damage):
            raise ValueError("has labels from 'answers', or from 'positive', 'negative' and 'damage', not from both")
        if self.answers is None and not (self.positive and (self.negative or self.damage)):
            raise ValueError("needs 'positive' sources and either 'negative' ones or 'damage', or 'answers'")
        if self.answers is not None and self.answers.positive is None:
            raise ValueError("answers: the key 'positive' is missing: which labels are good, e.g. '>= 3'")
        if len(self.tokens) > 1 and self.tokens_gain is None:
            raise ValueError(
                "tokens: of several ways one is chosen by 'tokens_gain', which is missing (an AUC, e.g. 0.02)"
            )
        if both := set(self.positive) & set(self.negative):
            raise ValueError(f"{', '.join(sorted(both))} is both positive and negative")
        for name in ("calibrate", "test"):
            share = getattr(self, name)
            if isinstance(share, float) and not 0 < share < 0.5:
                raise ValueError(f"{name}: a share must lie between 0 and 0.5; found {share}")
        return self
