"""Quotation: the sentence of a curated passage that holds a word, word for word, and unanswerable twins without that sentence.

The word is a noun that stands in exactly one sentence of the passage. In the twin that sentence is removed, so that the word, also in
the other kana or another width, is nowhere in the text.
"""

import re
from typing import ClassVar

from synth.passage import is_prose, sentences
from synth.seed import Seed
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, Turn, checks
from synth.verify.answer import folded, hiragana

_WORD = re.compile(r"[ァ-ヺー]{3,12}|[一-龥々]{2,6}")
_PLAIN = frozenset(
    "場合 以下 以上 以外 必要 可能 使用 利用 指定 参照 説明 設定 情報 方法 時間 自分 今日 本文 文章 部分 全部 全体 一部".split()
)


class Quotation(Task):
    """Sentences of passages that hold a word. unanswerable: percent of questions that have a twin without that sentence."""

    name: ClassVar[str] = "quotation"
    function: ClassVar[str] = "reading"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "quotation"
    passage: ClassVar[bool] = True
    use: ClassVar = "embeds"
    members: ClassVar[int] = 2

    def __init__(self, *, unanswerable: int = 50):
        if not 0 <= unanswerable <= 100:
            raise TaskError(f"quotation: unanswerable is a percentage from 0 to 100, not {unanswerable}")
        self.unanswerable = unanswerable

    def make(self, draw: Draw, passage: Seed | None) -> Instance | None:
        """A word of one sentence; None for a passage that is no prose, is short, or has no such word."""
        assert passage is not None
        text = passage.text
        found = [s.strip() for line in text.splitlines() for s in sentences(line)]
        if not is_prose(text) or len(found) < 3:
            return None
        words = [(word, s) for s in found if _quotable(s) for word in nouns(s) if _only(word, s, text)]
        if not words:
            return None
        word, sentence = draw.one(words)
        left = text.replace(sentence, "", 1).strip()
        hidden = draw.member == 1
        if not draw.chance(self.unanswerable) and hidden:
            return None
        line = draw.line("ask")
        prompt = line.fill(word=word, passage=left if hidden else text, rules=draw.say("rules"))
        if hidden:
            spec = checks({"kind": "abstention", "expect": "unknown"}, {"kind": "char_count", "max": 120})
            turn = Turn("assistant", checks=spec, answer=draw.say("nowhere", word=word))
        else:
            spec = checks(
                {"kind": "grounded_quotes", "passages": [sentence], "shortest": min(8, len(sentence))},
                {"kind": "keyword_include", "keywords": [sentence.rstrip("。")]},
                {"kind": "char_count", "max": len(sentence) + 60},
            )
            turn = Turn("assistant", checks=spec, answer=draw.say("answer", sentence=sentence))
        return Instance(
            (Turn("user", prompt), turn),
            line.id,
            twin=f"{passage.id}/{word}/{line.id}",
            about=f"{line.text} {word} {passage.id}",
        )


def _quotable(sentence: str) -> bool:
    """Whether a sentence can stand in 「」 as it is, and is worth quoting."""
    return 12 <= len(sentence) <= 120 and sentence.endswith("。") and not re.search(r"[「」『』\n]", sentence)


def nouns(sentence: str) -> list[str]:
    """Nouns of a sentence that can be asked for: whole words in kanji or katakana that say more than a form word.

    >>> nouns("温度計の球部は、地面から一メートルの高さに取りつける。")
    ['温度計', '球部', '地面']
    """
    from synth.verify.morphemes import tokeniser

    found: list[str] = []
    parts = [(m.surface(), m.part_of_speech()) for m in tokeniser("C").tokenize(sentence)]
    for i, (surface, (part, sub, kind, *_)) in enumerate(parts):
        noun = part == "名詞" and (sub, kind) in (("普通名詞", "一般"), ("普通名詞", "サ変可能"), ("固有名詞", "一般"))
        around = parts[i - 1 : i] + parts[i + 1 : i + 2]
        joined = any(p[0] in ("名詞", "接頭辞", "接尾辞") and s != "、" for s, p in around)
        if noun and not joined and _WORD.fullmatch(surface) and surface not in _PLAIN:
            found.append(surface)
    return found


def _only(word: str, sentence: str, text: str) -> bool:
    """Whether a word stands once in its sentence and nowhere else, in either kana."""

    def plain(said: str) -> str:
        return hiragana(folded(said))

    return plain(text).count(plain(word)) == 1 and plain(sentence).count(plain(word)) == 1
