"""What each thresholded column looks like: released pages above the axis, rejected pages below it, the bounds drawn through both.

Both halves are shares of their own group on one scale, so that shapes compare even where one page in a hundred stays. A rejected
page is coloured by whether it breaks this very rule; the others were rejected for something else.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from curation.document import COLUMNS
from curation.filters.preset import Preset, Test
from curation.filters.threshold import rules_broken
from recipes.engine.report.fates import Fates
from recipes.engine.report.svg import Drawing, compact, decades, ticks
from recipes.engine.run_rules import RunRule
from recipes.engine.wording import Words, column_words, keep_sign

BINS = 44
NEAR = 34
"""Least distance of two labels."""
WIDTH, HEIGHT, HALF, TOP = 320.0, 186.0, 64.0, 18.0


@dataclass(frozen=True)
class Distribution:
    """One column under one rule: bin edges on the drawn axis, and rows in each bin by fate."""

    rule: RunRule
    test: Test
    log: bool
    low: float
    high: float
    clipped: bool
    """Whether the last bin holds everything above `high`."""
    kept: np.ndarray
    broken: np.ndarray
    other: np.ndarray
    removed: int
    """Rows rejected with this rule's reason."""


def _drawn(value: Any, log: bool) -> Any:
    """A value, or an array of them, where the axis has it."""
    return np.log10(1 + value) if log else value


def measured_columns(rules: list[RunRule]) -> list[str]:
    """Numeric columns that the rules look at."""
    found = [test.column for rule in rules for test in rule.rule.tests]
    return [c for c in dict.fromkeys(found) if not pa.types.is_string(COLUMNS[c].type)]


def distributions(rows: Fates, rules: list[RunRule], removed: dict[str, int]) -> list[Distribution]:
    """One distribution for each rule's numeric column; columns that no row has are left out."""
    found = []
    for rule in rules:
        for test in rule.rule.tests:
            if test.column in rows.table.column_names and all(isinstance(b, float) for b in test.keep.bounds):
                made = _distribution(rows, rule, test, removed.get(rule.reason, 0))
                if made is not None:
                    found.append(made)
    return found


def _distribution(rows: Fates, rule: RunRule, test: Test, removed: int) -> Distribution | None:
    column = rows.table.column(test.column).combine_chunks()
    values = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    there = np.isfinite(values)
    if not there.any():
        return None
    alone = Preset(name="p", rules=(rule.rule.model_copy(update={"name": "r", "tests": (test,)}),))
    breaks = rules_broken(alone, rows.table).column("r").to_numpy()[there]
    values, weight, released = values[there], rows.weight[there], rows.released[there]
    bounds = [float(b) for b in test.keep.bounds]
    ordinary = float(np.quantile(values, 0.995))
    log = ordinary > 300
    high = max(ordinary, 1.25 * max(bounds))
    whole = float(values.max())
    high = max(min(high, whole), 1.02 * max(bounds)) or 1.0
    low = min(0.0, float(values.min()))
    if log:
        low = min(float(np.quantile(values, 0.001)), 0.5 * min(bounds))
        low = low if low >= 10 else 0.0
    edges = np.linspace(_drawn(low, log), _drawn(high, log), BINS + 1)
    scale = np.clip(_drawn(np.maximum(values, 0) if log else values, log), edges[0], edges[-1])
    kept, broken, other = (
        np.histogram(scale[m], edges, weights=weight[m])[0] for m in (released, ~released & breaks, ~released & ~breaks)
    )
    return Distribution(rule, test, log, low, high, whole > high, kept, broken, other, removed)


def draw_distribution(data: Distribution) -> Drawing:
    """The two halves, their bounds and their axis, 320 × 186 units."""
    label = column_words(data.test.column)
    drawing = Drawing(WIDTH, HEIGHT, Words(f"{label.ja}の分布", f"Distribution of {label.en}"), "distribution")
    axis, step = TOP + HALF, WIDTH / BINS
    kept, lost = _shares(data.kept, data.kept), _shares(data.broken + data.other, data.broken + data.other)
    most = _ceiling(np.concatenate([kept, lost]))
    for x, wide in _rejecting(data):
        drawing.bar(x, TOP - 6, wide, 2 * HALF + 12, "zone")
    total = float((data.broken + data.other).sum()) or 1.0
    for i in range(BINS):
        x = i * step + 0.4
        _half_bar(drawing, x, step - 0.8, axis, [(kept[i], "kept")], most, up=True)
        halves = [(data.other[i] / total, "other"), (data.broken[i] / total, "lost")]
        _half_bar(drawing, x, step - 0.8, axis, halves, most, up=False)
    drawing.line(0, axis, WIDTH, axis, "axis")
    for shares, y in ((kept, TOP - 8), (lost, TOP + 2 * HALF + 11)):
        said = -NEAR
        for i in np.flatnonzero(shares > most * 1.001).tolist():
            _cut(drawing, i * step, step, axis, up=y < axis)
            if i * step - said >= NEAR:
                right = i * step > WIDTH * 0.7
                at = (i + 1) * step if right else i * step
                drawing.text(at, y, f"{100 * shares[i]:.0f} %", "tick", "end" if right else "start")
                said = i * step
    for bound in data.test.keep.bounds:
        x = _x(data, float(bound))
        drawing.line(x, TOP - 6, x, TOP + 2 * HALF + 6, "bound")
    _axis(drawing, data)
    return drawing


def _shares(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return part / (whole.sum() or 1.0)


def _ceiling(shares: np.ndarray) -> float:
    """Highest share that is drawn in full: a lone spike at zero must not flatten everything else."""
    ordered = np.sort(shares)[::-1]
    if not ordered[0]:
        return 1.0
    rest = ordered[min(2, len(ordered) - 1)] * 1.4
    return float(ordered[0]) if rest * 2 > ordered[0] or not rest else float(max(rest, ordered[0] / 12))


def _half_bar(
    drawing: Drawing, x: float, wide: float, axis: float, parts: list[tuple[float, str]], most: float, up: bool
) -> None:
    at = 0.0
    for share, kind in parts:
        tall = min(share / most, 1 - at) * HALF
        y = axis - at * HALF - tall if up else axis + at * HALF
        drawing.bar(x, y, wide, tall, kind)
        at += tall / HALF


def _cut(drawing: Drawing, x: float, wide: float, axis: float, up: bool) -> None:
    """A gap in a bar that is higher than the picture."""
    gap = axis - 0.8 * HALF if up else axis + 0.8 * HALF
    drawing.add("path", d=f"M{x:.1f},{gap + 3:.1f}l{wide:.1f},-4", class_="gap")


def _rejecting(data: Distribution) -> list[tuple[float, float]]:
    """Stretches of the axis that the rule does not keep: (x, width)."""
    operator, xs = data.test.keep.operator, [_x(data, float(b)) for b in data.test.keep.bounds]
    if operator in ("<", "<="):
        return [(xs[0], WIDTH - xs[0])]
    if operator in (">", ">="):
        return [(0, xs[0])]
    return [(0, xs[0]), (xs[1], WIDTH - xs[1])] if operator == "between" else []


def _x(data: Distribution, value: float) -> float:
    low, high = _drawn(data.low, data.log), _drawn(data.high, data.log)
    return float(np.clip((_drawn(max(value, 0) if data.log else value, data.log) - low) / (high - low), 0, 1) * WIDTH)


def _axis(drawing: Drawing, data: Distribution) -> None:
    if data.log:
        marks = decades(max(10, data.low), data.high)
        marks = marks if data.low else [0.0, *marks]
        marks = marks if len(marks) > 1 else ticks(data.low, data.high, 4)
    else:
        marks = ticks(data.low, data.high, 5)
    y, room = HEIGHT - 4, WIDTH - (64 if data.clipped else 0)
    for mark in marks:
        x = _x(data, mark)
        if x <= room:
            drawing.line(x, HEIGHT - 20, x, HEIGHT - 16, "axis")
            drawing.text(x, y, compact(mark), "tick", "start" if x < 12 else "end" if x > WIDTH - 14 else "middle")
    if data.clipped:
        drawing.text(WIDTH, y, f"≥ {compact(data.high)}", "tick", "end")


def distribution_title(data: Distribution) -> Words:
    """The rule as what it keeps."""
    label, sign = column_words(data.test.column), keep_sign(data.test.keep)
    if len(data.rule.rule.tests) > 1:
        return Words(f"{label.ja} {sign}（ほかの条件でも残る）", f"{label.en} {sign} (or another condition)")
    return Words(f"{label.ja} {sign}", f"{label.en} {sign}")


def distribution_finding(data: Distribution, total: float) -> Words:
    """What the rule removed, of all rows that came in."""
    if not data.removed:
        return Words("この規則で除いたページはない", "removed no page")
    share = 100 * data.removed / total if total else 0.0
    return Words(f"{data.removed:,} ページを除外（{share:.1f} %）", f"removed {data.removed:,} pages ({share:.1f} %)")
