"""Files that were made to hurt, or that lie about themselves: each costs its own row and a fraction of a second."""

import gzip
import io
import json
import time
import zlib

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.extract.inputs import find_inputs
from curation.extract.ranges.range_list import ReadRanges
from curation.extract.tables import ReadTable
from curation.extract.units import plan_units
from curation.provenance import Source


@pytest.fixture
def table(crawl, tmp_path):
    """A table's rows, read as the plan cuts it."""

    def read(raw: bytes, name: str = "a.parquet", unit_bytes: int = 1 << 25):
        (tmp_path / name).write_bytes(raw)
        return crawl.Result(ReadTable(plan_units(find_inputs([str(tmp_path / name)]), unit_bytes), Source("t")))

    return read


def parquet(*groups: pa.Table, **options) -> bytes:
    """A Parquet file of these row groups, not compressed."""
    out = io.BytesIO()
    with pq.ParquetWriter(out, groups[0].schema, compression="none", use_dictionary=False, **options) as writer:
        for group in groups:
            writer.write_table(group)
    return out.getvalue()


def rows(*texts: str) -> pa.Table:
    return pa.table({"text": list(texts)})


def varint(number: int) -> bytes:
    """A number as Thrift's compact protocol writes it (zigzag, seven bits a byte)."""
    number, out = number << 1, bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def test_a_row_group_that_says_it_has_a_quintillion_rows_and_breaks_off_is_one_row(table):
    raw = parquet(rows(*(f"{i} 行" for i in range(100))), rows("あと", "さき"))
    footer = int.from_bytes(raw[-8:-4], "little")
    head, tail = raw[: -8 - footer], raw[-8 - footer : -8]
    lying = tail.replace(b"\x16" + varint(100) + b"\x26", b"\x16" + varint(10**18) + b"\x26")
    assert lying != tail, "a row group's num_rows (field 3, then file_offset) stands in the footer"
    began = time.process_time()
    result = table(head + lying + len(lying).to_bytes(4, "little") + b"PAR1")
    assert time.process_time() - began < 5
    assert [r["text"] for r in result.kept][-2:] == ["あと", "さき"]
    assert set(result.reasons) <= {"record_broken"}
    assert len(result.rejected) <= 1
    assert "is not so" in result.rejected[0]["detail"]


def test_dates_that_python_cannot_hold_are_no_date_and_the_row_is_read(table):
    far = pa.array([0, 2**62, -(2**62)], pa.timestamp("us"))
    days = pa.array([0, 2**31 - 1, 1], pa.int32()).cast(pa.date32())
    for dates in (far, days, pa.array([0, 1, 2], pa.timestamp("s", "Nowhere/At_All"))):
        result = table(parquet(pa.table({"text": ["一", "二", "三"], "date": dates})))
        assert [r["text"] for r in result.kept] == ["一", "二", "三"]
    assert result.rejected == []


def test_column_names_that_are_no_utf_8_make_no_parquet_file(table):
    raw = parquet(pa.table({"text": ["一"], "zzzz": ["二"]}), store_schema=False)
    result = table(raw.replace(b"zzzz", b"\xff\xfe\xfd\xfc"))
    assert (result.kept, result.reasons) == ([], ["record_broken"])
    assert "a.parquet, row 1: no Parquet file" in result.rejected[0]["detail"]


@pytest.mark.parametrize(
    "line",
    [
        '{"tex\\ud83d": 1}', '{"text": "米", "url": ' + "[" * 960 + "]" * 960 + "}",
        '{"text": "米", "id": ' + "[" * 960 + "]" * 960 + "}",
        '{"text": "米", "id": ' + "9" * 5000 + "}", '{"text": "米", "date": 1e400}', '{"text": "米", "date": "２０２６-01-01"}',
        "[" * 100_000, '{"text": {"a": 1}}', '{"text": "\\ud83d", "url": "\\ud83d", "id": "\\ud83d"}', "NaN", '"', "{", "\x00",
    ],
)  # fmt: skip
def test_a_line_that_is_meant_to_hurt_is_one_row(table, line):
    good = '{"text": "よい行"}'
    result = table("\n".join([good, line, good]).encode(), "a.jsonl")
    assert [r["text"] for r in result.kept].count("よい行") == 2
    assert len(result.kept) + len(result.rejected) == 3


def test_a_page_full_of_beginnings_of_records_costs_no_time(crawl, tmp_path):
    page = crawl.page(b"", "http://a.jp/bad", length=10)[:-4] + b"WARC/1.0\n" * 300_000 + b"\r\n\r\n"
    after = crawl.page("米".encode(), "http://a.jp/good")
    for name, raw in {"a.warc": page + after, "b.warc.gz": gzip.compress(page) + gzip.compress(after)}.items():
        (tmp_path / name).write_bytes(raw)
        began = time.process_time()
        result = crawl.read(tmp_path / name)
        assert time.process_time() - began < 5
        assert "http://a.jp/good" in result.urls


def test_thousands_of_records_before_a_damaged_one_are_each_looked_at_once(crawl, tmp_path):
    good = [crawl.page(b"x" * 300, f"http://a.jp/{i}") for i in range(4000)]
    broken = crawl.page(b"x" * 300, "http://a.jp/broken", length=10**9)
    packed = [gzip.compress(r, 1, mtime=0) for r in good]
    files = {
        "a.warc": b"".join([*good, broken, good[0]]),
        "b.warc.gz": b"".join([*packed, gzip.compress(broken)[:-20], packed[0]]),
    }
    for name, raw in files.items():
        path = tmp_path / name
        path.write_bytes(raw)
        began = time.process_time()
        result = crawl.read_cut(path, [len(raw) // 3, len(raw) // 2])
        assert time.process_time() - began < 10
        assert len(result.urls) == 4001, name


def test_wrong_lengths_all_along_one_stream_do_not_inflate_it_again_each_time(crawl, tmp_path):
    records = [crawl.page(b"x" * 3000, f"http://a.jp/{i}", length=3000 + (i % 7)) for i in range(3000)]
    compressor, parts = zlib.compressobj(1, wbits=31), []
    parts = [compressor.compress(r) for r in records] + [compressor.flush()]
    raw = gzip.compress(crawl.page(b"", "http://a.jp/first")[:100]) + b"".join(
        parts
    )  # cut by size: a stream of members
    (tmp_path / "a.warc.gz").write_bytes(raw)
    began = time.process_time()
    result = crawl.read(tmp_path / "a.warc.gz")
    assert time.process_time() - began < 10
    assert len(result.urls) + len(result.rejected) >= 3000


def test_a_record_that_a_killed_crawler_left_in_the_middle_of_a_line_ends_where_the_next_begins(crawl, tmp_path):
    first, second, third = (crawl.page("米".encode() * 50, f"http://a.jp/{i}") for i in range(3))
    (tmp_path / "a.warc").write_bytes(first + second[:-90] + third)
    result = crawl.read(tmp_path / "a.warc")
    assert result.urls == ["http://a.jp/0", "http://a.jp/2"]
    assert [(r["url"], r["reason"]) for r in result.rejected] == [("http://a.jp/1", "record_broken")]


def test_a_list_of_ranges_with_a_bad_byte_keeps_its_rows(crawl, tmp_path):
    lines = [f"http://a.jp/{i},a.warc.gz,{i * 100},90".encode() for i in range(4)]
    lines[1] = lines[1].replace(b"a.jp/1", b"a.jp/\xff")
    lines[2] = b"a,b,\xff,d,e,f"
    (tmp_path / "list.csv").write_bytes(b"\n".join([b"url,filename,offset,length", *lines]))
    result = crawl.Result(ReadRanges(plan_units(find_inputs([str(tmp_path / "list.csv")])), Source("list")))
    assert [r["url"] for r in result.kept] == ["http://a.jp/0", "http://a.jp/\ufffd", "http://a.jp/3"]
    assert result.reasons == ["record_broken"]


def test_descriptions_of_a_wat_file_may_say_anything(crawl, tmp_path):
    def described(**changed):
        said = {
            "WARC-Header-Metadata": {"WARC-Type": "response", "WARC-Target-URI": "http://a.jp/"},
            "Payload-Metadata": {},
        }
        return crawl.record("metadata", json.dumps({"Container": {"Offset": "0"}, "Envelope": said} | changed).encode())

    strange = [
        described(Container={"Offset": 10**30}),
        described(Envelope={"WARC-Header-Metadata": [1]}),
        described(
            Envelope={
                "WARC-Header-Metadata": {"WARC-Type": {"a": 1}, "WARC-Target-URI": "\ud83d"},
                "Payload-Metadata": 3,
            }
        ),
        crawl.record("metadata", b"[" * 5000),
    ]
    raw = (
        gzip.compress(described())
        + b"".join(map(gzip.compress, strange))
        + gzip.compress(described(Container={"Offset": "900"}))
    )
    (tmp_path / "crawl.warc.wat.gz").write_bytes(raw)
    result = crawl.Result(ReadRanges(plan_units(find_inputs([str(tmp_path / "crawl.warc.wat.gz")])), Source("list")))
    assert [(r["offset"], r["length"]) for r in result.kept] == [(0, 900)]
