"""Hashes of the lines at the edges of a page: what `site_lines` counts over a site without reading the texts again.

A menu, a notice or a footer stands near the top or the bottom. Of every page the first and last lines with letters are hashed, by
their letters alone, so that spacing and punctuation do not matter; half a kilobyte a page instead of its text.
No step between the two may change the lines of the text.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from curation.normalise.text_column import text_views
from curation.step import Batch, Columns, Measure


class EdgeLines(Measure):
    """Writes `edge_lines` and `page_letters`, which `site_lines` reads and takes away. Parameters: none.

    `edge_lines` are the distinct hashes of the first and last 24 lines with letters (even numbers), and of the outermost 3 at either
    end once more (odd numbers); `page_letters` is one hash of all letters, 0 where there are none.
    """

    reads, writes = ("text",), ("edge_lines", "page_letters")

    def setup(self) -> None:
        """Loads the compiled passes."""
        from curation.extract import site_lines_kernel

        self._kernel: Any = site_lines_kernel

    def columns(self, batch: Batch) -> Columns:
        """A list of uint64 and one uint64 a row; an empty list and 0 for a null text."""
        data, offsets = text_views(batch.column("text"))
        rows = np.arange(batch.num_rows)
        forms = np.zeros(len(rows), np.uint64)
        self._kernel.page_forms(data, offsets, forms)
        hashes = np.zeros(len(rows) * self._kernel.LINES_A_PAGE, np.uint64)
        owners = np.zeros(len(hashes), np.int64)
        n = self._kernel.lines_of_pages(data, offsets, rows, hashes, owners)
        bounds = np.zeros(len(rows) + 1, np.int32)
        np.cumsum(np.bincount(owners[:n], minlength=len(rows)), out=bounds[1:])
        lines = pa.ListArray.from_arrays(pa.array(bounds), pa.array(hashes[:n]))
        return {"edge_lines": lines.cast(pa.list_(pa.uint64())), "page_letters": pa.array(forms)}
