"""What the words around a number say that it is: one of the wanted type, something else, or nothing.

The nearest label decides. Labels of other things are the many words that stand before a number that names no person
(注文番号, 追跡番号, 型番, ISBN …); a unit behind it (円, 件, kg) says that it counts something.
"""

import re

BEFORE, AFTER = 40, 14
"""Characters before and after a piece that may speak of it."""

_OTHER = re.compile(
    r"(?:(?:(?<=[^のはがをにでともやたてだるい\W])|(?<=[払扱買使]い))番号|カード|[券証]|コード|ナンバー|[Nn][Oo]\.?|№|[Ii][Dd]|"
    r"IS[BS]N|JAN|EAN|UPC|GTIN|IMEI|型番|品番|SKU|シリアル|バーコード|キー|ハッシュ|タイムスタンプ|ログ|画像|識別子|伝票|書類|session|created_at|updated_at|hash|serial|key|code|order|tracking)"
    r"(?:の|は|が|を|も|とは|[:：=#|/・→>、,\s(（「\[［【)）」\]］】-])*$"
)
_LETTER_BEFORE = re.compile(r"(?:[A-Za-z0-9][./#-]?|[_%&?+~=]|約\s?|¥|\$)$")
_URL_BEFORE = re.compile(r"(?:://|www\.|[?&][\w.]+=)[!-~]*$")
_UNIT_AFTER = re.compile(
    r"\s?(?:円|人(?!名)|件(?!名)|個(?!人)|株(?!式)|台(?!帳)|枚|通(?!帳|知|称)|冊|本の|本が|ドル|元|km|kg|[gmt]\b|トン|%|百万|千|万|億|"
    r"号(?!室|棟)|名(?!義|前|称)|票|歳|回(?!線|答)|年(?!齢)|月|日(?!本)|時|バイト|文字|ページ|行|点|倍|度|秒|分)|[A-Za-z_]|\.\d|\.[a-z]|,\d|/\d"
)


def labelled(
    text: str, start: int, end: int, label: re.Pattern[str], label_after: re.Pattern[str] | None = None
) -> int:
    """1 where the label speaks of text[start:end], −1 where another does or a unit follows, 0 where nothing does.

    `label` is searched in the 40 characters before, `label_after` matched right behind; the nearest label wins.

    >>> card = re.compile("カード番号")
    >>> [labelled(t, len(t), len(t), card) for t in ("カード番号：", "カード番号と注文番号：", "それは")]
    [1, -1, 0]
    """
    if label_after is not None and label_after.match(text, end, end + AFTER):
        return 1
    before = text[max(0, start - BEFORE) : start]
    said = -1
    for match in label.finditer(before):
        said = match.end()
    other = _OTHER.search(before)
    if other is not None:
        word_end = other.start() + len(_word(other[0]))
        return 1 if said >= word_end else -1
    if said >= 0:
        return 1
    return -1 if counts_something(text, end) else 0


def counts_something(text: str, end: int) -> bool:
    """Whether a unit, a letter or more digits behind a number say that it is an amount or a part of something longer."""
    return _UNIT_AFTER.match(text, end) is not None


def in_a_url(text: str, start: int) -> bool:
    """Whether what begins there stands inside a URL or a query (…?id=0120444444).

    >>> in_a_url("https://example.jp/0120-444-444", 19), in_a_url("FAX/0120-444-444", 4)
    (True, False)
    """
    return _URL_BEFORE.search(text, max(0, start - BEFORE), start) is not None


def part_of_a_word(text: str, start: int) -> bool:
    """Whether letters, digits, a path or a sign stand straight before: then a run of digits is the end of something longer.

    >>> [part_of_a_word(t, len(t)) for t in ("pi 3.", "/p/", "約", "法人番号/", "No ")]
    [True, True, True, False, False]
    """
    return _LETTER_BEFORE.search(text, max(0, start - 3), start) is not None


def alone_on_its_line(text: str, start: int, end: int) -> bool:
    """Whether nothing but white space is beside it."""
    before, after = text[max(0, start - 8) : start], text[end : end + 8]
    head = before.rstrip(" ")
    tail = after.lstrip(" ")
    return (head.endswith("\n") or (not head and start <= len(before))) and (not tail or tail.startswith("\n"))


def _word(said: str) -> str:
    return said.rstrip("のはがをもと:：=#|/・→>-、, \n(（「[［【)）」]］】")
