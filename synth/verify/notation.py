"""How things are written: dates, amounts, addresses, digit groups, 表記 of one word."""

import re
from typing import ClassVar, Literal

from pydantic import Field

from synth.verify.answer import Answer, folded
from synth.verify.bounds import Bounded
from synth.verify.constraint import Constraint
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, abstained, failed, passed

_ERA = r"(?:明治|大正|昭和|平成|令和)"
_KANJI_DIGIT = "[〇一二三四五六七八九十]"
DATES: dict[str, str] = {
    "japanese": r"\d{4}年\d{1,2}月\d{1,2}日",
    "iso": r"\d{4}-\d{2}-\d{2}",
    "slash": r"\d{4}/\d{1,2}/\d{1,2}",
    "era": rf"{_ERA}(?:\d{{1,2}}|元)年\d{{1,2}}月\d{{1,2}}日",
    "kanji": rf"{_KANJI_DIGIT}{{4}}年{_KANJI_DIGIT}{{1,3}}月{_KANJI_DIGIT}{{1,3}}日",
}
"""Forms of a whole date in NFKC text."""
_ANY_DATE = re.compile(
    "|".join(f"(?P<{name}>(?<![\\d/-]){form}(?![\\d/-]))" for name, form in {"era": DATES["era"], **DATES}.items())
)

_DASH = "[-‐‑–−]"
NOTATIONS: dict[str, str] = {
    "postal_code": rf"(?:〒|郵便番号[はがもを]?\s?:?)\s?\d{{3}}{_DASH}\d{{4}}(?!\d)",
    "phone": rf"(?<![\d\-/.])(?:\+81[\s-]?\d{{1,4}}|\(?0\d{{1,4}}\)?){_DASH}?\(?\d{{1,4}}\)?{_DASH}?\d{{3,4}}(?![\d/-])",
    "yen": r"(?:¥\s?\d[\d,]*|(?<![\d,])\d[\d,]*(?:\.\d+)?[万億兆千]?円)",
    "url": r"https?://[\w.-]+\.[a-z]{2,}[\w/%?=&.~#-]*",
    "email": r"(?<![\w.])[\w.+-]+@[\w-]+(?:\.[\w-]+)+",
    "percent": r"(?<!\d)\d+(?:\.\d+)?\s?(?:%|パーセント)",
    "time": r"(?<!\d)(?:[01]?\d|2[0-3])(?::[0-5]\d(?!\d)|時(?:[0-5]?\d分|半)?)",
    "temperature": r"(?<!\d)-?\d+(?:\.\d+)?\s?(?:℃|°C|度)",
    "hashtag": r"#[^\s#.,。、!?()「」]+",
    "price_range": r"(?:¥\s?|(?<![\d,¥]))\d[\d,]*[万千]?円?\s?(?:[~〜～–-]|から)\s?(?:\d[\d,]*[万千]?円|¥\s?\d[\d,]*)",
}
"""Forms that a wording may ask for, in NFKC text."""
_DIGIT = re.compile(r"\d")
_COMPILED = {name: re.compile(form) for name, form in NOTATIONS.items()}
_BARE_POSTAL_CODE = re.compile(rf"(?<![\d\-/])\d{{3}}{_DASH}\d{{4}}(?![\d-])")


class DateForm(Constraint):
    """Every whole date is written in this form, is a real day, and there is at least one."""

    kind: ClassVar[str] = "date_form"
    form: Literal["japanese", "iso", "slash", "era", "kanji"]

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = answer.nfkc
        found = list(_ANY_DATE.finditer(text)) if any(mark in text for mark in "年-/") else []
        wrong = [m for m in found if m.lastgroup != self.form]
        if wrong:
            return failed(*(Evidence("date", m[0], self.form) for m in wrong[:5]))
        if not found:
            return failed(Evidence("dates", 0, "at least 1"))
        bad = [m[0] for m in found if not _is_day(m[0])]
        return failed(Evidence("no such day", bad[0])) if bad else passed(Evidence("dates", len(found)))


def _is_day(text: str) -> bool:
    import datetime

    from synth.verify.numerals import kanji_number

    numbers = [
        kanji_number(n) for n in re.findall(rf"\d+|{_KANJI_DIGIT}+|元", re.sub(_ERA, "", text).replace("元", "1"))
    ]
    year, month, day = (n or 0 for n in numbers[:3])
    try:
        datetime.date(year if year > 100 else 2000 + year % 4, month, day)
    except ValueError:
        return False
    return True


class Notation(Bounded):
    """How often a form stands in the answer: a postal code, telephone number, amount of yen, URL, time …

    Counted both ways: a postal code without 〒 or 郵便番号 before it (060-0808), a telephone number without hyphens or brackets.
    """

    kind: ClassVar[str] = "notation"
    version: ClassVar[int] = 2
    form: Literal[
        "postal_code", "phone", "yen", "url", "email", "percent", "time", "temperature", "hashtag", "price_range"
    ]

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        found = _COMPILED[self.form].findall(answer.nfkc)
        if self.form == "phone":
            found = [f for f in found if 10 <= len(re.sub(r"\D", "", f.replace("+81", "0"))) <= 11]
            return self.counted(self.form, sum(not f.isdigit() for f in found), len(found))
        if self.form == "postal_code":
            return self.counted(self.form, len(found), max(len(found), len(_BARE_POSTAL_CODE.findall(answer.nfkc))))
        return self.counted(self.form, len(found))


class DigitGrouping(Constraint):
    """Whole numbers of four digits and more are written with commas (1,234), or none is. Years, and codes with - or /, aside."""

    kind: ClassVar[str] = "digit_grouping"
    commas: bool = True

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = answer.nfkc
        if not _DIGIT.search(text):
            return abstained(Evidence("numbers of four digits", 0, "at least 1"))
        bare = re.findall(r"(?<![\d.,/:#-])\d{4,}(?![\d,/:-]|年|\.\d{4})", text)
        grouped = re.findall(r"(?<![\d,])\d{1,3}(?:,\d{3})+(?![\d,])", text)
        broken = [n for n in re.findall(r"(?<![\d,])\d[\d,]*,[\d,]*\d", text) if n not in grouped]
        wrong = [*broken, *(bare if self.commas else grouped)]
        if wrong:
            return failed(*(Evidence("number", n, "1,234" if self.commas else "1234") for n in wrong[:5]))
        right = grouped if self.commas else bare
        return (
            passed(Evidence("numbers", len(right)))
            if right
            else abstained(Evidence("numbers of four digits", 0, "at least 1"))
        )


class Spelling(Constraint):
    """One spelling of a word is used and the others are not: ください, not 下さい. Without the word it abstains."""

    kind: ClassVar[str] = "spelling"
    use: str = Field(min_length=1)
    avoid: tuple[str, ...] = Field(min_length=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        held = folded(self.use) in answer.folded
        text = answer.folded.replace(folded(self.use), "\ufffc")
        found = [
            Evidence("spelling", word, self.use, text.find(folded(word))) for word in self.avoid if folded(word) in text
        ]
        if found:
            return failed(*found, score=0.5 * held)
        return passed() if held else abstained(Evidence("occurrences", 0, self.use))


class UnitForm(Constraint):
    """Quantities carry this unit and none of its rivals: km, not キロ. A number with the unit must occur."""

    kind: ClassVar[str] = "unit_form"
    unit: str = Field(min_length=1)
    avoid: tuple[str, ...] = ()

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text, number = answer.nfkc, r"[\d一二三四五六七八九十百千万]\s?"
        unit = re.compile(number + re.escape(folded(self.unit)) + r"(?![a-z])", re.I)
        for rival in self.avoid:
            if found := re.search(number + re.escape(folded(rival)) + r"(?![a-z])", text, re.I):
                if unit.match(text, found.start()) and folded(self.unit).startswith(folded(rival)):
                    continue
                return failed(Evidence("unit", found[0], self.unit))
        return passed() if unit.search(text) else failed(Evidence("quantities", 0, f"at least 1 in {self.unit}"))
