"""One line of a sheet that came back, held against what was written: which cells were changed, and the answer that they make.

Everything that is wrong with a line is told at once. Of a text that Excel turns into a number or a date when it opens a CSV (0012,
1/2) nothing can be said, so such a text is not compared.
"""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson

from annotation.labels import Row
from annotation.questions import Question, Task
from annotation.review_tasks import SKIP, Language
from annotation.sheets.cell import LONGEST, lost, plain, same, units, visible
from annotation.sheets.columns import CHECK, CHECKED, ID, SAID, CellError, Column, columns_of, shown, value_of
from annotation.sheets.conflict import Conflict
from annotation.sheets.file import Cell

_TURNED = re.compile(r"[\d\s.,:/+%¥$￥年月日時分秒eE()-]{1,40}|true|false", re.IGNORECASE)
"""What a spreadsheet may make a number, a date or a truth of."""


class Refused(Exception):
    """A line that is not taken."""

    def __init__(self, *conflicts: Conflict):
        super().__init__(*conflicts)
        self.conflicts = conflicts


@dataclass(frozen=True)
class Line:
    """A line that came back. number: in the file; of: what was written (`annotation.label.SHEETS`)."""

    number: int
    cells: Mapping[str, Cell]
    of: Row
    task: Task
    language: Language
    shift_jis: bool

    @cached_property
    def columns(self) -> list[Column]:
        """The columns that it was written with."""
        return columns_of(self.task, self.of["shows_answers"], self.language)

    @cached_property
    def written(self) -> dict[str, str]:
        """What the cells to be filled in held."""
        return orjson.loads(self.of["cells"])

    def refused(self, kind: str, column: str = "", found: str = "", wanted: str = "") -> Conflict:
        """Something for which it is not taken."""
        return Conflict(self.number, self.of["line"], kind, column, found, wanted)

    def cell(self, name: str) -> Cell:
        """A cell; an empty one where the line ends before it."""
        return self.cells.get(name, Cell())


@dataclass(frozen=True)
class Filled:
    """An answer, in the places of the record that was shown. changed: questions with a cell that was changed."""

    values: dict[str, Any]
    changed: frozenset[str]

    @property
    def skipped(self) -> bool:
        """Whether harmful content was left at no cost."""
        return SKIP in self.values


def read_line(line: Line, fields: Mapping[str, Any]) -> Filled | None:
    """The answer of a line; None where nothing was changed and it is not marked as checked. Raises Refused. fields: of its record."""
    wrong: list[Conflict] = []
    for column in line.columns:
        if column.question is None and column.name not in (ID, CHECK, SAID):
            text = visible(shown(fields, column.name))
            if not _TURNED.fullmatch(text.strip()) and not same(text, line.cell(column.name).text, line.shift_jis):
                wrong.append(line.refused("moved_text", column.title))
    changed = frozenset(c.question.name for c in line.columns if c.question is not None and _changed(line, c))
    if not changed and not _checked(line):
        if wrong and not _empty(line):
            raise Refused(*wrong)
        return None
    values: dict[str, Any] = {}
    for question in line.task.questions:
        columns = [c for c in line.columns if c.question is not None and c.question.name == question.name]
        if question.asks == "span":
            wrong += [line.refused("spans", question.title)] if question.name in changed else []
            continue
        odd = [found for column in columns if (found := _odd(line, column)) is not None]
        if odd:
            wrong += odd
            continue
        try:
            value = value_of(question, [(c.part, _text(line, c)) for c in columns])
        except CellError as error:
            wrong.append(line.refused("unknown_value", question.title, error.found, error.wanted))
            continue
        if value is not None:
            values[question.name] = value
    filled = Filled(values, changed)
    wrong += [line.refused("incomplete", q.title) for q in _lacking(line.task.questions, filled, wrong)]
    if wrong:
        raise Refused(*wrong)
    return filled


def written_value(line: Line, question: Question) -> Any:
    """The value that a question had when the sheet was written."""
    columns = [c for c in line.columns if c.question is not None and c.question.name == question.name]
    return value_of(question, [(c.part, line.written.get(c.name, "")) for c in columns])


def _lacking(questions: Sequence[Question], filled: Filled, wrong: Sequence[Conflict]) -> list[Question]:
    if filled.skipped:
        return []
    told = {conflict.column for conflict in wrong}
    return [
        q for q in questions if q.required and q.asks != "span" and q.name not in filled.values and q.title not in told
    ]


def _changed(line: Line, column: Column) -> bool:
    cell = line.cell(column.name)
    return bool(cell.odd) or not same(visible(line.written.get(column.name, "")), cell.text, line.shift_jis)


def _text(line: Line, column: Column) -> str:
    """What the cell says: as it was written where nothing was changed, so that a cut or a lost character is none."""
    if not _changed(line, column):
        return line.written.get(column.name, "")
    return plain(line.cell(column.name).text.replace("\r\n", "\n").replace("\r", "\n"))


def _odd(line: Line, column: Column) -> Conflict | None:
    """What is wrong with a changed cell before it is read."""
    cell = line.cell(column.name)
    if not _changed(line, column):
        return None
    if cell.odd:
        return line.refused(cell.odd, column.title, cell.text)
    if units(cell.text) >= LONGEST:
        return line.refused("too_long", column.title, f"{units(cell.text):,}")
    written = line.written.get(column.name, "")
    if line.shift_jis and (gone := lost(written) or ("?" if "?" in cell.text and "?" not in written else "")):
        return line.refused("lost_characters", column.title, gone)
    return None


def _checked(line: Line) -> bool:
    said = unicodedata.normalize("NFKC", line.cell(CHECK).text).strip().casefold()
    return said in {unicodedata.normalize("NFKC", word).casefold() for word in CHECKED}


def _empty(line: Line) -> bool:
    return not any(cell.text.strip() for name, cell in line.cells.items() if name != ID)
