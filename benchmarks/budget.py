"""The budget planner: time over 10,000 sources × 5 tiers, and the published figures that its laws must give.

    uvx nox -s bench -- budget [--quick]

Time is CPU seconds of all that `seimai budget --out` does: read the file (JSON; the same as YAML takes 2.5 s to parse), plan two
stages, what a billion more tokens of each printed source would bring, the curve of the picture, the plan as it is written; least of
the rounds. D′/U at 4 epochs and the two losses of datablations' README (Muennighoff+23) come from the same functions. There is no
other side: no toolkit plans a budget.
"""

import argparse
import json
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import orjson

from curation.mixture.budget import curve, make_budget, marginal_losses
from curation.mixture.cells import Cells
from curation.mixture.scaling_law import constrained_loss, worth
from recipes.engine.mixture import budget_file
from recipes.engine.mixture.budget_command import listed_sources
from recipes.engine.mixture.budget_plan import plan_json

SOURCES, TIERS = 10_000, 5


def write_file(folder: Path) -> Path:
    """A budget of many sources, log-normal in size, with five tiers each, and an annealing stage over a hundred of them."""
    rng = np.random.default_rng(1)
    tiers = [f"tier{t}" for t in range(TIERS)]
    sources = {
        f"source{s}": {
            "tokens": dict(zip(tiers, rng.lognormal(17, 2, TIERS).tolist(), strict=True)),
            "value": dict(zip(tiers, np.sort(rng.uniform(0.5, 2, TIERS)).tolist(), strict=True)),
        }
        for s in range(SOURCES)
    }
    anneal = {"name": "anneal", "share": 0.1, "sources": [f"source{s}" for s in range(100)]}
    stages = [{"name": "pretrain", "share": 0.9}, anneal]
    path = folder / "budget.json"
    plan = {"k": 4, "parameters": 7e9, "tokens": 1.4e12, "sources": sources, "stages": stages}
    path.write_bytes(orjson.dumps(plan))
    return path


def planned(path: Path) -> dict[str, float]:
    """CPU seconds of each part of planning a budget's file."""
    marks = [("", time.process_time())]

    def mark(name: str) -> None:
        marks.append((name, time.process_time()))

    spec = budget_file.load(path)
    mark("read the file")
    cells, _ = budget_file.gather(spec, path.parent, path.name)
    mark("gather cells")
    budget = budget_file.make(spec, cells, path.name)
    mark("plan")
    marginal_losses(budget, listed_sources(budget))
    mark("marginal values")
    curve(budget)
    mark("curve")
    orjson.dumps(plan_json(spec, budget, path.parent))
    mark("write")
    return {name: after - before for (_, before), (name, after) in pairwise(marks)}


def main() -> None:
    """Measures, prints, and ends with one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two rounds instead of five")
    rounds = 2 if parser.parse_args().quick else 5
    with tempfile.TemporaryDirectory() as folder:
        path = write_file(Path(folder))
        parts = min((planned(path) for _ in range(rounds)), key=lambda p: sum(p.values()))
    for name, seconds in parts.items():
        print(f"{name:16} {seconds:6.3f} s")
    four = make_budget(Cells.plain(["web"], [""], np.array([25e9]), np.ones(1), 4), 5e9, 100e9)
    unique = 25e9
    losses = [
        float(constrained_loss(parameters, unique * worth(tokens / unique), unique))
        for parameters, tokens in ((6.34e9, 242e9), (8.67e9, 178e9))
    ]
    figures = {
        "seconds": round(sum(parts.values()), 3),
        "d_eff_4": round(four.effective / four.unique, 4),
        "loss_a": round(losses[0], 5),
        "loss_b": round(losses[1], 5),
    }
    print(f"{SOURCES:,} sources × {TIERS} tiers: {figures['seconds']} s (at most 2)")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
