"""Ranks over all rows: against hand-worked rows, numpy, scipy and the method's own published code, and through the engine."""

import json
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import rankdata

from curation.classify.ensemble import Ensemble
from curation.classify.score_counts import ScoreCounts
from curation.shards import ShardSet
from recipes.engine.blocks import build
from recipes.engine.errors import RecipeError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "engine"))
from steps_on_trial import GivenScores, KilledEnsemble
from test_runs import accounted, done, jsonl, recipe

GROUPS = {"high": 19, "medium_high": 18, "medium": 12, "medium_low": 7, "low": 0}


class Held:
    """Rows in memory, as a survey reads them."""

    def __init__(self, table: pa.Table):
        self.table = table

    def read(self, columns, partition=None):
        yield from self.table.select(list(columns)).to_batches(7)


class Made:
    """A survey's table in memory."""

    def __init__(self, table: pa.Table):
        self.table = table

    def read(self):
        return self.table


def measured(step: Ensemble, **columns) -> dict[str, list]:
    """What the step writes for rows given as columns, in memory."""
    kinds = {"quality": pa.float32(), "quality_2": pa.float32(), "quality_3": pa.float32(), "chars": pa.int32()}
    table = pa.table({name: pa.array(values, kinds[name]) for name, values in columns.items()})
    step.made = {name: Made(found) for name, found in step.survey(Held(table))}
    return {name: column.to_pylist() for name, column in step.columns(table.combine_chunks().to_batches()[0]).items()}


def test_a_row_is_in_the_top_share_of_those_that_score_at_least_as_high():
    made = measured(Ensemble(["quality"], "top"), quality=[0.1, 0.9, 0.5, 0.9, None])
    assert made == {"quality_top": [1.0, 0.5, 0.75, 0.5, None]}


def test_the_mean_rank_is_of_all_classifiers_and_ties_count_half():
    made = measured(
        Ensemble(["quality", "quality_2"], "mean_rank"), quality=[0.1, 0.2, 0.2, 0.4, 0.5], quality_2=[5, 4, 4, 1, None]
    )
    # quality: 0.1, 0.4, 0.4, 0.7, 0.9 of five; quality_2: 7/8, 1/2, 1/2, 1/8 of four
    assert made["mean_rank"] == [0.4875, 0.45, 0.45, 0.4125, None]
    assert made["mean_rank_top"] == [0.25, 0.75, 0.75, 1.0, None]


def test_the_bucket_is_the_highest_of_the_classifiers_and_groups_begin_where_the_recipe_says():
    scores = [n / 100 for n in range(100)]
    made = measured(
        Ensemble(["quality", "quality_2"], "buckets", buckets=20, groups=GROUPS),
        quality=scores,
        quality_2=[0.5] + [None] * 99,
    )
    assert made["quality_bucket"][:6] == [19, 0, 0, 0, 1, 1], "of one scored row that row is the best"
    assert made["quality_group"][1] == "low"
    assert made["quality_group"][99] == "high"
    found = {g: made["quality_group"].count(g) for g in GROUPS}
    assert found == {"high": 7, "medium_high": 5, "medium": 30, "medium_low": 25, "low": 33}


def test_a_row_without_any_score_has_no_rank_at_all():
    step = Ensemble(["quality", "quality_2"], ["top", "mean_rank", "buckets"], buckets=4, groups={"a": 2, "b": 0})
    made = measured(step, quality=[0.5, None], quality_2=[None, None])
    assert {name: values[1] for name, values in made.items()} == dict.fromkeys(step.writes)
    assert [made[name][0] for name in step.writes] == [1.0, None, None, None, 3, "a"]


def test_a_score_that_is_no_number_rejects_its_row_and_ranks_nowhere():
    made = measured(
        Ensemble(["quality", "quality_2"], "top"),
        quality=[0.1, 0.2, float("nan"), 0.3],
        quality_2=[0.1, float("inf"), 0.2, 0.3],
    )
    assert made["reason"] == [None, "nan_value", "nan_value", None]
    assert made["detail"] == [None, "quality_2", "quality", None]
    assert [made["quality_top"][i] for i in (0, 3)] == [1.0, 0.5]
    assert [made["quality_2_top"][i] for i in (0, 3)] == [1.0, 0.5]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(-2000, 2000), st.integers(0, 50)), min_size=1, max_size=60), st.integers(2, 30))
def test_buckets_are_those_of_numpys_weighted_quantiles(rows, buckets):
    key, weight = (np.array(c, np.int64) for c in zip(*rows, strict=True))
    weight[0] += 1
    counts = ScoreCounts.of(key, weight)
    bounds = [k / buckets for k in range(1, buckets)]
    order = np.argsort(key, kind="stable")
    cumulated = np.cumsum(weight[order])
    # Nemotron-CC's recipe: thresholds by the inverted CDF, then np.digitize; here without rounding k/buckets of the sum
    at = [np.searchsorted(cumulated * buckets, k * cumulated[-1], side="left") for k in range(1, buckets)]
    assert counts.bucket(key, buckets).tolist() == np.digitize(key, key[order][at]).tolist()
    heavy = np.repeat(key, weight)
    quantiles = np.quantile(heavy, bounds, method="inverted_cdf")
    same = np.digitize(key, quantiles) == counts.bucket(key, buckets)
    assert same.all() or any(abs(b * len(heavy) - round(b * len(heavy))) < 1e-9 for b in bounds), "but for float bounds"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.integers(0, 30), min_size=1, max_size=80), st.integers(1, 80))
def test_ranks_are_those_of_scipy_however_rows_are_cut(scores, cut):
    key = np.array(scores)
    counts = ScoreCounts.added([ScoreCounts.of(key[:cut]), ScoreCounts.of(key[cut:])])
    assert counts.midrank(key).tolist() == pytest.approx(((rankdata(key) - 0.5) / len(key)).tolist())
    assert counts.top(key).tolist() == pytest.approx((rankdata(-key, "max") / len(key)).tolist())
    for share in (0.1, 0.5, 1.0):
        at = counts.at_top(share)
        kept = 0 if at is None else int((key >= at).sum())
        assert kept <= share * len(key)
        higher = [s for s in set(scores) if at is None or s < at]
        assert all((key >= s).sum() > share * len(key) for s in higher), "one step further would be too much"


def test_weights_make_shares_of_characters():
    made = measured(Ensemble(["quality"], "top", weight="chars"), quality=[0.9, 0.5, 0.1], chars=[100, 300, None])
    assert made["quality_top"] == [0.25, 1.0, 1.0]


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"scores": [], "by": "top"}, "name at least one column"),
        ({"scores": ["qualty"], "by": "top"}, "there is no column of numbers called 'qualty'"),
        ({"scores": ["text"], "by": "top"}, "there is no column of numbers called 'text'"),
        ({"scores": ["kuten_density"], "by": "top"}, "registered for quality, quality_2, quality_3"),
        ({"scores": ["quality"], "by": []}, "name at least one of top, mean_rank and buckets"),
        ({"scores": ["quality"], "by": "top", "weight": "kana_ratio"}, "no column of whole numbers"),
        ({"scores": ["quality"], "by": "buckets"}, "needs a number of them"),
        ({"scores": ["quality"], "by": "top", "buckets": 20}, "are for by: buckets"),
        ({"scores": ["quality"], "by": "buckets", "buckets": 1}, "from 2 to 1000"),
        ({"scores": ["quality"], "by": "buckets", "buckets": 4, "groups": {"a": 1}}, "one at 0 and none above 3"),
        ({"scores": ["quality"], "by": "top", "resolution": 0}, "above 0"),
    ],
    ids=str,
)
def test_an_ensemble_that_cannot_be_is_refused_in_words(given_, said):
    with pytest.raises(ValueError, match=said):
        Ensemble(**given_)


def crawl(folder: Path, monkeypatch, rows: int = 400) -> str:
    """Rows with two scores each, some without, two that are no numbers; cut into several partitions."""
    monkeypatch.setattr("recipes.engine.plan.PARTITION_BYTES", 2048)
    rng = np.random.default_rng(5)
    texts = []
    for n in range(rows):
        a, b = rng.random(2).round(3)
        said = [f"quality={a}"] if n % 10 else []
        said += [f"quality_2={b if n % 131 else 'nan'}"] if n % 11 else []
        texts.append((str(n), f"{n} 番目 {' '.join(said)}"))
    return jsonl(folder / "in", {"a.jsonl.gz": texts[::2], "b.jsonl.gz": texts[1::2]})


WAYS = {"scores": ["quality", "quality_2"], "by": ["top", "mean_rank", "buckets"], "buckets": 20, "groups": GROUPS}
UNION = {"name": "union", "any": [{"column": c, "keep": "<= 0.1"} for c in ("quality_top", "quality_2_top")]}


def test_in_phases_and_with_killed_tasks_ranks_are_those_of_one_task(tmp_path, monkeypatch):
    files, out = crawl(tmp_path, monkeypatch), {}
    killed = ("scores", "all_scores", "means", "all_means")
    for name, step in (
        ("whole", KilledEnsemble(1000, **WAYS)),
        ("cut", KilledEnsemble(20, **WAYS)),
        ("rough", KilledEnsemble(20, killed, **WAYS)),
    ):
        stages = [["whitespace", GivenScores()], [step]]
        out[name] = done(recipe(files, *stages), tmp_path / name)
        accounted(tmp_path / name)
    assert out["whole"]["content"] == out["cut"]["content"] == out["rough"]["content"]
    assert out["whole"]["rejected"] == {"nan_value": 3}
    assert out["cut"]["ensemble"] == out["whole"]["ensemble"]
    survey = {
        n: json.loads(next(tmp_path.glob(f"{n}/stages/measured.ensemble-*/manifest.json")).read_text()) for n in out
    }
    assert survey["whole"]["tasks"] == 1
    assert survey["cut"]["tasks"] == 10, "two phases of four partitions, and one task behind each"
    assert survey["cut"]["tables"] == survey["whole"]["tables"]


def test_the_union_of_top_shares_keeps_what_any_classifier_likes(tmp_path, monkeypatch):
    files = crawl(tmp_path, monkeypatch)
    stages = [[GivenScores()], [{"ensemble": {**WAYS, "by": "top"} | {"buckets": None, "groups": None}}]]
    stages[1].append({"threshold": {"rules": [UNION]}})
    manifest = done(recipe(files, *stages), tmp_path / "out")
    columns = ["quality", "quality_2", "quality_top", "quality_2_top"]
    kept = [r for b in ShardSet.open(str(tmp_path / "out/1/measured")).read(columns) for r in b.to_pylist()]
    assert manifest["rejected"]["rules.union"] + len(kept) + manifest["rejected"]["nan_value"] == 400
    cut = {c: manifest["ensemble"]["scores"][c]["top"]["0.1"] for c in ("quality", "quality_2")}
    assert all(
        (r["quality"] or 0) >= cut["quality"] - 1e-6 or (r["quality_2"] or 0) >= cut["quality_2"] - 1e-6 for r in kept
    )
    assert 60 <= len(kept) <= 71, "the two top tenths of 357 and 360 rows, less those in both"
    accounted(tmp_path / "out")


def test_a_column_with_a_value_for_each_row_is_no_score_and_is_said_to_be_none(tmp_path, monkeypatch):
    monkeypatch.setattr("curation.classify.score_counts.MOST_DISTINCT", 100)
    step = Ensemble(["quality"], "top")
    step.stage = "ranked"
    with pytest.raises(
        ValueError, match=r"ranked, ensemble: column 'quality' has more than 100 distinct values.*0\.001"
    ):
        measured(step, quality=[n / 1000 for n in range(200)])


def test_a_key_of_several_sorts_is_refused_in_one_sentence():
    with pytest.raises(RecipeError) as error:
        build("ensemble", {"scores": ["quality"], "by": "best"}, "r.yaml, step 1")
    said = "Input should be 'top', 'mean_rank' or 'buckets', or a valid list (found 'best')"
    assert str(error.value) == f"r.yaml, step 1: by: {said}"
    with pytest.raises(RecipeError, match=r"r\.yaml, step 1: by\.1: Input should be 'top', .* \(found 'best'\)"):
        build("ensemble", {"scores": ["quality"], "by": ["top", "best"]}, "r.yaml, step 1")


def test_an_ensemble_that_reads_what_nobody_wrote_is_refused_with_its_place(tmp_path, monkeypatch):
    files = crawl(tmp_path, monkeypatch, 20)
    with pytest.raises(
        RecipeError, match=r"stage 'measured', step 1 \(ensemble\): reads column 'quality'.*`fasttext_quality`"
    ):
        done(recipe(files, [], [{"ensemble": {"scores": ["quality"], "by": "top"}}]), tmp_path / "out")
    steps = [GivenScores(("quality",)), {"ensemble": {"scores": ["quality"], "by": "top"}}]
    with pytest.raises(RecipeError, match=r"put 'ensemble' and what follows into a stage of its own"):
        done(recipe(files, [], steps), tmp_path / "out")
