"""A review task: what annotators see, what they are asked, and the guidelines they read; one dataset of Argilla has one version of
it.

A version is a hash of guidelines, fields and questions. It stands in the dataset's name, so a change opens a new dataset, and a
dataset whose words were changed in the UI no longer hashes to its own name: answers to other questions than we asked are noticed.
Texts are shown as they are: Markdown is off in every field and question unless the task is Markdown, so that line breaks, asterisks
and brackets stay what they are. Names of questions stay clear of what Argilla's filter parser takes for a property: they end in no
score, agent, type, response or suggestion, and do not begin with metadata.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

GUIDELINES = Path(__file__).parent / "guidelines"
VERSION_LENGTH = 10

Kind = Literal["text", "label", "labels", "rating", "ranking", "span"]

_ARGILLA: dict[Kind, str] = {
    "text": "text", "label": "label_selection", "labels": "multi_label_selection", "rating": "rating", "ranking": "ranking",
    "span": "span",
}  # fmt: skip
_TRAP = re.compile(r".*(score|agent|type|response|suggestion)$|metadata.*")


@dataclass(frozen=True)
class Field:
    """What is shown: a text, or a dialogue (`chat`). A field that is not required may be empty."""

    name: str
    title: str
    required: bool = True
    chat: bool = False


@dataclass(frozen=True)
class Question:
    """What is asked. labels: value and text of each choice, of each card of a ranking, of each kind of span.

    kind: `label` where labels are given and `text` where none are, unless it says so. points: of a rating, ascending. field: whose
    text a span marks.
    """

    name: str
    title: str
    description: str
    required: bool = False
    labels: Mapping[str, str] | None = None
    kind: Kind | None = None
    points: Sequence[int] = ()
    field: str = ""

    def __post_init__(self) -> None:
        if _TRAP.fullmatch(self.name):
            raise ValueError(
                f"question '{self.name}': Argilla's filters take such a name for a property; choose another"
            )

    @property
    def asks(self) -> Kind:
        """Its kind."""
        return self.kind or ("text" if self.labels is None else "label")


@dataclass(frozen=True)
class Task:
    """A review task. metadata: terms that only owners and admins see; overlap: answers a record needs.

    guide: name of its guidelines, the task's own when empty; before: of guidelines that are read first (a warning). markdown:
    whether texts are shown as Markdown.
    """

    name: str
    fields: Sequence[Field]
    questions: Sequence[Question]
    metadata: Mapping[str, str]
    overlap: int = 1
    guide: str = ""
    before: str = ""
    markdown: bool = False

    @cached_property
    def guidelines(self) -> str:
        """What annotators read: Japanese, then English (`guidelines/NAME.ja.md`, `NAME.en.md`)."""
        names = [name for name in (self.before, self.guide or self.name) if name]
        both = (GUIDELINES / f"{name}.{language}.md" for language in ("ja", "en") for name in names)
        return "\n\n---\n\n".join(path.read_text(encoding="utf-8").strip() for path in both) + "\n"

    @cached_property
    def version(self) -> str:
        """Hash of guidelines, fields and questions."""
        return content_version(self.guidelines, self.shown, self.asked)

    @property
    def dataset(self) -> str:
        """The dataset's name: the task's and the version."""
        return f"{self.name}-{self.version}"

    @property
    def shown(self) -> list[dict[str, Any]]:
        """The fields as Argilla takes them."""
        made: list[dict[str, Any]] = []
        for f in self.fields:
            settings = {"type": "chat" if f.chat else "text", "use_markdown": self.markdown}
            made.append({"name": f.name, "title": f.title, "required": f.required, "settings": settings})
        return made

    @property
    def asked(self) -> list[dict[str, Any]]:
        """The questions as Argilla takes them."""
        return [_asked(question) for question in self.questions]

    def question(self, kind: Kind) -> Question | None:
        """Its first question of a kind; None where it asks none."""
        return next((q for q in self.questions if q.asks == kind), None)


def _asked(question: Question) -> dict[str, Any]:
    settings: dict[str, Any] = {"type": _ARGILLA[question.asks]}
    if question.asks == "text":
        settings["use_markdown"] = False
    elif question.asks == "rating":
        settings["options"] = [{"value": point} for point in question.points]
    else:
        settings["options"] = [{"value": value, "text": text} for value, text in (question.labels or {}).items()]
    if question.asks == "span":
        settings |= {"field": question.field, "allow_overlapping": True}
    about = {"name": question.name, "title": question.title, "description": question.description}
    return {**about, "required": question.required, "settings": settings}


def content_version(
    guidelines: str, fields: Sequence[Mapping[str, Any]], questions: Sequence[Mapping[str, Any]]
) -> str:
    """Version of what annotators meet; ids, times and the server's own defaults do not count.

    fields, questions: as Argilla has them.
    """

    def plain(item: Mapping[str, Any]) -> dict[str, Any]:
        settings = item["settings"]
        options = [[o["value"], o.get("text")] for o in settings.get("options") or ()]
        said = {key: item.get(key) for key in ("name", "title", "description", "required")}
        of = {"field": settings["field"]} if settings.get("field") else {}
        markdown = settings.get("use_markdown", False)
        return {**said, "type": settings["type"], "markdown": markdown, "options": options, **of}

    whole = [guidelines, [plain(f) for f in fields], [plain(q) for q in questions]]
    return hashlib.sha256(json.dumps(whole, ensure_ascii=False).encode()).hexdigest()[:VERSION_LENGTH]
