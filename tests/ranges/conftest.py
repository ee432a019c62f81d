"""A small Common Crawl with pages of known fate, on a loopback server that can be told to misbehave."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from curation.extract.ranges.fetch import Fetch
from curation.extract.ranges.pace import Clock
from curation.extract.ranges.remote import Remote
from curation.extract.reader import find_inputs, plan_units
from curation.provenance import Source
from curation.step import Rejected

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


def script(name: str) -> ModuleType:
    """A module of the benchmarks, which make the same crawl larger."""
    spec = importlib.util.spec_from_file_location(name, BENCHMARKS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


REPLICA, SERVER = script("_replica"), script("_range_server")

PARAGRAPH = (
    "精米所では、玄米の表面を少しずつ削って白米にする。削りすぎると割れ、足りないと糠の匂いが残る。"
    "{n} 号の機械は昨年の秋に据え付けられ、毎朝六時に火が入る。"
)


def japanese(n: int) -> Any:
    """A page that every filter of web_ja keeps the bytes of: its language is Japanese."""
    said = "".join(f"<p>{PARAGRAPH.format(n=n * 100 + i)}</p>" for i in range(8))
    html = f'<html lang="ja"><head><title>精米 {n}</title></head><body>{said}</body></html>'
    text = "\n".join(PARAGRAPH.format(n=n * 100 + i) for i in range(8))
    return REPLICA.Capture(f"https://komeya{n % 3}.example.jp/{n}.html", html.encode(), "jpn", text=text)


def english(n: int) -> Any:
    """A page that nobody asks for, longer than the Japanese ones, of bytes that hardly compress."""
    import random

    noise = random.Random(n).randbytes(6000).hex()
    html = f"<html><title>Page {n}</title><body><p>Rice is milled. {noise}</p></body></html>"
    return REPLICA.Capture(f"https://mill{n % 7}.example.com/{n}.html", html.encode(), "eng", text="Rice is milled.")


def captures(files: int = 3, pages: int = 40, every: int = 20) -> list[list[Any]]:
    """Of each file's captures every twentieth is Japanese, and one is a 404."""
    made = []
    for f in range(files):
        found = [japanese(f * pages + n) if n % every == 7 else english(f * pages + n) for n in range(pages)]
        found.append(REPLICA.Capture(f"https://gone.example.jp/{f}", b"no", "jpn", status=404))
        made.append(found)
    return made


class FakeClock(Clock):
    """A clock that a sleep moves on at once."""

    def __init__(self) -> None:
        self.time, self.slept = 1_795_000_000.0, list[float]()

    def now(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += max(0.0, seconds)


@pytest.fixture(scope="session")
def replica(tmp_path_factory) -> Path:
    """Three WARC files of 41 captures, two of each Japanese."""
    root = tmp_path_factory.mktemp("crawl")
    REPLICA.build(root, captures(), group_rows=30, parts=2)
    return root


@pytest.fixture
def served(replica: Path) -> Iterator[Any]:
    """The replica behind http."""
    with SERVER.RangeServer(replica) as server:
        yield server


@pytest.fixture
def patient(tmp_path: Path) -> Any:
    """Makes a `Remote` whose minutes pass at once, with its clock."""

    def make(patience: float = 3600.0, per_second: float = 1000.0, clock: FakeClock | None = None) -> Any:
        clock = clock or FakeClock()
        remote = Remote(per_second, patience, clock=clock, pace_folder=tmp_path / "pace")
        return SimpleNamespace(get=remote.get, remote=remote, clock=clock)

    return make


def rows_of(items: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows kept and rejected of what a step yields."""
    kept, gone = list[dict[str, Any]](), list[dict[str, Any]]()
    for item in items:
        (gone if isinstance(item, Rejected) else kept).extend(
            (item.batch if isinstance(item, Rejected) else item).to_pylist()
        )
    return kept, gone


def listed(pattern: str, **options: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Any]:
    """Rows of a list of ranges, kept and rejected, and the reader."""
    from curation.extract.ranges.range_list import ReadRanges

    reader = ReadRanges(plan_units(find_inputs([pattern], "ranges")), Source("crawl", "著作権法30条の4"), **options)
    kept, gone = rows_of(reader.run())
    return kept, gone, reader


def fetched(
    rows: list[dict[str, Any]], base: str, **options: Any
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], Any]:
    """Pages of ranges, kept and rejected, and the step."""
    import pyarrow as pa

    from curation.document import schema
    from curation.extract.ranges.range_list import ReadRanges

    gone = options.pop("forgotten", ("", 0))
    step = Fetch(base, **({"join_gap": 4096, "most_span": 1 << 20, "requests_per_second": 10_000.0} | options))
    step.__dict__["forgotten"] = gone
    names = [name for name in ReadRanges.writes if not rows or name in rows[0]]
    batch = pa.RecordBatch.from_pylist(rows, schema(names))
    kept, gone = rows_of(step.run([batch]))
    return kept, gone, step


@pytest.fixture(scope="session")
def crawl() -> SimpleNamespace:
    """The makers and readers above."""
    return SimpleNamespace(
        captures=captures, japanese=japanese, english=english, listed=listed, fetched=fetched, replica=REPLICA, server=SERVER,
        clock=FakeClock,
    )  # fmt: skip
