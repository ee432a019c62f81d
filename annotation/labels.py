"""The label shards of a review: appended to, never changed, and read as what holds now.

Each push, pull and freeze adds files with the next numbers, whole or not at all; nothing is ever written over. One command at a
time writes (`writing`). Columns: `label.py`. Only what is to be forgotten is ever taken out (`withdraw.py`).
"""

import errno
import json
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa

from annotation.errors import ReviewError
from annotation.label import ANSWERS, FROZEN, GOLD, LATER, RECORDS, SHEETS, schema
from annotation.people import adjudicates
from annotation.review_tasks import base
from annotation.server.home import written
from curation.folder_lock import writing
from curation.parquet_file import read_parquet, write_parquet
from curation.place import Place
from curation.tombstones import FOLDER, Tombstones

Row = dict[str, Any]

TABLES = {"records": RECORDS, "answers": ANSWERS, "frozen": FROZEN, "gold": GOLD, "sheets": SHEETS}
BLANK = "{}"
"""Fields of a record whose row was forgotten."""


class Labels:
    """A folder of label shards. Raises ReviewError where it is damaged or cannot be written."""

    def __init__(self, folder: Path):
        self.folder = folder

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Held by one command at a time; another waits."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with writing(Place(str(self.folder)), ".lock"):
                yield
        except OSError as error:
            raise self._unwritable(error) from error

    @cached_property
    def salt(self) -> str:
        """What orders, places and external ids are drawn with; drawn itself the first time."""
        path = self.folder / "salt.json"
        if not path.exists():
            if any((self.folder / name).exists() for name in TABLES):
                raise ReviewError(
                    f"{path}: is gone, and without it nobody can tell which record is which row; put it back"
                )
            written(path, json.dumps({"salt": secrets.token_hex(16)}).encode())
        try:
            return json.loads(path.read_bytes())["salt"]
        except (ValueError, KeyError, TypeError) as error:
            raise ReviewError(f"{path}: cannot be read ({error}); put back the one that was there") from error

    @cached_property
    def gone(self) -> Tombstones:
        """Tombstones of rows and annotators that this review has forgotten."""
        return Tombstones.open(f"{self.folder}/{FOLDER}")

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds a file of rows to a table; none where there are no rows."""
        if not rows:
            return
        name = f"{table}/{len(self._files(table)) + 1:08d}.parquet"
        try:
            write_parquet(
                Place(str(self.folder)), name, pa.Table.from_pylist(list(rows), schema=schema(TABLES[table])), level=3
            )
        except OSError as error:
            raise self._unwritable(error) from error

    def read(self, table: str, columns: Sequence[str] | None = None) -> pa.Table:
        """All rows in the order in which they were written, or some of their columns."""
        of = schema(TABLES[table])
        wanted = of if columns is None else pa.schema([of.field(name) for name in columns])
        parts: list[pa.Table] = []
        for name in self._files(table):
            try:
                parts.append(_of_now(read_parquet(Place(str(self.folder)), name)).select(wanted.names).cast(wanted))
            except (OSError, pa.ArrowInvalid, KeyError) as error:
                raise ReviewError(
                    f"{self.folder / name}: cannot be read ({error}); put back the file that was there"
                ) from error
        return pa.concat_tables(parts) if parts else wanted.empty_table()

    def lines(self) -> dict[str, int]:
        """How many lines say what decisions are made of: decisions of fewer are older than the shards."""
        return {"answers": len(self.read("answers", ["response"])), "gold": len(self.read("gold", ["row"]))}

    def records(self, columns: Sequence[str] | None = None) -> dict[tuple[str, str], Row]:
        """What was pushed, by (dataset, external id): the last push, with `withdrawn` where it was taken back after it.

        In the order of these last pushes as they were written down, whatever a clock said that was put right in between.
        """
        found: dict[tuple[str, str], Row] = {}
        needed = ("event", "external_id", "dataset", *(columns or ()))
        for row in self.read("records", None if columns is None else list(dict.fromkeys(needed))).to_pylist():
            name = row["dataset"], row["external_id"]
            if row["event"] == "pushed":
                found.pop(name, None)
                found[name] = row | {"withdrawn": False}
            elif name in found:
                found[name]["withdrawn"] = True
        return found

    def frozen(self) -> dict[str, int]:
        """The state of each frozen answer that holds."""
        return {row["response"]: row["n"] for row in self.read("frozen", ["response", "n"]).to_pylist()}

    def latest(self, columns: Sequence[str] | None = None) -> dict[str, Row]:
        """The last event of each answer, late or not."""
        wanted = None if columns is None else list(dict.fromkeys(("response", *columns)))
        return {row["response"]: row for row in self.read("answers", wanted).to_pylist()}

    def held(self, columns: Sequence[str] | None = None) -> list[Row]:
        """The state of each answer that holds, whatever it is: the last one, or that in which its batch was frozen."""
        wanted = None if columns is None else list(dict.fromkeys(("response", "late", *columns)))
        rows = self.read("answers", wanted).to_pylist()
        return list({row["response"]: row for row in rows if not row["late"]}.values())

    def gold(self) -> dict[tuple[str, bytes], Row]:
        """What was last declared of each row whose answer is known, by (task, row)."""
        return {(row["task"], row["row"]): row for row in self.read("gold").to_pylist()}

    def answers(self) -> list[Row]:
        """Answers that count now: submitted, to words that we wrote, as they were when their batch was frozen.

        None to a gold row, and none of somebody who settles what others dispute.
        """
        gold = self.gold()
        return [row for row in self._holding() if not _settles(row) and (base(row["task"]), row["row"]) not in gold]

    def gold_answers(self) -> list[Row]:
        """Answers to gold rows, to the content of which the answer is known."""
        gold, found = self.gold(), list[Row]()
        for row in self._holding():
            known = gold.get((base(row["task"]), row["row"]))
            if known is not None and known["content"] == row["content"] and not _settles(row):
                found.append(row)
        return found

    def adjudications(self) -> list[Row]:
        """Answers of those who settle what others dispute."""
        return [row for row in self._holding() if _settles(row)]

    def _holding(self) -> list[Row]:
        return [row for row in self.held() if row["status"] == "submitted" and not row["edited_ui"]]

    def _files(self, table: str) -> list[str]:
        names = Place(str(self.folder)).names(table)
        found = [name for name in names if name.endswith(".parquet")]
        for number, name in enumerate(found, 1):
            if name != f"{number:08d}.parquet":
                raise ReviewError(f"{self.folder / table}: {number:08d}.parquet is missing; put it back")
        return [f"{table}/{name}" for name in found]

    def _unwritable(self, error: OSError) -> ReviewError:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return ReviewError(f"{self.folder}: the disk is full; make room and give the same command again")
        return ReviewError(f"{self.folder}: cannot be written ({error.strerror})")


def _settles(row: Row) -> bool:
    return adjudicates(row["dataset"])


def _of_now(table: pa.Table) -> pa.Table:
    """The table with the columns that its version did not have."""
    for name, value in LATER.items():
        if name not in table.column_names:
            table = table.append_column(name, pa.array([value] * len(table), pa.string()))
    return table
