"""Rounds: workers generate and measure, one stage decides over all of them, and what it took says what the next round asks for.

    OUT/stages/instruct-4f0c9a1b77d0/
      seeds.json                       passages, chosen once
      round-000/candidates/00000.parquet   what worker 0 made
      round-000/tasks/00000.json       that its file is whole
    OUT/completions/                   answers by content, for all versions

Decisions are made again from the candidates whenever the same command is given: they are a function of them, and cost little.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from curation.parquet_file import read_parquet
from curation.place import Place
from curation.tombstones import Tombstones
from curation.work_list import incomplete
from recipes.engine.errors import RecipeError
from recipes.engine.executors import Cluster, LocalExecutor
from recipes.engine.generation.benchmarks import benchmark_search
from recipes.engine.generation.earlier_sets import load_base
from recipes.engine.generation.imports import write_imports
from recipes.engine.generation.plan import Generation
from recipes.engine.generation.seeds import check_seeds, write_seeds
from recipes.engine.generation.step import AnswerRound, Work
from recipes.engine.progress import Progress
from recipes.engine.workers import Workers
from synth.deciding import Deciding, Rejection, Rules
from synth.dialogue import schema
from synth.forbidden_authors import ForbiddenAuthors
from synth.mixture import Mixture, prompts_wanted
from synth.novelty import Novelty
from synth.orders import numbers
from synth.verify.audit import audit, audited, goldens
from synth.yields import Yields


@dataclass
class Outcome:
    """What all rounds came to. taken, refused: tables a round, of candidates with their decision."""

    generation: Generation
    deciding: Deciding
    yields: Yields = field(default_factory=Yields)
    asked: dict[str, int] = field(default_factory=dict[str, int])
    taken: list[pa.Table] = field(default_factory=list[pa.Table])
    refused: list[pa.Table] = field(default_factory=list[pa.Table])
    tasks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    audits: dict[str, bool] = field(default_factory=dict[str, bool])
    seeds: dict[str, Any] = field(default_factory=dict[str, Any])
    base: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Earlier sets that new prompts were compared with."""
    imports: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    """What is said of each imported set: its origin, files and rows."""
    over: str = ""
    """Why there was no further round."""


@dataclass(frozen=True)
class Where:
    """Where workers run: on a cluster, or on this machine (None), `generators` of them, each with an engine of its own.

    gone: what is to be forgotten.
    """

    cluster: Cluster | None
    pool: Workers
    progress: Progress
    generators: int = 1
    gone: Tombstones = field(default_factory=Tombstones)


def run_rounds(generation: Generation, where: Where) -> Outcome:
    """Rounds until every quota is met, or nothing comes any more. Raises RunError when a worker cannot go on."""
    if not Place(generation.store).local:
        raise RecipeError(
            f"{generation.where}: answers are appended to {generation.store}, which an object store cannot do; give a local --out"
        )
    deciding, base = _deciding(generation)
    seeds = write_seeds(generation)
    check_seeds(generation)
    imports = write_imports(generation.imports, generation.rounds, generation.spec.salt)
    outcome = Outcome(generation, deciding, base=base, seeds=seeds, imports=imports)
    number = 0
    while (wanted := _wanted(outcome, number)) and not outcome.over:
        ranges = numbers(wanted, outcome.asked)
        candidates = list(_run_round(generation, number, ranges, where, outcome))
        outcome.asked |= {name: end for name, (_, end) in ranges.items()}
        _audit(outcome, candidates)
        taken, refused = outcome.deciding.decide(candidates)
        outcome.yields.count(taken, refused)
        outcome.taken.append(table(taken))
        outcome.refused.append(refused_table(refused))
        where.progress.end(len(candidates), len(taken), _note(outcome))
        outcome.over = outcome.deciding.mixture.over or ""
        number += 1
    return outcome


def _deciding(generation: Generation) -> tuple[Deciding, list[dict[str, Any]]]:
    """The deciding stage before its first round, and what is said of the sets that novelty is held against."""
    spec = generation.spec
    drafts = generation.release.draft_wordings == "allow"
    read = frozenset(one.order.name for one in generation.imports if one.order.origin.reviewed)
    benchmarks = benchmark_search(generation)
    rules = Rules(drafts, set(), spec.per_prompt, ForbiddenAuthors.of(generation.policy), benchmarks, read)
    novelty = Novelty(spec.novelty.threshold)
    base = load_base(novelty, spec.novelty.base, generation.folder, generation.where)
    return Deciding(rules, Mixture(generation.mixture), novelty), base


def _wanted(outcome: Outcome, number: int) -> dict[str, int]:
    """Instances of each order that the next round asks for: a function of what was taken so far.

    Of an imported set as many rows as it still has: they are only read.
    """
    spec, mixture = outcome.generation.spec, outcome.deciding.mixture
    left = {name: said["rows"] - outcome.asked.get(name, 0) for name, said in outcome.imports.items()}
    most = {n: left[n] if n in left else spec.tasks[n].most or spec.rounds.most for n in mixture.plan.quotas}
    if number == 0:
        rows = bool(mixture.plan.rows)
        quotas = mixture.plan.quotas.items()
        first = {n: min(most[n], quota if rows else max(1, most[n] // 10)) for n, quota in quotas}
    else:
        asked = prompts_wanted(mixture, outcome.asked, outcome.yields.passed(), max(most.values()))
        first = {name: min(count, most[name]) for name, count in asked.items()}
    return {name: count for name, count in first.items() if count > 0}


def _run_round(
    generation: Generation, number: int, ranges: dict[str, tuple[int, int]], where: Where, outcome: Outcome
) -> Iterator[dict[str, Any]]:
    """Runs what is not there yet of a round's workers; gives its candidates."""
    place = Place(f"{generation.rounds}/round-{number:03d}")
    layout = {"ranges": {name: list(r) for name, r in ranges.items()}, "tasks": where.generators}
    if place.exists() and not (
        place.exists("layout.json") and place.read_json("layout.json")["ranges"] == layout["ranges"]
    ):
        place.remove()
    if place.exists("layout.json"):  # begun with another number of workers: it ends with that
        layout = place.read_json("layout.json")
    place.write_json("layout.json", layout)
    tasks, name = layout["tasks"], f"{generation.name}, round {number + 1}"
    work = Work(
        number, place.url, tuple(generation.orders), ranges, generation.rounds, generation.spec.salt, generation.engine,
        generation.spec.chat_form, generation.policy, generation.target.purpose, generation.store, tuple(generation.imports),
    )  # fmt: skip
    left = len(incomplete(place, tasks))
    where.progress.start(name, tasks, tasks - left, "rows", _expected(generation, ranges), again=number > 0)
    if where.cluster is None:
        executor = LocalExecutor(place, [AnswerRound(work)], tasks, where.pool.count)
        executor.run_watched(where.pool, lambda now, done: where.progress.update(now, done))
    else:
        where.cluster.run(place, [AnswerRound(work)], tasks, f"{generation.name}.round-{number + 1}", "generate")
    for task in place.names("tasks"):
        about = place.read_json(f"tasks/{task}")
        outcome.tasks.append(about | {"round": number})
        for file in about["files"]:
            table = read_parquet(place, file)
            yield from (
                table if not len(where.gone) else table.filter(pa.array(~where.gone.touched(table)))
            ).to_pylist()


def _expected(generation: Generation, ranges: dict[str, tuple[int, int]]) -> int:
    """About how many candidates a round will make."""
    samples = {o.name: (o.answers != "program") * o.samples + (o.answers != "model") for o in generation.orders}
    return sum((end - first) * samples.get(name, 1) for name, (first, end) in ranges.items())


def _audit(outcome: Outcome, candidates: Sequence[dict[str, Any]]) -> None:
    """Audits the kinds of constraint that these candidates were verified by and that were not audited yet."""
    used = {v["verifier"] for row in candidates for v in row["verifications"]} - outcome.audits.keys()
    if not used:
        return
    results = audit(golden for golden in goldens() if golden.spec.kind in used)
    good = audited(result for result in results if result.kind in used)
    outcome.audits |= {kind: kind in good for kind in used}
    outcome.deciding.rules.audited.update(good)


def _note(outcome: Outcome) -> str:
    """What the round's engines did, in a few words."""
    last = [t["figures"] for t in outcome.tasks if t["round"] == len(outcome.taken) - 1 and t["figures"]]
    mixture = outcome.deciding.mixture
    filled = sum(mixture.filled.values()) / sum(mixture.plan.quotas.values())
    said = f"; {math.floor(100 * filled)} % of the quotas"
    if last:
        tokens = sum(f["completion_tokens"] for f in last) / max(1e-9, max(f["seconds"] for f in last))
        asked, stored = sum(f["asked"] for f in last), sum(f["stored"] for f in last)
        said += f"; {asked:,} answers asked of the model, {stored:,} from the store, {tokens:,.0f} tokens/s"
        said += "; the rest by program" if any(o.answers != "model" for o in outcome.generation.orders) else ""
    return said


def table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Taken rows with the columns that rows have."""
    own = schema()
    return pa.Table.from_pylist([{name: row[name] for name in own.names} for row in rows], schema=own)


def refused_table(refused: Sequence[tuple[dict[str, Any], Rejection]]) -> pa.Table:
    """Refused candidates, whole: they cost an engine's time, and failed answers are one side of preference pairs."""
    own = schema()
    verdict = [
        ("reason", pa.string()),
        ("value", pa.float64()),
        ("threshold", pa.float64()),
        ("detail", pa.large_string()),
    ]
    whole = pa.schema([*own, *(pa.field(name, kind) for name, kind in verdict)])
    made = [
        {name: row[name] for name in own.names}
        | {"reason": why.reason, "value": why.value, "threshold": why.threshold, "detail": why.detail}
        for row, why in refused
    ]
    return pa.Table.from_pylist(made, schema=whole)
