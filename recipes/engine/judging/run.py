"""Running a jury, after its generations: workers ask the judges, one stage decides, and a released set holds all of it.

Decisions are made again from the verdicts whenever the same command is given: they are a function of them and cost seconds.
"""

from typing import Any

import pyarrow as pa

from curation.parquet_file import read_parquet
from curation.place import Place
from curation.work_list import incomplete
from recipes.engine.errors import RecipeError
from recipes.engine.executors import LocalExecutor
from recipes.engine.generation.rounds import Where
from recipes.engine.judging.plan import Jury
from recipes.engine.judging.release import Said, finished, publish
from recipes.engine.judging.step import AskJudges, JudgeWork
from recipes.engine.judging.work import write_work
from synth.judge import comparison, scoring
from synth.judge.reward import KIND


def run_jury(jury: Jury, where: Where) -> dict[str, Any]:
    """Has a jury judge, unless its set is there already. Returns its manifest. Raises RunError when a worker cannot go on."""
    if (manifest := finished(jury)) is not None:
        where.progress.skip(jury.name, manifest["rows_out"])
        return manifest
    if not Place(jury.store).local:
        raise RecipeError(
            f"{jury.where}: answers are appended to {jury.store}, which an object store cannot do; give a local --out"
        )
    layout = write_work(jury, where.generators)
    place, tasks = Place(jury.work), layout["tasks"]
    left, scoring_judges = len(incomplete(place, tasks)), sum(judge.engine.kind != KIND for judge in jury.judges)
    asked = layout["comparisons"]["asked"] * len(jury.judges) + layout["scored"] * scoring_judges
    where.progress.start(jury.name, tasks, tasks - left, "rows", asked, decides=False)
    if jury.judges:
        _ask(jury, layout, where)
    manifest = publish(jury, _said(jury, layout))
    decided = sum(manifest["jury"]["verdicts"].get(v, 0) for v in ("win", "loss"))
    note = f": {manifest['rows_out']:,} comparisons by {len(jury.judges)} judges, {decided:,} decided"
    where.progress.end(manifest["rows_in"], manifest["rows_out"], note)
    return manifest


def _ask(jury: Jury, layout: dict[str, Any], where: Where) -> None:
    """Runs what is not there yet of the workers."""
    place, tasks = Place(jury.work), layout["tasks"]
    judges = tuple((judge.name, judge.engine) for judge in jury.judges)
    work = JudgeWork(
        place.url, judges, jury.sampling, tuple(jury.spec.rubric), jury.words, jury.policy, jury.store
    )  # fmt: skip
    if where.cluster is None:
        executor = LocalExecutor(place, [AskJudges(work)], tasks, where.pool.count)
        executor.run_watched(where.pool, where.progress.update)
    else:
        where.cluster.run(place, [AskJudges(work)], tasks, f"{jury.name}.judges", "generate")


def _said(jury: Jury, layout: dict[str, Any]) -> Said:
    """What all workers' judges said."""
    place = Place(jury.work)
    tasks = [place.read_json(f"tasks/{name}") for name in place.names("tasks")] if jury.judges else []
    verdicts, scores = [comparison.schema().empty_table()], [scoring.schema().empty_table()]
    for task in tasks:
        verdicts.append(read_parquet(place, task["files"][0]["path"]))
        scores.append(read_parquet(place, task["files"][1]["path"]))
    flagged = read_parquet(place, "flagged.parquet")
    return Said(layout, tasks, pa.concat_tables(verdicts), pa.concat_tables(scores), flagged)


def about(jury: Jury, manifest: dict[str, Any]) -> dict[str, Any]:
    """What run.json says of a jury."""
    kept = ("fingerprint", "rows_in", "rows_out", "notes")
    return {"name": jury.name, "url": jury.name} | {name: manifest[name] for name in kept}
