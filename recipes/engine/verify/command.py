"""`seimai verify`: runs the independent check of a released set and says what it found, row by row."""

import posixpath
from collections.abc import Iterator

from rich.console import Console

from curation.place import Place
from curation.verify.findings import Check
from curation.verify.mixture import verify_mixture
from curation.verify.release import SAMPLE
from curation.verify.release import verify as check_release
from recipes.engine.errors import RecipeError
from recipes.engine.forget.check import check_forgotten
from recipes.engine.run_folder import open_run
from recipes.engine.verify.benchmarks_sought import benchmarks_sought
from recipes.engine.verify.sets import checked_sets, is_set
from synth.generated.check import check_generated
from synth.generated.rows import SAMPLE as GENERATED_SAMPLE
from synth.generated.stated import is_generated


def verify(
    path: str, ledger: str | None, run_id: str | None, k: int | None, sample: int | None, seed: int | None
) -> bool:
    """Checks a run's release, a shard set or a mixture by its folder; prints each check. False when one fails."""
    if run_id is not None and ledger is None:
        raise RecipeError(f"--run-id {run_id}: names an entry of a ledger; give --ledger")
    console = Console(highlight=False, soft_wrap=True)
    try:
        place = Place(path)
        if _is_generated(place):
            if given := [o for o, value in (("--k", k), ("--ledger", ledger)) if value is not None]:
                raise RecipeError(f"{path}: generated rows are in no ledger and have no showings; leave out {given[0]}")
            return _said(console, path, check_generated(path, sample=sample or GENERATED_SAMPLE, seed=seed))
        passed = is_set(path) or _pages(console, path, ledger, run_id, k, sample, seed)
        generated = () if is_set(path) else _generated(path, place, sample, seed)
        for url, checks in (*generated, *checked_sets(path, sample, seed), *_forgotten(path)):
            passed = _said(console, url, checks) and passed
    except (ValueError, FileNotFoundError) as error:
        raise RecipeError(str(error)) from error
    return passed


def _forgotten(path: str) -> Iterator[tuple[str, list[Check]]]:
    """Whether a run's folder was cleared of what is to be forgotten, and holds nothing of it."""
    if not any(Place(path).exists(name) for name in ("mixture.json", "manifest.json")):
        url = open_run(path).place.url
        yield url, [check_forgotten(url)]


def _is_generated(place: Place) -> bool:
    """Whether a folder is that of a generated set alone; what is no JSON is for the check of shard sets to say."""
    try:
        return place.exists("manifest.json") and is_generated(place.read_json("manifest.json"))
    except ValueError:
        return False


def _pages(
    console: Console,
    path: str,
    ledger: str | None,
    run_id: str | None,
    k: int | None,
    sample: int | None,
    seed: int | None,
) -> bool:
    """Checks and prints the pages; those of a recipe that generates may have no cap, whose showings nobody can hold to a K."""
    try:
        url, checks = _checked(path, ledger, run_id, k, sample, seed)
    except ValueError as error:
        place = Place(path)
        if place.exists("mixture.json") or place.exists("manifest.json") or not open_run(path).about.get("generated"):
            raise
        console.print(f"pages: not checked: {error}", markup=False)
        return True
    return _said(console, url, checks)


def _generated(path: str, place: Place, sample: int | None, seed: int | None) -> Iterator[tuple[str, list[Check]]]:
    """The generated sets of a run, with their passages' pages and the store of their answers."""
    if place.exists("mixture.json") or place.exists("manifest.json"):
        return
    run = open_run(path)
    for one in run.about.get("generated", ()):
        url = posixpath.join(run.place.url, one["url"])
        pages = run.rows_of(run.stage_of(one["name"]), ("id", "licence", "rights_basis", "host"))
        checks = check_generated(url, pages=pages, sample=sample or GENERATED_SAMPLE, seed=seed)
        yield url, [_as_said(url, one), *checks]


def _as_said(url: str, one: dict[str, object]) -> Check:
    """The set is the one that run.json names, with its counts."""
    check = Check("run", looked_at=1)
    said = Place(url).read_json("manifest.json") if Place(url).exists("manifest.json") else {}
    for name in ("fingerprint", "rows_in", "rows_out", "rejected"):
        if said.get(name) != one[name]:
            check.fail(f"manifest.json: its {name} is not what run.json says of {one['name']}")
    return check


def _checked(
    path: str, ledger: str | None, run_id: str | None, k: int | None, sample: int | None, seed: int | None
) -> tuple[str, list[Check]]:
    place = Place(path)
    if place.exists("mixture.json"):
        if sample is not None or seed is not None:
            raise RecipeError(f"{path}: a mixture is read whole; --sample and --seed are for released sets")
        return path, verify_mixture(path, k=k, ledger=ledger, run=run_id)
    count = SAMPLE if sample is None else sample
    if place.exists("manifest.json"):
        return path, check_release(path, k=k, ledger=ledger, run=run_id, sample=count, seed=seed)
    run = open_run(path)
    block, survey = run.chain[-1], run.survey("dedup")
    steps = [step for b in run.chain for step in b["own"]["steps"]]
    url = run.url(block)
    made = check_release(
        url,
        k=k,
        ledger=ledger,
        run=run_id or run.training,
        sample=count,
        seed=seed,
        steps=steps,
        clusters=run.url(survey) if survey else None,
        benchmarks=benchmarks_sought(run),
    )
    return url, [_as_the_run_says(url, block), *made]


def _as_the_run_says(url: str, block: dict[str, object]) -> Check:
    """The set is the one that run.json names: by fingerprint and by the steps that made it."""
    check = Check("run", looked_at=1)
    said = Place(url).read_json("manifest.json") if Place(url).exists("manifest.json") else {}
    for name, wanted in (("fingerprint", block["fingerprint"]), ("made", block["own"])):
        if said.get(name) != wanted:
            check.fail(f"manifest.json: its {name} is not what run.json says of {block['name']}")
    return check


def _said(console: Console, url: str, checks: list[Check]) -> bool:
    """Prints what each check found; whether all passed."""
    for check in checks:
        state = "[green]ok[/]  " if check.passed else "[bold red]FAIL[/]"
        console.print(f"{state} {check.name}: {check.looked_at:,} looked at")
        for said in check.notes:
            console.print(f"     {said}", markup=False)
        for said in check.problems:
            console.print(f"     {said}", style="red", markup=False)
        if check.more:
            console.print(f"     and {check.more:,} more", style="red")
    failed = [c.name for c in checks if not c.passed]
    console.print(f"{url}: " + (f"{', '.join(failed)} failed" if failed else "every check passed"), markup=False)
    return not failed
