"""A set of pairs planned: what it reads, what it may use, and the fingerprint that follows from it."""

import difflib
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from annotation.calibrate import CalibrationError
from annotation.calibration_file import Curves, read_curves
from curation.source_hash import ROOT, of_module
from recipes.engine import code_version
from recipes.engine.errors import RecipeError
from recipes.engine.generation.paths import placed
from recipes.engine.generation.plan import Generation
from recipes.engine.generation.read_by_name import read_by_name
from recipes.engine.judging.plan import Jury
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
    jury: Jury | None = None
    """Whose decisions make pairs."""
    scores: Jury | None = None
    """Whose rubric gives labelled answers their attributes."""
    curves: Curves | None = None
    """What people say of its decisions."""
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


def make(
    spec: PairsSpec, generations: Sequence[Generation], juries: Sequence[Jury], where: str, folder: Path
) -> Preference:
    """Checks a set of pairs and plans it. Raises RecipeError at the first thing that cannot be.

    folder: the recipe's, at which relative files begin.
    """
    place = f"{where}, pairs '{spec.name}'"
    read = read_by_name(spec.reads, generations, place)
    made = Preference(spec, read, read[0].release.draft_wordings == "allow", place)
    if (said := spec.strategies.jury) is not None:
        made.jury = _jury(said.read, read, juries, f"{place}, strategy 'jury'")
        if said.agree is not None:
            made.curves = _curves(Path(placed(said.agree.calibration, folder.resolve())), f"{place}, strategy 'jury'")
    if spec.scores is not None:
        made.scores = _scores(spec, _jury(spec.scores, read, juries, f"{place}, scores"), f"{place}, scores")
    elif spec.kto is not None and spec.kto.judged is not None:
        raise RecipeError(f"{place}, kto, judged: whose scores? say scores: JURY, a jury of the recipe with a rubric")
    _check_models(made, place)
    _check_words(made, place)
    made.asked = _asked(made)
    judged = [None if jury is None else jury.fingerprint for jury in (made.jury, made.scores)]
    people = [] if made.curves is None else [hashlib.sha256(made.curves.file).hexdigest()]
    made.fingerprint = hash_of([made.asked, spec.model_dump(), *([judged] if any(judged) else []), *people])
    return made


def _jury(name: str, read: Sequence[Generation], juries: Sequence[Jury], place: str) -> Jury:
    """A jury whose word may count: its judges are no demos, and what it compares is read here."""
    by_name = {jury.name: jury for jury in juries}
    if name not in by_name:
        near = difflib.get_close_matches(name, by_name, 1)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        there = f"there are: {', '.join(by_name)}" if by_name else "it has none"
        raise RecipeError(f"{place}: reads '{name}', which is no jury of this recipe ({there}){hint}")
    jury = by_name[name]
    for judge, why in jury.demo.items():
        raise RecipeError(
            f"{place}: '{name}' has the judge '{judge}', which is a demo ({why}): what it says shows how judging works and makes no "
            "pair and no score. Take a jury without it"
        )
    mine = {g.name for g in read}
    if apart := [g.name for g in jury.generations if g.name not in mine]:
        raise RecipeError(f"{place}: '{name}' compares answers of '{apart[0]}', which these pairs do not read")
    return jury


def _curves(file: Path, place: str) -> Curves:
    try:
        return read_curves(file)
    except CalibrationError as error:
        raise RecipeError(f"{place}, agree: {error}") from error


def _scores(spec: PairsSpec, jury: Jury, place: str) -> Jury:
    if not jury.spec.rubric:
        raise RecipeError(f"{place}: '{jury.name}' says no rubric, so it gives no scores")
    if spec.kto is None:
        raise RecipeError(f"{place}: attributes are of labelled answers; say kto as well")
    if (said := spec.kto.judged) is not None and said.aspect not in jury.spec.rubric:
        raise RecipeError(
            f"{place}: kto labels by '{said.aspect}', and the rubric of '{jury.name}' asks {', '.join(jury.spec.rubric)}"
        )
    return jury


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
