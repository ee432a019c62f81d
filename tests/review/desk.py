"""What tests of a review do over REST, as the page sends it: push rows, see them as an annotator, answer, pull."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from annotation.client import Client, Json
from annotation.items import Item
from annotation.labels import Labels
from annotation.pull import Pulled, pull
from annotation.push import Order, Pushed, push
from annotation.questions import Task
from tests.review.conftest import Running

SOURCE = "trial/preference"


class Desk:
    """One set of label shards beside a running review: pushes, answers, pulls."""

    def __init__(self, running: Running, folder: Path, of: Task, source: str = SOURCE):
        self.running, self.labels, self.task, self.source = running, Labels(folder), of, source

    def client(self) -> Client:
        """As the owner."""
        return Client(self.running.url, self.running.key)

    def push(self, items: list[Item], **other: Any) -> Pushed:
        """Pushes these rows, which are all of the source."""
        with self.client() as argilla:
            return push(argilla, self.labels, Order(self.task, self.source, **other), items)

    def pull(self) -> Pulled:
        """Pulls."""
        with self.client() as argilla:
            return pull(argilla, self.labels)

    def users(self) -> dict[str, Json]:
        """All users by name."""
        with self.client() as argilla:
            return {user["username"]: user for user in argilla.call("GET", "/users")["items"]}

    def seen(self, who: str) -> Iterator[Json]:
        """Records of this task that an annotator can open."""
        with Client(self.running.url, self.users()[who]["api_key"]) as argilla:
            for made in argilla.call("GET", "/me/datasets")["items"]:
                if made["status"] == "ready" and made["name"].startswith(self.task.dataset):
                    path = f"/me/datasets/{made['id']}/records/search?include=responses&include=suggestions&limit=1000"
                    for item in argilla.call("POST", path, {})["items"]:
                        yield item["record"]

    def answer(self, who: str, record: str, status: str = "submitted", **values: Any) -> None:
        """An answer, as the page sends it; given again it is changed."""
        with Client(self.running.url, self.users()[who]["api_key"]) as argilla:
            said = {question: {"value": value} for question, value in values.items()}
            item = {"record_id": record, "status": status, "values": said}
            answered = argilla.call("POST", "/me/responses/bulk", {"items": [item]})["items"][0]
            assert answered["error"] is None, answered

    def lines(self) -> list[Json]:
        """All lines of the answers."""
        return self.labels.read("answers").to_pylist()

    def by_external_id(self) -> dict[str, Json]:
        """What was pushed by external id."""
        return {name: row for (_, name), row in self.labels.records().items()}
