"""Morae, and whether a よみ is a reading: worked values, true readings of poems, and false ones made as a model would."""

import importlib.util
from pathlib import Path

import pytest

from synth.verify.constraint import verify
from synth.verify.mora import morae, sounded
from synth.verify.readings import Fit, fit

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
MORAE = {
    1: "ん っ ー あぁ ぁ",
    2: "きゃく きょう くゎし ぐゎん ティー シェフ チェロ けふ ゐど こゑ ああ パッ",
    3: "さくら ディスク フォーク クォーツ だらう をとめ うわぁぁ",
    4: "がっこう しんぶん ラーメン しゅっちょう ファミリー ウィスキー トゥモロー デュエット てふてふ ぎゅうにゅう ﾗｰﾒﾝ",
    5: "ヴァイオリン ニューヨーク",
    6: "コンピューター",
    7: "いらっしゃいませ",
    0: "、。",
}


@pytest.fixture(scope="module")
def yomi():
    spec = importlib.util.spec_from_file_location("_yomi", BENCHMARKS / "_yomi.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("kana", "count"), [(kana, n) for n, words in MORAE.items() for kana in words.split()])
def test_morae_are_counted_as_poets_do(kana: str, count: int):
    assert morae(kana) == count


@pytest.mark.parametrize(
    ("a", "b"), [("おうさま", "オーサマ"), ("とけい", "とけー"), ("つづく", "つずく"), ("おおきい", "おーきー")]
)
def test_spellings_of_one_sound_are_equal(a: str, b: str):
    assert sounded(a) == sounded(b)


@pytest.mark.parametrize(
    ("text", "reading", "wanted"),
    [
        ("明日は晴れ", "あしたははれ", Fit.ALLOWED),
        ("明日は晴れ", "あすははれ", Fit.ALLOWED),
        ("明日は晴れ", "あしたわはれ", Fit.ALLOWED),
        ("私は行った", "わたしはいった", Fit.ALLOWED),
        ("三本の木", "さんぼんのき", Fit.POSSIBLE),
        ("日が昇る", "にちがのぼる", Fit.POSSIBLE),
        ("衣ほすてふ", "ころもほすちょう", Fit.POSSIBLE),
        ("古池や", "ふるいけえや", Fit.IMPOSSIBLE),
        ("古池や", "ふるいけ", Fit.IMPOSSIBLE),
        ("水", "さかな", Fit.IMPOSSIBLE),
        ("", "", Fit.IMPOSSIBLE),
    ],
)
def test_a_reading_is_allowed_possible_or_impossible(text: str, reading: str, wanted: Fit):
    assert fit(text, reading) is wanted


def test_true_and_false_readings_of_modern_lines(yomi):
    measured = yomi.measured("modern")
    assert measured["true"] >= 100
    assert measured["false"] >= 300
    assert measured["false_fail"] <= 0.01
    assert measured["false_pass"] <= 0.03
    assert measured["coverage"] >= 0.80


def test_classical_lines_are_not_failed_falsely_and_never_passed_falsely(yomi):
    measured = yomi.measured("classical")
    assert measured["false_fail"] <= 0.05
    assert measured["false_pass"] <= 0.03


def test_every_line_has_its_count(yomi):
    assert {morae(kana) for _, kana in yomi.lines("modern")} == {5, 7}


def test_one_mora_more_fails_unless_the_spec_allows_it():
    poem = "体重計　そっと乗っても　同じ数\nよみ：たいじゅうけい　そっとのっても　おなじかず"
    assert verify({"kind": "poem", "form": "senryu"}, "", poem).outcome == "fail"
    assert verify({"kind": "poem", "form": "senryu", "jiamari": 1}, "", poem).outcome == "pass"


def test_without_a_reading_only_a_poem_that_can_be_read_one_way_passes():
    assert verify({"kind": "poem", "form": "haiku"}, "", "はるのうみ　ひねもすのたり　のたりかな").outcome == "pass"
    assert verify({"kind": "poem", "form": "haiku"}, "", "明日の空　誰かが見上げ　鳥が飛ぶ").outcome == "abstain"
