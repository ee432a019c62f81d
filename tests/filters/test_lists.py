"""Lists of words and of URLs that a recipe brings along."""

import pickle
from collections.abc import Sequence

import pyarrow as pa
import pytest

from curation.filters.ng_words import NgWords
from curation.filters.url_blocklist import UrlBlocklist


def batch(texts: Sequence[str | None]) -> pa.RecordBatch:
    """Texts as rows travel."""
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def lines(folder, name, *entries):
    path = folder / name
    path.write_text("\n".join(entries) + "\n", encoding="utf-8")
    return str(path)


def test_any_listed_word_rejects_and_is_named(tmp_path):
    step = NgWords([lines(tmp_path, "ng.txt", "賭博", "", " 賭博場 ", "違法")])
    made = step.columns(batch(["米を研ぐ", "賭博場と違法", None, ""]))
    assert made["reason"].to_pylist() == [None, "ng_words", None, None]
    assert made["detail"].to_pylist()[1] == "賭博場"
    assert made["value"].to_pylist()[1] == 5 / 6


def test_a_share_may_be_allowed(tmp_path):
    # 賭博 is 2 of 40 characters: 0.05 is kept, 2 of 39 is not
    step = NgWords([lines(tmp_path, "ng.txt", "賭博")], max_fraction=0.05)
    made = step.columns(batch(["賭博" + "米" * 38, "賭博" + "米" * 37]))
    assert made["reason"].to_pylist() == [None, "ng_words"]
    assert made["threshold"].to_pylist() == [None, 0.05]


def test_katakana_words_may_have_to_stand_alone(tmp_path):
    words = lines(tmp_path, "ng.txt", "アス", "エロ")
    texts = ["アスパラガス", "アスを見る", "リュックとピエロ", "エロ。", "aアスa", "アスアス"]
    loose, strict = NgWords([words]), NgWords([words], whole_katakana=True)
    assert [r is not None for r in loose.columns(batch(texts))["reason"].to_pylist()] == [True] * 6
    assert [r is not None for r in strict.columns(batch(texts))["reason"].to_pylist()] == [
        *(False, True, False, True, True, False)
    ]


@pytest.mark.parametrize("whole_katakana", [False, True])
def test_hojichars_own_lists_decide_as_hojichar(pages, whole_katakana):
    from hojichar import Document
    from hojichar.filters import document_filters as original

    folder = original.BASE_PATH / "dict"
    for name in ("adult_keywords_ja.txt", "discrimination_keywords_ja.txt", "violence_keywords_ja.txt"):
        theirs = original.NgWordsFilterJa(folder / name, ignore_confused=whole_katakana)
        ours = NgWords([str(folder / name)], whole_katakana=whole_katakana).columns(batch(pages[::3]))["reason"]
        expected = [bool(theirs.apply(Document(page)).is_rejected) for page in pages[::3]]
        assert [r is not None for r in ours.to_pylist()] == expected


def urls(*given):
    return pa.record_batch({"url": pa.array(given, pa.large_string())})


def blocked(step, *given):
    step = pickle.loads(pickle.dumps(step))
    step.setup()
    return [None if d is None else d.rsplit(": ")[1] for d in step.columns(urls(*given))["detail"].to_pylist()]


def test_a_domain_stands_for_all_hosts_under_it_and_for_no_other(tmp_path):
    step = UrlBlocklist([lines(tmp_path, "domains", "*.5ch.net", "# comment", "Example.COM", "wikipedia.org")])
    given = (
        *("https://hayabusa9.5ch.net/test/", "http://www.example.com:8080/", "https://ja.wikipedia.org/wiki/米"),
        *("https://notexample.com/", "https://example.com.jp/", None, "mailto:a@example.com", "http://[::1/"),
    )
    assert blocked(step, *given) == ["5ch.net", "example.com", "wikipedia.org", *[None] * 5]


def test_a_path_stands_for_the_pages_under_it(tmp_path):
    step = UrlBlocklist([lines(tmp_path, "urls", "https://example.com/ads/", "example.net/p?id=3")])
    given = ("http://example.com/ads/1.html", "http://www.example.com/ads", "http://example.com/adsense")
    assert blocked(step, *given) == ["example.com/ads", "example.com/ads", None]
    assert blocked(step, "http://example.net/p?id=3", "http://example.net/p?id=33") == ["example.net/p?id=3", None]


def test_the_list_that_blocked_is_named(tmp_path):
    adult, shops = lines(tmp_path, "adult", "a.example"), lines(tmp_path, "shops", "a.example", "b.example")
    step = UrlBlocklist([adult, shops])
    step.setup()
    assert step.columns(urls("http://b.example/", "http://x.a.example/"))["detail"].to_pylist() == [
        f"{shops}: b.example",
        f"{adult}: a.example",
    ]


def test_lists_that_cannot_be_read_are_named(tmp_path):
    empty, binary = tmp_path / "empty", tmp_path / "binary"
    empty.write_text("\n \n")
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="there is no list"):
        NgWords([str(tmp_path / "none")])
    with pytest.raises(ValueError, match="no word in"):
        NgWords([str(empty)])
    with pytest.raises(ValueError, match="is not UTF-8"):
        NgWords([str(binary)])
    with pytest.raises(ValueError, match="there is no list"):
        UrlBlocklist([str(tmp_path / "none")])
    with pytest.raises(ValueError, match="names no file"):
        UrlBlocklist([])
    for path, said in ((empty, "no entry in"), (binary, "is not UTF-8")):
        with pytest.raises(ValueError, match=said):
            UrlBlocklist([str(path)]).setup()
