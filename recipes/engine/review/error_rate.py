"""`seimai review error-rate`: how many released rows are wrong, from those that people looked at; reads label shards and the run."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from annotation.labels import Labels
from annotation.released_errors import Estimated, Wrong, estimated
from annotation.review_plan import EVERYTHING, read_plan
from annotation.review_tasks import task
from recipes.engine.review.rows import Source, routed_rows, source_of
from recipes.engine.run_folder import open_run


def estimate(
    labels: Labels, folder: str, name: str, set_name: str | None, plan_file: Path | None, wrong: str, answers: int
) -> tuple[Estimated, Source, Wrong]:
    """The rate with its strata, the set that it is of, and what counts as an error."""
    plan = read_plan(plan_file) if plan_file is not None else EVERYTHING
    asks = task(name, "ja", answers)
    sought = Wrong.of(wrong, asks)
    source = source_of(open_run(folder), name, set_name, answers)
    return estimated(routed_rows(source, plan, labels.salt), labels, asks, source.name, sought), source, sought


def tell_error_rate(
    labels: Labels, folder: str, name: str, set_name: str | None, plan_file: Path | None, wrong: str, answers: int
) -> None:
    """Prints strata and the rate with its interval, or why it is not known."""
    found, source, sought = estimate(labels, folder, name, set_name, plan_file, wrong, answers)
    console, table = Console(), Table(header_style="bold")
    for column in ("stratum", "released", "drawn", "reviewed"):
        table.add_column(column, justify="left" if column == "stratum" else "right")
    for stratum, one in found.strata.items():
        table.add_row(stratum, *(f"{n:,}" for n in (one.rows, one.selected, one.reviewed)))
    console.print(table)
    rate = found.rate
    said = f"{source.name}: wrong is {sought.question} = {' or '.join(sorted(sought.answers))}. "
    if rate.rate is None or rate.low is None or rate.high is None:
        said += f"The error rate is unknown: {rate.unknown}"
    else:
        said += (
            f"{rate.wrong:,} of {rate.answered:,} rows that estimate are wrong. Once those that people found are corrected or taken "
            f"out, {rate.rate:.2%} of the released rows are wrong (95 % interval {rate.low:.2%} to {rate.high:.2%}; {rate.method}, "
            f"worth {rate.effective:.0f} independent rows)"
        )
    console.print(said, markup=False, highlight=False, soft_wrap=True)
