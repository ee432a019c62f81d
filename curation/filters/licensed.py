"""Keeping what may leave the house: rows under a licence that the policy lists as open or public (DESIGN rule 8).

A row's licence is the one that its source declares; where it declares none, with `links: true`, the one that the page's own link
names (`curation/rights/licence_link.py`). Text under no licence, or one that the policy does not list, stays inside, whatever its
basis is.
"""

import pyarrow as pa

from curation.rights.licence_link import licence_of
from curation.step import Batch, Columns, Decide


class Licensed(Decide):
    """Rejects rows whose licence is none of `allow`; writes `licence_found`, the SPDX id that counted.

    allow: SPDX ids, or names that the policy gives a licence (where the recipe says `purpose: share` or `publish`, all of the
    policy's that are open).
    links: whether a page's own licence link counts where its source declares none.
    """

    reads, writes, reasons = ("licence", "licence_link"), ("licence_found",), ("no_open_licence",)

    def __init__(self, allow: list[str], links: bool):
        super().__init__()
        if not allow:
            raise ValueError("licensed: 'allow' names no licence, so no row could be released")
        self.allow, self.links = frozenset(allow), links

    def columns(self, batch: Batch) -> Columns:
        found = batch.column("licence").to_pylist()
        if self.links:
            links = batch.column("licence_link").to_pylist()
            found = [own or licence_of(link) for own, link in zip(found, links, strict=True)]
        gone = [licence not in self.allow for licence in found]
        details = ["no licence is known" if licence is None else f"{licence} is not listed" for licence in found]
        return {
            "licence_found": pa.array(found, pa.string()),
            "reason": pa.array(["no_open_licence" if g else None for g in gone], pa.string()),
            "detail": pa.array([d if g else None for d, g in zip(details, gone, strict=True)], pa.string()),
        }
