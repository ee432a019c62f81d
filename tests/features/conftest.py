"""Real pages for the features: development pages as plain text, menus, lists and other languages among them."""

import csv
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def pages(dev: Path) -> list[str]:
    """Every ninth labelled page as plain text by its true encoding, and 60 rows of each file of `scale/`."""
    import pyarrow.parquet as pq
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    with (dev / "truth.tsv").open(newline="") as file:
        truth = {row["url"]: row for row in csv.DictReader(file, delimiter="\t")}
    texts, seen = [], 0
    for path in sorted((dev / "warc").glob("*.warc*")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                page = truth.get(record.headers["WARC-Target-URI"] or "")
                seen += page is not None
                if page is None or seen % 9:
                    continue
                text = record.reader.read().decode(page["true_encoding"], "replace")
                texts.append(text if "plain" in page["http_content_type"] else extract_plain_text(text))
    for path in sorted((dev / "scale").glob("docs-0*.parquet")):
        texts += pq.read_table(path, columns=["text"]).slice(0, 60).column("text").to_pylist()
    return texts
