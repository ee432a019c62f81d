"""Personal data in a passage, masked before it becomes a seed: telephone numbers, e-mail addresses, My Numbers, card numbers.

Masks are words in brackets, so that what is written about the passage stays readable. A My Number is 12 digits whose check digit is
right (総務省令第85号第5条), a card number 14 to 16 digits that pass Luhn: other long numbers are left alone. Names and addresses
cannot be found by a pattern; a recipe that must not show them takes only sources without them.
"""

import re
from collections import Counter

_EMAIL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+[@＠][A-Za-z0-9!-]+(?:\.[A-Za-z0-9!-]+)*\.[A-Za-z]{2,}")
_DIGIT, _GAP = r"[0-9０-９]", r"[-‐‑–−－ー（）() 　]?"
_PHONE = re.compile(
    rf"(?<![0-9０-９.])(?:(?:[+＋]|00|010)?(?:81|８１){_GAP}(?:\(0\))?|[(（]?[0０])(?:{_DIGIT}{_GAP}){{8,10}}{_DIGIT}(?![0-9０-９])"
)
_LONG = re.compile(rf"(?<![0-9０-９])(?:{_DIGIT}[- 　－]?){{11,15}}{_DIGIT}(?![0-9０-９])")
MASKS = {"email": "【メールアドレス】", "phone": "【電話番号】", "my_number": "【個人番号】", "card": "【カード番号】"}
"""What stands in place of each kind."""


def mask(text: str) -> tuple[str, Counter[str]]:
    """The text with personal data masked, and how many of each kind there were.

    >>> mask("電話は075-123-4567、090 1234 5678か taro@example.ne.jp まで。")[0]
    '電話は【電話番号】、【電話番号】か 【メールアドレス】 まで。'
    >>> mask("2026-11-26 に 1,234,567 円")
    ('2026-11-26 に 1,234,567 円', Counter())
    """
    found = Counter[str]()

    def masked(kind: str) -> str:
        found[kind] += 1
        return MASKS[kind]

    def of_number(match: re.Match[str]) -> str:
        digits = _digits(match[0])
        if len(digits) == 12 and my_number(digits):
            return masked("my_number")
        return masked("card") if 14 <= len(digits) <= 16 and luhn(digits) else match[0]

    def of_phone(match: re.Match[str]) -> str:
        return masked("phone") if _is_phone(match[0]) else match[0]

    text = _EMAIL.sub(lambda _: masked("email"), text)
    text = _LONG.sub(of_number, text)
    return _PHONE.sub(of_phone, text), found


def my_number(digits: str) -> bool:
    """Whether 12 digits are an individual number: the last one is the check digit of the others.

    >>> my_number("621498320257"), my_number("621498320258")
    (True, False)
    """
    weighted = sum(int(d) * (n + 1 if n <= 6 else n - 5) for n, d in enumerate(reversed(digits[:11]), 1))
    rest = weighted % 11
    return int(digits[11]) == (0 if rest <= 1 else 11 - rest)


def luhn(digits: str) -> bool:
    """Whether a card number's check digit is right (ISO/IEC 7812-1)."""
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _digits(text: str) -> str:
    return "".join(str(int(c)) for c in text if c.isdigit())


def _is_phone(text: str) -> bool:
    """10 digits for a landline, 11 for mobiles, one less and the country's own in front; not a date or another number in groups."""
    digits = _digits(text)
    for country in ("01081", "0081", "81"):
        if digits.startswith(country) and not text.startswith(("0 ", "０ ")):
            rest = digits[len(country) :].removeprefix("0")
            return 9 <= len(rest) <= 10
    return digits.startswith("0") and 10 <= len(digits) <= 11 and digits[1] != "0"
