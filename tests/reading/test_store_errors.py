"""What a file system answers is no damage: a token that expires or a timeout in the middle of a file rejects no row."""

import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.exceptions import FSTimeoutError
from fsspec.implementations.memory import MemoryFileSystem

from curation.extract.inputs import find_inputs
from curation.extract.tables import ReadTable
from curation.extract.units import Unit, plan_units
from curation.parquet_file import BadParquet, ParquetFile
from curation.provenance import Source
from curation.step import Rejected

ANSWERS = [PermissionError("The provided token has expired."), TimeoutError("too slow"), FSTimeoutError()]
"""Errors as s3fs raises them: none has a number."""


class Store:
    """fsspec's store in memory, of whose files at most `allowed` bytes can be read before it raises `answer`."""

    allowed, answer = 0, ANSWERS[0]


@pytest.fixture(params=ANSWERS, ids=lambda e: type(e).__name__)
def failing(request, monkeypatch):
    """The store, with a Parquet file of eight row groups and a list of paths: the answer's class, and the file's bytes."""
    plain = MemoryFileSystem._open

    def opened(self, path, mode="rb", **kwargs):
        file = plain(self, path, mode, **kwargs)
        return Counted(file.getvalue()) if mode == "rb" else file

    class Counted(io.BytesIO):
        def read(self, size=-1):
            found = super().read(size)
            Store.allowed -= len(found)
            if Store.allowed < 0:
                raise Store.answer
            return found

    monkeypatch.setattr(MemoryFileSystem, "_open", opened)
    monkeypatch.setattr(Store, "answer", request.param)
    table = pa.table({"text": [f"{i} 番目のページです。{i * 7919}" * 40 for i in range(800)]})
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=100, compression=None)
    fs = MemoryFileSystem()
    fs.pipe_file("/failing/a.parquet", sink.getvalue())
    fs.pipe_file("/failing/warc.paths.gz", gzip.compress(b"a.warc.gz\n"))
    yield type(request.param), len(sink.getvalue())
    fs.rm("/failing", recursive=True)


def rejected(unit: Unit) -> list[str]:
    return [
        reason
        for item in ReadTable([unit], Source("s")).run()
        if isinstance(item, Rejected)
        for reason in item.batch.column("reason").to_pylist()
    ]


def test_an_answer_in_the_middle_of_a_parquet_file_ends_the_task_and_rejects_no_row(failing, monkeypatch):
    answer, size = failing
    monkeypatch.setattr(Store, "allowed", 8 * size)
    assert rejected(Unit("memory://failing/a.parquet", "a.parquet", "parquet", 0, 8)) == []
    monkeypatch.setattr(Store, "allowed", size // 2)
    with pytest.raises(answer):
        rejected(Unit("memory://failing/a.parquet", "a.parquet", "parquet", 0, 8))


def test_an_answer_while_a_run_is_planned_makes_no_broken_file(failing, monkeypatch):
    answer, size = failing
    monkeypatch.setattr(Store, "allowed", 8 * size)
    inputs = find_inputs(["memory://failing/a.parquet"])
    monkeypatch.setattr(Store, "allowed", 10)
    with pytest.raises(answer):
        plan_units(inputs)


def test_an_answer_over_a_runs_own_file_is_no_reason_to_make_it_anew(failing, monkeypatch):
    answer, size = failing
    monkeypatch.setattr(Store, "allowed", size // 2)
    with pytest.raises(answer) as raised:
        ParquetFile(MemoryFileSystem().open("/failing/a.parquet"), memory_map=False).read()
    assert not isinstance(raised.value, BadParquet)


def test_an_answer_over_a_list_of_paths_does_not_call_it_no_list(failing, monkeypatch):
    answer, _ = failing
    monkeypatch.setattr(Store, "allowed", 1)
    with pytest.raises(answer):
        find_inputs(["memory://failing/warc.paths.gz"])
