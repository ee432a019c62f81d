"""Pages named by what they say of themselves and what their bytes are."""

import random

import pytest

from curation.extract.charset import Decoded, decode
from curation.extract.charset_labels import HEAD_BYTES, codec_of, stated

PROSE = "精米とは、玄米から糠を取り除くことです。カタカナのページもあります。" * 5
ALL = ["utf-8", "cp932", "euc_jp", "iso2022_jp"]


def page(label: str | None, text: str = PROSE) -> str:
    """A small page that states the label, or nothing; its title is the text's first word."""
    meta = f'<meta http-equiv="Content-Type" content="text/html; charset={label}">' if label else ""
    return f"<html><head>{meta}<title>{text[:2]}</title></head><body>\r\n<p>{text}</p></body></html>"


@pytest.mark.parametrize("codec", ALL)
@pytest.mark.parametrize(
    "header", ["utf-8", "Shift_JIS", "EUC-JP", "ISO-2022-JP", "iso-8859-1", "gb2312", "euc-kr", "none", None]
)
@pytest.mark.parametrize("meta", ["utf-8", "x-sjis", "euc-jp", "windows-1252", None])
def test_bytes_decide_whatever_header_and_meta_say(codec, header, meta):
    text = page(meta)
    got = decode(text.encode(codec), header)
    assert (got.text, got.encoding, got.replaced) == (text, codec, 0)


@pytest.mark.parametrize(
    ("header", "meta", "evidence"),
    [
        ("Shift_JIS", "utf-8", "http"),
        ("utf-8", "x-sjis", "meta"),
        (None, "Windows-31J", "meta"),
        ("utf-8", "euc-jp", "detected"),
    ],
)
def test_evidence_is_the_first_label_that_names_the_encoding_used(header, meta, evidence):
    assert decode(page(meta).encode("cp932"), header).evidence == evidence


def test_xml_declaration_is_evidence_before_meta():
    text = '<?xml version="1.0" encoding="EUC-JP"?>' + page("euc-jp")
    assert decode(text.encode("euc_jp"))[1:] == ("euc_jp", "xml", 0)


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_outranks_the_header_and_leaves_the_text(codec):
    got = decode(page("shift_jis").encode(codec), "euc-jp")
    assert (got.text, got.evidence) == (page("shift_jis"), "bom")


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_wide_encodings_without_a_mark_show_by_the_nuls_of_their_markup(codec):
    text = page(None, PROSE[:40])
    assert decode(text.encode(codec))[:3] == (text, codec, "detected")


def test_utf8_with_stray_bytes_stays_utf8_and_counts_them():
    raw = page("utf-8").encode()
    broken = raw.replace("玄米".encode(), b"\x93\x94", 2) + b"\xff"
    got = decode(broken, None)
    assert (got.encoding, got.replaced) == ("utf-8", 5)
    assert "糠を取り除く" in got.text


def test_a_replacement_character_of_the_page_itself_is_not_counted():
    assert decode("米\ufffd米".encode(), "utf-8") == Decoded("米\ufffd米", "utf-8", "http", 0)
    assert decode(("\ufffd" + PROSE).encode() + b"\xff", "utf-8").replaced == 1


@pytest.mark.parametrize("codec", ALL)
def test_a_cut_anywhere_keeps_the_encoding(codec):
    text = page(None)
    raw = text.encode(codec)
    for cut in range(len(raw) // 2, len(raw)):
        got = decode(raw[:cut])
        assert got.encoding == codec
        assert text.startswith(got.text.removesuffix("\ufffd"))
        assert got.replaced <= 1


def test_pages_in_other_encodings_follow_their_labels():
    for text, codec, label in [
        ("정미는 현미를 도정하는 것입니다. " * 5, "cp949", "euc-kr"),
        ("精米是指去除糠层的大米。这是一个网页。" * 5, "gb18030", "gb2312"),
        ("精米是指去除糠層的大米。這是一個網頁。" * 5, "big5hkscs", "big5"),
        ("Le riz blanc a été décortiqué à la façon de l'été. " * 5, "cp1252", "iso-8859-1"),
        ("Рис шлифованный очищают от отрубей. " * 5, "cp1251", "windows-1251"),
    ]:
        for header, meta in (
            (label, None),
            (None, label),
            ("iso-8859-1", label) if codec in ("cp949", "gb18030") else (label, label),
        ):
            got = decode(page(meta, text).encode(codec), header)
            assert (got.text, got.encoding, got.replaced) == (page(meta, text), codec, 0)


def test_unlabelled_chinese_and_korean_are_not_taken_for_japanese():
    korean = "정미는 현미를 도정하여 쌀겨를 없애는 것입니다. 한국어 페이지는 이렇게 생겼습니다. " * 20
    chinese = "精米是指去除糠层的大米，在中国的南方，人们每天都要吃米饭。这是一个没有声明编码的网页。" * 20
    assert decode(korean.encode("cp949"))[:2] == (korean, "cp949")
    assert decode(chinese.encode("gb18030"))[:2] == (chinese, "gb18030")


def test_curly_quotes_of_windows_do_not_make_a_page_japanese():
    text = "It’s the miller’s “white” rice – nothing else. " * 20
    assert decode(text.encode("cp1252"))[:2] == (text, "cp1252")


def test_unlabelled_kanji_without_kana_are_read_as_japanese():
    for codec in ("cp932", "euc_jp"):
        assert decode("会社概要".encode(codec)).text == "会社概要"


def test_half_width_kana_follow_a_shift_jis_label():
    text = "ｾｲﾏｲﾄﾊ ｹﾞﾝﾏｲｶﾗ ﾇｶｦﾄﾙｺﾄ"
    assert decode(text.encode("cp932"), "Shift_JIS")[:2] == (text, "cp932")


def test_jis_x_0213_is_read_where_it_is_declared():
    for label, codec in (("Shift_JIS-2004", "shift_jis_2004"), ("EUC-JIS-2004", "euc_jis_2004")):
        text = "俱楽部の𠮟る声は" + PROSE
        assert decode(text.encode(codec), label)[:2] == (text, codec)


@pytest.mark.parametrize("codec", ["cp932", "euc_jp"])
def test_a_law_of_few_kana_and_long_paragraphs_outweighs_a_chinese_label(codec):
    article = "農林水産大臣及び国土交通大臣環境基準達成を都道府県知事協議会長に報告" * 400
    text = "<title>法</title>" + article + "施行期日"
    for label in ("gb2312", "euc-kr", "big5", "iso-8859-1", None):
        assert decode(text.encode(codec), label)[:2] == (text, codec)


def test_few_utf8_pairs_yield_to_a_label_whose_encoding_holds_them_too():
    raw = "그".encode("cp949") + b"<p>"  # B1 D7 is no UTF-8; C2 A4 C3 B6 is, and is Korean as well
    assert decode(raw, "euc-kr").text == "그<p>"
    assert decode(b"\xd0\xa4\xd0\xb6", "euc-kr").encoding == "cp949"
    assert decode(b"\xd0\xa4\xd0\xb6", None).text == "Фж"
    assert decode("© 2026 Café".encode(), "gb2312").text == "© 2026 Café"


def test_ascii_is_named_by_its_label_or_ascii():
    assert decode(b"<p>rice</p>")[1:3] == ("ascii", "detected")
    assert decode(b"<p>rice</p>", "Shift_JIS")[1:3] == ("cp932", "http")
    assert decode(b"<p>rice</p>", "utf-16")[:2] == ("<p>rice</p>", "ascii")
    assert decode(b"")[:2] == ("", "ascii")


def test_nul_goes_and_line_ends_stay():
    assert decode("米\0粒\r\nい\rろ\n".encode(), "utf-8") == Decoded("米粒\r\nい\rろ\n", "utf-8", "http", 0)


def test_terminal_escapes_in_a_log_are_not_iso_2022_jp():
    log = b"\x1b[1m" + "起動しました。".encode() + b"\x1b(B\x1b[m"
    assert decode(log, "utf-8").encoding == "utf-8"
    assert decode(b"\x1b[1mstarted\x1b(B\x1b[m").text == "\x1b[1mstarted\x1b(B\x1b[m"


def test_a_utf8_page_that_quotes_escapes_stays_utf8():
    text = page("utf-8") + "\x1b$B"
    assert decode(text.encode(), None).text == text


@pytest.mark.parametrize(
    "label", ["utf-7", "unicode_escape", "cp037", "hex", "rot13", "mbcs", "x" * 99, "../x", "日本", "\0"]
)
def test_labels_that_no_page_may_choose_are_no_labels(label):
    assert codec_of(label) is None
    assert decode("+AGEAYg- 精米のページ".encode(), label).text == "+AGEAYg- 精米のページ"


def test_a_meta_in_a_comment_or_past_the_head_does_not_count():
    assert stated(b"<!-- <meta charset=euc-jp> --><meta charset='Shift_JIS'/>") == (("cp932", "meta"),)
    assert stated(b" " * HEAD_BYTES + b"<meta charset=euc-jp>") == ()
    assert stated(b"<!-- <meta charset=euc-jp>") == ()


def test_any_bytes_give_text_that_arrow_can_hold():
    rng = random.Random(0)
    pool = [
        rng.randbytes,
        lambda n: bytes(rng.choice(b"\x1b$B(J!~\x82\xa0\xa4\xa2\xe3\x81\x82<\x00\n\x8f\xff") for _ in range(n)),
    ]
    labels = [
        None,
        "utf-8",
        "shift_jis",
        "euc-jp",
        "iso-2022-jp",
        "utf-16",
        "gb2312",
        "big5",
        "euc-kr",
        "hz",
        "iso-2022-kr",
        "cp1251",
    ]
    for n in range(1500):
        got = decode(pool[n % 2](rng.randrange(200)), labels[n % len(labels)])
        got.text.encode("utf-8")
        assert "\0" not in got.text
        assert 0 <= got.replaced <= got.text.count("\ufffd")


def test_every_record_of_the_development_corpus_is_decoded_as_labelled(dev, records):
    wrong = []
    for url, payload, header, truth in records:
        want = payload.decode(truth).removeprefix("\ufeff").replace("\0", "")
        if truth == "euc-jp":
            want = want.translate(str.maketrans("〜‖−¢£¬", "～∥－￠￡￢"))
        if decode(payload, header)[::3] != (want, 0):
            wrong.append(url)
    assert len(records) == 2012
    assert wrong == []
