"""Is an instruction new? Held against all accepted ones, and against evaluation sets.

Near-duplicates are found by MinHash LSH (datasketch) over the character 5-grams of the normal form and verified by their exact
Jaccard similarity. One deciding stage a round looks at new instructions in the order of a hash of their ids, never of their
arrival, so the same store gives the same rows. What was accepted is kept in one Parquet file and is there again in the next round
or run.

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
import pyarrow.parquet as pq

from curation.dedup.normal_form import normal_form
from curation.dedup.shingles import jaccard, shingle_words
from curation.provenance import key

_PERMUTATIONS = 128
_SCHEMA = pa.schema([("id", pa.binary(16)), ("form", pa.large_string())])


@dataclass(frozen=True)
class Verdict:
    """What was decided about an instruction: new, or near to an accepted one with exact Jaccard similarity in [0, 1]."""

    id: bytes
    near: bytes | None = None
    similarity: float = 0.0


class Novelty:
    """Accepted instructions, searchable for near-duplicates.

    threshold: Jaccard similarity from which two instructions are the same, in (0, 1]; a recipe's value. file: where what was
    accepted is kept; it need not be there yet. 128 permutations; what LSH proposes is verified exactly, what it misses is not
    found. It is searched 0.1 below the threshold, so that little is missed.
    """

    def __init__(self, threshold: float, file: str | Path | None = None):
        if not 0 < threshold <= 1:
            raise ValueError(f"novelty: threshold must be in (0, 1], not {threshold}")
        self.threshold, self.file = threshold, None if file is None else Path(file)
        self._forms: dict[bytes, str] = {}
        self._lsh: Any = None

    def setup(self) -> None:
        """Loads datasketch and what earlier rounds accepted."""
        from datasketch import MinHash, MinHashLSH

        self._minhash = MinHash
        self._lsh = MinHashLSH(threshold=max(0.05, self.threshold - 0.1), num_perm=_PERMUTATIONS)
        if self.file is not None and self.file.exists():
            table = pq.read_table(self.file)
            for ident, form in zip(table["id"].to_pylist(), table["form"].to_pylist(), strict=True):
                self._accept(ident, form, self._signature(form))

    def decide(self, instructions: Iterable[tuple[bytes, str]], salt: str = "") -> list[Verdict]:
        """Decides a round's instructions (id, text) one after the other and keeps the new ones. The order given does not matter."""
        if self._lsh is None:
            self.setup()
        made: list[Verdict] = []
        for ident, text in sorted(set(instructions), key=lambda i: (key("novelty", salt, i[0]), i)):
            form = normal_form(text)
            signature = self._signature(form)
            if ident in self._forms and self._forms[ident] == form:
                made.append(Verdict(ident))
                continue
            near = self._nearest(form, signature)
            if near is None:
                self._accept(ident, form, signature)
                made.append(Verdict(ident))
            else:
                made.append(Verdict(ident, *near))
        return made

    def save(self) -> None:
        """Writes what is accepted, whole or not at all."""
        assert self.file is not None, "novelty without a file is not kept"
        self.file.parent.mkdir(parents=True, exist_ok=True)
        temporary = self.file.with_suffix(".tmp")
        ordered = sorted(self._forms.items())
        pq.write_table(pa.table([[i for i, _ in ordered], [f for _, f in ordered]], schema=_SCHEMA), temporary)
        temporary.replace(self.file)

    def __len__(self) -> int:
        return len(self._forms)

    def _nearest(self, form: str, signature: Any) -> tuple[bytes, float] | None:
        found = [(jaccard(form, self._forms[other]), other) for other in self._lsh.query(signature)]
        close = [(similarity, other) for similarity, other in found if similarity >= self.threshold]
        if not close:
            return None
        similarity, other = max(close, key=lambda c: (c[0], c[1]))
        return other, similarity

    def _accept(self, ident: bytes, form: str, signature: Any) -> None:
        self._forms[ident] = form
        self._lsh.insert(ident, signature)

    def _signature(self, form: str) -> Any:
        made = self._minhash(num_perm=_PERMUTATIONS, seed=1, hashfunc=int)
        made.update_batch([int(w) & 0xFFFFFFFF for w in np.unique(shingle_words(form))])
        return made


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
