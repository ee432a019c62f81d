"""Check digits of the numbers that name a person, a firm or an account.

A number of the right length passes by chance once in 9 to 11 times, so a check digit refutes and does not prove: what stands
around the number decides as well (`numbers.py`).
"""


def my_number(digits: str) -> bool:
    """Whether 12 digits are an individual number (マイナンバー): the last one checks the others (総務省令第85号第5条).

    Twelve times the same digit is nobody's.

    >>> my_number("621498320257"), my_number("621498320258"), my_number("000000000000")
    (True, False, False)
    """
    if len(digits) != 12 or len(set(digits)) == 1:
        return False
    weighted = sum(int(d) * (n + 1 if n <= 6 else n - 5) for n, d in enumerate(reversed(digits[:11]), 1))
    rest = weighted % 11
    return int(digits[11]) == (0 if rest <= 1 else 11 - rest)


def corporate_number(digits: str) -> bool:
    """Whether 13 digits are a corporate number (法人番号): the first one checks the others (財務省令第70号第2条).

    >>> corporate_number("7000012050002"), corporate_number("7000012050003")
    (True, False)
    """
    if len(digits) != 13 or len(set(digits)) == 1:
        return False
    weighted = sum(int(d) * (1 if n % 2 else 2) for n, d in enumerate(reversed(digits[1:]), 1))
    return int(digits[0]) == 9 - weighted % 9


def luhn(digits: str) -> bool:
    """Whether a card number's check digit is right (ISO/IEC 7812-1, annex B).

    >>> luhn("4111111111111111"), luhn("4111111111111112")
    (True, False)
    """
    doubled = [int(d) * (2 if i % 2 else 1) for i, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def driving_licence(digits: str) -> bool:
    """Whether 12 digits are the number of a Japanese driving licence: the commission's code first, the eleventh digit checks the ten.

    Weights 5 4 3 2 7 6 5 4 3 2, modulus 11; what is subtracted from 11 keeps its last digit. Example by hand: 4598033587 weighs
    174, and 11 − 174 mod 11 = 2.

    >>> driving_licence("459803358720"), driving_licence("459803358710"), driving_licence("159803358720")
    (True, False, False)
    """
    if len(digits) != 12 or digits[:2] not in _COMMISSIONS:
        return False
    weighted = sum(int(d) * w for d, w in zip(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2), strict=False))
    return int(digits[10]) == (11 - weighted % 11) % 10


_COMMISSIONS = frozenset(
    str(n)
    for first, last in ((10, 14), (20, 25), (30, 30), (40, 49), (50, 55), (60, 65), (70, 74), (80, 83), (90, 97))
    for n in range(first, last + 1)
)
"""Codes of the public safety commissions, 北海道 10 to 沖縄 97."""


def gtin(digits: str) -> bool:
    """Whether 12, 13 or 14 digits pass as the number of an article (JAN, EAN, UPC, ISBN-13): what a corporate number must not be.

    >>> gtin("9784873115658"), gtin("4901085000000")
    (True, False)
    """
    weighted = sum(int(d) * (3 if n % 2 else 1) for n, d in enumerate(reversed(digits[:-1]), 1))
    return int(digits[-1]) == -weighted % 10


def card_brand(digits: str) -> bool:
    """Whether the first digits and the length are those of a card scheme (ISO/IEC 7812 ranges of the schemes used in Japan).

    Visa, Mastercard, JCB, American Express, Diners Club, Discover and UnionPay.

    >>> [card_brand(n) for n in ("4111111111111111", "3530111333300000", "378282246310005", "1234567890123456")]
    [True, True, True, False]
    """
    size, four = len(digits), int(digits[:4])
    if size == 16:
        return (
            4000 <= four <= 4999
            or 5100 <= four <= 5599
            or 2221 <= four <= 2720
            or 3528 <= four <= 3589
            or four == 6011
            or 6200 <= four <= 6299
            or 6440 <= four <= 6599
        )
    if size == 15:
        return digits[:2] in ("34", "37")
    return size == 14 and (3000 <= four <= 3059 or digits[:2] in ("36", "38", "39"))
