"""Label shards with rows before people, and spreadsheets as Excel gives them back."""

import csv
import io
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
from openpyxl import load_workbook

from annotation.items import Item
from annotation.labels import Labels, Row
from annotation.pull import typed
from annotation.push import Order, line_of
from annotation.record import in_own_order, records_of
from annotation.review_tasks import base, task
from annotation.sheets.columns import name_of
from curation.provenance import key
from tests.annotation.test_labels import NOW
from tests.annotation.test_labels import answer as line_of_answer

SOURCE = "trial/set"
PROMPT = [{"role": "user", "content": "庭の梅について、三十字くらいで書いてください。"}]

Line = dict[str, Any]


def item(n: int, *texts: str, people: int = 1, stratum: str = "all", prompt: Any = None, **other: Any) -> Item:
    """A row with one answer or several."""
    said = texts or (f"{n} 番の梅の花がよく咲いています。",)
    answers = tuple(key("answer", n, i) for i in range(len(said)))
    said_of = other.pop("about", {})
    about = {"function": "summary", "strategy": "jury" if "margin" in said_of else "delta"} | said_of
    return Item(
        key("row", n),
        key("doc", n),
        prompt or PROMPT,
        "",
        said,
        answers,
        about,
        people=people,
        stratum=stratum,
        **other,
    )


def push(labels: Labels, name: str, items: list[Item], **changed: Any) -> list[Row]:
    """Puts rows before people: lines of `records/`."""
    of = task(name, answers=max(2, *(len(i.texts) for i in items)), harmful=any(i.harmful for i in items))
    with labels.writing():
        made = [(i, r) for i in items for r in records_of(of, i, SOURCE, labels.salt)]
        lines = [line_of(Order(of, SOURCE), f"{r.workspace}/{of.dataset}-1", r, NOW) | changed for _, r in made]
        labels.append("records", lines)
    return lines


def answered(labels: Labels, record: Row, who: str, given: Mapping[str, Any], **other: Any) -> Row:
    """An answer of Argilla about a record, in the annotator's places."""
    of = task(base(record["task"]), answers=max(2, len(record["answers"])), harmful="harmful" in record["task"])
    values = in_own_order(of, given, record["order"])
    said = {
        name: record[name]
        for name in ("external_id", "task", "version", "dataset", "source", "row", "content", "mirrored")
    }
    said |= {"annotator": who, "given": orjson.dumps(given).decode(), "values": orjson.dumps(values).decode()}
    said |= {"origin": "argilla", "sheet": None, **typed(of, record, given, values)}
    n = other.get("n", 1)
    said |= {"given_at": NOW, "updated_at": NOW + timedelta(minutes=n)}
    row = line_of_answer(
        f"{record['external_id'][:8]}-{who}", n, **(said | {k: v for k, v in other.items() if k != "n"})
    )
    labels.append("answers", [row])
    return row


def xlsx_lines(path: Path) -> list[Line]:
    """Cells of the first worksheet by name of column, as texts."""
    header, *rows = load_workbook(path).worksheets[0].iter_rows(values_only=True)
    return [dict(zip(map(name_of, map(str, header)), (v or "" for v in row), strict=True)) for row in rows]


def csv_lines(path: Path) -> list[Line]:
    """Cells of a CSV by name of column, as they stand in it."""
    header, *rows = csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
    return [dict(zip(map(name_of, header), row, strict=True)) for row in rows]


def edit_xlsx(path: Path, change: Callable[[int, dict[str, Any]], None]) -> Path:
    """The sheet as somebody saved it: `change` is given each line (from 0) with its cells by name of column."""
    book = load_workbook(path)
    sheet = book.worksheets[0]
    names = [name_of(str(cell.value)) for cell in sheet[1]]
    for number, row in enumerate(sheet.iter_rows(min_row=2)):
        change(number, dict(zip(names, row, strict=True)))
    saved = path.with_name("filled.xlsx")
    book.save(saved)
    return saved


def edit_csv(
    path: Path, change: Callable[[int, Line], None], encoding: str = "utf-8-sig", name: str = "filled.csv"
) -> Path:
    """The CSV as somebody saved it, in an encoding; what that lacks becomes ? as Windows does it, twice for a surrogate pair."""
    header, *rows = csv.reader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline=""))
    names = list(map(name_of, header))
    lines = [dict(zip(names, row, strict=True)) for row in rows]
    for number, line in enumerate(lines):
        change(number, line)
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([header, *([line[name] for name in names] for line in lines)])
    text = out.getvalue()
    if encoding == "cp932":
        text = "".join("??" if ord(c) > 0xFFFF else c for c in text)
    saved = path.with_name(name)
    saved.write_bytes(text.encode(encoding, "replace"))
    return saved
