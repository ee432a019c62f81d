"""Is an instruction new? Held against all accepted ones.

Near-duplicates are found by MinHash LSH (datasketch) over the character 5-grams of the normal form and verified by their exact
Jaccard similarity. One deciding stage a round looks at new instructions in the order of a hash of their ids, never of their
arrival, so the same store gives the same rows. What a run accepted is kept beside its rows in one Parquet file, with signatures, and
is a base that later runs and versions are held against; their own file holds it too, so naming the last one is enough.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from curation.dedup.normal_form import normal_form
from curation.dedup.shingles import jaccard, shingle_words
from curation.provenance import key

_PERMUTATIONS = 128
_SCHEME = "affine32"
"""datasketch's way of permuting hashes: signatures of another one cannot be compared with these."""
FILE = "novelty.parquet"
"""Its name beside a set's rows."""
_SCHEMA = pa.schema(
    [
        ("id", pa.binary(16)),
        ("row", pa.binary(16)),
        ("form", pa.large_string()),
        ("signature", pa.binary(4 * _PERMUTATIONS)),
    ],
    metadata={"seimai.novelty": "1", "scheme": _SCHEME},
)
"""id: label of the instruction's cluster; row: a row that asks it; signature: 128 little-endian words of 32 bits."""


@dataclass(frozen=True)
class Verdict:
    """What was decided about an instruction: new, or near to an accepted one with exact Jaccard similarity in [0, 1]."""

    id: bytes
    near: bytes | None = None
    similarity: float = 0.0


class Novelty:
    """Accepted instructions, searchable for near-duplicates.

    threshold: Jaccard similarity from which two instructions are the same, in (0, 1]; a recipe's value. 128 permutations; what LSH
    proposes is verified exactly, what it misses is not found. It is searched 0.1 below the threshold, so that little is missed.
    """

    def __init__(self, threshold: float):
        if not 0 < threshold <= 1:
            raise ValueError(f"novelty: threshold must be in (0, 1], not {threshold}")
        self.threshold = threshold
        self._forms: dict[bytes, str] = {}
        self._signatures: dict[bytes, bytes] = {}
        self._base: dict[bytes, tuple[bytes, str]] = {}
        self._lsh: Any = None

    def setup(self) -> None:
        """Loads datasketch."""
        from datasketch import LeanMinHash, MinHash, MinHashLSH

        self._minhash, self._lean = MinHash, LeanMinHash
        self._lsh = MinHashLSH(threshold=max(0.05, self.threshold - 0.1), num_perm=_PERMUTATIONS)

    def add_base(self, table: pa.Table, name: str) -> int:
        """Holds what an earlier set accepted (its `novelty.parquet`); returns how many instructions of it were not held yet.

        name: how refusals call the set. Raises ValueError for a table that is none of this version.
        """
        if not table.schema.equals(_SCHEMA) or (table.schema.metadata or {}) != _SCHEMA.metadata:
            raise ValueError(f"holds no accepted instructions of this version: columns {', '.join(table.column_names)}")
        if self._lsh is None:
            self.setup()
        before = len(self._forms)
        for one in table.to_pylist():
            if one["id"] not in self._forms:
                self._base[one["id"]] = one["row"], name
                self._accept(one["id"], one["form"], one["signature"])
        return len(self._forms) - before

    def decide(self, instructions: Iterable[tuple[bytes, str]], salt: str = "") -> list[Verdict]:
        """Decides a round's instructions (id, text) one after the other and keeps the new ones. The order given does not matter.

        One that this run has accepted under the same id stays new; one that a base holds is a copy of it.
        """
        if self._lsh is None:
            self.setup()
        made: list[Verdict] = []
        for ident, text in sorted(set(instructions), key=lambda i: (key("novelty", salt, i[0]), i)):
            form = normal_form(text)
            if self._forms.get(ident) == form and ident not in self._base:
                made.append(Verdict(ident))
                continue
            signature = self._signature(form)
            near = self._nearest(form, signature)
            if near is None:
                self._accept(ident, form, signature)
                made.append(Verdict(ident))
            else:
                made.append(Verdict(ident, *near))
        return made

    def from_base(self, ident: bytes) -> tuple[bytes, str] | None:
        """A row that asks an accepted instruction, and the name of its set; None for one that this run accepted."""
        return self._base.get(ident)

    def table(self, rows: Mapping[bytes, bytes]) -> pa.Table:
        """What later runs are to be held against, in order of id: the bases, and of this run what became a row.

        rows: a released row of each instruction; one without a row is left out, since nobody has seen it.
        """
        kept = sorted(i for i in self._forms if i in self._base or i in rows)
        asked = [self._base[i][0] if i in self._base else rows[i] for i in kept]
        columns = [kept, asked, [self._forms[i] for i in kept], [self._signatures[i] for i in kept]]
        return pa.table([pa.array(c, f.type) for c, f in zip(columns, _SCHEMA, strict=True)], schema=_SCHEMA)

    def __len__(self) -> int:
        return len(self._forms)

    def _nearest(self, form: str, signature: bytes) -> tuple[bytes, float] | None:
        found = [(jaccard(form, self._forms[other]), other) for other in self._lsh.query(self._hashed(signature))]
        close = [(similarity, other) for similarity, other in found if similarity >= self.threshold]
        if not close:
            return None
        similarity, other = max(close, key=lambda c: (c[0], c[1]))
        return other, similarity

    def _accept(self, ident: bytes, form: str, signature: bytes) -> None:
        self._forms[ident], self._signatures[ident] = form, signature
        self._lsh.insert(ident, self._hashed(signature))

    def _signature(self, form: str) -> bytes:
        made = self._minhash(num_perm=_PERMUTATIONS, seed=1, hashfunc=int, scheme=_SCHEME)
        made.update_batch([int(w) & 0xFFFFFFFF for w in np.unique(shingle_words(form))])
        return made.hashvalues.astype("<u4").tobytes()

    def _hashed(self, signature: bytes) -> Any:
        values = np.frombuffer(signature, "<u4")
        return self._lean(seed=1, hashvalues=values, scheme=_SCHEME)
