"""What every test may ask for: the development corpus beside the project, where there is one, and how busy the machine was."""

import contextlib
import csv
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT.parent / "shared" / "data"


@pytest.fixture
def hindered() -> Callable[[], float]:
    """Gives the seconds that threads of this process have waited for a processor since the test began: time that others took."""

    def waited() -> float:
        found = 0
        for path in Path("/proc/self/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # a thread that has just ended
                found += int(path.read_text().split()[1])
        return found / 1e9

    before = waited()
    return lambda: max(0.0, waited() - before)


@pytest.fixture(scope="session")
def dev() -> Path:
    """The folder of real Japanese pages with ground truth (see docs/dev-corpus.md); tests that need it skip without it."""
    if not (DEV / "truth.tsv").exists():
        pytest.skip("the development corpus is not beside this checkout")
    return DEV


@pytest.fixture(scope="session")
def plain_pages(dev: Path) -> Callable[[int], list[str]]:
    """Gives every n-th labelled page, decoded by its true encoding, as plain text: menus, lists and other languages too."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    with (dev / "truth.tsv").open(newline="") as file:
        truth = {row["url"]: row for row in csv.DictReader(file, delimiter="\t")}

    def pages(every: int) -> list[str]:
        texts, seen = [], 0
        for path in sorted((dev / "warc").glob("*.warc*")):
            with path.open("rb") as stream:
                for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                    page = truth.get(record.headers["WARC-Target-URI"] or "")
                    seen += page is not None
                    if page is None or seen % every:
                        continue
                    text = record.reader.read().decode(page["true_encoding"], "replace")
                    texts.append(text if "plain" in page["http_content_type"] else extract_plain_text(text))
        return texts

    return pages


@pytest.fixture(scope="session")
def scale_rows(dev: Path) -> Callable[[int], list[str]]:
    """Gives the first n texts of each file of `scale/`: novels, laws, documentation in pieces of about 2,000 characters."""
    import pyarrow.parquet as pq

    def rows(n: int) -> list[str]:
        files = sorted((dev / "scale").glob("docs-0*.parquet"))
        return [t for f in files for t in pq.read_table(f, columns=["text"]).slice(0, n).column("text").to_pylist()]

    return rows
