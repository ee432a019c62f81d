"""A text as a cell of a spreadsheet and back, so that nothing in it is obeyed, cut without a word, or taken for an edit.

A cell that begins like a formula gets an apostrophe before it (CWE-1236): = + - @, tab, line ends, and the full-width forms that a
Japanese Excel takes for the same. A text that begins with an apostrophe gets one more, so that what was put before it can be taken
away. Control characters, which no XLSX may hold, become their pictures (␀ … ␡). A cell holds 32,767 UTF-16 units at most; a longer
text is cut and says so. Shift_JIS, in which Excel saves "CSV (comma delimited)", has no 😀, 〜 or ①-like signs of other sets: what it
lacks has become ?, so a cell that differs by such characters alone was not edited.
"""

LEADS = "=+-@\t\r\n＝＋－＠'"
"""A text that begins with one of these gets an apostrophe."""
LONGEST = 32_767
"""UTF-16 units that a cell of Excel holds."""
_KEPT = 32_000
_PICTURES = {c: 0x2400 + c for c in range(32) if chr(c) not in "\t\n\r"} | {
    0x7F: 0x2421,
    0xFFFE: 0xFFFD,
    0xFFFF: 0xFFFD,
}


def units(text: str) -> int:
    """Length as Excel counts it.

    >>> units("米"), units("😀")
    (1, 2)
    """
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def visible(text: str) -> str:
    """The text as a cell can hold it: one kind of line end, control characters as pictures, cut where it is too long.

    >>> visible("一行目\\r\\n二行目\\x00")
    '一行目\\n二行目␀'
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_PICTURES)
    if units(text) < LONGEST:
        return text
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * _KEPT].decode("utf-16-le", "ignore")
    return f"{kept}\n…（{len(text):,} 字のうち {len(kept):,} 字まで）"


def is_cut(text: str) -> bool:
    """Whether a cell cannot hold the whole text."""
    return units(text) >= LONGEST


def escaped(text: str) -> str:
    """The text as a cell of CSV.

    >>> escaped("=HYPERLINK(…)"), escaped("－1度"), escaped("'引用'"), escaped("米")
    ("'=HYPERLINK(…)", "'－1度", "''引用'", '米')
    """
    return f"'{text}" if text and text[0] in LEADS else text


def plain(cell: str) -> str:
    """The text of a cell that `escaped` made, or that somebody typed.

    >>> [plain(escaped(text)) for text in ("=1", "'引用'", "米", "'")]
    ['=1', "'引用'", '米', "'"]
    """
    return cell[1:] if len(cell) > 1 and cell[0] == "'" and cell[1] in LEADS else cell


def same(written: str, found: str, shift_jis: bool = False) -> bool:
    """Whether a cell that comes back is what was written: white space at its ends and the apostrophe tell nothing.

    >>> same("雨のち晴れ", "雨のち晴れ\\r\\n"), same("-1度", "'-1度"), same("晴れ", "雨")
    (True, True, False)
    >>> same("晴れ😀〜", "晴れ??～", shift_jis=True), same("晴れ😀", "雨??", shift_jis=True)
    (True, False)
    """
    one = _bare(written)
    others = {_bare(found), _bare(plain(found))}
    return one in others or (shift_jis and any(_lossy(one, other) for other in others))


def lost(text: str) -> str:
    """The characters that Shift_JIS lacks, each once, in order."""
    return "".join(dict.fromkeys(c for c in text if _in_shift_jis(c) is None))


def _bare(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def _lossy(written: str, found: str) -> bool:
    """Compared character by character, where one that Shift_JIS lacks may be anything: Windows writes ?? for two UTF-16 units."""
    for wide in (2, 1):
        wanted: list[str | None] = []
        for c in written:
            kept = _in_shift_jis(c)
            wanted += [kept] if kept is not None else [None] * (wide if ord(c) > 0xFFFF else 1)
        if len(wanted) == len(found) and all(w is None or w == f for w, f in zip(wanted, found, strict=True)):
            return True
    return False


def _in_shift_jis(c: str) -> str | None:
    """The character as it comes back from Excel's Shift_JIS (code page 932); None where it does not."""
    try:
        return c.encode("cp932").decode("cp932")
    except UnicodeEncodeError:
        return None
