"""Files to be damaged: crawl files of every form, tables, lists of ranges, each with where its rows lie."""

import gzip
import io
import json
import random
import runpy
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

_makers = runpy.run_path(str(Path(__file__).parents[1] / "reading" / "conftest.py"))
http, page, record = (_makers[name] for name in ("http", "page", "record"))

TEXT = "精米は、玄米からぬかを取り除く作業です。白さだけでなく、味も変わります。\n"


class Piece(NamedTuple):
    """What lies at [begin, end) of a file: a record of a crawl, a line, a row group; the names by which its rows are known again."""

    begin: int
    end: int
    names: tuple[str, ...]


class File(NamedTuple):
    """A file's bytes and pieces."""

    raw: bytes
    pieces: tuple[Piece, ...]


def _joined(parts: list[tuple[bytes, tuple[str, ...]]], before: bytes = b"", after: bytes = b"") -> File:
    at, pieces = len(before), []
    for raw, names in parts:
        pieces.append(Piece(at, at + len(raw), names))
        at += len(raw)
    return File(before + b"".join(raw for raw, _ in parts) + after, tuple(pieces))


def pages() -> list[tuple[bytes, tuple[str, ...]]]:
    """Records of a crawl with the URLs of those that become rows: every coding and charset, and what is no page."""
    made: list[tuple[bytes, tuple[str, ...]]] = []
    html = f'<html lang="ja"><title>米</title><body><nav><a href="/">米</a></nav><p>{TEXT * 4}</p><ul><li>一</li></ul></body></html>'

    def one(raw: bytes, *names: str) -> None:
        made.append((raw, names))

    one(record("warcinfo", b"software: seimai\r\n", None))
    for i, (charset, body) in enumerate(
        [("utf-8", html), ("shift_jis", html), ("euc-jp", html), ("iso-2022-jp", html), ("utf-8", html * 30)]
    ):
        url = f"http://a.jp/{i}"
        one(record("request", b"GET / HTTP/1.1\r\nHost: a.jp\r\n\r\n", url))
        one(page(body.encode(charset), url, f"Content-Type: text/html; charset={charset}"), url)
    packed = gzip.compress(html.encode(), mtime=0)
    url = "http://b.jp/gzip"
    one(page(packed, url, "Content-Type: text/html", "Content-Encoding: gzip"), url)
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(c), c) for c in (packed[:100], packed[100:])) + b"0\r\n\r\n"
    url = "http://b.jp/chunked"
    one(page(chunked, url, "Content-Type: text/html", "Content-Encoding: gzip", "Transfer-Encoding: chunked"), url)
    one(page(b"gone", "http://c.jp/404", status="404 Not Found"))
    one(record("revisit", b"HTTP/1.1 200 OK\r\n\r\n", "http://c.jp/revisit"))
    one(record("resource", TEXT.encode(), "http://c.jp/resource", content_type="text/plain"), "http://c.jp/resource")
    one(record("metadata", b"fetchTimeMs: 12\r\n", "http://c.jp/metadata"))
    for i in range(6):
        url = f"http://d.jp/{i}"
        one(page(html.replace("米", f"米{i}").encode(), url, "Content-Type: text/html"), url)
    return made


def texts() -> list[tuple[bytes, tuple[str, ...]]]:
    """Records of a WET file."""
    urls = [f"http://wet.jp/{i}" for i in range(14)]
    return [
        (record("conversion", f"{i} {TEXT * (i + 1)}".encode(), url, content_type="text/plain"), (url,))
        for i, url in enumerate(urls)
    ]


def described() -> list[tuple[bytes, tuple[str, ...]]]:
    """Records of a WAT file: where the records of another file lie."""
    made = []
    for i in range(14):
        url = f"http://wat.jp/{i}"
        said = {
            "Container": {"Filename": "a.warc.gz", "Offset": str(1000 * i), "Gzip-Metadata": {"Deflate-Length": "900"}},
            "Envelope": {
                "WARC-Header-Metadata": {"WARC-Type": "response", "WARC-Target-URI": url, "WARC-Date": "2026-11-22T20:00:00Z"},
                "Payload-Metadata": {
                    "HTTP-Response-Metadata": {
                        "Response-Message": {"Status": "200"}, "Headers": {"Content-Type": "text/html; charset=utf-8"},
                    }
                },
            },
        }  # fmt: skip
        made.append((record("metadata", json.dumps(said).encode(), url, content_type="application/json"), (url,)))
    return made


def gzipped(parts: list[tuple[bytes, tuple[str, ...]]]) -> File:
    """Records, a gzip member each."""
    return _joined([(gzip.compress(raw, 6, mtime=0), names) for raw, names in parts])


def zstandarded(parts: list[tuple[bytes, tuple[str, ...]]]) -> File:
    """Records, a zstd frame each."""
    packer = zstandard.ZstdCompressor(write_checksum=True)
    return _joined([(packer.compress(raw), names) for raw, names in parts])


def plain(parts: list[tuple[bytes, tuple[str, ...]]]) -> File:
    """Records without compression."""
    return _joined(parts)


def http_head(rng: random.Random) -> bytes:
    """A response whose headers lie."""
    lies = [
        "Content-Encoding: " + rng.choice(("gzip", "br", "zstd", "deflate", "gzip, " * 200 + "gzip", "x" * 900)),
        "Transfer-Encoding: " + rng.choice(("chunked", "chunked, gzip", "identity")),
        "Content-Type: "
        + rng.choice(("text/html; charset=utf-7", "text/html; charset=" + '"' * 50, "image/png", ";" * 900, "")),
        "Content-Length: " + rng.choice(("-1", "99999999999999999999", "abc")),
        "X-Robots-Tag: " + "noai, " * rng.choice((1, 500)),
    ]
    body = rng.choice(
        (
            TEXT.encode(),
            rng.randbytes(300),
            b"ffffffffffffffff\r\n" + TEXT.encode(),
            b"1\r\n" * 600,
            gzip.compress(TEXT.encode()),
        )
    )
    status = rng.choice(("200 OK", "200", "999 ?", "099 x", "1" * 30))
    return http(body, *rng.sample(lies, rng.randrange(1, 5)), status=status)


def table(codec: str = "zstd", groups: int = 6) -> File:
    """A Parquet file of several row groups; each piece is one."""
    out, rows = io.BytesIO(), 20
    schema = pa.schema(
        [("id", pa.string()), ("text", pa.string()), ("url", pa.dictionary(pa.int32(), pa.string())),
         ("date", pa.timestamp("us", "UTC")), ("more", pa.list_(pa.int64()))]
    )  # fmt: skip
    with pq.ParquetWriter(out, schema, compression=codec) as writer:
        for g in range(groups):
            names = [f"{g}-{i}" for i in range(rows)]
            columns = {
                "id": names, "text": [f"{n} {TEXT}" for n in names], "url": [f"http://t.jp/{g}"] * rows,
                "date": [1_764_000_000_000_000 + i for i in range(rows)], "more": [[i] * (i % 4) for i in range(rows)],
            }  # fmt: skip
            arrays = [
                pa.array(columns[f.name], f.type) if f.name != "url" else pa.array(columns["url"]).dictionary_encode()
                for f in schema
            ]
            writer.write_table(
                pa.Table.from_arrays([a.cast(f.type) for a, f in zip(arrays, schema, strict=True)], schema=schema)
            )
    raw, pieces = out.getvalue(), []
    footer = pq.read_metadata(io.BytesIO(raw))
    for g in range(groups):
        columns_of = [footer.row_group(g).column(c) for c in range(footer.num_columns)]
        begins = [min(x for x in (c.dictionary_page_offset, c.data_page_offset) if x) for c in columns_of]
        end = max(b + c.total_compressed_size for b, c in zip(begins, columns_of, strict=True))
        pieces.append(Piece(min(begins), end, tuple(f"{g}-{i} {TEXT}" for i in range(rows))))
    return File(raw, tuple(pieces))


def lines(packed: bool = False) -> File:
    """JSON lines; each piece is one line with its end."""
    rows: list[dict[str, Any]] = [
        {
            "id": f"l{i}",
            "text": f"{i} {TEXT}",
            "url": f"http://l.jp/{i}",
            "date": "2026-11-22",
            "n": i,
            "more": {"a": [1, None, "米"]},
        }
        for i in range(30)
    ]
    made = _joined(
        [
            ((json.dumps(row, ensure_ascii=i % 2 == 0) + "\n").encode(), (str(row["text"]),))
            for i, row in enumerate(rows)
        ]
    )
    return File(gzip.compress(made.raw, mtime=0), ()) if packed else made


def ranges_csv() -> File:
    """A list of ranges; each piece is a line."""
    head = b"url,filename,offset,length,status,mime\n"
    rows = [
        (
            f"http://r.jp/{i},crawl/a-{i % 3}.warc.gz,{i * 1000},{900 + i},200,text/html\n".encode(),
            (f"http://r.jp/{i}",),
        )
        for i in range(40)
    ]
    return _joined(rows, before=head)
