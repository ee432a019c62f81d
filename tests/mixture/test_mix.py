"""`seimai mix` over real shards: showings as planned and charged, copies far apart, the same for the same seed."""

import json
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from curation.mixture.schedule import draws, order, passes
from curation.parquet_file import write_parquet
from curation.place import Place
from curation.verify.mixture import verify_mixture
from recipes.engine.cli import app
from recipes.engine.errors import RecipeError

PLAN = """
k: 4
parameters: 1000
tokens: {tokens}
sources:
  web: {{shards: {web}}}
  wiki: {{shards: {wiki}, value: 2}}
stages:
  - {{name: pretrain, share: 0.8}}
  - {{name: anneal, share: 0.2, sources: [wiki]}}
"""


def ran(*command: str) -> str:
    done = CliRunner().invoke(app, list(command))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def planned(tmp_path: Path, sets: Path, tokens: float, more: str = "") -> Path:
    """Plans a budget over both sets; the plan's path."""
    text = PLAN.format(tokens=tokens, web=sets / "web" / "1", wiki=sets / "wiki" / "1") + more
    (tmp_path / "b.yaml").write_text(text)
    ran("budget", str(tmp_path / "b.yaml"), "--out", str(tmp_path / "plan"))
    return tmp_path / "plan" / "budget.json"


def sequence(mixture: Path, stage: str) -> list[dict]:
    return [r for f in sorted((mixture / stage).glob("*.parquet")) for r in pq.read_table(f).to_pylist()]


@pytest.fixture
def tokens(sets) -> int:
    """Unique tokens of both sets."""
    files = [f for s in ("web", "wiki") for f in (sets / s / "1" / "curated").glob("data/**/*.parquet")]
    return sum(sum(pq.read_table(f)["tokens"].to_pylist()) for f in files)


def test_rows_come_as_often_as_planned_and_no_cluster_more_than_k(tmp_path, sets, tokens):
    plan = planned(tmp_path, sets, 1.7 * tokens)
    out = tmp_path / "mix"
    ran("mix", str(plan), "--out", str(out))
    about = json.loads((out / "mixture.json").read_text())
    shown, charged = Counter(), Counter()
    for stage in ("pretrain", "anneal"):
        rows = sequence(out, stage)
        assert len(rows) == next(s["rows"] for s in about["stages"] if s["name"] == stage)
        stage_shown = Counter(r["form_key"] for r in rows)
        entry = pq.read_table(out / "charges" / f"{stage}.parquet").to_pylist()
        assert {r["form_key"]: r["showings"] for r in entry if r["showings"]} == dict(stage_shown)
        for r in entry:
            charged[r["cluster"]] += r["charged"]
        for r in rows:
            shown[r["cluster"]] += 1
    assert max(shown.values()) <= 4
    assert all(shown[c] <= charged[c] <= 4 for c in charged)
    assert {r["source"] for r in sequence(out, "anneal")} == {"wiki"}
    total = sum(s["tokens"] for s in about["stages"])
    assert total == pytest.approx(1.7 * tokens, rel=0.05)
    assert about["exposure"]["highest_exposure"] == max(charged.values())
    assert about["exposure"]["max_trainer_epochs"] == 1
    assert about["tokenizer"]["name"] == "small_ja"


def test_rows_that_their_set_shows_twice_a_pass_come_twice_a_pass(tmp_path, sets, tokens):
    plan = planned(tmp_path, sets, 1.0 * tokens)
    out = tmp_path / "mix"
    ran("mix", str(plan), "--out", str(out))
    by_repeat = defaultdict(list)
    released = {}
    for f in (sets / "web" / "1" / "curated").glob("data/**/*.parquet"):
        released |= {r["id"]: r["repeat"] for r in pq.read_table(f, columns=["id", "repeat"]).to_pylist()}
    shown = Counter(r["id"] for r in sequence(out, "pretrain"))
    for row, repeat in released.items():
        by_repeat[repeat].append(shown[row])
    assert set(by_repeat) == {1, 2, 4}
    assert all(n % 2 == 0 and n <= 4 for n in by_repeat[2])
    assert all(n in (0, 4) for n in by_repeat[4])


def test_copies_of_a_cluster_are_far_apart(tmp_path, sets, tokens):
    out = tmp_path / "mix"
    ran("mix", str(planned(tmp_path, sets, 2.5 * tokens)), "--out", str(out))
    rows = sequence(out, "pretrain")
    places = defaultdict(list)
    for at, row in enumerate(rows):
        places[row["cluster"]].append(at)
    several = [p for p in places.values() if len(p) > 1]
    assert several
    for found in several:
        even = len(rows) / len(found)
        assert min(np.diff(found)) > even / 2


def test_the_same_plan_and_seed_make_the_same_mixture_and_another_seed_another(tmp_path, sets, tokens):
    plan = planned(tmp_path, sets, 1.7 * tokens)
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        ran("mix", str(plan), "--out", str(tmp_path / name), "--seed", str(seed))
    read = {n: [(r["id"], r["showing"]) for r in sequence(tmp_path / n, "pretrain")] for n in "abc"}
    assert read["a"] == read["b"] != read["c"]
    assert (tmp_path / "a" / "mixture.json").read_bytes() == (tmp_path / "b" / "mixture.json").read_bytes()
    assert "there already" in ran("mix", str(plan), "--out", str(tmp_path / "a"), "--seed", "1")
    with pytest.raises(RecipeError, match="holds another mixture"):
        ran("mix", str(plan), "--out", str(tmp_path / "a"), "--seed", "2")


def test_an_index_names_the_same_rows_in_the_same_order(tmp_path, sets, tokens):
    plan = planned(tmp_path, sets, 1.2 * tokens)
    ran("mix", str(plan), "--out", str(tmp_path / "shards"))
    ran("mix", str(plan), "--out", str(tmp_path / "index"), "--index")
    shards, index = (sequence(tmp_path / n, "pretrain") for n in ("shards", "index"))
    assert [(r["id"], r["showing"]) for r in shards] == [(r["id"], r["showing"]) for r in index]
    for full, named in list(zip(shards, index, strict=True))[::17]:
        row = pq.read_table(named["file"]).slice(named["row"], 1).to_pylist()[0]
        assert (row["id"], row["text"]) == (full["id"], full["text"])
        assert named["tokens"] == full["tokens"]


def test_a_budget_below_one_epoch_shows_a_share_of_the_documents_once(tmp_path, sets, tokens):
    out = tmp_path / "mix"
    text = f"{{k: 4, parameters: 1000, tokens: {0.5 * tokens}, sources: {{web: {{shards: {sets}/web/1}}}}}}"
    (tmp_path / "b.yaml").write_text(text)
    ran("budget", str(tmp_path / "b.yaml"), "--out", str(tmp_path / "plan"))
    ran("mix", str(tmp_path / "plan" / "budget.json"), "--out", str(out))
    shown = Counter(r["id"] for r in sequence(out, "train"))
    assert 0 < len(shown) < 200
    assert json.loads((out / "mixture.json").read_text())["stages"][0]["tokens"] == pytest.approx(0.5 * tokens, rel=0.2)


def test_what_a_mixture_shows_is_entered_once_and_debits_the_next_plan(tmp_path, sets, tokens):
    ledger = str(tmp_path / "ledger")
    ran("ledger", "new", ledger, "--k", "4")
    plan = planned(tmp_path, sets, 1.0 * tokens, more=f"ledger: {ledger}\n")
    ran("mix", str(plan), "--out", str(tmp_path / "mix"))
    assert "forms entered" in ran("ledger", "add", ledger, str(tmp_path / "mix"))
    assert "nothing to do" in ran("ledger", "add", ledger, str(tmp_path / "mix"))
    with pytest.raises(RecipeError, match="ledger changed since the plan was made"):
        ran("mix", str(plan), "--out", str(tmp_path / "again"))
    more = planned(tmp_path, sets, 1.0 * tokens, more=f"ledger: {ledger}\n")
    ran("mix", str(more), "--out", str(tmp_path / "more"))
    ran("ledger", "add", ledger, str(tmp_path / "more"))
    assert json.loads((tmp_path / "more" / "mixture.json").read_text())["exposure"]["highest_exposure"] <= 4
    assert "of 4 showings" in ran("ledger", "show", ledger)


def test_a_mixture_passes_its_independent_check_and_planted_faults_do_not(tmp_path, sets, tokens):
    ledger = str(tmp_path / "ledger")
    ran("ledger", "new", ledger, "--k", "4")
    plan = planned(tmp_path, sets, 1.7 * tokens, more=f"ledger: {ledger}\n")
    for form in ("shards", "index"):
        ran("mix", str(plan), "--out", str(tmp_path / form), *(["--index"] if form == "index" else []))
        assert "every check passed" in ran("verify", str(tmp_path / form))
    ran("ledger", "add", ledger, str(tmp_path / "shards"))
    assert "every check passed" in ran("verify", str(tmp_path / "shards"), "--ledger", ledger)

    def failed() -> dict[str, str]:
        made = verify_mixture(str(tmp_path / "shards"), ledger=ledger)
        return {c.name: " ".join(c.problems) for c in made if not c.passed}

    path = next((tmp_path / "shards" / "pretrain").glob("*.parquet"))
    sound = path.read_bytes()
    table = pq.read_table(path)
    often = Counter(table["cluster"].to_pylist()).most_common(1)[0][0]
    row = table["cluster"].to_pylist().index(often)
    pq.write_table(pa.concat_tables([table, *[table.slice(row, 1)] * 4]), path)
    found = failed()
    assert {"files", "sums", "exposures"} <= set(found)
    assert path.name in found["files"]
    assert f"cluster {often.hex()}: shown" in found["exposures"]
    path.write_bytes(sound)
    assert failed() == {}
    entry = next(p for p in (tmp_path / "ledger" / "entries").glob("*.json") if '"pretrain"' in p.read_text())
    about = json.loads(entry.read_text())
    rows = pq.read_table(tmp_path / "ledger" / about["file"]["path"])
    about["file"] = write_parquet(Place(ledger), about["file"]["path"], rows.slice(1))
    entry.write_text(json.dumps(about | {"rows": len(rows) - 1}))
    assert rows["form_key"][0].as_py().hex() in failed()["ledger"]


def test_a_source_without_token_counts_or_without_shards_is_refused(tmp_path, sets):
    (tmp_path / "b.yaml").write_text("{k: 4, parameters: 1000, sources: {web: {tokens: 1e9}}}")
    ran("budget", str(tmp_path / "b.yaml"), "--out", str(tmp_path / "plan"))
    with pytest.raises(RecipeError, match="source 'web' is stated token counts; a mixture needs its shards"):
        ran("mix", str(tmp_path / "plan" / "budget.json"), "--out", str(tmp_path / "mix"))
    manifest = next((sets / "web" / "stages").glob("measured*/manifest.json"))
    (tmp_path / "b.yaml").write_text(f"{{k: 4, parameters: 1000, sources: {{web: {{shards: {manifest.parent}}}}}}}")
    stripped = tmp_path / "plain"
    (stripped / "tasks").mkdir(parents=True)
    about = json.loads(manifest.read_text())
    (stripped / "manifest.json").write_text(json.dumps(about | {"columns": ["id", "text"]}))
    (tmp_path / "b.yaml").write_text(f"{{k: 4, parameters: 1000, sources: {{web: {{shards: {stripped}}}}}}}")
    with pytest.raises(RecipeError, match=r"source 'web': .* has no token counts \(column 'tokens'\); add the step"):
        ran("budget", str(tmp_path / "b.yaml"))


def test_a_plan_over_rows_that_were_all_shown_k_times_says_that_nothing_may_be_shown(tmp_path, sets, tokens):
    ledger = str(tmp_path / "ledger")
    ran("ledger", "new", ledger, "--k", "4")
    ran("ledger", "add", ledger, str(sets / "wiki" / "1"), "--epochs", "4")
    text = f"{{k: 4, parameters: 1000, ledger: {ledger}, sources: {{wiki: {{shards: {sets}/wiki/1}}}}}}"
    (tmp_path / "b.yaml").write_text(text)
    done = CliRunner().invoke(app, ["budget", str(tmp_path / "b.yaml"), "--out", str(tmp_path / "plan")])
    assert done.exit_code == 1
    assert "lacks 20k tokens" in done.output
    assert "K, the showings of a cluster: 4 →" in done.output
    ran("mix", str(tmp_path / "plan" / "budget.json"), "--out", str(tmp_path / "mix"))
    assert json.loads((tmp_path / "mix" / "mixture.json").read_text())["stages"][0]["rows"] == 0


def test_the_same_rows_are_not_two_sources(tmp_path, sets):
    text = f"{{k: 4, parameters: 1000, sources: {{a: {{shards: {sets}/web/1}}, b: {{shards: {sets}/web/1}}}}}}"
    (tmp_path / "b.yaml").write_text(text)
    with pytest.raises(RecipeError, match="source 'b': its rows are another source's already"):
        ran("budget", str(tmp_path / "b.yaml"))


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_draws_show_the_floor_or_the_ceiling_and_charges_are_the_ceiling(data):
    stages, rows = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 20))
    planned_ = np.array([[data.draw(st.floats(0, 2)) for _ in range(rows)] for _ in range(stages)])
    draw = np.array([data.draw(st.floats(0, 1, exclude_max=True)) for _ in range(rows)])
    shown, charged = passes(planned_, draw)
    total = np.round(planned_.sum(axis=0), 9)
    assert (shown >= 0).all()
    assert (charged >= 0).all()
    assert (charged.sum(axis=0) == np.ceil(total)).all()
    assert ((shown.sum(axis=0) == np.floor(total)) | (shown.sum(axis=0) == np.ceil(total))).all()
    assert (np.cumsum(shown, axis=0) <= np.cumsum(charged, axis=0)).all()


def test_the_mean_of_fractional_epochs_is_the_plan():
    labels = np.random.default_rng(3).integers(0, 1 << 63, (40_000, 2), np.uint64)
    shown, _ = passes(np.full((1, 40_000), 1.3), draws(labels, 7, 0))
    assert shown.mean() == pytest.approx(1.3, abs=0.01)  # σ of the mean is 0.0023
    spread = draws(labels, 7, 1)
    assert abs(np.corrcoef(draws(labels, 7, 0), spread)[0, 1]) < 0.02
    assert np.histogram(spread, 10, (0, 1))[0] == pytest.approx(4000, rel=0.08)


def test_an_order_is_of_labels_and_seed_alone():
    rng = np.random.default_rng(5)
    labels = rng.integers(0, 1 << 63, (50, 2), np.uint64)
    ids = rng.integers(0, 1 << 63, (120, 2), np.uint64)
    cluster, showings = rng.integers(0, 50, 120), rng.integers(0, 4, 120)
    first = order(showings, cluster, draws(labels, 1, 1), ids)
    shuffle = rng.permutation(120)
    second = order(showings[shuffle], cluster[shuffle], draws(labels, 1, 1), ids[shuffle])
    assert ids[first].tolist() == ids[shuffle[second]].tolist()
    assert Counter(first.tolist()) == {i: n for i, n in enumerate(showings.tolist()) if n}
