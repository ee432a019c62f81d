"""What its owner says of a release: a small .yaml, or a contact alone, where the rest is as the run's recipe says."""

import datetime
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from curation.yaml_file import load_yaml, yaml_fault
from recipes.engine.errors import RecipeError
from recipes.engine.generation.spec import TargetSpec


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class Splits(_Spec):
    """Shares of groups that are held out, in [0, 1). salt: another one draws others."""

    validation: float = Field(default=0.0, ge=0, lt=1)
    test: float = Field(default=0.0, ge=0, lt=1)
    salt: str = ""

    @field_validator("salt", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) else value


class Limits(_Spec):
    """Known limits that the card lists beside those that seimai knows of itself."""

    ja: list[str] = Field(default_factory=list)
    en: list[str] = Field(default_factory=list)


class Title(_Spec):
    """What the card is headed with."""

    ja: str | None = None
    en: str | None = None


class AboutSpec(_Spec):
    """A release as its owner describes it. What is left out is the run's: name, version, target.

    contact: where rights holders and people whose data it is may write. policy: a policy file, relative to this one.
    leave_out_denied: rows that are denied are rejected, and the release is made without them.
    opt_outs_removed: who removed pages of sites that opted out, and when, where the pages themselves no longer say.
    """

    name: str | None = Field(default=None, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    version: str | None = Field(default=None, min_length=1)
    title: Title = Field(default_factory=Title)
    contact: str | None = Field(default=None, min_length=3)
    target: TargetSpec | None = None
    splits: Splits = Field(default_factory=Splits)
    limits: Limits = Field(default_factory=Limits)
    policy: str | None = None
    leave_out_denied: bool = False
    opt_outs_removed: str | None = None
    made: str | None = None

    @field_validator("version", "made", mode="before")
    @classmethod
    def _said(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float | datetime.date) else value


def read_about(file: Path | None, contact: str | None) -> AboutSpec:
    """The file, with the contact of the command line in place of its own. Raises RecipeError."""
    said: Any = {}
    if file is not None:
        try:
            said = load_yaml(file.read_text(encoding="utf-8")) or {}
        except OSError as error:
            raise RecipeError(f"--about {file}: cannot be read ({error.strerror})") from error
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise RecipeError(yaml_fault(error, str(file))) from error
        if not isinstance(said, dict):
            raise RecipeError(f"{file}: says no keys; it says {', '.join(AboutSpec.model_fields)}")
    try:
        about = AboutSpec.model_validate(said | ({"contact": contact} if contact is not None else {}))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        what = (
            f"there is no key '{where}'; keys are {_keys(first['loc'])}"
            if first["type"] == "extra_forbidden"
            else first["msg"]
        )
        raise RecipeError(f"{file or '--contact'}: {where}: {what}") from error
    if about.contact is None:
        raise RecipeError(
            "a release says where those may write whose data it is: --contact ADDRESS, or `contact:` in the file of --about"
        )
    return about


def _keys(place: Sequence[int | str]) -> str:
    of: type[BaseModel] = AboutSpec
    for part in place[:-1]:
        inner = {"title": Title, "splits": Splits, "limits": Limits, "target": TargetSpec}.get(str(part))
        of = inner or of
    return ", ".join(of.model_fields)
