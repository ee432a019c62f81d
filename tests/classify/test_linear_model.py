"""The collapsed model: equal to fastText itself and to its own plain reference, on random and on real text."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.classify.fasttext_file import fnv, read_file
from curation.classify.linear_model import character_hashes, collapse, plain_sums, probabilities, why_not
from curation.classify.scorers import Collapsed, Library, words_line
from tests.classify.conftest import fitted, labelled


def library(path: Path, texts: list[str], line_break: str = "") -> np.ndarray:
    """fastText's own probabilities of every label, in the file's order of labels."""
    import fasttext

    model: Any = fasttext.load_model(str(path))
    names = read_file(path).label_names
    found = []
    for text in texts:
        line = words_line(text, "characters", line_break) + "\n"
        said = {label.removeprefix("__label__"): p for p, label in model.f.predict(line, len(names), 0.0, "strict")}
        found.append([min(said[name], 1.0) for name in names])
    return np.array(found)


def held_against_fasttext(path: Path, texts: list[str]) -> None:
    for line_break in ("", "␤"):
        made, _ = Collapsed(path, "characters", line_break).probabilities(pa.array(texts, pa.large_string()))
        theirs = library(path, texts, line_break)
        off = np.abs(made - theirs)
        if Collapsed(path).model.softmax:
            assert off.max() < 3e-5
        else:  # fastText's sigmoid is a table: a sum that rounds across a step is off by one of 0.008
            assert off.max() < 0.01
            assert (off > 3e-5).mean() < 0.01
        clear = np.abs(np.sort(theirs, axis=1)[:, -1] - np.sort(theirs, axis=1)[:, -2]) > 1e-4
        assert (made.argmax(axis=1) == theirs.argmax(axis=1))[clear].all()


@pytest.mark.parametrize(
    "options",
    [{}, {"wordNgrams": 1}, {"wordNgrams": 2}, {"minCount": 20}, {"loss": "ova"}, {"loss": "ns"}, {"bucket": 1}],
    ids=str,
)
def test_equal_to_fasttext_whatever_the_loss_and_the_ngrams(options, odd_texts, tmp_path):
    held_against_fasttext(fitted(tmp_path / "m.bin", labelled(100), **options), odd_texts)


def test_equal_to_fasttext_with_four_labels(odd_texts, tmp_path):
    rows = [(f"{label}{k % 2}", text) for k, (label, text) in enumerate(labelled(200))]
    held_against_fasttext(fitted(tmp_path / "m.bin", rows), odd_texts)


@pytest.mark.parametrize("quantize", [{}, {"cutoff": 300}, {"cutoff": 300, "qnorm": True}, {"dsub": 4}], ids=str)
def test_equal_to_fasttext_for_compressed_and_pruned_models(quantize, odd_texts, tmp_path):
    rows = labelled(400)
    rows += [(label, "".join(chr(0x4E00 + (7 * n + k) % 900) for k in range(30))) for n, (label, _) in enumerate(rows)]
    path = fitted(tmp_path / "m.ftz", rows, quantize, dim=6, epoch=1)
    assert (read_file(path).kept is not None) == ("cutoff" in quantize)
    held_against_fasttext(path, odd_texts)


def test_equal_to_fasttext_on_real_pages(model: Path, plain_pages: Callable[[int], list[str]]):
    held_against_fasttext(model, plain_pages(30))


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(st.text(max_size=80), max_size=5), line_break=st.sampled_from(["", "␤"]))
def test_the_kernel_equals_its_plain_reference(model: Path, texts: list[str], line_break: str):
    kernel = Collapsed(model, "characters", line_break)
    made, _ = kernel.probabilities(pa.array(texts, pa.large_string()))
    for text, row in zip(texts, made, strict=True):
        sums, features = plain_sums(kernel.model, text, line_break)
        plain = probabilities(kernel.model, sums[None, :], np.array([features]))[0]
        assert row == pytest.approx(plain, abs=1e-9)


def test_a_slice_of_a_column_and_rows_without_text_are_read_in_place(model: Path):
    column = pa.array(["糠", None, "玄米", "精米とは"], pa.large_string())
    kernel = Collapsed(model)
    whole, read = kernel.probabilities(column)
    part, _ = kernel.probabilities(column.slice(2, 2))
    assert read.tolist() == [1, 0, 2, 4]
    assert part.tolist() == whole[2:].tolist()


def test_bytes_that_are_no_text_are_read_without_leaving_the_buffer(model: Path):
    raw = [b"\xe7\xb2", b"\xf0\x9f", b"\xff\xfe\xfd", b"\xc3", b"\xe7\xb2\xbe\xf4\xbf\xbf\xbf"]
    column = pa.array(raw, pa.large_binary()).view(pa.large_string())
    made, _ = Collapsed(model).probabilities(column)
    assert np.isfinite(made).all()


def test_hashes_of_characters_are_those_of_their_bytes():
    hashes = character_hashes()
    for c in ("a", "é", "あ", "𠮟", "\x7f", "\x80", "\u07ff", "\u0800", "\uffff", "\U0010ffff"):
        assert hashes[ord(c)] == fnv(c.encode())


def test_a_model_of_800_mb_becomes_one_of_8_mb(tmp_path: Path):
    file = read_file(fitted(tmp_path / "m.bin", labelled(50), dim=100, bucket=20_000))
    table = collapse(file).table
    assert file.matrices[0].nbytes / table.nbytes == 100
    assert table.shape == (len(file.words) + 20_000, 1)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"loss": "hs"}, "hierarchical"),
        ({"minn": 2, "maxn": 4}, "inside words"),
        ({"wordNgrams": 4}, "n-grams of 4 words"),
    ],
    ids=str,
)
def test_other_models_are_asked_through_the_library(options, reason, tmp_path):
    path = fitted(tmp_path / "m.bin", labelled(60), **options)
    file = read_file(path)
    assert reason in (why_not(file) or "")
    with pytest.raises(ValueError, match=reason):
        collapse(file)
    texts = ["精米とは、玄米から糠を取り除くことである。", "激安お米通販 送料無料"]
    made, read = Library(path, "characters").probabilities(pa.array([*texts, None], pa.large_string()))
    assert made[:2] == pytest.approx(library(path, texts), abs=1e-6)
    assert read.tolist() == [21, 10, 0]
