"""Facts of a story as a terminal shows them: a title, and a line for each name with what is said of it."""

from rich.console import Console
from rich.table import Table
from rich.text import Text


def print_facts(console: Console, title: str, facts: list[tuple[str, str]]) -> None:
    """Prints facts in two columns; those of which nothing is said are left out, and the title with them."""
    facts = [(name, said) for name, said in facts if said]
    if not facts:
        return
    console.print(f"\n[bold]{title}[/]")
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 0, 0, 2))
    table.add_column(style="dim", width=14)
    table.add_column(overflow="fold")
    for name, said in facts:
        table.add_row(name, Text(said))
    console.print(table)
