"""A page that is to be forgotten does not come back by ranges: not by its URL or host, nor by an id that only its record tells."""

from curation.tombstones import add

INDEX = "cc-index/table/cc-main/warc/crawl=CC-MAIN-2026-43/subset=warc/*.parquet"


def test_a_page_with_a_tombstone_is_fetched_blanked_and_rejected(crawl, replica, tmp_path):
    ranges, _, _ = crawl.listed(f"{replica}/{INDEX}", languages=["jpn"], status=[200])
    kept, _, _ = crawl.fetched(ranges, str(replica))
    gone = kept[0]
    add(str(tmp_path / "forgotten"), {"row": [gone["id"].hex()]}, by="legal", reason="asked for")
    left, rejected, _ = crawl.fetched(ranges, str(replica), forgotten=(str(tmp_path / "forgotten"), 1))
    assert [row["id"] for row in left] == [row["id"] for row in kept if row["id"] != gone["id"]]
    (blank,) = rejected
    assert (blank["id"], blank["reason"], blank["url"], blank["payload"]) == (gone["id"], "forgotten", None, None)
    assert (blank["file"], blank["offset"]) == (gone["file"], gone["offset"]), (
        "the place of its record is nobody's secret"
    )
