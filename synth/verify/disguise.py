"""Text as a reader sees it, where its characters were chosen to look like others.

A verifier reads characters and a reader shapes. Ｉ ａｍ, 𝐈 𝐚𝐦 and І аm (with Cyrillic letters) are English to him; 精米 with
something unseen between its letters, struck out, or with a radical (⽶) for a letter is 精米; ソ口モン with a kanji is ソロモン.
So what passes as it is written must pass as it is seen, too: `Constraint.verify` asks both, for every kind at once. What is usual
in Japanese and no disguise stays: full-width digits and marks, ①, ㈱.

Tables: Unicode's NFKC for letters in another dress, and of its confusables (UTS #39) those that Latin words are imitated with.
"""

import re
import unicodedata
from functools import cache

from synth.verify.answer import Answer, visible

_USUAL = re.compile(
    r"[\t\n\x20-\x7e\u2010-\u2027\u2030-\u205e\u2190-\u21ff\u2460-\u24b5\u2500-\u27bf\u3000-\u30ff\u3200-\u33ff\u4e00-\u9fff"
    r"\uff01-\uff20\uff3b-\uff40\uff5b-\uff65\uffe0-\uffe6]*"
)
"""Characters of which none is a disguise but for `_KATAKANA` and `_KANJI`."""
_DRESSED = re.compile(
    r"[\u00aa\u00ba\u0262\u026a\u0274\u0280\u028f\u0299\u029c\u029f\u02b0-\u02b8\u02e0-\u02e4\u1d00-\u1dbf\u2071\u207f\u2090-\u209c"
    r"\u2102-\u2149\u24b6-\u24e9\u2e80-\u2fdf\ua730\ua731\uf900-\ufaff\uff21-\uff3a\uff41-\uff5a\U0001d400-\U0001d7ff\U0001f130-\U0001f149"
    r"\U0001f150-\U0001f169\U0001f170-\U0001f189\U0002f800-\U0002fa1f]|[\uff66-\uff9f]+"
)
"""Letters in another dress: full-width Latin, mathematical, superscript, circled, small capitals, radicals, half-width kana."""
_SMALL_CAPITALS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "abcdefghijklmnoprstuvwyz", strict=True))
_LAID_OVER = re.compile(
    r"[\u0334-\u0338\u20d0-\u20e2\u20e4-\u20f0]+|(?<=[\u3041-\u30ff\u3400-\u9fff])[\u0300-\u036f\u0483-\u0489\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef]+"
    r"|[\ufff9-\ufffb\U0001d173-\U0001d17a]+"
)
"""Strokes through letters; marks and selectors of variants upon Japanese ones."""
_GREEK_OR_CYRILLIC = re.compile(r"[\u0370-\u03ff\u0400-\u052f]")
_IMITATED = dict(
    zip(
        "АВЕЅІЈКМНОРСТУХԚԜаеорсухіјѕһԁԛԝΑΒΕΖΗΙΚΜΝΟΡΤΥΧον",
        "ABESIJKMHOPCTYXQWaeopcyxijshdqwABEZHIKMNOPTYXov",
        strict=True,
    )
)
"""Cyrillic and Greek letters that look like Latin ones."""
_WORD = re.compile(r"[A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u052f]+")
_KATAKANA = re.compile(r"(?<=[ァ-ヺー])[口夕卜力工一へべぺ](?=[ァ-ヺー])")
_AS_KATAKANA = str.maketrans("口夕卜力工一へべぺ", "ロタトカエーヘベペ")
"""What looks like a katakana and stands between two."""
_KANJI = re.compile(r"(?<=[一-鿿])[ロタ](?![ァ-ヺー])")
_AS_KANJI = str.maketrans("ロタ", "口夕")
"""Katakana that look like a kanji and stand behind one: 人ロ, 朝タ."""


def undisguised(text: str) -> str:
    """Text as a reader sees it; the same text where nothing in it looks like something else.

    >>> undisguised("Ｉ ａｍ а 𝐜𝐚𝐭、精\\u200b⽶はﾊﾟﾝ。"), undisguised("第１回は①です！")
    ('I am a cat、精米はパン。', '第１回は①です！')
    """
    if not _USUAL.fullmatch(text):
        text = _DRESSED.sub(_bare, _LAID_OVER.sub("", visible(text)))
        if _GREEK_OR_CYRILLIC.search(text):
            text = _latin(text)
    return _KANJI.sub(lambda m: m[0].translate(_AS_KANJI), _KATAKANA.sub(lambda m: m[0].translate(_AS_KATAKANA), text))


def _bare(match: re.Match[str]) -> str:
    return _undressed(match[0])


@cache
def _undressed(letters: str) -> str:
    """A letter without its dress; half-width kana by runs, since a voiced one is two characters."""
    normal = unicodedata.normalize("NFKC", letters)
    if normal == letters and len(letters) == 1:
        code = ord(letters)
        boxed = 0x1F150 <= code <= 0x1F169 or 0x1F170 <= code <= 0x1F189
        return chr(ord("A") + (code - 0x1F150) % 32) if boxed else _SMALL_CAPITALS.get(letters, letters)
    return normal if normal.isalnum() and (len(normal) == 1 or letters[0] >= "\uff66") else letters


def _latin(text: str) -> str:
    """Cyrillic and Greek letters as the Latin ones that they look like.

    In words with Latin letters; and in all words of a text in which no letter is surely Cyrillic or Greek (оса is a wasp in
    Russian, and 「І аm」 is none).
    """
    alone = all(c in _IMITATED for c in _GREEK_OR_CYRILLIC.findall(text))

    def read(m: re.Match[str]) -> str:
        return "".join(_IMITATED.get(c, c) for c in m[0]) if alone or re.search("[A-Za-z]", m[0]) else m[0]

    return _WORD.sub(read, text)


def as_seen(answer: Answer) -> Answer | None:
    """An answer as a reader sees it; None where that is as it is written."""

    def made() -> Answer | None:
        text = undisguised(answer.text)
        return None if text == answer.text else Answer(text, answer.finish_reason)

    return answer.once("as seen", made)
