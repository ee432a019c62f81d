"""Markdown: headings, emphasis, tables, code blocks, or none of it."""

import re
from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field

from synth.verify.answer import Answer, folded, visible
from synth.verify.bounds import Bounded
from synth.verify.constraint import Constraint
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, abstained, decided, failed, passed

_HEADING = re.compile(r"^(#{1,6})[ \t\u3000]+(.*?)[ \t]*#*[ \t]*$", re.M)
_FENCE = re.compile(r"^[ \t]*(```|~~~)([^\n`]*)\n(.*?)^[ \t]*\1[ \t]*$", re.M | re.S)
_SEPARATOR = re.compile(r"\s*\|?\s*:?-{1,}:?\s*(\|\s*:?-{1,}:?\s*)*\|?\s*")
_MARKS = {
    "heading": re.compile(r"^#{1,6}\s", re.M),
    "bold": re.compile(r"\*\*[^*\n]+\*\*|__[^_\n]+__"),
    "code": re.compile(r"```|~~~|`[^`\n]+`"),
    "link": re.compile(r"\[[^\]\n]+\]\([^)\s]+\)"),
    "table": re.compile(r"^\|.*\|\s*$|^[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)+\|?[ \t]*$", re.M),
    "quotation": re.compile(r"^>", re.M),
    "bullet": re.compile(r"^[ \t]*[-*+]\s", re.M),
    "rule": re.compile(r"^[ \t]*(?:\*{3,}|-{3,}|_{3,})\s*$", re.M),
}


def code_blocks(text: str) -> list[tuple[str, str]]:
    """Language and text of each fenced block.

    >>> code_blocks("```python\\nx = 1\\n```")
    [('python', 'x = 1\\n')]
    """
    return [(m[2].strip().lower(), m[3]) for m in _FENCE.finditer(text)]


def tables(text: str) -> list[list[list[str]]]:
    """Cells of each Markdown table, header first, the line of dashes left out.

    >>> tables("| 名 | 数 |\\n|---|---|\\n| 米 | 1 |")
    [[['名', '数'], ['米', '1']]]
    """
    found, lines = [], text.split("\n")
    for i in range(1, len(lines)):
        if "|" in lines[i] and "-" in lines[i] and _SEPARATOR.fullmatch(lines[i]) and "|" in lines[i - 1]:
            rows = [_cells(lines[i - 1])]
            for line in lines[i + 1 :]:
                if "|" not in line:
                    break
                rows.append(_cells(line))
            found.append(rows)
    return found


def _cells(line: str) -> list[str]:
    line = line.strip()
    line = line[1:] if line.startswith("|") else line
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)]


_BLANK = re.compile(r"&(?:nbsp|ensp|emsp|#160);|<br ?/?>", re.I)
"""What a reader of the table sees as nothing."""


def hollow(rows: Sequence[Sequence[str]]) -> Verdict | None:
    """The verdict on data rows that hold nothing: an empty row and rows that are all the same fail, an empty column abstains."""
    rows = [[_BLANK.sub("", visible(cell)).strip() for cell in row] for row in rows]
    if empty := [i for i, row in enumerate(rows, 1) if not any(row)]:
        return failed(Evidence(f"row {empty[0]}", "empty", "text"), score=0.5)
    if len(rows) > 1 and len({tuple(map(folded, row)) for row in rows}) == 1:
        return failed(Evidence("different rows", 1, len(rows)), score=0.5)
    if empty := [i for i, column in enumerate(zip(*rows, strict=True), 1) if not any(column)]:
        return abstained(Evidence(f"column {empty[0]}", "empty", "text"))
    return None


class HeadingCount(Bounded):
    """How many Markdown headings, of one level or of all."""

    kind: ClassVar[str] = "heading_count"
    level: int | None = Field(None, ge=1, le=6)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        found = [m for m in _HEADING.finditer(answer.prose) if self.level in (None, len(m[1])) and m[2]]
        return self.counted("headings", len(found))


class HeadingNames(Constraint):
    """The answer has headings with these texts in this order (# or 【】 or ■), and text under each."""

    kind: ClassVar[str] = "heading_names"
    names: tuple[str, ...] = Field(min_length=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        head = re.compile(
            r"^[ \t]*(?:#{1,6}[ \t]+|【|■[ \t\u3000]*|◆[ \t\u3000]*|\*\*)(?:\d+[.．][ \t]*)?(.+?)(?:】|\*\*|[ \t]*#*)?[:：]?[ \t]*$",
            re.M,
        )
        found = [(folded(m[1]).strip(" *:"), m.end()) for m in head.finditer(answer.prose)]
        wanted, at = [folded(name) for name in self.names], 0
        ends: list[int] = []
        for name in wanted:
            places = [i for i in range(at, len(found)) if found[i][0] == name]
            if not places:
                return failed(Evidence("heading missing or out of order", name), score=0.9 * len(ends) / len(wanted))
            ends.append(found[places[0]][1])
            at = places[0] + 1
        starts = [*ends[1:], len(answer.prose)]
        for name, a, b in zip(self.names, ends, starts, strict=True):
            if len(re.findall(r"\w", answer.prose[a:b])) <= (len(name) if b < len(answer.prose) else 0):
                return failed(Evidence("nothing under the heading", name), score=0.5)
        return passed(Evidence("headings", len(wanted)))


class BoldCount(Bounded):
    """How many parts in **bold**."""

    kind: ClassVar[str] = "bold_count"

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        return self.counted("bold parts", len(_MARKS["bold"].findall(answer.prose)))


class TableForm(Constraint):
    """A Markdown table whose rows all have as many cells as its header; columns by name or number, data rows by number.

    A row without anything in it fails, and so do rows that all say the same; a column without anything, or a header
    without a name, abstains.
    """

    kind: ClassVar[str] = "table_form"
    version: ClassVar[int] = 3
    columns: tuple[str, ...] = ()
    column_count: int | None = Field(None, ge=1)
    rows: int | None = Field(None, ge=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        found = tables(answer.text)
        if len(found) != 1:
            return failed(Evidence("tables", len(found), 1))
        header, *rows = found[0]
        if uneven := [i for i, row in enumerate(rows, 1) if len(row) != len(header)]:
            return failed(Evidence(f"cells of row {uneven[0]}", len(rows[uneven[0] - 1]), len(header)), score=0.5)
        if self.columns and tuple(map(folded, header)) != tuple(map(folded, self.columns)):
            return failed(Evidence("columns", " | ".join(header), " | ".join(self.columns)), score=0.5)
        if self.column_count is not None and len(header) != self.column_count:
            return failed(Evidence("columns", len(header), self.column_count), score=0.5)
        if not rows or (self.rows is not None and len(rows) != self.rows):
            return failed(Evidence("rows", len(rows), self.rows or "at least 1"), score=0.5)
        if not any(_BLANK.sub("", visible(cell)).strip() for cell in header):
            return abstained(Evidence("header", "empty", "names of the columns"))
        return hollow(rows) or passed(Evidence("rows", len(rows)), Evidence("columns", len(header)))


class CodeBlock(Constraint):
    """Fenced code blocks: how many, in which language, and `alone` when nothing may stand outside."""

    kind: ClassVar[str] = "code_block"
    count: int = Field(1, ge=1)
    language: str | None = None
    alone: bool = False

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        found = code_blocks(answer.text)
        if len(found) != self.count:
            return failed(Evidence("code blocks", len(found), self.count))
        if wrong := [name for name, _ in found if self.language is not None and name != self.language.lower()]:
            return failed(Evidence("language", wrong[0] or "none", self.language), score=0.5)
        if empty := sum(not body.strip() for _, body in found):
            return failed(Evidence("empty blocks", empty, 0), score=0.5)
        outside = _FENCE.sub("", answer.text).strip()
        if self.alone and outside:
            return failed(Evidence("outside the block", outside[:30], "nothing"), score=0.5)
        return passed(Evidence("code blocks", len(found)))


class NoMarkdown(Constraint):
    """Plain text: no heading, emphasis, code, link, table or quotation of Markdown. A line of - or a rule abstains."""

    kind: ClassVar[str] = "no_markdown"

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        found = {name: m for name, mark in _MARKS.items() if (m := mark.search(answer.text))}
        places = [Evidence(name, m[0][:20], "none", m.start(), m.end()) for name, m in found.items()]
        doubtful = {"bullet", "rule"}
        return decided([not found.keys() - doubtful, not found], *places)


class Blockquote(Bounded):
    """Lines quoted with >: how many quotations (runs of such lines)."""

    kind: ClassVar[str] = "blockquote_count"

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        return self.counted("quotations", len(re.findall(r"(?:^>[^\n]*\S[^\n]*\n?)+", answer.prose, re.M)))
