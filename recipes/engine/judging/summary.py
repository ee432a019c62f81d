"""What a terminal shows of a finished jury: its judges with their verdicts, faults and leans, what must be known, where it lies."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from curation.place import Place
from curation.shards import MANIFEST


def print_jury(place: Place, name: str, console: Console) -> None:
    """The judges of a jury in a table, then notes."""
    manifest = place.read_json(MANIFEST)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column, justify in (
        ("judge", "left"), ("verdicts", "left"), ("faults", "left"), ("to the first", "right"), ("to the longer", "right"),
        ("to its own", "right"),
    ):  # fmt: skip
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for judge in manifest["jury"]["judges"]:
        leans = [lean(judge["leans"][kind]) for kind in ("position", "length", "own_family")]
        table.add_row(judge["judge"], counts(judge["verdicts"]), counts(judge["faults"]), *leans)
    console.print()
    console.print(table)
    console.print("\n".join(said(manifest)), soft_wrap=True, markup=False)
    console.print(f"{name}  {place.url}/decisions", soft_wrap=True, markup=False)


def counts(found: Mapping[str, int]) -> str:
    """Counts by name in a line.

    >>> counts({"win": 3, "tie": 1200})
    'win 3, tie 1,200'
    """
    return ", ".join(f"{name} {n:,}" for name, n in found.items())


def lean(found: Mapping[str, Any] | None) -> str:
    """A lean with its interval; empty where nothing could be measured.

    >>> lean({"mean": 0.25, "low": -0.01, "high": 0.5, "units": 30})
    '+0.25 [-0.01, +0.50]'
    """
    return "" if found is None else f"{found['mean']:+.2f} [{found['low']:+.2f}, {found['high']:+.2f}]"


def said(manifest: Mapping[str, Any]) -> list[str]:
    """What is to be known of a jury besides its judges."""
    lines = [f"{manifest['rows_out']:,} comparisons: {counts(manifest['jury']['verdicts']) or 'none'}"]
    for pair in manifest["jury"]["agreement"]:
        if pair["agreement"] is not None:
            kappa = "" if pair["kappa"] is None else f", κ {pair['kappa']:.2f}"
            lines.append(f"{' and '.join(pair['judges'])} say the same in {pair['agreement']:.0%}{kappa}")
    lines += [f"scores of {judge}: {counts(found)}" for judge, found in manifest["scores"].items()]
    if people := manifest["people"]:
        lines.append(f"people decided {people['used']:,} of them; what they say holds")
    return lines + [note["en"] for note in manifest["notes"]]
