"""`seimai review calibrate`: what a jury's margin is worth, from people's decisions in the label shards, into a file of curves."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from annotation.calibrate import CalibrationError, Curve
from annotation.calibration_file import fitted, write_curves
from annotation.errors import ReviewError
from annotation.judge_decisions import judge_decisions
from annotation.labels import Labels

DRIFTS = 0.01
"""p-value below which a judge's agreement is said to have changed over time."""


def tell_calibration(labels: Labels, out: Path, source: str | None, curve: Curve, least: int) -> None:
    """Fits, writes, and prints a line a function: agreement, what the curve expects of rows it has not seen, drift."""
    found = judge_decisions(labels, source)
    if not found.fit:
        raise ReviewError(
            f"{labels.folder}: people decided {len(found.held)} pairs of '{found.source}', and none of them may fit a curve; "
            "say calibrate: SHARE in the plan of `review push`"
        )
    try:
        made = fitted(found, curve, least)
    except CalibrationError as error:
        raise ReviewError(f"{labels.folder}, '{found.source}': {error}") from error
    try:
        write_curves(out, made)
    except OSError as error:
        raise ReviewError(f"{out}: cannot be written ({error.strerror})") from error
    console = Console()
    lines = [_function(one, made["held"].get(one["function"])) for one in made["functions"]]
    for line in (*lines, *_over_time(made), *_left(made, found.fit), str(out)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _function(one: Mapping[str, Any], held: Mapping[str, Any] | None) -> str:
    """What is known of one function, in a line."""
    points, drift = one["points"], one["drift"]
    ends = [f"{chance:.2f} at a margin of {margin:.2f}" for margin, chance in (points[0], points[-1])]
    said = [
        f"people agree in {_share(one['agreement'])} of {one['agreement']['of']:,}",
        f"the curve goes from {' to '.join(ends)}",
    ]
    if held is not None:
        said.append(
            f"of {held['of']:,} that it was not fitted to it expects {held['expected']:.0%}, and they agree in {_share(held)}"
        )
    if drift is not None:
        said.append(f"the same in all months: p = {drift:.2g}")
    return f"{one['function']}: {'; '.join(said)}"


def _share(said: Mapping[str, Any]) -> str:
    return f"{said['share']:.0%} ({said['low']:.0%} to {said['high']:.0%})"


def _over_time(made: Mapping[str, Any]) -> list[str]:
    """Months of the functions in which the jury changed."""
    lines: list[str] = []
    for one in made["functions"]:
        if one["drift"] is not None and one["drift"] < DRIFTS:
            months = ", ".join(f"{month} {_share(said)} of {said['of']}" for month, said in one["months"].items())
            lines.append(f"{one['function']}: agreement changed over time (p = {one['drift']:.2g}): {months}")
    return lines


def _left(made: Mapping[str, Any], fit: list[Any]) -> list[str]:
    """What no curve was fitted to, and why."""
    curved = {one["function"] for one in made["functions"]}
    without = sorted({d.function for d in fit} - curved)
    lines = [f"no curve, since they have fewer than {made['least']} decisions: {', '.join(without)}"] if without else []
    if made["undecided"]:
        lines.append(f"{made['undecided']:,} rows say nothing: people are split, or prefer neither answer")
    if made["both_uses"]:
        lines.append(
            f"{made['both_uses']:,} rows were pushed to fit and to estimate, under different plans: in neither"
        )
    return lines
