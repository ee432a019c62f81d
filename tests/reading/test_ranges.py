"""Every record of a file is in exactly one of its ranges, wherever the ranges are cut."""

import csv
import gzip
import hashlib
import random
import zlib

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.extract.reader import find_inputs, plan_units, splittable


def pages(crawl, count, seed=0):
    rng = random.Random(seed)
    return [
        crawl.page(
            rng.randbytes(rng.choice([0, 10, 300, 3000])) + "お米".encode() * rng.randrange(400), f"http://a.jp/{i}"
        )
        for i in range(count)
    ]


def zstd_with_dictionary(records, packed):
    """A .warc.zst as IIPC describes it: the dictionary in a first skippable frame, a frame a record."""
    dictionary = zstandard.train_dictionary(4096, [r[:400] for r in records] * 4).as_bytes()
    raw = zstandard.ZstdCompressor().compress(dictionary) if packed else dictionary
    context = zstandard.ZstdCompressor(dict_data=zstandard.ZstdCompressionDict(dictionary), write_checksum=True)
    lead = bytes.fromhex("5d2a4d18") + len(raw).to_bytes(4, "little") + raw
    return lead + b"".join(context.compress(r) for r in records)


@pytest.fixture(scope="module")
def files(crawl, tmp_path_factory):
    """One crawl of 60 pages in every way a file can be made that may be cut; one page holds a compressed crawl uncompressed."""
    folder = tmp_path_factory.mktemp("ranges")
    records = pages(crawl, 60)
    inner = crawl.gz(*pages(crawl, 30, seed=1))
    records.insert(20, crawl.page(inner, "http://a.jp/crawl.warc.gz", "Content-Type: application/warc"))
    context = zstandard.ZstdCompressor(level=3)
    made = {
        "gz.warc.gz": crawl.gz(*records),
        "stored.warc.gz": crawl.gz(*records, level=0),
        "plain.warc": b"".join(records),
        "zst.warc.zst": b"".join(context.compress(r) for r in records),
        "streamed.warc.zst": b"".join(context.compressobj().compress(b"") + _stream(r) for r in records),
        "dict.warc.zst": zstd_with_dictionary(records, False),
        "packed_dict.warc.zst": zstd_with_dictionary(records, True),
    }
    for name, raw in made.items():
        (folder / name).write_bytes(raw)
    return folder, [f"http://a.jp/{i}" for i in range(20)] + ["http://a.jp/crawl.warc.gz"] + [
        f"http://a.jp/{i}" for i in range(20, 60)
    ]


def _stream(record):
    compressor = zstandard.ZstdCompressor(level=1).compressobj()  # writes no content size
    return compressor.compress(record) + compressor.flush()


NAMES = [
    "gz.warc.gz",
    "stored.warc.gz",
    "plain.warc",
    "zst.warc.zst",
    "streamed.warc.zst",
    "dict.warc.zst",
    "packed_dict.warc.zst",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_record_is_lost_or_doubled_at_any_cut(crawl, files, name):
    folder, urls = files
    path = folder / name
    whole = crawl.read(path)
    assert whole.urls == urls
    assert whole.rejected == []

    @settings(max_examples=25, deadline=None)
    @given(st.lists(st.integers(0, path.stat().st_size), max_size=5))
    def check(cuts):
        result = crawl.read_cut(path, cuts)
        assert [r["payload_digest"] for r in result.kept] == [r["payload_digest"] for r in whole.kept]
        assert [(r["offset"], r["length"]) for r in result.kept] == [(r["offset"], r["length"]) for r in whole.kept]
        assert result.rejected == []

    check()


@pytest.mark.parametrize("name", ["gz.warc.gz", "zst.warc.zst", "plain.warc"])
def test_a_cut_beside_every_boundary_changes_nothing(crawl, files, name):
    folder, urls = files
    path = folder / name
    for offset in [r["offset"] for r in crawl.read(path).kept][15:26]:
        for cut in (offset - 1, offset, offset + 1):
            assert crawl.read_cut(path, [max(0, cut)]).urls == urls


def test_bytes_read_add_up_to_the_file(crawl, files):
    path = files[0] / "gz.warc.gz"
    reader = crawl.read(path, 10_000).reader
    assert len(reader.units) == -(-path.stat().st_size // 10_000)
    assert reader.bytes_read == path.stat().st_size


def test_offset_and_length_cut_the_record_out_of_the_file(crawl, files):
    raw = (files[0] / "gz.warc.gz").read_bytes()
    for row in crawl.read(files[0] / "gz.warc.gz").kept[:5]:
        member = gzip.decompress(raw[row["offset"] : row["offset"] + row["length"]])
        assert member.startswith(b"WARC/1.1")
        assert member.endswith(row["payload"] + b"\r\n\r\n")


def test_files_that_cannot_be_cut_say_why_and_are_read_all_the_same(crawl, tmp_path):
    records = pages(crawl, 40)
    raw = b"".join(records)
    blocks = b"".join(gzip.compress(raw[i : i + 7000]) for i in range(0, len(raw), 7000))
    made = {
        "one_member.warc.gz": (gzip.compress(raw), "one gzip member holds more than one record"),
        "bgzip.warc.gz": (blocks, "its gzip members are not cut by record"),
        "one_frame.warc.zst": (zstandard.compress(raw), "one zstd frame holds more than one record"),
    }  # fmt: skip
    for name, (content, why) in made.items():
        path = tmp_path / name
        path.write_bytes(content)
        (file,) = find_inputs([str(path)])
        assert splittable(file) == why
        assert len(plan_units([file], 1000)) == 1
        result = crawl.read(path, 1000)
        assert result.urls == [f"http://a.jp/{i}" for i in range(40)]
        assert result.rejected == []
        small = crawl.read(path, max_record_bytes=2000)  # members longer than what may be held are read as a stream
        assert small.count("rows") == 40
        assert set(small.reasons) == {"record_too_large"}


def test_a_compressed_crawl_inside_a_page_is_no_boundary(crawl, tmp_path):
    inner = crawl.gz(*pages(crawl, 900, seed=2))
    assert len(inner) > 1 << 19
    path = tmp_path / "a.warc.gz"
    outer = zlib.compressobj(0, wbits=31)  # stored blocks: the inner members stand in the file as they are
    record = crawl.page(inner, "http://a.jp/crawl.warc.gz")
    path.write_bytes(crawl.gz(*pages(crawl, 3)) + outer.compress(record) + outer.flush() + crawl.gz(*pages(crawl, 3)))
    urls = crawl.read(path).urls
    assert len(urls) == 7
    rng = random.Random(3)
    for _ in range(12):
        assert crawl.read_cut(path, [rng.randrange(path.stat().st_size)]).urls == urls


def test_the_development_corpus_is_read_whole_at_any_unit_size(crawl, dev):
    with (dev / "truth.tsv").open() as lines:
        truth = {row["url"]: row["payload_sha256"] for row in csv.DictReader(lines, delimiter="\t")}
    found = {}
    for unit_bytes in (32 << 20, 700_001, 150_000):
        result = crawl.read(dev / "warc", unit_bytes)
        assert result.count("rows") == 2140
        assert [(r["reason"], r["value"]) for r in result.rejected] == [("http_status", 404.0)]
        assert result.count("records_request") == 128
        found[unit_bytes] = result.kept
    assert found[32 << 20] == found[700_001] == found[150_000]
    bodies = {r["url"]: hashlib.sha256(r["payload"]).hexdigest() for r in found[32 << 20] if r["url"] in truth}
    assert bodies == truth


def test_fastwarc_finds_the_same_records_at_the_same_places(crawl, dev):
    warc = pytest.importorskip("fastwarc.warc")
    path = dev / "warc" / "wget-debian-handbook-ja-00000.warc.gz"
    theirs = [
        (record.stream_pos, record.headers["WARC-Target-URI"].strip("<>"), record.reader.read())
        for record in warc.ArchiveIterator(str(path), record_types=warc.WarcRecordType.response, parse_http=True)
        if record.http_headers.status_code == 200
    ]
    assert len(theirs) == 127
    assert [(r["offset"], r["url"], r["payload"]) for r in crawl.read(path).kept] == theirs
