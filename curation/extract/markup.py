"""Markup made ready for the parser: repaired, marked, measured. The plain reference of the compiled pass (`markup_kernel`).

A parser that follows HTML5 and resiliparse's text writer lose Japanese text in ways that are cheapest to mend before parsing:

- XHTML's self-closed tags (`<a id="x"/>`) stay open for HTML5 and swallow what follows; where the page shows an XHTML sign they are
  written as an open and a close tag.
- Line breaks between Japanese characters would become spaces; they go, also across inline tags.
- A text node of one kanji (一, 二, 三) would be taken for an icon; it gets a mark. Preformatted lines get one, too (see `tidy`).
- Scripts, styles, frames, images and comments are left out: they hold no text, and half of the bytes.
- Navigation gets the attribute `hidden`: by tag, class, role or style; headers, footers and asides where links make up 30 % of their
  letters (or they are very short); tables of contents and lists of nothing but links where the page says more than they do.
- Readings (`rt`, `rp`) are hidden, or put in brackets.
- The only `p` or `div` of a table cell is unwrapped, so that the cells of a row stay on one line.

What is counted on the way decides what is parsed and how, the same everywhere: nesting, an estimate of nodes, (linked) letters.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

from curation.extract import tags as T
from curation.extract.char_class import LETTER, char_class, joins
from curation.extract.japanese_lines import LONE_CHARACTER, PRE_LINE

_SPACE = " \t\n\x0c\r"
_TOKEN = re.compile(r"<!--(?:>|->|(?s:.*?)(?:-->|--!>|\Z))|<(?=[!?])[^>]*>?|</(?![A-Za-z])[^>]*>?|</?[A-Za-z]")
_NAME = re.compile(r"[^>/ \t\n\x0c\r]*")
_ATTRIBUTE = re.compile(r"[^ \t\n\x0c\r/>][^=>/ \t\n\x0c\r]*")
_VALUE = re.compile(r"[ \t\n\x0c\r]*=[ \t\n\x0c\r]*")
_REFERENCE = re.compile(r"&#[xX]([0-9A-Fa-f]{1,9});|&#([0-9]{1,10});|&[A-Za-z0-9]{1,11};")
_BLANKS = re.compile(r"[ \t\n\x0c\r]+")
_CONTAINERS = frozenset("div section ul ol dl table td p header footer aside form tr tbody center".split())
_OPEN_MAX, _REACH, _LOOK = 24, 256, 2000


@dataclass
class Prepared:
    """What the pass gives: markup for the parser, and what it counted on the way."""

    markup: str = ""
    deepest: int = 0
    nodes: int = 0
    letters: int = 0
    link_letters: int = 0
    hidden: int = 0
    link_hidden: int = 0
    contents_links: int = 0
    robots: bool = False
    licence: bool = False
    xhtml: bool = False


@dataclass
class _Waiting:
    """An element whose end tag decides whether it is hidden: sums at its start tag, and its place in the output."""

    name: str
    kind: int
    place: int
    sums: tuple[int, int, int, int, int]
    nested: int = 0


@dataclass
class _Tag:
    """A tag as read: bits of its classes, and the attributes that matter."""

    name: str
    classes: int = 0
    styled_away: bool = False
    self_closed: bool = False
    href: bool = False
    xmlns: bool = False
    licence: bool = False
    end: int = 0
    name_end: int = 0
    attributes_end: int = 0


@dataclass
class _Pass:
    """One pass over a page."""

    text: str
    keep: bool
    lean: bool
    max_depth: int
    out: list[str] = field(default_factory=list)
    made: Prepared = field(default_factory=Prepared)
    stack: list[str] = field(default_factory=list)
    waiting: list[_Waiting] = field(default_factory=list)
    listed: list[tuple[int, int, int, int]] = field(default_factory=list)
    pending: bool = False
    before: int = -1
    node: str = ""
    in_link: bool = False
    in_pre: bool = False
    in_rt: bool = False
    in_rp: bool = False
    formats: int = 0
    links: int = 0
    foreign: int = 0
    framed: int = 0
    cell: bool = False
    dropped: str = ""


def prepare(markup: str, ruby: Literal["drop", "keep"] = "drop", max_depth: int = 512, lean: bool = False) -> Prepared:
    """Makes a page's markup ready for the parser (see the module). Ends early below `max_depth` open elements.

    `lean` leaves out the attributes that only resiliparse's main-content rules look at.

    >>> prepare("<p>精米は\\n日本の<ruby>米<rt>こめ</rt></ruby></p>").markup
    '<p>精米は日本の<ruby>米\\ufdd0<rt hidden>こめ</rt></ruby></p>'
    >>> prepare('<?xml version="1.0"?><a id="x"/>二').markup
    '<a id="x"></a>二'
    """
    page = _Pass(markup, ruby == "keep", lean, max_depth)
    i, n = 0, len(page.text)
    while i < n:
        token = _TOKEN.match(page.text, i)
        if token is None:
            i = _text(page, i)
            continue
        if len(page.node) == 1 and _three_bytes(page.node):
            page.out.append(LONE_CHARACTER)
        page.node = ""
        if not re.fullmatch("</?[A-Za-z]", token[0]):
            i = _declaration(page, i, token[0])
            continue
        close = token[0].startswith("</")
        tag = _read_tag(page.text, i + 1 + close)
        if tag is None:
            break
        bits = T.TAGS.get(tag.name, 0)
        if not bits & T.INLINE:
            page.out += ["\n"] * page.pending
            page.pending, page.before = False, -1
        if close:
            _end_tag(page, tag.name, bits, page.text[i : tag.end])
            i = tag.end
            continue
        i = _start_tag(page, i, tag, bits)
        if len(page.stack) > max_depth:
            break
        if bits & T.VERBATIM and not (tag.self_closed and page.made.xhtml):
            stop = _end_of_raw(page.text, i, tag.name)
            page.out.append(page.text[i:stop].replace("\0", ""))
            i = stop
    own, linked = sum(c[1] for c in page.listed), sum(c[2] for c in page.listed)
    made = page.made
    if own and made.letters - made.hidden - own > own:
        for place, *_ in page.listed:
            page.out[place] = " hidden"
        made.hidden += own
        made.link_hidden += linked
    else:
        made.contents_links = sum(c[3] for c in page.listed)
    made.markup = "".join(page.out)
    return made


def _three_bytes(char: str) -> bool:
    return 0x800 <= ord(char) < 0xE000 or 0xF900 <= ord(char) < 0x10000


def _text(page: _Pass, i: int) -> int:
    """Copies one character, reference or run of white space; the place after it."""
    char = page.text[i]
    if char == "\0" or 0xFDD0 <= ord(char) <= 0xFDEF:
        return i + 1
    if char in _SPACE and page.in_pre:
        if page.text.startswith("\r\n", i):
            i += 1
        page.out.append("\n" + PRE_LINE if char in "\r\n" else char)
        return i + 1
    if run := _BLANKS.match(page.text, i):
        if re.search("[\r\n]", run[0]):
            page.pending = True
        elif not page.pending:
            page.out.append(" ")
        return run.end()
    reference = _REFERENCE.match(page.text, i)
    shown = reference[0] if reference else char
    code = ord(char)
    if reference:
        number = int(reference[1], 16) if reference[1] else int(reference[2] or 0)
        code = min(number, 0x110000) or 38
    kind = char_class(code)
    if page.pending:
        page.out += [] if joins(page.before, kind) else ["\n"]
        page.pending = False
    page.before = kind
    page.node = (page.node or ("" if code > 0x10FFFF else chr(code)) or "a") if not page.node else page.node[0] * 2
    if not page.in_rp and (page.keep or not page.in_rt) and kind & LETTER:
        page.made.letters += 1
        page.made.link_letters += page.in_link
    page.cell = False
    if not (page.in_rp and page.keep):
        page.out.append(shown)
    return i + len(shown)


def _declaration(page: _Pass, i: int, token: str) -> int:
    if not token.startswith("<!--") and not page.stack:
        doctype = token[:3].lower() == "<!d"
        if (token.startswith("<?") or doctype) and len(token) - token.endswith(">") < 400:
            page.made.xhtml |= token.startswith("<?") or "xhtml" in token.lower()
        if doctype and token.endswith(">"):
            page.out.append(token)
    return i + len(token)


def _read_tag(text: str, i: int) -> _Tag | None:
    """The tag whose name starts at i; None where the page ends inside it."""
    name = _NAME.match(text, i)
    assert name is not None
    tag = _Tag(_lower(name[0]), name_end=name.end(), attributes_end=name.end())
    i = name.end()
    while i < len(text):
        if text[i] == ">":
            tag.end = i + 1
            return tag
        if text.startswith("/>", i):
            tag.self_closed, tag.end = True, i + 2
            return tag
        attribute = _ATTRIBUTE.match(text, i)
        if attribute is None:
            i += 1
            continue
        i = tag.attributes_end = attribute.end()
        if equals := _VALUE.match(text, i):
            i = equals.end()
            if i >= len(text):
                return None
            quote = text[i] if text[i] in "\"'" else ""
            stop = text.find(quote, i + 1) if quote else re.compile(r"[> \t\n\x0c\r]|\Z").search(text, i).start()  # type: ignore[union-attr]
            if stop < 0:
                return None
            _note(tag, _lower(attribute[0]), text[i + len(quote) : stop])
            i = tag.attributes_end = stop + len(quote)
    return None


def _lower(name: str) -> str:
    return re.sub("[A-Z]+", lambda run: run[0].lower(), name)


def _note(tag: _Tag, name: str, value: str) -> None:
    """Keeps what matters of an attribute."""
    size = len(value.encode())
    if not value:
        return
    if name in ("class", "id", "role"):
        for token in map(_lower, re.split(r"[ \t\n\x0c\r]+", value)):
            tag.classes |= T.CONTENTS if token in T.CONTENTS_CLASSES else 0
            tag.classes |= T.AROUND if token in T.AROUND_CLASSES else 0
            tag.classes |= T.NAVIGATION if token in T.NAVIGATION_CLASSES | T.NAVIGATION_ROLES else 0
    elif name == "style":
        tag.styled_away |= size < 500 and "display" in _lower(value) and "none" in _lower(value)
    elif name == "href":
        tag.href = True
        head = value.encode()[:32].lower()
        tag.licence |= size > 26 and value.encode()[1:2] != b"#" and b"creativecommons" in head
    elif name == "rel":
        tag.licence |= "licen" in _lower(value)
    elif name == "xmlns":
        tag.xmlns = True


def _end_of_raw(text: str, i: int, name: str) -> int:
    end = re.compile(f"</{re.escape(name)}(?=[ \t\n\x0c\r>/]|\\Z)", re.IGNORECASE).search(text, i)
    return end.start() if end else len(text)


def _only_block(text: str, i: int, name: str) -> bool:
    """Whether the block `name`, opened just before i in a table cell, is all that the cell holds."""
    text = text[i:].encode()[:_LOOK].decode(errors="ignore")
    for tag in re.finditer(r"<(/?)([A-Za-z0-9]*)", text):
        if tag[1] and _lower(tag[2]) == name:
            return bool(re.compile(r"[^>]*>[ \t\n\x0c\r]*</t[dh]", re.IGNORECASE).match(text, tag.end()))
        if not T.TAGS.get(_lower(tag[2]), 0) & T.INLINE:
            return False
    return False


def _end_tag(page: _Pass, name: str, bits: int, token: str) -> None:
    if bits & T.VOID:
        return
    if name == "a":
        page.in_link = False
    elif name in ("rt", "rp", "ruby"):
        if page.in_rt and page.keep and not page.in_rp:
            page.out.append("）")
        page.in_rp = page.in_rp and name == "rt"
        page.in_rt = page.in_rt and name == "rp"
    page.in_pre = page.in_pre and not bits & T.PRE
    page.framed = max(0, page.framed - bool(bits & T.FRAMED))
    page.foreign = max(0, page.foreign - bool(bits & T.FOREIGN))
    if not bits & T.OPTIONAL_END and name in page.stack[-_REACH:]:
        del page.stack[len(page.stack) - 1 - page.stack[::-1].index(name) :]
        page.formats = max(0, page.formats - bool(bits & T.FORMATTING))
    top = None
    for k, element in enumerate(page.waiting):
        if element.name == name:
            element.nested -= 1
            top = k if element.nested < 0 and top is None else top
    if top is not None:
        _judge(page, page.waiting[top])
        del page.waiting[top:]
    page.cell = False
    if page.dropped == name:
        page.dropped = ""
    else:
        page.out.append(token)


def _judge(page: _Pass, element: _Waiting) -> None:
    made, (letters, linked, hidden, link_hidden, links) = page.made, element.sums
    own, own_linked = made.letters - letters, made.link_letters - linked
    gone = bool(element.kind & T.NAVIGATION)
    menu = element.kind & T.LIST and own_linked * 10 >= own * 9 and page.links - links >= 5
    contents = bool(element.kind & T.CONTENTS or menu)
    if not gone and not contents and element.kind & T.AROUND:
        gone = own_linked * 10 >= own * 3 or (own < 120 and bool(element.kind & T.FRAMED))
    if gone or contents:
        page.listed = [c for c in page.listed if c[0] <= element.place]
    if gone:
        page.out[element.place] = " hidden"
        made.hidden, made.link_hidden = hidden + own, link_hidden + own_linked
    elif contents and len(page.listed) < _OPEN_MAX:
        page.listed.append((element.place, own, own_linked, own_linked if element.kind & T.CONTENTS else 0))


def _kind(page: _Pass, tag: _Tag, bits: int, closed: bool) -> int:
    if tag.name in ("html", "body") or closed or bits & (T.FRAMED | T.VOID):
        return 0
    if tag.styled_away:
        return T.NAVIGATION
    kind = bits & (T.NAVIGATION | T.AROUND)
    if bits & T.AROUND and not page.framed:
        kind |= T.FRAMED
    kind |= tag.classes & T.NAVIGATION
    if tag.name in _CONTAINERS:
        kind |= tag.classes & (T.AROUND | T.CONTENTS)
    return kind or bits & T.LIST


def _start_tag(page: _Pass, i: int, tag: _Tag, bits: int) -> int:
    made, name, text = page.made, tag.name, page.text
    made.nodes += 2 if bits & T.INLINE else 2 + page.formats
    made.xhtml |= name == "html" and tag.xmlns
    closed = tag.self_closed and made.xhtml and not page.foreign and not bits & (T.VOID | T.FOREIGN)
    if bits & T.RAW:
        if closed:
            return tag.end
        stop = text.find(">", _end_of_raw(text, tag.end, name))
        return stop + 1 if stop >= 0 else len(text)
    if name == "img":
        page.cell = False
        return tag.end
    if name == "meta":
        attributes = _lower(text[tag.name_end : tag.end])
        made.robots |= len(text[i : tag.end].encode()) < 4000 and ("bot" in attributes or "tdm-" in attributes)
    made.licence |= tag.licence and name in ("a", "link")
    if name in ("p", "div") and page.cell and not closed and not page.dropped and _only_block(text, tag.end, name):
        page.dropped = name
        return tag.end
    if not bits & T.INLINE:
        page.cell = name in ("td", "th")
    if name == "a" and not closed:
        page.in_link = tag.href
        page.links += tag.href
    ruby = name in ("rt", "rp", "rtc") and not closed
    if ruby:
        if page.in_rt and page.keep and not page.in_rp:
            page.out.append("）")
        page.in_rt, page.in_rp = name != "rp", name == "rp"
    page.out.append(text[i : tag.name_end])
    if not closed and not bits & T.VOID:
        for element in page.waiting:
            element.nested += element.name == name
    kind = _kind(page, tag, bits, closed)
    if ruby and not page.keep:
        page.out.append(" hidden")
    elif kind and len(page.waiting) < _OPEN_MAX:
        sums = (made.letters, made.link_letters, made.hidden, made.link_hidden, page.links)
        page.waiting.append(_Waiting(name, kind, len(page.out), sums))
        page.out.append(" " * 7)
    if closed:
        page.out += [
            "" if page.lean else text[tag.name_end : tag.attributes_end],
            "></",
            text[i + 1 : tag.name_end],
            ">",
        ]
        return tag.end
    if page.lean and not tag.licence and name not in ("html", "meta", "link"):
        page.out.append("/>" if tag.self_closed else ">")
    else:
        page.out.append(text[tag.name_end : tag.end])
    if not bits & (T.OPTIONAL_END | T.VOID):
        page.stack.append(name)
        made.deepest = max(made.deepest, len(page.stack))
    page.formats += bool(bits & T.FORMATTING)
    page.framed += bool(bits & T.FRAMED)
    page.foreign += bool(bits & T.FOREIGN) and not tag.self_closed
    if ruby and page.keep and name != "rp":
        page.out.append("（")
    end = tag.end
    if bits & T.PRE:
        page.in_pre = True
        end += text.startswith("\r", end)
        end += text.startswith("\n", end)
        page.out.append(PRE_LINE)
    return end
