"""Units are read in pieces, and a task may stop between two of them: every row is in exactly one, with its number in the file."""

import json
import random
from itertools import pairwise
from pathlib import Path

import pytest

from curation.extract.inputs import InputError, find_inputs
from curation.extract.line_index import IndexLines
from curation.extract.tables import ReadTable
from curation.extract.units import Unit, joined, pieces_of, plan_units
from curation.extract.warc import ReadWarc
from curation.provenance import Source
from curation.step import Rejected


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    """JSON lines of every length, blank and broken ones among them, a byte order mark before the first and no end of the last."""
    rng, rows = random.Random(4), list[bytes]()
    for n in range(300):
        kind = rng.random()
        row = json.dumps({"text": "頁" * rng.randrange(60) + str(n)}, ensure_ascii=False).encode()
        rows.append(b"" if kind < 0.05 else b"{broken" if kind < 0.1 else row + b"\r" if kind < 0.2 else row)
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + b"\n".join(rows))
    return path


def rows_of(reader: ReadTable) -> list[tuple]:
    """(id, number, text, reason) of every row."""
    batches = [item.batch if isinstance(item, Rejected) else item for item in reader.run()]
    found = [(r["id"], r["offset"], r.get("text"), r.get("reason")) for b in batches for r in b.to_pylist()]
    return sorted(found, key=lambda row: row[1])


@pytest.mark.parametrize("seed", range(3))
def test_a_line_is_in_the_range_of_its_first_byte_with_its_number_in_the_file(lines, tmp_path, seed):
    (file,) = find_inputs([str(lines)])
    whole = rows_of(ReadTable(plan_units([file], 1 << 30), Source("books")))
    assert 250 < len(whole) < 300
    cuts = sorted(random.Random(seed).sample(range(1, file.size), 40))
    units = [
        Unit(file.url, file.file, "jsonl", a, b, b - a, file.size, file.mark, True)
        for a, b in pairwise([0, *cuts, file.size])
    ]
    assert rows_of(ReadTable(units, Source("books"))) == whole, "without an index every beginning is counted"
    index = IndexLines([Unit(file.url, file.file, "jsonl", 0, file.size)], str(tmp_path / "index"))
    assert list(index.run()) == []
    reader = ReadTable(units, Source("books"))
    reader.line_index = index.url
    assert rows_of(reader) == whole


def test_every_byte_may_be_the_cut(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}\n\n{"text": "bc"}\r\n{"text": "d"}')
    (file,) = find_inputs([str(path)])
    whole = rows_of(ReadTable(plan_units([file]), Source("books")))
    assert [(number, text) for _, number, text, _ in whole] == [(0, "a"), (2, "bc"), (3, "d")]
    for cut in range(1, file.size):
        units = [Unit(file.url, file.file, "jsonl", a, b, cut=True) for a, b in ((0, cut), (cut, file.size))]
        assert rows_of(ReadTable(units, Source("books"))) == whole


def test_a_task_that_stops_leaves_what_it_has_not_begun_shared_out(crawl, tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(crawl.gz(*(crawl.page(bytes([n]) * 900, f"http://a.jp/{n}") for n in range(80))))
    (file,) = find_inputs([str(path)])
    units = plan_units([file], file.size // 2)
    reader = ReadWarc(units, Source("web"))
    reader.stop_for = 3
    first = crawl.Result(reader).urls
    assert reader.read == [pieces_of(units[0])[0]]
    assert len(reader.rest) == 3
    assert joined([*reader.read, *(unit for share in reader.rest for unit in share)]) == joined(units)
    others = [url for share in reader.rest for url in crawl.Result(ReadWarc(share, Source("web"))).urls]
    assert sorted([*first, *others]) == sorted(f"http://a.jp/{n}" for n in range(80))


def test_a_file_that_is_gone_or_grew_is_told_with_its_sizes(crawl, tmp_path):
    path = tmp_path / "a.warc"
    path.write_bytes(crawl.page(b"x", "http://a.jp/"))
    size, units = path.stat().st_size, plan_units(find_inputs([str(path)]))
    path.write_bytes(path.read_bytes() * 2)
    with pytest.raises(InputError, match=f"a.warc changed since it was listed: it had {size} bytes and has {2 * size}"):
        list(ReadWarc(units, Source("web")).run())
    path.unlink()
    with pytest.raises(InputError, match=f"a.warc is not there any more; it had {size} bytes"):
        list(ReadWarc(units, Source("web")).run())
