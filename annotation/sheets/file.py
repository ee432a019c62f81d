"""A sheet as a file: CSV (UTF-8 with its mark, which tells Excel so) or XLSX; written, and read as Excel left it.

XLSX holds every cell as text with Excel's own quote prefix, so nothing is evaluated and no zero is lost, choices as lists to choose
from, columns that are only shown in grey, and a second sheet that says how to fill it in. Read are XLSX, and CSV in UTF-8, UTF-16 or
Shift_JIS with commas, tabs or semicolons.
"""

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from annotation.errors import ReviewError
from annotation.sheets.cell import escaped, visible
from annotation.sheets.columns import ID, Column, name_of

if TYPE_CHECKING:
    from openpyxl.worksheet.worksheet import Worksheet

KINDS = (".csv", ".xlsx")
MOST_BYTES = 1 << 30
"""Bytes of a file, and of what a compressed one holds."""
CODE = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
"""What XLSX takes for a character's code (_x0041_ is A); its own escape stands before one that is none."""
_LISTED = 255
"""Characters of a list of choices that Excel takes."""


@dataclass(frozen=True)
class Cell:
    """A cell as it was read. odd: formula | not_text where it holds something that is no text."""

    text: str = ""
    odd: str = ""


@dataclass
class Found:
    """A file as it was read. lines: number in the file and cells by name of column; shift_jis: the encoding lost characters."""

    columns: list[str] = field(default_factory=list[str])
    lines: list[tuple[int, dict[str, Cell]]] = field(default_factory=list[tuple[int, dict[str, Cell]]])
    shift_jis: bool = False


def check_kind(path: Path) -> None:
    """Raises ReviewError for a file that is neither CSV nor XLSX by its name."""
    if path.suffix.lower() not in KINDS:
        raise ReviewError(f"{path}: a sheet is .csv or .xlsx")


def write(path: Path, columns: Sequence[Column], lines: Sequence[Mapping[str, str]], help_lines: Sequence[str]) -> None:
    """Writes a new file. Raises ReviewError where it is there already: answers in it would be lost."""
    check_kind(path)
    if path.exists():
        raise ReviewError(f"{path} is there already, and answers in it would be lost; take another name")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = _csv(columns, lines) if path.suffix.lower() == ".csv" else _xlsx(columns, lines, help_lines)
        path.write_bytes(content)
    except OSError as error:
        raise ReviewError(f"{path}: cannot be written ({error.strerror})") from error


def _csv(columns: Sequence[Column], lines: Iterable[Mapping[str, str]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([column.header for column in columns])
    for line in lines:
        writer.writerow([escaped(visible(line.get(column.name, ""))) for column in columns])
    return out.getvalue().encode("utf-8-sig")


def _xlsx(columns: Sequence[Column], lines: Sequence[Mapping[str, str]], help_lines: Sequence[str]) -> bytes:
    from openpyxl import Workbook
    from openpyxl.styles import Alignment, Font, PatternFill
    from openpyxl.utils import get_column_letter

    book = Workbook()
    sheet: Worksheet = book.active  # type: ignore[assignment]
    sheet.title = "回答"
    grey, wrapped = PatternFill("solid", fgColor="EFEFEA"), Alignment(vertical="top", wrap_text=True)
    for at, column in enumerate(columns, 1):
        _put(sheet, 1, at, column.header, font=Font(bold=True), alignment=wrapped)
        sheet.column_dimensions[get_column_letter(at)].width = column.width
        for number, line in enumerate(lines, 2):
            fill = {} if column.asked else {"fill": grey}
            _put(sheet, number, at, line.get(column.name, ""), alignment=wrapped, number_format="@", **fill)
        if not column.asked and not any(line.get(column.name) for line in lines):
            sheet.column_dimensions[get_column_letter(at)].hidden = True
        if lines:
            _offer(sheet, column, f"{get_column_letter(at)}2:{get_column_letter(at)}{len(lines) + 1}")
    sheet.freeze_panes = "B2"
    told = book.create_sheet("書き方")
    told.column_dimensions["A"].width = 100
    for number, said in enumerate(help_lines, 1):
        _put(told, number, 1, said, alignment=wrapped)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _put(sheet: "Worksheet", row: int, column: int, text: str, **style: Any) -> None:
    cell: Any = sheet.cell(row, column)
    if text:
        cell.value = CODE.sub("_x005F_", visible(text))
        cell.data_type = "s"  # a text that begins with = would be written as a formula
        cell.quotePrefix = True  # Excel's own apostrophe: it stays a text when it is edited
    for name, value in style.items():
        setattr(cell, name, value)


def _offer(sheet: "Worksheet", column: Column, cells: str) -> None:
    """Choices as a list beside the cells of a column, where Excel takes a list of that length."""
    from openpyxl.worksheet.datavalidation import DataValidation

    said = ",".join(column.choices)
    if column.choices and len(said) <= _LISTED and not any("," in one or '"' in one for one in column.choices):
        offered = DataValidation(type="list", formula1=f'"{said}"', allow_blank=True, showErrorMessage=False)
        offered.add(cells)
        sheet.add_data_validation(offered)


def read(path: Path) -> Found:
    """A file as it is. Raises ReviewError for one that cannot be read or has no column of ids."""
    check_kind(path)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ReviewError(f"{path}: is larger than {MOST_BYTES >> 20} MiB; no sheet of a review is")
        raw = path.read_bytes()
    except OSError as error:
        raise ReviewError(f"{path}: cannot be read ({error.strerror})") from error
    if not raw:
        raise ReviewError(f"{path}: is empty")
    found = Found()
    if raw[:4] == b"PK\x03\x04":
        table = _worksheet(path, raw)
    elif raw[:4] == b"\xd0\xcf\x11\xe0":
        raise ReviewError(f"{path}: has a password or is of Excel 97 (.xls); save it as .xlsx without a password")
    else:
        text, found.shift_jis = _decoded(path, raw)
        table = _lines(path, text)
    number, header = next(table, (0, []))
    found.columns = [name_of(cell.text) for cell in header]
    if ID not in found.columns:
        raise ReviewError(
            f"{path}: the first line names no column '{ID}'; found {', '.join(found.columns)[:300] or 'nothing'}"
        )
    if twice := sorted({name for name in found.columns if name and found.columns.count(name) > 1}):
        raise ReviewError(f"{path}: the column '{twice[0]}' is there twice; leave one of them")
    for number, cells in table:
        line = {name: cell for name, cell in zip(found.columns, cells, strict=False) if name}
        if any(cell.text.strip() or cell.odd for cell in line.values()):
            found.lines.append((number, line))
    return found


def _decoded(path: Path, raw: bytes) -> tuple[str, bool]:
    """The text of a CSV, and whether it is in Shift_JIS."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", "replace"), False
    try:
        return raw.decode("utf-8-sig"), False
    except UnicodeDecodeError as first:
        try:
            return raw.decode("cp932"), True
        except UnicodeDecodeError as error:
            raise ReviewError(
                f"{path}: is neither UTF-8 (byte {first.start:,}) nor Shift_JIS (byte {error.start:,}); save it as XLSX"
            ) from error


def _lines(path: Path, text: str) -> Iterator[tuple[int, list[Cell]]]:
    header = text.partition("\n")[0]
    comma = max(",\t;", key=header.count)
    csv.field_size_limit(MOST_BYTES)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=comma, strict=True)
    try:
        for number, line in enumerate(lines, 1):
            yield number, [Cell(cell) for cell in line]
    except csv.Error as error:
        raise ReviewError(f"{path}, line {lines.line_num}: is no CSV ({error})") from error


def _worksheet(path: Path, raw: bytes) -> Iterator[tuple[int, list[Cell]]]:
    """Lines of the one worksheet whose first line has a column of ids."""
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as packed:
            if sum(part.file_size for part in packed.infolist()) > MOST_BYTES:
                raise ReviewError(f"{path}: holds more than {MOST_BYTES >> 20} MiB; no sheet of a review does")
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=False)
        having = [s for s in book.worksheets if ID in (name_of(cell.text) for cell in next(_cells(s), ()))]
    except ReviewError:
        raise
    except Exception as error:  # openpyxl raises whatever its parsers do
        raise ReviewError(f"{path}: is no XLSX ({type(error).__name__}: {error})") from error
    if len(having) > 1:
        names = ", ".join(f"'{sheet.title}'" for sheet in having)
        raise ReviewError(f"{path}: {names} all have a column '{ID}'; leave one of them in the file")
    if having:
        yield from enumerate(_cells(having[0]), 1)


def _cells(sheet: Any) -> Iterator[list[Cell]]:
    sheet.reset_dimensions()  # some programs write a wrong size
    for row in sheet.iter_rows():
        yield [_cell(cell) for cell in row]


def _cell(cell: Any) -> Cell:
    value = cell.value
    if value is None:
        return Cell()
    if cell.data_type == "f":
        return Cell(str(getattr(value, "text", value)), "formula")
    if isinstance(value, bool) or cell.data_type in ("d", "e"):
        return Cell(str(value), "not_text")
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        value = int(value)
    # a line end of Windows, as Excel writes it; and the escape, which openpyxl reads of shared strings alone
    return Cell(str(value).replace("_x000D_\n", "\n").replace("_x005F_", "_"))
