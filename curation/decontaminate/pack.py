"""Packs: benchmarks as data. A pack says where its files are from, their licence, how they are written, and which fields are what.

A pack is a YAML file in `curation/decontaminate/packs` (or any path that ends in .yaml):

    name: jcommonsenseqa
    about: …
    source: {title: …, url: …, file: …, licence: CC-BY-SA-4.0}
    known: {read: what was looked up and where, recalled: what was not}
    form: jsonl                      json | jsonl | csv | tsv | xml | parquet; .gz of any
    columns: [question, A, B]        of csv and tsv: names of the columns of a file without a header line
    items: "data[].paragraphs[].qas[]"   json: where the items are; xml: the element that is one
    id: q_id
    question: question
    answer: {by: label, of: [choice0, choice1]}
    context: "^context"

A field is a path from the item: `a.b`; `turns[]` is each of a list, and any of them will do; `^context` is looked for in what the
item stands in. A list of fields, `[sentence1, sentence2]`, is all of them together. `{by: label, of: …}` is the field that another
one names, by its number from 0 in a list or by its key. In XML a field is an element's name, at any depth.
"""

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from curation.filters.preset import nearest
from curation.local_file import local_file
from curation.spdx import licence_fault
from curation.yaml_file import load_yaml, yaml_fault

FOLDER = Path(__file__).parent / "packs"
"""Where the packs that come along lie."""

Part = Literal["question", "answer", "context"]
PARTS: tuple[Part, ...] = ("question", "answer", "context")
"""Parts of an item, told apart in everything that is found."""

Form = Literal["json", "jsonl", "csv", "tsv", "xml", "parquet"]


class Choice(BaseModel):
    """The field that another field names: `of` by number from 0, or by key."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    by: str
    of: list[str] | dict[str, str] = Field(min_length=1)


Said = str | list[str] | Choice


class Layout(BaseModel):
    """How a file is written, and which fields are what."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    form: Form | None = None
    columns: list[str] | None = None
    items: str = ""
    id: str | None = None
    question: Said | None = None
    answer: Said | None = None
    context: Said | None = None

    @field_validator("question", "answer", "context")
    @classmethod
    def _together(cls, said: Said | None) -> Said | None:
        if isinstance(said, list) and (not said or any("[]" in one for one in said)):
            raise ValueError("a list of fields is several that belong together, each one text: without []")
        return said

    @model_validator(mode="after")
    def _columns_of_a_table(self) -> "Layout":
        if self.columns is not None and self.form not in ("csv", "tsv"):
            raise ValueError("'columns' names those of a csv or tsv file without a header line")
        if self.items and self.form not in ("json", "xml", None):
            raise ValueError(f"'items' is for json and xml; of {self.form}, every row is an item")
        return self

    def said(self, part: Part) -> Said | None:
        """The field, or fields, of a part."""
        return {"question": self.question, "answer": self.answer, "context": self.context}[part]


class PackSource(BaseModel):
    """Where a benchmark is from. file: which of the files there; licence: SPDX id or expression, as far as `Known` tells."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str = Field(min_length=1)
    url: str = Field(min_length=1)
    file: str = Field(min_length=1)
    licence: str = Field(min_length=1)

    @field_validator("licence")
    @classmethod
    def _known(cls, licence: str) -> str:
        if fault := licence_fault(licence):
            raise ValueError(fault)
        return licence


class Known(BaseModel):
    """How far a pack can be relied on: what was looked up, and what was written down from memory."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    read: str = ""
    recalled: str = ""


class Pack(Layout):
    """A benchmark's description."""

    name: str = Field(pattern=r"^[A-Za-z0-9_-]+$")
    about: str = ""
    source: PackSource
    known: Known = Known()

    @model_validator(mode="after")
    def _complete(self) -> "Pack":
        if self.form is None or self.question is None:
            raise ValueError("a pack says its 'form' and its 'question'")
        return self


def pack_names() -> list[str]:
    """Names of the packs that come along."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def pack_file(name_or_path: str, folder: Path = Path()) -> Path:
    """The file of a pack that comes along, or of a path that ends in .yaml, relative to `folder`. Raises ValueError for none."""
    if name_or_path.endswith((".yaml", ".yml")):
        local_file(name_or_path, "pack")
        if not (folder / name_or_path).is_file():
            raise ValueError(f"pack: there is no file {folder / name_or_path}")
        return folder / name_or_path
    if name_or_path not in pack_names():
        raise ValueError(f"there is no pack '{name_or_path}'; {nearest(name_or_path, pack_names())}")
    return FOLDER / f"{name_or_path}.yaml"


def read_pack(name_or_path: str, folder: Path = Path()) -> Pack:
    """A pack by name or by path. Raises ValueError naming the file, the place, what was found and what would be right."""
    path = pack_file(name_or_path, folder)
    try:
        given: Any = load_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(yaml_fault(error, path.name)) from None
    try:
        return Pack.model_validate(given)
    except ValidationError as error:
        raise ValueError(f"{path.name}: {fault(error)}") from None


def fault(error: ValidationError) -> str:
    """What is wrong, in one line: each place with what was found there."""
    said: list[str] = []
    for one in error.errors():
        at = ".".join(str(p) for p in one["loc"] if p not in ("str", "list[str]", "Choice"))
        said.append(f"{at + ': ' if at else ''}{one['msg'].removeprefix('Value error, ')}")
    return "; ".join(dict.fromkeys(said))
