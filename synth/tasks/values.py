"""Drawn values: what a made-up text says, the same as data, and other forms in which an answer might say it.

A data file says of a value one of `values` (texts, or [text, other ways to say it …]), `arguments` ([text, what a program takes
for it]), `date` (first and last day, or days after a given today), `clock` (whole and half hours, from and to) and `number` (from,
to, step; `unit`; `plain` for a number that counts nothing).
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from synth.tasks.draw import Draw

WEEKDAYS = "月火水木金土日"


@dataclass(frozen=True)
class Value:
    """One value. text: as it is said (`2,800円`, 明日); data: as an argument or in JSON (2800, `2027-05-08`, `09:30`).

    kind: date, clock, number or text. others: more ways in which an answer may say it; unit: of a number.
    """

    kind: str
    text: str
    data: str | int
    others: tuple[str, ...] = ()
    unit: str = ""

    @property
    def forms(self) -> tuple[str, ...]:
        """Ways in which an answer says it: text, data and others, with and without commas and weekday.

        >>> Value("number", "2,800円", 2800, unit="円").forms
        ('2,800円', '2800円')
        """
        if self.kind == "number":
            return tuple(dict.fromkeys((self.text, f"{self.data}{self.unit}")))
        if self.kind == "date":
            day = datetime.date.fromisoformat(str(self.data))
            return (f"{day.month}月{day.day}日", f"{day.month}/{day.day}", str(self.data))
        plain = (str(self.data),) if self.kind == "clock" else ()
        return tuple(dict.fromkeys((self.text, *plain, *self.others)))


def value(draw: Draw, said: Mapping[str, Any], today: datetime.date | None = None) -> Value:
    """A drawn value of what a data file says. today: dates are days after it, and near ones are said as 明日 and あさって."""
    if "date" in said:
        return _date(draw, said["date"], today)
    if "clock" in said:
        half = draw.integer(2 * said["clock"][0], 2 * said["clock"][1])
        return clock(*divmod(half * 30, 60))
    if "number" in said:
        amount = draw.step(*said["number"])
        return (
            Value("text", str(amount), amount) if said.get("plain") else number(amount, said.get("unit", ""))
        )  # a booking number is a name
    if "arguments" in said:
        text, data = draw.one(said["arguments"])
        return Value("text", text, data)
    chosen = draw.one(said["values"])
    text, *others = chosen if isinstance(chosen, list) else [chosen]
    return Value("text", str(text), str(text), tuple(map(str, others)))


def number(amount: int, unit: str = "") -> Value:
    """A whole number with its unit.

    >>> number(12800, "円").text
    '12,800円'
    """
    return Value("number", f"{amount:,}{unit}", amount, unit=unit)


def clock(hour: int, minute: int) -> Value:
    """A time of day.

    >>> clock(14, 30).text, clock(14, 30).data, clock(12, 0).text
    ('午後2時30分', '14:30', '正午')
    """
    half_day, shown = ("午前", hour) if hour < 12 else ("午後", hour - 12)
    text = "正午" if (hour, minute) == (12, 0) else f"{half_day}{shown}時{f'{minute}分' if minute else ''}"
    return Value("clock", text, f"{hour:02d}:{minute:02d}")


def long_date(day: datetime.date) -> str:
    """A day with its weekday.

    >>> long_date(datetime.date(2027, 5, 8))
    '2027年5月8日（土）'
    """
    return f"{day.year}年{day.month}月{day.day}日（{WEEKDAYS[day.weekday()]}）"


def _date(draw: Draw, span: Any, today: datetime.date | None) -> Value:
    if today is not None:
        after = draw.integer(*span)
        day = today + datetime.timedelta(after)
        near = {1: "明日", 2: "あさって"}.get(after)
        return Value("date", near or f"{day.month}月{day.day}日", day.isoformat())
    first, last = (datetime.date.fromisoformat(str(day)) for day in span)
    day = first + datetime.timedelta(draw.integer(0, (last - first).days))
    return Value("date", long_date(day), day.isoformat())
