"""Lines that repeat over a site: menus, notices and footers that no tag gives away.

What stands on more than half of a site's pages says nothing about any of them. But laws and manuals repeat true lines too (附則,
施行期日, 概要), so a line is only looked at near the edges of a page, and only goes when it stands at the very edge or beside another
repeated one: menus come in runs at fixed places, headings stand alone between other text.
Counted per host over pages that differ, each line once a page. Idea: site-level template detection (Bar-Yossef & Rajagopalan 2002),
as CCNet's and OSCAR's line deduplication over a shard, but bound to a site and with the text's own repetitions spared.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.dedup.keyed_records import parts_for
from curation.extract.site_lines_table import SCHEMA, STORED_SHARE, open_table
from curation.normalise.text_column import text_array, text_views
from curation.place import Place
from curation.step import Batch, Columns
from curation.survey import Phase, Rows, Survey

_PAGES_A_PASS = 400_000
ROWS_IN_MEMORY = 1 << 20
"""Rows up to which the survey is one task, and which a part of a larger one has."""


class SiteLines(Survey):
    """Rewrites `text` without lines that repeat over its host; `site_lines_removed` says how many.

    A page of nothing else is rejected as `no_text`.

    min_pages: hosts with fewer distinct pages are left alone. max_pages: pages counted a host, those with the smallest ids.
    share: a line goes when it is on more than this share of the host's counted pages.
    table: a table that an earlier run made (its folder, or a Parquet file), used instead of counting.
    """

    reads = ("text", "host", "edge_lines", "page_letters")
    writes = ("text", "site_lines_removed")
    drops = ("edge_lines", "page_letters")
    surveys = ("id", "host", "edge_lines", "page_letters", "text")
    reasons = ("no_text",)
    tables: Mapping[str, pa.Schema] = {"site_lines": SCHEMA}

    def __init__(self, min_pages: int = 20, max_pages: int = 2000, share: float = 0.5, table: str | None = None):
        super().__init__()
        if min_pages < 2 or max_pages < min_pages:
            raise ValueError(f"need 2 <= min_pages <= max_pages, not {min_pages} and {max_pages}")
        if not STORED_SHARE <= share <= 1:
            raise ValueError(f"share must be in [{STORED_SHARE}, 1], not {share}")
        self.min_pages, self.max_pages, self.share, self.table = min_pages, max_pages, share, table
        self.rows_a_part = ROWS_IN_MEMORY
        self._cut = (1, 1)
        self._repeated: tuple[dict[str, tuple[int, int]], np.ndarray] | None = None

    @property
    def needs_survey(self) -> bool:
        """False when `table` names one that is there already."""
        return self.table is None

    def artefacts(self) -> Mapping[str, bytes]:
        """The named table's rows: part of the run's fingerprint. Raises ValueError when there is no such table."""
        if self.table is None:
            return {}
        try:
            rows = open_table(self.table).select(["host", "line_hash", "share"]).combine_chunks()
        except FileNotFoundError:
            raise ValueError(
                f"table: {self.table} is not there; give the folder of a table that a run made "
                "(OUT/stages/….site_lines-…/site_lines), or a Parquet file"
            ) from None
        except (ImportError, KeyError, OSError, ValueError) as error:
            raise ValueError(f"table: {self.table} is no table of a site's lines: {error}") from error
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, rows.schema) as stream:
            stream.write_table(rows)
        return {"table": sink.getvalue().to_pybytes()}

    def setup(self) -> None:
        """Loads the compiled passes."""
        from curation.extract import site_lines_kernel

        self._kernel: Any = site_lines_kernel

    def columns(self, batch: Batch) -> Columns:
        """`text` without its site's lines, and how many went."""
        ranges, repeated = self._load()
        text = batch.column("text")
        data, offsets = text_views(text)
        spans = [ranges.get(host, (0, 0)) for host in batch.column("host").to_pylist()]
        low, high = (np.array(side, np.int64) for side in zip(*spans, strict=True))
        if not (high > low).any():
            return {"text": text, "site_lines_removed": pa.array(np.zeros(len(text), np.int32))}
        out = np.empty(int(offsets[-1] - offsets[0]), np.uint8)
        made = np.zeros(len(offsets), np.int64)
        removed = np.zeros(len(text), np.int32)
        size = self._kernel.without_lines(data, offsets, low, high, repeated, out, made, removed)
        text = text_array(out[:size], made, text)
        emptied = (np.diff(made) == 0) & (removed > 0)
        columns: dict[str, pa.Array] = {"text": text, "site_lines_removed": pa.array(removed)}
        if emptied.any():
            columns["reason"] = pc.if_else(pa.array(emptied), pa.scalar("no_text"), pa.scalar(None, pa.string()))
            columns["detail"] = pc.if_else(
                pa.array(emptied), pa.scalar("only lines of the site"), pa.scalar(None, pa.string())
            )
        return columns

    def _load(self) -> tuple[dict[str, tuple[int, int]], np.ndarray]:
        """Range of each host in the sorted hashes of the lines that go."""
        if self._repeated is None:
            bound = pa.scalar(self.share, pa.float32())
            table = pa.concat_tables(part.filter(pc.greater(part["share"], bound)) for part in self._parts())
            table = table.sort_by([("host", "ascending"), ("line_hash", "ascending")]).combine_chunks()
            ranges: dict[str, tuple[int, int]] = {}
            for place, host in enumerate(table["host"].to_pylist()):
                ranges[host] = (ranges.get(host, (place, 0))[0], place + 1)
            self._repeated = ranges, table["line_hash"].to_numpy().astype(np.uint64)
        return self._repeated

    def _parts(self) -> Iterator[pa.Table]:
        """What is needed of the table, a part at a time: of a large one few lines go, and their texts are for people."""
        columns = ["host", "line_hash", "share"]
        if self.table is not None:
            yield open_table(self.table).select(columns)
            return
        made = self.made["site_lines"]
        parts = sorted({f["partition"] for f in made.manifest["files"]})
        yield from (made.read(part, columns) for part in parts or [None])

    def phases(self, rows: int, partitions: int) -> Sequence[Phase]:
        """None up to `rows_a_part` rows, above that those of site_line_phases.py, which make the same table."""
        if rows <= self.rows_a_part:
            return ()
        from curation.extract.site_line_phases import PHASES, Cut

        self._cut = (partitions, parts_for(rows, self.rows_a_part))
        return [Phase(name, Cut(Place(""), *self._cut).tasks[by]) for name, by in PHASES]

    def run_phase(self, phase: str, task: int, rows: Rows, work: Place) -> Iterator[tuple[str, pa.Table]]:
        """One task of a phase of site_line_phases.py."""
        from curation.extract import site_line_phases as phases

        yield from phases.run(self, phases.Cut(work, *self._cut), phase, task, lambda columns: rows.read(columns, task))

    def survey(self, rows: Rows) -> Iterator[tuple[str, pa.Table]]:
        """Counts the lines of every host: a look for the pages to count, one for each 400,000 of them, and one for sample lines."""
        from curation.extract.site_line_counts import count_lines, pages_to_count

        hosts, host, word = pages_to_count(rows, self.min_pages, self.max_pages)
        bounds = np.searchsorted(host, np.arange(len(hosts) + 1))
        first = 0
        while first < len(hosts):
            last = first + 1
            while last < len(hosts) and bounds[last + 1] - bounds[first] <= _PAGES_A_PASS:
                last += 1
            span = slice(bounds[first], bounds[last])
            yield "site_lines", count_lines(rows, hosts[first:last], host[span] - first, word[span])
            first = last
