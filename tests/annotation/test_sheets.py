"""Review in a spreadsheet: what is filled in becomes answers, what cannot be taken is listed and changes nothing."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from annotation.agreed import agreement
from annotation.errors import ReviewError
from annotation.labels import Labels
from annotation.pull import freeze
from annotation.resolve import Policy, resolve
from annotation.review_tasks import task
from annotation.sheets.taken import Taken, pseudonym_of, take
from annotation.sheets.written import Wanted, write_sheet
from curation.provenance import key
from tests.annotation.office import answered, csv_lines, edit_csv, edit_xlsx, item, push, xlsx_lines
from tests.annotation.test_labels import NOW

PAIR = ("梅が咲いた。", "うめがさいた。")


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    return Labels(tmp_path / "labels")


def values(labels: Labels) -> list[dict[str, Any]]:
    """Values of all answers that count, in the order in which they came."""
    return [orjson.loads(row["values"]) for row in labels.answers()]


def kinds(done: Taken) -> list[tuple[int, str]]:
    """Line and kind of each conflict."""
    return [(one.number, one.kind) for one in done.conflicts]


def filled(labels: Labels, sheet: Path, cells: dict[int, dict[str, Any]], who: str = "佐藤") -> Taken:
    """Takes a sheet after some cells were filled in: by line (from 0) and name of column."""

    def change(number: int, line: dict[str, Any]) -> None:
        for name, value in cells.get(number, {}).items():
            line[name].value = value

    return take(labels, edit_xlsx(sheet, change), who)


def test_choices_go_back_to_the_rows_own_order_and_stand_under_a_pseudonym(labels: Labels, tmp_path: Path):
    records = push(labels, "preference", [item(n, *PAIR) for n in range(8)])
    write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("preference"))
    lines = xlsx_lines(tmp_path / "sheet.xlsx")
    assert [(line["a"], line["b"]) for line in lines] == [tuple(PAIR[i] for i in r["order"]) for r in records]
    assert {len(set(r["order"])) for r in records} == {2}
    assert {r["order"][0] for r in records} == {0, 1}, "some stand the other way round"
    done = filled(
        labels,
        tmp_path / "sheet.xlsx",
        {0: {"preference": "Ａが よい"}, 1: {"preference": "Bがよい", "reason": "自然"}, 2: {"preference": "both_bad"}},
    )
    assert done.conflicts == []
    assert (dict(done.events), done.unchanged) == ({"answered": 3}, 5)
    wanted = ["ab"[records[0]["order"][0]], "ab"[records[1]["order"][1]], "both_bad"]
    rows = labels.answers()
    assert [row["preference"] for row in rows] == wanted
    assert [row["place"] for row in rows] == ["first", "second", None]
    assert values(labels)[1]["reason"] == "自然"
    assert {
        (row["origin"], row["annotator"], row["external_id"] in {r["external_id"] for r in records}) for row in rows
    } == {("sheet", pseudonym_of(labels, "佐藤"), True)}
    assert "佐藤" not in str(labels.read("answers").to_pylist()) + str(labels.read("sheets").to_pylist())
    (tmp_path / "other").mkdir()
    assert pseudonym_of(labels, " 佐藤 ") == done.annotator
    assert pseudonym_of(Labels(tmp_path / "other"), "佐藤") != done.annotator, "nobody can try names without the salt"
    assert pseudonym_of(labels, "r-3f2a9c1e") == "r-3f2a9c1e"


def test_the_same_sheet_again_adds_nothing_and_a_changed_one_is_an_edit(labels: Labels, tmp_path: Path):
    push(labels, "quality", [item(n) for n in range(3)])
    write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("quality"))
    cells = {0: {"verdict": "直せば使える", "helpfulness": 4, "correctness": "５", "naturalness": "3.0"}}
    assert dict(filled(labels, tmp_path / "sheet.xlsx", cells).events) == {"answered": 1}
    again = filled(labels, tmp_path / "sheet.xlsx", cells)
    assert (dict(again.events), again.there) == ({}, 1)
    cells[0]["verdict"] = "使えない"
    assert dict(filled(labels, tmp_path / "sheet.xlsx", cells).events) == {"edited": 1}
    assert [(r["n"], orjson.loads(r["values"])["verdict"]) for r in labels.read("answers").to_pylist()] == [
        (1, "fixable"),
        (2, "bad"),
    ]
    assert labels.answers()[0]["ratings"] == [
        {"question": "helpfulness", "points": 4}, {"question": "correctness", "points": 5}, {"question": "naturalness", "points": 3},
    ]  # fmt: skip
    freeze(labels, "2026-11")
    cells[0]["verdict"] = "そのまま使える"
    late = filled(labels, tmp_path / "sheet.xlsx", cells)
    assert (late.late, values(labels)[0]["verdict"]) == (1, "bad"), "what is frozen stays, the change is kept"
    other = filled(labels, tmp_path / "sheet.xlsx", cells, "鈴木")
    assert dict(other.events) == {"answered": 1}, "another person's answer is another answer"


def test_a_correction_is_one_more_answer_and_no_agreement(labels: Labels, tmp_path: Path):
    records = push(labels, "preference", [item(n, *PAIR, people=1) for n in range(4)])
    for record, said in zip(records, ("a", "b", "a", "same"), strict=True):
        answered(labels, record, "r-00000001", {"preference": said})
    answered(labels, records[2], "r-00000002", {"preference": "b"})
    before = labels.read("answers").to_pylist()
    done = write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("preference", shows_answers=True))
    assert done.lines == 4
    lines = xlsx_lines(tmp_path / "sheet.xlsx")
    assert [line["preference"] for line in lines] == ["Aがよい", "Bがよい", "", "同じ"], (
        "where as many say either nothing is filled in"
    )
    assert "Aがよい×1" in lines[2]["answers"]
    assert "Bがよい×1" in lines[2]["answers"]
    taken = filled(labels, tmp_path / "sheet.xlsx", {1: {"preference": "Aがよい"}, 3: {"check": "済"}}, "r-0000000a")
    assert (dict(taken.events), taken.unchanged, taken.conflicts) == ({"answered": 2}, 2, [])
    assert labels.read("answers").to_pylist()[:5] == before
    new = labels.read("answers").to_pylist()[5:]
    assert [(r["origin"], r["preference"]) for r in new] == [
        ("correction", "ab"[records[1]["order"][0]]),
        ("correction", "same"),
    ]
    nominal = [one for one in agreement(labels.answers()) if one.scale == "nominal"]
    assert [(one.alpha.units, one.raters) for one in nominal] == [(1, 2)], "only the two who did not see each other"
    decided = {one.row: one for one in resolve(labels, Policy("majority")).decisions if one.question == "preference"}
    told = [decided[record["row"]] for record in records]
    assert [one.method for one in told] == ["single", "adjudicated", "undecided", "adjudicated"]
    first = ["ab"[record["order"][0]] for record in records]
    assert [one.outcome for one in told] == [first[0], first[1], None, "same"]
    assert [one.adjudicator for one in told] == [None, "r-0000000a", None, "r-0000000a"], "a correction is no vote more"


def test_what_was_changed_in_both_is_a_conflict_unless_it_is_the_same(labels: Labels, tmp_path: Path):
    records = push(labels, "quality", [item(n) for n in range(4)])
    given = {"verdict": "bad", "helpfulness": 2, "correctness": 2, "naturalness": 2}
    for record in records:
        answered(labels, record, "r-00000001", given)
    write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("quality", shows_answers=True))
    answered(labels, records[0], "r-00000001", given | {"verdict": "good"}, n=2)  # and fixable in the sheet
    answered(labels, records[1], "r-00000001", given | {"verdict": "fixable"}, n=2)  # and so in the sheet
    answered(labels, records[2], "r-00000001", given | {"helpfulness": 5}, n=2)  # another question than in the sheet
    done = filled(labels, tmp_path / "sheet.xlsx", {n: {"verdict": "直せば使える"} for n in range(4)})
    assert kinds(done) == [(2, "changed_in_both")]
    assert (done.conflicts[0].found, done.conflicts[0].wanted) == ("直せば使える", "そのまま使える")
    assert "画面かほかの表でも" in done.conflicts[0].ja
    assert dict(done.events) == {"answered": 3}


def test_a_row_that_changed_or_went_since_is_not_taken(labels: Labels, tmp_path: Path):
    records = push(labels, "quality", [item(n) for n in range(4)])
    write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("quality"))
    gone = [r | {"event": "withdrawn", "reason": "changed", "at": NOW} for r in records[:3]]
    labels.append("records", gone)
    push(labels, "quality", [item(0, "文面が変わりました。")])
    push(labels, "quality", [item(2)], version="b" * 10, dataset="review/quality-bbbbbbbbbb-1")
    cells = {n: {"verdict": "使えない", "helpfulness": 1, "correctness": 1, "naturalness": 1} for n in range(4)}
    done = filled(labels, tmp_path / "sheet.xlsx", cells)
    assert kinds(done) == [(2, "row_changed"), (3, "row_gone"), (4, "older_version")]
    assert "b" * 10 in done.conflicts[2].en
    assert dict(done.events) == {"answered": 1}


def test_of_a_forgotten_row_nothing_is_written(labels: Labels, tmp_path: Path):
    push(labels, "quality", [item(0)], fields="{}", metadata="{}")
    with pytest.raises(ReviewError, match="'quality' has no row before people"):
        write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("quality"))


def test_who_answered_in_argilla_changes_it_there(labels: Labels, tmp_path: Path):
    (record,) = push(labels, "preference", [item(0, *PAIR)])
    answered(labels, record, "r-00000001", {"preference": "a"})
    write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("preference", shows_answers=True))
    done = filled(labels, tmp_path / "sheet.xlsx", {0: {"preference": "同じ"}}, "r-00000001")
    assert kinds(done) == [(2, "own_answer")]


def test_ids_that_are_unknown_damaged_or_there_twice_are_listed(labels: Labels, tmp_path: Path):
    push(labels, "preference", [item(n, *PAIR) for n in range(7)])
    write_sheet(labels, tmp_path / "sheet.csv", Wanted("preference"))
    ids = [line["id"] for line in csv_lines(tmp_path / "sheet.csv")]
    new = {0: ids[0][:-4] + "zzzz", 1: "1.23E+15", 2: "12345", 3: ids[3].upper(), 4: ids[5], 5: ids[5]}

    def change(number: int, line: dict[str, str]) -> None:
        line["id"], line["preference"] = new.get(number, line["id"]), "同じ" if number != 5 else "Aがよい"

    done = take(labels, edit_csv(tmp_path / "sheet.csv", change), "佐藤")
    assert kinds(done) == [(2, "unknown_id"), (3, "damaged_id"), (4, "damaged_id"), (6, "twice"), (7, "twice")]
    assert "文字列として貼り直して" in done.conflicts[1].ja
    assert dict(done.events) == {"answered": 2}, "the id in capitals and the last line"
    assert done.absent == 4, "the ids of the first three and of the fifth line do not come"


def test_an_id_that_was_split_and_lost_its_zeros_is_still_found(labels: Labels, tmp_path: Path):
    (record,) = push(labels, "preference", [item(0, *PAIR)], external_id="0012" + "7" * 28)
    done = write_sheet(labels, tmp_path / "sheet.csv", Wanted("preference"))
    assert csv_lines(tmp_path / "sheet.csv")[0]["id"] == f"{done.sheet}-001277777777"

    def change(_: int, line: dict[str, str]) -> None:
        sheet, _, tail = line["id"].partition("-")
        line["id"], line["preference"] = f"{sheet}-{int(tail)}", "同じ"

    assert dict(take(labels, edit_csv(tmp_path / "sheet.csv", change), "佐藤").events) == {"answered": 1}
    assert labels.answers()[0]["external_id"] == record["external_id"]


def test_columns_that_were_sorted_apart_are_noticed(labels: Labels, tmp_path: Path):
    push(labels, "quality", [item(n) for n in range(3)])
    write_sheet(labels, tmp_path / "sheet.csv", Wanted("quality"))
    ids = [line["id"] for line in csv_lines(tmp_path / "sheet.csv")]

    def change(number: int, line: dict[str, str]) -> None:
        line |= {"verdict": "使えない", "helpfulness": "1", "correctness": "1", "naturalness": "1"}
        line["id"] = ids[(number + 1) % 3]

    done = take(labels, edit_csv(tmp_path / "sheet.csv", change), "佐藤")
    assert kinds(done) == [(2, "moved_text"), (3, "moved_text"), (4, "moved_text")]
    assert labels.answers() == []


def test_rankings_ranks_and_ties_by_a_column_each(labels: Labels, tmp_path: Path):
    texts = ("梅の一", "梅の二", "梅の三")
    records = push(labels, "ranking", [item(n, *texts) for n in range(3)])
    write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("ranking"))
    ranks = {"order.a": 2, "order.b": 1, "order.c": 2, "usable": "使える"}
    done = filled(labels, tmp_path / "sheet.xlsx", {0: ranks, 1: ranks | {"order.c": None}, 2: ranks | {"order.a": 4}})
    assert kinds(done) == [(3, "unknown_value"), (4, "unknown_value")]
    assert "1–3 (C)" in done.conflicts[0].en
    (row,) = labels.answers()
    by_place = [records[0]["answers"][i] for i in records[0]["order"]]
    assert {one["answer"]: one["rank"] for one in row["ranks"]} == dict(zip(by_place, (2, 1, 2), strict=True))


def test_a_rewrite_begins_with_the_answer_and_is_masked(labels: Labels, tmp_path: Path):
    push(labels, "correction", [item(n) for n in range(3)])
    write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("correction"))
    assert xlsx_lines(tmp_path / "sheet.xlsx")[0]["rewrite"] == "0 番の梅の花がよく咲いています。"
    cells = {0: {"decision": "直した", "rewrite": "梅が満開です。\n電話は075-123-4567。"}, 1: {"decision": "直さない"}}
    done = filled(labels, tmp_path / "sheet.xlsx", cells)
    assert (dict(done.events), done.unchanged, done.masked) == ({"answered": 2}, 1, 1)
    assert values(labels) == [
        {"decision": "fixed", "rewrite": "梅が満開です。\n電話は【電話番号】。"},
        {"decision": "keep", "rewrite": "1 番の梅の花がよく咲いています。"},
    ]


def test_a_correction_by_somebody_who_had_voted_is_their_vote_changed(labels: Labels, tmp_path: Path):
    """They saw what others said, so it settles nothing and counts for no agreement; and it is not lost."""
    (record,) = push(labels, "preference", [item(0, *PAIR, people=1)])
    write_sheet(labels, tmp_path / "empty.xlsx", Wanted("preference"))
    filled(labels, tmp_path / "empty.xlsx", {0: {"preference": "同じ"}})
    answered(labels, record, "r-00000001", {"preference": "both_bad"})
    write_sheet(labels, tmp_path / "again.xlsx", Wanted("preference", shows_answers=True))
    done = filled(labels, tmp_path / "again.xlsx", {0: {"preference": "どちらも悪い"}})
    assert (dict(done.events), done.conflicts) == ({"edited": 1}, [])
    (decided,) = resolve(labels, Policy("majority")).decisions
    assert (decided.outcome, decided.method, decided.people, decided.adjudicator) == ("both_bad", "unanimous", 2, None)
    assert resolve(labels, Policy("majority")).own_votes == []
    assert agreement(labels.answers()) == []


def test_several_choices_and_spans(labels: Labels, tmp_path: Path):
    push(labels, "safety", [item(n) for n in range(2)])
    write_sheet(labels, tmp_path / "safety.xlsx", Wanted("safety"))
    cells = {"safety": "有害", "refusal": "応じている（問題ない）", "harms": "差別・中傷／医療・法律・金融の危うい助言"}
    done = filled(labels, tmp_path / "safety.xlsx", {0: cells, 1: cells | {"harms": "悪口"}})
    assert values(labels)[0]["harms"] == ["hate", "advice"]
    assert kinds(done) == [(3, "unknown_value")]
    push(labels, "spans", [item(n) for n in range(2)])
    write_sheet(labels, tmp_path / "spans.xlsx", Wanted("spans"))
    done = filled(
        labels,
        tmp_path / "spans.xlsx",
        {0: {"complete": "誤りはない"}, 1: {"errors": "事実 0–3", "complete": "誤りはない"}},
    )
    assert kinds(done) == [(3, "spans")]
    assert dict(done.events) == {"answered": 1}


def test_harmful_content_is_written_only_when_it_is_asked_for_and_may_be_skipped(labels: Labels, tmp_path: Path):
    push(labels, "quality", [item(0, harmful=True)])
    with pytest.raises(ReviewError, match="'quality' has no row before people"):
        write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("quality"))
    write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("quality", harmful=True))
    done = filled(labels, tmp_path / "sheet.xlsx", {0: {"skip": "今日はもう十分"}})
    assert dict(done.events) == {"skipped": 1}
    assert [r["status"] for r in labels.held()] == ["skipped"]


def test_a_stratum_a_source_and_a_version_are_chosen_and_named_where_they_are_not_there(labels: Labels, tmp_path: Path):
    push(labels, "quality", [item(n, stratum="audit" if n % 3 else "audit+close") for n in range(9)])
    push(labels, "quality", [item(20)], version="a" * 10)
    push(labels, "quality", [item(21)])
    assert write_sheet(labels, tmp_path / "one.csv", Wanted("quality", stratum="audit+close")).lines == 3
    assert write_sheet(labels, tmp_path / "two.csv", Wanted("quality")).older == 1
    for wanted, said in (
        (Wanted("quality", stratum="clos"), r"no stratum 'clos'; there are all \(1\), audit \(6\), audit\+close \(3\)"),
        (Wanted("quality", source="x/y"), "no row of the source 'x/y'; there are trial/set"),
        (Wanted("quality", version="a" * 10), "the words of version aaaaaaaaaa are no longer those of this seimai"),
        (Wanted("quality", version="b" * 10), "has no version bbbbbbbbbb; there are"),
        (Wanted("safety"), "'safety' has no row before people"),
        (Wanted("quality", shows_answers=True), "nobody has answered such a row yet"),
    ):
        with pytest.raises(ReviewError, match=said):
            write_sheet(labels, tmp_path / "three.csv", wanted)
    with pytest.raises(ReviewError, match="is there already, and answers in it would be lost"):
        write_sheet(labels, tmp_path / "one.csv", Wanted("quality"))


def test_of_a_mirrored_row_one_line_is_written(labels: Labels, tmp_path: Path):
    records = push(labels, "preference", [item(n, *PAIR, people=2) for n in range(5)])
    assert len(records) == 10
    assert write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("preference")).lines == 5
    assert filled(labels, tmp_path / "sheet.xlsx", {0: {"preference": "Aがよい"}}).conflicts == []
    assert labels.answers()[0]["mirrored"] is False
    mirrored = next(r for r in records if r["mirrored"] and r["row"] == key("row", 1))
    answered(labels, mirrored, "r-00000001", {"preference": "a"})
    write_sheet(labels, tmp_path / "other.xlsx", Wanted("preference", shows_answers=True))
    line = next(line for line in xlsx_lines(tmp_path / "other.xlsx") if "Bがよい×1" in line["answers"])
    assert line["preference"] == "Bがよい", "what stood first in the mirror image stands second here"


def test_english_sheets_are_read_as_well(labels: Labels, tmp_path: Path):
    of = task("preference", "en")
    push(labels, "preference", [item(0, *PAIR)], version=of.version)
    write_sheet(labels, tmp_path / "sheet.csv", Wanted("preference"))
    assert "Which answer is better?（preference）" in (tmp_path / "sheet.csv").read_text("utf-8-sig")
    done = take(
        labels, edit_csv(tmp_path / "sheet.csv", lambda _, line: line.update(preference="both are bad")), "sato"
    )
    assert [row["preference"] for row in labels.answers()] == ["both_bad"]
    assert done.conflicts == []
