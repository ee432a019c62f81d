"""The style of one sentence by its last morphemes: 敬体, 常体, 体言止め, other. Labels and examples: docs/keitai-guideline.md.

The sentence is read from its end. Marks, emoji, brackets and 「」 are skipped (a quotation counts as a noun), final particles
and the conjunctions が, けど, から, ので … are taken off, and what then stands last decides. です and ます in that last predicate
make it 敬体. A noun or particle at the end may be 倒置: then a finite predicate before the last 、 decides, where it can only be
the main one. Where the analyser is known to mislead (old spelling, a verb's stem that is a noun too) there is no style: abstain.
"""

import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Literal, NamedTuple

from synth.verify.morphemes import Morphemes, part_of
from synth.verify.sentences import CLOSE, OPEN, Sentence

Style = Literal["keitai", "jotai", "taigendome", "other"]

_CONJUNCTIONS = frozenset(["が", "けど", "けれど", "けれども", "けども", "し", "から", "のに"])
_FINITE = ("終止形", "連体形", "命令形", "意志推量形")
_POLITE_IMPERATIVES = frozenset(["くださる", "下さる"])
_OTHER_IMPERATIVES = frozenset(["なさる", "為さる", "いらっしゃる"])
_GREETINGS = frozenset(
    [
        "ごめん",
        "ありがとう",
        "おはよう",
        "お疲れさま",
        "お疲れ様",
        "ご苦労さま",
        "おめでとう",
        "さようなら",
        "こんにちは",
        "こんばんは",
        "そう",
    ]
)


class Token(NamedTuple):
    """A morpheme that counts: surface, part of speech (two levels), conjugation form, dictionary form."""

    surface: str
    part: str
    sub: str
    form: str
    lemma: str


class Styled(NamedTuple):
    """A sentence's style, or None where the analysis does not settle it, and the words that decided."""

    style: Style | None
    why: str


def style_of(sentence: Sentence, morphemes: Morphemes) -> Styled:
    """The style of a sentence of the text that was segmented."""
    if plain := _PLAINLY_POLITE.search(sentence.text):
        return Styled("keitai", plain[1] or plain[2])
    may_be_polite = _MAY_BE_POLITE.search(sentence.text) is not None
    if may_be_polite and (polite := _polite_at_end(sentence, morphemes)) is not None:
        return polite
    if not _JAPANESE.search(sentence.text):
        return Styled("other", "no Japanese")
    backwards = _backwards(sentence, morphemes)
    tokens = list(islice(backwards, 3 if may_be_polite else PREDICATE))[::-1]
    if not tokens or tokens == [_QUOTATION]:
        return Styled("other", "only a quotation or marks")
    styled = _by_end(tokens.copy())
    if may_be_polite:
        if styled.style == "keitai" or len(tokens) < 3:
            return styled  # 〜です, 〜ましたか: nothing further back can change it
        tokens[:0] = list(islice(backwards, PREDICATE - 3))[::-1]
        styled = _by_end(tokens.copy())
    if styled.style in ("taigendome", "other") and "、" in sentence.text:
        tokens[:0] = list(islice(backwards, WINDOW - PREDICATE))[::-1]
        return style_of_tokens(tokens)
    return styled


_I_AND_E_ROW = "いきぎしじちにびみりえけげせぜてでねべめれ"
_PLAINLY_POLITE = re.compile(
    r"(?:(で(?:す|しょう|し(?=た)))"
    rf"|(?:(?<=[{_I_AND_E_ROW}見来出得着寝])(?<![は励]げ)(?<!まし)(?<!おはようござい)|(?<=[あ上]げ))(ま(?:す|しょう|し(?=た)|せ(?=ん(?!で)))))"
    r"[たん]?(?:か|ね|よ|よね|かね)?[。．！？!?♪]*$"
)
"""です and ます after a verb's 連用形 at a sentence's end, of which no morphemes need be known: not 目をさます, はげます.

おはようございます is one word to the analyser, a greeting."""
_MAY_BE_POLITE = re.compile("[でま][しすせ]|っす")


def _polite_at_end(sentence: Sentence, morphemes: Morphemes) -> Styled | None:
    """〜です, 〜ます, 〜ましたか, 〜ませんね: most sentences of chat, told by two or three morphemes; None for all others."""
    offset, found, last = morphemes.until(sentence.end)
    ended = False  # by た or ん, which stand after です and ます
    for i in range(last, max(last - 6, -1), -1):
        morpheme = found[i]
        part = part_of(morpheme)
        if part[0] == "助動詞":
            lemma = morpheme.dictionary_form()
            if lemma in ("です", "ます") and (ended or part[2].startswith(_FINITE)):
                return Styled("keitai", morpheme.surface()) if morpheme.begin() + offset >= sentence.start else None
            if lemma not in ("た", "ぬ") or not part[2].startswith(_FINITE):
                return None
            ended = True
        elif ended or (not part[3] and part[1] != "終助詞") or morphemes.text[morpheme.begin() + offset] in _PAIR:
            return None
    return None


PREDICATE, WINDOW = 5, 24
"""Morphemes from a sentence's end that are looked at: for its predicate, and for a predicate before an inverted part."""


def tokens_of(sentence: Sentence, morphemes: Morphemes, window: int = WINDOW) -> list[Token]:
    """The last morphemes of a sentence without marks, brackets and what stands in them; a quotation is one noun.

    A sentence that is wholly in （） or 【】 is read inside.
    """
    return list(islice(_backwards(sentence, morphemes), window))[::-1]


def _backwards(sentence: Sentence, morphemes: Morphemes) -> Iterator[Token]:
    text = morphemes.text
    first = sentence.start + 1 if _whole(sentence.text) else sentence.start
    bracketed = _BRACKET.search(sentence.text) is not None
    depth, opened, ended = 0, "", False
    offset, found, last = morphemes.until(sentence.end)
    for i in range(last, -1, -1):
        morpheme = found[i]
        at = morpheme.begin() + offset
        if at < first:
            break
        if bracketed:
            c = text[at]
            if depth:  # going back through brackets: to the one that opens them
                depth += (_PAIR.get(c) == opened) - (c == opened)
                if not depth and c in _QUOTES:
                    ended = True
                    yield _QUOTATION
                continue
            if c in _PAIR and text.rfind(_PAIR[c], first, at) >= 0:
                depth, opened = 1, _PAIR[c]
                continue
        part = part_of(morpheme)
        if part[3]:
            continue
        surface = morpheme.surface()
        if not ended and (part[1] == "読点" or surface == "笑" or not surface.lower().strip("wｗ")):
            continue
        ended = True
        yield Token(surface, part[0], part[1], part[2], morpheme.dictionary_form())


_PAIR = dict(zip(CLOSE, OPEN, strict=True))
_BRACKET = re.compile(f"[{re.escape(CLOSE)}]")
_JAPANESE = re.compile("[ぁ-ヾ㐀-鿿]")
_QUOTES = "「『“〈《"
_QUOTATION = Token("「」", "名詞", "引用", "*", "「」")


def _whole(text: str) -> bool:
    return text[:1] in "（(【〔" and text.rstrip("。．")[-1:] in "）)】〕"


def style_of_tokens(tokens: Sequence[Token]) -> Styled:
    """The style by the last predicate, or by the one before the last 、 where the order is turned round."""
    style, why = _by_end(list(tokens))
    if style in ("taigendome", "other"):
        comma = max((i for i, t in enumerate(tokens) if t.sub == "読点"), default=0)
        if comma:
            turned = _turned(list(tokens[:comma]), tokens[-1])
            if turned is not None:
                return turned
    return Styled(style, why)


def _turned(before: list[Token], last: Token) -> Styled | None:
    """The style of an inverted sentence, or None where the part before 、 cannot be its main predicate."""
    if before[-1].sub == "接続助詞" or before[-1].form.startswith(("連用形", "仮定形", "未然形")):
        return None
    style, why = _by_end(before)
    if style == "keitai":
        return Styled("keitai", why)
    if style != "jotai":
        return None
    ended = (
        before[-1].sub == "終助詞" or before[-1].form.startswith(("命令形", "意志推量形")) or before[-1].lemma == "だ"
    )
    if ended or last.part == "助詞":
        return Styled("jotai", why)
    return None  # よく晴れた、秋の日: the predicate belongs to the noun


def _by_end(tokens: list[Token]) -> Styled:
    stripped: list[Token] = []
    while len(tokens) > 1:
        last, before = tokens[-1], tokens[-2]
        finite = before.form.startswith(_FINITE)
        if (
            (last.part == "助詞" and last.sub == "終助詞")
            or (
                last.surface in ("って", "か", "の", "とも")
                and last.part == "助詞"
                and (finite or before.sub == "終助詞")
            )
            or (
                last.part == "助詞"
                and last.surface in _CONJUNCTIONS
                and last.sub != "格助詞"
                and (finite or before.sub == "終助詞")
            )
        ):
            pass
        elif (
            last.surface == "で"
            and before.surface in ("の", "ん")
            and len(tokens) > 2
            and tokens[-3].form.startswith(_FINITE)
        ):
            tokens.pop()
        else:
            break
        stripped.append(tokens.pop())
    return _by_last(tokens, stripped)


def _by_last(tokens: list[Token], stripped: list[Token]) -> Styled:
    last = tokens[-1]
    why = "".join(t.surface for t in tokens[-3:])
    if polite := _polite(tokens):
        return Styled("keitai", polite)
    asked = any(t.surface.startswith("か") for t in stripped)
    if last.part in ("動詞", "形容詞", "助動詞"):
        if last.form.startswith("命令形") and last.lemma in _OTHER_IMPERATIVES:
            return Styled("other", why)
        if last.form.startswith("命令形") and last.lemma in _POLITE_IMPERATIVES:
            return Styled("keitai", why)
        if last.lemma == "候ふ" or last.surface in ("候", "候ふ"):
            return Styled("other", why)
        if last.form.startswith(_FINITE):
            return Styled("jotai", why)
        if stripped and stripped[-1].surface in ("よ", "ろ") and last.form.startswith("連用形-一般"):
            return Styled("jotai", why)  # 与えよ: the analyser takes よ for a particle
        return Styled(None, why) if last.form.startswith("語幹") else Styled("other", why)
    if (last.surface in _GREETINGS and last.part != "形状詞") or last.part in ("感動詞", "接続詞"):
        return Styled("other", why)
    if last.part in ("名詞", "代名詞", "接尾辞", "形状詞", "接頭辞"):
        if last.surface in ("つた", "つて", "ぬ", "候"):  # old spelling, read as a noun
            return Styled(None, why)
        if (
            len(tokens) > 1
            and tokens[-2].surface in ("を", "に")
            and last.surface[-1] in "いきぎしちにびみりえけげせてねべめれ"
        ):
            return Styled(None, why)  # 水に浸し: a verb's stem, which is a noun too
        if asked or any(t.surface in ("の", "なの", "じゃん", "っけ") for t in stripped):
            return Styled("jotai", why)
        if stripped and stripped[-1].surface not in ("って",):
            return Styled(None, why)  # いい天気ね: だ left out, in either style
        return Styled("taigendome", why)
    if last.part == "副詞" and asked:
        return Styled("jotai", why)
    if last.part == "助詞" and last.surface == "の" and len(tokens) > 1 and tokens[-2].form.startswith(_FINITE):
        return Styled("jotai", why)
    return Styled("other", why)


def _polite(tokens: list[Token]) -> str:
    """The です or ます of the last predicate, empty where it has none."""
    for token in reversed(tokens):
        if token.lemma in ("です", "ます") and token.part == "助動詞":
            # 行きまして。 goes on: 連用形 is no end
            return "" if tokens[-1] is token and token.form.startswith(("連用形", "仮定形")) else token.surface
        chained = token.part == "助動詞" or (token.part in ("動詞", "形容詞") and token.sub == "非自立可能")
        if not (chained or token.surface in ("て", "で", "ん", "の", "か", "じゃ", "は", "も")):
            return ""
    return ""
