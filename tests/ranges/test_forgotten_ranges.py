"""A page that was to be forgotten does not come back by a list that does not name its URL."""

import pyarrow as pa

from curation.document import schema
from curation.extract.ranges.fetch import Fetch
from curation.step import Rejected
from curation.tombstones import add, url_key

INDEX = "cc-index/table/cc-main/warc/crawl=CC-MAIN-2026-43/subset=warc/*.parquet"


def test_a_fetched_page_with_a_tombstone_is_rejected_and_blanked(crawl, replica, tmp_path):
    rows, _, _ = crawl.listed(f"{replica}/{INDEX}", languages=["jpn"], status=[200])
    (host, url) = url_key(rows[2]["url"]) or (b"", b"")
    add(str(tmp_path), {"url": [f"{host.hex()}/{url.hex()}"]}, by="test", reason="asked for")
    step = Fetch(str(replica), join_gap=4096, most_span=1 << 20, requests_per_second=10_000.0)
    step.forgotten = str(tmp_path), 1
    bare = [row | {"url": None} for row in rows]
    batch = pa.RecordBatch.from_pylist(bare, schema(["id", "url", "date", "file", "offset", "length"]))
    items = list(step.run([batch]))
    kept = [row for item in items if not isinstance(item, Rejected) for row in item.to_pylist()]
    gone = [row for item in items if isinstance(item, Rejected) for row in item.batch.to_pylist()]
    assert (len(kept), [row["reason"] for row in gone]) == (len(rows) - 1, ["forgotten"])
    (one,) = gone
    assert (one["url"], one["host"], one["payload"], one["detail"]) == (None, None, None, None)
    assert (one["file"], one["offset"]) == (rows[2]["file"], rows[2]["offset"])
