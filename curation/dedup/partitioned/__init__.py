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
    labels   ranks  → forms    labels, families of forms that are not alone
    rows     forms  → labels   every row with its label; table `edges`
    members  labels → rows     families, sizes, ranks, examples; table `members`
    places   rows              table `clusters`

With an index of earlier crawls (`curation/dedup/index.py`) its kept nodes come first: they have the ordinals that they have in it,
and its files are ranges before those of the run. What is sent to ranges is sent to these too, and the index answers for them:

    nodes    leaves out forms that the index knows: they are decided, and kept for `rows` (`known`)
    buckets  take the keys of the index that a node of the run has too; two old nodes are never a pair
    ask      an old range sends signatures and places of sets itself; `verify` reads them from the index
    cluster  old nodes are kept; only those that have an edge take memory (8 bytes more)
    leaders, labels   are tasks of old ranges too: forms and ids of the index; `matched` to the forms
    rows     label and best old row of known forms; `matched` to the rows
    members  sizes, ranks and examples begin with what the index has of the cluster

A task that is run again writes the same files, so a killed one changes nothing.
"""
