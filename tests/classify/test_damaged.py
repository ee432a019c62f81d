"""Text made bad by program: each kind does what it is called, with the text's own words, and the same for the same seed."""

import random
from collections import Counter

import pytest

from curation.classify.damaged import KINDS, damaged, sentences
from curation.features.words import Tokeniser

TEXT = "精米とは、玄米から糠を取り除くことである。\n米の表面を削ると、白い胚乳が現れる。水加減は季節によって変える！"


@pytest.fixture(scope="module")
def tokenise() -> Tokeniser:
    return Tokeniser()


def made(kind: str, tokenise: Tokeniser, seed: int = 0, text: str = TEXT) -> str:
    return KINDS[kind](text, random.Random(seed), tokenise)


def test_sentences_together_are_the_text():
    assert "".join(sentences(TEXT)) == TEXT
    assert sentences("。。米。\n\n糠") == ["。", "。", "米。", "\n\n", "糠"]


def test_shuffled_words_keep_every_character_and_every_end_of_a_sentence(tokenise):
    bad = made("shuffled_words", tokenise)
    assert bad != TEXT
    assert Counter(bad) == Counter(TEXT)
    assert [s[-1] for s in sentences(bad)] == [s[-1] for s in sentences(TEXT)]


def test_wrong_particles_change_nothing_but_particles(tokenise):
    words, parts = tokenise(TEXT)
    bad = made("wrong_particles", tokenise)
    assert bad != TEXT
    kept = [w for w, p in zip(words, parts, strict=True) if p != "助詞"]
    place = 0
    for word in kept:
        place = bad.index(word, place) + len(word)


def test_lists_are_made_of_the_texts_own_words(tokenise):
    words = set(tokenise(TEXT)[0])
    nouns = {w for w, p in zip(*tokenise(TEXT), strict=True) if p == "名詞"}
    listed = made("keyword_list", tokenise)
    assert all(w in nouns for w in listed.translate(str.maketrans("、｜/\n　,", "      ")).split())
    assert all(any(w in line for w in words) for line in made("menu", tokenise).split("\n"))


def test_teasers_break_every_sentence_off(tokenise):
    lines = made("teasers", tokenise).split("\n")
    assert len(lines) == 3
    assert all("…" in line or line.endswith("...") for line in lines)


def test_templates_repeat_a_phrase_with_other_nouns(tokenise):
    bad = made("template", tokenise, text=TEXT * 5)
    assert max(Counter(bad[i : i + 4] for i in range(len(bad))).values()) > 3


def test_mojibake_leaves_some_lines(tokenise):
    text = "\n".join(f"{n} 番目の行は読める。" for n in range(40))
    lines = made("mojibake", tokenise, text=text).split("\n")
    whole = sum(line in text for line in lines)
    assert 5 < whole < 35


def test_the_same_seed_gives_the_same_text_and_other_seeds_others(tokenise):
    kinds = list(KINDS)
    assert damaged(TEXT, kinds, "a", tokenise) == damaged(TEXT, kinds, "a", tokenise)
    drawn = {damaged(TEXT, kinds, str(n), tokenise)[0] for n in range(60)}
    assert drawn == set(kinds)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("text", ["", "\n", "123", "。", "あ"])
def test_a_text_without_material_gives_a_text_or_nothing_and_no_error(kind: str, text: str, tokenise):
    assert isinstance(made(kind, tokenise, text=text), str)
