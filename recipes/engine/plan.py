"""From a recipe to a plan: what runs, in which order, on which columns, and under which fingerprint.

A stage is one block: its steps run in one pass over the rows. A survey step (lines of a site, clusters, the cap) needs a table
made from all rows first, so the plan puts a block of its own before the stage's: it reads just the columns that the survey and
the deciding steps before it need. Every block has a fingerprint made of its steps, their parameters and code, and the
fingerprints of what it reads; a block whose shard set is there already is never computed again.

Making a plan lists input files; it opens no record and imports no heavy library.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.document import COLUMNS
from curation.step import Decide, Step
from curation.survey import Survey
from recipes.engine import blocks, code_version
from recipes.engine.column_flow import stage_columns
from recipes.engine.errors import RecipeError
from recipes.engine.generation import plan as generation_plan
from recipes.engine.generation.paths import placed
from recipes.engine.generation.plan import Generation
from recipes.engine.inherited_paths import lists_found
from recipes.engine.judging import plan as judging_plan
from recipes.engine.judging.plan import Jury
from recipes.engine.pairs import plan as pairs_plan
from recipes.engine.pairs.plan import Preference
from recipes.engine.purpose import for_purpose
from recipes.engine.source_read import SourceRead, hash_of, read_source, reader_class
from recipes.engine.spec import Recipe, Stage, step_labels
from recipes.engine.step_identity import identity

FORMAT = 1
"""Version of the shard set's layout; part of every fingerprint."""

PARTITION_BYTES = 8 << 20
"""Bytes of input files (compressed, mostly) for which a set between two stages has a partition, some 1,000 pages of a crawl."""


@dataclass(frozen=True)
class Together:
    """Several shard sets that a block reads as one."""

    blocks: tuple["Block", ...]

    @property
    def names(self) -> list[str]:
        """Names of the blocks."""
        return [b.name for b in self.blocks]

    @property
    def name(self) -> str:
        """The names in words."""
        return " + ".join(self.names)

    @property
    def urls(self) -> list[str]:
        """Their folders."""
        return [b.url for b in self.blocks]

    @property
    def fingerprint(self) -> str:
        """Hash over those of the blocks."""
        return hash_of([b.fingerprint for b in self.blocks])

    @property
    def partitions(self) -> int:
        """Partitions of each set."""
        return self.blocks[0].partitions

    @property
    def columns(self) -> list[str]:
        """Columns that any of the sets has."""
        return [c for c in COLUMNS if any(c in b.columns for b in self.blocks)]


@dataclass
class Block:
    """One shard set to be made: rows of a stage, or the tables of one of its surveys."""

    name: str
    stage: str
    kind: str
    read: SourceRead | Together
    steps: list[Step]
    columns: list[str]
    tasks: int
    fingerprint: str
    partitions: int
    tiers: dict[str, str] = field(default_factory=dict)
    release: bool = False
    needs: str = "cpu"
    url: str = ""
    describes: dict[str, Any] = field(init=False)
    """What a manifest says about how its rows were made; as planned, before the engine tells steps where they run."""

    def __post_init__(self) -> None:
        self.describes = described(self.name, self.stage, self.kind, self.read, self.steps)

    @property
    def libraries(self) -> set[str]:
        """Distributions whose versions may change the block's rows."""
        reader = reader_class(self.read.kind).libraries if isinstance(self.read, SourceRead) else ()
        return {*reader, *(name for s in self.steps for name in s.libraries)}


@dataclass
class Plan:
    """Blocks in the order in which they run."""

    recipe: Recipe
    where: str
    blocks: list[Block]
    out: str
    generations: list[Generation] = field(default_factory=list)
    juries: list[Jury] = field(default_factory=list)
    preferences: list[Preference] = field(default_factory=list)

    @property
    def fingerprint(self) -> str:
        """Fingerprint of the whole run."""
        return self.blocks[-1].fingerprint

    @property
    def folder(self) -> str:
        """Folder of this version of the recipe: its released shard set, its report and what made them."""
        return f"{self.out.rstrip('/')}/{self.recipe.version}"


def make(recipe: Recipe, where: str, out: str, *, task_bytes: int | None = None, base: Path = Path()) -> Plan:
    """Checks the recipe and plans it; about `task_bytes` of a source are one task (where not given, its size decides).

    base: the recipe's folder, at which relative files of a generation, and of steps that say so, begin.

    Raises RecipeError at the first thing that cannot be.
    """
    recipe = for_purpose(recipe, where, base)
    made: dict[str, Block] = {}
    order: list[Block] = []
    steps_of = {stage.name: _steps(stage, f"{where}, stage '{stage.name}'", base) for stage in recipe.stages}
    named = [read for stage in recipe.stages for read in stage.reads if read in recipe.sources]
    sources = {name: read_source(recipe, name, where, task_bytes) for name in dict.fromkeys(named)}
    for position, stage in enumerate(recipe.stages):
        last = position == len(recipe.stages) - 1
        place = f"{where}, stage '{stage.name}'"
        steps = steps_of[stage.name]
        if stage.reads[0] in recipe.sources:
            read: SourceRead | Together = sources[stage.reads[0]]
        else:
            read = Together(tuple(made[name] for name in stage.reads))
        columns = stage_columns(steps, written(read), stage, place)
        partitions = _partitions(recipe, read, list(sources.values()))
        surveys = _surveys(recipe, stage, steps, read, place, partitions)
        order += surveys
        tasks = len(read.tasks) if isinstance(read, SourceRead) else read.partitions
        anew = isinstance(read, SourceRead) or any("id" in step.writes for step in steps)
        name = f"{stage.name}.rows" if last and anew else stage.name
        parts = recipe.partitions if last and name == stage.name else partitions
        block = _block(recipe, stage, name, "rows", read, steps, columns, tasks, surveys, parts)
        order.append(block)
        if name != stage.name:  # rows that have just got their ids still have to meet their equals
            merged = Together((block,))
            block = _block(recipe, stage, stage.name, "rows", merged, [], columns, partitions, [], recipe.partitions)
            order.append(block)
        block.release = last
        made[stage.name] = block
    plan = Plan(recipe, where, order, out)
    for block in order:
        folder = plan.folder if block.release else f"{out.rstrip('/')}/stages"
        block.url = f"{folder}/{block.name}" + ("" if block.release else f"-{block.fingerprint[:12]}")
    for spec in recipe.generate:
        made_of = generation_plan.make(spec, recipe.release, made[spec.read], where, base, recipe.policy)
        made_of.url = f"{plan.folder}/{spec.name}"
        made_of.rounds = f"{out.rstrip('/')}/stages/{spec.name}-{made_of.asked[:12]}"
        earlier = [placed(one, made_of.folder) for one in spec.novelty.base]
        if "://" not in made_of.url and str(Path(made_of.url).resolve()) in [
            str(Path(one).resolve()) for one in earlier
        ]:
            raise RecipeError(
                f"{made_of.where}: novelty: base names the set itself ({made_of.url}); name an earlier version's"
            )
        made_of.store = f"{out.rstrip('/')}/completions"
        plan.generations.append(made_of)
    for said in recipe.judge:
        jury = judging_plan.make(said, plan.generations, where, base, recipe.policy)
        jury.url = f"{plan.folder}/{said.name}"
        jury.work = f"{out.rstrip('/')}/stages/{said.name}-{jury.asked[:12]}"
        jury.store = f"{out.rstrip('/')}/completions"
        plan.juries.append(jury)
    for pairs in recipe.pairs:
        preference = pairs_plan.make(pairs, plan.generations, plan.juries, where, base)
        preference.url = f"{plan.folder}/{pairs.name}"
        preference.edited = f"{out.rstrip('/')}/stages/{pairs.name}-{preference.asked[:12]}"
        plan.preferences.append(preference)
    return plan


def _steps(stage: Stage, place: str, folder: Path) -> list[Step]:
    """Step objects of a stage, each knowing its stage and its label."""
    made = []
    labels = step_labels([s.name for s in stage.steps])
    for i, (spec, label) in enumerate(zip(stage.steps, labels, strict=True)):
        at = f"{place}, step {i + 1} ({label})"
        given = lists_found(spec.name, spec.with_, folder)
        step = spec.made if spec.made is not None else blocks.build(spec.name, given, at)
        step.recipe_parameters = dict(spec.with_)
        step.stage, step.name, step.needs = stage.name, label, stage.needs
        try:
            step.placed(folder.resolve())
            step.artefacts()
        except (OSError, ValueError) as error:
            raise RecipeError(f"{at}: {error}") from error
        made.append(step)
    return made


def written(read: SourceRead | Together) -> dict[str, list[str]]:
    """Columns of everything that is read, by its name."""
    if isinstance(read, SourceRead):
        return {read.source.name: list(reader_class(read.kind).writes)}
    return {b.name: b.columns for b in read.blocks}


def _partitions(recipe: Recipe, read: SourceRead | Together, sources: list[SourceRead]) -> int:
    """Partitions of a set between two stages: as many as the recipe states for the release, fewer where files are small.

    Sets that are read together must be cut alike: then the files of all sources count.
    """
    if isinstance(read, Together):
        return read.partitions
    met = any(len(stage.reads) > 1 for stage in recipe.stages)
    wanted = -(-sum(source.stored_bytes for source in (sources if met else [read])) // PARTITION_BYTES)
    return min(recipe.partitions, 1 << max(0, wanted - 1).bit_length())


def _surveys(
    recipe: Recipe, stage: Stage, steps: list[Step], read: SourceRead | Together, place: str, partitions: int
) -> list[Block]:
    """A block for each survey of the stage, with the steps before it."""
    found: list[Block] = []
    for i, step in enumerate(steps):
        if not isinstance(step, Survey) or not step.needs_survey:
            continue
        at = f"{place}, step {i + 1} ({step.name})"
        if isinstance(read, SourceRead):
            raise RecipeError(
                f"{at}: looks over all rows first, and files are read only once; put it into a later stage"
            )
        if heavy := [s for s in steps[:i] if not isinstance(s, Decide | Survey)]:
            raise RecipeError(
                f"{at}: looks over all rows first, so only deciding steps may stand before it in its stage, and "
                f"'{heavy[0].name}' measures; put '{step.name}' and what follows into a stage of its own that reads '{stage.name}'"
            )
        name = f"{stage.name}.{step.name}"
        parts = (recipe, stage, name, "survey", read, steps[: i + 1], [], 1, list(found), partitions)
        step.settle(lambda parts=parts: _block(*parts).fingerprint)
        found.append(_block(*parts))
    return found


def _block(
    recipe: Recipe,
    stage: Stage,
    name: str,
    kind: str,
    read: SourceRead | Together,
    steps: list[Step],
    columns: list[str],
    tasks: int,
    surveys: Iterable[Block],
    partitions: int,
) -> Block:
    tiers: dict[str, str] = {**recipe.rejected}
    parts = [FORMAT, described(name, stage.name, kind, read, steps), read.fingerprint, columns, partitions, tiers]
    parts += [[s.fingerprint for s in surveys], code_version.libraries(())]
    return Block(
        name, stage.name, kind, read, steps, columns, tasks, hash_of(parts), partitions, tiers, needs=stage.needs
    )


def described(name: str, stage: str, kind: str, read: SourceRead | Together, steps: list[Step]) -> dict[str, Any]:
    """A block by its names, what it reads, and the identity of each of its steps."""
    what = read.name if isinstance(read, Together) else f"source {read.source.name}"
    return {"block": name, "stage": stage, "kind": kind, "read": what, "steps": [identity(s) for s in steps]}
