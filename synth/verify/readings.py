"""Is this kana a reading of that text? By the dictionary, never by one guess.

SudachiPy gives one segmentation a split mode and shows no lattice. A reading is ALLOWED when the segmentation of mode A, B
or C spells it, each morpheme read as the analyser read it or as a homograph of its part of speech and inflection (明日: あす,
あした). It is POSSIBLE when only another segmentation, an unknown word, 連濁 or another homograph gives it: over all
segmentations 86 % of real phrases have more than one mora count, so these prove nothing. Else it is IMPOSSIBLE.
"""

from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from itertools import product
from typing import Any

from synth.verify.answer import hiragana
from synth.verify.mora import VOWEL, morae, sounded
from synth.verify.morphemes import dictionary, tokeniser

_VOICED = dict(zip("かきくけこさしすせそたちつてとはひふへほ", "がぎぐげござじずぜぞだぢづでどばびぶべぼ", strict=True))
_HALF_VOICED = dict(zip("はひふへほ", "ぱぴぷぺぽ", strict=True))
_HISTORICAL = dict(zip("はひふへほゐゑを", "わいうえおいえお", strict=True))
_HISTORICAL_PAIRS = {"てふ": "ちょう", "けふ": "きょう", "せう": "しょう", "ゑふ": "よう"} | {
    a + u: o + "う"
    for a, o in zip("あかさたなはまやらわがざだば", "おこそとのほもよろおごぞどぼ", strict=True)
    for u in "うふ"
}
_LONGEST = 8
"""Characters of the longest stretch looked up in the dictionary when all segmentations are tried."""
_ANY = "*"


class Fit(Enum):
    """How a reading fits a text."""

    ALLOWED = "allowed"
    POSSIBLE = "possible"
    IMPOSSIBLE = "impossible"


def is_kana(text: str) -> bool:
    """Only kana, ー among them; False for empty text.

    >>> is_kana("ラーメンだ"), is_kana("米"), is_kana("")
    (True, False, False)
    """
    return bool(text) and all("ぁ" <= c <= "ゖ" or "ァ" <= c <= "ヺ" or c in "ーゝゞヽヾ" for c in text)


def letters(text: str) -> str:
    """Without marks and white space.

    >>> letters("古池や、蛙 飛びこむ。")
    '古池や蛙飛びこむ'
    """
    return "".join(c for c in text if c.isalnum() or c in "ー々ゝゞヽヾ〇")


@lru_cache(maxsize=1 << 15)
def _lookup(surface: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Reading and part of speech of every entry with this surface."""
    found = dictionary().lookup(surface)
    return tuple((hiragana(m.reading_form()), tuple(m.part_of_speech())) for m in found)


def _own(surface: str, part: tuple[str, ...]) -> set[str]:
    """Readings that kana give themselves; は and へ as particles also sound わ and え."""
    if not is_kana(surface):
        return set()
    plain = hiragana(surface)
    return {plain, {"は": "わ", "へ": "え"}.get(plain, plain)} if part[:1] == ("助詞",) else {plain}


def readings_of(morpheme: Any) -> tuple[set[str], set[str]]:
    """Readings of one morpheme: allowed ones, and those that are merely possible. `*` stands for any (an unknown word)."""
    surface, part = morpheme.surface(), tuple(morpheme.part_of_speech())
    if part[0] in ("補助記号", "空白"):
        return {""}, set()
    allowed = _own(surface, part)
    if allowed and is_kana(surface):
        return allowed, {kana.translate(str.maketrans(_HISTORICAL)) for kana in allowed} - allowed
    if morpheme.is_oov():
        return set(), {_ANY}
    read = hiragana(morpheme.reading_form())
    homographs = _lookup(surface)
    allowed |= {read, *(r for r, p in homographs if p[:3] == part[:3] and p[5:] == part[5:])}
    possible = {r for r, _ in homographs} - allowed
    possible |= {_VOICED[r[0]] + r[1:] for r in allowed if r[:1] in _VOICED}
    possible |= {_HALF_VOICED[r[0]] + r[1:] for r in allowed if r[:1] in _HALF_VOICED}
    possible |= {r[:-1] + "っ" for r in allowed if r[-1:] in ("つ", "ち", "く", "き") and len(r) > 1}
    return {r for r in allowed if is_kana(r)}, {r for r in possible - allowed if is_kana(r)}


def _sound(last: str, reading: str) -> tuple[str, str]:
    """How a reading sounds after a kana, and its own last kana: お after こ is ー."""
    whole = sounded(last + reading)[1:] if last else sounded(reading)
    kana = next((c for c in reversed(last + reading) if c in VOWEL), "")
    return whole, kana


def _advance(states: set[tuple[int, str]], readings: Iterable[str], target: str) -> set[tuple[int, str]]:
    """Places in the target that are reached from these by one of the readings."""
    after = set()
    for (at, last), reading in product(states, readings):
        if reading == _ANY:
            after |= {(end, "") for end in range(at + 1, min(len(target), at + 10) + 1)}
            continue
        sound, kana = _sound(last, reading)
        if target.startswith(sound, at):
            after.add((at + len(sound), kana))
    return after


def fit(text: str, reading: str) -> Fit:
    """How a reading in kana fits a text (marks aside); a text wholly in kana fits only itself.

    >>> fit("古池や", "ふるいけや"), fit("古池や", "ふるいけえや"), fit("明日は晴れ", "あしたははれ")
    (<Fit.ALLOWED: 'allowed'>, <Fit.IMPOSSIBLE: 'impossible'>, <Fit.ALLOWED: 'allowed'>)
    """
    text, target = letters(text), sounded(letters(reading))
    if not text or not target:
        return Fit.IMPOSSIBLE
    possible = False
    for mode in "CBA":
        sure: set[tuple[int, str]] = {(0, "")}
        loose: set[tuple[int, str]] = {(0, "")}
        for morpheme in tokeniser(mode).tokenize(text):
            allowed, more = readings_of(morpheme)
            sure, loose = _advance(sure, allowed, target), _advance(loose, allowed | more, target)
            if not loose:
                break
        if any(at == len(target) for at, _ in sure):
            return Fit.ALLOWED
        possible = possible or any(at == len(target) for at, _ in loose)
    return Fit.POSSIBLE if possible or _any_path(text, target) else Fit.IMPOSSIBLE


def _any_path(text: str, target: str) -> bool:
    """Whether some segmentation into dictionary entries gives the target."""
    reached: list[set[tuple[int, str]]] = [set() for _ in range(len(text) + 1)]
    reached[0] = {(0, "")}
    for i in range(len(text)):
        if not reached[i]:
            continue
        for j in range(i + 1, min(i + _LONGEST, len(text)) + 1):
            surface = text[i:j]
            if is_kana(surface):
                found = _as_kana(hiragana(surface))
            else:
                modern = surface[0] + surface[1:].translate(str.maketrans(_HISTORICAL))
                found = {r for spelled in {surface, modern} for r, _ in _lookup(spelled) if is_kana(r)}
            if found:
                reached[j] |= _advance(reached[i], found, target)
    return any(at == len(target) for at, _ in reached[-1])


def _as_kana(kana: str) -> set[str]:
    """What one kana, or two in historical spelling, may sound: は as わ, む as ん, てふ as ちょう."""
    if len(kana) == 1:
        return {kana, _HISTORICAL.get(kana, kana), *("ん" * (kana == "む"))}
    return {_HISTORICAL_PAIRS[kana]} if kana in _HISTORICAL_PAIRS else set()


def mora_counts(text: str, limit: int = 64) -> set[int] | None:
    """Mora counts of all allowed readings of a text, over modes A, B and C; None where a word is unknown or there are too many.

    >>> mora_counts("古池や"), mora_counts("明日")
    ({5}, {2, 3, 4})
    """
    counts: set[int] = set()
    for mode in "CBA":
        totals = {0}
        for morpheme in tokeniser(mode).tokenize(letters(text)):
            allowed, more = readings_of(morpheme)
            if not allowed or _ANY in more:
                return None
            # what is merely possible may be how a poet reads it
            totals = {
                a + morae(r)
                for a in totals
                for r in allowed | ({r for r, _ in _lookup(morpheme.surface())} if more else set())
            }
            if len(totals) > limit:
                return None
        counts |= totals
    return counts
