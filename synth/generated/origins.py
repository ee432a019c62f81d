"""Where rows come from: who wrote them and under which conditions, the answers in the store, the passages in their pages."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import orjson

from curation.provenance import key
from curation.verify.findings import Check
from synth.engine.request import Completion, Fault
from synth.engine.segment import records
from synth.engine.store import Store, segments
from synth.generated.rows import order_of
from synth.generated.stated import GeneratedSet, words
from synth.import_candidates import TASK
from synth.messages import spoken
from synth.models import ALLOWED, Ruling, check_release
from synth.obligations import Obligation, PolicyError, Target


def check_rights(found: GeneratedSet) -> Check:
    """No row is denied, every author is one that the run had, and the target keeps what all rows together oblige to."""
    check = Check("authors and licences")
    known = {(i["model"], i["revision"], i["weights"]) for i in found.manifest.get("identities", ())}
    whole = ALLOWED
    for file, row in found.rows("data", ["id", "authors", "licence_status", "obligations", "model", "answer_origin"]):
        check.looked_at += 1
        place = f"{file['path']}: {words(row)}"
        obligations = frozenset(Obligation(**one) for one in orjson.loads(row["obligations"]))
        if row["licence_status"] == "deny" or any(a["status"] == "deny" for a in row["authors"]):
            check.fail(f"{place}: is denied")
        whole |= Ruling(row["licence_status"], (), obligations)
        own = [a for a in row["authors"] if a["role"] == "generator"]
        if (row["answer_origin"] == "model") != bool(own):
            check.fail(f"{place}: was written by a {row['answer_origin']} and names {len(own)} generators")
        for author in own:
            if (author["model"], author["revision"], author["weights"]) not in known:
                check.fail(f"{place}: {author['model']} {author['revision']} is no author that the run had")
    said = {(o["kind"], o["value"], o["source"]) for o in found.manifest["licences"]["obligations"]}
    if said != (have := {(o.kind, o.value, o.source) for o in whole.obligations}):
        check.fail(
            f"the manifest's obligations are not those of the rows; only one of both has {sorted(said ^ have)[:3]}"
        )
    try:
        target = None if found.target is None else Target(**{**found.target, "notices": tuple(found.target["notices"])})
        check_release([Ruling("conditional" if have else "allow", (), whole.obligations)], target)
    except PolicyError as error:
        check.fail(str(error))
    return check


def check_imports(found: GeneratedSet) -> Check:
    """Every imported row is of a set that the manifest states, of one of its files and once, under its licence and origin."""
    check = Check("imported rows")
    seen: dict[str, str] = {}
    for kind in ("data", "refused"):
        for file, row in found.rows(
            kind, ["id", "task", "seeds", "answer_origin", "authors", "messages", "spec", "reason"]
        ):
            if row["task"] != TASK:
                continue
            check.looked_at += 1
            place = f"{file['path']}: {words(row)}"
            order = order_of(row, found.orders)
            said = found.imports.get(order or "")
            if order is None or said is None:
                check.fail(f"{place}: is of no imported set that the manifest states")
                continue
            seed = next(s for s in row["seeds"] if s["kind"] == "instruction")
            if problem := _import(row, seed, said):
                check.fail(f"{place}: {problem}")
            if (twin := seen.setdefault(f"{order} {seed['id']}", place)) != place:
                check.fail(f"{place}: is the same row of the set as {twin}")
    return check


def _import(row: Mapping[str, Any], seed: Mapping[str, Any], said: Mapping[str, Any]) -> str:
    """How an imported row differs from what the manifest says of its set; "" where it does not."""
    origin, _, rest = seed["id"].rpartition(":")[0].rpartition(":")
    number = seed["id"].rpartition(":")[2]
    files = {one["sha256"][:12]: one for one in said["files"]}
    if origin != said["origin"] or f"data:{origin}" not in [a["model"] for a in row["authors"]]:
        return f"its origin is {origin}, the manifest says {said['origin']}"
    if seed["licence"] != said["licence"]:
        return f"its licence is {seed['licence']}, the manifest says {said['licence']}"
    if rest not in files or not number.isdecimal() or not 1 <= int(number) <= files[rest]["last"]:
        return f"{seed['id']} is no row of the set's files"
    if seed["digest"] != key("text", row["messages"]):
        return "its seed's digest is not that of its messages"
    if row["answer_origin"] not in (said["answers"], None):
        return f"its answer is by {row['answer_origin']}, the manifest says {said['answers']}"
    return ""


def check_completions(found: GeneratedSet, store: str) -> Check:
    """Every answer of a model is in the store, as the row has it, and no completion is there twice."""
    check = Check("completions")
    folder = Path(store)
    if not any(r["completion_key"] for kind in ("data", "refused") for _, r in found.rows(kind, ["completion_key"])):
        return check
    if not folder.is_dir():
        check.notes.append(f"the store {store} is not here, so answers were not compared with it")
        return check
    answers = Store(folder)
    try:
        for kind in ("data", "refused"):
            for file, row in found.rows(kind):
                if row["completion_key"] is None:
                    continue
                check.looked_at += 1
                if problem := _answer(row, answers.get(row["completion_key"])):
                    check.fail(f"{file['path']}: {words(row)}: {problem}")
    finally:
        answers.close()
    twice = Counter[bytes]()
    for path in segments(folder):
        twice.update(ident for _, ident, payload in records(path) if payload.startswith(b'{"completion"'))
    again = [ident for ident, count in twice.items() if count > 1]
    check.notes.append(f"{len(twice):,} completions in the store, {len(again):,} of them asked more than once")
    return check


def _answer(row: Mapping[str, Any], answer: Completion | Fault | None) -> str:
    """How a row differs from the answer in the store; "" where it does not."""
    if answer is None:
        return f"its answer {row['completion_key'].hex()} is not in the store"
    if isinstance(answer, Fault):
        return "" if answer.kind == row.get("reason") else f"the store has a fault there: {answer.kind}"
    if row["answer"] != spoken(answer.text, answer.tool_calls):
        return "its answer is not the one in the store"
    for name in ("seed", "sample", "finish", "prompt_tokens", "completion_tokens"):
        if row[name] != getattr(answer, name):
            return f"{name} is {row[name]}, the store says {getattr(answer, name)}"
    return ""


def check_seeds(found: GeneratedSet, pages: Iterable[Mapping[str, Any]] | None) -> Check:
    """Every passage is from a page that was released, under the licence that the page has.

    pages: rows with id, licence, rights_basis, host; None where the shard set is gone.
    """
    check = Check("passages")
    wanted: dict[bytes, list[tuple[str, Mapping[str, Any]]]] = {}
    for file, row in found.rows("data", ["id", "seeds"]):
        for seed in row["seeds"] or ():
            if seed["kind"] == "document":
                check.looked_at += 1
                wanted.setdefault(bytes.fromhex(seed["id"]), []).append((f"{file['path']}: {words(row)}", seed))
    if not wanted:
        return check
    if pages is None:
        check.notes.append("the pages they are from are not here, so they were not looked up")
        return check
    for page in pages:
        for place, seed in wanted.pop(bytes(page["id"]), ()):
            for name in ("licence", "rights_basis", "host"):
                if seed[name] != page.get(name):
                    check.fail(f"{place}: its passage says {name} {seed[name]}, the page {page.get(name)}")
    for places in wanted.values():
        for place, seed in places:
            check.fail(f"{place}: its passage is from {seed['id']}, which is no released page")
    return check
