"""A jury planned: who judges, what they may judge, and the fingerprint that follows from it.

Judges are authors: the policy rules on their models and addresses as on those that generate, and the release's target keeps what they
oblige to. A model that the policy marks `demo` is a demo judge, whatever the recipe says.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from curation.source_hash import ROOT, of_module
from recipes.engine import blocks, code_version
from recipes.engine.errors import RecipeError
from recipes.engine.generation.engines import INSTALL, EngineChoice
from recipes.engine.generation.paths import check_model, engine_placed, placed
from recipes.engine.generation.plan import Generation, check_obligations
from recipes.engine.generation.read_by_name import read_by_name
from recipes.engine.generation_policy import check_generation
from recipes.engine.judging import engines
from recipes.engine.judging.people import read_people
from recipes.engine.judging.spec import JudgeSpec, JurySpec
from recipes.engine.recipe_file import POLICY
from recipes.engine.source_read import hash_of
from synth import wordings
from synth.engine.request import RequestError, Sampling
from synth.judge.asking import GROUP, REASON, functions, least_tokens
from synth.judge.jury import ENOUGH_FAMILIES
from synth.judge.reward import KIND, NEEDS
from synth.judge.verdict import Together
from synth.models import Policy
from synth.wordings import Wordings

FORMAT = 2
"""Version of the set's layout; part of every fingerprint."""
LIBRARIES = ("numpy", "scipy", "regex", "pyyaml")


@dataclass(frozen=True)
class Judge:
    """A judge that may be asked. demo: why its verdicts make no pairs, "" where they may."""

    name: str
    engine: EngineChoice
    family: str
    kin: tuple[str, ...]
    demo: str


@dataclass
class Jury:
    """A jury that may be asked. left_out: judges whose engine is not installed. people: their decisions by comparison.

    work: folder of what is asked and said, of which another aggregation needs nothing new; url: of the released set; store: of
    the answers, shared with generations.
    """

    spec: JurySpec
    generations: list[Generation]
    judges: list[Judge]
    left_out: dict[str, str]
    sampling: Sampling
    words: Wordings
    policy: Policy
    where: str
    people: Mapping[bytes, Together] = field(default_factory=dict[bytes, Together])
    fingerprint: str = ""
    asked: str = ""
    """Fingerprint of what the judges are asked."""
    url: str = ""
    work: str = ""
    store: str = ""

    @property
    def name(self) -> str:
        """The recipe's name of it."""
        return self.spec.name

    @property
    def families(self) -> dict[str, str]:
        """Family of each judge."""
        return {judge.name: judge.family for judge in self.judges}

    @property
    def demo(self) -> dict[str, str]:
        """Judges whose verdicts make no pairs, with the reason."""
        return {judge.name: judge.demo for judge in self.judges if judge.demo}


def make(
    spec: JurySpec, generations: Sequence[Generation], where: str, folder: Path, policy_file: str | None = None
) -> Jury:
    """Checks a jury and plans it. Raises RecipeError at the first thing that cannot be.

    folder: the recipe's, at which relative files begin. policy_file: in place of the project's.
    """
    place, folder = f"{where}, judge '{spec.name}'", folder.resolve()
    read = read_by_name(spec.reads, generations, place)
    policy_path = folder / policy_file if policy_file else POLICY
    judges: list[Judge] = []
    left_out: dict[str, str] = {}
    policy = read[0].policy
    for name, said in spec.judges.items():
        judge, missing = _judge(name, said, read[0], policy_path, folder, f"{place}, judges, {name}")
        if missing and spec.without_engine == "fail":
            hint = INSTALL.get(judge.engine.kind or "", engines.INSTALL)
            raise RecipeError(
                f"{place}, judges, {name}: engine '{judge.engine.kind}' is not installed here ({missing}); {hint}"
            )
        if missing:
            left_out[name] = missing
        else:
            judges.append(judge)
    if spec.rubric and judges and all(judge.engine.kind == KIND for judge in judges):
        raise RecipeError(
            f"{place}: a reward model gives no scores by a rubric; leave `rubric` out, or add a judge that does"
        )
    people = read_people(Path(placed(spec.people, folder)), place) if spec.people else {}
    words = _words(spec, read, place)
    made = Jury(spec, read, judges, left_out, _sampling(spec, place), words, policy, place, people)
    _check_families(made)
    made.asked = _asked(made)
    file = Path(placed(spec.people, folder)) if spec.people else None
    said_by_people = hashlib.sha256(file.read_bytes()).hexdigest() if file else ""
    made.fingerprint = hash_of([made.asked, spec.model_dump(), sorted(made.demo), said_by_people])
    return made


def _judge(
    name: str, said: JudgeSpec, generation: Generation, policy_path: Path, folder: Path, place: str
) -> tuple[Judge, str]:
    """A judge that the policy lets judge, and what of its engine is not installed."""
    engine = engines.chosen(engine_placed(said.engine, folder), place)
    assert engine.model is not None
    target = generation.target
    policy = check_generation(place, [engine.model], engine.addresses, target, policy_path, engine.called)
    check_obligations(engine, policy, target, place)
    check_model(engine, policy, place)
    marked = policy.is_demo(engine.model)
    if marked and said.demo is False:
        raise RecipeError(
            f"{place}: demo: false, and {policy.where} marks {engine.model} as demo: what it says shows how judging works and is no "
            "judgement; leave the key out"
        )
    why = f"{policy.where} marks {engine.model} so" if marked else "the recipe marks it so" if said.demo else ""
    return Judge(name, engine, said.family, tuple(said.kin), why), engine.missing


def _words(spec: JurySpec, read: Sequence[Generation], place: str) -> Wordings:
    """Wordings that ask the judges. Raises RecipeError for drafts that may not be used and for functions without rubric."""
    whole = wordings.wordings(GROUP)
    drafts = read[0].release.draft_wordings == "allow"
    words = whole if drafts else whole.only(("reviewed",))
    needs = ["system", "pairwise", *(("rubric", *(f"aspect_{a}" for a in spec.rubric)) if spec.rubric else ())]
    asked = {order.task.function: order.name for g in read for order in g.orders}
    for function, order in asked.items():
        if function not in functions(whole):
            raise RecipeError(
                f"{place}: task '{order}' teaches '{function}', which has no rubric: a line focus_{function}.1 in {GROUP}.yaml would "
                f"be one; there are {', '.join(functions(whole))}"
            )
    parts = set(words.parts)
    if lacking := [p for p in (*needs, *(f"focus_{f}" for f in asked)) if p not in parts]:
        raise RecipeError(
            f"{place}: the wordings in {GROUP}.yaml for '{lacking[0]}' are drafts that nobody has reviewed; have them reviewed, or "
            "say release: {draft_wordings: allow} for one that stays inside"
        )
    return words


def _sampling(spec: JurySpec, place: str) -> Sampling:
    if not {"max_tokens", "temperature"} <= spec.sampling.keys():
        raise RecipeError(f"{place}: sampling states max_tokens and temperature at least")
    try:
        made = Sampling(**blocks.checked(Sampling, dict(spec.sampling), f"{place}, sampling"))
    except RequestError as error:
        raise RecipeError(f"{place}, sampling: {error}") from error
    asked = any(KIND not in said.engine for said in spec.judges.values())
    if asked and made.max_tokens < (least := max(least_tokens(), least_tokens(spec.rubric))):
        raise RecipeError(
            f"{place}, sampling: max_tokens: {made.max_tokens} cannot hold a verdict, which takes up to {least} tokens; each "
            f"character of its reason takes up to three more (640 leave room for {REASON})"
        )
    return made


def _check_families(made: Jury) -> None:
    families = sorted({judge.family for judge in made.judges})
    if made.spec.aggregate == "dawid_skene" and len(families) < ENOUGH_FAMILIES and not made.people:
        raise RecipeError(
            f"{made.where}: aggregate: dawid_skene needs judges of {ENOUGH_FAMILIES} families, or people's decisions on some "
            f"comparisons (people: FILE); it has {len(families)} ({', '.join(families) or 'none'}) and no decision. "
            "Say majority, or add a judge of another family"
        )


def _asked(made: Jury) -> str:
    """Hash of what judges are asked: answers, engines, wordings, sampling, code; not how their verdicts become one."""
    spec = made.spec
    judges = {name: said.engine for name, said in spec.judges.items() if name not in made.left_out}
    said = spec.model_dump(exclude={"judges", "aggregate", "people"})
    folder = ROOT / "synth" / "judge"
    code = {path.stem: of_module(f"synth.judge.{path.stem}") for path in sorted(folder.glob("[a-z]*.py"))}
    words = hash_of((wordings.FOLDER / f"{GROUP}.yaml").read_text(encoding="utf-8"))
    drafts = made.generations[0].release.draft_wordings
    read = [[g.name, g.fingerprint] for g in made.generations]
    more = NEEDS if any(judge.engine.kind == KIND for judge in made.judges) else ()
    libraries: dict[str, Any] = code_version.libraries((*LIBRARIES, *more))
    return hash_of([FORMAT, read, judges, said, code, words, drafts, libraries])
