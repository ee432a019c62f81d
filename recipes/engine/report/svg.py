"""Drawing primitives: inline SVG as escaped strings, labels in two languages, scales with round ticks.

A label in two languages is two text elements, of which the page's style shows one; so a picture needs no script and says the same
in both. Colours are the page's variables, by class, so that light, dark and print share one system.
"""

import math
from collections.abc import Sequence

from markupsafe import Markup, escape

from recipes.engine.wording import Words


class Drawing:
    """An SVG picture being drawn: width and height in user units, elements in order."""

    def __init__(self, width: float, height: float, title: Words, kind: str = ""):
        self.width, self.height, self.title, self.kind = width, height, title, kind
        self._parts: list[str] = []

    def add(self, tag: str, content: str | Markup = "", **attributes: object) -> None:
        """One element; `class_` is class, an underscore in a name is a hyphen, numbers are rounded to a tenth, all is escaped."""
        said = "".join(
            f' {name.rstrip("_").replace("_", "-")}="{escape(_short(value))}"'
            for name, value in attributes.items()
            if value is not None
        )
        self._parts.append(f"<{tag}{said}>{escape(content)}</{tag}>" if content else f"<{tag}{said}/>")

    def text(self, x: float, y: float, words: Words | str, class_: str = "", anchor: str = "start") -> None:
        """A line of text, once for both languages or once in each; `anchor` is start, middle or end."""
        end = None if anchor == "start" else anchor
        if isinstance(words, str) or words.ja == words.en:
            said = words if isinstance(words, str) else words.ja
            self.add("text", said, x=x, y=y, class_=class_ or None, text_anchor=end)
            return
        for language, said in (("ja", words.ja), ("en", words.en)):
            self.add("text", said, x=x, y=y, class_=f"{language} {class_}".strip(), lang=language, text_anchor=end)

    def bar(self, x: float, y: float, width: float, height: float, class_: str, said: str = "") -> None:
        """A filled rectangle; `said` is what a reader sees who rests on it."""
        if width <= 0 or height <= 0:
            return
        content = Markup("<title>{}</title>").format(said) if said else ""
        self.add("rect", content, x=x, y=y, width=width, height=height, class_=class_)

    def line(self, x1: float, y1: float, x2: float, y2: float, class_: str) -> None:
        """A straight line."""
        self.add("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)

    def __html__(self) -> str:
        title = f"<title>{escape(self.title.ja)} / {escape(self.title.en)}</title>"
        box = f"0 0 {_short(self.width)} {_short(self.height)}"
        kind = f' class="{escape(self.kind)}"' if self.kind else ""
        return f'<svg viewBox="{box}" role="img"{kind}>{title}{"".join(self._parts)}</svg>'


def _short(value: object) -> object:
    if isinstance(value, float):
        return f"{value:.1f}".removesuffix(".0")
    return value


def ticks(low: float, high: float, most: int = 5) -> list[float]:
    """Round values from `low` to `high`, at most `most` + 1 of them.

    >>> ticks(0, 1), ticks(0, 0.37, 4), ticks(0, 340, 4)
    ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], [0.0, 0.1, 0.2, 0.3], [0.0, 100.0, 200.0, 300.0])
    """
    if high <= low:
        return [low]
    raw = (high - low) / most
    base = 10.0 ** math.floor(math.log10(raw))
    step = next(base * m for m in (1, 2, 2.5, 5, 10) if base * m >= raw * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def decades(low: float, high: float) -> list[float]:
    """Powers of ten from `low` to `high`.

    >>> decades(1, 20000)
    [1.0, 10.0, 100.0, 1000.0, 10000.0]
    """
    return [10.0**e for e in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]


def compact(value: float) -> str:
    """A number in the room of an axis label.

    >>> [compact(v) for v in (0.25, 5, 1500, 20000, 3_400_000)]
    ['0.25', '5', '1.5k', '20k', '3.4M']
    """
    for size, sign in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{sign}"
    return f"{value:.3g}"


def width_of(text: str) -> float:
    """Width of a text in em: about 1 for a full-width character and 0.55 for others.

    >>> width_of("精米"), width_of("rice")
    (2.0, 2.2)
    """
    return round(sum(1.0 if ord(c) > 0x2E7F or c in "●…–—“”" else 0.55 for c in text), 2)


def clipped(text: str, em: float) -> str:
    """A text cut to a width in em, with … where something is missing.

    >>> clipped("バイト列に日本語の兆候がない", 8)
    'バイト列に日本…'
    """
    if width_of(text) <= em:
        return text
    used, kept = 1.0, []
    for c in text:
        used += width_of(c)
        if used > em:
            break
        kept.append(c)
    return "".join(kept) + "…"


def clipped_words(words: Words, em: float) -> Words:
    """Both languages cut to a width in em."""
    return Words(clipped(words.ja, em), clipped(words.en, em))


def polyline(points: Sequence[tuple[float, float]]) -> str:
    """Points as a path."""
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)
