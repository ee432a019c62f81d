"""What two texts have in common word for word: a stretch of so many characters, as it stands or with the marks left out."""

import re
from functools import lru_cache

from synth.verify.answer import LEFT_OUT, folded, squeezed

_MARKS = re.compile(rf"[^\w{LEFT_OUT}]+|_+")


@lru_cache(maxsize=64)
def _plain(text: str) -> str:
    """Several texts are held to the same sources, one after the other."""
    return squeezed(folded(text))


@lru_cache(maxsize=64)
def _letters(text: str) -> str:
    return _MARKS.sub("", _plain(text))


def common_span(text: str, source: str, least: int) -> str:
    """The first stretch of at least `least` characters that a text has from a source, as long as it goes; "" for none.

    Compared folded (NFKC, no case) and without white space. Where there is none, letters alone are compared: a comma each nine
    characters makes no text another's own.

    >>> common_span("猫の話: 名前は まだ無い。", "吾輩は猫である。名前はまだ無い。", 8)
    '名前はまだ無い。'
    >>> common_span("吾輩は、猫で、あるという。", "吾輩は猫である。", 7), common_span("わがはいは猫である。", "吾輩は猫である。", 8)
    ('吾輩は猫である', '')
    """
    plain = squeezed(folded(text))
    return _taken(plain, _plain(source), least) or _taken(_MARKS.sub("", plain), _letters(source), least)


def _taken(text: str, source: str, n: int) -> str:
    # n characters running hold a whole one of these halves: without one of them in the source nothing is taken
    half = (n + 1) // 2
    if not any(text[i : i + half] in source for i in range(0, len(text) - half + 1, half)):
        return ""
    windows = {source[i : i + n] for i in range(len(source) - n + 1)}
    for i in range(len(text) - n + 1):
        if text[i : i + n] in windows:
            end = i + n
            while end < len(text) and text[i : end + 1] in source:
                end += 1
            return text[i:end]
    return ""
