"""`seimai audit prompts`: every wording that the project or a file of one's own has, its faults, and who has reviewed what.

Things that problems count are read too: each with its counter (`synth/counter_audit.py`).
"""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from recipes.engine.errors import RecipeError, RunError
from synth.counter_audit import SEEDS, audit_counters, counted_pairs
from synth.wording_audit import CHECKS, Fault, audit_wordings
from synth.wordings import WordingError, Wordings, groups, read_wordings, wordings


def audit_prompts(files: Sequence[Path] = (), console: Console | None = None) -> int:
    """Reads all wordings, prints a table of files and every fault with its place; gives the number of lines.

    files: of one's own, read beside the project's; a domain's is known by its path in the recipe, so its slots are not looked up.
    Raises RecipeError for a file that is none, RunError after the table where a line has a fault.
    """
    from synth.tasks.domain_file import domains
    from synth.wording_slots import filled_slots

    console = console or Console()
    try:
        own = [read_wordings(path) for path in files]
        read = [*(wordings(group) for group in groups()), *(read_wordings(path) for path in domains().values()), *own]
    except WordingError as error:
        raise RecipeError(str(error)) from error
    pairs = [pair for path in sorted(SEEDS.glob("*.yaml")) for pair in counted_pairs(path)]
    faults = audit_wordings(read, filled_slots(), outside=frozenset(words.group for words in own))
    console.print(_table(read, faults))
    faults += audit_counters(pairs)
    console.print(f"{len(pairs)} things with their counters in synth/seeds", markup=False, highlight=False)
    for reviewer, count in sorted(_reviewers(read).items()):
        console.print(f"reviewed by {reviewer}: {count} lines", markup=False, highlight=False)
    for fault in faults:
        console.print(str(fault), markup=False, highlight=False, soft_wrap=True)
    lines = sum(len(words.lines) for words in read)
    drafts = sum(line.state == "draft" for words in read for line in words.lines)
    console.print(f"{len(read)} files, {lines} lines: {drafts} drafts, {lines - drafts} reviewed; {len(faults)} faults")
    if faults:
        raise RunError(f"{len({f.place for f in faults})} wordings have faults; each is shown with what would be right")
    return lines


def _reviewers(read: Sequence[Wordings]) -> Counter[str]:
    return Counter(line.reviewer for words in read for line in words.lines if line.reviewer)


def _table(read: Sequence[Wordings], faults: Sequence[Fault]) -> Table:
    table = Table(title="wordings", header_style="bold")
    for column in ("file", "lines", "draft", "reviewed", "test", "faults"):
        table.add_column(column, justify="left" if column in ("file", "faults") else "right")
    found = Counter((fault.place.partition("/")[0], fault.check) for fault in faults)
    for words in read:
        drafts = sum(line.state == "draft" for line in words.lines)
        test = sum(line.split == "test" for line in words.lines)
        counts = (len(words.lines), drafts, len(words.lines) - drafts, test)
        said = ", ".join(f"{found[words.group, check]} {check}" for check in CHECKS if found[words.group, check])
        table.add_row(words.group, *map(str, counts), said or "none")
    return table
