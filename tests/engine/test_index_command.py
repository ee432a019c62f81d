"""`seimai index` over real runs: a second crawl keeps the labels of the first, and what does not fit is refused."""

import random
import sys
from itertools import combinations
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from curation.dedup.minhash import signature
from curation.dedup.normal_form import normal_form
from curation.dedup.shingles import jaccard
from curation.shards import ShardSet
from recipes.engine.cli import app
from recipes.engine.errors import RecipeError
from recipes.engine.plan import make
from recipes.engine.report import write_report
from recipes.engine.report.clusters import clusters
from recipes.engine.run_folder import open_run
from recipes.engine.spec import Recipe, parse

sys.path.insert(0, str(Path(__file__).parent))
from test_runs import done, jsonl


def crawl_recipe(files: str, *after: dict[str, object], **dedup: object) -> Recipe:
    return parse(
        {
            "name": "test/crawl",
            "version": "1",
            "partitions": 2,
            "sources": {"crawl": {"files": [files], "licence": "CC0-1.0"}},
            "stages": [
                {"name": "pages", "read": "crawl", "steps": ["minhash"]},
                {"name": "unique", "read": "pages", "steps": [{"dedup": {"threshold": 0.8, **dedup}}, *after]},
            ],
        },
        "crawl.yaml",
    )


def seimai(*arguments: object) -> str:
    """What the command says; its error is raised."""
    result = CliRunner().invoke(app, [str(a) for a in arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def rows(out: Path) -> dict[str, dict]:
    """Released rows by text."""
    shards = ShardSet.open(str(out / "1" / "unique"))
    columns = [c for c in ("id", "text", "cluster", "cluster_size", "matched") if c in shards.columns]
    return {r["text"]: r for b in shards.read(columns) for r in b.to_pylist()}


@pytest.fixture
def letters() -> list[str]:
    rng = random.Random(8)
    return ["".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(300)) for _ in range(4)]


def test_a_second_crawl_keeps_the_labels_of_the_first_and_rebase_says_what_they_become(tmp_path, letters):
    index, a, b, c, d = tmp_path / "index", *letters
    first = jsonl(tmp_path / "in1", {"a.jsonl.gz": list(enumerate_texts([a[:-6], b, c]))})
    done(crawl_recipe(first), tmp_path / "one")
    assert "generation 0 with 3 new forms, 3 of them kept, of 3 rows" in seimai("index", "add", index, tmp_path / "one")
    assert "in it already" in seimai("index", "add", index, tmp_path / "one")

    second = jsonl(tmp_path / "in2", {"a.jsonl.gz": list(enumerate_texts([a, b, d], 10))})
    done(crawl_recipe(second, index=str(index)), tmp_path / "two")
    old, new = rows(tmp_path / "one"), rows(tmp_path / "two")
    assert new[a]["cluster"] == old[a[:-6]]["cluster"], "the longer text that came later joins the old one"
    assert (new[a]["matched"], new[b]["matched"], new[d]["matched"]) == (old[a[:-6]]["id"], old[b]["id"], None)
    assert [new[t]["cluster_size"] for t in (a, b, d)] == [2, 2, 1]
    assert "generation 1 with 2 new forms, 1 of them kept, of 3 rows" in seimai("index", "add", index, tmp_path / "two")

    both = jsonl(
        tmp_path / "in3",
        {"a.jsonl.gz": list(enumerate_texts([a[:-6], b, c])), "b.jsonl.gz": list(enumerate_texts([a, b, d], 10))},
    )
    done(crawl_recipe(both), tmp_path / "three")
    said = seimai("index", "rebase", index, tmp_path / "rebased", tmp_path / "three")
    assert "0 old forms are not in the run" in said
    labels = {
        r["old_label"]: (r["new_label"], r["forms"])
        for r in pq.read_table(tmp_path / "rebased" / "labels.parquet").to_pylist()
    }
    best = rows(tmp_path / "three")[a]["cluster"]
    assert labels[old[a[:-6]]["cluster"]] == (best, 2), "the longer text is the kept one now"
    assert best != old[a[:-6]]["cluster"]
    assert labels[old[c]["cluster"]] == (old[c]["cluster"], 1)


def enumerate_texts(texts: list[str], first: int = 0) -> list[tuple[str, str]]:
    return [(str(first + i), text) for i, text in enumerate(texts)]


def test_what_does_not_fit_an_index_is_refused(tmp_path, letters):
    index = tmp_path / "index"
    first = jsonl(tmp_path / "in1", {"a.jsonl.gz": enumerate_texts(letters[:2])})
    done(crawl_recipe(first), tmp_path / "one")
    seimai("index", "add", index, tmp_path / "one")
    second = jsonl(tmp_path / "in2", {"a.jsonl.gz": enumerate_texts(letters[2:], 10)})

    with pytest.raises(RecipeError, match=r"step 1 \(dedup\).*threshold 0.8 there and 0.75 here"):
        make(crawl_recipe(second, threshold=0.75, index=str(index)), "crawl.yaml", str(tmp_path / "x"))
    with pytest.raises(RecipeError, match="there is no index"):
        make(crawl_recipe(second, index=str(tmp_path / "nowhere")), "crawl.yaml", str(tmp_path / "x"))
    done(crawl_recipe(second), tmp_path / "alone")
    with pytest.raises(RecipeError, match="was not clustered against the index"):
        seimai("index", "add", index, tmp_path / "alone")
    done(crawl_recipe(second, bands=16, rows=7), tmp_path / "other")
    with pytest.raises(RecipeError, match="bands 14x8 there and 16x7 here"):
        seimai("index", "add", index, tmp_path / "other")


def test_an_index_that_grew_since_the_run_makes_another_run(tmp_path, letters):
    index = tmp_path / "index"
    files = [
        jsonl(tmp_path / f"in{i}", {"a.jsonl.gz": enumerate_texts([t], 10 * i)}) for i, t in enumerate(letters[:3])
    ]
    done(crawl_recipe(files[0]), tmp_path / "one")
    seimai("index", "add", index, tmp_path / "one")
    done(crawl_recipe(files[1], index=str(index)), tmp_path / "two")
    late = crawl_recipe(files[2], index=str(index))
    before = make(late, "crawl.yaml", str(tmp_path / "three")).fingerprint
    done(late, tmp_path / "three")
    seimai("index", "add", index, tmp_path / "two")
    assert make(late, "crawl.yaml", str(tmp_path / "three")).fingerprint != before
    with pytest.raises(RecipeError, match=r"as it is now \(2 generations\)"):
        seimai("index", "add", index, tmp_path / "three")


@pytest.mark.parametrize("rows_a_part", [1000, 20], ids=["one task", "phases"])
def test_a_second_snapshot_releases_no_two_near_duplicates(tmp_path, monkeypatch, rows_a_part):
    """Forms that the index knows have their label from it, but what is near to what in this run is found in this run."""
    monkeypatch.setattr("curation.dedup.dedup.ROWS_IN_MEMORY", rows_a_part)
    rng, texts = random.Random(2), []
    for _ in range(6):
        letters = "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(260))
        texts += [letters[at : at + 190] for at in (rng.randrange(60) for _ in range(6))]
    first = jsonl(tmp_path / "in1", {"a.jsonl.gz": list(enumerate_texts(texts))})
    again = jsonl(tmp_path / "in2", {"a.jsonl.gz": list(enumerate_texts(texts, 100))})
    done(crawl_recipe(first), tmp_path / "one")
    seimai("index", "add", tmp_path / "index", tmp_path / "one")
    cap = {"cap": {"k": 4, "mode": "one"}}
    manifest = done(crawl_recipe(again, cap, index=str(tmp_path / "index")), tmp_path / "two")
    released = rows(tmp_path / "two")
    assert 6 <= len(released) == manifest["rows_out"] < 24
    beside = [(a, b) for a, b in combinations(released, 2) if released[a]["cluster"] == released[b]["cluster"]]
    signed = {text: signature(normal_form(text)).reshape(-1, 8) for text in released}
    met = [(a, b) for a, b in beside if (signed[a] == signed[b]).all(axis=1).any()]
    assert not [(a, b) for a, b in met if jaccard(normal_form(a), normal_form(b)) >= 0.8]


def test_a_new_index_refuses_a_run_that_was_clustered_against_another(tmp_path, letters):
    first = jsonl(tmp_path / "in1", {"a.jsonl.gz": list(enumerate_texts(letters[:3]))})
    done(crawl_recipe(first), tmp_path / "one")
    seimai("index", "add", tmp_path / "index", tmp_path / "one")
    second = jsonl(tmp_path / "in2", {"a.jsonl.gz": list(enumerate_texts(letters, 10))})
    done(crawl_recipe(second, index=str(tmp_path / "index")), tmp_path / "two")
    with pytest.raises(RecipeError, match=r"was clustered against an index, and .* is not there yet"):
        seimai("index", "add", tmp_path / "other", tmp_path / "two")
    html = Path(write_report(str(tmp_path / "two" / "1"))).read_text(encoding="utf-8")
    assert "The table of clusters is gone" not in html
    assert clusters(open_run(str(tmp_path / "two"))).sizes == {2: 3, 1: 1}


def test_a_crawl_that_the_index_holds_is_clustered_again_as_it_was(tmp_path, letters):
    """A threshold after the clusters may change without the crawl's own rows being counted as an earlier crawl's."""
    first = jsonl(tmp_path / "in1", {"a.jsonl.gz": list(enumerate_texts(letters[:3]))})
    done(crawl_recipe(first), tmp_path / "one")
    seimai("index", "add", tmp_path / "index", tmp_path / "one")
    second = jsonl(tmp_path / "in2", {"a.jsonl.gz": list(enumerate_texts(letters, 10))})
    made = done(crawl_recipe(second, index=str(tmp_path / "index")), tmp_path / "two")
    seimai("index", "add", tmp_path / "index", tmp_path / "two")
    again = done(crawl_recipe(second, index=str(tmp_path / "index")), tmp_path / "two")
    assert again["fingerprint"] == made["fingerprint"], "nothing was computed again"
    capped = crawl_recipe(second, {"cap": {"k": 4, "mode": "min_size"}}, index=str(tmp_path / "index"))
    done(capped, tmp_path / "three")
    sizes = {text: row["cluster_size"] for text, row in rows(tmp_path / "three").items()}
    assert sizes == {text: 2 if text in letters[:3] else 1 for text in letters}
    assert "these clusters are in it already" in seimai("index", "add", tmp_path / "index", tmp_path / "three")
