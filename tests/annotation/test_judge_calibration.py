"""What people say of a jury's pairs becomes curves, which route rows and filter pairs, and never meets the error rate."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from annotation.calibrate import CalibrationError
from annotation.calibration_file import curves_of, read_curves
from annotation.errors import ReviewError
from annotation.judge_decisions import judge_decisions
from annotation.labels import Labels
from annotation.people_and_judge import people_and_judge
from annotation.push import Order, line_of
from annotation.record import ReviewRecord
from annotation.review_plan import drawn, placed, read_plan
from annotation.review_tasks import task
from annotation.signals import disagreement, with_signals
from curation.document import KEY
from curation.provenance import key
from recipes.engine.cli import app
from recipes.engine.review.calibrate import tell_calibration
from tests.annotation.test_labels import NOW, answer
from tests.annotation.test_review_records import pair, records

SOURCE = "trial/preference"


def pushed(
    labels: Labels, n: int, margin: float, use: str = "calibrate", function: str = "reading", **about
) -> ReviewRecord:
    """A jury's pair that was put before people."""
    of = {"strategy": "jury", "function": function, "margin": f"{margin:.3f}"} | about
    (record,) = records(replace(pair(n), about=of, use=use))
    labels.append("records", [line_of(Order(task("preference"), SOURCE), "review/preference", record, NOW)])
    return record


def said(record: ReviewRecord, preference: str, who: str = "r-1", month: int = 11, **other) -> dict:
    """What an annotator prefers: a is the chosen answer."""
    of = {"row": record.item.row, "content": record.content, "annotator": who, "source": SOURCE}
    at = {"given_at": datetime(2026, month, 3, tzinfo=UTC)}
    name = key(record.item.row, record.content, who).hex()
    return (
        answer(name, preference=preference, values=orjson.dumps({"preference": preference}).decode(), **of, **at)
        | other
    )


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    """Empty label shards."""
    return Labels(tmp_path / "labels")


def test_the_majority_decides_and_who_is_split_or_prefers_neither_says_nothing(labels):
    one, split, same, bad = (pushed(labels, n, 0.667) for n in range(4))
    labels.append("answers", [
        said(one, "a"), said(one, "b", "r-2"), said(one, "a", "r-3", month=12), said(split, "a"), said(split, "b", "r-2"),
        said(same, "same"), said(bad, "both_bad"),
    ])  # fmt: skip
    found = judge_decisions(labels)
    assert [(d.function, d.margin, d.agrees, d.month) for d in found.fit] == [("reading", 0.667, True, "2026-12")]
    assert (found.undecided, found.held, found.source) == (3, [], SOURCE)


def test_where_most_see_no_difference_one_who_prefers_an_answer_decides_nothing(labels):
    mostly_same, agreed = pushed(labels, 1, 0.5), pushed(labels, 2, 0.5)
    labels.append("answers", [said(mostly_same, "a"), *(said(mostly_same, "same", f"r-{n}") for n in (2, 3))])
    labels.append("answers", [said(agreed, "a"), said(agreed, "a", "r-2"), said(agreed, "same", "r-3")])
    found = judge_decisions(labels)
    assert (len(found.fit), found.undecided) == (1, 1)


def test_a_margin_of_verifiers_is_no_judges(labels):
    near, jury = pushed(labels, 1, 0.5, strategy="near_miss"), pushed(labels, 2, 0.5)
    version = {"version": task("preference").version}
    labels.append("answers", [said(near, "a", **version), said(jury, "b", **version)])
    found = people_and_judge(labels)
    assert {name: one.of for name, one in found.by_strategy.items()} == {"near_miss": 1}
    assert (found.by_function[""].of, found.by_function[""].share) == (1, 0.0)


def test_rows_that_estimate_are_held_out_and_rows_that_were_pushed_as_both_are_in_neither(labels):
    fits, held, both = pushed(labels, 1, 1.0), pushed(labels, 2, 1.0, "estimate"), pushed(labels, 3, 1.0)
    pushed(labels, 3, 1.0, "estimate")
    labels.append("answers", [said(r, "b") for r in (fits, held, both)])
    found = judge_decisions(labels)
    assert (len(found.fit), len(found.held), found.both_uses) == (1, 1, 1)
    assert not found.fit[0].agrees


def test_pairs_of_other_strategies_and_answers_to_other_texts_do_not_count(labels):
    jury = pushed(labels, 1, 0.5)
    near = pushed(labels, 2, 0.5, strategy="near_miss")
    labels.append("answers", [said(near, "a"), said(jury, "a", content=key("old"))])
    found = judge_decisions(labels)
    assert (found.fit, found.held, found.undecided) == ([], [], 0)


def test_two_sets_are_not_mixed_and_an_unknown_one_is_named(labels):
    with pytest.raises(ReviewError, match="no pair of a jury was put before people"):
        judge_decisions(labels)
    record = pushed(labels, 1, 0.5)
    labels.append("records", [line_of(Order(task("preference"), "other/preference"), "review/preference", record, NOW)])
    with pytest.raises(ReviewError, match="--source one of other/preference, trial/preference"):
        judge_decisions(labels)
    assert judge_decisions(labels, SOURCE).source == SOURCE
    with pytest.raises(ReviewError, match="no pair of a jury is of 'x/y'; there is other/preference"):
        judge_decisions(labels, "x/y")


def reviewed(labels: Labels) -> None:
    """200 pairs that fit and 100 that estimate: people agree with 0.333 in half, with 1.000 in nine of ten."""
    lines = []
    for n in range(300):
        margin, use = (0.333, 1.0)[n % 2], "calibrate" if n < 200 else "estimate"
        agrees = (n // 2) % 2 == 0 if n % 2 == 0 else (n // 2) % 10 != 0
        lines.append(said(pushed(labels, n, margin, use), "a" if agrees else "b", month=10 + n % 4 // 2))
    labels.append("answers", lines)


def test_the_curve_is_what_people_say_and_holds_on_rows_that_it_has_not_seen(labels, tmp_path, capsys):
    reviewed(labels)
    out = tmp_path / "curves" / "calibration.json"
    tell_calibration(labels, out, None, "isotonic", 50)
    found = orjson.loads(out.read_bytes())
    assert found["functions"][0]["points"] == [[0.333, 0.5], [1.0, 0.9]]
    assert found["functions"][0]["agreement"]["share"] == pytest.approx(0.7)
    assert list(found["functions"][0]["months"]) == ["2026-10", "2026-11"]
    held = found["held"]["reading"]
    assert (held["of"], held["share"]) == (100, pytest.approx(0.7))
    assert held["expected"] == pytest.approx(0.7)
    assert read_curves(out).chances(["reading", "reading", "coding", "reading"], [0.6665, 2.0, 1.0, None])[
        :2
    ] == pytest.approx([0.7, 0.9])
    told = " ".join(capsys.readouterr().out.split())
    assert (
        "reading: people agree in 70% (63% to 76%) of 200; the curve goes from 0.50 at a margin of 0.33 to 0.90 at"
        in told
    )
    assert "of 100 that it was not fitted to it expects 70%, and they agree in 70% (60% to 78%)" in told


def test_a_jury_that_changed_is_said_with_its_months(labels, tmp_path, capsys):
    lines = [said(pushed(labels, n, 0.5), "a" if n < 45 or n % 2 else "b", month=10 + (n >= 50)) for n in range(100)]
    labels.append("answers", lines)
    tell_calibration(labels, tmp_path / "c.json", None, "platt", 50)
    assert re.search(
        r"reading: agreement changed over time \(p = .*2026-10 9\d%.* of 50, 2026-11 50%.* of 50",
        capsys.readouterr().out,
    )


def test_the_command_says_what_is_missing(labels, tmp_path):
    asked = ["review", "calibrate", "--labels", str(labels.folder), "--out", str(tmp_path / "c.json"), "--least", "5"]
    pushed(labels, 1, 0.5, "estimate")
    labels.append("answers", [said(pushed(labels, 2, 0.5, "estimate"), "a")])
    found = CliRunner().invoke(app, asked)
    assert found.exit_code != 0
    assert "none of them may fit a curve; say calibrate: SHARE" in _told(found)
    labels.append("answers", [said(pushed(labels, 3, 0.5), "a")])
    assert "no function has 5 decisions (the most has 1)" in _told(CliRunner().invoke(app, asked))
    assert "a curve is isotonic or platt, not spline" in _told(CliRunner().invoke(app, [*asked, "--curve", "spline"]))


def _told(found) -> str:
    return " ".join(re.sub("[│╭╮╰╯─]", " ", f"{found.output} {found.exception or ''}").split())


def rows(**columns) -> pa.Table:
    """Rows of a set of pairs."""
    count = len(next(iter(columns.values())))
    ids = pa.array([key("row", n) for n in range(count)], KEY)
    return pa.table({"id": ids, "seed_key": ids} | columns)


FILE = {
    "kind": "calibration", "format": 1,
    "functions": [{"function": "reading", "points": [[0.2, 0.5], [1.0, 0.9]]}],
}  # fmt: skip


def test_routes_may_name_the_chance_that_people_agree(tmp_path):
    (tmp_path / "calibration.json").write_bytes(orjson.dumps(FILE))
    (tmp_path / "plan.yaml").write_text(
        "routes: {audit: {probability: 0.001}, doubtful: {probability: 1, column: people_agree, below: 0.6}}\n"
        "calibration: calibration.json\n"
    )
    plan = read_plan(tmp_path / "plan.yaml")
    of = rows(
        function=["reading", "reading", "coding", "reading"],
        strategy=["jury", "jury", "jury", "near_miss"],
        margin=[0.3, 0.9, 0.3, 0.3],
    )
    found = placed(of, plan, "salt").to_pylist()
    assert [row["people_agree"] for row in found] == [pytest.approx(0.55), pytest.approx(0.85), None, None]
    assert [row["review_stratum"] for row in found] == ["audit+doubtful", "audit", "audit", "audit"]
    assert [row["uncertainty"] for row in found] == [pytest.approx(0.9), pytest.approx(0.3), pytest.approx(0.7), 0.0]
    assert found[0]["id"] in {row["id"] for row in drawn(of, plan, "salt").to_pylist()}
    (tmp_path / "calibration.json").unlink()
    with pytest.raises(
        ReviewError, match=r"plan\.yaml, calibration: .*calibration\.json: cannot be read \(No such file"
    ):
        read_plan(tmp_path / "plan.yaml")


def test_what_few_rows_share_is_new_and_what_a_model_was_unsure_of_is_uncertain():
    found = with_signals(rows(template=["a", "a", "a", "a", "b"], logprob_mean=[0.0, -0.5, None, -2.0, -9.0]), None)
    assert found.column("novelty").to_pylist() == [0.5] * 4 + [1.0]
    assert found.column("uncertainty").to_pylist() == [
        0.0, pytest.approx(1 - np.exp(-0.5)), None, pytest.approx(1 - np.exp(-2)), pytest.approx(1 - np.exp(-9)),
    ]  # fmt: skip
    assert disagreement([]) is None
    assert len(with_signals(rows(template=pa.array([], pa.string())), None)) == 0


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (b"{", "is no JSON"),
        (b"[]", "is no file of `seimai review calibrate`"),
        (orjson.dumps(FILE | {"format": 2}), '"format": 1'),
        (orjson.dumps(FILE | {"functions": []}), "functions: there is no curve"),
        (orjson.dumps(FILE | {"functions": [{"points": []}]}), "functions[0]: names no function"),
        (orjson.dumps(FILE | {"functions": FILE["functions"] * 2}), "functions[1]: 'reading' has a curve already"),
        *(
            (orjson.dumps(FILE | {"functions": [{"function": "reading", "points": points}]}), "that never fall")
            for points in ([], [[0.5]], [[0.5, "x"]], [[0.5, 1.2]], [[-1, 0.5]], [[0.5, 0.9], [0.6, 0.8]], [[1, 0.5], [1, 0.6]], 3)
        ),
    ],
)  # fmt: skip
def test_a_file_that_is_no_calibration_is_refused_with_its_place(raw, told):
    with pytest.raises(CalibrationError, match=r"c\.json") as error:
        curves_of(raw, "c.json")
    assert told in str(error.value)
