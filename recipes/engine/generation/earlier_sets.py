"""Sets that were generated earlier, as a base for novelty: what they accepted is not asked again.

A set keeps beside its rows what it accepted and what it was itself held against (`novelty.parquet`), so a recipe names the last one.
The file's hash is part of the fingerprint: another base is another generation.
"""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from curation.parquet_file import ParquetFile
from curation.place import Place
from curation.shards import MANIFEST
from recipes.engine.errors import RecipeError
from recipes.engine.generation.paths import placed
from synth.novelty import FILE, Novelty


def base_file(url: str, where: str) -> Mapping[str, Any]:
    """What a set's manifest says of its file. Raises RecipeError where there is no such set, or it keeps none."""
    place = Place(url)
    if not place.exists(MANIFEST):
        raise RecipeError(
            f"{where}: novelty: base {url}: there is no generated set (no {MANIFEST}); name OUT/VERSION/NAME of one"
        )
    found = next((f for f in place.read_json(MANIFEST).get("files", ()) if f.get("path") == FILE), None)
    if found is None or not place.exists(FILE):
        raise RecipeError(
            f"{where}: novelty: base {url}: keeps no accepted instructions ({FILE}); generate it anew with this version"
        )
    return found


def base_hashes(base: list[str], folder: Path, where: str) -> list[str]:
    """Hash of each base's file, by its manifest."""
    return [str(base_file(placed(one, folder), where)["sha256"]) for one in base]


def load_base(novelty: Novelty, base: list[str], folder: Path, where: str) -> list[dict[str, Any]]:
    """Holds novelty against all bases; returns what the manifest says of each. Raises RecipeError for a file that has changed."""
    made: list[dict[str, Any]] = []
    for one in base:
        url = placed(one, folder)
        stated, content = base_file(url, where), Place(url).read_bytes(FILE)
        if (digest := hashlib.sha256(content).hexdigest()) != stated["sha256"]:
            raise RecipeError(f"{where}: novelty: base {url}: {FILE} is not what its manifest says ({digest[:12]}…)")
        try:
            added = novelty.add_base(ParquetFile(pa.BufferReader(content)).read(), one)
        except ValueError as error:
            raise RecipeError(f"{where}: novelty: base {url}: {FILE} {error}") from error
        made.append({"base": one, "sha256": digest, "instructions": stated["rows"], "added": added})
    return made
