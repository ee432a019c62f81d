"""Labels of people or of a judge model, read back by row id: who answered what, what was left open, and where answers disagree.

    answers: {files: [answers.csv], positive: ">= 3"}                     what `seimai label sample` wrote, filled in
    answers: {files: [judged.jsonl], label_key: grade, positive: ">= 3"}  a judge model's lines, whatever else they say
    answers:                                                              records of Argilla as its REST interface gives them
      files: [records.jsonl]
      id_key: external_id
      label_key: responses.values.quality.value
      annotator_key: responses.user_id
      time_key: responses.updated_at
      where: {responses.status: submitted}
      several: majority
      positive: in [good]
    answers: {files: [graded.jsonl], id_source: graded, positive: ">= 3"}     a table that is a source of the recipe, by its own ids

A key may lead into what is nested; a list on the label's way gives one answer for each of its elements. Of several answers by one
annotator the last by `time_key` counts. What several annotators' answers become is `several`: `same` (they must agree), `majority`
(where it is tied the page is left out, and counted), or `median` of grades (the lower of two).

CSV may come back from Excel: with a byte order mark, in Shift_JIS, with 3.0 for 3.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path
from statistics import median_low
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from curation.classify.answer_files import AnswersError, answers_in, rows_of
from curation.filters.preset import Condition, condition
from curation.provenance import table_id

_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?")


class Answers(BaseModel):
    """Where answers lie and how they are read (see above)."""

    model_config = ConfigDict(extra="forbid")
    files: list[str] = Field(min_length=1)
    """JSON lines, CSV or Parquet; relative to the recipe."""
    id_key: str = "id"
    """Column of the row's id in hexadecimal."""
    id_source: str | None = None
    """A source of the recipe whose own ids these are: of the table that it reads, by its id column."""
    label_key: str = "label"
    """Column of the label: a number (a grade) or a name; rows without one are unanswered."""
    annotator_key: str | None = None
    time_key: str | None = None
    where: dict[str, str] = {}
    """Only answers whose columns say this count, e.g. {status: submitted}."""
    several: Literal["same", "majority", "median"] = "same"
    positive: Annotated[Condition, BeforeValidator(condition)] | None = None
    """Which labels are good: `>= 3`, `== good`, `in [good, fair]`; whoever uses the labels needs it, reading them does not."""


@dataclass
class Answered:
    """What was read: one label a page, and how it came to that. Ids are in hexadecimal, lower case."""

    labels: dict[str, str] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    """Rows that a page stands for, where the files have a column `weight`."""
    places: dict[str, str] = field(default_factory=dict)
    """File and row where a page stands first."""
    unanswered: list[str] = field(default_factory=list)
    tied: dict[str, list[str]] = field(default_factory=dict)
    """Pages left out because their answers are tied, with the answers."""
    several: int = 0
    """Pages with more than one answer."""
    pairs: list[tuple[str, str]] = field(default_factory=list)
    """Answers of two annotators about one page, for their agreement."""


@dataclass
class _One:
    label: str
    who: str | None
    when: str
    place: str


def read_answers(spec: Answers, base: Path) -> Answered:
    """Reads and joins the answers of all files. Raises AnswersError."""
    found: dict[str, list[_One]] = {}
    made = Answered()
    for name in spec.files:
        file, columns = base / name, set[str]()
        for place, row in rows_of(file):
            columns |= row.keys()
            _there(row.keys(), [spec.id_key], place)
            for at in answers_in(row, spec.label_key):
                key = _identity(at(spec.id_key), place, spec)
                made.places.setdefault(key, place)
                weight = at("weight")
                if weight not in (None, ""):
                    made.weights[key] = _weight(weight, place)
                if any(str(at(k)) != said for k, said in spec.where.items()):
                    continue
                label = _label(at(spec.label_key), place, spec)
                if label is not None:
                    who = at(spec.annotator_key) if spec.annotator_key else None
                    when = str(at(spec.time_key) or "") if spec.time_key else ""
                    found.setdefault(key, []).append(_One(label, None if who is None else str(who), when, place))
        if columns:
            more = (spec.annotator_key, spec.time_key)
            _there(columns, [spec.label_key, *(k for k in more if k), *spec.where], str(file))
    for key, answers in found.items():
        _join(key, answers, spec, made)
    made.unanswered = [key for key in made.places if key not in found]
    return made


def _there(columns: Iterable[str], keys: list[str], where: str) -> None:
    if missing := [k for k in keys if k not in columns and k.split(".")[0] not in columns]:
        raise AnswersError(f"{where}: no column {', '.join(missing)}; columns: {', '.join(sorted(columns))}")


def _join(key: str, answers: list[_One], spec: Answers, made: Answered) -> None:
    """One page's label out of its answers."""
    last: dict[str | None, list[_One]] = {}
    for one in answers:
        mine = last.setdefault(one.who, [])
        if one.who is not None and mine and mine[0].label != one.label:
            if not spec.time_key or mine[0].when == one.when:
                raise AnswersError(
                    f"{one.place}: {one.who} answers {one.label!r} about {key}, and {mine[0].label!r} before ({mine[0].place}); "
                    "name the column of the time as 'time_key', or take one of them out"
                )
            last[one.who] = [max(mine[0], one, key=lambda o: o.when)]
        elif one.who is None or not mine:
            mine.append(one)
    counted = [one for mine in last.values() for one in mine]
    labels = [one.label for one in counted]
    made.several += len(labels) > 1
    made.pairs += [(a, b) for i, a in enumerate(labels) for b in labels[i + 1 :]]
    if len(set(labels)) == 1:
        made.labels[key] = labels[0]
    elif spec.several == "same":
        other = next(one for one in counted if one.label != labels[0])
        raise AnswersError(
            f"{other.place}: {key} is labelled {other.label!r}, and {labels[0]!r} before ({counted[0].place}); "
            "'several: majority' or 'several: median' says what becomes of pages with several answers"
        )
    elif spec.several == "median":
        grades = [_grade(one) for one in counted]
        made.labels[key] = f"{median_low(grades):g}"
    else:
        (best, n), (_, second) = Counter(sorted(labels)).most_common(2)
        if n > second:
            made.labels[key] = best
        else:
            made.tied[key] = labels


def _grade(one: _One) -> float:
    if (number := grade(one.label)) is None:
        raise AnswersError(f"{one.place}: {one.label!r} is no number, and 'several: median' is of grades")
    return number


def _identity(value: Any, place: str, spec: Answers) -> str:
    if spec.id_source is not None and isinstance(value, str | int) and str(value):
        return table_id(spec.id_source, str(value)).hex()
    if isinstance(value, bytes):
        return value.hex()
    if not isinstance(value, str) or not value.strip():
        raise AnswersError(f"{place}: '{spec.id_key}' is {value!r} and names no row")
    return value.strip().lower()


def _weight(value: Any, place: str) -> float:
    try:
        weight = float(value)
    except (TypeError, ValueError):
        weight = -1.0
    if not 0 < weight < float("inf"):
        raise AnswersError(f"{place}: weight {value!r} is no number above 0")
    return weight


def _label(value: Any, place: str, spec: Answers) -> str | None:
    """A label as text: one spelling for one number, no white space inside (fastText's labels have none); None where there is none."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value != value:
        raise AnswersError(f"{place}: '{spec.label_key}' is {value!r}, and a label is a name or a number")
    said = str(value).strip()
    if _NUMBER.fullmatch(said):
        return f"{float(said):g}"
    return "_".join(said.split())


def grade(label: str) -> float | None:
    """A label as a number, None where it is a name; `nan` and `inf`, written for what is missing, are names.

    >>> grade("3"), grade("good"), grade("nan")
    (3.0, None, None)
    """
    try:
        number = float(label)
    except ValueError:
        return None
    return number if isfinite(number) else None


def holds(condition: Condition, label: str) -> bool:
    """Whether a label is what a condition keeps; numbers are compared as numbers. Raises ValueError where they cannot be.

    >>> from curation.filters.preset import condition
    >>> holds(condition(">= 3"), "4"), holds(condition("in [good, fair]"), "bad")
    (True, False)
    """
    number = grade(label)
    value: Any = label if number is None else number
    bounds = [b if number is None else grade(str(b)) for b in condition.bounds]
    operator = condition.operator
    if operator in ("in", "=="):
        return value in bounds
    if operator == "!=":
        return value != bounds[0]
    if number is None or None in bounds:
        raise ValueError(f"the label {label!r} is no number, and '{condition}' compares numbers")
    if operator == "between":
        return bounds[0] <= value <= bounds[1]
    return {"<": value < bounds[0], "<=": value <= bounds[0], ">": value > bounds[0], ">=": value >= bounds[0]}[
        operator
    ]


def judged(condition: Condition, labels: Mapping[str, str], places: Mapping[str, str]) -> dict[str, bool]:
    """Whether each page's label is good. Raises AnswersError with the row of one that cannot be compared."""
    made = {}
    for key, label in labels.items():
        try:
            made[key] = holds(condition, label)
        except ValueError as error:
            raise AnswersError(f"{places[key]}: {error}") from None
    return made
