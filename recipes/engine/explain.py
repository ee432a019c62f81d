"""`seimai explain RUN URL_OR_ID`: one page's whole story, told from the shards.

A page is looked for along the chain of blocks, from the release backwards: its id names the partition, so only one partition of each
set is read; a URL is looked for in the url column. A rejected row that was kept as a key gets its measured values from the shard
set that its stage had read.
"""

import difflib
import heapq
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table
from rich.text import Text

from curation.document import COLUMNS, KEY_COLUMNS
from curation.filters.preset import Preset
from curation.filters.threshold import rules_broken
from curation.provenance import partition_of
from curation.shards import ShardSet
from recipes.engine.errors import RecipeError
from recipes.engine.run_folder import Run, find_row, open_run
from recipes.engine.run_rules import RunRule, run_rules
from recipes.engine.wording import keep_sign, masked, number, reason_words

_ID = re.compile(r"[0-9a-fA-F]{8,32}")
MOST = 20
"""Captures of one URL, or ids of one prefix, that are told."""


@dataclass
class Story:
    """What is known of one row: its columns, and its verdict where it was rejected (`verdict` is empty for a released row)."""

    row: dict[str, Any]
    block: dict[str, Any]
    verdict: dict[str, Any] = field(default_factory=dict)
    found_in: str = ""
    """The shard set that the measured values come from, when it is not the one that the row was found in."""


def explain(folder: str, page: str) -> None:
    """Prints the story of a page by its URL, its id, or the first 8 or more digits of its id.

    Raises RecipeError when the run does not know the page, naming the nearest URLs.
    """
    run = open_run(folder)
    stories = list(find(run, page))
    if not stories:
        raise RecipeError(_unknown(run, page))
    console = _console()
    if len(stories) > 1:
        console.print(f"{len(stories)} rows match {page}\n", markup=False)
    for story in stories:
        tell(console, run, story)


def _console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=100)


def find(run: Run, page: str) -> Iterator[Story]:
    """Rows that a URL, an id or the beginning of an id names, at most `MOST`, each once."""
    wanted = _ids(run, page)
    for found, key in enumerate(wanted):
        if found == MOST:
            return
        yield from _story(run, key)


def _ids(run: Run, page: str) -> list[bytes]:
    """Ids of the rows that are meant, in order of id."""
    plain = page.strip()
    if _ID.fullmatch(plain):
        digits = plain.lower()
        if len(digits) == 32:
            return [bytes.fromhex(digits)]
        return sorted(_matching(run, "id", lambda ids: _begins(ids, digits), digits))
    forms = pa.array(sorted(_forms(plain)), pa.large_string())
    return sorted(_matching(run, "url", lambda urls: pc.is_in(urls, value_set=forms)))


def _forms(url: str) -> set[str]:
    """A URL as typed and as a crawler may have written it: either scheme, with and without the last slash, without a fragment."""
    plain = url.partition("#")[0]
    bare = re.sub(r"^https?://", "", plain)
    ends = {bare, bare.rstrip("/"), f"{bare.rstrip('/')}/"}
    whole = {f"{scheme}://{end}" for scheme in ("http", "https") for end in ends}
    return {url, plain, *whole, *(unquote(u) for u in whole)}


def _begins(ids: Any, digits: str) -> pa.Array:
    low = bytes.fromhex(digits.ljust(32, "0"))
    high = bytes.fromhex(digits.ljust(32, "f"))
    plain = ids.cast(pa.binary())
    return pc.and_(
        pc.greater_equal(plain, pa.scalar(low, pa.binary())), pc.less_equal(plain, pa.scalar(high, pa.binary()))
    )


def _matching(run: Run, column: str, matches: Any, digits: str = "") -> set[bytes]:
    """Ids of all rows of the chain whose column matches: of the release, and of every block's rejected rows."""
    found: set[bytes] = set()
    for shards, files in _row_files(run, digits):
        for name in files:
            file = shards.open_file(name)
            if column not in file.schema_arrow.names:
                continue
            for batch in file.iter_batches(8192, columns=list(dict.fromkeys(("id", column)))):
                hits = batch.filter(pc.fill_null(matches(batch.column(column)), False))
                found.update(hits.column("id").to_pylist())
    return found


def _row_files(run: Run, digits: str = "") -> Iterator[tuple[ShardSet, list[str]]]:
    """Files that hold each row of a run once: the release's (of one partition, when an id is given) and the rejected ones."""
    release = run.release
    files = release.files()
    if digits:
        ends = [bytes.fromhex(digits.ljust(32, pad)) for pad in "0f"]
        low, high = partition_of(pa.array(ends, COLUMNS["id"].type), release.partitions).tolist()
        files = [name for p in range(low, high + 1) for name in release.files(p)]
    yield release, files
    for block in run.chain:
        if (shards := run.shard_set(block)) is not None:
            yield shards, [f["path"] for task in shards.tasks() for f in task["rejected_files"]]


def _story(run: Run, key: bytes) -> Iterator[Story]:
    row = find_row(run.release, key, run.release.columns)
    if row is not None:
        yield Story(row, run.chain[-1])
    for block in reversed(run.chain):
        shards = run.shard_set(block)
        if shards is None:
            continue
        for rejected in _rejected(shards, key):
            verdict = {
                k: rejected.pop(k) for k in ("stage", "step", "reason", "value", "threshold", "detail", "sampled")
            }
            story = Story({k: v for k, v in rejected.items() if v is not None}, block, verdict)
            _complete(run, story, key)
            yield story


def _rejected(shards: ShardSet, key: bytes) -> Iterator[dict[str, Any]]:
    """Rejected rows with this id (more than one only for equal ids)."""
    for task in shards.tasks():
        for listed in task["rejected_files"]:
            file = shards.open_file(listed["path"])
            for group in range(file.num_row_groups):
                ids = file.read_row_group(group, columns=["id"]).column("id")
                at = pc.indices_nonzero(pc.equal(ids, pa.scalar(key, ids.type)))
                if len(at):
                    yield from file.read_row_group(group).take(at).to_pylist()


def _complete(run: Run, story: Story, key: bytes) -> None:
    """Adds what a key-tier rejection did not keep: from the sample of full rows, the set that its stage read, its cluster."""
    stage = story.verdict["stage"]
    if not set(story.row) - set(KEY_COLUMNS):
        before = run.input_of(stage) if story.verdict["reason"] not in ("duplicate_id", "id_collision") else None
        row = find_row(before, key, before.columns) if before is not None else None
        if row is None:
            row = next(_sampled(run, story.block, key), None)
        else:
            story.found_in = "what the stage had read"
        story.row |= {k: v for k, v in (row or {}).items() if v is not None and k in COLUMNS}
    table = run.survey_table("dedup", "clusters")
    if table is not None and story.row.get("cluster") is None and any(s == stage for s, _ in run.steps("dedup")):
        joined = table.join(pa.RecordBatch.from_arrays([pa.array([key], COLUMNS["id"].type)], names=["id"]))
        story.row |= {name: column[0].as_py() for name, column in joined.items() if column[0].is_valid}


def _sampled(run: Run, block: dict[str, Any], key: bytes) -> Iterator[dict[str, Any]]:
    shards = run.shard_set(block)
    if shards is not None and shards.place.exists("samples.parquet"):
        table = shards.open_file("samples.parquet").read()
        ids = table.column("id")
        yield from table.filter(pc.equal(ids, pa.scalar(key, ids.type))).to_pylist()


def tell(console: Console, run: Run, story: Story) -> None:
    """Prints one story: verdict, origin, decoding, text, values beside thresholds, cluster."""
    row, verdict = story.row, story.verdict
    console.print(Text(str(row.get("url") or f"(no URL) {row.get('file')} row {row.get('offset')}"), style="bold"))
    console.print(Text(f"id {row['id'].hex()}", style="dim"))
    console.print()
    console.print(_headline(story))
    rules = run_rules(run)
    console.print(_way(run, story))
    _facts(console, "origin", _origin(row))
    _facts(console, "decoded", _decoded(row))
    _facts(console, "text", _text(row))
    _rule_table(console, rules.rules, row, verdict)
    for doubt in rules.doubts:
        console.print(Text(f"note: {doubt}", style="yellow"))
    _facts(console, "cluster", _cluster(run, row))
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
        text.append(f"\n          {_line(verdict['detail'])}", style="not bold red")
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
        said = " → ".join(steps + ([f"✗ {story.verdict['step']}"] if here else [])) or "merge by id"
        text.append(f"\n  {block['name']:<14}", style="dim").append(said)
        if here:
            break
    return text


def _facts(console: Console, title: str, facts: list[tuple[str, str]]) -> None:
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


def _line(text: object, most: int = 200) -> str:
    """A value on one line; control characters of a hostile page do not reach the terminal."""
    said = "".join(c if c.isprintable() else " " for c in str(text))
    return said if len(said) <= most else f"{said[:most]}…"


def _origin(row: dict[str, Any]) -> list[tuple[str, str]]:
    where = (
        f"{row.get('file')}, offset {row.get('offset'):,}" if row.get("offset") is not None else f"{row.get('file')}"
    )
    length = f", {row['length']:,} bytes stored" if row.get("length") is not None else ""
    rights = ", ".join(str(row[c]) for c in ("rights_basis", "licence", "licence_link") if row.get(c))
    robots = ", ".join(f"{c}: {row[c]}" for c in ("x_robots_tag", "robots_meta") if row.get(c))
    kind = [str(row[c]) for c in ("record_type", "http_status", "mime_declared") if row.get(c) is not None]
    return [
        ("source", _line(row.get("source") or "")),
        ("captured", f"{row['date']:%Y-%m-%d %H:%M:%S} UTC" if row.get("date") is not None else ""),
        ("record", where + length),
        ("response", _line(", ".join(kind))),
        ("body", f"{row['payload_bytes']:,} bytes" if row.get("payload_bytes") is not None else ""),
        ("truncated", _line(row.get("truncated") or "")),
        ("rights", _line(rights)),
        ("robots", _line(robots)),
    ]


def _decoded(row: dict[str, Any]) -> list[tuple[str, str]]:
    if row.get("encoding") is None:
        return []
    declared = row.get("charset_declared")
    return [
        ("encoding", f"{row['encoding']}, decided by {row.get('encoding_evidence')}"),
        ("HTTP said", _line(declared) if declared else "nothing"),
        ("replaced", f"{row.get('replaced_chars') or 0:,} characters"),
    ]


def _text(row: dict[str, Any]) -> list[tuple[str, str]]:
    language = f"{row['language']} {number(row.get('language_score'))}" if row.get("language") else ""
    kana = f", kana {number(row['kana_ratio'])}" if row.get("kana_ratio") is not None else ""
    text = row.get("text")
    return [
        ("extraction", _line(row.get("extraction") or "")),
        ("link density", number(row["link_density"]) if row.get("link_density") is not None else ""),
        ("site lines", f"{row['site_lines_removed']:,} removed" if row.get("site_lines_removed") else ""),
        ("language", language + kana),
        ("characters", f"{len(text):,}" if text is not None else ""),
        ("masked", masked(text)),
    ]


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
        ("size", f"{size:,} rows" if size is not None else ""),
        ("rank", f"{rank:,}{' (the best)' if rank == 0 else ''}" if rank is not None else ""),
        ("others", "\n".join(f"{key.hex()[:12]}  {fates.get(key, 'not found')}" for key in others)),
    ]


def _fates(run: Run, keys: list[bytes]) -> dict[bytes, str]:
    """What became of some rows, with their URLs."""
    found: dict[bytes, str] = {}
    for key in keys:
        if (row := find_row(run.release, key, ["url"])) is not None:
            found[key] = f"kept  {_line(row.get('url') or '', 70)}"
    left = pa.array([key for key in keys if key not in found], COLUMNS["id"].type)
    for shards, files in list(_row_files(run))[1:] if len(left) else ():
        for name in files:
            for batch in shards.open_file(name).iter_batches(8192, columns=["id", "url", "reason"]):
                for row in batch.filter(pc.is_in(batch.column("id"), value_set=left)).to_pylist():
                    found[row["id"]] = f"{row['reason']}  {_line(row['url'] or '', 70)}"
    return found


def _unknown(run: Run, page: str) -> str:
    where = f"{run.place.url}: no row of this run"
    if _ID.fullmatch(page.strip()):
        return f"{where} has an id that begins with {page.strip()}"
    near = nearest_urls(run, page)
    hint = f". Nearest URLs: {'  '.join(near)}" if near else ""
    return f"{where} has the URL {page}{hint}"


def nearest_urls(run: Run, page: str, most: int = 3) -> list[str]:
    """URLs of the run that are most like a string: of its host, where it names one; else of all."""
    host = (urlsplit(page if "://" in page else f"https://{page}").hostname or "").lower()
    best: list[tuple[float, str]] = []
    for shards, files in _row_files(run):
        for name in files:
            file = shards.open_file(name)
            for batch in file.iter_batches(8192, columns=["url", "host"]):
                same = pc.fill_null(pc.equal(batch.column("host"), host), False)
                urls = (batch.filter(same) if pc.any(same).as_py() else batch).column("url").drop_null()
                for url in urls.slice(0, 500).to_pylist():
                    match = difflib.SequenceMatcher(None, page, url)
                    if match.real_quick_ratio() > 0.5 and match.quick_ratio() > 0.5:
                        best = heapq.nlargest(most, {*best, (match.ratio(), url)})
    return [_line(url) for score, url in best if score > 0.5]
