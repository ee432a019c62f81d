"""Generated rows in the report: what each order gave, which constraints pass, who answered, and what must be known of it.

Everything is read from the generation's manifest; text of rows is shown only with `--samples`, five of each function.
"""

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from curation.parquet_file import read_parquet
from curation.place import Place
from curation.provenance import key
from curation.shards import MANIFEST
from recipes.engine.run_folder import Run
from recipes.engine.wording import Words
from synth.dialogue import REASONS
from synth.messages import told

SHOWN = 5
"""Rows of a function that are shown whole."""
_OUTSIDE = {"human": ("人", "by people"), "imported": ("取り込み", "imported")}
"""Who wrote answers that came from outside."""
LEAST_ASKED = 5
"""Verdicts of a constraint below which its yield says nothing and is not shown."""


@dataclass(frozen=True)
class Generated:
    """One generation as the page shows it."""

    name: str
    manifest: Mapping[str, Any]
    orders: list[dict[str, Any]]
    constraints: list[dict[str, Any]]
    obligations: list[str]
    samples: list[dict[str, Any]]

    @property
    def title(self) -> Words:
        """What came of it, in a line."""
        yields, rows = self.manifest["yields"], f"{self.manifest['rows_out']:,}"
        by = yields["origins"]
        more = [(ja, en, n) for origin, (ja, en) in _OUTSIDE.items() if (n := by.get(origin, 0))]
        ja, en = "".join(f"、{ja} {n:,}" for ja, _, n in more), "".join(f", {n:,} {en}" for _, en, n in more)
        return Words(
            f"{yields['functions']} 機能、{rows} 行を採用（プログラム {by['program']:,}、モデル {by['model']:,}{ja}）",
            f"{rows} rows over {yields['functions']} functions ({by['program']:,} by program, {by['model']:,} by a model{en})",
        )

    @property
    def imports(self) -> Mapping[str, Mapping[str, Any]]:
        """What is said of each imported set."""
        return self.manifest.get("imports", {})

    @property
    def outside(self) -> bool:
        """Whether rows of it were written outside."""
        return any(order["outside"] for order in self.orders)

    @property
    def drafts(self) -> int:
        """Rows made with wordings that nobody has reviewed."""
        return self.manifest["yields"]["wordings"].get("draft", 0)


def generated(run: Run, samples: bool) -> list[Generated]:
    """The run's generations; none where it has none, or their sets were deleted."""
    found: list[Generated] = []
    for one in run.about.get("generated", ()):
        place = Place(posixpath.join(run.place.url, one["url"]))
        if place.exists(MANIFEST):
            manifest = place.read_json(MANIFEST)
            shown = _samples(place, manifest) if samples else []
            found.append(
                Generated(one["name"], manifest, _orders(manifest), _constraints(manifest), _owed(manifest), shown)
            )
    return found


def _orders(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A line an order, with its most frequent reasons in words."""
    quotas = {q["function"]: q for q in manifest["quotas"]}
    lines: list[dict[str, Any]] = []
    for order in manifest["yields"]["orders"]:
        reasons = [
            {"words": Words(REASONS[r].meaning_ja, REASONS[r].meaning) if r in REASONS else Words(r, r), "rows": n}
            for r, n in list(order["refused"].items())[:3]
        ]
        lines.append(
            order
            | {"reasons": reasons, "quota": quotas[order["order"]]["quota"], "short": quotas[order["order"]]["short"]}
            | {"outside": sum(order["origins"].get(origin, 0) for origin in _OUTSIDE)}
        )
    return lines


def _constraints(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Constraints on answers of a model, the hardest first; a program's pass, or it is a bug."""
    found = [c for c in manifest["yields"]["constraints"] if c["origin"] == "model"]
    return sorted(
        (c for c in found if c["pass"] + c["fail"] + c["abstain"] >= LEAST_ASKED),
        key=lambda c: (c["yield"], c["constraint"]),
    )


def _owed(manifest: Mapping[str, Any]) -> list[str]:
    """What the rows' licences oblige a release to."""
    return [f"{o['kind']} {o['value']} ({o['source']})".replace("  ", " ") for o in manifest["licences"]["obligations"]]


def _samples(place: Place, manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of every function, whole."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for file in manifest["files"]:
        if file["path"].startswith("data/"):
            for row in (
                read_parquet(place, file["path"]).select(["id", "function", "messages", "answer_origin"]).to_pylist()
            ):
                groups.setdefault(row["function"], []).append(row)
    shown: list[dict[str, Any]] = []
    for function, rows in sorted(groups.items()):
        chosen = sorted(rows, key=lambda row: key("shown", row["id"]))[:SHOWN]
        dialogues = [{"origin": r["answer_origin"], "messages": told(r["messages"])} for r in chosen]
        shown.append({"function": function, "rows": dialogues})
    return shown
