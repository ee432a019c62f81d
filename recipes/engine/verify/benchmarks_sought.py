"""Evaluation items that a run's `decontaminate` steps kept out, for the independent check to seek them again.

The files must still lie where the run read them, and be the same: their hashes are in the manifest.
"""

import hashlib
from pathlib import Path

from curation.decontaminate.sets import Benchmarks, benchmark_sets
from curation.verify.benchmarks import Sought, SoughtItem
from recipes.engine.run_folder import Run


def benchmarks_sought(run: Run) -> tuple[list[Sought], list[str]]:
    """What each step of the run's chain sought, and of sets that cannot be sought any more why."""
    made: list[Sought] = []
    notes: list[str] = []
    for stage, step in run.steps("decontaminate"):
        said = next(
            (
                m["benchmarks"]
                for b in run.about["blocks"]
                if b["stage"] == stage and (m := run.manifest(b)).get("benchmarks")
            ),
            None,
        )
        if said is None or not said["sets"]:
            continue
        items: list[SoughtItem] = []
        for name, one in said["sets"].items():
            try:
                found = Benchmarks(benchmark_sets({name: step["with"]["sets"][name]}), Path(said["folder"]))
                now = {path: hashlib.sha256(content).hexdigest() for path, content in found.files[name]}
                if now != one["files"]:
                    raise ValueError("its files are no longer those that the run read")
                there = min((*one["reject"].values(), *one["report"].values()), default=1.0)
                items += [
                    SoughtItem(i.name, {str(p): w for p, w in i.parts.items()}, one["reject"], there)
                    for i in found.items
                ]
            except (OSError, ValueError, KeyError) as error:
                notes.append(f"'{name}' was not sought again: {error}")
        if items:
            made.append(Sought(said["width"], said["shortest"], items, said.get("with_answer")))
    return made, notes
