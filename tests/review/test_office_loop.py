"""The office beside the real server: a sheet goes out, people go on in the UI, the sheet comes back, and a pull leaves it alone."""

from pathlib import Path

from annotation.people import pseudonym
from tests.annotation.office import edit_xlsx
from tests.annotation.test_review_records import pair
from tests.review.desk import Desk


def test_a_sheet_comes_back_beside_what_was_answered_in_the_ui(desk: Desk, tmp_path: Path):
    labels = ("--labels", str(desk.labels.folder))
    desk.push([pair(n) for n in range(4)])
    records = {desk.by_external_id()[record["external_id"]]["row"]: record for record in desk.seen("kiku")}
    rows = [records[pair(n).row] for n in range(4)]
    for record in rows:
        desk.answer("kiku", record["id"], preference="a")
    desk.pull()
    sheet = tmp_path / "見直し.xlsx"
    assert "4 rows of preference" in desk.running.seimai(
        "sheet", str(sheet), "--task", "preference", "--answers", *labels
    )
    desk.answer("kiku", rows[0]["id"], preference="b")  # and 同じ in the sheet
    desk.answer("kiku", rows[1]["id"], preference="same")  # and so in the sheet
    ids = [record["external_id"] for record in rows[:3]]

    def change(_: int, line: dict) -> None:
        if any(line["id"].value.endswith(f"-{name[:12]}") for name in ids):
            line["preference"].value = "同じ"

    filled = edit_xlsx(sheet, change)
    desk.pull()
    kiku, listed = pseudonym(desk.users()["kiku"]["id"]), tmp_path / "差し戻し.csv"
    said = desk.running.seimai("take", str(filled), "--annotator", "佐藤", "--conflicts", str(listed), *labels, code=1)
    assert "2 answered" in said
    assert "changed_in_both: 'どちらの回答がよいですか'" in said
    assert "画面かほかの表でも答えが変わりました" in listed.read_text("utf-8-sig")
    mine = desk.running.seimai("take", str(filled), "--annotator", kiku, *labels, code=1)
    assert mine.count("own_answer") == 3
    before = desk.lines()
    assert [line["origin"] for line in before].count("correction") == 2
    assert desk.pull().events == {}, "what came by sheet was never in Argilla, and is no deletion"
    assert desk.lines() == before
    with desk.client() as argilla:
        records_there = {
            r["external_id"]: r["id"]
            for d in argilla.call("GET", "/me/datasets")["items"]
            for r in argilla.records(d["id"])
        }
        (dataset,) = [
            d["id"] for d in argilla.call("GET", "/me/datasets")["items"] if d["name"].startswith("preference")
        ]
        argilla.delete(dataset, [records_there[rows[2]["external_id"]]])
    assert desk.pull().events == {"deleted": 1}, "kiku's answer, with its record; not the sheet's"
    page = tmp_path / "report.html"
    desk.running.seimai("report", "--out", str(page), *labels)
    assert kiku in page.read_text(encoding="utf-8")
