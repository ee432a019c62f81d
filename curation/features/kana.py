"""Share of kana among the characters of a page.

Running Japanese is a third to two thirds kana; Chinese pages and lists of model numbers have almost none. Counted over non-space
characters, so line breaks and ideographic spaces do not move it. Marks that Chinese text uses too (・ and ･) are no kana.
Idea: HojiChar's AcceptJapanese looks for any kana in the first 50 characters; a share is harder to fool.
"""

import re

KANA = ((0x3041, 0x3096), (0x309D, 0x309F), (0x30A1, 0x30FA), (0x30FC, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F))
"""Ranges, ends included: hiragana ぁ to ゖ and ゝゞゟ, katakana ァ to ヺ and ーヽヾヿ, small katakana for Ainu, half-width."""

_KANA = re.compile("[" + "".join(f"{chr(a)}-{chr(b)}" for a, b in KANA) + "]")


def kana_ratio(text: str) -> float:
    """Share of kana among non-space characters (`str.isspace`), in [0, 1]; 0.0 for text without any.

    >>> kana_ratio("ほうじ茶"), kana_ratio("烘焙茶"), kana_ratio("ﾎｳ ジ\\u3000茶"), kana_ratio("")
    (0.75, 0.0, 0.75, 0.0)
    """
    characters = sum(map(len, text.split()))
    return len(_KANA.findall(text)) / characters if characters else 0.0
