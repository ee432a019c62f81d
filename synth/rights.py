"""Documents: what a row may take from one, given its licence, how the row uses it, and what the release is for.

    kind            embeds, derives                         topic
    open(id)        the licence's obligations attach        nothing attaches
    public          allowed (laws, notices)                 allowed
    unknown(web)    train_internal only, under a policy     allowed in every purpose, under the same line
                    line for the declared basis
    denied          denied                                  denied

`embeds`: a passage stands in the prompt or is quoted. `derives`: a summary, a rewrite, a question with its answer. `topic`: no
wording is taken, which `shared_span` checks against the passage. A source that opted out gives nothing while its licence is unknown,
and neither does one of which nobody knows whether it did: what was not looked at says nothing. An open licence or a public
document stands by itself: it allows the use whatever a robots directive says of a site.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from synth.models import ALLOWED, Policy, Ruling
from synth.obligations import PolicyError, Purpose, read_obligations
from synth.verify.spans import common_span

Use = Literal["embeds", "derives", "topic"]
"""How a row used a document; the strictest use of several counts."""

DIRECTIVES = ("x_robots_tag", "robots_meta")
"""Columns of a page that hold its own robots directives: the header's and the document's."""
UNSEEN = (
    "keep the columns x_robots_tag and robots_meta of pages that were read from WARC and name the crawl's robots.txt for `opt_out`, "
    "give the source its licence, or let `seeds` say who removed opted-out sites before and when (opt_outs_removed)"
)
_OPT_OUT = re.compile(r"\b(?:noai|noimageai|nomachinelearning)\b|\btdm-reservation\s*[:=]\s*1\b", re.I)


@dataclass(frozen=True)
class Document:
    """What is known of a document's rights.

    licence: SPDX id, None when unknown. rights_basis: why its owner may use it, as the source declares. opted_out: the site
    reserves such use; None where nobody looked. name: how obligations and errors call it.
    """

    name: str
    licence: str | None
    rights_basis: str | None = None
    opted_out: bool | None = False


def opted_out(x_robots_tag: str | None, robots_meta: str | None) -> bool:
    """Whether a page's own robots directives reserve it from training or text and data mining.

    >>> opted_out("noindex, noai", None), opted_out(None, "nofollow"), opted_out("tdm-reservation: 1", None)
    (True, False, True)
    """
    return any(said and _OPT_OUT.search(said) for said in (x_robots_tag, robots_meta))


def of_document(document: Document, use: Use, purpose: Purpose, policy: Policy) -> Ruling:
    """What holds for a row that uses the document in this way, in a release for this purpose."""
    said = f"document {document.name}"
    if document.licence is None:
        return _unknown(document, use, purpose, policy, said)
    entry = policy.documents.get(document.licence)
    if entry is None:
        return Ruling("deny", (f"{said}: licence {document.licence} is not listed in {policy.where}, so it is denied",))
    if entry["kind"] == "denied":
        return Ruling("deny", (f"{said}: {document.licence}: {entry.get('reason', 'denied by the policy')}",))
    if use == "topic" or entry["kind"] == "public":
        return ALLOWED
    source = f"{document.licence}: {document.name}"
    obligations = read_obligations(
        entry.get("obligations", ()), source, f"{policy.where}, documents, {document.licence}"
    )
    return Ruling("conditional" if obligations else "allow", (), obligations)


def _unknown(document: Document, use: Use, purpose: Purpose, policy: Policy, said: str) -> Ruling:
    if document.opted_out:
        return Ruling("deny", (f"{said}: its site has opted out, and it has no licence that says otherwise",))
    line = next((e for e in policy.unknown_web if e["basis"] == document.rights_basis), None)
    if line is None:
        basis = f"the basis '{document.rights_basis}'" if document.rights_basis else "no basis"
        return Ruling(
            "deny", (f"{said}: its licence is unknown, and {policy.where} has no `unknown_web` line for {basis}",)
        )
    if document.opted_out is None:
        return Ruling("deny", (f"{said}: its licence is unknown, and so is whether its site has opted out: {UNSEEN}",))
    if use != "topic" and purpose not in line["purposes"]:
        allowed = ", ".join(line["purposes"])
        return Ruling(
            "deny",
            (f"{said}: its licence is unknown, so what {use} it stays in {allowed}; the release is for {purpose}",),
        )
    return ALLOWED


def shared_span(source: str, text: str, least: int) -> str | None:
    """A stretch of at least `least` characters that a text has in common with a source, or None; widths, white space and marks aside.

    How a row that claims to have taken only the topic is held to it. `least` ≥ 2 is the recipe's (30 is usual).

    >>> shared_span("吾輩は猫である。名前はまだ無い。", "猫の話: 名前は まだ無い。", 8)
    '名前はまだ無い。'
    >>> shared_span("吾輩は猫である。", "わがはいは猫である。", 8) is None
    True
    """
    if least < 2:
        raise PolicyError(f"the shortest shared span must be ≥ 2 characters, not {least}")
    return common_span(text, source, least) or None


def of_page(row: Mapping[str, object], name: str, removed: bool = False) -> Document:
    """The rights of a curated page, from its columns `licence`, `rights_basis`, `record_type`, `opt_out` and DIRECTIVES.

    Whether its site opted out is known of a page that was captured with its header and read with its markup, both columns being
    there; of the text of a WET record or a table's row, and where a column was dropped, it is not, unless opted-out sites were
    `removed` before. A directive that is there counts wherever it is from, and so does what the step `opt_out` found (robots.txt,
    TDM reservation, lists).
    """
    said = {
        k: None if row.get(k) is None else str(row[k]) for k in ("licence", "rights_basis", "record_type", *DIRECTIVES)
    }
    out: bool | None = opted_out(*(said[k] for k in DIRECTIVES)) or row.get("opt_out") == "reserved"
    if not out and not removed and (said["record_type"] in _NO_MARKUP or any(k not in row for k in DIRECTIVES)):
        out = None
    if not out and not removed and row.get("opt_out") == "unknown":
        out = None
    return Document(name, said["licence"], said["rights_basis"], out)


_NO_MARKUP = ("conversion", "row")
