"""Measuring text: every column that the presets decide on, defined exactly.

Two kernels fill the character columns in one pass each (`text_stats`, `repetition`), `keywords` counts the patterns of
HojiChar, and `words` fills the columns that need a tokeniser. A preset (`curation/filters/presets`) is only thresholds over
these columns; so a definition here is what decides whether a preset acts like its original, quirks included.

**Conventions.** A character is a Unicode code point, a length is a number of them (Python's `len`). Fractions are float64 in
[0, 1], one division of two exact counts, so that a text at exactly 3/10 falls on the same side of 0.30 as in the Python
originals. Counts are int32. `lines` = `text.split("\\n")`: there is always at least one, and a text that ends in a line break
has an empty last one. White space is what `str.isspace` says (U+3000 and U+0085 too), `strip` takes it off both ends. Where a
denominator is 0 the fraction is 0.0, unless said. A null text gives nulls. Peers: SW swallow-corpus `quality.py` 2d03507, HC
HojiChar 0.18.1, DT datatrove 0.10.1 filters as FineWeb2's `fineweb-2-pipeline.py` d0defb2 calls them.

**Length and characters** (SW; `text_stats`)
- `chars` int32: characters of the text, all of them, line breaks too. SW `num_letters`.
- `letters`, `digits` int32: characters for which `str.isalpha`, `str.isdecimal` say so (any script; no preset reads them).
- `japanese_letters` int32: hiragana U+3041–3096 + katakana U+30A1–30FA + kanji (々〇〻 U+3400–9FFF U+F900–FAFF) + kuten
  。．！？ + toten 、，. Neither ー U+30FC nor ・ nor kanji beyond the BMP count (SW looks for them as surrogate pairs, which
  Python has none of).
- `hiragana_fraction`, `katakana_fraction`, `kanji_fraction`: hiragana, katakana, kanji (as above) / `japanese_letters`.
- `japanese_fraction`: `japanese_letters` / `chars`.

**Sentences and paragraphs** (SW; `text_stats`). A sentence is a match of `[^。．！？!?]+[。．！？!?]?` inside one line: a
maximal run of characters other than the six terminators, with the one terminator after it if there is one. Further
terminators (the second of ！？, one at the head of a line) belong to no sentence. ASCII "." does not end one. A run of spaces
is a sentence. A paragraph is the sentences of one line joined: the line without those further terminators; an empty line is
an empty paragraph and counts.
- `sentences` int32: their number; `lines` int32: `text.split("\\n")`.
- `mean_sentence_chars` float64: lengths of all sentences / their number; 0.0 without a sentence.
- `max_sentence_chars` int32: the longest; 0 without one (SW crashes there).
- `ellipsis_sentence_fraction`: sentences that end in … or ・ after `strip` / sentences. (「…。」 does not: it ends in 。)
- `duplicate_paragraph_fraction`: Σ over distinct paragraphs of (occurrences − 1) / paragraphs. Empty ones are repeats of each
  other.
- `duplicate_paragraph_char_fraction`: Σ (occurrences − 1) × length / Σ lengths of all paragraphs.
- `duplicate_sentence_fraction`, `duplicate_sentence_char_fraction`: the same over sentences.

**Character n-grams** (SW; `repetition`), over the whole text with its line breaks; a text of N characters has max(N − n + 1,
0) of them.
- `top_2gram_fraction`, `top_3gram_fraction`, `top_4gram_fraction`: occurrences of the most frequent n-gram / all n-grams. (SW
  names it `…_character_fraction`, but it is a share of n-grams; so is the next, and neither is Gopher's definition.) 0.0 for
  N < n (SW crashes).
- `duplicate_5gram_fraction` … `duplicate_10gram_fraction`: distinct n-grams that occur more than once / distinct n-grams.
- `char_5gram_repetition` (HC CharRepetitionRatioFilter): with d distinct 5-grams of which s occur once, k = min(⌊√d⌋, d − s):
  the occurrences of the k most frequent / all 5-grams.

**Lines** (`text_stats`)
- `duplicate_line_fraction` (DT GopherRepetition dup_line_frac): pieces = `re.split("\\n+", text)`, so an empty piece can only
  be the first or the last; (pieces − distinct pieces) / pieces. 0.0 for empty text.
- `line_punct_fraction` (DT FineWebQuality line_punct_ratio): of the lines that are not blank (`strip() != ""`), those whose
  last character is in `character_sets.TERMINAL_PUNCTUATION` (no strip: 「。 」 does not count).
- `duplicate_line_char_fraction` (DT FineWebQuality char_dup_ratio): over the lines that are not blank, Σ (occurrences − 1) ×
  length / characters of the text other than "\\n".
- `bullet_line_fraction`, `ellipsis_line_fraction` (DT GopherQuality): here lines are `text.splitlines()` (breaks at \\n \\r
  \\r\\n \\v \\f U+001C–1E U+0085 U+2028 U+2029; no empty last one); those that begin with • or - after `lstrip`, and those
  that end in "..." or "…" after `rstrip`, / lines.
- `short_line_fraction` (HC DiscardTooShortLines): `lines` of at most 10 characters / `lines`. Empty text has one line of 0:
  1.0.
- `ellipsis_newline_fraction` (HC DiscardTooManyEndingEllipsis): line breaks "\\n" straight after "..." or "…" / max(number of
  "\\n", 1).

**HojiChar's other counts** (`text_stats`)
- `first_50_kana` int32 (AcceptJapanese): characters in ぁ-ん U+3041–3093 or ァ-ン U+30A1–30F3 among the first 50 characters
  of the text.
- `kuten_density` float64 (DiscardRareKuten): number of 。 (U+3002) / `chars`; 1.0 for empty text, which HC keeps.
- `special_char_fraction` (DiscardTooManySpecialToken): characters in `character_sets.SPECIAL_CHARACTERS` / `chars`.
- `longest_char_run` int32 (SingleCharacterRepetition): length of the longest run of one and the same character; 0 for empty
  text.
- `hojichar_bbs_matches`, `hojichar_ad_matches` int32 (DiscardBBSComments, DiscardAds; `keywords`): non-overlapping matches,
  left to right, of its pattern and of its list of 30 advertising words (earlier words of the list first).

**Words** (`words`): SudachiPy split mode A over sudachidict_core, as datatrove tokenises `jpn_Jpan`; each word stripped,
empty ones left out.
- `words` int32: number of words.
- `non_symbol_words` int32: words with at least one character outside `character_sets.PUNCTUATION` (DT gopher_short_doc,
  gopher_long_doc).
- `mean_word_chars`: mean length of those; 0.0 without one.
- `alpha_word_fraction`: words with at least one `str.isalpha` character / words.
- `stop_words` int32: distinct words of the text that are among FineWeb2's 15 Japanese stop words (`words.STOP_WORDS`).
- `hashes_per_word`, `ellipses_per_word`, `newlines_per_word`: `text.count("#")`, `count("...") + count("…")`, `count("\\n")`
  / words.
- `top_2word_fraction` … `top_4word_fraction` (DT find_top_duplicate): n words joined by one space; the most frequent (the
  first to occur among equals): its length × its occurrences / `chars`. May pass 1, and is not 0 when nothing repeats. 0.0
  with fewer than n words.
- `duplicate_5word_fraction` … `duplicate_10word_fraction` (DT find_all_duplicate): walking left to right, n words (joined by
  nothing) seen before count their length and the walk goes on behind them, otherwise they are noted and it goes on by one
  word; Σ lengths / `chars`.
- `noun_fraction` (HC DiscardTooManyNouns): 名詞 / all tokens but 補助記号. HC uses MeCab with UniDic-lite; `unidic_lite` sees
  SudachiPy's tokens as it would, as far as white space, numbers and ASCII symbols go.
- `repeated_7word_fraction` (HC WordRepetitionRatio): windows of 7 of those tokens (full-width spaces are tokens) that occur more than
  once, every occurrence counted, / all windows. (HC starts anew every 100,000 characters.)
"""
