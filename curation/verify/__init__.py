"""An independent check of released shards: what a data lead runs before a set is trained on or handed over.

It shares no code with what made the shards (a test says so): the normal form is written from docs/normal-form.md, the layout and the
content hash from docs/shards.md, in plain Python over pyarrow and numpy; near-duplicates are sought by other hash functions and finer
bands than the deduplication's. So one mistake cannot hide itself.

    stated.py       what manifests say, by shape   folder.py         files on any file system
    normal_form.py  the form and its key           similarity.py     shingles, exact Jaccard, partners by bands
    shard_files.py  files, columns, sums           content.py        the content hash
    rows.py         the pass over all rows         sample.py         which rows are looked at closely
    exposures.py    showings against K             ledger.py         and against the ledger's own files
    labels.py       one label a text, texts alike  grounds.py        labels whose kept text is not released
    near_copies.py  near-copies of two labels      rejected_rows.py  what was rejected, and its samples
    benchmarks.py   evaluation items in sampled rows
    survey_tables.py  members, clusters and edges beside the release
    release.py      all of it                      mixture.py, mixture_rows.py  the same for a training mixture
"""
