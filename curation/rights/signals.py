"""What a page itself says: directives of X-Robots-Tag and `<meta name="robots">`, and TDM reservation (W3C TDMRep) in both places.

`noai` and `noimageai` are DeviantArt's, `nomachinelearning` others', `tdm-reservation: 1` reserves text and data mining (in the EU by
article 4 of directive 2019/790). Robots may be named before a directive (`GPTBot: noai`); whoever it names, it counts.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

KINDS = ("noai", "noimageai", "noindex", "tdm", "robots_txt", "content_signal", "listed")
"""Every kind of signal that a recipe may reject by."""
OF_THE_PAGE = ("noai", "noimageai", "noindex", "tdm")
"""Kinds that a page says itself, in its header or markup."""

_WORDS = {
    "noai": ("noai", "nomachinelearning", "disallowaitraining"),
    "noimageai": ("noimageai",),
    "noindex": ("noindex", "none"),
}


class Signal(NamedTuple):
    """What was found. kind: of KINDS; says: reserved | silent | unknown; seen: where, when and what, in words."""

    kind: str
    says: str
    seen: str


def of_robots(said: str | None, where: str) -> Iterator[Signal]:
    """Signals of an X-Robots-Tag or a meta element's content (several joined by commas); none of an empty one.

    >>> [s.kind for s in of_robots("googlebot: noindex, NoAI", "X-Robots-Tag")]
    ['noai', 'noindex']
    """
    words = {w for part in re.split(r"[,;]", (said or "").lower()) for w in re.split(r"[:\s]+", part.strip())}
    for kind, names in _WORDS.items():
        if found := sorted(words.intersection(names)):
            yield Signal(kind, "reserved", f"{where}: {', '.join(found)}")


def of_tdm(said: str | None, where: str) -> Iterator[Signal]:
    """The signal of TDM-Reservation values (several joined by commas): 1 reserves, 0 does not, anything else is unknown.

    >>> [s.says for said in ("1", "0, 1", "0", "yes") for s in of_tdm(said, "header")]
    ['reserved', 'reserved', 'silent', 'unknown']
    """
    values = [v.strip() for v in (said or "").split(",") if v.strip()]
    if values:
        says = "reserved" if "1" in values else "silent" if set(values) == {"0"} else "unknown"
        yield Signal("tdm", says, f"{where}: tdm-reservation {', '.join(values)}")
