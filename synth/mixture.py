"""Mixture: how many tokens of each function, with caps, and when a run has enough.

One deciding stage a round looks at accepted candidates in the order of a hash of their ids and takes those that their function's
quota and the caps still allow. So which rows are in does not depend on who was asked first, and a row that was taken in round n
stays in. Rounds go on until every quota is met. A function to which three rounds together have added less than 1 % is given up and
asked no more, while others go on; when all that are short are given up, the report says what is short and why (`synth.shortfall`).
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from curation.provenance import key

PROBE = 100
"""Samples below which a round is made no smaller: that none of a few is taken may be chance."""
_CAPPED = ("template", "host", "model", "answer")


@dataclass(frozen=True)
class Candidate:
    """A verified row that may be taken.

    tokens: of prompt and answer. host, template, model, answer (its key): what caps count by; None is not capped.
    """

    id: bytes
    function: str
    tokens: int
    template: str | None = None
    host: str | None = None
    model: str | None = None
    answer: str | None = None


@dataclass(frozen=True)
class MixturePlan:
    """Quotas and caps, as a recipe states them.

    tokens: quota of each function in tokens; rows: exactly so many rows of each function instead. One of the two. per_template,
    per_host, per_model, per_answer: largest share of a function's quota that one may have, in (0, 1]; 1 is no cap.
    per_template_of_all: likewise, of all quotas together.
    """

    tokens: Mapping[str, int] = field(default_factory=dict[str, int])
    rows: Mapping[str, int] = field(default_factory=dict[str, int])
    per_template: float = 1.0
    per_host: float = 1.0
    per_model: float = 1.0
    per_answer: float = 1.0
    per_template_of_all: float = 1.0

    def __post_init__(self) -> None:
        if bool(self.tokens) == bool(self.rows):
            raise ValueError("mixture: state quotas either in tokens or in rows")
        if wrong := [n for n, q in self.quotas.items() if q < 1]:
            raise ValueError(f"mixture: the quota of {wrong[0]} must be ≥ 1")
        for name in (*_CAPPED, "template_of_all"):
            share = getattr(self, f"per_{name}")
            if not 0 < share <= 1:
                raise ValueError(f"mixture: per_{name} is a share in (0, 1], not {share}")
            for of, quota in (
                {"all": sum(self.rows.values())}.items() if name == "template_of_all" else self.rows.items()
            ):
                if self.rows and share * quota < 1:
                    raise ValueError(
                        f"mixture: per_{name} {share:g} of the {quota} rows of {of} is less than one row, so nothing could be "
                        f"taken; say at least {math.ceil(1000 / quota) / 1000:g}"
                    )

    @property
    def quotas(self) -> Mapping[str, int]:
        """Quota of each function, in the plan's unit."""
        return self.tokens or self.rows


@dataclass
class Mixture:
    """What was taken, and how it stands.

    taken: rows in the order of taking. left: why the others were not (quota, cap_template, cap_host, cap_model, cap_answer,
    no_quota), by count and function.
    """

    plan: MixturePlan
    taken: list[Candidate] = field(default_factory=list[Candidate])
    filled: Counter[str] = field(default_factory=Counter[str])
    left: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter[str]))
    rounds: list[int] = field(default_factory=list[int])
    """Amount taken in each round, in the plan's unit."""
    _added: list[Counter[str]] = field(default_factory=list[Counter[str]])
    _shares: Counter[tuple[str, str, str]] = field(default_factory=Counter[tuple[str, str, str]])
    _templates: Counter[str] = field(default_factory=Counter[str])
    _ids: set[bytes] = field(default_factory=set[bytes])

    def take(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """One round: takes what fits, in the order of a hash of the ids. Returns the rows that it took."""
        took = list[Candidate]()
        for row in sorted({c.id: c for c in candidates}.values(), key=lambda c: key("mixture", c.id)):
            if row.id not in self._ids and self.offer(row) is None:
                took.append(row)
        self.end_round()
        return took

    def offer(self, row: Candidate) -> str | None:
        """Takes one row where quota and caps allow it; else says why not. For a stage that asks other questions in between."""
        if (why := self._refusal(row)) is not None:
            self.left[row.function][why] += 1
            return why
        self._ids.add(row.id)
        self.taken.append(row)
        self.filled[row.function] += self.size(row)
        for name in _CAPPED:
            if (value := getattr(row, name)) is not None:
                self._shares[row.function, name, value] += self.size(row)
        if row.template is not None:
            self._templates[row.template] += self.size(row)
        return None

    def end_round(self) -> None:
        """Closes a round: what it added counts for whether another one is worth it."""
        self.rounds.append(sum(self.filled.values()) - sum(self.rounds))
        self._added.append(self.filled - sum(self._added, Counter[str]()))

    @property
    def short(self) -> dict[str, int]:
        """What each function still lacks, where it lacks something."""
        return {f: quota - self.filled[f] for f, quota in self.plan.quotas.items() if self.filled[f] < quota}

    @property
    def given_up(self) -> list[str]:
        """Functions that are short and to which the last three rounds together added less than 1 % of what they have."""
        if len(self._added) < 3:
            return []
        last = sum(self._added[-3:], Counter[str]())
        return [f for f in self.short if last[f] < 0.01 * max(1, self.filled[f])]

    @property
    def run_dry(self) -> list[str]:
        """Functions that are short, have something, and to which the last round added less than 1 % of what they have."""
        last = self._added[-1] if self._added else Counter[str]()
        return [f for f in self.short if self.filled[f] and last[f] < 0.01 * self.filled[f]]

    @property
    def over(self) -> str | None:
        """Why no further round is needed: every quota met, or all that are short given up; None when one is."""
        if not self.short:
            return "every quota is met"
        if set(self.given_up) == self.short.keys():
            short = ", ".join(f"{f} is short of {n:,}" for f, n in self.short.items())
            return f"three rounds added less than 1 % to what is short: {short} {self.unit}"
        return None

    def report(self, asked: Mapping[str, int] | None = None) -> list[dict[str, Any]]:
        """A line a function: quota, filled, rows, short, why candidates were left, and the yield over the samples `asked`."""
        counts = Counter(row.function for row in self.taken)
        lines = []
        for name, quota in self.plan.quotas.items():
            drawn = (asked or {}).get(name)
            lines.append(
                {
                    "function": name, "quota": quota, "filled": self.filled[name], "rows": counts[name],
                    "short": max(0, quota - self.filled[name]), "left": dict(sorted(self.left[name].items())),
                    "yield": round(counts[name] / drawn, 4) if drawn else None,
                }
            )  # fmt: skip
        return lines

    @property
    def unit(self) -> str:
        """rows or tokens: what quotas count."""
        return "tokens" if self.plan.tokens else "rows"

    def size(self, row: Candidate) -> int:
        """A row in the plan's unit."""
        return row.tokens if self.plan.tokens else 1

    def _refusal(self, row: Candidate) -> str | None:
        quota = self.plan.quotas.get(row.function)
        if quota is None:
            return "no_quota"
        if self.filled[row.function] >= quota:
            return "quota"
        whole, most = sum(self.plan.quotas.values()), self.plan.per_template_of_all
        if most < 1 and row.template is not None and self._templates[row.template] + self.size(row) > most * whole:
            return "cap_template_of_all"
        for name in _CAPPED:
            share, value = getattr(self.plan, f"per_{name}"), getattr(row, name)
            if (
                share < 1
                and value is not None
                and self._shares[row.function, name, value] + self.size(row) > share * quota
            ):
                return f"cap_{name}"
        return None


def prompts_wanted(
    mixture: Mixture, asked: Mapping[str, int], accepted: Mapping[str, int], most: int
) -> dict[str, int]:
    """How many samples of each function the next round should ask for, at most `most` of one: what is short, over the yield so far.

    asked, accepted: samples drawn and candidates that came of them, by function, over all rounds. A function without a yield yet
    gets a tenth of `most`; one whose candidates all fail gets `most`; one that is given up gets nothing. One that has run dry gets a
    tenth of what it would, but not less than `PROBE`: a smaller round shows as well as a large one that nothing more comes.
    """
    sizes: dict[str, Sequence[int]] = {}
    for row in mixture.taken:
        sizes[row.function] = [*sizes.get(row.function, ()), mixture.size(row)]
    wanted = {}
    given_up, dry = set(mixture.given_up), set(mixture.run_dry)
    for name, short in mixture.short.items():
        if name in given_up:
            continue
        if not asked.get(name):
            wanted[name] = max(1, most // 10)
            continue
        mean = sum(sizes[name]) / len(sizes[name]) if sizes.get(name) else 1.0
        share = accepted.get(name, 0) / asked[name]
        wanted[name] = most if share == 0 else min(most, max(1, round(1.1 * short / mean / share)))
        if name in dry:
            wanted[name] = max(min(PROBE, wanted[name]), wanted[name] // 10)
    return wanted
