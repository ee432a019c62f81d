"""Each row decided once: what people said of it, its personal data, its verifiers.

A row leaves as it may be released, or with the reason why it is not.
"""

from collections import Counter
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import orjson

from annotation.items import Unreadable, written
from annotation.release.cleaned import cleaned, masked_messages, same_verdicts, verdicts
from annotation.release.decisions import KEEP, REWRITE, SWAP, UNDECIDED, Decisions, Settled
from annotation.release.row import Row
from curation.provenance import key
from synth.engine.content_key import canonical
from synth.forbidden_authors import ForbiddenAuthors
from synth.messages import text_of
from synth.verify.audit import audit, goldens


class Out(NamedTuple):
    """Why a row is left out."""

    reason: str
    detail: str = ""


_SWAPPED = {"chosen": "rejected", "rejected": "chosen", "origin": "_rejected_origin", "_chosen_id": "_rejected_id"}
CORRECTION, RANKING = "correction", "ranking"
"""Strategies of pairs that people make: a rewrite with what it was, and two answers that they put in order."""


@dataclass
class Gate:
    """What rows must pass. unaudited: kinds of constraint whose verifiers did not pass their audit, and why. inside: nothing
    leaves the house, so rows of wordings that nobody has reviewed may be in it.

    said: last turns of the dialogues that people decided about, by their rows' ids: pairs and labelled answers hold the same turn
    under the id of the row that it is from. seen: what people would be shown of decided rows today. stale: rows that say something
    else by now than what people decided about. ranked: two answers each that people put in order; compared: two answers each of
    pairs on which people decided.
    """

    decisions: Decisions
    forbidden: ForbiddenAuthors
    inside: bool = True
    unaudited: Mapping[str, str] = field(default_factory=dict[str, str])
    ranked: Container[frozenset[bytes]] = frozenset()
    compared: set[frozenset[bytes]] = field(default_factory=set[frozenset[bytes]])
    said: dict[bytes, str] = field(default_factory=dict[bytes, str])
    seen: dict[bytes, Collection[bytes]] = field(default_factory=dict[bytes, Collection[bytes]])
    stale: int = 0
    effects: Counter[str] = field(default_factory=Counter[str])
    masked: int = 0
    _seen: set[tuple[str, bytes]] = field(default_factory=set[tuple[str, bytes]])

    def look(self, kind: str, row: Row) -> None:
        """Remembers what a decided row says, before any row is decided."""
        if row["id"] not in self.decisions or "_problem" in row:
            return
        self.seen[row["id"]] = row["_seen"]()
        if row["id"] in self.decisions.by_row:
            decision = self._about(row["id"])
            self.stale += decision is None
            if kind == "preference" and decision is not None and decision.effect != UNDECIDED:
                self.compared.add(_two(row))
        if kind == "chat":
            self.said[row["id"]] = text_of(orjson.loads(row["messages"])[-1])

    def through(self, kind: str, row: Row) -> tuple[Row | Out, Row | None]:
        """The row as it is released, or why it is not; and a pair that a rewrite made with what it was."""
        if "_problem" in row:
            return Out("unreadable", row["_problem"]), None
        if (kind, row["id"]) in self._seen:
            return Out("same_id"), None
        self._seen.add((kind, row["id"]))
        if kind == "text":
            return row, None
        if not self.inside and row["_draft"]:
            return Out("draft_wording"), None
        if bad := [f"{name}: {self.unaudited[name]}" for name in row["verified_by"] if name in self.unaudited]:
            return Out("unaudited_verifier", "; ".join(bad)), None
        made, pair = self._decided(kind, row)
        if isinstance(made, Out):
            return made, None
        if kind == "chat" and not made["train"]:
            return Out("nothing_trains"), None
        clean, pieces = cleaned(kind, made)
        if pieces and (why := same_verdicts(kind, made, clean)):
            return Out("personal_data", why), None
        self.masked += pieces
        pair = None if pair is None else cleaned("preference", pair)[0]
        return clean | {"masked": made["masked"] + pieces}, pair

    def _decided(self, kind: str, row: Row) -> tuple[Row | Out, Row | None]:
        """A row as people decided it."""
        decision = self._about(row["id"])
        if decision is not None:
            self.effects[f"{decision.task}: {decision.outcome or 'none'}"] += 1
            row = row | {"decision": decision.column()}
            match decision.effect:
                case "keep":
                    pass
                case "swap" if kind == "preference":
                    row = row | {to: row[of] for to, of in _SWAPPED.items()} | {"margin": None}
                case "rewrite" if kind == "chat":
                    return self._rewritten(row, decision)
                case reason:
                    return Out(UNDECIDED if reason in (SWAP, REWRITE) else reason, _told(decision)), None
        return self._as_its_answers(kind, row), None

    def _as_its_answers(self, kind: str, row: Row) -> Row | Out:
        """A pair or a labelled answer, given what people said of the answers that it holds."""
        if kind == "preference" and row["decision"] is None and _two(row) in self.ranked:
            return Out("compared_elsewhere", "a ranking")
        if kind == "preference" and row["strategy"] == RANKING:
            if _two(row) in self.compared:
                return Out("compared_elsewhere", "a preference")
            if any(self.forbidden.find(text_of(orjson.loads(row[side])[0])) for side in ("chosen", "rejected")):
                return Out("forbidden_author")
        if kind == "preference" and (bad := self._bad(row["_chosen_id"], row["chosen"])) is not None:
            return Out("bad_answer", f"its chosen answer: {_told(bad)}")
        if kind == "answer":
            answer = row["_answer_id"]
            if row["label"] and (bad := self._bad(answer, row["completion"])) is not None:
                row = row | {"label": False, "decision": bad.column()}
            if self._holds(answer, row["completion"]) and (
                given := self.decisions.attributes(answer, self.seen[answer])
            ):
                row = row | {"attributes": {**(row["attributes"] or {}), **given}}
        return row

    def _about(self, row: bytes) -> Settled | None:
        """What people decided about what a row says now."""
        return self.decisions.about(row, self.seen.get(row, ()))

    def _holds(self, answer: bytes, turns: str) -> bool:
        """Whether these turns are the last turn of the dialogue of this id, which people decided about."""
        return self.said.get(answer) == text_of(orjson.loads(turns)[0])

    def _bad(self, answer: bytes, turns: str) -> Settled | None:
        """The decision by which people found just this answer not to be good as it is; None where there is none."""
        decision = self._about(answer)
        if decision is None or decision.effect in (KEEP, SWAP, UNDECIDED):
            return None
        return decision if self._holds(answer, turns) else None

    def _rewritten(self, row: Row, decision: Settled) -> tuple[Row | Out, Row | None]:
        """A dialogue whose last turn is what a person wrote, and the pair of both."""
        messages = orjson.loads(row["messages"])
        at, old = len(messages) - 1, messages[-1]
        try:
            given = (
                written(decision.text or "", at) if row["tools"] else {"role": "assistant", "content": decision.text}
            )
        except Unreadable as error:
            return Out("rewrite_fails", str(error)), None
        (new,), pieces = masked_messages([given])
        self.masked += pieces
        if self.forbidden.find(text_of(new)) is not None:
            return Out("forbidden_author", _told(decision)), None
        made = row | {
            "messages": canonical([*messages[:-1], new]).decode(), "origin": "human", "masked": pieces,
            "train": sorted({*row["train"], at}),
        }  # fmt: skip
        if bad := [said for said in verdicts("chat", made) if said not in ("pass", "unverified")]:
            return Out("rewrite_fails", f"verifiers say {bad[0]} of what was written"), None
        return made, None if text_of(new) == text_of(old) else _pair(made, messages, old, new)


def two_sides(row: Row, before: list[Row], chosen: Row, rejected: Row) -> Row:
    """Columns of a pair: what comes before, both turns, and what a dialogue's spec asks of them."""
    turns = orjson.loads(row["spec"])["turns"] if row["spec"] else []
    asked = next((one["constraints"] for one in turns if one["turn"] == len(before)), [])
    sides = {"messages": before, "chosen": [chosen], "rejected": [rejected], "spec": asked}
    return {name: canonical(value).decode() for name, value in sides.items()}


def _two(row: Row) -> frozenset[bytes]:
    """The two answers of a pair, whichever is the better."""
    return frozenset((row["_chosen_id"], row["_rejected_id"]))


def _pair(row: Row, messages: list[Row], old: Row, new: Row) -> Row:
    made = two_sides(row, messages[:-1], new, old)
    about = {"strategy": CORRECTION, "margin": None, "weight": 1.0}
    return {name: value for name, value in row.items() if name != "train"} | made | about | {
        "id": key(CORRECTION, row["id"], made["chosen"])
    }  # fmt: skip


def _told(decision: Settled) -> str:
    return f"{decision.task}: {decision.outcome or 'no decision'} ({decision.method})"


def unaudited(stated: Mapping[str, bool], used: set[str]) -> dict[str, str]:
    """Kinds of constraint that rows were judged by and whose verifiers may not judge what is released, and why.

    stated: what the sets say of their audits. Each used kind is audited again here; one whose goldens cannot run here (no sandbox)
    is taken at the set's word.
    """
    bad = {kind: "its audit failed, or was not made, when the set was" for kind in used if not stated.get(kind, False)}
    left = used - bad.keys()
    for result in audit(golden for golden in goldens() if golden.spec.kind in left):
        if result.kind in left and not result.good and not result.skipped:
            bad[result.kind] = result.few or f"{len(result.wrong)} goldens get another verdict today"
    return bad
