"""Small files that decode to gigabytes: each ends in rows with a reason, in bounded memory, and the rows beside it are read."""

import gzip
import io
import json
import time

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.extract import parquet_pages, tables
from curation.extract.http_body import Response, decode_body
from curation.extract.inputs import InputError, find_inputs
from curation.extract.parquet_pages import Page, Pages, footer_of, pages_of, rows_at_once
from curation.extract.ranges.range_list import ReadRanges
from curation.extract.tables import ReadTable
from curation.extract.units import plan_units
from curation.provenance import Source
from curation.step import Rejected

MIB = 1 << 20
POOLS: list[pa.MemoryPool] = []  # one must outlive what was taken from it


@pytest.fixture
def read(tmp_path):
    """Rows of a table as (number, reason, bytes of text, has a URL), the largest batch in bytes, and the most that Arrow held."""

    def read(raw: bytes, name: str = "a.parquet", **options):
        (tmp_path / name).write_bytes(raw)
        before, pool = pa.default_memory_pool(), pa.proxy_memory_pool(pa.default_memory_pool())
        POOLS.append(pool)
        pa.set_memory_pool(pool)
        try:
            reader, rows, largest = (
                ReadTable(plan_units(find_inputs([str(tmp_path / name)])), Source("t"), **options),
                [],
                0,
            )
            for item in reader.run():
                batch = item.batch if isinstance(item, Rejected) else item
                reasons = batch.column("reason").to_pylist() if isinstance(item, Rejected) else [None] * batch.num_rows
                sizes = [None if t is None else len(t) for t in batch.column("text").to_pylist()]
                urls = [u is not None for u in batch.column("url").to_pylist()]
                rows += list(zip(batch.column("offset").to_pylist(), reasons, sizes, urls, strict=True))
                largest = max(largest, batch.nbytes)
        finally:
            pa.set_memory_pool(before)
        return sorted(rows, key=lambda row: row[0]), largest, pool.max_memory()

    return read


def words(*values: str, rows: int) -> pa.Array:
    """So many rows that share a few values, in turn."""
    return pa.DictionaryArray.from_arrays(pa.array([i % len(values) for i in range(rows)], pa.int32()), list(values))


def parquet(*groups: pa.Table, **options) -> bytes:
    out = io.BytesIO()
    with pq.ParquetWriter(out, groups[0].schema, compression="zstd", **options) as writer:
        for group in groups:
            writer.write_table(group)
    return out.getvalue()


def test_a_value_over_the_limit_that_thousands_of_rows_share_is_never_copied(read):
    raw = parquet(pa.table({"text": words("米" * (6 * MIB), "よい行", rows=4000)}), dictionary_pagesize_limit=64 * MIB)
    assert len(raw) < MIB
    rows, _, most = read(raw)
    assert [r[1] for r in rows] == ["record_too_large", None] * 2000
    assert [r[2] for r in rows[1::2]] == [3] * 2000
    assert most < 256 * MIB, "4,000 rows of 18 MiB"


def test_a_value_below_the_limit_that_rows_share_is_given_in_batches_that_fit_until_it_is_a_bomb(read, monkeypatch):
    monkeypatch.setattr(tables, "BOMB_BYTES", 200 * MIB)
    big = pa.table({"text": words("a" * (10 * MIB), rows=5000)})
    after = pa.table({"text": words("よい行", rows=3)})
    rows, largest, most = read(parquet(big, after, dictionary_pagesize_limit=64 * MIB))
    kept = [r for r in rows if r[1] is None]
    assert [r[0] for r in kept[-3:]] == [5000, 5001, 5002], "the next row group is read"
    assert 20 <= len(kept) - 3 < 1024 + 20
    assert {r[1] for r in rows} == {None, "record_broken"}
    assert largest < 64 * MIB
    assert most < 256 * MIB


def test_an_address_of_megabytes_is_none_and_is_held_once(read):
    url = words("http://a.jp/" + "a" * (15 * MIB), "http://b.jp/", rows=3000)
    rows, _, most = read(parquet(pa.table({"text": ["米"] * 3000, "url": url}), dictionary_pagesize_limit=64 * MIB))
    assert [(r[1], r[3]) for r in rows] == [(None, False), (None, True)] * 1500
    assert most < 256 * MIB


def test_texts_that_share_their_beginnings_are_read_a_few_at_a_time(read):
    text = pa.array(["a" * (4 * MIB)] * 64)
    raw = parquet(pa.table({"text": text}), use_dictionary=False, column_encoding={"text": "DELTA_BYTE_ARRAY"})
    assert len(raw) < MIB
    rows, largest, most = read(raw)
    assert [(r[1], r[2]) for r in rows] == [(None, 4 * MIB)] * 64
    assert largest < 64 * MIB
    assert most < 200 * MIB


@pytest.mark.parametrize("encoding", ["PLAIN", "DELTA_LENGTH_BYTE_ARRAY", "DELTA_BYTE_ARRAY", None])
def test_texts_of_every_encoding_are_read(read, encoding):
    texts = [None if i % 11 == 5 else f"{i % 700} 番目の本文です。" * (i % 60) for i in range(5000)]
    given = {"use_dictionary": encoding is None} | ({"column_encoding": {"text": encoding}} if encoding else {})
    rows, _, _ = read(parquet(pa.table({"text": texts}), dictionary_pagesize_limit=30_000, **given))
    assert [r[2] for r in rows] == [None if t is None else len(t) for t in texts]


def test_a_page_that_only_a_bomb_holds_is_not_inflated_and_the_rows_before_and_after_it_are_read(read, monkeypatch):
    monkeypatch.setattr(parquet_pages, "MOST_PAGE", MIB)
    good = pa.table({"text": [f"よい行 {i}" for i in range(7)]})
    both = pa.table({"text": [f"{i} " * 100 for i in range(14)] + ["a" * (8 * MIB)] * 2})
    options = {"use_dictionary": False, "data_page_size": 1, "write_batch_size": 7}
    rows, _, most = read(parquet(good, both, good, **options))
    assert [r[0] for r in rows if r[1] is None] == [*range(7), *range(7, 21), *range(23, 30)]
    assert [r[0] for r in rows if r[1] == "record_broken"] == [21, 22]
    assert most < 8 * MIB


def test_rows_without_end_end(read, monkeypatch):
    monkeypatch.setattr(tables, "BOMB_BYTES", 4 * MIB)
    raw = parquet(pa.table({"text": pa.nulls(3_000_000, pa.string())}))
    assert len(raw) < 8192
    rows, _, _ = read(raw)
    assert len(rows) < 200_000
    assert [r[1] for r in rows[-2:]] == ["null_text", "record_broken"], "one row for all that is left"


def test_a_footer_whose_statistics_do_not_fit_together_ends_no_process(read):
    text = [f"よい行 {i}" if i % 3 else None for i in range(50)]
    raw = parquet(pa.table({"text": text}))
    histogram = b"\x26\x22\x42"  # how many values are null (17) and not (33): a list of two
    assert raw.count(histogram) == 1, "pyarrow writes it into the footer"
    rows, _, _ = read(raw.replace(histogram, b"\x16\x22\x42"))
    assert {r[1] for r in rows} <= {None, "null_text", "record_broken"}


def test_a_list_is_no_id_no_address_and_no_date(read):
    lists = pa.array([[0] * 1000] * 100)
    raw = parquet(pa.table({"text": ["米"] * 100, "id": lists, "url": lists, "date": lists}))
    assert [r[1:] for r in read(raw)[0]] == [(None, 1, False)] * 100
    with pytest.raises(InputError, match=r"a.parquet: column 'id' \(id_key\) is list<.*>, not one value a row"):
        read(raw, id_key="id")


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("codec", ["none", "snappy", "gzip", "zstd", "lz4", "brotli"])
def test_headers_of_pages_say_what_pyarrow_wrote(codec, version):
    texts = [f"{i} 番目の本文。" * (i % 90) or None for i in range(5000)]
    out = io.BytesIO()
    table = pa.table({"text": texts, "n": range(5000)})
    pq.write_table(table, out, compression=codec, data_page_version=version, data_page_size=20_000, row_group_size=3000)
    for group in range(2):
        meta = pq.read_metadata(out).row_group(group)
        for number, chunk in enumerate(footer_of(out)[group]):
            told = meta.column(number)
            assert (chunk.path, chunk.stored) == (told.path_in_schema, told.total_compressed_size)
            found = pages_of(out, chunk)
            assert (found.rows, found.said) == (None, "")
            assert sum(page.values for page in found.pages) == meta.num_rows
            assert sum(page.inflated for page in found.pages) < told.total_uncompressed_size


def test_rows_are_asked_for_by_the_pages_in_which_they_lie():
    def at_once(*pages: Page) -> int:
        return rows_at_once([Pages(list(pages), None, "")], 1024, 32 * MIB)

    usual, books = Page(1000, MIB, 2 * MIB), Page(1000, 10 * MIB, 40 * MIB)
    assert at_once(*[usual] * 50) == 1024
    assert at_once(*[books] * 5) == 800, "as many of the average length as are 32 MiB"
    assert at_once(*[Page(1, MIB, 1024 * MIB)] * 9) == 1
    assert at_once(*[Page(1, MIB, 20 * MIB)] * 2000) == 2
    assert at_once(Page(1000, MIB, MIB, 7, MIB)) == 32
    assert at_once(*[Page(9, MIB, 20 * MIB)] * 9 + [usual] * 9) == 8, "two of the large ones"


def test_a_list_of_ranges_that_shares_one_address_of_megabytes_is_a_broken_row(tmp_path):
    rows = 2000
    listed = {
        "warc_filename": ["a.warc.gz"] * rows,
        "warc_record_offset": range(rows),
        "warc_record_length": [9] * rows,
    }
    bomb, good = (pa.table({**listed, "url": words(url, rows=rows)}) for url in ("a" * (15 * MIB), "http://a.jp/"))
    (tmp_path / "list.parquet").write_bytes(parquet(bomb, good, dictionary_pagesize_limit=64 * MIB))
    reader = ReadRanges(plan_units(find_inputs([str(tmp_path / "list.parquet")], "ranges")), Source("list"))
    items = list(reader.run())
    assert sum(item.num_rows for item in items if not isinstance(item, Rejected)) == rows
    (broken,) = [item.batch.to_pylist()[0] for item in items if isinstance(item, Rejected)]
    assert (
        "list.parquet, row 1: row group 0 (2,000 rows) breaks off: a column of it holds 31,457,280,000 bytes"
        in broken["detail"]
    )


def test_lines_with_addresses_of_megabytes_come_in_batches_that_fit(read):
    line = json.dumps({"text": "米", "url": "http://" + "a" * (14 * MIB), "date": "2026-11-22" + "x" * MIB}).encode()
    raw = b"".join(gzip.compress(line + b"\n", 1) for _ in range(40))
    assert len(raw) < 8 * MIB
    rows, largest, _ = read(raw, "a.jsonl.gz")
    assert [r[1:] for r in rows] == [(None, 1, False)] * 40
    assert largest < 64 * MIB


def test_a_body_is_taken_out_of_eight_codings_at_most():
    body = b"a" * MIB
    for _ in range(30):
        body = gzip.compress(body, 0)
    began = time.monotonic()
    left = decode_body(body, Response(200, [("content-encoding", ", ".join(["gzip"] * 1000))], 0), 64 * MIB, "a/b")
    assert time.monotonic() - began < 5
    assert left.undone == ("gzip",) * 8
