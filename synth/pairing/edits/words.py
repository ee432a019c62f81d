"""Keywords that go missing or slip in, and phrases at the ends of an answer."""

import re
from collections.abc import Iterator
from typing import Any

from synth.pairing.edits.edit import edits, polite, swapped
from synth.pairing.edits.lengths import closed, closings
from synth.pairing.edits.style import plain
from synth.verify.answer import folded
from synth.verify.prompt import Prompt
from synth.verify.sentences import sentences_of

_STAND_INS = ("それ", "そのもの", "こちら", "当該のもの")
_DIGITS = re.compile(r"\d+")
_BOUND = r"(?:[はがをにでとのもやへ]|から|まで|より|です|だ|な)"
"""What leans on the word before it: without that word no sentence is left."""


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


def _places(text: str, word: str) -> list[int]:
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
        for at in _places(text, word)[:1]:
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
        if word in text and not word.isdigit():
            for other in ("本文に書かれているとおりのもの", "ご案内に示されているとおりの内容"):
                yield text.replace(word, other)


@edits("keyword_include", "keyword_order", "keyword_together")
def keyword_gone(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A keyword replaced by a word that stands for it, or left out."""
    for word in spec.keywords:
        if word in text and not word.isdigit():
            for other in _STAND_INS:
                yield text.replace(word, other)
            if not re.search(re.escape(word) + _BOUND, text):
                yield text.replace(word, "")
            if len(word) > 4:
                for at in (word.find("、"), len(word) // 2):
                    if at > 0:
                        yield text.replace(word, word[:at] + word[at + 1 :])


@edits("keyword_exclude", "keyword_count", "spelling")
def keyword_slips_in(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A forbidden word, or one occurrence too many."""
    words = getattr(spec, "keywords", None) or getattr(spec, "avoid", None) or (spec.keyword,)
    for word in words:
        if len(word) == 1 and not word.isalnum():
            yield f"{text.rstrip()}{word}など"
            continue
        said = (
            (f"「{word}」とも言えます。", f"なお、「{word}」という言い方もできます。")
            if polite(text)
            else (f"「{word}」とも言える。", f"なお、「{word}」という言い方もできる。")
        )
        for more in said:
            yield closed(text, more)
        for s in sentences_of(text)[:2]:
            yield f"{text[: s.start]}{word}など、{text[s.start :]}"
        yield f"{text.rstrip()}（{word}）"


@edits("keyword_count")
def one_occurrence_less(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """One occurrence replaced: a 、 between words by と, a word by one that stands for it."""
    others = ("と", "や") if spec.keyword in "、，" else _STAND_INS
    for at in reversed(_places(text, spec.keyword)):
        for other in (*others, ""):
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
    for i in reversed(range(1, len(found))):
        yield swapped(text, found[i - 1], found[i])


@edits("keyword_together")
def in_two_sentences(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The sentence with all the words cut at a 、."""
    for at in _places(text, "、"):
        yield f"{text[:at]}。{text[at + 1 :]}"


@edits("start_phrase", "repeat_prompt")
def something_before(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A word before what the answer was to begin with."""
    for more in ("はい、", "では、", "まず、"):
        yield more + text.lstrip()


@edits("start_phrase", "repeat_prompt")
def beginning_gone(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """What the answer was to begin with left out."""
    phrase = getattr(spec, "phrase", None) or spec.text
    body = text.lstrip()
    if body.startswith(phrase):
        rest = body[len(phrase) :].lstrip("、。　 \n")
        yield rest
        yield f"{phrase[:-1]}\n{rest}" if spec.kind == "repeat_prompt" else f"さて、{rest}"
        yield f"はじめに\n{rest}"
        yield f"こちらです。\n{rest}"


@edits("end_phrase")
def something_after(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A sentence after what the answer was to end with."""
    for more in closings(text)[:3]:
        yield text.rstrip() + more


@edits("end_phrase")
def ending_gone(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """What the answer was to end with left out, or another phrase in its place."""
    body = text.rstrip()
    if body.endswith(spec.phrase):
        rest = body[: -len(spec.phrase)].rstrip("\n")
        for more in closings(text)[:3]:
            yield f"{rest}\n{more}" if "\n" in body else rest + more
        yield rest


@edits("answer_choice")
def says_more(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The choice with a sentence around it."""
    body = text.strip().rstrip("。")
    yield f"答えは「{body}」です。"
    yield f"「{body}」だと思います。"
    yield f"「{body}」になります。"


@edits("answer_choice")
def two_choices(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Two choices at once."""
    body = text.strip().rstrip("。")
    for other in spec.choices:
        if other != body:
            yield f"{body}と{other}"
            yield f"{body}または{other.rstrip('。')}"


@edits("postscript", "paragraph_start")
def marker_gone(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The word that a part was to begin with left out, or another before it."""
    word = spec.marker if spec.kind == "postscript" else spec.word
    for at in _places(text, word):
        rest = text[at + len(word) :]
        yield text[:at] + re.sub(r"^[：:、\s]+", "", rest)
        yield f"{text[:at]}なお、{text[at:]}"
        yield f"{text[:at]}そして{rest}"


@edits("enclosed", "title")
def bracket_lost(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A bracket left out, or both."""
    left, right = spec.brackets
    begin, end = text.find(left), text.rfind(right) if spec.kind == "enclosed" else text.find(right)
    if begin >= 0 and end > begin:
        yield text[:begin] + text[begin + 1 : end] + text[end + 1 :]
        yield text[:end] + text[end + 1 :]
        if spec.kind == "title":
            yield f"{text[:begin]}【{text[begin + 1 : end]}】{text[end + 1 :]}"
            yield f"{text[:begin]}「{text[begin + 1 : end]}」{text[end + 1 :]}"


@edits("enclosed", "separated_answers", "tagged", "code_block", "csv_form", "json_form")
def said_outside(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A sentence outside of what was to be the whole answer."""
    body = text.strip()
    yield f"{body}\n{closings(text)[0]}" if spec.kind != "enclosed" else body + closings(text)[0]
    yield f"以下のとおりです。\n{body}"
    if spec.kind == "separated_answers":
        yield f"{body}\n{spec.separator}\n{closings(text)[0]}"


@edits("sentence_end", "sentence_mark")
def another_ending(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """One sentence with another ending."""
    for s in reversed(sentences_of(text)):
        end = s.end
        if spec.kind == "sentence_mark":
            yield f"{text[: end - 1]}。{text[end:]}"
        else:
            bare = s.text.rstrip("。！？!?")
            if not bare.endswith(spec.ending):
                continue
            if (made := plain(s.text)) is not None:  # the ending is a predicate of its own
                yield text[: s.start] + made + text[s.end :]
            cut = s.start + len(bare) - len(spec.ending)
            whole = text[:cut].endswith(("です", "ます", "ました", "ません", "だ", "た", "る", "い"))
            for new in ("", "だ") if whole else ("です" if polite(text) else "だ", ""):
                yield f"{text[:cut]}{new}{text[s.start + len(bare) :]}"
            yield f"{text[:cut]}{spec.ending}よ{text[s.start + len(bare) :]}"
