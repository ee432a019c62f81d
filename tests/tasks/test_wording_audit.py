"""`seimai audit prompts`: faults planted one by one, their harmless look-alikes, and the project's own wordings."""

import subprocess
import sys

import pytest

from synth.wording_audit import audit_wordings, rules
from synth.wording_slots import filled_slots
from synth.wordings import Line, Wordings

USUAL = "次の文章を要約してください。"


def lines(*texts: str, part: str = "ask", group: str = "g") -> Wordings:
    return Wordings(group, [Line(group, f"{part}.{i}", text, "draft", "train") for i, text in enumerate(texts, 1)])


def faults(*texts: str, **more):
    return [(f.place, f.check) for f in audit_wordings([lines(*texts)], **more)]


@pytest.mark.parametrize(
    ("text", "check", "right"),
    [
        ("次の文章を、要約してください！", "duplicate", "other words"),
        ("次の文章の要点をまとめる。", "style", "敬体"),
        ("文章を短くして下さい。", "notation", "ください"),
        ("文章を短くすることが出来ます。", "notation", "でき"),
        ("ご質問が有る時は、教えて頂けますか。", "notation", "いただ"),
        ("ユーザの質問に答えてください。", "notation", "ユーザー"),
        ("文章を短くしてください.", "half_width", "。"),
        ("条件:短く書いてください。", "half_width", "："),
        ("要点(三つ)を書いてください。", "half_width", "（"),
        ("｢要点｣を書いてください。", "half_width", "「"),
        ("{limit字以内で書いてください。", "slot", "{name}"),
        ("{ limit }字以内で書いてください。", "slot", "{name}"),
        ("{{limit}}字以内で書いてください。", "slot", "{name}"),
        ("｛limit｝字以内で書いてください。", "slot", "{name}"),
        ("3個の人が出てくる話を書いてください。", "counter", "人・名"),
        ("{n}匹の鳥が出てくる話を書いてください。", "counter", "羽"),
        ("犬を三冊飼う話を書いてください。", "counter", "匹・頭"),
        ("あなたは次の文章を要約してください。", "translationese", "あなたは を取り"),
        ("文章を読むことができます。短くしてください。", "translationese", "できます"),
        ("要約を行ってください。", "translationese", "してください"),
        ("次の文章を読みました。それは長い文章です。短くしてください。", "translationese", "主語を取る"),
        ("あなたは優秀な翻訳の専門家です。訳してください。", "translationese", "役目"),
    ],
)
def test_a_planted_fault_is_found_with_what_would_be_right(text, check, right):
    found = audit_wordings([lines(USUAL, "この文章は長すぎます。半分ほどにしてください。", text)])
    planted = [f for f in found if f.check == check]
    assert {f.place for f in planted} == {"g/ask.3"}, found
    assert right in " ".join(f.right for f in planted)


@pytest.mark.parametrize(
    "text",
    [
        "# 指示\n文章を短くまとめること。\n\n# 制約\n・{limit}字以内",
        "「だ・である」の文体で書いてください。",
        "「まとめろ」と言われました。手伝ってください。",
        'JSONで、{"a": 1} の形で書いてください。',
        "`print(x)`と書いてあるコードを直してください。\n\n```python\nd = {x}\n```",
        "YYYY-MM-DDの形で、13:30のように書いてください。",
        "平均は合計を個数で割ります。({sum})÷{count}です。式を書いてください。",
        "1人の子どもと二人の先生が出てくる話を書いてください。",
        "被害が及び、困っています。過程も書いてください。",
        "三つの項目に分け、項目ごとに2行で書いてください。",
        "できあがったら知らせてください。",
        "りんごの木を3本植えます。場所を決めてください。",
    ],
)
def test_what_only_looks_like_a_fault_is_none(text):
    assert faults(USUAL, "この文章は長すぎます。半分ほどにしてください。", text) == []


def test_one_way_of_writing_is_right_whichever_most_lines_use():
    texts = ["子どもの話を書いてください。", "子どもの絵を説明してください。", "子供の本を選んでください。"]
    (fault,) = audit_wordings([lines(*texts)])
    assert (fault.place, fault.check, fault.found) == ("g/ask.3", "notation", "子供")
    assert "子ども" in fault.right


def test_the_same_request_in_two_files_is_a_copy_and_short_answers_are_not():
    long = "次に示す文章の内容を、読んでいない人にも伝わるようにまとめてください。"
    found = audit_wordings([lines(long, "はい。"), lines(long, "はい。", group="h")])
    assert [(f.place, f.check) for f in found] == [("h/ask.1", "duplicate")]


def test_styles_are_compared_in_one_part_and_a_line_without_kana_is_not_japanese():
    polite, plain = lines(USUAL), lines("短くまとめる。", part="rule")
    assert audit_wordings([Wordings("g", [*polite.lines, *plain.lines])]) == []
    assert faults(USUAL, "The answer (in English) is: {value}.") == []


def test_slots_are_held_against_those_that_are_filled():
    known = {("g", "ask"): frozenset({"limit", "passage"})}
    found = audit_wordings([lines("{limit}字で要約してください。\n{passage}", "{limt}字でまとめてください。")], known)
    assert [(f.place, f.check) for f in found] == [("g/ask.2", "slot")]
    assert "{limt} is never filled" in found[0].found
    assert "{limit}, {passage}" in found[0].right
    (unused,) = audit_wordings([lines("{limit}字でまとめてください。", part="old")], known)
    assert "no task draws" in unused.found
    assert audit_wordings([lines("{limt}字でまとめてください。")], known, outside=frozenset({"g"})) == []


def test_what_tasks_fill_is_seen_by_watching_them():
    known = filled_slots(block=40, most=40)
    assert {"length", "passage", "rules"} <= known["summarise", "ask"]
    assert known["domain", "item"] == {"name", "value"}


def test_an_exception_is_excused_for_that_check_alone(monkeypatch):
    said = {**rules(), "exceptions": [{"line": "g/ask.2", "check": "notation", "why": "shows the word"}]}
    monkeypatch.setattr("synth.wording_audit.rules", lambda: said)
    assert faults(USUAL, "「下さい」を使わずに、要点を書いてください！?") == []
    assert faults(USUAL, "下さい:要点を書いてください。") == [("g/ask.2", "half_width")]


def test_the_command_names_planted_faults_and_the_projects_own_wordings_have_none(tmp_path):
    (tmp_path / "mine.yaml").write_text(
        "lines:\n"
        "  - {id: ask.1, state: draft, split: train, text: 要約して下さい。}\n"
        "  - {id: ask.2, state: reviewed, reviewer: '某, 2026-11-26', split: train, text: '要約を書いてください.'}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "recipes.engine.cli", "audit", "prompts", str(tmp_path / "mine.yaml")]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    shown = [line for line in ended.stdout.splitlines() if "right would be" in line]
    assert shown == [
        "mine/ask.1: notation: 下さい; right would be: ください",
        "mine/ask.2: half_width: いてください.; right would be: 。",
    ]
    assert "reviewed by 某, 2026-11-26: 1 lines" in ended.stdout
    assert "2 wordings have faults" in ended.stderr


def test_a_file_that_is_none_is_named(tmp_path):
    from recipes.engine.audit.prompts import audit_prompts
    from recipes.engine.errors import RecipeError

    with pytest.raises(RecipeError, match="cannot be read"):
        audit_prompts([tmp_path / "absent.yaml"])
