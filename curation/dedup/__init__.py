"""Near-duplicates: which texts are the same, which are nearly so, and which of a cluster ranks best.

normal_form (docs/normal-form.md) → form key: equal key, same text. shingles and minhash measure what two forms share; clusters
ranks nodes, pairs them by bands, and clusters verified edges; dedup is the step that does it for all rows that reach it. Nothing is
rejected in this package: that is `mixture/cap`, after the thresholds. Kernels (`*_kernel.py`) import numba; `setup()` loads them.
"""
