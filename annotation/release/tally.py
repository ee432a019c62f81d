"""What a release is made of, counted as its rows pass: for the manifest and the data card."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from annotation.release.row import Row

_Counts = Counter[tuple[str, ...]]


@dataclass
class Tally:
    """Counts over released rows. documents: by licence and basis; models: by name, revision, role, licence and status."""

    rows: _Counts = field(default_factory=_Counts)
    functions: _Counts = field(default_factory=_Counts)
    sources: _Counts = field(default_factory=_Counts)
    documents: _Counts = field(default_factory=_Counts)
    models: _Counts = field(default_factory=_Counts)
    origins: _Counts = field(default_factory=_Counts)
    decisions: _Counts = field(default_factory=_Counts)
    hosts: set[str] = field(default_factory=set[str])

    def add(self, kind: str, row: Row) -> None:
        """Counts a row that is released."""
        self.rows[kind, row["split"]] += 1
        self.sources[kind, row["source"]] += 1
        for author in row["authors"] or ():
            said = (author["model"], author["revision"], author["role"], author["licence"], author["status"])
            self.models[tuple(one or "" for one in said)] += 1
        if kind == "text":
            self.documents[row["licence"] or "", row["rights_basis"] or "", "embeds"] += 1
            self.hosts.update([row["host"]] if row.get("host") else [])
            return
        self.functions[kind, row["function"] or "", row.get("strategy") or "", row["lang"] or ""] += 1
        self.origins[kind, row.get("origin") or ""] += 1
        if row["decision"] is not None:
            said = row["decision"]
            self.decisions[said["task"], said["outcome"] or "", said["method"]] += 1
        documents = [seed for seed in row["seeds"] or () if seed["kind"] == "document"]
        for seed in {(s["licence"] or "", s["rights_basis"] or "", s["use"]) for s in documents}:
            self.documents[seed] += 1
        self.hosts.update(seed["host"] for seed in documents if seed["host"])

    def as_dict(self) -> dict[str, Any]:
        """As the manifest holds it: lists of names and a count, in the order of the names."""
        names = ("rows", "functions", "sources", "documents", "models", "origins", "decisions")
        return {name: [[*of, n] for of, n in sorted(getattr(self, name).items())] for name in names} | {
            "hosts": len(self.hosts)
        }
