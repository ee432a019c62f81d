"""Lists of ranges: the columnar index of Common Crawl, CSV and WAT; what of them is wanted, and what they must not be."""

import gzip
import hashlib
import re

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.extract.inputs import InputError, find_inputs

JAPANESE = {"languages": ["jpn"], "status": [200], "mime": ["text/html"]}
INDEX = "cc-index/table/cc-main/warc/crawl=CC-MAIN-2026-43"


def test_the_index_gives_the_japanese_pages_and_where_they_are(crawl, replica):
    kept, gone, reader = crawl.listed(f"{replica}/{INDEX}/subset=warc/*.parquet", **JAPANESE)
    assert sorted(row["url"] for row in kept) == sorted(
        c.url for file in crawl.captures() for c in file if c.languages == "jpn" and c.status == 200
    )
    assert not gone
    assert {row["date"].isoformat() for row in kept} == {"2026-11-01T01:02:03+00:00"}
    row = kept[0]
    raw = (replica / row["file"]).read_bytes()[row["offset"] : row["offset"] + row["length"]]
    assert row["url"].encode() in gzip.decompress(raw)
    counts = {name: int(reader.stats[name].total) for name in ("listed", "unwanted_languages", "unwanted_status")}
    assert counts == {"listed": 120, "unwanted_languages": 114, "unwanted_status": 0}
    assert reader.unreadable == []


def test_captures_that_were_no_page_are_in_a_subset_of_their_own_and_are_not_wanted(crawl, replica):
    kept, _, reader = crawl.listed(f"{replica}/{INDEX}/subset=crawldiagnostics/*.parquet", **JAPANESE)
    assert kept == []
    assert int(reader.stats["unwanted_status"].total) == 3
    assert reader.unreadable == [], "a part of which nothing is wanted was read all the same"


def test_of_row_groups_without_a_wanted_page_only_the_columns_that_decide_are_read(crawl, tmp_path):
    """The index is sorted by host, so Japanese pages lie together: here in 2 of 20 row groups."""
    rows = [
        {
            "url": f"https://host{n // 50}.example.com/{hashlib.sha256(str(n).encode()).hexdigest()}",
            "content_digest": hashlib.sha1(str(n).encode()).hexdigest(),
            "content_languages": "jpn" if 9000 <= n < 11_000 and n % 2 else "eng",
            "warc_filename": f"crawl-data/{n % 97}.warc.gz",
            "warc_record_offset": n * 7919 % 10**9,
            "warc_record_length": n * 31 % 30_000 + 100,
        }
        for n in range(20_000)
    ]
    (tmp_path / "root").mkdir()
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "root" / "part-0.parquet", row_group_size=1000)
    with crawl.server.RangeServer(tmp_path / "root") as server:
        kept, _, reader = crawl.listed(f"{server.url}/part-0.parquet", languages=["jpn"])
    assert len(kept) == 1000
    size = (tmp_path / "root" / "part-0.parquet").stat().st_size
    assert int(reader.stats["list_bytes_read"].total) < 0.2 * size


def test_a_list_of_paths_names_the_index_and_a_glob_takes_the_subset(crawl, replica, served):
    listing = f"{served.url}/crawl-data/CC-MAIN-2026-43/cc-index-table.paths.gz"
    assert [f.file.split("/")[-2] for f in find_inputs([listing], "ranges")] == [
        "subset=crawldiagnostics",
        "subset=warc",
        "subset=warc",
    ]
    files = find_inputs([f"{listing}#*subset=warc/*"], "ranges")
    assert [f.file for f in files] == sorted(
        f"{INDEX}/subset=warc/{p.name}" for p in (replica / INDEX / "subset=warc").iterdir()
    )
    assert files[0].url.startswith(f"{served.url}/cc-index/")
    kept, _, _ = crawl.listed(f"{listing}#*subset=warc/*", **JAPANESE)
    assert len(kept) == 6
    with pytest.raises(InputError, match="matches no file"):
        find_inputs([f"{listing}#*subset=wet/*"], "ranges")


def test_a_list_of_paths_may_not_lead_out_of_its_root(tmp_path):
    (tmp_path / "a.paths").write_text("../../etc/passwd\n")
    with pytest.raises(InputError, match=re.escape("names '../../etc/passwd', which is no path below the list's root")):
        find_inputs([f"{tmp_path}/a.paths"], "ranges")


def test_a_wat_file_says_where_the_records_of_its_warc_file_are(crawl, replica):
    from_wat, gone, _ = crawl.listed(
        f"{replica}/crawl-data/CC-MAIN-2026-43/wat.paths.gz", status=[200], mime=["text/html"]
    )
    from_index, _, _ = crawl.listed(f"{replica}/{INDEX}/subset=warc/*.parquet", status=[200], mime=["text/html"])
    places = ("id", "file", "offset", "length", "url", "date")
    assert len(from_wat) == 120
    assert not gone
    assert sorted([row[n] for n in places] for row in from_wat) == sorted(
        [row[n] for n in places] for row in from_index
    )


def test_csv_with_plain_names_or_names_of_its_own(crawl, tmp_path):
    (tmp_path / "a.csv").write_text(
        "filename,offset,length,url,timestamp\nx/1.warc.gz,10,99,https://a.jp/,20261101010203\n"
    )
    (tmp_path / "b.tsv.gz").write_bytes(gzip.compress(b"path\tbegin\tbytes\nx/1.warc.gz\t10\t99\n"))
    plain, _, _ = crawl.listed(f"{tmp_path}/a.csv")
    own, _, _ = crawl.listed(f"{tmp_path}/b.tsv.gz", columns={"file": "path", "offset": "begin", "length": "bytes"})
    assert [(r["file"], r["offset"], r["length"]) for r in plain] == [("x/1.warc.gz", 10, 99)]
    assert plain[0]["date"].isoformat() == "2026-11-01T01:02:03+00:00"
    assert own[0]["id"] == plain[0]["id"], "the same range is the same row, whatever list it stands in"


def test_rows_that_name_no_range_are_rejected_and_nothing_else_is_lost(crawl, tmp_path):
    rows = ["file,offset,length", "a.warc.gz,0,10", ",5,10", "a.warc.gz,minus,10", "a.warc.gz,-5,10", "a.warc.gz,7,0"]
    rows += ["a.warc.gz,8", f"a.warc.gz,{1 << 50},10", "a.warc.gz,9,10"]
    (tmp_path / "bad.csv").write_text("\n".join(rows) + "\n")
    kept, gone, _ = crawl.listed(f"{tmp_path}/bad.csv")
    assert [row["offset"] for row in kept] == [0, 9]
    assert [row["reason"] for row in gone] == ["record_broken"] * 6
    said = " | ".join(row["detail"] for row in gone)
    assert "bad.csv, row 2: names no range of a file (file None, offset 5, length 10)" in said
    assert "row 3: names no range of a file (file 'a.warc.gz', offset None, length 10)" in said
    assert "2 values where there are 3 columns" in said
    assert len({row["id"] for row in gone}) == 6


def test_a_list_without_a_needed_column_names_those_that_it_has(crawl, tmp_path):
    pq.write_table(pa.table({"filename": ["a"], "offset": [1], "size": [2]}), tmp_path / "a.parquet")
    with pytest.raises(
        InputError,
        match=r"a.parquet has no column for length \(warc_record_length, length\); its columns: filename, offset, size",
    ):
        crawl.listed(f"{tmp_path}/a.parquet")
    with pytest.raises(InputError, match=r"no column 'bytes' \(columns: length\)"):
        crawl.listed(f"{tmp_path}/a.parquet", columns={"length": "bytes"})
    with pytest.raises(InputError, match=r"no column for languages .*set languages: null to take what is listed"):
        crawl.listed(f"{tmp_path}/a.parquet", columns={"length": "size"}, languages=["jpn"])
    with pytest.raises(InputError, match="columns: 'path' is nothing that a list says; keys: file, offset"):
        crawl.listed(f"{tmp_path}/a.parquet", columns={"path": "size"})


def test_a_column_of_another_type_is_named(crawl, tmp_path):
    pq.write_table(pa.table({"filename": ["a"], "offset": [1.5], "length": [2]}), tmp_path / "a.parquet")
    with pytest.raises(InputError, match=r"column 'offset' \(offset\) is double, not whole numbers"):
        crawl.listed(f"{tmp_path}/a.parquet")


def test_what_is_no_list_is_refused_before_anything_runs(tmp_path):
    (tmp_path / "a.warc.gz").write_bytes(gzip.compress(b"WARC/1.0\r\n"))
    with pytest.raises(InputError, match=r"a.warc.gz is of no known kind"):
        find_inputs([f"{tmp_path}/a.warc.gz"], "ranges")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"languages": ["ja"]}, "'ja' is no ISO 639-3 code; Japanese is jpn"),
        ({"status": []}, "status is empty, so nothing would be wanted"),
    ],
)
def test_a_wish_that_cannot_be_met_is_refused(crawl, replica, options, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        crawl.listed(f"{replica}/{INDEX}/subset=warc/*.parquet", **options)


def test_a_page_of_two_languages_holds_both_and_null_takes_pages_of_none(crawl, tmp_path):
    said = ["jpn", "eng,jpn", "eng", "jpnx", None]
    table = {"file": ["a"] * 5, "offset": range(5), "length": [9] * 5, "content_languages": said}
    pq.write_table(pa.table({k: list(v) for k, v in table.items()}), tmp_path / "a.parquet")
    kept, _, _ = crawl.listed(f"{tmp_path}/a.parquet", languages=["jpn"])
    assert [row["offset"] for row in kept] == [0, 1]
    kept, _, _ = crawl.listed(f"{tmp_path}/a.parquet", languages=["jpn", None])
    assert [row["offset"] for row in kept] == [0, 1, 4]


def test_a_damaged_index_is_a_fault_and_not_the_end(crawl, tmp_path):
    (tmp_path / "a.parquet").write_bytes(b"PAR1 this is no table")
    kept, gone, reader = crawl.listed(f"{tmp_path}/a.parquet")
    assert (kept, [row["reason"] for row in gone]) == ([], ["record_broken"])
    assert "no Parquet file" in gone[0]["detail"]
    assert len(reader.unreadable) == 1
