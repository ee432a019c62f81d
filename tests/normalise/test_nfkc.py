"""NFKC with the documented exceptions: worked values, every character of Unicode, random text, real pages, and neologdn's cases."""

import json
import pickle
import re
import unicodedata
from itertools import product

import numpy as np
import pytest

from curation.normalise.nfkc import Nfkc, nfkc
from curation.normalise.nfkc_kernel import rewrite, rules
from curation.normalise.text_column import text_views, with_room

DIFFICULT = "，．：；ａＺ０９あかはホがﾊﾎｶﾞﾟ゛゜\u3099\u309aゝヽウう①㈱㎡ABC \n…～〜㌔㌹Ⅳ²½´\ufa19ｱｰ｡ー\u200d🍣"
CHOICES = list(product(("keep", "fold"), repeat=2))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ＳＥＩＭＡＩ　２０２６＋＝＠", "SEIMAI\u30002026+=@"),
        ("ﾊﾝｶｸｶﾅ､ｶﾞｷﾞﾊﾟﾋﾟｳﾞ｡｢ｰ｣･", "ハンカクカナ、ガギパピヴ。「ー」・"),
        ("か\u3099は\u309aう゛ほﾟゝ゛", "がぱゔぽゞ"),
        ("あ゛あﾞん゜(´ﾟДﾟ｀)￣", "あ゛あ゛ん゜(´゜Д゜`)￣"),
        ("10m² H₂O 3³ ½ ™ ª", "10m² H₂O 3³ ½ ™ ª"),
        ("待って…‥︙", "待って…‥…"),
        ("問①は㈱の℡、㎡と℃、第Ⅳ章、㍻", "問①は㈱の℡、㎡と℃、第Ⅳ章、㍻"),
        ("１０～２０、10〜20、~", "10〜20、10〜20、~"),
        ("そう？（はい！）［１］｛ａ｝", "そう？（はい！）［1］｛a｝"),
        ("３．１４、１２：３０、Ａ；Ｂ、１，０００．．", "3.14、12:30、A;B、1,000.."),
        ("です．ます，例：Ａ", "です．ます，例：A"),
        ("福神祥（\ufa1b\ufa19\ufa1a）", "福神祥（福神祥）"),
        ("⽇本語 ﬁn ﾡ", "日本語 fin ᄀ"),
        ("é e\u0301 각 \u1100\u1161\u11a8", "é é 각 각"),
        ("ー―—─−－", "ー―—─−-"),
        ("𝐀𝟙 𠮷野家 葛󠄀", "A1 𠮷野家 葛󠄀"),
        ("", ""),
        ("\x00\n", "\x00\n"),
    ],
)
def test_what_is_folded_and_what_is_kept(text, expected, rewritten):
    assert nfkc(text) == expected
    assert rewritten(Nfkc(), [text]) == [expected]


def test_symbols_are_written_out_by_choice_but_keep_their_superscripts():
    assert nfkc("①⑴㈱㊤㌔㎡㎥㍻№℡℃Ⅳⅲ", symbols="fold") == "1(1)(株)上キロm²m³平成NoTEL°CIViii"


def test_punctuation_folds_as_in_plain_nfkc_by_choice():
    text = "そう？（はい！）［１］：；，．｛ａ｝‼"
    assert nfkc(text, punctuation="fold") == unicodedata.normalize("NFKC", text)


def test_every_character_is_as_in_nfkc_but_for_the_documented_kinds():
    kept = re.compile("<super>|<sub>|<fraction>")
    symbols = re.compile("[₨℀℁℃℅℆℉№℡℻\u2160-\u217f\u2460-\u24ff\u3200-\u33ff\U0001f100-\U0001f2ff]")
    every = [chr(c) for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    untouched = "\n".join(c for c in every if unicodedata.normalize("NFKC", c) == c and not unicodedata.combining(c))
    assert nfkc(untouched) == untouched
    for char in every:
        plain = unicodedata.normalize("NFKC", char)
        if plain == char:
            continue
        if kept.match(unicodedata.decomposition(char)) or symbols.match(char) or plain[0] == " ":
            assert nfkc(char) == char, hex(ord(char))
        elif char in "…‥″‴‵‶‷⁗！（），．：；？［］｛｝｟｠‼⁇⁈⁉":
            assert nfkc(char) == char
        else:
            other = {"～": "〜", "︙": "…", "︰": "‥", "ﾞ": "゛", "ﾟ": "゜"}
            assert nfkc(char) == other.get(char, plain), hex(ord(char))


@pytest.mark.parametrize(("symbols", "punctuation"), CHOICES)
def test_the_kernel_equals_the_reference_on_every_special_character_and_on_random_text(
    symbols, punctuation, random_texts, rewritten
):
    texts = random_texts(DIFFICULT, 6000)
    special = [chr(c) for c in range(0x110000) if unicodedata.decomposition(chr(c)) or unicodedata.combining(chr(c))]
    texts += [char + "か" + char + "゛" for char in special]
    expected = [nfkc(text, symbols, punctuation) for text in texts]
    assert rewritten(Nfkc(symbols, punctuation), texts) == expected
    assert [nfkc(text, symbols, punctuation) for text in expected[:6000]] == expected[:6000]


def test_pages_with_combining_marks_are_left_to_python_and_come_out_the_same(random_texts, rewritten):
    import pyarrow as pa

    texts = [text + "e\u0301か\u3099" for text in random_texts(DIFFICULT, 300)]
    data, offsets = text_views(pa.array(texts, pa.large_string()))
    _, (_, _, odd) = with_room(lambda room: rewrite(data, offsets, room, *rules("keep", "keep")), offsets)
    assert odd.all()
    assert rewritten(Nfkc(), [*texts, None, "ｱ"]) == [*map(nfkc, texts), None, "ア"]


def test_text_that_grows_eleven_times_finds_room(rewritten):
    text = "\ufdfa" * 1000
    assert rewritten(Nfkc(), [text]) == [unicodedata.normalize("NFKC", text)]


def test_bytes_that_are_no_utf8_harm_nothing():
    rng = np.random.default_rng(5)
    data = rng.integers(0, 256, 200_000, np.uint8)
    offsets = np.concatenate([[0], np.sort(rng.integers(0, 200_000, 500)), [200_000]]).astype(np.int64)
    _, (ends, _, _) = with_room(lambda room: rewrite(data, offsets, room, *rules("keep", "keep")), offsets)
    assert (np.diff(ends) >= 0).all()


def test_real_pages_come_out_as_by_the_reference_and_as_plain_nfkc_where_no_exception_stands(pages, rewritten):
    made = rewritten(Nfkc(), pages)
    assert made == list(map(nfkc, pages))
    exceptions = {c for c in set("".join(pages)) if nfkc(c) != unicodedata.normalize("NFKC", c)} | set("ﾞﾟ゛゜，．：；")
    plain = [k for k, page in enumerate(pages) if exceptions.isdisjoint(page)]
    assert len(plain) > 200
    assert all(made[k] == unicodedata.normalize("NFKC", pages[k]) for k in plain)


def test_a_step_travels_to_a_worker_and_an_unchanged_batch_is_not_copied(rewritten):
    step = Nfkc()
    step.setup()
    assert rewritten(pickle.loads(pickle.dumps(step)), ["ＡＢ", None]) == ["AB", None]
    assert rewritten(step, []) == []


DIFFERENT_FROM_NEOLOGDN = {
    "o₋o": "a subscript minus is kept with all subscripts",
    "majika━": "a ruled line is no 長音; guessing is left to others",
    "スーパーーーー": "emphasis by ーーー is the writer's",
    "a˗֊‐‑‒–⁃⁻₋−": "hyphens, dashes and minus are different characters",
    "あ﹣－ｰ—―─━ー": "hyphens, dashes and minus are different characters",
    "A ˗あ": "hyphens, dashes and minus are different characters",
    "わ〰い": "tildes are kept",
    "チルダ~∼∾〜〰～": "tildes are kept",
    "1467〜1487年": "tildes are kept, as by its `ignore`",
    "1467~1487年": "an ASCII tilde stays what it is",
    "A ~あ": "an ASCII tilde stays what it is",
    "A ～あ": "a full-width tilde is a wave dash",
}
"""Inputs of neologdn's own tests whose result is another here, and why. (Spaces are not compared: `whitespace` keeps 巴 マミ.)"""


def test_neologdn_agrees_on_widths_and_differs_where_it_deletes(dev):
    lines = (dev / "known_answers" / "neologdn_normalize.jsonl").read_text().splitlines()
    cases = [case for line in lines if (case := json.loads(line))["call"] == "normalize"]
    different = [c for c in cases if re.sub("[ \u3000]", "", nfkc(c["args"][0])) != c["expected"].replace(" ", "")]
    assert {case["args"][0] for case in different} == set(DIFFERENT_FROM_NEOLOGDN)
    assert len(cases) - len(different) == 18
