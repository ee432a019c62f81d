"""Ranges: what the Japanese pages of a crawl cost when only they are read, and whether they are the same pages.

    uvx nox -s bench -- ranges [--quick]

A replica of Common Crawl's layout is written from the development corpus: its Japanese pages are one capture in
twenty, the others are its pages in other languages, under new URLs, shuffled as a crawler's files are. It is served on
loopback. Both sides read over http: every WARC file whole, and the index with the ranges that it names; `whole_s` and
`ranges_s` are their CPU seconds, reader and server in one process. `equal` holds ids and payload digests of the
Japanese pages against each other.
"""

import argparse
import json
import random
import tempfile
import time
from pathlib import Path
from typing import Any

from _corpus import DEV, need_corpus, responses
from _range_server import RangeServer
from _replica import CRAWL, INDEX, Capture, build

SHARE = 0.05
FILE_PAGES = 2000


def main() -> None:
    """Prints each part; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="4,000 captures instead of 40,000")
    args = parser.parse_args()
    need_corpus("warc", "truth.tsv")
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = captures(4_000 if args.quick else 40_000)
        build(root, files, group_rows=1000, views=False)
        japanese = {c.url for file in files for c in file if c.languages == "jpn"}
        with RangeServer(root) as server:
            whole, whole_s = timed(lambda: by_files(root, server.url))
            sent, asked = server.sent, len(server.asked)
            ranges, counts, ranges_s = by_ranges(root, server.url)
            counts["requests"] = len(server.asked) - asked
        wanted = {key: digest for key, (url, digest) in whole.items() if url in japanese}
        size = sum(p.stat().st_size for p in root.rglob("*.warc.gz"))
        print(
            f"{len(whole):,} pages in {len(files)} files, {size / 1e6:.1f} MB; {sent / 1e6:.1f} MB sent to read them whole"
        )
        print(
            f"{len(ranges):,} Japanese pages: index {counts['index'] / 1e6:.2f} MB, ranges {counts['read'] / 1e6:.2f} MB"
        )
        figures = {
            "share_pages": round(len(japanese) / sum(map(len, files)), 4),
            "share_bytes": round((counts["read"] + counts["index"]) / size, 4),
            "share_bytes_warc": round(counts["read"] / size, 4),
            "share_bytes_listed": round(counts["listed"] / size, 4),
            "equal": ranges == wanted,
            "pages": len(ranges),
            "requests": counts["requests"],
            "whole_s": round(whole_s, 2),
            "ranges_s": round(ranges_s, 2),
        }
        print(json.dumps(figures))


def captures(pages: int) -> list[list[Capture]]:
    """Captures of each file: every twentieth is Japanese."""
    import csv

    with (DEV / "truth.tsv").open(newline="", encoding="utf-8") as file:
        spoken = {row["url"]: row["lang"] for row in csv.DictReader(file, delimiter="\t")}
    pools: dict[bool, list[tuple[str, bytes, bytes]]] = {True: [], False: []}
    for page in responses():
        if page[0] in spoken:
            pools[spoken[page[0]] == "ja"].append(page)
    rng = random.Random(1)
    wanted = set(rng.sample(range(pages), int(pages * SHARE)))
    taken = {True: 0, False: 0}
    made = []
    for n in range(pages):
        pool = pools[n in wanted]
        at = taken[n in wanted]
        taken[n in wanted] += 1
        url, _, message = pool[at % len(pool)]
        head, _, body = message.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        kind = next((h.partition(":")[2].strip() for h in lines if h.lower().startswith("content-type:")), "text/html")
        scheme, _, rest = url.partition("://")
        made.append(Capture(f"{scheme}://c{at // len(pool)}.{rest}", body, "jpn" if n in wanted else "eng", kind))
    return [made[at : at + FILE_PAGES] for at in range(0, pages, FILE_PAGES)]


def by_files(root: Path, url: str) -> dict[bytes, tuple[str, bytes]]:
    """Id → (URL, digest) of every page, whole files read over http."""
    from curation.extract.reader import Unit
    from curation.extract.warc import ReadWarc
    from curation.provenance import Source

    paths = sorted(root.rglob("*.warc.gz"))
    names = [str(p.relative_to(root)) for p in paths]
    units = [Unit(f"{url}/{name}", name, "warc", 0, p.stat().st_size) for name, p in zip(names, paths, strict=True)]
    return {row["id"]: (row["url"], row["payload_digest"]) for row in rows(ReadWarc(units, Source("crawl")).run())}


def by_ranges(root: Path, url: str) -> tuple[dict[bytes, bytes], dict[str, int], float]:
    """Id → digest of the pages that the index names as Japanese, what was read for them, and CPU seconds."""
    import pyarrow as pa

    from curation.document import schema
    from curation.extract.ranges.fetch import Fetch
    from curation.extract.ranges.range_list import ReadRanges
    from curation.extract.reader import find_inputs, plan_units
    from curation.provenance import Source

    listing = f"{url}/crawl-data/{CRAWL}/cc-index-table.paths.gz#{INDEX}/subset=warc/*"
    begun = time.process_time()
    reader = ReadRanges(plan_units(find_inputs([listing], "ranges")), Source("crawl"), languages=["jpn"], status=[200])
    listed = sorted(rows(reader.run()), key=lambda row: row["id"])
    batches = [
        pa.RecordBatch.from_pylist(listed[at : at + 1024], schema(ReadRanges.writes))
        for at in range(0, len(listed), 1024)
    ]
    step = Fetch(url, join_gap=16384, most_span=8 << 20, requests_per_second=100_000)
    found = {row["id"]: row["payload_digest"] for row in rows(step.run(batches))}
    counts = {name: int(step.stats[f"bytes_{name}"].total) for name in ("read", "listed", "whole")}
    counts["index"] = int(reader.stats["list_bytes_read"].total)
    return found, counts, time.process_time() - begun


def rows(items: Any) -> Any:
    """Rows kept of what a step yields."""
    from curation.step import Rejected

    return (
        row for item in items if not isinstance(item, Rejected) for row in item.drop_columns(heavy(item)).to_pylist()
    )


def heavy(batch: Any) -> list[str]:
    """Columns that are not compared."""
    return [name for name in ("payload",) if name in batch.schema.names]


def timed(work: Any) -> tuple[Any, float]:
    """What it gives, and its CPU seconds."""
    begun = time.process_time()
    return work(), time.process_time() - begun


if __name__ == "__main__":
    main()
