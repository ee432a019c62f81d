"""One page → its text and what its head says, from one parse: the fast engine behind `main_text`.

The compiled pass (`markup`) repairs and marks the markup, resiliparse parses it once and writes the text, and a second compiled pass
(`japanese_lines.tidy`) cleans the lines. Which of resiliparse's two modes writes the text follows from the share of letters inside
links: `body` (everything that is not marked as navigation) on ordinary pages, `main` (its own rules for main content) on pages
that are mostly links. On the development pages this beats every slower extractor (F1 .975 over four manuals, against .9225).

Loads numba and resiliparse: imported by a step's `setup()` or by the child process, never by a recipe's check.
"""

import re
from typing import Any, NamedTuple
from urllib.parse import urljoin

import numpy as np
from resiliparse.extract.html2text import extract_plain_text
from resiliparse.parse.html import HTMLParserException, HTMLTree

from curation.extract import markup_kernel as kernel
from curation.extract.breadcrumbs import without_trail
from curation.extract.lines_kernel import tidy
from curation.extract.markup_scan import LEAN, LETTERS, LINK_LETTERS, RUBY_KEEP

MAX_NODES = 4_000_000
"""Upper estimate of a tree's nodes that is still parsed: about 1 GB of tree."""

MAIN_WORK = 200_000_000
"""Nesting × bytes up to which `main` is tried: it looks at the text below a node again at every level above it.

About 2 s at the limit.
"""

_SKIP = ("[hidden]",)
_SMALL = 1 << 18
_HEAD = 2000
_MARKS = re.compile(">|›|»|＞".encode())


class PageText(NamedTuple):
    """What one page gave. `text` is UTF-8, empty where there is none; `fault` a registered reason with `value` and `threshold`."""

    text: bytes = b""
    title: str | None = None
    html_lang: str | None = None
    extraction: str = "body"
    link_density: float | None = None
    robots_meta: str | None = None
    tdm_meta: str | None = None
    licence_link: str | None = None
    fault: str | None = None
    value: float | None = None
    threshold: float | None = None
    detail: str | None = None


class Scratch:
    """Buffers that a worker reuses from page to page (1.3 MB, for an ordinary page)."""

    def __init__(self) -> None:
        self.state = np.zeros(kernel.STATE, np.int64)
        self.out = np.empty(5 * _SMALL + 128, np.uint8)

    def room(self, size: int) -> np.ndarray:
        """A buffer for the copy of `size` bytes of markup."""
        return self.out if size <= _SMALL else np.empty(5 * size + 128, np.uint8)


def extract(data: np.ndarray, start: int, stop: int, options: dict[str, Any], scratch: Scratch) -> PageText:
    """Text and head of the page whose UTF-8 markup is data[start:stop] (uint8).

    `options`: engine, ruby, link_density_switch, max_depth (see `MainText`) and the page's url. Never raises on a page's content.
    """
    max_depth = options["max_depth"]
    out, state = _prepare(data, start, stop, options, scratch, lean=True)
    size, depth, nodes, hidden, linked_hidden, flags, listed = state[kernel.OUT : kernel.CONTENTS_LINKS + 1].tolist()
    letters, linked = int(state[LETTERS]), int(state[LINK_LETTERS])
    if depth > max_depth:
        return PageText(fault="too_deep", value=float(depth), threshold=float(max_depth))
    if nodes > MAX_NODES:
        return PageText(fault="too_deep", value=float(nodes), threshold=float(MAX_NODES), detail="nodes of the tree")
    shown = letters - hidden
    links = linked - linked_hidden
    density = min(1.0, max(0.0, links / shown)) if shown > 0 else 0.0
    menus = (
        shown > 0 and (links - listed) / shown > options["link_density_switch"] and depth * (stop - start) <= MAIN_WORK
    )
    if menus:
        out, state = _prepare(data, start, stop, options, scratch, lean=False)
        size = int(state[kernel.OUT])
    markup = str(memoryview(out)[:size], "utf-8", "replace")
    try:
        return _parsed(markup, data[start:stop], options, density, flags, menus)
    except BaseException as error:
        foreign = (
            options["engine"] == "trafilatura" and isinstance(error, Exception) and not isinstance(error, MemoryError)
        )
        if not (foreign or isinstance(error, HTMLParserException) or type(error).__name__ == "PanicException"):
            raise
        return PageText(fault="extract_crash", detail=f"{type(error).__name__}: {error}"[:200])


def _prepare(
    data: np.ndarray, start: int, stop: int, options: dict[str, Any], scratch: Scratch, lean: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Markup for the parser and the state of the pass; without attributes where only a second pass may need them."""
    out, state = scratch.room(stop - start), scratch.state
    state[:] = 0
    state[RUBY_KEEP] = options["ruby"] == "keep"
    state[LEAN] = lean
    kernel.prepare(data, start, stop, out, state, options["max_depth"])
    return out, state


def _parsed(
    markup: str, source: np.ndarray, options: dict[str, Any], density: float, flags: int, menus: bool
) -> PageText:
    tree = HTMLTree.parse(markup)
    document = tree.document
    root = document.document_element if document is not None else None
    title = " ".join((tree.title or "").split()) or None
    lang = (root.get_attribute("lang") or root.get_attribute("xml:lang")) if root is not None else None
    head = {
        "title": title,
        "html_lang": lang,
        "link_density": density,
        **(_directives(tree) if flags & kernel.ROBOTS else {}),
        "licence_link": _licence(tree, options.get("url")) if flags & kernel.LICENCE else None,
    }
    if options["engine"] == "trafilatura":
        return PageText(text=_trafilatura(source.tobytes(), options), extraction="trafilatura", **head)
    if menus:
        text = _text(tree, main_content=True)
        if text:
            return PageText(text=text, extraction="main", **head)
    text = _text(tree) or _text(tree, marked=False)
    return PageText(text=text, extraction="body", **head)


def _text(tree: HTMLTree, main_content: bool = False, marked: bool = True) -> bytes:
    text = extract_plain_text(tree, main_content=main_content, skip_elements=_SKIP if marked else None).encode()
    if not text:
        return b""
    lines = np.empty(len(text) + 8, np.uint8)
    tidied = lines[: tidy(np.frombuffer(text, np.uint8), len(text), lines)].tobytes()
    if not _MARKS.search(tidied, 0, _HEAD):
        return tidied
    return without_trail(tidied.decode("utf-8", "replace")).encode()


def _directives(tree: HTMLTree) -> dict[str, str | None]:
    """Contents of the robots meta tags (robots, googlebot and other …bot), and of tdm-reservation, each joined by ', '.

    What stands for a header (`http-equiv="X-Robots-Tag"`) counts as the header does.
    """
    robots: list[str] = []
    tdm: list[str] = []
    for meta in tree.document.query_selector_all("meta[name], meta[http-equiv]") if tree.document else ():
        name = (meta.get_attribute("name") or meta.get_attribute("http-equiv") or "").strip().lower()
        if content := (meta.get_attribute("content") or "").strip():
            robots += [content] if name in ("robots", "x-robots-tag") or name.endswith("bot") else []
            tdm += [content] if name == "tdm-reservation" else []
    return {"robots_meta": ", ".join(robots) or None, "tdm_meta": ", ".join(tdm) or None}


def _licence(tree: HTMLTree, url: str | None) -> str | None:
    """First rel=license link of the page, else its first link to a Creative Commons deed; absolute where the page's URL is known."""
    for selector in (
        "[rel~=license][href]",
        'a[href*="creativecommons.org/licenses/"]',
        'a[href*="creativecommons.org/publicdomain/"]',
    ):
        node = tree.document.query_selector(selector) if tree.document else None
        if node is not None and (href := (node.get_attribute("href") or "").strip()):
            try:
                return urljoin(url, href) if url else href
            except ValueError:
                return href
    return None


def _trafilatura(markup: bytes, options: dict[str, Any]) -> bytes:
    """Text by trafilatura's defaults. Ruby readings are taken out before, because it would run them into the text."""
    from trafilatura import extract as by_trafilatura

    page = markup.replace(b"\0", b"").decode("utf-8", "replace")
    if options["ruby"] == "drop" and "<ruby" in page.lower():
        page = re.sub(r"(?is)<r([tp])\b[^>]*>.*?(?=</ruby|<rb\b|<r[tp]\b|</r[tp]\s*>)(</r[tp]\s*>)?", "", page)
    return (by_trafilatura(page) or "").encode()
