"""Lists of words and of URLs as data: what a list holds, of which category it is, where it is from, and under which licence.

A list is a YAML file in `curation/filters/lists` (or any path that ends in .yaml), beside or in front of the entries themselves:

    name: our_ng_words
    holds: words                    or urls
    category: adult                 what reports call what it found
    source: {title: …, url: …, version: "2026-11", licence: CC0-1.0}
    file: ng.txt                    one entry a line, UTF-8, beside the YAML file

Entries that another package brings are read from its installed wheel, which must be the version that the list was made for:

    wheel: {distribution: hojichar, version: 0.18.1, file: hojichar/dict/adult_keywords_ja.txt,
            licence_file: hojichar-0.18.1.dist-info/licenses/LICENSE, sha256: …}

A list without a source, a version or a licence that SPDX knows is refused: what a list says about pages, somebody must answer for.
"""

import hashlib
import importlib.metadata
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from curation.filters.preset import nearest
from curation.local_file import local_file
from curation.spdx import licence_fault
from curation.yaml_file import load_yaml, yaml_fault

FOLDER = Path(__file__).parent / "lists"
"""Where the lists that come along are described."""
FORM = "{name, holds: words|urls, category, source: {title, url, version, licence}, file}"


class ListSource(BaseModel):
    """Where a list is from. licence: SPDX id or expression."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    title: str = Field(min_length=1)
    url: str = ""
    version: str = Field(min_length=1)
    licence: str = Field(min_length=1)

    @field_validator("licence")
    @classmethod
    def _known(cls, licence: str) -> str:
        if fault := licence_fault(licence):
            raise ValueError(fault)
        return licence


class WheelFile(BaseModel):
    """A file of an installed package, which must be of that version and of that content."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    distribution: str
    version: str
    file: str
    licence_file: str
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class ListFile(BaseModel):
    """What a list's YAML file says."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    name: str = Field(min_length=1)
    holds: Literal["words", "urls"]
    category: str = Field(min_length=1)
    source: ListSource
    about: str = ""
    file: str | None = None
    wheel: WheelFile | None = None

    @model_validator(mode="after")
    def _one_place(self) -> "ListFile":
        if (self.file is None) == (self.wheel is None):
            raise ValueError("a list has either 'file' or 'wheel'")
        return self


@dataclass(frozen=True)
class Listed:
    """A list that was read: what it says of itself, and its entries as bytes (one a line, UTF-8)."""

    said: ListFile
    raw: bytes

    @property
    def name(self) -> str:
        """Its name."""
        return self.said.name

    @property
    def lines(self) -> list[str]:
        """Lines without white space around them, empty ones left out."""
        return [line for said in self.raw.decode("utf-8-sig").splitlines() if (line := said.strip())]

    def note(self) -> dict[str, str]:
        """What a manifest says of the list: never an entry."""
        source = self.said.source
        return {
            "category": self.said.category,
            "title": source.title,
            "url": source.url,
            "version": source.version,
            "licence": source.licence,
            "sha256": hashlib.sha256(self.raw).hexdigest(),
        }


def list_names() -> list[str]:
    """Names of the lists that come along."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def read_list(name_or_path: str, holds: Literal["words", "urls"]) -> Listed:
    """A list that comes along, by name, or one's own by the path of its YAML file.

    Raises ValueError for what is not there, has no source or licence, holds something else, is empty, or is not UTF-8; for a list of
    a wheel also where the package is missing, of another version, or without its licence.
    """
    path = _file_of(name_or_path)
    try:
        given = load_yaml(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(yaml_fault(error, str(path))) from None
    if not isinstance(given, dict):
        raise ValueError(f"{path}: describes no list; a list is {FORM}")
    try:
        said = ListFile.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        at = ".".join(map(str, first["loc"])) or "the list"
        raise ValueError(f"{path}: {at}: {first['msg'].removeprefix('Value error, ')}; a list is {FORM}") from None
    if said.holds != holds:
        raise ValueError(f"{path}: holds {said.holds}, and here stands a list of {holds}")
    made = Listed(said, _from_wheel(said.wheel, path) if said.wheel else _beside(path, said.file or ""))
    try:
        if not made.lines:
            raise ValueError(f"{path}: no entry in {said.file or said.wheel.file}")  # type: ignore[union-attr]
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: {said.file} is not UTF-8: {error.reason} at byte {error.start}") from None
    return made


def _file_of(name_or_path: str) -> Path:
    local_file(name_or_path, "list")
    if name_or_path.endswith((".yaml", ".yml")):
        if not Path(name_or_path).is_file():
            raise ValueError(f"there is no list {name_or_path}")
        return Path(name_or_path)
    if name_or_path in list_names():
        return FOLDER / f"{name_or_path}.yaml"
    if Path(name_or_path).is_file():
        raise ValueError(
            f"{name_or_path} says neither its source nor its licence; describe it in a YAML file: {FORM}, and name that file here"
        )
    raise ValueError(f"there is no list '{name_or_path}'; {nearest(name_or_path, list_names())}")


def _beside(path: Path, file: str) -> bytes:
    entries = path.parent / file
    if not entries.is_file():
        raise ValueError(f"{path}: there is no file {file} beside it")
    return entries.read_bytes()


def _from_wheel(wheel: WheelFile, path: Path) -> bytes:
    """Content of a file of an installed package; the package itself is not imported."""
    wanted = f"{wheel.distribution}=={wheel.version}"
    try:
        installed = importlib.metadata.distribution(wheel.distribution)
    except importlib.metadata.PackageNotFoundError:
        raise ValueError(f"{path}: is read from {wanted}, which is not installed: pip install {wanted}") from None
    if installed.version != wheel.version:
        raise ValueError(f"{path}: is the list of {wanted}, and {installed.version} is installed")
    for file in (wheel.licence_file, wheel.file):
        if not Path(str(installed.locate_file(file))).is_file():
            raise ValueError(f"{path}: {wanted} has no file {file}")
    raw = Path(str(installed.locate_file(wheel.file))).read_bytes()
    if hashlib.sha256(raw).hexdigest() != wheel.sha256:
        raise ValueError(f"{path}: {wheel.file} of {wanted} is not the file that this list describes (another sha256)")
    return raw
