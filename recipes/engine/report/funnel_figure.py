"""The funnel drawn: a trunk whose width is the number of pages, and a ribbon to the side for every reason that took some.

Widths are proportional to rows, so the picture cannot flatter: a crawl of which one page in a hundred stays ends in a thin line.
"""

from recipes.engine.report.funnel import Funnel, FunnelStep, Loss, share_words
from recipes.engine.report.svg import Drawing, clipped_words
from recipes.engine.wording import Words

SHOWN = 7
"""Reasons of one step that get a ribbon of their own; the smaller rest shares one."""


def draw_funnel(funnel: Funnel, title: Words, *, narrow: bool = False) -> Drawing:
    """The funnel, 1,000 units wide, or 380 with the labels in two lines."""
    layout = _Layout(narrow)
    steps = [(step, _shown(step)) for step in funnel.steps]
    height = layout.top + sum(layout.step_height(funnel, losses) for _, losses in steps) + layout.bottom
    drawing = Drawing(layout.width, height, title, "funnel")
    y = _begin(drawing, layout, funnel)
    x, unit = layout.trunk, layout.thickness / max(1, funnel.rows_in)
    for step, losses in steps:
        end = y + layout.step_height(funnel, losses)
        right = x + step.rows_in * unit
        row = y + layout.head
        for loss in losses:
            wide = loss.rows * unit
            _ribbon(drawing, right, wide, y, row + max(0.0, layout.row - wide) / 2, layout.ribbon_end)
            _label(drawing, layout, loss, row + max(wide, layout.row) / 2, funnel)
            right -= wide
            row += max(wide, layout.row) + layout.gap
        _trunk(drawing, x, y, end, step.rows_out * unit)
        _step_label(drawing, layout, step, y, funnel)
        y = end
    _finish(drawing, layout, funnel, y, unit)
    return drawing


class _Layout:
    """Where things stand in the wide and in the narrow picture."""

    def __init__(self, narrow: bool):
        self.narrow = narrow
        self.width = 380 if narrow else 1000
        self.trunk, self.thickness = (0, 84) if narrow else (226, 230)
        self.ribbon_end = 112 if narrow else 512
        self.row, self.gap, self.head = (32, 8, 46) if narrow else (20, 6, 26)
        self.top, self.bottom = (58, 84) if narrow else (62, 70)

    def step_height(self, funnel: Funnel, losses: list[Loss]) -> float:
        """Height of a step: its heading and a row a reason, as thick as its ribbon where that is more."""
        unit = self.thickness / max(1, funnel.rows_in)
        return self.head + sum(max(loss.rows * unit, self.row) + self.gap for loss in losses) + 8


def _shown(step: FunnelStep) -> list[Loss]:
    if len(step.losses) <= SHOWN:
        return step.losses
    rest = step.losses[SHOWN - 1 :]
    words = Words(f"ほか {len(rest)} 件の理由", f"{len(rest)} more reasons")
    return [*step.losses[: SHOWN - 1], Loss(step.stage, step.step, "", sum(r.rows for r in rest), words)]


def _begin(drawing: Drawing, layout: _Layout, funnel: Funnel) -> float:
    drawing.text(layout.trunk, 18, Words("読み込んだレコード", "records read"), "label")
    drawing.text(layout.trunk, 44, f"{funnel.rows_in:,}", "big")
    _trunk(drawing, layout.trunk, layout.top - 8, layout.top, layout.thickness)
    return layout.top


def _trunk(drawing: Drawing, x: float, y: float, end: float, wide: float) -> None:
    drawing.bar(x, y - 0.3, max(wide, 1.5) if wide else 0, end - y + 0.6, "kept")


def _ribbon(drawing: Drawing, right: float, wide: float, y: float, row: float, end: float) -> None:
    """From the trunk's right edge down and to the side, as thick as its rows all the way."""
    left, low = right - wide, row + wide
    path = (
        f"M{right:.1f},{y:.1f}C{right:.1f},{row:.1f} {right:.1f},{row:.1f} {right + (end - right) * 0.35:.1f},{row:.1f}"
        f"L{end:.1f},{row:.1f}L{end:.1f},{low:.1f}L{right + (end - right) * 0.35:.1f},{low:.1f}"
        f"C{left:.1f},{low:.1f} {left:.1f},{low:.1f} {left:.1f},{y:.1f}Z"
    )
    drawing.add("path", d=path, class_="lost ribbon" if wide >= 1 else "lost ribbon thin")


def _label(drawing: Drawing, layout: _Layout, loss: Loss, y: float, funnel: Funnel) -> None:
    x = layout.ribbon_end
    count, share = f"{loss.rows:,}", share_words(funnel.share(loss.rows))
    if layout.narrow:
        drawing.text(x + 8, y - 2, f"{count}　{share}", "count")
        drawing.text(x + 8, y + 14, clipped_words(loss.words, 20), "label")
        return
    drawing.text(x + 76, y + 5, count, "count", "end")
    drawing.text(x + 138, y + 5, share, "label", "end")
    drawing.text(x + 156, y + 5, clipped_words(loss.words, 25), "reason")


def _step_label(drawing: Drawing, layout: _Layout, step: FunnelStep, y: float, funnel: Funnel) -> None:
    if layout.narrow:
        drawing.text(layout.ribbon_end + 8, y + 30, clipped_words(step.words, 17), "step")
        return
    drawing.text(layout.trunk - 16, y + 18, clipped_words(step.words, 14), "step", "end")
    left = f"{step.rows_out:,}"
    drawing.text(layout.trunk - 16, y + 36, Words(f"残り {left}", f"{left} left"), "label", "end")
    drawing.line(0, y, layout.width, y, "rule")


def _finish(drawing: Drawing, layout: _Layout, funnel: Funnel, y: float, unit: float) -> None:
    wide = max(funnel.rows_out * unit, 1.5)
    if not layout.narrow:
        drawing.line(0, y, layout.width, y, "rule")
    drawing.bar(layout.trunk, y - 0.3, wide if funnel.rows_out else 0, 10, "kept")
    share = share_words(funnel.share(funnel.rows_out))
    drawing.text(layout.trunk, y + 36, f"{funnel.rows_out:,}", "big kept-ink")
    drawing.text(layout.trunk, y + 56, Words(f"残したページ（{share}）", f"pages kept ({share})"), "label")
