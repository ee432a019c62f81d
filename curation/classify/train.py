"""Training a quality model: fitted on one part of the groups, calibrated on another, tried once on a third, written with its card.

The file is fastText's own (`NAME.bin`); what fastText does not know of it is in `NAME.card.json`. One thread and a fixed seed: the
same examples give the same file on the same machine. (Other processors may round sums of vectors otherwise.)
"""

import random
import tempfile
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curation.classify.answers import grade, holds
from curation.classify.evaluation import auc, auc_interval, best_heuristic, confusion, evened, reliability
from curation.classify.examples import FOLDS, Examples, split
from curation.classify.fasttext_file import read_file
from curation.classify.labelled_share import Share, by_threshold
from curation.classify.linear_model import why_not
from curation.classify.model_card import Calibration, ModelCard, Tokens, card_path, logit, sha256_of
from curation.classify.scorers import Collapsed, Library, words_line
from curation.classify.train_spec import TrainSpec

_CERTAIN = 0.002
"""Isotonic ends stop so far from 0 and 1: a few hundred examples prove no certainty."""


def train(
    examples: Examples,
    spec: TrainSpec,
    version: str,
    rights: Mapping[str, Mapping[str, Any]],
    folder: Path,
    content: str = "",
) -> ModelCard:
    """Trains the model into `folder` (NAME.bin, NAME.card.json) and returns its card.

    rights: `licence` and `rights_basis` of each source; content: content hash of the labelled pages; both for the card.
    Raises ValueError where a part of the split lacks a class.
    """
    worth, positive_labels, positive, folds = prepared(examples, spec)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{spec.name}.bin"
    scored = {part: examples.take(folds[part]) for part in ("calibrate", "test")}
    calibrating, weights = positive[folds["calibrate"]], scored["calibrate"].weights(positive[folds["calibrate"]])
    learnt = examples.take(folds["train"])
    tried: dict[Tokens, float] = {}
    with tempfile.TemporaryDirectory(dir=folder) as work:
        for cut in spec.tokens:
            file = Path(work) / f"{cut}.bin"
            _fit(learnt, cut, spec, file)
            raw = _raw(file, cut, spec.line_break, scored["calibrate"].text, worth)
            tried[cut] = round(auc(calibrating, raw, weights), 4)
        best = max(tried, key=lambda name: tried[name])
        cut = best if tried[best] > tried[spec.tokens[0]] + (spec.tokens_gain or 0.0) else spec.tokens[0]
        (Path(work) / f"{cut}.bin").replace(path)
    raw = {part: _raw(path, cut, spec.line_break, part_of.text, worth) for part, part_of in scored.items()}
    calibration = calibrated(raw["calibrate"], calibrating, spec.calibration, weights)
    card = ModelCard(
        name=spec.name,
        version=version,
        about=spec.about.strip(),
        licence=spec.licence,
        sha256=sha256_of(path),
        tokens=cut,
        line_break=spec.line_break,
        labels=worth,
        positive=sorted(positive_labels),
        calibration=calibration,
        content=content,
        data=data_of(examples, folds, positive, rights),
        training=spec.model_dump(exclude={"name", "about", "licence", "encoder"}, mode="json")
        | {"auc_by_tokens": tried, "libraries": {name: version_of(name) for name in _libraries(spec)}},
    )
    test = positive[folds["test"]]
    card.metrics = measured(scored["test"], test, calibration.apply(raw["test"]))
    card.metrics["before_calibration"] = reliability(test, raw["test"], scored["test"].weights(test))
    card_path(path).write_text(card.model_dump_json(indent=1), encoding="utf-8")
    return card


def _libraries(spec: TrainSpec) -> list[str]:
    """Packages that decide about the model, beside this one."""
    words = ["sudachipy", "sudachidict_core"] if spec.damage or "sudachi" in spec.tokens else []
    return ["fasttext-community", *words]


def prepared(
    examples: Examples, spec: TrainSpec
) -> tuple[dict[str, float], set[str], np.ndarray, dict[str, np.ndarray]]:
    """What labels are worth, which are good, whether each example is, and the rows of each fold.

    Training learns from pieces. The other folds have whole pages, where there are such, as a crawl is scored; else pieces and the
    first damaged version of each. Raises ValueError where a fold lacks a class.
    """
    worth, positive_labels = labels_of(examples, spec)
    positive = np.array([label in positive_labels for label in examples.label])
    folds = split(examples, spec, positive.tolist())
    whole = np.array(examples.kind) == "page"
    tried = whole if whole.any() else np.array(examples.copy) == 0
    return (
        worth,
        positive_labels,
        positive,
        {part: rows[(~whole if part == "train" else tried)[rows]] for part, rows in folds.items()},
    )


def measured(examples: Examples, positive: np.ndarray, scores: np.ndarray) -> dict[str, Any]:
    """What a model does on examples that it has not seen: AUC, by source, by kind of damage, by threshold, beside the heuristics.

    Each page weighs the same, however many pieces of it there are; intervals are over groups. Counts are of examples.
    """
    weights = examples.weights(positive)
    low, high = auc_interval(positive, scores, examples.group, weights)
    name, best = best_heuristic(positive, examples.text, weights)
    hosts = dict(zip(examples.page, examples.host, strict=True))
    made: dict[str, Any] = {
        "unit": "pages" if "page" in examples.kind else "pieces",
        "examples": len(examples),
        "pages": len(hosts),
        "groups": dict(Counter(dict(zip(examples.page, examples.group, strict=True)).values())),
        "hosts": dict(Counter(hosts.values())),
        "auc": round(auc(positive, scores, weights), 4),
        "auc_low": _rounded(low),
        "auc_high": _rounded(high),
        "best_heuristic": name,
        "auc_best_heuristic": round(best, 4),
        **reliability(positive, scores, weights),
        "by_source": {},
        "by_kind": {},
    }
    source, kind = np.array(examples.source), np.array(examples.kind)
    for name in sorted(set(examples.source)):
        here = source == name
        found: dict[str, Any] = {"auc": _rounded(auc(positive[here], scores[here], weights[here]))}
        if found["auc"] is not None:
            found |= reliability(positive[here], scores[here], weights[here])
        made["by_source"][name] = found | confusion(positive[here], scores[here])
    for name in sorted(set(examples.kind) - {"text", "page"}):
        bad = (kind == name) & ~positive
        here = positive | bad
        made["by_kind"][name] = {
            "auc": round(auc(positive[here], scores[here], weights[here]), 4),
            "kept": round(float((weights * (scores >= 0.5))[bad].sum() / weights[bad].sum()), 4),
            "examples": int(bad.sum()),
        }
    group = np.unique(np.array(examples.group), return_inverse=True)[1]
    made["by_threshold"] = [
        {
            "threshold": round(at.threshold, 3),
            "kept": round(at.kept, 4),
            "precision": _interval(at.precision),
            "recall": _interval(at.recall),
        }
        for at in by_threshold(scores, positive, weights, group, np.linspace(0, 1, 21)[1:-1])
    ]
    return made


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(value, 4)


def _interval(share: Share) -> list[float] | None:
    return [round(v, 4) for v in (share.value, share.low, share.high)] if share.pages else None


def labels_of(examples: Examples, spec: TrainSpec) -> tuple[dict[str, float], set[str]]:
    """What each label is worth, and which are good. Raises ValueError where labels are all good, or none is."""
    names = sorted(set(examples.label))
    if spec.answers is None or spec.answers.positive is None:
        good = {"good"} & set(names)
    else:
        good = {name for name in names if holds(spec.answers.positive, name)}
    if not good or good == set(names):
        raise ValueError(f"labels must be of two sorts, good and other; found {', '.join(names) or 'no labelled text'}")
    grades = [grade(name) for name in names]
    if spec.answers is not None and all(g is not None for g in grades):
        low, high = min(g for g in grades if g is not None), max(g for g in grades if g is not None)
        return {n: (g - low) / (high - low) for n, g in zip(names, grades, strict=True) if g is not None}, good
    return {name: float(name in good) for name in names}, good


def _fit(examples: Examples, cut: str, spec: TrainSpec, path: Path) -> None:
    """Trains fastText on the examples and writes its file; good pieces are repeated as often as there are damaged versions."""
    import fasttext

    order = shown(examples, spec)
    lines = path.with_suffix(".txt")
    with lines.open("w", encoding="utf-8") as file:
        for i in order:
            file.write(f"__label__{examples.label[i]} {words_line(examples.text[i], cut, spec.line_break)}\n")
    model: Any = fasttext.train_supervised(
        str(lines),
        dim=spec.dim,
        lr=spec.rate,
        epoch=spec.epochs,
        minCount=spec.min_count,
        wordNgrams=spec.word_ngrams,
        bucket=spec.buckets,
        loss="softmax",
        thread=1,
        seed=spec.seed,
        verbose=0,
    )
    model.save_model(str(path))
    lines.unlink()


def shown(examples: Examples, spec: TrainSpec) -> list[int]:
    """Rows in the order in which training sees them, shuffled; good pieces as often as they have damaged versions."""

    def times(row: int) -> int:
        whole = examples.kind[row] == "text" and examples.label[row] == "good"
        return spec.damage_copies if spec.damage and whole else 1

    order = [row for row in range(len(examples)) for _ in range(times(row))]
    random.Random(spec.seed).shuffle(order)
    return order


def _raw(path: Path, cut: str, line_break: str, texts: list[str], worth: dict[str, float]) -> np.ndarray:
    """Scores before calibration, through what will score pages too."""
    made = Collapsed if cut == "characters" and why_not(read_file(path)) is None else Library
    scorer = made(path, cut, line_break)
    probabilities, _ = scorer.probabilities(pa.array(texts, pa.large_string()))
    return probabilities @ np.array([worth[label] for label in scorer.labels])


def calibrated(scores: np.ndarray, positive: np.ndarray, method: str, weights: np.ndarray | None = None) -> Calibration:
    """Fitted so that good and other examples weigh the same in sum: a probability for even odds, whatever the examples' shares."""
    from scipy.optimize import isotonic_regression, minimize

    weights = evened(positive, weights)
    if method == "isotonic":
        order = np.argsort(scores, kind="stable")
        x, y, w = scores[order], positive[order].astype(float), weights[order]
        fitted = isotonic_regression(y, weights=w)
        starts = fitted.blocks[:-1]
        centre = np.add.reduceat(x * w, starts) / np.add.reduceat(w, starts)
        level = np.clip(fitted.x[starts], _CERTAIN, 1 - _CERTAIN)
        centre, at = np.unique(centre, return_index=True)
        return Calibration(
            method="isotonic", scores=np.round(centre, 6).tolist(), probabilities=np.round(level[at], 6).tolist()
        )
    if method == "platt":
        z = logit(scores)

        def loss(parameters: np.ndarray) -> float:
            signed = np.where(positive, 1, -1) * (parameters[0] * z + parameters[1])
            return float((weights * np.logaddexp(0, -signed)).sum())

        slope, intercept = minimize(loss, np.array([1.0, 0.0]), method="BFGS").x
        return Calibration(method="platt", slope=float(slope), intercept=float(intercept))
    return Calibration()


def data_of(
    examples: Examples, folds: dict[str, np.ndarray], positive: np.ndarray, rights: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """For each part and source: pages, pieces, and under which rights they were read."""
    made = []
    for part in FOLDS:
        rows = folds[part]
        for source in sorted({examples.source[r] for r in rows}):
            mine = [r for r in rows if examples.source[r] == source]
            made.append(
                {
                    "part": part,
                    "source": source,
                    **rights.get(source, {}),
                    "hosts": sorted({examples.host[r] for r in mine})[:50],
                    "groups": sorted({examples.group[r] for r in mine})[:50],
                    "pages": len({examples.page[r] for r in mine}),
                    "good": int(positive[mine].sum()),
                    "other": int((~positive[mine]).sum()),
                }
            )
    return made
