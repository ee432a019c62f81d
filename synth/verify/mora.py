"""Morae of kana: what 5-7-5 counts.

Every kana is one mora, っ, ん and ー too; small ゃゅょ ぁぃぅぇぉ ゎ belong to the kana before them (ヴァ, ティ, くゎ are one).
A small kana with none before it is one mora. Historical spelling is counted as it is written: けふ and きょう are both two.
"""

from synth.verify.answer import hiragana

_SMALL = frozenset("ぁぃぅぇぉゃゅょゎァィゥェォャュョヮ")
_VOICING = frozenset("\u3099\u309a゛゜ﾞﾟ")
_MARKS = frozenset("・ 　、。「」『』（）()！？!?…―\n")


def morae(kana: str) -> int:
    """How many morae a text in kana has; marks and white space have none.

    >>> [morae(t) for t in ("がっこう", "しんぶん", "ラーメン", "きゃく", "くゎし", "ヴァイオリン", "ティー", "けふ", "だらう")]
    [4, 4, 4, 2, 2, 5, 2, 2, 3]
    """
    count, before = 0, False
    for c in kana:
        if c in _VOICING:
            continue
        if c in _MARKS:
            before = False
        elif c in _SMALL and before:
            before = False  # ぁぁ lengthens: the second one is a mora of its own
        else:
            count, before = count + 1, True
    return count


_ROWS = {
    "あ": "あかさたなはまやらわがざだばぱぁゃゎ",
    "い": "いきしちにひみりぎじぢびぴぃゐ",
    "う": "うくすつぬふむゆるぐずづぶぷぅゅゔ",
    "え": "えけせてねへめれげぜでべぺぇゑ",
    "お": "おこそとのほもよろをごぞどぼぽぉょ",
}
VOWEL = {kana: vowel for vowel, row in _ROWS.items() for kana in row}
"""The vowel of every hiragana but っ, ん and ー."""
_SAME = str.maketrans("ぢづをゐゑ", "じずおいえ")


def sounded(kana: str) -> str:
    """Kana as they sound, so that two spellings of one reading are equal: long vowels as ー, ぢ as じ, を as お.

    >>> sounded("おうさま") == sounded("オーサマ"), sounded("けいさん") == sounded("ケーサン"), sounded("はなぢ")
    (True, True, 'はなじ')
    """
    out: list[str] = []
    last = ""
    for c in hiragana(kana).translate(_SAME):
        vowel = VOWEL.get(last, "")
        if c == "ー" or (
            c in "あいうえお"
            and last
            and (c == vowel or (vowel == "お" and c == "う") or (vowel == "え" and c == "い"))
        ):
            out.append("ー")
        else:
            out.append(c)
            last = c if c in VOWEL else ""
    return "".join(out)
