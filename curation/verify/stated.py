"""What manifests state, read as data that may be wrong: a missing or misshapen value is a finding, never a traceback."""

import json
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, Field, ValidationError

from curation.verify.findings import Check
from curation.verify.folder import Folder

Count = Annotated[int, Field(ge=0, strict=True)]


def _below(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/") or not path:
        raise ValueError("is no path below its folder")
    return path


_Path = Annotated[str, AfterValidator(_below)]
_Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class File(BaseModel):
    """A file as a manifest lists it."""

    path: _Path
    rows: Count
    bytes: Count
    sha256: _Digest
    partition: Count | None = None


class Step(BaseModel):
    """A step's identity: its name and parameters."""

    step: str
    parameters: dict[str, Any] = Field(default_factory=dict, alias="with")

    @property
    def kind(self) -> str:
        """Its name without the number that tells two steps of one kind apart."""
        return self.step.rstrip("0123456789")


class Made(BaseModel):
    """What made a set."""

    steps: list[Step] = Field(default_factory=list[Step])


class Forgotten(BaseModel):
    """What was taken out of a set after it was made: how many rows."""

    rows: Count = 0


class Below(BaseModel):
    """A task's manifest, or a node above several, as the node above it names it."""

    path: _Path
    size: Count
    sha256: _Digest
    partitions: tuple[Count, Count] | None
    tasks: Count
    files: Count
    rejected_files: Count
    rows_in: Count
    rows_out: Count
    bytes: Count


class Tree(BaseModel):
    """A node of the tree of manifests, the root among them."""

    children: list[Below]


class Manifest(BaseModel):
    """`manifest.json` of a released set. `exposure` is read apart (`Exposure`), so that a fault in it hides nothing else."""

    columns: list[str]
    schema_bytes: str = Field(alias="schema", pattern="^[0-9a-f]*$")
    rows_in: Count
    rows_out: Count
    rejected: dict[str, Count]
    tasks: Count
    partitions: Annotated[int, Field(ge=1, strict=True)]
    made: Made = Made()
    fingerprint: str = ""
    content: str | None = None
    exposure: Any = None
    samples: File | None = None
    forgotten: Forgotten = Forgotten()
    tree: Tree | None = None


class Task(BaseModel):
    """`tasks/NNNNN.json`."""

    task: Count
    rows_in: Count
    rows_out: Count
    rejected: dict[str, Count]
    files: list[File]
    rejected_files: list[File]


class Exposure(BaseModel):
    """What a manifest says of showings."""

    k: Annotated[int, Field(ge=1, strict=True)]
    highest_exposure: Count
    max_trainer_epochs: Count | None


class Ledger(BaseModel):
    """`ledger.json`."""

    k: Annotated[int, Field(ge=1, strict=True)]
    normal_form: str


class Entry(BaseModel):
    """`entries/NAME.json` of a ledger."""

    run: str
    stage: str
    rows: Count
    showings: int
    charged: int
    file: File
    earlier: list[str] = Field(default_factory=list[str])
    """Names of the entries that were there before it."""


class MixtureStage(BaseModel):
    """A stage of a mixture."""

    name: str
    rows: Count
    tokens: Count
    tokens_by_source: dict[str, Count]
    files: list[File]
    charges: File


class Mixture(BaseModel):
    """`mixture.json`."""

    run: str
    form: Annotated[str, Field(alias="as", pattern="^(index|shards)$")]
    stages: list[MixtureStage]
    exposure: Any = None


class TableManifest(BaseModel):
    """`manifest.json` of a survey's table."""

    rows: Count
    files: list[File]


Model = TypeVar("Model", bound=BaseModel)


def read(folder: Folder, name: str, model: type[Model], check: Check) -> Model | None:
    """A manifest by its shape; None, with what is wrong said in `check`, where it has another."""
    try:
        said = folder.json(name)
    except FileNotFoundError:
        check.fail(f"{name}: is not there")
        return None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        check.fail(f"{name}: is no JSON ({error})")
        return None
    return shaped(said, name, model, check)


def shaped(said: Any, name: str, model: type[Model], check: Check) -> Model | None:
    """A value by its shape; None, with what is wrong said in `check`, where it has another."""
    try:
        return model.model_validate(said)
    except ValidationError as error:
        for wrong in error.errors():
            place = ".".join(str(p) for p in wrong["loc"])
            check.fail(f"{name}: {place}: {wrong['msg']}, found {str(wrong['input'])[:60]!r}")
        return None
