"""What people are paid: answers by task times the rate of the task, by pseudonym. Who is who stays with whoever pays.

    currency: 円
    rates: {preference: 30, quality: 60, quality_harmful: 90}   # an answer; a variant without a rate has its task's
    skipped: 1          # share of the rate for harmful content that was skipped: annotators were told that it costs nothing
    discarded: 0        # share of the rate for a record that was discarded
    zone: Asia/Tokyo    # where a month begins

An answer belongs to the month in which it was first given, and to the batch that it was frozen with: a batch is what is paid, since
nothing in it changes any more. It is paid as it holds, so an edit is not paid again. What was given to words that somebody changed in
the UI was work too. An answer that was deleted, or is a draft again, is not paid.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from annotation.errors import ReviewError
from annotation.labels import Labels
from annotation.review_tasks import NAMES, base
from annotation.workload import READ, ZONE, day_of, zone
from curation.yaml_file import load_yaml

STATUSES = ("submitted", "skipped", "discarded")


class Rates(BaseModel):
    """Rates of a review."""

    model_config = ConfigDict(extra="forbid")

    currency: str = "円"
    rates: dict[str, Decimal] = Field(min_length=1)
    skipped: Decimal = Field(default=Decimal(1), ge=0, le=1)
    discarded: Decimal = Field(default=Decimal(0), ge=0, le=1)
    zone: str = ZONE

    @field_validator("rates")
    @classmethod
    def _known(cls, rates: dict[str, Decimal]) -> dict[str, Decimal]:
        for name, rate in rates.items():
            if base(name) not in NAMES:
                raise ValueError(f"there is no review task '{name}'; there are {', '.join(NAMES)}")
            if not rate.is_finite() or rate < 0:
                raise ValueError(f"the rate of '{name}' is {rate}; a rate is 0 or more")
        return rates

    def of(self, task: str) -> Decimal | None:
        """The rate of a task with its variant; None where it has none."""
        return self.rates.get(task, self.rates.get(base(task)))


@dataclass(frozen=True)
class Pay:
    """What one person is paid for one task."""

    annotator: str
    task: str
    answers: int
    skipped: int
    discarded: int
    rate: Decimal
    amount: Decimal


def read_rates(path: Path) -> Rates:
    """Rates from their file. Raises ReviewError that names the file, the place and what would be right."""
    try:
        return Rates.model_validate(load_yaml(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ReviewError(f"{path}: cannot be read ({error})") from error
    except yaml.YAMLError as error:
        raise ReviewError(f"{path}: is no YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise ReviewError(f"{path}, {'.'.join(map(str, first['loc'])) or 'rates'}: {first['msg']}") from error


def payment(labels: Labels, rates: Rates, month: str | None = None, batch: str | None = None) -> list[Pay]:
    """The table, by pseudonym and task. month: `2026-11`, by when an answer was first given; batch: what was frozen under this name.

    Raises ReviewError for a task without a rate, and for a batch or month without answers.
    """
    where, closed = zone(rates.zone), _closed(labels, batch)
    counts: dict[tuple[str, str], Counter[str]] = {}
    for row in labels.held(READ):
        in_month = month is None or f"{day_of(row['given_at'], where):%Y-%m}" == month
        if in_month and row["status"] in STATUSES and (closed is None or row["response"] in closed):
            counts.setdefault((row["annotator"], row["task"]), Counter())[row["status"]] += 1
    if not counts:
        of = " and ".join(filter(None, (month and f"of {month}", batch and f"in the batch '{batch}'")))
        raise ReviewError(f"{labels.folder}: there is no answer {of}".rstrip())
    return [_pay(name, counts[name], rates) for name in sorted(counts)]


def totals(table: Iterable[Pay]) -> dict[str, Decimal]:
    """What each person is paid in all."""
    sums: dict[str, Decimal] = {}
    for pay in table:
        sums[pay.annotator] = sums.get(pay.annotator, Decimal(0)) + pay.amount
    return sums


def _closed(labels: Labels, batch: str | None) -> set[str] | None:
    if batch is None:
        return None
    rows = labels.read("frozen", ["batch", "response"]).to_pylist()
    if batch not in (known := {row["batch"] for row in rows}):
        raise ReviewError(
            f"{labels.folder}: there is no batch '{batch}'; there are {', '.join(sorted(known)) or 'none'}"
        )
    return {row["response"] for row in rows if row["batch"] == batch}


def _pay(name: tuple[str, str], counts: Mapping[str, int], rates: Rates) -> Pay:
    rate = rates.of(name[1])
    if rate is None:
        raise ReviewError(f"rates: '{name[1]}' has answers and no rate; add `{base(name[1])}: …` under `rates`")
    answers, skipped, discarded = (counts.get(status, 0) for status in STATUSES)
    amount = rate * (answers + rates.skipped * skipped + rates.discarded * discarded)
    return Pay(*name, answers, skipped, discarded, rate, amount)


def as_lines(table: Iterable[Pay], rates: Rates) -> list[list[Any]]:
    """The table as lines of a spreadsheet, with a header and everybody's sum."""
    pays = list(table)
    lines: list[list[Any]] = [
        ["仮名", "仕事", "回答", "見送り", "放棄", f"単価（{rates.currency}）", f"金額（{rates.currency}）"]
    ]
    lines += [[p.annotator, p.task, p.answers, p.skipped, p.discarded, p.rate, p.amount] for p in pays]
    lines += [[who, "合計", None, None, None, None, amount] for who, amount in totals(pays).items()]
    return [*lines, ["全員", "合計", None, None, None, None, sum((p.amount for p in pays), Decimal(0))]]
