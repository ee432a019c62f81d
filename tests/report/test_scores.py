"""Scores in the report: what a threshold keeps, how far classifiers agree, precision and recall, against hand-worked rows."""

import json
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from curation.classify.agreement import in_top, kept_kappa, overlap, spearman
from curation.classify.answers import Answers
from curation.classify.labelled_share import share_of, wilson
from curation.filters.preset import condition
from curation.shards import ShardSet
from recipes.engine.classifier.label_read import labels_of
from recipes.engine.errors import RecipeError
from recipes.engine.report import write_report
from recipes.engine.report.fates import fates
from recipes.engine.report.labelled_scores import labelled_scores
from recipes.engine.report.scores import BESIDE, score_names, scores
from recipes.engine.run_folder import open_run
from recipes.engine.run_rules import run_rules

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "engine"))
from steps_on_trial import GivenScores
from test_runs import done, jsonl, recipe

GROUPS = {"good": 2, "poor": 0}
RULES = [
    {"name": "value", "column": "quality", "keep": ">= 0.25"},
    {"name": "rank", "column": "mean_rank_top", "keep": "<= 0.9"},
]


def values(n: int) -> tuple[float, float]:
    """Two scores of row n of 200: one evenly from 0 to .995, the other much like it."""
    return n / 200, round(min(1.0, max(0.0, n / 200 + 0.1 * ((n * 7) % 5 - 2))), 3)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> str:
    """200 rows with two scores each: those below .25, and the tenth that ranks lowest, go."""
    folder = tmp_path_factory.mktemp("scores")
    rows = [(str(n), f"{n} quality={values(n)[0]} quality_2={values(n)[1]}") for n in range(200)]
    files = jsonl(folder / "in", {"a.jsonl.gz": rows})
    ways = {"scores": ["quality", "quality_2"], "by": ["top", "mean_rank", "buckets"], "buckets": 4, "groups": GROUPS}
    done(
        recipe(files, ["text_stats", GivenScores()], [{"ensemble": ways}, {"threshold": {"rules": RULES}}]),
        folder / "out",
    )
    return str(folder / "out" / "1")


def found(run: str):
    """The report's data."""
    opened = open_run(run)
    names = score_names(opened)
    return scores(fates(opened, [*names, *BESIDE]), names, run_rules(opened).rules)


def test_the_kept_share_is_that_of_all_rows_whatever_became_of_them(run):
    first, second, mean = found(run).scores
    assert [s.column for s in (first, second, mean)] == ["quality", "quality_2", "mean_rank"]
    assert first.rows == 200
    assert (first.kept.sum(), first.lost.sum()) == (150, 50)
    assert first.shares[::20].tolist() == pytest.approx([1.0, 0.8, 0.6, 0.4, 0.2, 0.0])
    assert first.bounds == [0.25]
    listed = {c.threshold: (c.kept, c.decides) for c in first.choices}
    assert listed[0.9] == (pytest.approx(0.1), False)
    assert listed[0.25] == (pytest.approx(0.75), True)
    ranked = mean.choices[-1]
    assert (ranked.decides, ranked.kept) == (True, pytest.approx(0.9, abs=0.006)), "the bound of a share, as a score"


def test_agreement_is_that_of_scipy_and_of_counted_sets(run):
    (first, *_) = found(run).pairs
    a, b = (np.array([values(n)[k] for n in range(200)]) for k in (0, 1))
    assert first.spearman == pytest.approx(spearmanr(a, b).statistic, abs=1e-6)
    top = {n for n in range(200) if a[n] >= 0.9}, {n for n in range(200) if (b >= b[n] - 1e-9).sum() <= 20}
    assert first.overlap[0] == pytest.approx(len(top[0] & top[1]) / len(top[0] | top[1]))
    assert 0.5 < first.kappa[1] < 1


def test_agreement_by_hand():
    a, b = np.array([0.9, 0.8, 0.2, 0.1]), np.array([0.9, 0.1, 0.8, 0.2])
    m, n = in_top(a, np.ones(4), 0.5), in_top(b, np.ones(4), 0.5)
    assert (m.tolist(), n.tolist()) == ([True, True, False, False], [True, False, True, False])
    assert overlap(m, n) == pytest.approx(1 / 3)
    assert kept_kappa(m, n) == pytest.approx(0.0), "half agree, as by chance"
    heavy = np.array([3, 1, 1, 3])
    assert overlap(m, n, heavy) == pytest.approx(3 / 5)
    assert kept_kappa(m, n, heavy) == pytest.approx(0.5), "6 of 8 agree, by chance 4"
    twice = np.repeat(np.arange(4), heavy)
    assert spearman(a, b, heavy) == pytest.approx(spearmanr(a[twice], b[twice]).statistic)
    assert np.isnan(spearman(np.ones(3), np.arange(3.0)))


def labels(run: str, folder: Path, weighted: bool = True) -> Answers:
    """Every tenth row of both shard sets and the rejected ones is labelled: good from .5 on, but for two of them."""
    url = {}
    for block in open_run(run).chain[:1]:
        for batch in ShardSet.open(open_run(run).url(block)).read(["id", "url"]):
            url |= {r["url"]: r["id"].hex() for r in batch.to_pylist()}
    rows = []
    for n in range(0, 200, 10):
        good = (n >= 100) != (n in (60, 150))
        rows.append(
            {"id": url[f"https://example.jp/{n}"], "label": 4 if good else 1} | ({"weight": 10} if weighted else {})
        )
    (folder / "l.jsonl").write_text("\n".join(map(json.dumps, rows)))
    return Answers(files=[str(folder / "l.jsonl")], positive=condition(">= 3"))


def test_precision_and_recall_are_those_of_a_count_and_lie_in_their_intervals(run, tmp_path):
    made, read = labelled_scores(open_run(run), labels(run, tmp_path), ["quality", "quality_2"], Path())
    assert len(read.labels) == 20
    score = made["quality"]
    assert (score.pages, score.good, score.hosts) == (20, 10, 1)
    at = score.at(0.5)
    assert at.kept == pytest.approx(0.5)
    assert (at.precision.value, at.recall.value) == (pytest.approx(0.9), pytest.approx(0.9))
    assert (at.precision.low, at.precision.high) == pytest.approx(wilson(0.9, 1)), "one host is worth one page"
    # of 10 × 10 pairs: 150 (good → other) loses to the goods below it, 60 (other → good) wins against those below it
    ranks = {n: (n >= 100) != (n in (60, 150)) for n in range(0, 200, 10)}
    wins = [a > b for a in ranks if ranks[a] for b in ranks if not ranks[b]]
    assert score.auc == pytest.approx(np.mean(wins))
    assert np.isnan(score.auc_low)


def test_intervals_hold_the_truth_as_often_as_they_say():
    rng, inside = np.random.default_rng(3), {0.05: 0, 0.5: 0, 0.9: 0}
    hosts = np.repeat(np.arange(40), 5)
    for true in inside:
        for _ in range(400):
            rate = rng.beta(true * 4, (1 - true) * 4, 40)[hosts]  # pages of one host are alike
            share = share_of(rng.random(200) < rate, np.ones(200, bool), rng.choice([1.0, 3.0], 200), hosts)
            inside[true] += share.low <= true <= share.high
    assert all(364 <= n <= 396 for n in inside.values()), inside


def test_what_is_made_of_the_scores_is_not_held_against_them(run):
    (pair,) = found(run).pairs
    assert (pair.first.en, pair.second.en) == ("quality score", "quality score (2)")


def test_labelled_pages_without_a_score_are_counted_and_named_in_the_page(tmp_path):
    rows = [(str(n), f"{n} quality={n / 20}" + (f" quality_2={n / 20}" if n % 4 else "")) for n in range(20)]
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": rows})
    done(recipe(files, ["text_stats", GivenScores()]), tmp_path / "out")
    run = str(tmp_path / "out" / "1")
    keys = [row["id"].hex() for batch in open_run(run).release.read(["id"]) for row in batch.to_pylist()]
    (tmp_path / "l.jsonl").write_text(
        "\n".join(json.dumps({"id": k, "label": n % 2}) for n, k in enumerate(sorted(keys)))
    )
    spec = Answers(files=[str(tmp_path / "l.jsonl")], positive=condition(">= 1"))
    made, _ = labelled_scores(open_run(run), spec, ["quality", "quality_2"], Path())
    assert [(made[c].pages, made[c].lacking) for c in ("quality", "quality_2")] == [(20, 0), (15, 5)]
    page = Path(write_report(run, labels=spec)).read_text(encoding="utf-8")
    assert page.count("labelled pages lack this score") == 1


def test_the_page_shows_them_in_both_languages(run, tmp_path):
    plain = Path(write_report(run)).read_text(encoding="utf-8")
    section = plain.split('id="scores"')[1].split("</section>")[0]
    assert section.count('class="scores"') == 3
    assert section.count('class="thresholds"') == 3
    assert "precision" not in section
    assert re.search(r"≥ 0\.25</td><td class=\"mark\"><span[^>]*>← レシピ", section)
    assert re.search(r"<td>good</td><td class=\"n\">\d+</td>", section)
    with_labels = Path(write_report(run, labels=labels(run, tmp_path))).read_text(encoding="utf-8")
    section = with_labels.split('id="scores"')[1].split("</section>")[0]
    assert section.count('class="band recall"') == 3
    assert "適合率（95 % 区間）" in section
    assert "0.90 (" in section
    assert "Few hosts" in section
    write_report(run)


def test_a_run_without_a_classifier_has_no_such_section(made):
    assert 'id="scores"' not in Path(write_report(made.folder)).read_text(encoding="utf-8")


def test_labels_that_say_nothing_are_refused(run, tmp_path):
    spec = labels(run, tmp_path)
    assert labels_of(None, None) is None
    with pytest.raises(RecipeError, match="--positive says which labels are good, and there are none"):
        labels_of(None, ">= 3")
    with pytest.raises(RecipeError, match="say which are good by --positive"):
        labels_of(["l.jsonl"], None)
    with pytest.raises(RecipeError, match="--positive: '=< 3' is none of"):
        labels_of(["l.jsonl"], "=< 3")
    all_good = spec.model_copy(update={"positive": condition(">= 0")})
    with pytest.raises(RecipeError, match=r"labels: all 20 are good by --positive '>= 0'; found 1, 4"):
        write_report(run, labels=all_good)
    (tmp_path / "other.jsonl").write_text(json.dumps({"id": "0" * 32, "label": 4}))
    other = spec.model_copy(update={"files": [str(tmp_path / "other.jsonl")]})
    with pytest.raises(RecipeError, match="no label is about a page of"):
        write_report(run, labels=other)
    answered = [json.loads(line) for line in Path(spec.files[0]).read_text().splitlines()]
    answered[1]["label"] = "nan"
    (tmp_path / "nan.jsonl").write_text("\n".join(map(json.dumps, answered)))
    with pytest.raises(RecipeError, match=r"labels: .*nan\.jsonl, line 2: the label 'nan' is no number, and '>= 3'"):
        write_report(run, labels=spec.model_copy(update={"files": [str(tmp_path / "nan.jsonl")]}))
