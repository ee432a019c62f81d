"""Form key and MinHash signature of every page, in one compiled pass over its text.

Classic MinHash (Broder 1997): permutation k of a 32-bit shingle hash h is a·h + b mod 2^32 with a odd, and the signature holds the
minimum over the page's shingles; two signatures agree at a place with probability J. 112 places are cut into 14 bands of 8
(FineWeb's setting), so a pair of similarity J becomes a candidate with probability 1 − (1 − J^8)^14: .924 at J = .80.
Classic k-permutation was chosen over one-permutation hashing: within 1.3 times its speed here, with textbook guarantees.
"""

import numpy as np
import pyarrow as pa

from curation.dedup.normal_form import form_key, kernel_tables, normal_form
from curation.document import KEY, MINHASH
from curation.step import Batch, Columns, Measure

BANDS, ROWS = 14, 8
PERMUTATIONS = BANDS * ROWS

_EMPTY = 0xFFFFFFFF
_POWERS = (0x165667B1, 0x9E3779B1, 0x85EBCA77, 0xC2B2AE3D, 0x27D4EB2F)


def permutations(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Multipliers (odd) and addends of the 112 permutations, uint32, from SplitMix64 (Steele+14): the same on every platform.

    >>> a, b = permutations(1)
    >>> len(a), len(b), int((a % 2).min())
    (112, 112, 1)
    """
    state, words = seed & 0xFFFFFFFFFFFFFFFF, []
    for _ in range(2 * PERMUTATIONS):
        state = (state + 0x9E3779B97F4A7C15) & 0xFFFFFFFFFFFFFFFF
        z = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
        words.append((z ^ (z >> 31)) >> 32)
    made = np.array(words, np.uint32)
    return made[:PERMUTATIONS] | np.uint32(1), made[PERMUTATIONS:]


def signature(form: str, seed: int = 1) -> np.ndarray:
    """MinHash signature of a normal form, uint32 [112]; the reference of the kernel. The empty form has 2^32 − 1 everywhere.

    >>> bool((signature("晴れ") == signature("晴れ")).all()), int(signature("")[0])
    (True, 4294967295)
    """
    points = np.array([ord(c) for c in form], np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    if len(points) == 0:
        return np.full(PERMUTATIONS, _EMPTY, np.uint32)
    if len(points) < 5:
        word = len(points)
        for c in points.tolist():
            word = (word * _POWERS[1] + c) & _EMPTY
        h = np.array([word], np.uint64)
    else:
        m = len(points) - 4
        h = sum(points[i : i + m] * np.uint64(p) for i, p in enumerate(_POWERS)) & mask
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35)):
        h = (h ^ (h >> np.uint64(shift))) * np.uint64(factor) & mask
    h ^= h >> np.uint64(16)
    a, b = (p.astype(np.uint64) for p in permutations(seed))
    return np.array([((x * h + y) & mask).min() for x, y in zip(a, b, strict=True)], np.uint32)


def estimate(a: np.ndarray, b: np.ndarray) -> float:
    """Jaccard similarity that two signatures suggest: the share of places where they agree; σ = √(J(1 − J)/112)."""
    return float((a == b).mean())


def candidate_probability(jaccard: float, bands: int = BANDS, rows: int = ROWS) -> float:
    """Probability that a pair of that similarity shares a band: 1 − (1 − J^rows)^bands, the S-curve of the parameters.

    >>> [round(candidate_probability(j), 3) for j in (0.5, 0.7, 0.8, 0.9)]
    [0.053, 0.565, 0.924, 1.0]
    """
    return 1 - (1 - jaccard**rows) ** bands


class MinHash(Measure):
    """Writes `form_key`, `form_chars` and `minhash` of `text`; all three are null for a null text.

    seed: of the 112 permutations. Signatures of different seeds must never be compared.
    """

    name = "minhash"
    reads, writes = ("text",), ("form_key", "form_chars", "minhash")

    def __init__(self, seed: int = 1):
        super().__init__()
        self.seed = seed

    def setup(self) -> None:
        """Makes the fold table and loads the kernel."""
        from curation.dedup import form_kernel

        self._kernel = form_kernel
        self._tables = kernel_tables()
        self._permutations = permutations(self.seed)

    def columns(self, batch: Batch) -> Columns:
        """One kernel call for the batch, then one SHA-256 a row over its form."""
        text = batch.column("text")
        rows = len(text)
        data, offsets = text_buffers(text)
        valid = np.ones(rows, bool) if not text.null_count else text.is_valid().to_numpy(zero_copy_only=False)
        lengths, ends = np.empty(rows, np.int64), np.empty(rows, np.int64)
        signatures = np.empty((rows, PERMUTATIONS), np.uint32)
        slack = self._kernel.SLACK
        sizes = np.diff(offsets)
        points = np.empty(int(sizes.max(initial=0)) + slack, np.uint32)
        forms = np.empty(int(sizes.sum()) + slack * rows, np.uint8)
        self._kernel.sign_rows(
            data, offsets, valid, *self._tables, *self._permutations, points, forms, ends, lengths, signatures
        )
        keys = self._keys(forms.data, ends)
        for r in np.flatnonzero((lengths < 0) & valid):
            keys[r], lengths[r] = self._by_reference(data[offsets[r] : offsets[r + 1]].tobytes(), signatures[r])
            self.stat_update("forms_by_reference")
        absent = None if not text.null_count else ~valid
        if absent is not None:
            keys = [k if ok else None for k, ok in zip(keys, valid, strict=True)]
        minhash = pa.FixedSizeBinaryArray.from_buffers(MINHASH, rows, [_validity(valid), pa.py_buffer(signatures)])
        return {
            "form_key": pa.array(keys, KEY),
            "form_chars": pa.array(lengths, pa.int32(), mask=absent),
            "minhash": minhash,
        }

    @staticmethod
    def _keys(forms: memoryview, ends: np.ndarray) -> list[bytes | None]:
        start, keys = 0, []
        for end in ends.tolist():
            keys.append(form_key(forms[start:end]))
            start = end
        return keys

    def _by_reference(self, raw: bytes, out: np.ndarray) -> tuple[bytes, int]:
        form = normal_form(raw.decode("utf-8", "replace"))
        points = np.frombuffer(form.encode("utf-32-le"), "<u4").astype(np.uint32)
        self._kernel.sign(points, len(points), *self._permutations, out)
        return form_key(form), len(points)


def text_buffers(text: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """UTF-8 bytes and int64 offsets [rows + 1] of a large_string column, in place; the offsets of a slice are its own."""
    _, offsets, data = text.buffers()
    at = (
        np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1]
        if len(text)
        else np.zeros(1, np.int64)
    )
    return np.frombuffer(data, np.uint8) if data is not None and data.size else np.zeros(0, np.uint8), at


def signature_rows(minhash: pa.Array) -> np.ndarray:
    """A column of signatures as uint32 [rows, 112], in place; what a null row holds is undefined."""
    words = np.frombuffer(minhash.buffers()[1], "<u4")
    return words.reshape(-1, PERMUTATIONS)[minhash.offset : minhash.offset + len(minhash)]


def _validity(valid: np.ndarray) -> pa.Buffer | None:
    if valid.all():
        return None
    return pa.py_buffer(np.packbits(valid, bitorder="little"))
