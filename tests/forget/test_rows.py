"""One seed followed through all that grows from it: prompt, answers, rows, pairs, label shards, store of answers."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pyarrow.parquet as pq

from annotation.label import ANSWERS, RECORDS
from annotation.labels import BLANK, Labels
from annotation.people import pseudonym
from curation.provenance import key
from synth.engine.store import Store
from tests.forget.conftest import PROSE, Lab, json_of

VICTIM, WORD = "https://page1.example.jp/", "江戸時代の地図"
NOW = datetime(2026, 11, 26, tzinfo=UTC)


def rows(lab: Lab, kind: str, name: str = "instruct") -> list[dict[str, Any]]:
    found = sorted((lab.out / lab.version / name).glob(f"{kind}/*.parquet"))
    return [row for f in found for row in pq.read_table(f).to_pylist()]


def grew(lab: Lab, page: str) -> list[dict[str, Any]]:
    """Generated rows, taken or refused, of a page's passage."""
    every = [*rows(lab, "data"), *rows(lab, "refused")]
    return [row for row in every if any(s["id"] == page for s in row["seeds"] or ())]


def page_id(lab: Lab) -> str:
    for file in (lab.out / "1" / "curated").glob("data/**/*.parquet"):
        for row in pq.read_table(file, columns=["id", "url"]).to_pylist():
            if row["url"] == VICTIM:
                return row["id"].hex()
    raise AssertionError


def line(columns: dict[str, Any], **said: Any) -> dict[str, Any]:
    """A line of label shards: what is not said is empty."""
    return {name: said.get(name) for name in columns}


def reviewed(folder: Path, victims: list[bytes], others: list[bytes], document: bytes) -> Labels:
    """Label shards in which two people answered about rows and about a pair that grew from a document."""
    labels = Labels(folder)
    records, answers = [], []
    for n, row in enumerate([*victims, *others]):
        mine = dict.fromkeys(("external_id",), f"e{n}") | {
            "row": row,
            "dataset": "review/d",
            "task": "quality",
            "at": NOW,
        }
        fields = orjson.dumps(
            {"prompt": [{"role": "user", "content": WORD if row in victims else "別の問い"}]}
        ).decode()
        grown = document if row in victims else key("other")
        records.append(
            line(RECORDS, event="pushed", answers=[row], fields=fields, metadata="{}", document=grown, **mine)
        )
        for person in ("one", "two"):
            mine |= {"annotator": pseudonym(person), "response": f"{n}{person}", "n": 1, "status": "submitted"}
            more = {"event": "answered", "late": False, "edited_ui": False, "values": WORD if row in victims else "{}"}
            answers.append(line(ANSWERS, ranks=[], ratings=[], spans=[], **mine, **more))
    with labels.writing():
        labels.append("records", records)
        labels.append("answers", answers)
    return labels


def test_one_seed_is_followed_through_everything_that_grew_from_it(generating: Lab, tmp_path: Path, capsys):
    lab = generating
    lab.run()
    page = page_id(lab)
    mine = grew(lab, page)
    ids, asked = {row["id"] for row in mine}, {row["completion_key"] for row in mine} - {None}
    passage = next(s["digest"] for s in mine[0]["seeds"] if s["id"] == page)
    pairs = [row for row in rows(lab, "pairs", "preference") if row["document"] == passage]
    others = [row["id"] for row in rows(lab, "data") if row["id"] not in ids][:2]
    assert ids
    assert asked
    assert pairs
    labels = reviewed(tmp_path / "labels", [*sorted(ids)[:2], pairs[0]["id"]], others, passage)
    assert lab.holding(WORD)

    lab.forget(urls=[VICTIM], labels=tmp_path / "labels")
    said = capsys.readouterr().out
    assert "1/instruct: withdrawn" in said
    assert "1/preference: withdrawn" in said
    assert "3 records without their texts, 6 lines of answers taken out" in said
    assert "Argilla is not running" in said
    assert lab.holding(WORD) == []
    assert lab.holding(WORD, tmp_path / "labels") == []
    with Store(lab.out / "completions") as store:
        assert not any(store.has(one) for one in asked)
        assert len(store)
    seeds = json_of(next((lab.out / "stages").glob("instruct-*/seeds.json")))
    assert page not in {one["id"] for one in seeds["seeds"]}
    assert seeds["counts"]["rejected"]["forgotten"] == 1
    assert [r["fields"] == BLANK for r in labels.read("records").to_pylist()] == [True] * 3 + [False] * 2
    assert {row["row"] for row in labels.answers()} == set(others)
    assert lab.verified(), capsys.readouterr().out

    run = lab.run()  # the next release of the version, from what is left
    assert [one["name"] for one in run["generated"]] == ["instruct"]
    assert grew(lab, page) == []
    assert not {row["document"] for row in rows(lab, "pairs", "preference")} & {passage}
    assert lab.holding(WORD) == []
    since = json_of(lab.out / "1" / "since.json")["1"]
    taken = {row["id"].hex() for row in mine if row.get("reason") is None}
    assert taken & set(since["instruct"]["removed"])
    assert set(since) == {"instruct", "preference"}
    assert lab.verified(), capsys.readouterr().out

    lab.version = "2"  # and of the next version
    lab.run()
    assert grew(lab, page) == []
    assert lab.verified(), capsys.readouterr().out


def test_a_generated_row_alone_may_go_and_is_not_made_again(generating: Lab, capsys):
    lab = generating
    lab.run()
    row = rows(lab, "data")[0]
    lab.forget(ids=[row["id"].hex()])
    assert lab.released() == {f"https://page{i}.example.jp/" for i in range(len(PROSE))}
    lab.run()
    assert row["id"] not in {one["id"] for one in (*rows(lab, "data"), *rows(lab, "refused"))}
    assert lab.verified(), capsys.readouterr().out


def test_an_annotators_answers_go_and_later_ones_are_not_taken(tmp_path: Path, lab: Lab, capsys):
    labels = reviewed(tmp_path / "labels", [key("v")], [key("a"), key("b")], key("document"))
    gone = pseudonym("one")
    lab.forget(annotators=[gone], outs=[], labels=tmp_path / "labels")
    assert "0 records without their texts, 3 lines of answers taken out" in capsys.readouterr().out
    assert {row["annotator"] for row in labels.answers()} == {pseudonym("two")}
    assert len(labels.records()) == 3
    assert Labels(tmp_path / "labels").gone.keys("annotator")


def test_an_answer_that_leaves_the_store_is_asked_again_and_the_others_are_not(tmp_path: Path):
    from synth.engine.request import Completion
    from synth.engine.store import compact

    said = dict.fromkeys(Completion.__slots__)
    said |= {"text": "はい", "request_key": key("r"), "tool_calls": (), "finish": "stop"}
    with Store(tmp_path, shard=0) as store:
        for name in ("a", "b"):
            store.put(Completion(**said | {"key": key(name)}))  # type: ignore[arg-type]
    assert compact(tmp_path, without={key("a"), key("nobody")})["dropped"] == 1
    with Store(tmp_path) as store:
        assert (store.has(key("a")), store.has(key("b")), len(store)) == (False, True, 1)
