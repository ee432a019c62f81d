"""The deciding stage of a round: which candidates become rows, over all workers at once, in the order of a hash of their ids.

A candidate meets the questions in this order, and the first that it fails is its reason: an answer at all, author (before any
verdict: conduct may fail the same sentence, and whose terms forbid it is what must be known), verdict, wording, audit, what it takes
from its passage, licence, contamination; then, one after the other and remembering what was taken: near-duplicate prompts, the same
answer again, answers enough for the prompt, quota and caps. So the same candidates give the same rows, whoever answered first.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from curation.decontaminate.search import BenchmarkSearch
from curation.dedup.normal_form import normal_form
from curation.provenance import key
from synth.forbidden_authors import ForbiddenAuthors
from synth.messages import text_of
from synth.mixture import Candidate, Mixture
from synth.novelty import Novelty

TOLD = 5
"""Evaluation items that a rejection names."""


@dataclass(frozen=True)
class Rules:
    """What a recipe and the run say about who may become a row.

    drafts: whether rows of wordings that nobody has reviewed may. audited: kinds of constraint whose audit is good. per_prompt:
    accepted answers of one prompt at most. authors: finds answers that name a forbidden author. benchmarks: None where the
    recipe names no evaluation set. reviewed: orders of imported sets whose answers people have read, as the policy says: rows of
    them may be such that no verifier looks at.
    """

    drafts: bool
    audited: set[str]
    per_prompt: int
    authors: ForbiddenAuthors | None = None
    benchmarks: BenchmarkSearch | None = None
    reviewed: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rejection:
    """Why a candidate is no row: a reason of `synth/dialogue.py`, with what was found."""

    reason: str
    detail: str = ""
    value: float | None = None
    threshold: float | None = None


@dataclass
class Deciding:
    """Decides round after round. mixture, novelty: what was taken so far; kept for the next round."""

    rules: Rules
    mixture: Mixture
    novelty: Novelty
    hits: Counter[str] = field(default_factory=Counter[str])
    """Evaluation items that candidates held something of, by how many candidates."""
    instructions: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    """Of each instruction that became a row, by the id under which novelty decided: the first such row."""
    again: int = 0
    """Candidates that were one of earlier ones: two draws of an order made the same prompt, and the answer is the same."""
    _seen: set[bytes] = field(default_factory=set[bytes])
    _near: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    """Of each twin's name, the label of its cluster: the accepted instruction that it is or is near to."""
    _asked: dict[bytes, bytes] = field(default_factory=dict[bytes, bytes])
    """Of each accepted instruction, a candidate that asks it."""
    _twins: dict[bytes, Rejection | None] = field(default_factory=dict[bytes, Rejection | None])
    _answers: dict[bytes, set[bytes]] = field(default_factory=dict[bytes, set[bytes]])

    def decide(
        self, candidates: Sequence[dict[str, Any]]
    ) -> tuple[list[dict[str, Any]], list[tuple[dict[str, Any], Rejection]]]:
        """One round: the rows that it takes, and the others with the reason why not.

        A candidate whose id was there before is that one, and counted in `again`. Sets `cluster`, of all whose prompts were
        compared, and `contamination`.
        """
        fresh = {row["id"]: row for row in candidates if row["id"] not in self._seen}
        self._seen.update(fresh)
        self.again += len(candidates) - len(fresh)
        refused: list[tuple[dict[str, Any], Rejection]] = []
        left: list[dict[str, Any]] = []
        for row in sorted(fresh.values(), key=lambda r: key("decide", r["id"])):
            why = self._unfit(row)
            refused += [(row, why)] if why is not None else []
            left += [row] if why is None else []
        taken: list[dict[str, Any]] = []
        verdicts = self._novel(left)
        for row in left:
            row["cluster"] = self._near[row["twin"]]
            why = verdicts[row["twin"]] or self._surplus(row)
            if why is None and (full := self.mixture.offer(_candidate(row))) is not None:
                why = Rejection(_WHY[full])
            if why is not None:
                refused.append((row, why))
                continue
            self._answers.setdefault(row["prompt_key"], set()).add(_answer_key(row))
            self.instructions.setdefault(row["twin"], row["id"])
            taken.append(row)
        self.mixture.end_round()
        return taken, refused

    def _unfit(self, row: dict[str, Any]) -> Rejection | None:
        """Why a candidate is no row whatever the others are."""
        if row["fault"] is not None:
            return Rejection(row["fault"], row["fault_message"] or "", row["fault_value"], row["fault_limit"])
        if (
            self.rules.authors is not None
            and (hit := self.rules.authors.find_in(orjson.loads(row["messages"]))) is not None
        ):
            return Rejection("forbidden_author", f"{hit[0]}: {hit[1][:200]}")
        if row["verdict"] != "pass" and not (row["verdict"] == "unverified" and row["order"] in self.rules.reviewed):
            # a wrong answer is labelled and put into pairs with its prompt (synth/pairing): not one of a benchmark
            if (known := self._contaminated(row)) is not None:
                return known
            wrong = [v for v in row["verifications"] if v["hard"] and v["verdict"] != "pass"]
            found = "; ".join(f"{v['verifier']} {v['verdict']}" for v in wrong[:5])
            reason = row["verdict"] if row["verdict"] == "unverified" else f"verdict_{row['verdict']}"
            return Rejection(reason, found, wrong[0]["score"] if wrong else None)
        if row["wording_state"] == "draft" and not self.rules.drafts:
            return Rejection("draft_wording", row["template"])
        used = {v["verifier"] for v in row["verifications"] if v["hard"]}
        if bad := sorted(used - self.rules.audited):
            return Rejection("unaudited_verifier", ", ".join(bad))
        if row["taken_span"] is not None:
            return Rejection("takes_wording", row["taken_span"][:200], float(len(row["taken_span"])))
        if row["licence_status"] == "deny":
            return Rejection("licence_denied", ", ".join(a["model"] for a in row["authors"] if a["status"] == "deny"))
        return self._contaminated(row)

    def _contaminated(self, row: dict[str, Any]) -> Rejection | None:
        """Whether it holds an evaluation item that rejects; sets `contamination`, of all that is found."""
        if self.rules.benchmarks is None:
            return None
        found, where = self.rules.benchmarks.find_in(_sides(row))
        self.hits.update(overlap.name for overlap in found.overlaps)
        row["contamination"] = [str(overlap) for overlap in found.overlaps]
        if found.worst is None:
            return None
        items = [f"{overlap} in its {' and '.join(where[overlap.name])}" for overlap, _ in found.rejecting]
        more = f"; {len(items) - TOLD} more" if len(items) > TOLD else ""
        return Rejection("contaminated", "; ".join(items[:TOLD]) + more, found.worst.share, found.worst.least)

    def _novel(self, rows: Iterable[Mapping[str, Any]]) -> dict[bytes, Rejection | None]:
        """What novelty says of each twin's name: the text of its twins is that of the one that comes first by id."""
        texts: dict[bytes, tuple[bytes, str]] = {}
        for row in rows:
            one = row["prompt_key"], row["novel"]
            texts[row["twin"]] = min(texts.get(row["twin"], one), one)
            self._asked[row["twin"]] = min(self._asked.get(row["twin"], row["id"]), row["id"])
        fresh = [(twin, text) for twin, (_, text) in texts.items() if twin not in self._twins]
        for verdict in self.novelty.decide(fresh):
            self._twins[verdict.id], self._near[verdict.id] = None, verdict.near or verdict.id
            if verdict.near is not None:
                earlier = self.novelty.from_base(verdict.near)
                near = (
                    f"near {earlier[0].hex()} of {earlier[1]}" if earlier else f"near {self._asked[verdict.near].hex()}"
                )
                self._twins[verdict.id] = Rejection(
                    "near_prompt", near, round(verdict.similarity, 3), self.novelty.threshold
                )
        return self._twins

    def _surplus(self, row: Mapping[str, Any]) -> Rejection | None:
        known = self._answers.get(row["prompt_key"], set())
        if _answer_key(row) in known:
            return Rejection("same_answer")
        return Rejection("prompt_answered", f"{len(known)} already") if len(known) >= self.rules.per_prompt else None


_WHY: Mapping[str, str] = {
    "quota": "quota_met", "cap_template": "cap_template", "cap_host": "cap_host", "cap_model": "cap_model",
    "cap_answer": "cap_answer",
    "cap_template_of_all": "cap_template", "no_quota": "quota_met",
}  # fmt: skip


def _candidate(row: Mapping[str, Any]) -> Candidate:
    host = next((s["host"] for s in row["seeds"] or () if s["kind"] == "document"), None)
    return Candidate(
        row["id"], row["order"], row["tokens"], row["template"], host, row["model"], _answer_key(row).hex()
    )


def _sides(row: Mapping[str, Any]) -> dict[str, str]:
    """What is said in a row, a message a line: by those who ask, and in answer."""
    said = [(m["role"], text_of(m)) for m in orjson.loads(row["messages"])]
    return {
        "prompt": "\n".join(text for role, text in said if role != "assistant"),
        "answer": "\n".join(text for role, text in said if role == "assistant"),
    }


def _answer_key(row: Mapping[str, Any]) -> bytes:
    return key("answer", normal_form(row["answer"] or ""))
