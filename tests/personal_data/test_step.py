"""The step: the kernel's windows are the plain ones, the rules see in them what they see in the text, and no value stays anywhere."""

import random
import time

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.document import COLUMNS
from curation.normalise.pii import windows as plain
from curation.normalise.pii.found import TYPES
from curation.normalise.pii.mask import find, mask
from curation.normalise.pii.step import MASKED, MaskPersonalData
from curation.normalise.pii.windows_kernel import tables, windows
from curation.normalise.text_column import text_views
from recipes.engine.errors import RecipeError

PIECES = (
    *"0123456789０１９〇一二三十百-－ー（）()　 .．:：@＠/=の、。\nあa市県",
    *(
        "東京都",
        "千代田区",
        "霞が関",
        "丁目",
        "番地",
        "号",
        "03-1234-5678",
        "taro@example.jp",
        "(at)",
        "2001:db8::1",
        "𠮷",
        "つくば市",
    ),
    *(
        "電話",
        "個人番号",
        "法人番号",
        "〒",
        "6214 9832 0257",
        "4111111111111111",
        "普通",
        "銀行",
        "口座番号",
        "旅券番号",
        "TR0123456",
    ),
)
made_of_pieces = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


def compiled(text: str) -> list[tuple[int, int]]:
    data, offsets = text_views(pa.array(["前", text, "後"], pa.large_string()))
    found = [(a, b) for row, a, b in windows(data, offsets, *tables()).tolist() if row == 1]
    base = int(offsets[1])
    return [tuple(len(data[base:i].tobytes().decode()) for i in window) for window in found]  # type: ignore[misc]


@settings(max_examples=300, deadline=None)
@given(made_of_pieces)
def test_the_kernel_opens_the_windows_of_plain_python(text):
    assert compiled(text) == plain.windows(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(made_of_pieces, min_size=1, max_size=4).map(("米" * 70).join))
def test_the_rules_find_in_windows_what_they_find_in_the_text(text):
    step = MaskPersonalData()
    made = step.columns(pa.record_batch({"text": pa.array([text], pa.large_string())}))
    expected, counts = mask(text)
    assert made["text"].to_pylist() == [expected]
    assert {k: made[MASKED[k]][0].as_py() for k in counts} == counts


def test_kernel_and_rules_agree_on_real_pages(plain_pages, scale_rows, masked):
    pages = plain_pages(40) + scale_rows(30)
    assert [compiled(page) for page in pages[::4]] == [plain.windows(page) for page in pages[::4]]
    assert masked(pages)[0] == [mask(page)[0] for page in pages]


def test_texts_are_masked_and_counted_by_type(masked):
    text, counts = masked(["電話03-1234-5678、090-1234-5678", None, "", "米", "𠮷田 taro@example.jp"])
    assert text == ["電話【電話番号】、【電話番号】", None, "", "米", "𠮷田 【メールアドレス】"]
    assert counts["phone"] == [2, 0, 0, 0, 0]
    assert counts["email"] == [0, 0, 0, 0, 1]


def test_a_form_is_kept_where_asked_for(masked):
    (text,), _ = masked(
        ["電話 ０３－１２３４－５６７８、〒100-0001 東京都千代田区千代田1-1 taro@mail.jp"], style="same_form"
    )
    assert text == "電話 ００－００００－００００、〒000-0000 ○○○○○○○○○○0-0 xxxx@example.jp"


def test_masking_twice_changes_nothing(values, places, masked):
    texts = [t.text for t in values.planted(places, times=1, seed=3)]
    once, _ = masked(texts, person_names=True)
    again, counts = masked(once, person_names=True)
    assert again == once
    assert not any(sum(found) for found in counts.values())


def test_no_value_is_in_the_text_afterwards(values, places, masked):
    texts = [t for t in values.planted(places, times=2, seed=5) if t.pieces]
    made, _ = masked([t.text for t in texts])
    kept = [
        (piece, t.text)
        for t, now in zip(texts, made, strict=True)
        for piece in t.pieces
        if piece[0] != "person_name" and t.text[piece[1] : piece[2]] in (now or "")
    ]
    assert len(kept) <= 0.01 * sum(len(t.pieces) for t in texts), kept


def test_title_and_types_are_the_recipes_choice():
    step = MaskPersonalData(columns=["text", "title"], types=["phone"])
    step.setup()
    row = {"text": ["a@example.jp 03-1234-5678"], "title": ["電話 03-1234-5678"]}
    made = step.columns(pa.record_batch({k: pa.array(v, pa.large_string()) for k, v in row.items()}))
    assert made["text"].to_pylist() == ["a@example.jp 【電話番号】"]
    assert made["title"].to_pylist() == ["電話 【電話番号】"]
    assert made["masked_phone"].to_pylist() == [2]
    assert set(made) == set(step.writes) == {"text", "title", "masked_phone"}


def test_every_type_has_its_column():
    assert [name for name in COLUMNS if name.startswith("masked_")] == [MASKED[kind] for kind in TYPES]


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"types": []}, "'types' is a list of types"),
        ({"types": ["person_name"]}, "person_names: true"),
        ({"columns": []}, "'columns' names text, title or both"),
        ({"types": ["fax"]}, "types.0: Input should be 'email', 'phone'"),
        ({"style": "black"}, "style: Input should be 'token' or 'same_form'"),
    ],
)
def test_what_a_recipe_cannot_mean_is_refused(parameters, said):
    from recipes.engine.blocks import build

    with pytest.raises(RecipeError, match=said):
        build("mask_personal_data", parameters, "here")


def test_a_huge_text_takes_as_long_as_its_parts(masked):
    page = "精米は楽しい。問い合わせは03-1234-5678まで。" + "玄米を白米にする。" * 50
    huge = page * 8000  # 11 MB
    began = time.process_time()
    (text,), counts = masked([huge])
    assert time.process_time() - began < 20
    assert counts["phone"] == [8000]
    assert text is not None
    assert len(text) == len(huge) - 8000 * (len("03-1234-5678") - len("【電話番号】"))


@pytest.mark.parametrize(
    "piece",
    ["1", "1 ", "0-", "一", "1.", "@", ":", "東京都", "東京都1", "a@", "03-1234-", "〒1", "a.", "0a:", "字大字"],
)
def test_no_text_takes_time_that_grows_with_its_square(piece, masked):
    began = time.process_time()
    masked([piece * (60_000 // len(piece))])
    assert time.process_time() - began < 10


def test_bytes_that_are_no_text_harm_nobody():
    rng = random.Random(0)
    raw = bytes(
        rng.choice([0xE3, 0x81, 0xEF, 0xBC, 0x90, 0x30, 0x31, 0x40, 0x3A, 0xF0, 0xFF, 0x80]) for _ in range(4000)
    )
    data, offsets = np.frombuffer(raw, np.uint8), np.arange(0, 4001, 400, dtype=np.int64)
    offsets.flags.writeable = False  # as Arrow's are: one compilation
    assert windows(data, offsets, *tables()).shape[1] == 3


def test_what_was_masked_is_in_no_statistic():
    step = MaskPersonalData()
    step.columns(pa.record_batch({"text": pa.array(["03-1234-5678"], pa.large_string())}))
    assert "1234" not in repr(step.stats)
    assert find("03-1234-5678")
