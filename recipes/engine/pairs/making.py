"""From the answers of generations to a set of pairs: what is edited, candidates of every strategy, rules, balance, quotas and caps.

    OUT/stages/preference-4f0c9a1b77d0/
      read/answers/00000.parquet    answers of a file of a generation, as narrow columns
      edit/work.parquet             which answers are edited
      edit/edits/00000.parquet      what worker 0 made of its share
      */tasks/00000.json            that a worker's file is whole

Everything after the edits is made again whenever the same command is given: it is a function of them and costs seconds.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from curation.parquet_file import read_parquet, write_parquet
from curation.place import Place
from curation.provenance import id_words, key
from curation.shards import MANIFEST
from curation.work_list import incomplete
from recipes.engine.errors import RecipeError
from recipes.engine.executors import LocalExecutor
from recipes.engine.generation.rounds import Where
from recipes.engine.judging.plan import Jury
from recipes.engine.pairs.edit_step import MASKS, SHARE, WORK, EditAnswers, EditWork
from recipes.engine.pairs.plan import Preference
from recipes.engine.pairs.read_step import ReadAnswers
from synth.forbidden_authors import ForbiddenAuthors
from synth.models import Policy
from synth.pairing import balance, choose, delta, edited_candidates, leak, program_model, rules, verified_failed
from synth.pairing import jury as jury_pairs
from synth.pairing.pool import File, Pool
from synth.verify.constraint import Constraint, parse

if TYPE_CHECKING:
    import polars as pl


@dataclass
class Made:
    """What pairing came to. pairs: a line each, as `rules.widened` gives them. answers: the pool's frame.

    candidates: how many each strategy had; drops: why others are no pairs; before, after: strata without and with balancing.
    calibration: what people say of the jury's margins, and how many decisions it left out; None where the recipe asks for none.
    unsaid: decisions of the jury that no judge said itself.
    """

    plan: Preference
    pool: Pool
    answers: "pl.DataFrame"
    pairs: "pl.DataFrame"
    candidates: Counter[str] = field(default_factory=Counter[str])
    drops: rules.Drops = field(default_factory=Counter[tuple[str, str]])
    before: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    after: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    calibration: dict[str, Any] | None = None
    unsaid: int = 0
    edits: dict[str, int] = field(default_factory=dict[str, int])
    audits: dict[str, bool] = field(default_factory=dict[str, bool])
    read: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])


def reads(plan: Preference) -> list[dict[str, Any]]:
    """What a set is made of: each generation and jury by name, fingerprint and content of its set."""
    said = []
    for one in (*plan.generations, *juries(plan)):
        manifest = Place(one.url).read_json(MANIFEST)
        said.append({"name": one.name, "fingerprint": manifest["fingerprint"], "content": manifest["content"]})
    return said


def juries(plan: Preference) -> list[Jury]:
    """Juries whose word counts in a set."""
    return [jury for jury in (plan.jury, plan.scores) if jury is not None]


def make(plan: Preference, pool: Pool, where: Where) -> Made:
    """Reads the generations into the pool and chooses pairs. Raises RunError when a worker cannot go on."""
    audits, conduct = _read(plan, pool, where)
    edits, strategies = _edit(plan, pool, conduct, where)
    answers = _answers(plan, pool)
    pool.unused["speaks_to_its_judge"] += int((pool.frame()["chosen"] & ~answers["chosen"]).sum())
    salt = int.from_bytes(key("pairs", plan.spec.salt)[:8], "big")
    decisions, calibration, unsaid = _decided(plan)
    found = _candidates(plan, pool, answers, strategies, decisions, salt)
    made = Made(plan, pool, answers, found, calibration=calibration, edits=edits, audits=audits, read=reads(plan))
    made.unsaid = unsaid
    made.candidates.update(_by_strategy(found))
    spec = plan.spec
    left, drops = rules.permitted(found, answers, pool, spec.unlike.jaccard, _forbidden(plan.generations[0].policy))
    made.drops.update(drops)
    names = pool.words["function"].names
    made.before = leak.strata(left, names)
    units = balance.coupled(left, spec.balance.length, spec.balance.format)
    quotas = {name: said.pairs for name, said in spec.strategies.wanted.items()}
    for strategy, count in _by_strategy(left).items():
        made.drops[strategy, "unbalanced"] += count - _by_strategy(units)[strategy]
    without = pool.words["template"].codes.get("")
    chosen, drops = choose.chosen(units, quotas, spec.caps.per_template, without)
    made.pairs = rules.widened(chosen, answers)
    made.drops.update(drops)
    made.after = leak.strata(made.pairs, names)
    return made


def _answers(plan: Preference, pool: Pool) -> "pl.DataFrame":
    """All answers; of those that a jury laid aside, since they speak to whoever grades them, none may be chosen or labelled true."""
    import polars as pl

    answers, aside = pool.frame(), list[int]()
    for jury in juries(plan):
        rows = read_parquet(Place(jury.url), "flagged/00000.parquet").column("id")
        aside += id_words(rows.combine_chunks())[:, 0].tolist() if len(rows) else []
    spoken = pl.col("id").is_in(pl.Series(aside, dtype=pl.UInt64).implode())
    return answers.with_columns(pl.col("chosen") & ~spoken) if aside else answers


def _by_strategy(pairs: "pl.DataFrame") -> Counter[str]:
    return Counter(dict(pairs["strategy"].value_counts().iter_rows()))


def _forbidden(policy: Policy) -> rules.Forbidden:
    """The providers of a policy whose terms forbid training on what their models write."""
    authors = ForbiddenAuthors.of(policy)
    names = "|".join(name for provider in policy.providers for name in provider["calls_itself"])
    return rules.Forbidden(names, lambda text: authors.find(text) is not None)


def _read(plan: Preference, pool: Pool, where: Where) -> tuple[dict[str, bool], list[tuple[Constraint, ...]]]:
    """Has workers read all files of the generations. Returns the audits, and what each file's answers were asked
    beside their spec."""
    audits: dict[str, bool] = {}
    manifests = [Place(g.url).read_json(MANIFEST) for g in plan.generations]
    for manifest in manifests:
        for kind, good in manifest["verifiers"].items():
            audits[kind] = audits.get(kind, True) and good
    files: list[File] = []
    conduct: list[tuple[Constraint, ...]] = []
    rows = 0
    for generation, manifest in zip(plan.generations, manifests, strict=True):
        asked = tuple(parse({"kind": one} if isinstance(one, str) else one) for one in generation.spec.conduct)
        for file in manifest["files"]:
            if re.match(r"(?:data|refused)/", file["path"]) and file["rows"]:
                files.append(File(generation.url, file["path"]))
                conduct.append(asked)
                rows += file["rows"]
    place = Place(f"{plan.edited}/read")
    audited = frozenset(kind for kind, good in audits.items() if good)
    _begin(place, {"read": reads(plan)[: len(plan.generations)], "files": len(files), "audits": audits})
    where.progress.start(plan.name, max(1, len(files)), _done(place, len(files)), "rows", rows, decides=False)
    _run(plan, place, ReadAnswers(place.url, tuple(files), audited, plan.drafts), len(files), where)
    abouts = [place.read_json(f"tasks/{rank:05d}.json") for rank in range(len(files))]
    edits = sum(s.answers * s.per_answer for name, s in plan.spec.strategies.wanted.items() if name in MASKS)
    answers = sum(about["files"][0]["rows"] for about in abouts)
    pool.expect(answers + min(answers, edits))
    for file, about in zip(files, abouts, strict=True):
        pool.read(file, File(place.url, about["files"][0]["path"]), about["rows"], about["unused"])
    return audits, conduct


def _begin(place: Place, layout: dict[str, Any]) -> bool:
    """Makes a folder ready for tasks of just this layout; what another one left is removed. Whether it is new."""
    if place.exists("layout.json") and place.read_json("layout.json") == layout:
        return False
    place.remove()
    place.write_json("layout.json", layout)
    return True


def _done(place: Place, tasks: int) -> int:
    return tasks - len(incomplete(place, tasks))


def _edit(
    plan: Preference, pool: Pool, conduct: list[tuple[Constraint, ...]], where: Where
) -> tuple[dict[str, int], "pl.Series"]:
    """Has workers edit what is to be edited, and reads the edits. Returns counts, and the strategy of each edit."""
    import polars as pl

    said = {name: s for name, s in plan.spec.strategies.wanted.items() if name in MASKS}
    counts, strategies = Counter[str](), list[str]()
    if not said:
        return dict(counts), pl.Series("strategy", strategies, dtype=pl.String)
    salt = int.from_bytes(key("edits", plan.spec.salt)[:8], "big")
    work = edited_candidates.to_edit(_answers(plan, pool), {name: s.answers for name, s in said.items()}, MASKS, salt)
    place = Place(f"{plan.edited}/edit")
    tasks = -(-len(work) // SHARE)
    if _begin(place, {"read": reads(plan)[: len(plan.generations)], "answers": len(work), "tasks": tasks}):
        write_parquet(place, WORK, pa.table({n: work[n].to_numpy() for n in ("file", "row", "turn", "mask")}))
    where.progress.stop()
    where.progress.start(plan.name, max(1, tasks), _done(place, tasks), "rows", len(work), decides=False, again=True)
    step = EditAnswers(EditWork(place.url, tuple(pool.files), tuple(conduct), said, plan.words))
    _run(plan, place, step, tasks, where)
    for name in place.names("tasks"):
        about = place.read_json(f"tasks/{name}")
        counts.update({k: about[k] for k in ("answers", "stale", "edits")})
        for file in about["files"]:
            if file["rows"]:
                table = read_parquet(place, file["path"]).select(["of", "strategy"])
                strategies += table.column("strategy").to_pylist()
                pool.add_edits(
                    File(place.url, file["path"], edited=True), work["index"].to_numpy()[table.column("of").to_numpy()]
                )
    return dict(counts), pl.Series("strategy", strategies, dtype=pl.String)


def _run(plan: Preference, place: Place, step: EditAnswers | ReadAnswers, tasks: int, where: Where) -> None:
    if not tasks:
        return
    if where.cluster is None:
        executor = LocalExecutor(place, [step], tasks, where.pool.count)
        executor.run_watched(where.pool, where.progress.update)
    else:
        where.cluster.run(place, [step], tasks, f"{plan.name}.{step.name.split()[0]}", "cpu")


def _decided(plan: Preference) -> tuple[pa.Table | None, dict[str, Any] | None, int]:
    """The jury's decisions that may make pairs, what is to be said of people's agreement, and how many no judge said itself."""
    said = plan.spec.strategies.jury
    if said is None or plan.jury is None:
        return None, None, 0
    place = Place(plan.jury.url)
    decisions, verdicts = (read_parquet(place, f"{name}/00000.parquet") for name in ("decisions", "verdicts"))
    wide = (np.abs(decisions.column("margin").to_numpy()) >= said.margin) & np.isin(
        decisions.column("verdict").to_pylist(), ("win", "loss")
    )
    heard = jury_pairs.said_by_somebody(decisions, verdicts)
    unsaid = int((wide & ~heard).sum())
    decisions, wide = decisions.filter(pa.array(heard)), wide[heard]
    if said.agree is None or plan.curves is None:
        return decisions, None, unsaid
    leans = np.abs(decisions.column("margin").to_numpy())
    chances = plan.curves.chances(decisions.column("function").to_pylist(), leans.tolist())
    known = ~np.isnan(chances)
    about = {
        "at_least": said.agree.at_least,
        "decisions": int(wide.sum()),
        "below": int((wide & known & (chances < said.agree.at_least)).sum()),
        "without_curve": int((wide & ~known).sum()),
        "curves": {name: np.stack(points, axis=1).tolist() for name, points in sorted(plan.curves.points.items())},
    }
    return decisions.filter(pa.array(known & (chances >= said.agree.at_least))), about, unsaid


def _candidates(
    plan: Preference,
    pool: Pool,
    answers: "pl.DataFrame",
    edited: "pl.Series",
    decisions: pa.Table | None,
    salt: int,
) -> "pl.DataFrame":
    """Candidates of all strategies that the recipe wants."""
    import polars as pl

    said = plan.spec.strategies
    found: list[pl.DataFrame] = []
    if said.jury is not None:
        assert decisions is not None
        margin, per_prompt = said.jury.margin, said.jury.per_prompt
        found.append(jury_pairs.pairs(answers, decisions, margin=margin, per_prompt=per_prompt, salt=salt))
    for strategy, module in (("verified_failed", verified_failed), ("program_model", program_model)):
        if (wanted := getattr(said, strategy)) is not None:
            found.append(module.pairs(answers, per_prompt=wanted.per_prompt, salt=salt))
    if said.delta is not None:
        codes = [_models(pool, name, plan) for name in (said.delta.strong, said.delta.weak)]
        rejected = said.delta.rejected
        found.append(
            delta.pairs(
                answers, strong=codes[0], weak=codes[1], rejected=rejected, per_prompt=said.delta.per_prompt, salt=salt
            )
        )
    found.append(edited_candidates.pairs(answers, edited, salt))
    return pl.concat(found)


def _models(pool: Pool, name: str, plan: Preference) -> list[int]:
    """Codes of a model, of all its revisions and weights or of one revision (`name@revision`)."""
    codes = [code for text, code in pool.words["model"].codes.items() if text.startswith(f"{name}@")]
    if (
        "@" in name
        and not codes
        and not any(t.startswith(f"{name.partition('@')[0]}@") for t in pool.words["model"].codes)
    ):
        return []
    if "@" in name and not codes:
        raise RecipeError(
            f"{plan.where}, strategy 'delta': no answer is of {name}; answers are of {', '.join(pool.words['model'].names)}"
        )
    return codes
