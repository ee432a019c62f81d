"""Which two answers make a pair, and which never do."""

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parent))

from made_rows import pool_of, row

from curation.dedup.normal_form import normal_form
from curation.dedup.shingles import jaccard
from curation.document import KEY
from synth.pairing import delta, jury, program_model, rules, unlike, verified_failed
from synth.pairing.check_rules import wrong_label
from synth.pairing.judged import accepted
from synth.pairing.labelled import labelled

LONG = "町の図書館は川沿いの道を北へ歩いたところにあり、二階には郷土の資料を集めた部屋があります。"
NOBODY = rules.Forbidden("OpenAI", lambda text: "OpenAIによって" in text)


def texts(pool, found: pl.DataFrame) -> list[tuple[str, str]]:
    """Chosen and rejected text of each candidate, sorted."""
    data, offsets = pool.texts(pool.frame()["begin"].to_numpy(), pool.frame()["size"].to_numpy())
    said = [data[a:b].tobytes().decode() for a, b in pairwise(offsets)]
    return sorted((said[c], said[r]) for c, r in zip(found["chosen"], found["rejected"], strict=True))


def pairs(folder, rows, strategy=verified_failed, most_alike=0.9, **other):
    """Texts of the candidates that break no rule, and the counts of those that do."""
    with pool_of(folder, rows) as pool:
        found = strategy.pairs(pool.frame(), per_prompt=2, salt=1, **other)
        left, drops = rules.permitted(found, pool.frame(), pool, most_alike, NOBODY)
        return texts(pool, left), dict(drops)


def test_a_passing_and_a_failing_answer_of_one_model_make_a_pair(tmp_path):
    rows = [row("a", "問", "正しい答え", "pass"), row("b", "問", "違う答え", "fail")]
    assert pairs(tmp_path, rows) == ([("正しい答え", "違う答え")], {})


def test_answers_to_other_prompts_of_other_models_or_without_a_verdict_make_none(tmp_path):
    rows = [
        row("a", "問一", "正しい答え", "pass"),
        row("b", "問二", "違う答え", "fail"),
        row("c", "問一", "別のモデルの答え", "fail", model="lab/other"),
        row("d", "問一", "判定を保留した答え", "abstain"),
        row("e", "問一", "誰も検証していない答え", "unverified"),
    ]
    assert pairs(tmp_path, rows) == ([], {})


def test_a_text_that_passed_and_failed_is_on_neither_side(tmp_path):
    rows = [
        row("a", "問", "が答え", "pass"),
        row("b", "問", "か\u3099答え", "fail"),
        row("c", "問", "ほかの答え", "fail"),
    ]
    assert pairs(tmp_path, rows) == ([], {})


@pytest.mark.parametrize("copy", [LONG.replace("、", "，"), LONG[:-1] + "！", LONG + " "])
def test_a_text_that_is_the_same_after_normalisation_or_nearly_makes_no_pair(tmp_path, copy):
    rows = [row("a", "問", LONG, "pass"), row("b", "問", copy, "fail")]
    assert pairs(tmp_path, rows) == ([], {("verified_failed", "too_alike"): 1})


@pytest.mark.parametrize(
    ("reason", "other"),
    [
        ("licence_denied", {"licence_status": "deny"}),
        ("draft_wording", {"wording_state": "draft"}),
        ("unaudited_verifier", {"fails": "poem"}),
        ("refused", {"reason": "contaminated"}),
    ],
)
def test_what_may_not_be_released_is_on_no_side(tmp_path, reason, other):
    bad = row("b", "問", "違う答え", "fail", **other)
    if reason == "unaudited_verifier":
        bad["verifications"][0]["verifier"] = "poem"
    with pool_of(tmp_path, [row("a", "問", "正しい答え", "pass"), bad]) as pool:
        assert pool.frame()["rejected"].to_list() == [False, False]
        assert pool.unused[reason] == 1


def test_a_rejected_text_that_names_a_forbidden_author_makes_no_pair(tmp_path):
    said = "私はOpenAIによって訓練された言語モデルです。"
    rows = [row("a", "問", "正しい答え", "pass"), row("b", "問", said, "fail")]
    assert pairs(tmp_path, rows) == ([], {("verified_failed", "forbidden_author"): 1})


def test_training_and_evaluation_do_not_meet(tmp_path):
    rows = [row("a", "問", "正しい答え", "pass"), row("b", "問", "違う答え", "fail", split="test_only")]
    assert pairs(tmp_path, rows) == ([], {("verified_failed", "other_split"): 1})


def test_a_programs_answer_stands_against_a_models_failing_one(tmp_path):
    rows = [
        row("a", "問", "プログラムの答え", "pass", model=None),
        row("b", "問", "違う答え", "fail"),
        row("c", "問", "これも違う", "fail"),
    ]
    found, _ = pairs(tmp_path, rows, program_model)
    assert found == [("プログラムの答え", "これも違う"), ("プログラムの答え", "違う答え")]


def test_the_rank_of_two_models_is_the_recipes_to_state(tmp_path):
    rows = [
        row("a", "問", "強い方の答え", "pass", model="lab/large"),
        row("b", "問", "弱い方の答え", "pass", model="lab/small"),
    ]
    with pool_of(tmp_path, rows) as pool:
        codes = {name.partition("@")[0]: code for name, code in pool.words["model"].codes.items()}
        said = {"strong": [codes["lab/large"]], "weak": [codes["lab/small"]], "per_prompt": 1, "salt": 1}
        frame = pool.frame()
        assert not len(delta.pairs(frame, rejected=["fail"], **said))
        assert texts(pool, delta.pairs(frame, rejected=["fail", "pass"], **said)) == [("強い方の答え", "弱い方の答え")]


def test_the_order_of_the_rows_makes_no_difference(tmp_path):
    rows = [row(f"{p}{i}", f"問{p}", f"答え{p}の{i}", "pass" if i % 2 else "fail") for p in range(8) for i in range(6)]
    assert pairs(tmp_path / "a", rows) == pairs(tmp_path / "b", rows[::-1])


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.tuples(st.text("米水Ａa が゛、,。", max_size=14), st.text("米水Ａa が゛、,。", max_size=14)),
        min_size=1,
        max_size=8,
    )
)
def test_the_kernel_finds_the_similarity_of_its_plain_reference(some):
    raw = [t.encode() for pair in some for t in pair]
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in raw])]).astype(np.int64)
    data = np.frombuffer(b"".join(raw) + b"\0", np.uint8)[:-1]
    wanted = [jaccard(normal_form(a), normal_form(b)) for a, b in some]
    assert unlike._many(data, offsets, 0.0).tolist() == wanted
    assert unlike._few(data, offsets, 0.0).tolist() == wanted
    for least in (0.3, 0.9):
        found = unlike._many(data, offsets, least)
        assert [f >= least for f in found] == [w >= least for w in wanted]
        assert all(f >= w for f, w in zip(found.tolist(), wanted, strict=True)), "what it could be at most"


def test_labels_are_what_verifiers_say_and_weights_make_the_ratio(tmp_path):
    rows = [row(f"p{i}", f"問{i}", "正しい答え", "pass") for i in range(6)]
    rows += [row("lost", "問0", "よい答えだが選ばれなかった", "pass"), row("f", "問0", "違う答え", "fail")]
    rows += [row("x", "問1", "同じ文", "pass"), row("y", "問1", "同じ文", "fail")]
    with pool_of(tmp_path, rows) as pool:
        made = labelled(pool.frame(), pl.DataFrame({"rejected": np.zeros(0, np.int64)}), 2.0)
    assert made.about | {"weight_false": 3.5} == {
        "true": 7, "false": 1, "contradictory": 1, "ratio": 2.0, "weight_true": 1.0, "weight_false": 3.5,
    }  # fmt: skip
    weights = [made.weight[made.label == side].sum() for side in (True, False)]
    assert weights[0] / weights[1] == pytest.approx(2.0)


def test_judges_label_what_no_verifier_could_decide_and_nothing_between_their_bounds(tmp_path):
    rows = [row("p", "問0", "正しい答え", "pass"), row("f", "問0", "違う答え", "fail")]
    rows += [row(f"open{i}", f"問{i}", f"決められない答え{i}", "abstain") for i in range(4)]
    rows.append(row("refused", "問9", "人の情報を含む答え", "abstain", reason="personal_data"))
    given = [5, 1, 3, None, 5]
    scores = pa.table({"row": pa.array([r["id"] for r in rows[2:]], KEY), "correctness": pa.array(given, pa.int8())})
    said = accepted(scores, "correctness", 4, 2)
    assert sorted(said.values()) == [False, True, True]
    with pool_of(tmp_path, rows) as pool:
        assert pool.unused["abstain"] == 5
        frame = pool.frame()
        none = pl.DataFrame({"rejected": np.zeros(0, np.int64)})
        assert labelled(frame, none, 1.0).about | {"true": 1, "false": 1} == labelled(frame, none, 1.0).about
        made = labelled(frame, none, 1.0, said)
    by = dict(zip(frame["id"][made.answers].to_list(), made.label.tolist(), strict=True))
    names = {int.from_bytes(r["id"][:8], "big"): r["answer"] for r in rows}
    assert {names[i]: label for i, label in by.items()} == {
        "正しい答え": True, "違う答え": False, "決められない答え0": True, "決められない答え1": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("said", "label", "score", "wrong"),
    [
        (["pass"], True, None, False), (["pass"], False, None, True), (["fail", "pass"], True, None, True),
        (["abstain"], True, 3, False), (["abstain"], False, 3, True), (["abstain"], False, 1, False), (["abstain"], True, 2, True),
        (["abstain"], True, None, True), ([], True, 3, True), (["fail", "abstain"], False, 4, False),
    ],
)  # fmt: skip
def test_the_recount_knows_which_label_follows(said, label, score, wrong):
    of = {
        "label": label,
        "attributes": {"correctness": score},
        "verifications": [{"hard": True, "verdict": v} for v in said],
    }
    assert bool(wrong_label(of, {"aspect": "correctness", "accept": 4, "refuse": 2})) == wrong


def decided(rows: list[dict], verdict: str | None, margin: float, a: int = 0, b: int = 1) -> pa.Table:
    """One decision about two rows, as a jury's set has it."""
    from synth.judge.decisions import schema as decision_schema

    one = dict.fromkeys(decision_schema().names) | {
        "comparison": rows[a]["id"], "prompt_key": rows[a]["prompt_key"], "a": rows[a]["id"], "b": rows[b]["id"],
        "function": "writing", "verdict": verdict, "margin": margin,
    }  # fmt: skip
    return pa.Table.from_pylist([one], schema=decision_schema())


@pytest.mark.parametrize(
    ("verdict", "margin", "pairs"),
    [
        ("win", 0.5, [(0, 1)]),
        ("loss", -0.5, [(1, 0)]),
        ("win", 0.29, []),
        ("loss", -0.29, []),
        ("win", -0.5, []),
        ("tie", 0.9, []),
        ("inconsistent", 0.9, []),
        (None, 0.0, []),
    ],
)
def test_a_jury_s_pair_is_a_win_by_the_margin_and_nothing_else(tmp_path, verdict, margin, pairs):
    rows = [row("x", "問い", "はい、そうです。", "pass"), row("y", "問い", "いいえ、違います。", "pass")]
    with pool_of(tmp_path, rows) as pool:
        found = jury.pairs(pool.frame(), decided(rows, verdict, margin), margin=0.3, per_prompt=1, salt=0)
    assert list(zip(found["chosen"].to_list(), found["rejected"].to_list(), strict=True)) == pairs


@pytest.mark.parametrize("verdict", ["fail", "abstain"])
def test_a_jury_makes_no_pair_of_an_answer_that_did_not_pass(tmp_path, verdict):
    rows = [row("x", "問い", "はい、そうです。", "pass"), row("y", "問い", "いいえ、違います。", verdict)]
    with pool_of(tmp_path, rows) as pool:
        found = jury.pairs(pool.frame(), decided(rows, "win", 1.0), margin=0.3, per_prompt=1, salt=0)
    assert not len(found)


def test_a_jury_s_answers_to_two_prompts_never_meet(tmp_path):
    rows = [row("x", "問い", "はい、そうです。", "pass"), row("y", "別の問い", "いいえ、違います。", "pass")]
    with pool_of(tmp_path, rows) as pool:
        found = jury.pairs(pool.frame(), decided(rows, "win", 1.0), margin=0.3, per_prompt=1, salt=0)
    assert not len(found)


def test_a_prompt_gives_a_jury_s_pairs_up_to_its_number(tmp_path):
    rows = [row(str(i), "問い", f"{'あ' * (i + 1)}です。", "pass") for i in range(4)]
    every = pa.concat_tables([decided(rows, "win", 1.0, a, b) for a in range(4) for b in range(a)])
    with pool_of(tmp_path, rows) as pool:
        found = [len(jury.pairs(pool.frame(), every, margin=0.3, per_prompt=n, salt=0)) for n in (1, 3, 9)]
    assert found == [1, 3, 6]
