"""Columns of measured text. Exact definitions: `curation/features/__init__.py`."""

import pyarrow as pa

from curation.column import Column


def fraction(name: str, meaning: str) -> Column:
    """A share, float64 in [0, 1]."""
    return Column(name, pa.float64(), meaning)


def count(name: str, meaning: str) -> Column:
    """A count, int32."""
    return Column(name, pa.int32(), meaning)


FEATURES = [
    count("chars", "characters (code points) of the text, line breaks included"),
    count("letters", "characters that are letters of any script (str.isalpha)"),
    count("japanese_letters", "hiragana, katakana, kanji, kuten and toten"),
    count("digits", "decimal digits of any script"),
    count("lines", "lines, empty ones included"),
    count("sentences", "sentences: what ends in 。．！？!? or with its line"),
    fraction("hiragana_fraction", "hiragana / japanese_letters"),
    fraction("katakana_fraction", "katakana / japanese_letters"),
    fraction("kanji_fraction", "kanji / japanese_letters"),
    fraction("japanese_fraction", "japanese_letters / chars"),
    fraction("mean_sentence_chars", "mean length of a sentence, in characters"),
    count("max_sentence_chars", "length of the longest sentence, in characters"),
    fraction("ellipsis_sentence_fraction", "sentences that end in … or ・"),
    fraction("duplicate_paragraph_fraction", "paragraphs (lines) that repeat an earlier one"),
    fraction("duplicate_paragraph_char_fraction", "share of characters in such paragraphs"),
    fraction("duplicate_sentence_fraction", "sentences that repeat an earlier one"),
    fraction("duplicate_sentence_char_fraction", "share of characters in such sentences"),
    *(fraction(f"top_{n}gram_fraction", f"share of the most frequent character {n}-gram") for n in (2, 3, 4)),
    *(fraction(f"duplicate_{n}gram_fraction", f"distinct character {n}-grams that occur again") for n in range(5, 11)),
    fraction("char_5gram_repetition", "share of the √distinct most frequent character 5-grams (HojiChar, BigScience)"),
    fraction("duplicate_line_fraction", "lines that repeat an earlier one; a run of breaks is one (datatrove)"),
    fraction("line_punct_fraction", "lines that end in terminal punctuation (FineWeb)"),
    fraction("duplicate_line_char_fraction", "share of characters in lines that repeat an earlier one (FineWeb)"),
    fraction("bullet_line_fraction", "lines that begin with a bullet (Gopher)"),
    fraction("ellipsis_line_fraction", "lines that end in an ellipsis (Gopher)"),
    fraction("short_line_fraction", "lines of at most 10 characters (HojiChar)"),
    fraction("ellipsis_newline_fraction", "line breaks straight after an ellipsis (HojiChar)"),
    count("first_50_kana", "kana among the first 50 characters (HojiChar)"),
    fraction("kuten_density", "。 / chars (HojiChar)"),
    fraction("special_char_fraction", "symbols, white space and emoji / chars (HojiChar)"),
    count("longest_char_run", "longest run of one character (HojiChar)"),
    count("hojichar_bbs_matches", "matches of HojiChar's pattern of bulletin boards and shops"),
    count("hojichar_ad_matches", "matches of HojiChar's advertising words"),
    count("words", "words by SudachiPy, mode A, without white space"),
    count("non_symbol_words", "words that are not only symbols (datatrove)"),
    fraction("mean_word_chars", "mean length of those words, in characters"),
    fraction("alpha_word_fraction", "words with a letter in them"),
    count("stop_words", "distinct words among FineWeb2's 15 Japanese stop words"),
    fraction("hashes_per_word", "# / words"),
    fraction("ellipses_per_word", "... and … / words"),
    fraction("newlines_per_word", "line breaks / words"),
    *(fraction(f"top_{n}word_fraction", f"characters of the most frequent word {n}-gram / chars") for n in (2, 3, 4)),
    *(fraction(f"duplicate_{n}word_fraction", f"characters in repeated word {n}-grams / chars") for n in range(5, 11)),
    fraction("noun_fraction", "nouns / words that are not symbols (HojiChar)"),
    fraction("repeated_7word_fraction", "word 7-grams that occur more than once (HojiChar)"),
    count("tokens", "tokens of the text by the recipe's tokenizer, special tokens left out; null without text"),
]
"""Every one, in the order in which shards hold them."""
