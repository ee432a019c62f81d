"""Pictures of scores: their distribution, and what a threshold keeps, with precision and recall where labels are there."""

from collections.abc import Callable
from typing import Any

import numpy as np

from curation.classify.labelled_share import Share
from recipes.engine.report.scores import COMPARED, Choice, Score, Scores
from recipes.engine.report.svg import Drawing, polyline, ticks
from recipes.engine.wording import Words

WIDTH, HEIGHT = 480.0, 236.0
LEFT, RIGHT, TOP, BOTTOM = 44.0, 470.0, 16.0, 190.0


def _place(score: Score) -> Callable[[float, float], tuple[float, float]]:
    low, high = float(score.edges[0]), float(score.edges[-1])

    def at(x: float, y: float) -> tuple[float, float]:
        return LEFT + (RIGHT - LEFT) * (x - low) / (high - low), BOTTOM - (BOTTOM - TOP) * y

    return at


def _frame(drawing: Drawing, score: Score, marks: list[float], top: float, said: Words) -> None:
    """Grid, both axes and the bounds of the recipe; `marks` are shares, `top` the one at the picture's upper edge."""
    at = _place(score)
    for mark in marks:
        y = at(0, mark / top)[1]
        drawing.line(LEFT, y, RIGHT, y, "grid")
        drawing.text(LEFT - 6, y + 4, f"{100 * mark:.3g} %", "tick", "end")
    for mark in ticks(float(score.edges[0]), float(score.edges[-1]), 5):
        x = at(mark, 0)[0]
        drawing.line(x, BOTTOM, x, BOTTOM + 4, "axis")
        drawing.text(x, BOTTOM + 18, f"{mark:g}", "tick", "middle")
    drawing.line(LEFT, BOTTOM, RIGHT, BOTTOM, "axis")
    drawing.text((LEFT + RIGHT) / 2, BOTTOM + 38, said, "tick", "middle")


def _bounds(drawing: Drawing, score: Score, y: float) -> None:
    for bound in score.bounds:
        x = _place(score)(bound, 0)[0]
        drawing.line(x, TOP - 8, x, BOTTOM, "bound")
        right = x > (LEFT + RIGHT) * 0.8
        drawing.text(x - 4 if right else x + 4, y, f"≥ {bound:g}", "tick strong", "end" if right else "start")


def draw_scores(score: Score) -> Drawing:
    """Rows by score: those that were kept at the bottom, rejected ones on top of them, as shares of all that have the score."""
    drawing = Drawing(WIDTH, HEIGHT, Words(f"{score.words.ja}の分布", f"Distribution of {score.words.en}"), "scores")
    total = score.kept + score.lost
    share = total / (total.sum() or 1.0)
    top = _ceiling(share)
    _frame(drawing, score, ticks(0, top, 4), top, score.words)
    wide = (RIGHT - LEFT) / len(share)
    said = -40.0
    for i, whole in enumerate(share.tolist()):
        x = LEFT + i * wide
        kept = whole * float(score.kept[i] / total[i]) if total[i] else 0.0
        drawn = min(whole, top)
        part = drawn * (kept / whole if whole else 0.0)
        low, high = ((BOTTOM - TOP) * v / top for v in (part, drawn))
        about = f"{score.edges[i]:.3g}–{score.edges[i + 1]:.3g}: {100 * whole:.1f} %"
        drawing.bar(x + 0.5, BOTTOM - low, wide - 1, low, "kept", about)
        drawing.bar(x + 0.5, BOTTOM - high, wide - 1, high - low, "lost", about)
        if whole > top * 1.001:
            y = BOTTOM - 0.86 * (BOTTOM - TOP)
            drawing.add("path", d=f"M{x - 1:.1f},{y + 3:.1f}l{wide + 2:.1f},-5", class_="gap")
            if x - said >= 34:
                right = x > (LEFT + RIGHT) * 0.7
                drawing.text(
                    x + wide if right else x, TOP - 4, f"{100 * whole:.0f} %", "tick", "end" if right else "start"
                )
                said = x
    _bounds(drawing, score, TOP + 2)
    return drawing


def _ceiling(share: np.ndarray) -> float:
    """Highest share that is drawn in full: a lone spike must not flatten everything else."""
    ordered = np.sort(share)[::-1]
    rest = float(ordered[min(2, len(ordered) - 1)]) * 1.5
    return max(float(ordered[0]) if rest * 1.6 > ordered[0] or not rest else rest, 1e-6)


def draw_thresholds(score: Score) -> Drawing:
    """Share of rows kept against the threshold; with labels, precision and recall with their intervals as bands."""
    drawing = Drawing(WIDTH, HEIGHT, Words("閾値と残す割合", "What a threshold keeps"), "thresholds")
    at = _place(score)
    _frame(
        drawing,
        score,
        [0.0, 0.2, 0.4, 0.6, 0.8, 1.0],
        1.0,
        Words(f"閾値（{score.words.ja}）", f"threshold ({score.words.en})"),
    )
    if score.labelled is not None:
        curve = [
            p for p in score.labelled.curve if p.recall.value > 0
        ]  # beyond the last good page there is nothing to see
        for kind in ("recall", "precision"):
            there = [(p.threshold, getattr(p, kind)) for p in curve if getattr(p, kind).pages > 0]
            band = [at(x, s.low) for x, s in there] + [at(x, s.high) for x, s in reversed(there)]
            drawing.add("path", d=polyline(band) + "Z", class_=f"band {kind}")
        for kind in ("recall", "precision"):
            there = [(p.threshold, getattr(p, kind)) for p in curve if getattr(p, kind).pages > 0]
            drawing.add("path", d=polyline([at(x, s.value) for x, s in there]), class_=f"line {kind}")
    points = [at(x, y) for x, y in zip(score.thresholds.tolist(), score.shares.tolist(), strict=True)]
    drawing.add("path", d=polyline(points), class_="curve")
    _bounds(drawing, score, BOTTOM - 6)
    return drawing


def score_section(found: Scores) -> dict[str, Any]:
    """What the page shows of scores: for each its two pictures and its thresholds as rows of words; agreement; groups."""
    return {
        "title": found.title,
        "labelled": any(s.labelled is not None for s in found.scores),
        "panels": [
            {
                "words": s.words,
                "column": s.column,
                "finding": s.finding,
                "rows": s.rows,
                "missing": s.missing,
                "distribution": draw_scores(s),
                "thresholds": draw_thresholds(s),
                "choices": [_row(s, c) for c in s.choices],
                "labelled": s.labelled,
                "auc": _auc(s),
            }
            for s in found.scores
        ],
        "compared": [f"{100 * share:.0f} %" for share in COMPARED],
        "pairs": found.pairs,
        "groups": found.groups,
    }


def _row(score: Score, choice: Choice) -> dict[str, Any]:
    made = score.labelled.at(choice.threshold) if score.labelled is not None else None
    return {
        "threshold": f"{choice.threshold:g}",
        "decides": choice.decides,
        "kept": choice.kept,
        "chars": choice.chars,
        "precision": _interval(made.precision) if made else "",
        "recall": _interval(made.recall) if made else "",
    }


def _interval(share: Share) -> str:
    if not share.pages:
        return "–"
    return f"{share.value:.2f} ({share.low:.2f}–\u2060{share.high:.2f})"  # the interval stays on one line


def _auc(score: Score) -> str:
    one = score.labelled
    if one is None:
        return ""
    if np.isnan(one.auc_low):
        return f"AUC {one.auc:.3f}"
    return f"AUC {one.auc:.3f} ({one.auc_low:.3f}–\u2060{one.auc_high:.3f})"
