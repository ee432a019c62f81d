"""Rows of Parquet and JSON lines: their text, their identity, and what is wrong with some."""

import gzip
import hashlib
import json
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from curation.document import COLUMNS
from curation.extract.reader import InputError, find_inputs, plan_units
from curation.extract.tables import ReadTable
from curation.provenance import Source, table_id
from curation.step import Rejected


@pytest.fixture
def table(crawl: SimpleNamespace) -> Any:
    def read(path: Path, unit_bytes: int = 32 << 20, **options: Any) -> Any:
        return crawl.Result(ReadTable(plan_units(find_inputs([str(path)]), unit_bytes), Source("books"), **options))

    return read


def test_a_table_row_has_its_text_and_its_origin(table, tmp_path):
    text = "吾輩は猫である。"
    rows = {"id": [7], "text": [text], "url": ["https://a.jp:80/neko"], "date": [date(2026, 1, 2)]}
    pq.write_table(pa.table(rows), tmp_path / "a.parquet")
    (tmp_path / "a.jsonl").write_text(json.dumps({**{k: v[0] for k, v in rows.items()}, "date": "2026-01-02"}) + "\n")
    for name in ("a.parquet", "a.jsonl"):
        (row,) = table(tmp_path / name).kept
        assert list(row) == [c for c in COLUMNS if c in ReadTable.writes]
        assert {k: v for k, v in row.items() if v is not None} == {
            "id": table_id("books", "7"), "source": "books", "url": "https://a.jp:80/neko", "host": "a.jp",
            "date": datetime(2026, 1, 2, tzinfo=UTC), "file": name, "offset": 0, "record_type": "row", "text": text,
            "payload_digest": hashlib.sha256(text.encode()).digest()[:16], "payload_bytes": 24,
        }  # fmt: skip


def test_rows_without_an_id_are_known_by_the_content_of_the_file_and_their_number(table, tmp_path):
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{folder}.jsonl").write_text('{"text": "同じ"}\n' * 3)
    (tmp_path / "z.jsonl").write_text('{"text": "同じ"}\n' * 4)
    first, second, third = ([r["id"] for r in table(tmp_path / n).kept] for n in ("x/x.jsonl", "y/y.jsonl", "z.jsonl"))
    assert first == second
    assert len({*first, *third}) == 7


def test_files_that_differ_only_in_the_middle_have_different_rows(table, tmp_path):
    lines = [json.dumps({"text": f"{i:04d} 番の話。" * 10}) for i in range(2000)]
    (tmp_path / "a.jsonl").write_text("\n".join(lines))
    (tmp_path / "b.jsonl").write_text("\n".join([*lines[:1000], lines[0], *lines[1001:]]))
    first, second = ({r["id"] for r in table(tmp_path / n).kept} for n in ("a.jsonl", "b.jsonl"))
    assert len(first | second) == 4000


@pytest.mark.parametrize("unit_bytes", [1, 3000, 1 << 30])
def test_row_groups_give_the_same_rows_however_they_are_cut(table, tmp_path, unit_bytes):
    texts = [None if i % 7 == 3 else f"第{i}話 " * (i % 50) for i in range(1000)]
    pq.write_table(pa.table({"text": texts}), tmp_path / "a.parquet", row_group_size=90)
    result = table(tmp_path / "a.parquet", unit_bytes)
    assert [r["text"] for r in result.kept] == [t for t in texts if t is not None]
    assert [r["offset"] for r in result.kept + result.rejected] == [
        *(i for i in range(1000) if i % 7 != 3),
        *(i for i in range(1000) if i % 7 == 3),
    ]
    assert set(result.reasons) == {"null_text"}
    assert len({r["id"] for r in result.kept + result.rejected}) == 1000


@pytest.mark.parametrize(
    "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())]
)
def test_every_arrow_type_of_text_is_read(table, tmp_path, kind):
    pq.write_table(pa.table({"body": pa.array(["春", "夏", "春"]).cast(kind)}), tmp_path / "a.parquet")
    assert [r["text"] for r in table(tmp_path / "a.parquet", text_key="body").kept] == ["春", "夏", "春"]


def test_a_parquet_without_the_text_column_stops_with_its_columns(table, tmp_path):
    pq.write_table(pa.table({"content": ["a"], "n": [1]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"a.parquet has no column 'text' \(text_key\); its columns: content, n"):
        table(tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"no column 'key' \(id_key\)"):
        table(tmp_path / "a.parquet", text_key="content", id_key="key")
    with pytest.raises(InputError, match=r"column 'n' \(text_key\) is int64, not text"):
        table(tmp_path / "a.parquet", text_key="n")


def test_a_parquet_that_is_none_is_one_broken_row(table, tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no footer")
    (tmp_path / "b.parquet").write_bytes(b"")
    result = table(tmp_path)
    assert (result.kept, result.reasons, result.count("files_empty")) == ([], ["record_broken"], 1)
    assert result.rejected[0]["detail"].startswith("a.parquet, row 1: no Parquet file")


def test_a_damaged_row_group_costs_its_rows_one_by_one(table, tmp_path):
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"text": [f"話{i}" * 20 for i in range(30)]}),
        path,
        row_group_size=10,
        use_dictionary=False,
        write_page_checksum=True,
    )
    column = pq.read_metadata(path).row_group(1).column(0)
    raw = bytearray(path.read_bytes())
    middle = column.data_page_offset
    raw[middle : middle + column.total_compressed_size] = bytes(column.total_compressed_size)
    path.write_bytes(raw)
    result = table(path)
    assert [r["offset"] for r in result.kept] == [*range(10), *range(20, 30)]
    assert [(r["offset"], r["reason"]) for r in result.rejected] == [(i, "record_broken") for i in range(10, 20)]


def test_bytes_that_are_no_utf8_in_a_text_column_are_replaced(table, tmp_path):
    array = pa.Array.from_buffers(pa.string(), 2, pa.array([b"\xe7\xb1\xb3", b"\xe7\xb1"]).buffers())
    pq.write_table(pa.table({"text": array}), tmp_path / "a.parquet")
    result = table(tmp_path / "a.parquet")
    assert [r["text"] for r in result.kept] == ["米", "\ufffd"]
    assert result.count("batches_bad_utf8") == 1


LINES = [
    b'\xef\xbb\xbf{"text": "one", "id": "a"}', b"", b'{"text": null}', b'{"body": "x"}', b"{broken", b"[1]", b'{"text": 5}',
    b'{"text": "\\ud83d!"}', b'{"text": "\xff"}', b'{"text": ""}', b'{"text": "two\\u0000"}\r', b'{"text": "' + b"x" * 3000 + b'"}',
    b'{"text": "end"}',
]  # fmt: skip


@pytest.mark.parametrize(
    "pack",
    [bytes, gzip.compress, zstandard.compress, lambda b: gzip.compress(b[:50]) + gzip.compress(b[50:])],
    ids=["plain", "gz", "zst", "members"],
)
def test_each_line_has_its_own_outcome(table, tmp_path, pack):
    name = {bytes: "a.jsonl", zstandard.compress: "a.jsonl.zst"}.get(pack, "a.jsonl.gz")
    (tmp_path / name).write_bytes(pack(b"\n".join(LINES)))
    result = table(tmp_path / name, max_record_bytes=2000)
    assert [(r["offset"], r["text"]) for r in result.kept] == [
        (0, "one"),
        (7, "\ufffd!"),
        (9, ""),
        (10, "two\0"),
        (12, "end"),
    ]
    assert [(r["offset"], r["reason"], r["value"]) for r in result.rejected] == [
        (2, "null_text", None), (3, "null_text", None), (4, "record_broken", None), (5, "record_broken", None),
        (6, "record_broken", None), (8, "record_broken", None), (11, "record_too_large", 3012.0),
    ]  # fmt: skip
    details = [r["detail"] for r in result.rejected]
    assert details[1] == "line 4 has no 'text'; its keys: body"
    assert details[2].startswith(f"{name}, row 5: no JSON")
    assert details[3] == f"{name}, row 6: a JSON list, not an object"
    assert details[4] == f"{name}, row 7: 'text' is int, not text"
    assert result.count("lines_blank") == 1
    assert len({r["id"] for r in result.kept + result.rejected}) == 12


def test_json_lines_that_break_off_keep_the_lines_before(table, tmp_path):
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"".join(b'{"text": "%d"}\n' % i for i in range(20_000)))[:-3000])
    result = table(path)
    count = len(result.kept)
    assert [r["text"] for r in result.kept] == [str(i) for i in range(count)]
    assert count > 12_000
    assert [(r["reason"], r["offset"]) for r in result.rejected] == [("record_broken", count)]
    assert "the bytes end inside the stream" in result.rejected[0]["detail"]


def test_dates_of_all_kinds_are_seconds_in_utc(table, tmp_path):
    given = ["2026-01-02T03:04:05+09:00", "2026-01-02 03:04:05", "2026-01-02", 1767323045, "昨日", None]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps({"text": "x", "timestamp": d}) for d in given))
    wanted = ["2026-01-01T18:04:05", "2026-01-02T03:04:05", "2026-01-02T00:00:00", "2026-01-02T03:04:05", None, None]
    assert [r["date"] and r["date"].strftime("%Y-%m-%dT%H:%M:%S") for r in table(tmp_path / "a.jsonl").kept] == wanted
    nanos = pa.array([1767323045_123456789], pa.timestamp("ns", "Asia/Tokyo"))
    pq.write_table(pa.table({"text": ["x"], "date": nanos}), tmp_path / "a.parquet")
    assert table(tmp_path / "a.parquet").kept[0]["date"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_development_tables_are_read_whole(table, dev):
    result = table(dev / "dups/dotnet_docs_revisions.jsonl.gz")
    assert (result.count("rows"), result.rejected) == (1144, [])
    units = plan_units(find_inputs([str(dev / "scale/docs-02.parquet")]), 4 << 20)
    assert len(units) > 1
    reader = ReadTable(units, Source("scale"))
    ids = [i for item in reader.run() if not isinstance(item, Rejected) for i in item["id"].to_pylist()]
    assert len(set(ids)) == pq.read_metadata(dev / "scale/docs-02.parquet").num_rows
