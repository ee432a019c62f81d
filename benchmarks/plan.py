"""What a run of web_ja over so many documents needs, stage by stage, and what each stage waits for: cores, bandwidth or requests.

    uvx nox -s bench -- plan [--docs N] [--records N] [--record-kb F] [--cores N] [--gb-a-second F] [--requests-a-second N] [--ranges]

Nothing is measured here but what the survey of dedup moves (`_survey_traffic.py`, over 16,000 texts). CPU is what docs/scale.md says
was measured, times counts; tasks, files and levels are the engine's own plan for that size (`_big_crawl.py`); bytes and requests
follow from these. `--docs` are Japanese pages, `--records` what is read to find them: 20 times as many in whole files of a Common
Crawl, as many as documents where its index names them. Give your own machine: cores, and what its storage gives in bytes and in small
reads. A stage takes as long as the slowest of the three, were all of its tasks even.
"""

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from _big_crawl import STORED, Laid, laid_out, planned, stated
from _survey_traffic import ROWS_A_PART, moved, traffic

from curation.dedup.keyed_records import parts_for
from recipes.engine.run_survey import row_tasks

READ, PAGE = (0.20e-3, 0.20e-3), (1.03e-3, 1.03e-3)
"""CPU seconds a record that is skipped and a Japanese page, of records of SMALL and of LARGE kB of WARC."""
SMALL, LARGE = 7.9, 30.0
LEVEL, SITE_LINES, MEASURED, DEDUP, CURATED = 5.7e-6, 77e-6, 1.1e-3, 26.6e-6, 0.36e-3
"""CPU seconds a row: of a level of gathering, a survey of lines, measuring, a survey of near-duplicates, deciding and writing."""
CLUSTER = 0.06e-6
"""CPU seconds a node of the one task `cluster`."""
KEYS, SIGNATURE, SITE = 60, 448, 400
"""Bytes a row: of its key and rank, of its signature, of what the survey of lines reads."""
PIECE, BLOCK = 4 << 20, 50 << 20
"""Bytes of a request for a WARC, and for a set."""
RANGE = 0.91
"""Requests for a page that an index names (`bench -- ranges`: 1,826 for 2,000)."""
START = 3.0
"""Seconds of a processor that a job of one task spends before its task."""


@dataclass(frozen=True)
class Need:
    """What a stage needs: core-seconds, bytes read and written, requests, GB that a task holds and lays aside, TB that it leaves."""

    name: str
    tasks: int
    cpu: float
    bytes: float
    requests: float
    holds: float
    left: float = 0.0
    aside: float = 0.0
    alone: float = 0.0
    """Seconds of it that one core works alone."""


def at(cost: tuple[float, float], kb: float) -> float:
    """A cost a record of so many kB, on the line through the two that were measured."""
    small, large = cost
    return small + (large - small) * (kb - SMALL) / (LARGE - SMALL)


def needs(
    laid: list[Laid], docs: int, records: int, kb: float, moving: dict[str, float], parts: int, ranges: bool = False
) -> list[Need]:
    """What every stage needs."""
    whole, stored = records * kb * 1e3, float(docs * STORED)
    measured = stored + docs * SIGNATURE
    made = list[Need]()
    for stage in laid:
        written = stage.files * max(1.0, stage.bytes / BLOCK)

        def need(
            cpu: float,
            moved: float,
            requests: float,
            holds: float,
            **more: float,
        ) -> Need:
            return Need(stage.name, stage.tasks, cpu, moved, requests + 2 * stage.tasks, holds, **more)  # noqa: B023

        if stage.name.endswith("pages"):
            cpu = records * at(READ, kb) + docs * at(PAGE, kb)
            asked = records * RANGE if ranges else whole / PIECE
            made.append(need(cpu, whole + stored, asked + written, 1.0, left=stored))
        elif ", level" in stage.name:
            made.append(need(docs * LEVEL, 2 * stored, 64 * stage.tasks + stored / BLOCK + written, 0.4))
        elif stage.name.endswith("site_lines"):
            made.append(need(docs * SITE_LINES, 2.5 * docs * SITE, stored / BLOCK, 1.0))
        elif stage.name == "measured":
            made.append(need(docs * MEASURED, stored + measured, stored / BLOCK + written, 1.0, left=measured))
        elif stage.name.endswith("dedup"):
            sets = 1e12 * (moving["set_tb_read"] + moving["set_tb_written"])
            bytes_ = 2e12 * moving["tb"] + sets + stored + docs * (KEYS + 2 * SIGNATURE)
            made.append(
                need(
                    docs * DEDUP, bytes_, moving["requests"] + moving["set_requests"] + moving["files"],
                    max(1.0, docs / parts / 1e6), aside=moving["scratch_gb"], alone=docs * CLUSTER,
                )
            )  # fmt: skip
        elif stage.name.endswith("cap"):
            made.append(need(0.0, 2 * docs * 8 * 27.0, 4.0 * stage.tasks * parts, max(1.0, docs / parts / 1e6)))
        else:
            made.append(need(docs * CURATED, measured + stored, measured / BLOCK + written, 1.0, left=stored))
    return made


def waits(need: Need, cores: int, rate: float, requests: float) -> dict[str, float]:
    """Hours that a stage takes by each of what it waits for."""
    return {
        "cores": (need.cpu / min(cores, need.tasks) + need.alone) / 3600,
        "bandwidth": need.bytes / rate / 3600,
        "requests": need.requests / requests / 3600,
    }


def main() -> None:
    """Prints a line a stage; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--docs", type=float, default=1e10, help="Japanese pages")
    parser.add_argument("--records", type=float, help="records that are read for them; as many as pages without")
    parser.add_argument("--record-kb", type=float, default=30.0, help="kB of a record in its WARC")
    parser.add_argument("--ranges", action="store_true", help="an index names the records, each a request")
    parser.add_argument("--cores", type=int, default=1000)
    parser.add_argument("--gb-a-second", type=float, default=20.0, help="GB that the storage gives all tasks together")
    parser.add_argument("--requests-a-second", type=float, default=100_000.0, help="small reads that it answers")
    parser.add_argument("--quick", action="store_true", help="of the survey, over 8,000 texts")
    given = parser.parse_args()
    docs, records = int(given.docs), int(given.records or given.docs)
    of = moved(8_000 if given.quick else 16_000)
    with tempfile.TemporaryDirectory(prefix="seimai-bench-") as folder:
        plan, _ = planned(Path(folder), docs, stated(docs))
        laid, _ = laid_out(Path(folder), plan, docs)
    parts = parts_for(docs, ROWS_A_PART)
    moving = traffic(docs, row_tasks(plan.blocks[0].partitions), parts, of)
    made = needs(laid, docs, records, given.record_kb, moving, parts, given.ranges)
    print(
        "| stage | tasks | core-hours | TB moved | requests, M | a task holds, GB | lays aside, GB | leaves, TB | hours, by |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    hours = dict.fromkeys(("cores", "bandwidth", "requests"), 0.0)
    slowest = 0.0
    for need in made:
        by = waits(need, given.cores, 1e9 * given.gb_a_second, given.requests_a_second)
        worst = max(by, key=lambda name: by[name])
        slowest += by[worst]
        hours = {name: hours[name] + by[name] for name in hours}
        print(
            f"| {need.name} | {need.tasks:,} | {need.cpu / 3600:,.1f} | {need.bytes / 1e12:,.2f} | {need.requests / 1e6:,.2f} | "
            f"{need.holds:.1f} | {need.aside:,.1f} | {need.left / 1e12:,.2f} | {by[worst]:.2f} {worst} |"
        )
    figures: dict[str, Any] = {
        "docs": docs,
        "records": records,
        "core_hours": round(sum(need.cpu for need in made) / 3600),
        "tb_moved": round(sum(need.bytes for need in made) / 1e12, 1),
        "tb_left": round(sum(need.left for need in made) / 1e12, 1),
        "requests_m": round(sum(need.requests for need in made) / 1e6),
        "tasks": sum(need.tasks for need in made),
        "start_core_hours": round(sum(need.tasks for need in made) * START / 3600, 1),
        "hours": round(slowest, 2),
    }
    print(", ".join(f"{name} alone {value:.1f} h" for name, value in hours.items()))
    print(json.dumps(figures | {"slowest": max(hours, key=lambda name: hours[name])}))


if __name__ == "__main__":
    main()
