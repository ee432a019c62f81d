"""The input of a recipe: a source's files found, shared out to tasks, and read by the reader of their kind.

Rights come first: a source that declares none is refused, and so is a licence that nobody can look up.
"""

import hashlib
import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from curation.extract.reader import READERS, InputError, Unit, find_inputs, plan_units
from curation.provenance import Source
from curation.source_hash import of_module
from curation.work_list import shared_out
from recipes.engine import blocks, code_version, file_systems, licences
from recipes.engine.errors import RecipeError
from recipes.engine.spec import Recipe

TASKS, MOST_TASKS, LEAST_TASK_BYTES, TASK_BYTES = 12, 100_000, 4 << 20, 32 << 20
"""Files are cut so that a source makes at least so many tasks (workers end together), unless they became smaller than the least
size. Of a large source each has `TASK_BYTES`; of one that would make more than the most tasks, as many more as it takes."""

GATHERED_TASKS = 64
"""Small files come together in one task as long as the source still makes so many."""

BYTES_LISTED = 256
"""Bytes of crawl files that a byte of a list of ranges stands for, roughly."""


@dataclass
class SourceRead:
    """The input of a block that reads files: what they are, what each task reads of them, and the reader's parameters."""

    source: Source
    kind: str
    inputs: list[Any]
    tasks: list[list[Unit]]
    options: dict[str, Any]

    @property
    def stored_bytes(self) -> int:
        """Bytes of the files; of a list of ranges about those that it points at, of which a row of a hundred names some 25,000."""
        return sum(i.size for i in self.inputs) * (BYTES_LISTED if self.kind == "ranges" else 1)

    @property
    def fingerprint(self) -> str:
        """Hash over names, sizes and stamps of the files, the rights declared for them, and the reader's parameters."""
        files = [(i.file, i.size, i.stamp) for i in self.inputs]
        reader = reader_class(self.kind)
        code = [of_module(reader.__module__), code_version.libraries(reader.libraries)]
        return hash_of([files, self.kind, self.options, vars(self.source), code])


def reader_class(kind: str) -> type[Any]:
    """The reading step for a kind of file."""
    module, _, cls = READERS[kind].partition(":")
    return getattr(importlib.import_module(module), cls)


def read_source(recipe: Recipe, name: str, where: str, task_bytes: int | None) -> SourceRead:
    """Checks a source's rights and options, finds its files and shares them out to tasks. Raises RecipeError."""
    spec = recipe.sources[name]
    place = f"{where}, source '{name}'"
    if not (spec.rights_basis or spec.licence):
        raise RecipeError(
            f"{place}: declares neither 'rights_basis' (why you may use it, e.g. 著作権法30条の4) nor 'licence' (an SPDX id)"
        )
    if spec.licence:
        licences.check_licence(spec.licence, place)
    if not spec.files:
        raise RecipeError(f"{place}: no files; give them here as 'files', or on the command line as --in PATTERN")
    with file_systems.reaching(spec.files, place):
        try:
            inputs = find_inputs(spec.files, spec.kind)
            kinds = sorted({i.kind for i in inputs})
            if len(kinds) > 1:
                raise RecipeError(
                    f"{place}: files of several kinds ({', '.join(kinds)}); give each kind a source of its own"
                )
            tasks = cut(inputs, task_bytes)
        except InputError as error:
            raise RecipeError(f"{place}: {error}") from error
    cls = reader_class(kinds[0])
    options = blocks.checked(cls, spec.options, place, given=("units", "source"))
    return SourceRead(Source(name, spec.rights_basis, spec.licence), kinds[0], inputs, tasks, options)


def cut(inputs: Sequence[Any], task_bytes: int | None = None) -> list[list[Unit]]:
    """The parts of a source's files as tasks, of about `task_bytes` each or as many as its size asks for. Raises InputError."""
    size = sum(i.size for i in inputs)
    each = task_bytes or max(min(TASK_BYTES, max(LEAST_TASK_BYTES, size // TASKS)), size // MOST_TASKS)
    return shared_out(plan_units(inputs, each), min(each // 2, -(-size // GATHERED_TASKS)))


def hash_of(value: Any) -> str:
    """SHA-256 over a value as JSON with sorted keys; what JSON does not know goes in as its text."""
    return hashlib.sha256(
        orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)
    ).hexdigest()
