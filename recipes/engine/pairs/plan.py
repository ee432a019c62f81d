"""A set of pairs planned: what it reads, what it may use, and the fingerprint that follows from it."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation.source_hash import ROOT, of_module
from recipes.engine import code_version
from recipes.engine.errors import RecipeError
from recipes.engine.generation.plan import Generation
from recipes.engine.pairs.spec import PairsSpec
from recipes.engine.source_read import hash_of
from synth import wordings
from synth.wordings import Wordings

FORMAT = 1
"""Version of the set's layout; part of every fingerprint."""
LIBRARIES = ("sudachipy", "sudachidict-core", "jsonschema", "regex", "pyyaml", "polars")
GROUP = "pairing"
"""File of wordings of what twins and over-refusals reject."""


@dataclass
class Preference:
    """A set of pairs that may be made.

    drafts: whether rows of wordings that nobody has reviewed may be used, as the generations' release says. edited: folder of edits,
    which a changed quota or cap needs not make anew. url: of the released set.
    """

    spec: PairsSpec
    generations: list[Generation]
    drafts: bool
    where: str
    fingerprint: str = ""
    asked: str = ""
    """Fingerprint of what the edits depend on."""
    url: str = ""
    edited: str = ""

    @property
    def name(self) -> str:
        """The recipe's name of it."""
        return self.spec.name

    @property
    def words(self) -> Wordings:
        """Wordings that edits may use."""
        whole = wordings.wordings(GROUP)
        return whole if self.drafts else whole.only(("reviewed",))


def make(spec: PairsSpec, generations: Sequence[Generation], where: str) -> Preference:
    """Checks a set of pairs and plans it. Raises RecipeError at the first thing that cannot be."""
    place = f"{where}, pairs '{spec.name}'"
    by_name = {g.name: g for g in generations}
    for name in spec.reads:
        if name not in by_name:
            near = difflib.get_close_matches(name, by_name, 1)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            there = f"there are: {', '.join(by_name)}" if by_name else "it has none"
            raise RecipeError(f"{place}: reads '{name}', which is no generation of this recipe ({there}){hint}")
    read = [by_name[name] for name in spec.reads]
    made = Preference(spec, read, read[0].release.draft_wordings == "allow", place)
    _check_models(made, place)
    _check_words(made, place)
    made.asked = _asked(made)
    made.fingerprint = hash_of([made.asked, spec.model_dump()])
    return made


def _check_models(made: Preference, place: str) -> None:
    """A delta's two models are those of generations that are read, or nobody's answers could be compared."""
    delta = made.spec.strategies.delta
    if delta is None:
        return
    said = [g.spec.engine for g in made.generations]
    named = {n for engine in said for n in _named(engine)}
    for which in ("strong", "weak"):
        if (name := getattr(delta, which).partition("@")[0]) not in named:
            there = ", ".join(sorted(named)) or "none"
            raise RecipeError(
                f"{place}, strategy 'delta': {which}: no generation that is read asks '{name}' (models: {there}); "
                "read the generations of both models"
            )


def _named(engine: Mapping[str, Any]) -> list[str]:
    found = []
    for params in engine.values():
        declared = params.get("declared")
        found.append(str((declared if isinstance(declared, dict) else params).get("model", "")))
    return found


def _check_words(made: Preference, place: str) -> None:
    wanted = {"twins": ("hedge", "claim"), "over_refusal": ("refuse", "reason", "offer")}
    parts = set(made.words.parts)
    for strategy, needs in wanted.items():
        if strategy in made.spec.strategies.wanted and (lacking := [p for p in needs if p not in parts]):
            raise RecipeError(
                f"{place}, strategy '{strategy}': the wordings in {GROUP}.yaml for '{lacking[0]}' are drafts that nobody "
                "has reviewed; have them reviewed, or say release: {draft_wordings: allow} for one that stays inside"
            )


def _asked(made: Preference) -> str:
    """Hash of what edits depend on: the generations, the strategies that edit, code, wordings, libraries."""
    folder = ROOT / "synth"
    files = [*(folder / "pairing").rglob("*.py"), *(folder / "verify").glob("*.py")]
    code = {name: of_module(name) for name in sorted(_module(path) for path in files)}
    edited = {
        k: v.model_dump(exclude={"pairs"})
        for k, v in made.spec.strategies.wanted.items()
        if k in ("near_miss", "twins", "over_refusal")
    }
    words = hash_of((wordings.FOLDER / f"{GROUP}.yaml").read_text(encoding="utf-8"))
    read = [[g.name, g.fingerprint] for g in made.generations]
    return hash_of([FORMAT, read, edited, made.spec.salt, made.drafts, words, code, code_version.libraries(LIBRARIES)])


def _module(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
