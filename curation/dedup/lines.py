"""Boilerplate that escapes document clusters: lines on very many pages of very many hosts, measured, removed or capped.

A cookie notice, a licence text or a hosting service's footer stands on millions of pages that share nothing else, so no document
cluster holds them and a model reads the line millions of times. Such heavy lines are found over all rows that reach the step: a
count-min sketch over the lines of all pages names every line that can be on `min_pages` pages, and only these are recounted, exactly,
by pages and by hosts (heavy_lines.py). A sketch never undercounts, so no heavy line is missed, and what it overcounts the recount
corrects: width and depth change the cost, never the result.
Ideas: line-level deduplication of CCNet (Wenzek+20) and Llama 3 (lines on more than 6 of 30 million pages), C4's repeated spans
(Raffel+20); here a line must be on many hosts too, so that a site's own headings stay, and how often it may stay is a choice.
"""

from collections.abc import Iterator, Mapping, Sequence
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.dedup.count_min import error_share, failure_probability
from curation.dedup.key_order import column_keys
from curation.dedup.line_keys import KeyPlaces, LineKeys, Lines
from curation.dedup.normal_form import FORM_VERSION
from curation.dedup.rank_words import WIDTH, rank_words
from curation.document import KEY
from curation.place import Place
from curation.step import Batch, Columns
from curation.survey import Phase, Rows, Survey

if TYPE_CHECKING:
    from curation.dedup.heavy_lines import Cut

ROWS_AT_ONCE = 1 << 17
"""Rows up to which the survey is one task, and which a part of a larger one stands for."""
MOST_PARTS = 1 << 10
_NO_DATE = -(1 << 62)
_MEASURED = ("boilerplate_lines", "boilerplate_char_fraction")


class LineDedup(Survey):
    """Writes `boilerplate_lines` and `boilerplate_char_fraction`: heavy lines of a page, and their share of its characters.

    Modes remove and cap also rewrite `text` and write `boilerplate_lines_removed`; a page that would be left without a line with
    letters is rejected as `only_boilerplate`, with its text as it was.

    mode: measure writes columns only; remove takes heavy lines out of every page; cap leaves each on its k best-ranked pages.
    min_pages: a line is heavy from this many pages on; pages with equal lines (copies) are one.
    min_hosts: and from this many hosts on; rows without a host are of one host.
    min_chars: characters of its normal form that a line has at least; shorter ones are left alone, and so are lines without letters.
    k: for mode cap, the pages on which a heavy line stays; on these it stays wherever it stands.
    quality: for mode cap, column that ranks pages first; without it the longer page, then the newer one, then the smaller id.
    width, depth: of the count-min sketch, 4 × width × depth bytes a task; see `seimai plan` for the error that they bound.
    """

    reads = ("text",)
    writes = ("text", *_MEASURED, "boilerplate_lines_removed")
    reasons = ("only_boilerplate",)
    tables: Mapping[str, pa.Schema] = {
        "heavy_lines": pa.schema(
            [
                pa.field("line_hash", pa.uint64(), metadata={"meaning": "hash of the line's normal form"}),
                pa.field("pages", pa.int64(), metadata={"meaning": "pages that have the line, copies of a page once"}),
                pa.field("hosts", pa.int64(), metadata={"meaning": "hosts of the pages that have it"}),
                pa.field("chars", pa.int32(), metadata={"meaning": "characters of its normal form"}),
                pa.field("first", KEY, metadata={"meaning": "smallest id of a page that has it"}),
                pa.field(
                    "line", pa.large_string(), metadata={"meaning": "the line on that page, 200 characters of it"}
                ),
                pa.field(
                    "last_rank",
                    pa.binary(8 * WIDTH),
                    metadata={
                        "meaning": "mode cap: rank of the last page on which it stays; null where it stays on all"
                    },
                ),
            ],
            metadata={"normal_form": FORM_VERSION},
        )
    }

    def __init__(
        self,
        mode: Literal["measure", "remove", "cap"],
        min_pages: int,
        min_hosts: int,
        min_chars: int = 1,
        k: int | None = None,
        quality: str | None = None,
        width: int = 1 << 20,
        depth: int = 4,
    ):
        super().__init__()
        if min_pages < 2 or not 1 <= min_hosts <= min_pages:
            raise ValueError(f"need min_pages ≥ 2 and min_hosts from 1 to min_pages, not {min_pages} and {min_hosts}")
        if min_chars < 1:
            raise ValueError(f"min_chars must be at least 1, not {min_chars}")
        if (mode == "cap") != (k is not None) or (k is not None and k < 1):
            raise ValueError("mode cap needs k, at least 1 page on which a line stays, and no other mode takes it")
        if quality is not None and mode != "cap":
            raise ValueError("quality ranks pages for mode cap; no other mode takes it")
        if not 1 <= width <= 1 << 32 or not 1 <= depth <= 64:
            raise ValueError(f"width must be from 1 to 2^32 and depth from 1 to 64, not {width} and {depth}")
        self.mode, self.min_pages, self.min_hosts, self.min_chars, self.k = mode, min_pages, min_hosts, min_chars, k
        self.quality, self.width, self.depth = quality, width, depth
        ranked = ("id", "date", *([quality] if quality else [])) if k is not None else ()
        self.reads = ("text", *ranked)
        self.surveys = ("text", "host", "id", *ranked[1:])
        if mode == "measure":
            self.writes, self.reasons = _MEASURED, ()
        self.rows_a_part = ROWS_AT_ONCE
        self._parts, self._partitions = 1, 1
        self._heavy: tuple[KeyPlaces, np.ndarray] | None = None

    def plan_note(self) -> str:
        """What is heavy, and what the sketch promises and costs."""
        done = {
            "measure": "is counted",
            "remove": "is taken out of every page",
            "cap": f"stays on its {self.k} best-ranked pages",
        }
        return (
            f"a line of at least {self.min_chars:,} characters on at least {self.min_pages:,} pages and {self.min_hosts:,} hosts "
            f"{done[self.mode]}\n"
            f"count-min sketch {self.depth} × {self.width:,}: {4 * self.width * self.depth / 1e6:,.1f} MB a task; a line's count "
            f"is never too low, and too high by more than e/width = {error_share(self.width):.2g} of all lines of all pages with "
            f"probability e^−depth = {100 * failure_probability(self.depth):.2g} % at most; lines that reach "
            f"{self.min_pages:,} are recounted exactly"
        )

    def setup(self) -> None:
        """Loads the compiled passes."""
        self._keys = LineKeys()
        empty = pa.array([""], pa.large_string())
        lines = self._keys.of(empty)
        self._keys.without(empty, lines, np.zeros(len(lines.key), bool))

    def counts(self, lines: Lines) -> np.ndarray:
        """Which lines are counted, bool."""
        return lines.lettered & (lines.chars >= self.min_chars)

    def ranks(self, batch: Batch, lines: Lines) -> np.ndarray:
        """Rank words of the batch's rows (rank_words.py): quality, length, date, id."""
        date = batch.column("date").cast(pa.timestamp("s", tz="UTC")).cast(pa.int64()).fill_null(_NO_DATE)
        fields = {"length": lines.sums(lines.chars), "date": date.to_numpy(zero_copy_only=False)}
        if self.quality:
            quality = batch.column(self.quality).cast(pa.float64()).fill_null(float("nan"))
            fields["quality"] = quality.to_numpy(zero_copy_only=False)
        return rank_words(column_keys(batch.column("id")), **fields)

    def columns(self, batch: Batch) -> Columns:
        """Heavy lines of each row and their share of its characters; by the mode, `text` without them."""
        text = batch.column("text")
        lines = self._keys.of(text)
        table, bounds = self._load()
        place = table.of(lines.key)
        heavy = place >= 0
        count, all_chars = lines.sums(heavy), lines.sums(lines.chars)
        share = lines.sums(np.where(heavy, lines.chars, 0)) / np.maximum(1, all_chars)
        absent = text.is_null().to_numpy(zero_copy_only=False)
        self.stat_update("pages_with_boilerplate", value=int((count > 0).sum()))
        self.stat_update("chars", value=int(all_chars.sum()))
        self.stat_update("boilerplate_chars", value=int(lines.chars[heavy].sum()))
        made: dict[str, pa.Array] = {
            "boilerplate_lines": pa.array(count.astype(np.int32), mask=absent),
            "boilerplate_char_fraction": pa.array(share, mask=absent),
        }
        if self.mode == "measure":
            return made
        gone = heavy
        if self.k is not None:
            gone = self._keys.beyond(self.ranks(batch, lines), lines.owner, bounds, place)
        emptied = (lines.sums(gone) > 0) & (lines.sums(lines.lettered & ~gone) == 0)
        lost = lines.sums(gone)
        gone &= ~emptied[lines.owner]
        removed = lines.sums(gone)
        self.stat_update("lines_removed", value=int(removed.sum()))
        made["text"] = self._keys.without(text, lines, gone) if gone.any() else text
        made["boilerplate_lines_removed"] = pa.array(removed.astype(np.int32), mask=absent)
        if emptied.any():
            gone_rows = pa.array(emptied)
            made["reason"] = pc.if_else(gone_rows, pa.scalar("only_boilerplate"), pa.scalar(None, pa.string()))
            made["value"] = pa.array(lost.astype(np.float64), mask=~emptied)
        return made

    def _load(self) -> tuple[KeyPlaces, np.ndarray]:
        """The heavy lines, and the rank words of the last page on which each stays, uint64 [lines, 5]."""
        if self._heavy is None:
            table = self.made["heavy_lines"].read()
            bounds = np.zeros((0, WIDTH), np.uint64)
            if self.k is not None:
                every = b"\xff" * (8 * WIDTH)
                raw = b"".join(rank if rank is not None else every for rank in table.column("last_rank").to_pylist())
                bounds = np.frombuffer(raw, ">u8").astype(np.uint64).reshape(-1, WIDTH)
            self._heavy = KeyPlaces(table.column("line_hash").to_numpy().astype(np.uint64)), bounds
        return self._heavy

    def phases(self, rows: int, partitions: int) -> Sequence[Phase]:
        """None up to `rows_a_part` rows, above that those of heavy_lines.py."""
        if rows <= self.rows_a_part:
            return ()
        from curation.dedup import heavy_lines

        self._parts = min(MOST_PARTS, 1 << (-(-rows // self.rows_a_part) - 1).bit_length())
        self._partitions = partitions
        cut = self._cut(Place(""))
        return [Phase(name, cut.tasks(by)) for name, by in heavy_lines.PHASES]

    def _cut(self, work: Place) -> "Cut":
        from curation.dedup.heavy_lines import Cut

        return Cut(work, self._partitions, self._parts, self.depth)

    def run_phase(self, phase: str, task: int, rows: Rows, work: Place) -> Iterator[tuple[str, pa.Table]]:
        """One task of a phase of heavy_lines.py."""
        from curation.dedup import heavy_lines

        yield from heavy_lines.run(self, self._cut(work), phase, task, lambda columns: rows.read(columns, task))

    def survey(self, rows: Rows) -> Iterator[tuple[str, pa.Table]]:
        """The same phases one after the other, over all rows as one partition, with a temporary folder between them."""
        from curation.dedup import heavy_lines

        with TemporaryDirectory(prefix="seimai-lines-") as folder:
            cut = heavy_lines.Cut(Place(folder), 1, 1, self.depth)
            for phase, by in heavy_lines.PHASES:
                for task in range(cut.tasks(by)):
                    yield from heavy_lines.run(self, cut, phase, task, rows.read)
