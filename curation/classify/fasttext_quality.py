"""How good a text is, by a fastText classifier: a probability in [0, 1] beside the heuristics, at the speed of reading.

The idea is DCLM's: heuristics drop the worst, a linear model over n-grams finds the good. Japanese has no spaces, so a text is cut
into characters (or SudachiPy's words). A model over characters is collapsed to one number a feature and looked up in place
(`linear_kernel`); any other is asked through the library. Models come with a card (`model_card`) that says how text is cut, what
labels are worth and how scores were calibrated; one without a card is taken with `tokens`, `labels` and `licence` of the recipe.

`quality_ja` comes along: 0.8 MB, trained on the Japanese manual of the Apache web server. Its card says what it knows: read it before
you believe a score.
"""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from curation.classify.fasttext_file import FastTextFile, read_file
from curation.classify.linear_model import why_not
from curation.classify.model_card import ModelCard, card_of, card_path, sha256_of
from curation.local_file import local_file
from curation.spdx import known_licence
from curation.step import Batch, Columns, Measure

PACKAGED = {"quality_ja": Path(__file__).with_name("quality_ja.bin")}
"""Models that come along, by name."""
COLUMNS = ("quality", "quality_2", "quality_3")
"""Columns that a classifier may write: a recipe may ask several and decide over all of their scores."""


class FasttextQuality(Measure):
    """Writes the score of one classifier, one float32 in [0, 1] a row, rounded to 1e-3; null for a text without a character.

    model: a .bin or .ftz of fastText, or the name of a packaged model.
    column: `quality`, or `quality_2` and `quality_3` for further classifiers.
    tokens: `characters`, `sudachi` or `words`; labels: what each label is worth, in [0, 1]; licence: SPDX id of the model, for the
    manifest. All three are the card's where there is one, and given only where not.

    Language is not looked at: a text in another script gets some score, so put `language` and its threshold in front. A score that is
    not a number (a broken model) rejects the row as `nan_value`.
    """

    reads, writes = ("text",), COLUMNS
    reasons = ("nan_value",)

    def __init__(
        self,
        model: str = "quality_ja",
        column: Literal["quality", "quality_2", "quality_3"] = "quality",
        tokens: Literal["characters", "sudachi", "words"] | None = None,
        labels: dict[str, float] | None = None,
        licence: str | None = None,
    ):
        super().__init__()
        self.model = model
        self.writes = (column,)
        self._path = PACKAGED.get(model) or local_file(model, "model")
        file = read_file(self._path)
        file.check_whole()
        self.card = _card(self._path, file, tokens, labels, licence)
        self.collapsed = self.card.tokens == "characters" and why_not(file) is None
        if not self.collapsed and importlib.util.find_spec("fasttext") is None:
            reason = why_not(file) or f"its text is cut into {self.card.tokens}"
            raise ValueError(
                f"{self._path} needs the library ({reason}), which is not installed: `uv run --extra fasttext seimai …`, "
                "or pip install 'seimai[fasttext]'"
            )
        self.libraries = () if self.collapsed else ("fasttext-community",)
        if self.card.tokens == "sudachi":
            self.libraries += ("sudachipy", "sudachidict_core")
        self._scorer: Any = None

    def artefacts(self) -> Mapping[str, bytes]:
        """The model by its hash (it may be large), and its card."""
        return {self.model: self.card.sha256.encode(), "card": self.card.model_dump_json().encode()}

    def manifest_notes(self) -> Mapping[str, Any]:
        """`quality_model` (or `quality_2_model` …): name, version, licence and SHA-256 of the model that scored."""
        said = self.card.model_dump(include={"name", "version", "licence", "sha256"})
        return {f"{self.writes[0]}_model": said}

    def setup(self) -> None:
        """Loads the model, collapsed or into the library. Raises ValueError where the file is no longer the one that was planned."""
        from curation.classify.scorers import Collapsed, Library

        if sha256_of(self._path) != self.card.sha256:
            raise ValueError(f"{self._path}: has changed since the plan was made")
        made = Collapsed if self.collapsed else Library
        self._scorer = made(self._path, self.card.tokens, self.card.line_break)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_scorer": None}

    def columns(self, batch: Batch) -> Columns:
        text = batch.column("text")
        probabilities, characters = self._scorer.probabilities(text)
        score = np.round(self.card.score(probabilities, self._scorer.labels), 3)
        empty = np.asarray(text.is_null()) | (characters == 0)
        made: dict[str, pa.Array] = {self.writes[0]: pa.array(score, pa.float32(), mask=empty)}
        broken = ~np.isfinite(score) & ~empty
        if broken.any():
            made["reason"] = pa.array(np.where(broken, "nan_value", ""), pa.string(), mask=~broken)
            made["detail"] = pa.array(np.where(broken, self.writes[0], ""), pa.string(), mask=~broken)
        return made


def _card(
    path: Path, file: FastTextFile, tokens: Any, labels: dict[str, float] | None, licence: str | None
) -> ModelCard:
    """The card beside the model held against its file, or one made of what the recipe says."""
    names, digest = file.label_names, sha256_of(path)
    said = {"tokens": tokens, "labels": labels, "licence": licence}
    card = card_of(path, digest)
    if card is not None:
        if given := [f"'{key}'" for key, value in said.items() if value is not None]:
            raise ValueError(f"{card_path(path)} says {', '.join(given)} of this model already: leave it out")
        _check_labels(path, names, card.labels)
        return card
    if tokens is None or labels is None or licence is None:
        lacking = [f"'{key}'" for key, value in said.items() if value is None]
        raise ValueError(
            f"{path} has no card ({path.name}.card.json or {path.stem}.card.json): say {', '.join(lacking)}: 'tokens' is characters, "
            f"sudachi or words, 'labels' what each is worth, 'licence' an SPDX id; its labels: {_some(names)}"
        )
    _check_labels(path, names, labels)
    return ModelCard(
        name=path.stem,
        version=digest[:12],
        licence=known_licence(licence),
        sha256=digest,
        tokens=tokens,
        labels=labels,
        positive=[name for name, worth in labels.items() if worth >= 0.5],
    )


def _check_labels(path: Path, names: list[str], worth: Mapping[str, float]) -> None:
    """Raises ValueError where worth is stated for other labels than the model has, or lies outside [0, 1]."""
    if len(names) < 2:
        raise ValueError(
            f"{path}: has the label {', '.join(names) or 'of nothing'} alone and tells nothing from nothing"
        )
    if set(worth) != set(names):
        raise ValueError(
            f"{path}: has {len(names)} labels ({_some(names)}), and worth is stated for {len(worth)} ({_some(list(worth))})"
        )
    if not all(0 <= value <= 1 for value in worth.values()):
        raise ValueError(f"{path}: what a label is worth must lie in [0, 1]; found {dict(worth)}")


def _some(names: list[str]) -> str:
    return ", ".join(names[:10]) + (" …" if len(names) > 10 else "")
