"""Files that answers come back in: rows of CSV, JSON lines and Parquet with their places, and the answers nested in a row."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import orjson


class AnswersError(ValueError):
    """Answers that cannot be read or that contradict each other: the file, the place, what was found and what would be right."""


def answers_in(row: dict[str, Any], label_key: str) -> Iterator[Callable[[str], Any]]:
    """For each answer of a row, a function that finds a key in it: the row itself, or an element of a list on the label's way."""
    parts = label_key.split(".")
    for n in range(1, len(parts)):
        inside = _found(row, parts[:n])
        if isinstance(inside, list):
            for element in inside:
                yield lambda key, e=element, n=n: _inside(row, key, parts[:n], e)
            if not inside:
                yield lambda key, n=n: _inside(row, key, parts[:n], {})
            return
    yield lambda key: _found(row, key.split("."))


def _inside(row: dict[str, Any], key: str, way: list[str], element: Any) -> Any:
    parts = key.split(".")
    return _found(element, parts[len(way) :]) if parts[: len(way)] == way else _found(row, parts)


def _found(value: Any, parts: list[str]) -> Any:
    """What stands under a key: the column of that very name, or the way into what is nested."""
    if isinstance(value, dict) and (whole := ".".join(parts)) in value:
        return value[whole]
    for part in parts:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value


def rows_of(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Rows of a file with their place. Raises AnswersError for one that is missing or cannot be read."""
    if not file.is_file():
        raise AnswersError(f"there is no file {file}")
    if file.suffix == ".parquet":
        yield from _parquet_rows(file)
    elif file.suffix == ".csv":
        csv.field_size_limit(1 << 30)  # a cell may hold a whole page
        table = csv.reader(io.StringIO(_text(file), newline=""))
        head = next(table, [])
        for n, cells in enumerate(table, start=2):
            if cells:
                yield f"{file}, row {n}", dict(zip(head, cells, strict=False))
    else:
        for n, line in enumerate(_text(file).split("\n"), start=1):
            if not line.strip():
                continue
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise AnswersError(f"{file}, line {n}: no JSON ({error}); a .jsonl has one object a line") from None
            if not isinstance(row, dict):
                raise AnswersError(f"{file}, line {n}: holds {type(row).__name__}, and each line must be an object")
            yield f"{file}, line {n}", row


def _parquet_rows(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    import polars as pl

    try:
        rows = pl.read_parquet(file).iter_rows(named=True)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise AnswersError(f"{file}: cannot be read as Parquet: {error}") from error
    for n, row in enumerate(rows, start=1):
        yield f"{file}, row {n}", row


def _text(file: Path) -> str:
    """A file's text: UTF-8, with a mark or without, or the Shift_JIS that Excel writes in Japan."""
    raw = file.read_bytes()
    for encoding in ("utf-8-sig", "cp932"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise AnswersError(f"{file}: neither UTF-8 nor Shift_JIS")
