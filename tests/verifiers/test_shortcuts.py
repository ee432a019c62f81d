"""What is looked at first, because it is cheap, never changes what is found: each shortcut against the long way."""

import re
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synth.verify import abstention, conduct, exact_math, grounding, injection, notation, repetition
from synth.verify.answer import _NARROW, _PLAIN, _STABLE, _UNSEEN, nfkc
from synth.verify.numerals import number

STABLE = [chr(code) for code in range(0x10000) if re.fullmatch(f"[{_STABLE}]", chr(code))]
USUAL = st.text(st.sampled_from("米のは。、！？（）～Ａ０\u3000…ｶﾞ①か\u3099é\u0301가각㍻\n"), max_size=30)


@given(USUAL | st.text(max_size=30))
def test_nfkc_is_that_of_unicode(text: str):
    assert nfkc(text) == unicodedata.normalize("NFKC", text)


@pytest.mark.parametrize("before", ["", "か", "ウ", "A", "e", "=", "가"])
def test_characters_that_are_left_alone_compose_with_nothing(before: str):
    assert len(STABLE) > 20_000
    for c in (*STABLE, *_NARROW):
        assert unicodedata.normalize("NFKC", before + c) == before + _NARROW.get(c, c)


def test_nothing_that_nobody_sees_is_plain():
    seen = (c for code in range(0x110000) if not _UNSEEN.search(c := chr(code)) or _PLAIN.fullmatch(c) is None)
    assert sum(1 for _ in seen) == 0x110000


@given(
    st.integers(1, 120),
    st.integers(0, 3),
    st.text("あい、。", max_size=20),
    st.text("うえ、。", max_size=20),
    st.data(),
)
def test_no_loop_is_overlooked(period: int, more: int, before: str, after: str, data: st.DataObject):
    unit = data.draw(st.text("おかきくけ、", min_size=period, max_size=period))
    loop = (unit * (max(20, 4 * period) // period + 2))[: max(20, 4 * period) + more]
    assert repetition._come_thrice(before + loop + after)


@given(
    st.text("あいうえお、。\n", min_size=10, max_size=30),
    st.lists(st.text("かきくけこ、。", max_size=9), min_size=4, max_size=4),
)
def test_no_sentence_that_recurs_is_overlooked(sentence: str, between: list[str]):
    text = sentence.join(between)
    if len(re.sub(r"\W", "", sentence)) >= 10:
        assert repetition._come_thrice(re.sub(r"\W", "", text))


@given(st.from_regex(abstention._UNKNOWN))
def test_all_that_says_unknown_has_one_of_the_words_looked_for(text: str):
    assert any(word in text for word in abstention._IN_UNKNOWN)


@given(st.from_regex(conduct._SELF))
def test_all_self_identification_has_one_of_the_names_looked_for(text: str):
    assert any(name in text.casefold() for name in conduct._NAMED)


@given(st.from_regex(notation._ANY_DATE))
def test_all_dates_have_one_of_the_marks_looked_for(text: str):
    assert any(mark in text for mark in "年-/")


def test_values_are_those_that_are_found_without_looking_at_the_first_character(all_goldens):
    first = rf"(?=[-−▲△マ\\.\d{exact_math._K}])"
    assert exact_math._VALUE.pattern.startswith(first)
    whole = re.compile(exact_math._VALUE.pattern.removeprefix(first))
    for golden in all_goldens:
        found = [m.span() for m in exact_math._VALUE.finditer(golden.answer)]
        assert found == [m.span() for m in whole.finditer(golden.answer)]


@given(st.integers(0, 10**30))
def test_a_plain_whole_number_is_read_as_the_long_way_reads_it(n: int):
    assert number(str(n)) == number(f"+{n}") == n


PASSAGE = "国境の長いトンネルを抜けると雪国であった。夜の底が白くなった。信号所に汽車が止まった。"


@given(st.integers(5, 15), st.integers(0, 40), st.integers(1, 30), st.text("カキク", max_size=9))
def test_every_copied_span_holds_a_half_that_is_looked_for(longest: int, at: int, length: int, before: str):
    spec = grounding.CopiedSpan(passages=(PASSAGE,), longest=longest)
    copied = PASSAGE[at : at + length]
    verdict = spec.verify("", f"え{before}{copied}お")
    assert verdict.outcome == ("fail" if len(copied) >= longest else "pass")


@pytest.mark.parametrize("number", range(len(injection._PATTERNS)))
@settings(suppress_health_check=[HealthCheck.filter_too_much])  # word boundaries filter out most of what is drawn
@given(data=st.data())
def test_all_that_speaks_to_a_judge_has_one_of_the_words_looked_for(number: int, data: st.DataObject):
    words, pattern = injection._PATTERNS[number]
    text = data.draw(st.from_regex(re.compile(pattern.pattern, pattern.flags & ~re.I)))
    assert any(word in text.casefold() for word in words)


def test_every_word_in_latin_letters_is_looked_for_where_four_stand_together():
    assert all(word in injection._WITHOUT_LATIN or injection._LATIN.search(word) for word in injection._WORDS)
    assert not any(re.search("[A-Z]", word) for word in injection._WORDS)


@given(st.from_regex(re.compile(injection._LIKE_A_VERDICT.pattern, re.M)))
def test_all_that_is_like_a_verdict_has_one_of_the_words_looked_for(text: str):
    assert any(word in text.casefold() for word in injection._MAYBE)
