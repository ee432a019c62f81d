"""What each rule of a preset would remove from a run: alone, as the only one, and after those above it, with pages to look at.

Counted over the rows of the stage that measured the preset's columns, before anything was decided on them, so that a threshold can be
chosen, or dropped, from one's own crawl. Rules whose columns the run has not measured are named, not guessed.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curation.document import COLUMNS
from curation.filters.effects import RuleEffect, what_each_rule_removes
from curation.filters.preset import Preset
from recipes.engine import blocks
from recipes.engine.run_folder import Run, find_row, rejected_rows
from recipes.engine.wording import masked, number, one_line, rule_signs

MOST_ROWS = 200_000
"""Rows of a run that the effect of rules is counted over; more are sampled by whole partitions."""


def show_effects(console: Console, run: Run, presets: Sequence[Preset], *, examples: bool) -> None:
    """Tables of what each rule of the presets would remove from a run, with pages to look at when `examples`."""
    for preset in presets:
        table, total, stage = measured_rows(run, preset)
        effects = what_each_rule_removes(preset, table)
        keeps = {rule.name: rule_signs(rule) for rule in preset.rules}
        console.print(Text(f"{preset.name} on {run.about['recipe']} {run.about['version']}", style="bold"))
        rows = max((e.rows for e in effects), default=0)
        if not rows:
            writers = blocks.who_writes(preset.columns)
            how = f"; before its deciding step a recipe needs: {writers}" if writers else ""
            console.print(Text(f"this run measured none of its columns{how}\n", style="dim"))
            continue
        sampled = f", a sample of {len(table):,} of {total:,}" if len(table) < total else ""
        console.print(Text(f"{rows:,} rows of stage {stage} before it decided{sampled}", style="dim"))
        console.print(_effects(effects, keeps))
        console.print(
            "[dim]alone: rows that break it; only: and no other rule; after: and none of the rules above it[/]"
        )
        if examples:
            _examples(console, run, stage, effects, keeps)
        console.print()


def _effects(effects: list[RuleEffect], keeps: dict[str, str]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for column in ("rule", "keeps", "alone", "share", "only", "after"):
        table.add_column(column, justify="left" if column in ("rule", "keeps") else "right", overflow="fold")
    removed = 0
    for e in effects:
        if e.missing:
            writers = blocks.who_writes(e.missing)
            said = f"not measured; {writers}" if writers else "not measured"
            table.add_row(e.rule, Text(f"{keeps[e.rule]}\n{said}"), Text("–", style="dim"))
            continue
        table.add_row(
            e.rule, Text(keeps[e.rule]), f"{e.alone:,}", f"{100 * e.share:.2f} %", f"{e.only:,}", f"{e.after:,}"
        )
        removed += e.after
    rows = max(e.rows for e in effects)
    share = f"{100 * removed / rows:.2f} %" if rows else "–"
    table.add_row(Text("all rules", style="bold"), "", "", share, "", f"{removed:,}")
    return table


def measured_rows(run: Run, preset: Preset) -> tuple[pa.Table, int, str]:
    """Rows of the earliest stage that measured the preset's columns, before that stage or a later one decided on them.

    Returns id and the columns that there are (at most about `MOST_ROWS` rows, by whole partitions), the number of rows of that stage,
    and its name. A stage's own rejected rows belong to it where they were kept in full.
    """
    chosen, most = run.chain[-1], 0
    for block in run.chain:
        shards = run.shard_set(block)
        have = len(set(preset.columns) & set(shards.columns)) if shards else 0
        if have > most:
            chosen, most = block, have
    shards = run.shard_set(chosen)
    columns = [c for c in preset.columns if shards is not None and c in shards.columns]
    if shards is None or not columns:
        return pa.table({"id": pa.array([], COLUMNS["id"].type)}), 0, chosen["stage"]
    schema = pa.schema([pa.field(c, COLUMNS[c].type) for c in ("id", *columns)])
    pieces, total, part = [schema.empty_table()], shards.rows, 0
    while part < shards.partitions and sum(map(len, pieces)) < MOST_ROWS:
        pieces += [pa.Table.from_batches([b]).cast(schema) for b in shards.read(schema.names, part)]
        part += 1
    share = part / shards.partitions
    for task in shards.tasks():
        for listed in task["rejected_files"]:
            file = shards.open_file(listed["path"])
            if not set(columns) <= set(file.schema_arrow.names):
                continue  # a task that kept nothing but keys of what it rejected
            table = file.read(columns=schema.names).cast(schema)
            there = np.any([pc.is_valid(table.column(c)).to_numpy() for c in columns], axis=0)
            table = table.filter(pa.array(there))
            total += len(table)
            pieces.append(table if share == 1 else table.slice(0, round(len(table) * share)))
    return pa.concat_tables(pieces), total, chosen["stage"]


def _examples(console: Console, run: Run, stage: str, effects: list[RuleEffect], keeps: dict[str, str]) -> None:
    """For each rule, pages that it would remove: those that only it removes first."""
    shards = run.shard_set([b for b in run.chain if b["stage"] == stage][-1])
    assert shards is not None
    for e in effects:
        if not e.examples:
            continue
        console.print(Text(f"\n{e.rule}  {keeps[e.rule]}", style="bold"))
        column = e.keep.split()[0]
        names = ["id", "url", "text", column]
        found = {key: row for key in e.examples if (row := find_row(shards, key, names))}
        if left := [key for key in e.examples if key not in found]:
            found |= {row["id"]: row for row in rejected_rows(shards, left, names)}
        for key in e.examples:
            row = found.get(key, {})
            url = one_line(row.get("url") or f"id {key.hex()}", 86)
            console.print(Text(f"  {number(row.get(column)):>9}  {url}"))
            if row.get("text"):
                console.print(Text(f"             {masked(row['text'], 40)}", style="dim"))
