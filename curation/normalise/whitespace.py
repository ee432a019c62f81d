"""Spaces, line breaks, and characters that nobody sees.

Extracted text carries what made a page look right: indentation by ideographic spaces, no-break spaces, soft hyphens, zero-width
spaces, byte order marks in mid-text, three blank lines. They split words, blow up line statistics and hide copies.

| what | becomes |
|---|---|
| CR LF, CR, VT, FF, NEL, U+2028, U+2029 | line feed |
| other control characters (C0, DEL, C1), BOM, soft hyphen, U+200B, word joiners, direction marks, noncharacters | nothing |
| zero-width (non-)joiners U+200C, U+200D | kept where they join: after an emoji or a letter of U+0590–1CFF; else nothing |
| U+3000 and every other space separator (U+00A0, U+2000–200A …) | an ASCII space |
| a run of spaces in a line | one space; one tab where the run holds a tab (cells of a table) |
| spaces at the end of a line, blank lines at both ends of a page | nothing |
| spaces at the head of a line | nothing (字下げ says no more than the line break) |
| … but a tab, or two and more spaces other than U+3000 | kept, and the spaces inside that line too: it is program text |
| more than `blank_lines` blank lines in a row | that many |

With `ideographic_space: keep`, a run of spaces that holds U+3000 is one U+3000, at the head of a line too.
A space between two Japanese characters stays (巴 マミ): neologdn removes it, but names and headings live by it.
U+FFFD stays as well: it tells that decoding lost something.
"""

import re
from typing import Literal

from curation.normalise.text_column import text_array, text_views, with_room
from curation.step import Batch, Columns, Measure

BREAKS = re.compile("\r\n|[\r\v\f\x85\u2028\u2029]")
UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff]"
)
JOINERS = re.compile("(?<![\u0590-\u1cff\u2190-\u2bff\ufe0f\U0001f000-\U0001ffff])[\u200c\u200d]")
SPACES = re.compile("[\xa0\u1680\u2000-\u200a\u202f\u205f]")
_RUN = re.compile("[ \t\u3000]+")


def _one(run: str) -> str:
    return "\u3000" if "\u3000" in run else "\t" if "\t" in run else " "


def whitespace(text: str, blank_lines: int = 1, ideographic_space: Literal["fold", "keep"] = "fold") -> str:
    """Text with tidy spaces, by the table above. Applying it again changes nothing.

    >>> whitespace("　吾輩は猫\\u200bである。\\r\\n\\r\\n\\r\\n　名前　　は\\xa0まだ無い。 \\n")
    '吾輩は猫である。\\n\\n名前 は まだ無い。'
    >>> whitespace("def f():\\n    return 1  # 一\\n"), whitespace("　山田　太郎", ideographic_space="keep")
    ('def f():\\n    return 1  # 一', '\u3000山田\u3000太郎')
    """
    text = JOINERS.sub("", UNSEEN.sub("", BREAKS.sub("\n", text)))
    text = SPACES.sub(" ", text)
    if ideographic_space == "fold":
        # a mark of its own: an ideographic space at the head of a line is no program indentation
        text = text.replace("\u3000", "\xa0")
    lines: list[str] = []
    blank = 0
    for line in text.split("\n"):
        body = line.strip(" \t\u3000\xa0")
        if not body:
            blank += 1
            continue
        head = line[: line.index(body[0])]
        body = body.replace("\xa0", " ")
        if ("\t" in head or len(head) > 1) and not head.strip(" \t"):
            body = head + body
        else:
            body = ("\u3000" if "\u3000" in head else "") + _RUN.sub(lambda run: _one(run[0]), body)
        if lines:
            lines += [""] * min(blank, blank_lines)
        lines.append(body)
        blank = 0
    return "\n".join(lines)


class Whitespace(Measure):
    """Rewrites `text` with tidy spaces and without invisible characters (table in `curation/normalise/whitespace.py`).

    blank_lines: how many blank lines in a row may stay, ≥ 0.
    ideographic_space: `fold` makes U+3000 an ASCII space, `keep` leaves it (one for a run).
    """

    reads, writes = ("text",), ("text",)

    def __init__(self, blank_lines: int = 1, ideographic_space: Literal["fold", "keep"] = "fold"):
        super().__init__()
        if blank_lines < 0:
            raise ValueError(f"whitespace: blank_lines must be 0 or more, not {blank_lines}")
        self.blank_lines = blank_lines
        self.ideographic_space = ideographic_space

    def setup(self) -> None:
        from curation.normalise import whitespace_kernel  # noqa: F401  (compiles, once per worker)

    def columns(self, batch: Batch) -> Columns:
        from curation.normalise.whitespace_kernel import kinds, rewrite

        column = batch.column("text")
        data, offsets = text_views(column)
        keep = self.ideographic_space == "keep"
        out, (ends, changed, _) = with_room(
            lambda room: rewrite(data, offsets, room, kinds(), self.blank_lines, keep), offsets
        )
        return {"text": text_array(out, ends, column) if changed else column}
