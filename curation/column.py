"""What a column and a reason are, and the types of keys: what the registries of columns are made of."""

from dataclasses import dataclass

import pyarrow as pa

KEY = pa.binary(16)
"""Type of a 128-bit key: row ids, form keys, cluster labels."""

MINHASH = pa.binary(112 * 4)
"""Type of a MinHash signature: 112 little-endian uint32, permutation order."""


@dataclass(frozen=True)
class Column:
    """A column: its Arrow type, what it means (unit, range, the null case), and whether it only lives inside a stage."""

    name: str
    type: pa.DataType
    meaning: str
    transient: bool = False


@dataclass(frozen=True)
class Reason:
    """Why a row may be rejected without a threshold: said in English and Japanese; `tier` is how much of the row is kept by default.

    `key` keeps the identity columns (`KEY_COLUMNS`) and a seeded sample of full rows; `full` keeps every column.
    """

    name: str
    meaning: str
    meaning_ja: str
    tier: str = "key"
