"""The tree of manifests of a released set: every node is the file that the one above it names, and says what lies below it.

A reader goes down only where a partition may be, so a node that leaves out a task or states too few partitions would hide rows.
"""

from collections import Counter
from collections.abc import Iterator

from curation.verify.findings import Check
from curation.verify.folder import Folder
from curation.verify.stated import Below, Task, Tree, read

SUMS = ("tasks", "files", "rejected_files", "rows_in", "rows_out", "bytes")


def nodes(folder: Folder, tree: Tree, check: Check) -> Iterator[Below]:
    """Everything that the tree names, each before what lies below it."""
    for child in tree.children:
        yield child
        if child.path.startswith("tree/") and folder.exists(child.path):
            node = read(folder, child.path, Tree, check)
            yield from nodes(folder, node, check) if node is not None else ()


def check_tree(folder: Folder, tree: Tree | None, tasks: list[Task], check: Check) -> None:
    """Fails what the tree names wrongly, leaves out, or has twice; a set without a tree, an older one, has nothing to fail."""
    if tree is None:
        return
    of_tasks = {f"tasks/{t.task:05d}.json": _of_task(f"tasks/{t.task:05d}.json", t) for t in tasks}
    said = list(nodes(folder, tree, check))
    for one in said:
        if not folder.exists(one.path):
            check.fail(f"{one.path}: named in the tree of manifests and not there")
            continue
        if (found := folder.sha256(one.path)) != one.sha256:
            check.fail(f"{one.path}: SHA-256 is {found[:16]}…, the tree of manifests says {one.sha256[:16]}…")
        below = of_tasks.get(one.path)
        if below is None and (node := read(folder, one.path, Tree, check)) is not None:
            below = _of_children(one.path, node.children)
        if below is not None and (wrong := [n for n in ("partitions", *SUMS) if getattr(below, n) != getattr(one, n)]):
            told = ", ".join(f"{n} {getattr(one, n)} and not {getattr(below, n)}" for n in wrong)
            check.fail(f"{one.path}: the tree of manifests says {told}")
    named = Counter(one.path for one in said)
    for path in sorted(of_tasks.keys() - named.keys()):
        check.fail(f"{path}: the tree of manifests leaves it out")
    for path in sorted(p for p, times in named.items() if times > 1):
        check.fail(f"{path}: the tree of manifests names it twice")


def _of_task(path: str, task: Task) -> Below:
    of = [f.partition or 0 for f in task.files]
    return Below(
        path=path,
        size=0,
        sha256="0" * 64,
        partitions=(min(of), max(of)) if of else None,
        tasks=1,
        files=len(of),
        rejected_files=len(task.rejected_files),
        rows_in=task.rows_in,
        rows_out=task.rows_out,
        bytes=sum(f.bytes for f in task.files),
    )


def _of_children(path: str, children: list[Below]) -> Below:
    spans = [c.partitions for c in children if c.partitions is not None]
    span = (min(low for low, _ in spans), max(high for _, high in spans)) if spans else None
    sums = {name: sum(getattr(c, name) for c in children) for name in SUMS}
    return Below(path=path, size=0, sha256="0" * 64, partitions=span, **sums)
