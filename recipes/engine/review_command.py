"""`seimai review up`, `status`, `logs`, `down`."""

import time
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from annotation.errors import ReviewError
from annotation.server.home import Home, existing_home, open_home
from annotation.server.state import answer, state, stop
from annotation.server.up import Wanted
from annotation.server.up import up as started
from annotation.server.watch import tail

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
    out = Console()
    say = ("", f"Argilla is ready after {time.monotonic() - began:.0f} s: {found.url}")
    kept = f"{home / 'credentials.json'} (only you may read it)"
    if found.drawn:
        say += (f"  user      {found.owner.username}", f"  password  {found.owner.password}")
        say += (f"  API key   {found.owner.api_key}", f"shown once; kept in {kept}")
    else:
        say += (f"the owner's password and key are in {kept}",)
    for line in (*say, "annotators: `seimai review annotator NAME`; stop: `seimai review down`"):
        out.print(line, markup=False, highlight=False, soft_wrap=True)


def status(folder: Path | None) -> bool:
    """Prints what runs; whether all of it does and the server answers."""
    home, out = existing_home(folder), Console()
    found = state(home)
    if found is None:
        out.print(f"{home.folder}: stopped; `seimai review up` starts it", markup=False, highlight=False, soft_wrap=True)
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
        out.print(line, markup=False, highlight=False, soft_wrap=True)
    return found.whole and found.watched and said is not None


def logs(folder: Path | None, name: str | None, lines: int, follow: bool) -> None:
    """Prints the ends of the logs, and with `follow` what is added, until it is interrupted."""
    home = existing_home(folder)
    if name is not None and name not in LOGS:
        raise ReviewError(f"there is no log of '{name}'; there are those of {', '.join(LOGS)}")
    names = [name] if name else [one for one in LOGS if home.log(one).exists()]
    out = Console()
    for one in names:
        for line in tail(home.log(one), lines).splitlines():
            out.print(f"{one}: {line}", markup=False, highlight=False, soft_wrap=True)
    if follow:
        try:
            for one, line in _added(home, names):
                out.print(f"{one}: {line}", markup=False, highlight=False, soft_wrap=True)
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
    Console().print(f"{home.folder}: {said}", markup=False, highlight=False, soft_wrap=True)
