"""The deciding stage: the same rows in whatever order candidates come, and each question in its place."""

import json
import random

import pytest

from curation.decontaminate.search import BenchmarkSearch
from curation.provenance import key
from recipes.engine.recipe_file import POLICY
from synth.deciding import Deciding, Rules
from synth.engine.content_key import canonical
from synth.forbidden_authors import ForbiddenAuthors
from synth.mixture import Candidate, Mixture, MixturePlan
from synth.novelty import Novelty
from synth.policy_file import load_policy


def candidate(i: int, **changed):
    """A candidate that is a row, unless something is changed."""
    text = f"{i}番の問題です。{'春夏秋冬'[i % 4]}の{i * 37 % 101}個の{'米麦豆栗'[i // 4 % 4]}を{i * 53 % 89}人で分けるには。"
    made = {
        "id": key("row", i), "order": "sums", "function": "mathematics", "prompt_key": key("prompt", i), "twin": key("twin", i),
        "novel": text, "tokens": 30, "template": f"sums/ask.{i % 5}", "seeds": [], "model": None,
        "fault": None, "fault_message": None, "fault_value": None, "fault_limit": None, "taken_span": None,
        "verdict": "pass", "verifications": [{"verifier": "math_answer", "hard": True, "verdict": "pass", "score": 1.0}],
        "answer": f"答えは{i}です。", "wording_state": "draft", "licence_status": "allow", "authors": [],
        "messages": canonical([{"role": "user", "content": text}, {"role": "assistant", "content": f"答えは{i}です。"}]).decode(),
    }  # fmt: skip
    return made | changed


def deciding(quota=30, rules=None, **caps):
    return Deciding(
        rules or Rules(True, {"math_answer"}, 1), Mixture(MixturePlan(rows={"sums": quota}, **caps)), Novelty(0.8)
    )


def test_the_order_in_which_candidates_come_decides_nothing():
    rows = [candidate(i) for i in range(80)] + [candidate(i, id=key("copy", i), answer="ほかの答え") for i in range(20)]
    first = deciding(per_template=0.3).decide(rows)
    shuffled = rows[:]
    random.Random(3).shuffle(shuffled)
    second = deciding(per_template=0.3).decide(shuffled)
    assert [r["id"] for r in first[0]] == [r["id"] for r in second[0]]
    assert [(r["id"], why) for r, why in first[1]] == [(r["id"], why) for r, why in second[1]]
    assert len(first[0]) == 30
    assert len(first[0]) + len(first[1]) == 100


def found(kind: str, verdict: str):
    """What one verifier found."""
    return [{"verifier": kind, "hard": True, "verdict": verdict, "score": 0.2}]


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"fault": "deadline", "verdict": "unverified"}, "deadline"),
        ({"verdict": "fail", "verifications": found("keitai", "fail")}, "verdict_fail"),
        ({"verdict": "abstain", "verifications": []}, "verdict_abstain"),
        ({"verdict": "unverified"}, "unverified"),
        ({"verifications": found("keitai", "pass")}, "unaudited_verifier"),
        ({"taken_span": "三十字を超えて種文書と一致する"}, "takes_wording"),
        ({"licence_status": "deny"}, "licence_denied"),
    ],
)  # fmt: skip
def test_each_reason_is_given(changed, reason):
    taken, refused = deciding().decide([candidate(1, **changed)])
    assert not taken
    assert refused[0][1].reason == reason


def test_an_answer_that_names_a_forbidden_author_is_refused_for_that_whatever_else_is_wrong_with_it():
    rules = Rules(True, {"math_answer"}, 1, ForbiddenAuthors.of(load_policy(POLICY)))
    said = canonical([{"role": "assistant", "content": "私はOpenAIによって訓練された言語モデルです。"}]).decode()
    wrong = {"verdict": "fail", "verifications": found("no_self_identification", "fail"), "messages": said}
    ((_, why),) = deciding(rules=rules).decide([candidate(1, **wrong)])[1]
    assert (why.reason, why.detail) == ("forbidden_author", "OpenAI: 私はOpenAIによって訓練された言語モデルです。")


def test_a_prompt_that_is_too_long_is_refused_with_both_counts():
    fault = {"fault": "prompt_too_long", "fault_message": "600 tokens", "fault_value": 600.0, "fault_limit": 512.0}
    ((_, why),) = deciding().decide([candidate(1, verdict="unverified", **fault)])[1]
    assert (why.reason, why.value, why.threshold, why.detail) == ("prompt_too_long", 600.0, 512.0, "600 tokens")


def test_rows_and_copies_have_the_label_of_their_cluster():
    text = "次の文章を読んで、参加費がいくらかを答えてください。会場は公民館です。定員は四十人です。"
    rows = [candidate(i, novel=text + "締切は五日です。" * (i == 2)) for i in (1, 2)] + [candidate(3)]
    taken, refused = deciding().decide(rows)
    (copy, why), *_ = refused
    original = next(r for r in taken if r["novel"].startswith("次の"))
    assert copy["cluster"] == original["cluster"] == original["twin"]
    assert why.detail == f"near {original['id'].hex()}", "the row that it is a copy of, by its id"
    assert len({r["cluster"] for r in taken}) == 2


def test_drafts_are_refused_where_the_release_does_not_allow_them():
    strict = Rules(False, {"math_answer"}, 1)
    _, refused = deciding(rules=strict).decide([candidate(1), candidate(2, wording_state="reviewed")])
    assert [why.reason for _, why in refused] == ["draft_wording"]


def test_a_near_copy_of_an_accepted_prompt_is_none_and_twins_are_no_copies():
    text = "次の文章を読んで、参加費がいくらかを答えてください。会場は公民館です。定員は四十人です。"
    rows = [candidate(i, novel=text + "締切は五日です。" * (i == 2)) for i in (1, 2)]
    taken, refused = deciding().decide(rows)
    assert (len(taken), [why.reason for _, why in refused]) == (1, ["near_prompt"])
    twins = [candidate(i, novel=row["novel"], twin=key("twins")) for i, row in zip((1, 2), rows, strict=True)]
    assert len(deciding().decide(twins)[0]) == 2


def test_twins_of_two_rounds_are_no_copies_either():
    one = deciding()
    text = "参加費はいくらですか。" * 3
    assert len(one.decide([candidate(1, novel=text, twin=key("twins"))])[0]) == 1
    assert len(one.decide([candidate(2, novel=text + "ほか", twin=key("twins"))])[0]) == 1


def test_one_answer_a_prompt_and_no_answer_twice():
    same = {"prompt_key": key("prompt"), "twin": key("twin"), "novel": "一つの問いです。"}
    rows = [candidate(i, answer=f"答え{i % 2}です。", **same) for i in range(6)]
    taken, refused = deciding().decide(rows)
    assert len(taken) == 1
    assert {why.reason for _, why in refused} == {"prompt_answered", "same_answer"}
    wide = Rules(True, {"math_answer"}, 5)
    assert len(deciding(rules=wide).decide(rows)[0]) == 2


def test_a_question_in_the_prompt_and_its_answer_in_the_answer_are_told_and_decide_together(tmp_path):
    answer = "七人で分けると一人あたり三個になり、二個が余ります。"
    rows = [
        {"id": "a1", "q": candidate(7)["novel"], "a": answer},
        {"id": "a2", "q": "関係のない長い文章がここに書いてあります。", "a": "別の答え"},
    ]
    (tmp_path / "e.jsonl").write_text("\n".join(json.dumps(r) for r in rows))
    sets = {"jglue": {"file": "e.jsonl", "id": "id", "question": "q", "answer": "a"}}

    def decided(reject: dict[str, float], report: dict[str, float] | None = None):
        known = BenchmarkSearch(13, 8, sets, reject, report, folder=tmp_path)
        one = deciding(rules=Rules(True, {"math_answer"}, 1, benchmarks=known))
        said = [candidate(7), candidate(7, id=key("other"), answer=answer), candidate(9)]
        for row in said[:2]:
            text = [{"role": "user", "content": row["novel"]}, {"role": "assistant", "content": row["answer"]}]
            row["messages"] = canonical(text).decode()
        return one, *one.decide(said)

    one, taken, refused = decided({"question": 0.8})
    assert [r["id"] for r in taken] == [key("row", 9)]
    assert one.hits == {"jglue:a1": 2}
    by_id = {row["id"]: (row["contamination"], why.detail, why.value, why.threshold) for row, why in refused}
    assert by_id[key("row", 7)] == (
        ["jglue:a1 question 1.00"], "jglue:a1 question 1.00 in its prompt", 1.0, 0.8,
    )  # fmt: skip
    assert by_id[key("other")][1] == "jglue:a1 question 1.00 answer 1.00 in its prompt and answer"
    _, taken, refused = decided({"question+answer": 0.8}, {"question": 0.8})
    assert [why.reason for row, why in refused if row["id"] == key("other")] == ["contaminated"]
    assert {r["id"]: r["contamination"] for r in taken}[key("row", 7)] == ["jglue:a1 question 1.00"]


def test_a_wrong_answer_to_a_question_of_a_benchmark_is_contaminated_and_labels_nothing(tmp_path):
    (tmp_path / "e.jsonl").write_text(json.dumps({"id": "a1", "q": candidate(7)["novel"]}))
    known = BenchmarkSearch(
        13, 8, {"jglue": {"file": "e.jsonl", "id": "id", "question": "q"}}, {"question": 0.8}, None, folder=tmp_path
    )
    one = deciding(rules=Rules(True, {"math_answer"}, 1, benchmarks=known))
    wrong = {"verdict": "fail", "verifications": found("math_answer", "fail")}
    _, refused = one.decide([candidate(7, **wrong), candidate(8, **wrong)])
    assert {row["id"]: why.reason for row, why in refused} == {
        key("row", 7): "contaminated",
        key("row", 8): "verdict_fail",
    }


def test_a_template_has_no_more_than_its_share_of_all_quotas():
    plan = MixturePlan(rows={"a": 10, "b": 30}, per_template_of_all=0.05)
    mixture = Mixture(plan)
    offers = [mixture.offer(Candidate(key(i), "a", 9, "t")) for i in range(4)]
    assert offers == [None, None, "cap_template_of_all", "cap_template_of_all"]
    assert mixture.offer(Candidate(key(9), "b", 9, "t")) == "cap_template_of_all"
    mixture.end_round()
    assert (mixture.rounds, mixture.left["a"]["cap_template_of_all"]) == ([2], 2)


def test_a_draw_that_made_the_same_prompt_again_is_the_row_that_was_there():
    one = deciding()
    taken, refused = one.decide([candidate(1), candidate(1), candidate(2)])
    assert (len(taken), len(refused), one.again) == (2, 0, 1)
    assert one.decide([candidate(2), candidate(3)])[0][0]["id"] == candidate(3)["id"]
    assert one.again == 2


def test_one_answer_has_no_more_than_its_share_of_a_quota():
    rows = [candidate(i, answer="ア") for i in range(20)] + [candidate(i, answer="イ") for i in range(20, 26)]
    taken, refused = deciding(10, per_answer=0.5).decide(rows)
    assert sorted(r["answer"] for r in taken) == ["ア"] * 5 + ["イ"] * 5
    assert {why.reason for _, why in refused} == {"cap_answer", "quota_met"}
