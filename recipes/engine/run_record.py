"""What a finished run leaves in its version's folder: run.json, and the recipe as it ran."""

import time
from collections.abc import Sequence
from typing import Any

import yaml

from curation.place import Place
from curation.provenance import Source
from curation.shards import MANIFEST
from recipes.engine.generation.run import about
from recipes.engine.judging import run as judging_run
from recipes.engine.manifests import versions
from recipes.engine.pairs import run as pairs_run
from recipes.engine.plan import Plan, Together
from recipes.engine.score_warnings import score_warnings
from recipes.engine.source_read import SourceRead


def finish_run(
    plan: Plan, generated: Sequence[Any] = (), paired: Sequence[Any] = (), judged: Sequence[Any] = ()
) -> dict[str, Any]:
    """Writes run.json and the recipe as it ran into the version's folder. Returns the content of run.json."""
    place = Place(plan.folder)
    blocks = []
    unreadable, warnings = [], []
    for b in plan.blocks:
        manifest = Place(b.url).read_json(MANIFEST)
        unreadable += manifest.get("unreadable", [])
        warnings += score_warnings(b.name, manifest)
        blocks.append(
            {
                "name": b.name,
                "stage": b.stage,
                "kind": b.kind,
                "url": _relative(b.url, plan.folder),
                "fingerprint": b.fingerprint,
                "read": b.read.names if isinstance(b.read, Together) else [b.read.source.name],
                "own": b.describes,
                "rows_in": manifest["rows_in"],
                "rows_out": manifest["rows_out"],
                "rejected": manifest["rejected"],
            }
        )
    run_json = {
        "recipe": plan.recipe.name,
        "version": plan.recipe.version,
        "fingerprint": plan.fingerprint,
        "release": plan.blocks[-1].name,
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "versions": versions({name for b in plan.blocks for name in b.libraries}),
        "sources": {name: _source_summary(plan, name) for name in plan.recipe.sources},
        "unreadable": unreadable,
        "warnings": warnings,
        "blocks": blocks,
        "generated": [about(g, m) for g, m in zip(plan.generations, generated, strict=True)],
        "judged": [judging_run.about(j, m) for j, m in zip(plan.juries, judged, strict=True)],
        "pairs": [pairs_run.about(p, m) for p, m in zip(plan.preferences, paired, strict=True)],
    }
    place.write_json("run.json", run_json)
    recipe = plan.recipe.model_dump(exclude_defaults=True, by_alias=True)
    place.write_bytes("recipe.yaml", yaml.safe_dump(recipe, allow_unicode=True, sort_keys=False).encode())
    return run_json


def _source_summary(plan: Plan, name: str) -> dict[str, Any]:
    for block in plan.blocks:
        read = block.read
        if isinstance(read, SourceRead) and read.source.name == name:
            files = [{"file": i.file, "size": i.size, "stamp": i.stamp} for i in read.inputs]
            return {**vars(read.source), "kind": read.kind, "files": files}
    return vars(Source(name))


def _relative(url: str, folder: str) -> str:
    """A block's folder as seen from the version's folder, so that a run can be moved as a whole."""
    if url.startswith(folder + "/"):
        return url[len(folder) + 1 :]
    base = folder.rsplit("/", 1)[0]
    return f"../{url[len(base) + 1 :]}" if url.startswith(base + "/") else url
