"""A sheet written: rows of a task, of one stratum or all, for people who work in a spreadsheet.

Without `shows_answers` it is empty but for what is shown, and what comes back counts like an answer of Argilla. With it, rows
that were answered stand there with the value that most people gave, to be corrected; what comes back is a correction, which counts
as one person's answer but not for agreement. Which answer stands in A is as in Argilla. Harmful content is written only where it is
asked for.
"""

import secrets
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from annotation.errors import ReviewError
from annotation.labels import Labels, Row
from annotation.questions import Task
from annotation.review_tasks import Language, base, of_version, rewritten, warning
from annotation.sheets import file
from annotation.sheets.cell import is_cut
from annotation.sheets.columns import ID, SAID, Column, cells_of, columns_of, said, shown
from annotation.sheets.unit import COLUMNS, Name, Unit, in_places, stated, units


@dataclass(frozen=True)
class Wanted:
    """What a sheet is to hold. stratum, source, version: None takes every stratum and source, and the newest version."""

    task: str
    stratum: str | None = None
    source: str | None = None
    version: str | None = None
    shows_answers: bool = False
    harmful: bool = False


@dataclass
class Written:
    """A sheet that was written. cut: ids of lines with a text that a cell cannot hold; older: rows of other versions, left out."""

    sheet: str
    task: Task
    lines: int = 0
    cut: list[str] = field(default_factory=list[str])
    older: int = 0


def write_sheet(labels: Labels, path: Path, wanted: Wanted) -> Written:
    """Writes a sheet and keeps what it says. Raises ReviewError where no row is such, and for a file that is there already."""
    file.check_kind(path)
    if path.exists():
        raise ReviewError(f"{path} is there already, and answers in it would be lost; take another name")
    with labels.writing():
        every = units(labels, labels.records(COLUMNS))
        chosen, (task, language), older = _chosen(labels, every, wanted)
        done = Written(f"s{secrets.token_hex(4)[:7]}", task, older=older)
        columns = columns_of(task, wanted.shows_answers, language)
        now, lines, kept = datetime.now(UTC), list[dict[str, str]](), list[Row]()
        for record, unit in chosen:
            line = f"{done.sheet}-{record['external_id'][:12]}"
            fields = orjson.loads(record["fields"])
            cells = _filled(task, record, unit, fields, wanted.shows_answers)
            texts = {column.name: shown(fields, column.name) for column in columns if column.question is None}
            texts |= {ID: line, SAID: _said(task, unit, record) if wanted.shows_answers else ""}
            if any(is_cut(text) for text in (*texts.values(), *cells.values())):
                done.cut.append(line)
            lines.append(texts | cells)
            kept.append(
                {name: record[name] for name in ("external_id", "task", "version", "dataset", "source", "row", "content", "stratum")}
                | {"sheet": done.sheet, "line": line, "shows_answers": wanted.shows_answers, "at": now}
                | {"cells": orjson.dumps(cells).decode(), "states": stated(unit.states)}
            )  # fmt: skip
        labels.append("sheets", kept)
        file.write(path, columns, lines, _help(task, columns, language))
        done.lines = len(lines)
    return done


def _chosen(
    labels: Labels, every: Mapping[Name, Unit], wanted: Wanted
) -> tuple[list[tuple[Row, Unit]], tuple[Task, Language], int]:
    """Rows of one version with their records, and how many rows of the task are of others."""
    rows = [(unit.record, unit) for unit in every.values() if unit.records]
    rows = [(r, u) for r, u in rows if base(r["task"]) == wanted.task and bool(r["harmful"]) == wanted.harmful]
    where = f"{labels.folder}: '{wanted.task}'{' (harmful)' if wanted.harmful else ''}"
    if not rows:
        raise ReviewError(f"{where} has no row before people; `seimai review push` puts rows there")
    if wanted.source is not None and not (rows := [(r, u) for r, u in rows if r["source"] == wanted.source]):
        known = ", ".join(sorted({u.record["source"] for u in every.values() if u.records}))
        raise ReviewError(f"{where} has no row of the source '{wanted.source}'; there are {known}")
    versions = Counter((r["task"], r["version"]) for r, _ in rows)
    listed = ", ".join(f"{version} ({count:,} rows of {name})" for (name, version), count in versions.items())
    names = [(r["task"], r["version"]) for r, _ in rows if wanted.version in (None, r["version"])]
    if not names:
        raise ReviewError(f"{where} has no version {wanted.version}; there are {listed}")
    name = names[-1]  # the last that was pushed
    rows = [(r, u) for r, u in rows if (r["task"], r["version"]) == name]
    if (task := of_version(*name)) is None:
        raise ReviewError(
            f"{where}: the words of version {name[1]} are no longer those of this seimai; there are {listed}"
        )
    if wanted.stratum is not None:
        strata = Counter(r["stratum"] for r, _ in rows)
        if wanted.stratum not in strata:
            known = ", ".join(f"{stratum} ({count:,})" for stratum, count in sorted(strata.items()))
            others = f"; --version takes others: {listed}" if len(versions) > 1 else ""
            raise ReviewError(
                f"{where} has no stratum '{wanted.stratum}'; there are {known} in version {name[1]}{others}"
            )
        rows = [(r, u) for r, u in rows if r["stratum"] == wanted.stratum]
    if wanted.shows_answers and not (rows := [(r, u) for r, u in rows if u.counted]):
        raise ReviewError(f"{where}: nobody has answered such a row yet; `seimai review pull` takes answers")
    return rows, task, sum(versions.values()) - versions[name]


def _filled(task: Task, record: Row, unit: Unit, fields: Mapping[str, Any], shows_answers: bool) -> dict[str, str]:
    """Cells of questions as they are written: what most people said, and the text that a rewrite begins with."""
    cells = cells_of(task, unit.most(task, record)) if shows_answers else {}
    if (begins := rewritten(base(task.name))) is not None:
        cells.setdefault(begins[0], shown(fields, begins[1]))
    return cells


def _said(task: Task, unit: Unit, record: Row) -> str:
    """How often what was said, a line a question; texts and spans are left out."""
    lines: list[str] = []
    for question in task.questions:
        if question.asks in ("text", "span"):
            continue
        counts: Counter[str] = Counter()
        for answer in unit.counted:
            own = orjson.loads(answer["values"])
            value = in_places(task, own, record["order"]).get(question.name)
            if value is not None:
                counts[said(question, value)] += 1
        if counts:
            lines.append(f"{question.title}：{'、'.join(f'{text}×{count}' for text, count in counts.most_common())}")
    return "\n".join(lines)


def _help(task: Task, columns: list[Column], language: Language) -> list[str]:
    """What stands on the second sheet of an XLSX: how to fill in the first, and the guidelines."""
    ja = [
        "白い列だけに書いてください。灰色の列と「番号」は書き換えず、列も行も消さないでください（行の並べ替えは、表全体でなら構いません）。",
        "何も書かなかった行は、回答になりません。すでに入っている答えのままでよいときは、「確認済み」に「済」と書いてください。",
        "答えを選ぶ列には、次のどれかを書きます。",
    ]
    en = [
        "Fill in the white columns alone. Leave grey ones and ids as they are, and delete nothing; sort whole rows only.",
        "A line that you change nothing in is no answer. Where what stands there already is right, write ok into 'checked'.",
        "Columns with choices take one of these:",
    ]
    choices = [f"　{column.title}：{' ／ '.join(column.choices)}" for column in columns if column.choices]
    for question in task.questions:
        if question.asks == "labels":
            choices.append(f"　{question.title}：{' ／ '.join((question.labels or {}).values())}")
    warned = [warning(language), ""] if any(field.name == "warning" for field in task.fields) else []
    return [*warned, *(ja if language == "ja" else en), *choices, "", *task.guidelines.splitlines()]
