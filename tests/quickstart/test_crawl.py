"""The crawl that comes with the project: small, well-formed, rebuildable, and nobody's property."""

import csv
import gzip
import importlib.util
import shutil
from collections import Counter
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType

CRAWL = Path(__file__).resolve().parents[2] / "recipes" / "data" / "quickstart"
RESERVED = (".example.jp", ".example.com")


def records(name: str) -> list[tuple[WarcRecordType, str, bool]]:
    """Type, URL and whether the block's digest is right, for every whole record."""
    with (CRAWL / name).open("rb") as file:
        return [
            (r.record_type, r.headers.get("WARC-Target-URI"), r.verify_block_digest())
            for r in ArchiveIterator(file, parse_http=False)
        ]


def unpacked(path: Path) -> bytes:
    """All records of a file: what counts, whatever library compressed it."""
    with gzip.open(path) as file:
        return file.read()


def fates() -> list[dict[str, str]]:
    """Lines of fates.tsv."""
    with (CRAWL / "fates.tsv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_it_is_under_four_megabytes():
    assert sum(p.stat().st_size for p in CRAWL.rglob("*") if p.is_file()) < 4_000_000


@pytest.mark.parametrize("name", ["apache-manual.warc.gz", "written.warc.gz"])
def test_another_reader_finds_every_record_whole(name: str):
    found = records(name)
    assert found[0][0] == WarcRecordType.warcinfo
    assert all(right for _, _, right in found)


def test_the_manual_has_all_its_japanese_pages_and_five_other_languages():
    urls = [url for kind, url, _ in records("apache-manual.warc.gz") if kind == WarcRecordType.response]
    languages = Counter(urlsplit(url).path.split("/")[3] for url in urls)
    assert languages["ja"] == 93
    assert {"ko", "zh-cn", "en", "fr", "tr"} < languages.keys()
    assert min(languages.values()) >= 10


def test_every_written_page_has_a_fate_and_a_reserved_host():
    urls = {url for kind, url, _ in records("written.warc.gz") if kind not in (WarcRecordType.warcinfo,)}
    assert urls == {f["url"] for f in fates() if f["file"] == "written.warc.gz"}
    assert all(urlsplit(url).hostname.endswith(RESERVED) for url in urls)


def test_the_script_builds_these_records_again(tmp_path: Path):
    for part in ("build.py", "pages.yaml", "apache-manual.warc.gz"):
        shutil.copy(CRAWL / part, tmp_path)
    shutil.copytree(CRAWL / "pages", tmp_path / "pages")
    spec = importlib.util.spec_from_file_location("build", tmp_path / "build.py")
    build = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(build)
    build.main(None)
    assert unpacked(tmp_path / "written.warc.gz") == unpacked(CRAWL / "written.warc.gz")
    assert (tmp_path / "fates.tsv").read_text("utf-8") == (CRAWL / "fates.tsv").read_text("utf-8")


def test_the_cut_off_crawl_ends_inside_a_member():
    with pytest.raises(EOFError):
        unpacked(CRAWL / "cut-off.warc.gz")
