"""Ranges to pages: exactly those that reading the whole file gives, and for every range that is none a reason."""

from typing import Any

import pyarrow as pa
import pytest

from curation.extract.inputs import InputError
from curation.extract.ranges.fetch import Fetch
from curation.extract.ranges.spans import Range, spans
from curation.extract.reader import find_inputs, plan_units
from curation.extract.warc import ReadWarc
from curation.provenance import Source
from curation.step import Rejected

INDEX = "cc-index/table/cc-main/warc/crawl=CC-MAIN-2026-43/subset=warc/*.parquet"
SAME = (
    "id",
    "url",
    "host",
    "date",
    "record_type",
    "http_status",
    "mime_declared",
    "charset_declared",
    "mime_identified",
)
SAME += ("payload_digest", "payload_bytes", "payload", "offset", "length")


def every_page(replica) -> dict[bytes, dict[str, Any]]:
    """Rows of all WARC files, read whole, by id."""
    reader = ReadWarc(
        plan_units(find_inputs([f"{replica}/crawl-data/CC-MAIN-2026-43/warc.paths.gz"])),
        Source("crawl", "著作権法30条の4"),
    )
    return {row["id"]: row for item in reader.run() if not isinstance(item, Rejected) for row in item.to_pylist()}


@pytest.mark.parametrize("at_once", [1, 7])
@pytest.mark.parametrize("gap", [0, 1 << 20])
def test_pages_are_those_of_the_whole_files_however_ranges_are_joined(crawl, replica, served, at_once, gap):
    ranges, _, _ = crawl.listed(f"{replica}/{INDEX}", status=[200])
    kept, gone, step = crawl.fetched(ranges, served.url, join_gap=gap, at_once=at_once, batch_bytes=200_000)
    whole = every_page(replica)
    assert len(kept) == 120
    assert not gone
    assert all([row[n] for n in SAME] == [whole[row["id"]][n] for n in SAME] for row in kept)
    requests = int(step.stats["requests"].total)
    assert requests == 120 if gap == 0 else requests <= 6
    assert int(step.stats["files"].total) == 3


def test_bytes_read_are_counted_against_the_bytes_of_the_files(crawl, replica, served):
    ranges, _, _ = crawl.listed(f"{replica}/{INDEX}", languages=["jpn"], status=[200])
    _, _, step = crawl.fetched(ranges, served.url)
    counts = {name: int(step.stats[name].total) for name in ("bytes_read", "bytes_listed", "bytes_whole", "files")}
    files = list((replica / "crawl-data").rglob("*.warc.gz"))
    assert counts["bytes_whole"] == sum(p.stat().st_size for p in files)
    assert counts["files"] == len(files) == 3
    assert counts["bytes_listed"] == sum(row["length"] for row in ranges) <= counts["bytes_read"] == served.sent
    assert counts["bytes_read"] < 0.1 * counts["bytes_whole"]


def test_a_local_mirror_is_read_the_same_way(crawl, replica):
    ranges, _, _ = crawl.listed(f"{replica}/{INDEX}", languages=["jpn"], status=[200])
    kept, gone, _ = crawl.fetched(ranges, str(replica))
    assert (len(kept), gone) == (6, [])


def test_a_range_that_cannot_be_read_is_rejected_with_its_reason_and_costs_no_other(crawl, replica, served):
    (first, second, *rest), _, _ = crawl.listed(f"{replica}/{INDEX}", languages=["jpn"], status=[200])
    size = (replica / first["file"]).stat().st_size
    n = iter(range(100, 200))

    def other(**changed):
        return first | {"id": bytes([next(n)]) * 16} | changed

    bad = {
        "range_missing": [
            (other(offset=size - 10, length=50), f"the file ends at byte {size:,}, the range at {size + 40:,}"),
            (other(offset=size + 10), "the file ends at byte"),
            (other(file="crawl-data/gone.warc.gz"), "crawl-data/gone.warc.gz is not under"),
            (other(file="../secrets.warc.gz"), "../secrets.warc.gz is not under"),
            (other(file="https://elsewhere.example.jp/a.warc.gz"), "is not under"),
        ],
        "record_broken": [
            (other(offset=first["offset"] + 7), "the range is no whole record"),
            (other(length=first["length"] - 7), "the range is no whole record"),
            (other(offset=0, length=40), "the range is no whole record"),
            (
                other(
                    offset=first["offset"], length=second["offset"] + 500 if second["file"] == first["file"] else 60_000
                ),
                "pages, at",
            ),
            (other(length=0), "the row names no range"),
        ],
        "record_too_large": [(other(offset=0, length=40 << 20), "the range, left unread")],
    }
    wanted = [first, second, *rest, *(row for rows in bad.values() for row, _ in rows)]
    kept, gone, step = crawl.fetched(wanted, served.url)
    assert len(kept) == 6
    assert len(kept) + len(gone) == len(wanted) == int(step.stats["rows"].total)
    for reason, rows in bad.items():
        for row, said in rows:
            (found,) = [g for g in gone if g["id"] == row["id"]]
            assert (found["reason"], said in found["detail"]) == (reason, True), found["detail"]


def test_records_that_are_no_page_are_said_to_be_none(crawl, tmp_path):
    captures = [crawl.japanese(1)]
    crawl.replica.build(tmp_path, [captures])
    (path,) = (tmp_path / "crawl-data").rglob("*.warc.gz")
    (row,), _, _ = crawl.listed(f"{tmp_path}/{INDEX}")
    info = row | {"id": b"i" * 16, "offset": 0, "length": row["offset"]}
    behind = row | {"id": b"b" * 16, "length": path.stat().st_size - row["offset"]}
    kept, gone, _ = crawl.fetched([row, info, behind], str(tmp_path))
    assert len(kept) == 2, "a range that reaches over the records that follow its page gives the page"
    (found,) = gone
    assert "the range holds no page, but warcinfo, request" in found["detail"]


def test_a_base_that_is_wrong_for_every_file_stops_the_run(crawl, served):
    rows = [
        {"id": bytes([n]) * 16, "url": None, "date": None, "file": f"wrong/{n}.warc.gz", "offset": 0, "length": 10}
        for n in range(25)
    ]
    with pytest.raises(
        InputError, match=r"the first 20 files of the list are not there, e.g. http.*is 'base: http.*' right\?"
    ):
        crawl.fetched(rows, served.url)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"base": ""}, "base is empty"),
        ({"requests_per_second": 0}, "must be"),
        ({"at_once": 0}, "at_once"),
        ({"join_gap": -1}, "join_gap"),
    ],
)
def test_parameters_that_cannot_be_are_refused(options, said):
    with pytest.raises(ValueError, match=said):
        Fetch(**({"base": "x", "join_gap": 0, "most_span": 1, "requests_per_second": 1.0} | options))


def test_spans_hold_every_range_and_no_other_byte_than_gaps():
    ranges = [Range(n, f"f{n % 2}", (n * 7919) % 5000, 10 + n % 50) for n in range(200)]
    made = list(spans(ranges, gap=20, most=400))
    assert sorted(one.row for span in made for one in span.ranges) == list(range(200))
    for span in made:
        assert span.stop - span.start <= 400
        assert all(span.start <= one.offset and one.offset + one.length <= span.stop for one in span.ranges)
        covered = set().union(*(range(one.offset, one.offset + one.length) for one in span.ranges))
        holes = [at for at in range(span.start, span.stop) if at not in covered]
        assert len(holes) <= 20 * (len(span.ranges) - 1)


def test_a_page_that_inflates_to_much_closes_its_batch(crawl, tmp_path):
    """A thousand small ranges may be of pages of megabytes: a batch is closed by what came out."""
    capture = crawl.replica.Capture
    pages = [capture(f"https://a.example.jp/{n}", b"<p>" + b"x" * 3_000_000, "jpn") for n in range(10)]
    crawl.replica.build(tmp_path, [pages], views=False)
    ranges, _, _ = crawl.listed(f"{tmp_path}/{INDEX}")
    step = Fetch(str(tmp_path), 4096, 1 << 20, 1000.0, batch_bytes=8_000_000)
    from curation.document import schema
    from curation.extract.ranges.range_list import ReadRanges

    batch = pa.RecordBatch.from_pylist(ranges, schema(ReadRanges.writes))
    sizes = [item.num_rows for item in step.run([batch]) if not isinstance(item, Rejected)]
    assert sum(sizes) == 10
    assert max(sizes) == 3


def test_ranges_of_an_object_store(crawl, replica, monkeypatch):
    server = pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    for name in ("AWS_CA_BUNDLE", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    running = server.ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    running.start()
    host, port = running.get_host_and_port()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}", "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    s3fs.S3FileSystem.clear_instance_cache()
    fs = s3fs.S3FileSystem()
    fs.mkdir("commoncrawl")
    fs.put(f"{replica}/crawl-data", "commoncrawl/", recursive=True)
    try:
        ranges, _, _ = crawl.listed(f"{replica}/{INDEX}", languages=["jpn"], status=[200])
        gone = ranges[0] | {"id": b"g" * 16, "file": "crawl-data/none.warc.gz"}
        kept, rejected, step = crawl.fetched([*ranges, gone], "s3://commoncrawl/")
        assert len(kept) == 6
        assert [row["reason"] for row in rejected] == ["range_missing"]
        assert int(step.stats["bytes_whole"].total) == sum(p.stat().st_size for p in replica.rglob("*.warc.gz"))
    finally:
        s3fs.S3FileSystem.clear_instance_cache()
        running.stop()
