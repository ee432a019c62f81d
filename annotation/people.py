"""Who answers: pseudonyms, and the workspaces in which people meet records.

A record of Argilla looks the same to everybody, so a comparison in the opposite order is another record, and nobody may meet both.
Annotators therefore belong to one of two groups, and each group has a workspace of its own: of every comparison that several people
decide one group sees the one order and the other group the opposite. What one person decides alone lies in the workspace of all.
Harmful content lies in workspaces of its own, which people join only if they offer to.

Whoever settles disputes has a workspace of their own as well: it holds rows on which they themselves have not voted, and no workspace
of several people could promise that of all of them.
"""

import hashlib
from typing import Any, NamedTuple

from annotation.client import Client
from annotation.errors import ReviewError

ALL, GROUPS = "review", ("review-1", "review-2")
HARMFUL, HARMFUL_GROUPS = "review-harmful", ("review-harmful-1", "review-harmful-2")
SPACES = (ALL, *GROUPS, HARMFUL, *HARMFUL_GROUPS)
"""Every workspace of annotators."""
ADJUDICATION = "adjudicate-"
"""How the workspace of somebody who settles disputes begins; their pseudonym follows."""


def pseudonym(user: str) -> str:
    """An annotator's name in the files: from a hash of the server's random user id, which stays on the server."""
    return "r-" + hashlib.sha256(user.encode()).hexdigest()[:8]


def adjudicates(place: str) -> bool:
    """Whether a workspace, or a dataset as label shards name it, is of somebody who settles disputes.

    >>> adjudicates("adjudicate-r-3f2a9c1e/preference-3f2a9c1e77-1"), adjudicates("review-1/preference-3f2a9c1e77-1")
    (True, False)
    """
    return place.startswith(ADJUDICATION)


def members(client: Client, workspace: str) -> dict[str, str]:
    """Annotators of a workspace (by its name): their ids by name."""
    found = client.call("GET", f"/workspaces/{client.workspace(workspace)}/users")["items"]
    return {user["username"]: user["id"] for user in found if user["role"] == "annotator"}


def join(client: Client, name: str, password: str | None, harmful: bool = False) -> tuple[int, bool]:
    """Makes an annotator, or finds the one of this name, and lets them into the workspaces that they lack.

    Returns their group (1 or 2: the smaller one, where they are new) and whether they are new. Raises ReviewError for a name that
    is an owner's or admin's.
    """
    found: dict[str, dict[str, Any]] = {u["username"]: u for u in client.call("GET", "/users")["items"]}
    new = name not in found
    if new:
        body = {"first_name": name, "username": name, "role": "annotator", "password": password}
        found[name] = client.call("POST", "/users", body)
    user = found[name]
    _check_annotator(user, name)
    groups = [members(client, group) for group in GROUPS]
    own = next((i for i, group in enumerate(groups) if name in group), None)
    group = own if own is not None else min((0, 1), key=lambda i: len(groups[i]))
    for space in (ALL, GROUPS[group], *((HARMFUL, HARMFUL_GROUPS[group]) if harmful else ())):
        if name not in members(client, space):
            client.call("POST", f"/workspaces/{client.workspace(space)}/users", {"user_id": user["id"]})
    return group + 1, new


def leave_harmful(client: Client, name: str) -> bool:
    """Takes an annotator out of harmful content. Returns whether they were in it."""
    was = False
    for space in (HARMFUL, *HARMFUL_GROUPS):
        if (user := members(client, space).get(name)) is not None:
            client.call("DELETE", f"/workspaces/{client.workspace(space)}/users/{user}")
            was = True
    return was


def renew(client: Client, name: str, password: str) -> None:
    """Gives an annotator, or somebody who settles disputes, a new password. Raises ReviewError for any other name."""
    found: dict[str, dict[str, Any]] = {u["username"]: u for u in client.call("GET", "/users")["items"]}
    if name not in found:
        known = ", ".join(sorted(n for n, user in found.items() if user["role"] == "annotator")) or "nobody yet"
        raise ReviewError(f"{client.url}: there is nobody called '{name}'; there are {known}")
    _check_annotator(found[name], name)
    client.call("PATCH", f"/users/{found[name]['id']}", {"password": password})


def appoint(client: Client, name: str, password: str) -> bool:
    """Lets somebody settle disputes, made where there is nobody of this name. Returns whether they are new.

    Raises ReviewError for a name that is an owner's or admin's.
    """
    found: dict[str, dict[str, Any]] = {u["username"]: u for u in client.call("GET", "/users")["items"]}
    new = name not in found
    if new:
        body = {"first_name": name, "username": name, "role": "annotator", "password": password}
        found[name] = client.call("POST", "/users", body)
    user = found[name]
    _check_annotator(user, name)
    space = ADJUDICATION + pseudonym(user["id"])
    if name not in members(client, space):
        client.call("POST", f"/workspaces/{client.workspace(space)}/users", {"user_id": user["id"]})
    return new


def adjudicators(client: Client) -> dict[str, bool]:
    """Pseudonyms of those who settle disputes, and whether they offered to read harmful content."""
    harmful = {pseudonym(user) for user in members(client, HARMFUL).values()}
    found: dict[str, bool] = {}
    for space in sorted(filter(adjudicates, client.workspaces())):
        who = space.removeprefix(ADJUDICATION)
        if who in map(pseudonym, members(client, space).values()):
            found[who] = who in harmful
    return found


class Person(NamedTuple):
    """An annotator. pseudonym: as files name them. group: 1 or 2; None for somebody who only settles disputes."""

    name: str
    pseudonym: str
    group: int | None
    harmful: bool
    settles: bool


def everybody(client: Client) -> list[Person]:
    """All annotators by name: who is who is known to the server alone."""
    there, settle = client.workspaces(), adjudicators(client)
    inside = {space: members(client, space) if space in there else dict[str, str]() for space in (*GROUPS, HARMFUL)}
    found: list[Person] = []
    for user in client.call("GET", "/users")["items"]:
        if user["role"] == "annotator":
            name, who = user["username"], pseudonym(user["id"])
            group = next((number for number, space in enumerate(GROUPS, 1) if name in inside[space]), None)
            found.append(Person(name, who, group, name in inside[HARMFUL], who in settle))
    return sorted(found)


def _check_annotator(user: dict[str, Any], name: str) -> None:
    if user["role"] != "annotator":
        raise ReviewError(
            f"'{name}' is an {user['role']} of this Argilla, who sees what annotators must not; take another name"
        )
