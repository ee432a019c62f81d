"""How much harmful content lies before a person: never more than a day's cap, counted with what they answered today.

Argilla hands out whatever lies in a dataset. So the cap is kept by what lies there: in the workspaces that one person can enter, what
waits and what that person answered or skipped today together are at most the cap. Who has met the cap finds nothing more until the
next day's push.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from annotation.client import Client, Json
from annotation.datasets import datasets
from annotation.people import HARMFUL, HARMFUL_GROUPS, members
from annotation.pull import utc


@dataclass
class Room:
    """Records that may still be put into each harmful workspace today."""

    left: dict[str, int]

    def take(self, workspace: str) -> bool:
        """Whether one more may be put there; it is counted."""
        # those of a group enter the workspace of all and their own: what lies in the one narrows the other
        touched = [group for group in HARMFUL_GROUPS if workspace in (HARMFUL, group)]
        if any(self.left[group] < 1 for group in touched):
            return False
        for group in touched:
            self.left[group] -= 1
        return True


def room(client: Client, cap: int) -> Room:
    """What may be put before each group now. A day is one of this machine's clock."""
    lying = {space: list(_records(client, space)) for space in (HARMFUL, *HARMFUL_GROUPS)}
    left: dict[str, int] = {}
    for group in HARMFUL_GROUPS:
        people = set(members(client, group).values()) or {""}
        found = lying[HARMFUL] + lying[group]
        left[group] = max(0, cap - max(sum(_meets(record, person) for record in found) for person in people))
    return Room(left)


def _records(client: Client, space: str) -> Iterator[Json]:
    for dataset in datasets(client, client.workspace(space), space):
        yield from client.records(dataset.id, include=("responses",))


def _meets(record: Json, person: str) -> bool:
    """Whether a person meets a record today: it waits for them, or they answered it today."""
    for answer in record.get("responses") or ():
        if answer["user_id"] == person and answer["status"] != "draft":
            return utc(answer["updated_at"]).astimezone().date() == datetime.now().astimezone().date()
    return record["status"] != "completed"
