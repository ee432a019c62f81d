"""A judge against people: of pairs that a judge decided with a margin, how often people prefer the answer that it chose.

Of a pair the first answer is the chosen one, so people agree where more of them prefer it than the other. Pairs on which they
are undecided (as many on either side, 同じ, どちらも悪い, 判断できない) are counted apart. Pairs without a margin were made
without a judge (by a verifier, by an edit): of those, the same share says whether the way they are made holds. And since which
answer stands first on the screen is drawn, the share of answers that prefer the first place is people's own lean.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson

from annotation.ballots import ballots
from annotation.calibrate import Share, share
from annotation.judge_decisions import STRATEGY
from annotation.labels import Labels

BINS, LEAST = 5, 10
"""Parts of the margins, and pairs that each holds at least."""


@dataclass(frozen=True)
class Decided:
    """A pair that people decided. margin: the judge's, None where no judge decided it; agrees: whether people prefer the chosen."""

    function: str
    strategy: str
    margin: float | None
    agrees: bool


@dataclass
class PeopleAndJudge:
    """by_function: judged pairs, all of them under ""; by_margin: lowest and highest margin of a part.

    by_strategy: pairs of no judge. undecided: pairs that people did not decide. first: preferences for what stood first.
    """

    by_function: dict[str, Share] = field(default_factory=dict[str, Share])
    by_margin: list[tuple[float, float, Share]] = field(default_factory=list[tuple[float, float, Share]])
    by_strategy: dict[str, Share] = field(default_factory=dict[str, Share])
    undecided: int = 0
    first: Share | None = None


def people_and_judge(labels: Labels) -> PeopleAndJudge:
    """What people say of pairs, in the answers that decide a pair (`annotation/ballots.py`)."""
    found, decided = PeopleAndJudge(), list[Decided]()
    places: Counter[str] = Counter()
    for unit in ballots(labels).units.values():
        places.update(answer["place"] or "" for answer in unit.votes.values() if answer["origin"] != "correction")
        said = Counter(answer["preference"] for answer in unit.final if answer["preference"] is not None)
        if not said:
            continue
        if said["a"] == said["b"] or said["a"] + said["b"] <= said.total() / 2:
            found.undecided += 1
            continue
        of = orjson.loads(unit.record["metadata"])
        # a margin of another strategy is one of verifiers
        margin = float(of["margin"]) if "margin" in of and of.get("strategy", STRATEGY) == STRATEGY else None
        decided.append(Decided(of.get("function", "–"), of.get("strategy", "–"), margin, said["a"] > said["b"]))
    judged = [one for one in decided if one.margin is not None]
    if judged:
        found.by_function = {"": _share(judged)} | _grouped(judged, "function")
        found.by_margin = _by_margin(judged)
    found.by_strategy = _grouped([one for one in decided if one.margin is None], "strategy")
    if whole := places["first"] + places["second"]:
        found.first = share(places["first"], whole)
    return found


def _share(some: Iterable[Decided]) -> Share:
    agrees = [one.agrees for one in some]
    return share(sum(agrees), len(agrees))


def _grouped(some: Iterable[Decided], by: str) -> dict[str, Share]:
    groups: dict[str, list[Decided]] = defaultdict(list)
    for one in some:
        groups[getattr(one, by)].append(one)
    return {name: _share(group) for name, group in sorted(groups.items())}


def _by_margin(judged: Sequence[Decided]) -> list[tuple[float, float, Share]]:
    """Parts of equal size by margin; pairs of one margin stay together."""
    margins = np.array([one.margin for one in judged], np.float64)
    parts = min(BINS, len(judged) // LEAST)
    if parts < 2:
        return []
    edges = np.unique(np.quantile(margins, np.linspace(0, 1, parts + 1)[1:-1], method="higher"))
    which = np.searchsorted(edges, margins, side="right")
    found: list[tuple[float, float, Share]] = []
    for part in np.unique(which):
        inside = margins[which == part]
        some = [one for one, at in zip(judged, which, strict=True) if at == part]
        found.append((float(inside.min()), float(inside.max()), _share(some)))
    return found
