"""`seimai explain RUN PAGE`: one page's whole story, told from the shards; of a generated row see `generated`.

Where it came from, how it was decoded, each measured value beside each threshold that looked at it, its cluster, and why it was kept
or not. The text itself is shown masked, as in the report.
"""

from typing import Any

import pyarrow as pa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curation.document import COLUMNS
from curation.filters.preset import Preset
from curation.filters.threshold import rules_broken
from recipes.engine.errors import RecipeError
from recipes.engine.explain.facts import print_facts
from recipes.engine.explain.generated import find_generated, grown_from, tell_generated
from recipes.engine.explain.story import Story, file_offset, find, is_id, nearest_urls
from recipes.engine.forget.gate import cleared_or_refused, has_tombstone
from recipes.engine.run_folder import Run, find_row, open_run, rejected_rows
from recipes.engine.run_rules import RunRule, run_rules
from recipes.engine.wording import keep_sign, masked, number, one_line, reason_words, record_place

_UNREAD = ("too_deep", "extract_timeout", "extract_crash")
"""Reasons of pages whose extraction was given up: what their columns say of a text is not about one."""
GROWN = 8
"""Rows generated from a page that are listed."""


def explain(folder: str, page: str, samples: bool = False) -> None:
    """Prints the story of a page by its URL, its id, the first 8 or more digits of its id, or its FILE:OFFSET.

    An id may be that of a generated row too, taken or refused: then its story is told, and after it that of the page it grew from.
    samples: shows a page's text where a generated row quotes it. Raises RecipeError when the run does not know the page or row,
    naming the nearest URLs.
    """
    cleared_or_refused(folder)
    run = open_run(folder)
    stories = list(find(run, page))
    generated = list(find_generated(run, page.strip())) if is_id(page) else []
    if not stories and not generated:
        raise RecipeError(_unknown(run, page))
    console = _console()
    if len(stories) + len(generated) > 1:
        console.print(f"{len(stories) + len(generated)} rows match {page}\n", markup=False)
    for story in stories:
        tell(console, run, story)
    for one in generated:
        tell_generated(console, one, samples)
        for document in one.documents:
            console.print(Text(f"the page that it grew from: {document}\n", style="dim"))
            for story in find(run, document):
                tell(console, run, story)


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=100)


def tell(console: Console, run: Run, story: Story) -> None:
    """Prints one story: verdict, origin, decoding, text, values beside thresholds, cluster."""
    row, verdict = story.row, story.verdict
    console.print(Text(str(row.get("url") or f"(no URL) {record_place(row)}"), style="bold"))
    console.print(Text(f"id {row['id'].hex()}", style="dim"))
    console.print()
    console.print(_headline(story))
    rules = run_rules(run)
    console.print(_way(run, story))
    print_facts(console, "origin", _origin(row))
    print_facts(console, "decoded", _decoded(row))
    if not row.get("text") and verdict.get("reason") in _UNREAD:
        print_facts(console, "text", [("extraction", "given up; there is no text")])
    else:
        print_facts(console, "text", _text(row))
    _rule_table(console, rules.rules, row, verdict)
    for doubt in rules.doubts:
        console.print(Text(f"note: {doubt}", style="yellow"))
    print_facts(console, "cluster", _cluster(run, row))
    print_facts(console, "generated", _grown(run, row["id"].hex()))
    if story.found_in:
        console.print(Text(f"\nThe row was kept as a key; its values are from {story.found_in}.", style="dim"))
    console.print()


def _headline(story: Story) -> Text:
    row, verdict = story.row, story.verdict
    if not verdict:
        repeat = row.get("repeat")
        times = f", shown {repeat}× in one pass" if repeat is not None else ""
        return Text(f"KEPT  released in {story.block['name']}{times}", style="bold green")
    said = f"REJECTED  in stage {verdict['stage']}, step {verdict['step']}: {verdict['reason']}"
    text = Text(said, style="bold red")
    words = reason_words(verdict["reason"])
    if words.en != verdict["reason"]:
        text.append(f"\n          {words.en} ({words.ja})", style="not bold red")
    if verdict.get("value") is not None:
        bound = verdict.get("threshold")
        limit = "" if bound is None else f" against the bound {number(bound)}"
        text.append(f"\n          measured {number(verdict['value'])}{limit}", style="not bold red")
    if verdict.get("detail"):
        text.append(f"\n          {one_line(verdict['detail'])}", style="not bold red")
    return text


def _way(run: Run, story: Story) -> Text:
    """The steps that the row went through, a line a stage, up to the one that rejected it."""
    text = Text()
    for block in run.chain:
        steps = [step["step"] for step in block["own"]["steps"]]
        here = story.verdict and block["name"] == story.block["name"]
        if here and story.verdict["step"] in steps:
            steps = steps[: steps.index(story.verdict["step"])]
        elif here:
            steps = []
        none = "read" if block["own"]["read"].startswith("source ") else "merge by id"
        said = " → ".join(steps + ([f"✗ {story.verdict['step']}"] if here else [])) or none
        text.append(f"\n  {block['name']:<14}", style="dim").append(said)
        if here:
            break
    return text


def _origin(row: dict[str, Any]) -> list[tuple[str, str]]:
    length = f", {row['length']:,} bytes stored" if row.get("length") is not None else ""
    rights = ", ".join(str(row[c]) for c in ("rights_basis", "licence", "licence_link") if row.get(c))
    robots = ", ".join(f"{c}: {row[c]}" for c in ("x_robots_tag", "robots_meta") if row.get(c))
    kind = [str(row[c]) for c in ("record_type", "http_status", "mime_declared") if row.get(c) is not None]
    return [
        ("source", one_line(row.get("source") or "")),
        ("captured", f"{row['date']:%Y-%m-%d %H:%M:%S} UTC" if row.get("date") is not None else ""),
        ("record", record_place(row) + length),
        ("response", one_line(", ".join(kind))),
        ("body", f"{row['payload_bytes']:,} bytes" if row.get("payload_bytes") is not None else ""),
        ("truncated", one_line(row.get("truncated") or "")),
        ("rights", one_line(rights)),
        ("robots", one_line(robots)),
        ("opt-out", str(row.get("opt_out") or "")),
        *(("", one_line(seen, 160)) for seen in row.get("rights_evidence") or ()),
    ]


def _decoded(row: dict[str, Any]) -> list[tuple[str, str]]:
    if row.get("encoding") is None:
        return []
    declared = row.get("charset_declared")
    return [
        ("encoding", f"{row['encoding']}, decided by {row.get('encoding_evidence')}"),
        ("HTTP said", one_line(declared) if declared else "nothing"),
        ("replaced", f"{row.get('replaced_chars') or 0:,} characters"),
    ]


def _text(row: dict[str, Any]) -> list[tuple[str, str]]:
    language = f"{row['language']} {number(row.get('language_score'))}" if row.get("language") else ""
    kana = f", kana {number(row['kana_ratio'])}" if row.get("kana_ratio") is not None else ""
    text = row.get("text")
    return [
        ("extraction", one_line(row.get("extraction") or "")),
        ("link density", number(row["link_density"]) if row.get("link_density") is not None else ""),
        ("site lines", f"{row['site_lines_removed']:,} removed" if row.get("site_lines_removed") else ""),
        ("boilerplate", _boilerplate(row)),
        ("language", language + kana),
        ("characters", f"{len(text):,}" if text is not None else ""),
        ("masked", masked(text)),
        ("benchmarks", "\n".join(map(one_line, row.get("contamination") or ()))),
    ]


def _boilerplate(row: dict[str, Any]) -> str:
    if not row.get("boilerplate_lines"):
        return ""
    removed = row.get("boilerplate_lines_removed")
    lines = row["boilerplate_lines"]
    said = (
        f"{lines:,} line{'' if lines == 1 else 's'}, {100 * row['boilerplate_char_fraction']:.1f} % of the characters"
    )
    return said if removed is None else f"{said}; {removed:,} removed"


def _rule_table(console: Console, rules: list[RunRule], row: dict[str, Any], verdict: dict[str, Any]) -> None:
    """Each rule with the measured value; broken ones are marked, and the first broken one is what decided."""
    if rules and not any(_known(rule, row) for rule in rules):
        console.print("\n[dim]rejected before anything was measured[/]")
        return
    groups = {(rule.stage, rule.step, rule.reason.partition(".")[0]): None for rule in rules}
    for stage, step, preset in groups:
        console.print(Text(f"\nvalues beside thresholds: {preset} ({stage}, {step})", style="bold"))
        table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 1))
        for name, justify in (
            ("", "left"),
            ("rule", "left"),
            ("column", "left"),
            ("value", "right"),
            ("keeps", "left"),
        ):
            table.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
        for rule in rules:
            if (rule.stage, rule.step, rule.reason.partition(".")[0]) == (stage, step, preset):
                decided = verdict.get("reason") == rule.reason and verdict.get("stage") == stage
                _rule_rows(table, rule, row, decided)
        console.print(table)


def _known(rule: RunRule, row: dict[str, Any]) -> bool:
    return all(row.get(test.column) is not None for test in rule.rule.tests)


def _rule_rows(table: Table, rule: RunRule, row: dict[str, Any], decided: bool) -> None:
    known = _known(rule, row)
    broken = decided or (known and _breaks(rule, row))
    mark, style = ("✗", "red") if broken else ("✓", "green") if known else ("·", "dim")
    for at, test in enumerate(rule.rule.tests):
        value = row.get(test.column)
        table.add_row(
            Text(mark if not at else "", style=style),
            Text(rule.rule.name if not at else "  or", style="bold red" if decided else style if broken else ""),
            test.column,
            "not measured" if value is None else number(value),
            Text(keep_sign(test.keep) + ("  ← decided" if decided and not at else "")),
        )


def _breaks(rule: RunRule, row: dict[str, Any]) -> bool:
    names = list(dict.fromkeys(t.column for t in rule.rule.tests))
    table = pa.table({name: pa.array([row[name]], COLUMNS[name].type) for name in names})
    alone = Preset(name="p", rules=(rule.rule,))
    return rules_broken(alone, table).column(0)[0].as_py()


def _cluster(run: Run, row: dict[str, Any]) -> list[tuple[str, str]]:
    if row.get("cluster") is None:
        return []
    others = row.get("cluster_examples") or []
    fates = _fates(run, others)
    size, rank = row.get("cluster_size"), row.get("cluster_rank")
    return [
        ("label", row["cluster"].hex()),
        ("size", f"{size:,} row{'s' if size != 1 else ''}" if size is not None else ""),
        ("rank", f"{rank:,}{' (the best)' if rank == 0 else ''}" if rank is not None else ""),
        ("others", "\n".join(f"{key.hex()[:12]}  {fates.get(key, 'not found')}" for key in others)),
    ]


def _grown(run: Run, page: str) -> list[tuple[str, str]]:
    """Rows that were generated from the page."""
    grown = grown_from(run, page)
    more = [("", f"and {len(grown) - GROWN:,} more")] if len(grown) > GROWN else []
    return [(name, f"{ident}  {task}") for name, task, ident in grown[:GROWN]] + more


def _fates(run: Run, keys: list[bytes]) -> dict[bytes, str]:
    """What became of some rows, with their URLs."""
    found: dict[bytes, str] = {}
    for key in keys:
        if (row := find_row(run.release, key, ["url"])) is not None:
            found[key] = f"kept  {one_line(row.get('url') or '', 70)}"
    for block in reversed(run.chain):
        left = [key for key in keys if key not in found]
        shards = run.shard_set(block) if left else None
        if shards is not None:
            for row in rejected_rows(shards, left, ["id", "url", "reason"]):
                found.setdefault(row["id"], f"{row['reason']}  {one_line(row['url'] or '', 70)}")
    return found


def _unknown(run: Run, page: str) -> str:
    where = f"{run.place.url}: no row of this run"
    if is_id(page):
        return f"{where} has an id that begins with {page.strip()}, neither a page nor a generated row"
    if file_offset(page):
        return f"{where} has the URL or FILE:OFFSET {page}; the offset is that of the column 'offset', without commas"
    if has_tombstone(run.place.url, page):
        return (
            f"{where} has the URL {page}: it was to be forgotten, a tombstone stands for it, and nothing of it is kept"
        )
    near = nearest_urls(run, page)
    hint = f". Nearest URLs: {'  '.join(near)}" if near else ""
    return f"{where} has the URL {page}{hint}"
