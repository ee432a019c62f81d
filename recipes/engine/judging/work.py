"""What judges are asked, written down once before the first worker starts: the same whatever the workers.

    OUT/stages/jury-4f0c9a1b77d0/
      work/00000/comparisons.parquet   what task 0 compares; prompts are in the tasks by their key
      work/00000/answers.parquet       what it scores by a rubric
      flagged.parquet                  answers that speak to whoever grades them: for people
      layout.json                      tasks, counts, what was read; written last

Compared are answers that became rows, or would have if more had been wanted, and those of which a verifier could not tell. Two
generations may hold one answer (a program's, or the same words of two models): it is asked about once.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa

from curation.document import KEY
from curation.parquet_file import read_parquet, write_parquet
from curation.place import Place
from curation.provenance import key
from curation.shards import MANIFEST
from recipes.engine.generation.plan import Generation
from recipes.engine.judging.plan import Jury
from synth.engine.content_key import canonical
from synth.judge.asking import Question
from synth.judge.comparison import Comparison, comparisons, flagged, judgeable
from synth.pairing.answers import SURPLUS
from synth.pairing.pool import File

FILE = "layout.json"
READ = ("id", "prompt_key", "function", "messages", "tools", "answer", "answer_origin", "model", "verdict", "reason")
"""Columns of a generation's file that judging reads."""
JUDGED = (None, *SURPLUS, "verdict_abstain")
"""Reasons of candidates that judges may see; None for rows."""

ANSWER = pa.schema(
    [
        ("id", KEY), ("prompt_key", KEY), ("function", pa.string()), ("messages", pa.large_string()), ("tools", pa.large_string()),
        ("answer", pa.large_string()), ("answer_origin", pa.string()), ("model", pa.string()), ("verdict", pa.string()),
    ]
)  # fmt: skip
"""An answer that is scored, or that people are to look at."""

COMPARISON = pa.schema(
    [
        ("comparison", KEY), ("prompt_key", KEY), ("a", KEY), ("b", KEY), ("function", pa.string()), ("prompt", pa.large_string()),
        ("tools", pa.large_string()), ("answer_a", pa.large_string()), ("answer_b", pa.large_string()), ("author_a", pa.string()),
        ("author_b", pa.string()),
    ]
)  # fmt: skip
"""A comparison as a worker reads it."""


def reads(generations: Sequence[Generation]) -> list[dict[str, Any]]:
    """Each generation by name, fingerprint and content of its set."""
    said = []
    for g in generations:
        manifest = Place(g.url).read_json(MANIFEST)
        said.append({"name": g.name, "fingerprint": manifest["fingerprint"], "content": manifest["content"]})
    return said


def write_work(jury: Jury, tasks: int) -> dict[str, Any]:
    """Writes what is asked, where that was not done of just these rows. Returns its layout, which may have other tasks."""
    place, read = Place(jury.work), reads(jury.generations)
    if place.exists() and not (place.exists(FILE) and place.read_json(FILE)["read"] == read):
        place.remove()
    if place.exists(FILE):  # begun with another number of workers: it ends with that
        return place.read_json(FILE)
    spec, answers, aside, counts = jury.spec, list[dict[str, Any]](), list[dict[str, Any]](), Counter[str]()
    kinds: dict[bytes, Counter[str]] = defaultdict(Counter)
    seen = set[bytes]()
    for row in _rows(jury.generations):
        kind = _kind(row)
        if kind in ("judgeable", "flagged"):
            kind = "repeated" if row["id"] in seen else kind
            seen.add(row["id"])
        counts[kind] += 1
        kinds[row["prompt_key"]][kind] += 1
        if kind in ("judgeable", "flagged"):
            (answers if kind == "judgeable" else aside).append(row)
    every = comparisons(answers, spec.per_prompt, spec.salt)
    compared = sorted(every, key=lambda c: key("asked", spec.salt, c.id))[: spec.most]
    scored = sorted(answers, key=lambda r: key("scored", spec.salt, r["id"]))[: spec.most] if spec.rubric else []
    for task in range(tasks):
        mine = sorted((c for c in compared if _task(c.prompt_key, tasks) == task), key=lambda c: c.id)
        theirs = sorted((r for r in scored if _task(r["prompt_key"], tasks) == task), key=lambda r: r["id"])
        write_parquet(place, f"work/{task:05d}/comparisons.parquet", _comparison_table(mine))
        write_parquet(place, f"work/{task:05d}/answers.parquet", _answer_table(theirs))
    write_parquet(place, "flagged.parquet", _answer_table(sorted(aside, key=lambda r: r["id"])))
    several = {c.prompt_key for c in every}
    layout = {
        "read": read,
        "tasks": tasks,
        "answers": {name: counts[name] for name in ("judgeable", "flagged", "failed", "repeated", "unused")},
        "prompts": {
            "read": len(kinds),
            "compared": len({c.prompt_key for c in compared}),
            "one_answer": sum(k["judgeable"] > 0 and p not in several for p, k in kinds.items()),
            "none_judgeable": sum(not k["judgeable"] for k in kinds.values()),
        },
        "comparisons": {"there": len(every), "asked": len(compared)},
        "scored": len(scored),
    }
    place.write_json(FILE, layout)
    return layout


def _task(prompt: bytes, tasks: int) -> int:
    return int.from_bytes(prompt[:8]) % tasks


def _rows(generations: Sequence[Generation]) -> Iterator[dict[str, Any]]:
    """Rows and refused candidates of all generations."""
    for g in generations:
        for file in Place(g.url).read_json(MANIFEST)["files"]:
            if re.match(r"(?:data|refused)/", file["path"]) and file["rows"]:
                for _, table in File(g.url, file["path"]).batches(READ):
                    yield from table.to_pylist()


def _kind(row: Mapping[str, Any]) -> str:
    """`judgeable`, `flagged` (it speaks to its judge), `failed` (a verifier says so), or `unused` (refused for another reason)."""
    if row.get("reason") == "verdict_fail":
        return "failed"
    if row.get("reason") not in JUDGED or not judgeable(row):
        return "unused"
    return "flagged" if flagged(row) else "judgeable"


def _answer_table(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([{name: row[name] for name in ANSWER.names} for row in rows], schema=ANSWER)


def _comparison_table(compared: Sequence[Comparison]) -> pa.Table:
    made = [
        {
            "comparison": c.id, "prompt_key": c.prompt_key, "a": c.a, "b": c.b, "function": c.question.function,
            "prompt": canonical(list(c.question.prompt)).decode(), "tools": c.question.tools,
            "answer_a": c.question.answers[0], "answer_b": c.question.answers[1],
            "author_a": c.authors[0], "author_b": c.authors[1],
        }
        for c in compared
    ]  # fmt: skip
    return pa.Table.from_pylist(made, schema=COMPARISON)


def read_work(place: Place, task: int) -> tuple[list[Comparison], list[dict[str, Any]]]:
    """What a task compares, and what it scores."""
    rows = read_parquet(place, f"work/{task:05d}/comparisons.parquet").to_pylist()
    compared = [
        Comparison(
            r["comparison"], r["prompt_key"], r["a"], r["b"],
            Question(r["function"], orjson.loads(r["prompt"]), (r["answer_a"], r["answer_b"]), r["tools"]),
            (r["author_a"], r["author_b"]),
        )
        for r in rows
    ]  # fmt: skip
    return compared, read_parquet(place, f"work/{task:05d}/answers.parquet").to_pylist()
