"""What a record becomes: its columns, its identity, its reason."""

import hashlib
from datetime import UTC, datetime

from curation.document import COLUMNS
from curation.extract.warc import ReadWarc
from curation.provenance import capture_id, record_id


def test_a_response_becomes_a_row_with_every_origin_column(crawl, tmp_path):
    body = "<p>新潟の米</p>".encode("cp932")
    made = crawl.page(
        body, "https://Example.JP:8080/米?a=1", "content-type: Text/HTML; charset=Shift_JIS",
        "X-Robots-Tag: noai", "x-robots-tag: noindex", "TDM-Reservation: 1",
        warc_record_id="<urn:uuid:0A>", warc_truncated="length", warc_identified_payload_type="text/html",
    )  # fmt: skip
    lead = crawl.gz(crawl.record("warcinfo", b"software: seimai\r\n", None))
    path = tmp_path / "a.warc.gz"
    path.write_bytes(lead + crawl.gz(made))
    row = crawl.read(path).kept[0]
    assert list(row) == [name for name in COLUMNS if name in ReadWarc.writes]
    assert row == {
        "id": record_id("urn:uuid:0a"), "source": "web", "url": "https://Example.JP:8080/米?a=1", "host": "example.jp",
        "date": datetime(2026, 11, 22, 20, tzinfo=UTC), "file": "a.warc.gz", "offset": len(lead),
        "length": path.stat().st_size - len(lead), "record_type": "response", "http_status": 200, "mime_declared": "text/html",
        "charset_declared": "Shift_JIS", "mime_identified": "text/html", "truncated": "length",
        "payload_digest": hashlib.sha256(body).digest()[:16], "payload_bytes": len(body), "x_robots_tag": "noai, noindex",
        "tdm_header": "1", "rights_basis": "著作権法30条の4", "licence": None, "payload": body,
    }  # fmt: skip


def test_a_wet_text_has_the_identity_of_the_page_it_was_made_from(crawl, tmp_path):
    text = "お米の話。\n".encode()
    path = tmp_path / "a.warc.wet.gz"
    path.write_bytes(crawl.gz(
        crawl.page(b"<p>", "http://a.jp/", warc_record_id="<urn:uuid:1>"),
        crawl.record("conversion", text, "http://a.jp/", content_type="text/plain", warc_refers_to="<urn:uuid:1>"),
    ))  # fmt: skip
    first, second = crawl.read(path).kept
    assert first["id"] == second["id"] == record_id("urn:uuid:1")
    assert (second["record_type"], second["payload"], second["charset_declared"]) == ("conversion", text, "utf-8")
    assert second["http_status"] is None


def test_a_record_without_an_id_is_known_by_url_date_body_file_and_place(crawl, tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(crawl.gz(crawl.page(b"x", "http://a.jp/", warc_record_id=None)))
    digest = hashlib.sha256(b"x").digest()[:16]
    assert crawl.read(path).kept[0]["id"] == capture_id("http://a.jp/", "2026-11-22T20:00:00Z", digest, "a.warc.gz", 0)


def test_a_resource_takes_its_type_from_the_record(crawl, tmp_path):
    path = tmp_path / "a.warc"
    path.write_bytes(crawl.record("resource", b"<p>", "file:///a.html", content_type="text/html; charset=EUC-JP"))
    row = crawl.read(path).kept[0]
    assert (row["record_type"], row["mime_declared"], row["charset_declared"]) == ("resource", "text/html", "EUC-JP")


def test_revisits_and_errors_are_rejected_and_the_rest_is_counted(crawl, tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(crawl.gz(
        crawl.record("warcinfo", b"", None), crawl.record("request", b"GET / HTTP/1.1\r\n\r\n"), crawl.record("metadata", b"a: b"),
        crawl.record("sonnet", b"?"), crawl.record("revisit", crawl.http(b""), "http://a.jp/1"),
        crawl.page(b"gone", "http://a.jp/2", status="404 Not Found"), crawl.page(b"moved", "http://a.jp/3", status="301 Moved"),
        crawl.page(b"here", "http://a.jp/4"),
    ))  # fmt: skip
    result = crawl.read(path)
    assert result.urls == ["http://a.jp/4"]
    assert [(r["url"], r["reason"], r["value"]) for r in result.rejected] == [
        ("http://a.jp/1", "revisit", None), ("http://a.jp/2", "http_status", 404.0), ("http://a.jp/3", "http_status", 301.0),
    ]  # fmt: skip
    assert [result.count(f"records_{k}") for k in ("warcinfo", "request", "metadata", "other")] == [1, 1, 1, 1]
    assert (result.count("rows"), result.count("kept")) == (4, 1)
    assert {r["step"] for r in result.rejected} == {"read_warc"}


def test_missing_and_malformed_content_types_leave_nulls(crawl, tmp_path):
    cases = {
        ("Server: a",): (None, None),
        ("Content-Type:",): (None, None),
        ("Content-Type: html",): (None, None),
        ("Content-Type: text/html; charset",): ("text/html", None),
        ("Content-Type: text/html;charset='euc-jp'",): ("text/html", "euc-jp"),
        ("Content-Type: text/html; charset=utf-8; charset=x",): ("text/html", "utf-8"),
        ("Content-Type: text/plain", "Content-Type: text/html; charset=utf-8"): ("text/html", "utf-8"),
        ("Content-Type: text/html; charset=utf-8", "Content-Type: text/html"): ("text/html", "utf-8"),
    }
    path = tmp_path / "a.warc.gz"
    path.write_bytes(crawl.gz(*(crawl.page(b"x", f"http://a.jp/{i}", *headers) for i, headers in enumerate(cases))))
    assert [(r["mime_declared"], r["charset_declared"]) for r in crawl.read(path).kept] == list(cases.values())


def test_a_response_without_a_status_line_is_kept_whole(crawl, tmp_path):
    path = tmp_path / "a.warc"
    path.write_bytes(crawl.record("response", b"<p>bare</p>", "http://a.jp/"))
    row = crawl.read(path).kept[0]
    assert (row["payload"], row["http_status"]) == (b"<p>bare</p>", None)


def test_odd_headers_are_read(crawl, tmp_path):
    path = tmp_path / "a.warc"
    block = b"HTTP/1.0 200\nContent-Type: text/html;\n charset=x-sjis\nno colon here\n\nbody"
    raw = crawl.record("response", block, "<http://a.jp/\u7c73>", warc_date="2026-11")
    path.write_bytes(raw.replace("http://a.jp/米".encode(), b"http://a.jp/\x95\xc4"))
    row = crawl.read(path).kept[0]
    assert (row["url"], row["payload"], row["charset_declared"]) == ("http://a.jp/\x95Ä", b"body", "x-sjis")
    assert row["date"] == datetime(2026, 11, 1, tzinfo=UTC)


def test_empty_bodies_and_nul_bytes_are_rows_like_others(crawl, tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(crawl.gz(crawl.page(b"", "http://a.jp/1"), crawl.page(b"\0" * 99, "http://a.jp/2")))
    assert [r["payload"] for r in crawl.read(path).kept] == [b"", b"\0" * 99]


def test_batches_are_closed_by_rows_and_by_bytes(crawl, tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(crawl.gz(*(crawl.page(b"x" * 1000, f"http://a.jp/{i}") for i in range(10))))
    for options in ({"batch_rows": 4}, {"batch_bytes": 3500}):
        reader = crawl.read(path, **options).reader
        assert [batch.num_rows for batch in reader.run()] == [4, 4, 2]


def test_several_records_in_one_member_are_all_read(crawl, tmp_path):
    path = tmp_path / "a.warc.gz"
    pages = [crawl.page(b"x" * i, f"http://a.jp/{i}", warc_record_id=None) for i in range(5)]
    path.write_bytes(crawl.gz(b"".join(pages)))
    result = crawl.read(path)
    assert [r["payload_bytes"] for r in result.kept] == [0, 1, 2, 3, 4]
    assert len({r["id"] for r in result.kept}) == 5
