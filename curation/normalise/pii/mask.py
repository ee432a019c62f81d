"""Masking: every piece of personal data that is found becomes a typed token, or a value of the same form that is nobody's.

find(text)          the pieces, in order
mask(text)          the text with tokens in their place, and how many of each type
replacement(…)      what stands in place of one piece
"""

from collections import Counter
from collections.abc import Collection
from typing import Literal

from curation.normalise.pii.address import addresses
from curation.normalise.pii.contact import emails, ips, phones, postal_codes
from curation.normalise.pii.folded import folded
from curation.normalise.pii.found import TYPES, Found, Taken
from curation.normalise.pii.numbers import NUMBERS

Style = Literal["token", "same_form"]

TOKENS = {
    "email": "【メールアドレス】",
    "phone": "【電話番号】",
    "postal_code": "【郵便番号】",
    "address": "【住所】",
    "my_number": "【個人番号】",
    "corporate_number": "【法人番号】",
    "bank_account": "【口座番号】",
    "card": "【カード番号】",
    "passport": "【旅券番号】",
    "driving_licence": "【免許証番号】",
    "ip": "【IPアドレス】",
    "person_name": "【氏名】",
}
"""What stands in place of each type: words in brackets, so that what is written about them stays readable."""

BY_FORM: tuple[str, ...] = tuple(t for t in TYPES if t != "person_name")
"""Types that are found by form and context, without morphemes."""


def find(text: str, types: Collection[str] = BY_FORM) -> list[Found]:
    """Pieces of personal data of these types, in order; none overlaps another. Names of persons are found elsewhere.

    >>> [(f.type, "03-1234-5678 taro@example.jp"[f.start:f.end]) for f in find("03-1234-5678 taro@example.jp")]
    [('phone', '03-1234-5678'), ('email', 'taro@example.jp')]
    """
    seen, taken = folded(text), Taken()
    if "email" in types:
        taken.add(emails(seen))
    if "ip" in types:
        taken.add(ips(seen))
    for kind, numbers in NUMBERS.items():
        if kind in types:
            taken.add(numbers(seen))
    if "phone" in types:
        taken.add(phones(seen))
    if "address" in types or "postal_code" in types:
        found = list(addresses(seen))
        if "address" in types:
            taken.add(found)
        if "postal_code" in types:
            taken.add(postal_codes(seen, found))
    return sorted(taken.pieces, key=lambda piece: piece.start)


def mask(text: str, types: Collection[str] = BY_FORM, style: Style = "token") -> tuple[str, Counter[str]]:
    """The text with personal data masked, and how many of each type there were.

    >>> mask("電話は075-123-4567、090 1234 5678か taro@example.ne.jp まで。")[0]
    '電話は【電話番号】、【電話番号】か 【メールアドレス】 まで。'
    >>> mask("電話は075-123-4567、", style="same_form")[0]
    '電話は000-000-0000、'
    >>> mask("2026-11-26 に 1,234,567 円")
    ('2026-11-26 に 1,234,567 円', Counter())
    """
    found = find(text, types)
    return masked(text, found, style), Counter(piece.type for piece in found)


def masked(text: str, found: list[Found], style: Style = "token") -> str:
    """The text with these pieces (in order, none overlapping another) replaced."""
    parts, at = [], 0
    for piece in found:
        parts += [text[at : piece.start], replacement(piece.type, text[piece.start : piece.end], style)]
        at = piece.end
    return "".join([*parts, text[at:]])


def replacement(kind: str, said: str, style: Style = "token") -> str:
    """What stands in place of a piece: its type's token, or the same form with nothing in it.

    Digits become 0 in their own width (漢数字 〇), letters of an address ○, of a name 〇〇; an e-mail address becomes
    xxxx@example.jp (RFC 2606), an IP address one for documentation (RFC 5737, RFC 3849).

    >>> [replacement("phone", t, "same_form") for t in ("０３（１２３４）５６７８", "〇三-一二三四-五六七八")]
    ['００（００００）００００', '〇〇-〇〇〇〇-〇〇〇〇']
    >>> replacement("address", "東京都千代田区霞が関2-1-3", "same_form"), replacement("email", "a@b.jp", "same_form")
    ('○○○○○○○○○○0-0-0', 'xxxx@example.jp')
    """
    if style == "token":
        return TOKENS[kind]
    if kind == "email":
        return "xxxx@example.jp"
    if kind == "ip":
        return "2001:db8::1" if ":" in said else "192.0.2.1"
    if kind == "person_name":
        return "〇〇"
    letters = kind == "address"
    return "".join(_blank(c, letters) for c in said)


def _blank(c: str, letters: bool) -> str:
    if "0" <= c <= "9":
        return "0"
    if "０" <= c <= "９":
        return "０"
    if c in "〇零一二三四五六七八九" and not letters:
        return "〇"
    if ("A" <= c <= "Z" or "Ａ" <= c <= "Ｚ") and not letters:
        return "X" if c <= "Z" else "Ｘ"
    return "○" if letters and c.isalpha() else c
