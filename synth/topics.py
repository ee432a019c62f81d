"""Topics of documents by the words in them: `synth/seeds/topics.yaml`, two levels (area/topic).

A document's topic is the one of which it has the most different words; a tie, or fewer than two, leaves it without a topic. All words
of all topics are looked for in one pass (Aho-Corasick, in polars).
"""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import yaml

FILE = Path(__file__).parent / "seeds" / "topics.yaml"
LEAST_WORDS = 2


@cache
def topics(file: Path = FILE) -> dict[str, tuple[str, ...]]:
    """Words of each topic, by its path."""
    return {path: tuple(words) for path, words in yaml.safe_load(file.read_text(encoding="utf-8"))["topics"].items()}


def topics_of(texts: Sequence[str | None], file: Path = FILE) -> list[str | None]:
    """Topic of each text, None where none shows.

    >>> topics_of(["大さじ二杯の醤油で煮る。弱火で十分。", "特になし", "避難の備蓄"])
    ['暮らし/料理', None, '社会/防災']
    """
    import polars as pl

    by_word: dict[str, list[str]] = {}
    for path, words in topics(file).items():
        for word in words:
            by_word.setdefault(word, []).append(path)
    found = pl.Series(texts, dtype=pl.String).str.extract_many(pl.Series(list(by_word)).implode(), overlapping=True)
    return [None if words is None else _topic(set(words), by_word) for words in found.to_list()]


def _topic(words: set[str], by_word: dict[str, list[str]]) -> str | None:
    counts = Counter(path for word in words for path in by_word[word]).most_common(2)
    if not counts or counts[0][1] < LEAST_WORDS or (len(counts) > 1 and counts[0][1] == counts[1][1]):
        return None
    return counts[0][0]
