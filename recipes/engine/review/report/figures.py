"""Drawing a review: answers a day, agreement with its intervals, shares with theirs."""

import math
from collections.abc import Callable, Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from markupsafe import Markup

from annotation.agreed import Agreement
from annotation.agreement import Estimate
from annotation.calibrate import Share
from recipes.engine.report.svg import Drawing, clipped_words, ticks
from recipes.engine.review.report.words import SCALES, question_words, task_words
from recipes.engine.wording import Words

WIDTH, LEFT, SHARES_LEFT, RIGHT, ROW = 1000, 400, 220, 150, 34
RELIABLE, TENTATIVE = 0.8, 0.667
"""α from which data may be relied on, and from which tentatively (Krippendorff 2004, p. 241)."""
MOST_DAYS, MOST_FIELDS = 90, 31
Place = Callable[[float], float]
"""Where a value lies from left to right."""


class Interval(NamedTuple):
    """A share with its name."""

    words: Words
    share: Share


def draw_days(answers: Mapping[date, int]) -> Drawing:
    """A bar for each day from the first to the last, of which the last 90 are shown; days without an answer are gaps."""
    last = max(answers)
    first = max(min(answers), last - timedelta(MOST_DAYS - 1))
    days = [first + timedelta(n) for n in range((last - first).days + 1)]
    top, height, left = 16, 180, 56
    drawing = Drawing(WIDTH, top + height + 30, Words("一日の回答数", "answers a day"), "days")
    highest = max(answers[day] for day in days if day in answers)
    marks = ticks(0, highest, 4)
    for mark in marks:
        y = top + height * (1 - mark / highest)
        drawing.line(left, y, WIDTH, y, "grid")
        drawing.text(left - 8, y + 4, f"{mark:,.0f}", "tick", "end")
    step = (WIDTH - left) / max(len(days), 14)
    every = -(-len(days) // 12)
    for i, day in enumerate(days):
        count, x = answers.get(day, 0), left + step * i
        tall = height * count / highest
        drawing.bar(x + step * 0.12, top + height - tall, step * 0.76, tall, "kept", f"{day}: {count:,}")
        if i % every == 0:
            said = Words(f"{day.month}/{day.day}", f"{day:%b} {day.day}")
            drawing.text(x + step / 2, top + height + 18, said, "tick", "middle")
    drawing.line(left, top + height, WIDTH, top + height, "axis")
    return drawing


def draw_people(answers: Mapping[date, Mapping[str, int]]) -> Drawing | None:
    """A line for each person, a field for each of the last 31 days: the darker, the more answers. None for one person alone."""
    last = max(answers)
    days = [last - timedelta(n) for n in range(MOST_FIELDS - 1, -1, -1) if last - timedelta(n) >= min(answers)]
    people = sorted({who for counts in answers.values() for who in counts})
    if len(people) < 2:
        return None
    left, top, row = 130, 8, 24
    field = min(27.0, (WIDTH - left) / len(days))
    drawing = Drawing(
        WIDTH, top + row * len(people) + 26, Words("人ごと、日ごとの回答数", "answers by person and day"), "people"
    )
    highest = max(count for counts in answers.values() for count in counts.values())
    every = math.ceil(46 / field)
    for line, who in enumerate(people):
        y = top + row * line
        drawing.text(left - 12, y + 16, who, "tick", "end")
        for i, day in enumerate(days):
            count = answers.get(day, {}).get(who, 0)
            said = Markup("<title>{}</title>").format(f"{who} {day}: {count:,}")
            shade = 0.15 + 0.85 * count / highest if count else None
            drawing.add(
                "rect", said, x=left + field * i, y=y, width=field - 3, height=row - 3,
                class_="kept" if count else "zone", fill_opacity=None if shade is None else f"{shade:.2f}",
            )  # fmt: skip
    for i, day in enumerate(days):
        if i % every == 0:
            said = Words(f"{day.month}/{day.day}", f"{day:%b} {day.day}")
            drawing.text(left + field * i + (field - 3) / 2, top + row * len(people) + 16, said, "tick", "middle")
    return drawing


def draw_agreement(measured: Sequence[Agreement]) -> Drawing | None:
    """A line for each question and scale on which answers vary: α with its interval, and AC1 below it where values are names."""
    found = [one for one in measured if one.alpha.value is not None]
    if not found:
        return None
    top = 24
    drawing = Drawing(
        WIDTH, top + ROW * len(found) + 30, Words("α と AC1、95 % 区間", "α and AC1, 95 % intervals"), "forest"
    )
    lows = [e.low for one in found for e in (one.alpha, one.ac1) if e.low is not None]
    low = max(-1.0, math.floor(min([0.0, *lows]) / 0.2) * 0.2)

    def x(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (max(value, low) - low) / (1 - low)

    _axis(drawing, ticks(low, 1.0, 6), x, top, top + ROW * len(found))
    for bound in (TENTATIVE, RELIABLE):
        drawing.line(x(bound), top - 6, x(bound), top + ROW * len(found), "bound")
        drawing.text(x(bound), top - 10, f"{bound:g}", "tick", "middle")
    for i, one in enumerate(found):
        y = top + ROW * i + ROW / 2
        task, asked, scale = task_words(one.task), question_words(one.task, one.question), SCALES[one.scale]
        name = Words(f"{task.ja}　{asked.ja}（{scale.ja}）", f"{task.en}: {asked.en} ({scale.en})")
        drawing.text(LEFT - 16, y + 4, clipped_words(name, 28), "label", "end")
        nominal = one.scale == "nominal"
        _interval(drawing, x, one.alpha, y - (5 if nominal else 0), "kept")
        if nominal:
            _interval(drawing, x, one.ac1, y + 7, "lost")
        units = one.alpha.units
        drawing.text(
            WIDTH - RIGHT + 16,
            y + 4,
            Words(f"{units:,} 件・{one.raters} 人", f"{units:,} units, {one.raters} people"),
            "tick",
        )
    return drawing


def draw_shares(found: Sequence[Interval], title: Words) -> Drawing | None:
    """A line for each share, from 0 to 100 %, with the half as a bound; None where there is none."""
    if not found:
        return None
    top = 12
    drawing = Drawing(WIDTH, top + ROW * len(found) + 30, title, "forest")

    def x(value: float) -> float:
        return SHARES_LEFT + (WIDTH - SHARES_LEFT - RIGHT) * value

    _axis(drawing, [0.0, 0.25, 0.5, 0.75, 1.0], x, top, top + ROW * len(found), percent=True)
    drawing.line(x(0.5), top, x(0.5), top + ROW * len(found), "bound")
    for i, (words, one) in enumerate(found):
        y = top + ROW * i + ROW / 2
        drawing.text(SHARES_LEFT - 16, y + 4, clipped_words(words, 14), "label", "end")
        _interval(drawing, x, Estimate(one.share, one.low, one.high, one.of), y, "kept")
        drawing.text(
            WIDTH - RIGHT + 16,
            y + 4,
            Words(f"{one.share:.0%}（{one.of:,} 組）", f"{one.share:.0%} of {one.of:,}"),
            "tick",
        )
    return drawing


def _axis(drawing: Drawing, marks: Sequence[float], x: Place, top: float, bottom: float, percent: bool = False) -> None:
    for mark in marks:
        drawing.line(x(mark), top, x(mark), bottom, "grid")
        drawing.text(x(mark), bottom + 18, f"{mark:.0%}" if percent else f"{mark:g}", "tick", "middle")


def _interval(drawing: Drawing, x: Place, found: Estimate, y: float, class_: str) -> None:
    """A dot with its interval; a dot alone where the interval is not known; nothing where the value is not."""
    if found.value is None:
        return
    if found.low is not None and found.high is not None:
        drawing.bar(x(found.low), y - 1, max(1.0, x(found.high) - x(found.low)), 2, class_)
    said = f"{found.value:.3f}"
    drawing.add("circle", cx=x(found.value), cy=y, r=4.5, class_=class_, data_value=said)
