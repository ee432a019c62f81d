"""The index of earlier crawls: two crawls one after the other are both at once, and an index that does not fit is refused."""

import random
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.dedup.dedup import Dedup
from curation.dedup.index import Index, IndexRefused
from curation.dedup.index_labels import write_labels
from curation.dedup.key_order import column_keys
from curation.dedup.minhash import MinHash
from curation.dedup.normal_form import form_key, normal_form
from curation.dedup.shingle_sets import read_sets
from curation.dedup.shingles import shingle_words
from curation.place import Place
from curation.provenance import key


def crawls(seed: int, count: int) -> list[list[str | None]]:
    """Windows over random texts, dealt out to crawls, so that near-copies and copies lie in the same and in different crawls."""
    rng, texts = random.Random(seed), ["", " ", "一", "短い文", None, None]
    for _ in range(9):
        letters = "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(260))
        texts += [letters[at : at + 150 + rng.randrange(30)] for at in (rng.randrange(60) for _ in range(8))]
    texts += texts[::3]
    dealt: list[list[str | None]] = [[] for _ in range(count)]
    for text in texts:
        rng.choice(dealt).append(text)
    return dealt


@pytest.mark.parametrize("seed", range(4))
def test_crawls_one_after_the_other_equal_all_at_once_with_the_same_generations(
    admit, at_once, measure, make_pages, seed
):
    rng = random.Random(seed)
    tables, one_by_one, generation_of = [], {}, {}
    for number, texts in enumerate(crawls(seed, 3)):
        dates = pa.array([rng.choice([None, 1_600_000_000]) for _ in texts], pa.timestamp("s", tz="UTC"))
        table = measure(make_pages(texts, [f"{number} {i}" for i in range(len(texts))], date=dates))
        tables.append(table)
        generation_of |= dict.fromkeys(table["id"].to_pylist(), number)
        one_by_one[number] = {r["id"]: r for r in admit(table)["clusters"].to_pylist()}
        expected = {r["id"]: r for r in at_once(tables).to_pylist()}
        for row in one_by_one[number].values():
            for column in ("cluster", "cluster_size", "cluster_rank", "cluster_examples"):
                assert row[column] == expected[row["id"]][column], column
        for rows in one_by_one.values():
            assert all(row["cluster"] == expected[i]["cluster"] for i, row in rows.items()), "an old label changed"
    joined = [r for r in one_by_one[2].values() if r["matched"] is not None]
    assert len(joined) > 20
    assert all(generation_of[r["matched"]] < 2 for r in joined)


def test_the_matched_old_document_is_named_and_sizes_are_true(admit, measure, make_pages):
    letters = "".join(chr(random.Random(1).randrange(0x4E00, 0x9FFF)) for _ in range(300))
    old = measure(make_pages([letters, letters, letters[:-8], "別の文書"], ["best", "copy", "near", "other"]))
    admit(old)
    new = measure(make_pages([letters[:-4], letters[:-8], letters, "新しい文書"], ["n", "nn", "c", "new"]))
    rows = {r["id"]: r for r in admit(new)["clusters"].to_pylist()}
    n, nn, c, fresh = (rows[key("test", name)] for name in ("n", "nn", "c", "new"))
    first = min(key("test", "best"), key("test", "copy"))  # two copies alike in all else rank by id
    assert [r["matched"] for r in (n, nn, c, fresh)] == [first, key("test", "near"), first, None]
    assert {r["cluster"] for r in (n, nn, c)} == {form_key(normal_form(letters))}
    assert [r["cluster_size"] for r in (n, nn, c, fresh)] == [6, 6, 6, 1]
    assert sorted(r["cluster_rank"] for r in (n, nn, c)) == [3, 4, 5]


def test_a_longer_text_that_comes_later_joins_the_old_kept_one(admit, measure, make_pages):
    letters = "".join(chr(random.Random(2).randrange(0x4E00, 0x9FFF)) for _ in range(300))
    admit(measure(make_pages([letters[:-10]], ["short"])))
    rows = admit(measure(make_pages([letters], ["long"])))["clusters"].to_pylist()
    assert rows[0]["cluster"] == form_key(normal_form(letters[:-10]))


def test_an_index_holds_every_form_but_signatures_and_sets_of_kept_ones_only(admit, measure, make_pages, tmp_path):
    letters = "".join(chr(random.Random(3).randrange(0x4E00, 0x9FFF)) for _ in range(300))
    admit(measure(make_pages([letters, letters[:-5], letters[5:], "短い文書です"])))
    index = Index(str(tmp_path / "index"))
    forms = [normal_form(t) for t in (letters, letters[:-5], letters[5:], "短い文書です")]
    keys = column_keys(pa.array([form_key(f) for f in forms], pa.binary(16)))
    known = index.known(keys)
    assert known.here.tolist() == [True] * 4
    assert {tuple(k) for k in index.all_nodes()[:, :2].tolist()} == {tuple(keys[0].tolist()), tuple(keys[3].tolist())}
    sets = {place: words.tolist() for place, words in read_sets(index.all_nodes()[:, 4:], index.set_file)}
    assert sets == {0: shingle_words(forms[0]).tolist(), 1: shingle_words(forms[3]).tolist()}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"threshold": 0.8}, ["threshold 0.7 there and 0.8 here"]),
        ({"threshold": 0.8, "bands": 16, "rows": 7}, ["threshold 0.7", "bands 14x8 there and 16x7 here"]),
    ],
)
def test_an_index_of_other_parameters_is_refused_naming_what_differs(
    admit, measure, make_pages, tmp_path, options, said
):
    admit(measure(make_pages(["一つの文書です"])))
    with pytest.raises(IndexRefused) as refused:
        Dedup(index=str(tmp_path / "index"), **options)
    assert all(part in str(refused.value) for part in said)
    assert "seimai index rebase" in str(refused.value)


def test_an_index_of_another_format_is_refused(admit, measure, make_pages, tmp_path):
    admit(measure(make_pages(["一つの文書です"])))
    place = Place(str(tmp_path / "index" / "00000"))
    place.write_json("manifest.json", place.read_json("manifest.json") | {"format": 1})
    with pytest.raises(
        IndexRefused, match=r"00000: index format 1 there and 2 here; make a new index .* `seimai index add`"
    ):
        Dedup(0.7, index=str(tmp_path / "index"))


def test_what_became_of_labels_is_counted_the_same_however_it_is_cut(start_crawls, measure, make_pages):
    letters = "".join(chr(random.Random(4).randrange(0x4E00, 0x9FFF)) for _ in range(300))
    old, new = start_crawls(), start_crawls(index_rows_a_part=2, partitions=2)
    texts = [letters[:-9], letters[:-8], letters[:-7], "別の文書です", *(f"消える文書{i}" for i in range(9))]
    old.add(measure(make_pages(texts)))
    new.add(measure(make_pages([letters, *texts[:4], *(f"新しい文書{i}" for i in range(20))])))
    label = [form_key(normal_form(t)) for t in (letters[:-7], letters, texts[3])]
    for rows_a_part in (1, 3, 1000):
        assert write_labels(Index(old.url), new.url, rows_a_part) == (11, 9)
        found = {r["old_label"]: r for r in pq.read_table(Path(new.url) / "labels.parquet").to_pylist()}
        assert list(found) == sorted(found)
        assert found[label[0]] == {"old_label": label[0], "new_label": label[1], "forms": 3}
        assert found[label[2]] == {"old_label": label[2], "new_label": label[2], "forms": 1}
        assert sum(r["new_label"] is None for r in found.values()) == 9
    assert not (Path(new.url) / "work").exists()


def test_an_index_of_another_normal_form_is_refused(admit, measure, make_pages, tmp_path, monkeypatch):
    admit(measure(make_pages(["一つの文書です"])))
    monkeypatch.setattr("curation.dedup.dedup.FORM_VERSION", "seimai-nf/2")
    with pytest.raises(IndexRefused, match="normal_form seimai-nf/1 there and seimai-nf/2 here"):
        Dedup(0.7, index=str(tmp_path / "index"))


def test_signatures_of_another_seed_are_refused(admit, measure, make_pages, survey_tables, tmp_path):
    admit(measure(make_pages(["一つの文書です"])))
    other = make_pages(["", "もう一つの文書です"])
    step = MinHash(seed=2)
    step.setup()
    signed = pa.Table.from_batches([step.split(b)[0] for b in other.to_batches()])
    with pytest.raises(IndexRefused, match="signatures were made with seed 1"):
        survey_tables(Dedup(0.7, index=str(tmp_path / "index")), signed)


def test_no_index_there_and_an_interrupted_generation(admit, measure, make_pages, tmp_path):
    with pytest.raises(IndexRefused, match="there is no index"):
        Dedup(0.7, index=str(tmp_path / "nowhere"))
    admit(measure(make_pages(["一つの文書です"])))
    half = Path(tmp_path / "index" / "00001")
    half.mkdir()
    (half / "forms.parquet").write_bytes(b"cut off")
    assert len(Index(str(tmp_path / "index")).generations) == 1
    admit(measure(make_pages(["次の文書です"])))
    assert len(Index(str(tmp_path / "index")).generations) == 2
