"""People's answers become decisions: one a question of every row that somebody answered, each with the method that found it.

`ballots.py` says whose answers count, `votes.py` what several of them are together. Where people choose differently a policy may
ask their habits instead of a majority (`skill.py`), and takes the likeliest choice where it is sure enough. What is left undecided
when all who were to answer have done so is a dispute: somebody who has not voted on the row settles it (`adjudicate.py`), and then
their answer is the decision.

Rows are never decided by who failed too many gold rows, where the policy says how many are too many.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import orjson

from annotation import votes
from annotation.ballots import Name, Unit, ballots
from annotation.decision import Decision, Method
from annotation.errors import ReviewError
from annotation.gold import pass_rates
from annotation.labels import Labels, Row
from annotation.questions import Question
from annotation.review_tasks import SLOTS, rewritten, task
from annotation.skill import MODELS, Said, Skill, skill
from annotation.votes import CANNOT_TELL, Voted

REWRITING = ("fixed", "rewritten")
"""Outcomes of a correction that put another text in the answer's place."""


@dataclass(frozen=True)
class Policy:
    """How votes are settled. sure: least chance that a model's choice must have; gold_least: least share of gold rows passed.

    Raises ReviewError for a policy that cannot be.
    """

    method: Literal["majority", "dawid_skene", "mace"]
    sure: float | None = None
    gold_least: float | None = None

    def __post_init__(self) -> None:
        if self.method not in ("majority", *MODELS):
            raise ReviewError(f"--method {self.method}: there are majority, {' and '.join(MODELS)}")
        if (self.method in MODELS) != (self.sure is not None):
            wanted = "needs --sure P, the least chance of a choice" if self.method in MODELS else "has no --sure"
            raise ReviewError(f"--method {self.method}: {wanted}")
        for name, value in (("--sure", self.sure), ("--gold-least", self.gold_least)):
            if value is not None and not 0 < value <= 1:
                raise ReviewError(f"{name} {value}: must be in (0, 1]")

    def about(self) -> dict[str, Any]:
        """As a manifest says it."""
        return {"method": self.method, "sure": self.sure, "gold_least": self.gold_least}


@dataclass
class Resolved:
    """Decisions, and what was found on the way.

    units: the rows behind them. excluded: annotators who failed too many gold rows, with the share they passed. without_model:
    why a question was settled by majority all the same. own_votes: rows settled by somebody who had voted on them: not taken.
    """

    decisions: list[Decision] = field(default_factory=list[Decision])
    units: dict[Name, Unit] = field(default_factory=dict[Name, Unit])
    excluded: dict[str, float] = field(default_factory=dict[str, float])
    without_model: list[str] = field(default_factory=list[str])
    own_votes: list[Name] = field(default_factory=list[Name])

    @property
    def disputed(self) -> list[Name]:
        """Rows that wait for somebody who settles them."""
        return sorted({one.name for one in self.decisions if one.disputed})


def resolve(labels: Labels, policy: Policy) -> Resolved:
    """Decides every row of the label shards that somebody answered. Raises ReviewError."""
    found = Resolved()
    if policy.gold_least is not None:
        for who, passed in pass_rates(labels).items():
            if passed.gold.whole and passed.gold.share < policy.gold_least:
                found.excluded[who] = passed.gold.share
    cast = ballots(labels, found.excluded)
    found.units, found.own_votes = cast.units, cast.own_votes
    models = _models(found, policy)
    for name, unit in sorted(found.units.items()):
        if unit.votes or unit.settled is not None:
            found.decisions += _decided(name, unit, policy, models)
    return found


_Models = Mapping[tuple[str, str, str], Skill]


def _models(found: Resolved, policy: Policy) -> _Models:
    """Habits and chances of each question with choices, by task, version and question; none for a majority."""
    if policy.method == "majority":
        return {}
    models = {of: skill(said, policy.method) for of, said in said_of(found.units).items()}
    found.without_model = [f"{' '.join(of)}: {one.why}" for of, one in sorted(models.items()) if one.why]
    return models


def said_of(units: Mapping[Name, Unit]) -> dict[tuple[str, str, str], list[Said]]:
    """What people chose, by task, version and question; who could not tell has said nothing."""
    said: dict[tuple[str, str, str], list[Said]] = defaultdict(list)
    for name, unit in units.items():
        for question in task(name[1], answers=8).questions:
            if question.asks == "label":
                for who, value in _values(unit, question):
                    if value != CANNOT_TELL:
                        said[name[1], unit.version, question.name].append(Said(name, who, value))
    return said


def _values(unit: Unit, question: Question) -> Iterator[tuple[str, Any]]:
    """What each person said to a question; what may stay empty and is no choice is said by nobody."""
    for who, answer in sorted(unit.votes.items()):
        if (value := _value(answer, question)) is not None:
            yield who, value


def _value(answer: Row, question: Question) -> Any:
    """A question's value in the form in which it is voted on; None where nothing was said."""
    values = orjson.loads(answer["values"])
    value = values.get(question.name)
    if question.asks in ("span", "labels"):
        if any(value == CANNOT_TELL for value in values.values()):
            return None  # who could not tell has found neither an error nor none
        marks = value or []
        if question.asks == "labels":
            return marks
        return [{"start": one["start"], "end": one["end"], "kind": one["label"]} for one in marks]
    if question.asks == "ranking":
        ranks = {one["value"]: one.get("rank") for one in value or ()}
        return ranks if ranks and None not in ranks.values() else None
    if question.asks == "text":
        text = (value or "").replace("\r\n", "\n").rstrip()
        return text if text and any(said in REWRITING for said in values.values()) else None
    return value


def _decided(name: Name, unit: Unit, policy: Policy, models: _Models) -> list[Decision]:
    """Decisions of all questions of a row."""
    source, of, row = name
    made: list[Decision] = []
    record, torn, rewrite = unit.record, False, rewritten(of)
    for question in task(of, answers=max(2, len(record["answers"]))).questions:
        if question.asks == "text" and (rewrite is None or question.name != rewrite[0] or not _rewrites(made)):
            continue
        said = list(_values(unit, question))
        settled = None if unit.settled is None else _value(unit.settled, question)
        if not said and settled is None:
            continue
        model = models.get((of, unit.version, question.name))
        chances = model.chances.get(name, {}) if model is not None else {}
        voted = _voted(question, [value for _, value in said], policy, chances)
        if settled is not None:
            voted = Voted(_plain(question, settled), "adjudicated", 1)
        torn |= voted.value is None and voted.people > 1 and _main(question)
        choice = voted.value if question.asks == "label" else None
        counts = {v: [w for _, w in said].count(v) for v in {v for _, v in said}} if question.asks == "label" else {}
        abstained = counts.get(CANNOT_TELL, 0)
        made.append(Decision(
            source, of, row, record["content"], unit.version, record["answers"], record["document"], record["harmful"],
            question.name, question.asks, method=voted.method, people=voted.people, abstained=abstained,
            posterior=chances.get(choice) if choice is not None else None, wanted=record["people"],
            voters=sorted(unit.votes), votes=counts,
            adjudicator=unit.settled["annotator"] if unit.settled is not None and settled is not None else None,
            **_outcome(question, voted.value, record["answers"]),
        ))  # fmt: skip
    waits = torn and unit.live and len(unit.answered) >= record["people"]
    return [replace(one, disputed=waits) for one in made]


def _rewrites(made: Sequence[Decision]) -> bool:
    return any(one.outcome in REWRITING for one in made)


def _main(question: Question) -> bool:
    """Whether a row without an answer to the question is undecided: ratings and remarks may differ."""
    return question.asks in ("ranking", "span", "text") or (question.asks == "label" and question.required)


def _voted(question: Question, said: Sequence[Any], policy: Policy, chances: Mapping[str, float]) -> Voted:
    if not said:
        return Voted(None, "undecided", 0)
    by_kind = {
        "label": votes.label, "labels": votes.labels, "rating": votes.rating, "ranking": votes.ranking,
        "span": votes.spans, "text": votes.text,
    }  # fmt: skip
    found: Voted = by_kind[question.asks](said)
    if not chances or policy.sure is None or found.method not in ("majority", "undecided"):
        return found
    likeliest = min(chances, key=lambda value: (-chances[value], value))
    method: Method = "mace" if policy.method == "mace" else "dawid_skene"
    if chances[likeliest] >= policy.sure:
        return Voted(likeliest, method, found.people)
    return Voted(None, "undecided", found.people)


def _plain(question: Question, value: Any) -> Any:
    """One person's value as `votes` gives what several say."""
    return {"rating": float, "ranking": votes.dense}.get(question.asks, lambda same: same)(value)


def _outcome(question: Question, value: Any, answers: Sequence[bytes]) -> dict[str, Any]:
    """The value in the column of its kind."""
    if value is None:
        return {}
    if question.asks == "ranking":
        ids = dict(zip(SLOTS, answers, strict=False))
        return {"ranks": [{"answer": ids[slot], "rank": rank} for slot, rank in sorted(value.items()) if slot in ids]}
    column = {"label": "outcome", "labels": "labels", "rating": "points", "span": "spans", "text": "text"}[
        question.asks
    ]
    return {column: value}
