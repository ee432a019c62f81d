"""Stages that read several earlier stages as one: all sources meet in one deduplication and under one cap."""

import json
import random
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from curation.shards import ShardSet
from recipes.engine.cli import app
from recipes.engine.errors import RecipeError
from recipes.engine.plan import make
from recipes.engine.run_folder import open_run
from recipes.engine.spec import parse


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    """Two sources: texts 0 to 39 in one, 30 to 49 in the other, which names no dates; two copies of each text in both."""
    folder, rng = tmp_path_factory.mktemp("sources"), random.Random(4)
    texts = ["".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(200)) for _ in range(50)]

    def write(name: str, numbers: range, **more: str) -> None:
        lines = [{"id": f"{n}-{copy}", "text": texts[n], **more} for n in numbers for copy in "ab"]
        (folder / name).write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))

    write("crawl.jsonl", range(40), url="https://a.jp/x", date="2026-01-02")
    write("books.jsonl", range(30, 50))
    return SimpleNamespace(folder=folder, texts=texts)


def recipe(folder: Path, steps: list[Any] | None = None, read: Any = ("pages", "works"), k: int = 3) -> dict[str, Any]:
    return {
        "name": "corpus/both",
        "version": "1",
        "partitions": 4,
        "sources": {
            "crawl": {"jsonl": str(folder / "crawl.jsonl"), "licence": "CC0-1.0"},
            "books": {"jsonl": str(folder / "books.jsonl"), "licence": "CC-BY-4.0"},
        },
        "stages": [
            {"name": "pages", "read": "crawl", "steps": ["text_stats", "minhash"]},
            {"name": "works", "read": "books", "steps": ["minhash"]},
            {
                "name": "curated",
                "read": list(read),
                "steps": steps or [{"dedup": {"threshold": 0.8}}, {"cap": {"k": k, "mode": "natural"}}],
            },
        ],
    }


def run(data: dict[str, Any], out: Path, *more: str) -> str:
    path = out.parent / f"{out.name}.yaml"
    path.write_text(json.dumps(data))
    result = CliRunner().invoke(app, ["run", str(path), "--out", str(out), *more])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def made(corpus: SimpleNamespace) -> SimpleNamespace:
    out = corpus.folder / "out"
    run(recipe(corpus.folder), out)
    shards = ShardSet.open(str(out / "1" / "curated"))
    rows = [row for batch in shards.read() for row in batch.to_pylist()]
    return SimpleNamespace(out=out, shards=shards, rows=rows, **vars(corpus))


def test_the_cap_counts_over_all_sources(made):
    shown: dict[str, list[str]] = {}
    for row in made.rows:
        shown.setdefault(row["text"], []).append(row["source"])
    copies = {i: len(shown[text]) for i, text in enumerate(made.texts)}
    assert {i for i, n in copies.items() if n == 3} == set(range(30, 40)), (
        "four copies were met, in two sources; K is 3"
    )
    assert all(copies[i] == 2 for i in (*range(30), *range(40, 50)))
    sizes = {row["text"]: row["cluster_size"] for row in made.rows}
    assert {sizes[made.texts[i]] for i in range(30, 40)} == {4}


def test_a_column_that_one_source_lacks_is_null_in_its_rows(made):
    assert {(row["source"], row["chars"] is None, row["licence"]) for row in made.rows} == {
        ("crawl", False, "CC0-1.0"),
        ("books", True, "CC-BY-4.0"),
    }
    assert [row["id"] for row in made.rows] == sorted(row["id"] for row in made.rows)


def test_rows_in_are_rows_out_and_rows_rejected(made):
    opened = open_run(str(made.out))
    assert opened.rows_in == 80 + 40
    assert [b["name"] for b in opened.chain] == ["pages", "works", "curated"]
    assert len(made.rows) + sum(opened.chain[-1]["rejected"].values()) == 120


def test_the_report_and_explain_follow_a_row_to_its_source(made):
    runner = CliRunner()
    assert runner.invoke(app, ["report", str(made.out)]).exit_code == 0
    book = next(row for row in made.rows if row["source"] == "books")
    said = runner.invoke(app, ["explain", str(made.out), book["id"].hex()]).output
    assert "books" in said, said
    assert "released" in said, said
    assert runner.invoke(app, ["verify", str(made.out)]).exit_code == 0


def test_the_release_does_not_depend_on_the_order_of_names_or_on_tasks(made, tmp_path):
    run(recipe(made.folder, read=("works", "pages")), tmp_path / "other", "--workers", "2")
    other = ShardSet.open(str(tmp_path / "other" / "1" / "curated"))
    assert other.manifest["content"] == made.shards.manifest["content"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"read": ("pages", "books")}, "'books' is a source; put it through a stage of its own first"),
        ({"read": ("pages", "pages")}, "and nothing twice"),
        ({"read": ()}, "must name something"),
        ({"read": ("pages", "work")}, "did you mean 'works'?"),
        (
            {"steps": [{"dedup": {"threshold": 0.8, "quality": "chars"}}]},
            "stage 'curated', step 1 (dedup): reads column 'chars', which works does not have; every stage that is read together",
        ),
    ],
)
def test_what_cannot_be_read_together_is_said(corpus, data, said):
    with pytest.raises(RecipeError) as error:
        make(parse(recipe(corpus.folder, **data), "both.yaml"), "both.yaml", "out")
    assert said in str(error.value)
