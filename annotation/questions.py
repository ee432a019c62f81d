"""A review task: what annotators see, what they are asked, and the guidelines they read; one dataset of Argilla has one version of
it.

A version is a hash of guidelines, fields and questions. It stands at the end of the dataset's name, so a change opens a new
dataset, and a dataset whose words were changed in the UI no longer hashes to its own name: answers to other questions than we asked
are noticed. Texts are shown as they are: Markdown is off in every field and question, so that line breaks, asterisks and brackets
stay what they are. Names of questions stay clear of what Argilla's filter parser takes for a property: they end in no score, agent,
type, response or suggestion, and do not begin with metadata.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.client import Client
from annotation.errors import ReviewError

GUIDELINES = Path(__file__).parent / "guidelines"
VERSION_LENGTH = 10

_TRAP = re.compile(r".*(score|agent|type|response|suggestion)$|metadata.*")


@dataclass(frozen=True)
class Field:
    """A text that is shown. A field that is not required may be empty."""

    name: str
    title: str
    required: bool = True


@dataclass(frozen=True)
class Question:
    """What is asked. labels: value and text of each choice; none for a question that is answered in words."""

    name: str
    title: str
    description: str
    required: bool = False
    labels: Mapping[str, str] | None = None

    def __post_init__(self) -> None:
        if _TRAP.fullmatch(self.name):
            raise ValueError(
                f"question '{self.name}': Argilla's filters take such a name for a property; choose another"
            )


@dataclass(frozen=True)
class Task:
    """A review task. metadata: terms that only owners and admins see; overlap: answers a record needs."""

    name: str
    fields: Sequence[Field]
    questions: Sequence[Question]
    metadata: Mapping[str, str]
    overlap: int = 1

    @property
    def guidelines(self) -> str:
        """What annotators read: Japanese, then English (`guidelines/NAME.ja.md`, `NAME.en.md`)."""
        both = (GUIDELINES / f"{self.name}.{language}.md" for language in ("ja", "en"))
        return "\n\n---\n\n".join(path.read_text(encoding="utf-8").strip() for path in both) + "\n"

    @property
    def version(self) -> str:
        """Hash of guidelines, fields and questions."""
        fields = [{"name": f.name, "title": f.title, "required": f.required, **_shown()} for f in self.fields]
        return _hash(self.guidelines, fields, [_asked(question) for question in self.questions])

    @property
    def dataset(self) -> str:
        """The dataset's name: the task's and the version."""
        return f"{self.name}-{self.version}"


def _shown() -> dict[str, Any]:
    return {"settings": {"type": "text", "use_markdown": False}}


def _asked(question: Question) -> dict[str, Any]:
    settings: dict[str, Any] = {"type": "text", "use_markdown": False}
    if question.labels is not None:
        options = [{"value": value, "text": text} for value, text in question.labels.items()]
        settings = {"type": "label_selection", "options": options}
    about = {"name": question.name, "title": question.title, "description": question.description}
    return {**about, "required": question.required, "settings": settings}


def _hash(guidelines: str, fields: Sequence[Mapping[str, Any]], questions: Sequence[Mapping[str, Any]]) -> str:
    """Over what annotators meet; ids, times and the server's own defaults do not count."""

    def plain(item: Mapping[str, Any]) -> dict[str, Any]:
        settings = item["settings"]
        options = [[o["value"], o["text"]] for o in settings.get("options") or ()]
        said = {key: item.get(key) for key in ("name", "title", "description", "required")}
        return {**said, "type": settings["type"], "markdown": settings.get("use_markdown", False), "options": options}

    whole = [guidelines, [plain(f) for f in fields], [plain(q) for q in questions]]
    return hashlib.sha256(json.dumps(whole, ensure_ascii=False).encode()).hexdigest()[:VERSION_LENGTH]


def opened(client: Client, task: Task, workspace: str) -> str:
    """Id of the task's dataset in a workspace, made and published where there is none; one that was left half made is made anew."""
    for found in client.datasets(workspace):
        if found["name"] == task.dataset:
            if found["status"] == "ready":
                return found["id"]
            client.call("DELETE", f"/datasets/{found['id']}")
    distribution = {"strategy": "overlap", "min_submitted": task.overlap}
    about = {"name": task.dataset, "workspace_id": workspace, "guidelines": task.guidelines}
    made = client.call("POST", "/datasets", {**about, "distribution": distribution, "allow_extra_metadata": False})
    at = f"/datasets/{made['id']}"
    for shown in task.fields:
        body = {"name": shown.name, "title": shown.title, "required": shown.required, **_shown()}
        client.call("POST", f"{at}/fields", body)
    for question in task.questions:
        client.call("POST", f"{at}/questions", _asked(question))
    for name, title in task.metadata.items():
        body = {"name": name, "title": title, "settings": {"type": "terms"}, "visible_for_annotators": False}
        client.call("POST", f"{at}/metadata-properties", body)
    client.call("PUT", f"{at}/publish")
    return made["id"]


def versions(client: Client, task: Task, workspace: str) -> dict[str, str]:
    """Published datasets of a task, of this version and earlier ones: id by name."""
    own = re.compile(rf"{re.escape(task.name)}-[0-9a-f]{{{VERSION_LENGTH}}}")
    found = client.datasets(workspace)
    return {d["name"]: d["id"] for d in found if d["status"] == "ready" and own.fullmatch(d["name"])}


def check_unedited(client: Client, name: str, dataset: str) -> None:
    """Raises ReviewError where a dataset's guidelines, fields or questions are not those that its name stands for."""
    guidelines = client.call("GET", f"/datasets/{dataset}")["guidelines"] or ""
    fields = client.call("GET", f"/datasets/{dataset}/fields")["items"]
    questions = client.call("GET", f"/datasets/{dataset}/questions")["items"]
    if _hash(guidelines, fields, questions) != name[-VERSION_LENGTH:]:
        raise ReviewError(
            f"{client.url}, dataset '{name}': guidelines, fields or questions were changed in the UI, so its answers are to"
            " something else than was asked, and are not taken; undo the change there, or change the files and push anew"
        )
