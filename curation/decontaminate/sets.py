"""What a recipe says of evaluation sets: which files, read by which pack or by which fields, and which parts of an item reject."""

import glob
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import ValidationError, field_validator, model_validator

from curation.decontaminate.benchmark_file import Item, read_items
from curation.decontaminate.pack import Layout, Pack, fault, read_pack
from curation.decontaminate.rules import Rules, checked_rules
from curation.local_file import local_file

_ENDINGS = ("jsonl", "json", "csv", "tsv", "xml", "parquet")


class BenchmarkSet(Layout):
    """One set of a recipe.

    file: a path, a pattern, or a list of them, relative to the recipe's folder. pack: name of a packaged description or path of a
    .yaml; without one, the keys of a pack (`question`, `answer`, `form` …) stand here, and `form` may be left to the file's ending.
    reject, report: the set's own rules, in place of those that hold for all.
    """

    file: str | list[str]
    pack: str | None = None
    reject: dict[str, float] | None = None
    report: dict[str, float] | None = None

    @field_validator("reject", "report")
    @classmethod
    def _rules(cls, rules: Rules | None) -> Rules | None:
        return None if rules is None else checked_rules(rules)

    @model_validator(mode="after")
    def _one_description(self) -> "BenchmarkSet":
        given = [name for name in Layout.model_fields if name in self.model_fields_set]
        if self.pack is not None and given:
            raise ValueError(f"the pack '{self.pack}' says {given[0]} already; leave it out, or the pack")
        if self.pack is None and self.question is None:
            raise ValueError("says neither a 'pack' nor which field is the 'question'")
        return self


def benchmark_sets(sets: Mapping[str, Any]) -> dict[str, BenchmarkSet]:
    """Sets as a recipe states them. Raises ValueError naming the set."""
    made: dict[str, BenchmarkSet] = {}
    for name, said in sets.items():
        if not name or ":" in name or " " in name:
            raise ValueError(f"sets: {name!r}: a set's name has neither ':' nor a space: items are called set:id")
        try:
            made[name] = said if isinstance(said, BenchmarkSet) else BenchmarkSet.model_validate(said)
        except ValidationError as error:
            raise ValueError(f"sets: {name}: {fault(error)}") from None
    return made


class Benchmarks:
    """The sets of a recipe with what their files hold; files are read once, when first asked for.

    folder: the recipe's, at which relative paths begin.
    """

    def __init__(self, sets: Mapping[str, BenchmarkSet], folder: Path):
        self.sets, self.folder = dict(sets), folder

    def __getstate__(self) -> dict[str, Any]:
        """Without what the files hold: a worker reads them itself, where they were found."""
        return {"sets": self.sets, "folder": self.folder, "paths": self.paths}

    @cached_property
    def packs(self) -> dict[str, Pack]:
        """The pack of each set that names one."""
        return {name: read_pack(one.pack, self.folder) for name, one in self.sets.items() if one.pack is not None}

    @cached_property
    def paths(self) -> dict[str, list[tuple[str, Path]]]:
        """Of each set its files, as the recipe calls them and where they lie. Raises ValueError where there is none.

        A relative path begins at the recipe's folder or, where nothing is there, at the present one: `--set` names files for a
        recipe that comes along.
        """
        return {name: list(self._paths(name)) for name in self.sets}

    @cached_property
    def files(self) -> dict[str, list[tuple[str, bytes]]]:
        """Of each set its files' content, by the path that the recipe says."""
        return {name: [(said, path.read_bytes()) for said, path in found] for name, found in self.paths.items()}

    def _paths(self, name: str) -> Iterator[tuple[str, Path]]:
        said = self.sets[name].file
        for pattern in [said] if isinstance(said, str) else said:
            local_file(pattern, f"evaluation set '{name}'")
            for folder in (self.folder, Path()):
                plain = folder / pattern
                found = [pattern] if plain.is_file() else sorted(glob.glob(pattern, root_dir=folder, recursive=True))
                if found := [p for p in found if (folder / p).is_file()]:
                    yield from ((p, (folder / p).resolve()) for p in found)
                    break
            else:
                raise ValueError(
                    f"evaluation set '{name}': there is no file {self.folder / pattern}{self._where_from(name)}"
                )

    def _where_from(self, name: str) -> str:
        pack = self.packs.get(name)
        return "" if pack is None else f"; {pack.source.title} has it: {pack.source.file} at {pack.source.url}"

    @cached_property
    def items(self) -> list[Item]:
        """Items of all sets, in the recipe's order. Raises ValueError naming set, file and place."""
        found: list[Item] = []
        for name, one in self.sets.items():
            layout: Layout = self.packs.get(name, one)
            if layout.form is None:
                layout = layout.model_copy(update={"form": _by_ending(self.files[name][0][0])})
            try:
                found += read_items(name, layout, self.files[name])
            except ValueError as error:
                raise ValueError(f"evaluation set '{name}': {error}") from None
        return found

    def artefacts(self) -> dict[str, bytes]:
        """Content of every file that decides what is found: benchmarks and packs. Raises ValueError for one that is not as said."""
        made = {f"{name}: {path}": content for name, files in self.files.items() for path, content in files}
        made |= {f"{name}: pack": pack.model_dump_json().encode() for name, pack in self.packs.items()}
        if self.sets and not self.items:
            raise ValueError("the evaluation sets have no item")
        return made


def _by_ending(path: str) -> str:
    """The form that a file's ending says; JSON lines where it says none.

    >>> [_by_ending(p) for p in ("a/valid.json.gz", "test.CSV", "items")]
    ['json', 'csv', 'jsonl']
    """
    ending = Path(path.lower().removesuffix(".gz")).suffix.removeprefix(".")
    return ending if ending in _ENDINGS else "jsonl"
