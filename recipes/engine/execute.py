"""Running a plan: block after block, each into a folder of its own that counts only when its manifest is there.

OUT/stages/pages-3f2a9c1b77d0/     one block's shard set, named by its fingerprint; kept for the next version
OUT/2026.11.22/                    one version of the recipe
  curated/                         its released shard set
  run.json  recipe.yaml            the blocks, their fingerprints and where they lie; the recipe as it ran
  report.html
"""

import time
from dataclasses import replace
from typing import Any, NamedTuple

from curation.extract.line_index import IndexLines
from curation.extract.units import Unit
from curation.place import Place
from curation.read_shards import ReadShards, shared_rows
from curation.shards import MANIFEST, ShardUnion
from curation.survey import Phase, Survey
from curation.tombstones import Tombstones
from curation.work_list import WorkList, incomplete
from curation.write_shards import WriteShards, samples_of_a_part
from recipes.engine import gathering
from recipes.engine.errors import RecipeError
from recipes.engine.executors import Cluster, LocalExecutor
from recipes.engine.forget.sweep import swept, told_since
from recipes.engine.generation.release import check_version as check_generation_version
from recipes.engine.generation.rounds import Where
from recipes.engine.generation.run import run_generation
from recipes.engine.gpu_stages import at_once, check_gpus
from recipes.engine.judging.release import check_version as check_jury_version
from recipes.engine.judging.run import run_jury
from recipes.engine.manifests import finish_block
from recipes.engine.pairs import run as pairs_run
from recipes.engine.pairs.release import check_version as check_pairs_version
from recipes.engine.plan import Block, Plan, Together
from recipes.engine.progress import Progress
from recipes.engine.run_folder import read_run, run_folder
from recipes.engine.run_lock import locked
from recipes.engine.run_record import finish_run
from recipes.engine.run_survey import RunPhase, RunSurvey, phase_place, row_tasks
from recipes.engine.source_read import SourceRead, reader_class
from recipes.engine.warm_up import WarmUp
from recipes.engine.workers import Workers

INDEX = "index"
"""Folder of a block where JSON lines files that are cut have their indexes, until the set is there."""


def run(
    plan: Plan,
    *,
    cluster: Cluster | None = None,
    workers: int = 2,
    progress: Progress | None = None,
    replay: str | None = None,
    generators: int = 1,
) -> dict[str, Any]:
    """Runs what the plan needs and has not got. Returns the content of run.json.

    cluster: where tasks run, None for workers of this machine.
    generators: workers that generate at a time, each with an engine of its own.

    `replay` is the folder of an earlier run whose list of pages that the fuse rejected holds here too, so that two runs
    can be compared although a clock decided about those pages.

    Raises RecipeError when the version is there with another fingerprint, RunError when a task cannot go on, and what the cluster
    raises where it has tasks to wait for. Given again, it goes on.
    """
    check_version(plan)
    check_gpus(plan, cluster.kind if cluster else "local")
    for generation in plan.generations:
        check_generation_version(generation, plan.recipe.version)
    for jury in plan.juries:
        check_jury_version(jury, plan.recipe.version)
    for preference in plan.preferences:
        check_pairs_version(preference, plan.recipe.version)
    _replay(plan, replay)
    blocks = len(plan.blocks) + len(plan.generations) + len(plan.juries) + len(plan.preferences)
    progress = progress or Progress(blocks)
    manifests: list[dict[str, Any]] = []
    judged: list[dict[str, Any]] = []
    paired: list[dict[str, Any]] = []
    with locked(plan.out, cluster.patience if cluster else 0.0), Workers(workers, progress.say) as pool:
        gone = swept(plan.out, plan.recipe.forgotten)
        try:
            if cluster is None and not all(_finished(b) for b in plan.blocks):
                warm = WarmUp.of(plan)
                pool.run(warm, warm.ranks, progress.preparing(time.monotonic()))
            for block in plan.blocks:
                _run_block(block, plan, cluster, pool, progress, gone)
            where = Where(cluster, pool, progress, generators, gone)
            manifests += [run_generation(generation, where) for generation in plan.generations]
            judged += [run_jury(jury, where) for jury in plan.juries]
            paired += [pairs_run.run_pairs(preference, where) for preference in plan.preferences]
        finally:
            progress.stop()
        finished = finish_run(plan, manifests, paired, judged)
        told_since(plan.out, plan.folder)
    return finished


def _replay(plan: Plan, folder: str | None) -> None:
    if folder is None:
        return
    folder = run_folder(folder)
    place = Place(folder)
    manifests = [Place(f"{folder}/{b['url']}").read_json(MANIFEST) for b in read_run(place)["blocks"]]
    fused = frozenset(bytes.fromhex(i) for m in manifests for i in m.get("fused", ()))
    for block in plan.blocks:
        for step in block.steps:
            step.known_fused = fused


def check_version(plan: Plan) -> None:
    """Refuses a version that is there with another fingerprint, unless it is `dev`, which is made anew."""
    place = Place(plan.folder)
    if not place.exists("run.json"):
        return
    old = read_run(place)
    if old["fingerprint"] == plan.fingerprint:
        return
    if plan.recipe.version == "dev":
        place.remove()
        return
    before = {b["name"]: b["own"] for b in old["blocks"]}
    changed = [said for b in plan.blocks if (said := difference(before.get(b.name), b.describes))]
    what = f"changed since: {'; '.join(changed)}" if changed else "its inputs changed"
    raise RecipeError(
        f"{plan.folder}: version {plan.recipe.version} of {plan.recipe.name} is there already and was made differently ({what}). "
        "New rows need a new version: raise 'version' in the recipe, or --set version=dev to overwrite, or another --out."
    )


def difference(old: dict[str, Any] | None, new: dict[str, Any]) -> str:
    """What of a block is no longer as it was, in words; "" where it is."""
    if old == new:
        return ""
    steps = {s["step"]: s for s in old["steps"]} if old else {}
    said = [f"{name} is gone" for name in steps if name not in {s["step"] for s in new["steps"]}]
    for step in new["steps"]:
        was = steps.get(step["step"])
        if was is None:
            said.append(f"{step['step']} is new")
            continue
        versions = {**was.get("libraries", {})}
        said += [
            f"{name} {versions.get(name, 'was not there')} → {now}"
            for name, now in step["libraries"].items()
            if versions.get(name) != now
        ]
        words = {"with": "parameters", "files": "files", "code": "code"}
        said += [f"{what} of {step['step']}" for key, what in words.items() if was[key] != step[key]]
    return f"{new['block']} ({', '.join(dict.fromkeys(said)) or 'order of its steps'})"


def _finished(block: Block) -> dict[str, Any] | None:
    """Manifest of the block's set, if it is there and was made just so."""
    place = Place(block.url)
    manifest = place.read_json(MANIFEST) if place.exists(MANIFEST) else None
    return manifest if manifest is not None and manifest["fingerprint"] == block.fingerprint else None


def _run_block(
    block: Block, plan: Plan, cluster: Cluster | None, pool: Workers, progress: Progress, gone: Tombstones
) -> None:
    final = Place(block.url)
    if (manifest := _finished(block)) is not None:
        progress.skip(block.name, manifest["rows_out"])
        return
    if (final.exists(MANIFEST) or (final.local and final.exists())) and _finished(block) is None:
        final.remove()
    partial = Place(f"{block.url}.partial") if final.local else final
    phases = _phases(block)
    place, partitions = _lay_out(block, partial, phases)
    pipeline = _pipeline(block, plan, place, partitions, gone)
    runs = [*_indexing(block, place), _Run(block.name, place, pipeline, block.tasks)]
    if phases:
        assert isinstance(block.read, Together)
        look = (block.read.urls, block.steps, partial.url)
        runs = [
            _Run(f"{block.name}.{p.name}", phase_place(partial, i, p), [RunPhase(*look, i, p)], p.tasks)
            for i, p in enumerate(phases)
        ]
    _run_tasks(block, runs, cluster, pool, progress)
    gathering.gather_rows(block, partial, cluster, pool)
    manifest = finish_block(block, partial)
    partial.publish(final)
    progress.end(manifest["rows_in"], manifest["rows_out"])


def _lay_out(block: Block, place: Place, phases: list[Phase]) -> tuple[Place, int]:
    """Makes a block's folder ready: one that was begun goes on with the work list that it has, anything else there is removed.

    Returns where its tasks write, and into how many partitions.
    """
    cut = [[p.name, p.tasks] for p in phases]
    if place.exists("layout.json"):
        begun = place.read_json("layout.json")
        if begun["fingerprint"] == block.fingerprint and begun.get("phases") == cut:
            block.tasks = begun["tasks"]
            return gathering.first_place(block, place)
    place.remove()
    tasks: list[list[Unit]] = []
    if block.kind == "rows":
        tasks = block.read.tasks if isinstance(block.read, SourceRead) else shared_rows(block.read.urls)
        block.tasks = len(tasks)
    first, partitions = gathering.first_place(block, place)
    if tasks:
        WorkList.write(first, tasks)
    place.write_json("layout.json", {"fingerprint": block.fingerprint, "tasks": block.tasks, "phases": cut})
    return first, partitions


class _Run(NamedTuple):
    """Tasks that run side by side, each with the same pipeline."""

    name: str
    place: Place
    pipeline: list[Any]
    tasks: int


def _indexing(block: Block, place: Place) -> list[_Run]:
    """What comes before a block that reads JSON lines in the middle of files: one task for each of these files."""
    if not isinstance(block.read, SourceRead) or block.read.kind != "jsonl":
        return []
    units = [unit for task in WorkList(place, block.tasks).whole() for unit in task if unit.cut]
    files = {unit.url: replace(unit, start=0, end=unit.size) for unit in units}
    index = place / INDEX
    indexing = IndexLines(list(files.values()), index.url)
    return [_Run(f"{block.name}.index", index, [indexing], len(files))] if files else []


def _run_tasks(block: Block, runs: list[_Run], cluster: Cluster | None, pool: Workers, progress: Progress) -> None:
    """Runs what is not complete yet of a block's tasks: one executor, or one after the other for each phase of a survey."""
    left = [len(incomplete(run.place, run.tasks)) for run in runs]
    tasks = [run.tasks for run in runs]
    progress.start(block.name, sum(tasks), max(0, sum(tasks) - sum(left)), *_amount(block), block.kind == "rows")
    for i, run in enumerate(runs):
        if cluster is None:
            before, done = sum(tasks[:i]), sum(left[:i])
            LocalExecutor(run.place, run.pipeline, run.tasks, pool.count).run_watched(
                pool,
                lambda now, n, a=before, b=done: progress.update(
                    {a + r: c for r, c in now.items()}, b + n, pool.shared
                ),
                at_once(block),
            )
        else:
            needs = "survey" if block.kind == "survey" else block.needs
            cluster.run(run.place, run.pipeline, run.tasks, run.name, needs)


def _phases(block: Block) -> list[Phase]:
    """Phases of a survey that is cut; none for any other block."""
    step = block.steps[-1] if block.kind == "survey" else None
    if not isinstance(step, Survey) or not isinstance(block.read, Together):
        return []
    rows = ShardUnion.open(block.read.urls)
    return list(step.phases(rows.rows, row_tasks(rows.partitions)))


def _amount(block: Block) -> tuple[str, int]:
    """What a block has to read, for the time left: bytes of files, or rows of a set."""
    if isinstance(block.read, SourceRead):
        return "bytes", sum(i.size for i in block.read.inputs)
    return "rows", ShardUnion.open(block.read.urls).rows


def _pipeline(block: Block, plan: Plan, place: Place, partitions: int, gone: Tombstones) -> list[Any]:
    """The datatrove pipeline of a block, whose tasks write so many partitions into a place."""
    by_name = {b.name: b for b in plan.blocks}
    for step in block.steps:
        if isinstance(step, Survey):
            made = {
                name: f"{by_name[f'{block.stage}.{step.name}'].url}/{name}" for name in step.tables if step.needs_survey
            }
            for name, of in step.uses.items():
                made[name] = f"{by_name[f'{block.stage}.{of}'].url}/{name}"
            step.table_urls = made
    if block.kind == "survey":
        assert isinstance(block.read, Together)
        return [RunSurvey(block.read.urls, block.steps, place.url, block.partitions)]
    if isinstance(block.read, SourceRead):
        read: Any = reader_class(block.read.kind)([], block.read.source, **block.read.options)
        read.name, read.stage, read.forgotten = f"read_{block.read.kind}", block.stage, (gone.url, len(gone))
        read.line_index = (place / INDEX).url
    else:
        read = ReadShards(block.read.urls, block.read.columns)
        read.stage = block.stage
    read.work, read.shares = WorkList(place, block.tasks), not any(step.neighbours for step in block.steps)
    for step in block.steps:
        if hasattr(step, "forgotten"):
            step.__dict__["forgotten"] = gone.url, len(gone)
    steps = [read, *block.steps]
    by_id = isinstance(block.read, Together) and not any("id" in step.writes for step in block.steps)
    samples = samples_of_a_part(block.tasks if by_id else 1)
    sink = WriteShards(place.url, block.columns, partitions, block.tiers, steps, content=block.release, samples=samples)
    return [*steps, sink]
