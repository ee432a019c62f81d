"""Benchmarks in the report: which sets were looked for, and which pages held which of their items, by part and share.

Pages and items are named here, since that is what a reader has to check; text of a page is shown only with `--samples`.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow.compute as pc

from recipes.engine.report.page_samples import without_personal_data
from recipes.engine.run_folder import Run
from recipes.engine.wording import Words, one_line, record_place

LISTED = 50
"""Pages that are named, of those that went and of those that stay; all of them are in the shards."""
TEXT_CHARS = 300


@dataclass(frozen=True)
class SetLooked:
    """A set: items, those that are looked for, texts that are too short, pages that it rejected, pages that hold some and stay."""

    name: str
    title: str
    items: int
    sought: int
    skipped: int
    rejected: int
    told: int


@dataclass(frozen=True)
class HeldPage:
    """A page with the items that it holds; `text` is "" unless it may be shown."""

    page: str
    held: str
    share: float | None
    least: float | None
    text: str


@dataclass
class Benchmarks:
    """What a `decontaminate` step of the run looked for and found."""

    stage: str
    step: str
    width: int
    shortest: int
    with_answer: int | None = None
    rows: int = 0
    gone: int = 0
    stayed: int = 0
    sets: list[SetLooked] = field(default_factory=list[SetLooked])
    rejected: list[HeldPage] = field(default_factory=list[HeldPage])
    told: list[HeldPage] = field(default_factory=list[HeldPage])

    @property
    def title(self) -> Words:
        """How many pages held an item."""
        if not self.sets:
            return Words("評価データは指定されていない", "No benchmark was named")
        if not self.gone:
            return Words("評価データを含むページは見つからなかった", "No page with an item of a benchmark was found")
        pages = "page holds" if self.gone == 1 else "pages hold"
        return Words(
            f"評価データを含む {self.gone:,} ページを除いた", f"{self.gone:,} {pages} an item of a benchmark and went"
        )

    @property
    def lead(self) -> Words:
        """How it was looked for."""
        if not self.sets:
            return Words(
                "このレシピは評価データのファイルを指定していないので、何も照合していない。",
                "The recipe names no benchmark's file, so nothing was held against the pages.",
            )
        beside = Words("", "")
        if self.with_answer:
            beside = Words(
                f"、{self.with_answer} 字からの短い問いは答えがそばにあるときだけ",
                f", questions from {self.with_answer} characters on with their answer beside them",
            )
        return Words(
            f"{self.rows:,} ページを、正規形の文字 {self.width}-gram（それより短い項目は {self.shortest} 字から全体{beside.ja}）で"
            "照合した。割合は、項目のその部分の文字のうちページにあるもの。",
            f"{self.rows:,} pages were held against the items' character {self.width}-grams in normal form (shorter items whole, "
            f"from {self.shortest} characters on{beside.en}). A share is that of the part's characters which stand on the page.",
        )


def benchmarks(run: Run, samples: bool) -> list[Benchmarks]:
    """What each `decontaminate` step of the run's chain looked for and found, in the order in which they ran."""
    found: list[Benchmarks] = []
    for stage, step in run.steps("decontaminate"):
        said = step["with"]
        one = Benchmarks(stage, step["step"], said["width"], said["shortest"], said.get("with_answer"))
        for block in run.about["blocks"]:
            if block["stage"] != stage or block["kind"] != "rows":
                continue
            manifest = run.manifest(block)
            for counts in manifest.get("steps", ()):
                if counts["step"] == one.step and manifest.get("benchmarks"):
                    one.rows = round(counts.get("rows", 0))
                    one.gone = one.rows - round(counts.get("kept", 0))
                    one.sets = _sets(manifest["benchmarks"]["sets"], counts)
        if one.sets:
            one.rejected = list(_rejected(run, one, samples))
            one.told, one.stayed = _told(run, samples)
        found.append(one)
    return found


def _sets(said: dict[str, Any], counts: dict[str, Any]) -> list[SetLooked]:
    return [
        SetLooked(
            name,
            of.get("title", ""),
            of["items"],
            of["sought"],
            sum(of["skipped"].values()),
            round(counts.get(f"rejected_{name}", 0)),
            round(counts.get(f"told_{name}", 0)),
        )
        for name, of in said.items()
    ]


def _rejected(run: Run, step: Benchmarks, samples: bool) -> Iterator[HeldPage]:
    """Pages that the step rejected, in the order of the shards, at most `LISTED`."""
    left = LISTED
    for block in run.chain:
        shards = run.shard_set(block)
        if shards is None or block["stage"] != step.stage or not block["rejected"].get("contaminated"):
            continue
        for batch in shards.rejected():
            mine = pc.and_(pc.equal(batch["reason"], "contaminated"), pc.equal(batch["step"], step.step))
            for row in batch.filter(mine).slice(0, left).to_pylist():
                left -= 1
                yield HeldPage(_page(row), row["detail"], row["value"], row["threshold"], _text(row, samples))
            if not left:
                return


def _told(run: Run, samples: bool) -> tuple[list[HeldPage], int]:
    """Released pages that hold something of an item, at most `LISTED`, and how many there are."""
    shards: Any = run.release
    pages: list[HeldPage] = []
    count = 0
    if "contamination" not in shards.columns:
        return pages, count
    wanted = [
        c for c in ("url", "file", "offset", "contamination", *(["text"] if samples else [])) if c in shards.columns
    ]
    for partition in range(shards.partitions):
        files = (shards.open_file(name) for name in shards.files(partition))
        held = sum(_holding(b).num_rows for f in files for b in f.iter_batches(8192, ["contamination"]))
        count += held
        for batch in shards.read(wanted, partition) if held and len(pages) < LISTED else ():
            for row in _holding(batch).slice(0, LISTED - len(pages)).to_pylist():
                pages.append(HeldPage(_page(row), "; ".join(row["contamination"]), None, None, _text(row, samples)))
    return pages, count


def _holding(batch: Any) -> Any:
    """The rows of a batch that hold something of an item."""
    return batch.filter(pc.greater(pc.fill_null(pc.list_value_length(batch["contamination"]), 0), 0))


def _page(row: dict[str, Any]) -> str:
    return one_line(row.get("url") or record_place(row), 160)


def _text(row: dict[str, Any], samples: bool) -> str:
    return without_personal_data((row.get("text") or "")[: 2 * TEXT_CHARS])[:TEXT_CHARS] if samples else ""
