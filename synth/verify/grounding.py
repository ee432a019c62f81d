"""Held to the sources: quotations occur in them, numbers too; nothing long is copied; 「分かりません」 where they do not answer.

The sources are the spec's `passages`, or everything the user and the system wrote.
"""

import re
from collections.abc import Mapping
from fractions import Fraction
from functools import cached_property, lru_cache
from typing import ClassVar, Literal

from pydantic import Field

from synth.verify.answer import LEFT_OUT, Answer, folded, nfkc, squeezed
from synth.verify.constraint import Constraint
from synth.verify.numerals import number, without_endless_numbers
from synth.verify.prompt import Prompt
from synth.verify.spans import common_span
from synth.verify.units import unit_kind
from synth.verify.verdict import Evidence, Verdict, abstained, failed, passed

_QUOTE = re.compile(r"「([^「」]+)」|『([^『』]+)』|“([^“”]+)”|\"([^\"\n]+)\"|^>[ \t]*(.+)$", re.M)
_NUMBER = re.compile(
    r"(?<![A-Za-z\d])\d[\d,]*(?:\.\d+)?(?:[万億兆千](?:\d[\d,]*)?)*|[〇一二三四五六七八九十百千万億兆]{2,}"
)
_LIST_NUMBER = re.compile(
    r"^[ \t]*(?:[-*・]\s*)?(?:[(（]?\d{1,2}(?:[.．](?!\d)|[)）、])|#+\s*\d{1,2}[.．]?|第\d+[章節項条])", re.M
)


def _flat(text: str) -> str:
    return squeezed(folded(text))


@lru_cache(maxsize=64)
def _flat_source(source: str) -> str:
    """Several answers are held to the same sources, one after the other."""
    return _flat(source)


@lru_cache(maxsize=64)
def _numbers_of(source: str) -> Mapping[Fraction, frozenset[str | None]]:
    """Every number of a source, with what it counts there (`unit_kind`): None among it where a place does not say."""
    text = nfkc(source)
    found: dict[Fraction, set[str | None]] = {}
    for m in _NUMBER.finditer(text):
        if (value := number(m[0])) is not None:
            found.setdefault(value, set()).add(unit_kind(text, m.end()))
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
        source, found, wrong = _flat_source(self._source(prompt)), [], []
        if not source:
            return abstained(Evidence("sources", "none", "passages or a prompt"))
        for m in _QUOTE.finditer(answer.text):
            quoted = next(g for g in m.groups() if g is not None)
            if len(_flat(quoted)) < self.shortest:
                continue
            at, parts = 0, [p for p in map(_flat, re.split(r"[（(\[]?(?:中略|略)[)）\]]|…+|\.{3,}", quoted)) if p]
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
    version: ClassVar[int] = 4
    derived: tuple[str, ...] = ()
    least: int = Field(1, ge=0)

    @cached_property
    def _derived(self) -> frozenset[object]:
        return frozenset(map(number, self.derived))

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = _LIST_NUMBER.sub(" ", without_endless_numbers(answer.nfkc))
        said = [(m, number(m[0])) for m in _NUMBER.finditer(text)]
        said = [(m, v) for m, v in said if v is not None]
        if len(said) < self.least:
            return abstained(Evidence("numbers", len(said), f"at least {self.least}"))
        held = _numbers_of(self._source(prompt))
        unknown = [(m, v) for m, v in said if v not in held and v not in self._derived]
        known = [(m, held[v]) for m, v in said if v in held and v not in self._derived]
        if other := [m for m, kinds in known if _counts_another(unit_kind(text, m.end()), kinds)]:
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


class CopiedSpan(_Sources):
    """No stretch of `longest` characters or more is taken over from the sources word for word; quotations may be.

    Spaces are not counted. A stretch that is divided by marks (a comma each nine characters) is one of as many letters.
    """

    kind: ClassVar[str] = "copied_span"
    version: ClassVar[int] = 2
    longest: int = Field(30, ge=5)
    except_quotes: bool = True

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        source = self._source(prompt)
        if not source.strip():
            return abstained(Evidence("sources", "none", "passages or a prompt"))
        copied = common_span(answer.own_words if self.except_quotes else answer.text, source, self.longest)
        if copied:
            return failed(
                Evidence("copied characters", len(copied), f"below {self.longest}"), Evidence("copied", copied[:80])
            )
        return passed()


_UNKNOWN = re.compile(
    r"(?:わか|分か|判)(?:り(?:ません|かね)|らない|りません)|(?:記載|記述|言及|情報|説明|手がかり|明記|書かれ)(?:[^。\n]{0,12})(?:ありません|ない|なく|いません|おりません|見当たり|見つかり|無い|無く)"
    r"|(?:答え|お答え|回答|判断|特定|断定)(?:[^。\n]{0,8})(?:できません|できない|できかね|られません|られない|かねます)|不明(?:です|である|だ|$|。)"
    r"|(?:本文|文章|資料|文書|与えられた情報)(?:[^。\n]{0,20})(?:触れられて|含まれて|示されて|述べられて)(?:い(?:ません|ない)|おらず|おりません)|読み取れ(?:ません|ない)|存じません|知りません"
)
_IN_UNKNOWN = (
    *(
        "せん",
        "ない",
        "なく",
        "かね",
        "不明",
        "無い",
        "無く",
        "見当たり",
        "見つかり",
        "おらず",
        "わかり",
        "分かり",
        "判り",
    ),
)
"""One of these stands in everything that `_UNKNOWN` finds."""
_TAKEN_BACK = re.compile(
    r"(?:ない|ません)(?:という)?(?:こと|わけ|訳|もの)(?:では|じゃ|でも|は|も)(?:ありません|ない|なく|ございません)"
    r"|(?:ない|ません|不明だ?)と(?:は|も)?(?:言いたい|いいたい|言うべき|言い(?:ません|ながら|つつ)|思いきや|思ったら|思いましたが)"
)
"""What takes 「分かりません」 back: 分からないわけではありません, 書かれていませんと思ったら."""
_TURNS = re.compile(r"(?:ちなみに|ただ[し、]|しかし|とはいえ|でも、|けれども、)([^。\n]*)")
_ASK = re.compile(r"問い合わせ|確認|確かめ|尋ね|聞いて|お聞き|相談|ご覧|調べ")
_STATES = re.compile(
    r"(?:[^、。\n]{1,30}[はが])?(?P<value>[^、。\nはが]{1,20}?)(?:です|でした|だ|である|だった|となります|になります)[ね]?"
)
_SAYS_NOTHING = re.compile(
    r"い$|以上|残念|ため|から|必要|不明|状況|実情|とおり|通り|確実|確か|幸い|可能|困難|安心|大切|お?すすめ|お?勧め|ところ|もの|の$|こと$|未定|だけ|のみ"
)
_HEDGE = re.compile(
    r"(?:常識|普通は|きっと|たぶん|多分|らしい|はずで|と思われ|でしょう|かもしれ|推測|おそらく|恐らく|一般的に|一般に|だと考え)"
)


class Abstention(Constraint):
    """On a question that the sources do not answer: says that it cannot be known, and does not answer all the same.

    expect `answer`: the other way round, for the answerable twin. leaks: what an answer would say (the removed one, its variants).
    An answer that says unknown and states what nobody has named (「分かりません。0です。」, 「分かりません。東京です。」) or turns
    round (「ちなみに…」) abstains; one that takes it back (「分からないわけではありません」) does not say unknown.
    """

    kind: ClassVar[str] = "abstention"
    version: ClassVar[int] = 4
    expect: Literal["unknown", "answer"] = "unknown"
    leaks: tuple[str, ...] = ()

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = answer.own_words.replace(LEFT_OUT, "")
        taken_back = False
        for m in reversed(list(_TAKEN_BACK.finditer(text))):
            start, taken_back = max(text.rfind(mark, 0, m.start()) for mark in "。、\n") + 1, True
            text = text[:start] + " " * (m.end() - start) + text[m.end() :]
        says = _UNKNOWN.search(text) if any(word in text for word in _IN_UNKNOWN) else None
        leaked = [Evidence("answers all the same", leak) for leak in self.leaks if _flat(leak) in answer.flat]
        seen = Evidence("says unknown", says[0] if says else "no", self.expect, says.start() if says else -1)
        if self.expect == "answer":
            if says is None:
                return passed(seen)
            return abstained(seen) if len(answer.sentences) > 2 else failed(seen)
        if leaked:
            return failed(*leaked, seen)
        if says is None:
            return (
                abstained(seen)
                if re.search(r"書いて(?:い)?ない|載って(?:い)?ない|ないよう|答えられ|難しい|できません", text)
                else failed(seen)
            )
        if hedge := _HEDGE.search(text, says.end()):
            return abstained(seen, Evidence("goes on to guess", hedge[0], None, hedge.start(), hedge.end()))
        if taken_back:
            return abstained(seen, Evidence("takes it back", text.strip()[:40]))
        if states := _stated(text[says.end() :], prompt):
            return abstained(seen, Evidence("goes on to state", states, "only what somebody has named"))
        told = {m[0] for m in _NUMBER.finditer(nfkc(f"{prompt.user}\n{prompt.system}"))}
        new = [m[0] for m in _NUMBER.finditer(nfkc(text)) if m[0] not in told] if prompt.messages else []
        return (
            abstained(seen, Evidence("states a number", new[0], "none that nobody has named")) if new else passed(seen)
        )


def _stated(rest: str, prompt: Prompt) -> str:
    """What an answer states after 「分かりません」 that the prompt does not name, or turns to; empty where there is nothing."""
    for turn in _TURNS.finditer(rest):
        told = _STATES.fullmatch(turn[1].strip(" 、　"))
        if not _ASK.search(turn[1]) and not (told and _named(told["value"], prompt)):
            return turn[0]
    for part in re.split(r"[。\n!！]|が、|けれ?ど、|ので、", rest):
        if (m := _STATES.fullmatch(part.strip(" 、\u3000"))) is None or _UNKNOWN.search(part):
            continue
        if not _SAYS_NOTHING.search(m["value"]) and not _named(m["value"], prompt):
            return m[0]
    return ""


def _named(value: str, prompt: Prompt) -> bool:
    return bool(_flat(value)) and _flat(value) in _flat_source(f"{prompt.user}\n{prompt.system}")
