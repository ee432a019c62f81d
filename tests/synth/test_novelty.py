"""Novelty and mixture: decided once a round, in an order that nobody's speed changes."""

import random
from collections import Counter

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.normal_form import normal_form
from curation.dedup.shingles import jaccard
from curation.provenance import key
from synth.mixture import Candidate, Mixture, MixturePlan, prompts_wanted
from synth.novelty import Novelty

LONG = "次の文章を読んで、登場人物の気持ちの移り変わりを百字以内でまとめ、最後に題名を一つ付けてください。"
NEAR = LONG.replace("百字", "二百字")
OTHER = "明日の会議で使う資料の目次を、見出しが五つになるように考えてください。"


def test_a_near_copy_of_an_accepted_instruction_is_named_with_its_similarity():
    novelty = Novelty(0.7)
    assert [v.near for v in novelty.decide([(b"1", LONG), (b"2", OTHER)])] == [None, None]
    (verdict,) = novelty.decide([(b"3", NEAR)])
    assert verdict.near == b"1"
    assert verdict.similarity == jaccard(normal_form(LONG), normal_form(NEAR))
    assert len(novelty) == 2


def test_width_and_punctuation_do_not_make_an_instruction_new():
    novelty = Novelty(0.9)
    novelty.decide([(b"1", "ABC の意味を、100字で説明してください。")])
    (verdict,) = novelty.decide([(b"2", "ＡＢＣの意味を，１００字で説明してください．")])
    assert verdict.similarity == 1.0


@settings(max_examples=20, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(rng):
    rows = [(key(i), LONG.replace("百", "〇一二三四五六七八九"[i % 10]) + OTHER * (i % 3)) for i in range(40)]
    before = {v.id: v for v in Novelty(0.8).decide(rows)}
    rng.shuffle(rows)
    assert {v.id: v for v in Novelty(0.8).decide(rows)} == before


def test_what_an_earlier_run_accepted_is_no_news_to_the_next():
    first = Novelty(0.7)
    first.decide([(key("a"), LONG), (key("b"), OTHER)])
    table = first.table({key("a"): key("row of a")})
    second = Novelty(0.7)
    assert second.add_base(table, "runs/one") == 1, "what became no row is not held against anybody"
    got = {v.id: (v.near, v.similarity) for v in second.decide([(key("c"), NEAR), (key("a"), LONG), (key("b"), OTHER)])}
    assert got[key("a")] == (key("a"), 1.0), "the same instruction again, under its own id too"
    assert got[key("c")][0] == key("a")
    assert got[key("b")] == (None, 0.0)
    assert second.from_base(key("a")) == (key("row of a"), "runs/one")
    both = second.table({key("b"): key("row of b")})
    assert both["row"].to_pylist() == [r for _, r in sorted([(key("a"), key("row of a")), (key("b"), key("row of b"))])]


def test_a_base_decides_as_if_both_runs_were_one():
    rows = [(key(i), LONG.replace("百", "〇一二三四五六七八九"[i % 10]) + OTHER * (i % 3)) for i in range(40)]
    first = Novelty(0.8)
    news = {v.id for v in first.decide(rows[:20]) if v.near is None}
    second, whole = Novelty(0.8), Novelty(0.8)
    second.add_base(first.table({i: i for i in news}), "first")
    whole.decide(rows[:20])
    assert second.decide(rows[20:]) == whole.decide(rows[20:])


def test_a_file_that_holds_no_instructions_is_no_base():
    with pytest.raises(ValueError, match="holds no accepted instructions of this version: columns id"):
        Novelty(0.8).add_base(pa.table({"id": [b"a"]}), "x")


def rows(n: int, **other) -> list[Candidate]:
    return [
        Candidate(key(i, *other.values()), "summary", 100, f"t{i % 4}", f"h{i % 10}", "m", **other) for i in range(n)
    ]


def test_exactly_as_many_rows_as_asked_for():
    mixture = Mixture(MixturePlan(rows={"summary": 30}))
    mixture.take(rows(100))
    assert len(mixture.taken) == 30
    assert mixture.over == "every quota is met"
    assert mixture.report({"summary": 200})[0] | {"left": {}} == {
        "function": "summary", "quota": 30, "filled": 30, "rows": 30, "short": 0, "left": {}, "yield": 0.15,
    }  # fmt: skip
    assert mixture.left["summary"]["quota"] == 70


def test_a_token_quota_ends_with_the_row_that_reaches_it():
    mixture = Mixture(MixturePlan(tokens={"summary": 950}))
    mixture.take(rows(100))
    assert mixture.filled["summary"] == 1000


def test_no_template_and_no_host_has_more_than_its_share():
    mixture = Mixture(MixturePlan(rows={"summary": 40}, per_template=0.25, per_host=0.1))
    mixture.take(rows(400))
    assert max(Counter(r.template for r in mixture.taken).values()) <= 10
    assert max(Counter(r.host for r in mixture.taken).values()) <= 4


def test_a_function_without_quota_takes_nothing():
    mixture = Mixture(MixturePlan(rows={"summary": 4}))
    mixture.take([Candidate(b"x", "poem", 9)])
    assert mixture.left["poem"] == {"no_quota": 1}


def test_rounds_end_when_three_of_them_add_less_than_one_percent():
    mixture = Mixture(MixturePlan(rows={"summary": 1000}))
    mixture.take(rows(400))
    assert mixture.over is None
    for i in range(3):
        mixture.take([Candidate(key("more", i), "summary", 1)])
    assert mixture.over == "three rounds added less than 1 % to what is short: summary is short of 597 rows"


def test_a_function_that_has_run_dry_is_asked_for_a_tenth_until_it_is_given_up():
    mixture = Mixture(MixturePlan(rows={"summary": 1000}))
    mixture.take(rows(400))
    asked = {"summary": 4000}
    assert prompts_wanted(mixture, asked, {"summary": 400}, most=5000) == {
        "summary": 5000
    }  # 1.1 × 600 / 0.1, and no more than 5000
    for i in range(2):
        mixture.take([Candidate(key("more", i), "summary", 1)])
        assert prompts_wanted(mixture, asked, {"summary": 400}, most=5000) == {"summary": 500}
        assert prompts_wanted(mixture, asked, {"summary": 400}, most=60) == {"summary": 60}, "a few may miss by chance"
    mixture.take([])
    assert prompts_wanted(mixture, asked, {"summary": 400}, most=5000) == {}


def test_a_function_of_which_nothing_has_passed_yet_is_asked_in_full():
    mixture = Mixture(MixturePlan(rows={"poem": 10}))
    mixture.take([])
    assert prompts_wanted(mixture, {"poem": 20}, {}, most=500) == {"poem": 500}


def test_a_small_function_that_still_grows_is_asked_on_when_a_large_one_is_met_or_given_up():
    mixture = Mixture(MixturePlan(rows={"summary": 1000, "poem": 40, "maths": 9}))
    mixture.take(rows(1000))
    for i in range(5):  # 1 row a round is 0.1 % of all, and much of 5
        mixture.take([Candidate(key("poem", i), "poem", 1)])
        assert mixture.over is None
    assert mixture.given_up == ["maths"]
    assert set(prompts_wanted(mixture, {"poem": 50, "maths": 60}, {"poem": 5}, most=100)) == {"poem"}


@given(st.randoms(use_true_random=False))
def test_the_order_of_candidates_changes_nothing(rng):
    given_rows = rows(60)
    taken = Mixture(MixturePlan(rows={"summary": 20}, per_host=0.2)).take(given_rows)
    rng.shuffle(given_rows)
    assert Mixture(MixturePlan(rows={"summary": 20}, per_host=0.2)).take(given_rows) == taken


def test_the_next_round_asks_for_what_is_short_over_the_yield():
    mixture = Mixture(MixturePlan(rows={"summary": 100, "poem": 10, "maths": 10}))
    mixture.take(rows(50))
    wanted = prompts_wanted(mixture, {"summary": 200, "maths": 50}, {"summary": 50}, most=500)
    assert wanted == {"summary": 220, "poem": 50, "maths": 500}  # 1.1 × 50 short / (50 of 200 accepted)


def test_a_plan_that_cannot_be_is_refused():
    for plan, said in (
        ({}, "either"),
        ({"rows": {"a": 0}}, "≥ 1"),
        ({"rows": {"a": 1}, "per_host": 0}, "share"),
        (
            {"rows": {"a": 10}, "per_host": 0.05},
            "per_host 0.05 of the 10 rows of a is less than one row, .* say at least 0.1",
        ),
        (
            {"rows": {"a": 4, "b": 3}, "per_template_of_all": 0.1},
            "of the 7 rows of all is less than one row, .* at least 0.143",
        ),
    ):
        with pytest.raises(ValueError, match=said):
            MixturePlan(**plan)


def test_a_thousand_random_instructions_are_new():
    rng = random.Random(3)
    words = "春 夏 秋 冬 会議 料理 手紙 祭り 計算 要約 比較 説明 提案 翻訳 歴史 地図 天気 予算 健康 物語".split()
    texts = {key(i): "、".join(rng.choices(words, k=14)) for i in range(1000)}
    verdicts = Novelty(0.8).decide(texts.items())
    assert sum(v.near is None for v in verdicts) > 990
