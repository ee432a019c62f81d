"""What a pattern finds, what it is called, and how it is cut."""

import gzip
import os
import shutil
import subprocess
import sys
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fsspec.core import url_to_fs

from curation.extract.reader import READERS, InputError, InputFile, Unit, find_inputs, plan_units, splittable
from curation.extract.warc import ReadWarc
from curation.provenance import Source
from curation.step import Rejected


@pytest.fixture
def tree(tmp_path):
    for name in ("2025/a.warc.gz", "2025/b.warc.gz", "2026/a.warc.gz", "2026/notes.md", "t.jsonl.gz"):
        path = tmp_path / "crawl" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path


def test_files_are_named_after_the_part_of_the_pattern_with_wildcards(tree):
    found = find_inputs([f"{tree}/crawl/*/*.warc.gz"])
    assert [(f.file, f.kind, f.size) for f in found] == [
        ("2025/a.warc.gz", "warc", 14),
        ("2025/b.warc.gz", "warc", 14),
        ("2026/a.warc.gz", "warc", 14),
    ]
    assert [f.file for f in find_inputs([f"{tree}/crawl/**/b.*"])] == ["2025/b.warc.gz"]
    assert [f.file for f in find_inputs([f"{tree}/crawl/2025/a.warc.gz"])] == ["a.warc.gz"]


def test_a_folder_stands_for_every_file_of_a_known_kind(tree):
    assert [f.file for f in find_inputs([f"{tree}/crawl"])] == [
        "2025/a.warc.gz",
        "2025/b.warc.gz",
        "2026/a.warc.gz",
        "t.jsonl.gz",
    ]


def test_a_file_that_two_patterns_match_is_read_once(tree):
    assert len(find_inputs([f"{tree}/crawl/2025/*", f"{tree}/crawl/2025/a.*"])) == 2


def test_a_relative_pattern_and_a_name_with_brackets_are_found(tree, monkeypatch):
    monkeypatch.chdir(tree)
    shutil.copy("crawl/t.jsonl.gz", "crawl/t[1].jsonl.gz")
    assert [f.file for f in find_inputs(["crawl/t[1].jsonl.gz"])] == ["t[1].jsonl.gz"]


def test_the_stamp_follows_the_content_and_not_the_place(tree):
    shutil.copytree(tree / "crawl", tree / "copy")
    assert [f.stamp for f in find_inputs([f"{tree}/crawl"])] == [f.stamp for f in find_inputs([f"{tree}/copy"])]
    (tree / "copy/2025/a.warc.gz").write_bytes(b"2025/x.warc.gz")
    assert find_inputs([f"{tree}/crawl/2025/a*"])[0].stamp != find_inputs([f"{tree}/copy/2025/a*"])[0].stamp


def test_a_pattern_that_matches_nothing_names_the_nearest_folder(tree):
    with pytest.raises(
        InputError, match=rf"crawl/2031/\*.warc.gz matches no file; the nearest existing folder is {tree}/crawl$"
    ):
        find_inputs([f"{tree}/crawl/2031/*.warc.gz"])
    with pytest.raises(InputError, match=rf"matches no file; the nearest existing folder is {tree}/crawl/2025"):
        find_inputs([f"{tree}/crawl/2025/z.warc.gz"])
    (tree / "empty").mkdir()
    with pytest.raises(InputError, match="empty matches no file"):
        find_inputs([f"{tree}/empty"])


def test_a_file_of_no_known_kind_is_refused_with_the_kinds(tree):
    with pytest.raises(InputError, match=r"notes.md is of no known kind; kinds are warc \(.warc .wet\), parquet"):
        find_inputs([f"{tree}/crawl/2026/*"])
    assert find_inputs([f"{tree}/crawl/2026/notes.md"], kind="jsonl")[0].kind == "jsonl"
    with pytest.raises(InputError, match="unknown kind of input 'csv'; known: warc, parquet, jsonl"):
        find_inputs([f"{tree}/crawl"], kind="csv")


def test_units_cover_a_file_without_a_gap(crawl, tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(crawl.gz(*(crawl.page(b"", f"http://a.jp/{i}") for i in range(50))))
    (file,) = find_inputs([str(path)])
    units = plan_units([file], 1000)
    assert units == plan_units([file], 1000)
    assert (units[0].start, units[-1].end) == (0, file.size)
    assert all(a.end == b.start for a, b in pairwise(units))
    assert max(u.end - u.start for u in units) <= 1000
    assert plan_units([file], file.size) == [Unit(str(path), "a.warc.gz", "warc", 0, file.size)]


def test_parquet_is_cut_between_row_groups_and_json_lines_where_they_are_plain(tmp_path):
    pq.write_table(
        pa.table({"text": [os.urandom(500).hex() for _ in range(100)]}), tmp_path / "a.parquet", row_group_size=10
    )
    (file,) = find_inputs([f"{tmp_path}/a.parquet"])
    assert splittable(file) is None
    assert [(u.start, u.end) for u in plan_units([file], 1 << 30)] == [(0, 10)]
    assert [(u.start, u.end) for u in plan_units([file], 1)] == [(i, i + 1) for i in range(10)]
    (tmp_path / "b.jsonl").write_text("{}\n" * 100)
    (lines,) = find_inputs([f"{tmp_path}/b.jsonl"])
    assert splittable(lines) is None
    assert [(u.start, u.end) for u in plan_units([lines], 150)] == [(0, 150), (150, 300)]
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(os.urandom(3000)))
    (packed,) = find_inputs([f"{tmp_path}/b.jsonl.gz"])
    assert splittable(packed) == "compressed JSON lines are read from the beginning"
    assert plan_units([packed], 10) == [Unit(packed.url, "b.jsonl.gz", "jsonl", 0, packed.size)]


def test_a_file_that_vanished_is_named(tmp_path):
    gone = Unit(str(tmp_path / "gone.warc"), "gone.warc", "warc", 0, 10)
    with pytest.raises(InputError, match=rf"gone.warc is not there; the nearest existing folder is {tmp_path}"):
        list(ReadWarc([gone], Source("web")).run())


def test_naming_readers_and_planning_imports_nothing_heavy():
    code = (
        "import sys, curation.extract.warc, curation.extract.tables, curation.extract.ranges.range_list\n"
        "print([m for m in ('numba', 'polars', 'fastwarc', 'resiliparse', 'fasttext', 'torch', 's3fs') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    assert set(READERS) == {"warc", "parquet", "jsonl", "ranges"}


def test_tasks_share_the_units_and_together_read_everything(crawl, tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(crawl.gz(*(crawl.page(b"x", f"http://a.jp/{i}") for i in range(50))))
    reader = ReadWarc(plan_units(find_inputs([str(path)]), 2000), Source("web"))
    items = [item for rank in range(3) for item in reader.run(rank=rank, world_size=3)]
    urls = [url for item in items if not isinstance(item, Rejected) for url in item["url"].to_pylist()]
    assert sorted(urls) == sorted(f"http://a.jp/{i}" for i in range(50))


def test_hugging_face_urls_reach_their_file_system():
    fs, path = url_to_fs("hf://datasets/owner/name/data/a.parquet")
    assert (type(fs).__name__, path) == ("HfFileSystem", "datasets/owner/name/data/a.parquet")


@pytest.fixture
def bucket(monkeypatch):
    """An S3 server on this machine with an empty bucket."""
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
    fs.mkdir("crawl")
    yield fs
    s3fs.S3FileSystem.clear_instance_cache()
    running.stop()


def test_objects_are_found_cut_and_read_as_files_are(crawl, tmp_path, bucket):
    pages = [crawl.page(os.urandom(20_000), f"http://a.jp/{i}") for i in range(30)]
    (tmp_path / "a.warc.gz").write_bytes(crawl.gz(*pages))
    bucket.put(str(tmp_path / "a.warc.gz"), "crawl/2026/a.warc.gz")
    (file,) = find_inputs(["s3://crawl/*/*.warc.gz"])
    assert (file.url, file.file) == ("s3://crawl/2026/a.warc.gz", "2026/a.warc.gz")
    assert isinstance(file, InputFile)
    assert file.stamp.startswith("etag:")
    reader = ReadWarc(plan_units([file], 100_000), Source("web"))
    assert len(reader.units) == 7
    assert [row["payload_digest"] for row in crawl.Result(reader).kept] == [
        row["payload_digest"] for row in crawl.read(tmp_path / "a.warc.gz").kept
    ]
    with pytest.raises(
        InputError, match=r"s3://crawl/2031/a.warc matches no file; the nearest existing folder is crawl"
    ):
        find_inputs(["s3://crawl/2031/a.warc"])
