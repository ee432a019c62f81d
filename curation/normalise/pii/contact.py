"""E-mail addresses, telephone numbers, postal codes and IP addresses, in folded text (`folded.py`)."""

import ipaddress
import re
from collections.abc import Iterator

from curation.normalise.pii.evidence import BEFORE, in_a_url, labelled, part_of_a_word
from curation.normalise.pii.folded import arabic, digits_of
from curation.normalise.pii.found import Found

_DOMAIN = r"(?:[A-Za-z0-9!](?:[A-Za-z0-9!-]*[A-Za-z0-9!])?\.)+(?P<top>[A-Za-z]{2,24})(?![A-Za-z0-9])"
_AT = r"(?:@| ?[(\[]at[)\]] ?)"
_EMAIL = re.compile(rf"(?<![A-Za-z0-9._%+-])[A-Za-z0-9_](?:[A-Za-z0-9._%+-]{{0,62}}[A-Za-z0-9_+-])?{_AT}{_DOMAIN}")
_ODD_EMAIL = re.compile(rf"(?<![^\s<>:;,()])[!#$%&'*+/=?^_`{{|}}~.A-Za-z0-9-]{{2,64}}@{_DOMAIN}")
_FILE_ENDINGS = frozenset(
    "png jpg jpeg gif svg webp ico css js ts py rb html htm so dll exe json xml txt pdf zip gz whl".split()
)


def emails(text: str) -> Iterator[Found]:
    """E-mail addresses (RFC 5321 without quoted forms), also with (at) or [at].

    Not taken: file names (icon@2x.png), SSH addresses (git@host:path), what is part of a URL.

    >>> [text[f.start:f.end] for text in ["taro@example.jp、git@github.com:a/b icon@2x.png"] for f in emails(text)]
    ['taro@example.jp']
    """
    for pattern in (_EMAIL, _ODD_EMAIL):
        for match in pattern.finditer(text):
            if match["top"].lower() in _FILE_ENDINGS or re.compile(r":[A-Za-z~/]").match(text, match.end()):
                continue
            if in_a_url(text, match.start()):
                continue
            if pattern is _ODD_EMAIL and _EMAIL.search(match[0]):
                continue
            yield Found("email", match.start(), match.end())


_GAP = r"(?: ?- ?|[ .]|\)[- ]?|[- ]?\()"
_HEAD = r"(?:(?<![0-9A-Za-z])|(?<=TEL)|(?<=Tel)|(?<=tel)|(?<=FAX)|(?<=Fax)|(?<=fax))"
_GROUPED = re.compile(
    rf"{_HEAD}(?<![0-9][-.])(?<!_)\(?0[0-9]{{1,4}}{_GAP}[0-9]{{1,4}}{_GAP}[0-9]{{3,4}}(?![0-9])(?!-[0-9])"
    r"(?![.][0-9])(?! [0-9]{4})"
)
_BARE = re.compile(rf"{_HEAD}0[0-9]{{9,10}}(?![0-9A-Za-z_&-])")
_INTERNATIONAL = re.compile(
    r"(?<![0-9A-Za-z+])(?:\+ ?81|010-81|0081)(?:[- ]?\(0\))?(?:[- (]{0,2}[0-9]{1,5}[- )]{0,2}){1,4}(?<=[0-9])(?![0-9])"
)
_LOCAL = re.compile(
    r"(?:電話(?:番号)?|TEL|Tel|tel|☎|℡|FAX|Fax|ファクス|ファックス)[:. ()・は]{0,4}"
    r"([0-9]{1,4}-[0-9]{4})(?![0-9-])(?! ?(?:円|年|人|件))"
)
_PHONE_LABEL = re.compile(
    r"(?:電話|携帯|フリーダイヤル|ナビダイヤル|連絡先|問い?合わせ先?|TEL|Tel|tel|☎|℡|FAX|Fax|fax|ファクス|ファックス|[Pp]hone)"
    r"(?:の)?(?:番号|[Nn]o\.?|ナンバー)?"
)
_NO_PHONE = re.compile(
    r"(?:(?:部品|商品|製品|製造|品|型|型式|注文|受注|発注|伝票|送り状|追跡|管理|文書|書類|資料|図面|整理|許可|認可|認定|承認|特許|出願|請求書?|見積書?|ロット|シリアル)"
    r"(?:番号?|コード|ナンバー|[Nn][Oo]\.?)|型式|シリアル|ISBN|JAN|CAS)[:： (は]{0,3}$"
)
"""Labels of things whose numbers are grouped like those of telephones."""
_THREE_DIGIT_END = ("0120", "0570", "0180", "0990", "0170")
_KANJI_RUN = re.compile(r"[〇零][〇零一二三四五六七八九]+(?:[-()・の ]{1,2}[〇零一二三四五六七八九]+){0,2}")


def phones(text: str) -> Iterator[Found]:
    """Telephone numbers of Japan: fixed, mobile (060 to 090), IP (050), free and paid services, +81, 漢数字.

    Local ones without an area code only behind a label. Ten digits in a row that begin with 0 are one unless a label says
    otherwise; in groups, the last has four digits (three for 0120 and its like), so that dates and codes are none.

    >>> [text[f.start:f.end] for text in ["03(1234)5678と〇九〇-一二三四-五六七八"] for f in phones(text)]
    ['03(1234)5678', '〇九〇-一二三四-五六七八']
    >>> [*phones("2019-10-11、ISBN 0-306-40615-2、0123456789")]
    []
    """
    yield from _in_digits(text)
    if "〇" in text or "零" in text:
        plain = arabic(text)
        for run in _KANJI_RUN.finditer(text):
            for match in _GROUPED.finditer(plain.replace("・", "-").replace("の", "-"), run.start(), run.end()):
                if is_phone(match[0]):
                    yield Found("phone", match.start(), match.end())
            bare = _BARE.fullmatch(plain, run.start(), run.end())
            if bare and labelled(text, bare.start(), bare.end(), _PHONE_LABEL) >= 0 and is_phone(bare[0]):
                yield Found("phone", bare.start(), bare.end())


def _in_digits(text: str) -> Iterator[Found]:
    for match in _INTERNATIONAL.finditer(text):
        if 9 <= len(digits_of(match[0])) - (4 if match[0][0] == "0" else 2) - match[0].startswith("010") <= 11:
            yield Found("phone", match.start(), match.end())
    for match in _GROUPED.finditer(text):
        start = match.start()
        a_row = " " in match[0] and text[max(0, start - 2) : start].rstrip(" ")[-1:].isdigit()  # of numbers in a table
        other = _NO_PHONE.search(text, max(0, start - BEFORE), start) is not None
        if is_phone(match[0]) and not a_row and not other and not in_a_url(text, start):
            closed = text[start] == "(" and match[0].count("(") > match[0].count(")")
            yield Found("phone", start + closed, match.end())
    for match in _BARE.finditer(text):
        start, end = match.span()
        if not is_phone(match[0]) or in_a_url(text, start):
            continue
        if labelled(text, start, end, _PHONE_LABEL) >= part_of_a_word(text, start):
            yield Found("phone", start, end)
    for match in _LOCAL.finditer(text):
        yield Found("phone", match.start(1), match.end(1))


def is_phone(said: str) -> bool:
    """Whether digits (with what groups them) have the form of a number that can be dialled in Japan.

    >>> is_phone("03-1234-5678"), is_phone("0120-444-444"), is_phone("0123-4567-89"), is_phone("0123456789")
    (True, True, False, False)
    """
    digits = digits_of(said)
    if digits == "0123456789" or digits[1] == "0" or len(set(digits[1:])) == 1:
        return False
    groups = re.findall("[0-9]+", said)
    if len(digits) == 11:
        if not (digits[2] == "0" and digits[1] in "56789") and not digits.startswith("0800"):
            return False
        return len(groups) == 1 or len(groups[-1]) == 4
    if len(digits) != 10:
        return False
    return len(groups) == 1 or len(groups[-1]) == 4 or digits.startswith(_THREE_DIGIT_END)


_POSTAL = re.compile(r"(?:〒|郵便番号)[^0-9A-Za-z]{0,6}([0-9]{3}-?[0-9]{4})(?![0-9])(?!-[0-9])")
_POSTAL_KANJI = re.compile(r"〒 ?([〇零一二三四五六七八九]{3}-[〇零一二三四五六七八九]{4})")
BARE_POSTAL = re.compile(r"(?<![0-9A-Za-z])(?<![0-9]-)([0-9]{3}-[0-9]{4})[\s)】]{0,3}$")


def postal_codes(text: str, addresses: list[Found]) -> Iterator[Found]:
    """Postal codes behind 〒 or 郵便番号, and those that stand straight before an address.

    >>> [text[f.start:f.end] for text in ["〒100-0001、部品100-0002"] for f in postal_codes(text, [])]
    ['100-0001']
    """
    for pattern in (_POSTAL, _POSTAL_KANJI):
        for match in pattern.finditer(text):
            yield Found("postal_code", match.start(1), match.end(1))
    for address in addresses:
        match = BARE_POSTAL.search(text, max(0, address.start - 13), address.start)
        if match:
            yield Found("postal_code", match.start(1), match.end(1))


_IPV4 = re.compile(r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z])(?!\.[0-9])(?!-[0-9])")
_IPV6 = re.compile(r"(?<![0-9A-Za-z.])(?<![0-9A-Fa-f]:)(?<!::)[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{3,34}(?![0-9A-Za-z:.])")
_VERSION = re.compile(
    r"(?:version|ver\.?|v|バージョン|版数?|rev\.?|リビジョン|リリース|release|ファームウェア|OID|節|章|第|§|セクション|項|図|表|build|ビルド|"
    r"カーネル|kernel|ドライバー?|driver|BIOS|SDK|パッチ|Chrome|Chromium|Edge|Firefox|Safari|Opera|Windows|Linux|macOS|iOS|Android)[\s:=\"'(]{0,3}$"
    r"|[A-Za-z0-9_][-/]$",
    re.IGNORECASE,
)
_HOST = re.compile(
    r"(?:IP ?アドレス|接続元|接続先|ホスト|サーバー?|アクセス元|利用者|"
    r"(?<![A-Za-z])(?:IP|IPv4|host|server|ping|ssh|inet|addr|from|client|remote|Forwarded-For|gateway|nameserver)|://)[\s:=は\"'(]{0,3}$",
    re.IGNORECASE,
)


def ips(text: str) -> Iterator[Found]:
    """IP addresses that belong to somebody: not private, loopback, documentation or otherwise reserved ones (`ipaddress`).

    Four numbers with points are also versions and section numbers: none behind a word that says so, and those with three or
    more single digits only behind a word that says that they are an address.

    >>> [text[f.start:f.end] for text in ["接続元 8.8.8.8、バージョン 12.0.47.18、192.168.0.1"] for f in ips(text)]
    ['8.8.8.8']
    """
    for match in _IPV4.finditer(text):
        before = text[max(0, match.start() - 20) : match.start()]
        host = _HOST.search(before) is not None
        small = sum(len(part) == 1 for part in match[0].split(".")) > 2
        if not host and (small or _VERSION.search(before)):
            continue
        if _global(match[0]):
            yield Found("ip", match.start(), match.end())
    for match in _IPV6.finditer(text):
        said = match[0].rstrip(":")
        if _global(said):
            yield Found("ip", match.start(), match.start() + len(said))


def _global(said: str) -> bool:
    try:
        found = ipaddress.ip_address(said)
    except ValueError:
        return False
    return found.is_global and not found.is_multicast and not found.is_reserved
