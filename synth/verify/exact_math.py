"""Mathematics with an exact answer: compared as fractions, however the number is written.

Which number is its result? The one after 答え (or in a box, or on a last line 「= 12」); else the only number of its last
sentence; else the verdict abstains unless the wanted value occurs nowhere, which fails. A number, its unit and a copula (12個です)
state a result: what goes on otherwise (12以上, 12x, 12だと思います), several values or a later correction never pass.
"""

import re
import unicodedata
from fractions import Fraction
from functools import cached_property
from typing import ClassVar

from pydantic import Field, model_validator

from synth.verify.answer import Answer
from synth.verify.constraint import Constraint
from synth.verify.numerals import number, without_endless_numbers
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, abstained, failed, passed

_K = "〇零一二三四五六七八九十百千万億兆"
_NUM = rf"(?:[-−▲△]|マイナス)?(?:\d[\d,]*(?:\.\d+)?|\.\d+|[{_K}])(?:[\d,.{_K}・]*[\d{_K}])?"
_VALUE = re.compile(
    rf"(?=[-−▲△マ\\.\d{_K}])(?<![A-Za-z])(?:[-−]?\\[dt]?frac\{{[^{{}}]+\}}\{{[^{{}}]+\}}|(?:{_NUM}と)?{_NUM}分の{_NUM}|{_NUM}/{_NUM}(?![/\d])|{_NUM})(?P<unit>%|パーセント|[^\s\d、。,.）)「」=*$\\]{{0,6}})?"
)
_BOXED = re.compile(r"\\boxed\{((?:[^{}]|\{[^{}]*\})*)\}")
_SAID = re.compile(r"(?:答え|答|解答|正解|最終的な答え)\**(?:は|[:：])\**\s*\**[「『$(]*([^\n。]*)")
_WORDS = re.compile(
    r"一(?:番|緒|般|部|方|種|切|応|致|定|人ひとり)|唯一|統一|同一|万一|十分に|第[一二三四五六七八九十]+"
)
_COPULA = re.compile(
    r"(?:(?:という?こと)?(?:に|と)な(?:ります|る|りました|った)|(?:が|も)?(?:残ります|残っています|残る|余ります|余る|あります|ある|います|いる"
    r"|必要です|必要になります|かかります|できます)|(?:が|は)(?:答え|正解|結果)|(?:だ|である)?と(?:分か|わか|求ま|求められ|な)ります"
    r"|だけ)?(?:です|でした|である|であった|だ|でございます)?[ね]?"
)
_CLOSES = re.compile(r"(?:[\s$*)\]}」』\"'”]|\\[)\],;! ])*")
"""What may close around a number: brackets, emphasis, LaTeX."""
_NEGATES = re.compile(
    r"(?:では|じゃ|で(?=な)|に(?:は)?(?=な[らり])|とは?(?=な[らり])|の?はず(?:が|は|では))"
    r"(?:あ(?:りませ|りえ|り得)|ない|なく|なかっ|な(?:りませ|らな)|ありません)"
    r"|以上|以下|以内|未満|超|より|を(?:超|下回|上回)|余り|あまり|くらい|ぐらい|ほど|程度|前後|強|弱|番|か(?:ら|$|。)|です(?:か|よね)"
)
_ABOUT = re.compile(
    r"(?:約|およそ|おおよそ|ほぼ|だいたい|大体|たぶん|多分|おそらく|恐らく|きっと|少なくとも|多くとも|最[大小高低]で?|[~〜≒≈±√第<>≦≧≤≥+×÷*/^:])[はも、\s$(]*$"
)
_CORRECTS = re.compile(
    r"いや[、。…]|いえ[、。…]|間違|違い(?:ました|ます)|違った|訂正|正しくは|失礼|もとい|ではありません|ではなく|ではない|やはり|撤回"
    r"|誤り|嘘|うそ|冗談|(?:本当|実際|正確|厳密|正解|真の値|正しい(?:答え|値|数))(?:に)?は|よって[^。\n]{0,20}\d"
)


class MathAnswer(Constraint):
    """The result is this number, exactly: `value` as a whole number, decimal, or fraction `3/4`.

    unit: units that may follow (the first is the wanted one); another unit fails, none is allowed unless `unit_required`.
    places: the wording allows rounding to this many decimal places.
    """

    kind: ClassVar[str] = "math_answer"
    version: ClassVar[int] = 4
    value: str
    unit: tuple[str, ...] = ()
    unit_required: bool = False
    places: int | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _number(self) -> "MathAnswer":
        if number(self.value) is None:
            raise ValueError(f"value is a number or a fraction, not {self.value!r}")
        return self

    @cached_property
    def _wanted(self) -> Fraction:
        return number(self.value) or Fraction(0)

    def _right(self, value: Fraction) -> bool:
        if value == self._wanted:
            return True
        if self.places is None:
            return False
        scale = 10**self.places
        # half up, as taught, and to even, as programs round: both are read as right
        return value * scale in {
            Fraction((self._wanted * scale * 2 + 1).__floor__() // 2),
            Fraction(round(self._wanted * scale)),
        }

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = without_endless_numbers(answer.nfkc).replace("⁄", "/")
        said, certain = result_of(text)
        percent = any(u in ("%", "％", "パーセント") for u in self.unit)
        if certain and (others := self._other_results(text, percent)):
            return abstained(Evidence("results stated", ", ".join(others), self.value))
        values = [
            (v, m)
            for m in _VALUE.finditer(_WORDS.sub(lambda m: " " * len(m[0]), said))
            if (v := _read(m, percent)) is not None
        ]
        if not values:
            anywhere = any((v := _read(m, percent)) is not None and self._right(v) for m in _VALUE.finditer(text))
            seen = Evidence("result", "none found", self.value)
            return abstained(seen) if anywhere else failed(seen)
        distinct = {v for v, _ in values}
        if len(distinct) > 1 and not certain:
            right = any(map(self._right, distinct))
            seen = Evidence("numbers in the last sentence", ", ".join(map(str, sorted(distinct))), self.value)
            return abstained(seen) if right else failed(seen)
        stated = said.rfind("=") if certain else -1
        if stated >= 0:
            values = [(v, m) for v, m in values if m.start() > stated] or values[-1:]
            distinct = {v for v, _ in values}
        value, match = values[-1]
        seen = Evidence("result", match[0], self.value + (self.unit[0] if self.unit else ""))
        if len(distinct) > 1:
            several = Evidence("values stated", ", ".join(map(str, sorted(distinct))), self.value)
            return abstained(several) if any(map(self._right, distinct)) else failed(several)
        if not self._right(value):
            return failed(seen)
        about = _ABOUT.search(said[max(0, match.start() - 20) : match.start()])
        if about and not (self.places is not None and about[0][0] in "約お≒≈"):
            return abstained(Evidence("before the result", about[0].strip(), "nothing that softens it"), seen)
        return self._ending(match, said, text, seen)

    def _other_results(self, text: str, percent: bool) -> list[str]:
        """Results that an answer states as such (答えは…, a box) where they differ and one is right; none else."""
        parts = _BOXED.findall(text) or [m[1] for m in _SAID.finditer(text) if m[1].strip()]
        read = [[v for m in _VALUE.finditer(part) if (v := _read(m, percent)) is not None] for part in parts]
        first = [values[0] for values in read if values]
        return sorted({str(v) for v in first}) if len(set(first)) > 1 and any(map(self._right, first)) else []

    def _ending(self, match: re.Match[str], said: str, text: str, seen: Evidence) -> Verdict:
        """The verdict on a right number by what follows it: its unit, a copula, the end; and no correction after that."""
        unit = match["unit"] or ""
        per_cent = next((u for u in ("%", "パーセント") if unit.startswith(u)), "")
        start = match.end() - len(unit)
        wrong_unit, after = self._unit(said[start:], seen)
        if wrong_unit is not None:
            return wrong_unit
        if after is None:
            after = said[start:].removeprefix(per_cent)
        after = after[_CLOSES.match(after).end() :]  # type: ignore[union-attr]
        if negated := _NEGATES.match(after):
            return failed(Evidence("after the result", negated[0], "a unit, です or the end"), seen)
        ended = _COPULA.match(after).end()  # type: ignore[union-attr]
        ended += _CLOSES.match(after, ended).end() - ended  # type: ignore[union-attr]
        rest = after[ended:]
        if rest and not re.match(r"[。.]|[!！](?=\s|$)" if ended else r"[。.](?!\d)", rest):
            return abstained(Evidence("after the result", after[:20], "a unit, です or the end"), seen)
        later = rest + text[text.rfind(said) + len(said) :]
        if correction := _CORRECTS.search(later):
            return abstained(Evidence("later", correction[0], "no correction"), seen)
        return passed(seen)

    def _unit(self, after: str, seen: Evidence) -> tuple[Verdict | None, str | None]:
        """A failure where the unit is not the wanted one, and what follows the unit; None where none stands there."""
        if not self.unit:
            return None, None
        bare = re.sub(r"^\\(?:text|mathrm)\{\s*", "", after.lstrip(" $}*("))
        for u in sorted((unicodedata.normalize("NFKC", u) for u in self.unit), key=len, reverse=True):
            for written in (bare, bare.replace("^", "", 1)):
                if written.startswith(u) and not re.match("[a-zA-Z0-9²³^]", written[len(u) :]):
                    return None, written[len(u) :]
        foreign = re.match(
            r"(?:[a-zA-Z%°]|円|個|人|本|枚|匹|冊|台|回|時間|分|秒|日|年|メートル|キロ|グラム|リットル|度|点|倍|歳|杯|組)",
            bare,
        )
        if foreign:
            return failed(Evidence("unit", bare[:6], self.unit[0]), seen, score=0.5), None
        if self.unit_required:
            return failed(Evidence("unit", "none", self.unit[0]), seen, score=0.5), None
        return None, None


def _read(match: re.Match[str], percent: bool) -> Fraction | None:
    """The value of a number; of a percentage its hundredth, unless the spec counts in percent."""
    unit = match["unit"] or ""
    if unit in ("%", "パーセント") and not percent:
        return number(match[0])
    text = match[0][: len(match[0]) - len(unit)] if unit else match[0]
    return number(text.rstrip("・,."))


def result_of(text: str) -> tuple[str, bool]:
    """The part of an answer that states its result, and whether the answer says so itself.

    >>> result_of("3+4=7なので、答えは7個です。"), result_of("まず3個。合わせて7個です。")
    (('7個です', True), ('合わせて7個です。', False))
    """
    if boxed := _BOXED.findall(text):
        return boxed[-1], True
    if said := [m[1] for m in _SAID.finditer(text) if m[1].strip()]:
        return said[-1], True
    lines = [line for line in text.splitlines() if line.strip()]
    last = lines[-1] if lines else ""
    if "=" in last and not re.search(r"[^=]=[^=]*[一-鿿ぁ-ん]{6}", last):
        return last.rsplit("=", 1)[1], True
    sentences = [s for s in re.split(r"(?<=。)", last) if s.strip()]
    return (sentences[-1] if sentences else last), False


class ArithmeticSteps(Constraint):
    """Every calculation that is written out (3 + 4 × 2 = 11) is right; at least `least` are. ≒ is not judged; 余り is."""

    kind: ClassVar[str] = "arithmetic_steps"
    least: int = Field(1, ge=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = without_endless_numbers(answer.nfkc).replace("−", "-").replace("–", "-")
        text = re.sub(r"\\times", "×", text)
        text = re.sub(r"\\div", "÷", text)
        text = re.sub(r"(\d)\s*(?:円|個|人|本|枚|cm|km|kg|g|m|点|分|秒|時間|匹|冊|日)(?=\s*[+\-×÷*/=])", r"\1", text)
        seen, wrong = 0, []
        for m in re.finditer(r"[\d(][\d.,()+\-×÷*/ ]{0,300}(?:=\s*[\d(-][\d.,()+\-×÷*/ ]{0,300})+(余り\s*\d+)?", text):
            sides = [side.strip() for side in m[0].removesuffix(m[1] or "").split("=")]
            if m[1]:
                parts = re.fullmatch(r"(\d+)\s*÷\s*(\d+)", sides[0])
                if parts and sides[1].isdigit() and int(parts[2]):
                    seen += 1
                    if divmod(int(parts[1]), int(parts[2])) != (int(sides[1]), int(re.sub(r"\D", "", m[1]))):
                        wrong.append(Evidence("calculation", m[0].strip(), "÷ with the right 余り", m.start(), m.end()))
                continue
            values = [calculated(side.rstrip("., ")) for side in sides]
            if None in values or not any(re.search(r"[+\-×÷*/]", side[1:]) for side in sides):
                continue
            seen += 1
            if len(set(values)) > 1:
                wrong.append(Evidence("calculation", m[0].strip(), str(values[0]), m.start(), m.end()))
        if wrong:
            return failed(*wrong[:5], score=0.99 * (1 - len(wrong) / seen))
        if seen < self.least:
            return abstained(Evidence("calculations", seen, f"at least {self.least}"))
        return passed(Evidence("calculations", seen))


def calculated(text: str) -> Fraction | None:
    """The exact value of + − × ÷ and brackets over decimals; None where it is no such expression. Never evaluates code.

    >>> str(calculated("(3+4)×2÷4")), calculated("2+"), calculated("1÷0")
    ('7/2', None, None)
    """
    tokens = re.findall(r"\d[\d,]*(?:\.\d+)?|[-+×÷*/()]", text)
    if "".join(tokens) != text.replace(" ", "") or len(tokens) > 200:
        return None
    at = 0

    def factor() -> Fraction:
        nonlocal at
        token = tokens[at]
        at += 1
        if token == "-":
            return -factor()
        if token == "(":
            value = total()
            at += 1
            if tokens[at - 1] != ")":
                raise ValueError
            return value
        return Fraction(token.replace(",", ""))

    def term() -> Fraction:
        nonlocal at
        value = factor()
        while at < len(tokens) and tokens[at] in "×*÷/":
            sign, at = tokens[at], at + 1
            value = value * factor() if sign in "×*" else value / factor()
        return value

    def total() -> Fraction:
        nonlocal at
        value = term()
        while at < len(tokens) and tokens[at] in "+-":
            sign, at = tokens[at], at + 1
            value = value + term() if sign == "+" else value - term()
        return value

    try:
        value = total()
    except (IndexError, ValueError, ZeroDivisionError, RecursionError):
        return None
    return value if at == len(tokens) else None
