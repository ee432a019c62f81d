"""Main text against people's own text versions of the same pages, and against trafilatura: quality and speed in one run.

    python benchmarks/extract.py [--quick]

Reads the development corpus (../shared/data). Quality: character 5-grams of four manuals against their upstream plain text, of e-Gov
laws against another extractor's text, and the share of letters that are only a site's repeated strings (navigation). All texts of
`seimai` are also given after `site_lines`, counted over everything read. Speed: user CPU of the whole step on both sides, batches of
40 pages taken in turn in one process, both warmed up, so what is compared is the cost of a page more.
The last line is one JSON object.
"""

import csv
import gzip
import hashlib
import json
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
from _corpus import DEV, need_corpus
from _extract_metric import grams, navigation_share, scores, site_strings
from fastwarc import ArchiveIterator, WarcRecordType

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

BATCH = 40
REPEATS = 3
"""Times that our side does a batch, so that its short times are not lost in the clock's grain."""
MANUALS = {
    "debian-faq-ja": "debian-faq.ja",
    "debian-reference-ja": "debian-reference.ja",
    "developers-reference-ja": "developers-reference",
    "maint-guide-ja": "maint-guide.ja",
}
"""Source in truth.tsv → its reference text."""

TWICE = ("/developers-reference.html", "/search.html")
"""Pages of the developers' reference that hold the whole manual again, or nothing of it."""


@dataclass(frozen=True)
class Page:
    """A page of the corpus, decoded with its true encoding."""

    url: str
    html: str
    source: str
    family: str
    group: str


def read_pages() -> list[Page]:
    """Japanese HTML pages: Debian's manuals, one snapshot of the laws, Apache's manual, the Rust book 1.6, Namazu."""
    with open(DEV / "truth.tsv", encoding="utf-8", newline="") as file:
        truth = {row["url"]: row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    pages = []
    for name in ("debian-docs-ja", "apache-manual", "egov-laws-sjis", "rust-book", "legacy-eucjp"):
        with open(DEV / "warc" / f"{name}.warc.gz", "rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.response):
                url = record.headers.get("WARC-Target-URI")
                row = truth[url]
                wanted = {
                    "apache-manual": row["lang"] == "ja",
                    "egov-laws-sjis": "/2013b/" in url,
                    "rust-book": "/1.6/" in url,
                }
                if wanted.get(name, True):
                    html = record.reader.read().decode(row["true_encoding"], "replace")
                    pages.append(Page(url, html, row["source"], row["family_id"], name))
    return pages


def batch_of(pages: Sequence[Page]) -> pa.RecordBatch:
    """The pages as rows that `main_text` reads."""
    ids = [hashlib.sha256(page.url.encode()).digest()[:16] for page in pages]
    columns = {
        "id": pa.array(ids, pa.binary(16)),
        "url": pa.array([page.url for page in pages], pa.large_string()),
        "host": pa.array([urlsplit(page.url).hostname for page in pages]),
        "record_type": pa.array(["response"] * len(pages)),
        "mime_declared": pa.array(["text/html"] * len(pages)),
        "html": pa.array([page.html for page in pages], pa.large_string()),
    }
    return pa.RecordBatch.from_pydict(columns)


class Batches:
    """The rows that a survey looks over."""

    def __init__(self, batches: Sequence[pa.RecordBatch]):
        self.batches = batches

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """The named columns of every batch."""
        for batch in self.batches:
            yield batch.select(list(columns))


def cpu(work: Callable[[], Any]) -> tuple[Any, float]:
    """What `work` returns, and the user CPU seconds it took."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    made = work()
    return made, resource.getrusage(resource.RUSAGE_SELF).ru_utime - before


def by_trafilatura(pages: Sequence[Page]) -> list[str]:
    """trafilatura's defaults."""
    from trafilatura import extract

    return [extract(page.html) or "" for page in pages]


def without_site_lines(batches: Sequence[pa.RecordBatch]) -> tuple[dict[str, str], float]:
    """Texts by URL after `site_lines`, counted over the batches; CPU seconds of hashing, counting and removing."""
    from curation.extract.edge_lines import EdgeLines
    from curation.extract.site_lines import SiteLines

    def clean(folder: str) -> list[pa.RecordBatch]:
        hashing, counting = EdgeLines(), SiteLines()
        hashing.setup()
        counting.setup()
        hashed = [hashing.split(batch)[0] for batch in batches]
        path = f"{folder}/site_lines.parquet"
        pq.write_table(pa.concat_tables(table for _, table in counting.survey(Batches(hashed))), path)
        removing = SiteLines(table=path)
        removing.setup()
        return [removing.split(batch)[0] for batch in hashed]

    with tempfile.TemporaryDirectory() as folder:
        clean(folder)
        rows, seconds = cpu(lambda: clean(folder))
    return texts_of(rows), seconds


def texts_of(batches: Sequence[pa.RecordBatch]) -> dict[str, str]:
    """Text by URL."""
    return {u: t for b in batches for u, t in zip(b["url"].to_pylist(), b["text"].to_pylist(), strict=True)}


class References:
    """The texts to compare with, and each site's repeated strings."""

    def __init__(self, pages: Sequence[Page]):
        folder = DEV / "extraction_reference"
        self.manuals = {
            k: grams([gzip.decompress((folder / f"{name}.txt.gz").read_bytes()).decode()])
            for k, name in MANUALS.items()
        }
        wanted = {page.family for page in pages if page.group == "egov-laws-sjis"}
        self.laws = {}
        with gzip.open(folder / "egov_text.jsonl.gz", "rt") as file:
            for line in file:
                law = json.loads(line)
                if law["family_id"] in wanted:
                    self.laws[law["family_id"]] = law["text"]
        self.sites = {g: site_strings([p.html for p in pages if p.group == g]) for g in ("apache-manual", "rust-book")}

    def figures(self, texts: dict[str, str], pages: Sequence[Page]) -> dict[str, float]:
        """F1 over the manuals and the laws, worst law, and navigation shares, over the pages that `texts` has."""
        had = [page for page in pages if page.url in texts]
        manual = {}
        for source, wanted in self.manuals.items():
            own = [p for p in had if p.source == source and not p.url.endswith(TWICE)]
            manual[source] = scores(grams(texts[p.url] for p in own), wanted)[2]
        laws = [
            scores(grams([texts[p.url]]), grams([self.laws[p.family]]))[2]
            for p in had
            if p.group == "egov-laws-sjis" and p.family in self.laws
        ]
        shares = {
            g: navigation_share([texts[p.url] for p in had if p.group == g], strings)
            for g, strings in self.sites.items()
        }
        return {
            "f1_manuals": sum(manual.values()) / len(manual),
            "f1_laws": sum(laws) / len(laws),
            "f1_laws_worst": min(laws),
            "nav_apache": shares["apache-manual"],
            "nav_rust": shares["rust-book"],
            "nav_share": max(shares.values()),
        }


def sample(pages: list[Page], quick: bool) -> list[Page]:
    """The pages that trafilatura also gets: all, or with `quick` the manuals and every sixth of the others."""
    if not quick:
        return pages
    whole = [p for p in pages if p.source in MANUALS and not p.url.endswith(TWICE)]
    return whole + [p for i, p in enumerate(p for p in pages if p.source not in MANUALS) if i % 6 == 0]


def main(quick: bool) -> None:
    """Prints a table and the JSON line."""
    from curation.extract.main_text import MainText

    pages = read_pages()
    compared = sample(pages, quick)
    step = MainText()
    step.setup()
    step.split(batch_of(pages[:BATCH]))
    by_trafilatura(pages[:4])
    ours: list[pa.RecordBatch] = []
    theirs: dict[str, str] = {}
    seconds = {"seimai": 0.0, "trafilatura": 0.0}
    for first in range(0, len(compared), BATCH):
        some = compared[first : first + BATCH]
        batch = batch_of(some)
        for _ in range(REPEATS):
            _, took = cpu(lambda batch=batch: step.split(batch))
            seconds["seimai"] += took / REPEATS
        ours.append(step.split(batch)[0])
        texts, took = cpu(lambda some=some: by_trafilatura(some))
        seconds["trafilatura"] += took
        theirs |= dict(zip((p.url for p in some), texts, strict=True))
    everything = [step.split(batch_of(pages[i : i + BATCH]))[0] for i in range(0, len(pages), BATCH)]
    cleaned, site_seconds = without_site_lines(everything)
    references = References(pages)
    rows = {
        "main_text": references.figures(texts_of(ours), compared),
        "+ site_lines": references.figures({p.url: cleaned[p.url] for p in compared if p.url in cleaned}, compared),
        "trafilatura": references.figures(theirs, compared),
    }
    for name, figures in rows.items():
        print(f"{name:14}", "  ".join(f"{key} {value:.4f}" for key, value in figures.items()))
    n = len(compared)
    megabytes = sum(len(p.html.encode()) for p in compared) / 1e6
    for name, took in seconds.items():
        print(
            f"{name:14} {n} pages, {megabytes:.1f} MB, {took:.2f} s user CPU:",
            f"{1e3 * took / n:.2f} ms a page, {megabytes / took:.1f} MB/s",
        )
    print(
        f"site_lines     {1e3 * site_seconds / len(pages):.3f} ms a page, counting and removing, over {len(pages)} pages"
    )
    before, after, peer = rows["main_text"], rows["+ site_lines"], rows["trafilatura"]
    figures = {
        "f1_manuals": after["f1_manuals"],
        "f1_laws": after["f1_laws"],
        "nav_share": after["nav_share"],
        "f1_manuals_before_site_lines": before["f1_manuals"],
        "f1_laws_before_site_lines": before["f1_laws"],
        "nav_share_before_site_lines": before["nav_share"],
        "f1_manuals_trafilatura": peer["f1_manuals"],
        "f1_laws_trafilatura": peer["f1_laws"],
        "nav_share_trafilatura": peer["nav_share"],
        "speed_ratio_trafilatura": seconds["trafilatura"] / seconds["seimai"],
        "ms_per_page": 1e3 * seconds["seimai"] / n,
        "ms_per_page_site_lines": 1e3 * site_seconds / len(pages),
        "pages": n,
    }
    print(json.dumps({key: round(value, 4) for key, value in figures.items()}))


if __name__ == "__main__":
    need_corpus("truth.tsv", "warc", "extraction_reference")
    main("--quick" in sys.argv[1:])
