"""Main text of a page: markup in, clean Japanese lines out, with what the page's head says about itself.

Two extractors: resiliparse in two modes from one parse (see `page_text`), or trafilatura. Plain text and WET records are read as they
are. The wall clock decides nothing: a page that hangs or kills the extractor takes the task's process with it (`fuse`), the task
is tried again with every page in a process of its own (`alone`), and what dies there twice is rejected and listed.
"""

import importlib.util
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pyarrow as pa

from curation.extract.fuse import Fuse
from curation.extract.japanese_lines import plain_text
from curation.step import Batch, Columns, Measure

if TYPE_CHECKING:
    from curation.extract.alone import Alone
    from curation.extract.page_text import PageText

_NOT_PAGES = ("text/css", "text/javascript", "application/javascript", "application/x-javascript", "application/json")
_SIGNS = (b"<!doctype html", b"<html", b"<?xml", b"<head", b"<body")


class MainText(Measure):
    """Writes `text`, `title`, `html_lang`, `extraction`, `link_density`, `robots_meta`, `tdm_meta`, `licence_link`; drops `html`.

    engine: `resiliparse` (two modes, about a millisecond a page) or `trafilatura` (optional, about thirty times slower).
    ruby: readings above kanji are dropped (漢字), or kept in brackets after their kanji (漢字（かんじ）).
    link_density_switch: share of letters inside links, in [0, 1], above which resiliparse's own main-content rules choose the text.
    max_depth: deepest nesting of elements that is parsed (browsers stop at 512); more is `too_deep`.
    fuse_seconds: wall-clock seconds after which a page counts as hanging. It must be far above any real page: it is a fuse.
    """

    reads = ("html", "mime_declared", "record_type", "url")
    writes = ("text", "title", "html_lang", "extraction", "link_density", "robots_meta", "tdm_meta", "licence_link")
    drops = ("html",)
    reasons = ("no_text", "too_deep", "extract_timeout", "extract_crash")

    extractor = "curation.extract.page_text:extract"
    """Function that extracts a page, as module:name; a test puts one here that hangs."""
    known_fused: frozenset[bytes] = frozenset()
    """Ids of pages that blew the fuse in an earlier run: rejected again without being tried (set by the engine)."""

    def __init__(
        self,
        engine: Literal["resiliparse", "trafilatura"] = "resiliparse",
        ruby: Literal["drop", "keep"] = "drop",
        link_density_switch: float = 0.5,
        max_depth: int = 512,
        fuse_seconds: float = 60.0,
    ):
        super().__init__()
        if engine not in ("resiliparse", "trafilatura"):
            raise ValueError(f"engine must be 'resiliparse' or 'trafilatura', not {engine!r}")
        if engine == "trafilatura" and importlib.util.find_spec("trafilatura") is None:
            raise ValueError(
                "engine: trafilatura is not installed: `uv run --extra trafilatura seimai …`, or pip install 'seimai[trafilatura]'"
            )
        if ruby not in ("drop", "keep"):
            raise ValueError(f"ruby must be 'drop' or 'keep', not {ruby!r}")
        if not 0 <= link_density_switch <= 1:
            raise ValueError(f"link_density_switch must be in [0, 1], not {link_density_switch}")
        if max_depth < 1 or fuse_seconds <= 0:
            raise ValueError(f"max_depth and fuse_seconds must be positive, not {max_depth} and {fuse_seconds}")
        self.libraries = ("resiliparse",) if engine == "resiliparse" else ("resiliparse", "trafilatura")
        self.engine = engine
        self.ruby = ruby
        self.link_density_switch = link_density_switch
        self.max_depth = max_depth
        self.fuse_seconds = fuse_seconds
        self.fused: list[bytes] = []
        """Ids of pages that blew the fuse in this task, also when tried alone."""
        self._alone: Alone | None = None

    def setup(self) -> None:
        """Loads the extractor: into this process on the first attempt, into a child on later ones."""
        from curation.extract.alone import Alone, load

        if self.attempt > 1:
            self._alone = Alone(self.extractor, self.fuse_seconds)
        else:
            self._extract, self._scratch = load(self.extractor)

    def run(self, data: Any, rank: int = 0, world_size: int = 1) -> Any:
        """Pipes batches through; ends the child process with the task."""
        try:
            yield from super().run(data, rank, world_size)
        finally:
            if self._alone is not None:
                self._alone.close()

    def columns(self, batch: Batch) -> Columns:
        """The eight columns; `reason` where a page has no text or must not be parsed."""
        html = batch.column("html")
        mimes = batch.column("mime_declared").to_pylist()
        kinds = batch.column("record_type").to_pylist()
        urls = batch.column("url").to_pylist()
        ids = batch.column("id").to_pylist() if self.known_fused or self.attempt > 1 else None
        options = {
            "engine": self.engine,
            "ruby": self.ruby,
            "link_density_switch": self.link_density_switch,
            "max_depth": self.max_depth,
        }
        offsets = np.frombuffer(html.buffers()[1], np.int64)[html.offset : html.offset + len(html) + 1].tolist()
        body = html.buffers()[2]
        data = np.frombuffer(body, np.uint8) if body is not None and body.size else np.zeros(1, np.uint8)
        pages = []
        with Fuse(self.fuse_seconds, armed=self.attempt == 1) as fuse:
            for row in range(batch.num_rows):
                start, stop = offsets[row], offsets[row + 1]
                fuse.arm(stop - start)
                options["url"] = urls[row]
                id_ = ids[row] if ids is not None else None
                pages.append(self._page(data, start, stop, mimes[row], kinds[row], options, id_))
        return _columns(pages)

    def _page(
        self,
        data: np.ndarray,
        start: int,
        stop: int,
        mime: str | None,
        kind: str | None,
        options: dict[str, Any],
        id_: bytes | None,
    ) -> "PageText":
        from curation.extract.page_text import PageText

        if mime in _NOT_PAGES:
            return PageText(fault="no_text", detail=f"{mime} is not a page")
        if _is_plain(data, start, stop, mime, kind):
            text = plain_text(data[start:stop].tobytes().decode("utf-8", "replace"), self.ruby).encode()
            return PageText(text=text, extraction="plain")
        if id_ is not None and id_ in self.known_fused:
            self.fused.append(id_)
            return PageText(fault="extract_timeout", detail="blew the fuse in an earlier run")
        if self._alone is None:
            return self._extract(data, start, stop, options, self._scratch)
        page = self._alone.extract(data[start:stop].tobytes(), options)
        if page.fault in ("extract_timeout", "extract_crash") and id_ is not None:
            self.fused.append(id_)
        return page


def _is_plain(data: np.ndarray, start: int, stop: int, mime: str | None, kind: str | None) -> bool:
    """Whether a page is read as it is: WET text, and text/plain or unnamed content that does not start like markup."""
    if kind == "conversion":
        return True
    if mime not in (None, "", "text/plain", "text/markdown"):
        return False
    head = data[start : min(stop, start + 1024)].tobytes().lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith(_SIGNS):
        return False
    return mime not in (None, "") or not (head.startswith(b"<") or b"<body" in head or b"<html" in head)


def _columns(pages: "list[PageText]") -> Columns:
    reasons = [page.fault or (None if page.text else "no_text") for page in pages]
    strings = {
        name: [getattr(page, name) for page in pages]
        for name in ("html_lang", "extraction", "robots_meta", "tdm_meta", "licence_link", "detail")
    }
    made: dict[str, pa.Array] = {name: pa.array(values, pa.string()) for name, values in strings.items()}
    made["text"] = pa.array([page.text for page in pages], pa.large_binary()).cast(pa.large_string())
    made["title"] = pa.array([page.title for page in pages], pa.large_string())
    made["link_density"] = pa.array([page.link_density for page in pages], pa.float32())
    made["value"] = pa.array([page.value for page in pages], pa.float64())
    made["threshold"] = pa.array([page.threshold for page in pages], pa.float64())
    made["reason"] = pa.array(reasons, pa.string())
    return made
