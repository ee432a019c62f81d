"""The deduplication's own tables beside the release: who is a member of which cluster, and by which edge.

`members` (cluster, cluster_rank, id, form_key), `clusters` (id, cluster, cluster_size, cluster_rank) and `edges` (form_a, form_b,
jaccard) lie in a folder of the run. They say of every row what the released rows say of themselves, so here sizes are counted,
every member has an edge to its kept text, and every similarity that a rejection states is that of its edge.
"""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from curation.verify import key_words
from curation.verify.findings import Check
from curation.verify.folder import Folder
from curation.verify.rejected_rows import OF_THE_CAP, Rejected, named_by
from curation.verify.rows import Rows
from curation.verify.stated import Manifest, TableManifest, read

_KINDS = {
    "members": {"cluster": key_words.KEY, "cluster_rank": pa.int64(), "id": key_words.KEY, "form_key": key_words.KEY},
    "clusters": {
        "id": key_words.KEY,
        "cluster": key_words.KEY,
        "cluster_size": pa.int64(),
        "cluster_rank": pa.int64(),
    },
    "edges": {"form_a": key_words.KEY, "form_b": key_words.KEY, "jaccard": pa.float32()},
}


@dataclass(frozen=True)
class Tables:
    """The three tables as they were read."""

    members: pa.Table
    clusters: pa.Table
    edges: pa.Table

    def keys(self, table: str, column: str) -> np.ndarray:
        """A column of keys."""
        return key_words.words(getattr(self, table).column(column))


def check_tables(url: str, rows: Rows, rejected: Rejected, manifest: Manifest, tau: float, *, index: bool) -> Check:
    """Checks the tables in the folder `url` of the deduplication's survey against all released and rejected rows.

    index: an index of earlier crawls was used, whose rows are in no table here, so sizes and old labels are not looked at.
    """
    check = Check("clusters")
    folder = Folder(url)
    if not folder.exists("manifest.json"):
        check.notes.append(
            f"{url}: the deduplication's tables were deleted, so sizes and labels are only what the rows say"
        )
        return check
    found = {name: _table(folder, name, check) for name in _KINDS}
    if any(table is None for table in found.values()):
        return check
    tables = Tables(*(found[n] for n in ("members", "clusters", "edges")))
    check.looked_at = len(tables.members)
    _check_released(check, tables, rows, index=index)
    _check_members(check, tables, tau, index=index)
    _check_lost(check, tables, rejected, manifest)
    return check


def _table(folder: Folder, name: str, check: Check) -> pa.Table | None:
    about = read(folder, f"{name}/manifest.json", TableManifest, check)
    if about is None:
        return None
    kinds, parts = _KINDS[name], list[pa.Table]()
    for file in about.files:
        path = f"{name}/{file.path}"
        if not folder.exists(path):
            check.fail(f"{path}: named by {name}/manifest.json and not there")
            continue
        if folder.sha256(path) != file.sha256:
            check.fail(f"{path}: its bytes are not those that {name}/manifest.json names")
        try:
            table = folder.parquet(path).read(columns=list(kinds)).select(list(kinds))
            parts.append(table.cast(pa.schema(list(kinds.items()))))
        except (OSError, pa.ArrowException, KeyError) as error:
            check.fail(f"{path}: cannot be read ({error})")
    for path in set(folder.below(name)) - {f"{name}/{f.path}" for f in about.files} - {f"{name}/manifest.json"}:
        check.fail(f"{path}: lies there and {name}/manifest.json does not name it")
    table = pa.concat_tables(parts) if parts else pa.schema(list(kinds.items())).empty_table()
    if len(table) != about.rows:
        check.fail(f"{name}: holds {len(table):,} rows, its manifest says {about.rows:,}")
    return table


def _check_released(check: Check, tables: Tables, rows: Rows, *, index: bool) -> None:
    """Every released row is a member, of the label, rank and text that it says, in a cluster of as many members as it says."""
    ids, labels = tables.keys("members", "id"), tables.keys("members", "cluster")
    at = key_words.find(ids, rows.id)
    for row in check.first(np.flatnonzero(at < 0)):
        check.fail(f"row {key_words.hexed(rows.id[row])}: is released and no member of any cluster")
    here = np.flatnonzero(at >= 0)
    of = at[here]
    other_label = (labels[of] != rows.label[here]).any(axis=1)
    other_form = (tables.keys("members", "form_key")[of] != rows.form[here]).any(axis=1)
    rank = tables.members.column("cluster_rank").to_numpy()[of]
    other_rank = (rank != rows.rank[here]) & (rows.rank[here] >= 0)
    for wrong, said in ((other_label, "label"), (other_form, "text"), (other_rank, "rank")):
        for row in check.first(here[wrong]):
            check.fail(f"row {key_words.hexed(rows.id[row])}: is a member with another {said}")
    distinct, place = key_words.distinct(labels)
    count = np.bincount(place, minlength=len(distinct))
    found = np.full(len(rows), -1, np.int64)
    found[here] = count[place[of]]
    for row in check.first(np.flatnonzero((found >= 0) & (rows.size >= 0) & (rows.size != found) & (not index))):
        check.fail(
            f"row {key_words.hexed(rows.id[row])}: its cluster has {found[row]} members, it says {rows.size[row]}"
        )
    placed = key_words.find(tables.keys("clusters", "id"), rows.id)
    for row in check.first(np.flatnonzero(placed < 0)):
        check.fail(f"row {key_words.hexed(rows.id[row])}: is released and not in the table of clusters")


def _check_members(check: Check, tables: Tables, tau: float, *, index: bool) -> None:
    """Members and clusters say the same; ranks are 0 to n − 1; every member that is not kept has an edge to its kept text."""
    ids, labels, forms = (tables.keys("members", c) for c in ("id", "cluster", "form_key"))
    given = tables.clusters.column("cluster").is_valid().to_numpy()
    cluster_ids, of = tables.keys("clusters", "id")[given], tables.keys("clusters", "cluster")[given]
    at = key_words.find(cluster_ids, ids)
    for row in check.first(np.flatnonzero(at < 0)):
        check.fail(f"row {key_words.hexed(ids[row])}: is a member and not in the table of clusters")
    for row in check.first(np.flatnonzero((at >= 0) & (of[at] != labels).any(axis=1) if len(of) else at > 0)):
        check.fail(f"row {key_words.hexed(ids[row])}: members and clusters give it two labels")
    if len(ids) != len(of):
        check.fail(f"members: {len(ids):,} rows, and {len(of):,} rows of the table of clusters have a cluster")
    edge_a, edge_b = tables.keys("edges", "form_a"), tables.keys("edges", "form_b")
    jaccard = tables.edges.column("jaccard").to_numpy()
    for edge in check.first(np.flatnonzero(jaccard < np.float32(tau) - 1e-6)):
        check.fail(
            f"edge {key_words.hexed(edge_a[edge])} to {key_words.hexed(edge_b[edge])}: J = {jaccard[edge]:.6f}, below τ"
        )
    if index:
        return
    order = np.lexsort((tables.members.column("cluster_rank").to_numpy(), labels[:, 1], labels[:, 0]))
    first = np.r_[True, (labels[order][1:] != labels[order][:-1]).any(axis=1)] if len(order) else np.zeros(0, bool)
    start = np.maximum.accumulate(np.where(first, np.arange(len(order)), 0)) if len(order) else np.zeros(0, np.int64)
    rank = tables.members.column("cluster_rank").to_numpy()[order]
    for row in check.first(order[rank != np.arange(len(order)) - start]):
        check.fail(f"row {key_words.hexed(ids[row])}: ranks of its cluster's members are not 0 to n − 1")
    for row in check.first(order[first & (forms[order] != labels[order]).any(axis=1)]):
        check.fail(f"row {key_words.hexed(ids[row])}: best-ranked of a cluster that is named after another text")
    joined = np.flatnonzero((forms != labels).any(axis=1))
    for row in check.first(joined[_edges(edge_a, edge_b, labels[joined], forms[joined]) < 0]):
        check.fail(f"row {key_words.hexed(ids[row])}: is a member, and no edge joins its text to the kept one")
    kept = key_words.distinct(labels)[0]
    both = (key_words.find(kept, edge_a) >= 0) & (key_words.find(kept, edge_b) >= 0)
    for edge in check.first(np.flatnonzero(both)):
        check.fail(f"edge {key_words.hexed(edge_a[edge])} to {key_words.hexed(edge_b[edge])}: joins two kept texts")


def _edges(a: np.ndarray, b: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Place of the edge between each pair of forms, whichever ranks above, −1 where there is none."""
    forms, place = key_words.distinct(np.concatenate([a, b, one, other]))
    n = len(a)
    low, high = (f(place[:n], place[n : 2 * n]) for f in (np.minimum, np.maximum))
    m = len(one)
    x, y = place[2 * n : 2 * n + m], place[2 * n + m :]
    codes = low * len(forms) + high
    order = np.argsort(codes, kind="stable")
    wanted = np.minimum(x, y) * len(forms) + np.maximum(x, y)
    at = np.searchsorted(codes[order], wanted)
    at = np.minimum(at, max(n - 1, 0))
    return np.where(codes[order][at] == wanted, order[at], -1) if n else np.full(m, -1, np.int64)


def _check_lost(check: Check, tables: Tables, rejected: Rejected, manifest: Manifest) -> None:
    """What the cap rejected is a member too; each near-duplicate's similarity is that of the edge to the row that it names."""
    ids, forms, labels = (tables.keys("members", c) for c in ("id", "form_key", "cluster"))
    edge_a, edge_b = tables.keys("edges", "form_a"), tables.keys("edges", "form_b")
    jaccard = tables.edges.column("jaccard").to_numpy()
    seen = len(tables.clusters)
    early = 0
    first = next((s.step for s in manifest.made.steps if s.kind == "dedup"), "")
    before = (
        {s.step for s in manifest.made.steps[: [s.step for s in manifest.made.steps].index(first)]} if first else set()
    )
    for _, file, batch in rejected.release.rejected(["id", "step", "reason", "value", "detail"]):
        if batch.num_columns < 5:
            continue
        rows = batch.to_pylist()
        known, made = key_words.find(ids, key_words.of_bytes([r["id"] or b"\0" * 16 for r in rows])), _steps(manifest)
        early += sum(
            (r["step"] in before or r["step"] not in made) and not (r["reason"] == "forgotten" and at >= 0)
            for r, at in zip(rows, known.tolist(), strict=True)
        )  # a member that is forgotten now reached the deduplication before it was
        mine = [r for r in rows if r["reason"] in OF_THE_CAP and r["id"] is not None]
        at = key_words.find(ids, key_words.of_bytes([r["id"] for r in mine]))
        near = [(r, a, named) for r, a in zip(mine, at.tolist(), strict=True) if (named := _near(r)) is not None]
        of = key_words.find(ids, key_words.of_bytes([named for _, _, named in near]))
        for row, place in zip(mine, at.tolist(), strict=True):
            if place < 0 and row["reason"] != "forgotten":
                check.fail(
                    f"row {row['id'].hex()} in {file.path}: rejected as {row['reason']} and no member of any cluster"
                )
        mine_at = np.array([a for _, a, _ in near], np.int64)
        both = (mine_at >= 0) & (of >= 0)
        same = np.zeros(len(near), bool)
        same[both] = (forms[mine_at[both]] == forms[of[both]]).all(axis=1)
        edge = np.full(len(near), -1, np.int64)
        edge[both] = _edges(edge_a, edge_b, forms[mine_at[both]], forms[of[both]])
        for i, (row, a, named) in enumerate(near):
            found = 1.0 if same[i] else float(jaccard[edge[i]]) if edge[i] >= 0 else None
            if both[i] and (labels[a] != labels[of[i]]).any():
                check.fail(
                    f"row {row['id'].hex()} in {file.path}: rejected for {named.hex()}, a member of another cluster"
                )
            if found is None or row["value"] is None or abs(found - row["value"]) > 1e-5:
                check.fail(
                    f"row {row['id'].hex()} in {file.path}: rejected at J = {row['value']} to {named.hex()}, "
                    f"their edge says {'nothing' if found is None else f'{found:.6f}'}"
                )
    if first and manifest.rows_in - early != seen:
        check.fail(f"clusters: {seen:,} rows, and {manifest.rows_in - early:,} rows reached the deduplication")


def _steps(manifest: Manifest) -> set[str]:
    return {s.step for s in manifest.made.steps}


def _near(row: dict[str, object]) -> bytes | None:
    """The row that a near-duplicate names."""
    return named_by(str(row["detail"])) if row["reason"] == "near_duplicate" else None
