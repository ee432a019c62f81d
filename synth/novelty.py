"""Is an instruction new? Held against all accepted ones, and against evaluation sets.

Near-duplicates are found by MinHash LSH (datasketch) over the character 5-grams of the normal form and verified by their exact
Jaccard similarity. One deciding stage a round looks at new instructions in the order of a hash of their ids, never of their
arrival, so the same store gives the same rows. What a run accepted is kept beside its rows in one Parquet file, with signatures, and
is a base that later runs and versions are held against; their own file holds it too, so naming the last one is enough.

Contamination is another question: an instruction that shares a normalised n-gram with an evaluation item is named with every item it
hits, however different the rest of it is.
"""

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
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


@dataclass(frozen=True)
class Hit:
    """An evaluation item that a text shares an n-gram with: `set:item`, and the longest stretch of its n-grams in the text."""

    item: str
    span: str


class Contamination:
    """Evaluation items by their n-grams.

    width: characters of an n-gram of the normal form, ≥ 5; a recipe's value (13 is usual). An item shorter than that is one n-gram,
    and is left out under 5 characters: everything would hit it.
    """

    def __init__(self, width: int):
        if width < 5:
            raise ValueError(f"contamination: width must be ≥ 5 characters, not {width}")
        self.width = width
        self._items: dict[str, list[str]] = {}
        self._short: dict[str, list[str]] = {}
        self.skipped = 0
        """Items too short to be looked for."""

    def add(self, name: str, items: Iterable[tuple[str, str]]) -> int:
        """Adds a set's items (id, text). Returns how many are looked for."""
        count = 0
        for ident, text in items:
            form = normal_form(text)
            if len(form) < 5:
                self.skipped += 1
                continue
            count += 1
            said = f"{name}:{ident}"
            if len(form) < self.width:
                self._short.setdefault(form, []).append(said)
            for gram in {form[i : i + self.width] for i in range(len(form) - self.width + 1)}:
                self._items.setdefault(gram, []).append(said)
        return count

    def hits(self, text: str) -> list[Hit]:
        """Every item that the text shares an n-gram with, by name."""
        form = normal_form(text)
        spans: dict[str, tuple[int, int, int]] = {}  # item → last place seen, start of the present run, longest run
        longest: dict[str, str] = {}
        for i in range(len(form) - self.width + 1):
            for item in self._items.get(form[i : i + self.width], ()):
                last, start, most = spans.get(item, (-2, i, 0))
                start = start if last == i - 1 else i
                length = i - start + self.width
                if length > most:
                    longest[item], most = form[start : i + self.width], length
                spans[item] = i, start, most
        for short, items in self._short.items():
            if short in form:
                longest |= dict.fromkeys(items, short)
        return [Hit(item, span) for item, span in sorted(longest.items())]


def evaluation_items(path: str | Path, fields: Sequence[str], ident: str | None = None) -> Iterator[tuple[str, str]]:
    """Items of an evaluation file (JSON lines or one JSON document, .gz too): id and text, one for each of `fields` found in it.

    Objects are looked for at any depth, so that SQuAD's nested form needs no reader of its own. Raises ValueError where no field is
    found.
    """
    path = Path(path)
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", encoding="utf-8") as file:
        content = file.read()
    try:
        documents: list[Any] = [json.loads(content)]
    except json.JSONDecodeError:
        documents = [json.loads(line) for line in content.splitlines() if line.strip()]
    count = 0
    for number, document in enumerate(documents):
        for name, text, of in _fields(document, set(fields)):
            found = str(of.get(ident)) if ident is not None and ident in of else str(number)
            yield (found if len(fields) == 1 else f"{found}/{name}"), text
            count += 1
    if not count:
        raise ValueError(f"{path}: no field {', '.join(fields)} with text in it")


def _fields(value: Any, wanted: set[str]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name in wanted and isinstance(inner, str):
                yield name, inner, value
            else:
                yield from _fields(inner, wanted)
    elif isinstance(value, list):
        for inner in value:
            yield from _fields(inner, wanted)
