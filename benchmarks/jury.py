"""Juries of simulated judges of known accuracy: ours against a majority and crowd-kit; and whether the intervals of leans hold.

    uvx nox -s bench -- jury [--quick]

A judge says the truth (win, loss or tie) with its accuracy, else one of the others. In the rows with copies, the last judge repeats
the one before it in 80 % of the comparisons: they are one family, which ours is told and crowd-kit has no way to be told. Printed is
the share of comparisons that each method gets right, over 20 juries of 1,000 comparisons (5 with --quick).
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from synth.judge.bias import lean
from synth.judge.jury import CLASSES, Ballots, dawid_skene, majority

HERE, COUNT, SEED, COPIES = Path(__file__).resolve().parent, 1000, 20261126, 0.8
JURIES = {
    "equal": (0.7, 0.7, 0.7, 0.7, 0.7),
    "one good": (0.9, 0.6, 0.6, 0.6, 0.6),
    "falling": (0.8, 0.75, 0.7, 0.65, 0.65),
    "three": (0.85, 0.7, 0.6),
    "bad copies": (0.8, 0.75, 0.7, 0.5, 0.5),
}
LEANS = [(units, mean, flips) for units in (50, 500) for mean in (0.0, 0.02, 0.1, 0.3, 0.6) for flips in (0.05, 0.4)]


def simulated(accuracies, copies: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Truth [comparisons] and verdicts [comparisons, judges], both as places in CLASSES."""
    truth = rng.choice(3, COUNT, p=[0.4, 0.4, 0.2])
    said = np.empty((COUNT, len(accuracies)), np.int64)
    for j, accuracy in enumerate(accuracies):
        wrong = rng.random(COUNT) >= accuracy
        said[:, j] = np.where(wrong, (truth + rng.integers(1, 3, COUNT)) % 3, truth)
    said[:, -1] = np.where(rng.random(COUNT) < copies, said[:, -2], said[:, -1])
    return truth, said


def ballots(said: np.ndarray, copies: bool) -> Ballots:
    """The verdicts as ours takes them; the two that copy are of one family."""
    last = said.shape[1] - 1
    verdicts = {f"judge{j}": [CLASSES[v] for v in said[:, j]] for j in range(said.shape[1])}
    return Ballots(verdicts, {f"judge{last}": "one", f"judge{last - 1}": "one"} if copies else {})


def right(panels, truth: np.ndarray) -> float:
    """Share of panels whose verdict is the truth."""
    return float(np.mean([p.verdict == CLASSES[t] for p, t in zip(panels, truth, strict=True)]))


def peers(matrices: dict[str, np.ndarray], python: str) -> dict[str, np.ndarray]:
    """Classes that crowd-kit gives each matrix of verdicts."""
    with tempfile.TemporaryDirectory(prefix="seimai-bench-") as folder:
        file = Path(folder) / "verdicts.npz"
        np.savez(file, **matrices)  # type: ignore[arg-type]
        subprocess.run([python, str(HERE / "_peer_jury.py"), str(file)], check=True)
        return dict(np.load(file))


def coverage(units: int, mean: float, flips: float, runs: int) -> float:
    """Share of simulated judges whose lean to the first place lies in its interval."""
    rng = np.random.default_rng([SEED, units, round(1000 * mean), round(100 * flips)])
    decided = max(flips, mean)
    chances = [(decided + mean) / 2, (decided - mean) / 2, 1 - decided]
    covered = 0
    for _ in range(runs):
        found = lean(rng.choice([1.0, -1.0, 0.0], units, p=chances).tolist(), range(units))
        covered += found.low <= mean <= found.high
    return covered / runs


def main() -> None:
    """Prints both tables."""
    quick, python = "--quick" in sys.argv, os.environ.get("SEIMAI_PEER_PYTHON")
    if not python:
        sys.exit("SEIMAI_PEER_PYTHON names no interpreter: run this as `uvx nox -s bench -- jury`")
    runs = 5 if quick else 20
    rng = np.random.default_rng(SEED)
    cases = [(name, copies) for name in JURIES for copies in ((False, True) if len(JURIES[name]) > 3 else (False,))]
    drawn = {
        f"{name}/{copies:d}/{run}": simulated(JURIES[name], COPIES if copies else 0.0, rng)
        for name, copies in cases
        for run in range(runs)
    }
    by_peers = peers({key: said for key, (_, said) in drawn.items()}, python)
    print("jury         copies  majority  crowd-kit's  Dawid–Skene  ours: majority  Dawid–Skene")
    worst = 1.0
    for name, copies in cases:
        shares = []
        for run in range(runs):
            key = f"{name}/{copies:d}/{run}"
            truth, said = drawn[key]
            own = ballots(said, copies)
            theirs = [float((by_peers[f"{key}/{kind}"] == truth).mean()) for kind in ("mv", "ds")]
            shares.append([*theirs, right(majority(own), truth), right(dawid_skene(own), truth)])
        mv, ds, own_mv, own_ds = np.mean(shares, axis=0)
        worst = min(worst, own_ds - max(mv, ds))
        print(
            f"{name:<12} {'yes' if copies else 'no':>6} {mv:>9.3f} {'':>12} {ds:>12.3f} {own_mv:>15.3f} {own_ds:>12.3f}"
        )
    held = {f"{m:g}, {f:g}, n = {u}": coverage(u, m, f, 200 if quick else 1000) for u, m, f in LEANS}
    print("\nlean to the first place (mean, share that follow the place): share of intervals that hold it")
    for name, share in held.items():
        print(f"  {name:<20} {share:.3f}")
    figures = {
        "gain_over_best": round(worst, 4),
        "bias_coverage": [round(min(held.values()), 3), round(max(held.values()), 3)],
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
