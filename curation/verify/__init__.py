"""An independent check of released shards: what a data lead runs before a set is trained on or handed over.

It shares no code with what made the shards (a test says so): the normal form is written from docs/normal-form.md, the layout and the
content hash from docs/shards.md, in plain Python over pyarrow and numpy; near-duplicates are sought by other hash functions and finer
bands than the deduplication's. So one mistake cannot hide itself.

    normal_form.py  the form and its key      similarity.py  shingles, exact Jaccard, partners by bands
    shard_files.py  manifests, hashes, rows   exposures.py   showings against K and the ledger
    near_copies.py  near-copies under two labels, one label over other texts
    release.py      all of it                      mixture.py     the same for a training mixture
"""
