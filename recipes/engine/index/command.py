"""`seimai index`: a finished run becomes the next generation of an index, or the first of one that replaces another."""

import inspect
from collections.abc import Iterator
from typing import Any

import numpy as np

from curation.dedup.dedup import Dedup
from curation.dedup.index import Index, IndexRefused
from curation.dedup.index_generation import add_generation, stamp_hash
from curation.dedup.index_labels import write_labels
from curation.folder_lock import writing
from curation.place import Place
from curation.shards import Table
from curation.step import Batch
from recipes.engine.errors import RecipeError
from recipes.engine.forget.gate import cleared_or_refused
from recipes.engine.run_folder import Run, open_run

LOCK = "index.lock"


def add(index: str, run: str) -> str:
    """Admits a run's clusters; what was done in words. Raises RecipeError for a run or an index that do not fit each other."""
    with writing(Place(index), LOCK):
        return _admit(index, run)


def _admit(index: str, run: str) -> str:
    opened, (members, step, stage) = open_run(run), _clusters(run)
    parameters = _parameters(opened, members)
    try:
        there = Index(index)
        there.check(parameters)
        surveys = [m.get("survey") for m in there.manifests if m.get("survey")]
        if _survey(opened) in surveys:
            return f"{index}: these clusters are in it already; nothing to do"
        admitted = opened.about["fingerprint"] in [m["run"] for m in there.manifests]
        if not admitted and there.generations and step["files"].get("index") != stamp_hash(there):
            raise RecipeError(
                f"{run}: was not clustered against the index {index} as it is now ({len(there.generations)} generations); "
                f"run it again with dedup: {{index: {index}}}, so that old labels stay"
            )
        if not admitted and not there.generations and "index" in step["files"]:
            raise RecipeError(
                f"{run}: was clustered against an index, and {index} is not there yet: old labels of the other would have no kept "
                f"node in it; add the run to the index it names (dedup: {{index: {step['with'].get('index')}}})"
            )
        made = _add(index, parameters, opened, members, step, stage)
    except IndexRefused as error:
        raise RecipeError(str(error)) from error
    if made is None:
        return f"{index}: this run is in it already; nothing to do"
    return (
        f"{index}: generation {len(there.generations)} with {made['forms']:,} new forms, {made['kept']:,} of them kept, "
        f"of {made['rows']:,} rows"
    )


def rebase(old: str, new: str, run: str) -> str:
    """Makes an index of a run over all crawls that were in the old one, and the table of old labels and new ones."""
    opened, (members, step, stage) = open_run(run), _clusters(run)
    if "index" in step["files"]:
        raise RecipeError(f"{run}: was clustered against an index; a rebase needs a run over all crawls without one")
    try:
        if Index(new).generations:
            raise RecipeError(f"{new}: an index is there already; a rebase makes a new one")
        before = Index(old)
        if not before.generations:
            raise RecipeError(f"{old}: there is no index")
        _add(new, _parameters(opened, members), opened, members, step, stage)
    except IndexRefused as error:
        raise RecipeError(str(error)) from error
    pairs, gone = write_labels(before, new)
    return f"{new}: {pairs:,} pairs of old and new labels in labels.parquet; {gone:,} old forms are not in the run"


def _clusters(run: str) -> tuple[Table, dict[str, Any], str]:
    """The table of members, the dedup step as it ran, and its stage."""
    cleared_or_refused(run)
    opened = open_run(run)
    members, steps = opened.survey_table("dedup", "members"), opened.steps("dedup")
    if members is None or not steps:
        raise RecipeError(f"{run}: no clusters here; an index is made of a run whose recipe has the step dedup")
    return members, steps[-1][1], steps[-1][0]


def _parameters(run: Run, members: Table) -> dict[str, str]:
    made = {k.decode(): v.decode() for k, v in (members.schema.metadata or {}).items()}
    seeds = [step["with"].get("seed", 1) for _, step in run.steps("minhash")] or [1]
    return made | {"seed": str(seeds[-1])}


def _add(
    index: str, parameters: dict[str, str], run: Run, members: Table, step: dict[str, Any], stage: str
) -> dict[str, int] | None:
    read = run.input_of(stage)
    if read is None:
        raise RecipeError(
            f"{run.place.url}: the shard set that its stage {stage} read is gone, so no shingle set can be made"
        )
    # A step that was made in a Python recipe is recorded with all its attributes.
    given = {k: step["with"][k] for k in inspect.signature(Dedup).parameters if k != "index" and k in step["with"]}
    look = Dedup(**given)
    columns = list(dict.fromkeys([*look.rank_columns, "minhash", "text"]))

    def rows(partition: int) -> Iterator[tuple[Batch, dict[str, np.ndarray]]]:
        for batch in read.read(columns, partition):
            _, here, _, fields = look.ranked(batch)
            kept = batch.filter(here)
            at = kept.schema.get_field_index(
                "text"
            )  # of a forgotten row no text is left: the index knows its form alone
            yield kept.set_column(at, kept.schema.field(at), kept.column(at).fill_null("")), fields

    name = run.about["fingerprint"]
    return add_generation(index, parameters, name, members, rows, read.partitions, survey=_survey(run))


def _survey(run: Run) -> str | None:
    block = run.survey("dedup")
    return None if block is None else block["fingerprint"]
