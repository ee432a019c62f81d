"""Spaces, line breaks and invisible characters: worked values, and the kernel against the reference."""

import pytest

from curation.normalise.whitespace import Whitespace, whitespace


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("一\r\n二\r三\u2028四\x85五\x0c六", "一\n二\n三\n四\n五\n六"),
        ("\ufeff\x00ほう\u200bじ\u00ad茶\u202e\x1b\ufffc", "ほうじ茶"),
        ("\u3000字下げ。\n \u3000\u3000下げ。", "字下げ。\n下げ。"),
        ("巴 マミ\u3000さん\xa0\u2003です", "巴 マミ さん です"),
        ("品名 \t 値段\t\t数", "品名\t値段\t数"),
        ("def f(x):\n\tif x:\n    return  1 \n x", "def f(x):\n\tif x:\n    return  1\nx"),
        ("\n\n一\n\n\n \u3000\n二\n\n", "一\n\n二"),
        ("👨\u200d👩\u200d👧と山\u200d田、می\u200cخواهم", "👨\u200d👩\u200d👧と山田、می\u200cخواهم"),
        ("❤️\u200d🔥\u200d\u200d", "❤️\u200d🔥\u200d"),
        ("こわれた\ufffd字", "こわれた\ufffd字"),
        ("𠮷󠄀\ue000", "𠮷󠄀\ue000"),
        ("", ""),
        (" \n\u3000\n", ""),
    ],
)
def test_what_stays_of_spaces(text, expected, rewritten):
    assert whitespace(text) == expected
    assert rewritten(Whitespace(), [text]) == [expected]


def test_blank_lines_and_ideographic_spaces_by_choice(rewritten):
    text = "\u3000一 \u3000 二\n\n\n\n三"
    assert rewritten(Whitespace(blank_lines=0), [text]) == ["一 二\n三"]
    assert rewritten(Whitespace(blank_lines=2), [text]) == ["一 二\n\n\n三"]
    assert rewritten(Whitespace(ideographic_space="keep"), [text]) == ["\u3000一\u3000二\n\n三"]


def test_a_negative_number_of_blank_lines_is_refused():
    with pytest.raises(ValueError, match="blank_lines must be 0 or more, not -1"):
        Whitespace(blank_lines=-1)


@pytest.mark.parametrize("options", [{}, {"blank_lines": 0}, {"blank_lines": 3, "ideographic_space": "keep"}])
def test_the_kernel_equals_the_reference_and_a_second_pass_changes_nothing(options, random_texts, pages, rewritten):
    characters = (
        " \t\u3000\xa0\n\r\v\x85\u2028\u200b\u200d\u200c\ufeff\xadaあ漢x👨न\u2602\ufe0fé\x00\U0001f469\uffff\ufffd"
    )
    texts = random_texts(characters, 20_000) + pages[:1000]
    expected = [whitespace(text, **options) for text in texts]
    assert rewritten(Whitespace(**options), [*texts, None]) == [*expected, None]
    assert [whitespace(text, **options) for text in expected] == expected
