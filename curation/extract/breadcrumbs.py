"""Breadcrumb trails that no tag gives away: ホーム > 製品 > 精米機 as a line of its own at the top of a page.

Sites write them in unnamed elements, and they differ from page to page, so neither names of classes nor lines that repeat over a site
find them. Only the first lines are looked at: further down, such a line may be an inequality, a type or a quotation.
"""

import re

_LINES = 3
_MARK = "[>›»＞]"
_PLACE = r"[^>›»＞\n]{1,40}"
_TRAIL = re.compile(rf"[>›»＞ ]*{_PLACE}(?: ?{_MARK} ?{_PLACE}){{2,12}} ?{_MARK}?")


def is_trail(line: str) -> bool:
    """Whether a line is three places or more with > between them, each of at most 40 characters.

    >>> is_trail("ホーム > 製品情報 > 精米機"), is_trail("速さは A > B である"), is_trail("a > b > c;")
    (True, False, False)
    """
    return _TRAIL.fullmatch(line) is not None and not re.search("[;{}=。]", line)


def without_trail(text: str) -> str:
    """The text without trails among its first three lines; a text of nothing else stays as it is.

    >>> without_trail("精米の話\\nホーム > 読み物 > 米\\n玄米から糠を取る。")
    '精米の話\\n玄米から糠を取る。'
    """
    lines = text.split("\n", _LINES)
    kept = [line for i, line in enumerate(lines) if i == _LINES or not is_trail(line)]
    return "\n".join(kept) if kept and len(kept) < len(lines) else text
