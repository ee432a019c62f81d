"""`seimai verify`: runs the independent check of a released set and says what it found, row by row."""

from rich.console import Console

from curation.place import Place
from curation.verify.findings import Check
from curation.verify.mixture import verify_mixture
from curation.verify.release import verify as check_release
from recipes.engine.errors import RecipeError
from recipes.engine.run_folder import open_run


def verify(path: str, ledger: str | None, run_id: str | None, k: int | None, sample: int) -> bool:
    """Checks a run's release, a shard set or a mixture by its folder; prints each check. False when one fails."""
    url = path
    console = Console(highlight=False, soft_wrap=True)
    if Place(path).exists("mixture.json"):
        return _said(console, path, verify_mixture(path, ledger=ledger))
    if not Place(path).exists("manifest.json"):
        run = open_run(path)
        url = run.url(run.chain[-1])
        about = run.about
        run_id = run_id or f"{about['recipe']}@{about['version']}:{about['fingerprint'][:12]}"
    try:
        checks = check_release(url, k=k, ledger=ledger, run=run_id, sample=sample)
    except (ValueError, FileNotFoundError) as error:
        raise RecipeError(str(error)) from error
    return _said(console, url, checks)


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
