"""The file of `--on slurm:FILE`: what each kind of stage asks of Slurm, and how a job finds Python.

partition: cpu                 # what stands here holds for every kind that does not say otherwise
time: "20:00:00"
venv: /shared/seimai/.venv
survey: {cpus: 8, memory: 128G}
gpu: {partition: gpu, gpus: 1, cpus: 8, memory: 64G}
"""

import difflib
import re
import shlex
import sys
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from curation.yaml_file import load_yaml, yaml_fault
from recipes.engine.errors import RecipeError

KINDS = {
    "cpu": "stages that read, measure and decide",
    "gpu": "stages with `needs: gpu`",
    "survey": "looks over all rows: lines of a site, deduplication, the cap",
    "generate": "tasks that ask a model for answers or verdicts",
    "link": "joins a stage's tasks and submits those of the next",
}
OWN = {
    "time": "time", "partition": "partition", "account": "account", "qos": "qos", "cpus-per-task": "cpus", "mem": "memory",
    "gres": "gpus", "gpus": "gpus", "array": "", "dependency": "", "job-name": "", "output": "", "error": "", "signal": "notice",
    "requeue": "", "no-requeue": "", "chdir": "", "wrap": "", "parsable": "", "export": "", "test-only": "",
}  # fmt: skip
"""Options of sbatch that the file says by a key of its own, or that are set here ("")."""
_TIME = re.compile(r"(\d+-)?\d{1,4}:[0-5]\d:[0-5]\d")
_MEMORY = re.compile(r"\d+[KMGT]")
_GPUS = re.compile(r"([A-Za-z0-9_.-]+:)?[1-9]\d*")


def seconds(time: str) -> int:
    """A time limit in seconds.

    >>> seconds("20:00:00"), seconds("1-00:00:30")
    (72000, 86430)
    """
    days, _, clock = time.rpartition("-")
    hours, minutes, rest = (int(part) for part in clock.split(":"))
    return 86400 * int(days or 0) + 3600 * hours + 60 * minutes + rest


class Shared(BaseModel):
    """What may stand at the top of the file and in a kind."""

    model_config = ConfigDict(extra="forbid")

    partition: str | None = None
    account: str | None = None
    qos: str | None = None
    time: str | None = None
    """Of one job, "HH:MM:SS" or "D-HH:MM:SS"."""
    cpus: int = Field(default=1, ge=1)
    memory: str | None = None
    """Of one job, 8G; the partition's own measure without."""
    at_once: int | None = Field(default=None, ge=1)
    """Jobs of a stage that may run at a time; as many as Slurm gives without."""
    tasks_per_job: int = Field(default=1, ge=1)
    """Tasks that one job runs one after the other: for stages of very many short ones."""
    setup: str | None = None
    """Lines of the shell before Python starts: `module load cuda/12.8`."""
    venv: str | None = None
    """Environment whose Python runs seimai, seen by every node; that of the submitting command without."""
    container: str | None = None
    """Image in which Python runs, started by Apptainer."""
    sbatch: dict[str, str | int | bool] = Field(default_factory=dict)
    """Any further option of sbatch by its long name; `true` for one that takes no value."""

    @field_validator("time", mode="before")
    @classmethod
    def _time(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            if value < 3600:
                right = f"{value // 60:02}:{value % 60:02}:00"
                raise ValueError(f'found the number {value}; write hours, minutes and seconds in quotes: "{right}"')
            read = f"{value // 3600}:{value // 60 % 60:02}:{value % 60:02}"
            raise ValueError(f'found the number {value}: without quotes YAML reads {read} in base 60; write "{read}"')
        if isinstance(value, str) and not _TIME.fullmatch(value):
            raise ValueError(f'found "{value}"; write "HH:MM:SS" or "D-HH:MM:SS"')
        return value

    @field_validator("memory", mode="before")
    @classmethod
    def _memory(cls, value: Any) -> Any:
        if value is not None and not (isinstance(value, str) and _MEMORY.fullmatch(value)):
            raise ValueError(f"found {value!r}; write a whole number with its unit: 4096M, 8G, 1T")
        return value

    @field_validator("sbatch")
    @classmethod
    def _own(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name in value:
            if not re.fullmatch(r"[a-z][a-z0-9-]+", name):
                raise ValueError(f"'{name}' is no long option of sbatch; write nodelist for --nodelist")
            if name in OWN:
                raise ValueError(f"'{name}' is " + (f"said by the key '{OWN[name]}'" if OWN[name] else "set by seimai"))
        return value


class Asked(Shared):
    """What one kind asks for."""

    gpus: int | str | None = None
    """GPUs of one job, 1 or h100:1."""

    @field_validator("gpus")
    @classmethod
    def _gpus(cls, value: Any) -> Any:
        if value is not None and not _GPUS.fullmatch(str(value)):
            raise ValueError(f"found {value!r}; write how many, or their type too: 1, h100:1")
        return value


class Resources(Shared):
    """The whole file."""

    cpu: Asked | None = None
    gpu: Asked | None = None
    survey: Asked | None = None
    generate: Asked | None = None
    link: Asked | None = None
    retries: int = Field(default=2, ge=0)
    """How often a task that failed is submitted again."""
    requeues: int = Field(default=2, ge=0)
    """How often a job that reaches its time limit, and finished nothing in it, may go on in a new one."""
    notice: int = Field(default=120, ge=10)
    """Seconds before its time limit at which a job is told to stop."""
    array_size: int | None = Field(default=None, ge=1)
    """Most jobs of one array; Slurm's own MaxArraySize without."""
    logs: str | None = None
    """Folder of what jobs print, where the run itself lies in an object store."""

    def of(self, kind: str) -> Asked:
        """What a kind asks for: its own words, and for the rest those at the top."""
        own: Asked | None = getattr(self, kind)
        top = {name: getattr(self, name) for name in Shared.model_fields if name in self.model_fields_set}
        said = own.model_dump(exclude_unset=True) if own is not None else {}
        merged = top | said | {"sbatch": {**self.sbatch, **(own.sbatch if own is not None else {})}}
        if own is not None and own.venv is not None:
            merged["container"] = own.container
        elif own is not None and own.container is not None:
            merged["venv"] = None
        return Asked.model_validate(merged)


def read(file: str, on: str) -> Resources:
    """Reads and checks the file. Raises RecipeError with the file, the key, what was found and what would be right."""
    try:
        data = load_yaml(Path(file).read_text(encoding="utf-8"))
    except OSError as error:
        found = f"there is no file {file}" if isinstance(error, FileNotFoundError) else f"{file}: {error.strerror}"
        raise RecipeError(f"--on {on}: {found}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RecipeError(f"--on {on}: {yaml_fault(error, file)}") from None
    if not isinstance(data, dict):
        raise RecipeError(
            f"--on {on}: {file} must hold 'key: value' pairs: partition, time and the kinds {', '.join(KINDS)}"
        )
    try:
        made = Resources.model_validate(data)
    except ValidationError as error:
        raise RecipeError("\n".join(f"--on {on}: {file}: {_said(e)}" for e in error.errors())) from None
    for kind in KINDS:
        if (time := made.of(kind).time) is None:
            raise RecipeError(
                f'--on {on}: {file}: the key time must be given, at the top or for {kind}: time: "20:00:00"'
            )
        if seconds(time) <= made.notice:
            raise RecipeError(
                f"--on {on}: {file}: {kind}: time: found {time}, and {made.notice} s before its end (`notice`) a job is told to "
                "stop: raise 'time', or lower 'notice'"
            )
        if (venv := made.of(kind).venv) is not None and not (Path(venv) / "bin" / "python").exists():
            raise RecipeError(f"--on {on}: {file}: {kind}: venv: there is no {venv}/bin/python")
    return made


def _said(error: Any) -> str:
    """One mistake in words."""
    *before, key = [str(part) for part in error["loc"]]
    place = "".join(f"{part}: " for part in before)
    if error["type"] == "extra_forbidden":
        known = [*(Asked if before else Resources).model_fields]
        if key in ("gpus",) and not before:
            return "the key 'gpus' belongs to a kind: gpu: {gpus: 1}"
        near = difflib.get_close_matches(key, known, 1)
        hint = f"did you mean '{near[0]}'?" if near else f"keys here: {', '.join(known)}"
        if not before and isinstance(error["input"], dict) and not near:
            hint = f"stages are told apart by what they do: {', '.join(f'{kind} ({what})' for kind, what in KINDS.items())}"
        return f"{place}the key '{key}' is unknown; {hint}"
    if error["type"] == "string_type":
        return f"{place}{key}: found {error['input']!r}; write a text, in quotes where YAML takes it for something else"
    if error["type"] in ("int_type", "int_parsing", "greater_than_equal"):
        least = error.get("ctx", {}).get("ge", 1)
        return f"{place}{key}: found {error['input']!r}; write a whole number, {least} or more"
    return f"{place}{key}: {error['msg'].removeprefix('Value error, ')}"


def gives_gpu(asked: Asked) -> bool:
    """Whether a GPU is asked for, by `gpus` or as a site wants it, `sbatch: {gpus-per-node: 1}`."""
    return asked.gpus is not None or any(name.startswith("gpus-per-") for name in asked.sbatch)


def options(asked: Asked) -> list[str]:
    """Options of sbatch for what is asked for."""
    wanted: dict[str, Any] = {
        "partition": asked.partition,
        "account": asked.account,
        "qos": asked.qos,
        "time": asked.time,
        "cpus-per-task": asked.cpus,
        "mem": asked.memory,
        "gres": f"gpu:{asked.gpus}" if asked.gpus is not None else None,
        **asked.sbatch,
    }
    return [
        f"--{name}" if v is True else f"--{name}={v}" for name, v in wanted.items() if v is not None and v is not False
    ]


def python(asked: Asked, folders: list[str]) -> str:
    """The shell words that start Python for a job; `folders` are those that it must see inside a container."""
    if asked.container is None:
        return shlex.quote(f"{asked.venv}/bin/python" if asked.venv else sys.executable)
    words = ["apptainer", "exec", *(["--nv"] if gives_gpu(asked) else [])]
    words += [word for folder in dict.fromkeys(folders) for word in ("--bind", folder)]
    return shlex.join([*words, asked.container, "python3"])
