"""Licences with their evidence, opt-outs that were honoured, and what was removed after a release.

A licence is declared by the recipe's owner for a source, or found on a page; which of them it is stands beside it. A page of which
neither says anything has an unknown licence, and is counted as that. Directives on pages that stay are told, too: they were seen.
"""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from curation.place import Place
from recipes.engine.report.release_counts import directives
from recipes.engine.run_folder import Run

LATER = "forgotten.json"
"""What of a version was removed after its release (written by `seimai forget`)."""
_KNOWN_LINK = re.compile(
    r"https?://(?:www\.)?(creativecommons\.org/(?:licenses|publicdomain)/[a-z0-9./+-]+|(?:opensource|gnu|apache)\.org/[\w./-]*)",
    re.I,
)


@dataclass(frozen=True)
class Licences:
    """Released pages by licence that their source declares, by licence link that the page has, and those with neither."""

    declared: list[tuple[str, int]]
    linked: list[tuple[str, int]]
    other_links: int
    let_out: list[tuple[str, int]]
    """By the licence under which the step `licensed` let it out, where the purpose asked for one."""
    unknown: int


@dataclass(frozen=True)
class OptOuts:
    """What was looked at for opt-outs and honoured. `looked` is null where no step of the run looked."""

    looked: Mapping[str, Any] | None
    rejected: int
    states: Mapping[str, int]
    """Released pages by state: silent, unknown."""
    still: Mapping[str, int]
    """Directives on released pages: seen, and not ones that the recipe rejects for."""

    @property
    def signals(self) -> tuple[str, ...]:
        """Kinds of signal that were looked at and reject: not those of robots.txt where none was named, nor lists that are none."""
        said = self.looked or {}
        robots, lists = (bool(said.get(a) or said.get(b)) for a, b in (("robots_files", "robots"), ("lists", "lists")))
        there = {"robots_txt": robots, "content_signal": robots, "listed": lists}
        return tuple(kind for kind in said.get("reject") or () if there.get(kind, True))

    @property
    def robots_unseen(self) -> bool:
        """Whether robots.txt was to be looked at, and no files of it were named."""
        return any(
            k in (self.looked or {}).get("reject", ()) and k not in self.signals
            for k in ("robots_txt", "content_signal")
        )


@dataclass(frozen=True)
class Later:
    """Rows removed after the release, by set, with the day of the last removal; rejections as forgotten over all stages."""

    sets: Mapping[str, int]
    withdrawn: tuple[str, ...]
    last: str | None
    kept_out: int


def licences(by: Mapping[str, Counter[str]], pages: int) -> Licences:
    """From counts of the columns `licence`, `licence_link` and `licence_found`."""
    links = Counter[str]()
    other = 0
    for said, rows in by["licence_link"].items():
        known = _KNOWN_LINK.match(said)
        if known:
            links[known[1].lower().rstrip("/")] += rows
        elif said:
            other += rows
    declared = [(name, rows) for name, rows in by["licence"].most_common() if name]
    unknown = pages - sum(rows for _, rows in declared)
    found = [(name, rows) for name, rows in by["licence_found"].most_common() if name]
    return Licences(declared, links.most_common(), other, found, unknown)


def opt_outs(run: Run, states: Counter[str], signals: Mapping[str, Counter[str]], gone: Counter[str]) -> OptOuts:
    """What the step `opt_out` of the run did, and what released pages still say."""
    looked = next((step["with"] for _, step in run.steps("opt_out")), None)
    for block in run.chain:
        looked = run.manifest(block).get("opt_outs") or looked
    still = Counter[str]()
    for said in signals.values():
        for text, rows in said.items():
            for directive in directives(text) if text else ():
                still[directive] += rows
    return OptOuts(looked, gone["opted_out"], {k or "unknown": v for k, v in states.items()}, dict(still.most_common()))


def later(run: Run, gone: Counter[str]) -> Later:
    """What `seimai forget` took out of this version, and what it kept from coming in."""
    place = Place(run.place.url)
    said = place.read_json(LATER).get("forgotten", []) if place.exists(LATER) else []
    sets, withdrawn = Counter[str](), set[str]()
    for one in said:
        for name, of in (one.get("sets") or {}).items():
            sets[name] += len(of.get("removed") or ())
            if of.get("withdrawn"):
                withdrawn.add(name)
    last = max((str(one.get("at", ""))[:10] for one in said), default=None)
    return Later(dict(sets), tuple(sorted(withdrawn)), last or None, gone["forgotten"])
