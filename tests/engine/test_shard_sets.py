"""Rows at rest: whatever the tasks, a set holds the same rows in the same order, and nothing vanishes."""

import hashlib
import random
from collections import Counter

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.content_sum import content_sum
from curation.document import COLUMNS, schema
from curation.place import Place
from curation.provenance import Source, key, partition_of
from curation.read_shards import ReadShards
from curation.shards import MANIFEST, ShardError, ShardSet, Table, write_survey_table
from curation.step import Measure, Rejected
from curation.write_shards import WriteShards, smallest_samples

NAMES = ["id", "source", "url", "host", "file", "offset", "payload_digest", "licence", "text"]


def page(n: int, text: str | None = None, payload: str | None = None, file: str = "a.warc") -> dict:
    body = text if text is not None else f"{n} 番目のページ。"
    return {
        "id": key("test", n),
        "source": "crawl",
        "url": f"https://example.jp/{n}",
        "host": "example.jp",
        "file": file,
        "offset": n,
        "payload_digest": key("payload", payload if payload is not None else body),
        "licence": "CC0-1.0",
        "text": body,
    }


def batch(rows: list[dict]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pylist(rows, schema=schema(NAMES))


def written(
    folder, tasks: list[list[dict]], partitions: int = 4, rejected: list[pa.RecordBatch] | None = None
) -> ShardSet:
    """A finished set from the rows of each task, through the real sink."""
    place = Place(str(folder))
    for rank, rows in enumerate(tasks):
        sink = WriteShards(str(folder), NAMES, partitions, content=True)
        data = [batch(rows[i : i + 3]) for i in range(0, len(rows), 3)]
        list(sink.run([*data, *(Rejected(b) for b in rejected or [])], rank, len(tasks)))
    made = [place.read_json(f"tasks/{n}") for n in place.names("tasks")]
    place.write_json(
        MANIFEST,
        {"partitions": partitions, "columns": NAMES, "rows_out": sum(t["rows_out"] for t in made), "fingerprint": "x"},
    )
    return ShardSet.open(str(folder))


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(0, 10_000), unique=True, max_size=60), st.integers(1, 4), st.randoms(use_true_random=False))
def test_rows_come_out_in_order_of_id_whatever_the_tasks(tmp_path_factory, numbers, tasks, rnd: random.Random):
    rows = [page(n) for n in numbers]
    rnd.shuffle(rows)
    shards = written(tmp_path_factory.mktemp("set"), [rows[i::tasks] for i in range(tasks)])
    read = [r for b in shards.read(["id", "text"]) for r in b.to_pylist()]
    assert read == sorted(({"id": r["id"], "text": r["text"]} for r in rows), key=lambda r: r["id"])
    for p in range(shards.partitions):
        ids = [i for b in shards.read(["id"], p) for i in b.column("id").to_pylist()]
        assert all(i[0] >> 6 == p for i in ids), "partition = two highest bits of the id"


def test_content_hash_does_not_depend_on_tasks_and_changes_with_one_character(tmp_path):
    rows = [page(n) for n in range(50)]
    sums = []
    for name, tasks in (("one", [rows]), ("three", [rows[20:], rows[:5], rows[5:20]])):
        written(tmp_path / name, tasks)
        place = Place(str(tmp_path / name))
        sums.append(sum(int(place.read_json(f"tasks/{t}")["content"], 16) for t in place.names("tasks")) % (1 << 256))
    assert sums[0] == sums[1]
    edited = [*rows[:-1], rows[-1] | {"text": "49 番目のぺージ。"}]
    assert content_sum(batch(edited)) != sums[0]


def test_content_hash_is_the_sum_of_sha256_over_canonical_bytes():
    row = pa.RecordBatch.from_pylist(
        [{"id": b"\1" * 16, "offset": 5, "text": "米"}], schema=schema(["id", "offset", "text"])
    )
    raw = b"\1" + b"\1" * 16 + b"\1" + (5).to_bytes(8, "little") + b"\1" + (3).to_bytes(8, "little") + "米".encode()
    assert content_sum(row) == int.from_bytes(hashlib.sha256(raw).digest(), "little")
    null = pa.RecordBatch.from_pylist([{"id": b"\1" * 16, "offset": None, "text": None}], schema=row.schema)
    assert content_sum(null) == int.from_bytes(hashlib.sha256(b"\1" + b"\1" * 16 + b"\0\0").digest(), "little")
    both = pa.RecordBatch.from_pylist([*row.to_pylist(), *null.to_pylist(), *row.to_pylist()], schema=row.schema)
    assert content_sum(both.slice(1)) == (content_sum(row) + content_sum(null)) % (1 << 256)


def test_equal_ids_with_equal_payload_leave_one_row_and_with_other_payload_a_collision(tmp_path):
    same_a, same_b = page(1, file="b.warc"), page(1, file="a.warc")
    other = page(2), page(2, text="別の内容", payload="zzz")
    shards = written(tmp_path, [[same_a, other[0]], [same_b, page(3)], [other[1]]])
    kept, gone = [], []
    for item in ReadShards([str(tmp_path)], NAMES).run():
        (gone if isinstance(item, Rejected) else kept).extend(
            item.batch.to_pylist() if isinstance(item, Rejected) else item.to_pylist()
        )
    assert shards.rows == 5
    assert Counter(r["reason"] for r in gone) == {"duplicate_id": 1, "id_collision": 1}
    assert len(kept) == 3
    assert next(r["file"] for r in kept if r["id"] == same_a["id"]) == "a.warc", "the first file by name stays"


def test_a_full_buffer_becomes_a_second_run_and_the_order_holds(tmp_path, monkeypatch):
    monkeypatch.setattr("curation.write_shards.RUN_BYTES", 2_000)
    shards = written(tmp_path, [[page(n) for n in range(100)]], partitions=1)
    assert len(shards.files(0)) > 2
    ids = [i for b in shards.read(["id"]) for i in b.column("id").to_pylist()]
    assert ids == sorted(key("test", n) for n in range(100))


def test_a_folder_without_manifest_is_no_shard_set(tmp_path):
    with pytest.raises(ShardError, match=r"no manifest\.json"):
        ShardSet.open(str(tmp_path))


def test_a_file_that_fails_while_it_is_written_leaves_nothing(tmp_path):
    place = Place(str(tmp_path))

    def half() -> None:
        with place.create("a/b.bin") as file:
            file.write(b"half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert place.names("a") == []


class DropOdd(Measure):
    """Rejects rows of odd offset."""

    reads = ("offset",)

    def columns(self, batch):
        odd = [n % 2 == 1 for n in batch.column("offset").to_pylist()]
        return {
            "reason": pa.array(["not_text" if o else None for o in odd]),
            "value": pa.array([float(o) for o in odd]),
        }


class DropAll(Measure):
    """Rejects every row."""

    reads = ("offset",)

    def columns(self, batch):
        return {"reason": pa.repeat(pa.scalar("not_text"), batch.num_rows)}


def test_a_rejected_row_keeps_its_key_its_reason_and_a_sample_of_it_is_whole(tmp_path):
    step = DropOdd()
    step.stage = "pages"
    sink = WriteShards(str(tmp_path), NAMES, 4, pipeline=[step])
    list(sink.run(step.run([batch([page(n) for n in range(10)])])))
    task = Place(str(tmp_path)).read_json("tasks/00000.json")
    assert (task["rows_in"], task["rows_out"], task["rejected"]) == (10, 5, {"not_text": 5})
    rows = pq.read_table(tmp_path / "rejected/00000.000.parquet").to_pylist()
    assert {(r["stage"], r["step"], r["reason"], r["value"], r["sampled"]) for r in rows} == {
        ("pages", "drop_odd", "not_text", 1.0, False)
    }
    assert {r["text"] for r in rows} == {None}
    assert rows[0]["url"].startswith("https://example.jp/")
    whole = pq.read_table(tmp_path / "samples/00000.parquet").to_pylist()
    assert sorted(r["text"] for r in whole) == [f"{n} 番目のページ。" for n in (1, 3, 5, 7, 9)]


def test_rejected_rows_are_not_held_until_the_task_ends(tmp_path, monkeypatch):
    monkeypatch.setattr("curation.write_shards.RUN_BYTES", 2_000)
    step = DropOdd()
    sink = WriteShards(str(tmp_path), NAMES, 4, tiers={"not_text": "full"}, pipeline=[step])
    list(sink.run(step.run([batch([page(n) for n in range(i, i + 10)]) for i in range(0, 100, 10)])))
    task = Place(str(tmp_path)).read_json("tasks/00000.json")
    files = [f["path"] for f in task["rejected_files"]]
    assert len(files) > 2
    texts = [r["text"] for f in files for r in pq.read_table(tmp_path / f).to_pylist()]
    assert sorted(texts) == sorted(f"{n} 番目のページ。" for n in range(1, 100, 2))


def test_rejected_files_of_a_set_have_one_schema_whatever_their_reasons(tmp_path):
    for rank, tier in ((0, "full"), (1, "key")):
        step = DropOdd()
        sink = WriteShards(str(tmp_path), NAMES, 4, tiers={"not_text": tier}, pipeline=[step])
        list(sink.run(step.run([batch([page(n) for n in range(10)])]), rank))
    first, second = (pq.read_schema(tmp_path / f"rejected/{rank:05d}.000.parquet") for rank in (0, 1))
    assert first.equals(second)
    assert set(NAMES) < set(first.names)


def test_a_task_of_many_equal_ones_samples_its_share_and_the_set_has_the_rows_of_one(tmp_path, monkeypatch):
    monkeypatch.setattr("curation.write_shards.SAMPLE_ROWS", 20)
    rows = batch([page(n) for n in range(1200)])
    table = pa.Table.from_batches([rows]).append_column("reason", pa.array(["not_text"] * 1200, pa.string()))
    whole = set(smallest_samples(table, 20)["id"].to_pylist())
    of, found = partition_of(rows.column("id"), 8), set()
    for p in range(8):
        step, some = DropAll(), rows.filter(pa.array(of == p))
        sink = WriteShards(str(tmp_path), NAMES, 8, pipeline=[step], samples=16)
        list(sink.run(step.run([some]), p))
        mine = pq.read_table(tmp_path / f"samples/{p:05d}.parquet")["id"].to_pylist()
        assert len(mine) == 16 < len(some)
        found |= set(mine)
    assert whole <= found, "20 rows in 8 parts: none has more than 16"


def test_a_sample_is_the_same_rows_however_they_were_split():
    table = pa.Table.from_batches([batch([page(n) for n in range(200)])])
    table = table.append_column("reason", pa.array(["not_text", "no_text"] * 100, pa.string()))
    whole = smallest_samples(table, 20)
    halves = pa.concat_tables([smallest_samples(table.slice(0, 90), 20), smallest_samples(table.slice(90), 20)])
    assert set(whole["offset"].to_pylist()) == set(smallest_samples(halves, 20)["offset"].to_pylist())
    assert Counter(whole["reason"].to_pylist()) == {"not_text": 20, "no_text": 20}


@pytest.mark.parametrize(("rows_a_partition", "partitions"), [(1, 4), (20, 2), (1 << 16, 1)])
def test_a_survey_table_is_joined_by_id_and_absent_rows_are_null(tmp_path, monkeypatch, rows_a_partition, partitions):
    monkeypatch.setattr("curation.shards.TABLE_ROWS", rows_a_partition)
    ids = [key("test", n) for n in range(100)]
    table = pa.table({"id": pa.array(ids[::2], pa.binary(16)), "repeat": pa.array(range(50), pa.int32())})
    write_survey_table(Place(str(tmp_path)), "allowance", table, 4)
    opened = Table(str(tmp_path / "allowance"))
    joined = opened.join(batch([page(n) for n in (4, 5, 98, 0)]))
    assert joined["repeat"].to_pylist() == [2, None, 49, 0]
    assert len(opened.read()) == 50
    parts = [set(partition_of(opened.read(p)["id"].combine_chunks(), partitions)) for p in range(partitions)]
    assert parts == [{p} for p in range(partitions)]
    assert opened.manifest["partitions"] == partitions


def test_source_is_declared_not_guessed():
    assert Source("crawl") == Source("crawl", None, None)
    assert COLUMNS["rights_basis"].type == pa.string()


def test_lists_and_large_unsigned_numbers_have_a_content():
    def content(lines: list[list[int] | None], letters: int) -> int:
        arrays = [pa.array(lines, pa.list_(pa.uint64())), pa.array([letters] * len(lines), pa.uint64())]
        return content_sum(pa.RecordBatch.from_arrays(arrays, ["edge_lines", "page_letters"]))

    row = (
        b"\1"
        + (2).to_bytes(8, "little")
        + b"\1"
        + (5).to_bytes(8, "little")
        + b"\1"
        + (2**64 - 1).to_bytes(8, "little")
    )
    row += b"\1" + (2**63).to_bytes(8, "little")
    assert content([[5, 2**64 - 1]], 2**63) == int.from_bytes(hashlib.sha256(row).digest(), "little")
    several = [content([v], 1) for v in ([1], [], None, [2, 3])]
    assert len(set(several)) == 4
    assert content([[1], [], None, [2, 3]], 1) == sum(several) % (1 << 256)
