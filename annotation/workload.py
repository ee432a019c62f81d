"""What people did: answers a day, and how long an answer took, estimated from the time between two of them.

The server notes when an answer was first given and not how long it took. Between two answers of one person lies the work on the
second, unless they had a break: a gap longer than the cap is taken for one and tells nothing. So the seconds are an estimate, and are
called that; they miss what the first answer after each break took, and who leaves a record open while away seems slow. Answers that
came with a spreadsheet have the time of the file and are left out of it. An answer whose draft was saved first counts from the draft.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import pairwise
from statistics import median
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from annotation.errors import ReviewError
from annotation.label import BY_SHEET

CAP = 600.0
"""Seconds between two answers of which more is a break."""
ZONE = "Asia/Tokyo"
"""Where a day begins."""
READ = ("annotator", "task", "status", "event", "origin", "given_at")
"""Columns of `answers/` that are read."""


@dataclass(frozen=True)
class Pace:
    """Estimated seconds an answer took: the median of `gaps` times between two answers, and hours for all answers at that."""

    seconds: float
    gaps: int
    hours: float


@dataclass
class Work:
    """One person's answers of one task. answers: submitted; days: of these, by day; sheets: of these, from a spreadsheet.

    pace: None where no two answers lie within the cap.
    """

    annotator: str
    task: str
    answers: int = 0
    discarded: int = 0
    skipped: int = 0
    sheets: int = 0
    days: Counter[date] = field(default_factory=Counter[date])
    pace: Pace | None = None

    @property
    def a_day(self) -> float:
        """Answers on a day on which there were any."""
        return sum(self.days.values()) / len(self.days) if self.days else 0.0


def zone(name: str) -> ZoneInfo:
    """A time zone. Raises ReviewError for one that there is not."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise ReviewError(f"there is no time zone '{name}'; one is called like Asia/Tokyo") from error


def day_of(at: datetime, where: ZoneInfo) -> date:
    """The day of a time."""
    return at.astimezone(where).date()


def workload(held: Iterable[Mapping[str, Any]], where: ZoneInfo, cap: float = CAP) -> list[Work]:
    """Everybody's work by task, in the order of pseudonyms. held: the states that hold (`Labels.held`)."""
    found: dict[tuple[str, str], Work] = {}
    given: dict[str, list[tuple[datetime, str]]] = defaultdict(list)
    for row in held:
        name = row["annotator"], row["task"]
        work = found.setdefault(name, Work(*name))
        if row["status"] == "submitted":
            work.answers += 1
            work.sheets += row["origin"] in BY_SHEET
            work.days[day_of(row["given_at"], where)] += 1
        elif row["status"] == "discarded":
            work.discarded += 1
        elif row["status"] == "skipped":
            work.skipped += 1
        else:
            continue
        if row["origin"] not in BY_SHEET:
            given[row["annotator"]].append((row["given_at"], row["task"]))
    for name, gaps in _gaps(given, cap).items():
        work = found[name]
        middle = median(gaps)
        items = work.answers + work.discarded + work.skipped - work.sheets
        work.pace = Pace(middle, len(gaps), (sum(gaps) + middle * (items - len(gaps))) / 3600)
    return [found[name] for name in sorted(found)]


def _gaps(given: Mapping[str, list[tuple[datetime, str]]], cap: float) -> dict[tuple[str, str], list[float]]:
    """Seconds before each answer that was given within the cap after another, by person and task of the later one."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for annotator, times in given.items():
        times.sort()
        for (before, _), (at, task) in pairwise(times):
            if (gap := (at - before).total_seconds()) <= cap:
                found[annotator, task].append(gap)
    return found


def by_day(works: Iterable[Work]) -> dict[date, Counter[str]]:
    """Answers of each person on each day, days in order; days without an answer are left out."""
    days: dict[date, Counter[str]] = defaultdict(Counter)
    for work in works:
        for day, count in work.days.items():
            days[day][work.annotator] += count
    return dict(sorted(days.items()))
