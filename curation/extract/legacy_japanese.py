"""Legacy Japanese codecs as Windows and browsers read them, on top of Python's own.

Python's `euc_jp` and `iso2022_jp` know JIS X 0208 and 0212 only; web pages also hold NEC row 13 (①㈱), the NEC selected IBM rows
89 to 92 (髙﨑) and eucJP-ms rows, which then cost the page ("illegal multibyte sequence"). All three codecs here give the same text
for the same JIS cell, namely Microsoft's: 0x2141 is ～ (U+FF5E, not 〜), 0x215D － (U+FF0D, not −), and likewise ∥￠￡￢. So one page
served in two encodings is one text. Source: WHATWG Encoding Standard (index jis0208), cp51932, cp50221, eucJP-ms.

Undecodable bytes become one U+FFFD each (a pair whose cell is empty: one); no function here raises on any bytes.
"""

import codecs
import re
from functools import cache

_MICROSOFT = tuple(zip("\u301c\u2016\u2212\u00a2\u00a3\u00ac", "\uff5e\u2225\uff0d\uffe0\uffe1\uffe2", strict=True))
_TO_EUC = bytes.maketrans(bytes(range(0x21, 0x7F)), bytes(range(0xA1, 0xFF)))

_RUN = re.compile(
    rb"\x1b(?:\$([@B]|\([@BDOPQ])|\(([BJHI])|&@)([^\x1b\r\n]*)"  # a designation and what it governs
    rb"|[\r\n][^\x1b]*"  # a line break returns to ASCII (JIS X 0202), also where the page forgot to say so
)
_SHIFT = re.compile(rb"\x0e([^\x0f\x1b\r\n]*)\x0f?")
_UNFINISHED = re.compile(rb"\x1b(?:\$\(?|\()?\Z")
_EIGHT_BIT = re.compile(rb"[\x80-\xff]")
_X0213 = re.compile(rb"\x1b\$\([OPQ]")
_MULTILINGUAL = re.compile(rb"\x1b(?:\$A|\$\(C|\.[AF])")
DESIGNATION = re.compile(rb"\x1b(?:\$[@B]|\$\([@BDOPQC]|\$A|\(I)")
"""Escape sequences that only ISO-2022-JP and its extensions use (a bare ESC ( B is also a terminal's reset)."""


@cache
def _ibm_rows() -> str:
    """eucJP-ms 0x8FF3F3 to 0x8FF4FE: the 106 IBM extensions, in cp932 order, that JIS X 0208 and 0212 lack, and №."""
    cells = (bytes((lead, trail)) for lead in (0xFA, 0xFB, 0xFC) for trail in range(0x40, 0xFD) if trail != 0x7F)
    ibm = [c.decode("cp932") for c in cells if c <= b"\xfc\x4b"]
    return "".join(c for c in ibm if c == "№" or (c not in "￢￤" and not c.encode("euc_jp", "ignore")))


def _cell(lead: int, trail: int) -> str:
    """The character of a two-byte EUC cell by cp932's table; U+FFFD where the cell is empty."""
    row, column = lead - 0xA0, trail - 0xA0
    first = (row - 1 >> 1) + (0x81 if row < 63 else 0xC1)
    second = column + (0x3F if column < 64 else 0x40) if row & 1 else column + 0x9E
    return bytes((first, second)).decode("cp932", "replace")[0]


def _euc_extension(error: UnicodeError) -> tuple[str, int]:
    """Error callback for `euc_jp`: reads what Microsoft's table has and Python's has not."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    at = error.start
    pair = error.object[at : at + 3]
    if len(pair) > 1 and 0xA1 <= pair[0] <= 0xFE and 0xA1 <= pair[1] <= 0xFE:
        return _cell(pair[0], pair[1]), at + 2
    if len(pair) == 3 and pair[0] == 0x8F and 0xA1 <= pair[1] <= 0xFE and 0xA1 <= pair[2] <= 0xFE:
        index = (pair[1] - 0xF3) * 94 + pair[2] - 0xF3
        ibm = _ibm_rows()
        return (ibm[index] if 0 <= index < len(ibm) and pair[1] <= 0xF4 else "\ufffd"), at + 3
    return "\ufffd", at + 1


codecs.register_error("seimai.eucjp", _euc_extension)


def decode_cp932(data: bytes, errors: str = "replace") -> str:
    """Shift_JIS with NEC and IBM extensions; user-defined cells (carriers' pictographs) stay in the private use area.

    The single bytes FD to FF, which Python reads as U+F8F1 to U+F8F3, are errors as they are for browsers.

    >>> decode_cp932(bytes.fromhex("8740 878a fbfc 8160 ff"))
    '①㈱髙～�'
    """
    text = data.decode("cp932", errors)
    for stray in "\uf8f1\uf8f2\uf8f3":
        if stray in text:
            text = text.replace(stray, "\ufffd")
    return text


def decode_euc_jp(data: bytes) -> str:
    """EUC-JP with NEC row 13, NEC selected IBM rows 89 to 92 and eucJP-ms rows F3 and F4 of JIS X 0212.

    >>> decode_euc_jp(bytes.fromhex("ada1 adea fce2 a1c1 8ff4fe 8eb1"))
    '①㈱髙～黑ｱ'
    """
    return _microsoft(data.decode("euc_jp", "seimai.eucjp"))


def decode_iso_2022_jp(data: bytes) -> str:
    """ISO-2022-JP with NEC rows, JIS X 0212 (-1, -EXT), JIS X 0213 (-3, -2004), half-width kana by ESC ( I, SO/SI or 8 bits.

    ESC ( J (JIS Roman) is read as ASCII, as Microsoft's cp50221 does: pages write it where they mean ESC ( B. A line break
    returns to ASCII; an escape sequence that the end cuts is one U+FFFD. Pages that also designate GB 2312 or KS X 1001
    (ISO-2022-JP-2) go to Python's codec as they are.

    >>> decode_iso_2022_jp(b"a\\x1b$B$\\"-!\\x1b(J~\\x1b(I1\\x1b(Bz")
    'aあ①~ｱz'
    """
    data = _UNFINISHED.sub(b"\xff", data)
    if _MULTILINGUAL.search(data):
        return _microsoft(data.decode("iso2022_jp_2", "replace"))
    if not data.isascii():
        data = _EIGHT_BIT.sub(lambda m: b"\x8e" + m[0] if b"\xa1" <= m[0] <= b"\xdf" else b"\xff", data)
    if b"\x0e" in data:
        data = _SHIFT.sub(lambda m: _kana(m[1]), data)
    if _X0213.search(data):
        return _RUN.sub(_as_euc, data).decode("euc_jis_2004", "replace")
    return decode_euc_jp(_RUN.sub(_as_euc, data))


def _as_euc(run: re.Match[bytes]) -> bytes:
    """One designated run as EUC-JP bytes; ASCII passes as it is."""
    double, single, body = run.groups()
    if double in (b"(D", b"(P"):
        return b"".join(b"\x8f" + body[i : i + 2].translate(_TO_EUC) for i in range(0, len(body), 2))
    if double is not None:
        return body.translate(_TO_EUC)
    if single == b"I":
        return _kana(body)
    return run[0] if body is None else body


def _kana(body: bytes) -> bytes:
    return b"".join(b"\x8e" + bytes((b,)) for b in body.translate(_TO_EUC) if b != 0x8E)


def _microsoft(text: str) -> str:
    for jis, microsoft in _MICROSOFT:
        text = text.replace(jis, microsoft)
    return text
