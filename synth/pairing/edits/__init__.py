"""Minimal edits: a program breaks exactly one constraint of a passing answer and leaves the rest of the text as it was.

edit       the registry, and the proof: every verifier is run on both texts, and one verdict changes
lengths    characters, sentences, lines, paragraphs          words      keywords, phrases at the ends
lists      items, tables, Markdown                           layout     sections, labels, dialogue, 句読点
scripts    kana, widths, numerals, notations                 style      敬体 and 常体, language, conduct
data_forms JSON, CSV, YAML, tags                             facts      results, quotations, numbers, calls, code

An edit function gives candidate texts, the most natural first; it need not be sure of them, since what is not proven is not used.
Over and under are both given where a constraint has two limits, so that neither direction becomes a habit.
"""
