"""Generated sets looked at again, from the bytes on disk, by code that did not write them.

stated   a set's manifest and rows
counts   files against their hashes; sums against the rows; quotas and caps; the content hash
rows     ids from what a row holds, order and partitions, messages, verdicts given anew
origins  authors, licences and obligations; completions in the store; passages in the pages they are from
check    all of them in order, as `seimai verify` prints them
"""
