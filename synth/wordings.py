"""Wordings as data: every sentence that a prompt, a program-made answer, a rubric or a page shows is a line in a file.

A file of `synth/prompts/` holds the lines of one task:

    version: 2026.11.26
    lines:
      - {id: ask.1, state: draft, split: train, text: "次の文章を{limit}字以内で要約してください。"}

id: the part that the line plays, a dot, a number; lines of one part say the same in other words. state: `draft`, or `reviewed`
with the reviewer's name and date. split: `train`, or `test` for wordings that only evaluation sees. text: with slots in
braces that the task fills; other braces are themselves. A row keeps the ids of its lines, and is a draft where one of them is.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Literal, cast, get_args

import yaml

from curation.yaml_file import load_yaml, yaml_fault

FOLDER = Path(__file__).parent / "prompts"
"""The files that come with the project."""

State = Literal["draft", "reviewed"]
Split = Literal["train", "test"]

_SLOT = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_ID = re.compile(r"([a-z][a-z0-9_]*)\.([a-z0-9_]+)")
_KEYS = ("id", "state", "reviewer", "split", "text")


class WordingError(ValueError):
    """A file of wordings that cannot be read, or a line that is filled wrongly: the file, the line, and what would be right."""


_WATCHED: ContextVar[dict[tuple[str, str], set[str]] | None] = ContextVar("_WATCHED", default=None)


@contextmanager
def watched_fills() -> Iterator[dict[tuple[str, str], set[str]]]:
    """Inside, the names of all values that lines are filled with are gathered, by file and part."""
    seen: dict[tuple[str, str], set[str]] = {}
    token = _WATCHED.set(seen)
    try:
        yield seen
    finally:
        _WATCHED.reset(token)


@dataclass(frozen=True)
class Line:
    """One wording. group: the file that it stands in; reviewer: who read it and when, None for a draft."""

    group: str
    name: str
    text: str
    state: State
    split: Split
    reviewer: str | None = None

    @property
    def id(self) -> str:
        """`GROUP/PART.NUMBER`: what a row names as its template."""
        return f"{self.group}/{self.name}"

    @property
    def part(self) -> str:
        """The part that the line plays in its task: `ask`, `answer` …"""
        return self.name.partition(".")[0]

    @cached_property
    def slots(self) -> frozenset[str]:
        """Names of its slots."""
        return frozenset(_SLOT.findall(self.text))

    def fill(self, /, **values: object) -> str:
        """The text with every slot filled. Raises WordingError for a slot without a value; a value without a slot is not used.

        >>> Line("g", "ask.1", "{n}字以内で。例：{\\"a\\": 1}", "draft", "train").fill(n=50)
        '50字以内で。例：{"a": 1}'
        """
        if (seen := _WATCHED.get()) is not None:
            seen.setdefault((self.group, self.part), set()).update(values)
        if missing := sorted(self.slots - values.keys()):
            raise WordingError(f"{self.id}: no value for {{{missing[0]}}}; given are {', '.join(sorted(values))}")
        return _SLOT.sub(lambda m: str(values[m[1]]), self.text)


@dataclass(frozen=True)
class Wordings:
    """The lines of one file."""

    group: str
    lines: Sequence[Line]
    _parts: Mapping[tuple[str, str], tuple[Line, ...]] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        made: dict[tuple[str, str], tuple[Line, ...]] = {}
        for line in self.lines:
            made[line.part, line.split] = (*made.get((line.part, line.split), ()), line)
        object.__setattr__(self, "_parts", made)

    @property
    def parts(self) -> tuple[str, ...]:
        """Parts in the order of the file."""
        return tuple(dict.fromkeys(line.part for line in self.lines))

    def of(self, part: str, split: Split = "train") -> tuple[Line, ...]:
        """Lines of a part for a split. Evaluation takes those of training where a part has none of its own (an answer's words).

        Raises WordingError where there is none.
        """
        if not (found := self._parts.get((part, split)) or self._parts.get((part, "train"))):
            raise WordingError(
                f"{self.group}: no line for part '{part}', split {split}; parts are {', '.join(self.parts)}"
            )
        return found

    def only(self, states: Iterable[State]) -> "Wordings":
        """The lines in these states."""
        wanted = set(states)
        return Wordings(self.group, [line for line in self.lines if line.state in wanted])


@cache
def wordings(group: str, folder: Path = FOLDER) -> Wordings:
    """The lines of a file by its name without `.yaml`. Raises WordingError naming file and line."""
    return read_wordings(folder / f"{group}.yaml")


def groups(folder: Path = FOLDER) -> tuple[str, ...]:
    """Names of all files of a folder."""
    return tuple(path.stem for path in sorted(folder.glob("*.yaml")))


def read_wordings(path: Path) -> Wordings:
    """Reads a file of wordings. Raises WordingError for what is missing, unknown or there twice."""
    return wordings_of(read_text(path), path)


def read_text(path: Path) -> str:
    """A file's text. Raises WordingError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise WordingError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WordingError(yaml_fault(error, path.name)) from error


def wordings_of(text: str, path: Path) -> Wordings:
    """The wordings that a file's text holds. Raises WordingError as `read_wordings` does."""
    try:
        data = load_yaml(text)
    except yaml.YAMLError as error:
        raise WordingError(yaml_fault(error, path.name)) from error
    if not isinstance(data, dict) or not isinstance(data.get("lines"), list):
        raise WordingError(f"{path.name}: a file of wordings is a mapping with version and lines")
    found: dict[str, Line] = {}
    for number, entry in enumerate(data["lines"], 1):
        line = _line(path.stem, entry, f"{path.name}, line {number} of lines")
        if line.name in found:
            raise WordingError(f"{path.name}: the id '{line.name}' is there twice")
        found[line.name] = line
    return Wordings(path.stem, list(found.values()))


def _line(group: str, entry: Any, where: str) -> Line:
    if not isinstance(entry, dict):
        raise WordingError(f"{where}: a line has {', '.join(_KEYS)}; found {entry!r}")
    where = f"{where} ({entry.get('id', 'without id')})"
    if unknown := [str(k) for k in entry if k not in _KEYS]:
        raise WordingError(f"{where}: unknown key '{unknown[0]}'; keys are {', '.join(_KEYS)}")
    name, text, reviewer = entry.get("id"), entry.get("text"), entry.get("reviewer")
    if not isinstance(name, str) or not _ID.fullmatch(name):
        raise WordingError(f"{where}: id is PART.NUMBER in small Latin letters, e.g. ask.1, not {name!r}")
    if not isinstance(text, str) or not text.strip():
        raise WordingError(f"{where}: text is missing")
    for key, of in (("state", State), ("split", Split)):
        if entry.get(key) not in get_args(of):
            raise WordingError(f"{where}: {key} is one of {', '.join(get_args(of))}, not {entry.get(key)!r}")
    if (entry["state"] == "reviewed") != bool(reviewer):
        right = "names its reviewer and the date" if entry["state"] == "reviewed" else "has no reviewer yet"
        raise WordingError(f"{where}: a line that is {entry['state']} {right}; found reviewer {reviewer!r}")
    state, split = cast(State, entry["state"]), cast(Split, entry["split"])
    return Line(group, name, text.rstrip("\n"), state, split, str(reviewer) if reviewer else None)
