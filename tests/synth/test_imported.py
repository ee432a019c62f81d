"""Imported sets: which forms of rows are read, which are none, and what an origin allows."""

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from synth.import_candidates import ImportOrder, candidate, check_check
from synth.imported import FormError, ImportedRow, check_file, origin_of, read_set
from synth.models import Policy
from synth.obligations import PolicyError
from synth.policy_file import load_policy
from synth.verify.constraint import SpecError, parse

POLICY_FILE = Path(__file__).resolve().parents[2] / "recipes" / "policy.yaml"
ASKED = {"role": "user", "content": "お米の研ぎ方を教えてください。"}
SAID = {"role": "assistant", "content": "水を替えながら、二、三度やさしく研ぎます。"}


def policy(tmp_path, **entry) -> Policy:
    """The project's policy with one data set more."""
    said = yaml.safe_load(POLICY_FILE.read_text(encoding="utf-8"))
    own = {"id": "lab/qa", "licence": "CC-BY-4.0", "status": "allow", "reviewer": "legal", "date": "2026-11-01"}
    said["data"].append(own | {"reason": "written in the house", "link": "https://wiki.example.jp/qa"} | entry)
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    return load_policy(path)


def lines(tmp_path, *rows, name="set.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in rows))
    return path


CALL = {"role": "assistant", "content": None, "tool_calls": [{"id": "a"}]}
RESULT = {"role": "tool", "content": "5", "tool_call_id": "a"}
SYSTEM = {"role": "system", "content": "敬体で"}
FORMS = [
    ({"messages": [ASKED, SAID]}, [ASKED, SAID]),
    ({"messages": json.dumps([ASKED, SAID])}, [ASKED, SAID]),
    (
        {"conversations": [{"from": "human", "value": "研ぎ方は"}, {"from": "gpt", "value": "二度です。"}]},
        [{"role": "user", "content": "研ぎ方は"}, {"role": "assistant", "content": "二度です。"}],
    ),
    (
        {"instruction": "要約して", "input": "本文", "output": "要約です。"},
        [{"role": "user", "content": "要約して\n\n本文"}, {"role": "assistant", "content": "要約です。"}],
    ),
    (
        {"messages": [SYSTEM, ASKED, {"role": "assistant", "content": [{"type": "text", "text": "はい。"}]}]},
        [SYSTEM, ASKED, {"role": "assistant", "content": "はい。"}],
    ),
    ({"messages": [ASKED, CALL, RESULT, SAID]}, [ASKED, CALL | {"content": ""}, RESULT, SAID]),
]


@pytest.mark.parametrize(("row", "messages"), FORMS)
def test_a_row_is_read_in_each_form_that_sets_have(tmp_path, row, messages):
    (read,) = read_set(lines(tmp_path, row), {})
    assert (read.problem, read.messages) == ("", messages)


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ('{"cut', "is no JSON"),
        ("[1]", "is no JSON object"),
        ('{"messages": "\\ud800"}', "is no JSON"),  # half of a character
        ({"text": "?"}, "has no text in 'instruction'"),
        ({"messages": []}, "no list of turns"),
        ({"messages": "{"}, "its messages are no JSON"),
        ({"messages": [ASKED]}, "it ends with the user's turn, not with an answer"),
        ({"messages": [SAID]}, "its first turn is not the user's"),
        ({"messages": [ASKED, {"role": "assistant", "content": " "}]}, "turn 1 (assistant) is empty"),
        ({"messages": [ASKED, {"role": "assistant", "content": None}]}, "turn 1 (assistant) holds no text"),
        ({"messages": [ASKED, {"role": "critic", "content": "よい"}]}, "turn 1 has the role 'critic'"),
        ({"messages": [ASKED, {"role": "assistant", "content": "", "tool_calls": [{}]}]}, "it ends with a call"),
        ({"messages": [ASKED, "はい。"]}, "turn 1 is no object"),
        ({"messages": [ASKED, SAID], "tools": "{"}, "its tools are no JSON"),
        ({"instruction": 3, "output": "x"}, "holds no text"),
    ],
)
def test_a_row_of_no_known_form_says_why_and_nothing_else_is_lost(tmp_path, row, problem):
    good = {"messages": [ASKED, SAID]}
    read = list(read_set(lines(tmp_path, good, row, "", good), {}))
    assert [(r.number, bool(r.problem)) for r in read] == [(1, False), (2, True), (4, False)]
    assert problem in read[1].problem


def test_nulls_that_arrow_put_in_are_no_part_of_a_turn_and_bytes_of_one_row_are_no_matter_of_the_others(tmp_path):
    path = tmp_path / "set.parquet"
    turns = [[ASKED, SAID | {"name": "米屋"}], [ASKED, SAID]]
    pq.write_table(pa.table({"messages": turns}), path)
    assert [r.messages for r in read_set(path, {})] == turns
    bad = pa.array([b"\xe3\x81", "要約して".encode()]).cast(pa.binary())
    text = pa.StringArray.from_buffers(2, bad.buffers()[1], bad.buffers()[2])
    pq.write_table(pa.table({"instruction": text, "output": ["a", "要約です。"]}), path)
    first, second = read_set(path, {})
    assert first.problem == "holds text that is no UTF-8"
    assert second.messages[1]["content"] == "要約です。"


def test_columns_are_named_and_values_for_checks_are_kept(tmp_path):
    path = lines(tmp_path, {"q": "12と30の和は", "a": "42です。", "gold": 42})
    (read,) = read_set(path, {"prompt": "q", "answer": "a"}, ("gold",))
    assert (read.messages[0]["content"], read.values) == ("12と30の和は", {"gold": 42})
    (turns,) = read_set(lines(tmp_path, {"dialogue": [ASKED, SAID]}), {"messages": "dialogue"})
    assert turns.messages == [ASKED, SAID]


def test_packed_lines_are_read_and_a_file_that_breaks_off_is_named(tmp_path):
    row = json.dumps({"messages": [ASKED, SAID]}).encode() + b"\n"
    packed = tmp_path / "set.jsonl.gz"
    packed.write_bytes(gzip.compress(row * 5))
    assert len(list(read_set(packed, {}))) == 5
    packed.write_bytes(gzip.compress(bytes(range(256)) * 400)[:200])
    with pytest.raises(FormError, match=r"set\.jsonl\.gz: line \d: deflate: the bytes end inside"):
        list(read_set(packed, {}))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("set.csv", b"a,b", "is a .parquet or .jsonl file"),
        ("set.parquet", b"no parquet at all", "is no Parquet file"),
        ("set.jsonl", b'[{"messages": []},\n', "is no JSON lines, one object a line: line 1 is"),
        ("set.jsonl", b"\n\n", "holds no row"),
        ("set.jsonl", b'{"prompt": "q", "completion": "a"}', "has neither messages, conversations, or instruction with output"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_set_is_refused(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FormError, match=said.replace(".", r"\.")):
        check_file(tmp_path / name, {})


def test_a_missing_file_and_a_missing_column_are_named(tmp_path):
    with pytest.raises(FormError, match="there is no such file"):
        check_file(tmp_path / "none.jsonl", {})
    path = tmp_path / "set.parquet"
    pq.write_table(pa.table({"q": ["?"], "a": ["!"]}), path)
    check_file(path, {"prompt": "q", "answer": "a"})
    with pytest.raises(FormError, match="has no column 'gold'; its columns: q, a"):
        check_file(path, {"prompt": "q", "answer": "a"}, ("gold",))


@pytest.mark.parametrize(
    ("name", "said"),
    [(None, "declares no `origin`"), ("somebody/set", "not listed"), ("lmsys/lmsys-chat-1m", "agreement")],
)
def test_a_set_of_unknown_or_denied_origin_is_refused(name, said):
    with pytest.raises(PolicyError, match=said):
        origin_of(name, load_policy(POLICY_FILE), "train_internal", "here")


def test_an_origin_brings_its_licences_obligations_but_for_those_that_its_entry_states(tmp_path):
    plain = origin_of("lab/qa", policy(tmp_path), "publish", "here")
    assert [(o.kind, o.value) for o in plain.ruling.obligations] == [("attribution", "CC-BY-4.0: lab/qa")]
    assert (plain.ruling.status, plain.answer_origin, plain.reviewed) == ("conditional", "imported", "")
    own = policy(tmp_path, status="conditional", obligations=[{"attribution": "The Lab"}], written_by="human")
    said = origin_of("lab/qa", own, "publish", "here")
    assert [(o.kind, o.value) for o in said.ruling.obligations] == [("attribution", "The Lab")]
    assert said.answer_origin == "human"
    read = policy(tmp_path, answers_reviewed={"by": "Sato", "date": "2026-10-01"})
    assert origin_of("lab/qa", read, "share", "here").reviewed == "Sato, 2026-10-01"


def test_an_origin_is_for_the_purposes_that_its_entry_names(tmp_path):
    inside = policy(tmp_path, purposes=["train_internal"])
    origin_of("lab/qa", inside, "train_internal", "here")
    with pytest.raises(PolicyError, match="is for train_internal alone, and the release is for share"):
        origin_of("lab/qa", inside, "share", "here")
    with pytest.raises(PolicyError, match="not for commercial use"):
        origin_of("lab/qa", policy(tmp_path, licence="CC-BY-NC-4.0"), "train_internal", "here")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({"written_by": "robot"}, "written_by is one of human, model, mixed, not 'robot'"),
        ({"answers_reviewed": {"by": "Sato"}}, "answers_reviewed: lacks date"),
        ({"answers_reviewed": True}, "answers_reviewed: lacks by, date"),
        ({"purposes": ["training"]}, "there is no purpose 'training'"),
        ({"purposes": "share"}, "purposes is a list of"),
    ],
)
def test_an_entry_that_says_nothing_clear_of_a_set_is_refused(tmp_path, entry, said):
    with pytest.raises(PolicyError, match=said):
        policy(tmp_path, **entry)


def order(tmp_path, checks=(), conduct=(), **entry) -> ImportOrder:
    origin = origin_of("lab/qa", policy(tmp_path, **entry), "train_internal", "here")
    return ImportOrder("qa", "question_answering", origin, ({"model": "data:lab/qa"},), tuple(checks), tuple(conduct))


READ = {"answers_reviewed": {"by": "Sato", "date": "2026-10-01"}}


@pytest.mark.parametrize(
    ("checks", "conduct", "entry", "verdict", "trains"),
    [
        ((), (), {}, "unverified", False),
        ((), ("no_repetition",), {}, "unverified", False),  # good conduct is no verification
        ((), ("no_repetition",), READ, "unverified", True),
        (({"kind": "keitai", "style": "keitai"},), (), {}, "pass", True),
        (({"kind": "keitai", "style": "keitai", "hard": False},), (), {}, "unverified", False),
        (({"kind": "keitai", "style": "jotai"},), (), READ, "fail", False),  # who has read it does not undo a failure
    ],
)
def test_a_turn_trains_where_a_check_passes_it_or_people_have_read_it(
    tmp_path, checks, conduct, entry, verdict, trains
):
    said = order(tmp_path, checks, [parse({"kind": kind}) for kind in conduct], **entry)
    made, _ = candidate(said, ImportedRow(1, [ASKED, SAID]), "f" * 64, 0)
    assert (made["verdict"], [t["train"] for t in made["turns"]]) == (verdict, [trains])


def test_a_checks_value_comes_from_the_rows_own_column(tmp_path):
    said = order(tmp_path, [{"kind": "math_answer", "value": {"column": "gold"}}])
    turns = [{"role": "user", "content": "12と30の和は。"}, {"role": "assistant", "content": "答えは42です。"}]
    for gold, verdict in (("42", "pass"), ("41", "fail")):
        made, _ = candidate(said, ImportedRow(1, turns, values={"gold": gold}), "f" * 64, 0)
        assert made["verdict"] == verdict
        assert json.loads(made["spec"])["turns"][0]["constraints"] == [{"kind": "math_answer", "value": gold}]
    made, _ = candidate(said, ImportedRow(7, turns, values={"gold": None}), "f" * 64, 0)
    assert (made["fault"], made["fault_message"]) == (
        "lacking_value",
        "row 7: math_answer: the row says nothing in 'gold'",
    )
    with pytest.raises(SpecError, match="there is no key 'wert'"):
        check_check({"kind": "math_answer", "wert": {"column": "gold"}})
    with pytest.raises(SpecError, match="did you mean 'math_answer'"):
        check_check({"kind": "math_answers", "value": {"column": "gold"}})


def test_earlier_turns_are_judged_by_conduct_alone(tmp_path):
    said = order(tmp_path, [{"kind": "keitai", "style": "keitai"}], [parse({"kind": "no_repetition"})])
    made, _ = candidate(
        said, ImportedRow(1, [ASKED, {"role": "assistant", "content": "研ぐ。"}, ASKED, SAID]), "f" * 64, 0
    )
    assert [(t["index"], t["verdict"], t["train"]) for t in made["turns"]] == [
        (1, "unverified", False),
        (3, "pass", True),
    ]
    assert made["verdict"] == "pass"
    looped = {"role": "assistant", "content": "研ぎます。" * 60}
    bad, _ = candidate(said, ImportedRow(1, [ASKED, looped, ASKED, SAID]), "f" * 64, 0)
    assert (bad["turns"][0]["verdict"], bad["verdict"]) == ("fail", "fail")


def test_personal_data_is_masked_in_every_turn_and_counted(tmp_path):
    asked = {"role": "user", "content": "075-123-4567に電話してもよいですか。"}
    told = {"role": "assistant", "content": "taro@example.ne.jp へお送りください。"}
    made, masked = candidate(order(tmp_path), ImportedRow(1, [asked, told]), "f" * 64, 0)
    assert "4567" not in made["messages"] + made["novel"]
    assert "@" not in made["messages"] + made["answer"]
    assert masked == {"phone": 1, "email": 1}


def test_two_equal_rows_are_two_and_one_row_is_one(tmp_path):
    said = order(tmp_path)
    ids = [candidate(said, ImportedRow(n, [ASKED, SAID]), "f" * 64, r)[0]["id"] for n, r in ((1, 0), (2, 0), (1, 3))]
    assert ids[0] == ids[2] != ids[1]
