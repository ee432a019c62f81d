"""Characters, sentences, lines and what repeats among them: one compiled pass over a page.

Nearly every rule by which a Japanese corpus drops pages is a threshold over these numbers: lists and menus have short lines and no
句点, spam repeats its sentences, machine-made teasers end in …, katakana shops have no hiragana. The definitions, with whose rule
each belongs to, are the chapter in `curation/features/__init__.py`; `text_stats` below says the same in plain Python and is what
the compiled pass is held against.
"""

import re
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from curation.features.character_sets import SPECIAL_CHARACTERS, TERMINAL_PUNCTUATION
from curation.normalise.text_column import text_views
from curation.step import Batch, Columns, Measure

COUNTS = (
    "chars", "letters", "japanese_letters", "digits", "lines", "sentences", "max_sentence_chars", "first_50_kana", "longest_char_run",
)  # fmt: skip
"""Columns that are int32 counts, in the order in which the kernel writes them."""

FRACTIONS = (
    "hiragana_fraction", "katakana_fraction", "kanji_fraction", "japanese_fraction", "mean_sentence_chars",
    "ellipsis_sentence_fraction", "duplicate_paragraph_fraction", "duplicate_paragraph_char_fraction",
    "duplicate_sentence_fraction", "duplicate_sentence_char_fraction", "duplicate_line_fraction", "line_punct_fraction",
    "duplicate_line_char_fraction", "bullet_line_fraction", "ellipsis_line_fraction", "short_line_fraction",
    "ellipsis_newline_fraction", "kuten_density", "special_char_fraction",
)  # fmt: skip
"""Columns that are float64, in the order in which the kernel writes them."""

SHORT_LINE = 10
LOOK_UP = 50

HIRAGANA = re.compile("[\u3041-\u3096]")
KATAKANA = re.compile("[\u30a1-\u30fa]")
KANJI = re.compile("[々〇〻\u3400-\u9fff\uf900-\ufaff]")
KUTOTEN = re.compile("[。．！？、，]")
KANA = re.compile("[ぁ-んァ-ン]")
_SENTENCE = re.compile("[^。．！？!?]+[。．！？!?]?")
_ELLIPSIS_NEWLINE = re.compile(r"(?:\.{3}|…)\n")
_ONE_CHAR = re.compile(r"(.)\1*", re.DOTALL)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _count(pattern: re.Pattern[str], text: str) -> int:
    return len(pattern.findall(text))


def _repeated(items: Sequence[str]) -> tuple[int, int]:
    """Items that repeat an earlier one, and the characters in them."""
    repeats = [(len(item), n - 1) for item, n in Counter(items).items()]
    return sum(n for _, n in repeats), sum(size * n for size, n in repeats)


def text_stats(text: str) -> dict[str, float]:
    """Every column of `TextStats` for one text; counts are int.

    >>> stats = text_stats("精米は楽しい。精米は楽しい。\\n・玄米\\n・白米…")
    >>> stats["sentences"], stats["duplicate_sentence_fraction"], stats["max_sentence_chars"], stats["ellipsis_line_fraction"]
    (4, 0.25, 7, 0.3333333333333333)
    >>> stats["japanese_letters"], stats["hiragana_fraction"], stats["letters"], stats["kuten_density"]
    (18, 0.3333333333333333, 16, 0.08695652173913043)
    """
    hiragana, katakana, kanji = (_count(kind, text) for kind in (HIRAGANA, KATAKANA, KANJI))
    japanese = hiragana + katakana + kanji + _count(KUTOTEN, text)
    lines = text.split("\n")
    split = [_SENTENCE.findall(line) for line in lines]
    sentences = [sentence for line in split for sentence in line]
    paragraphs = ["".join(line) for line in split]
    lengths = [len(sentence) for sentence in sentences]
    pieces = re.split("\n+", text)
    full = [line for line in lines if line.strip()]
    visual = text.splitlines()
    paragraph_repeats, paragraph_repeat_chars = _repeated(paragraphs)
    sentence_repeats, sentence_repeat_chars = _repeated(sentences)
    return {
        "chars": len(text),
        "letters": sum(map(str.isalpha, text)),
        "japanese_letters": japanese,
        "digits": sum(map(str.isdecimal, text)),
        "lines": len(lines),
        "sentences": len(sentences),
        "max_sentence_chars": max(lengths, default=0),
        "first_50_kana": _count(KANA, text[:LOOK_UP]),
        "longest_char_run": max((len(run[0]) for run in _ONE_CHAR.finditer(text)), default=0),
        "hiragana_fraction": _share(hiragana, japanese),
        "katakana_fraction": _share(katakana, japanese),
        "kanji_fraction": _share(kanji, japanese),
        "japanese_fraction": _share(japanese, len(text)),
        "mean_sentence_chars": _share(sum(lengths), len(sentences)),
        "ellipsis_sentence_fraction": _share(sum(s.strip().endswith(("・", "…")) for s in sentences), len(sentences)),
        "duplicate_paragraph_fraction": _share(paragraph_repeats, len(paragraphs)),
        "duplicate_paragraph_char_fraction": _share(paragraph_repeat_chars, sum(map(len, paragraphs))),
        "duplicate_sentence_fraction": _share(sentence_repeats, len(sentences)),
        "duplicate_sentence_char_fraction": _share(sentence_repeat_chars, sum(lengths)),
        "duplicate_line_fraction": _share(_repeated(pieces)[0], len(pieces)),
        "line_punct_fraction": _share(sum(line[-1] in TERMINAL_PUNCTUATION for line in full), len(full)),
        "duplicate_line_char_fraction": _share(_repeated(full)[1], len(text) - text.count("\n")),
        "bullet_line_fraction": _share(sum(line.lstrip().startswith(("•", "-")) for line in visual), len(visual)),
        "ellipsis_line_fraction": _share(sum(line.rstrip().endswith(("...", "…")) for line in visual), len(visual)),
        "short_line_fraction": _share(sum(len(line) <= SHORT_LINE for line in lines), len(lines)),
        "ellipsis_newline_fraction": _count(_ELLIPSIS_NEWLINE, text) / max(text.count("\n"), 1),
        "kuten_density": text.count("。") / len(text) if text else 1.0,
        "special_char_fraction": _share(sum(c in SPECIAL_CHARACTERS for c in text), len(text)),
    }


class TextStats(Measure):
    """Writes the columns of characters, sentences and lines: `COUNTS` as int32 and `FRACTIONS` as float64; null for a null text."""

    reads, writes = ("text",), COUNTS + FRACTIONS

    def setup(self) -> None:
        from curation.features import text_stats_kernel  # noqa: F401  (compiles, once per worker)
        from curation.features.character_classes import character_classes

        character_classes()

    def columns(self, batch: Batch) -> Columns:
        from curation.features.character_classes import character_classes
        from curation.features.text_stats_kernel import measured

        column = batch.column("text")
        counts, fractions = measured(*text_views(column), *character_classes())
        gone = column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None
        made = {name: pa.array(counts[k], pa.int32(), mask=gone) for k, name in enumerate(COUNTS)}
        return made | {name: pa.array(fractions[k], pa.float64(), mask=gone) for k, name in enumerate(FRACTIONS)}
