"""Japanese pages written anew in four encodings, with headers that are right, missing or wrong, whole or cut.

The bytes are made without the code under test. EUC-JP and ISO-2022-JP are built from Python's `euc_jp`, with ①㈱髙 and the like put
on their rows through cp932, as Windows software writes them. A character that an encoding lacks becomes a numeric reference.
The page's own `<meta>` and XML declaration are rewritten to whatever the page is to state.
"""

import codecs
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

ENCODINGS = ("cp932", "euc-jp", "iso-2022-jp", "utf-8")
HEADERS = ("right", "missing", "wrong")
CUTS = ("whole", "cut at 1 MiB", "cut in mid-character")
MEBI = 1 << 20

_LABEL = {"cp932": "Shift_JIS", "euc-jp": "EUC-JP", "iso-2022-jp": "ISO-2022-JP", "utf-8": "UTF-8"}
_WRONG = ("UTF-8", "Shift_JIS", "EUC-JP", "ISO-8859-1", "windows-1252", "ISO-2022-JP", "GB2312", "EUC-KR", "none")
_STATED = re.compile(
    r"(?P<meta><meta\b[^>]{0,500}?\bcharset\s*=\s*[\"']?\s*)[\w.:-]+|(?P<xml><\?xml\b[^>]{0,200}?\bencoding\s*=\s*[\"'])[\w.:-]+",
    re.I,
)
_MS = str.maketrans("〜‖−¢£¬", "～∥－￠￡￢")
_JIS = str.maketrans("～∥－￠￡￢", "〜‖−¢£¬")
_RUNS = re.compile(rb"(?:\x8f[\xa1-\xfe]{2})+|(?:\x8e[\xa1-\xdf])+|(?:[\xa1-\xfe]{2})+")


class Case(NamedTuple):
    """A page as a crawler would have it, and what it says."""

    payload: bytes
    header: str | None
    text: str
    """The page's text, signs as `folded` gives them."""
    size: int
    """Bytes of the page, of which `payload` may hold many copies and the beginning of another."""


def folded(text: str) -> str:
    """Six signs that JIS and Microsoft map differently (〜‖−¢£¬ and ～∥－￠￡￢) as Microsoft's, so that both count as right."""
    return text.translate(_MS)


def written(text: str, encoding: str) -> tuple[bytes, str]:
    """The text in the encoding, and the text that those bytes then say."""
    if encoding == "utf-8":
        return text.encode(), text
    if encoding == "cp932":
        raw = re.sub("[¥‾]", _reference, text).encode("cp932", "xmlcharrefreplace")
        return raw, raw.decode("cp932")
    text = text.translate(_JIS)
    text = text.translate({ord(c): _reference(c) for c in set(text) if not _has(c)})
    raw = text.encode("euc_jp", "benchmark.nec")
    return (raw if encoding == "euc-jp" else _RUNS.sub(_designated, raw)), folded(text)


def cases(page: str, number: int, encoding: str, cut: str) -> Iterator[tuple[str, Case]]:
    """(header's kind, case) for one page: three headers over the same bytes but for what the page itself states.

    Right: header and page state the encoding. Missing: no header, and every second page states nothing. Wrong: the header names
    another encoding, and so does every second page.
    """
    others = [label for label in _WRONG if label.lower() != _LABEL[encoding].lower()]
    wrong = others[number % len(others)]
    wanted = {
        "right": (_LABEL[encoding], _LABEL[encoding]),
        "missing": (None, _LABEL[encoding] if number % 2 else None),
        "wrong": (wrong, wrong if number % 2 else _LABEL[encoding]),
    }
    for kind, (header, stated) in wanted.items():
        raw, text = written(_stating(folded(page), stated), encoding)
        size = len(raw)
        if cut == "cut at 1 MiB":
            raw = (raw * (MEBI // size + 1))[:MEBI]
        elif cut == "cut in mid-character":
            raw = raw[: _inside(raw, encoding, number)]
        yield kind, Case(raw, header, text, size)


def is_right(got: str, case: Case, encoding: str) -> bool:
    """Whether a decoded text is the page's, or for a cut page its beginning up to the cut but for one last character."""
    return _begins(got, case, encoding) or _begins(folded(got), case, encoding)


def _begins(got: str, case: Case, encoding: str) -> bool:
    copies, rest = divmod(len(case.payload), case.size)
    if not rest:
        return got == case.text * copies
    got = got.removesuffix("\ufffd")
    whole = case.text * copies
    slack = 8  # an unfinished character and an unfinished escape sequence
    return (
        got.startswith(whole)
        and case.text.startswith(tail := got[len(whole) :])
        and len(written(tail, encoding)[0]) >= rest - slack
    )


def _stating(page: str, label: str | None) -> str:
    if label is None:
        return _STATED.sub(lambda m: "<meta data-was=" if m["meta"] else '<?xml data-was="', page)
    return _STATED.sub(lambda m: (m["meta"] or m["xml"]) + label, page)


def _inside(raw: bytes, encoding: str, number: int) -> int:
    """A place in the last third of the page at which a character of several bytes is open; the end where there is none."""
    start = len(raw) * 2 // 3 + number * 7919 % max(1, len(raw) // 6)
    if encoding == "iso-2022-jp":
        run = re.compile(rb"\x1b\$B((?:[!-~]{2})+)").search(raw, start)
        return run.start(1) + len(run[1]) // 4 * 2 + 1 if run else len(raw)
    decoder = codecs.getincrementaldecoder("euc_jp" if encoding == "euc-jp" else encoding)("replace")
    begin = raw.rfind(b"\n", 0, start) + 1
    for at in range(begin, len(raw)):
        decoder.decode(raw[at : at + 1])
        if at >= start and decoder.getstate()[0]:
            return at + 1
    return len(raw)


@cache
def _has(c: str) -> bool:
    return c < "\x80" or (c not in "¥‾" and (c.encode("euc_jp", "ignore") != b"" or _cell(c) is not None))


def _reference(c: str | re.Match[str]) -> str:
    return f"&#{ord(c if isinstance(c, str) else c[0])};"


@cache
def _cell(c: str) -> bytes | None:
    """EUC bytes of a character that only cp932 has, by its row and cell there; None for those outside the 94 rows."""
    sjis = c.encode("cp932", "ignore")
    if len(sjis) != 2 or sjis[0] >= 0xF0:
        return _nec_selected(c)
    row = (sjis[0] - (0x81 if sjis[0] < 0xA0 else 0xC1)) * 2 + 1
    if sjis[1] >= 0x9F:
        return bytes((row + 1 + 0xA0, sjis[1] - 0x9E + 0xA0))
    return bytes((row + 0xA0, sjis[1] - (0x3F if sjis[1] < 0x7F else 0x40) + 0xA0))


def _nec_selected(c: str) -> bytes | None:
    """Rows 89 to 92: cp932 encodes these characters on its IBM rows (FA to FC) and only decodes the others."""
    for row in range(89, 93):
        first = (row - 1 >> 1) + 0xC1
        for cell in range(1, 95):
            second = cell + (0x3F if cell < 64 else 0x40) if row & 1 else cell + 0x9E
            if bytes((first, second)).decode("cp932", "ignore") == c:
                return bytes((row + 0xA0, cell + 0xA0))
    return None


def _nec(error: UnicodeError) -> tuple[bytes, int]:
    assert isinstance(error, UnicodeEncodeError)
    return _cell(error.object[error.start]) or b"?", error.start + 1


codecs.register_error("benchmark.nec", _nec)


def _designated(run: re.Match[bytes]) -> bytes:
    raw = run[0]
    if raw[0] == 0x8F:
        return b"\x1b$(D" + bytes(b & 0x7F for b in raw if b != 0x8F) + b"\x1b(B"
    if raw[0] == 0x8E:
        return b"\x1b(I" + bytes(b & 0x7F for b in raw if b != 0x8E) + b"\x1b(B"
    return b"\x1b$B" + bytes(b & 0x7F for b in raw) + b"\x1b(B"
