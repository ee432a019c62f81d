"""A plain table as a spreadsheet: numbers stay numbers, texts are escaped as everywhere."""

import csv
import io
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from annotation.errors import ReviewError
from annotation.sheets.cell import escaped, visible
from annotation.sheets.file import CODE, check_kind


def write_table(path: Path, lines: Sequence[Sequence[Any]], title: str) -> None:
    """Writes CSV or XLSX by the file's name, over what is there: it can be made again. Raises ReviewError."""
    check_kind(path)
    content = _csv(lines) if path.suffix.lower() == ".csv" else _xlsx(lines, title)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise ReviewError(f"{path}: cannot be written ({error.strerror})") from error


def _csv(lines: Sequence[Sequence[Any]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    for line in lines:
        writer.writerow(["" if v is None else escaped(visible(v)) if isinstance(v, str) else v for v in line])
    return out.getvalue().encode("utf-8-sig")


def _xlsx(lines: Sequence[Sequence[Any]], title: str) -> bytes:
    from openpyxl import Workbook
    from openpyxl.styles import Font

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title[:31]
    for row, line in enumerate(lines, 1):
        for column, value in enumerate(line, 1):
            cell: Any = sheet.cell(row, column)
            if isinstance(value, int | Decimal):
                cell.value, cell.number_format = value, "#,##0.##" if value % 1 else "#,##0"
            elif value is not None:
                cell.value, cell.data_type, cell.quotePrefix = CODE.sub("_x005F_", visible(str(value))), "s", True
            if row == 1:
                cell.font = Font(bold=True)
    sheet.freeze_panes = "A2"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()
