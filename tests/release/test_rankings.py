"""People's rankings become preference pairs: every two answers at different ranks, ties none, and nothing that people did not see."""

from pathlib import Path

import orjson
import pytest

from annotation.decision import Decision, write_decisions
from annotation.items import Item, of_answer, of_pair, of_ranked
from annotation.record import records_of
from annotation.release.check import check_released
from annotation.review_tasks import task
from curation.provenance import key
from tests.release.made_sets import TARGET, USER, dialogue, generated, pair, paired, released, rows_of, say

TEXTS = ("糠を除くことです。", "玄米から糠を除くことです。", "米を炊くことです。", "知りません。")


def answers(name: str, count: int = 3, **other) -> list[dict]:
    """Generated rows that answer one prompt."""
    common = {"prompt_key": key("prompt", name), "twin": key("twin", name)} | other
    asked = say("user", f"{name}とは？")
    return [dialogue(f"{name}-{i}", [asked, say("assistant", TEXTS[i])], [1], **common) for i in range(count)]


def lines(rows: list[dict], ranks: tuple[int, ...], usable: str | None = "good", **other) -> list[Decision]:
    """What people settled about these answers, in this order."""
    item = of_ranked(rows)
    order = [{"answer": row["id"], "rank": rank} for row, rank in zip(rows, ranks, strict=False)]
    return [_line(item, "order", ranks=order, **other), _line(item, "usable", outcome=usable, **other)]


def _line(item: Item, question: str, of: str = "ranking", **other) -> Decision:
    record = records_of(task(of, answers=max(2, len(item.texts))), item, "trial/instruct", "salt")[0]
    about = {"answers": item.answers, "document": item.document, "harmful": False, "method": "majority", "people": 3}
    kind = "ranking" if "ranks" in other else "label"
    return Decision("trial/instruct", of, item.row, record.content, "v1", question=question, kind=kind, **about | other)


def made(folder: Path, sets: list[Path], found: list[Decision], **said) -> dict:
    """The manifest of a release of these sets with these decisions."""
    write_decisions(str(folder / "labels" / "decisions"), found, {})
    return released(folder, sets, ["trl_dpo"], labels=folder / "labels", **said)


def pairs(folder: Path) -> dict[tuple[str, str], dict]:
    """Released pairs by their two texts."""
    sides = ("chosen", "rejected")
    return {tuple(orjson.loads(r[s])[0]["content"] for s in sides): r for r in rows_of(folder, "preference")}  # type: ignore[misc]


def test_each_two_answers_at_different_ranks_are_a_pair_and_a_shared_rank_is_none(tmp_path: Path):
    rows = answers("米", 4)
    sets = [generated(tmp_path / "instruct", rows[:3], surplus=rows[3:])]
    found = made(tmp_path, sets, lines(rows, (2, 1, 2, 3)))
    a, b, c, d = TEXTS
    assert pairs(tmp_path).keys() == {(b, a), (b, c), (b, d), (a, d), (c, d)}, "a and c are equally good"
    assert found["rankings"] == {"pairs": 5, "tied": 1}
    assert found["decisions"] == {"ranking: good": 1}
    assert (found["shards"]["preference"]["rows_in"], found["shards"]["preference"]["made_by_people"]) == (5, 5)
    of = pairs(tmp_path)[b, d]
    assert of["decision"] == {"task": "ranking", "outcome": "1 > 3", "method": "majority"}
    assert (of["strategy"], of["weight"], of["margin"]) == ("ranking", pytest.approx(1 / 5), None)
    assert orjson.loads(of["messages"]) == [say("user", "米とは？")]
    assert len({row["split_group"] for row in pairs(tmp_path).values()}) == 1
    assert [check.problems for check in check_released(str(tmp_path / "out")) if not check.passed] == []


@pytest.mark.parametrize(
    ("usable", "ranks", "disputed"),
    [("all_bad", (1, 2, 3), False), ("cannot_tell", (1, 2, 3), False), (None, (1, 2, 3), False), ("good", (), False),
     ("good", (1, 2, 3), True)],
)  # fmt: skip
def test_without_an_order_or_a_usable_answer_there_is_no_pair(tmp_path: Path, usable, ranks, disputed):
    rows = answers("米")
    found = made(tmp_path, [generated(tmp_path / "instruct", rows)], lines(rows, ranks, usable, disputed=disputed))
    assert found["rows_in"] == found["rankings"]["pairs"] == 0
    assert found["rankings"].get("all_bad", 0) == (3 if usable == "all_bad" else 0)


def test_texts_that_are_equal_after_nfc_are_no_pair_whatever_people_say(tmp_path: Path):
    texts = ("がんばります。", "か\u3099んばります。", "はい。")
    asked = say("user", "できる？")
    rows = [
        dialogue(f"n{i}", [asked, say("assistant", text)], [1], prompt_key=key("n")) for i, text in enumerate(texts)
    ]
    found = made(tmp_path, [generated(tmp_path / "instruct", rows)], lines(rows, (1, 2, 3)))
    assert found["rankings"] == {"pairs": 2, "same_text": 1}
    assert pairs(tmp_path).keys() == {(texts[0], texts[2]), (texts[1], texts[2])}


def test_what_people_did_not_see_makes_no_pair(tmp_path: Path):
    before, rows = answers("米"), answers("米")
    rows[0] = rows[0] | {"messages": orjson.dumps([say("user", "米とは？"), say("assistant", "直しました。")]).decode()}
    gone = answers("麦")
    found = made(
        tmp_path, [generated(tmp_path / "instruct", rows)], [*lines(before, (1, 2, 3)), *lines(gone, (1, 2, 3))]
    )
    assert (found["decisions_on_other_texts"], found["decisions_on_other_rows"]) == (1, 1)
    assert (found["rankings"], found["rows_out"]) == ({}, 0)


def test_what_is_kept_for_testing_is_in_no_pair_with_what_trains(tmp_path: Path):
    rows = answers("米")
    rows[2] = rows[2] | {"split": "test_only"}
    found = made(tmp_path, [generated(tmp_path / "instruct", rows)], lines(rows, (1, 2, 3)))
    assert found["rankings"] == {"pairs": 1, "other_split": 2}


def test_a_sets_pair_of_ranked_answers_gives_way_but_not_one_that_people_decided_on(tmp_path: Path):
    rows, others = answers("米"), answers("麦")
    turns = [say("assistant", text) for text in TEXTS]

    def jury(name: str, of: list[dict], better: int, worse: int) -> dict:
        asked = orjson.loads(of[0]["messages"])[:1]
        sides = {"chosen_id": of[better]["id"], "rejected_id": of[worse]["id"], "strategy": "jury"}
        return pair(name, asked, turns[better], turns[worse], **sides)

    of_set = [
        jury("other way", rows, 2, 0),
        jury("decided", others, 1, 0),
        pair("unranked", [USER], turns[0], turns[3]),
    ]
    sets = [generated(tmp_path / "instruct", [*rows, *others]), paired(tmp_path / "preference", of_set)]
    found = made(
        tmp_path, sets,
        [*lines(rows, (1, 2, 3)), *lines(others, (1, 2, 3)), _line(of_pair(of_set[1]), "preference", "preference", outcome="a")],
    )  # fmt: skip
    a, b, _, d = TEXTS
    assert found["rejected"] == {"compared_elsewhere": 2}, "the jury's pair, and the ranking's of what people decided"
    by_strategy = {(row["strategy"], *texts) for texts, row in pairs(tmp_path).items() if row["strategy"] != "ranking"}
    assert by_strategy == {("jury", b, a), ("near_miss", a, d)}
    ranked = [(r["messages"], r["chosen"]) for r in rows_of(tmp_path, "preference") if r["strategy"] == "ranking"]
    assert len(ranked) == 5, "three of one prompt, two of the other"


def test_answers_that_people_found_bad_are_not_chosen_and_rights_are_of_both(tmp_path: Path):
    owed = [{"kind": "attribution", "value": "CC-BY-4.0: a.example.jp", "source": "policy"}]
    rows = answers("米")
    rows[1] = rows[1] | {"licence_status": "conditional", "obligations": orjson.dumps(owed).decode()}
    bad = _line(of_answer(rows[0]), "verdict", "quality", outcome="bad")
    target = {**TARGET, "notices": [owed[0]["value"]]}
    found = made(tmp_path, [generated(tmp_path / "instruct", rows)], [*lines(rows, (1, 2, 3)), bad], target=target)
    assert found["rejected"] == {"bad_answer": 2}
    ((chosen, _),) = pairs(tmp_path)
    assert chosen == TEXTS[1]
    (row,) = pairs(tmp_path).values()
    assert (row["licence_status"], orjson.loads(row["obligations"])) == ("conditional", owed)


def test_a_release_of_pairs_needs_no_set_of_pairs_where_people_made_some(tmp_path: Path):
    rows = answers("米")
    found = made(tmp_path, [generated(tmp_path / "instruct", rows)], lines(rows, (1, 2, 3)))
    assert (found["rows_out"], [one["name"] for one in found["sources"]]) == (3, [f"{tmp_path.name}/instruct"])
