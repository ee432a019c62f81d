"""The form in which texts are held against evaluation items: the normal form without readings.

Width, case, punctuation style, white space and line breaks are gone with the normal form (docs/normal-form.md). Readings that an
extractor or an author wrote behind kanji, 米（こめ） and 米《こめ》, cut every n-gram of a sentence in two and would hide an item, so
they go too, from pages and items alike; and | with them, which begins a word with a reading in 青空文庫's notation and parts cells of
tables. A reading without brackets (米こめ) cannot be told from text.
"""

from curation.dedup.normal_form import FORM_VERSION, normal_form

VERSION = f"{FORM_VERSION}, readings removed"
"""Said in manifests."""

CLOSING = {"(": ")", "《": "》"}


def compared_form(text: str) -> str:
    """The compared form of a text; '' for one of white space.

    >>> compared_form("精米（せいまい）は、\\n｜米《こめ》を削る。")
    '精米は,米を削る.'
    """
    return without_readings(normal_form(text))


def without_readings(form: str) -> str:
    """A normal form without `|`, and without kana in brackets that stand behind kanji; the reference of the compiled kernel.

    Brackets are ( ) and 《 》; what stands before them is the last character that was kept, so that 漢(かん)字(じ) is 漢字.

    >>> without_readings("漢(かん)字(じ)|表《ひょう》(注)犬(いぬ)"), without_readings("犬さん(いぬ)")
    ('漢字表(注)犬', '犬さん(いぬ)')
    """
    kept: list[str] = []
    i, n = 0, len(form)
    while i < n:
        c = form[i]
        i += 1
        if c == "|":
            continue
        if c in CLOSING and kept and is_kanji(kept[-1]):
            end = i
            while end < n and is_kana(form[end]):
                end += 1
            if end > i and end < n and form[end] == CLOSING[c]:
                i = end + 1
                continue
        kept.append(c)
    return "".join(kept)


def is_kanji(c: str) -> bool:
    """Ideographs of all blocks, and 々.

    >>> [is_kanji(c) for c in "米々𠮟かカA"]
    [True, True, True, False, False, False]
    """
    return ("㐀" <= c <= "鿿" and not "䷀" <= c <= "䷿") or c == "々" or "\U00020000" <= c <= "\U0003ffff"


def is_kana(c: str) -> bool:
    """Hiragana and katakana with their marks (ー ゝ ヽ ·), as they stand in a normal form.

    >>> [is_kana(c) for c in "かガーゞ·米)"]
    [True, True, True, True, True, False, False]
    """
    return "ぁ" <= c <= "ゟ" or "ァ" <= c <= "ヿ" or c == "·"
