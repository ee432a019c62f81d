"""Lines behind the damage of a compressed file: read on at the next member, and what is lost is told with a number."""

import gzip
import json
import random
import time

import pytest
import zstandard

from curation.extract.inputs import InputError, find_inputs
from curation.extract.tables import ReadTable
from curation.extract.units import plan_units
from curation.extract.warc_range import read_records
from curation.extract.window import Window
from curation.provenance import Source
from curation.step import Rejected

_RNG = random.Random(8)
TEXTS = [f"{i} " + "".join(chr(0x4E00 + _RNG.randrange(900)) for _ in range(60)) for i in range(1000)]
LINES = [json.dumps({"id": str(i), "text": text}, ensure_ascii=False).encode() + b"\n" for i, text in enumerate(TEXTS)]


def members(pack=gzip.compress, each: int = 100) -> list[bytes]:
    """The lines, so many a member, as several writers or one that appends leave them."""
    return [pack(b"".join(LINES[i : i + each])) for i in range(0, len(LINES), each)]


def holed(raw: bytes, at: int = 1500, size: int = 40) -> bytes:
    return raw[:at] + bytes(size) + raw[at + size :]


@pytest.fixture
def read(crawl, tmp_path):
    def read(raw: bytes, name: str = "a.jsonl.gz"):
        (tmp_path / name).write_bytes(raw)
        return crawl.Result(ReadTable(plan_units(find_inputs([str(tmp_path / name)])), Source("t")))

    return read


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor(write_checksum=True).compress])
@pytest.mark.parametrize(
    "damage", [holed, lambda raw: raw[:-60], lambda raw: raw[:200], lambda raw: b"", lambda raw: bytes(len(raw))]
)
def test_members_behind_a_damaged_one_are_read(read, pack, damage):
    made = members(pack)
    whole = sum(map(len, made))
    made[4] = damage(made[4])
    result = read(b"".join(made), "a.jsonl.gz" if pack is gzip.compress else "a.jsonl.zst")
    texts = [r["text"] for r in result.kept]
    assert texts[:400] == TEXTS[:400]
    assert texts[-500:] == TEXTS[500:]
    if damage is not holed:
        assert set(texts[400:-500]) <= set(TEXTS[400:500]), "nothing was made up"
    assert len({r["id"] for r in result.kept}) == len(texts)
    if len(made[4]):
        assert {r["reason"] for r in result.rejected} == {"record_broken"}
        size = whole - len(members(pack)[4]) + len(made[4])
        (told,) = [r["detail"] for r in result.rejected if f"of {size:,}" in r["detail"]]
        assert told.startswith("a.jsonl")
    assert result.count("rows") == len(result.kept) + len(result.rejected)


def test_how_many_lines_are_lost_is_told_by_those_before(read):
    made = members()
    made[4] = gzip.compress(b"".join(LINES[400:500]), 0)
    made[4] = made[4][:10] + b"\xff" + made[4][11:]  # a block of a type that there is not
    broken = next(r for r in read(b"".join(made)).rejected if "deflate" in r["detail"])
    lost = int(broken["detail"].partition("; about ")[2].partition(" lines")[0])
    assert 140 <= lost <= 190
    assert "reading goes on at byte" in broken["detail"]


def test_members_that_are_cut_in_the_middle_of_lines_lose_the_lines_at_their_edges(read):
    raw = b"".join(LINES)
    made = [gzip.compress(raw[i : i + 20_000]) for i in range(0, len(raw), 20_000)]
    made[3] = made[3][:-100]
    result = read(b"".join(made))
    assert {r["text"] for r in result.kept} <= set(TEXTS)
    assert TEXTS[-1] in [r["text"] for r in result.kept]
    gone = [i for i, text in enumerate(TEXTS) if text not in {r["text"] for r in result.kept}]
    assert gone == list(range(gone[0], gone[-1] + 1)), "one stretch, at the damage"
    assert len(gone) < 10
    assert len(result.rejected) == 1


def test_a_single_member_keeps_its_lines_before_the_damage_and_tells_the_rest(read):
    raw = gzip.compress(b"".join(LINES), 0)
    raw = raw[: len(raw) // 2] + raw[len(raw) // 2 + 40 :]  # the next stored block is not where it should be
    result = read(raw)
    texts = [r["text"] for r in result.kept]
    assert texts[:490] == TEXTS[:490]
    assert 500 < len(texts) < 900
    broken = next(r for r in result.rejected if "deflate" in r["detail"])
    assert f"of {len(raw):,}; about" in broken["detail"]
    assert 100 < int(broken["detail"].partition("; about ")[2].partition(" lines")[0]) < 600


def test_a_wrong_checksum_costs_no_line(read):
    raw = bytearray(gzip.compress(b"".join(LINES).rstrip()))
    raw[-6] ^= 1
    result = read(bytes(raw))
    assert [r["text"] for r in result.kept] == TEXTS
    assert "lines of this member may hold wrong characters" in result.rejected[0]["detail"]


def test_a_long_member_is_read_twice_and_not_held(read, monkeypatch):
    monkeypatch.setattr("curation.extract.json_lines.HELD_BYTES", 5000)
    made = members()
    assert [r["text"] for r in read(b"".join(made)).kept] == TEXTS
    made[4] = made[4][:-60]
    assert [r["text"] for r in read(b"".join(made)).kept][-500:] == TEXTS[500:]


@pytest.mark.parametrize(
    "evil",
    [
        b"\x1f\x8b\x08" * 400_000,
        b"\x1f\x8b\x08" + bytes(6) + b"\3" + b"\xff" * 2,
        b"\x1f\x8b\x08\x08" + bytes(5) + b"\3a",
    ],
)
def test_beginnings_of_members_that_are_none_cost_little_time(read, tmp_path, evil):
    raw = gzip.compress(b"".join(LINES))[:900] + evil * (1 if len(evil) > 99 else 20_000)
    began = time.monotonic()
    assert read(raw).reasons == ["record_broken"]
    (tmp_path / "a.warc.gz").write_bytes(raw)
    with (tmp_path / "a.warc.gz").open("rb") as file:
        assert len(list(read_records(Window(file, len(raw)), "a.warc.gz", 0, len(raw), 1 << 20))) == 1
    assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    "change",
    [
        lambda p: p.write_bytes(p.read_bytes()[:9000]),
        lambda p: p.unlink(),
        lambda p: p.write_bytes(p.read_bytes() + b"\n"),
    ],
)
def test_a_file_that_changes_while_it_is_read_stops_the_task(tmp_path, change):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"".join(LINES))
    reader = ReadTable(plan_units(find_inputs([str(path)])), Source("t"), batch_rows=10)
    rows = reader.run()
    assert not isinstance(next(rows), Rejected)
    change(path)
    with pytest.raises(InputError, match=r"a\.jsonl (changed since it was listed|is not there any more)"):
        list(rows)


def test_a_hole_of_zeros_between_records_is_told(read, crawl, tmp_path):
    pages = [crawl.page("米".encode(), f"http://a.jp/{i}") for i in range(3)]
    for name, made in {"a.warc": pages, "b.warc.gz": [gzip.compress(page) for page in pages]}.items():
        (tmp_path / name).write_bytes(made[0] + bytes(4600) + made[2] + bytes(4700))
        for cuts in ([], [len(made[0]) + 300], [len(made[0]) + 4900]):
            result = crawl.read_cut(tmp_path / name, cuts)
            assert result.urls == ["http://a.jp/0", "http://a.jp/2"]
            details = [r["detail"] for r in result.rejected]
            assert len(details) == 2
            assert all("zero bytes, where something was written once" in d for d in details)
