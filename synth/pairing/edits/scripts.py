"""Kana, kanji, widths, numerals and notations: one word in another script or form."""

import re
import unicodedata
from collections.abc import Iterator
from typing import Any

from synth.pairing.edits.edit import edits
from synth.pairing.edits.lengths import closed, closings
from synth.verify.prompt import Prompt

_KATAKANA = {code: code + 0x60 for code in range(0x3041, 0x3097)}
_HIRAGANA = {code + 0x60: code for code in range(0x3041, 0x3097)}
_NUMERALS = dict(zip("〇一二三四五六七八九", "0123456789", strict=True))


@edits("script_only", "script_exclude", "script_count", "kanji_within")
def a_word_in_another_script(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A word written in the other kana, or a word of the script that was not to be used."""
    scripts = getattr(spec, "scripts", None) or (getattr(spec, "script", "kanji"),)
    yield from _words_otherwise(text)
    yield closed(text, closings(text)[0])
    shown = list(re.finditer(r"[ぁ-ゖ]{2,5}", text))
    katakana = list(re.finditer(r"[ァ-ヶー]{2,8}", text))
    for m in reversed(shown):
        yield text[: m.start()] + m[0].translate(_KATAKANA) + text[m.end() :]
    for m in reversed(katakana):
        yield text[: m.start()] + m[0].translate(_HIRAGANA) + text[m.end() :]
    for word in ("ポイント", "大切なこと", "みんな", "OK"):
        yield f"{text.rstrip()}（{word}）"
    if "hiragana" not in scripts:
        yield text.rstrip() + closings(text)[0]


def _words_otherwise(text: str) -> Iterator[str]:
    """A noun in kana as it is mostly written, in kanji, or in katakana: what slips in when people write."""
    from synth.verify.morphemes import tokeniser

    at = 0
    for m in tokeniser("C").tokenize(text):
        at, said = text.find(m.surface(), at), m.surface()
        if m.part_of_speech()[0] == "名詞" and re.fullmatch("[ぁ-ゖー]{2,}", said):
            for other in (m.normalized_form(), said.translate(_KATAKANA)):
                if other != said:
                    yield text[:at] + other + text[at + len(said) :]
        at += len(said)


@edits("script_count")
def kanji_as_kana(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A word in kanji by its reading."""
    from synth.verify.morphemes import tokeniser

    at = 0
    for m in tokeniser("C").tokenize(text):
        at = text.find(m.surface(), at)
        if re.search("[一-龥]", m.surface()):
            yield text[:at] + m.reading_form().translate(_HIRAGANA) + text[at + len(m.surface()) :]
        at += len(m.surface())


@edits("width")
def another_width(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """One character, or one run, in the other width."""
    for m in re.finditer(r"[0-9A-Za-z]+|[！-～]+|[ｦ-ﾟ]+|[ァ-ヶー]+|[!?()]", text):
        run = m[0]
        if run[0] < "\x7f":
            other = "".join(chr(ord(c) + 0xFEE0) for c in run)
        elif "ァ" <= run[0] <= "ー":
            other = "".join(_HALF_KANA.get(c, c) for c in run)
        else:
            other = unicodedata.normalize("NFKC", run)
        yield text[: m.start()] + other + text[m.end() :]


_HALF_KANA = {unicodedata.normalize("NFKC", chr(code)): chr(code) for code in range(0xFF66, 0xFF9E)}


@edits("kansuuji")
def a_figure(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A 漢数字 in figures."""
    for m in re.finditer("[〇一二三四五六七八九]+", text):
        yield text[: m.start()] + "".join(_NUMERALS[c] for c in m[0]) + text[m.end() :]


@edits("furigana")
def a_reading_lost(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A word without its reading."""
    for m in reversed(list(re.finditer(r"[（(][ぁ-ゖァ-ヶー]+[)）]", text))):
        yield text[: m.start()] + text[m.end() :]


@edits("latin_case")
def another_case(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A word in the other case."""
    for m in reversed(list(re.finditer("[A-Za-z]{2,}", text))):
        yield text[: m.start()] + m[0].swapcase() + text[m.end() :]


@edits("emoji_count")
def an_emoji_less(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """An emoji left out."""
    for m in reversed(list(re.finditer("[\U0001f300-\U0001faff]", text))):
        yield text[: m.start()] + text[m.end() :]


@edits("emoji_count")
def an_emoji_more(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """An emoji more."""
    for more in ("🌸", "😊", "✨"):
        yield text.rstrip() + more


@edits("date_form")
def another_date_form(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A date in another form: 2026年4月1日, 2026-04-01, 2026/4/1."""
    for m in re.finditer(r"(\d{4})(?:年|-|/)(\d{1,2})(?:月|-|/)(\d{1,2})日?", text):
        year, month, day = m.groups()
        forms = (
            f"{year}/{int(month)}/{int(day)}",
            f"{year}-{int(month):02d}-{int(day):02d}",
            f"{year}年{int(month)}月{int(day)}日",
        )
        for form in forms:
            yield text[: m.start()] + form + text[m.end() :]


@edits("digit_grouping")
def another_grouping(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A number without its commas, or with them."""
    for m in re.finditer(r"\d{1,3}(?:,\d{3})+|\d{4,}", text):
        number = m[0].replace(",", "") if "," in m[0] else f"{int(m[0]):,}"
        yield text[: m.start()] + number + text[m.end() :]


@edits("spelling", "unit_form")
def another_spelling(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The word, or the unit, as it was not to be written."""
    wanted = spec.use if spec.kind == "spelling" else spec.unit
    at = text.rfind(wanted)
    for other in spec.avoid:
        if at >= 0:
            yield text[:at] + other + text[at + len(wanted) :]


@edits("notation")
def a_notation_lost(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A notation that is one no longer: without its mark, or with a digit too few."""
    for m in re.finditer(r"〒|[-:：/](?=\d)|円|@|https?://|時|%|％", text):
        yield text[: m.start()] + text[m.end() :]
    for m in re.finditer(r"\d(?=\D|$)", text):
        yield text[: m.start()] + text[m.end() :]


@edits("notation")
def a_notation_more(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The same notation again."""
    yield f"{text.rstrip()}（{text.strip().rstrip('。')}）"
