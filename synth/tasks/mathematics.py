"""Mathematics with an exact answer: word problems whose numbers, solution and answer are made together.

Each kind of problem draws its numbers so that the answer comes out exactly and is worth asking (no remainder is 0). The solution is
a program's, step by step, and its calculations are checked like a model's: the result as a fraction (`math_answer`), and every
written calculation (`arithmetic_steps`).
"""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import yaml

from synth.seed import Seed
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, Turn, checks

THINGS = Path(__file__).parent.parent / "seeds" / "things.yaml"


class Problem(NamedTuple):
    """The values of one problem. unit: what the answer is counted in, the first as it is written; steps: calculations at least."""

    values: Mapping[str, Any]
    answer: Fraction
    unit: tuple[str, ...] = ()
    steps: int = 1
    wording: str = ""
    """A wording of this kind that the numbers fit (`area.2`), "" for any."""


@cache
def things() -> Mapping[str, Any]:
    """Things, people and prices that problems speak of."""
    return yaml.safe_load(THINGS.read_text(encoding="utf-8"))


class Mathematics(Task):
    """Word problems. kinds: those wanted, of `KINDS`; all when not given. short: percent of prompts that ask for the answer alone."""

    name: ClassVar[str] = "mathematics"
    function: ClassVar[str] = "mathematics"
    version: ClassVar[str] = "2"
    group: ClassVar[str] = "mathematics"

    def __init__(self, *, kinds: Sequence[str] = (), short: int = 25):
        if unknown := sorted(set(kinds) - KINDS.keys()):
            raise TaskError(f"mathematics: there is no kind '{unknown[0]}'; kinds are {', '.join(KINDS)}")
        if not 0 <= short <= 100:
            raise TaskError(f"mathematics: short is a percentage from 0 to 100, not {short}")
        self.kinds, self.short = tuple(kinds) or tuple(KINDS), short

    def make(self, draw: Draw, passage: Seed | None) -> Instance:
        """A problem of a drawn kind."""
        kind = draw.one(self.kinds)
        line = draw.line(kind)
        problem = KINDS[kind](draw, line.name)
        written = decimal(problem.answer)
        values = {**problem.values, "value": written}
        short = draw.chance(self.short)
        way = "short" if short else "steps"
        asked = draw.say(f"ask_{way}", problem=line.fill(**values))
        unit = problem.unit[0] if problem.unit else ""
        answer = draw.say(f"end_{way}", value=written, unit=unit)
        if not short:
            answer = f"{draw.say(f'{kind}_solution', **values)}\n{answer}"
        spec = checks(
            {"kind": "math_answer", "value": str(problem.answer), "unit": list(problem.unit)},
            {"kind": "char_count", "max": 20} if short else {"kind": "arithmetic_steps", "least": problem.steps},
            None if short else {"kind": "keitai", "style": "keitai"},
        )
        return Instance((Turn("user", asked), Turn("assistant", checks=spec, answer=answer)), line.id)


def decimal(value: Fraction) -> str:
    """A value as it is written: a whole number or a decimal. Raises TaskError for one that has no end.

    >>> decimal(Fraction(15, 2)), decimal(Fraction(1200))
    ('7.5', '1200')
    """
    places = next((n for n in range(6) if (value * 10**n).denominator == 1), None)
    if places is None:
        raise TaskError(f"{value} has no short decimal form")
    return f"{float(value):.{places}f}" if places else str(value.numerator)


def _goods(draw: Draw, count: int) -> list[dict[str, Any]]:
    chosen = [dict(g) for g in draw.some(things()["goods"], count)]
    for good in chosen:
        good["price"] = draw.step(good["low"], good["high"], good["step"])
    return chosen


def _who(draw: Draw) -> str:
    return draw.one(things()["people"])


def _total(draw: Draw, line: str) -> Problem:
    a, b = _goods(draw, 2)
    na, nb = draw.integer(2, 9), draw.integer(2, 9)
    ta, tb = a["price"] * na, b["price"] * nb
    values = {
        "who": _who(draw), "a": a["name"], "ca": a["counter"], "pa": a["price"], "na": na, "ta": ta,
        "b": b["name"], "cb": b["counter"], "pb": b["price"], "nb": nb, "tb": tb,
    }  # fmt: skip
    return Problem(values, Fraction(ta + tb), ("円",), 3)


def _change(draw: Draw, line: str) -> Problem:
    (a,) = _goods(draw, 1)
    na = draw.integer(2, 9)
    cost = a["price"] * na
    paid = next(note for note in (500, 1000, 2000, 5000, 10000) if note > cost)
    values = {
        "who": _who(draw),
        "a": a["name"],
        "ca": a["counter"],
        "pa": a["price"],
        "na": na,
        "cost": cost,
        "paid": paid,
    }
    return Problem(values, Fraction(paid - cost), ("円",), 2)


def _left(draw: Draw, line: str) -> Problem:
    a = draw.one(things()["shared"])
    each, quotient = draw.integer(4, 9), draw.integer(5, 15)
    left = draw.integer(1, each - 1)
    total = each * quotient + left
    values = {
        "a": a["name"],
        "c": a["counter"],
        "total": total,
        "each": each,
        "quotient": quotient,
        "dealt": each * quotient,
    }
    return Problem(values, Fraction(left), (a["counter"],), 1)


def _distance(draw: Draw, line: str) -> Problem:
    speed = draw.one((30, 36, 42, 48, 60, 72, 90))
    minutes = draw.step(10, 50, 5)
    values = {"who": _who(draw), "speed": speed, "minutes": minutes, "rate": decimal(Fraction(speed, 60))}
    return Problem(values, Fraction(speed * minutes, 60), ("km", "キロメートル", "キロ"), 1)


def _discount(draw: Draw, line: str) -> Problem:
    price, percent = draw.step(600, 9800, 200), draw.one((5, 10, 15, 20, 25, 30, 40))
    off = price * percent // 100
    a = draw.one(("かばん", "靴", "傘", "時計", "帽子", "湯飲み", "座布団", "毛布"))
    values = {"a": a, "price": price, "percent": percent, "off": off, "rest": 100 - percent}
    return Problem(values, Fraction(price - off), ("円",), 1)


def _average(draw: Draw, line: str) -> Problem:
    count = draw.integer(3, 5)
    scores = [draw.integer(55, 99) for _ in range(count)]
    scores[-1] -= sum(scores) % count
    subjects = draw.some(things()["subjects"], count)
    values = {
        "who": _who(draw), "count": count, "total": sum(scores), "sum": "+".join(map(str, scores)),
        "scores": "、".join(f"{s}が{n}点" for s, n in zip(subjects, scores, strict=True)),
    }  # fmt: skip
    return Problem(values, Fraction(sum(scores), count), ("点",), 1)


def _area(draw: Draw, line: str) -> Problem:
    h, w = draw.integer(4, 25), draw.integer(4, 40)
    return Problem({"h": h, "w": w, "around": 2 * (h + w)}, Fraction(h * w), ("㎡", "m2", "平方メートル"), 1)


def _pages(draw: Draw, line: str) -> Problem:
    q = draw.integer(3, 9)
    p = draw.integer(1, q - 1)
    while Fraction(p, q).denominator != q:
        p -= 1
    total = q * draw.integer(16, 40)
    done = total * p // q
    times = f"×{p}" if p > 1 else ""  # nobody multiplies by one
    values = {"who": _who(draw), "total": total, "p": p, "q": q, "times": times, "done": done}
    return Problem(values, Fraction(total - done), ("ページ",), 2)


def _legs(draw: Draw, line: str) -> Problem:
    heads = draw.integer(8, 30)
    big = draw.integer(2, heads - 2)
    cycles = line.endswith(".2")
    low, high = (2, 3) if cycles else (2, 4)
    total = low * (heads - big) + high * big
    words = (
        {"small": "自転車", "big": "三輪車", "c": "台", "part": "車輪", "pc": "個"}
        if cycles
        else {"small": "ツル", "big": "カメ", "c": "匹", "part": "足", "pc": "本"}
    )
    values = words | {
        "heads": heads, "legs": total, "wheels": total, "sum": total, "low": low, "gap": high - low,
        "if_low": low * heads, "more": total - low * heads,
    }  # fmt: skip
    return Problem(values, Fraction(big), (words["c"],), 3)


def _salt(draw: Draw, line: str) -> Problem:
    x, y = draw.one(((100, 300), (300, 100), (200, 200), (100, 400), (400, 100), (150, 250), (300, 200)))
    a = draw.integer(2, 9)
    b = a + draw.integer(2, 10)
    sa, sb = Fraction(x * a, 100), Fraction(y * b, 100)
    values = {
        "a": a, "b": b, "x": x, "y": y, "z": x + y, "sa": decimal(sa), "sb": decimal(sb), "s": decimal(sa + sb),
    }  # fmt: skip
    return Problem(values, (sa + sb) / (x + y) * 100, ("%", "パーセント"), 4)


def _ratio(draw: Draw, line: str) -> Problem:
    q = draw.integer(2, 5)
    p = q + draw.one((1, 1, 2 if q % 2 else 1))
    total = (p + q) * draw.integer(6, 15)
    a = draw.one(things()["shared"])
    values = {"a": a["name"], "c": a["counter"], "total": total, "p": p, "q": q, "parts": p + q}
    return Problem(values, Fraction(total * p, p + q), (a["counter"],), 2)


def _trees(draw: Draw, line: str) -> Problem:
    gap, spaces = draw.integer(3, 15), draw.integer(8, 40)
    return Problem({"length": gap * spaces, "gap": gap, "spaces": spaces}, Fraction(spaces + 1), ("本",), 2)


def _reverse(draw: Draw, line: str) -> Problem:
    value, a, b = draw.integer(3, 40), draw.integer(2, 30), draw.integer(2, 9)
    return Problem({"who": _who(draw), "a": a, "b": b, "c": (value + a) * b, "mid": value + a}, Fraction(value), (), 2)


KINDS: Mapping[str, Callable[[Draw, str], Problem]] = {
    "total": _total, "change": _change, "left": _left, "distance": _distance, "discount": _discount, "average": _average,
    "area": _area, "pages": _pages, "legs": _legs, "salt": _salt, "ratio": _ratio, "trees": _trees, "reverse": _reverse,
}  # fmt: skip
"""Kinds of problem; each draws its values for a wording's id (`area.2`), which may ask for other numbers."""
