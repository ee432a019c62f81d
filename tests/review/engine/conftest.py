"""Argilla's real server in this process, its REST interface without a socket, and the embedded engine under it.

These tests run in Argilla's environment (`uvx nox -s review`); elsewhere they are skipped. The server's settings are read when it is
imported, so the folder it writes into is named before.
"""

import asyncio
import importlib.util
import itertools
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = importlib.util.find_spec("argilla_server") is not None
OWNER_KEY = "owner-key-of-the-tests"

if HERE:
    FOLDER = Path(tempfile.mkdtemp(prefix="seimai-engine-"))
    os.environ |= {
        "ARGILLA_HOME_PATH": str(FOLDER),
        "ARGILLA_SEARCH_ENGINE": "embedded",
        "ARGILLA_AUTH_SECRET_KEY": "tests",
        "SEIMAI_SEARCH_INDEX": str(FOLDER / "search.db"),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
else:
    collect_ignore_glob = ["test_*.py"]


class Api:
    """REST calls as one user; an answer's JSON, or None. Any status but the expected one fails the test with what was said."""

    def __init__(self, loop: asyncio.AbstractEventLoop, client: Any, key: str, user: str = ""):
        self.loop, self.client, self.key, self.user = loop, client, key, user

    def __call__(self, method: str, path: str, body: Any = None, status: int | None = None) -> Any:
        """`api("POST", "/datasets", {...})`."""
        sent = self.client.request(
            method, f"/api/v1{path}", json=body, headers={"X-Argilla-Api-Key": self.key}, timeout=60
        )
        answered = self.loop.run_until_complete(sent)
        right = answered.status_code == status if status else answered.status_code < 300
        assert right, f"{method} {path}: {answered.status_code} {answered.text}"
        return answered.json() if answered.content else None


class Made:
    """A published dataset and short ways to ask it. Records are named by their external ids."""

    def __init__(self, api: Api, dataset: dict[str, Any]):
        self.api, self.id = api, dataset["id"]
        self.questions: dict[str, str] = {}
        self.vectors: dict[str, str] = {}
        self.records: dict[str, str] = {}

    def log(self, *records: dict[str, Any]) -> None:
        """Pushes records by the server's bulk endpoint; suggestions name their question."""
        items = [dict(record) for record in records]
        for item in items:
            item["suggestions"] = [
                {**said, "question_id": self.questions[said["question"]]} for said in item.get("suggestions", [])
            ]
            for said in item["suggestions"]:
                del said["question"]
        sent = self.api("PUT", f"/datasets/{self.id}/records/bulk", {"items": items})
        self.records |= {record["external_id"]: record["id"] for record in sent["items"]}

    def search(self, text: str | None = None, *, as_: Api | None = None, **asked: Any) -> tuple[list[str], int]:
        """External ids of a page and the total. field, filters (a list), sort (a list), vector, offset, limit, whole."""
        body: dict[str, Any] = {}
        query: dict[str, Any] = {}
        if text is not None:
            query["text"] = {"q": text, **({"field": asked["field"]} if "field" in asked else {})}
        if "vector" in asked:
            query["vector"] = asked["vector"]
        if query:
            body["query"] = query
        if "filters" in asked:
            body["filters"] = {"type": "and", "and": asked["filters"]}
        if "sort" in asked:
            body["sort"] = [{"scope": scope, "order": order} for scope, order in asked["sort"]]
        me = "/me" if as_ else ""
        page = f"offset={asked.get('offset', 0)}&limit={asked.get('limit', 100)}"
        path = f"{me}/datasets/{self.id}/records/search?{page}"
        answered = (as_ or self.api)("POST", path, body)
        names = [item["record"]["external_id"] for item in answered["items"]]
        self.scores = [item["query_score"] for item in answered["items"]]
        return names, answered["total"]

    def found(self, text: str | None = None, **asked: Any) -> set[str]:
        """What a search finds, whatever the order; its total must say the same number."""
        names, total = self.search(text, **asked)
        assert len(names) == len(set(names)) == total
        return set(names)

    def answer(self, as_: Api, record: str, status: str = "submitted", **values: Any) -> str:
        """One annotator's response to a record, new or changed; its id."""
        body = {
            "items": [
                {
                    "record_id": self.records[record],
                    "status": status,
                    "values": {question: {"value": value} for question, value in values.items()},
                }
            ]
        }
        item = as_("POST", "/me/responses/bulk", body)["items"][0]
        assert item["item"] is not None, item["error"]
        return item["item"]["id"]


@pytest.fixture(scope="session")
def owner() -> Iterator[Api]:
    """The owner's calls, on a database that was made for these tests."""
    import json

    import httpx

    import annotation.server.engine.embedded  # noqa: F401
    from annotation.server.engine.prepare import prepare

    prepare(json.dumps({"username": "owner", "password": "12345678", "api_key": OWNER_KEY, "workspace": "review"}))
    from argilla_server import app

    loop = asyncio.new_event_loop()
    client = httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://argilla")
    yield Api(loop, client, OWNER_KEY)
    loop.run_until_complete(client.aclose())
    loop.close()


@pytest.fixture(scope="session")
def workspace(owner: Api) -> str:
    """Id of the workspace that everything lies in."""
    return owner("GET", "/me/workspaces")["items"][0]["id"]


@pytest.fixture(scope="session")
def annotators(owner: Api, workspace: str) -> list[Api]:
    """Three people who answer."""
    people = []
    for name in ("hana", "ken", "mio"):
        user = {"first_name": name, "username": name, "password": "12345678", "role": "annotator"}
        made = owner("POST", "/users", user)
        owner("POST", f"/workspaces/{workspace}/users", {"user_id": made["id"]})
        people.append(Api(owner.loop, owner.client, made["api_key"], made["id"]))
    return people


@pytest.fixture(scope="session")
def dataset(owner: Api, workspace: str) -> Any:
    """Makes datasets: fields by type, questions by settings, metadata properties by settings, vectors by length."""
    number = itertools.count()

    def make(
        fields: dict[str, str] | None = None,
        questions: dict[str, dict[str, Any]] | None = None,
        metadata: dict[str, str] | None = None,
        vectors: dict[str, int] | None = None,
        least_submitted: int = 1,
        publish: bool = True,
    ) -> Made:
        name = f"tests-{next(number)}"
        distribution = {"strategy": "overlap", "min_submitted": least_submitted}
        about = {"name": name, "workspace_id": workspace, "distribution": distribution}
        made = Made(owner, owner("POST", "/datasets", about))
        at = f"/datasets/{made.id}"
        for position, (field, kind) in enumerate((fields or {"text": "text"}).items()):
            settings = {"type": kind, **({"template": "{{x}}"} if kind == "custom" else {})}
            settings |= {"use_markdown": False} if kind in ("text", "chat") else {}
            body = {"name": field, "title": field, "required": position == 0, "settings": settings}
            owner("POST", f"{at}/fields", body)
        asked = questions or {"comment": {"type": "text", "use_markdown": False}}
        for position, (question, settings) in enumerate(asked.items()):
            body = {"name": question, "title": question, "required": position == 0, "settings": settings}
            made.questions[question] = owner("POST", f"{at}/questions", body)["id"]
        for prop, kind in (metadata or {}).items():
            body = {"name": prop, "title": prop, "settings": {"type": kind}}
            owner("POST", f"{at}/metadata-properties", body)
        for vector, length in (vectors or {}).items():
            body = {"name": vector, "title": vector, "dimensions": length}
            made.vectors[vector] = owner("POST", f"{at}/vectors-settings", body)["id"]
        if publish:
            owner("PUT", f"{at}/publish")
        return made

    return make


def options(*values: str) -> list[dict[str, str]]:
    """Options of a label question."""
    return [{"value": value, "text": value} for value in values]
