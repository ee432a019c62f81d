"""How far a review has come: rows of each stratum that are waiting, begun and done.

A row is done when as many people have answered it as its plan asks; answers to a text that was changed since count for nothing, since
the row is before people anew. Rows whose answer is known beforehand are mixed in to see how people do, and are no part of the work.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from annotation.sheets.unit import Unit

USES = ("estimate", "calibrate")
"""Rows that are reviewed for their own sake."""


@dataclass
class Progress:
    """Rows of one stratum. begun: with an answer, and not done. answers: that count; wanted: that the rows need."""

    task: str
    source: str
    stratum: str
    rows: int = 0
    begun: int = 0
    done: int = 0
    answers: int = 0
    wanted: int = 0
    discarded: int = 0
    skipped: int = 0


def progress(every: Iterable[Unit]) -> list[Progress]:
    """Progress by task, source and stratum, in order. every: `annotation.sheets.unit.units`."""
    found: dict[tuple[str, str, str], Progress] = {}
    for unit in every:
        if not unit.records:
            continue
        record = unit.record
        if record["use"] not in USES:
            continue
        name = record["task"], record["source"], record["stratum"]
        of = found.setdefault(name, Progress(*name))
        people = len({answer["annotator"] for answer in unit.counted})
        of.rows += 1
        of.wanted += record["people"]
        of.answers += people
        of.done += people >= record["people"]
        of.begun += 0 < people < record["people"]
        states = [answer["status"] for answer in unit.latest]
        of.discarded += states.count("discarded")
        of.skipped += states.count("skipped")
    return [found[name] for name in sorted(found)]


def by_person(every: Iterable[Unit]) -> dict[str, Counter[tuple[str, str]]]:
    """How many rows of each (task, stratum) each person has answered, in the order of pseudonyms."""
    found: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for unit in every:
        if unit.records and unit.record["use"] in USES:
            for who in {answer["annotator"] for answer in unit.counted}:
                found[who][unit.record["task"], unit.record["stratum"]] += 1
    return dict(sorted(found.items()))
