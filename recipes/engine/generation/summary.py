"""What a terminal shows of a finished generation: what each order was asked and gave, why the rest is no row, and where it lies."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from synth.yields import ORIGINS

_BY = {"human": "by people", "imported": "imported"}
"""Who wrote what came from outside, in words."""


def print_generation(manifest: Mapping[str, Any], name: str, url: str, console: Console) -> None:
    """The yields of a generation in a table, then what its owner must know: drafts, orders left out, quotas that are short."""
    yields = manifest["yields"]
    table = Table(box=None, pad_edge=False, header_style="bold")
    whose = [o for o in ORIGINS if o in ("program", "model") or yields["origins"].get(o)]
    for column, justify in (
        ("task", "left"), ("samples", "right"), ("rows", "right"), *((origin, "right") for origin in whose),
        ("why the others are none, most frequent first", "left"),
    ):  # fmt: skip
        table.add_column(column, justify=justify, overflow="fold")  # type: ignore[arg-type]
    for order in yields["orders"]:
        refused = ", ".join(f"{reason} {n:,}" for reason, n in list(order["refused"].items())[:4])
        origins = order["origins"]
        counts = (order["samples"], order["rows"], *(origins.get(origin, 0) for origin in whose))
        table.add_row(order["order"], *(f"{n:,}" for n in counts), refused)
    console.print()
    console.print(table)
    console.print("\n".join(notes(manifest)), soft_wrap=True, markup=False)
    console.print(f"{name}  {url}/data", soft_wrap=True, markup=False)


def notes(manifest: Mapping[str, Any]) -> list[str]:
    """What is to be known of a generation besides its counts."""
    yields = manifest["yields"]
    origins = ", ".join(f"{n:,} {_BY.get(origin, f'by {origin}')}" for origin, n in yields["origins"].items() if n)
    rows = f"{yields['rows']:,} rows over {yields['functions']} functions ({origins or 'none'})"
    said = [f"{rows} in {manifest['rounds']} rounds: {manifest['over']}"]
    if (now := manifest["generated"])["judged"]:
        speed = "" if now["completion_tokens_per_s"] is None else f" at {now['completion_tokens_per_s']:,.0f} tokens/s"
        said.append(
            f"{now['asked']:,} answers asked of the model, {now['stored']:,} from the store: {now['completion_tokens']:,} tokens"
            f"{speed}, {now['gpu_seconds'] / 3600:,.3f} device hours; {now['yield']:.1%} of its answers pass"
        )
    for one in manifest["short"]:
        head, *reasons = one["why"]
        said += [f"short: {head}", *(f"    {reason}" for reason in reasons)]
    if most := yields["templates"]["most"]:
        said.append(
            f"{yields['templates']['count']} templates, the most frequent with {most[0]['share']:.1%} of the rows"
        )
    if draft := yields["wordings"].get("draft"):
        said.append(
            f"{draft:,} rows are made with wordings that nobody has reviewed: the recipe allows them inside only"
        )
    for name, one in manifest.get("imports", {}).items():
        read = (
            f"its answers were read by {one['reviewed']}" if one["reviewed"] else "only what its checks pass is a row"
        )
        bad = f", {one['malformed']:,} of no known form" if one["malformed"] else ""
        said.append(f"{name}: {one['rows']:,} rows of {one['origin']} ({one['licence']}){bad}; {read}")
    if masked := manifest.get("masked"):
        said.append(
            f"personal data masked in imported rows: {', '.join(f'{kind} {n:,}' for kind, n in masked.items())}"
        )
    if manifest["left_out"]:
        lacking = next(iter(manifest["left_out"].values()))
        said.append(
            f"left out, since only a model answers them and {lacking} is not installed: {', '.join(manifest['left_out'])}"
        )
    if bad := [kind for kind, good in manifest["verifiers"].items() if not good]:
        said.append(f"verifiers whose audit fails here: {', '.join(bad)}")
    return said
