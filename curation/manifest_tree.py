"""The manifest of a large set is a tree, so that a task reads what concerns it and no more.

A set's rows are listed by the tasks that wrote them: `tasks/00012.json` names files and counts rows. Were every reader of a partition
to look into all of them, reading would cost tasks × readers. So `manifest.json` names what lies below it: for each task's manifest
its path, size and SHA-256, the partitions of which it has rows, and its sums. More than 256 of them lie in nodes of their own
(`tree/1-00003.json`), these in others, until the root names 256 at most. Whoever wants a partition goes down where it may be.

A node is written before what names it, `manifest.json` last. A set without a tree (made before there was one) is its `tasks` folder.
"""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Any

import orjson

from curation.place import Place
from curation.shape import PATH, BadFile, shaped

FAN = 256
"""Most children of a node: some 80 kB of JSON."""
HELD = 4096
"""Nodes that a reader keeps."""
SUMS = ("tasks", "files", "rejected_files", "rows_in", "rows_out", "bytes")

FILE = {"path": PATH, "partition": int}
TASK = {"files": [FILE], "rejected_files": [{"path": PATH}]}
NODE = {"children": [{"path": PATH, "size": int, "sha256": str}]}
"""What the manifest of a task says, and what a node."""

Named = tuple[str, bytes, dict[str, Any]]
"""A task's manifest: its path, its bytes, what it says."""


class TreeError(Exception):
    """A manifest that another names is not there, or is not the one that was named."""


def task_manifests(place: Place, folder: str = "tasks") -> Iterator[Named]:
    """Manifests of all tasks in their order, whose numbers may have more than five digits."""
    names = [f"{folder}/{n}" for n in sorted(place.names(folder), key=lambda n: (len(n), n)) if n.endswith(".json")]
    for at in range(0, len(names), FAN):
        some = names[at : at + FAN]
        for name, raw in zip(some, place.read_all(some), strict=True):
            yield name, raw, _value(raw, f"{place.url}/{name}")


def planted(place: Place, tasks: Sequence[Named]) -> dict[str, Any]:
    """Writes the nodes above the tasks' manifests. Returns the root: sums and at most 256 children."""
    children = [_named(name, raw, _task_sums(about)) for name, raw, about in tasks]
    level = 0
    while len(children) > FAN:
        level += 1
        groups = [children[at : at + FAN] for at in range(0, len(children), FAN)]
        children = [_node(place, f"tree/{level}-{i:05d}.json", group) for i, group in enumerate(groups)]
    return _sums(children) | {"children": children}


def _named(path: str, raw: bytes, sums: dict[str, Any]) -> dict[str, Any]:
    return {"path": path, "size": len(raw), "sha256": hashlib.sha256(raw).hexdigest()} | sums


def _task_sums(about: dict[str, Any]) -> dict[str, Any]:
    of = [f["partition"] for f in about["files"]]
    return {
        "partitions": [min(of), max(of)] if of else None,
        "tasks": 1,
        "files": len(of),
        "rejected_files": len(about["rejected_files"]),
        "rows_in": about["rows_in"],
        "rows_out": about["rows_out"],
        "bytes": sum(f["bytes"] for f in about["files"]),
    }


def _sums(children: Sequence[dict[str, Any]]) -> dict[str, Any]:
    spans = [c["partitions"] for c in children if c["partitions"]]
    span = [min(low for low, _ in spans), max(high for _, high in spans)] if spans else None
    return {"partitions": span} | {name: sum(c[name] for c in children) for name in SUMS}


def _node(place: Place, path: str, children: list[dict[str, Any]]) -> dict[str, Any]:
    sums = _sums(children)
    raw = orjson.dumps(sums | {"children": children}, option=orjson.OPT_INDENT_2)
    place.write_bytes(path, raw)
    return _named(path, raw, sums)


class Tree:
    """The tasks' manifests of a set, read as they are asked for."""

    def __init__(self, place: Place, manifest: dict[str, Any]):
        self.place = place
        # while rows are being taken out of a set, its sums are made anew last
        self._checked = not manifest.get("forgotten", {}).get("unfinished")
        self._root: dict[str, Any] | None = manifest.get("tree")
        self._held: dict[str, dict[str, Any]] = {}
        self._flat: list[dict[str, Any]] | None = None
        self.files_read = self.bytes_read = 0

    def tasks(self, partition: int | None = None) -> list[dict[str, Any]]:
        """Manifests of the tasks in their order: of all, or of those that may have rows of a partition. Raises TreeError."""
        if self._root is not None:
            return list(self._below(self._root, partition))
        if self._flat is None:
            found = list(task_manifests(self.place))
            self._flat = [shaped(about, TASK, f"{self.place.url}/{name}") for name, _, about in found]
            self.files_read, self.bytes_read = len(found), sum(len(raw) for _, raw, _ in found)
        return self._flat

    def _below(self, node: dict[str, Any], partition: int | None) -> Iterator[dict[str, Any]]:
        children = [c for c in node["children"] if partition is None or self._may_have(c, partition)]
        for at in range(0, len(children), FAN):
            for said in self._read(children[at : at + FAN]):
                if "children" in said:
                    yield from self._below(said, partition)
                else:
                    yield said

    def _read(self, children: list[dict[str, Any]]) -> list[dict[str, Any]]:
        fresh = [c for c in children if c["path"] not in self._held]
        if len(self._held) + len(fresh) > HELD:
            self._held, fresh = {}, children
        try:
            read = self.place.read_all([c["path"] for c in fresh])
        except FileNotFoundError as error:
            raise TreeError(f"{self.place.url}: its manifest names a file that is not there ({error})") from error
        for child, raw in zip(fresh, read, strict=True):
            if self._checked and hashlib.sha256(raw).hexdigest() != child["sha256"]:
                raise TreeError(
                    f"{self.place.url}/{child['path']}: not the file that the set's manifest names "
                    f"({child['size']:,} bytes of SHA-256 {child['sha256'][:16]}…, found {len(raw):,} bytes)"
                )
            where = f"{self.place.url}/{child['path']}"
            said = _value(raw, where)
            self._held[child["path"]] = shaped(said, NODE if "children" in said else TASK, where)
            self.files_read, self.bytes_read = self.files_read + 1, self.bytes_read + len(raw)
        return [self._held[c["path"]] for c in children]

    def _may_have(self, child: dict[str, Any], partition: int) -> bool:
        match child.get("partitions"):
            case None:
                return False
            case [int() as low, int() as high]:
                return low <= partition <= high
            case other:
                raise TreeError(
                    f"{self.place.url}: its manifest must give {child['path']} two partitions or none, found {repr(other)[:60]}"
                )


def _value(raw: bytes, where: str) -> dict[str, Any]:
    try:
        return shaped(orjson.loads(raw), {}, where)
    except orjson.JSONDecodeError as error:
        raise BadFile(f"{where}: no JSON ({error}); it was changed or cut off: make it anew") from None
