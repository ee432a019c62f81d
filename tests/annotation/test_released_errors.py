"""How many released rows are wrong, from answers in label shards: one decision a row, by strata, unknown where nobody decided."""

import random
from datetime import timedelta
from pathlib import Path

import orjson
import pytest

from annotation.errors import ReviewError
from annotation.labels import Labels
from annotation.push import Order, line_of
from annotation.record import records_of
from annotation.released_errors import Wrong, estimated
from annotation.review_plan import ReviewPlan
from annotation.review_tasks import task
from curation.provenance import key
from recipes.engine.review.error_rate import tell_error_rate
from recipes.engine.review.rows import asked, routed_rows, source_of
from recipes.engine.run_folder import open_run
from tests.annotation.test_labels import NOW, answer
from tests.generation.conftest import Recipes

QUALITY = task("quality")
WRONG = Wrong("verdict", frozenset({"fixable", "bad"}))


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run with a generation of 40 rows."""
    made = Recipes(tmp_path_factory.mktemp("run"))
    made.generate["tasks"] = {"mathematics": {"rows": 40, "answers": "program"}}
    made.run()
    return made.folder / "out"


def pushed(run: Path, folder: Path, plan: ReviewPlan) -> tuple[Labels, list]:
    """Label shards in which a plan's rows were pushed, and their records."""
    labels = Labels(folder / "labels")
    source = source_of(open_run(str(run)), "quality", None, 2)
    with labels.writing():
        items = asked(source, plan, labels.salt).items
        made = [r for item in items for r in records_of(QUALITY, item, source.name, labels.salt)]
        labels.append(
            "records", [line_of(Order(QUALITY, source.name), f"review/{QUALITY.dataset}", r, NOW) for r in made]
        )
    return labels, made


def said(record, verdict: str, who: str = "r-1", **other) -> dict:
    """An annotator's answer about a record."""
    of = {
        "task": "quality",
        "version": QUALITY.version,
        "source": "trial/instruct",
        "row": record.item.row,
        "content": record.content,
        "annotator": who,
    }
    name = key(record.item.row, who).hex()
    return answer(name, values=orjson.dumps({"verdict": verdict}).decode(), preference=None, place=None, **of) | other


def rate(run: Path, labels: Labels, plan: ReviewPlan):
    """What is estimated."""
    source = source_of(open_run(str(run)), "quality", None, 2)
    return estimated(routed_rows(source, plan, labels.salt), labels, QUALITY, source.name, WRONG)


HALF = ReviewPlan.model_validate({"routes": {"audit": {"probability": 0.5}}})


def test_a_row_counts_once_whoever_answered_and_who_could_not_tell_has_not_decided(run, tmp_path):
    labels, records = pushed(run, tmp_path, HALF)
    lines = [said(r, "good") for r in records[4:]]
    lines += [said(records[0], "bad"), said(records[0], "good", "r-2"), said(records[0], "bad", "r-3")]  # wrong
    lines += [said(records[1], "fixable"), said(records[1], "good", "r-2")]  # half of them: wrong
    lines += [said(records[2], "bad", status="skipped"), said(records[3], "cannot_tell")]  # not decided
    labels.append("answers", lines)
    found = rate(run, labels, HALF)
    drawn = len(records)
    assert found.strata["audit"].rows == 40
    assert (found.strata["audit"].selected, found.strata["audit"].reviewed) == (drawn, drawn - 2)
    assert (found.rate.answered, found.rate.wrong) == (drawn - 2, 2)
    unread = 40 - (drawn - 2)
    assert found.rate.rate == pytest.approx(unread / 40 * 2 / (drawn - 2))
    assert found.rate.low < found.rate.rate < found.rate.high


def test_whoever_settled_a_row_says_alone_whether_it_is_wrong(run, tmp_path):
    labels, records = pushed(run, tmp_path, HALF)
    lines = [said(r, "good") for r in records[4:]]
    for record in records[:4]:  # torn: wrong, as long as nobody settles them
        lines += [said(record, "good"), said(record, "bad", "r-2")]
    labels.append("answers", lines)
    assert rate(run, labels, HALF).rate.wrong == 4
    settled = {"dataset": "adjudicate-r-9/quality-0-1"}
    labels.append("answers", [
        said(records[0], "good", "r-9", **settled),
        said(records[1], "bad", "r-9", **settled),
        said(records[2], "good", "r-8", origin="correction"),
        said(records[3], "cannot_tell", "r-9", **settled),  # nobody has decided it then
    ])  # fmt: skip
    found = rate(run, labels, HALF)
    assert (found.rate.answered, found.rate.wrong) == (len(records) - 1, 1)
    assert found.strata["audit"].reviewed == len(records) - 1


def test_who_answered_under_two_versions_has_one_vote_and_it_is_the_newer_one(run, tmp_path):
    labels, records = pushed(run, tmp_path, HALF)
    older = line_of(Order(QUALITY, "trial/instruct"), "review/quality-older-1", records[0], NOW)
    now = next(line for line in labels.read("records").to_pylist() if line["row"] == records[0].item.row)
    labels.append("records", [older | {"version": "older", "at": NOW - timedelta(days=9)}, now])
    labels.append("answers", [said(r, "good") for r in records])
    old = {"version": "older", "response": "before", "updated_at": NOW - timedelta(days=8)}
    labels.append("answers", [said(records[0], "bad", **old)])
    assert rate(run, labels, HALF).rate.wrong == 0


def test_answers_to_a_text_that_was_changed_since_do_not_count(run, tmp_path):
    labels, records = pushed(run, tmp_path, HALF)
    labels.append("answers", [said(r, "good") for r in records[1:]] + [said(records[0], "bad", content=key("old"))])
    found = rate(run, labels, HALF)
    assert (found.rate.answered, found.rate.wrong) == (len(records) - 1, 0)
    assert found.rate.rate == 0.0
    assert found.rate.high > 0, "nobody looked at the others"


def test_a_stratum_of_which_nobody_answered_a_row_makes_the_whole_unknown(run, tmp_path):
    labels, records = pushed(run, tmp_path, HALF)
    labels.append("answers", [said(r, "bad", status="discarded") for r in records])
    found = rate(run, labels, HALF)
    assert found.rate.rate is None
    assert "nobody has answered a row of the stratum" in found.rate.unknown


def test_rows_that_fit_curves_are_reviewed_and_estimate_nothing(run, tmp_path):
    plan = HALF.model_copy(update={"calibrate": 0.5})
    labels, records = pushed(run, tmp_path, plan)
    labels.append("answers", [said(r, "good") for r in records])
    found = rate(run, labels, plan)
    uses = [r.item.use for r in records]
    assert {"estimate", "calibrate"} == set(uses)
    assert (found.strata["audit"].reviewed, found.rate.answered) == (len(records), uses.count("estimate"))


def test_everything_reviewed_leaves_no_error(run, tmp_path, capsys):
    every = ReviewPlan.model_validate({"routes": {"all": {"probability": 1.0}}})
    labels, records = pushed(run, tmp_path, every)
    labels.append("answers", [said(r, random.Random(i).choice(["good", "bad"])) for i, r in enumerate(records)])
    tell_error_rate(labels, str(run), "quality", None, None, "verdict=fixable,bad", 2)
    told = capsys.readouterr().out
    assert "0.00% of the released rows are wrong" in told
    assert "every released row was reviewed" in told


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ("verdikt=bad", "'quality' asks no 'verdikt' with answers to choose from; verdict, helpfulness"),
        ("verdict=wrong", "'wrong' is no answer to 'verdict'; answers are good, fixable, bad, cannot_tell"),
        ("verdict", "some answers are wrong and others are not, e.g. verdict="),
        ("helpfulness=6", "'6' is no answer to 'helpfulness'; answers are 1, 2, 3, 4, 5"),
    ],
)
def test_an_error_that_cannot_be_is_refused(given, told):
    with pytest.raises(ReviewError, match="--wrong") as error:
        Wrong.of(given, QUALITY)
    assert told in str(error.value)


def test_harmful_content_by_a_column_that_is_not_there_is_refused_and_nobody_meets_it_unwarned(run):
    source = source_of(open_run(str(run)), "quality", None, 2)

    def plan(column: str) -> ReviewPlan:
        said = {"where": {column: ["mathematics"]}, "daily_cap": 9}
        return ReviewPlan.model_validate({"routes": {"all": {"probability": 1.0}}, "harmful": said})

    assert {item.harmful for item in asked(source, plan("function"), "salt").items} == {True}
    assert {item.harmful for item in asked(source, plan("domain"), "salt").items} == {False}, "no row has a domain"
    with pytest.raises(
        ReviewError, match=r"plan, harmful\.where: no column 'functoin'; there are .*domain, .*function"
    ):
        asked(source, plan("functoin"), "salt")


def test_another_plan_than_that_of_the_push_is_refused(run, tmp_path):
    """Answers that one plan drew say nothing under the probabilities of another."""
    drawn = ReviewPlan.model_validate({"routes": {"audit": {"probability": 0.2}}})
    labels, records = pushed(run, tmp_path, drawn)
    labels.append("answers", [said(r, "good") for r in records])
    assert rate(run, labels, drawn).rate.rate == 0.0
    everything = ReviewPlan.model_validate({"routes": {"all": {"probability": 1}}})
    for other in (everything, HALF):
        with pytest.raises(ReviewError, match="Give the plan that `review push` was given") as error:
            rate(run, labels, other)
        assert "stratum 'audit' with probability 0.2" in str(error.value)
