"""How well an extractor did, against texts that people or another extractor made: the metric of `benchmarks/extract.py`.

Letters and digits after NFKC are what counts: spaces, bullets and punctuation are conventions. Texts are compared as multisets of
their character 5-grams, so the order of pages and of blocks does not matter.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

_NOT_LETTERS = re.compile(r"[\W_]+")
_MARKUP = re.compile(r"(?is)<(script|style)\b.*?</\1>|<!--.*?-->|<[^>]*>")


def letters(text: str) -> str:
    """Letters and digits of a text after NFKC.

    >>> letters("１． 精米、とは…")
    '1精米とは'
    """
    return _NOT_LETTERS.sub("", unicodedata.normalize("NFKC", text))


def grams(texts: Iterable[str]) -> Counter[str]:
    """Multiset of character 5-grams of each text, pooled."""
    counts: Counter[str] = Counter()
    for text in texts:
        text = letters(text)
        counts.update(text[i : i + 5] for i in range(len(text) - 4))
    return counts


def scores(found: Counter[str], wanted: Counter[str]) -> tuple[float, float, float]:
    """Precision, recall and F1 of one multiset against another; zeros where either is empty.

    >>> scores(grams(["あいうえおか"]), grams(["あいうえお"]))
    (0.5, 1.0, 0.6666666666666666)
    """
    common = (found & wanted).total()
    if not common:
        return 0.0, 0.0, 0.0
    precision, recall = common / found.total(), common / wanted.total()
    return precision, recall, 2 * precision * recall / (precision + recall)


def site_strings(pages: Sequence[str]) -> frozenset[str]:
    """Strings between tags (their letters) that occur on more than half of a site's pages, given as markup."""
    import html

    seen: Counter[str] = Counter()
    for page in pages:
        seen.update({letters(html.unescape(s)) for s in _MARKUP.sub("\0", page).split("\0")})
    return frozenset(s for s, n in seen.items() if s and n > len(pages) / 2)


def made_of(line: str, strings: frozenset[str]) -> bool:
    """Whether a line's letters are nothing but such strings, one after another.

    >>> made_of("前次索引", frozenset(["前", "次", "索引"])), made_of("前書き", frozenset(["前", "書"]))
    (True, False)
    """
    if len(line) > 400:
        return False
    longest = max(map(len, strings), default=0)
    reach = [True] + [False] * len(line)
    for end in range(1, len(line) + 1):
        reach[end] = any(reach[k] and line[k:end] in strings for k in range(max(0, end - longest), end))
    return reach[-1]


def navigation_share(texts: Sequence[str], strings: frozenset[str]) -> float:
    """Letters in lines made only of a site's repeated strings, as a share of all letters of its extracted texts."""
    total = repeated = 0
    verdicts: dict[str, bool] = {}
    for text in texts:
        for line in text.split("\n"):
            line = letters(line)
            if line and line not in verdicts:
                verdicts[line] = made_of(line, strings)
            total += len(line)
            repeated += len(line) if line and verdicts[line] else 0
    return repeated / total if total else 0.0
