"""What cannot be read is one rejected row that names its place, and everything else is read."""

import gzip
import subprocess
import sys
import zlib

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture
def three(crawl):
    return [crawl.page("お米".encode() * 300 + bytes([65 + i]), f"http://a.jp/{i}") for i in range(3)]


def test_a_truncated_last_member_is_a_broken_record_with_its_url(crawl, tmp_path, three):
    members = [crawl.gz(r) for r in three]
    path = tmp_path / "cut.warc.gz"
    path.write_bytes(b"".join(members)[:-40])
    result = crawl.read(path)
    assert result.urls == ["http://a.jp/0", "http://a.jp/1"]
    (row,) = result.rejected
    at = len(members[0] + members[1])
    assert (row["reason"], row["url"], row["offset"], row["length"]) == (
        "record_broken",
        "http://a.jp/2",
        at,
        len(members[2]) - 40,
    )
    assert row["detail"] == f"cut.warc.gz at byte {at}: deflate: the bytes end inside the stream"
    assert len(row["id"]) == 16


@pytest.mark.parametrize(
    "pack", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress], ids=["gz", "zst"]
)
@pytest.mark.parametrize("how", ["cut short", "bit flipped", "magic gone"])
def test_a_damaged_member_in_the_middle_costs_one_record(crawl, tmp_path, three, pack, how):
    members = [pack(r) for r in three]
    middle = bytearray(members[1])
    if how == "cut short":
        del middle[len(middle) // 2 :]
    elif how == "bit flipped":
        middle[len(middle) // 2] ^= 16
    else:
        middle[:4] = b"\xff\xff\xff\xff"
    path = tmp_path / ("a.warc.gz" if pack is gzip.compress else "a.warc.zst")
    path.write_bytes(members[0] + bytes(middle) + members[2])
    result = crawl.read(path)
    assert result.urls == ["http://a.jp/0", "http://a.jp/2"]
    assert result.reasons == ["record_broken"]
    assert (result.rejected[0]["offset"], result.rejected[0]["length"]) == (len(members[0]), len(middle))
    for cut in range(1, path.stat().st_size, 37):
        again = crawl.read_cut(path, [cut])
        assert again.urls == result.urls
        assert [(r["offset"], r["length"]) for r in again.rejected] == [
            (r["offset"], r["length"]) for r in result.rejected
        ]


def test_one_member_of_many_records_that_breaks_off_gives_the_records_before(crawl, tmp_path):
    records = [crawl.page("お米".encode() * 30 + str(i).encode(), f"http://a.jp/{i}") for i in range(50)]
    raw = gzip.compress(b"".join(records))
    begun = zlib.decompressobj(31).decompress(raw[: len(raw) // 2]).count(b"WARC/1.1")
    for name, content, why in (
        ("cut", raw[: len(raw) // 2], "end inside"),
        ("sum", raw[:-8] + bytes(4) + raw[-4:], "checksum"),
    ):
        path = tmp_path / f"{name}.warc.gz"
        path.write_bytes(content)
        result = crawl.read(path)
        count = len(result.kept)
        assert result.urls == [f"http://a.jp/{i}" for i in range(count)]
        assert count == (begun if name == "cut" else 50) - 1
        (row,) = result.rejected
        assert (row["reason"], row["url"], row["offset"]) == ("record_broken", f"http://a.jp/{count}", 0)
        assert why in row["detail"]


def test_garbage_between_members_is_one_broken_record_and_padding_is_none(crawl, tmp_path, three):
    first, second, third = (crawl.gz(r) for r in three)
    path = tmp_path / "a.warc.gz"
    path.write_bytes(first + "ごみ".encode() * 50 + second + b"\0" * 512 + third + b"\r\n\r\n")
    result = crawl.read(path)
    assert len(result.kept) == 3
    assert [(r["reason"], r["offset"], r["length"]) for r in result.rejected] == [("record_broken", len(first), 300)]


def test_garbage_between_plain_records_is_one_broken_record(crawl, tmp_path, three):
    path = tmp_path / "a.warc"
    path.write_bytes(three[0] + b"garbage\r\nWARC/ is no header\r\n" + three[1] + three[2])
    result = crawl.read(path)
    assert len(result.kept) == 3
    assert [(r["reason"], r["offset"]) for r in result.rejected] == [("record_broken", len(three[0]))]


@pytest.mark.parametrize("error", [-700, -1, 1, 700, 10**12])
def test_a_wrong_length_is_put_right_where_a_checksum_holds(crawl, tmp_path, three, error):
    block = crawl.http("精米".encode() * 200, "Content-Type: text/html")
    wrong = crawl.record("response", block, "http://a.jp/wrong", length=len(block) + error)
    path = tmp_path / "a.warc.gz"
    path.write_bytes(crawl.gz(three[0], wrong, three[1]))
    result = crawl.read(path)
    assert result.urls == ["http://a.jp/0", "http://a.jp/wrong", "http://a.jp/1"]
    assert result.kept[1]["payload"] == "精米".encode() * 200
    assert result.count("records_length_wrong") == 1


@pytest.mark.parametrize("error", [-700, -1, 700, 10**12, None])
def test_a_wrong_length_in_a_plain_file_costs_that_record(crawl, tmp_path, three, error):
    block = crawl.http("精米".encode() * 200, "Content-Type: text/html")
    said = "ten" if error is None else str(len(block) + error)
    wrong = crawl.record("response", block, "http://a.jp/wrong", content_length=said)
    path = tmp_path / "a.warc"
    path.write_bytes(three[0] + wrong + three[1] + three[2])
    result = crawl.read(path)
    assert result.urls == ["http://a.jp/0", "http://a.jp/1", "http://a.jp/2"]
    (row,) = result.rejected
    assert (row["reason"], row["url"], row["offset"], row["length"]) == (
        "record_broken",
        "http://a.jp/wrong",
        len(three[0]),
        len(wrong),
    )
    assert said in row["detail"]


def test_a_file_that_is_no_warc_is_one_broken_record(crawl, tmp_path):
    for name, content in {
        "a.warc.gz": b"<html>" * 5000, "b.warc.gz": gzip.compress(b"<html>" * 5000), "c.warc": b"PK\3\4" * 9000,
        "d.warc.zst": b"\x28\xb5\x2f\xfd" + b"\xff" * 99, "e.warc": b"\0" * 50 + b"x", "f.warc.gz": b"\x1f",
    }.items():  # fmt: skip
        path = tmp_path / name
        path.write_bytes(content)
        result = crawl.read(path)
        assert (result.kept, result.reasons) == ([], ["record_broken"]), name
        assert name in result.rejected[0]["detail"]
        assert crawl.read(path, 1000).reasons == ["record_broken"], name


def test_an_empty_file_is_counted(crawl, tmp_path):
    (tmp_path / "a.warc.gz").touch()
    (tmp_path / "b.warc").touch()
    result = crawl.read(tmp_path)
    assert (result.kept, result.rejected, result.count("files_empty")) == ([], [], 2)


def test_a_record_over_the_limit_is_rejected_with_its_size_and_the_next_is_read(crawl, tmp_path, three):
    big = crawl.page(b"x" * 5000, "http://a.jp/big")
    gone = crawl.page(b"x" * 5000, "http://a.jp/gone", status="404 Not Found")
    size = len(crawl.http(b"x" * 5000, "Content-Type: text/html"))
    for name, raw in {
        "a.warc.gz": crawl.gz(three[0], big, gone, three[1]),
        "b.warc": three[0] + big + gone + three[1],
    }.items():
        path = tmp_path / name
        path.write_bytes(raw)
        result = crawl.read(path, max_record_bytes=4000)
        assert result.urls == ["http://a.jp/0", "http://a.jp/1"]
        large, missing = result.rejected
        assert (large["reason"], large["value"], large["threshold"]) == ("record_too_large", float(size), 4000.0)
        assert (large["url"], large["mime_declared"]) == ("http://a.jp/big", "text/html")
        assert (missing["reason"], missing["value"]) == ("http_status", 404.0)


CHILD = """
import sys
from curation.extract.reader import find_inputs, plan_units
from curation.extract.warc import ReadWarc
from curation.provenance import Source
from curation.step import Rejected
def peak():  # of this program: what getrusage says is inherited from the process that started it
    return int(next(l for l in open("/proc/self/status") if l.startswith("VmHWM")).split()[1])
before = peak()
items = list(ReadWarc(plan_units(find_inputs(sys.argv[1:])), Source("web")).run())
reasons = [r for i in items if isinstance(i, Rejected) for r in i.batch["reason"].to_pylist()]
print(reasons, sum(i.num_rows for i in items if not isinstance(i, Rejected)))
print(peak() - before, peak())
"""


@pytest.mark.parametrize("name", ["a.warc.gz", "a.warc.zst", "a.warc"])
def test_a_record_of_300_mb_is_passed_over_in_constant_memory(crawl, tmp_path, three, name):
    size = 300 << 20
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n"
    lead = crawl.record("response", b"", "http://a.jp/big", length=size)[:-4]
    path = tmp_path / name
    pack = {"a.warc.gz": gzip.compress, "a.warc.zst": zstandard.compress, "a.warc": bytes}[name]
    make = {
        "a.warc.gz": lambda: zlib.compressobj(1, wbits=31), "a.warc.zst": lambda: zstandard.ZstdCompressor(1).compressobj(),
    }.get(name)  # fmt: skip
    with path.open("wb") as out:
        out.write(pack(three[0]))
        compressor = make() if make else None
        write = (lambda b: out.write(compressor.compress(b))) if compressor else out.write
        write(lead + head)
        left, block = size - len(head), "米".encode() * (1 << 18)
        while left:
            write(block[:left])
            left -= len(block[:left])
        write(b"\r\n\r\n")
        if compressor:
            out.write(compressor.flush())
        out.write(pack(three[1]))
    run = subprocess.run([sys.executable, "-c", CHILD, str(path)], capture_output=True, text=True, check=True)
    found, memory = run.stdout.splitlines()
    grown, peak = memory.split()
    assert found == "['record_too_large'] 2"
    assert int(grown) < 120 << 10  # KiB: Arrow's and numpy's own imports are most of it
    assert int(peak) < 400 << 10


def test_a_member_that_inflates_to_gigabytes_of_nothing_is_one_row(crawl, tmp_path, three):
    compressor = zlib.compressobj(9, wbits=31)
    lead = crawl.record("response", b"", "http://a.jp/bomb", length=1 << 30)[:-4]
    bomb = (
        compressor.compress(lead)
        + b"".join(compressor.compress(bytes(1 << 24)) for _ in range(16))
        + compressor.flush()
    )
    path = tmp_path / "a.warc.gz"
    path.write_bytes(crawl.gz(three[0]) + bomb + crawl.gz(three[1]))
    result = crawl.read(path)
    assert result.urls == ["http://a.jp/0", "http://a.jp/1"]
    assert result.reasons == ["record_broken"]
    assert "Content-Length says 1073741824" in result.rejected[0]["detail"]


@pytest.mark.parametrize("name", ["a.warc.gz", "a.warc.zst"])
def test_wherever_bytes_change_every_untouched_record_is_read(crawl, tmp_path, name):
    pack = gzip.compress if name.endswith("gz") else zstandard.ZstdCompressor(write_checksum=True).compress
    members = [pack(crawl.page(f"第{i}回".encode() * (i * 40), f"http://a.jp/{i}")) for i in range(8)]
    raw = b"".join(members)
    begins = [sum(map(len, members[:i])) for i in range(9)]
    path = tmp_path / name

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, len(raw) - 1), st.integers(0, 600), st.binary(max_size=300), st.integers(0, len(raw)))
    def check(at, gone, new, cut):
        path.write_bytes(raw[:at] + new + raw[at + gone :])
        result = crawl.read_cut(path, [min(cut, path.stat().st_size)])
        last = at + gone if gone else at
        untouched = {f"http://a.jp/{i}" for i in range(8) if begins[i + 1] <= at or begins[i] >= last}
        assert untouched <= set(result.urls)
        assert len(result.urls) == len(set(result.urls))
        assert set(result.reasons) <= {"record_broken"}

    check()
