"""Work, pay, progress, and people beside a judge: figures worked by hand."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from openpyxl import load_workbook

from annotation.errors import ReviewError
from annotation.labels import Labels
from annotation.payment import as_lines, payment, read_rates, totals
from annotation.people_and_judge import people_and_judge
from annotation.progress import progress
from annotation.pull import Pulled, _deletions, _Known, freeze
from annotation.sheets.table import write_table
from annotation.sheets.unit import COLUMNS, units
from annotation.workload import by_day, workload, zone
from tests.annotation.office import answered, item, push
from tests.annotation.test_labels import answer

TOKYO = ZoneInfo("Asia/Tokyo")
MORNING = datetime(2026, 11, 26, 0, tzinfo=UTC)  # nine o'clock in Tokyo


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    return Labels(tmp_path / "labels")


def given(who: str, task: str, *seconds: float, **other) -> list[dict]:
    """Answers of a person, so many seconds after nine o'clock."""
    return [
        answer(
            f"{who}{task}{second}",
            annotator=who,
            task=task,
            given_at=MORNING + timedelta(seconds=second),
            origin="argilla",
            **other,
        )
        for second in seconds
    ]


def test_seconds_are_the_median_between_two_answers_and_a_break_tells_nothing(labels: Labels):
    # gaps of r-1: 20, 40, 60 within the cap of ten minutes; then a break of an hour; then 30
    labels.append("answers", given("r-1", "quality", 0, 20, 60, 120, 3720, 3750))
    labels.append("answers", given("r-2", "quality", 5))
    labels.append("answers", given("r-1", "quality", 9000, status="discarded"))
    one, two = workload(labels.held(), TOKYO)
    assert one.pace is not None
    assert (one.answers, one.discarded, one.pace.gaps, one.pace.seconds) == (6, 1, 4, 35.0)
    assert one.pace.hours == pytest.approx((20 + 40 + 60 + 30 + 3 * 35) / 3600), "three of seven have no gap"
    assert (two.answers, two.pace) == (1, None)


def test_a_gap_belongs_to_the_task_of_the_later_answer_and_sheets_have_no_time(labels: Labels):
    labels.append("answers", [*given("r-1", "quality", 0, 100), *given("r-1", "preference", 10)])
    labels.append(
        "answers",
        [answer("sheet-1", annotator="r-1", task="quality", given_at=MORNING + timedelta(seconds=101), origin="sheet")],
    )
    found = {work.task: work for work in workload(labels.held(), TOKYO)}
    assert found["preference"].pace is not None
    assert (found["preference"].pace.seconds, found["preference"].pace.gaps) == (10.0, 1)
    assert found["quality"].pace is not None
    assert (found["quality"].answers, found["quality"].sheets, found["quality"].pace.seconds) == (3, 1, 90.0)


def test_a_day_is_that_of_the_office(labels: Labels):
    labels.append("answers", given("r-1", "quality", 0, 14 * 3600, 15 * 3600))  # 9:00, 23:00, and midnight in Tokyo
    (work,) = workload(labels.held(), TOKYO)
    assert dict(work.days) == {date(2026, 11, 26): 2, date(2026, 11, 27): 1}
    assert work.a_day == 1.5
    (elsewhere,) = workload(labels.held(), ZoneInfo("UTC"))
    assert dict(elsewhere.days) == {date(2026, 11, 26): 3}
    assert by_day([work, work]) == {date(2026, 11, 26): {"r-1": 4}, date(2026, 11, 27): {"r-1": 2}}
    with pytest.raises(ReviewError, match="no time zone 'Tokyo'"):
        zone("Tokyo")


def rates(folder: Path, text: str) -> Path:
    file = folder / "rates.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def test_pay_is_answers_times_rate_and_what_was_skipped_counts_as_promised(labels: Labels, tmp_path: Path):
    labels.append("answers", given("r-1", "quality", 0, 1, 2) + given("r-1", "preference", 3, 4))
    labels.append("answers", given("r-2", "quality_harmful", 5, 6, 7) + given("r-2", "quality", 8, edited_ui=True))
    labels.append(
        "answers",
        given("r-2", "quality_harmful", 9, 10, status="skipped") + given("r-2", "quality", 11, status="discarded"),
    )
    labels.append(
        "answers", given("r-2", "quality", 12, status="deleted") + given("r-2", "quality", 13, status="draft")
    )
    said = read_rates(rates(tmp_path, "rates: {quality: 60, preference: 30.5, quality_harmful: 90}\ndiscarded: 0.5\n"))
    table = payment(labels, said)
    assert [(p.annotator, p.task, p.answers, p.skipped, p.discarded, p.amount) for p in table] == [
        ("r-1", "preference", 2, 0, 0, Decimal("61.0")), ("r-1", "quality", 3, 0, 0, Decimal(180)),
        ("r-2", "quality", 1, 0, 1, Decimal("90.0")), ("r-2", "quality_harmful", 3, 2, 0, Decimal(450)),
    ]  # fmt: skip
    assert totals(table) == {"r-1": Decimal("241.0"), "r-2": Decimal("540.0")}
    write_table(tmp_path / "pay.xlsx", as_lines(table, said), "支払い")
    cells = [list(row) for row in load_workbook(tmp_path / "pay.xlsx").worksheets[0].iter_rows(values_only=True)]
    assert cells[0][:3] == ["仮名", "仕事", "回答"]
    assert cells[-1] == ["全員", "合計", None, None, None, None, 781]
    write_table(tmp_path / "pay.csv", as_lines(table, said), "支払い")
    assert "r-1,preference,2,0,0,30.5,61.0" in (tmp_path / "pay.csv").read_text("utf-8-sig")


def test_a_batch_is_paid_as_it_was_closed_and_a_month_by_the_offices_clock(labels: Labels, tmp_path: Path):
    labels.append("answers", given("r-1", "quality", 0, 1))
    freeze(labels, "one")
    labels.append("answers", given("r-1", "quality", 5 * 86400 + 0))  # the first of December in Tokyo
    labels.append("answers", [answer("r-1quality0", 2, "deleted", annotator="r-1", task="quality", late=True)])
    said = read_rates(rates(tmp_path, "rates: {quality: 10}"))
    assert [p.answers for p in payment(labels, said, batch="one")] == [2], (
        "what is frozen is paid, though it was deleted since"
    )
    assert [p.answers for p in payment(labels, said, month="2026-12")] == [1]
    assert [p.answers for p in payment(labels, said, month="2026-11")] == [2]
    with pytest.raises(ReviewError, match="there is no batch 'two'; there are one"):
        payment(labels, said, batch="two")
    with pytest.raises(ReviewError, match="there is no answer of 2026-10"):
        payment(labels, said, month="2026-10")
    with pytest.raises(ReviewError, match=r"rates: 'quality' has answers and no rate; add `quality: …`"):
        payment(labels, read_rates(rates(tmp_path, "rates: {safety: 10}")))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("rates: {}", r"rates\.yaml, rates: .*at least 1"),
        ("rates: {qualty: 10}", r"rates\.yaml, rates: .*no review task 'qualty'; there are quality"),
        ("rates: {quality: -1}", "the rate of 'quality' is -1; a rate is 0 or more"),
        ("rates: {quality: ten}", r"rates\.quality: "),
        ("rates: {quality: .nan}", r"rates\.quality: |rate is 0 or more"),
        ("rates: {quality: 10}\nskipped: 2", r"rates\.yaml, skipped: "),
        ("rate: {quality: 10}", r"rates\.yaml, "),
        ("rates: [", "is no YAML"),
        ("", r"rates\.yaml, rates: "),
    ],
)
def test_rates_that_cannot_be_name_their_place(tmp_path: Path, text: str, said: str):
    with pytest.raises(ReviewError, match=said):
        read_rates(rates(tmp_path, text))
    with pytest.raises(ReviewError, match=r"gone\.yaml: cannot be read"):
        read_rates(tmp_path / "gone.yaml")


def test_progress_counts_rows_by_people(labels: Labels):
    records = push(
        labels, "quality", [item(n, people=2 if n < 3 else 1, stratum="audit" if n < 3 else "all") for n in range(5)]
    )
    points = {"verdict": "good", "helpfulness": 5, "correctness": 5, "naturalness": 5}
    for record, people in zip(records, (("r-1", "r-2"), ("r-1",), (), ("r-1",), ()), strict=True):
        for who in people:
            answered(labels, record, who, points)
    answered(labels, records[4], "r-2", {}, status="skipped")
    everyone, audit = progress(units(labels, labels.records(COLUMNS)).values())
    assert (audit.stratum, audit.rows, audit.done, audit.begun, audit.answers, audit.wanted) == ("audit", 3, 1, 1, 3, 6)
    assert (everyone.stratum, everyone.rows, everyone.done, everyone.begun, everyone.skipped) == ("all", 2, 1, 0, 1)


def test_people_beside_a_judge(labels: Labels):
    about = [
        {"margin": f"{0.1 * (n % 10):.3f}", "function": "summary" if n < 15 else "mathematics"} for n in range(20)
    ] + [{}] * 4
    records = push(labels, "preference", [item(n, "よい", "わるい", about=of) for n, of in enumerate(about)])
    for n, record in enumerate(records):
        chosen = "ab"[record["order"].index(0)]  # the place in which the judge's choice stands
        other = "b" if chosen == "a" else "a"
        # people agree with the judge where its margin is .5 or more; of the last four they take the chosen one of three
        said = "same" if n == 3 else chosen if n % 10 >= 5 or n in (20, 21, 22) else other
        answered(labels, record, "r-1", {"preference": said})
    answered(labels, records[4], "r-2", {"preference": "ab"[records[4]["order"].index(0)]})  # one to one: undecided
    found = people_and_judge(labels)
    assert found.undecided == 2
    assert {name: (one.of, round(one.share * one.of)) for name, one in found.by_function.items()} == {
        "": (18, 10), "mathematics": (5, 5), "summary": (13, 5),
    }  # fmt: skip
    assert [(one.of, one.share) for *_, one in found.by_margin] == []  # 18 pairs make no two parts of ten
    assert {name: (one.of, one.share) for name, one in found.by_strategy.items()} == {"delta": (4, 0.75)}
    assert found.first is not None
    assert found.first.of == 24
    answered(labels, records[3], "r-9", {"preference": "b"}, dataset="adjudicate-r-9/x")  # settles what was the same
    assert people_and_judge(labels).undecided == 1
    assert people_and_judge(labels).first == found.first, "who settles is no annotator"


def test_margins_are_parted_so_that_each_part_holds_as_many(labels: Labels):
    records = push(
        labels, "preference", [item(n, "よい", "わるい", about={"margin": f"{n / 40:.3f}"}) for n in range(40)]
    )
    for n, record in enumerate(records):
        chosen = "ab"[record["order"].index(0)]
        answered(labels, record, "r-1", {"preference": chosen if n >= 20 else "ab"[1 - "ab".index(chosen)]})
    found = people_and_judge(labels)
    assert [(low, high, one.of, one.share) for low, high, one in found.by_margin] == [
        (0.0, 0.225, 10, 0.0), (0.25, 0.475, 10, 0.0), (0.5, 0.725, 10, 1.0), (0.75, 0.975, 10, 1.0),
    ]  # fmt: skip


def test_answers_by_sheet_are_not_taken_for_deleted_ones(labels: Labels):
    (record,) = push(labels, "preference", [item(0, "よい", "わるい")])
    answered(labels, record, "r-1", {"preference": "a"})
    answered(labels, record, "r-2", {"preference": "b"}, origin="sheet", sheet="s0000000")
    gone = list(_deletions(_Known(labels), labels.records(), {record["dataset"]}, set(), {}, Pulled()))
    assert [row["annotator"] for row in gone] == ["r-1"]


def test_label_shards_of_an_earlier_version_are_read(labels: Labels):
    labels.append("answers", [answer("one", values=json.dumps({}))])
    path = labels.folder / "answers" / "00000001.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["origin", "sheet"]), path)
    assert [(row["origin"], row["sheet"]) for row in labels.read("answers").to_pylist()] == [("argilla", None)]
    assert labels.read("answers", ["origin", "response"]).to_pylist() == [{"origin": "argilla", "response": "one"}]
