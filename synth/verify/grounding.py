"""Held to the sources: quotations occur in them, numbers too; nothing long is copied.

The sources are the spec's `passages`, or everything the user and the system wrote.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import ClassVar

from pydantic import Field

from synth.verify.answer import LEFT_OUT, Answer, folded, nfkc, squeezed, visible
from synth.verify.constraint import Constraint
from synth.verify.numerals import number, without_endless_numbers
from synth.verify.prompt import Prompt
from synth.verify.sentences import unquoted
from synth.verify.spans import common_span
from synth.verify.units import unit_kind
from synth.verify.verdict import Evidence, Verdict, abstained, failed, passed

_QUOTE = re.compile(r"「([^「」]+)」|『([^『』]+)』|“([^“”]+)”|\"([^\"\n]+)\"|^>[ \t]*(.+)$", re.M)
NUMBER = re.compile(
    r"(?<![A-Za-z\d])\d[\d,]*(?:\.\d+)?(?:[万億兆千](?:\d[\d,]*)?)*|[〇一二三四五六七八九十百千万億兆]{2,}"
)
"""A number as texts write it, in NFKC: 1,200, 0.12万, 千二百; a single kanji is a word as often."""
_LIST_NUMBER = re.compile(
    r"^[ \t]*(?:[-*・]\s*)?(?:[(（]?\d{1,2}(?:[.．](?!\d)|[)）、])|#+\s*\d{1,2}[.．]?|第\d+[章節項条])", re.M
)


def flat(text: str) -> str:
    """A text as quotations are looked for: folded, without white space."""
    return squeezed(folded(text))


@lru_cache(maxsize=64)
def flat_source(source: str) -> str:
    """As `flat`, kept: several answers are held to the same sources, one after the other."""
    return flat(source)


_MINUS = re.compile(r"(?:[ぁ-んァ-ヶ一-鿿 　、。:(（「=][-−▲△]|マイナス)\Z")
_CURRENCIES = {"¥": "yen", "$": "dollars", "€": "euros", "£": "pounds", "₩": "won"}


def _signed(text: str, found: re.Match[str]) -> Fraction | None:
    """The value of a number, below zero after a minus; a - after a digit or at the head of a line is none."""
    value = number(found[0])
    return -value if value is not None and _MINUS.search(text[max(0, found.start() - 4) : found.start()]) else value


def _kind(text: str, found: re.Match[str]) -> str | None:
    """What a number counts, by the unit after it or the sign of a currency before it."""
    return _CURRENCIES.get(text[found.start() - 1 : found.start()]) or unit_kind(text, found.end())


@lru_cache(maxsize=64)
def _numbers_of(source: str) -> Mapping[Fraction, frozenset[str | None]]:
    """Every number of a source, with what it counts there (`unit_kind`): None among it where a place does not say."""
    text = nfkc(source)
    found: dict[Fraction, set[str | None]] = {}
    for m in NUMBER.finditer(text):
        if (value := _signed(text, m)) is not None:
            found.setdefault(value, set()).add(_kind(text, m))
    return {value: frozenset(kinds) for value, kinds in found.items()}


@lru_cache(maxsize=64)
def _following(source: str) -> frozenset[Fraction]:
    """Sums and differences of two numbers of the sources, of at most sixty."""
    near = sorted(_numbers_of(source))[:60]
    return frozenset(value for a in near for b in near for value in (a + b, a - b))


class _Sources(Constraint):
    passages: tuple[str, ...] = ()

    def _source(self, prompt: Prompt) -> str:
        return "\n".join(self.passages) if self.passages else prompt.text_of("user", "system", "tool")


class GroundedQuotes(_Sources):
    """Every quotation (「」, 『』, “”, > lines) of at least `shortest` characters occurs in the sources; at least `least` do.

    Shorter ones may be emphasis or a title and are not judged. （中略） and … divide a quotation; its parts occur in order.
    """

    kind: ClassVar[str] = "grounded_quotes"
    least: int = Field(1, ge=0)
    shortest: int = Field(8, ge=2)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        source, found, wrong = flat_source(self._source(prompt)), [], []
        if not source:
            return abstained(Evidence("sources", "none", "passages or a prompt"))
        for m in _QUOTE.finditer(answer.text):
            quoted = next(g for g in m.groups() if g is not None)
            if len(flat(quoted)) < self.shortest:
                continue
            at, parts = 0, [p for p in map(flat, re.split(r"[（(\[]?(?:中略|略)[)）\]]|…+|\.{3,}", quoted)) if p]
            for part in parts:
                part = part.strip("。、「」『』")
                at = source.find(part, at)
                if at < 0:
                    wrong.append(Evidence("quotation not in the sources", quoted[:60], None, m.start(), m.end()))
                    break
                at += len(part)
            else:
                found.append(Evidence("quotation", quoted[:60], None, m.start(), m.end()))
        if wrong:
            return failed(*wrong[:5], score=0.99 * len(found) / (len(found) + len(wrong)))
        if len(found) < self.least:
            return failed(Evidence("quotations", len(found), f"at least {self.least}"), score=0.5)
        return passed(*found[:5])


class GroundedNumbers(_Sources):
    """Every number of the answer (by value: 1,200 = 1200 = 千二百 = 0.12万) is in the sources; numbers of list items are not judged.

    A number whose unit is known (35円) fails where the sources have it with other units only (35人). derived: numbers that may follow
    from them (a sum the task knows). A number that is a sum or difference of two numbers of the sources abstains. An answer
    with fewer numbers than `least` abstains; 0 lets one without any pass.
    """

    kind: ClassVar[str] = "grounded_numbers"
    version: ClassVar[int] = 5
    derived: tuple[str, ...] = ()
    least: int = Field(1, ge=0)

    @cached_property
    def _derived(self) -> frozenset[object]:
        return frozenset(map(number, self.derived))

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = _LIST_NUMBER.sub(" ", without_endless_numbers(answer.nfkc))
        said = [(m, v) for m in NUMBER.finditer(text) if (v := _signed(text, m)) is not None]
        if len(said) < self.least:
            return abstained(Evidence("numbers", len(said), f"at least {self.least}"))
        held = _numbers_of(self._source(prompt))
        unknown = [(m, v) for m, v in said if v not in held and v not in self._derived]
        known = [(m, held[v]) for m, v in said if v in held and v not in self._derived]
        if other := [m for m, kinds in known if _counts_another(_kind(text, m), kinds)]:
            places = [Evidence("number of another unit", text[m.start() : m.end() + 3]) for m in other[:5]]
            return failed(*places, score=0.99 * (1 - len(other) / len(said)))
        if not unknown:
            return passed(Evidence("numbers", len(said)))
        follow = _following(self._source(prompt))
        sure = [m for m, v in unknown if v not in follow]
        places = [Evidence("number not in the sources", m[0]) for m in (sure or [m for m, _ in unknown])[:5]]
        return failed(*places, score=0.99 * (1 - len(sure) / len(said))) if sure else abstained(*places)


def _counts_another(kind: str | None, held: frozenset[str | None]) -> bool:
    return kind is not None and None not in held and kind not in held


_QUOTED_LINE = re.compile(r"^[ \t]*>[^\n]*", re.M)
_BREAK = re.compile(r"</?(?:br|p|b|i|em|strong|span|div|wbr)\b[^<>\n]{0,40}>", re.I)


class CopiedSpan(_Sources):
    """No stretch of `longest` characters or more is taken over from the sources word for word; quotations may be.

    Spaces are not counted. A stretch divided by marks (a comma each nine characters) or by <br> is one of as many letters.
    Quotations are what stands in 「」, 『』, “” and lines that begin with >; a fence of code is none.
    """

    kind: ClassVar[str] = "copied_span"
    version: ClassVar[int] = 3
    longest: int = Field(30, ge=5)
    except_quotes: bool = True

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        source = self._source(prompt)
        if not source.strip():
            return abstained(Evidence("sources", "none", "passages or a prompt"))
        text = unquoted(_QUOTED_LINE.sub("", answer.text), LEFT_OUT) if self.except_quotes else answer.text
        copied = common_span(_BREAK.sub("", visible(text)), source, self.longest)
        if copied:
            return failed(
                Evidence("copied characters", len(copied), f"below {self.longest}"), Evidence("copied", copied[:80])
            )
        return passed()
