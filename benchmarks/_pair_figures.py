"""What the benchmark of pairs says beside its speed: what length and form alone tell, and whether intervals hold what they should."""

from _audit_cells import AUDITS, ERRORS, cell, figures
from jury import LEANS, coverage


def leaks(manifests: list[dict]) -> dict[str, float]:
    """The largest areas over all strata that are large enough, before and after balancing."""
    found: dict[str, float] = {}
    for manifest in manifests:
        for when in ("before", "after"):
            for line in manifest["balance"][when]:
                if line["length_auc"] is None:
                    continue
                label = f"{line['strategy']} × {line['function']}"
                print(
                    f"  {when:6} {label:36} {line['pairs']:>7,} pairs, longer chosen {line['longer_chosen']:.3f}, "
                    f"length {line['length_auc']:.3f}, format {line['format_auc']:.3f}"
                )
                for what in ("length", "format"):
                    name = f"{what}_auc" + ("" if when == "after" else "_unbalanced")
                    found[name] = max(found.get(name, 0.0), line[f"{what}_auc"])
    return found


def intervals(quick: bool) -> dict:
    """Coverage of the intervals of leans and of error rates, over simulated judges and audits."""
    runs = 40 if quick else 1000
    held = [coverage(*lean, runs=100 if quick else 1000) for lean in LEANS]
    cells = [cell(error, audit, runs, 200 if quick else 500) for audit in AUDITS for error in ERRORS]
    found = {"bias_coverage": [round(min(held), 3), round(max(held), 3)]} | figures(cells, runs)
    print(f"intervals: leans are held in {found['bias_coverage']}, error rates in {found['audit_coverage']}")
    return found
