"""Tables joined to rows in order: each row group read once, one held, and the same answers for keys in any order."""

import random

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.merge_join import SortedTable
from curation.parquet_file import ParquetFile
from curation.place import Place
from curation.provenance import id_words, key
from curation.shards import Table, join_table_parts, write_table_part

SCHEMA = pa.schema([("id", pa.binary(16)), ("number", pa.int64()), ("others", pa.list_(pa.binary(16)))])


def table(numbers: list[int]) -> pa.Table:
    rows = sorted((key("t", n), n, [key("t", n + 1)] * (n % 3)) for n in numbers)
    ids, values, others = (list(c) for c in zip(*rows, strict=True))
    return pa.table([pa.array(ids, SCHEMA.field(0).type), pa.array(values), others], schema=SCHEMA)


def opened(folder, *tables: pa.Table, group: int = 10) -> SortedTable:
    for i, one in enumerate(tables):
        pq.write_table(one, folder / f"{i}.parquet", row_group_size=group)
    return SortedTable([ParquetFile(folder / f"{i}.parquet") for i in range(len(tables))], SCHEMA)


def words(numbers: list[int]) -> np.ndarray:
    return id_words(pa.array([key("t", n) for n in numbers], pa.binary(16)))


def test_rows_in_order_read_each_row_group_once(tmp_path):
    whole = table(list(range(0, 1000, 2)))
    held = opened(tmp_path, whole)
    in_order = sorted(range(1000), key=lambda n: key("t", n))
    found = []
    for at in range(0, 1000, 7):
        found += held.rows_of(words(in_order[at : at + 7]))["number"].to_pylist()
    assert found == [n if n % 2 == 0 else None for n in in_order]
    assert held.groups_read == 50


def test_keys_in_any_order_are_found(tmp_path):
    whole = table(list(range(300)))
    held = opened(tmp_path, whole.slice(0, 120), whole.slice(120))
    asked = random.Random(5).choices(range(400), k=200)
    got = held.rows_of(words(asked))
    assert got["number"].to_pylist() == [n if n < 300 else None for n in asked]
    assert got["others"].to_pylist() == [[key("t", n + 1)] * (n % 3) if n < 300 else None for n in asked]


def test_rows_that_are_far_apart_read_only_their_row_groups(tmp_path):
    whole = table(list(range(1000)))
    held = opened(tmp_path, whole)
    ends = [whole["number"][i].as_py() for i in (5, 555, 995)]
    assert held.rows_of(words(ends))["number"].to_pylist() == ends
    assert held.groups_read == 3


@pytest.mark.parametrize("asked", [[], [1], [1, 2, 3]])
def test_an_empty_table_answers_nothing(tmp_path, asked):
    got = opened(tmp_path, table([1]).slice(0, 0)).rows_of(words(asked) if asked else np.zeros((0, 2), np.uint64))
    assert got["number"].to_pylist() == [None] * len(asked)
    assert got["others"].type == SCHEMA.field("others").type


def test_a_file_without_statistics_is_read_where_it_ends(tmp_path):
    pq.write_table(table(list(range(50))), tmp_path / "0.parquet", row_group_size=10, write_statistics=False)
    held = SortedTable([ParquetFile(tmp_path / "0.parquet")], SCHEMA)
    assert held.rows_of(words([30, 2]))["number"].to_pylist() == [30, 2]


def test_a_batch_over_several_partitions_of_a_table_is_aligned(tmp_path):
    place, whole = Place(str(tmp_path)), table(list(range(100)))
    of = np.array([i[0] >> 6 for i in whole["id"].to_pylist()])
    files = [write_table_part(place, whole.filter(pa.array(of == p)), p) for p in range(4)]
    join_table_parts(place, SCHEMA, files)
    asked = [key("t", n) for n in (70, 3, 200, 41, 9)]
    batch = pa.RecordBatch.from_arrays([pa.array(asked, pa.binary(16))], names=["id"])
    assert Table(str(tmp_path)).join(batch)["number"].to_pylist() == [70, 3, None, 41, 9]
