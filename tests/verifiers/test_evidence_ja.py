"""Whatever a verifier says it found is said in Japanese too: of every verdict on every golden, and of every word in the code."""

import ast
import re
from pathlib import Path

import pytest

import synth.verify
from recipes.engine.pairs.summary import evidence
from synth.verify.constraint import kinds
from synth.verify.evidence_ja import named, told, value, what, words

JAPANESE = re.compile(r"[ぁ-ゖァ-ヺ一-鿿]")
THEIRS = re.compile(r"\$\.?.*|<.+>|.*: \$.*|[A-Z]{3,4}|第.+")
"""Names of a spec or a form, which stay as they are: JSON paths, tags, functions' arguments, JSON, CSV."""


def in_code() -> set[str]:
    """Every text that the verifiers give as `what`, where the code says it."""
    found: set[str] = set()
    for path in Path(synth.verify.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", ""))
            if called in ("Evidence", "counted") and node.args and isinstance(node.args[0], ast.Constant):
                found.add(str(node.args[0].value))
    return found


def test_every_kind_has_a_japanese_name_of_its_own():
    names = [named(kind) for kind in kinds()]
    assert all(JAPANESE.search(name) for name in names)
    assert len(set(names)) == len(names)
    assert set(words()["kinds"]) == set(kinds())


def test_every_word_of_the_code_is_said_in_japanese():
    assert len(found := in_code()) > 150
    assert [said for said in sorted(found) if not JAPANESE.search(what(said)) and not THEIRS.fullmatch(said)] == []


def test_what_is_found_on_the_goldens_is_said_in_japanese(all_goldens):
    found = {
        (golden.spec.kind, evidence.what)
        for golden in all_goldens
        if not golden.spec.executes
        for evidence in golden.verdict().evidence
    }
    keys = {str(key) for g in all_goldens for key in getattr(g.spec, "values", ()) or ()}
    left = [
        (kind, said)
        for kind, said in sorted(found)
        if not JAPANESE.search(what(said)) and not THEIRS.fullmatch(said) and said not in keys and kind != "tool_call"
    ]
    assert left == []


LINES = {
    ("char_count", "characters", 120, "at least 60 and at most 100"): "文字数：120（求めたもの：60 以上 100 以下）",
    ("keyword_exclude", "forbidden", "重要", "absent"): "使わない語：使ってはいけない語「重要」（求めたもの：なし）",
    ("abstention", "says unknown", "no", "unknown"): (
        "答えられるかどうか：「分からない」という言葉 なし（求めたもの：分からないと述べる）"
    ),
    ("json_values", "price", "980", "890"): "JSON の値：price「980」（求めたもの：890）",
}


@pytest.mark.parametrize("said", LINES)
def test_a_line_for_people(said):
    kind, *evidence = said
    assert told(kind, [dict(zip(("what", "found", "wanted"), evidence, strict=True))]) == LINES[said]


def test_words_of_an_answer_stay_as_they_are():
    assert value("I am a cat") == "I am a cat"
    assert value(3) == "3"


def test_the_evidence_of_a_pair_is_told_in_both_languages():
    found = '[{"what": "characters", "found": 120, "wanted": "at most 100", "start": -1, "end": -1}]'
    line = {"verifier": "char_count", "verdict": "fail", "hard": True, "evidence": found}
    passed = line | {"verifier": "keitai", "verdict": "pass"}
    assert evidence([line, passed]) == [
        ("文字数：120（求めたもの：100 以下）", "char_count: characters: 120 (at most 100)")
    ]
