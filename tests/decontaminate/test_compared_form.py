"""What must not hide an item: readings in brackets, width, line breaks, white space; and the compiled form against the plain one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.decontaminate import overlap_kernel
from curation.decontaminate.compared_form import compared_form, without_readings
from curation.dedup.normal_form import normal_form

japanese = st.text(
    st.one_of(st.sampled_from("漢字米々𠮟かなカナーゞ・()（）《》｜|、。. \n「」Aａ1①"), st.characters(codec="utf-8")),
    max_size=60,
)


def by_kernel(form: str) -> str:
    """A normal form without readings, by the kernel."""
    points = np.array([ord(c) for c in form], np.uint32)
    n = overlap_kernel.plain_points(points, len(points))
    return "".join(map(chr, points[:n].tolist()))


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("米（こめ）を研（と）ぐ", "米を研ぐ"),
        ("米《こめ》を研《と》ぐ", "米を研ぐ"),
        ("｜お米《おこめ》", "お米"),
        ("東京（トウキョウ）", "東京"),
        ("東京 (ﾄｳｷｮｳ)", "東京"),
        ("米（rice）を", "米(rice)を"),
        ("米（精米）を", "米(精米)を"),
        ("おこめ（米）を", "おこめ(米)を"),
        ("かな（かな）を", "かな(かな)を"),
        ("米（）を", "米()を"),
        ("米（こめ", "米(こめ"),
        ("米（こめ》", "米(こめ》"),
        ("米（こ（め）", "米(こ(め)"),
        ("（こめ）", "(こめ)"),
        ("", ""),
        ("　\n", ""),
    ],
)
def test_readings_behind_kanji_go_and_nothing_else(text: str, form: str):
    assert compared_form(text) == form
    assert by_kernel(normal_form(text)) == form


def test_open_brackets_in_any_number_are_read_in_passing():
    form = "米(" * 50_000
    assert without_readings(form) == form == by_kernel(form)


@settings(max_examples=300, deadline=None)
@given(japanese)
def test_the_kernel_and_the_plain_function_agree(text: str):
    form = normal_form(text)
    assert by_kernel(form) == without_readings(form)


def test_they_agree_on_real_texts(scale_rows):
    for text in scale_rows(40):
        form = normal_form(text)
        assert by_kernel(form) == without_readings(form)
