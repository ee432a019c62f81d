"""Sentences of Japanese text, with their places.

A sentence ends at 。！？ (and their half-width forms ｡!?, ‼ ⁇ ⁈ ⁉, and ♪) outside brackets, at . before white space
(not after a title, an initial or an abbreviation: Dr. J. Smith, e.g. this), and at a line's end.
Closing brackets, （笑） and repeated marks belong to the sentence they follow. Marks at the head of a line (・, -, 1., #, >) do not
belong to it. A text that stands wholly in one pair of brackets is split inside them.
"""

import re
from typing import NamedTuple

OPEN, CLOSE = "「『（(［【〈《“〔", "」』）)］】〉》”〕"
_PAIRS = dict(zip(OPEN, CLOSE, strict=True))
_ABBREVIATED = (
    r"(?<!(?<![A-Za-z])(?:Dr|Mr|Ms|St|No|Nr|vs|Mt|cf)\.)(?<!(?<![A-Za-z])(?:Mrs|Vol|Fig|Rev|Gen|Sgt)\.)"
    r"(?<!(?<![A-Za-z])Prof\.)(?<!(?<![^\s.])[A-Z]\.)(?<!(?<![A-Za-z])[a-z]\.[a-z]\.)"
)
_END = re.compile(rf"[。｡．！？!?‼⁇⁈⁉♪]|\.(?=\s*$)|\.(?=\s){_ABBREVIATED}|[「『（(［【〈《“〔」』）)］】〉》”〕\n]")
_TAIL = re.compile(
    r"[。｡．！？!?‼⁇⁈⁉♪…]*[」』）)］】〉》”〕]*(?:[（(][^（()）\n]{1,6}[)）]|[wｗ]+(?![a-z])|笑(?=\s|$))?[。｡．！？!?‼⁇⁈⁉♪]*"
)
_TAIL_BEGINS = frozenset("。｡．！？!?‼⁇⁈⁉♪…」』）)］】〉》”〕（(wｗ笑")
_HEAD = re.compile(
    r"\s*(?:(?P<heading>#{1,6}\s+)|>\s*|(?P<item>[・●○■□◆◇▪•‣＊*\-–−‐+]\s*(?:\[[ xX]\]\s*)?|"
    r"[(（]?(?:\d{1,3}|[０-９]{1,3}|[一二三四五六七八九十]{1,3})(?:[.．](?!\d)|[)）、])\s*|[①-⑳]\s*))*"
)
_TABLE = re.compile(r"\s*\|.*\|\s*")
_RULE = re.compile(r"\s*(?:\*{3,}|-{3,}|_{3,}|={3,})\s*")
_WORD = re.compile("[^\\W_]|\ufffc")
_QUOTED = re.compile(r"「[^「」]*」|『[^『』]*』|“[^“”]*”")


class Sentence(NamedTuple):
    """A sentence, without the marks at the head of its line."""

    text: str
    start: int
    end: int
    closed: bool
    """Ends with a mark (。！？): a line that merely ends may be a heading or an item."""
    item: bool
    """Is, or begins, an item of a list."""
    heading: bool


def unquoted(text: str, left_out: str) -> str:
    """The text with every character inside 「」, 『』, “” replaced by `left_out`; the brackets stay.

    >>> unquoted("母は「行け」と言った。", "_")
    '母は「__」と言った。'
    """
    before = None
    while before != text:
        before = text
        text = _QUOTED.sub(lambda m: "\ue000" + left_out * (len(m[0]) - 2) + "\ue001", text)
    # the private marks stood for brackets so that nested quotations end; which bracket it was no longer matters
    return text.replace("\ue000", "「").replace("\ue001", "」") if "\ue000" in text else text


def sentences_of(text: str) -> list[Sentence]:
    """All sentences of a text in order; tables and rules (***) hold none.

    >>> [s.text for s in sentences_of("「行く。」と言った。え？（笑）\\n・米を研ぐ")]
    ['「行く。」と言った。', 'え？（笑）', '米を研ぐ']
    """
    found: list[Sentence] = []
    at = 0
    for line in text.split("\n"):
        if (
            line
            and not line.isspace()
            and not _RULE.fullmatch(line)
            and not (line.count("|") > 1 and _TABLE.fullmatch(line))
        ):
            head = _HEAD.match(line)
            begin = head.end() if head else 0
            _split(line, begin, at, bool(head and head["item"]), bool(head and head["heading"]), found)
        at += len(line) + 1
    return found


def _whole_in_brackets(line: str, begin: int) -> bool:
    if begin >= len(line) or line[begin] not in "「『“":
        return False
    want, depth = _PAIRS[line[begin]], 0
    for i in range(begin, len(line)):
        depth += (line[i] == line[begin]) - (line[i] == want)
        if not depth:
            return not line[i + 1 :].strip()
    return False


def _split(line: str, begin: int, at: int, item: bool, heading: bool, found: list[Sentence]) -> None:
    depth, start = 0, begin
    if _whole_in_brackets(line, begin) and sum(line.count(mark) for mark in "。｡！？!?") > 1:
        depth = -1  # the outer pair does not hide the ends inside it
    pos = begin
    while match := _END.search(line, pos):
        mark, pos = match[0], match.end()
        if mark in OPEN:
            depth += 1
        elif mark in CLOSE:
            depth = max(depth - 1, 0)
        elif depth <= 0:
            if pos < len(line) and line[pos] in _TAIL_BEGINS:
                tail = _TAIL.match(line, pos)
                pos = tail.end() if tail else pos
                if line[pos : pos + 1] and line[pos] in "とっ" and line[pos - 1] in "」』）)":
                    continue  # 「…。」と goes on
            _add(line, start, pos, at, True, item, heading, found)
            start = pos
    _add(line, start, len(line), at, False, item, heading, found)


def _add(
    line: str, start: int, end: int, at: int, closed: bool, item: bool, heading: bool, found: list[Sentence]
) -> None:
    part = line[start:end]
    text = part.strip()
    if _WORD.search(text):
        first = at + start + (len(part) - len(part.lstrip()) if part[0] != text[0] else 0)
        found.append(Sentence(text, first, first + len(text), closed, item, heading))
