"""Datasets of a review task in Argilla: opened where there is none, found by name, and held to what their name stands for.

    preference-3f2a9c1e77-2      task, version, answers that each record needs

Argilla has one number of answers for all records of a dataset. So rows that one person answers and rows that three do lie in two
datasets, which differ in the last part of the name alone.
"""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from annotation.client import Client
from annotation.errors import ReviewError
from annotation.people import SPACES, adjudicates
from annotation.questions import VERSION_LENGTH, Task, content_version

_NAME = re.compile(rf"(?P<task>.+?)-(?P<version>[0-9a-f]{{{VERSION_LENGTH}}})(?:-(?P<needed>\d+))?")


class Dataset(NamedTuple):
    """A published dataset of a task. workspace: its name; version: that it was opened for; needed: answers a record needs."""

    id: str
    name: str
    workspace: str
    task: str
    version: str
    needed: int


def name_of(task: Task, needed: int | None = None) -> str:
    """A dataset's name; without `needed`, of a task with one dataset a version."""
    return task.dataset if needed is None else f"{task.dataset}-{needed}"


def opened(client: Client, task: Task, workspace: str, needed: int | None = None) -> str:
    """Id of the task's dataset in a workspace, made and published where there is none; one that was left half made is made anew."""
    name = name_of(task, needed)
    for found in client.datasets(workspace):
        if found["name"] == name:
            if found["status"] == "ready":
                return found["id"]
            client.call("DELETE", f"/datasets/{found['id']}")
    distribution = {"strategy": "overlap", "min_submitted": needed or task.overlap}
    about = {"name": name, "workspace_id": workspace, "guidelines": task.guidelines}
    made = client.call("POST", "/datasets", {**about, "distribution": distribution, "allow_extra_metadata": False})
    at = f"/datasets/{made['id']}"
    for shown in task.shown:
        client.call("POST", f"{at}/fields", shown)
    for question in task.asked:
        client.call("POST", f"{at}/questions", question)
    for metadata, title in task.metadata.items():
        # Argilla's default shows them to annotators
        body = {"name": metadata, "title": title, "settings": {"type": "terms"}, "visible_for_annotators": False}
        client.call("POST", f"{at}/metadata-properties", body)
    client.call("PUT", f"{at}/publish")
    return made["id"]


def versions(client: Client, task: Task, workspace: str) -> dict[str, str]:
    """Published datasets of a task, of this version and earlier ones: id by name."""
    return {d.name: d.id for d in datasets(client, workspace, "") if d.task == task.name}


def datasets(client: Client, workspace: str, name: str) -> Iterator[Dataset]:
    """Published datasets of review tasks in a workspace (its id, and its name)."""
    for found in client.datasets(workspace):
        parts = _NAME.fullmatch(found["name"])
        if parts is not None and found["status"] == "ready":
            needed = int(parts["needed"] or 1)
            yield Dataset(found["id"], found["name"], name, parts["task"], parts["version"], needed)


def of_review(client: Client) -> Iterator[Dataset]:
    """Published datasets of review tasks in all workspaces of a review, those of people who settle disputes last."""
    there = client.workspaces()
    for space in (*SPACES, *sorted(filter(adjudicates, there))):
        if space in there:
            yield from datasets(client, there[space], space)


def found_version(client: Client, dataset: str) -> str:
    """Version of what a dataset says now, whoever changed it."""
    guidelines, fields, questions = _said(client, dataset)
    return content_version(guidelines, fields, questions)


def _said(client: Client, dataset: str) -> tuple[str, list[dict[str, Any]], list[dict[str, Any]]]:
    guidelines = client.call("GET", f"/datasets/{dataset}")["guidelines"] or ""
    fields = client.call("GET", f"/datasets/{dataset}/fields")["items"]
    return guidelines, fields, client.call("GET", f"/datasets/{dataset}/questions")["items"]


def check_unedited(client: Client, name: str, dataset: str) -> None:
    """Raises ReviewError where a dataset's guidelines, fields or questions are not those that its name stands for."""
    parts = _NAME.fullmatch(name)
    if parts is None or found_version(client, dataset) != parts["version"]:
        raise ReviewError(
            f"{client.url}, dataset '{name}': guidelines, fields or questions were changed in the UI, so its answers are to"
            " something else than was asked, and are not taken; undo the change there, or change the files and push anew"
        )


def differences(client: Client, task: Task, dataset: str) -> list[str]:
    """What a dataset says otherwise than the task: a sentence each."""
    guidelines, fields, questions = _said(client, dataset)
    said = [] if guidelines == task.guidelines else ["the guidelines were changed"]
    for kind, ours, theirs in (("field", task.shown, fields), ("question", task.asked, questions)):
        there = {one["name"]: one for one in theirs}
        for one in ours:
            if one["name"] not in there:
                said.append(f"{kind} '{one['name']}' is gone")
            elif content_version("", [one], []) != content_version("", [there[one["name"]]], []):
                said.append(f"{kind} '{one['name']}' was changed")
        said += [f"{kind} '{name}' was added" for name in there if name not in {one["name"] for one in ours}]
    return said
