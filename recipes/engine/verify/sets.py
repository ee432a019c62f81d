"""`seimai verify` of sets beside the rows of a run, juries and pairs: one by its folder, or all of a run; and of a release."""

import posixpath
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from annotation.release.check import check_released, is_release
from curation.place import Place
from curation.verify.findings import Check
from recipes.engine.run_folder import read_run, run_folder
from synth.judge.check import check_jury, is_jury
from synth.pairing.check import MANIFEST, check_pairs, is_pairs


def is_set(path: str) -> bool:
    """Whether a folder is a finished set of pairs, a jury's, or a release."""
    place = Place(path)
    return place.exists(MANIFEST) and _kind(place.read_json(MANIFEST)) is not None


def checked_sets(path: str, sample: int | None, seed: int | None) -> Iterator[tuple[str, list[Check]]]:
    """Folder and checks of the set at a path, or of every jury and set of pairs of the run there; none for any other folder."""
    place = Place(path)
    if is_set(path):
        yield path, _checks(path, sample, seed)
    elif not place.exists(MANIFEST) and not place.exists("mixture.json"):
        folder = run_folder(path)
        about = read_run(Place(folder))
        for one in (*about.get("judged", ()), *about.get("pairs", ())):
            url = posixpath.join(folder, one["url"])
            yield url, [_as_said(url, one), *_checks(url, sample, seed)]


def _kind(manifest: Mapping[str, Any]) -> Callable[[str, int | None, int | None], list[Check]] | None:
    if is_pairs(manifest):
        return lambda url, sample, seed: check_pairs(url, sample=sample, seed=seed)
    if is_release(manifest):
        return lambda url, *_: check_released(url)
    return (lambda url, *_: check_jury(url)) if is_jury(manifest) else None


def _checks(url: str, sample: int | None, seed: int | None) -> list[Check]:
    if not Place(url).exists(MANIFEST):
        raise FileNotFoundError(f"{url}: run.json names a set here, and it has no {MANIFEST}")
    check = _kind(Place(url).read_json(MANIFEST))
    if check is None:
        raise ValueError(f"{url}: {MANIFEST} is that of no jury, no set of pairs and no release")
    return check(url, sample, seed)


def _as_said(url: str, one: Mapping[str, Any]) -> Check:
    """The set is the one that run.json names, with its counts."""
    check = Check("run", looked_at=1)
    said = Place(url).read_json(MANIFEST) if Place(url).exists(MANIFEST) else {}
    for name in ("fingerprint", "rows_in", "rows_out"):
        if said.get(name) != one[name]:
            check.fail(f"{MANIFEST}: its {name} is not what run.json says of {one['name']}")
    return check
