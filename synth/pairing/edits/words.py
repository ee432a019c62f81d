"""Keywords that go missing or slip in."""

import re
from collections.abc import Iterator
from typing import Any

from synth.pairing.edits.edit import edits, polite, swapped
from synth.pairing.edits.lengths import closed
from synth.verify.answer import folded
from synth.verify.prompt import Prompt
from synth.verify.sentences import sentences_of

_STAND_INS = ("それ", "そのもの", "こちら", "当該のもの")
_DIGITS = re.compile(r"\d+")
BOUND = r"(?:[はがをにでとのもやへ]|から|まで|より|です|だ|な)"
"""What leans on the word before it: without that word no sentence is left."""
_THING = re.compile(r"は|が|を|も|です|でし|だ(?![かが])")
"""Behind a word that a pronoun may stand for: 送料はそれです, and not それに閉まります."""
_KANA = re.compile("[ぁ-ゖァ-ヺ]")


def other_values(word: str, source: str) -> list[str]:
    """Other values of the same shape in a text: for 3月16日 the other dates, for 14人 the other counts of people.

    >>> other_values("14人", "定員は14人、会費は500円、最少は8人です。")
    ['8人']
    """
    if not _DIGITS.search(word):
        return []
    same = r"\d[\d,]*".join(map(re.escape, _DIGITS.split(word)))
    shape = re.compile(rf"(?<![\d,]){same}(?![\d,])")
    return [v for v in dict.fromkeys(m[0] for m in shape.finditer(source)) if folded(v) != folded(word)]


def nudged(number: str) -> list[str]:
    """A number with another last digit, one up and one down, as long as it was.

    >>> nudged("16"), nudged("9"), nudged("1,200")
    (['17', '15'], ['8'], ['1,201'])
    """
    last = int(number[-1])
    return [number[:-1] + str(d) for d in (last + 1, last - 1) if 0 <= d <= 9 and number[:-1] + str(d) != "0"]


def places(text: str, word: str) -> list[int]:
    """Where a word stands in a text as it is written; folding that changes lengths is not followed."""
    found, at = [], text.find(word)
    while at >= 0:
        found.append(at)
        at = text.find(word, at + len(word))
    return found


@edits("keyword_include")
def another_value(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The wanted value replaced by another one of the same shape: of the source where there is one, else a neighbour."""
    for word in spec.keywords:
        for at in places(text, word)[:1]:
            before, after = text[:at], text[at + len(word) :]
            for value in other_values(word, prompt.user):
                yield text.replace(word, value)
            for m in _DIGITS.finditer(word):
                for near in nudged(m[0]):
                    yield before + word[: m.start()] + near + word[m.end() :] + after


@edits("keyword_include")
def another_choice(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A label replaced by another one of the same row: ア by イ, A by B."""
    for row in ("アイウエオ", "ABCDE", "ＡＢＣＤＥ", "①②③④⑤", "1234", "abcde"):
        for word in spec.keywords:
            if word in row and text.strip().startswith(word):
                for other in row.replace(word, ""):
                    if other in prompt.user:
                        yield text.replace(word, other, 1)


@edits("keyword_include", "keyword_together")
def keyword_described(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A keyword replaced by words that say where in a text it could be found, and are longer than it."""
    if not re.search("本文|文章|資料|案内", prompt.user):
        return
    for word in spec.keywords:
        if word in text and not _DIGITS.search(word) and _as_thing(text, word):
            for other in ("本文に書かれているとおりのもの", "ご案内に示されているとおりの内容"):
                yield text.replace(word, other)


@edits("keyword_include", "keyword_order")
def an_item_left_out(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A keyword that stands in a row of words left out of it."""
    for word in spec.keywords:
        for at in places(text, word)[:1]:
            before, after = text[:at], text[at + len(word) :]
            if before.endswith(("、", "・", "や")) and (not after or after[0] in "、・や。\n"):
                yield before[:-1] + after
            elif after.startswith(("、", "・", "や")) and (not before or before[-1] in "。\n"):
                yield before + after[1:]


@edits("keyword_include", "keyword_order", "keyword_together")
def keyword_gone(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A keyword replaced by a word that stands for it, written as it was not asked, or left out.

    What is left is a sentence: the difference is the keyword and not the grammar. Values have edits of their own (`another_value`).
    """
    for word in spec.keywords:
        if word in text and not _DIGITS.search(word) and _KANA.search(text):
            if _as_thing(text, word):
                for other in _STAND_INS:
                    yield text.replace(word, other)
            # who asked for the word itself is not served by its kana; where it stands for what is meant, they mean the same
            for other in _written_otherwise(word) if folded(word) in folded(prompt.user) else ():
                yield text.replace(word, other)
            if not re.search(rf"{re.escape(word)}(?:{BOUND}|[、・。])|[、・]{re.escape(word)}", text):
                yield text.replace(word, "")
            if len(word) > 4:
                for at in (word.find("、"), len(word) // 2):
                    if at > 0:
                        yield text.replace(word, word[:at] + word[at + 1 :])


def _as_thing(text: str, word: str) -> bool:
    """Whether a word stands, everywhere in a text, alone and where 「それ」 could.

    >>> _as_thing("送料は無料です。", "無料"), _as_thing("駅に近い店です。", "駅"), _as_thing("正面玄関です。", "玄関")
    (True, False, False)
    """
    return all(_alone(text, at, word) and _THING.match(text, at + len(word)) for at in places(text, word))


def _alone(text: str, at: int, word: str) -> bool:
    """Whether a word is no part of a longer one: a particle follows, and no kanji, katakana or Latin letter stands before it."""
    before, after = text[:at], text[at + len(word) :]
    return not re.search("[一-龥々ァ-ヶーA-Za-z0-9]$", before) and re.match(BOUND, after) is not None


def _written_otherwise(word: str) -> Iterator[str]:
    """A word in kanji by its reading, one in katakana without its last ー, or with one."""
    from synth.verify.morphemes import tokeniser

    if re.search("[一-龥]", word):
        read = "".join(m.reading_form() for m in tokeniser("C").tokenize(word))
        yield read.translate({code + 0x60: code for code in range(0x3041, 0x3097)})
    elif re.fullmatch("[ァ-ヶー]{3,}", word):
        yield word[:-1] if word.endswith("ー") else f"{word}ー"


@edits("keyword_exclude", "keyword_count")
def keyword_slips_in(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A forbidden word, or one occurrence too many."""
    words = getattr(spec, "keywords", None) or (spec.keyword,)
    for word in words:
        if len(word) == 1 and not word.isalnum():
            yield f"{text.rstrip()}{word}など"
            continue
        named = f"なお、{word}については、別の機会に" if not re.fullmatch("[ぁ-ゖー]+", word) else ""
        said = (
            (
                named and f"{named}ご説明します。",
                f"「{word}」とも言えます。",
                f"なお、「{word}」という言い方もできます。",
            )
            if polite(text)
            else (named and f"{named}述べる。", f"「{word}」とも言える。", f"なお、「{word}」という言い方もできる。")
        )
        for more in filter(None, said):
            yield closed(text, more)
        for s in sentences_of(text)[:2]:
            yield f"{text[: s.start]}{word}など、{text[s.start :]}"
        yield f"{text.rstrip()}（{word}）"


@edits("keyword_count")
def one_occurrence_less(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """One occurrence replaced: a 、 between words by と, a word by one that stands for it."""
    others = ("と", "や") if spec.keyword in "、，" else _STAND_INS
    for at in reversed(places(text, spec.keyword)):
        whole = spec.keyword in "、，" or _alone(text, at, spec.keyword)
        for other in (*others, "") if whole else ("", *others):
            yield text[:at] + other + text[at + len(spec.keyword) :]


@edits("keyword_order")
def two_words_swapped(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Two neighbours in each other's place: as long as before."""
    at, found = 0, []
    for word in spec.keywords:
        if (place := text.find(word, at)) < 0:
            return
        found.append((place, place + len(word)))
        at = place + len(word)
    for i in sorted(range(1, len(found)), key=lambda i: (_stem(text, found[i - 1]) + _stem(text, found[i]), -i)):
        yield swapped(text, found[i - 1], found[i])


def _stem(text: str, place: tuple[int, int]) -> bool:
    """Whether a word seems to be a verb's stem: hiragana follows that is no particle (転じて)."""
    after = text[place[1] :]
    return re.match("[ぁ-ゖ]", after) is not None and re.match(BOUND, after) is None


@edits("keyword_together")
def in_two_sentences(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The sentence with all the words cut at a 、."""
    for at in places(text, "、"):
        yield f"{text[:at]}。{text[at + 1 :]}"
