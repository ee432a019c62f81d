"""`seimai verify` of sets of pairs: one by its folder, or all of a run."""

import posixpath
from collections.abc import Iterator

from curation.place import Place
from curation.verify.findings import Check
from recipes.engine.run_folder import run_folder
from synth.pairing.check import MANIFEST, check_pairs, is_pairs


def is_pair_set(path: str) -> bool:
    """Whether a folder is a finished set of pairs."""
    place = Place(path)
    return place.exists(MANIFEST) and is_pairs(place.read_json(MANIFEST))


def checked_pairs(path: str, sample: int | None, seed: int | None) -> Iterator[tuple[str, list[Check]]]:
    """Folder and checks of the set at a path, or of every set of the run there; none for any other folder."""
    place = Place(path)
    if is_pair_set(path):
        yield path, check_pairs(path, sample=sample, seed=seed)
    elif not place.exists(MANIFEST) and not place.exists("mixture.json"):
        folder = run_folder(path)
        for one in Place(folder).read_json("run.json").get("pairs", ()):
            url = posixpath.join(folder, one["url"])
            yield url, [_as_said(url, one), *check_pairs(url, sample=sample, seed=seed)]


def _as_said(url: str, one: dict[str, object]) -> Check:
    """The set is the one that run.json names, with its counts."""
    check = Check("run", looked_at=1)
    said = Place(url).read_json(MANIFEST) if Place(url).exists(MANIFEST) else {}
    for name in ("fingerprint", "rows_in", "rows_out"):
        if said.get(name) != one[name]:
            check.fail(f"{MANIFEST}: its {name} is not what run.json says of {one['name']}")
    return check
