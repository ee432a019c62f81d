"""Rows by what they hold themselves: their id and prompt's key from their content, their place, their verdicts given anew."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pyarrow as pa

from curation.provenance import key, partition_of
from curation.verify.findings import Check
from synth.generated.stated import GeneratedSet, words
from synth.import_candidates import TASK, imported_id
from synth.messages import assistant, text_of
from synth.tasks.task import read_spec
from synth.verify.constraint import SpecError, verify_all

SAMPLE = 1000
"""Rows whose answers are verified anew."""


def order_of(row: Mapping[str, Any], orders: Mapping[str, Mapping[str, Any]]) -> str | None:
    """The order that a row's id says it was made for; None where its id is that of no order's row with this content.

    An id is the hash of (order, prompt's key, program or model, number of the sample, messages, fault), see `synth/candidates.py`;
    of an imported row that of (order, place in its set, messages, fault), see `synth/import_candidates.py`.
    """
    if row["task"] == TASK:
        return next((name for name, order in orders.items() if order["task"] == TASK and _imported(row, name)), None)
    faults, who = {"", row.get("reason") or ""}, row["answer_origin"] or "model"
    for name, order in orders.items():
        if (order["task"] or name) != row["task"]:
            continue
        made = key("drawn", name, row["prompt_key"])
        samples = {
            row["sample"] or 0,
            *range(order["samples"]),
        }  # a dialogue's later turns have the number 0 of their own
        said = row["messages"].encode()
        if any(key("row", made, who, n, said, f) == row["id"] for n in sorted(samples) for f in faults):
            return name
    return None


def _imported(row: Mapping[str, Any], order: str) -> bool:
    places = [seed["id"] for seed in row["seeds"] or () if seed["kind"] == "instruction"]
    faults = {None, row.get("reason")}
    return len(places) == 1 and row["id"] in {imported_id(order, places[0], row["messages"], f) for f in faults}


def check_rows(found: GeneratedSet) -> Check:
    """Each row is there once, in its partition and in order; id and prompt's key follow from it; its last message is its answer."""
    check = Check("rows")
    seen: set[bytes] = set()
    last: tuple[str, bytes] = ("", b"")
    for kind in ("data", "refused"):
        for file, row in found.rows(kind):
            check.looked_at += 1
            for problem in _row(row, kind, found):
                check.fail(f"{file['path']}: {words(row)}: {problem}")
            if row["id"] in seen:
                check.fail(f"{file['path']}: {words(row)}: is there twice")
            seen.add(row["id"])
            if kind == "data":
                if last[0] == file["path"] and row["id"] < last[1]:
                    check.fail(f"{file['path']}: {words(row)}: is not in order of id")
                last = file["path"], row["id"]
                at = partition_of(pa.array([row["id"]], pa.binary(16)), found.manifest["partitions"])[0]
                if at != file.get("partition"):
                    check.fail(f"{file['path']}: {words(row)}: belongs into partition {at}")
    return check


def _row(row: Mapping[str, Any], kind: str, found: GeneratedSet) -> Iterator[str]:
    """What is wrong with one row."""
    try:
        messages, spec = orjson.loads(row["messages"]), orjson.loads(row["spec"])
        tools = orjson.loads(row["tools"]) if row["tools"] else []
        orjson.loads(row["obligations"])
        for one in row["verifications"] or ():
            orjson.loads(one["evidence"])
    except (orjson.JSONDecodeError, TypeError) as error:
        yield f"holds text that is no JSON: {error}"
        return
    order = order_of(row, found.orders)
    if order is None:
        yield "its id is not the hash of its order, prompt, sample and messages"
    elif (row["split"] == "test_only") != (found.orders[order]["split"] == "test"):
        yield f"split is {row['split']}, and its order {order} says {found.orders[order]['split']}"
    if kind == "refused":
        return
    opened = {turn["turn"] for turn in spec["turns"]}
    turns = [
        [m["role"], None, {}]
        if i in opened
        else [m["role"], m["content"], {k: v for k, v in m.items() if k not in ("role", "content")}]
        for i, m in enumerate(messages)
    ]
    if key("prompt", orjson.dumps([spec, turns, tools], option=orjson.OPT_SORT_KEYS)) != row["prompt_key"]:
        yield "prompt_key is not the hash of spec, turns and tools"
    said = assistant(row["answer"], len(messages) - 1, bool(tools) and row["task"] != TASK)
    if messages[-1] != said:
        yield "its last message is not its answer"
    read = row["task"] == TASK and bool(found.imports.get(order or "", {}).get("reviewed"))
    good = ("pass", "unverified") if read else ("pass",)
    if row["verdict"] not in good:
        yield f"its verdict is {row['verdict']}"
    for turn in row["turns"]:
        if turn["train"] and turn["verdict"] not in good:
            yield f"turn {turn['index']} trains and did not pass"
    if bad := [v["verifier"] for v in row["verifications"] if v["hard"] and v["verdict"] != "pass"]:
        yield f"{bad[0]} did not pass, and it is a row"


def check_verdicts(found: GeneratedSet, sample: int = SAMPLE, seed: int | None = None) -> Check:
    """Answers of a sample of the rows, verified anew by the constraints of their specs: each passes as its row says."""
    check = Check("verdicts given anew")
    count = sum(f["rows"] for f in found.files("data"))
    rng = random.Random(seed)
    chosen = set(range(count)) if count <= sample else set(rng.sample(range(count), sample))
    check.notes.append(f"{len(chosen):,} of {count:,} rows")
    for number, (file, row) in enumerate(found.rows("data", ["id", "messages", "spec"])):
        if number not in chosen:
            continue
        check.looked_at += 1
        try:
            messages = orjson.loads(row["messages"])
            for turn, constraints in read_spec(orjson.loads(row["spec"])).items():
                overall, verdicts = verify_all(constraints, messages[:turn], text_of(messages[turn]))
                if overall not in (("pass",) if constraints else ("unverified",)):
                    bad = ", ".join(f"{v.kind} {v.outcome}" for v in verdicts if v.hard and v.outcome != "pass")
                    check.fail(f"{file['path']}: {words(row)}: turn {turn}: {bad}")
        except (SpecError, orjson.JSONDecodeError, IndexError, KeyError) as error:
            check.fail(f"{file['path']}: {words(row)}: its spec cannot be read: {error}")
    return check
