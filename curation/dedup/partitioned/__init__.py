"""Clustering beyond one machine's memory: the survey of `dedup` cut into phases of partitioned tasks, with the same result.

A node's ordinal is its place in rank order, dense over all nodes, so what follows works on numbers. Everything lies on disk, cut by
rows (partitions of the shard set, by id), by form key or label, by rank, or by band and band key; what a task needs from another
cut was sent to it (`exchange.py`), and a join is a merge of two sorted parts.

    forms    rows   → forms    form key and rank words of every row, and a sample of them
    nodes    forms  → ranks    the best-ranked copy of each form, to its range of ranks (cut by the sample)
    bases    one               the first ordinal of every range
    ordinals ranks  → rows     sorted by rank: forms and best ids in order; which row stands for which ordinal
    sign     rows   → bands    band keys of the best copies
    buckets  bands  → ranks    pairs that share a band, to the range of the worse node
    pairs    ranks  → ranks    distinct pairs; ordinals whose shingle sets they need
    ask      ranks  → rows     the rows that hold those texts
    sets     rows   → ranks    shingle sets, and where they lie
    verify   ranks  → ranks    signatures discard, exact Jaccard decides: edges
    cluster  one               leaders and components: 5 bytes a node (9 beyond 2^32), edges read in order
    leaders  ranks  → ranks    who joined whom, to the range of the kept node
    labels   ranks  → forms    labels and families of forms that are not alone
    rows     forms  → labels   every row with its label; table `edges`
    members  labels → rows     sizes, ranks, examples; table `members`
    places   rows              table `clusters`

A task that is run again writes the same files, so a killed one changes nothing.
"""
