"""The dedup step on real documents against brute force, and on rows that no crawl should send."""

import gzip
import json
import math
import random
from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from curation.dedup.dedup import Dedup
from curation.dedup.minhash import candidate_probability
from curation.dedup.normal_form import normal_form
from curation.dedup.shingles import jaccard, shingles
from curation.provenance import key


def sentence(seed: int, length: int = 300) -> str:
    rng = random.Random(seed)
    return "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(length))


def true_pairs(forms: list[str], threshold: float) -> dict[tuple[int, int], float]:
    """All pairs of forms with exact Jaccard at or above the threshold, by prefix filtering over sets of strings.

    Ordered rarest first, two sets of J ≥ τ share one of the first |A| − ⌈τ|A|⌉ + 1 shingles (Bayardo+07): no pair is lost.
    """
    by_string = [shingles(form) for form in forms]
    often = Counter(gram for grams in by_string for gram in grams)
    place = {gram: i for i, gram in enumerate(sorted(often, key=often.__getitem__))}
    sets = [{place[gram] for gram in grams} for grams in by_string]
    holders: dict[int, list[int]] = {}
    pairs = set()
    for i, grams in enumerate(sets):
        for gram in sorted(grams)[: len(grams) - math.ceil(threshold * len(grams)) + 1]:
            pairs.update((j, i) for j in holders.setdefault(gram, []))
            holders[gram].append(i)
    similarity = {(a, b): len(sets[a] & sets[b]) / len(sets[a] | sets[b]) for a, b in pairs}
    return {pair: value for pair, value in similarity.items() if value >= threshold}


@pytest.mark.parametrize("name", ["dotnet_docs_8snapshots", "dotnet_docs_revisions"])
def test_real_clusters_against_brute_force(dev, survey_tables, measure, make_pages, name):
    with gzip.open(dev / "dups" / f"{name}.jsonl.gz", "rt") as lines:
        rows = [json.loads(line) for line in lines]
    table = measure(make_pages([r["text"] for r in rows], [r["id"] for r in rows]))
    form_of = dict(zip(table["form_key"].to_pylist(), map(normal_form, table["text"].to_pylist()), strict=True))
    keys, forms = list(form_of), list(form_of.values())
    expected = {frozenset((keys[a], keys[b])): s for (a, b), s in true_pairs(forms, 0.8).items()}
    tables, counts = survey_tables(Dedup(0.8), table)

    found = {frozenset((r["form_a"], r["form_b"])): r["jaccard"] for r in tables["edges"].to_pylist()}
    assert found == {pair: pytest.approx(expected[pair], abs=1e-6) for pair in found}, "an edge is a true pair"
    assert counts["pairs_verified"] == len(found)

    missed = [1 - candidate_probability(s) for s in expected.values()]
    bound = sum(missed) + 3 * math.sqrt(sum(m * (1 - m) for m in missed))
    assert len(expected) > 100
    assert len(expected) - len(found) <= bound, "candidates are found as often as 1 − (1 − J^8)^14 says"

    label_of = dict(zip(tables["clusters"]["id"].to_pylist(), tables["clusters"]["cluster"].to_pylist(), strict=True))
    members = [
        (form, label_of[i]) for i, form in zip(table["id"].to_pylist(), table["form_key"].to_pylist(), strict=True)
    ]
    assert [m for m in members if m[0] != m[1] and jaccard(form_of[m[0]], form_of[m[1]]) < 0.8] == [], "no false drop"
    kept = {label for _, label in members}
    assert sum(pair <= kept for pair in expected) <= len(expected) - len(found), (
        "two of a found pair are never both kept"
    )


def test_rows_order_batches_and_partitions_change_nothing(clustered, make_pages):
    base = [sentence(i) for i in range(6)]
    texts = [
        *base,
        *(b[:-20] + sentence(100 + i, 10) for i, b in enumerate(base)),
        base[0],
        base[0] + " ",
        "短文",
        "短文",
    ]
    names = [f"page {i}" for i in range(len(texts))]
    expected = clustered(make_pages(texts, names)).to_pylist()
    assert Counter(r["cluster_size"] for r in expected) == {4: 4, 2: 12}
    for seed in range(3):
        order = list(range(len(texts)))
        random.Random(seed).shuffle(order)
        shuffled = make_pages([texts[i] for i in order], [names[i] for i in order])
        scattered = shuffled.take(order)
        for rows_a_batch in (1, 3, 1000):
            again = clustered(scattered, rows_a_batch=rows_a_batch)
            assert again.sort_by("id").to_pylist() == expected


def test_the_better_of_two_near_duplicates_is_the_one_of_higher_quality_then_the_longer(clustered, make_pages):
    text = sentence(1)
    texts = [text, text[:-5], text + "終"]
    by_length = clustered(make_pages(texts, ["a", "b", "c"]))
    ranks = dict(zip(by_length["id"].to_pylist(), by_length["cluster_rank"].to_pylist(), strict=True))
    assert [ranks[key("test", n)] for n in "abc"] == [1, 2, 0]
    scored = make_pages(texts, ["a", "b", "c"], kana_ratio=pa.array([0.3, 0.9, None], pa.float32()))
    by_quality = clustered(scored, quality="kana_ratio")
    ranks = dict(zip(by_quality["id"].to_pylist(), by_quality["cluster_rank"].to_pylist(), strict=True))
    assert [ranks[key("test", n)] for n in "abc"] == [1, 0, 2]


def test_a_newer_copy_ranks_above_an_older_one_and_an_undated_one_last(clustered, make_pages):
    dates = pa.array([None, 1_600_000_000, 1_700_000_000], pa.timestamp("s", tz="UTC"))
    table = clustered(make_pages([sentence(2)] * 3, ["undated", "old", "new"], date=dates))
    ranks = dict(zip(table["id"].to_pylist(), table["cluster_rank"].to_pylist(), strict=True))
    assert [ranks[key("test", n)] for n in ("new", "old", "undated")] == [0, 1, 2]
    assert table["cluster_examples"].to_pylist()[table["id"].to_pylist().index(key("test", "undated"))] == [
        key("test", "new"),
        key("test", "old"),
    ]


def test_texts_without_characters_are_copies_of_each_other_and_null_texts_are_in_no_cluster(clustered):
    table = clustered(["", " \u3000\n", None, "一", "二", None]).to_pylist()
    by_text = {r["text"]: r for r in table}
    assert [by_text[t]["cluster_size"] for t in ("", " \u3000\n", "一", "二", None)] == [2, 2, 1, 1, None]
    assert by_text["一"]["cluster_examples"] == []
    nulls = [r for r in table if r["text"] is None]
    assert all(r[c] is None for r in nulls for c in ("cluster", "cluster_rank", "cluster_examples", "family"))


def test_short_texts_follow_the_stated_rule(clustered):
    # One of 49 characters replaced in the middle: J = 40/50, exactly τ. Of 48: 39/49 < τ.
    alike, apart = "".join(map(chr, range(0x4E00, 0x4E31))), "".join(map(chr, range(0x5E00, 0x5E30)))
    pairs = [alike, alike[:24] + "々" + alike[25:], apart, apart[:24] + "々" + apart[25:]]
    sizes = {r["text"]: r["cluster_size"] for r in clustered(pairs, bands=112, rows=1).to_pylist()}
    assert [sizes[t] for t in pairs] == [2, 2, 1, 1]


def test_documents_under_120_characters_are_found_as_often_as_the_curve_says(survey_tables, measure, make_pages):
    # 100 characters, two of them replaced far apart: 10 of 96 shingles differ, J = 86/106 = .811, found with probability .945.
    rng = random.Random(6)
    texts = []
    for seed in range(400):
        letters = sentence(seed, 100)
        changed = list(letters)
        changed[rng.randrange(20, 40)] = changed[rng.randrange(60, 80)] = "々"
        texts += [letters, "".join(changed)]
    found = len(survey_tables(Dedup(0.8), measure(make_pages(texts)))[0]["edges"])
    expected = candidate_probability(86 / 106)
    assert abs(found - 400 * expected) < 3 * math.sqrt(400 * expected * (1 - expected))


def test_one_document_of_50_megabytes_and_its_near_copy(clustered):
    rng = np.random.default_rng(5)
    huge = "".join(map(chr, rng.integers(0x4E00, 0x9F00, 1 << 24)))  # 16.8 M characters, 50 MB
    sizes = clustered([huge, huge[: 15 << 20], "短い文"])["cluster_size"].to_pylist()
    assert sorted(sizes) == [1, 2, 2]


def test_a_million_identical_rows_are_one_node(survey_tables, make_pages, measure):
    n = 1_000_000
    one = measure(make_pages(["同じ文章です。" * 20]))
    ids = np.random.default_rng(2).integers(0, 1 << 62, (n, 2), dtype=np.uint64)
    table = one.take([0] * n).set_column(
        one.schema.get_field_index("id"),
        "id",
        pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), n, [None, pa.py_buffer(ids)]),
    )
    tables, counts = survey_tables(Dedup(0.8), table)
    assert (counts["texts"], counts["pairs_in_bands"], len(tables.get("edges", []))) == (1, 0, 0)
    assert set(tables["clusters"]["cluster_size"].unique().to_pylist()) == {n}


def test_an_all_identical_corpus_is_one_node_and_no_pair(clustered):
    table = clustered(["同じ文章です。" * 20] * 20_000)
    assert set(table["cluster_size"].to_pylist()) == {20_000}
    assert sorted(table["cluster_rank"].to_pylist()) == list(range(20_000))


def test_many_pages_that_differ_in_a_number_are_compared_with_64_each_at_most(survey_tables, measure, make_pages):
    body = sentence(3, 600)
    table = measure(make_pages([f"{body}{i:06}" for i in range(1500)]))
    tables, counts = survey_tables(Dedup(0.8), table)
    assert len(tables["edges"]) <= counts["pairs_in_bands"] <= 14 * 64 * 1500
    assert counts["crowded_nodes"] > 1000
    assert len(tables["clusters"]["cluster"].unique()) == 1


def test_no_rows_make_empty_tables(survey_tables, measure, make_pages):
    tables, counts = survey_tables(Dedup(0.8), measure(make_pages(["一"])).slice(0, 0))
    assert [len(t) for t in tables.values()] == [0, 0, 0]
    assert counts["texts"] == 0


def test_adversarial_equal_keys_cost_only_a_comparison(survey_tables, measure, make_pages):
    # Every signature is replaced by the first one's: all pairs of the bucket are compared, and none is believed.
    table = measure(make_pages([sentence(i) for i in range(30)]))
    same = pa.array([table["minhash"][0].as_py()] * 30, table["minhash"].type)
    tables, counts = survey_tables(Dedup(0.8), table.set_column(table.column_names.index("minhash"), "minhash", same))
    assert (counts["pairs_compared"], counts["pairs_verified"]) == (30 * 29 // 2, 0)
    assert set(tables["clusters"]["cluster_size"].to_pylist()) == {1}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0.0}, "threshold must be in"),
        ({"threshold": 1.2}, "threshold must be in"),
        ({"threshold": 0.8, "bands": 20, "rows": 8}, "bands × rows"),
        ({"threshold": 0.8, "max_bucket": 0}, "max_bucket"),
    ],
)
def test_parameters_that_mean_nothing_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Dedup(**options)


def test_the_table_says_what_it_was_made_with():
    metadata = Dedup(0.75).tables["edges"].metadata
    assert metadata == {b"normal_form": b"seimai-nf/1", b"threshold": b"0.75", b"bands": b"14x8"}
    assert np.float64(metadata[b"threshold"]) == 0.75
