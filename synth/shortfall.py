"""Why a quota is short, in words: what became of an order's samples, and what would help.

A run that cannot give what was asked says so to somebody who has not seen its code: how many of how many, which reasons kept the
rest out, and for each of them the value of the recipe, or the data, that would have to be another.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from synth.dialogue import REASONS

MOST = 3
"""Reasons that are named; the rest are in the manifest."""

_HELP: Mapping[str, str] = {
    "near_prompt": "{other} or more wordings",
    "prompt_answered": "{other}, or raise `per_prompt`",
    "same_answer": "{other}",
    "cap_template": "more wordings, or raise `caps.per_template` or `per_template_of_all`",
    "cap_host": "pages of more hosts, or raise `caps.per_host`",
    "cap_model": "another model beside it, or raise `caps.per_model`",
    "cap_answer": "a model that does not always say the same, or raise `caps.per_answer`",
    "verdict_fail": "a model that can do it, more `samples`, or an easier order (`with`)",
    "verdict_abstain": "another wording or other parameters (`with`)",
    "unverified": "install what verifies them (bubblewrap for code); a dialogue that stopped at a wrong turn is unverified too",
    "unaudited_verifier": "`seimai audit verifiers` says what is wrong with it here",
    "draft_wording": "have the wordings reviewed",
    "contaminated": "{other}",
    "licence_denied": "other authors or passages: the policy says which",
    "forbidden_author": "a model that does not say so",
    "prompt_too_long": "an engine with a larger `context`, or shorter passages (`seeds.lengths`)",
    "refused": "the detail in refused/*.parquet says what the engine did not take: often its `dialect`, or a parameter of `sampling`",
    "malformed_answer": "the server's log says why: its answers are not those of an OpenAI-compatible one",
    "deadline": "a larger `deadline_s`, or a smaller `max_concurrency`",
    "server_error": "the server's log says why",
    "takes_wording": "a model that keeps to the topic, or a larger `topic_span`",
}  # fmt: skip
_OF_IMPORTS: Mapping[str, str] = {
    "near_prompt": "more of the set: it repeats itself, or what is there already",
    "prompt_answered": "raise `per_prompt`: the set has several answers to one prompt",
    "same_answer": "more of the set: it repeats itself",
    "verdict_fail": "look at its `checks` and at the set: these answers are wrong, or the check is not for them",
    "verdict_abstain": "look at its `checks`: they cannot tell",
    "forbidden_author": "another set: a model wrote these whose terms forbid it",
    "malformed_row": "say `columns`, or mend the file: the detail in refused/*.parquet names each row",
    "lacking_value": "look at the columns that its `checks` name: the detail in refused/*.parquet names each row and column",
    "contaminated": "more of the set: these are evaluation items",
    "cap_answer": "raise `caps.per_answer`: many answers of the set are the same",
}
"""What helps where the order is an imported set."""


@dataclass(frozen=True)
class Shortfall:
    """An order that did not get its quota.

    quota, filled: in `unit` (rows, tokens). asked: instances; samples: what came of them. refused: samples by reason. failed:
    constraints by how often they failed. passages: whether it grows from passages; imported: rows of its set, None for a task.
    """

    order: str
    unit: str
    quota: int
    filled: int
    asked: int
    samples: int
    refused: Mapping[str, int]
    failed: Mapping[str, int] = field(default_factory=dict[str, int])
    passages: bool = False
    imported: int | None = None

    def lines(self) -> list[str]:
        """All of it: what is short, then a line a reason with what would help."""
        head = f"{self.order} has {self.filled:,} of {self.quota:,} {self.unit}"
        if not self.asked:
            return [f"{head}: it was not asked for anything"]
        if not self.samples:
            of = "of the passages: give it others (`seeds`)" if self.passages else "with its parameters (`with`)"
            return [f"{head}: none of {self.asked:,} instances could be made {of}"]
        if self.imported is not None:
            return [f"{head}, from {self.samples:,} of the set's {self.imported:,}", *self._reasons()]
        reasons = self._reasons() or ["too few instances were asked for: raise `rounds.most`"]
        if (missing := self.asked - self.samples) > 0.2 * self.asked:
            of = "of the passage they were given" if self.passages else "with its parameters"
            reasons.append(f"{missing:,} of {self.asked:,} instances could not be made {of}")
        return [f"{head}, from {self.samples:,} samples", *reasons]

    def _reasons(self) -> list[str]:
        counted = sorted(((n, r) for r, n in self.refused.items() if r != "quota_met"), key=lambda c: (-c[0], c[1]))
        least = 0.05 * sum(n for n, _ in counted)
        found: list[str] = []
        for count, reason in [c for c in counted if c[0] >= least][:MOST]:
            meaning = REASONS[reason].meaning if reason in REASONS else reason
            helps = self._help(reason)
            helps = f" → {helps}" if helps else ""
            which = self._constraints() if reason in ("verdict_fail", "verdict_abstain") else ""
            found.append(f"{count:,} {reason}: {meaning}{which}{helps}")
        return found

    def _help(self, reason: str) -> str:
        if self.imported is not None and reason in _OF_IMPORTS:
            return _OF_IMPORTS[reason]
        other = "more passages, other parameters (`with`)" if self.passages else "other parameters (`with`)"
        return _HELP.get(reason, "").format(other=other)

    def _constraints(self) -> str:
        worst = sorted(self.failed.items(), key=lambda c: (-c[1], c[0]))[:MOST]
        return f", most often {', '.join(f'{kind} {n:,}' for kind, n in worst)}" if worst else ""

    def as_dict(self) -> dict[str, Any]:
        """As a manifest keeps it."""
        return {"order": self.order, "unit": self.unit, "quota": self.quota, "filled": self.filled, "why": self.lines()}
