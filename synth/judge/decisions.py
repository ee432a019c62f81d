"""From what each judge said to one decision a comparison, and to what must be known of the judges themselves.

A decision is the jury's verdict with its margin and its disagreement. Beside them stand, for each judge, its verdicts, its faults and
its leans; for each two judges, how often they agree beyond chance (Cohen's κ) and how far they err together; and what the
comparisons are like on which a judge contradicts itself: leaving those out makes the rest look easier than the task is.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal, cast

import numpy as np
import pyarrow as pa

from curation.document import KEY, Column
from synth.judge.bias import Compared, Lean, leans
from synth.judge.jury import SAID, Ballots, Method, Panel, by_strength, dawid_skene, dependence, majority
from synth.judge.verdict import Choice, Together

COLUMNS: dict[str, Column] = {
    c.name: c
    for c in (
        Column("comparison", KEY, "identity of the comparison"),
        Column("prompt_key", KEY, "the prompt that both rows answer"),
        Column("a", KEY, "row whose answer is a"),
        Column("b", KEY, "row whose answer is b"),
        Column("function", pa.string(), "function of the assistant"),
        Column(
            "verdict", pa.string(), "the jury's: win (of a) | loss | tie | inconsistent; null where no judge gave one"
        ),
        Column("margin", pa.float32(), "how far it leans to a, in [−1, 1]"),
        Column("confidence", pa.float32(), "the verdict's share of voices, or its probability, in [0, 1]"),
        Column(
            "disagreement",
            pa.float32(),
            "share of the judges' verdicts that are not the jury's, in [0, 1]; null for none",
        ),
        Column("judges", pa.int32(), "judges that gave a verdict"),
        Column("by", pa.string(), "judges | people: whose word the verdict is; what people decided holds"),
    )
}
"""A decision shard's columns: one row a comparison."""

_SHARED = ("comparison", "prompt_key", "a", "b", "function")


def schema() -> pa.Schema:
    """Arrow schema of decision shards."""
    return pa.schema([pa.field(c.name, c.type, metadata={"meaning": c.meaning}) for c in COLUMNS.values()])


class Hearing:
    """All verdicts of all judges, a line a comparison. verdicts: tables of `synth.judge.comparison`; families: of judges by name."""

    def __init__(self, verdicts: pa.Table, families: Mapping[str, str]):
        rows = verdicts.sort_by([("comparison", "ascending"), ("judge", "ascending")]).to_pylist()
        self.by: dict[bytes, dict[str, dict[str, Any]]] = defaultdict(dict)
        for row in rows:
            self.by[row["comparison"]][row["judge"]] = row
        self.judges = sorted(families)
        self.people: Mapping[bytes, Together] = {}
        """What people decided of the comparisons, from `decide` on."""
        said = {j: [self._of(c, j, "verdict") for c in self.by] for j in self.judges}
        self.ballots = Ballots(cast(Mapping[str, Sequence[Together | None]], said), families)

    def _of(self, comparison: bytes, judge: str, name: str) -> Any:
        row = self.by[comparison].get(judge)
        return None if row is None else row[name]

    def decide(self, method: Method, gold: Mapping[bytes, Together] | None = None) -> list[Panel]:
        """The jury's verdicts in the order of the comparisons. gold: people's by comparison, which hold. Raises JuryError."""
        self.people = {c: gold[c] for c in self.by if gold is not None and c in gold}
        if not self.by:
            return []
        decided: list[Together | None] = [self.people.get(c) for c in self.by]
        if method == "dawid_skene":
            return dawid_skene(self.ballots, decided)
        if method == "bradley_terry":
            sides = [next(iter(of.values())) for of in self.by.values()]
            panels = by_strength(self.ballots, [(s["prompt_key"], s["a"], s["b"]) for s in sides])
        else:
            panels = majority(self.ballots)
        return [_of_people(g) if g else p for g, p in zip(decided, panels, strict=True)]

    def table(self, panels: Sequence[Panel]) -> pa.Table:
        """Decisions with the columns of `COLUMNS`, sorted by comparison."""
        made: list[dict[str, Any]] = []
        for panel, (comparison, of) in zip(panels, self.by.items(), strict=True):
            given = [row["verdict"] for row in of.values() if row["verdict"] is not None]
            apart = sum(v != panel.verdict for v in given) / len(given) if given else None
            shared = next(iter(of.values()))
            made.append(
                {name: shared[name] for name in _SHARED}
                | {"verdict": panel.verdict, "margin": panel.margin, "confidence": panel.confidence}
                | {
                    "disagreement": apart,
                    "judges": len(given),
                    "by": "people" if comparison in self.people else "judges",
                }
            )
        return pa.Table.from_pylist(made, schema=schema())

    def figures(self, panels: Sequence[Panel], kin: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        """What a manifest and a report say of the judges. kin: patterns of the models of each judge's own family, by judge."""
        verdicts = Counter(p.verdict or "none" for p in panels)
        apart = dependence(self.ballots, panels)
        return {
            "comparisons": len(self.by),
            "verdicts": {v: verdicts[v] for v in (*SAID, "none") if verdicts[v]},
            "alone": self._alone(),
            "judges": [self._judge(judge, kin.get(judge, ())) for judge in self.judges],
            "agreement": [
                {
                    "judges": [one, other],
                    **_agreement(self.ballots, one, other),
                    "beyond_habits": _rounded(apart[one, other]),
                }
                for one, other in apart
            ],
        }

    def _alone(self) -> int:
        """Comparisons that several judges were asked about, on which one alone gave a verdict and people did not decide."""
        given = ((c, sum(row["verdict"] is not None for row in of.values()), len(of)) for c, of in self.by.items())
        return sum(n == 1 < asked and c not in self.people for c, n, asked in given)

    def _judge(self, judge: str, kin: Sequence[str]) -> dict[str, Any]:
        rows = [of[judge] for of in self.by.values() if judge in of]
        verdicts = Counter(row["verdict"] or "none" for row in rows)
        faults = Counter(row[name] for row in rows for name in ("fault_forward", "fault_backward") if row[name])
        reference = self._reference(judge)
        seen = [_compared(row, reference.get(row["comparison"]), kin) for row in rows]
        return {
            "judge": judge,
            "family": self.ballots.family.get(judge, judge),
            "verdicts": {v: verdicts[v] for v in (*SAID, "none") if verdicts[v]},
            "faults": dict(faults.most_common()),
            "leans": {kind: _lean(found) for kind, found in leans(seen).items()},
            "inconsistent": _harder(rows),
        }

    def _reference(self, judge: str) -> dict[bytes, Choice]:
        """What a judge's leans are measured against: what people said, elsewhere the judges of other families by majority."""
        said: Mapping[Together | None, Choice] = {"win": "a", "loss": "b", "tie": "tie"}
        people: dict[bytes, Choice] = {c: said[verdict] for c, verdict in self.people.items()}
        family = self.ballots.family.get(judge, judge)
        others = {j: v for j, v in self.ballots.verdicts.items() if self.ballots.family.get(j, j) != family}
        if not others:
            return people
        panels = majority(Ballots(others, self.ballots.family))
        found: dict[bytes, Choice] = {
            c: said[p.verdict] for c, p in zip(self.by, panels, strict=True) if p.verdict in said
        }
        return found | people


def _of_people(verdict: Together) -> Panel:
    return Panel(verdict, {"win": 1.0, "loss": -1.0}.get(verdict, 0.0), 1.0)


def _compared(row: Mapping[str, Any], reference: Choice | None, kin: Sequence[str]) -> Compared:
    mine = [any(fnmatchcase(row[name], pattern) for pattern in kin) for name in ("author_a", "author_b")]
    own: Literal["a", "b"] | None = None if mine[0] == mine[1] else "a" if mine[0] else "b"
    lengths = row["length_a"], row["length_b"]
    return Compared(row["forward"], row["backward"], reference, lengths, own, row["prompt_key"])


def _harder(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Comparisons on which both orders differ, beside the others: their share by function, and how far apart the lengths are."""
    whole = [row for row in rows if row["verdict"] is not None]
    by_function: dict[str, list[bool]] = defaultdict(list)
    for row in whole:
        by_function[row["function"]].append(row["verdict"] == "inconsistent")
    apart = [abs(np.log((row["length_a"] + 1) / (row["length_b"] + 1))) for row in whole]
    contradicts = np.array([row["verdict"] == "inconsistent" for row in whole], bool)
    gap = np.array(apart)
    return {
        "share": _rounded(float(contradicts.mean())) if whole else None,
        "by_function": {name: round(sum(some) / len(some), 4) for name, some in sorted(by_function.items())},
        "log_length_ratio": [_rounded(float(gap[m].mean())) if m.any() else None for m in (contradicts, ~contradicts)],
    }


def _agreement(ballots: Ballots, one: str, other: str) -> dict[str, Any]:
    """Share of comparisons on which two judges say the same, and Cohen's κ; null where they share none."""
    a, b = ballots.codes(one), ballots.codes(other)
    both = (a > 0) & (b > 0)
    if not both.any():
        return {"comparisons": 0, "agreement": None, "kappa": None}
    a, b = a[both], b[both]
    shares = [np.bincount(x, minlength=len(SAID) + 1) / len(x) for x in (a, b)]
    seen, chance = float((a == b).mean()), float(shares[0] @ shares[1])
    kappa = (seen - chance) / (1 - chance) if chance < 1 else None
    return {"comparisons": len(a), "agreement": _rounded(seen), "kappa": None if kappa is None else _rounded(kappa)}


def _lean(found: Lean) -> dict[str, Any] | None:
    return None if not found.units else {k: v if k == "units" else _rounded(v) for k, v in found._asdict().items()}


def _rounded(value: float) -> float | None:
    return None if value != value else round(value, 4)
