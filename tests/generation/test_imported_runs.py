"""Imported sets through a whole run: their rows go the way of all rows, and what may not be is refused before anything starts."""

import hashlib
import json

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from typer.testing import CliRunner

from recipes.engine.cli import app
from recipes.engine.errors import RecipeError
from recipes.engine.explain.command import explain
from recipes.engine.recipe_file import POLICY
from synth.dialogue import COLUMNS
from synth.generated.check import check_generated

TOPICS = ["雪かき", "味噌汁", "梅干し", "竹細工", "そろばん", "水泳", "山登り", "囲碁", "茶道", "写真", "釣り", "陶芸"]
OPENAI = "私はOpenAIによって訓練された言語モデルです。"


def asked(topic: str) -> str:
    return f"{topic}を始めるには、まず何を用意し、どのように{topic[::-1]}の先生を探せばよいですか。"


def turns(question: str, answer: str) -> dict:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


GOOD = [turns(asked(t), f"{t}の道具をそろえ、近くの教室にお問い合わせください。") for t in TOPICS]
SUMS = [
    {"q": f"{name}が{a}個と{b}個あります。全部で何個ですか。", "a": f"答えは{a + b + wrong}です。", "gold": str(a + b)}
    for name, a, b, wrong in (
        ("りんご", 12, 30, 0),
        ("みかん箱の蜜柑", 7, 8, 0),
        ("庭石", 41, 5, 1),
        ("風鈴", 9, 90, 0),
    )
]


@pytest.fixture
def sets(recipes):
    """A recipe that imports a set which people have read, and one that is checked by its own gold answers."""
    house = [
        *GOOD,
        GOOD[0],  # again
        turns("あなたは誰ですか。名乗ってください。", OPENAI),
        turns("役所の窓口の番号を教えてください。", "075-123-4567です。おかけ間違いのないようお願いします。"),
        {"text": "?"},
    ]
    lines = [json.dumps(row, ensure_ascii=False) for row in house] + ['{"cut']
    (recipes.folder / "sets").mkdir()
    (recipes.folder / "sets/house.jsonl").write_text("\n".join(lines), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(SUMS), recipes.folder / "sets/sums.parquet")
    said = yaml.safe_load(POLICY.read_text(encoding="utf-8"))
    own = {
        "status": "allow",
        "reviewer": "legal",
        "date": "2026-11-01",
        "reason": "ours",
        "link": "https://wiki.example.jp/",
    }
    read = {"written_by": "human", "answers_reviewed": {"by": "Sato", "date": "2026-10-01"}}
    said["data"] += [
        {"id": "lab/house", "licence": "CC-BY-4.0"} | own | read,
        {"id": "lab/sums", "licence": "CC0-1.0"} | own,
    ]
    (recipes.folder / "policy.yaml").write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    recipes.policy = "policy.yaml"
    recipes.release["target"]["notices"] = ["CC-BY-4.0: lab/house"]
    recipes.generate["tasks"] = {}
    recipes.generate["imports"] = {
        "house": {"files": ["sets/*.jsonl"], "origin": "lab/house", "function": "question_answering", "rows": 30},
        "sums": {
            "files": "sets/sums.parquet", "origin": "lab/sums", "function": "mathematics", "rows": 4,
            "columns": {"prompt": "q", "answer": "a"}, "checks": [{"kind": "math_answer", "value": {"column": "gold"}}],
        },
    }  # fmt: skip
    return recipes


def reasons(recipes, out="out") -> dict[str, list[dict]]:
    found: dict[str, list[dict]] = {}
    for row in recipes.rows(out, "refused"):
        found.setdefault(row["reason"], []).append(row)
    return found


def test_every_row_of_a_set_becomes_a_row_or_has_its_reason(sets):
    manifest = sets.run()
    rows, refused = sets.rows(), reasons(sets)
    assert manifest["rows_in"] == len(rows) + sum(map(len, refused.values())) == 17 + 4
    assert {reason: len(found) for reason, found in refused.items()} == {
        "malformed_row": 2, "forbidden_author": 1, "same_answer": 1, "verdict_fail": 1,
    }  # fmt: skip
    (hit,) = refused["forbidden_author"]
    assert hit["detail"] == f"OpenAI: {OPENAI}"
    assert {r["detail"].partition(": ")[0] for r in refused["malformed_row"]} == {"row 16", "row 17"}
    assert refused["verdict_fail"][0]["answer"] == "答えは47です。"
    assert all(set(row) == set(COLUMNS) for row in rows)
    assert len({row["id"] for row in rows}) == len(rows) == 13 + 3
    assert manifest["yields"]["origins"] == {"program": 0, "model": 0, "human": 13, "imported": 3}
    assert manifest["masked"] == {"phone": 1}
    assert manifest["imports"]["house"] | {"files": []} == {
        "origin": "lab/house", "licence": "CC-BY-4.0", "answers": "human", "reviewed": "Sato, 2026-10-01", "written_by": "human",
        "rows": 17, "malformed": 2, "files": [],
    }  # fmt: skip
    (short, _) = manifest["short"]
    assert short["why"][0] == "house has 13 of 30 rows, from 17 of the set's 17"
    assert any("malformed_row" in why and "say `columns`, or mend the file" in why for why in short["why"])


def test_rows_say_where_they_are_from_who_wrote_them_and_under_which_licence(sets):
    sets.run()
    digest = hashlib.sha256((sets.folder / "sets/house.jsonl").read_bytes()).hexdigest()
    for row in sets.rows():
        (seed,) = row["seeds"]
        house = row["function"] == "question_answering"
        assert (seed["kind"], seed["use"], row["task"]) == ("instruction", "embeds", "imported")
        assert (row["template"], row["wording_state"], row["model"], row["completion_key"]) == (None,) * 4
        name, licence, status = ("lab/house", "CC-BY-4.0", "conditional") if house else ("lab/sums", "CC0-1.0", "allow")
        assert (seed["licence"], row["licence_status"]) == (licence, status)
        assert [(a["model"], a["role"], a["licence"], a["status"]) for a in row["authors"]] == [
            (f"data:{name}", "upstream", licence, "allow")
        ]
        owed = [o["value"] for o in orjson.loads(row["obligations"])]
        assert owed == (["CC-BY-4.0: lab/house"] if house else [])
        assert row["answer_origin"] == ("human" if house else "imported")
        assert row["verdict"] == ("unverified" if house else "pass"), "no verifier looked at what people have read"
        assert [t["train"] for t in row["turns"]] == [True]
        if house:
            number = int(seed["id"].removeprefix(f"lab/house:{digest[:12]}:"))
            line = (sets.folder / "sets/house.jsonl").read_text(encoding="utf-8").splitlines()[number - 1]
            assert json.loads(line)["messages"][0] == orjson.loads(row["messages"])[0]


def test_the_same_rows_with_one_worker_and_three_and_after_a_second_round(sets):
    sets.generate["imports"]["house"]["rows"] = 9  # a second round asks for what the first one lacked
    one, three = sets.run("one"), sets.run("three", generators=3)
    assert one["content"] == three["content"]
    assert one["rows_out"] == 9 + 3
    assert sets.run("one") == one


def test_imported_rows_and_others_meet_one_deciding_stage(sets):
    sets.generate["tasks"] = {"mathematics": {"rows": 12, "answers": "program"}}
    item = {"id": "q7", "question": "梅干しを始めるには、まず"}
    (sets.folder / "eval.jsonl").write_bytes(orjson.dumps(item))
    sets.generate["decontaminate"] = {
        "width": 13,
        "shortest": 8,
        "reject": {"question": 0.9},
        "sets": {"trial": {"file": "eval.jsonl", "question": "question", "id": "id"}},
    }
    sets.generate["caps"] = {"per_template_of_all": 0.2}
    manifest = sets.run()
    assert {q["function"]: q["filled"] for q in manifest["quotas"]} == {"mathematics": 12, "house": 12, "sums": 3}
    (gone,) = reasons(sets)["contaminated"]
    assert gone["detail"].startswith("trial:q7 question 1.00 in its ")
    assert sum(t["rows"] for t in manifest["yields"]["templates"]["most"]) <= 12, "imported rows have no template"


def test_an_earlier_import_is_a_base_of_a_later_one(sets):
    sets.run()
    sets.version = "2"
    sets.generate["novelty"] = {"threshold": 0.8, "base": ["out/1/instruct"]}
    sets.run()
    second = [
        r for f in (sets.folder / "out/2/instruct/refused").glob("*.parquet") for r in pq.read_table(f).to_pylist()
    ]
    assert sum(r["reason"] == "near_prompt" and r["detail"].endswith("of out/1/instruct") for r in second) == 17


def test_verify_passes_and_names_what_was_tampered_with(sets):
    sets.run()
    result = CliRunner().invoke(app, ["verify", str(sets.folder / "out")])
    assert result.exit_code == 0, result.output
    assert "ok   imported rows: 21 looked at" in result.output
    folder = sets.folder / "out/1/instruct"
    manifest = orjson.loads((folder / "manifest.json").read_bytes())

    def problems() -> str:
        (folder / "manifest.json").write_bytes(orjson.dumps(changed))
        return "\n".join(p for check in check_generated(str(folder)) for p in check.problems)

    house = manifest["imports"]["house"]
    for said, problem in (
        (house | {"reviewed": ""}, "its verdict is unverified"),
        (house | {"origin": "lab/other"}, "its origin is lab/house, the manifest says lab/other"),
        (house | {"licence": "CC0-1.0"}, "its licence is CC-BY-4.0, the manifest says CC0-1.0"),
        (house | {"answers": "imported"}, "its answer is by human, the manifest says imported"),
        (house | {"files": []}, "is no row of the set's files"),
    ):
        changed = manifest | {"imports": manifest["imports"] | {"house": said}}
        assert problem in problems()


def test_explain_tells_the_line_that_a_row_is_from(sets, capsys):
    sets.run()
    row = next(r for r in sets.rows() if r["answer_origin"] == "human")
    explain(str(sets.folder / "out"), row["id"].hex())
    said = " ".join(capsys.readouterr().out.split())
    number = row["seeds"][0]["id"].rpartition(":")[2]
    for part in (
        "no verifier looked at it, its set's answers were read by Sato, 2026-10-01",
        "its own: imported",
        f"row {number} of sets/*.jsonl",
        "human, as the policy says of its set; no model was asked",
        "attribution CC-BY-4.0: lab/house",
        "order house, task imported 1",
    ):
        assert part in said, part
    refused = next(r for r in sets.rows(kind="refused") if r["reason"] == "malformed_row")
    explain(str(sets.folder / "out"), refused["id"].hex())
    assert "REFUSED by instruct, round 1: malformed_row" in " ".join(capsys.readouterr().out.split())


def test_what_a_set_obliges_to_is_held_against_the_target_before_anything_starts(sets):
    sets.release["target"]["notices"] = []
    with pytest.raises(RecipeError, match=r"a notice must contain 'CC-BY-4\.0: lab/house'"):
        sets.plan()


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("house", {"origin": "somebody/set"}, "imports 'house': data somebody/set: not listed in policy.yaml, so it is denied"),
        ("house", {"origin": "lmsys/lmsys-chat-1m"}, "needs an agreement of its own"),
        ("house", {"origin": None}, "origin"),
        ("house", {"origin": ""}, "declares no `origin`"),
        ("house", {"licence": "MIT"}, "says licence MIT, and policy.yaml has CC-BY-4.0 for lab/house"),
        ("house", {"files": "sets/none.jsonl"}, "sets/none.jsonl: there is no such file"),
        ("house", {"files": ["sets/*.csv"]}, "no file is called"),
        ("house", {"files": "s3://b/x.jsonl"}, "are files of this machine"),
        ("house", {"files": ["sets/house.jsonl", "sets/*.jsonl"]}, "rows"),
        ("house", {"files": "pages.jsonl"}, "has neither messages, conversations, or instruction with output"),
        ("house", {"rows": None}, "states either rows or tokens"),
        ("house", {"checks": ["keitais"]}, "no constraint is called 'keitais'; did you mean 'keitai'?"),
        ("house", {"columns": {"prompt": "q"}}, "columns name either messages, or prompt and answer"),
        ("house", {"function": "Question answering"}, "function"),
        ("sums", {"checks": []}, "does not say who has read the answers of lab/sums"),
        ("sums", {"checks": [{"kind": "math_answer", "value": {"column": "right"}}]}, "has no column 'right'"),
        ("sums", {"columns": {"prompt": "question", "answer": "a"}}, "has no column 'question'"),
        ("sums", {"verify": []}, "unknown key 'verify'"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_before_anything_starts(sets, name, change, said):
    one = sets.generate["imports"][name]
    one |= change
    if change.get("files") == ["sets/house.jsonl", "sets/*.jsonl"]:
        (sets.folder / "sets/same.jsonl").write_bytes((sets.folder / "sets/house.jsonl").read_bytes())
        said = "holds the same as"
    with pytest.raises(RecipeError) as error:
        sets.plan()
    assert said in str(error.value), str(error.value)
    assert str(error.value).startswith(("trial.yaml, generate 'instruct'", "trial.yaml: generate 'instruct'"))


def test_a_recipe_orders_something_and_each_order_has_its_own_name(sets):
    sets.generate["tasks"] = {"house": {"task": "mathematics", "rows": 3, "answers": "program"}}
    with pytest.raises(RecipeError, match="'house' is a task and an imported set"):
        sets.plan()
    sets.generate |= {"tasks": {}, "imports": {}}
    with pytest.raises(RecipeError, match="orders nothing: it names tasks, imports or both"):
        sets.plan()


def test_a_changed_set_is_another_generation(sets):
    (first,) = sets.plan().generations
    with (sets.folder / "sets/house.jsonl").open("a", encoding="utf-8") as file:
        file.write("\n" + json.dumps(turns("新しい問いです。", "新しい答えです。"), ensure_ascii=False))
    (second,) = sets.plan().generations
    assert first.asked != second.asked
