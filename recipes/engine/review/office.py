"""`seimai review sheet`, `take`, `workload`, `pay`: label shards and spreadsheets."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from annotation.labels import Labels
from annotation.payment import as_lines, payment, read_rates, totals
from annotation.sheets.table import write_table
from annotation.sheets.taken import Taken, take
from annotation.sheets.written import Wanted, write_sheet
from annotation.workload import READ, workload, zone

EXAMPLES = 20
"""Conflicts that are shown."""


def write(
    labels: Labels,
    file: Path,
    task: str,
    stratum: str | None,
    source: str | None,
    version: str | None,
    answers: bool,
    harmful: bool,
) -> None:
    """Writes a sheet and says what is in it."""
    done = write_sheet(labels, file, Wanted(task, stratum, source, version, answers, harmful))
    _print(f"{file}: {done.lines:,} rows of {done.task.name} {done.task.version}, sheet {done.sheet}")
    if done.older:
        _print(f"{done.older:,} rows are of other versions of guidelines or questions: `--version` writes those")
    for line in done.cut[:EXAMPLES]:
        _print(
            f"{line}: a text is longer than the 32,767 characters of a cell and was cut; such a row is better answered in Argilla"
        )
    _print(f"filled in: `seimai review take {file} --annotator NAME`")


def take_sheet(labels: Labels, file: Path, name: str, conflicts: Path | None) -> bool:
    """Takes a sheet and says what became of its lines. Returns whether all could be taken."""
    done = take(labels, file, name)
    events = ", ".join(f"{count:,} {event}" for event, count in sorted(done.events.items())) or "no new answer"
    _print(
        f"{file}: {done.lines:,} lines by {done.annotator}: {events}; {done.there:,} were taken before, {done.unchanged:,} are no"
        f" answer (nothing changed), {len({c.number for c in done.conflicts}):,} not taken"
    )
    if done.absent:
        _print(f"{done.absent:,} lines of the sheet are not in the file; nothing was done about those rows")
    if done.late:
        _print(f"{done.late:,} change what is frozen: they are kept and counted nowhere")
    if done.masked:
        _print(f"{done.masked:,} pieces of personal data were masked in what was written")
    if done.shift_jis:
        _print(
            "the file is in Shift_JIS: changed cells whose characters it lacks were not taken; CSV UTF-8 and XLSX have them"
        )
    if done.ignored:
        _print(f"columns of which nothing is known: {', '.join(done.ignored)[:300]}")
    _tell_conflicts(done)
    if conflicts is not None:
        lines = [["行", "番号", "種類", "列", "内容"]]
        lines += [[c.number, c.id, c.kind, c.column, c.ja] for c in done.conflicts]
        write_table(conflicts, lines, "取り込めなかった行")
        _print(f"{conflicts}: what was not taken, line by line")
    return not done.conflicts


def _tell_conflicts(done: Taken) -> None:
    for conflict in done.conflicts[:EXAMPLES]:
        _print(f"line {conflict.number} ({conflict.id}), {conflict.kind}: {conflict.en}")
    if len(done.conflicts) > EXAMPLES:
        _print(f"and {len(done.conflicts) - EXAMPLES:,} more; `--conflicts FILE` lists all")


def tell_workload(labels: Labels, where: str, cap: float, out: Path | None) -> None:
    """Prints everybody's work, and writes it day by day."""
    works = workload(labels.held(READ), zone(where), cap)
    if not works:
        _print(f"{labels.folder}: nobody has answered yet; `seimai review pull` takes answers")
        return
    table = Table(header_style="bold", box=None, padding=(0, 1, 0, 0))
    for column in (
        "annotator",
        "task",
        "answers",
        "sheets",
        "skipped",
        "discarded",
        "days",
        "a day",
        "sec.*",
        "hours*",
    ):
        named = column in ("annotator", "task")
        table.add_column(column, justify="left" if named else "right", no_wrap=named)
    for work in works:
        pace = ("–", "–") if work.pace is None else (f"{work.pace.seconds:.0f}", f"{work.pace.hours:.1f}")
        counts = (work.answers, work.sheets, work.skipped, work.discarded, len(work.days))
        table.add_row(work.annotator, work.task, *(f"{n:,}" for n in counts), f"{work.a_day:.1f}", *pace)
    Console().print(table)
    _print(f"* estimated: the median time between two answers of a person, breaks of more than {cap:.0f} s left out")
    if out is not None:
        days = [[w.annotator, w.task, f"{day}", count] for w in works for day, count in sorted(w.days.items())]
        write_table(out, [["仮名", "仕事", "日", "回答"], *days], "日ごとの回答")
        _print(str(out))


def pay(labels: Labels, rates_file: Path, month: str | None, batch: str | None, out: Path | None) -> None:
    """Prints the payment table, and writes it."""
    rates = read_rates(rates_file)
    found = payment(labels, rates, month, batch)
    table = Table(header_style="bold")
    for column in ("annotator", "task", "answers", "skipped", "discarded", "rate", f"amount ({rates.currency})"):
        table.add_column(column, justify="left" if column in ("annotator", "task") else "right")
    for one in found:
        counts = (one.answers, one.skipped, one.discarded)
        table.add_row(one.annotator, one.task, *(f"{n:,}" for n in counts), f"{one.rate:,}", f"{one.amount:,}")
    for who, amount in totals(found).items():
        table.add_row(who, "all", "", "", "", "", f"{amount:,}", style="bold")
    Console().print(table)
    if batch is None:
        _print("answers outside a closed batch may still change: freeze what you pay for, and pay by --batch")
    if out is not None:
        write_table(out, as_lines(found, rates), "支払い")
        _print(str(out))


def _print(line: str) -> None:
    Console().print(line, markup=False, highlight=False, soft_wrap=True)
