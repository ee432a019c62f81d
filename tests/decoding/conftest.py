"""The labelled records of the development corpus, read once."""

import csv
import re
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType


@pytest.fixture(scope="session")
def records(dev: Path) -> list[tuple[str, bytes, str | None, str]]:
    """(URL, body, charset of the header, true encoding) of every labelled response record."""
    with (dev / "truth.tsv").open(encoding="utf-8", newline="") as file:
        truth = {row["url"]: row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    found = []
    for path in sorted((dev / "warc").glob("*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.response):
                if row := truth.get(record.headers["WARC-Target-URI"]):
                    label = re.search(r"charset=([\w-]+)", row["http_content_type"])
                    found.append((row["url"], record.reader.read(), label and label[1], row["true_encoding"]))
    return found
