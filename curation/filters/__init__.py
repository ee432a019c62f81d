"""Deciding: columns in, a reason for each row that must go out. Nothing is measured here and no threshold stands in code.

- `threshold`: rules over measured columns. They are data: a packaged preset (`presets/*.yaml`: `swallow_v1`, `fineweb2_jpn`,
  `hojichar_default`, `japanese`), a preset of the user's own, or rules in the recipe. A preset states its source and every way in
  which it acts otherwise than its original; benchmarks/presets.py holds them side by side.
- `effects`: what each rule of a preset removes from a run: alone, as the only one, and after those above it.
- `url_blocklist`, `ng_words`: lists as data (`listed.py`), each with its source, version and licence; `lists/` describes those
  that come along. Words decide by how much of a text they are, and are never shown unmasked.

To add a preset: write `presets/NAME.yaml` (form: `preset.py`). To add a rule over something new: write the column in
`curation/features`, register it in `curation/document.py`, name it in a preset.
"""
