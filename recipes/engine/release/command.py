"""`seimai release`: sets of runs, or single ones, as one release (annotation/release)."""

import datetime
import posixpath
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from annotation.agreed import agreement
from annotation.agreement import Estimate
from annotation.decision import read_decisions
from annotation.errors import ReleaseError
from annotation.labels import Labels
from annotation.release.decisions import Decisions
from annotation.release.formats import formats
from annotation.release.make import Order, make
from annotation.release.sources import Documents, Source, open_source
from annotation.release.splits import Shares
from curation.place import Place
from recipes.engine.errors import RecipeError, RunError
from recipes.engine.file_systems import check_out
from recipes.engine.forget.gate import cleared_or_refused
from recipes.engine.generation.spec import TargetSpec
from recipes.engine.manifests import versions
from recipes.engine.recipe_file import POLICY
from recipes.engine.release.about import AboutSpec, read_about
from recipes.engine.run_folder import Run, open_run
from synth.models import Policy
from synth.obligations import PolicyError, Target
from synth.policy_file import load_policy

LIBRARIES = ("pyarrow", "orjson")
"""What decides about released rows beside our own code."""


def release(
    sets: Sequence[str],
    out: str,
    names: Sequence[str],
    about_file: Path | None,
    contact: str | None,
    labels: Path | None,
) -> dict[str, Any]:
    """Makes the release and tells what it holds. Returns its manifest. Raises RecipeError, RunError."""
    check_out(out)
    try:
        wanted = formats(names)
        about = read_about(about_file, contact)
        documents, runs, sources = Documents(), list[Run](), list[Source]()
        for url in sets:
            opened = _sources(url.rstrip("/"), documents, runs, pages=any(of.kind == "text" for of in wanted))
            sources += [one for one in opened if one.url not in {s.url for s in sources}]
        order = Order(
            about.name or (runs[0].about["recipe"] if runs else posixpath.basename(out.rstrip("/"))),
            about.version or (runs[0].about["version"] if runs else "1"), sources, wanted, _target(about, runs, sources),
            _policy(about, about_file, runs), about.contact or "",
            about.made or datetime.datetime.now(datetime.UTC).date().isoformat(),
            _shares(about, about_file),
            {name: said for name, said in (("ja", about.title.ja), ("en", about.title.en)) if said},
            {"ja": about.limits.ja, "en": about.limits.en}, *_people(labels, runs), leave_out_denied=about.leave_out_denied,
            opt_outs_removed=about.opt_outs_removed is not None, by=versions(LIBRARIES),
            decided=None if labels is None else _settled(labels)["content"],
        )  # fmt: skip
        manifest = make(order, out.rstrip("/"))
    except ReleaseError as error:
        raise RunError(str(error)) from error
    _tell(manifest, out)
    if labels is not None and not order.decisions and not order.decisions.rankings:
        _say(f"  people: {labels}/decisions decides about no row: every row is released as it was made")
    if labels is not None and (newer := _newer(labels)):
        _say(
            f"  the decisions are older than the label shards: {newer:,} answers or gold rows came since; to have them in a release,"
            " `seimai review resolve` and release anew"
        )
    return manifest


def _sources(url: str, documents: Documents, runs: list[Run], *, pages: bool) -> list[Source]:
    """Sets of a run, generations first since pairs are told by them what they grew from; or the one set at the folder."""
    cleared_or_refused(url)
    if Place(url).exists("manifest.json"):
        return [open_source(url, "/".join(url.split("/")[-2:]), documents)]
    run = open_run(url)
    runs.append(run)
    name = f"{run.about['recipe']}@{run.about['version']}"
    found = [
        (one["name"], posixpath.join(run.place.url, one["url"]))
        for kind in ("generated", "pairs")
        for one in run.about.get(kind, ())
    ]
    if pages:
        found.append((run.about["release"], run.url(run.chain[-1])))
    if not found:
        raise RecipeError(
            f"{run.place.url}: the run has neither generated sets nor pairs; --format text releases its pages"
        )
    sources = [open_source(at, f"{name}/{of}", documents) for of, at in found]
    for one in run.about.get("generated", ()):
        documents.look_up(run.rows_of(run.stage_of(one["name"]), ("id", "cluster")) or ())
    return sources


def _target(about: AboutSpec, runs: Sequence[Run], sources: Sequence[Source]) -> Target:
    """What the release is for: as its owner says, else as all recipes behind it say alike."""
    said = [about.target.model_dump()] if about.target is not None else []
    if not said:
        for run in runs:
            stated = (run.recipe.get("release") or {}).get("target")
            said += [TargetSpec.model_validate(stated).model_dump()] if stated else []
        for source in sources:
            made = source.manifest.get("made")
            stated = (made.get("release") or {}).get("target") if isinstance(made, dict) else None
            said += [TargetSpec.model_validate(stated).model_dump()] if stated else []
    different = [one for i, one in enumerate(said) if one not in said[:i]]
    if len(different) != 1:
        found = "the sets were made for several" if different else "no recipe behind the sets says it"
        raise RecipeError(
            f"what is the release for? {found}; say `target: {{model_name: …, purpose: train_internal | share | publish, "
            "publish: false | true}` in the file of --about"
        )
    one = different[0]
    return Target(**{**one, "notices": tuple(one["notices"])})


def _people(labels: Path | None, runs: Sequence[Run]) -> tuple[Decisions, list[dict[str, Any]]]:
    """What people decided, and how far they agreed about rows of these runs (of all, where single sets are given)."""
    if labels is None:
        return Decisions(), []
    decisions = Decisions.read(read_decisions(str(labels / "decisions")))
    recipes = {run.about["recipe"] for run in runs}
    answers = [one for one in Labels(labels).answers() if not recipes or one["source"].partition("/")[0] in recipes]
    return decisions, [
        {
            "task": one.task, "version": one.version, "question": one.question, "scale": one.scale, "rows": one.alpha.units,
            "alpha": _estimate(one.alpha), "ac1": _estimate(one.ac1) if one.scale == "nominal" else "–",
        }
        for one in agreement(answers)
    ]  # fmt: skip


def _settled(labels: Path) -> dict[str, Any]:
    """The manifest of the decisions of label shards."""
    return Place(str(labels / "decisions")).read_json("manifest.json")


def _newer(labels: Path) -> int:
    """Lines of the label shards that came after their decisions were made."""
    made_of = _settled(labels).get("from", {})
    return sum(max(0, now - made_of.get(name, now)) for name, now in Labels(labels).lines().items())


def _estimate(one: Estimate) -> str:
    """A coefficient with its interval, as the card shows it."""
    if one.value is None:
        return "–"
    return f"{one.value:.2f}" + (
        f" ({one.low:.2f} to {one.high:.2f})" if one.low is not None and one.high is not None else ""
    )


def _shares(about: AboutSpec, file: Path | None) -> Shares:
    try:
        return Shares(about.splits.validation, about.splits.test, about.splits.salt)
    except ValueError as error:
        raise RecipeError(f"{file}: splits: {error}") from error


def _policy(about: AboutSpec, file: Path | None, runs: Sequence[Run]) -> Policy:
    """The policy of the release: its owner's, else the project's. A recipe's own policy must be named again."""
    own = next((run.recipe["policy"] for run in runs if run.recipe.get("policy")), None)
    if about.policy is None and own is not None:
        raise RecipeError(
            f"the recipe was ruled by a policy of its own ({own}); say `policy: FILE` in the file of --about"
        )
    try:
        return load_policy(POLICY if about.policy is None or file is None else file.resolve().parent / about.policy)
    except (PolicyError, OSError) as error:
        raise RecipeError(f"policy: {error}") from error


def _tell(manifest: dict[str, Any], out: str) -> None:
    _say(f"{out}: {manifest['rows_out']:,} of {manifest['rows_in']:,} rows for {manifest['target']['purpose']}")
    for reason, count in manifest["rejected"].items():
        _say(f"  left out: {reason} {count:,}")
    texts, rows = manifest["decisions_on_other_texts"], manifest["decisions_on_other_rows"]
    if manifest["decisions"] or texts or rows:
        decided = ", ".join(f"{what} {count:,}" for what, count in manifest["decisions"].items()) or "nothing"
        _say(f"  people: {decided}; about texts that changed since: {texts:,}; about rows that are not here: {rows:,}")
    if ranked := manifest["rankings"]:
        _say(f"  rankings: {', '.join(f'{what} {count:,}' for what, count in ranked.items())}")
    for name, of in manifest["formats"].items():
        splits = ", ".join(f"{split} {one['rows']:,}" for split, one in of["splits"].items()) or "no rows"
        left = "".join(f"; not sayable: {reason} {count:,}" for reason, count in of["left_out"].items())
        _say(f"  {name} ({of['trainer']}): {splits}{left}")
    if manifest["masked"]:
        _say(f"  personal data: {manifest['masked']:,} pieces masked")


def _say(line: str) -> None:
    Console().print(line, markup=False, highlight=False, soft_wrap=True)
