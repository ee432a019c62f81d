"""What a licence asks of a release, each a small check against what the release says of itself.

    name_prefix: Llama              the trained model's name begins with it
    notice_contains: Built with X   one of the release's notices contains it
    attribution: NAME               one of the notices names the author; without a name, the document's own source
    share_alike: [A, B]             a release that is shared is under one of these licences
    no_publish                      nothing of it is published
    signoff_by: legal               someone in this role has signed the release, with a date

Obligations of all authors and seeds are a set union. Two that no release can keep at once (name prefixes that exclude each other,
share-alike licences without a common one) are an error that names both, whatever the release says.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any, Literal

Purpose = Literal["train_internal", "share", "publish"]
"""What a release is for: training inside the house, passing on to named partners, or the public."""

_DATE = re.compile(r"\b\d{4}-\d{2}-\d{2}\b")
KINDS = ("name_prefix", "notice_contains", "share_alike", "attribution", "no_publish", "signoff_by")


class PolicyError(Exception):
    """A policy file that says nothing clear, or a use that the policy denies: the message gives the entry and its reason."""


@dataclass(frozen=True, order=True)
class Obligation:
    """One thing to keep. value: the prefix, text, name, role, or licences joined by ` | `. source: whose licence asks for it."""

    kind: str
    value: str = ""
    source: str = ""

    def unmet(self, target: "Target") -> str | None:
        """What the release lacks, in words; None when it keeps the obligation."""
        match self.kind:
            case "name_prefix" if not target.model_name.startswith(self.value):
                return f"model_name must begin with '{self.value}' ({self.source}), it is '{target.model_name}'"
            case "notice_contains" | "attribution" if not any(self.value in notice for notice in target.notices):
                return f"a notice must contain '{self.value}' ({self.source})"
            case "share_alike" if target.purpose != "train_internal" and target.licence not in self.licences:
                return f"licence must be {self.value} ({self.source}), it is {target.licence or 'not stated'}"
            case "no_publish" if target.publish or target.purpose == "publish":
                return f"nothing of it may be published ({self.source}), and the release says publish"
            case "signoff_by" if not _DATE.search(target.signoffs.get(self.value, "")):
                return f"signoffs must name who signed as '{self.value}', with a date (YYYY-MM-DD) ({self.source})"
            case _:
                return None

    @property
    def licences(self) -> tuple[str, ...]:
        """Licences that a `share_alike` accepts."""
        return tuple(self.value.split(" | "))

    def as_dict(self) -> dict[str, str]:
        """As rows and manifests keep it."""
        return {"kind": self.kind, "value": self.value, "source": self.source}


@dataclass(frozen=True)
class Target:
    """What a release says of itself; a recipe's `release.target`.

    model_name: of the model to be trained. notices: lines that will be displayed. licence: SPDX id under which rows are passed on.
    signoffs: role → name and date.
    """

    model_name: str
    purpose: Purpose
    publish: bool
    notices: tuple[str, ...] = ()
    licence: str | None = None
    signoffs: Mapping[str, str] = field(default_factory=dict[str, str])


def read_obligations(said: Iterable[Any], source: str, where: str) -> frozenset[Obligation]:
    """Obligations as a policy file writes them. Raises PolicyError for a kind that there is not, or one without its value."""
    found = set[Obligation]()
    for item in said:
        kind, value = next(iter(item.items())) if isinstance(item, dict) and len(item) == 1 else (item, None)
        if kind not in KINDS:
            raise PolicyError(f"{where}: there is no obligation {kind!r}; there are {', '.join(KINDS)}")
        if kind == "attribution" and value is None:
            value = source
        if kind == "share_alike":
            value = " | ".join(sorted(value or []))
        if (kind == "no_publish") == bool(value):
            raise PolicyError(f"{where}: {kind} {'takes no value' if value else 'needs a value'}")
        found.add(Obligation(kind, str(value or ""), source))
    return frozenset(found)


def contradiction(obligations: Iterable[Obligation]) -> str | None:
    """Two obligations that no release can keep at once, in words; None when there are none."""
    kept = sorted(obligations)
    for one, other in combinations([o for o in kept if o.kind == "name_prefix"], 2):
        if not (one.value.startswith(other.value) or other.value.startswith(one.value)):
            return f"no name begins with both '{one.value}' ({one.source}) and '{other.value}' ({other.source})"
    alike = [o for o in kept if o.kind == "share_alike"]
    for one, other in combinations(alike, 2):
        if not set(one.licences) & set(other.licences):
            return (
                f"no licence is both one of {one.value} ({one.source}) and one of {other.value} ({other.source}): "
                "leave out the rows of one"
            )
    if len(alike) > 2 and not set(alike[0].licences).intersection(*(o.licences for o in alike[1:])):
        return f"no licence satisfies all of {', '.join(o.source for o in alike)} together"
    return None
