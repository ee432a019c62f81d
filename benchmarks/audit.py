"""Coverage of the interval of the released rows' error rate, over simulated reviews of known truth.

    uvx nox -s bench -- audit [--quick]

1,000 runs a cell (150 with --quick). Asked: coverage within [0.93, 0.975]; mean width at most 1.25 times a stratified bootstrap's.
Where the truth is zero every interval that begins at zero covers it; where errors are few, a bootstrap covers far less than it says
and is no measure of width: `width_ratio` is over the cells in which it covers at least 93 %.
"""

import json
import sys

from _audit_cells import AUDITS, ERRORS, cell, figures

runs = 150 if "--quick" in sys.argv else 1000
print(f"{runs:,} runs a cell\n\n true error  drawn  coverage  bootstrap's  mean width  bootstrap's  ratio  unknown")
cells = []
for audit in AUDITS:
    for error in ERRORS:
        one = cell(error, audit, runs)
        cells.append(one)
        ratio = f"{one.width / one.bootstrap_width:5.2f}" if one.bootstrap_width else "    -"
        print(
            f"{error:>10.1%} {audit:>6} {one.coverage:>9.3f} {one.bootstrap_coverage:>12.3f} {one.width:>11.4f} "
            f"{one.bootstrap_width:>12.4f}  {ratio} {one.unknown:>8}",
            flush=True,
        )
print(json.dumps(figures(cells, runs)))
