"""Seeds: which documents a generation grows from, chosen evenly over topics and lengths, and what stays with each row of them.

Curated pages are looked at in the order of a hash of their ids, never of their arrival, so the same pages give the same seeds however
they are read. Each stratum (topic × length) gives as many as the recipe wants, each host and each near-duplicate cluster no more than
its cap. A seed is a passage with personal data masked; id, licence, basis and host stay with every row that grows from it.
A page that gives no seed is rejected with its reason, so pages in are seeds plus rejected pages.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation.normalise.pii.mask import mask
from curation.provenance import key
from synth.models import Policy
from synth.obligations import Purpose
from synth.passage import Prose, passage
from synth.rights import Use, of_document, of_page
from synth.topics import topics_of

READS = (
    *("id", "text", "host", "cluster", "licence", "rights_basis", "record_type"),
    *("x_robots_tag", "robots_meta", "opt_out"),
)
"""Columns of a curated page that are looked at, beside the quality column that the plan names."""


@dataclass(frozen=True)
class SeedPlan:
    """What a recipe says about its seeds.

    use: how rows will use them; purpose: what the release is for. lengths: bounds of the length strata in characters, e.g. (200, 400,
    800) for two. per_stratum: seeds wanted of each topic × length. per_host, per_cluster: most seeds of one. quality: column
    and the least value, None for any. topics: those wanted, None for all; pages without a topic are the topic "". salt: another
    salt chooses other pages. prose: what running text is, None for any text. opt_outs_removed: pages of sites that opted out were
    removed before they came here (`synth.rights.of_page`).
    """

    use: Use
    purpose: Purpose
    lengths: tuple[int, ...]
    per_stratum: int
    per_host: int
    per_cluster: int
    quality: tuple[str, float] | None = None
    topics: tuple[str, ...] | None = None
    salt: str = ""
    prose: Prose | None = None
    opt_outs_removed: bool = False

    def __post_init__(self) -> None:
        if len(self.lengths) < 2 or list(self.lengths) != sorted(set(self.lengths)) or self.lengths[0] < 1:
            raise ValueError(f"seeds: lengths are at least two rising bounds, not {self.lengths}")
        for name in ("per_stratum", "per_host", "per_cluster"):
            if getattr(self, name) < 1:
                raise ValueError(f"seeds: {name} must be ≥ 1, not {getattr(self, name)}")


@dataclass(frozen=True)
class Seed:
    """A passage that rows grow from, and what stays with them. masked: personal data that was masked, by kind."""

    id: str
    text: str
    topic: str
    use: Use
    host: str | None
    licence: str | None
    rights_basis: str | None
    digest: bytes
    masked: Mapping[str, int]

    def column(self) -> dict[str, Any]:
        """The seed as the column `seeds` of a generated row keeps it (`synth.dialogue.SEED`)."""
        return {
            "kind": "document", "id": self.id, "use": self.use, "licence": self.licence, "rights_basis": self.rights_basis,
            "host": self.host, "digest": self.digest, "topic": self.topic or None,
        }  # fmt: skip


@dataclass(frozen=True)
class NoSeed:
    """A page that gave no seed, and why: a reason of `synth/dialogue.py`, with what was found."""

    id: str
    reason: str
    detail: str


@dataclass(slots=True)
class _Page:
    """What is held of a page until all are there: the longest passage that may become a seed, not its text."""

    order: bytes
    ident: bytes
    topic: str
    excerpt: str
    host: str | None
    cluster: bytes | None
    licence: str | None
    rights_basis: str | None


def choose(pages: Iterable[Mapping[str, Any]], plan: SeedPlan, policy: Policy) -> Iterator[Seed | NoSeed]:
    """Seeds of the pages, and the pages that give none, in the order in which they were decided.

    pages: rows with the columns of `READS`. Of each, a passage is held in memory until all are there (about a gigabyte for a million
    pages of at most 300 characters), so give a partition or a sample of a large corpus.
    """
    kept: list[_Page] = []
    for chunk in _chunks(pages, 2048):
        for row, topic in zip(chunk, topics_of([r.get("text") for r in chunk]), strict=True):
            ident = bytes(row["id"])
            if (no := _unfit(row, ident, plan, policy)) is not None:
                yield no
            elif plan.topics is not None and (topic or "") not in plan.topics:
                yield NoSeed(ident.hex(), "seed_stratum_full", f"topic '{topic or ''}' is not wanted")
            elif (excerpt := passage(row["text"], *_bounds(plan), ident, plan.prose)) is None:
                yield _no_passage(ident, row["text"], plan)
            else:
                cluster = None if row.get("cluster") is None else bytes(row["cluster"])
                order = key("seed", plan.salt, ident)
                rights = row.get("licence"), row.get("rights_basis")
                kept.append(_Page(order, ident, topic or "", excerpt, row.get("host"), cluster, *rights))
    kept.sort(key=lambda page: page.order)
    yield from _decided(kept, plan)


def _decided(pages: Sequence[_Page], plan: SeedPlan) -> Iterator[Seed | NoSeed]:
    """One decision after the other, in the pages' order."""
    strata, hosts, clusters = Counter[tuple[str, int]](), Counter[str](), Counter[bytes]()
    for page in pages:
        ident, host, cluster = page.ident.hex(), page.host, page.cluster
        if host is not None and hosts[host] >= plan.per_host:
            yield NoSeed(ident, "seed_host_cap", f"{host} has given {plan.per_host}")
            continue
        if cluster is not None and clusters[cluster] >= plan.per_cluster:
            yield NoSeed(ident, "seed_cluster_cap", f"cluster {cluster.hex()} has given {plan.per_cluster}")
            continue
        found = _passage(page, plan, strata)
        if isinstance(found, NoSeed):
            yield found
            continue
        text, stratum = found
        strata[page.topic, stratum] += 1
        hosts.update([host] if host is not None else [])
        clusters.update([cluster] if cluster is not None else [])
        masked, kinds = mask(text)
        rights = page.licence, page.rights_basis
        yield Seed(ident, masked, page.topic, plan.use, host, *rights, key("text", masked), kinds)


def _passage(page: _Page, plan: SeedPlan, strata: Counter[tuple[str, int]]) -> tuple[str, int] | NoSeed:
    """A passage for a length that still wants seeds; which length is tried first changes from page to page."""
    bounds = list(zip(plan.lengths, plan.lengths[1:], strict=False))
    first, full = page.order[-1] % len(bounds), 0
    for i in range(len(bounds)):
        stratum = (first + i) % len(bounds)
        if strata[page.topic, stratum] >= plan.per_stratum:
            full += 1
            continue
        least, most = bounds[stratum]
        if (text := passage(page.excerpt, least, most - 1, page.ident, plan.prose)) is not None:
            return text, stratum
    if full:
        return NoSeed(
            page.ident.hex(),
            "seed_stratum_full",
            f"topic '{page.topic}' has {plan.per_stratum} of each length that fits",
        )
    return _no_passage(page.ident, page.excerpt, plan)


def _bounds(plan: SeedPlan) -> tuple[int, int]:
    """Characters of a passage: the least and the most of all strata."""
    return plan.lengths[0], plan.lengths[-1] - 1


def _no_passage(ident: bytes, text: str, plan: SeedPlan) -> NoSeed:
    """Why a text gives no passage: none is of that length, or those that are are no running text."""
    least, most = _bounds(plan)
    if plan.prose is not None and passage(text, least, most, ident) is not None:
        return NoSeed(ident.hex(), "seed_prose", f"no passage of {least} to {most} characters is {plan.prose}")
    return NoSeed(ident.hex(), "seed_length", f"no passage of {least} to {most} characters")


def _unfit(row: Mapping[str, Any], ident: bytes, plan: SeedPlan, policy: Policy) -> NoSeed | None:
    """Why a page gives no seed whatever the others do."""
    ruling = of_document(of_page(row, ident.hex(), plan.opt_outs_removed), plan.use, plan.purpose, policy)
    if ruling.status == "deny":
        return NoSeed(ident.hex(), "seed_rights", ruling.reasons[0])
    if plan.quality is not None:
        name, least = plan.quality
        value = row.get(name)
        if value is None or not value >= least:
            return NoSeed(ident.hex(), "seed_quality", f"{name} {value} is below {least}")
    if not row.get("text"):
        return NoSeed(ident.hex(), "seed_length", "no text")
    return None


def _chunks(rows: Iterable[Mapping[str, Any]], size: int) -> Iterator[list[Mapping[str, Any]]]:
    chunk: list[Mapping[str, Any]] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
