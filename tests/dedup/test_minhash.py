"""Signatures: equal to the plain reference whatever the batch, and as accurate as the theory says."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.minhash import PERMUTATIONS, MinHash, estimate, permutations, signature, signature_rows
from curation.dedup.normal_form import form_key, normal_form


def measured(texts: list[str | None], seed: int = 1) -> dict[str, pa.Array]:
    step = MinHash(seed)
    step.setup()
    return dict(step.columns(pa.RecordBatch.from_arrays([pa.array(texts, pa.large_string())], names=["text"])))


def kanji(count: int, seed: int) -> str:
    return "".join(map(chr, np.random.default_rng(seed).integers(0x4E00, 0x9F00, count)))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(), st.text("あいう。ｶﾞ　\n", max_size=60)), max_size=8))
def test_kernel_and_reference_agree_on_key_length_and_signature(texts):
    made = measured(texts)
    for i, text in enumerate(texts):
        if text is None:
            assert [made[name][i].as_py() for name in made] == [None, None, None]
            continue
        form = normal_form(text)
        assert made["form_key"][i].as_py() == form_key(form)
        assert made["form_chars"][i].as_py() == len(form)
        assert made["minhash"][i].as_py() == signature(form).tobytes()


def test_a_long_text_spans_blocks_of_shingles_and_still_agrees():
    text = kanji(3 * 4096 + 7, seed=3)
    assert measured([text])["minhash"][0].as_py() == signature(text).tobytes()


def test_real_pages_agree_with_the_reference(dev):
    import pyarrow.parquet as pq

    texts = pq.read_table(dev / "scale" / "docs-01.parquet", columns=["text"])["text"].slice(100, 150).to_pylist()
    made = measured(texts)
    for i, text in enumerate(texts):
        form = normal_form(text)
        assert (made["form_key"][i].as_py(), made["minhash"][i].as_py()) == (form_key(form), signature(form).tobytes())


def test_a_slice_of_a_batch_reads_its_own_rows():
    whole = pa.RecordBatch.from_arrays(
        [pa.array(["一", None, "二二二二二二", "三", None], pa.large_string())], names=["text"]
    )
    step = MinHash()
    step.setup()
    part = step.columns(whole.slice(2, 3))
    assert part["form_key"].to_pylist() == [form_key("二二二二二二"), form_key("三"), None]
    assert (signature_rows(part["minhash"].slice(1, 1))[0] == signature("三")).all()


def test_texts_without_characters_share_the_empty_key_and_a_signature_of_ones():
    made = measured(["", " \n\u3000", "\x00"])
    assert set(made["form_key"].to_pylist()) == {form_key("")}
    assert set(made["minhash"].to_pylist()) == {b"\xff" * 448}


def test_another_seed_is_another_set_of_permutations():
    assert (permutations(1)[0] != permutations(2)[0]).all()
    assert estimate(signature("きょうは良い天気です", 1), signature("きょうは良い天気です", 2)) < 0.1


def test_splitmix64_is_the_published_one():
    # First outputs for seed 1234567 (Rosetta Code's and Vigna's test values); permutations keep the upper 32 bits.
    known = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    assert [int(x) for x in permutations(1234567)[0][:4]] == [(x >> 32) | 1 for x in known]


@pytest.mark.parametrize("jaccard", [0.5, 0.8, 0.9])
def test_the_error_of_signatures_is_the_theory_s(jaccard):
    shared = round(2 * 1000 * jaccard / (1 + jaccard))
    errors = []
    for seed in range(150):
        common, a, b = kanji(shared, seed), kanji(1000 - shared, 1000 + seed), kanji(1000 - shared, 2000 + seed)
        x, y = common + a, common + b
        grams = [{t[i : i + 5] for i in range(len(t) - 4)} for t in (x, y)]
        true = len(grams[0] & grams[1]) / len(grams[0] | grams[1])
        made = signature_rows(measured([x, y])["minhash"])
        errors.append(estimate(made[0], made[1]) - true)
    theory = (jaccard * (1 - jaccard) / PERMUTATIONS) ** 0.5
    # 150 pairs know a standard error to ± 6 %; three of these
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(theory, rel=0.2)
    assert abs(np.mean(errors)) < 3 * theory / np.sqrt(150)


def test_one_document_of_50_megabytes_is_measured_like_any_other():
    text = kanji(1 << 16, seed=9) * 256  # 16.8 M characters, 50 MB
    made = measured(["短い", text])
    assert made["form_chars"].to_pylist() == [2, 1 << 24]
    assert made["form_key"][1].as_py() == form_key(text)
    repeated = kanji(1 << 16, seed=9)
    assert made["minhash"][1].as_py() == signature(repeated + repeated[:4]).tobytes()
