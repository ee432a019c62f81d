"""Lists, tables and Markdown: one item more or less, two in each other's place, a mark lost."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

from synth.pairing.edits.edit import edits, polite, swapped
from synth.verify.prompt import Prompt

_ITEM = re.compile(
    r"^([ \t\u3000]*)(・|[●○■□◆◇▪•*+\-–](?=[ \t]?)|[(（]?[0-9０-９]{1,3}[.．)）、]|[①-⑳])([ \t\u3000]*)(\S.*)$", re.M
)
_BOLD = re.compile(r"\*\*([^*\n]+)\*\*")
_NUMBER = re.compile(r"[0-9０-９]+")


def _items(text: str) -> list[re.Match[str]]:
    return list(_ITEM.finditer(text))


def _raised(mark: str) -> str:
    """The mark of the next item: 3. after 2., ④ after ③, the same for bullets."""
    if "①" <= mark <= "⑲":
        return chr(ord(mark) + 1)
    return _NUMBER.sub(lambda m: str(int(m[0]) + 1), mark)


@edits("bullet_count", "numbered_count")
def one_item_more(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """An item more at the end of the list."""
    if found := _items(text):
        last = found[-1]
        for said in ("その他", "以上のほか", "など"):
            line = f"\n{last[1]}{_raised(last[2])}{last[3]}{said}"
            yield text[: last.end()] + line + text[last.end() :]


@edits("bullet_count", "numbered_count", "shiritori", "acrostic")
def two_items_in_one(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Two items, or lines, on one line: one less, and nothing lost."""
    found = _items(text)
    for a, b in reversed(list(pairwise(found))):
        if text[a.end() : b.start()] == "\n":
            yield f"{text[: a.end()]}、{b[4]}{text[b.end() :]}"
    lines = text.split("\n")
    for i in range(1, len(lines)):
        yield "\n".join([*lines[: i - 1], f"{lines[i - 1]}、{lines[i]}", *lines[i + 1 :]])


@edits("numbered_count")
def a_number_skipped(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The last number one too high."""
    found = _items(text)
    for m in reversed(found[1:]):
        yield text[: m.start(2)] + _raised(m[2]) + text[m.end(2) :]


@edits("bullet_count", "numbered_count", "heading_count", "blockquote_count")
def a_mark_lost(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A line without its mark."""
    mark = {"heading_count": r"^#{1,6}[ \t]+", "blockquote_count": r"^>[ \t]*"}.get(spec.kind)
    found = [(m.start(), m.end()) for m in re.finditer(mark, text, re.M)] if mark else []
    found += [(m.start(2), m.start(4)) for m in _items(text)] if mark is None else []
    for start, end in reversed(found):
        yield text[:start] + text[end:]


@edits("item_length")
def a_longer_item(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """An item with a note that makes it too long."""
    for m in reversed(_items(text)):
        for more in ("（とくに大切）", "（とくに大切なので忘れないようにする）"):
            if spec.max is None or len(m[4]) + len(more) > spec.max:
                yield text[: m.end()] + more + text[m.end() :]


@edits("item_start")
def another_start(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """An item that begins otherwise."""
    for m in reversed(_items(text)):
        for start in spec.starts:
            if m[4].startswith(start):
                yield text[: m.start(4)] + "とくに" + text[m.start(4) :]
                yield text[: m.start(4)] + m[4][len(start) :] + text[m.end(4) :]


@edits("item_end")
def another_end(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """An item that ends otherwise."""
    for m in reversed(_items(text)):
        for end in spec.ends:
            bare = m[4].rstrip("。")
            if bare.endswith(end):
                yield text[: m.start(4)] + bare[: -len(end)] + text[m.start(4) + len(bare) :]
                yield text[: m.start(4)] + bare + "など" + text[m.start(4) + len(bare) :]


@edits("sorted_items", "distinct_lines", "acrostic", "shiritori", "labelled_lines", "heading_names", "dialogue_form")
def two_lines_swapped(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The contents of two neighbouring items or lines in each other's place."""
    found = [(m.start(4), m.end(4)) for m in _items(text)]
    if len(found) < 2:
        found, at = [], 0
        for line in text.split("\n"):
            if line.strip():
                found.append((at, at + len(line)))
            at += len(line) + 1
    for a, b in reversed(list(pairwise(found))):
        yield swapped(text, a, b)


@edits("distinct_lines")
def a_line_again(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A line that says what the one before it says."""
    lines = text.split("\n")
    for i in range(1, len(lines)):
        a, b = _ITEM.match(lines[i - 1]), _ITEM.match(lines[i])
        again = lines[i][: b.start(4)] + a[4] if a and b else lines[i - 1]
        yield "\n".join([*lines[:i], again, *lines[i + 1 :]])
        yield "\n".join([*lines[:i], lines[i - 1], *lines[i:]])


@edits("bold_count")
def bold_lost(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A word that is no longer bold."""
    for m in reversed(list(_BOLD.finditer(text))):
        yield text[: m.start()] + m[1] + text[m.end() :]


@edits("bold_count", "no_markdown", "highlight_count")
def one_word_marked(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A word more that is bold, or stands in the brackets that emphasise."""
    left, right = spec.brackets if spec.kind == "highlight_count" else ("**", "**")
    for m in re.finditer(r"(?<![*《])(?:[一-龥々]{2,6}|[ァ-ヶー]{3,10})(?![*》])", text):
        yield text[: m.start()] + left + m[0] + right + text[m.end() :]


@edits("no_markdown")
def a_heading(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A first line as a heading."""
    yield f"# {'お答え' if polite(text) else '答え'}\n{text}"
    lines = text.split("\n")
    yield "\n".join([f"## {lines[0]}", *lines[1:]])


@edits("highlight_count", "placeholder_count")
def brackets_lost(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """An emphasised part, or a placeholder, as plain words."""
    pairs = [spec.brackets] if spec.kind == "highlight_count" else ["[]", "［］"]
    for left, right in pairs:
        for m in reversed(
            list(re.finditer(rf"{re.escape(left)}([^{re.escape(left + right)}\n]+){re.escape(right)}", text))
        ):
            yield text[: m.start()] + m[1] + text[m.end() :]


@edits("heading_count", "blockquote_count", "placeholder_count", "code_block")
def one_part_more(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """One heading, quotation, placeholder or block more."""
    if spec.kind == "heading_count":
        yield f"{text.rstrip()}\n{'#' * (spec.level or 2)} 補足\n以上。"
    elif spec.kind == "blockquote_count":
        yield f"{text.rstrip()}\n> 以上。"
    elif spec.kind == "placeholder_count":
        yield f"{text.rstrip()}[日付]"
    else:
        yield f"{text.rstrip()}\n```{spec.language or ''}\npass\n```"


@edits("code_block")
def another_language(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A block that names no language, or stands without its fence."""
    yield re.sub(r"^(```|~~~)\S+", r"\1", text, count=1, flags=re.M)
    yield re.sub(r"^(```|~~~).*\n?", "", text, flags=re.M)


@edits("table_form")
def a_row_more(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The last row of a table with a row after it that has no content."""
    lines = text.rstrip().split("\n")
    last = lines[-1]
    if "|" in last and len(lines) > 2:
        cells = last.strip().strip("|").split("|")
        first = cells[0].strip()
        head = str(int(first) + 1) if first.isdigit() else "その他"
        yield "\n".join([*lines, "| " + " | ".join([head, *["–"] * (len(cells) - 1)]) + " |"])


@edits("table_form")
def a_row_less(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Two rows of a table in one, or a row left out."""
    lines = text.rstrip().split("\n")
    if len(lines) > 3 and "|" in lines[-1]:
        a, b = (line.strip().strip("|").split("|") for line in lines[-2:])
        if len(a) == len(b) and len(a) > 1 and not all(re.fullmatch(r"\s*:?-*:?\s*", cell) for cell in a):
            both = [a[0].strip(), *(f"{x.strip()}、{y.strip()}" for x, y in zip(a[1:], b[1:], strict=True))]
            yield "\n".join([*lines[:-2], "| " + " | ".join(both) + " |"])
        yield "\n".join(lines[:-1])


@edits("table_form")
def a_cell_lost(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A row whose mark between two cells is gone."""
    lines = text.rstrip().split("\n")
    for i in reversed(range(2, len(lines))):
        if lines[i].count("|") > 2:
            at = lines[i].find("|", 1)
            yield "\n".join([*lines[:i], lines[i][:at] + lines[i][at + 1 :].lstrip(), *lines[i + 1 :]])
    for name in spec.columns:
        yield text.replace(name, f"{name}など", 1)


@edits("heading_names", "labelled_lines")
def another_name(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A heading or label in other words."""
    names = spec.names if spec.kind == "heading_names" else spec.labels
    for name in reversed(names):
        for other in (f"{name}など", f"その他の{name}"):
            yield text.replace(name, other, 1)
