"""Candidates from imported rows: from here on they go the way of all others, through the same deciding stage, quotas, caps and ids.

The last turn is the answer. The checks that the recipe states for the set are its spec, with values from the row's own columns where
they say so (`{kind: math_answer, value: {column: gold}}`); the generation's conduct is asked of every assistant turn. A turn that
no check looks at is `unverified` and never `pass`: it trains only where the policy says that people read the set's answers.

A row's id is the hash of its order, its place in the set (origin, file content, number) and its messages, so two equal rows are two,
of which the deciding stage takes one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from curation.normalise.pii.mask import mask
from curation.provenance import key
from synth.candidates import DECIDING, size_of
from synth.dialogue import COLUMNS
from synth.engine.content_key import canonical
from synth.imported import ImportedRow, Origin
from synth.tasks.task import prompt_key
from synth.tasks.verified import verdict_column
from synth.verify.answer import Answer
from synth.verify.constraint import Constraint, SpecError, kinds, parse, verify_all
from synth.verify.prompt import Prompt
from synth.verify.verdict import Overall, Verdict

TASK = "imported"
"""Task of every imported row."""
VERSION = "1"
MALFORMED = "malformed_row"
"""Reason of a row of no known form."""
LACKING = "lacking_value"
"""Reason of a row without a value that its checks need, or with one that they cannot take."""


@dataclass(frozen=True)
class ImportOrder:
    """A set as a recipe orders it.

    name: the recipe's name of it, by which quotas count. authors: the origin and what stands above it, as the column `authors` holds
    them. checks: stored forms, values of which may be `{column: NAME}`. conduct: what every assistant turn must satisfy beside.
    """

    name: str
    function: str
    origin: Origin
    authors: tuple[Mapping[str, Any], ...]
    checks: tuple[Mapping[str, Any], ...] = ()
    conduct: tuple[Constraint, ...] = ()
    lang: str = "ja"
    domain: str | None = None
    split: str = "train"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns of a row that its checks look at."""
        return tuple(dict.fromkeys(name for one in self.checks for name in columns_of(one)))

    def constraints(self, values: Mapping[str, Any]) -> tuple[Constraint, ...]:
        """The checks of a row with these values. Raises SpecError where a value is missing or none that the check can take."""
        made: list[Constraint] = []
        for one in self.checks:
            filled = {k: values.get(v["column"]) if _is_column(v) else v for k, v in one.items()}
            if empty := [v["column"] for k, v in one.items() if _is_column(v) and filled[k] is None]:
                raise SpecError(f"{one['kind']}: the row says nothing in '{empty[0]}'")
            made.append(parse(filled))
        return tuple(made)


def columns_of(check: Mapping[str, Any]) -> list[str]:
    """Columns that a check takes values from."""
    return [value["column"] for value in check.values() if _is_column(value)]


def check_check(check: Mapping[str, Any]) -> None:
    """Whether a check can be read, as far as that is known without a row. Raises SpecError."""
    if not columns_of(check):
        parse(check)
        return
    known = kinds()
    if check.get("kind") not in known:
        parse(check)  # says which kind is near
    fields = known[check["kind"]].model_fields
    if unknown := [k for k in check if k != "kind" and k not in fields]:
        raise SpecError(f"{check['kind']}: there is no key '{unknown[0]}'; keys are {', '.join(fields)}")


def place_of(origin: str, digest: str, number: int) -> str:
    """How a row's seed names its place: origin, beginning of the file's SHA-256, number of the row from 1."""
    return f"{origin}:{digest[:12]}:{number}"


def imported_id(order: str, place: str, messages: str, fault: str | None) -> bytes:
    """Identity of an imported row, from what it holds."""
    return key("imported", order, place, messages.encode(), fault or "")


def candidate(
    order: ImportOrder, one: ImportedRow, digest: str, number: int
) -> tuple[dict[str, Any], Mapping[str, int]]:
    """One row as a candidate with the columns of `candidate_schema`, and how much personal data was masked in it, by kind.

    digest: SHA-256 of its file. number: of the round. A row of no known form is a `malformed_row`, one without the values
    that its checks need `lacking_value`.
    """
    messages, masked = _masked(one.messages)
    made: dict[str, Any] = dict.fromkeys([*COLUMNS, *(name for name, _ in DECIDING)])
    problem, reason, checks = one.problem, MALFORMED, tuple[Constraint, ...]()
    if not problem:
        try:
            checks = order.constraints(one.values)
        except SpecError as error:
            problem, reason = str(error), LACKING
    if problem:
        messages = []
        made |= {"fault": reason, "fault_message": f"row {one.number:,}: {problem}"[:500]}
    place, said = place_of(order.origin.name, digest, one.number), canonical(messages).decode()
    made |= {
        "id": imported_id(order.name, place, said, made["fault"]),
        "task": TASK, "function": order.function, "domain": order.domain, "lang": order.lang, "round": number, "order": order.name,
        "split": "train" if order.split == "train" else "test_only", "spec_version": VERSION, "messages": said,
        "tools": canonical(one.tools).decode() if one.tools and messages else None, "judgements": [], "contamination": [],
        "authors": [dict(author) for author in order.authors], "licence_status": order.origin.ruling.status,
        "obligations": canonical([o.as_dict() for o in sorted(order.origin.ruling.obligations)]).decode(),
        "seeds": [_seed(order.origin, place, said)], "tokens": size_of(messages),
    }  # fmt: skip
    last = len(messages) - 1
    spec = {"turns": [{"turn": last, "constraints": [c.as_json() for c in checks]}] if messages else []}
    turns = [[m["role"], None if i == last else m["content"], _extra(m)] for i, m in enumerate(messages)]
    made |= {"spec": canonical(spec).decode(), "constraints": sorted({c.kind for c in checks})}
    made["prompt_key"] = prompt_key(spec, turns, one.tools if messages else [])
    made["twin"] = key("drawn", order.name, made["prompt_key"])
    made["novel"] = "\n".join(m["content"] for m in messages if m["role"] in ("user", "system"))
    made |= _judged(order, messages, checks)
    if messages:
        made |= {"answer": messages[last]["content"], "answer_origin": order.origin.answer_origin}
    return made, masked


def _judged(order: ImportOrder, messages: list[dict[str, Any]], checks: tuple[Constraint, ...]) -> dict[str, Any]:
    """Verdicts of all assistant turns: the columns `turns`, `verifications` and `verdict`."""
    turns: list[dict[str, Any]] = []
    verifications: list[dict[str, Any]] = []
    said: list[Overall] = []
    for i, message in enumerate(messages):
        if message["role"] != "assistant":
            continue
        own = checks if i == len(messages) - 1 else ()
        verdict, found = (
            _verdict((*own, *order.conduct), messages[:i], message["content"]) if message["content"] else _NONE
        )
        if verdict == "pass" and not any(c.hard for c in own):
            verdict = "unverified"  # good conduct says nothing about whether an answer is right
        trains = verdict == "pass" or (verdict == "unverified" and bool(order.origin.reviewed))
        turns.append({"index": i, "verdict": verdict, "train": trains})
        verifications += [verdict_column(i, one) for one in found]
        said.append(verdict)
    worst = next((v for v in ("fail", "abstain") if v in said), said[-1] if said else "unverified")
    return {"turns": turns, "verifications": verifications, "verdict": worst}


_NONE: tuple[Overall, list[Verdict]] = ("unverified", [])


def _verdict(checks: tuple[Constraint, ...], before: list[dict[str, Any]], text: str) -> tuple[Overall, list[Verdict]]:
    return verify_all(checks, Prompt(before), Answer(text, None))


def _masked(messages: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], dict[str, int]]:
    """Messages with personal data masked in their texts, and how much there was by kind."""
    made: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    for message in messages:
        text, found = mask(message["content"])
        made.append(message | {"content": text})
        for kind, n in found.items():
            counts[kind] = counts.get(kind, 0) + n
    return made, counts


def _extra(message: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in message.items() if k not in ("role", "content")}


def _seed(origin: Origin, place: str, messages: str) -> dict[str, Any]:
    """Where the row is from, as the column `seeds` holds it: it stands there whole."""
    return {
        "kind": "instruction", "id": place, "use": "embeds", "licence": origin.licence, "rights_basis": None, "host": None,
        "digest": key("text", messages), "topic": None,
    }  # fmt: skip


def _is_column(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() == {"column"} and isinstance(value["column"], str)
