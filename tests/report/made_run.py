"""A run folder with known fates, written by the engine's own sink and closing steps: two stages of a web recipe, no crawl needed.

    pages    reads 7 tasks' worth of records: http_status, not_japanese_bytes, japanese.language
    curated  near-duplicates known, swallow_v1 decides, cap

Texts carry hostile markup, so that whoever shows them must escape them.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from curation.document import COLUMNS, schema
from curation.filters.preset import load_preset
from curation.filters.threshold import Threshold, verdicts
from curation.place import Place
from curation.provenance import Source, key
from curation.step import Rejected, Step
from curation.work_list import WorkList
from curation.write_shards import WriteShards
from recipes.engine import run_record
from recipes.engine.manifests import finish_block
from recipes.engine.plan import Block, Plan, Together
from recipes.engine.source_read import SourceRead
from recipes.engine.spec import Recipe

HOSTILE = '<script>document.title="owned";console.error("owned")</script><img src=x onerror="document.title=1">'
PROSE = "精米は、玄米から糠を取り除く作業です。" * 30

ORIGIN = [
    "id",
    "source",
    "url",
    "host",
    "date",
    "file",
    "offset",
    "length",
    "record_type",
    "http_status",
    "mime_declared",
]
ORIGIN += ["charset_declared", "payload_digest", "payload_bytes", "x_robots_tag", "rights_basis", "licence"]
TEXT = ["encoding", "encoding_evidence", "replaced_chars", "title", "text", "extraction", "language", "language_score"]
TEXT += ["kana_ratio", "robots_meta", "licence_link"]
FEATURES = list(load_preset("swallow_v1").columns)
DEDUP = ["form_key", "cluster", "cluster_size", "cluster_rank", "cluster_examples", "repeat"]


@dataclass
class Made:
    """The folder of the made run, and what must be said of it."""

    folder: str
    rows_in: int
    rows_out: int
    rejected: dict[str, int]
    rows: dict[str, list[dict[str, Any]]]


class _Count(Step):
    """Stands for a step in the sink's pipeline, so that the manifest has its counts."""

    def __init__(self, name: str, rows: int, kept: int):
        super().__init__()
        self.name = name
        self.stat_update("rows", value=rows)
        self.stat_update("kept", value=kept)

    def columns(self, batch: pa.RecordBatch) -> dict[str, pa.Array]:
        return {}


def make_run(folder: Path, rows: int = 2000, partitions: int = 4, tasks: int = 3) -> Made:
    """Writes OUT/1 and OUT/stages. Row i's fate is told by i and by the thresholds of swallow_v1."""
    rng = np.random.default_rng(7)
    made = [_row(i, rng) for i in range(rows)]
    fates = [_early_fate(row) for row in made]
    pages = [row for row, fate in zip(made, fates, strict=True) if fate is None]
    gone = [(row, *fate) for row, fate in zip(made, fates, strict=True) if fate is not None]
    recipe = Recipe.model_validate(
        {
            "name": "corpus/made",
            "version": "1",
            "partitions": partitions,
            "sources": {"crawl": {"files": ["x"], "rights_basis": "著作権法30条の4"}},
            "stages": [
                {"name": "pages", "read": "crawl", "steps": ["decode", {"threshold": {"preset": "japanese"}}]},
                {
                    "name": "curated",
                    "read": "pages",
                    "steps": [{"threshold": {"preset": "swallow_v1"}}, {"cap": {"k": 4, "mode": "one"}}],
                },
            ],
        }
    )
    out = str(folder)
    source = SourceRead(Source("crawl", "著作権法30条の4", None), "warc", [_Input("a.warc.gz", 123456)], [], {})
    first = _block("pages", source, [_named(Threshold("japanese"), "pages", {"preset": "japanese"})], partitions)
    first.url = f"{out}/stages/pages-0123456789ab"
    decide = _named(Threshold("swallow_v1"), "curated", {"preset": "swallow_v1"})
    second = _block("curated", Together((first,)), [decide], partitions)
    second.release, second.url = True, f"{out}/1/curated"
    columns = ORIGIN + TEXT + FEATURES
    _write(first, columns, pages, gone, tasks)
    kept, late = _decide(pages)
    _write(second, columns + DEDUP, kept, late, tasks)
    plan = Plan(recipe, "made", [first, second], out)
    run_record.finish_run(plan)
    rejected: dict[str, int] = {}
    by_fate: dict[str, list[dict[str, Any]]] = {"kept": kept}
    for row, _, reason, *_ in [*gone, *late]:
        rejected[reason] = rejected.get(reason, 0) + 1
        by_fate.setdefault(reason, []).append(row)
    return Made(f"{out}/1", rows, len(kept), rejected, by_fate)


@dataclass
class _Input:
    file: str
    size: int
    stamp: str = "0"


def _named(step: Step, stage: str, params: dict[str, Any]) -> Step:
    step.recipe_parameters = params  # type: ignore[attr-defined]
    step.stage = stage
    return step


def _block(name: str, read: Any, steps: list[Step], partitions: int) -> Block:
    fingerprint = key("block", name).hex() * 2
    return Block(name, name, "rows", read, steps, [], 3, fingerprint, partitions)


def _write(
    block: Block, columns: list[str], kept: list[dict[str, Any]], gone: list[tuple[Any, ...]], tasks: int
) -> None:
    names = schema(columns).names
    block.columns, block.tasks = list(names), tasks
    for task in range(tasks):
        mine, lost = kept[task::tasks], gone[task::tasks]
        total = len(mine) + len(lost)
        sink = WriteShards(
            block.url, names, block.partitions, {}, [_Count("read_warc", total, len(mine))], content=block.release
        )
        items: list[Any] = [_batch(mine, names)] if mine else []
        if lost:
            batch = _batch([row for row, *_ in lost], names)
            for at, name in enumerate(("step", "reason", "value", "threshold")):
                kind = pa.float64() if name in ("value", "threshold") else pa.string()
                batch = batch.append_column(name, pa.array([g[at + 1] for g in lost], kind))
            items.append(Rejected(batch.append_column("stage", pa.repeat(block.stage, len(lost)))))
        for item in items:
            if isinstance(item, Rejected):
                item.batch = item.batch.append_column("detail", pa.nulls(item.batch.num_rows, pa.string()))
        list(sink.run(iter(items), rank=task))
    WorkList.write(Place(block.url), [[]] * block.tasks)  # rows that no file held
    finish_block(block, Place(block.url))


def _batch(rows: list[dict[str, Any]], names: list[str]) -> pa.RecordBatch:
    arrays = [pa.array([row.get(n) for row in rows], COLUMNS[n].type) for n in names]
    return pa.RecordBatch.from_arrays(arrays, names=list(names))


def _row(i: int, rng: np.random.Generator) -> dict[str, Any]:
    host = ["komeya.example.jp", "matsuri.example.jp", "tosho.example.jp", "ads.example.com", HOSTILE][min(4, i % 7)]
    text = PROSE + (HOSTILE if i % 3 == 0 else "") + f"第{i}話。"
    row: dict[str, Any] = {
        "id": key("made", i),
        "source": "crawl",
        "url": f"https://{host}/page/{i}.html",
        "host": host,
        "date": 1_790_000_000 + i,
        "file": f"part-{i % 5}.warc.gz",
        "offset": 1000 * i,
        "length": 900,
        "record_type": "response",
        "http_status": 404 if i % 10 == 9 else 200,
        "charset_declared": ["utf-8", "Shift_JIS", None, "utf-8", "EUC-JP"][i % 5],
        "payload_digest": key("payload", i),
        "payload_bytes": 20_000,
        "x_robots_tag": "noai" if i % 50 == 1 else None,
        "rights_basis": "著作権法30条の4",
        "encoding": ["utf-8", "cp932", "utf-8", "cp932", "euc_jis_2004"][i % 5],
        "encoding_evidence": ["http", "http", "detected", "meta", "http"][i % 5],
        "replaced_chars": 3 if i % 40 == 0 else 0,
        "text": text,
        "title": HOSTILE,
        "extraction": "main",
        "language": "en" if i % 5 == 4 else "ja",
        "language_score": 0.97,
        "kana_ratio": 0.0 if i % 5 == 4 else 0.5,
        "robots_meta": "noindex, nofollow" if i % 25 == 2 else None,
        "licence_link": "https://creativecommons.org/licenses/by/4.0/" if i % 100 == 3 else None,
    }
    for column in FEATURES:
        row[column] = float(rng.beta(1.2, 14)) if rng.random() < 0.5 else 0.0
    row |= {
        "chars": int(rng.lognormal(7.2, 1.0)),
        "max_sentence_chars": int(rng.lognormal(4.6, 0.5)),
        "mean_sentence_chars": float(rng.normal(42, 14)),
        "hiragana_fraction": float(rng.normal(0.5, 0.1)),
        "japanese_fraction": float(min(1.0, rng.normal(0.85, 0.08))),
    }
    row["japanese_letters"] = int(row["chars"] * row["japanese_fraction"])
    return row


def _early_fate(row: dict[str, Any]) -> tuple[str, str, float | None, float | None] | None:
    """(step, reason, value, threshold), or None for a page that goes on."""
    if row["http_status"] != 200:
        return "read_warc", "http_status", 404.0, None
    if row["offset"] % 4000 == 2000:
        return "sniff", "not_japanese_bytes", 0.0, None
    if row["language"] != "ja":
        return "threshold", "japanese.language", None, None
    return None


def _decide(pages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[tuple[Any, ...]]]:
    """Every run of three pages in order is one cluster; swallow_v1 decides; the first that passes stays."""
    shown: dict[bytes, bytes] = {}
    kept: list[dict[str, Any]] = []
    gone: list[tuple[Any, ...]] = []
    found = verdicts([load_preset("swallow_v1")], _batch(pages, FEATURES))
    columns = [found[name].to_pylist() for name in ("reason", "value", "threshold")]
    for at, (row, reason, value, bound) in enumerate(zip(pages, *columns, strict=True)):
        first = pages[at - at % 3]
        members = [p["id"] for p in pages[at - at % 3 : at - at % 3 + 3]]
        row |= {"form_key": key("form", row["id"]), "cluster": key("form", first["id"]), "cluster_size": len(members)}
        row |= {"cluster_rank": at % 3, "cluster_examples": [m for m in members if m != row["id"]], "repeat": 1}
        if reason is not None:
            gone.append((row, "threshold", reason, value, bound))
        elif row["cluster"] in shown:
            gone.append((row, "cap", "near_duplicate", 0.91, 0.8))
        else:
            shown[row["cluster"]] = row["id"]
            kept.append(row)
    return kept, gone
