"""What a terminal shows of a plan and of a finished run."""

from typing import Any

from rich.console import Console
from rich.table import Table

from curation.place import Place
from curation.shards import MANIFEST
from recipes.engine.fetched import fetched
from recipes.engine.gathering import READ
from recipes.engine.generation.release import finished
from recipes.engine.generation.summary import print_generation
from recipes.engine.judging.release import finished as jury_finished
from recipes.engine.judging.summary import print_jury
from recipes.engine.pairs.release import finished as pairs_finished
from recipes.engine.pairs.summary import print_pairs
from recipes.engine.plan import Plan
from recipes.engine.source_read import SourceRead


def _console() -> Console:
    """A console that is wide enough for tables where output goes to a file."""
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=120)


def print_plan(plan: Plan) -> None:
    """Blocks with their steps, tasks, columns and state, and what the deduplication's bands imply."""
    console = _console()
    console.print(f"[bold]{plan.recipe.name}[/] {plan.recipe.version} → {plan.folder}", soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("block", "reads", "steps", "tasks", "columns", "fingerprint", "state"):
        table.add_column(column, overflow="fold")
    for block in plan.blocks:
        if isinstance(block.read, SourceRead):
            size = sum(i.size for i in block.read.inputs)
            read = f"{block.read.source.name}: {len(block.read.inputs)} files, {size / 1e6:,.1f} MB"
        else:
            read = block.read.name
        steps = ", ".join(s.name for s in block.steps) or ("–" if isinstance(block.read, SourceRead) else "merge by id")
        table.add_row(
            block.name,
            read,
            steps,
            str(block.tasks),
            str(len(block.columns) or ""),
            block.fingerprint[:12],
            state(block.url, block),
        )
    for one in plan.generations:
        tasks = ", ".join(f"{name} {quota:,}" for name, quota in one.mixture.quotas.items())
        now = "done" if finished(one) is not None else "to do"
        table.add_row(one.name, one.read.name, tasks, "", "", one.fingerprint[:12], now)
    for jury in plan.juries:
        judges = ", ".join(j.name + (" (demo)" if j.demo else "") for j in jury.judges)
        now = "done" if jury_finished(jury) is not None else "to do"
        table.add_row(jury.name, ", ".join(jury.spec.reads), judges, "", "", jury.fingerprint[:12], now)
    for pairs in plan.preferences:
        wanted = ", ".join(f"{name} {said.pairs:,}" for name, said in pairs.spec.strategies.wanted.items())
        now = "done" if pairs_finished(pairs) is not None else "to do"
        table.add_row(pairs.name, ", ".join(pairs.spec.reads), wanted, "", "", pairs.fingerprint[:12], now)
    console.print(table)
    for one in plan.generations:
        for name, lacking in one.left_out.items():
            console.print(f"{one.name}: '{name}' is left out: {lacking} is not installed", soft_wrap=True, markup=False)
    for block in plan.blocks:
        for step in block.steps:
            if block.kind == "rows" and (note := step.plan_note()):
                console.print(f"\n[bold]{block.stage}.{step.name}[/]\n{note}")


def state(url: str, block: Any) -> str:
    """`done`, `n of m tasks` or `to do`."""
    if Place(url).exists(MANIFEST) and Place(url).read_json(MANIFEST)["fingerprint"] == block.fingerprint:
        return "done"
    partial = Place(f"{url}.partial")
    done = len(partial.names(f"{READ}/tasks") or partial.names("tasks"))
    return f"{done} of {block.tasks} tasks" if done else "to do"


def print_summary(run: dict[str, Any], folder: str, report: str) -> None:
    """The funnel of a finished run in a few lines: rows of each stage, the main reasons, and where things lie."""
    console = _console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, justify in (
        ("stage", "left"),
        ("in", "right"),
        ("kept", "right"),
        ("rejected, most frequent first", "left"),
    ):
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for block in run["blocks"]:
        if block["kind"] != "rows":
            continue
        gone = sorted(block["rejected"].items(), key=lambda kv: -kv[1])
        said = ", ".join(f"{reason} {n:,}" for reason, n in gone[:6]) + (
            f", {len(gone) - 6} more reasons" if len(gone) > 6 else ""
        )
        table.add_row(block["name"], f"{block['rows_in']:,}", f"{block['rows_out']:,}", said)
    console.print(table)
    manifests = [Place(f"{folder}/{b['url']}") for b in run["blocks"] if b["kind"] == "rows" and "://" not in b["url"]]
    if (cost := fetched(p.read_json(MANIFEST) for p in manifests if p.exists(MANIFEST))) is not None:
        console.print(cost.words.en, soft_wrap=True, markup=False)
    print_unreadable(run["unreadable"])
    for said in run.get("warnings", ()):
        Console(stderr=True, highlight=False, soft_wrap=True, markup=False).print(f"warning: {said}")
    for one in run.get("generated", ()):
        print_generation(
            Place(f"{folder}/{one['url']}").read_json(MANIFEST), one["name"], f"{folder}/{one['url']}", console
        )
    for one in run.get("judged", ()):
        print_jury(Place(f"{folder}/{one['url']}"), one["name"], console)
    for one in run.get("pairs", ()):
        print_pairs(Place(f"{folder}/{one['url']}"), one["name"], console)
    console.print(f"shards  {folder}/{run['release']}/data\nreport  {report}", soft_wrap=True, markup=False)


def print_unreadable(files: list[list[str]], most: int = 5) -> None:
    """Warns, on standard error, of input files that gave no page."""
    if not files:
        return
    console = Console(stderr=True, highlight=False, soft_wrap=True, markup=False)
    console.print(f"warning: {len(files):,} input file{'s' if len(files) > 1 else ''} gave no page")
    for name, found in files[:most]:
        console.print(f"  {name}: {found.removeprefix(name).strip()}")
    if len(files) > most:
        console.print(f"  … and {len(files) - most:,} more, listed in run.json")
