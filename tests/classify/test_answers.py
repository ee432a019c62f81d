"""Answers as they come back: filled in by people in Excel, by a judge model, through a review server; and what is wrong with some."""

import json
from pathlib import Path

import polars as pl
import pytest

from curation.classify.answers import Answers, AnswersError, judged, read_answers
from curation.filters.preset import condition

A, B, C = (f"{n:032x}" for n in (0xA1, 0xB2, 0xC3))


def read(folder: Path, content: str | bytes | list[dict], name: str = "", **keys):
    """What is read of one file."""
    if isinstance(content, list):
        content, name = "\n".join(json.dumps(row, ensure_ascii=False) for row in content), name or "a.jsonl"
    name = name or "a.csv"
    (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_answers(Answers(files=[name], **keys), folder)


def test_a_table_that_came_back_from_excel_is_read(tmp_path):
    text = f'id,url,weight,text,label\r\n{A},u,12.5,精米,3.0\r\n{B.upper()},u,2,"二行\n糠", 5 \r\n{C},u,2,,\r\n'
    for raw in (text.encode("utf-8-sig"), text.encode("cp932"), text.encode()):
        found = read(tmp_path, raw)
        assert found.labels == {A: "3", B: "5"}
        assert found.unanswered == [C]
        assert found.weights == {A: 12.5, B: 2.0, C: 2.0}
        assert found.places[C].endswith("a.csv, row 4")


def test_a_judge_models_lines_are_read_with_whatever_else_they_say(tmp_path):
    rows = [
        {"id": A, "model": "judge-7b", "grade": 4, "reason": "説明が明快"},
        {"id": B, "model": "judge-7b", "grade": None, "error": "no number in the answer"},
        {"id": C, "model": "judge-7b", "error": "timeout"},
    ]
    found = read(tmp_path, rows, label_key="grade")
    assert (found.labels, found.unanswered) == ({A: "4"}, [B, C])


def test_parquet_with_ids_as_bytes_is_read(tmp_path):
    pl.DataFrame({"id": [bytes.fromhex(A)], "label": ["良い 文"]}).write_parquet(tmp_path / "a.parquet")
    found = read_answers(Answers(files=["a.parquet"]), tmp_path)
    assert found.labels == {A: "良い_文"}, "a label of fastText holds no white space"


def argilla(row: str, *responses: tuple) -> dict:
    """A record as Argilla 2.8's REST interface returns it (argilla_server.api.schemas.v1.records.Record)."""
    made = [
        {
            "id": f"r{n}",
            "values": None if value is None else {"quality": {"value": value}},
            "status": status,
            "user_id": who,
            "updated_at": f"2026-11-0{day}T00:00:00",
        }
        for n, (who, value, status, day) in enumerate(responses)
    ]
    return {"id": "5f1c", "external_id": row, "fields": {"text": "…"}, "status": "completed", "responses": made}


KEYS = {
    "id_key": "external_id",
    "label_key": "responses.values.quality.value",
    "annotator_key": "responses.user_id",
    "time_key": "responses.updated_at",
    "where": {"responses.status": "submitted"},
}


def test_records_of_a_review_server_are_read_as_they_are(tmp_path):
    rows = [
        argilla(A, ("u1", "good", "submitted", 1), ("u2", "good", "submitted", 1), ("u3", "bad", "submitted", 2)),
        argilla(B, ("u1", "bad", "submitted", 1), ("u2", "good", "draft", 1), ("u1", "good", "submitted", 2)),
        argilla(C),
        argilla("9" * 32, ("u1", "bad", "submitted", 1), ("u2", "good", "submitted", 1)),
        argilla("8" * 32, ("u1", None, "discarded", 1)),
    ]
    found = read(tmp_path, rows, several="majority", **KEYS)
    assert found.labels == {A: "good", B: "good"}, "u1's last answer about B counts, u2's draft does not"
    assert found.tied == {"9" * 32: ["bad", "good"]}
    assert found.unanswered == [C, "8" * 32]
    assert found.several == 2
    assert sorted(found.pairs) == [("bad", "good"), ("good", "bad"), ("good", "bad"), ("good", "good")]


def test_an_annotators_events_in_one_table_count_by_their_last(tmp_path):
    rows = [
        {"id": A, "annotator": "p1", "time": "2026-11-01", "label": 2, "status": "submitted"},
        {"id": A, "annotator": "p1", "time": "2026-11-03", "label": 4, "status": "submitted"},
        {"id": A, "annotator": "p1", "time": "2026-11-02", "label": 1, "status": "submitted"},
        {"id": A, "annotator": "p2", "time": "2026-11-01", "label": 5, "status": "submitted"},
        {"id": B, "annotator": "p2", "time": "2026-11-01", "label": 5, "status": "discarded"},
    ]
    keys = {"annotator_key": "annotator", "time_key": "time", "where": {"status": "submitted"}}
    found = read(tmp_path, rows, several="median", **keys)
    assert found.labels == {A: "4"}, "the lower of 4 and 5"
    assert found.unanswered == [B]
    with pytest.raises(
        AnswersError, match=rf"a\.jsonl, line 2: p1 answers '4' about {A}, and '2' before .*name .* 'time_key'"
    ):
        read(tmp_path, rows, several="median", annotator_key="annotator")


def test_contradictory_answers_need_to_be_told_what_becomes_of_them(tmp_path):
    rows = [{"id": i, "label": v} for i, v in ((A, 3), (A, 5), (A, 5), (B, 1), (B, 1))]
    with pytest.raises(AnswersError, match=rf"line 2: {A} is labelled '5', and '3' before .*'several: majority'"):
        read(tmp_path, rows)
    assert read(tmp_path, rows, several="majority").labels == {A: "5", B: "1"}
    assert read(tmp_path, rows, several="median").labels == {A: "5", B: "1"}
    rows.append({"id": A, "label": "fine"})
    with pytest.raises(AnswersError, match="line 6: 'fine' is no number, and 'several: median' is of grades"):
        read(tmp_path, rows, several="median")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("id,score\nab,3\n", r"a\.csv: no column label; columns: id, score"),
        ("name,label\nab,3\n", r"a\.csv, row 2: no column id; columns: label, name"),
        ("id,label\n,3\n", r"a\.csv, row 2: 'id' is '' and names no row"),
        ("id,label,weight\nab,3,-1\n", r"a\.csv, row 2: weight '-1' is no number above 0"),
        (b"id,label\nab,\x81\n", r"a\.csv: neither UTF-8 nor Shift_JIS"),
    ],
)
def test_a_table_that_cannot_be_is_refused_with_its_place(tmp_path, content, said):
    with pytest.raises(AnswersError, match=said):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"id": "ab", "label": 3', r"a\.jsonl, line 2: no JSON .*one object a line"),
        ("[1, 2]", r"a\.jsonl, line 2: holds list, and each line must be an object"),
        ('{"id": "ab", "label": ["good"]}', r"line 2: 'label' is \['good'\], and a label is a name or a number"),
        ('{"id": "ab", "label": true}', r"line 2: 'label' is True, and a label is a name or a number"),
        ('{"id": 12, "label": 3}', r"line 2: 'id' is 12 and names no row"),
    ],
)
def test_a_line_that_cannot_be_is_refused_with_its_place(tmp_path, line, said):
    with pytest.raises(AnswersError, match=said):
        read(tmp_path, f'{{"id": "{A}", "label": 1}}\n{line}\n', "a.jsonl")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(AnswersError, match=r"there is no file .*none\.csv"):
        read_answers(Answers(files=["none.csv"]), tmp_path)


@pytest.mark.parametrize("missing", ["nan", "NaN", "inf", "-inf"])
def test_what_a_program_writes_for_a_missing_grade_is_no_grade(tmp_path, missing):
    found = read(tmp_path, f"id,label\n{A},{missing}\n{B},4\n")
    with pytest.raises(
        AnswersError, match=rf"a\.csv, row 2: the label '{missing}' is no number, and '>= 3' compares numbers"
    ):
        judged(condition(">= 3"), found.labels, found.places)
    with pytest.raises(AnswersError, match=f"row 2: '{missing}' is no number, and 'several: median' is of grades"):
        read(tmp_path, f"id,label\n{A},{missing}\n{A},4\n", several="median")
