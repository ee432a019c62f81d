"""`seimai verify`: runs the independent check of a released set and says what it found, row by row."""

from rich.console import Console

from curation.place import Place
from curation.verify.findings import Check
from curation.verify.mixture import verify_mixture
from curation.verify.release import SAMPLE
from curation.verify.release import verify as check_release
from recipes.engine.errors import RecipeError
from recipes.engine.pairs.verify import checked_pairs, is_pair_set
from recipes.engine.run_folder import open_run


def verify(
    path: str, ledger: str | None, run_id: str | None, k: int | None, sample: int | None, seed: int | None
) -> bool:
    """Checks a run's release, a shard set or a mixture by its folder; prints each check. False when one fails."""
    if run_id is not None and ledger is None:
        raise RecipeError(f"--run-id {run_id}: names an entry of a ledger; give --ledger")
    console = Console(highlight=False, soft_wrap=True)
    passed = True
    try:
        if not is_pair_set(path):
            url, checks = _checked(path, ledger, run_id, k, sample, seed)
            passed = _said(console, url, checks)
        for url, checks in checked_pairs(path, sample, seed):
            passed = _said(console, url, checks) and passed
    except (ValueError, FileNotFoundError) as error:
        raise RecipeError(str(error)) from error
    return passed


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
