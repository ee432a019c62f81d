"""Deciding by thresholds: what is kept, which rule is the reason, and what a mistake in a recipe is told."""

import pickle
import re

import pyarrow as pa
import pytest

from curation.filters.preset import load_preset, preset_names, read_preset
from curation.filters.threshold import Threshold, rules_broken


def decide(rules, **columns):
    arrays = {name: column if isinstance(column, pa.Array) else pa.array(column) for name, column in columns.items()}
    made = Threshold(rules=rules).columns(pa.record_batch(arrays))
    return {name: column.to_pylist() for name, column in made.items()}


@pytest.mark.parametrize(
    ("keep", "reasons"),
    [
        ("<= 0.30", [None, None, "rules.r"]),
        ("< 0.30", [None, "rules.r", "rules.r"]),
        (">= 0.30", ["rules.r", None, None]),
        ("> 0.30", ["rules.r", "rules.r", None]),
        ("== 0.3", ["rules.r", None, "rules.r"]),
        ("!= 0.3", [None, "rules.r", None]),
        ("between 0.3 and 0.5", ["rules.r", None, None]),
    ],
)
def test_three_tenths_falls_on_the_side_that_the_rule_says(keep, reasons):
    rules = [{"name": "r", "column": "duplicate_line_fraction", "keep": keep}]
    assert decide(rules, duplicate_line_fraction=[2 / 10, 3 / 10, 4 / 10])["reason"] == reasons


def test_a_float32_score_at_the_bound_is_not_below_it():
    # 0.886 in float32 is 0.88599997…, below 0.886 in float64
    rules = [{"name": "r", "column": "language_score", "keep": ">= 0.886"}]
    assert decide(rules, language_score=pa.array([0.886, 0.885], pa.float32()))["reason"] == [None, "rules.r"]


def test_the_first_broken_rule_is_the_reason_with_its_value_and_bound():
    rules = [
        {"name": "long", "column": "chars", "keep": ">= 400"},
        {"name": "mean", "column": "mean_sentence_chars", "keep": "between 20 and 90"},
    ]
    made = decide(rules, chars=pa.array([399, 400, 400, 400], pa.int32()), mean_sentence_chars=[10.0, 19.5, 90.5, 90.0])
    assert made["reason"] == ["rules.long", "rules.mean", "rules.mean", None]
    assert made["value"] == [399.0, 19.5, 90.5, None]
    assert made["threshold"] == [400.0, 20.0, 90.0, None]


def test_a_broken_bound_between_whole_numbers_is_compared_as_it_stands():
    rules = [{"name": "r", "column": "chars", "keep": ">= 399.5"}]
    assert decide(rules, chars=pa.array([399, 400], pa.int32()))["reason"] == ["rules.r", None]


def test_one_alternative_that_holds_keeps_the_row():
    rules = [
        {
            "name": "japanese",
            "any": [{"column": "language", "keep": "in [ja, ain]"}, {"column": "kana_ratio", "keep": ">= 0.2"}],
        }
    ]
    made = decide(rules, language=["ja", "zh", "zh", None], kana_ratio=pa.array([0.0, 0.2, 0.1, None], pa.float32()))
    assert made["reason"] == [None, None, "rules.japanese", "rules.japanese"]
    assert made["detail"][2] == f"language zh, kana_ratio {pa.scalar(0.1, pa.float32()).as_py()}"
    assert made["value"] == [None] * 4


def test_a_text_column_that_breaks_its_rule_is_told_as_detail():
    made = decide([{"name": "r", "column": "language", "keep": "== ja"}], language=["ja", "ko"])
    assert made == {
        "reason": [None, "rules.r"],
        "value": [None, None],
        "threshold": [None, None],
        "detail": [None, "ko"],
    }


def test_what_was_not_measured_is_not_kept_and_what_is_no_number_is_a_fault():
    rules = [
        {"name": "a", "column": "japanese_fraction", "keep": "<= 1"},
        {"name": "b", "column": "katakana_fraction", "keep": "!= 0.5"},
    ]
    nan = float("nan")
    made = decide(rules, japanese_fraction=[None, nan, 0.1, 2.0], katakana_fraction=[0.1, 0.1, nan, nan])
    assert made["reason"] == ["rules.a", "nan_value", "nan_value", "rules.a"]


def test_rejected_and_kept_rows_are_all_rows():
    step = Threshold(rules=[{"column": "chars", "keep": ">= 3"}])
    rows = pa.record_batch(
        {"chars": pa.array([1, 2, 3, 4], pa.int32()), "text": pa.array(list("abcd"), pa.large_string())}
    )
    kept, gone = step.split(rows)
    assert kept["text"].to_pylist() == ["c", "d"]
    assert gone is not None
    assert gone.select(["text", "step", "reason", "value"]).to_pylist() == [
        {"text": "a", "step": "threshold", "reason": "rules.chars", "value": 1.0},
        {"text": "b", "step": "threshold", "reason": "rules.chars", "value": 2.0},
    ]
    kept, gone = step.split(rows.slice(2))
    assert kept.num_rows == 2
    assert gone is None


def test_a_recipe_changes_bounds_and_skips_rules_of_a_preset():
    step = Threshold("swallow_v1", set={"letters": 200, "mean_sentence.low": 10}, skip=["katakana"])
    said = {rule.name: str(rule) for rule in step.parts[0].rules}
    assert said["letters"] == "chars >= 200"
    assert said["mean_sentence"] == "mean_sentence_chars between 10 and 90"
    assert "katakana" not in said
    assert "katakana_fraction" not in step.reads


def test_rules_that_need_words_can_wait_for_them():
    before, after = Threshold("fineweb2_jpn", only="characters"), Threshold("fineweb2_jpn", only="words")
    whole = Threshold("fineweb2_jpn")
    assert before.reads == (
        *("duplicate_line_fraction", "line_punct_fraction", "duplicate_line_char_fraction"),
        *("bullet_line_fraction", "ellipsis_line_fraction"),
    )
    assert set(before.reads) | set(after.reads) == set(whole.reads)
    from curation.features.words import Words

    assert set(after.reads) <= set(Words.writes)
    assert not set(before.reads) & set(Words.writes)


def test_a_step_travels_to_a_worker_and_names_its_file():
    step = pickle.loads(pickle.dumps(Threshold("swallow_v1")))
    assert step.reasons[1] == "swallow_v1.letters"
    assert list(step.artefacts()) == ["swallow_v1.yaml"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "needs a 'preset' or 'rules'"),
        ({"preset": "swalow_v1"}, "did you mean 'swallow_v1'"),
        ({"preset": "no/such.yaml"}, "there is no file no/such.yaml"),
        ({"preset": "swallow_v1", "skip": ["katakan"]}, "did you mean 'katakana'"),
        ({"preset": "swallow_v1", "set": {"mean_sentence": 3}}, "set 'mean_sentence.low' or 'mean_sentence.high'"),
        ({"preset": "swallow_v1", "set": {"letters.low": 3}}, "without '.low'"),
        ({"preset": "japanese", "set": {"language": 3}}, "no single bound"),
        ({"rules": [{"column": "duplicate_line_fracton", "keep": "< 1"}]}, "did you mean duplicate_line_fraction"),
        ({"rules": [{"column": "chars", "keep": "=> 4"}]}, "'=> 4' is none of"),
        ({"rules": [{"column": "chars", "keep": "between 9 and 2"}]}, "is none of"),
        ({"rules": [{"column": "chars"}]}, "keep"),
        ({"rules": [{"column": "chars", "keep": "> 1", "why": "x"}]}, "why"),
        ({"rules": [{"column": "chars", "keep": "> 1"}, {"column": "chars", "keep": "< 9"}]}, "named twice: chars"),
        ({"skip": ["x"], "rules": [{"column": "chars", "keep": "> 1"}]}, "change a preset"),
    ],
)
def test_a_mistake_is_told_with_what_would_be_right(given, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        Threshold(**given)


def test_a_number_is_not_compared_with_a_word():
    step = Threshold(rules=[{"column": "chars", "keep": "== many"}])
    with pytest.raises(ValueError, match="holds numbers"):
        step.columns(pa.record_batch({"chars": pa.array([1], pa.int32())}))


def test_broken_yaml_names_the_file():
    with pytest.raises(ValueError, match=r"my\.yaml, line 1, column 8: not YAML"):
        read_preset("name: [", "my.yaml")


def test_every_packaged_preset_states_its_source_and_is_named_like_its_file():
    assert set(preset_names()) >= {"swallow_v1", "fineweb2_jpn", "hojichar_default", "japanese"}
    for name in preset_names():
        preset = load_preset(name)
        assert preset.name == name
        assert preset.source["title"]
        assert preset.about


def test_rules_broken_counts_a_row_for_every_rule():
    preset = load_preset("japanese")
    table = pa.table({"language": ["ja", "en"], "kana_ratio": pa.array([0.5, 0.0], pa.float32())})
    assert rules_broken(preset, table).to_pydict() == {"kana": [False, True], "language": [False, True]}
    with pytest.raises(ValueError, match="no column 'language'"):
        rules_broken(preset, table.drop_columns(["language"]))
