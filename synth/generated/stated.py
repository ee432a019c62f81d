"""A generated set as it lies on disk: what its manifest states, and its rows, taken and refused."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from curation.verify.folder import Folder
from synth.import_candidates import TASK

MANIFEST = "manifest.json"
_NEEDED = (
    "made",
    "files",
    "rows_in",
    "rows_out",
    "rejected",
    "content",
    "partitions",
    "yields",
    "quotas",
    "licences",
    "novelty",
)


@dataclass
class GeneratedSet:
    """A set by its folder. manifest: as it stands there, nothing of it believed."""

    folder: Folder
    manifest: Mapping[str, Any]

    @classmethod
    def open(cls, url: str) -> "GeneratedSet":
        """Opens a set. Raises FileNotFoundError without a manifest, ValueError where it is none of a generated set."""
        folder = Folder(url)
        if not folder.exists(MANIFEST):
            raise FileNotFoundError(f"{url}: no {MANIFEST}, so this is no finished set")
        manifest = folder.json(MANIFEST)
        missing = [k for k in _NEEDED if not isinstance(manifest, dict) or k not in manifest]
        if missing:
            raise ValueError(f"{url}/{MANIFEST}: is not that of a generated set: it lacks {', '.join(missing)}")
        return cls(folder, manifest)

    @property
    def orders(self) -> Mapping[str, Mapping[str, Any]]:
        """The recipe's orders by name, of tasks and of imported sets: of the latter, the task is that of imported rows."""
        said = self.manifest["made"]["generate"]
        imports = {name: one | {"task": TASK} for name, one in said.get("imports", {}).items()}
        return said["tasks"] | imports

    @property
    def imports(self) -> Mapping[str, Mapping[str, Any]]:
        """What the manifest says of each imported set: origin, licence, files with their hashes, rows, who read the answers."""
        return self.manifest.get("imports", {})

    @property
    def target(self) -> Mapping[str, Any] | None:
        """What the release said of itself."""
        return self.manifest["made"]["release"]["target"]

    def files(self, kind: str) -> list[Mapping[str, Any]]:
        """Listed files of `data` or `refused` that are there."""
        return [f for f in self.manifest["files"] if f["path"].startswith(f"{kind}/") and self.folder.exists(f["path"])]

    def rows(
        self, kind: str, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[Mapping[str, Any], dict[str, Any]]]:
        """Rows of `data` or `refused`, each with its file's entry. Files that cannot be read are left out: `counts` says so."""
        for file in self.files(kind):
            try:
                opened = self.folder.parquet(file["path"])
                have = set(opened.schema_arrow.names)
                wanted = None if columns is None else [c for c in columns if c in have]
                for batch in opened.iter_batches(512, columns=wanted):
                    for row in batch.to_pylist():
                        yield file, row
            except (OSError, pa.ArrowException):
                continue


def is_generated(manifest: Any) -> bool:
    """Whether a manifest is that of a generated set."""
    return isinstance(manifest, dict) and "yields" in manifest and "quotas" in manifest


def words(row: Mapping[str, Any]) -> str:
    """How findings call a row."""
    return f"row {row['id'].hex() if row.get('id') is not None else '(no id)'}"
