"""Yields: what became of the samples of each order and of each constraint: what a recipe's owner asks before asking for more."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from synth.deciding import Rejection

ORIGINS = ("program", "model", "human", "imported")


@dataclass
class Yields:
    """Counts over all rounds. Every candidate is counted once as a sample of its order, and its verdicts once each."""

    samples: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter[str]))
    """By order: samples of each origin, and of faults."""
    taken: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter[str]))
    verdicts: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter[str]))
    refused: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter[str]))
    passes: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    """Samples that passed their verifiers, by order and origin."""
    constraints: dict[tuple[str, str], Counter[str]] = field(default_factory=lambda: defaultdict(Counter[str]))
    """By kind and origin of the answer: pass, fail, abstain."""
    failed: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter[str]))
    """By order: hard constraints that did not pass, by kind."""
    templates: Counter[str] = field(default_factory=Counter[str])
    states: Counter[str] = field(default_factory=Counter[str])
    functions: dict[str, str] = field(default_factory=dict[str, str])

    def count(self, taken: Iterable[Mapping[str, Any]], refused: Iterable[tuple[Mapping[str, Any], Rejection]]) -> None:
        """Counts a round."""
        for row in taken:
            self._sample(row)
            self.taken[row["order"]][row["answer_origin"]] += 1
            if row["template"] is not None:  # an imported row was made with none of our wordings
                self.templates[row["template"]] += 1
                self.states[row["wording_state"]] += 1
        for row, why in refused:
            self._sample(row)
            self.refused[row["order"]][why.reason] += 1

    def _sample(self, row: Mapping[str, Any]) -> None:
        origin = row["answer_origin"] or "model"
        self.functions[row["order"]] = row["function"]
        self.samples[row["order"]]["fault" if row["fault"] is not None else origin] += 1
        if row["fault"] is None:
            self.verdicts[row["order"]][row["verdict"]] += 1
            self.passes[row["order"], origin] += row["verdict"] == "pass"
        for found in row["verifications"] or ():
            self.constraints[found["verifier"], origin][found["verdict"]] += 1
            self.failed[row["order"]][found["verifier"]] += found["hard"] and found["verdict"] != "pass"

    def passed(self) -> dict[str, int]:
        """Samples of each order that became rows: what the next round reckons with."""
        return {name: counts.total() for name, counts in self.taken.items()}

    def as_dict(self) -> dict[str, Any]:
        """What a manifest keeps: a line an order, a line a constraint, templates by their share."""
        rows = sum(counts.total() for counts in self.taken.values())
        orders = [
            {
                "order": name,
                "function": self.functions[name],
                "samples": counts.total(),
                "rows": self.taken[name].total(),
                "origins": {origin: self.taken[name][origin] for origin in ORIGINS if self.taken[name][origin]},
                "verdicts": dict(sorted(self.verdicts[name].items())),
                "refused": dict(self.refused[name].most_common()),
                "yield": round(self.taken[name].total() / counts.total(), 4),
                "passes": {o: round(self.passes[name, o] / counts[o], 4) for o in ORIGINS if counts[o]},
            }
            for name, counts in self.samples.items()
        ]
        constraints = [
            {"constraint": kind, "origin": origin, **{v: c[v] for v in ("pass", "fail", "abstain")}}
            | {"yield": round(c["pass"] / c.total(), 4)}
            for (kind, origin), c in sorted(self.constraints.items())
        ]
        top = [{"template": name, "rows": n, "share": round(n / rows, 4)} for name, n in self.templates.most_common(5)]
        return {
            "rows": rows,
            "functions": len({self.functions[name] for name, counts in self.taken.items() if counts.total()}),
            "origins": {o: n for o in ORIGINS if (n := sum(c[o] for c in self.taken.values())) or o != "imported"},
            "wordings": dict(sorted(self.states.items())),
            "templates": {"count": len(self.templates), "most": top},
            "orders": orders,
            "constraints": constraints,
        }
