"""Candidates: an answered dialogue as a row, with everything that made it and what its licences say; nothing of it is decided yet.

A worker writes one for every sample, failures and faults too, so that the deciding stage can account for all of them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from curation.provenance import key
from synth.answering import Dialogue
from synth.dialogue import COLUMNS, schema
from synth.engine.content_key import Identity, canonical
from synth.engine.request import Completion
from synth.engine.step import answer_row
from synth.messages import text_of
from synth.models import ALLOWED, Policy, Ruling
from synth.obligations import Purpose
from synth.orders import Drawn
from synth.rights import Document, Use, of_document, shared_span
from synth.seed import Seed
from synth.tasks.verified import said, turns_column

DECIDING: tuple[tuple[str, pa.DataType], ...] = (
    ("order", pa.string()),
    ("novel", pa.large_string()),
    ("tokens", pa.int64()),
    ("fault", pa.string()),
    ("fault_message", pa.string()),
    ("fault_value", pa.float64()),
    ("fault_limit", pa.float64()),
    ("taken_span", pa.large_string()),
)
"""What the deciding stage needs beside a row's own columns: the order's name, the text that novelty looks at, the size that quotas
count, the fault of a sample without an answer (with tokens found and allowed where its prompt is too long), and what a row that is to
take only a topic has in common with its passage."""


def candidate_schema() -> pa.Schema:
    """Schema of a file of candidates: every column of a row, then those for deciding."""
    own = schema()
    return pa.schema([*own, *(pa.field(name, kind) for name, kind in DECIDING)])


class Rights:
    """Rulings on the authors and documents of rows, each looked up once.

    policy: of the recipe. identity: of the engine, None where nothing is asked of a model. purpose: of the release.
    """

    def __init__(self, policy: Policy, identity: Identity | None, purpose: Purpose):
        self.policy, self.identity = policy, identity
        self.purpose: Purpose = purpose
        self.author = ALLOWED if identity is None else policy.of_author(identity)
        self._documents: dict[tuple[Any, ...], Ruling] = {}

    def authors(self, role: str = "generator") -> list[dict[str, Any]]:
        """The engine's model and everything upstream of it, as the column `authors` holds them. role: generator or judge."""
        if self.identity is None:
            return []
        who = {"model": self.identity.model, "revision": self.identity.revision, "weights": self.identity.weights}
        licence = self.policy.licence_of(self.identity.model, self.identity.revision)
        own = who | {
            "role": role,
            "verified": self.identity.verified,
            "status": self.author.status,
            "licence": licence,
        }
        empty = {"revision": None, "weights": None, "role": "upstream", "verified": None}
        above = self.policy.upstream_of(self.identity.model, self.identity.revision)
        return [own, *({"model": n, "status": s, "licence": self.policy.licence_of(n)} | empty for n, s in above)]

    def document(self, seed: Seed, use: Use) -> Ruling:
        """What holds for a row that grew from a passage: its source is named by its host, to whom an attribution goes."""
        name = seed.host or seed.id
        known = (name, seed.licence, seed.rights_basis, use)
        if known not in self._documents:
            document = Document(name, seed.licence, seed.rights_basis)
            self._documents[known] = of_document(document, use, self.purpose, self.policy)
        return self._documents[known]


def row(dialogue: Dialogue, rights: Rights, number: int) -> dict[str, Any]:
    """One candidate, with the columns of `candidate_schema`. number: of the round, from 0."""
    drawn, instance = dialogue.drawn, dialogue.drawn.instance
    made: dict[str, Any] = dict.fromkeys([*COLUMNS, *(name for name, _ in DECIDING)])
    made |= _asked(drawn) | {"round": number, "order": drawn.order.name, "novel": drawn.novel, "twin": drawn.twin}
    # as far as it was answered: what would have been asked after a wrong answer was not
    messages = said(instance, dialogue.texts)
    messages = messages[: dialogue.judged[-1].turn + 1] if dialogue.judged else messages
    made["messages"] = canonical(messages).decode()
    if dialogue.last is not None and dialogue.request is not None and rights.identity is not None:
        made |= answer_row(dialogue.request, dialogue.last, rights.identity) | {"answer": dialogue.texts[-1]}
    elif dialogue.fault is None:
        made |= {"answer": dialogue.texts[-1], "answer_origin": "program", "finish": None}
    if dialogue.fault is not None:
        made |= {"fault": dialogue.fault.kind, "fault_message": dialogue.fault.message[:500]}
        made |= {"fault_value": dialogue.fault.value, "fault_limit": dialogue.fault.limit}
        made |= {"completion_key": dialogue.fault.key, "sample": dialogue.sample}
    # a program and a model may give one prompt the same answer
    made["id"] = key(
        "row", drawn.id, made["answer_origin"] or "model", dialogue.sample, canonical(messages), made["fault"] or ""
    )
    made["turns"] = turns_column(instance, dialogue.judged)
    made["verifications"] = [column for judged in dialogue.judged for column in judged.column()]
    whole = len(dialogue.judged) == sum(turn.open for turn in instance.turns)
    made["verdict"] = dialogue.judged[-1].verdict if dialogue.judged else "unverified"
    if not whole and made["verdict"] == "pass":
        made["verdict"] = "unverified"
    made["judgements"], made["contamination"] = [], []
    ruling = rights.author if dialogue.last is not None or dialogue.fault is not None else ALLOWED
    if drawn.passage is not None:
        if drawn.order.task.use == "topic":
            all_said = "\n".join(map(text_of, messages))
            made["taken_span"] = shared_span(drawn.passage.text, all_said, drawn.order.topic_span)
        ruling |= rights.document(drawn.passage, drawn.order.task.use)
    made["authors"] = rights.authors() if dialogue.last is not None or dialogue.fault is not None else []
    made["licence_status"] = ruling.status
    made["obligations"] = canonical([o.as_dict() for o in sorted(ruling.obligations)]).decode()
    made["tokens"] = size_of(messages, dialogue.last)
    return made


def _asked(drawn: Drawn) -> dict[str, Any]:
    """What the instance gives its row, before anyone has answered."""
    instance, task = drawn.instance, drawn.order.task
    lines = drawn.draw.lines
    seeds: list[Mapping[str, Any]] = [*instance.seeds]
    if drawn.passage is not None:
        seeds.insert(0, drawn.passage.column() | {"use": task.use})
    return {
        "prompt_key": instance.key(),
        "task": task.name,
        "function": task.function,
        "domain": instance.domain,
        "lang": instance.lang,
        "split": "train" if drawn.order.split == "train" else "test_only",
        "seeds": seeds,
        "template": instance.template,
        "wording_state": "draft" if any(line.state == "draft" for line in lines) else "reviewed",
        "spec": canonical(instance.spec()).decode(),
        "spec_version": task.version,
        "constraints": sorted({c.kind for turn in instance.turns if turn.open for c in turn.checks}),
        "tools": canonical(list(instance.tools)).decode() if instance.tools else None,
    }


def size_of(messages: Sequence[Mapping[str, Any]], last: Completion | None = None) -> int:
    """Size of a row for quotas: the engine's count, or half the characters where no model has counted (about right for Japanese)."""
    if last is not None and last.prompt_tokens is not None and last.completion_tokens is not None:
        return last.prompt_tokens + last.completion_tokens
    return max(1, sum(len(text_of(m)) for m in messages) // 2)
