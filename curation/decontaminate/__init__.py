"""Benchmarks kept out of training text: which evaluation items a page or a generated row holds, by which part, and how much of them.

    packs/*.yaml         benchmarks as data: where to get each, its licence, its file's form, which fields are question and answer
    pack.py              what a pack says             sets.py    what a recipe says of its sets
    benchmark_file.py    a benchmark's file by its pack → items
    compared_form.py     the normal form without readings: what a page and an item must share to share a text
    item_index.py        all items' n-grams, and texts that are shorter, as tables
    overlap_kernel.py    rolling hashes → filter → exact comparison, over a column of texts
    near_index.py        near-misses: sentences of items by MinHash       near_kernel.py
    overlaps.py          what of which items a text holds
    rules.py             which parts reject from which share on, which are only told
    search.py            all of it together, for pages (step.py) and for generated rows (synth/deciding.py)

The files of benchmarks are not here: a recipe names those that its owner has. docs/decontamination.md tells what is found.
"""
