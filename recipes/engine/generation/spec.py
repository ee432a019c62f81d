"""What a recipe may say about a generation, as data; every number that decides about rows is here and has no default in code."""

import re
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from curation.decontaminate.near_index import NearRule
from curation.decontaminate.sets import BenchmarkSet


class _Spec(BaseModel):
    model_config = ConfigDict(extra="forbid", protected_namespaces=())


class TaskOrder(_Spec):
    """One order: how many rows or tokens of a task, and who answers.

    task: its name where the order is called otherwise (two orders of one task). with: its own parameters. samples: answers that a
    model is asked for of each prompt. most: instances that a round asks for at most, where that differs from the generation's;
    likewise sampling.
    """

    task: str | None = None
    rows: int | None = Field(default=None, ge=1)
    tokens: int | None = Field(default=None, ge=1)
    answers: Literal["program", "model", "both"]
    samples: int = Field(default=1, ge=1)
    most: int | None = Field(default=None, ge=1)
    sampling: dict[str, Any] = Field(default_factory=dict)
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    split: Literal["train", "test"] = "train"

    @model_validator(mode="after")
    def _one_quota(self) -> "TaskOrder":
        if (self.rows is None) == (self.tokens is None):
            raise ValueError("an order states either rows or tokens")
        return self


class ImportSpec(_Spec):
    """An order of an instruction set from outside: how many of its rows, under which name they count, and what verifies them.

    files: Parquet or JSON lines; patterns such as `sets/*.jsonl` are allowed. origin: as the policy lists it under `data`. licence:
    held against the policy's entry. function: of an assistant that its rows teach. checks: constraints on the answer, values of
    which may come from the row's own columns (`{column: NAME}`). columns: of a set that names them otherwise.
    """

    files: list[str] = Field(min_length=1)
    origin: str
    licence: str | None = None
    function: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    rows: int | None = Field(default=None, ge=1)
    tokens: int | None = Field(default=None, ge=1)
    checks: list[str | dict[str, Any]] = Field(default_factory=list)
    columns: dict[Literal["messages", "system", "prompt", "input", "answer"], str] = Field(default_factory=dict)
    lang: str = "ja"
    domain: str | None = None
    split: Literal["train", "test"] = "train"

    @field_validator("files", mode="before")
    @classmethod
    def _one_file(cls, value: Any) -> Any:
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _whole(self) -> "ImportSpec":
        if (self.rows is None) == (self.tokens is None):
            raise ValueError("an order states either rows or tokens")
        if self.columns and "messages" not in self.columns and not {"prompt", "answer"} <= self.columns.keys():
            raise ValueError("columns name either messages, or prompt and answer (and system, input)")
        if "messages" in self.columns and len(self.columns) > 1:
            raise ValueError("columns name either messages, or prompt and answer, not both")
        return self


class Prose(_Spec):
    """What running text is, for passages (`synth.passage.Prose`): shares in [0, 1] and a number of sentences."""

    kana: float = Field(ge=0, le=1)
    sentences: int = Field(ge=1)
    ended: float = Field(ge=0, le=1)


class Seeds(_Spec):
    """Passages: see `synth.seed.SeedPlan`. quality: column and least value. prose: what a passage must be to count as running text.

    opt_outs_removed: who has removed the pages of sites that opted out before they came here, and when, where the stage does not say
    what a page's own robots directives are.
    """

    lengths: list[int]
    per_stratum: int
    per_host: int
    per_cluster: int
    quality: dict[str, float] = Field(default_factory=dict)
    prose: Prose | None = None
    topics: list[str] | None = None
    opt_outs_removed: str | None = None

    @field_validator("opt_outs_removed")
    @classmethod
    def _signed(cls, value: str | None) -> str | None:
        if value is not None and not re.search(r"[^\W\d].*\b\d{4}-\d{2}-\d{2}\b", value):
            raise ValueError(f"names who removed them and a date (YYYY-MM-DD), e.g. 'Sato, 2026-11-20', not {value!r}")
        return value

    @field_validator("per_stratum", "per_host", "per_cluster")
    @classmethod
    def _some(cls, value: int) -> int:
        if value < 1:
            raise ValueError(f"is a number of passages, ≥ 1, not {value}")
        return value

    @field_validator("lengths")
    @classmethod
    def _rising(cls, value: list[int]) -> list[int]:
        if len(value) < 2 or value != sorted(set(value)) or value[0] < 1:
            raise ValueError(f"are at least two rising bounds in characters, e.g. [200, 400], not {value}")
        return value


class Caps(_Spec):
    """Largest shares, in (0, 1]: of an order's quota, and (per_template_of_all) of all quotas together."""

    per_template: float = 1.0
    per_template_of_all: float = 1.0
    per_host: float = 1.0
    per_model: float = 1.0
    per_answer: float = 1.0


class NoveltyRule(_Spec):
    """threshold: Jaccard similarity of two prompts from which the later one is a copy, in (0, 1].

    base: folders of sets that were generated earlier (OUT/VERSION/NAME), with whose prompts new ones are compared too.
    """

    threshold: float
    base: list[str] = Field(default_factory=list)

    @field_validator("threshold")
    @classmethod
    def _similarity(cls, value: float) -> float:
        if not 0 < value <= 1:
            raise ValueError(f"is a similarity in (0, 1], not {value:g}")
        return value


class Decontaminate(_Spec):
    """As the step `decontaminate` (curation/decontaminate): sets by the name under which items are called set:id."""

    width: int
    shortest: int
    sets: dict[str, BenchmarkSet] = Field(min_length=1)
    reject: dict[str, float]
    report: dict[str, float] = Field(default_factory=dict)
    near: NearRule | None = None
    with_answer: int | None = None


class Rounds(_Spec):
    """most: instances of one order that a round asks for at most."""

    most: int = Field(ge=1)


class GenerateSpec(_Spec):
    """A generation: what it grows from, what is ordered of which task or imported set, who answers, and what is taken.

    read: a stage of the recipe. engine: `{llama_cpp | server | vllm: {…}}`; none where programs answer everything.
    without_engine: what happens where the engine's package is not installed: `fail`, or `program`, which leaves out what only a model
    can answer and says so. salt: another one draws other instances. per_prompt: accepted answers of one prompt.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    read: str
    engine: dict[str, dict[str, Any]] = Field(default_factory=dict)
    without_engine: Literal["fail", "program"] = "fail"
    chat_form: str | None = None
    seeds: Seeds | None = None
    tasks: dict[str, TaskOrder] = Field(default_factory=dict)
    imports: dict[str, ImportSpec] = Field(default_factory=dict)
    sampling: dict[str, Any] = Field(default_factory=dict)
    conduct: list[str | dict[str, Any]] = Field(default_factory=list)
    caps: Caps = Field(default_factory=Caps)
    novelty: NoveltyRule
    topic_span: int = Field(default=30, ge=2)
    decontaminate: Decontaminate | None = None
    rounds: Rounds
    per_prompt: int = Field(default=1, ge=1)
    salt: str = ""
    partitions: int = 1

    @field_validator("salt", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, int | float) else value

    @field_validator("engine")
    @classmethod
    def _one_engine(cls, value: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        if len(value) > 1:
            raise ValueError(f"names one engine, not {', '.join(value)}")
        return value

    @field_validator("partitions")
    @classmethod
    def _power(cls, value: int) -> int:
        if value < 1 or value & (value - 1):
            raise ValueError(f"must be a power of two, not {value}")
        return value

    @model_validator(mode="after")
    def _one_unit(self) -> "GenerateSpec":
        if not self.tasks and not self.imports:
            raise ValueError("orders nothing: it names tasks, imports or both")
        if len({order.rows is None for order in (*self.tasks.values(), *self.imports.values())}) > 1:
            raise ValueError("orders state quotas all in rows or all in tokens")
        if both := sorted(self.tasks.keys() & self.imports.keys()):
            raise ValueError(
                f"'{both[0]}' is a task and an imported set: quotas count by the name, so each has its own"
            )
        return self

    @property
    def quotas(self) -> dict[str, int]:
        """Quota of each order by its name, in rows or tokens."""
        orders: dict[str, TaskOrder | ImportSpec] = {**self.tasks, **self.imports}
        return {name: order.rows or order.tokens or 0 for name, order in orders.items()}

    @property
    def in_rows(self) -> bool:
        """Whether quotas are in rows."""
        return all(order.rows is not None for order in (*self.tasks.values(), *self.imports.values()))


class TargetSpec(_Spec):
    """What a release says of itself; obligations are held against it (`synth.obligations.Target`)."""

    model_name: str
    purpose: Literal["train_internal", "share", "publish"]
    publish: bool
    notices: list[str] = Field(default_factory=list)
    licence: str | None = None
    signoffs: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _published_is_published(self) -> "TargetSpec":
        if self.purpose == "publish" and not self.publish:
            raise ValueError("purpose: publish says that the rows are published, and publish: false that nothing is")
        if self.purpose == "train_internal" and self.publish:
            raise ValueError(
                "purpose: train_internal says that the rows stay inside, and publish: true that they are published; "
                "say purpose: publish, which then holds for wordings and documents too, or publish: false"
            )
        return self


class ReleaseSpec(_Spec):
    """Under which conditions generated rows are released.

    draft_wordings: `refuse`, or `allow` rows made with wordings that nobody has reviewed, in a release that stays inside.
    """

    target: TargetSpec | None = None
    draft_wordings: Literal["refuse", "allow"] = "refuse"

    @model_validator(mode="after")
    def _drafts_stay_inside(self) -> "ReleaseSpec":
        if self.draft_wordings == "allow" and self.target is None:
            raise ValueError(
                "the release has no `target` (model_name, purpose, publish); "
                "draft_wordings: allow is for one whose purpose is train_internal"
            )
        inside = self.target is not None and self.target.purpose == "train_internal"
        if self.draft_wordings == "allow" and not inside:
            raise ValueError(
                "draft_wordings: allow is for a target whose purpose is train_internal; have the wordings reviewed"
            )
        return self
