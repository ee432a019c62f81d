"""A small Common Crawl: the layout, names and columns of the real one (columnar index, WARC, WAT, WET, lists of paths), on a disk.

    crawl-data/CC-MAIN-2026-43/warc.paths.gz  wat.paths.gz  wet.paths.gz  cc-index-table.paths.gz
    crawl-data/CC-MAIN-2026-43/segments/1792000000000.00/warc/CC-MAIN-20261101000000-20261101030000-00000.warc.gz   wat/ wet/
    cc-index/table/cc-main/warc/crawl=CC-MAIN-2026-43/subset=warc/part-00000-….c000.gz.parquet

Records are written as Common Crawl's crawler does: warcinfo, then request, response and metadata of each capture, each a gzip member.
The index is sorted by `url_surtkey`, and holds captures that were no page in a subset of its own.
"""

import gzip
import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq

CRAWL = "CC-MAIN-2026-43"
INDEX = f"cc-index/table/cc-main/warc/crawl={CRAWL}"
_WHEN = datetime(2026, 11, 1, 1, 2, 3, tzinfo=UTC)

SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("url_surtkey", "url", "url_host_name", "url_host_tld", "url_host_registered_domain")),
        ("url_protocol", pa.string()), ("url_port", pa.int32()), ("url_path", pa.string()), ("url_query", pa.string()),
        ("fetch_time", pa.timestamp("ms", "UTC")), ("fetch_status", pa.int16()), ("fetch_redirect", pa.string()),
        ("content_digest", pa.string()), ("content_mime_type", pa.string()), ("content_mime_detected", pa.string()),
        ("content_charset", pa.string()), ("content_languages", pa.string()), ("content_truncated", pa.string()),
        ("warc_filename", pa.string()), ("warc_record_offset", pa.int32()), ("warc_record_length", pa.int32()),
        ("warc_segment", pa.string()),
    ]
)  # fmt: skip
"""Columns of the index as Common Crawl publishes it (those of later years that no reader needs are left out)."""


class Capture(NamedTuple):
    """A page as it is put into the replica."""

    url: str
    body: bytes
    languages: str | None = None
    content_type: str = "text/html; charset=utf-8"
    status: int = 200
    text: str = ""
    """What its WET record holds."""


def build(
    root: Path, files: Sequence[Sequence[Capture]], group_rows: int = 1 << 20, parts: int = 1, views: bool = True
) -> None:
    """Writes the replica: one WARC file for each of `files`, an index of `parts`; WAT and WET beside them where `views`."""
    rows: list[dict[str, Any]] = []
    paths: dict[str, list[str]] = {"warc": [], "wat": [], "wet": []}
    for number, captures in enumerate(files):
        segment = f"1792000000{number // 4:03d}.{number % 100:02d}"
        stem = f"crawl-data/{CRAWL}/segments/{segment}/%s/CC-MAIN-20261101000000-20261101030000-{number:05d}.warc%s.gz"
        warc, places = _warc(captures, number)
        contents = {"warc": warc, "wat": b"", "wet": b""}
        if views:
            contents |= {"wat": _wat(places, Path(stem % ("warc", "")).name), "wet": _wet(captures, number)}
        for kind, content in contents.items():
            name = stem % (kind, "" if kind == "warc" else f".{kind}")
            if content:
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_bytes(content)
                paths[kind].append(name)
        name = stem % ("warc", "")
        responses = [place for place in places if place["kind"] == "response"]
        rows += [_index_row(c, name, p, segment) for c, p in zip(captures, responses, strict=True)]
    table = [f"{INDEX}/subset={subset}/{name}" for subset, name in _write_index(root, rows, group_rows, parts)]
    for name, listed in (
        {f"{kind}.paths.gz": found for kind, found in paths.items()} | {"cc-index-table.paths.gz": table}
    ).items():
        (root / "crawl-data" / CRAWL / name).write_bytes(
            gzip.compress("".join(f"{p}\n" for p in listed).encode(), mtime=0)
        )


def _write_index(root: Path, rows: list[dict[str, Any]], group_rows: int, parts: int) -> list[tuple[str, str]]:
    made = []
    for subset, wanted in (("warc", True), ("crawldiagnostics", False)):
        found = sorted((r for r in rows if (r["fetch_status"] == 200) is wanted), key=lambda r: r["url_surtkey"])
        size = -(-len(found) // (parts if wanted else 1))
        for part in range(0, len(found), max(1, size)):
            name = f"part-{part // size:05d}-{uuid.UUID(int=part)}.c000.gz.parquet"
            folder = root / INDEX / f"subset={subset}"
            folder.mkdir(parents=True, exist_ok=True)
            table = pa.Table.from_pylist(found[part : part + size], SCHEMA)
            pq.write_table(table, folder / name, compression="gzip", row_group_size=group_rows)
            made.append((subset, name))
    return made


def _record(kind: str, block: bytes, identity: str, url: str | None, content_type: str, **fields: str) -> bytes:
    head = {
        "WARC-Type": kind,
        "WARC-Date": _WHEN.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "WARC-Record-ID": f"<urn:uuid:{identity}>",
    }
    head |= {"Content-Length": str(len(block)), "Content-Type": content_type}
    head |= {"WARC-Target-URI": url} if url else {}
    head |= {name.replace("_", "-"): value for name, value in fields.items()}
    raw = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return gzip.compress(b"WARC/1.0\r\n" + raw.encode() + b"\r\n" + block + b"\r\n\r\n", 6, mtime=0)


def _identity(kind: str, url: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind} {url}"))


def _warc(captures: Sequence[Capture], number: int) -> tuple[bytes, list[dict[str, Any]]]:
    """The file, and where each of its records is."""
    out = bytearray(
        _record(
            "warcinfo",
            b"isPartOf: CC-MAIN-2026-43\r\n",
            _identity("info", str(number)),
            None,
            "application/warc-fields",
        )
    )
    places: list[dict[str, Any]] = [{"kind": "warcinfo", "offset": 0, "length": len(out), "capture": None}]
    for capture in captures:
        path = urlsplit(capture.url).path or "/"
        request = (
            f"GET {path} HTTP/1.1\r\nUser-Agent: CCBot/2.0\r\nHost: {urlsplit(capture.url).hostname}\r\n\r\n".encode()
        )
        said = "OK" if capture.status == 200 else "Not Found"
        answer = f"HTTP/1.1 {capture.status} {said}\r\nContent-Type: {capture.content_type}\r\n\r\n"
        seen = json.dumps({"charset": "UTF-8", "languages": capture.languages}).encode()
        for kind, block, form in (
            ("request", request, "application/http; msgtype=request"),
            ("response", answer.encode() + capture.body, "application/http; msgtype=response"),
            ("metadata", b"languages-cld2: " + seen + b"\r\n", "application/warc-fields"),
        ):
            more = {"WARC_Identified_Payload_Type": "text/html"} if kind == "response" else {}
            raw = _record(kind, block, _identity(kind, capture.url), capture.url, form, **more)
            places.append({"kind": kind, "offset": len(out), "length": len(raw), "capture": capture})
            out += raw
    return bytes(out), places


def _wat(places: Sequence[dict[str, Any]], of: str) -> bytes:
    """What is said of each record, as webarchive-commons writes it (numbers are text)."""
    out = _record("warcinfo", b"", _identity("wat", of), None, "application/warc-fields")
    for place in places:
        capture = place["capture"]
        member = {"Deflate-Length": str(place["length"]), "Header-Length": "10", "Footer-Length": "8"}
        header = {"WARC-Type": place["kind"], "WARC-Date": _WHEN.strftime("%Y-%m-%dT%H:%M:%SZ")}
        header |= {"WARC-Target-URI": capture.url} if capture else {}
        answer = (
            {"Response-Message": {"Status": str(capture.status)}, "Headers": {"Content-Type": capture.content_type}}
            if capture
            else {}
        )
        payload = {"HTTP-Response-Metadata": answer} if place["kind"] == "response" else {}
        said = {
            "Container": {"Filename": of, "Compressed": True, "Offset": str(place["offset"]), "Gzip-Metadata": member},
            "Envelope": {"Format": "WARC", "WARC-Header-Metadata": header, "Payload-Metadata": payload},
        }
        identity = _identity(f"wat {place['offset']}", of)
        out += _record(
            "metadata", json.dumps(said).encode(), identity, capture.url if capture else None, "application/json"
        )
    return out


def _wet(captures: Sequence[Capture], number: int) -> bytes:
    out = _record("warcinfo", b"", _identity("wet", str(number)), None, "application/warc-fields")
    for c in captures:
        if c.status == 200 and c.text:
            of = f"<urn:uuid:{_identity('response', c.url)}>"
            out += _record(
                "conversion", c.text.encode(), _identity("wet", c.url), c.url, "text/plain", WARC_Refers_To=of
            )
    return out


def _index_row(capture: Capture, name: str, place: dict[str, Any], segment: str) -> dict[str, Any]:
    parts = urlsplit(capture.url)
    host = parts.hostname or ""
    mime = capture.content_type.split(";")[0]
    return {
        "url_surtkey": f"{','.join(reversed(host.split('.')))}){parts.path}",
        "url": capture.url, "url_host_name": host, "url_host_tld": host.rsplit(".", 1)[-1],
        "url_host_registered_domain": ".".join(host.split(".")[-2:]), "url_protocol": parts.scheme, "url_path": parts.path,
        "fetch_time": _WHEN, "fetch_status": capture.status, "content_mime_type": mime, "content_mime_detected": mime,
        "content_charset": "UTF-8", "content_languages": capture.languages, "warc_filename": name,
        "warc_record_offset": place["offset"], "warc_record_length": place["length"], "warc_segment": segment,
    }  # fmt: skip
