"""`seimai review agreement`: how far people agree, from the label shards alone."""

from rich.console import Console
from rich.table import Table

from annotation.agreed import Agreement, agreement
from annotation.agreement import Estimate
from annotation.labels import Labels


def tell_agreement(labels: Labels) -> None:
    """Prints coefficients with their 95 % intervals; below them Cohen's κ of pairs, and α by month where there are several."""
    console, found = Console(), agreement(labels.answers())
    if not found:
        text = f"{labels.folder}: no row has answers of two people yet; `overlap` in a plan gives rows to several"
        console.print(text, markup=False, highlight=False, soft_wrap=True)
        return
    table = Table(header_style="bold")
    for column in ("task, version", "question", "scale", "units", "answers", "raters", "α", "AC1", "Fleiss κ"):
        table.add_column(column, justify="left" if column in ("task, version", "question", "scale") else "right")
    for one in found:
        counts = (str(one.alpha.units), str(one.answers), str(one.raters))
        named = (_estimate(one.ac1), _number(one.fleiss)) if one.scale == "nominal" else ("", "")
        table.add_row(f"{one.task} {one.version}", one.question, one.scale, *counts, _estimate(one.alpha), *named)
    console.print(table)
    for line in (line for one in found for line in _details(one)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _details(one: Agreement) -> list[str]:
    name = f"{one.task} {one.version} {one.question} ({one.scale})"
    lines: list[str] = []
    if one.scale == "nominal":
        lines += [
            f"{name}: Cohen's κ of {' and '.join(c.raters)}: {_number(c.kappa)} over {c.units}" for c in one.cohen
        ]
    if len(one.months) > 1:
        lines += [f"{name}, {month}: α {_estimate(found)} over {found.units}" for month, found in one.months.items()]
    return lines


def _estimate(found: Estimate) -> str:
    interval = "" if found.low is None or found.high is None else f" ({found.low:.2f} to {found.high:.2f})"
    return _number(found.value) + interval


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
