"""The picture of a budget: effective tokens and predicted loss against tokens shown, with where the plan stands."""

from math import log10
from pathlib import Path

import numpy as np

from curation.mixture.budget import Budget, Curve
from recipes.engine.report.svg import Drawing, compact, polyline, ticks
from recipes.engine.wording import Words

_STYLE = Path(__file__).resolve().parents[1] / "report" / "style.css"


class _Panel:
    """A plot's frame: tokens on a logarithmic axis, a value on a straight or logarithmic one."""

    def __init__(
        self, drawing: Drawing, left: float, tokens: tuple[float, float], values: tuple[float, float], log: bool
    ):
        self.drawing, self.left, self.right, self.top, self.bottom = drawing, left, left + 330.0, 52.0, 300.0
        self.log = log
        self.x = log10(tokens[0]), log10(tokens[1])
        self.y = (log10(values[0]), log10(values[1])) if log else values

    def at(self, tokens: float, value: float) -> tuple[float, float]:
        """Where a point lies."""
        v = log10(value) if self.log else value
        x = (log10(tokens) - self.x[0]) / (self.x[1] - self.x[0])
        y = (v - self.y[0]) / (self.y[1] - self.y[0])
        return self.left + x * (self.right - self.left), self.bottom - y * (self.bottom - self.top)

    def frame(self, marks: list[float], said: Words) -> None:
        """Axes, marks and what the panel shows."""
        for mark in marks:
            y = self.at(10 ** self.x[0], mark)[1]
            self.drawing.line(self.left, y, self.right, y, "grid")
            self.drawing.text(self.left - 6, y + 4, compact(mark) if self.log else f"{mark:g}", "tick", "end")
        for mark in _tens(*self.x):
            x = self.at(mark, marks[0])[0]
            self.drawing.line(x, self.bottom, x, self.bottom + 4, "axis")
            self.drawing.text(x, self.bottom + 18, compact(mark), "tick", "middle")
        self.drawing.line(self.left, self.bottom, self.right, self.bottom, "axis")
        self.drawing.text(self.left, self.top - 12, said, "strong")
        middle = (self.left + self.right) / 2
        self.drawing.text(middle, self.bottom + 38, Words("提示するトークン数", "tokens shown"), "tick", "middle")

    def curve(self, tokens: np.ndarray, values: np.ndarray, class_: str) -> None:
        """A line through points."""
        points = [self.at(t, v) for t, v in zip(tokens.tolist(), values.tolist(), strict=True)]
        self.drawing.add("path", d=polyline(points), class_=class_)

    def mark(self, tokens: float, value: float) -> None:
        """The plan's point."""
        x, y = self.at(tokens, value)
        self.drawing.line(x, y, x, self.bottom, "bound")
        self.drawing.add("circle", cx=x, cy=y, r=4, class_="dot")


def _tens(low: float, high: float) -> list[float]:
    """1, 2 and 5 times powers of ten between two exponents, powers alone where those would be too many."""
    found = [m * 10.0**e for e in range(int(low) - 1, int(high) + 2) for m in (1, 2, 5)]
    found = [v for v in found if low <= log10(v) <= high]
    return found if len(found) <= 6 else [v for v in found if abs(log10(v) - round(log10(v))) < 1e-9]


def draw_budget(budget: Budget, line: Curve) -> Drawing:
    """Two panels: D′ and loss against tokens; dashed, the twin whose tokens are all unique; the dot is the plan."""
    title = Words("トークン予算", "Token budget")
    drawing = Drawing(800, 350, title, "bars")
    low, high = float(line.tokens[0]), float(line.tokens[-1])
    low, high = min(low, budget.tokens) * 0.95, max(high, budget.tokens) * 1.05
    most = max(high, float(line.effective.max()))
    left = _Panel(drawing, 56, (low, high), (min(low, float(line.effective.min())), most), True)
    left.frame(_tens(*left.y), Words("実効トークン D′（点線：重複なし）", "effective tokens D′ (dashed: all unique)"))
    left.curve(np.array([low, high]), np.array([low, high]), "bound")
    left.curve(line.tokens, line.effective, "curve")
    left.mark(budget.tokens, budget.effective)
    losses = np.concatenate([line.loss, line.fresh_loss, [budget.losses[0]]])
    bottom, top = float(losses.min()), float(losses.max())
    room = max(top - bottom, 1e-3) * 0.08
    right = _Panel(drawing, 450, (low, high), (bottom - room, top + room), False)
    said = Words("予測損失 Muennighoff+23（点線：重複なし）", "predicted loss, Muennighoff+23 (dashed: all unique)")
    right.frame(ticks(bottom - room, top + room, 5), said)
    right.curve(line.tokens, line.fresh_loss, "bound")
    right.curve(line.tokens, line.loss, "curve")
    right.mark(budget.tokens, budget.losses[0])
    if budget.binding is not None and low < budget.binding.tokens < high:
        for panel in (left, right):
            x = panel.at(budget.binding.tokens, 10 ** panel.y[0] if panel.log else panel.y[0])[0]
            panel.drawing.bar(
                x, panel.top, panel.right - x, panel.bottom - panel.top, "zone", "an allowance binds from here"
            )
    return drawing


def standalone(drawing: Drawing, language: str) -> str:
    """A drawing as an SVG file of its own, in one language (ja or en): with the report's style inside."""
    style = _STYLE.read_text(encoding="utf-8")
    other = "en" if language == "ja" else "ja"
    style += f"svg .{language} {{ display: inline !important; }} svg .{other} {{ display: none !important; }}"
    style += "svg path.bound { fill: none; } svg { background: var(--paper); font-family: sans-serif; }"
    head, close, rest = drawing.__html__().partition(">")
    head = head.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1)
    return f"{head}{close}<style><![CDATA[{style}]]></style>{rest}\n"
