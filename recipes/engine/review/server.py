"""`seimai review up`, `status`, `logs`, `down`, `annotator`, `password`, `wordings`; the rest is `labels`, `office` and `settle`."""

import os
import secrets
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from annotation import people
from annotation.client import Client
from annotation.errors import ReviewError
from annotation.review_tasks import warning
from annotation.server.home import WORKSPACE, Home, credentials, existing_home, open_home
from annotation.server.state import answer, state, stop
from annotation.server.up import Wanted
from annotation.server.up import up as started
from annotation.server.watch import tail

if TYPE_CHECKING:
    from annotation import wording_review

API_KEY = "SEIMAI_ARGILLA_API_KEY"
"""Environment variable with the key of an Argilla that is not ours."""

LOGS = ("server", "worker", "redis", "watch")


def up(
    folder: Path | None,
    port: int | None,
    redis: str | None,
    elasticsearch: str | None,
    opensearch: str | None,
    seconds: float,
) -> None:
    """Starts a review and says where it is; the owner's password and key are shown when they are new."""
    if elasticsearch and opensearch:
        raise ReviewError("give --elasticsearch or --opensearch, not both")
    search = ("elasticsearch", elasticsearch) if elasticsearch else ("opensearch", opensearch) if opensearch else None
    home, console = open_home(folder), Console(stderr=True)
    began = time.monotonic()
    wanted = Wanted(port, redis, search, seconds)
    found = started(home, wanted, lambda what: console.print(what, markup=False, highlight=False, soft_wrap=True))
    say = ("", f"Argilla is ready after {time.monotonic() - began:.0f} s: {found.url}")
    kept = f"{home / 'credentials.json'} (only you may read it)"
    if found.drawn:
        say += (f"  user      {found.owner.username}", f"  password  {found.owner.password}")
        say += (f"  API key   {found.owner.api_key}", f"shown once; kept in {kept}")
    else:
        say += (f"the owner's password and key are in {kept}",)
    for line in (*say, "annotators: `seimai review annotator NAME`; stop: `seimai review down`"):
        _print(line)


def status(folder: Path | None) -> bool:
    """Prints what runs; whether all of it does and the server answers."""
    home, out = existing_home(folder), Console()
    found = state(home)
    if found is None:
        out.print(
            f"{home.folder}: stopped; `seimai review up` starts it", markup=False, highlight=False, soft_wrap=True
        )
        return False
    table = Table(title=found.url, header_style="bold")
    for column in ("process", "pid", "state"):
        table.add_column(column)
    for part in found.parts:
        table.add_row(part.name, str(part.process.pid), "runs" if part.runs else part.ended)
    if not found.watched:
        table.add_row("watch", str(found.watcher.pid), "ended: nothing notices a crash until `seimai review up`")
    out.print(table)
    said = answer(found.url)
    lines = [f"home: {home.folder}"]
    if said is None:
        lines.append("the server does not answer")
    else:
        engine = said["search_engine"]
        held = f": {engine['datasets']} datasets, {engine['records']} records" if "records" in engine else ""
        lines.append(f"Argilla {said['version']} answers; search engine {found.about['engine']}{held}")
    for part in found.parts:
        if not part.runs:
            lines.append(f"{part.name} {part.ended}; `seimai review up` starts the review again. Its log ended:")
            lines.append(part.log or tail(home.log(part.name)))
    for line in lines:
        _print(line)
    return found.whole and found.watched and said is not None


def logs(folder: Path | None, name: str | None, lines: int, follow: bool) -> None:
    """Prints the ends of the logs, and with `follow` what is added, until it is interrupted."""
    home = existing_home(folder)
    if name is not None and name not in LOGS:
        raise ReviewError(f"there is no log of '{name}'; there are those of {', '.join(LOGS)}")
    names = [name] if name else [one for one in LOGS if home.log(one).exists()]
    for one in names:
        for line in tail(home.log(one), lines).splitlines():
            _print(f"{one}: {line}")
    if follow:
        try:
            for one, line in _added(home, names):
                _print(f"{one}: {line}")
        except KeyboardInterrupt:
            return


def _added(home: Home, names: list[str]) -> Iterator[tuple[str, str]]:
    read = {name: home.log(name).stat().st_size if home.log(name).exists() else 0 for name in names}
    while True:
        for name in names:
            path = home.log(name)
            if path.exists() and path.stat().st_size > read[name]:
                with path.open("rb") as file:
                    file.seek(read[name])
                    new, _, _ = file.read().rpartition(b"\n")
                read[name] += len(new) + 1 if new else 0
                yield from ((name, line) for line in new.decode("utf-8", "replace").splitlines())
        time.sleep(0.5)


def down(folder: Path | None) -> None:
    """Stops a review and says what of it ran."""
    from annotation.server.home import starting

    home = existing_home(folder)
    with starting(home):
        ended = stop(home)
    said = f"stopped {', '.join(ended)}" if ended else "nothing of it was running"
    _print(f"{home.folder}: {said}")


def reached(folder: Path | None, url: str | None) -> Client:
    """The Argilla at an address, with the key from the environment, or the one that `up` started. Raises ReviewError."""
    if url is not None:
        key = os.environ.get(API_KEY)
        if not key:
            raise ReviewError(f"{url}: {API_KEY} must hold an owner's API key")
        return Client(url, key, f"from {API_KEY}", owner=True)
    home = existing_home(folder)
    found = state(home)
    if found is None:
        raise ReviewError(f"{home.folder}: the review is stopped; `seimai review up` starts it")
    ended = [f"{part.name} {part.ended}" for part in found.parts if not part.runs]
    hint = f"{'; '.join(ended)}; `seimai review up` starts it again" if ended else f"from {home / 'credentials.json'}"
    return Client(found.url, credentials(home)[0].api_key, hint, owner=True)


def annotator(folder: Path | None, url: str | None, name: str, harmful: bool | None = None) -> None:
    """Makes a user who answers, or changes what one who is there may read; a new one's password is shown once and kept nowhere."""
    if not name.strip():
        raise ReviewError("an annotator has a name to sign in with; a pseudonym will do")
    password = secrets.token_urlsafe(9)
    with reached(folder, url) as client:
        group, new = people.join(client, name, password, harmful is True)
        left = harmful is False and people.leave_harmful(client, name)
    lines = [f"{url or client.url}/sign-in", f"  user      {name}"]
    said = [f"  password  {password}", "shown once"]
    lines += said if new else ["was there already; `seimai review password NAME` gives a new password"]
    lines.append(f"group {group} of those who compare answers in opposite orders")
    if harmful:
        lines.append(f"may read harmful content; tell them before: {warning('ja')}")
    elif left:
        lines.append("reads no harmful content any more")
    for line in lines:
        _print(line)


def new_password(folder: Path | None, url: str | None, name: str) -> None:
    """Gives somebody another password, which is shown once and kept nowhere."""
    password = secrets.token_urlsafe(9)
    with reached(folder, url) as client:
        people.renew(client, name, password)
    for line in (f"{url or client.url}/sign-in", f"  user      {name}", f"  password  {password}", "shown once"):
        _print(line)


def who_is_who(folder: Path | None, url: str | None) -> None:
    """Prints all annotators with the pseudonyms under which files name them."""
    with reached(folder, url) as client:
        found = people.everybody(client)
    if not found:
        _print("there are no annotators yet: `seimai review annotator NAME` makes one")
        return
    table = Table(header_style="bold")
    for column in ("name", "pseudonym", "group", "harmful content", "settles disputes"):
        table.add_column(column, no_wrap=column in ("name", "pseudonym"))
    for one in found:
        group = "–" if one.group is None else str(one.group)
        table.add_row(
            escape(one.name), one.pseudonym, group, "yes" if one.harmful else "", "yes" if one.settles else ""
        )
    Console().print(table)
    _print("files, reports and payment tables hold pseudonyms alone: keep this list apart from them")


def wordings(folder: Path | None, url: str | None, paths: Sequence[Path], pull_only: bool) -> None:
    """Takes what annotators decided into the files, then brings drafts before them; prints what became of which line."""
    from annotation import wording_review
    from recipes.engine.errors import RecipeError
    from synth.tasks.domain_file import domains
    from synth.wording_audit import audit_wordings
    from synth.wording_slots import filled_slots
    from synth.wordings import FOLDER, WordingError

    own = frozenset(path.stem for path in paths)
    every = list(paths) or [*sorted(FOLDER.glob("*.yaml")), *domains().values()]
    # the names that fill slots are those of the project's tasks: to find them, every task is drawn (seconds)
    audit = partial(audit_wordings, known=None if paths else filled_slots(), outside=own)
    try:
        with reached(folder, url) as client:
            workspace = client.workspace(WORKSPACE)
            found = wording_review.pull(client, workspace, wording_review.sources(every), audit)
            _tell_pull(found)
            if not pull_only:
                pushed = wording_review.push(client, workspace, wording_review.sources(every), audit)
                _print(
                    f"dataset {pushed.dataset}: {pushed.waiting} drafts, {pushed.pushed} of them pushed now,"
                    f" {pushed.withdrawn} records withdrawn; {client.url}"
                )
    except WordingError as error:
        raise RecipeError(str(error)) from error


def _tell_pull(found: "wording_review.Outcome") -> None:
    listed = (("reviewed", found.reviewed), ("corrected", found.corrected))
    for name, lines in (*listed, ("not wanted", found.unwanted), ("not taken", found.not_taken)):
        for line in lines:
            _print(f"{name}: {line}")
    _print(
        f"{len(found.reviewed) + len(found.corrected)} lines reviewed, {len(found.corrected)} of them corrected;"
        f" {len(found.unwanted)} not wanted, {len(found.not_taken)} not taken (these stay drafts)"
    )


def _print(line: str) -> None:
    Console().print(line, markup=False, highlight=False, soft_wrap=True)
