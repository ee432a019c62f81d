"""Generation as a step: rows in are rows out plus rows rejected, whatever the answers."""

import functools

import pyarrow as pa
from task_on_trial import engine, requests

from curation.step import Rejected
from synth.dialogue import COLUMNS, REASONS
from synth.engine.step import WRITES, Generate


def flow(url, folder, *items, n=2):
    step = Generate(functools.partial(engine, url), str(folder), functools.partial(requests, n=n))
    return step, list(step.run(iter(items)))


def batch(*prompts: str) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(prompts)], names=["prompt"])


def test_every_sample_is_a_row_or_a_rejected_row_with_its_counts(faulty, tmp_path):
    step, out = flow(faulty.url, tmp_path, batch("well", "long prompt"), batch("empty"))
    kept = [row for b in out if not isinstance(b, Rejected) for row in b.to_pylist()]
    gone = [row for b in out if isinstance(b, Rejected) for row in b.batch.to_pylist()]
    assert (len(kept), len(gone)) == (4, 2)
    assert {(r["reason"], r["value"], r["threshold"]) for r in gone} == {("prompt_too_long", 4000.0, 1024.0)}
    assert {r["step"] for r in gone} == {"generate"}
    assert {r["reason"] for r in gone} <= REASONS.keys()
    assert len({r["id"] for r in [*kept, *gone]}) == 6
    assert {r["sample"] for r in kept} == {0, 1}
    assert sorted({r["answer"] for r in kept})[0] == ""
    assert step.stats["completions"].total == 4


def test_columns_are_those_of_the_registry(faulty, tmp_path):
    _, (rows,) = flow(faulty.url, tmp_path, batch("well"))
    assert rows.schema.names == [c for c in COLUMNS if c in WRITES]
    assert all(rows.schema.field(c).type == COLUMNS[c].type for c in WRITES)
    (first, *_) = rows.to_pylist()
    assert (first["model"], first["verified"], first["answer_origin"]) == ("lab/tiny", False, "model")
    assert first["weights"].startswith("declared:")


def test_rows_that_an_earlier_step_rejected_flow_on(faulty, tmp_path):
    before = Rejected(pa.RecordBatch.from_arrays([pa.array(["x"])], names=["reason"]))
    _, out = flow(faulty.url, tmp_path, before, batch("well"), before)
    assert [item for item in out if isinstance(item, Rejected)] == [before, before]


def test_two_rows_with_one_prompt_stay_two(faulty, tmp_path):
    import dataclasses

    def twins(of):
        (one,) = requests(of, 1)
        return [one, dataclasses.replace(one, id=b"another")]

    step = Generate(functools.partial(engine, faulty.url), str(tmp_path), twins)
    (rows,) = step.run(iter([batch("well")]))
    first, second = rows.to_pylist()
    assert first["id"] != second["id"]
    assert first["completion_key"] == second["completion_key"]
    assert sum(faulty.asked.values()) == 1
