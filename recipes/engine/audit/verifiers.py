"""`seimai audit verifiers`: every verifier against its goldens, as a table, and which kinds rows may be released with."""

from rich.console import Console
from rich.table import Table

from recipes.engine.errors import RunError
from synth.verify.audit import KindAudit, audit, audited

_SHOWN = 20
"""Wrong verdicts that are shown in full."""


def audit_verifiers(console: Console | None = None) -> frozenset[str]:
    """Runs all goldens, prints the table and gives the kinds whose audit is good.

    Raises RunError after the table where a kind has a wrong verdict or too few goldens; goldens that cannot run here (no sandbox)
    are said and leave their kind unaudited.
    """
    console = console or Console()
    results = audit()
    console.print(_table(results))
    shown = [(golden, verdict) for result in results for golden, verdict in result.wrong][:_SHOWN]
    for golden, verdict in shown:
        found = "; ".join(f"{e.what} {e.found}" for e in verdict.evidence[:3])
        console.print(
            f"{golden.place} {golden.spec.kind}: wants {golden.wanted}, gets {verdict.outcome} ({found})", markup=False
        )
        console.print(f"    {golden.answer[:120]!r}", markup=False)
    good = audited(results)
    count = sum(r.passes + r.fails + r.abstains for r in results)
    unread = sum(sum(r.unread) for r in results)
    console.print(
        f"{len(results)} kinds, {count} goldens ({unread} by someone who had not read the verifier), "
        f"{len(good)} kinds audited"
    )
    bad = [r.kind for r in results if not r.good and not r.skipped]
    if bad:
        raise RunError(f"verifiers whose audit fails: {', '.join(bad)}; rows that they verified are not released")
    return good


def _table(results: list[KindAudit]) -> Table:
    table = Table(title="verifiers", header_style="bold")
    for column in ("kind", "v", "pass", "fail", "abstain", "unread", "wrong", "audit"):
        table.add_column(column, justify="left" if column in ("kind", "audit") else "right", no_wrap=column == "kind")
    for r in results:
        state = "good" if r.good else f"not run here: {r.skipped}" if r.skipped else r.few or "wrong"
        unread = "{}+{}".format(*r.unread)
        counts = (r.version, r.passes, r.fails, r.abstains, unread, len(r.wrong))
        table.add_row(r.kind, *map(str, counts), state)
    return table
