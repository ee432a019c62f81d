"""`seimai forget`: finds, leaves tombstones, takes out, and says what held it. Given again, it goes on where it stopped."""

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from annotation.decision import MANIFEST, read_decisions
from annotation.labels import Labels
from annotation.server.home import default_folder, existing_home
from annotation.server.state import state
from annotation.withdraw import held, withdraw, withdraw_from
from curation.mixture.ledger import Ledger
from curation.place import Place
from curation.tombstones import Entry, TombstoneError, Tombstones, add, annotator_key, host_key, url_key
from recipes.engine.errors import RecipeError
from recipes.engine.file_systems import reaching
from recipes.engine.forget.derived import Found, find, keys_of, tables, unknown
from recipes.engine.forget.sweep import cleared
from recipes.engine.forget.telling import found_lines, went_lines
from recipes.engine.forget.where import tombstones_of
from recipes.engine.review.server import reached
from recipes.engine.run_lock import locked

Say = Callable[..., None]
SHARED = frozenset(f"{kind}.jp" for kind in "ac ad co ed go gr lg ne or".split())
"""Attribute-type domains of .jp (JPRS): a tombstone for one would stand for all firms, schools or offices of the country."""
Pairs = Sequence[tuple[str, str]]
"""What was asked for, as it was said, and its key in hexadecimal."""


@dataclass(frozen=True)
class Asked:
    """What is to be forgotten, why and by whom."""

    urls: Sequence[str] = ()
    hosts: Sequence[str] = ()
    ids: Sequence[str] = ()
    annotators: Sequence[str] = ()
    reason: str = ""
    by: str = ""

    @property
    def keys(self) -> dict[str, Pairs]:
        """Keys by kind. Raises RecipeError for what is none."""
        made: dict[str, Pairs] = {
            "url": [(said, _url(said)) for said in self.urls],
            "host": [(said, host_key(_host(said)).hex()) for said in self.hosts],
            "row": [(said, _id(said)) for said in self.ids],
            "annotator": [(said, annotator_key(_annotator(said)).hex()) for said in self.annotators],
        }
        return {kind: pairs for kind, pairs in made.items() if pairs}


@dataclass(frozen=True)
class Places:
    """Where it is looked for. outs: folders of runs, or of mixtures. labels, home, argilla: of a review."""

    outs: Sequence[str] = ()
    tombstones: str | None = None
    labels: Path | None = None
    home: Path | None = None
    argilla: str | None = None
    ledger: str | None = None


@dataclass
class _Work:
    runs: list[str] = field(default_factory=list[str])
    mixtures: list[str] = field(default_factory=list[str])
    releases: list[str] = field(default_factory=list[str])
    """Sets outside a run's folder: what holds it is said, and made anew by whoever made it."""


def forget(asked: Asked, places: Places, *, dry_run: bool = False) -> None:
    """Does it, and prints what it does. Raises RecipeError for what cannot be, before anything is changed."""
    console = Console(highlight=False, soft_wrap=True)

    def say(*lines: str) -> None:
        for line in lines:
            console.print(line, markup=False)

    keys, work = asked.keys, _work(places.outs)
    if keys and not (asked.reason and asked.by):
        raise RecipeError(
            "a tombstone says why and by whom: give --reason (and --by, where the user's name is not known)"
        )
    url = _tombstones(work, places)
    labels = _labels(places)
    try:
        there = Tombstones.open(url)
        wanted = Tombstones((*there.entries, _entry(there, keys)), url)
        with contextlib.ExitStack() as stack:
            for out in work.runs:
                stack.enter_context(locked(out))
            found = {out: find(out, wanted) for out in work.runs}
            say(*(line for out, one in found.items() for line in found_lines(out, one)))
            say(*(line for out, one in found.items() for line in unknown(keys, out, one)))
            mixed = [out for out in work.mixtures if _holds(out, wanted, found.values())]
            say(*(f"{out}: the mixture shows it" for out in mixed))
            holding = [out for out in work.releases if _holds(out, wanted, found.values())]
            say(*(f"{out}: this release holds it; make it anew once the run is cleared" for out in holding))
            say(*_decided(work.releases, labels, asked.annotators))
            if labels is not None:
                said = held(labels, _whole(wanted, found.values()))
                say(f"{labels.folder}: {said.records:,} records and {said.lines:,} lines of answers")
            if dry_run:
                say("nothing was changed (--dry-run)")
                return
            entry = add(url, _all_keys(keys, found.values()), by=asked.by, reason=asked.reason) if keys else None
            gone = Tombstones.open(url)
            if entry is not None and entry.keys:
                say(f"{url}/{entry.number:08d}.json: {sum(map(len, entry.keys.values())):,} tombstones")
            for out, one in found.items():
                went, of_reports = cleared(out, gone, one)
                say(*went_lines(out, went), *of_reports)
        for out in mixed:
            Place(out).remove()
            say(f"{out}: withdrawn; `seimai mix` writes it anew from sources without it, ledgers keep what was shown")
    except TombstoneError as error:
        raise RecipeError(str(error)) from error
    if places.ledger is not None:
        forms = sorted({form for one in found.values() for form in one.forms})
        fresh = Ledger.open(places.ledger).forget(forms) if forms else 0
        say(f"{places.ledger}: {fresh:,} texts more that are never shown again, wherever they stand; debits stay")
    if labels is not None:
        _review(labels, gone, asked, places, say)


def _review(labels: Labels, gone: Tombstones, asked: Asked, places: Places, say: Say) -> None:
    """Takes it out of label shards, and out of Argilla where that runs."""
    keys: dict[str, list[str]] = {}
    for entry in gone.entries:
        for kind, some in entry.keys.items():
            keys.setdefault(kind, []).extend(some)
    last = gone.entries[-1] if gone.entries else None
    by, reason = (asked.by, asked.reason) if asked.reason or last is None else (last.by, last.reason)
    done = withdraw(labels, keys, by=by, reason=reason)
    say(f"{labels.folder}: {done.records:,} records without their texts, {done.lines:,} lines of answers taken out")
    if not _runs(places):
        say("Argilla is not running: its records go with the same command once `seimai review up` has started it")
        return
    with reached(places.home, places.argilla) as client:
        withdraw_from(client, labels, done)
    say(f"Argilla: {done.deleted:,} records and {done.responses:,} answers deleted")


def _runs(places: Places) -> bool:
    if places.argilla is not None:
        return True
    home = places.home or default_folder()
    return (home / "credentials.json").exists() and state(existing_home(places.home)) is not None


def _labels(places: Places) -> Labels | None:
    """The label shards that are named, else those of the review's home, where there are some."""
    folder = places.labels or (places.home or default_folder()) / "labels"
    folder = folder.expanduser().absolute()
    if folder.exists():
        return Labels(folder)
    if places.labels is not None:
        raise RecipeError(f"{folder}: there are no label shards here")
    return None


def _work(outs: Sequence[str]) -> _Work:
    """Folders of runs and of mixtures; a run's version stands for the run. Raises RecipeError for any other."""
    work = _Work()
    for said in outs:
        out = said.rstrip("/")
        with reaching([out], "run"):
            place = Place(out)
            if place.exists("mixture.json"):
                work.mixtures.append(out)
                continue
            if place.exists("manifest.json"):
                work.releases.append(out)
                continue
            if place.exists("run.json"):
                out = out.rpartition("/")[0] or "."
            elif not place.exists("stages") and not any((place / n).exists("run.json") for n in place.names()):
                raise RecipeError(
                    f"{said}: neither a run's folder (with stages and versions) nor that of a mixture or a release"
                )
        if out not in work.runs:
            work.runs.append(out)
    return work


def _tombstones(work: _Work, places: Places) -> str:
    if places.tombstones is not None:
        return places.tombstones
    found = sorted({Place(tombstones_of(out)).url for out in work.runs})
    if len(found) > 1:
        raise RecipeError(f"these runs keep their tombstones apart ({', '.join(found)}); name one with --forgotten")
    return found[0] if found else "runs/forgotten"


def _entry(there: Tombstones, keys: dict[str, Pairs]) -> Entry:
    return Entry(len(there) + 1, "", "", "", {kind: [key for _, key in pairs] for kind, pairs in keys.items()})


def _whole(gone: Tombstones, found: Iterable[Found]) -> Tombstones:
    for number, one in enumerate(found):
        gone = Tombstones((*gone.entries, Entry(number, "", "", "", keys_of(one))), gone.url)
    return gone


def _all_keys(keys: dict[str, Pairs], found: Iterable[Found]) -> dict[str, list[str]]:
    """What was asked for and everything that was found of it."""
    made = {kind: [key for _, key in pairs] for kind, pairs in keys.items()}
    for one in found:
        for kind, some in keys_of(one).items():
            made[kind] = [*made.get(kind, ()), *some]
    return made


def _holds(mixture: str, gone: Tombstones, found: Iterable[Found]) -> bool:
    whole = _whole(gone, found)
    return any(whole.touched(table).any() for _, table in tables(mixture))


def _decided(releases: Sequence[str], labels: Labels | None, annotators: Sequence[str]) -> Iterator[str]:
    """Releases in which these annotators decided or wrote something, in words; those of which nobody can tell any more too."""
    for out in releases if annotators else ():
        content = Place(out).read_json(MANIFEST).get("decisions_content")
        if content is None:
            continue
        place = None if labels is None else Place(f"{labels.folder}/decisions")
        if place is None or not place.exists(MANIFEST) or place.read_json(MANIFEST)["content"] != content:
            yield f"{out}: this release was made with decisions that are here no more; they may have had a part in it: make it anew"
            continue
        lines = read_decisions(place.url)
        rows = {one.name for one in lines if {*one.voters, one.adjudicator} & set(annotators)}
        if rows:
            yield f"{out}: this release holds what they decided or wrote of {len(rows):,} rows; make it anew once that is forgotten"


def _url(said: str) -> str:
    found = url_key(said)
    if found is None:
        raise RecipeError(f"--url {said}: is no URL with a host, e.g. https://example.jp/page.html")
    return "/".join(one.hex() for one in found)


def _host(said: str) -> str:
    if "/" in said or ":" in said or " " in said or "." not in said.strip("."):
        raise RecipeError(f"--host {said}: is a host's name, e.g. example.jp, which stands for all hosts under it too")
    if said.strip(".").lower() in SHARED:
        raise RecipeError(
            f"--host {said}: is no site but what very many end in; name the site, e.g. example.{said.strip('.')}"
        )
    return said


def _id(said: str) -> str:
    if not re.fullmatch("[0-9a-f]{32}", said.lower()):
        raise RecipeError(f"--id {said}: is the 32 hexadecimal digits of a row's id (`seimai explain` prints it)")
    return said.lower()


def _annotator(said: str) -> str:
    if not re.fullmatch("r-[0-9a-f]{8}", said):
        raise RecipeError(
            f"--annotator {said}: is no pseudonym; `seimai review people` tells whose is which, e.g. r-3f2a9c1e"
        )
    return said
