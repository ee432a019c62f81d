"""Training: what is learnt from, what is held out, and what the card says of it; through the command, as a user does it."""

import json
import random
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from curation.classify.card_text import card_text
from curation.classify.examples import Examples, content_of, examples_of, group_of, labelled_pages, pieces, split
from curation.classify.fasttext_quality import PACKAGED, FasttextQuality
from curation.classify.model_card import ModelCard, card_path, read_card
from curation.classify.train import measured, prepared, train
from curation.classify.train_spec import TrainSpec
from curation.features.words import Tokeniser
from curation.provenance import key
from curation.shards import ShardSet
from recipes.engine import execute, plan
from recipes.engine.errors import RecipeError
from recipes.engine.progress import Progress
from recipes.engine.spec import parse
from tests.classify.conftest import BAD, GOOD

ROOT = Path(__file__).resolve().parents[2]


def spec(**given) -> TrainSpec:
    """A spec over sources `prose` and `shop`."""
    small = {"dim": 4, "buckets": 2000, "epochs": 5, "least_chars": 5}
    return TrainSpec.model_validate(
        {"name": "m", "licence": "CC0-1.0", "positive": ["prose"], "negative": ["shop"]} | small | given
    )


def examples(hosts: int = 10, each: int = 8) -> Examples:
    """Pieces of as many hosts, half of them good and half not on every host."""
    rng, made = random.Random(0), Examples()
    for host in range(hosts):
        for n in range(each):
            good = n % 2 == 0
            text = "".join(rng.choices(GOOD if good else BAD, k=4))
            made.add(
                text=text,
                label="good" if good else "bad",
                kind="text",
                copy=0,
                page=f"{host}-{n}",
                source="prose" if good else "shop",
                group=f"h{host}.jp",
            )
    return made


def good(made: Examples) -> list[bool]:
    return [label == "good" for label in made.label]


def test_pieces_end_at_line_breaks_and_lose_nothing_but_crumbs():
    text = "\n".join("あ" * n for n in (30, 30, 30, 200, 5))
    made = pieces(text, 70, 6)
    assert [len(p) for p in made] == [61, 30, 70, 130]
    assert "".join(made).replace("\n", "") == "あ" * (30 * 3 + 200)
    assert pieces("短い", 70, 6) == []


def test_a_row_without_a_url_belongs_to_its_file():
    row = {"url": None, "host": None, "file": "a.jsonl"}
    assert group_of(row, "host") == group_of(row, "//([^/]+)") == "a.jsonl"
    assert group_of({"url": "https://a.jp/x", "host": "a.jp", "file": "f"}, "host") == "a.jp"
    assert group_of({"url": "https://a.jp/x", "host": "a.jp", "file": "f"}, "file") == "f"


def test_a_host_is_never_on_both_sides():
    made = examples()
    folds = split(made, spec(), good(made))
    groups = {part: {made.group[r] for r in rows} for part, rows in folds.items()}
    assert sum(len(rows) for rows in folds.values()) == len(made)
    assert (
        not groups["train"] & groups["test"]
        | groups["train"] & groups["calibrate"]
        | groups["test"] & groups["calibrate"]
    )
    assert {part: len(g) for part, g in groups.items()} == {"train": 6, "calibrate": 2, "test": 2}


def test_named_groups_are_held_out_and_an_unknown_name_is_an_error():
    made = examples()
    folds = split(made, spec(calibrate=["h1.jp"], test=["h1.jp", "h[23].jp"]), good(made))
    assert {made.group[r] for r in folds["calibrate"]} == {"h1.jp"}
    assert {made.group[r] for r in folds["test"]} == {"h2.jp", "h3.jp"}
    with pytest.raises(ValueError, match=r"test: no group is called x\.jp; groups: h0\.jp, h1\.jp"):
        split(made, spec(test=["x.jp"]), good(made))


def test_one_host_cannot_be_held_out():
    made = examples(hosts=1)
    with pytest.raises(ValueError, match=r"has 0 good and 0 other pages and needs both; groups, with pages: h0\.jp 8"):
        split(made, spec(), good(made))


def test_the_same_examples_give_the_same_file(tmp_path):
    made = examples()
    cards = [train(made, spec(), "1", {}, tmp_path / name) for name in ("a", "b")]
    assert cards[0] == cards[1]
    assert (tmp_path / "a" / "m.bin").read_bytes() == (tmp_path / "b" / "m.bin").read_bytes()


def test_of_two_ways_to_cut_the_first_is_taken_where_the_other_is_not_better_by_enough(tmp_path):
    card = train(examples(), spec(tokens=["characters", "sudachi"], tokens_gain=0.5), "1", {}, tmp_path)
    assert card.tokens == "characters"
    assert set(card.training["auc_by_tokens"]) == {"characters", "sudachi"}
    words = train(examples(), spec(tokens=["sudachi"]), "1", {}, tmp_path)
    assert words.tokens == "sudachi"
    assert not FasttextQuality(str(tmp_path / "m.bin")).collapsed


def test_labels_of_one_sort_teach_nothing(tmp_path):
    made = examples()
    made = made.take(r for r in range(len(made)) if made.label[r] == "good")
    with pytest.raises(ValueError, match="labels must be of two sorts, good and other; found good"):
        train(made, spec(), "1", {}, tmp_path)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"positive": []}, "needs 'positive' sources and either 'negative' ones or 'damage', or 'answers'"),
        ({"negative": ["prose"]}, "prose is both positive and negative"),
        ({"damage": ["menus"]}, "no damage is called menus; there are: shuffled_words"),
        ({"groups": "//[^/]+"}, "must be 'host', 'file' or a regular expression with one group"),
        ({"groups": "(("}, "neither 'host', 'file' nor a regular expression"),
        ({"test": 0.7}, "test: a share must lie between 0 and 0.5; found 0.7"),
        ({"line_break": " "}, "must be one character that is no white space"),
        ({"tokens": ["characters", "sudachi"]}, "'tokens_gain', which is missing"),
        ({"licence": "Apache 2.0"}, "licence 'Apache 2.0' is not in the SPDX list; did you mean 'Apache-2.0'?"),
        ({"epoch": 3}, "unknown key 'epoch'"),
        ({"positive": [], "negative": [], "answers": {"files": ["a.csv"]}}, "the key 'positive' is missing"),
    ],
    ids=str,
)
def test_a_section_train_that_cannot_be_is_refused_with_its_place(given, said):
    section = {"name": "m", "licence": "CC0-1.0", "positive": ["prose"], "negative": ["shop"]} | given
    data = {"name": "t", "version": "1", "sources": {}, "stages": [{"name": "p", "read": {}}], "train": section}
    data |= {"sources": {"prose": "a.jsonl", "shop": "b.jsonl"}, "stages": [{"name": "p", "read": "prose"}]}
    with pytest.raises(RecipeError, match=r"t\.yaml") as error:
        parse(data, "t.yaml")
    assert said in str(error.value)


def write_rows(path: Path, hosts: int = 8, each: int = 6) -> list[str]:
    """JSON lines of good and bad pages on every host; returns the urls."""
    rng, urls = random.Random(1), []
    with path.open("w") as file:
        for host in range(hosts):
            for n in range(each):
                text = "\n".join(rng.choices(GOOD if n % 2 else BAD, k=6)) + f"（{host}の{n}）"
                urls.append(f"https://h{host}.example.jp/{n}")
                file.write(json.dumps({"id": f"{host}-{n}", "text": text, "url": urls[-1]}, ensure_ascii=False) + "\n")
    return urls


def seimai(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "recipes.engine.cli", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300, env=_environment())


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}


RECIPE = """
name: own
version: "1"
partitions: 2
sources:
  crawl: {jsonl: crawl.jsonl, licence: CC0-1.0}
stages:
  - {name: pages, read: crawl}
  - {name: curated, read: pages, steps: [fasttext_quality]}
train:
  name: own_quality
  licence: CC0-1.0
  answers: {files: [answers.csv], positive: ">= 3"}
  dim: 4
  buckets: 2000
  epochs: 5
  least_chars: 5
"""


def test_from_a_sample_to_labels_to_a_model_of_ones_own(tmp_path):
    write_rows(tmp_path / "crawl.jsonl")
    (tmp_path / "own.yaml").write_text(RECIPE)
    missing = seimai("train", "own.yaml", cwd=tmp_path)
    assert missing.returncode == 2
    assert "train.answers: there is no file" in missing.stderr
    assert seimai("run", "own.yaml", "--workers", "1", cwd=tmp_path).returncode == 0
    sample = seimai("label", "sample", "runs/own", "--out", "answers.csv", "--rows", "40", cwd=tmp_path)
    assert sample.returncode == 0, sample.stderr
    assert "answers.csv: 40 pages of 48, 8 hosts" in sample.stdout
    again = seimai("label", "sample", "runs/own", "--out", "answers.csv", cwd=tmp_path)
    assert again.returncode == 2
    assert "is there already; answers in it would be lost" in again.stderr
    unlabelled = seimai("train", "own.yaml", cwd=tmp_path)
    assert unlabelled.returncode == 2
    assert "no row of answers.csv has a label" in unlabelled.stderr

    import polars as pl

    table = pl.read_csv((tmp_path / "answers.csv").read_text(encoding="utf-8-sig").encode())
    assert table["decile"].n_unique() == 10
    prose = [any(sentence in text for sentence in GOOD) for text in table["text"]]
    grades = [str(5 - n % 3 if p else n % 3) for n, p in enumerate(prose)]
    grades[0] = ""
    table.with_columns(pl.Series("label", grades)).write_csv(tmp_path / "answers.csv")
    done = seimai("train", "own.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "best heuristic" in done.stdout
    assert re.search(r"unanswered +1 *\n +[0-9a-f]{32} \(answers\.csv, row 2\)", done.stdout), done.stdout
    assert re.search(r"not in the run +0", done.stdout)
    card = read_card(tmp_path / "runs/own/1/model/own_quality.card.json")
    assert card.labels == {"0": 0.0, "1": 0.2, "2": 0.4, "3": 0.6, "4": 0.8, "5": 1.0}
    assert card.positive == ["3", "4", "5"]
    assert card.metrics["auc"] > 0.8
    assert sum(d["good"] + d["other"] for d in card.data) == 39
    assert {d["licence"] for d in card.data} == {"CC0-1.0"}
    step = FasttextQuality(str(tmp_path / "runs/own/1/model/own_quality.bin"))
    step.setup()
    import pyarrow as pa

    texts = pa.array(["".join(GOOD), "".join(BAD)], pa.large_string())
    high, low = step.columns(pa.record_batch({"text": texts}))["quality"].to_pylist()
    assert high > 0.6 > 0.4 > low
    assert "| test | crawl | CC0-1.0 |" in (tmp_path / "runs/own/1/model/own_quality.card.md").read_text()


def test_two_answers_about_one_page_are_an_error(tmp_path):
    write_rows(tmp_path / "crawl.jsonl")
    (tmp_path / "own.yaml").write_text(RECIPE)
    (tmp_path / "answers.csv").write_text("id,label\nab,3\nAB,4\n")
    done = seimai("train", "own.yaml", cwd=tmp_path)
    assert done.returncode == 2
    assert "answers.csv, row 3: ab is labelled '4', and '3' before" in done.stderr
    assert "'several: majority' or 'several: median' says what becomes" in done.stderr


def test_a_recipe_without_a_section_train_says_so(tmp_path):
    done = seimai("train", "quickstart", cwd=tmp_path)
    assert done.returncode == 2
    assert "quickstart.yaml: has no section 'train'" in done.stderr


def answered(pages: dict[str, str], **given) -> tuple[list[dict], TrainSpec, dict[str, str]]:
    """Rows of one page a host with these texts, a spec that reads labels, and those: good where the text has 糠."""
    rows = [
        {"id": key("page", host), "source": "crawl", "url": f"https://{host}/", "host": host, "file": "f", "text": text}
        for host, text in pages.items()
    ]
    given = {"positive": [], "negative": [], "answers": {"files": ["a.csv"], "positive": "== good"}} | given
    return rows, spec(**given), {r["id"].hex(): "good" if "糠" in r["text"] else "poor" for r in rows}


def test_a_long_page_gives_no_more_pieces_than_others_may_and_is_tried_as_one():
    long = "\n".join(f"{GOOD[0]}{n}" for n in range(5000))
    pages = {f"h{n}.jp": GOOD[0] if n % 2 else BAD[0] for n in range(20)} | {"long.jp": long}
    rows, made_spec, labels = answered(pages, page_pieces=20, piece_chars=100, test=["h[0-4].jp", "long.jp"])
    made = examples_of(rows, made_spec, labels, None)
    of_long = [
        (kind, text) for kind, text, host in zip(made.kind, made.text, made.host, strict=True) if host == "long.jp"
    ]
    assert [kind for kind, _ in of_long] == ["page"] + ["text"] * 20
    assert of_long[0][1] == long
    assert of_long[1][1].startswith(f"{GOOD[0]}0\n")
    assert of_long[-1][1].endswith(f"{GOOD[0]}4999")
    _, _, positive, folds = prepared(made, made_spec)
    assert sorted(made.host[r] for r in folds["test"]) == ["h0.jp", "h1.jp", "h2.jp", "h3.jp", "h4.jp", "long.jp"]
    assert {made.kind[r] for part in ("test", "calibrate") for r in folds[part]} == {"page"}
    assert {made.kind[r] for r in folds["train"]} == {"text"}
    assert positive[folds["test"]].sum() == 3
    # a share of the pages is held out, not of the pieces: the long page is one of 21
    shares = {part: len(rows) for part, rows in prepared(made, answered(pages)[1])[3].items()}
    assert (shares["test"], shares["calibrate"]) == (4, 4)


def test_each_page_weighs_the_same_however_many_pieces_it_has():
    made = Examples()
    for page, good_scores, bad_score in (("a", [0.9] * 9, 0.1), ("b", [0.3], 0.5)):
        for score in good_scores:
            made.add(text=f"{score}", label="good", kind="text", copy=0, page=page, source="s", group=page)
        made.add(text=f"{bad_score}", label="bad", kind="menu", copy=0, page=page, source="s", group=page)
    positive = np.array([label == "good" for label in made.label])
    assert made.weights(positive)[positive].sum() == pytest.approx(2)
    found = measured(made, positive, np.array([float(t) for t in made.text]))
    assert found["auc"] == 0.75, "a's good beats both, b's one of two; by piece it would be .95"
    assert (found["unit"], found["pages"], found["hosts"]) == ("pieces", 2, {"a": 1, "b": 1})
    (half,) = [row for row in found["by_threshold"] if row["threshold"] == 0.5]
    assert (half["kept"], half["precision"][0], half["recall"][0]) == (0.5, 0.5, 0.5)
    assert found["by_source"]["s"]["good_kept"] == 9, "counts are of pieces"


def test_only_pieces_that_are_learnt_from_have_many_damaged_versions():
    rows, _, _ = answered({f"h{n}.jp": "\n".join(GOOD * 4) for n in range(4)})
    given = {"positive": ["crawl"], "negative": [], "damage": ["menu", "teasers"], "damage_copies": 3}
    made = examples_of(rows, spec(calibrate=["h0.jp"], test=["h1.jp"], **given), None, Tokeniser())
    bad = Counter(host for host, label in zip(made.host, made.label, strict=True) if label == "bad")
    assert bad == {"h0.jp": 1, "h1.jp": 1, "h2.jp": 3, "h3.jp": 3}
    assert "page" not in made.kind, "damage is done to pieces, so pieces are tried"


def test_the_content_of_labelled_pages_is_theirs_whatever_their_order():
    rows, made_spec, labels = answered({f"h{n}.jp": GOOD[n % 4] for n in range(6)})
    content = content_of(labelled_pages(rows, made_spec, labels))
    assert content == content_of(labelled_pages(rows[::-1], made_spec, labels))
    assert len(content) == 64
    assert content != content_of(labelled_pages(rows, made_spec, labels | {rows[0]["id"].hex(): "poor"}))
    assert content != content_of(labelled_pages([rows[0] | {"text": "糠"}, *rows[1:]], made_spec, labels))


def packaged() -> tuple[TrainSpec, ModelCard, str]:
    """The recipe's section and version, and the card that is shipped."""
    from recipes.engine import recipe_file

    recipe = recipe_file.load(ROOT / "recipes" / "train_quality_ja.yaml")
    assert recipe.train is not None
    return recipe.train, read_card(card_path(PACKAGED["quality_ja"])), recipe.version


def test_the_packaged_card_says_what_its_recipe_says():
    """Nobody changed one without the other, nor the card's page or its text by hand."""
    section, card, version = packaged()
    said = section.model_dump(exclude={"name", "about", "licence", "encoder"}, mode="json")
    assert said == {k: v for k, v in card.training.items() if k not in ("auc_by_tokens", "libraries")}
    assert (section.about.strip(), version) == (card.about, card.version)
    assert PACKAGED["quality_ja"].with_suffix(".card.md").read_text(encoding="utf-8") == card_text(card)


@pytest.fixture(scope="module")
def packaged_rows(dev, tmp_path_factory) -> list[dict]:
    """What the packaged model's recipe releases today."""
    from recipes.engine import recipe_file

    folder = tmp_path_factory.mktemp("train_ja")
    recipe = recipe_file.load(ROOT / "recipes" / "train_quality_ja.yaml")
    made = plan.make(recipe, "train_quality_ja.yaml", str(folder), base=ROOT / "recipes")
    execute.run(made, workers=2, progress=Progress(len(made.blocks), stream=(folder / "said").open("w")))
    columns = ["id", "source", "url", "host", "file", "text", "licence", "rights_basis"]
    return [row for batch in ShardSet.open(made.blocks[-1].url).read(columns) for row in batch.to_pylist()]


def test_the_packaged_model_learnt_from_the_rows_that_its_recipe_makes(packaged_rows):
    section, card, _ = packaged()
    pages = labelled_pages(packaged_rows, section, None)
    assert Counter(p.source for p in pages) == {
        source: sum(d["pages"] for d in card.data if d["source"] == source) for source in section.positive
    }
    assert content_of(pages) == card.content, (
        "the recipe's rows are others than quality_ja was trained on: seimai train recipes/train_quality_ja.yaml, "
        "raise its version, and ship model and cards"
    )


@pytest.mark.nightly
def test_the_packaged_recipe_trains_the_packaged_model(packaged_rows, tmp_path):
    """Byte for byte on the machine that made it; on another one sums round otherwise, and the model must do the same."""
    section, card, version = packaged()
    examples = examples_of(packaged_rows, section, None, Tokeniser())
    again = train(examples, section, version, {}, tmp_path, content_of(labelled_pages(packaged_rows, section, None)))
    assert again.content == card.content
    if again.sha256 != card.sha256:
        for name in ("auc", "brier", "calibration_error"):
            assert again.metrics[name] == pytest.approx(card.metrics[name], abs=0.005)
        for one, other in zip(again.metrics["by_threshold"], card.metrics["by_threshold"], strict=True):
            assert one["kept"] == pytest.approx(other["kept"], abs=0.02)
    else:
        assert again.metrics == card.metrics
        assert again.calibration == card.calibration
