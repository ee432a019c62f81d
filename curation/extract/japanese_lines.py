"""Japanese lines: which line breaks stand for nothing, where hard-wrapped text goes on, how readings are written.

Japanese is written without spaces, so a line break in the source is no space between two kana or kanji, and is one between two Latin
words (CSS Text 3, §4.1.3). Old mail magazines, README files and the like break every line at a fixed width; such a break is undone
only where the page shows that width. Aozora Bunko writes readings as ｜漢字《かんじ》 and notes as ［＃…］ (its 注記一覧).
"""

import re
from collections.abc import Sequence

from curation.extract.char_class import char_class, joins

PRE_LINE = "\ufdd1"
"""Mark before every line of preformatted text, put there by the pass over the markup. A noncharacter: no page may contain it."""

LONE_CHARACTER = "\ufdd0"
"""Mark after a text node of one character, which resiliparse would take for an icon and drop (一, 二, 三)."""

_BLANK = " \t\x0b\x0c\r\xa0\xb6\u3000\u200b"
_NO_PROSE = re.compile("[\u2500-\u257f|│┃]| {3,}|\t")
_NEW_START = re.compile(
    r"[\s・●○■□◆◇★☆※▼▲→＞>*#+\-=~_/｜|①-⑳❶-❿]"
    r"|[0-9０-９]{1,3}[.．)）、]|[（(][0-9０-９一二三四五六七八九十]{1,3}[)）]|第[0-9０-９一二三四五六七八九十百]+[章節条編部]"
)
_LEGEND = re.compile(r"(?m)^-{20,}\n【テキスト中に現れる記号について】\n(?:.*\n)*?-{20,}\n")
_MIN_LINES = 8
_MIN_WIDTH, _MAX_WIDTH, _SLACK = 40, 160, 4


def tidy(text: str) -> str:
    """Lines without indents, blank lines and marks; preformatted lines (after `PRE_LINE`) keep their spaces and inner blank lines.

    A ¶ at the end of a heading is its link to itself. Runs of tabs (between cells of a table) become one tab, other runs of
    ASCII blanks one space. The reference of `lines_kernel.tidy`.

    >>> tidy("  • 項目\\n\\n\\nA\\t\\tB\\n\\ufdd1if x:\\n\\ufdd1    y\\n\\ufdd1\\n\\ufdd1z\\n一\\ufdd0")
    '• 項目\\nA\\tB\\nif x:\\n    y\\n\\nz\\n一'
    """
    kept: list[str] = []
    blanks, after_pre = 0, False
    for line in text.split("\n"):
        bare = line.lstrip(" \t")
        pre = bare.startswith(PRE_LINE)
        line = bare.replace(PRE_LINE, "").replace(LONE_CHARACTER, "")
        if not pre:
            line = re.sub("[ \t\x0b\x0c\r]+", lambda run: "\t" if "\t" in run[0] else " ", line).lstrip(" \t")
        line = line.rstrip(_BLANK)
        if not line.lstrip(_BLANK):
            blanks += pre and after_pre
            continue
        kept += [""] * (blanks if pre and after_pre else 0)
        kept.append(line)
        blanks, after_pre = 0, pre
    return "\n".join(kept)


def plain_text(text: str, ruby: str = "drop") -> str:
    """A plain-text page as text: line ends unified, NUL out, hard-wrapped lines joined, Aozora readings by the `ruby` rule.

    >>> plain_text("吾輩《わがはい》は猫である。\\r\\n")
    '吾輩《わがはい》は猫である。'
    """
    text = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
    if "《》：ルビ" in text[:4000]:
        text = aozora_text(text, ruby)
    lines = [line.rstrip(_BLANK) for line in text.split("\n")]
    return "\n".join(line for line in unwrap(lines) if line)


def aozora_text(text: str, ruby: str = "drop") -> str:
    """Aozora Bunko notation read: the legend and editor's notes go, readings go or move into brackets.

    >>> aozora_text("｜吾輩《わがはい》は猫［＃「猫」に傍点］である")
    '吾輩は猫である'
    >>> aozora_text("吾輩《わがはい》は", "keep")
    '吾輩（わがはい）は'
    """
    text = _LEGEND.sub("", text)
    text = re.sub(r"※?［＃[^］\n]*］", lambda note: _gaiji(note[0]), text)
    text = re.sub(r"《([^》\n]*)》", r"（\1）" if ruby == "keep" else "", text)
    return text.replace("｜", "")


def _gaiji(note: str) -> str:
    """A character that the text could not hold, where its note gives a code point (U+…); a geta mark where it does not."""
    if not note.startswith("※"):
        return ""
    code = re.search(r"U\+([0-9A-Fa-f]{4,6})", note)
    value = int(code[1], 16) if code else 0
    return chr(value) if 0x20 <= value < 0x110000 and not 0xD800 <= value < 0xE000 else "〓"


def unwrap(lines: Sequence[str]) -> list[str]:
    """Joins lines that a fixed width broke, and leaves every other text alone.

    A text is hard-wrapped when at least 8 of its lines, and 30 % of those that hold text, end within 4 columns of its widest line,
    which has 40 to 160 columns (a kana or kanji takes two). There, a full line goes on in the next one unless that is blank,
    indented, or starts like a list item or heading, or either looks like a table.

    >>> unwrap(["　吾輩は猫である。", "名前はまだ無い。"])
    ['　吾輩は猫である。', '名前はまだ無い。']
    """
    if max(map(len, lines), default=0) > _MAX_WIDTH:  # paragraphs of a line each: no need to measure them
        return list(lines)
    widths = [columns(line) for line in lines]
    full = max(widths, default=0) - _SLACK
    if not _MIN_WIDTH <= full + _SLACK <= _MAX_WIDTH:
        return list(lines)
    at_edge = sum(width >= full for width in widths)
    if at_edge < _MIN_LINES or at_edge < 0.3 * sum(width > 0 for width in widths):
        return list(lines)
    joined: list[str] = []
    goes_on = False
    for line, width in zip(lines, widths, strict=True):
        if goes_on and line and not _NEW_START.match(line) and not _NO_PROSE.search(line):
            joined[-1] += ("" if joins(char_class(ord(joined[-1][-1])), char_class(ord(line[0]))) else " ") + line
        else:
            joined.append(line)
        goes_on = width >= full and not _NO_PROSE.search(line)
    return joined


def columns(line: str) -> int:
    """Columns a line takes on a terminal: two for a kana or kanji, one for a Latin letter (halfwidth kana count as two).

    >>> columns("精米 rice"), columns("")
    (9, 0)
    """
    return (len(line.encode("utf-8", "replace")) + len(line)) // 2
