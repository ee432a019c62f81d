"""Text cut so that a full-text index finds any piece of Japanese, down to one character, and Latin words as words.

Japanese has no spaces, and a search for 京 must find 東京都: every character of a script without spaces is a token of its own, and
a word of several characters is a phrase of tokens that stand beside each other. Scripts that put spaces between words (Latin,
Greek, Cyrillic …, and digits) keep their words whole: `cat` does not find `category`, as in Elasticsearch; `cat*` does. Marks are
tokens too, so 「です。」 can be searched as it stands. Width and case do not matter (NFKC, then case folding): ＧＰＴ finds gpt, ｶﾅ
カナ.
"""

import re
import unicodedata

TOKENIZER = "ascii"
"""FTS5's tokenizer for the result: it parts at ASCII marks and spaces, which no token holds."""

_WORD_OR_MARK = re.compile(r"[^\W_\u0e00-\u1dff\u2000-\U0010ffff]+|[^\s]")
"""A run of letters and digits below Thai or in Latin and Greek's additions (U+1E00 to U+1FFF), or any one other character."""

_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F) if not chr(code).isalnum()}
"""ASCII marks as their full-width forms, which NFKC has left none of: the tokenizer takes those for letters."""


def tokens(text: str) -> list[str]:
    """The tokens of a text, in their order; none of an empty one.

    >>> tokens("ＧＰＴ-4は東京で、")
    ['gpt', '－', '4', 'は', '東', '京', 'で', '、']
    >>> tokens("Straße 12\\n俳句")
    ['strasse', '12', '俳', '句']
    """
    normal = unicodedata.normalize("NFKC", text).casefold()
    return [found.translate(_WIDE) for found in _WORD_OR_MARK.findall(normal.replace("\0", " "))]


def indexed(text: str) -> str:
    """The text as the index holds it.

    >>> indexed("新米3kg")
    '新 米 3kg'
    """
    return " ".join(tokens(text))
