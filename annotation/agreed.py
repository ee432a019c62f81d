"""Which answers of the label shards can agree: units of each question, and what the coefficients say of them.

A unit is a row that at least two people answered with the same content under one version of the guidelines; answers under two
versions are answers to two questions. Who corrected a sheet saw what others had answered, which is no agreement: that is left out.
Preferences are measured twice: all five choices as names, and A < 同じ < B as an order, in
which どちらも悪い and 判断できない have no place and are left out. A ranking is a comparison of each two of its answers. Texts, spans
and choices of several labels are not measured.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import orjson

from annotation.agreement import Estimate, PairKappa, Scale, Unit, ac1_estimate, alpha_estimate, cohens, fleiss
from annotation.review_tasks import base, task

ORDER: Mapping[str, int] = {"a": 0, "same": 1, "b": 2}
"""A preference as an order."""


@dataclass(frozen=True)
class Agreement:
    """How far people agree on one question under one version. scale: of `alpha`; raters: who answered; answers: in all units.

    ac1, fleiss and cohen take values as names. months: α by the month in which a unit had its last answer.
    """

    task: str
    version: str
    question: str
    scale: Scale
    raters: int
    answers: int
    alpha: Estimate
    ac1: Estimate
    fleiss: float | None
    cohen: list[PairKappa] = field(default_factory=list[PairKappa])
    months: dict[str, Estimate] = field(default_factory=dict[str, Estimate])


def agreement(answers: Sequence[Mapping[str, Any]]) -> list[Agreement]:
    """Agreement on every question of every task and version. answers: that count (`Labels.answers`)."""
    found: list[Agreement] = []
    for (name, version, question, scale), units in sorted(_units(answers).items()):
        several = {row: said for row, said in units.items() if len(said) >= 2}
        if not several:
            continue
        coded = {row: {who: value for who, (value, _) in said.items()} for row, said in several.items()}
        every = list(coded.values())
        by_month: dict[str, list[Unit]] = defaultdict(list)
        for row, said in several.items():
            by_month[max(month for _, month in said.values())].append(coded[row])
        found.append(
            Agreement(
                name, version, question, scale, len({who for said in every for who in said}), sum(map(len, every)),
                alpha_estimate(every, scale), ac1_estimate(every), fleiss(every), cohens(every),
                {month: alpha_estimate(some, scale) for month, some in sorted(by_month.items())},
            )
        )  # fmt: skip
    return found


_Key = tuple[str, str, str, Scale]
_Units = dict[_Key, dict[Any, dict[str, tuple[float, str]]]]


def _units(answers: Sequence[Mapping[str, Any]]) -> _Units:
    """What each person said, by (task, version, question, scale) and unit: code and month."""
    units: _Units = defaultdict(lambda: defaultdict(dict))
    codes: dict[str, float] = {}
    for answer in answers:
        if answer.get("origin") == "correction":
            continue
        row, month = (answer["row"], answer["content"]), f"{answer['given_at']:%Y-%m}"
        for question, scale, part, value in _said(answer):
            code = value if isinstance(value, (int, float)) else codes.setdefault(value, float(len(codes)))
            of = units[answer["task"], answer["version"], question, scale]
            of[row, part][answer["annotator"]] = float(code), month
    return units


def _said(answer: Mapping[str, Any]) -> Iterator[tuple[str, Scale, Any, str | float]]:
    """Each value of an answer: question, scale, which part of the row it is about, value."""
    values = orjson.loads(answer["values"])
    for question in task(base(answer["task"]), answers=8).questions:
        value = values.get(question.name)
        if value is None:
            continue
        if question.asks == "label":
            yield question.name, "nominal", None, value
            if question.name == "preference" and value in ORDER:
                yield question.name, "ordinal", None, ORDER[value]
        elif question.asks == "rating":
            yield question.name, "ordinal", None, value
            yield question.name, "interval", None, value
        elif question.asks == "ranking":
            ranks = {one["value"]: one["rank"] for one in value}
            for one, other in combinations(sorted(ranks), 2):
                yield question.name, "ordinal", (one, other), (ranks[one] > ranks[other]) - (ranks[one] < ranks[other])
