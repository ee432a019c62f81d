"""What people decided about answers becomes labels, and a small classifier really learns from them."""

import json
import random
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from annotation.errors import ReviewError
from annotation.items import Item
from annotation.labels import Labels
from curation.classify.answers import Answers, read_answers
from curation.classify.fasttext_quality import FasttextQuality
from curation.provenance import key, table_id
from recipes.engine.classifier.train import train
from recipes.engine.cli import app
from recipes.engine.errors import RecipeError
from recipes.engine.review.examples import write_examples
from tests.annotation.voting import put, say
from tests.classify.conftest import BAD, GOOD

RECIPE = """
name: reviewed
version: "1"
sources: {reviewed: {jsonl: reviewed.jsonl, licence: CC0-1.0}}
stages: [{name: answers, read: reviewed, steps: [text_stats]}]
train:
  name: reviewed_ja
  licence: CC0-1.0
  answers: {files: [reviewed.jsonl], id_source: reviewed, positive: "== good"}
  least_chars: 10
  dim: 4
  buckets: 2000
  epochs: 20
"""


def item(n: int, text: str, **other) -> Item:
    """An answer to be reviewed; three of each document."""
    prompt = [{"role": "user", "content": f"問い{n}"}]
    return Item(key("row", n), key("document", n // 3), prompt, "", (text,), (key("row", n),), {}, people=2, **other)


def reviewed(labels: Labels, n: int, text: str, *said: dict, **other) -> None:
    """An answer, and what r-1, r-2 say of it."""
    line = put(labels, item(n, text, **other), "quality")
    for who, values in enumerate(said, 1):
        say(labels, line, f"r-{who}", values)


def seimai(*words: str) -> str:
    """`seimai review …`, which must end well."""
    ended = CliRunner().invoke(app, ["review", *words])
    assert ended.exit_code == 0, (ended.output, ended.exception)
    return ended.output


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    """Empty label shards."""
    (tmp_path / "labels").mkdir()
    return Labels(tmp_path / "labels")


def test_a_line_says_what_was_seen_what_was_decided_and_how_much_it_stands_for(labels: Labels, tmp_path: Path):
    good, bad, unsure = {"verdict": "good", "correctness": 5}, {"verdict": "bad"}, {"verdict": "cannot_tell"}
    reviewed(
        labels,
        0,
        "電話は03-1234-5678です。",
        good,
        {"verdict": "good", "correctness": 4},
        inclusion=0.25,
        use="calibrate",
    )
    reviewed(labels, 1, "よい。", good, bad)
    reviewed(labels, 2, "わからない。", unsure, unsure)
    reviewed(labels, 3, "ひどい。", bad, bad, harmful=True)
    seimai("resolve", "--method", "majority", "--labels", str(labels.folder))
    out = tmp_path / "reviewed.jsonl"
    said = seimai("examples", "--task", "quality", "--out", str(out), "--labels", str(labels.folder))
    assert "1 answers of 1 documents: good 1" in said
    assert "without a label: cannot_tell 1, harmful 1, undecided 1" in said
    document = key("document", 0).hex()
    assert orjson.loads(out.read_bytes()) == {
        "id": key("row", 0).hex(), "url": f"https://{document}.invalid/{key('row', 0).hex()}", "text": "電話は【電話番号】です。",
        "label": "good", "weight": 4.0, "use": "calibrate", "stratum": "all", "source": "trial/preference", "method": "unanimous",
        "people": 2,
    }  # fmt: skip
    write_examples(labels, tmp_path / "points.jsonl", "quality", "correctness", harmful=False)
    points = [orjson.loads(line)["label"] for line in (tmp_path / "points.jsonl").read_bytes().splitlines()]
    assert sorted(points) == ["4.5", "5"], "the median of 5 and 4, and one person's"
    write_examples(labels, tmp_path / "harmful.jsonl", "quality", None, harmful=True)
    assert b'"label":"bad"' in (tmp_path / "harmful.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("name", "task", "question", "said"),
    [
        ("a.jsonl", "ranking", None, "a label is of one answer's text; quality, safety, correction, spans ask about one"),
        ("a.jsonl", "quality", "comment", "of 'quality' these give labels: verdict, helpfulness, correctness, naturalness"),
        ("a.csv", "quality", None, "must end in .jsonl"),
        ("there.jsonl", "quality", None, "is there already"),
        ("a.jsonl", "safety", None, "nobody decided 'safety' of an answer of 'safety'"),
    ],
)  # fmt: skip
def test_what_gives_no_labels_is_said(labels: Labels, tmp_path: Path, name: str, task: str, question, said: str):
    reviewed(labels, 0, "よい。", {"verdict": "good"})
    seimai("resolve", "--method", "majority", "--labels", str(labels.folder))
    (tmp_path / "there.jsonl").write_text("")
    with pytest.raises(ReviewError) as error:
        write_examples(labels, tmp_path / name, task, question, harmful=False)
    assert said in str(error.value)


def test_a_classifier_learns_from_reviewed_answers_and_is_tried_on_documents_that_it_has_not_seen(
    labels: Labels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    rng = random.Random(0)
    for n in range(90):
        verdict = "good" if n % 2 == 0 else "bad"
        text = "\n".join(rng.choices(GOOD if verdict == "good" else BAD, k=3))
        reviewed(labels, n, text, {"verdict": verdict}, {"verdict": verdict})
    reviewed(labels, 90, GOOD[0], {"verdict": "good"}, {"verdict": "bad"})
    seimai("resolve", "--method", "majority", "--labels", str(labels.folder))
    out = tmp_path / "reviewed.jsonl"
    seimai("examples", "--task", "quality", "--out", str(out), "--labels", str(labels.folder))
    (tmp_path / "reviewed.yaml").write_text(RECIPE)
    monkeypatch.chdir(tmp_path)
    card = train("reviewed.yaml", None, "run", None, 1)
    of = {
        part: sum(one["pages"] for one in card.data if one["part"] == part) for part in ("train", "calibrate", "test")
    }
    # all that were decided and no other; a fifth of thirty documents with three answers each
    assert of == {"train": 54, "calibrate": 18, "test": 18}
    hosts = [set(one["groups"]) for one in card.data]
    assert len(hosts[0] | hosts[1] | hosts[2]) == sum(map(len, hosts)) == 30, "a document is on one side"
    assert all(name.endswith(".invalid") for one in hosts for name in one)
    assert card.metrics["auc"] == 1.0
    read = CliRunner().invoke(app, ["label", "read", "run", "reviewed.jsonl", "--id-source", "reviewed"])
    assert "bad 45, good 45" in read.output
    step = FasttextQuality(str(tmp_path / "run" / "1" / "model" / "reviewed_ja.bin"))
    step.setup()
    texts = pa.array([GOOD[1] + GOOD[2], BAD[0] + BAD[1]], pa.large_string())
    high, low = step.columns(pa.record_batch({"text": texts}))["quality"].to_pylist()
    assert high > 0.5 > low


def test_ids_of_a_source_that_the_recipe_lacks_are_named(tmp_path: Path):
    (tmp_path / "reviewed.jsonl").write_text(json.dumps({"id": "1", "text": "米", "label": "good"}))
    (tmp_path / "reviewed.yaml").write_text(RECIPE.replace("id_source: reviewed", "id_source: other"))
    with pytest.raises(RecipeError, match="no source is called other; sources: reviewed"):
        train(str(tmp_path / "reviewed.yaml"), None, str(tmp_path / "run"), None, 1)


@pytest.mark.parametrize("own", ["7", 7, "ABC def"])
def test_a_tables_own_ids_are_those_of_its_rows(tmp_path: Path, own: str | int):
    (tmp_path / "a.jsonl").write_text(json.dumps({"id": own, "label": "good"}))
    found = read_answers(Answers(files=["a.jsonl"], id_source="graded"), tmp_path)
    assert found.labels == {table_id("graded", str(own)).hex(): "good"}
