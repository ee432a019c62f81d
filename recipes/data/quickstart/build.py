"""Builds the quickstart's crawl: real pages of the Apache manual, and pages written for the fates that those lack.

    python recipes/data/quickstart/build.py apache2-doc_2.4.71-1~deb12u1_all.deb    (apt-get download apache2-doc)

Writes three WARC files as a crawler would (one gzip member a record, fixed dates and record ids) and `fates.tsv`: the URL of each
written page and what must become of it, which a test holds against a real run. Without the package only the written pages are
built anew. The same inputs give the same records; compressed bytes may differ between zlib versions.
"""

import base64
import csv
import gzip
import hashlib
import re
import struct
import subprocess
import sys
import tarfile
import uuid
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import yaml

HERE = Path(__file__).resolve().parent
PACKAGE_SHA256 = "a7b3d1131c1c63dbf9999b28e75f9a133d30f70492b419936bd51759ac77a01f"
LANGUAGES = {"ja": 1, "ko": 2, "zh-cn": 1, "en": 6, "fr": 8, "tr": 4}
"""Languages of the manual and, of each, every how-manieth page: all Japanese ones, enough of the others to be told apart."""

BODIES = {
    "png": lambda: png(64, 64),
    "empty": lambda: b"",
    "nested": lambda: (
        b"<html lang='ja'><body>"
        + b"<div>" * 200_000
        + "枠の中に枠があり、その中にもまた枠があるページです。".encode() * 9
    ),
    "huge": lambda: b"<html><body><pre>" + "二〇二六年十月一日、異常なし。\n".encode() * 400_000,
}
STYLES = {
    "plain": """<!DOCTYPE html>
<html lang="ja">
<head>
{head}<title>{title} | {name}</title>
<link rel="stylesheet" href="/style.css">
<script>document.documentElement.className = "js";</script>
</head>
<body>
<header><p class="site"><a href="/">{name}</a></p>
<nav><ul>{nav}</ul></nav></header>
<main>
{body}</main>
<aside><h2>ほかのページ</h2><ul>{nav}</ul></aside>
<footer><p>{footer}</p><p><a href="/policy.html">このサイトについて</a></p></footer>
</body>
</html>
""",
    "old": """<HTML><HEAD>{head}<TITLE>{title}</TITLE></HEAD>
<BODY BGCOLOR="#ffffee" TEXT="#333333">
<TABLE WIDTH="100%"><TR><TD WIDTH="120" VALIGN="top"><FONT SIZE="2"><UL>{nav}</UL></FONT></TD>
<TD>
{body}</TD></TR></TABLE>
<HR><DIV ALIGN="center"><FONT SIZE="2">{footer}</FONT></DIV>
</BODY></HTML>
""",
    "xhtml": """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN" "http://www.w3.org/TR/xhtml1/DTD/xhtml1-strict.dtd">
<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="ja" lang="ja">
<head><title>{title}</title><link rel="stylesheet" href="/s.css" /></head>
<body><div id="menu"><ul>{nav}</ul></div>
<div id="content">
{body}</div>
<div id="footer">{footer}</div></body></html>
""",
}


def png(width: int, height: int) -> bytes:
    """A grey picture, in PNG's smallest legal form (RFC 2083)."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\x00" + b"\x80" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 0)) + chunk(b"IEND", b"")


def framed(page: dict[str, Any], site: dict[str, Any], source: str) -> bytes:
    """The page inside its site's frame, encoded as it is sent."""
    codec = page.get("encoding", "utf-8")
    if page["page"].endswith(".txt"):
        return source.encode(codec)
    title, body = re.fullmatch(r"<title>(.*?)</title>\n(.*)", source, re.DOTALL).groups()  # type: ignore[union-attr]
    for name, value in page.get("fill", {}).items():
        title, body = title.replace(f"{{{name}}}", value), body.replace(f"{{{name}}}", value)
    meta = page.get("meta", "UTF-8")
    head = f'<meta http-equiv="Content-Type" content="text/html; charset={meta}">\n' if meta else ""
    head += f'<meta name="robots" content="{page["robots"]}">\n' if "robots" in page else ""
    head += f'<meta name="tdm-reservation" content="{page["tdm"]}">\n' if "tdm" in page else ""
    head += f'<link rel="license" href="{page["licence"]}">\n' if "licence" in page else ""
    nav = "".join(f'<li><a href="/{i}/">{entry}</a></li>' for i, entry in enumerate(site["nav"], 1))
    frame = STYLES[site.get("style", "plain")]
    html = frame.format(head=head, title=title, name=site["name"], nav=nav, body=body, footer=site["footer"])
    if "garbled" in page:  # what a careless editor makes of UTF-8 when it takes it for another encoding
        html = html.replace(body, body.encode().decode(page["garbled"], "replace").replace("\ufffd", "・"))
    return html.encode(codec)


def gzipped(body: bytes) -> bytes:
    """A gzip member (RFC 1952) whose blocks are stored: the same bytes with every version of zlib."""
    squeeze = zlib.compressobj(0, wbits=-15)
    stored = squeeze.compress(body) + squeeze.flush()
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + stored + struct.pack("<II", zlib.crc32(body), len(body))


def sent(page: dict[str, Any], body: bytes) -> tuple[bytes, list[str]]:
    """Body and headers as they went over the wire."""
    headers, encodings = [], page.get("sent", [])
    if "gzip" in encodings:
        body = gzipped(body)
        headers.append("Content-Encoding: gzip")
    if "chunked" in encodings:
        pieces = [body[i : i + 512] for i in range(0, len(body), 512)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"
        headers.append("Transfer-Encoding: chunked")
    else:
        headers.append(f"Content-Length: {len(body)}")
    return body, headers


def record(url: str, number: int, http: bytes, kind: str = "response", extra: tuple[str, ...] = ()) -> bytes:
    """One WARC record (ISO 28500:2017) as a gzip member of its own. `number` gives its date; its id follows from the URL."""
    date = (datetime(2026, 10, 1, tzinfo=UTC) + timedelta(seconds=7 * number)).strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = base64.b32encode(hashlib.sha1(http).digest()).decode()
    content = (
        "application/warc-fields"
        if kind == "warcinfo"
        else f"application/http; msgtype={kind.replace('revisit', 'response')}"
    )
    lines = [
        "WARC/1.1",
        f"WARC-Type: {kind}",
        f"WARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{kind} {date} {url}')}>",
        f"WARC-Date: {date}",
        *([f"WARC-Target-URI: {url}"] if kind != "warcinfo" else []),
        *extra,
        f"WARC-Block-Digest: sha1:{digest}",
        f"Content-Type: {content}",
        f"Content-Length: {len(http)}",
    ]
    return gzip.compress("\r\n".join(lines).encode() + b"\r\n\r\n" + http + b"\r\n\r\n", 9, mtime=0)


def warcinfo(name: str, description: str) -> bytes:
    """The record that says what the file is."""
    text = (
        f"software: recipes/data/quickstart/build.py\r\nformat: WARC File Format 1.1\r\ndescription: {description}\r\n"
    )
    return record(name, 0, text.encode(), "warcinfo", (f"WARC-Filename: {name}",))


def manual(package: Path) -> Iterator[bytes]:
    """The Apache manual's pages out of Debian's package, in order of language and path, each page's bytes as they are there."""
    if hashlib.sha256(package.read_bytes()).hexdigest() != PACKAGE_SHA256:
        sys.exit(
            f"{package} is another version of apache2-doc: its pages would not be the ones that fates and tests know"
        )
    tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", str(package)], capture_output=True, check=True).stdout
    root, pages = "./usr/share/doc/apache2-doc/manual/", {}
    with tarfile.open(fileobj=BytesIO(tar)) as files:
        for member in files.getmembers():
            if member.isfile() and member.name.startswith(root) and member.name.endswith(".html"):
                pages[member.name.removeprefix(root)] = files.extractfile(member).read()  # type: ignore[union-attr]
    number = 0
    for language, step in LANGUAGES.items():
        for path in sorted(p for p in pages if p.startswith(f"{language}/"))[::step]:
            number += 1
            http = f"HTTP/1.1 200 OK\r\nServer: Apache\r\nContent-Type: text/html\r\nContent-Length: {len(pages[path])}\r\n\r\n"
            url = f"https://httpd.apache.org/docs/2.4/{path}"
            identified = ("WARC-IP-Address: 192.0.2.1", "WARC-Identified-Payload-Type: text/html")
            yield record(url, number, http.encode() + pages[path], extra=identified)


def payload_of(warc: Path, url: str) -> bytes:
    """Body of the page at `url` in a file made here."""
    block = gzip.decompress(warc.read_bytes())
    start = block.index(f"WARC-Target-URI: {url}\r\n".encode())
    head_end = block.index(b"\r\n\r\n", start)
    length = int(re.search(rb"\r\nContent-Length: (\d+)", block[start:head_end])[1])  # type: ignore[index]
    return block[head_end + 4 : head_end + 4 + length].split(b"\r\n\r\n", 1)[1]


def written(page: dict[str, Any], sites: dict[str, Any], number: int) -> bytes:
    """The record (and the request before it) of one page of pages.yaml."""
    url, kind, status = page["url"], page.get("type", "response"), page.get("status", "200 OK")
    host = url.split("/")[2]
    if "mirror" in page:
        body = payload_of(HERE / "apache-manual.warc.gz", page["mirror"])
    elif "page" in page:
        body = framed(page, sites[host], (HERE / "pages" / page["page"]).read_text(encoding="utf-8"))
    else:
        body = BODIES[page.get("body", "empty")]()
    header, extra = page.get("header", "text/html; charset=UTF-8"), ["WARC-IP-Address: 192.0.2.2"]
    body, headers = sent(page, body)
    if header:
        headers.append(f"Content-Type: {header}")
    if "robots" in page:
        headers.append(f"X-Robots-Tag: {page['robots']}")
    if "tdm" in page:
        headers.append(f"TDM-Reservation: {page['tdm']}")
    if kind == "revisit":
        status = "304 Not Modified"
        extra.append("WARC-Profile: http://netpreserve.org/warc/1.1/revisit/server-not-modified")
    else:
        identified = "image/png" if page.get("body") == "png" else "text/plain" if url.endswith(".txt") else "text/html"
        extra.append(f"WARC-Identified-Payload-Type: {identified}")
    if "cut" in page:
        body, extra = body[: page["cut"]], [*extra, "WARC-Truncated: length"]
    http = (
        f"HTTP/1.1 {status}\r\nServer: Apache\r\n".encode()
        + "".join(f"{h}\r\n" for h in headers).encode()
        + b"\r\n"
        + body
    )
    path = url.split(host, 1)[1]
    asked = f"GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: quickstart\r\n\r\n".encode()
    return record(url, number, asked, "request") + record(url, number, http, kind, tuple(extra))


def main(package: Path | None) -> None:
    """Writes the WARC files and fates.tsv beside this script."""
    if package:
        info = warcinfo(
            "apache-manual.warc.gz", "pages of the Apache HTTP Server manual, from Debian's apache2-doc (Apache-2.0)"
        )
        (HERE / "apache-manual.warc.gz").write_bytes(info + b"".join(manual(package)))
    plan = yaml.safe_load((HERE / "pages.yaml").read_text(encoding="utf-8"))
    records = {page["url"]: written(page, plan["sites"], 1000 + i) for i, page in enumerate(plan["pages"])}
    info = warcinfo("written.warc.gz", "pages written for the quickstart (Apache-2.0)")
    (HERE / "written.warc.gz").write_bytes(info + b"".join(records.values()))
    again, last = plan["cut_off"]
    whole = written(last, plan["sites"], 2000)
    info = warcinfo("cut-off.warc.gz", "a crawl that was stopped while it wrote")
    (HERE / "cut-off.warc.gz").write_bytes(info + records[again["again"]] + whole[: len(whole) * 3 // 4])
    with (HERE / "fates.tsv").open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file, delimiter="\t", lineterminator="\n")
        out.writerow(["file", "url", "fate", "group", "note"])
        for page in plan["pages"]:
            out.writerow(["written.warc.gz", page["url"], page["fate"], page.get("group", ""), page["note"]])
        for page in plan["cut_off"]:
            out.writerow(
                [
                    "cut-off.warc.gz",
                    page.get("url", page.get("again")),
                    page["fate"],
                    page.get("group", ""),
                    page["note"],
                ]
            )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
