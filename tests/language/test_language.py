"""Language and kana: held against fastText itself, a plain count, and the labels of the development corpus."""

import csv
import hashlib
import pickle
import random
import re
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from fastwarc.warc import ArchiveIterator, WarcRecordType
from resiliparse.extract.html2text import extract_plain_text

from curation.classify import lid_model
from curation.classify.language import Language, is_japanese, sampled
from curation.extract.charset import decode
from curation.features.kana import kana_ratio

JA = "精米とは、玄米から糠を取り除くことです。"
ZH = "精米是指去除糠层的大米，在中国的南方，人们每天都要吃米饭。"
KO = "정미는 현미를 도정하여 쌀겨를 없애는 것입니다."
EN = "Milling takes the bran off brown rice. "


def made(texts: list[str | None], characters: int = 1000) -> list[dict]:
    """What the step writes for these texts."""
    step = Language(characters)
    step.setup()
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    kept, rejected = step.split(batch)
    assert rejected is None
    return kept.drop_columns(["text"]).to_pylist()


@pytest.fixture(scope="module")
def fasttext():
    """fastText's own model."""
    import fasttext

    return fasttext.load_model(str(lid_model.MODEL))


@pytest.fixture(scope="module")
def pages(dev: Path) -> list[tuple[dict[str, str], str]]:
    """(row of truth.tsv, all text of the page) of every labelled record."""
    with (dev / "truth.tsv").open(encoding="utf-8", newline="") as file:
        truth = {row["url"]: row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    found = []
    for path in sorted((dev / "warc").glob("*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.response):
                if row := truth.get(record.headers["WARC-Target-URI"]):
                    html = decode(record.reader.read()).text
                    found.append((row, html if "plain" in row["http_content_type"] else extract_plain_text(html)))
    return found


def predicted(model, texts: list[str]) -> tuple[str, float]:
    """fastText's answer for windows of a text as one line, by the binding behind `predict` (which fails with NumPy 2)."""
    line = re.sub(r"[\n\r]", " ", " ".join(texts))
    [(score, label)] = model.f.predict(line + "\n", 1, 0.0, "strict")
    return label.removeprefix("__label__"), score


def test_languages_of_sentences():
    rows = made([JA, ZH, KO, EN])
    assert [row["language"] for row in rows] == ["ja", "zh", "ko", "en"]
    assert all(row["language_score"] > 0.5 for row in rows)
    assert rows[0]["kana_ratio"] == pytest.approx(11 / 20)  # とは から を り くことです
    assert [row["kana_ratio"] for row in rows[1:]] == [0, 0, 0]


def test_a_text_without_letters_has_no_language():
    rows = made(["", " \n", "123-456 ！？　☆", "〒１００", None])
    assert [row["language"] for row in rows] == [None] * 5
    assert [row["language_score"] for row in rows] == [None] * 5
    assert [row["kana_ratio"] for row in rows] == [0, 0, 0, 0, None]


def test_a_japanese_manual_full_of_commands_is_told_from_an_english_page():
    manual = "apt-get install rice-mill --yes && systemctl enable rice-mill.service\n" * 3 + JA * 3
    japanese, english = made([manual, EN * 20])
    assert is_japanese(japanese["language"], japanese["kana_ratio"])
    assert not is_japanese(english["language"], english["kana_ratio"])


def test_the_sample_is_eight_parts_that_start_at_every_eighth_byte():
    text = "".join(chr(0x4E00 + n) for n in range(4000))
    parts = sampled(text, 1000)
    assert [len(part) for part in parts] == [125] * 8
    assert [text.index(part) for part in parts] == [500 * k for k in range(8)]
    assert sampled("a" * 1000, 1000) == ["a" * 1000]


def test_parts_do_not_overlap_where_characters_are_of_different_length():
    text = "a" * 700 + "".join(chr(0x4E00 + n) for n in range(700))
    read = "".join(sampled(text, 1000)).replace("a", "")
    assert len(read) > 500
    assert len(set(read)) == len(read)


def test_too_few_characters_are_refused():
    with pytest.raises(ValueError, match="at least 8"):
        Language(characters=7)


def test_the_step_travels_to_a_worker_without_its_model():
    step = Language()
    step.setup()
    assert len(pickle.dumps(step)) < 5000


def test_equal_to_fasttext_on_random_text(fasttext):
    rng = random.Random(0)
    letters = "abz ZÄß .,-_19\t\nあア漢字가я中ﾊ𠮟🍚\u3000</s>"
    words = ["</s>", "the", "de", "日本", "__label__ja", "__label__", "<", ">", "и", "\u2028"]
    texts = ["".join(rng.choices(letters, k=rng.randrange(1, 300))) for _ in range(300)]
    texts += [" ".join(rng.choices(words, k=rng.randrange(1, 30))) for _ in range(100)]
    texts = [t.replace("</s>", "<s>").replace("__label__", "label") for t in texts]  # the library stops reading there
    for text, row in zip(texts, made(texts), strict=True):
        if row["language"] is None:
            assert not any(unicodedata.category(c)[0] == "L" for c in text)
            continue
        label, score = predicted(fasttext, [text])
        assert row["language_score"] == pytest.approx(min(score, 1), abs=1e-3)
        assert row["language"] == label or score < 0.5


def test_the_librarys_own_marks_in_a_page_are_words_like_others():
    rows = made([JA + " </s> " + JA, JA + " __label__en " + JA])
    assert [row["language"] for row in rows] == ["ja", "ja"]


def test_equal_to_fasttext_on_the_development_corpus(pages, fasttext):
    texts = [text for _, text in pages]
    for text, row in zip(texts, made(texts), strict=True):
        if row["language"] is not None:
            label, score = predicted(fasttext, sampled(text))
            assert row["language"] == label
            assert row["language_score"] == pytest.approx(min(score, 1), abs=6e-4)


def test_kana_ratio_equals_a_plain_count(pages):
    rng = random.Random(1)
    edges = [
        0x3040,
        0x3041,
        0x3096,
        0x3097,
        0x309C,
        0x309D,
        0x30A0,
        0x30A1,
        0x30FA,
        0x30FB,
        0x30FC,
        0x3100,
        0x31EF,
        0x31F0,
    ]
    edges += [
        0x31FF,
        0x3200,
        0xFF65,
        0xFF66,
        0xFF9F,
        0xFFA0,
        0x20,
        0x1C,
        0x85,
        0xA0,
        0x1680,
        0x2000,
        0x200B,
        0x3000,
        0x1F35A,
    ]
    texts = ["".join(map(chr, rng.choices(edges, k=rng.randrange(40)))) for _ in range(2000)]
    texts += [text for _, text in pages[::5]]
    got = [row["kana_ratio"] for row in made(texts)]
    assert got == pytest.approx([kana_ratio(text) for text in texts], abs=1e-6)


def test_what_the_sample_loses_against_the_whole_text(pages):
    texts = [text for _, text in pages]
    sample, whole = made(texts), made(texts, characters=1 << 40)
    agree = np.mean([a["language"] == b["language"] for a, b in zip(sample, whole, strict=True)])
    kept = [[is_japanese(r["language"], r["kana_ratio"]) for r in rows] for rows in (sample, whole)]
    assert agree >= 0.99
    assert np.mean(np.equal(*kept)) >= 0.995


def untranslated(text: str) -> bool:
    """Whether hardly a letter is other than Latin: manuals in packages of a translation that nobody has translated yet."""
    letters = [c for c in text if c.isalpha()]
    return sum(c.isascii() for c in letters) >= 0.85 * len(letters)


def test_the_rule_keeps_japanese_and_rejects_every_other_language(pages):
    """The truth is the package, Aozora or e-Gov, and no count of kana."""
    rows = made([text for _, text in pages])
    seen: dict[str, list[bool]] = {}
    for (truth, text), row in zip(pages, rows, strict=True):
        if int(truth["text_chars"]) < 400:
            continue
        group = truth["package_lang"]
        if group == "ja" and untranslated(text):
            group = "ja, but in English"
        seen.setdefault(group, []).append(is_japanese(row["language"], row["kana_ratio"]))
    assert len(seen["ja"]) == 1509
    assert np.mean(seen["ja"]) >= 0.997
    assert len(seen["ja, but in English"]) == 98
    assert np.mean(seen["ja, but in English"]) < 0.1
    for group in ("en", "ko", "fr", "tr", "zh-Hans", "zh-Hant"):
        assert np.mean(seen[group]) <= 0.005, group


def test_a_file_that_is_no_model_is_named(tmp_path):
    path = tmp_path / "lid.ftz"
    path.write_bytes(b"not a model")
    with pytest.raises(ValueError, match=r"lid\.ftz: no fastText model"):
        lid_model.load(path)


def test_the_packaged_model_is_the_published_one():
    licence = lid_model.MODEL.with_name("lid.176.LICENCE.txt").read_text()
    assert hashlib.sha256(lid_model.MODEL.read_bytes()).hexdigest() in licence
    model = lid_model.load()
    assert len(model.labels) == 176
    assert {"ja", "zh", "ko", "en"} <= set(model.labels)
