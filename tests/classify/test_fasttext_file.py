"""Files of models that are none, or not what was asked for: each is named with what was found and what would be right."""

import pickle
import struct
import zipfile
from pathlib import Path

import pytest

from curation.classify import fasttext_file
from curation.classify.fasttext_file import read_file
from tests.classify.conftest import fitted, labelled


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(ValueError, match=r"none\.bin: there is no such model file; give a \.bin or \.ftz"):
        read_file(tmp_path / "none.bin")


@pytest.mark.parametrize("protocol", range(2, 6))
def test_a_pickle_is_refused_unread(protocol: int, tmp_path: Path):
    path = tmp_path / "model.bin"
    path.write_bytes(pickle.dumps({"weights": [1.0]}, protocol=protocol))
    with pytest.raises(ValueError, match="looks like a Python pickle, which could run code and is never loaded"):
        read_file(path)


def test_an_archive_of_torch_is_refused_too(tmp_path: Path):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", b"")
    with pytest.raises(ValueError, match="never loaded"):
        read_file(path)


@pytest.mark.parametrize("content", [b"", b"short", b"not a model at all", struct.pack("<2i", 793712314, 11)])
def test_other_bytes_are_no_model(content: bytes, tmp_path: Path):
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"model\.bin: no fastText model of version 12"):
        read_file(path)


def test_a_file_cut_anywhere_is_said_to_be_cut(model: Path, tmp_path: Path):
    whole = model.read_bytes()
    path = tmp_path / "cut.bin"
    for size in (8, 20, 60, 100, 200, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match="cut off"):
            _ = read_file(path).matrices
        with pytest.raises(ValueError, match="cut off"):
            read_file(path).check_whole()
    path.write_bytes(whole + b"more")
    with pytest.raises(ValueError, match=rf"broken: {len(whole) + 4} bytes, of which the model takes {len(whole)}"):
        read_file(path).check_whole()


def test_a_compressed_file_is_looked_through_without_unpacking_it(tmp_path: Path):
    path = fitted(tmp_path / "m.ftz", labelled(300), quantize={"cutoff": 300, "qnorm": True}, minCount=1)
    read_file(path).check_whole()
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    with pytest.raises(ValueError, match="cut off"):
        read_file(path).check_whole()


def test_word_vectors_are_no_classifier(tmp_path: Path):
    import fasttext

    text = tmp_path / "t.txt"
    text.write_text("精 米 と は\n" * 20)
    fasttext.train_unsupervised(str(text), dim=4, minCount=1, epoch=1, bucket=10, verbose=0).save_model(
        str(tmp_path / "v.bin")
    )
    with pytest.raises(ValueError, match="word vectors, not a classifier"):
        read_file(tmp_path / "v.bin")


def test_what_the_file_says_is_what_the_library_says(tmp_path: Path):
    import fasttext

    path = fitted(tmp_path / "m.bin", labelled(80))
    file, model = read_file(path), fasttext.load_model(str(path))
    assert [w.decode() for w in file.words] == model.get_words()
    assert [label.decode() for label in file.labels] == model.get_labels()
    rows, outputs = file.matrices
    assert (rows == model.get_input_matrix()).all()
    assert (outputs == model.get_output_matrix()).all()


@pytest.mark.parametrize(("column", "value"), [(0, 10**8), (1, 500_000_000), (1, -1)])
def test_pruned_ngrams_that_point_outside_are_refused_before_a_kernel_reads_there(tmp_path, column, value):
    good = Path(fasttext_file.__file__).with_name("lid.176.ftz")
    kept = read_file(good).kept
    assert kept is not None
    data = good.read_bytes()
    at = data.find(kept.tobytes())
    bad = kept.copy()
    bad[3, column] = value
    (tmp_path / "bad.ftz").write_bytes(data[:at] + bad.tobytes() + data[at + bad.nbytes :])
    with pytest.raises(
        ValueError, match=r"damaged: pruned n-grams name a bucket outside its \d+ or a row outside its \d+"
    ):
        read_file(tmp_path / "bad.ftz")


ARGUMENTS = 8
VOCABULARY = ARGUMENTS + 12 * 4 + 8


@pytest.mark.parametrize("loss", ["softmax", "hs"])
@pytest.mark.parametrize(
    ("at", "layout", "value", "said"),
    [
        (ARGUMENTS, "i", 4000, "its matrices do not fit its words, n-grams and labels"),
        (ARGUMENTS + 8 * 4, "i", 0, "n-grams in 0 buckets"),
        (ARGUMENTS + 8 * 4, "i", -5, "n-grams in -5 buckets"),
        (ARGUMENTS + 8 * 4, "i", 500, "its matrices do not fit"),
        (ARGUMENTS + 8 * 4, "i", 2**31 - 1, "n-grams in 2147483647 buckets"),
        (VOCABULARY, "i", -1, "in a vocabulary of -1"),
        (VOCABULARY + 4, "i", 3, "3 words and 2 labels in a vocabulary of"),
        ("matrix", "2q", "wide", "its matrices do not fit"),
        ("matrix", "2q", "negative", "a matrix of -"),
        ("count", "q", 10**15, "seen less than never"),
        ("count", "q", -1, "seen less than never"),
    ],
)
def test_a_model_whose_parts_do_not_fit_is_refused_before_a_kernel_or_the_library_reads_there(
    tmp_path: Path, loss, at, layout, value, said
):
    good = fitted(tmp_path / "m.bin", labelled(80), loss=loss)
    data, file = bytearray(good.read_bytes()), read_file(good)
    file.check_whole()
    if at == "matrix":
        at = file._at
        rows, width = struct.unpack_from("<2q", data, at)
        values = (rows * 2, width // 2) if value == "wide" else (-rows, -width)
    else:
        at, values = (data.find(file.labels[-1]) + len(file.labels[-1]) + 1 if at == "count" else at), (value,)
    struct.pack_into(f"<{layout}", data, at, *values)
    (tmp_path / "bad.bin").write_bytes(data)
    with pytest.raises(ValueError, match=said):
        read_file(tmp_path / "bad.bin").check_whole()


@pytest.mark.parametrize("values", [(16, 2**30, 2, 2), (16, 8, -7, 2), (16, 8, 2, 9)])
def test_a_quantiser_of_other_parts_than_its_numbers_is_refused(tmp_path: Path, values):
    good = Path(fasttext_file.__file__).with_name("lid.176.ftz")
    data, at = bytearray(good.read_bytes()), read_file(good)._at
    codes = struct.unpack_from("<?2qi", data, at)[3]
    struct.pack_into("<4i", data, at + 21 + codes, *values)
    (tmp_path / "bad.ftz").write_bytes(data)
    with pytest.raises(ValueError, match="a quantiser of 16 numbers in"):
        read_file(tmp_path / "bad.ftz").check_whole()
