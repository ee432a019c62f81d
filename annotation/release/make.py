"""A release made: two passes over the sources, the shard sets, the trainers' files, the card. The manifest comes last.

The first pass looks at every row's rights and group and writes nothing: a release with one denied row is refused before it
exists. The second decides each row once and puts it to rest. What is made is the same whenever it is made of the same sets and
decisions.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from annotation.errors import ReleaseError
from annotation.release.card import cards
from annotation.release.croissant import croissant
from annotation.release.decisions import Decisions
from annotation.release.formats.format import Format
from annotation.release.gate import Gate, Out, unaudited
from annotation.release.label_weights import wanted_ratio
from annotation.release.rankings import Ranked, ranked
from annotation.release.rights import Rulings, stated, united
from annotation.release.row import KINDS, Row
from annotation.release.shards import KindShards
from annotation.release.sources import MANIFEST, Source, content
from annotation.release.splits import Groups, Shares
from annotation.release.tally import Tally
from annotation.release.trainer_files import write_format
from curation.place import Place
from synth.forbidden_authors import ForbiddenAuthors
from synth.models import Policy, Ruling, check_release
from synth.obligations import PolicyError, Target

FORMAT = 1
NAMED = 10
"""Denied rows that an error names."""


@dataclass(frozen=True)
class Order:
    """What is to be released.

    contact: where rights holders and people whose data it is may write. title, limits: by language (`ja`, `en`). decisions: of
    people; agreement: how far they agreed, as the card tells it. leave_out_denied: denied rows are rejected instead of refusing
    the release. opt_outs_removed: pages of sites that opted out were removed before. made: the date, as the card and Croissant
    say it. by: versions of what makes it. decided: content hash of the decisions; None without any.
    """

    name: str
    version: str
    sources: Sequence[Source]
    formats: Sequence[Format]
    target: Target
    policy: Policy
    contact: str
    made: str
    shares: Shares = field(default_factory=Shares)
    title: Mapping[str, str] = field(default_factory=dict[str, str])
    limits: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    decisions: Decisions = field(default_factory=Decisions)
    agreement: Sequence[Mapping[str, Any]] = ()
    leave_out_denied: bool = False
    opt_outs_removed: bool = False
    by: Mapping[str, str] = field(default_factory=dict[str, str])
    decided: str | None = None
    partitions: int = 1

    @property
    def kinds(self) -> list[str]:
        """Kinds of rows that are released: what the formats take, and dialogues where people rewrote some and pairs are wanted."""
        wanted = {of.kind for of in self.formats}
        if "preference" in wanted and any(True for _ in self.decisions.rewrites()):
            wanted.add("chat")
        return [kind for kind in KINDS if kind in wanted]

    @cached_property
    def ranked(self) -> Ranked:
        """What people's rankings make, where pairs are released."""
        return ranked(self.decisions.rankings if "preference" in self.kinds else (), self.sources)

    def rows(self) -> Iterator[tuple[str, Row]]:
        """All rows of all sources with their kinds, and pairs that people's rankings make of them."""
        for kind in self.kinds:
            for source in self.sources:
                if kind in source.kinds:
                    for row in source.rows(kind):
                        yield kind, row
            if kind == "preference":
                yield from ((kind, row) for row in self.ranked.pairs)


def make(order: Order, url: str) -> dict[str, Any]:
    """Writes a release into a folder. Returns its manifest. Raises ReleaseError where it may not be, or its folder is taken."""
    final = Place(url)
    partial = Place(f"{url.rstrip('/')}.partial") if final.local else final  # on object storage the manifest decides
    if final.exists(MANIFEST) or (final.local and final.exists()):
        raise ReleaseError(
            f"{url}: is there already; a release is never written over: give another --out, or remove it"
        )
    _check_kinds(order)
    inside = order.target.purpose == "train_internal"
    gate = Gate(order.decisions, ForbiddenAuthors.of(order.policy), inside, ranked=order.ranked.two)
    seen = _first_pass(order, gate)
    gate.unaudited = unaudited(_audits(order.sources), seen.used)
    partial.remove()
    shards, tally, ruling = _second_pass(order, partial, gate, seen)
    ratio = wanted_ratio(source.manifest for source in order.sources if "answer" in source.kinds)
    made = {of.name: write_format(partial, of, (partial / f"shards/{of.kind}").url, ratio) for of in order.formats}
    manifest = _manifest(order, shards, tally, ruling, gate, made)
    for name, text in (cards(manifest) | {"croissant.json": croissant(manifest)}).items():
        partial.write_bytes(name, text.encode())
    partial.write_json(MANIFEST, manifest)
    partial.publish(final)
    return manifest


def _check_kinds(order: Order) -> None:
    have = {kind for source in order.sources for kind in source.kinds}
    have |= {"preference"} if "chat" in have and order.decisions.make_pairs else set()
    for of in order.formats:
        if of.kind not in have:
            names = ", ".join(f"{s.name} ({', '.join(s.kinds)})" for s in order.sources) or "none"
            hint = (
                " (`kto` and `prompts` of a recipe's pairs make such sets)" if of.kind in ("answer", "prompt") else ""
            )
            raise ReleaseError(
                f"format '{of.name}' takes rows of kind '{of.kind}', and no set has any{hint}; sets: {names}"
            )


@dataclass
class _Seen:
    """What the first pass knows: groups, denied rows, which constraints judged."""

    groups: Groups = field(default_factory=Groups)
    denied: dict[tuple[str, bytes], str] = field(default_factory=dict[tuple[str, bytes], str])
    used: set[str] = field(default_factory=set[str])


def _first_pass(order: Order, gate: Gate) -> _Seen:
    """Looks at everything. Raises ReleaseError where a row is denied or the target does not keep what rows oblige to."""
    seen, rulings = _Seen(), Rulings(order.policy, order.target.purpose, removed=order.opt_outs_removed)
    apart = bool(order.shares.validation or order.shares.test)
    found: set[Ruling] = set()
    named: list[str] = []
    if order.decisions and "chat" not in order.kinds:
        for row in (row for source in order.sources if "chat" in source.kinds for row in source.rows("chat")):
            gate.look("chat", row)  # what people said of a dialogue holds for its turn in a pair too
    for kind, row in order.rows():
        ruling = rulings.of(row)
        if ruling.status == "deny":
            seen.denied[kind, row["id"]] = ruling.reasons[0]
            if len(named) < NAMED:
                named.append(f"row {row['id'].hex()} ({row['source']}, {kind}): {ruling.reasons[0]}")
            continue
        found.add(ruling)
        seen.used.update(row.get("verified_by") or ())
        gate.look(kind, row)
        if kind != "text" or apart:
            seen.groups.join(row["_keys"], test_only=row["_test"])
    if seen.denied and not order.leave_out_denied:
        more = f"; and {len(seen.denied) - len(named):,} more" if len(seen.denied) > len(named) else ""
        raise ReleaseError(
            f"the release is refused: {len(seen.denied):,} rows are denied for purpose {order.target.purpose}. "
            f"{'; '.join(named)}{more}. Say `leave_out_denied: true` to release the others"
        )
    try:
        check_release(found, order.target)
    except PolicyError as error:
        raise ReleaseError(str(error)) from error
    if order.target.purpose != "train_internal" and not order.target.licence:
        raise ReleaseError(
            f"a release whose purpose is {order.target.purpose} is passed on under a licence: say `licence`, an SPDX id, in `target`"
        )
    return seen


def _second_pass(
    order: Order, partial: Place, gate: Gate, seen: _Seen
) -> tuple[dict[str, dict[str, Any]], Tally, Ruling]:
    """Decides each row and puts it to rest. Returns manifests of the shard sets, counts, and what the released rows oblige to."""
    shards = {kind: KindShards(partial / f"shards/{kind}", kind, order.partitions) for kind in order.kinds}
    rulings = Rulings(order.policy, order.target.purpose, removed=order.opt_outs_removed)
    tally, found = Tally(), set[Ruling]()
    for kind, row in order.rows():
        made_by_people = "_made" in row
        shards[kind].added += made_by_people
        shards[kind].rows_in += not made_by_people
        if (why := seen.denied.get((kind, row["id"]))) is not None:
            shards[kind].reject(row, "licence_denied", why)
            continue
        ruling = rulings.of(row)
        made, pair = gate.through(kind, row)
        if isinstance(made, Out):
            shards[kind].reject(row, *made)
            continue
        label = seen.groups.label(row["_keys"][0])
        placed = {"split_group": label, "split": seen.groups.split(label, order.shares)} | stated(ruling)
        found.add(ruling)
        for of, one in ((kind, made), *([("preference", pair)] if pair is not None and "preference" in shards else [])):
            shards[of].keep(one | placed)
            tally.add(of, one | placed)
            shards[of].added += one is pair
    about = {"purpose": order.target.purpose, "release": f"{order.name} {order.version}"}
    return {kind: one.finish(about) for kind, one in shards.items()}, tally, united(found)


def _audits(sources: Sequence[Source]) -> dict[str, bool]:
    """Kinds of constraint whose verifiers passed in all sets that used them."""
    made: dict[str, bool] = {}
    for source in sources:
        for kind, good in source.audits.items():
            made[kind] = made.get(kind, True) and good
    return made


def _manifest(
    order: Order, shards: Mapping[str, Any], tally: Tally, ruling: Ruling, gate: Gate, formats: Mapping[str, Any]
) -> dict[str, Any]:
    target = order.target
    rejected = sum((Counter(one["rejected"]) for one in shards.values()), Counter[str]())
    people, kinds = order.ranked, {*order.kinds, *(("chat",) if order.ranked.pairs else ())}
    counts = ("rows_in", "rows_out", "rejected", "made_by_people", "content", "partitions", "columns")
    return {
        "format": FORMAT, "name": order.name, "version": order.version, "made": order.made,
        "target": {**vars(target), "notices": list(target.notices), "signoffs": dict(target.signoffs)},
        "contact": order.contact, "title": dict(order.title), "limits": {k: list(v) for k, v in order.limits.items()},
        "policy": {"file": order.policy.where.rpartition("/")[2], "version": order.policy.version},
        "sources": [_source(one) for one in order.sources if kinds & set(one.kinds)],
        "shards": {kind: {name: one[name] for name in counts} for kind, one in shards.items()},
        "rows_in": sum(one["rows_in"] for one in shards.values()), "rows_out": sum(one["rows_out"] for one in shards.values()),
        "rejected": dict(rejected.most_common()),
        "splits": {"validation": order.shares.validation, "test": order.shares.test, "salt": order.shares.salt},
        "formats": formats, "counted": tally.as_dict(), "masked": gate.masked,
        "versions": dict(order.by), "decisions_content": order.decided,
        "decisions": dict(sorted((gate.effects + people.effects).items())), "rankings": people.as_dict(),
        "decisions_on_other_texts": gate.stale + people.stale,
        "decisions_on_other_rows": len(order.decisions.by_row.keys() - gate.seen.keys()) + people.elsewhere,
        "agreement": list(order.agreement),
        "unaudited": dict(sorted(gate.unaudited.items())),
        "licences": {"status": ruling.status, "obligations": [o.as_dict() for o in sorted(ruling.obligations)]},
    }  # fmt: skip


def _source(one: Source) -> dict[str, Any]:
    """What the manifest says of a source: its name, fingerprint and content, and what became of its candidates."""
    said = one.manifest
    kept = ("rows_in", "rows_out", "rejected", "fingerprint")
    made = {"name": one.name, "kinds": list(one.kinds), "content": content(one), "rejected": {}}
    return made | {name: said[name] for name in kept if name in said}
