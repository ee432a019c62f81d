"""Texts for the normalising steps: real pages as they come, and random ones made of what is difficult."""

import csv
import random
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pytest

from curation.step import Measure


@pytest.fixture(scope="session")
def pages(dev: Path) -> list[str]:
    """Every eighth labelled page as plain text by its true encoding, and 250 rows of each file of `scale/`."""
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
                if page is None or seen % 8:
                    continue
                text = record.reader.read().decode(page["true_encoding"], "replace")
                texts.append(text if "plain" in page["http_content_type"] else extract_plain_text(text))
    for path in sorted((dev / "scale").glob("docs-0*.parquet")):
        texts += pq.read_table(path, columns=["text"]).slice(0, 250).column("text").to_pylist()
    return texts


@pytest.fixture(scope="session")
def random_texts() -> Callable[[str, int], list[str]]:
    """Makes seeded random texts of up to 30 characters: mostly of the given ones, some of all that Unicode decomposes."""
    points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    folding = [chr(c) for c in points if unicodedata.decomposition(chr(c))]
    marks = [chr(c) for c in points if unicodedata.combining(chr(c))]

    def make(characters: str, number: int) -> list[str]:
        rng = random.Random(number)

        def one() -> str:
            luck = rng.random()
            if luck < 0.8:
                return rng.choice(characters)
            return rng.choice(folding) if luck < 0.95 else rng.choice(marks) if luck < 0.97 else chr(rng.choice(points))

        return ["".join(one() for _ in range(rng.randint(0, 30))) for _ in range(number)]

    return make


@pytest.fixture(scope="session")
def rewritten() -> Callable[[Measure, list[str | None]], list[str | None]]:
    """Runs a step over texts as the middle of a longer batch, so that no column begins at offset 0."""

    def run(step: Measure, texts: list[str | None]) -> list[str | None]:
        step.setup()
        whole = pa.record_batch({"text": pa.array(["前", *texts, "後"], pa.large_string())})
        return step.columns(whole.slice(1, len(texts)))["text"].to_pylist()

    return run
