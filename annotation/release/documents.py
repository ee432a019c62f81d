"""What pairs grew from, told by the generations that they were made of.

A pair holds the digest of its document and the id of its wording, and neither licence nor whether anybody has read the wording: both
stand in the generation's rows, the refused ones too, since an answer may come from there.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from annotation.release.row import Row
from curation.parquet_file import BATCH_ROWS
from curation.verify.folder import Folder
from synth.engine.content_key import canonical

MANIFEST = "manifest.json"


@dataclass
class Documents:
    """Seeds of generations by the digest of their passage and the task, pages' clusters, and which wordings were drafts."""

    _seeds: dict[bytes, dict[str, dict[bytes, Row]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )
    _drafts: dict[str, bool] = field(default_factory=dict[str, bool])
    _pages: dict[str, bytes | None] = field(default_factory=dict[str, bytes | None])

    def add(self, url: str) -> None:
        """Reads a generation's seeds and wordings."""
        folder = Folder(url)
        for file in listed(folder.json(MANIFEST), ("data/", "refused/")):
            for row in rows_of(folder, file["path"], ("task", "seeds", "template", "wording_state")):
                if row["template"] is not None:
                    self._drafts[row["template"]] = (
                        self._drafts.get(row["template"], False) or row["wording_state"] == "draft"
                    )
                for seed in row["seeds"] or ():
                    if seed["kind"] == "document":
                        self._pages.setdefault(seed["id"], None)
                    if seed["kind"] == "document" and seed["digest"] is not None:
                        self._seeds[seed["digest"]][row["task"]][canonical(_plain(seed))] = seed

    def of(self, digest: bytes | None, task: str) -> list[Row]:
        """Seeds of the passage as rows of the task used it; of all tasks where it is not known of this one."""
        by_task = self._seeds.get(digest, {}) if digest is not None else {}
        used = by_task.get(task)
        return list(used.values()) if used else [seed for seeds in by_task.values() for seed in seeds.values()]

    def cluster(self, page: str) -> bytes | None:
        """The near-duplicate cluster of a page by its id; None where it is not known."""
        return self._pages.get(page)

    def look_up(self, pages: Iterable[Mapping[str, Any]]) -> None:
        """Takes clusters from rows of pages (`id`, `cluster`); only those that a row grew from are kept."""
        for page in pages:
            if (name := page["id"].hex()) in self._pages:
                self._pages[name] = page.get("cluster")

    def draft(self, template: str | None) -> bool:
        """Whether a wording was a draft when a row was made with it; one that no generation here knows counts as such."""
        return template is not None and self._drafts.get(template, True)


def listed(manifest: Mapping[str, Any], kinds: tuple[str, ...]) -> Iterator[Mapping[str, Any]]:
    """Files of a manifest in these folders."""
    return (file for file in manifest["files"] if file["path"].startswith(kinds))


def rows_of(folder: Folder, path: str, columns: Sequence[str] | None) -> Iterator[Row]:
    """Rows of a file with those of the columns that it has."""
    file = folder.parquet(path)
    have = set(file.schema_arrow.names)
    wanted = None if columns is None else [name for name in columns if name in have]
    for batch in file.iter_batches(BATCH_ROWS, columns=wanted):
        yield from batch.to_pylist()


def _plain(seed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value.hex() if isinstance(value, bytes) else value for name, value in seed.items()}
