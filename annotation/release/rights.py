"""Rights once more, at release: every author and document of a row by the policy of today and for what this release is for.

A row carries what was ruled when it was made, for the recipe's purpose. Since then the policy may have changed, and what stays
inside may be asked to leave the house. So each author is looked up again, and each document by its licence, basis and use.
Obligations that the row has already stay with it: the stricter of both holds.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from annotation.release.row import Row
from synth.engine.content_key import Identity
from synth.models import ALLOWED, Policy, Ruling
from synth.obligations import Obligation, Purpose
from synth.rights import Document, of_document, of_page

UNKNOWN = (
    "the licence of its document is not known here, and it would leave the house: give the run's folder, or the generation that the "
    "set was made of beside it"
)


class Rulings:
    """Rulings on rows, each distinct author and document looked up once. removed: pages of sites that opted out were taken out
    before."""

    def __init__(self, policy: Policy, purpose: Purpose, *, removed: bool = False):
        self.policy, self.removed = policy, removed
        self.purpose: Purpose = purpose
        self._known: dict[Any, Ruling] = {}

    def of(self, row: Row) -> Ruling:
        """What holds for a canonical row; `allow` or `conditional` with obligations, or `deny` with the reason."""
        said = frozenset(Obligation(**one) for one in orjson.loads(row["obligations"] or "[]"))
        own = Ruling("deny", ("it was denied when it was made",)) if row["licence_status"] == "deny" else ALLOWED
        whole = own | Ruling("conditional" if said else "allow", (), said)
        for author in row["authors"] or ():
            whole |= self._author(author)
        if "text" in row:
            return whole | self._page(row)
        for seed in row["seeds"] or ():
            whole |= self._seed(seed)
        if row.get("_unknown_document") and self.purpose != "train_internal":
            whole |= Ruling("deny", (UNKNOWN,))
        return whole

    def _author(self, author: Mapping[str, Any]) -> Ruling:
        named = author["model"]
        known = ("author", named, author["revision"], author["weights"], author["verified"], author["role"])
        if known not in self._known:
            self._known[known] = self._looked_up(author)
        return self._known[known]

    def _looked_up(self, author: Mapping[str, Any]) -> Ruling:
        named = author["model"]
        if named.startswith("data:"):
            return self.policy.of_data(named.removeprefix("data:"))
        if author["role"] == "upstream":
            return ALLOWED  # what stands above a model is in that model's own ruling
        return self.policy.of_author(
            Identity(
                named, author["revision"] or "", author["weights"] or "", "", "", verified=bool(author["verified"])
            )
        )

    def _seed(self, seed: Mapping[str, Any]) -> Ruling:
        if seed["kind"] != "document":
            return ALLOWED  # an imported row's licence is that of its origin, which is among its authors
        name = seed["host"] or seed["id"]
        known = ("seed", name, seed["licence"], seed["rights_basis"], seed["use"])
        if known not in self._known:
            document = Document(name, seed["licence"], seed["rights_basis"])
            self._known[known] = of_document(document, seed["use"], self.purpose, self.policy)
        return self._known[known]

    def _page(self, row: Row) -> Ruling:
        about = {name: row[name] for name in ("licence", "rights_basis", *PAGE) if name in row}
        known = ("page", row["host"], *sorted(about.items(), key=lambda one: one[0]))
        if known not in self._known:
            document = of_page(about, row["host"] or row["id"].hex(), self.removed)
            self._known[known] = of_document(document, "embeds", self.purpose, self.policy)
        return self._known[known]


PAGE = ("record_type", "x_robots_tag", "robots_meta")
"""Columns of a page, beside licence and basis, that its rights follow from."""


def united(rulings: Iterable[Ruling]) -> Ruling:
    """All rulings together."""
    whole = ALLOWED
    for ruling in rulings:
        whole |= ruling
    return whole


def stated(ruling: Ruling) -> Row:
    """The columns of a row that its ruling fills."""
    owed = [one.as_dict() for one in sorted(ruling.obligations)]
    return {
        "licence_status": ruling.status,
        "obligations": orjson.dumps(owed, option=orjson.OPT_SORT_KEYS).decode(),
    }
