"""Which models had a part in a run: what scored pages, what wrote rows, what judged them, each by revision and weights.

The licence of one that wrote or judged is what the packaged policy says of these very weights; of others it is unknown.
"""

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from curation.place import Place
from curation.shards import MANIFEST
from recipes.engine.recipe_file import POLICY
from recipes.engine.run_folder import Run
from recipes.engine.wording import Words
from synth.policy_file import load_policy

LANGUAGE_MODEL = ("fastText lid.176.ftz", "CC-BY-SA-3.0")
"""The packaged language model and its licence (curation/classify/lid.176.LICENCE.txt)."""
_PROGRAM = "program"


@dataclass(frozen=True)
class Model:
    """A model: what it did, its name, version or revision, beginning of its weights' hash, licence; null where none is said."""

    part: Words
    name: str
    version: str | None
    weights: str | None
    licence: str | None


@dataclass(frozen=True)
class Generated:
    """A set of generated rows or pairs: how many, by what they were written, under which obligations, which came from outside."""

    name: str
    kind: Words
    rows: int
    origins: Mapping[str, int]
    obligations: tuple[str, ...]
    imports: Mapping[str, Mapping[str, Any]]
    drafts: int = 0


def models(run: Run) -> list[Model]:
    """Models of the run, in the order of the pipeline, each once."""
    found: list[Model] = []
    if run.steps("language"):
        name, licence = LANGUAGE_MODEL
        found.append(Model(Words("言語の判定", "identifies the language"), name, None, None, licence))
    scored = Words("品質の点数付け", "scores quality")
    for block in run.chain:
        for note, said in run.manifest(block).items():
            if note.startswith("quality") and note.endswith("_model") and isinstance(said, dict):
                version = said.get("revision") or said.get("version")
                found.append(
                    Model(scored, said["name"], version, (said.get("sha256") or "")[:12] or None, said.get("licence"))
                )
    wrote = Words("行の生成", "writes rows")
    for manifest in _manifests(run, "generated"):
        found += [_of(wrote, one) for one in manifest.get("identities", ())]
    judged = Words("回答の審査", "judges answers")
    for manifest in _manifests(run, "judged"):
        found += [_of(judged, one) for one in _judges(manifest)]
    return list(dict.fromkeys(found))


def _of(part: Words, said: Mapping[str, Any]) -> Model:
    name, revision, weights = (str(said.get(key) or "") for key in ("model", "revision", "weights"))
    known = load_policy(POLICY).models.get((name, revision, weights))
    licence = said.get("licence") or (known["licence"] if known is not None else None)
    return Model(part, name, revision or None, weights[:12] or None, licence)


def _judges(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    said = manifest.get("judges") or manifest.get("identities") or []
    found = list(said.values()) if isinstance(said, dict) else list(said)
    named = [one.get("identity", one) for one in found if isinstance(one, dict)]
    return [one for one in named if isinstance(one, dict) and one.get("model")]


def generations(run: Run) -> list[Generated]:
    """Sets of generated rows and of pairs that the run released."""
    made = []
    for kind, words in (
        ("generated", Words("指示データ", "instruction rows")),
        ("pairs", Words("選好データの組", "preference pairs")),
    ):
        for manifest in _manifests(run, kind):
            yields = manifest.get("yields") or {}
            owed = [f"{o['kind']}: {o['value']}" for o in (manifest.get("licences") or {}).get("obligations", ())]
            made.append(
                Generated(
                    manifest["name"],
                    words,
                    manifest["rows_out"],
                    {k: v for k, v in (yields.get("origins") or {}).items() if v} if kind == "generated" else {},
                    tuple(sorted(set(owed))),
                    manifest.get("imports") or {},
                    (yields.get("wordings") or {}).get("draft", 0) if kind == "generated" else 0,
                )
            )
    return made


def _manifests(run: Run, kind: str) -> Iterator[dict[str, Any]]:
    """Manifests of the run's sets of one kind, each with its name; none for a set that was deleted since."""
    for one in run.about.get(kind, ()):
        place = Place(posixpath.join(run.place.url, one["url"]))
        if place.exists(MANIFEST):
            yield place.read_json(MANIFEST) | {"name": one["name"]}
