"""Play with words that a program can check: 折句, しりとり, 回文, 頭文字, 字数 of words."""

import re
from collections import Counter
from typing import ClassVar

from pydantic import Field

from synth.verify.answer import Answer, hiragana
from synth.verify.bounds import Bounded
from synth.verify.constraint import Constraint
from synth.verify.lists import items
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, abstained, failed, passed

_LARGE = str.maketrans("ぁぃぅぇぉっゃゅょゎ", "あいうえおつやゆよわ")
_PLAIN = str.maketrans(
    "がぎぐげござじずぜぞだぢづでどばびぶべぼぱぴぷぺぽゔ", "かきくけこさしすせそたちつてとはひふへほはひふへほう"
)


def kana_only(text: str) -> str | None:
    """Hiragana of a text in kana, marks and spaces left out; None where another letter is in it.

    >>> kana_only("しんぶん、シ"), kana_only("新聞紙")
    ('しんぶんし', None)
    """
    text = re.sub(r"[^\wー]|_", "", hiragana(text))
    return text if text and re.fullmatch(r"[ぁ-ゖー]+", text) else None


class Acrostic(Constraint):
    """折句: the first letters of the lines, one after the other, are this word. A line that begins in kanji abstains, and 清濁."""

    kind: ClassVar[str] = "acrostic"
    word: str = Field(min_length=2)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        lines = [re.sub(r"^[\W_\d]+", "", line) for line in answer.lines]
        heads = [hiragana(line[:1]).translate(_LARGE) for line in lines if line]
        wanted = list(hiragana(self.word).translate(_LARGE))
        if len(heads) != len(wanted):
            return failed(Evidence("lines", len(heads), len(wanted)))
        wrong = [(i, h, w) for i, (h, w) in enumerate(zip(heads, wanted, strict=True), 1) if h != w]
        # 清濁 are often not told apart in 折句: the wording decides, so the verdict does not
        kanji = [w for w in wrong if re.match("[一-鿿]", w[1]) or w[1].translate(_PLAIN) == w[2].translate(_PLAIN)]
        places = [Evidence(f"line {i} begins", h, w) for i, h, w in wrong]
        if len(kanji) < len(wrong):
            return failed(*places, score=0.99 * (1 - len(wrong) / len(wanted)))
        return abstained(*places) if wrong else passed()


class Shiritori(Constraint):
    """しりとり: each word begins with the last kana of the one before; none is used twice; none ends in ん.

    Words stand one a line, or with → or 、 between. ー is skipped, small kana are large; a word not in kana abstains.
    """

    kind: ClassVar[str] = "shiritori"
    words: int | None = Field(None, ge=2)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        said = [w for w in re.split("→|⇒|➡|->|、|,|\n", answer.stripped) if w.strip()]
        if self.words is not None and len(said) != self.words:
            return failed(Evidence("words", len(said), self.words))
        said = [re.sub(r"^[・\-*●\s]*(?:\d+[.)．）]\s*)?", "", w.strip()).rstrip("。 \u3000") for w in said]
        said = [m[1] if (m := re.search(r"[（(]([ぁ-ゖァ-ヺー]+)[)）]$", w)) else w for w in said]
        words = [kana_only(w) for w in said]
        if len(words) < 2:
            return failed(Evidence("words", len(words), "at least 2"))
        if None in words:
            return abstained(Evidence("word not in kana", said[words.index(None)]))
        ends = [w.rstrip("ー").translate(_LARGE)[-1:] for w in words if w]
        starts = [w.translate(_LARGE)[0] for w in words if w]
        for i in range(1, len(words)):
            if starts[i] != ends[i - 1]:
                loose = starts[i].translate(_PLAIN) == ends[i - 1].translate(_PLAIN)
                seen = Evidence(f"word {i + 1}", words[i], f"begins with {ends[i - 1]}")
                return abstained(seen) if loose else failed(seen, score=0.9 * i / len(words))
        if repeated := [w for w, n in Counter(words).items() if n > 1]:
            return failed(Evidence("used twice", repeated[0]), score=0.5)
        if "ん" in ends:
            return failed(Evidence("ends in ん", words[ends.index("ん")]), score=0.5)
        return passed(Evidence("words", len(words)))


class Kaibun(Constraint):
    """回文: reads the same from both ends in kana (a よみ line, or an answer in kana); 濁点 and small kana aside. Kanji abstain."""

    kind: ClassVar[str] = "kaibun"
    least: int = Field(5, ge=3)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        yomi = re.search(r"^[（(]?(?:よみ|読み|読み方)\s*[:：]\s*(.+?)[)）]?$", answer.text, re.M)
        kana = kana_only(yomi[1] if yomi else answer.stripped)
        if kana is None:
            return abstained(Evidence("reading", "not in kana", "a よみ line"))
        if len(kana) < self.least:
            return failed(Evidence("kana", len(kana), f"at least {self.least}"))
        for text in (kana, kana.replace("ー", "")):
            plain = text.translate(_LARGE).translate(_PLAIN).replace("を", "お")
            if plain == plain[::-1]:
                return passed(Evidence("reading", kana))
        return failed(Evidence("from the end", kana[::-1], kana))


class WordInitial(Constraint):
    """Every item (or line) begins with this kana; an item that begins in kanji abstains. At least `least` items."""

    kind: ClassVar[str] = "word_initial"
    kana: str = Field(min_length=1, max_length=2)
    least: int = Field(2, ge=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        found = [re.sub(r"^[\W_]+", "", item) for item in items(answer)]
        wanted, wrong, doubtful = hiragana(self.kana), [], []
        for item in found:
            yomi = re.search(r"[（(]([ぁ-ゖァ-ヺー]+)[)）]", item)
            head = hiragana(item if not re.match("[一-鿿]", item) or yomi is None else yomi[1])
            if not head.startswith(wanted):
                (doubtful if re.match("[一-鿿]", head) else wrong).append(Evidence("item begins", item[:12], self.kana))
        if wrong or len(found) < self.least:
            return failed(
                *wrong[:5],
                Evidence("items", len(found), f"at least {self.least}"),
                score=0.5 * (len(found) > len(wrong)),
            )
        return abstained(*doubtful[:5]) if doubtful else passed(Evidence("items", len(found)))


class MoraCount(Bounded):
    """Every line (in kana) has this many morae; a line that is not in kana abstains. For poems with a よみ line see `poem`."""

    kind: ClassVar[str] = "mora_count"

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        from synth.verify.mora import morae

        kana = [kana_only(line) for line in answer.lines]
        if None in kana:
            return abstained(Evidence("line not in kana", answer.lines[kana.index(None)][:20]))
        counts = [morae(line or "") for line in kana]
        wrong = [Evidence(f"line {i} of morae", n, self.wanted) for i, n in enumerate(counts, 1) if not self.within(n)]
        return (
            failed(*wrong[:5], score=0.99 * (1 - len(wrong) / len(counts)))
            if wrong
            else passed(*(Evidence("morae", n) for n in counts))
        )
