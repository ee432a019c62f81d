"""The normal form against its written specification, and the compiled kernel against the plain reference."""

import hashlib
import json
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup import form_kernel
from curation.dedup.normal_form import fold_table, form_key, kernel_tables, normal_form
from curation.dedup.unicode_14 import LATER, normalize

VECTORS = [
    json.loads(line) for line in (Path(__file__).parent / "normal_form_vectors.jsonl").read_text("utf-8").splitlines()
]
SPECIFICATION = Path(__file__).parents[2] / "docs" / "normal-form.md"

japanese = st.text(
    st.one_of(
        st.sampled_from(
            "ｶﾞﾊﾟｳﾜ゛゜\u3099\u309aかはうゝヽワ（）、。，．〜～―− \u3000\n\x00①㈱㌔ﷺ½´¨￣"
            "e\u0301\u0323한\u1112\u1161\u11ab😀\u200d\ufe0f葛\U000e0100"
        ),
        st.characters(codec="utf-8"),
    )
)


def by_kernel(text: str) -> str | None:
    """The form by the kernel, None where it refuses the text."""
    data = np.frombuffer(text.encode(), np.uint8)
    points = np.empty(len(data) + form_kernel.SLACK, np.uint32)
    n = form_kernel.form_points(data, 0, len(data), *kernel_tables(), points)
    if n == form_kernel.REFUSED:
        return None
    out = np.empty(int(form_kernel.utf8_length(points, n)), np.uint8)
    assert form_kernel.write_utf8(points, n, out, 0) == len(out)
    return out.tobytes().decode()


def test_there_are_at_least_200_distinct_vectors():
    assert len({v["text"] for v in VECTORS}) >= 200


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: ascii(v["text"]))
def test_the_form_is_the_one_in_the_specification(vector):
    assert normal_form(vector["text"]) == vector["form"]
    assert by_kernel(vector["text"]) in (vector["form"], None)


def test_the_kernel_settles_half_width_kana_and_kaomoji_without_help():
    for text in ("ｶﾞｷﾞｸﾞ ﾊﾟﾋﾟﾌﾟ", "(´・ω・`)", "(￣ー￣)", "か゛", "❤️👨‍👩‍👧", "①㈱㌔", "𠮟る"):
        assert by_kernel(text) == normal_form(text)


def test_the_kernel_refuses_marks_jamo_and_malformed_bytes():
    for raw in (
        "e\u0301".encode(),
        "\u1112\u1161".encode(),
        b"\xe3\x81",
        b"\xff",
        b"\xc0\x80",
        b"\xed\xa0\x80",
        b"\xf4\x90\x80\x80",
        b"\xf0\x80\x80\x80",
    ):
        data = np.frombuffer(raw, np.uint8)
        points = np.empty(len(raw) + form_kernel.SLACK, np.uint32)
        assert form_kernel.form_points(data, 0, len(data), *kernel_tables(), points) == form_kernel.REFUSED


def test_the_kernel_composes_voiced_kana_exactly_where_nfc_does():
    for code in range(0x3000, 0x3100):
        for mark in "\u3099\u309a":
            text = chr(code) + mark
            if by_kernel(chr(code)) is not None:
                assert by_kernel(text) == normal_form(text), ascii(text)


@settings(max_examples=400, deadline=None)
@given(japanese)
def test_kernel_and_reference_agree_and_a_form_is_its_own_form(text):
    form = normal_form(text)
    assert by_kernel(text) in (form, None)
    assert normal_form(form) == form


def test_kernel_and_reference_agree_on_every_code_point_between_two_kana():
    for code in [
        *range(0x3000),
        *range(0xA000, 0xA900),
        *range(0xF900, 0x10000),
        *range(0x1D400, 0x1D800),
        *range(0x1F100, 0x1F300),
    ]:
        text = f"か{chr(code)}き"
        assert by_kernel(text) in (normal_form(text), None), hex(code)


def test_kernel_and_reference_agree_on_every_code_point_before_a_mark():
    """After an expansion that ends in a mark (İ → i, U+0307) NFC sorts a dakuten before it; the kernel refuses."""
    marked = [
        chr(code)
        for code in range(0x80, 0x30000)
        if unicodedata.decomposition(chr(code)) or unicodedata.combining(chr(code))
    ]
    for mark in "\u3099\u309a\uff9e\uff9f\u0301\u0323":
        for char in marked:
            text = char + mark
            assert by_kernel(text) in (normal_form(text), None), (hex(ord(char)), hex(ord(mark)))
    assert by_kernel("İ\u3099") is None


def test_random_bytes_never_leave_the_buffer():
    random = np.random.default_rng(7)
    for _ in range(300):
        data = random.integers(0, 256, 40).astype(np.uint8)
        points = np.full(40 + form_kernel.SLACK + 8, 0xDEAD, np.uint32)
        n = form_kernel.form_points(data, 0, 40, *kernel_tables(), points)
        assert n <= 40 + form_kernel.SLACK
        assert (points[40 + form_kernel.SLACK :] == 0xDEAD).all()
        if n >= 0:
            assert by_kernel(data.tobytes().decode()) == normal_form(data.tobytes().decode())


def test_a_form_longer_than_its_text_takes_the_reference():
    text = "ﷺ" * 100
    assert by_kernel(text) is None
    assert normal_form(text) == "صلىاللهعليهوسلم" * 100


def test_the_fold_table_is_the_one_that_the_specification_pins():
    lines = "\n".join(f"{c:X} {f}" for c, f in sorted(fold_table().items()))
    digest = hashlib.sha256(lines.encode()).hexdigest()
    text = SPECIFICATION.read_text("utf-8")
    assert digest in text
    assert f"{len(fold_table()):,} lines" in text


def test_code_points_after_unicode_14_stand_for_themselves_on_any_python():
    for piece in LATER.split():
        first, _, last = piece.partition("-")
        for code in (int(first, 16), int(last or first, 16)):
            assert normal_form(chr(code)) == chr(code)
    assert normalize("NFC", "か\U0001e08f\u3099") == "か\U0001e08f\u3099"


def test_keys_are_sha256_of_the_form():
    assert form_key("abc").hex() == "ba7816bf8f01cfea414140de5dae2223"  # FIPS 180-2, example B.1
    assert form_key(normal_form("ＡＢＣ")) == form_key("abc")


@pytest.mark.parametrize("text", ["ほうじ茶", "한국어 문서", "naïve café", "Ελληνικά"])
def test_forms_of_plain_words_are_casefolded_nfc(text):
    expected = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold().replace(" ", ""))
    assert normal_form(text) == expected
