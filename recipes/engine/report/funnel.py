"""The funnel: from the records that came in to the pages that are released, and what each step took for which reason."""

from collections import Counter
from dataclasses import dataclass, field

from recipes.engine.report.fates import rejected_tables
from recipes.engine.run_folder import Run
from recipes.engine.run_rules import RunRules
from recipes.engine.wording import Words, reason_words, step_words


@dataclass(frozen=True)
class Loss:
    """Rows that one step rejected for one reason."""

    stage: str
    step: str
    reason: str
    rows: int
    words: Words


@dataclass
class FunnelStep:
    """A step that rejected rows: how many reached it, and its losses, largest first."""

    stage: str
    step: str
    rows_in: int
    words: Words
    losses: list[Loss] = field(default_factory=list)

    @property
    def lost(self) -> int:
        """Rows that this step rejected."""
        return sum(loss.rows for loss in self.losses)

    @property
    def rows_out(self) -> int:
        """Rows that went on."""
        return self.rows_in - self.lost


@dataclass(frozen=True)
class Funnel:
    """Rows in, rows released, and every step between them that rejected some."""

    rows_in: int
    rows_out: int
    steps: list[FunnelStep]

    @property
    def losses(self) -> list[Loss]:
        """All losses, in the order of the steps."""
        return [loss for step in self.steps for loss in step.losses]

    def share(self, rows: float) -> float:
        """Rows as a share of all that came in; 0.0 for an empty run."""
        return rows / self.rows_in if self.rows_in else 0.0


def funnel(run: Run, rules: RunRules) -> Funnel:
    """The funnel of a run's chain of blocks. Counts are the manifests'; which step gave a reason is read from the rejected rows."""
    by_reason = rules.by_reason()
    found: list[FunnelStep] = []
    for block in run.chain:
        rows = block["rows_in"]
        counts = _counts_by_step(run, block)
        order = [s["step"] for s in block["own"]["steps"]]
        at = {step: order.index(step) if step in order else -2 + (step[:5] != "read_") for step, _ in counts}
        for step in sorted({s for s, _ in counts}, key=lambda s: at[s]):
            losses = [
                Loss(block["stage"], step, r, n, reason_words(r, by_reason[r].rule if r in by_reason else None))
                for (s, r), n in sorted(counts.items(), key=lambda kv: -kv[1])
                if s == step
            ]
            found.append(FunnelStep(block["stage"], step, rows, _said(block["stage"], step, rules), losses))
            rows = found[-1].rows_out
    return Funnel(run.rows_in, run.chain[-1]["rows_out"], found)


def _said(stage: str, step: str, rules: RunRules) -> Words:
    """A step in words; deciding ones by the presets that they follow."""
    presets = {r.reason.partition(".")[0]: None for r in rules.of(stage) if r.step == step}
    names = ", ".join(presets)
    return Words(f"閾値：{names}", f"thresholds: {names}") if presets else step_words(step)


def _counts_by_step(run: Run, block: dict[str, object]) -> dict[tuple[str, str], int]:
    """Rows by (step, reason), scaled to the manifest's count of each reason; ("", reason) when the rows are gone."""
    said: dict[str, int] = block["rejected"]  # type: ignore[assignment]
    seen: Counter[tuple[str, str]] = Counter()
    for table in rejected_tables(run, block, ["step", "reason"]):
        grouped = table.group_by(["step", "reason"]).aggregate([("weight", "sum")])
        for row in grouped.to_pylist():
            seen[row["step"] or "", row["reason"]] += row["weight_sum"]
    sums: Counter[str] = Counter()
    for (_, reason), n in seen.items():
        sums[reason] += n
    out: dict[tuple[str, str], int] = {}
    for reason, rows in said.items():
        steps = [(step, n) for (step, r), n in seen.items() if r == reason] or [("", 1.0)]
        left = rows
        for step, n in steps[1:]:
            share = round(rows * n / (sums[reason] or 1))
            out[step, reason] = share
            left -= share
        out[steps[0][0], reason] = left
    return {key: n for key, n in out.items() if n}


def share_words(share: float) -> str:
    """A share in percent, with the digits that it needs.

    >>> [share_words(s) for s in (0, 0.00004, 0.0123, 0.5, 0.9996, 1)]
    ['0 %', '<0.01 %', '1.2 %', '50.0 %', '>99.9 %', '100 %']
    """
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    if share < 0.0001:
        return "<0.01 %"
    if share >= 0.9995:
        return ">99.9 %"
    return f"{100 * share:.2f} %" if share < 0.001 else f"{100 * share:.1f} %"
