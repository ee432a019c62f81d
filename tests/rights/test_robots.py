"""robots.txt and tdmrep.json: what stands in their place, by which date, and what they say."""

import gzip
import random
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.rights.robots import LONGEST, content_signal, may_fetch, rules_of, tdmrep
from curation.rights.robots_archive import ROBOTS, TDMREP, files_of, read_archive

AGENTS = ("GPTBot", "CCBot")
URL = "https://a.example.jp/米/x.html"


def says(body: bytes, url: str = URL, status: int = 200) -> str:
    return may_fetch(status, body, url, AGENTS).says


def seconds(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"User-agent: *\nDisallow:\n", "silent"),
        (b"", "silent"),
        (b"User-agent: GPTBot\nDisallow: /\n", "reserved"),
        (b"User-agent: gptbot\nUser-agent: other\nDisallow: /\n\nUser-agent: *\nAllow: /\n", "reserved"),
        (b"User-agent: *\nDisallow: /\nAllow: /%E7%B1%B3/\n", "silent"),  # the longest match holds, RFC 9309 2.2.2
        ("User-agent: *\nDisallow: /米/\n".encode(), "reserved"),
        (b"\xef\xbb\xbfUser-agent: *\nDisallow: /*.html$\n", "reserved"),
        ("User-agent: *\nDisallow: /米/\n".encode("utf-16"), "reserved"),
    ],
)
def test_one_agent_that_may_not_fetch_the_page_is_enough(body: bytes, wanted: str):
    assert says(body) == wanted


def test_a_path_in_shift_jis_is_held_against_its_escapes_in_the_url():
    body = "User-agent: *\nDisallow: /米/\n# 管理用\n".encode("cp932")
    assert says(body, "https://a.example.jp/%95%C4/x.html") == "reserved"
    assert says(body, "https://a.example.jp/other/x.html") == "silent"
    assert "not UTF-8" in may_fetch(200, body, URL, AGENTS).why


def test_of_five_megabytes_the_first_500_kib_count_and_the_cut_is_said():
    line = b"Disallow: /nai/%07d\n"
    body = b"User-agent: *\n" + b"".join(line % n for n in range(5_000_000 // len(line % 1)))
    assert len(body) > 4_900_000
    text, note = rules_of(body)
    assert len(text) <= LONGEST
    assert (text[-1], note) == ("\n", "cut at 500 KiB")
    assert says(body, "https://a.example.jp/nai/0000001") == "reserved"
    assert says(body + b"Disallow: /\n") == "silent"  # what stands behind the cut does not count


@pytest.mark.parametrize("body", [b"<!DOCTYPE html><title>404</title>", b"\n\xef\xbb\xbf <HTML>"])
def test_an_html_page_in_its_place_says_nothing(body: bytes):
    assert may_fetch(200, body, URL, AGENTS) == ("unknown", "an HTML page in its place")


@pytest.mark.parametrize(
    ("status", "wanted"), [(404, "silent"), (403, "silent"), (503, "unknown"), (301, "unknown"), (0, "unknown")]
)
def test_a_status_without_a_file(status: int, wanted: str):
    assert says(b"User-agent: *\nDisallow: /\n", status=status) == wanted


def test_content_signals_and_tdmrep_are_read():
    assert content_signal(200, b"User-agent: *\nContent-Usage: train-ai=n\n").says == "reserved"  # type: ignore[union-attr]
    assert content_signal(200, b"User-agent: *\nContent-Signal: search=yes, ai-train=yes\n") is None
    rules = b'[{"location": "/open/*", "tdm-reservation": 0}, {"location": "/*.pdf", "tdm-reservation": 1}]'
    assert tdmrep(200, rules, "https://a.jp/open/x").says == "silent"
    assert tdmrep(200, rules, "https://a.jp/open/x.pdf").says == "reserved"  # both match: the stricter holds
    assert tdmrep(200, rules, "https://a.jp/x") == ("silent", "no location of it is this page's")
    assert tdmrep(200, b"<html>", "https://a.jp/x").says == "unknown"
    assert tdmrep(404, b"", "https://a.jp/x").says == "silent"


def archive(folder: Path):
    for name, body in (("2026-09-01.txt", "old"), ("2026-10-15.txt", "new"), ("2026-09-01.json", "[]")):
        (folder / "a.example.jp").mkdir(parents=True, exist_ok=True)
        (folder / "a.example.jp" / name).write_text(body)
    return read_archive(files_of([str(folder)]))


def test_the_file_of_the_day_of_capture_holds_or_the_latest(tmp_path: Path):
    found = archive(tmp_path / "robots")

    def body(day: str | None, when: str = "captured", path: str = ROBOTS) -> bytes | None:
        capture = found.of("a.example.jp", path, None if day is None else seconds(day), when)  # type: ignore[arg-type]
        return None if capture is None else capture.body

    assert body("2026-10-01") == b"old"
    assert body("2026-10-15") == b"new"
    assert body("2026-08-01") == b"old"  # none is older: the first one after
    assert body("2026-10-01", "latest") == body(None) == b"new"
    assert body("2026-10-01", path=TDMREP) == b"[]"
    assert found.of("b.example.jp", ROBOTS, None, "latest") is None


def record(url: str, date: str, status: str, body: bytes) -> bytes:
    http = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: {url}\r\nWARC-Date: {date}T00:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:{abs(hash((url, date))):032x}>\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(http)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + http + b"\r\n\r\n")


def test_warc_parquet_and_a_folder_are_the_same_archive(tmp_path: Path):
    said = [
        ("a.example.jp", "2026-09-01", 200, b"User-agent: *\nDisallow: /\n"),
        ("b.example.jp", "2026-09-02", 404, b""),
    ]
    status = {200: "200 OK", 404: "404 Not Found"}
    (tmp_path / "robots.warc.gz").write_bytes(
        b"".join(record(f"https://{h}/robots.txt", d, status[s], b) for h, d, s, b in said)
        + record("https://a.example.jp/x.html", "2026-09-01", "200 OK", b"no robots.txt")
    )
    columns = {name: [row[i] for row in said] for i, name in enumerate(("host", "date", "status", "body"))}
    pq.write_table(pa.table(columns), tmp_path / "robots.parquet")
    for host, day, code, body in said:
        (tmp_path / "folder" / host).mkdir(parents=True)
        (tmp_path / "folder" / host / f"{day}{'' if code == 200 else f'.{code}'}.txt").write_bytes(body)
    for name in ("robots.warc.gz", "robots.parquet", "folder"):
        found = read_archive(files_of([str(tmp_path / name)]))
        assert len(found) == 2
        kept = [found.of(host, ROBOTS, None, "latest") for host, *_ in said]
        assert [(c.at, c.status) for c in kept if c] == [(seconds(d), s) for _, d, s, _ in said], name
        assert kept[0].body == said[0][3]  # type: ignore[union-attr]


def test_what_is_no_archive_is_named(tmp_path: Path):
    pq.write_table(pa.table({"host": ["a.jp"], "when": ["2026"]}), tmp_path / "t.parquet")
    with pytest.raises(ValueError, match=r"has no column 'date'; a table of robots\.txt has host, date, status, body"):
        read_archive(files_of([str(tmp_path / "t.parquet")]))
    (tmp_path / "x.jsonl").write_text("{}\n")
    with pytest.raises(ValueError, match="an archive is WARC, Parquet, or a folder"):
        read_archive(files_of([str(tmp_path / "x.jsonl")]))
    with pytest.raises(ValueError, match="matches no file"):
        files_of([str(tmp_path / "nothing.parquet")])
    (tmp_path / "f" / "a.jp").mkdir(parents=True)
    (tmp_path / "f" / "a.jp" / "2026-10-01.many.txt").write_text("")
    with pytest.raises(ValueError, match=r"called neither DATE\.txt nor DATE\.STATUS\.txt"):
        read_archive(files_of([str(tmp_path / "f")]))


def test_no_content_of_a_robots_txt_stops_a_run():
    rng = random.Random(1)
    words = [
        "User-agent: *",
        "Disallow: /",
        "Crawl-delay",
        "Request-rate: 1/10s 0800",
        "*",
        "$",
        "%zz",
        "米",
        "\0",
        "[",
        "\\",
        "http://[::1",
    ]
    for _ in range(400):
        said = "".join(rng.choice(words) + rng.choice(["", ":", "\n"]) for _ in range(rng.randint(1, 30)))
        body = said.encode(rng.choice(["utf-8", "cp932", "utf-16"]))
        assert says(body) in ("reserved", "silent", "unknown")
        assert tdmrep(200, body, URL).says == "unknown"
