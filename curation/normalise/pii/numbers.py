"""Numbers that name a person, a firm or an account, in folded text: form, check digit, and what the words around them say."""

import re
from collections.abc import Callable, Iterator

from curation.normalise.pii import check_digits
from curation.normalise.pii.evidence import alone_on_its_line, counts_something, in_a_url, labelled, part_of_a_word
from curation.normalise.pii.folded import digits_of
from curation.normalise.pii.found import Found

_IS = r"(?:の|記載の?|[ (]{1,2})?(?:番号|[Nn][Oo]\.?|ナンバー|欄)?"
_TWELVE = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][-. ])(?:[0-9]{12}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4})(?![0-9A-Za-z])(?![- ][0-9]{4}(?![0-9]))"
)
_MY_NUMBER = re.compile(
    rf"(?:マイナンバー|ﾏｲﾅﾝﾊﾞｰ|個人番号|通知カード|[Mm][Yy][ _-]?[Nn](?:umber|UMBER))(?:カード)?{_IS}"
)
_MY_NUMBER_AFTER = re.compile(r"[ ()「は]{0,3}(?:マイナンバー|個人番号)")
_LICENCE = re.compile(rf"(?:運転免許証?|免許証|免許の番号|[Dd]river'?s? [Ll]icen[sc]e){_IS}(?:[Nn]umber)?")
_LICENCE_AFTER = re.compile(r"[ ()号]{0,4}(?:自動車)?(?:運転免許|免許証)")


def my_numbers(text: str) -> Iterator[Found]:
    """マイナンバー: twelve digits with a right check digit, behind its name, or in groups of four where nothing says what else it is.

    >>> [text[f.start:f.end] for text in ["個人番号621498320257、注文番号621498320257"] for f in my_numbers(text)]
    ['621498320257']
    """
    for match in _TWELVE.finditer(text):
        start, end = match.span()
        if not check_digits.my_number(digits_of(match[0])) or in_a_url(text, start):
            continue
        said = labelled(text, start, end, _MY_NUMBER, _MY_NUMBER_AFTER)
        grouped = match[1] is not None and not part_of_a_word(text, start)
        if (said > 0 and not counts_something(text, end)) or (said == 0 and grouped):
            yield Found("my_number", start, end)


def driving_licences(text: str) -> Iterator[Found]:
    """Numbers of driving licences: twelve digits with a right check digit behind 免許証, or before it.

    >>> [text[f.start:f.end] for text in ["免許証番号 第459803358720号"] for f in driving_licences(text)]
    ['459803358720']
    """
    for match in _TWELVE.finditer(text):
        start, end = match.span()
        if (
            check_digits.driving_licence(digits_of(match[0]))
            and labelled(text, start, end, _LICENCE, _LICENCE_AFTER) > 0
        ):
            yield Found("driving_licence", start, end)


_THIRTEEN = re.compile(
    r"(?<![0-9])(?<![0-9][-.])(?:[0-9]{13}|[0-9]-[0-9]{4}-[0-9]{4}-[0-9]{4})(?![0-9A-Za-z])(?!-[0-9])"
)
_CORPORATE = re.compile(rf"(?:法人番号|登録番号|インボイス|[Cc]orporate[ _][Nn]umber){_IS}")
_CORPORATE_AFTER = re.compile(r"[ ()は]{0,3}法人番号")
_INVOICE = re.compile(r"(?<![A-Za-z0-9])T$")


def corporate_numbers(text: str) -> Iterator[Found]:
    """法人番号: thirteen digits with a right check digit behind its name or T, or alone on a line; not the number of an article.

    >>> [text[f.start:f.end] for text in ["登録番号：T7000012050002"] for f in corporate_numbers(text)]
    ['7000012050002']
    """
    for match in _THIRTEEN.finditer(text):
        start, end = match.span()
        digits = digits_of(match[0])
        if not check_digits.corporate_number(digits):
            continue
        invoice = _INVOICE.search(text, max(0, start - 2), start) is not None
        if not invoice and in_a_url(text, start):
            continue
        said = 1 if invoice else labelled(text, start, end, _CORPORATE, _CORPORATE_AFTER)
        article = digits.startswith(("45", "49", "978", "979")) and check_digits.gtin(digits)
        if (said > 0 and not counts_something(text, end)) or (
            said == 0 and not article and alone_on_its_line(text, start, end)
        ):
            yield Found("corporate_number", start, end)


_CARD = re.compile(
    r"(?<![0-9A-Za-z])(?<![0-9][-. ])(?:[0-9]{14,16}|[0-9]{4}([ -])[0-9]{4}\1[0-9]{4}\1[0-9]{4}|[0-9]{4}([ -])[0-9]{6}\2[0-9]{4,5})"
    r"(?![0-9A-Za-z])(?![-. ][0-9])"
)
_CARD_LABEL = re.compile(
    r"(?:カード|クレカ|クレジット|[Cc]ard|CARD|[Vv]isa|VISA|JCB|[Mm]aster(?:[Cc]ard)?|アメックス|AMEX|ダイナース|マスター|PAN)"
    rf"(?:[_ ][Nn]umber)?{_IS}"
)
_OTHER_CARD = re.compile(r"(?:ポイント|会員|図書|診察|保険|テレホン)カード[^0-9]{0,6}$")


def cards(text: str) -> Iterator[Found]:
    """Card numbers: 14 to 16 digits of a scheme's range that pass Luhn, unless a label says that they are something else.

    >>> [text[f.start:f.end] for text in ["4111-1111-1111-1111、注文番号4111111111111111"] for f in cards(text)]
    ['4111-1111-1111-1111']
    """
    for match in _CARD.finditer(text):
        start, end = match.span()
        digits = digits_of(match[0])
        if not (check_digits.card_brand(digits) and check_digits.luhn(digits)):
            continue
        if in_a_url(text, start) or counts_something(text, end):
            continue
        before = text[max(0, start - 40) : start]
        if labelled(text, start, end, _CARD_LABEL) >= part_of_a_word(text, start) and not _OTHER_CARD.search(before):
            yield Found("card", start, end)


_SEVEN = re.compile(r"(?<![0-9A-Za-z])(?<![0-9][-.,])[0-9]{7,8}(?![0-9A-Za-z])(?![-.,][0-9])")
_BANK = re.compile(r"銀行|信用金庫|信金|信用組合|信組|農協|農業協同組合|ＪＡ|JA|労働金庫|労金|金融機関|ゆうちょ")
_KIND = re.compile(r"(?:普通|当座|貯蓄|\(普\)|\(当\))(?:預金)?(?:口座)?(?:番号)?[^0-9\n円株車郵残]{0,6}$")
_ACCOUNT = re.compile(
    r"口座(?:番号|[Nn][Oo]\.?|№)[^0-9\n]{0,8}$|口座(?:番号)?\([^()\n]{0,4}7桁\)[\s:は]{0,2}$|(?:普通|当座)(?:預金)?口座[^0-9\n数開]{0,4}$"
)
_AT_BRANCH = re.compile(r"口座.*(?:支店|本店|出張所|営業部)[^0-9]{0,3}$")
_TRANSFER = re.compile(r"(?:振替|口座)[^0-9\n]{0,8}([0-9]{5}-[0-9]-[0-9]{1,7})(?![0-9-])")
_INSURANCE = re.compile(r"保険|年金|国債|社債")
_POST_OFFICE = re.compile(r"記号[^0-9\n]{0,4}([0-9]{5})(?![0-9])[^0-9\nの]{0,4}番号[^0-9\n]{0,4}([0-9]{2,8})(?![0-9])")


def bank_accounts(text: str) -> Iterator[Found]:
    """Numbers of bank accounts: seven digits behind 口座番号, or behind 普通, 当座, 貯蓄 with a bank or branch named before.

    Also accounts of the post office (記号 and 番号, 振替口座).

    >>> [text[f.start:f.end] for text in ["米銀行 水支店 普通 0123456、普通株式 0123456株"] for f in bank_accounts(text)]
    ['0123456']
    """
    for pattern in (_TRANSFER, _POST_OFFICE):
        for match in pattern.finditer(text):
            before = text[max(0, match.start() - 40) : match.start()]
            named = _BANK.search(before) or "口座" in before or "振込" in before or "貯金" in before
            if pattern is _POST_OFFICE and not named and (match[1][0] != "1" or _INSURANCE.search(before)):
                continue  # of an insurance card, a bond: a symbol and a number, too
            for group in range(1, (pattern.groups or 0) + 1):
                yield Found("bank_account", match.start(group), match.end(group))
    for match in _SEVEN.finditer(text):
        start, end = match.span()
        before = text[max(0, start - 40) : start]
        if counts_something(text, end):
            continue
        named = _KIND.search(before) and (
            _BANK.search(before) or "支店" in before or "口座" in before or "振込" in before
        )
        if _ACCOUNT.search(before) or named or (_AT_BRANCH.search(before) and _BANK.search(before)):
            yield Found("bank_account", start, end)


_PASSPORT = re.compile(r"(?<![0-9A-Za-z])[A-Z]{2}[0-9]{7}(?![0-9A-Za-z])")
_PASSPORT_LABEL = re.compile(rf"(?:パスポート|旅券|[Pp]assport|PASSPORT)(?:[_ ](?:[Nn]umber|NUMBER))?{_IS}")


def passports(text: str) -> Iterator[Found]:
    """Numbers of Japanese passports: two capital letters and seven digits behind パスポート or 旅券.

    >>> [text[f.start:f.end] for text in ["旅券番号 TR0123456、型番 TR0123456"] for f in passports(text)]
    ['TR0123456']
    """
    for match in _PASSPORT.finditer(text):
        if labelled(text, match.start(), match.end(), _PASSPORT_LABEL) > 0:
            yield Found("passport", match.start(), match.end())


NUMBERS: dict[str, Callable[[str], Iterator[Found]]] = {
    "card": cards,
    "corporate_number": corporate_numbers,
    "driving_licence": driving_licences,
    "my_number": my_numbers,
    "bank_account": bank_accounts,
    "passport": passports,
}
"""Type → what finds it, in the order in which they are tried."""
