"""Which columns a stage's rows have on their way from step to step, checked before anything runs."""

import difflib
from collections.abc import Mapping

from curation.document import COLUMNS
from curation.step import Step
from curation.survey import Survey
from recipes.engine import blocks
from recipes.engine.errors import RecipeError
from recipes.engine.spec import Stage


def stage_columns(steps: list[Step], read: Mapping[str, list[str]], stage: Stage, place: str) -> list[str]:
    """Columns of a stage's shards, from those of everything that it reads, by name.

    Raises RecipeError when a step reads what nobody writes, or what only some of the sets have that are read together, and when one
    changes the text after its form key was taken.
    """
    have = {column for columns in read.values() for column in columns}
    lacking = {c: [name for name, columns in read.items() if c not in columns] for c in have}
    for i, step in enumerate(steps):
        at = f"{place}, step {i + 1} ({step.name})"
        wanted = set(step.reads) | (set(step.surveys) if isinstance(step, Survey) else set())
        if missing := sorted(wanted - have):
            raise RecipeError(f"{at}: {_nobody_writes(missing, have)}")
        if part := next((c for c in sorted(wanted) if lacking.get(c)), None):
            raise RecipeError(
                f"{at}: reads column '{part}', which {' and '.join(lacking[part])} does not have; "
                "every stage that is read together must write it"
            )
        if "text" in step.writes and "form_key" in have:
            raise RecipeError(
                f"{at}: changes the text, and the form key was taken from it as it is here; put '{step.name}' before 'minhash'"
            )
        have = (have - set(step.drops)) | set(step.writes)
        lacking |= {column: [] for column in step.writes}
    kept = [c for c in COLUMNS if c in have and not COLUMNS[c].transient]
    if stage.keep is None:
        return kept
    if unknown := [c for c in stage.keep if c not in kept]:
        near = difflib.get_close_matches(unknown[0], kept, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"columns here: {', '.join(kept)}"
        raise RecipeError(f"{place}: keep names '{unknown[0]}', which the stage does not have; {hint}")
    return [c for c in kept if c in stage.keep or c in ("id", "payload_digest", "file", "offset")]


def _nobody_writes(missing: list[str], have: set[str]) -> str:
    if "payload" in missing and "text" in have:
        return (
            "reads the bytes of pages, and these files hold text already; "
            "leave the steps on bytes out (sniff, decode, main_text), as the recipe text_ja does"
        )
    writers = blocks.who_writes(missing)
    return (
        f"reads column{'s' if len(missing) > 1 else ''} {', '.join(map(repr, missing))}, which no earlier step writes"
        f"{f'; put before it: {writers}' if writers else ''}. Columns here: {', '.join(sorted(have))}."
    )
