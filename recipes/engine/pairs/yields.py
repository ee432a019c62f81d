"""What became of the candidates of each strategy, and what the owner of a recipe must know of a set of pairs."""

from collections import Counter
from typing import Any

from recipes.engine.pairs.making import Made
from synth.pairing.pool import ORIGINS

SHOWN = 5
"""Templates that are named."""


def yields(made: Made) -> dict[str, Any]:
    """Counts by strategy, with candidates = pairs + all that were dropped, by function, origin, constraint and template."""
    pool, pairs = made.pool, made.pairs
    kinds = list(pool.kinds)
    functions, templates = pool.words["function"].names, pool.words["template"].names
    lines: list[dict[str, Any]] = []
    for strategy, said in made.plan.spec.strategies.wanted.items():
        mine = pairs.filter(pairs["strategy"] == strategy)
        dropped = {reason: n for (name, reason), n in made.drops.most_common() if name == strategy and n}
        single = mine.filter(mine["fails"] == 1)
        origins = Counter(
            f"{ORIGINS[a]} > {ORIGINS[b]}"
            for a, b in zip(mine["origin"].to_list(), mine["r_origin"].to_list(), strict=True)
        )
        lines.append(
            {
                "strategy": strategy, "wanted": said.pairs, "candidates": made.candidates[strategy], "pairs": len(mine),
                "dropped": dropped, "origins": dict(sorted(origins.items())),
                "functions": _named(mine["function"].to_list(), functions),
                "constraints": _named(single["kind"].to_list(), kinds),
                "over": int((single["limit"] == 1).sum()), "under": int((single["limit"] == -1).sum()),
            }
        )  # fmt: skip
    by_template = _named(pairs["template"].to_list(), templates)
    most = [
        {"template": t, "pairs": n, "share": round(n / len(pairs), 4)} for t, n in list(by_template.items())[:SHOWN]
    ]
    origins = Counter(ORIGINS[o] for name in ("origin", "r_origin") for o in pairs[name].to_list())
    return {
        "pairs": len(pairs),
        "strategies": lines,
        "functions": len(set(pairs["function"].to_list())),
        "origins": {o: origins[o] for o in ORIGINS},
        "templates": {"count": len(by_template), "most": most},
    }


def _named(codes: list[int], names: list[str]) -> dict[str, int]:
    return {names[code]: n for code, n in Counter(codes).most_common()}


def notes(made: Made, said: dict[str, Any]) -> list[str]:
    """What is to be known besides the counts: no answer on a side, strategies without material, quotas that are short, and why."""
    answers, found = made.answers, list[str]()
    passing, failing = int(answers["chosen"].sum()), int(answers["rejected"].sum())
    if not passing:
        found.append(
            "no answer passed its verifiers, so nothing can be chosen: there are no pairs, and every label is false"
        )
    elif not failing:
        found.append("no answer failed its verifiers: only strategies that edit an answer have a rejected side")
    for line in said["strategies"]:
        name = line["strategy"]
        if not line["candidates"]:
            found.append(f"{name}: no material, {_WHY[name]}")
        elif line["pairs"] < line["wanted"]:
            gone = (
                ", ".join(f"{reason} {n:,}" for reason, n in list(line["dropped"].items())[:3]) or "no more candidates"
            )
            found.append(
                f"{name}: {line['pairs']:,} of {line['wanted']:,} pairs, from {line['candidates']:,} candidates ({gone})"
            )
    if made.edits.get("stale"):
        found.append(f"{made.edits['stale']:,} answers were not edited: a verifier no longer says that they pass")
    if passing and not said["pairs"] and any(line["candidates"] for line in said["strategies"]):
        cap, count = made.plan.spec.caps.per_template, len(set(answers.filter("chosen")["template"].to_list()))
        if cap * count < 1:
            found.append(
                f"caps: {count} templates cannot each have at most {cap:.1%} of the pairs; raise per_template or add wordings"
            )
    return found


_WHY = {
    "verified_failed": "no prompt has a passing and a failing answer of one model: ask for more samples",
    "program_model": "no prompt has a program's answer and a failing one of a model: order tasks with answers: both",
    "delta": "no prompt has a passing answer of the strong model and one of the weak",
    "near_miss": "no passing answer has a constraint that an edit breaks alone",
    "twins": "no question is there together with its twin",
    "over_refusal": "no passing answer to a harmless look-alike (task refusal, sides: answer)",
}
