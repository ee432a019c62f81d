"""Which datasets the embedded index does not hold as Argilla's database does: after a crash, or when its file was deleted.

Argilla commits to its database first and tells the index after: a server that is killed between the two leaves records that the UI
does not find. Both are files here, so they are compared whenever a review starts, row by row: records with their status and the
time of their last change, responses likewise. What differs is indexed anew by Argilla's own command.
"""

import sqlite3
from pathlib import Path

RECORDS = (
    "SELECT id, status, updated_at FROM main.records WHERE dataset_id = :dataset",
    "SELECT r.record, r.status, r.updated_at FROM found.records r"
    " JOIN found.datasets d ON d.id = r.dataset WHERE d.dataset = :dataset",
)
RESPONSES = (
    "SELECT r.id, p.id, p.user_id, p.status, p.updated_at"
    " FROM main.responses p JOIN main.records r ON r.id = p.record_id WHERE r.dataset_id = :dataset",
    "SELECT r.record, p.response, p.user, p.status, p.updated_at FROM found.responses p"
    ' JOIN found.records r ON r.id = p."row" JOIN found.datasets d ON d.id = r.dataset WHERE d.dataset = :dataset',
)
"""What Argilla has and what the index has, in the same columns."""


def out_of_step(database: Path, index: Path) -> list[str]:
    """Ids of published datasets that must be indexed anew, and in a damaged or missing index all of them."""
    if not database.exists():
        return []
    # not read-only: what a server that was killed left half written is rolled back by whoever opens the file next
    with sqlite3.connect(f"file:{database}?mode=rw", uri=True) as db:
        ready = [row[0] for row in db.execute("SELECT id FROM datasets WHERE status = 'ready'")]
        if not ready or not index.exists():
            return ready
        try:
            db.execute("ATTACH ? AS found", (f"file:{index}?mode=rw",))
            indexed = {row[0] for row in db.execute("SELECT dataset FROM found.datasets")}
            return [name for name in ready if name not in indexed or _differs(db, name)]
        except sqlite3.DatabaseError:
            return ready


def _differs(db: sqlite3.Connection, dataset: str) -> bool:
    for ours, theirs in (RECORDS, RESPONSES):
        for one, other in ((ours, theirs), (theirs, ours)):
            if db.execute(f"{one} EXCEPT {other} LIMIT 1", {"dataset": dataset}).fetchone():
                return True
    return False
