"""Keywords: normalised substrings, never tokens.

Both sides are folded (NFKC, lower case). Equality with one token of a segmenter, as a public checker asks, fails an answer that
plainly holds 創造性; and a word inside a compound (肌荒れ) is used all the same. Kana are folded only on request: たんぱく質 is then
タンパク質. Characters that nobody sees are left out.
"""

from functools import cached_property
from typing import ClassVar

from pydantic import Field, model_validator

from synth.verify.answer import Answer, folded, hiragana, squeezed, visible
from synth.verify.bounds import Bounded
from synth.verify.constraint import Constraint
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, abstained, failed, passed


class _Keywords(Constraint):
    keywords: tuple[str, ...] = Field(min_length=1)
    fold_kana: bool = False
    """ひらがな and カタカナ are the same."""

    @model_validator(mode="after")
    def _not_empty(self) -> "_Keywords":
        if empty := [k for k in self.keywords if not k.strip()]:
            raise ValueError(f"an empty keyword ({empty[0]!r}) is found everywhere")
        return self

    @cached_property
    def _wanted(self) -> tuple[str, ...]:
        return tuple(_fold(word, self.fold_kana) for word in self.keywords)

    def _text(self, answer: Answer) -> str:
        return _seen(answer, self.fold_kana)


def _seen(answer: Answer, kana: bool) -> str:
    text = visible(answer.folded)
    return hiragana(text) if kana else text


def _fold(word: str, kana: bool) -> str:
    word = folded(visible(word).strip())
    return hiragana(word) if kana else word


class KeywordInclude(_Keywords):
    """The answer holds the keywords: all of them, or at least `least` of them."""

    kind: ClassVar[str] = "keyword_include"
    version: ClassVar[int] = 2
    least: int | None = Field(None, ge=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = self._text(answer)
        places = [text.find(word) for word in self._wanted]
        missing = [Evidence("missing", word) for word, at in zip(self.keywords, places, strict=True) if at < 0]
        found = [Evidence("keyword", word, None, at) for word, at in zip(self.keywords, places, strict=True) if at >= 0]
        enough = len(found) >= (len(places) if self.least is None else self.least)
        return passed(*found) if enough else failed(*missing, *found, score=0.99 * len(found) / len(places))


class KeywordExclude(_Keywords):
    """The answer holds none of the keywords, not even inside another word.

    except_in: words in which a keyword may stand all the same (肌 in 肌着), as the wording says. One of Japanese letters that
    white space or a line end divides (重 要) abstains.
    """

    kind: ClassVar[str] = "keyword_exclude"
    version: ClassVar[int] = 2
    except_in: tuple[str, ...] = ()

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = self._text(answer)
        for allowed in self.except_in:
            text = text.replace(_fold(allowed, self.fold_kana), "\ufffc")
        found = [
            Evidence("forbidden", word, "absent", text.find(folded))
            for word, folded in zip(self.keywords, self._wanted, strict=True)
            if folded in text
        ]
        if found:
            return failed(*found, score=0.99 * (1 - len(found) / len(self.keywords)))
        flat = squeezed(text)
        if len(flat) < len(text):
            divided = [
                Evidence("forbidden, divided", word, "absent")
                for word, folded in zip(self.keywords, self._wanted, strict=True)
                if not folded.isascii() and folded in flat
            ]
            if divided:
                return abstained(*divided)
        return passed()


class KeywordCount(Bounded):
    """How often a keyword (or one character) stands in the answer: occurrences that do not overlap."""

    kind: ClassVar[str] = "keyword_count"
    version: ClassVar[int] = 2
    keyword: str = Field(min_length=1)
    fold_kana: bool = False

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = _seen(answer, self.fold_kana)
        return self.counted(f"occurrences of {self.keyword}", text.count(_fold(self.keyword, self.fold_kana)))


class KeywordOrder(_Keywords):
    """The keywords stand in the answer in this order: each has an occurrence after the one before it."""

    kind: ClassVar[str] = "keyword_order"
    version: ClassVar[int] = 2

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text, at, seen = self._text(answer), 0, []
        for word, wanted in zip(self.keywords, self._wanted, strict=True):
            if (place := text.find(wanted, at)) < 0:
                why = "out of order" if wanted in text else "missing"
                return failed(
                    Evidence(why, word, f"after character {at}"), *seen, score=0.99 * len(seen) / len(self.keywords)
                )
            seen.append(Evidence("keyword", word, None, place))
            at = place + len(wanted)
        return passed(*seen)


class KeywordTogether(_Keywords):
    """One sentence holds all keywords."""

    kind: ClassVar[str] = "keyword_together"
    version: ClassVar[int] = 3

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = self._text(answer)
        if missing := [Evidence("missing", word) for word in self._wanted if word not in text]:
            return failed(*missing, score=0.9 * (1 - len(missing) / len(self.keywords)))
        best = 0
        for sentence in answer.sentences:
            text = _fold(sentence.text, self.fold_kana)
            held = sum(word in text for word in self._wanted)
            if held == len(self._wanted):
                return passed(Evidence("sentence", sentence.text, None, sentence.start, sentence.end))
            best = max(best, held)
        if len(answer.sentences) <= 1:
            return abstained(Evidence("keywords in one sentence", best, len(self._wanted)))
        return failed(
            Evidence("keywords in one sentence", best, len(self._wanted)), score=0.99 * best / len(self._wanted)
        )
