"""Shingle sets of the nodes that have a candidate pair, kept in a file beside memory, and the exact Jaccard of pairs of them.

A page's set is 8 bytes a distinct 5-gram, nearly three times its text, so the sets of a large crawl do not fit: they are appended
to a temporary file as texts stream by, and pairs are compared family by family, so that what a family needs is read about once.
"""

import mmap
import tempfile
from collections.abc import Callable, Iterator
from types import TracebackType

import numpy as np
import pyarrow as pa

from curation.dedup import cluster_kernel, form_kernel, shingle_kernel
from curation.dedup.clusters import families
from curation.dedup.minhash import text_buffers
from curation.dedup.normal_form import kernel_tables, normal_form
from curation.place import Place

_PAIRS_AT_ONCE = 1 << 14


class ShingleWords:
    """Makes the shingle sets of texts: distinct 64-bit hashes, sorted; `shingles.shingle_words` is the reference."""

    def __init__(self) -> None:
        self._tables = kernel_tables()

    def of(self, text: pa.Array) -> Iterator[np.ndarray]:
        """The set of each text of a large_string column without nulls, uint64."""
        data, offsets = text_buffers(text)
        for row in range(len(text)):
            yield self._one(data, int(offsets[row]), int(offsets[row + 1]))

    def _one(self, data: np.ndarray, start: int, end: int) -> np.ndarray:
        points = np.empty(end - start + form_kernel.SLACK, np.uint32)
        n = form_kernel.form_points(data, start, end, *self._tables, points)
        if n == form_kernel.REFUSED:
            form = normal_form(data[start:end].tobytes().decode("utf-8", "replace"))
            points = np.frombuffer(form.encode("utf-32-le"), "<u4").astype(np.uint32)
            n = len(points)
        words = np.empty(max(1, n), np.uint64)
        words = words[: shingle_kernel.shingle_hashes(points, n, words)]
        words.sort()
        return words[: shingle_kernel.distinct(words)]


class ShingleSets:
    """Sets of 64-bit shingle hashes by node, filled in any order; a context manager that removes its file."""

    def __init__(self, nodes: np.ndarray):
        """nodes: ordinals of the nodes that will be asked for, sorted."""
        self.nodes = nodes
        self.bytes = 0
        self._words = ShingleWords()
        self._start = np.zeros(len(nodes), np.int64)
        self._size = np.zeros(len(nodes), np.int64)
        self._file = tempfile.TemporaryFile(prefix="seimai-shingles-")  # noqa: SIM115 - closed by __exit__
        self._end = 0

    def __enter__(self) -> "ShingleSets":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, nodes: np.ndarray, text: pa.Array) -> None:
        """Sets of the nodes whose texts these are (large_string, no nulls)."""
        for node, words in zip(nodes.tolist(), self._words.of(text), strict=True):
            self.add_words(node, words)
        _, offsets = text_buffers(text)
        self.bytes += int(offsets[-1] - offsets[0])

    def add_words(self, node: int, words: np.ndarray) -> None:
        """A node's set that is there already, sorted and distinct."""
        local = int(np.searchsorted(self.nodes, node))
        self._start[local], self._size[local] = self._end, len(words)
        self._file.write(words.data)
        self._end += len(words)

    def jaccard(self, pairs: np.ndarray) -> np.ndarray:
        """Exact Jaccard of each pair of nodes, float64 [pairs], in the order of the pairs."""
        out = np.empty(len(pairs), np.float64)
        if not len(pairs):
            return out
        self._file.flush()
        a, b = (np.searchsorted(self.nodes, pairs[:, side]) for side in (0, 1))
        family = families(len(self.nodes), np.sort(np.stack([a, b], axis=1), axis=1))
        order = np.lexsort((b, a, family[a]))
        if not self._end:
            out[:] = 1.0
            return out
        with mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ) as view:
            words = np.frombuffer(view, np.uint64)
            for at in range(0, len(order), _PAIRS_AT_ONCE):
                some = order[at : at + _PAIRS_AT_ONCE]
                made = np.empty(len(some), np.float64)
                cluster_kernel.pair_jaccard(words, self._start, self._size, a[some], b[some], made)
                out[some] = made
                if hasattr(view, "madvise"):
                    view.madvise(mmap.MADV_DONTNEED)
            del words
        return out


def read_sets(where: np.ndarray, file_of: Callable[[int], tuple[Place, str]]) -> Iterator[tuple[int, np.ndarray]]:
    """Shingle sets that lie in files, file by file: (row of `where`, set).

    where: file, first word, words of each set, uint64 [sets, 3]; file_of: place and name of a file.
    """
    order = np.lexsort((where[:, 1], where[:, 0]))
    files, first = np.unique(where[order, 0], return_index=True)
    for number, some in zip(files.tolist(), np.split(order, first[1:]), strict=True):
        place, name = file_of(number)
        spans = [(8 * at, 8 * (at + size)) for _, at, size in where[some].tolist()]
        for one, words in zip(some.tolist(), place.read_spans(name, spans), strict=True):
            yield one, np.frombuffer(words, np.uint64)
