"""Preference pairs out of people's rankings: every two answers of one prompt that people put at different ranks.

All comparisons, and not the best answer against the rest alone, since the order of the others is as much people's word (Ouyang+22,
3.5: all pairs of a ranking, together). Each weighs 1 / the pairs of its ranking, so that a long ranking counts no more than a pair.

    a shared rank              no pair: the two are equally good
    equal after NFC            no pair, whatever people say: they saw no difference that a model can learn
    one is kept for testing    no pair: it would be trained on
    all are bad, nobody could tell, no order, no decision    the ranking makes none

A pair of a set whose two answers were ranked gives way to the ranking; where people decided about that very pair it is the other
way.
Answers lie among the rows of a generation and its surplus candidates. A ranking of answers that say something else by now makes none.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import orjson
import pyarrow as pa

from annotation.items import Unreadable, of_ranked
from annotation.record import contents
from annotation.release.decisions import Ranking
from annotation.release.gate import RANKING, two_sides
from annotation.release.row import Row
from annotation.release.sources import Source
from curation.provenance import key
from synth.engine.content_key import canonical
from synth.messages import text_of
from synth.pairing.answers import text_key

ALL_BAD = "all_bad"
"""People's word that the best of the answers is not usable."""


@dataclass
class Ranked:
    """What rankings make of the rows of a release.

    pairs: canonical rows. two: two answers each that people compared, also at one rank or all of them bad. left: comparisons that
    are no pairs, by reason. effects: rankings by outcome. stale: rankings of answers that say something else by now; elsewhere:
    whose answers are not all here.
    """

    pairs: list[Row] = field(default_factory=list[Row])
    two: set[frozenset[bytes]] = field(default_factory=set[frozenset[bytes]])
    left: Counter[str] = field(default_factory=Counter[str])
    effects: Counter[str] = field(default_factory=Counter[str])
    stale: int = 0
    elsewhere: int = 0

    def as_dict(self) -> dict[str, int]:
        """Counts of comparisons, as the manifest has them; empty where nothing was ranked."""
        return {"pairs": len(self.pairs), **dict(sorted(self.left.items()))} if self.effects else {}


def ranked(rankings: Sequence[Ranking], sources: Sequence[Source]) -> Ranked:
    """Pairs of all rankings, out of the sets that hold their answers."""
    found = Ranked()
    wanted = {answer for one in rankings for answer in one.answers}
    here: dict[bytes, tuple[Row, Row]] = {}
    for source in sources if wanted else ():
        for row, made in source.answers(wanted):
            here.setdefault(row["id"], (row, made))
    for one in rankings:
        both = [here[answer] for answer in one.answers if answer in here]
        if len(both) < len(one.answers):
            found.elsewhere += 1
        elif not _as_shown(one, both):
            found.stale += 1
        else:
            found.effects[f"ranking: {one.usable or 'none'}"] += 1
            if one.usable == ALL_BAD or (one.usable == "good" and one.ranks.keys() == set(one.answers)):
                _add(found, one, [made for _, made in both])
    return found


def _as_shown(one: Ranking, both: Sequence[tuple[Row, Row]]) -> bool:
    """Whether the answers and their one prompt are what people saw."""
    if any("_problem" in made for _, made in both):
        return False
    prompts = {(canonical(orjson.loads(made["messages"])[:-1]), made["tools"]) for _, made in both}
    try:
        return len(prompts) == 1 and one.content in contents(of_ranked([row for row, _ in both]))
    except Unreadable:
        return False


def _add(found: Ranked, one: Ranking, rows: Sequence[Row]) -> None:
    pairs: list[Row] = []
    for better, worse in combinations(sorted(rows, key=lambda row: one.ranks.get(row["id"], 0)), 2):
        two, ranks = frozenset((better["id"], worse["id"])), [one.ranks.get(row["id"]) for row in (better, worse)]
        if why := "ranked_twice" if two in found.two else _why_none(one, better, worse):
            found.left[why] += 1
        else:
            pairs.append(_pair(one, better, worse, f"{ranks[0]} > {ranks[1]}"))
        found.two.add(two)
    # as the column holds it: the content hash is of that
    weight = pa.scalar(1 / max(1, len(pairs)), pa.float32()).as_py()
    found.pairs += [row | {"weight": weight} for row in pairs]


def _why_none(one: Ranking, better: Row, worse: Row) -> str:
    """Why two answers of a ranking are no pair; "" where they are one."""
    if one.usable == ALL_BAD:
        return ALL_BAD
    if one.ranks[better["id"]] == one.ranks[worse["id"]]:
        return "tied"
    texts = {text_key(text_of(orjson.loads(row["messages"])[-1])) for row in (better, worse)}
    return "same_text" if len(texts) == 1 else "other_split" if better["_test"] != worse["_test"] else ""


def _pair(one: Ranking, better: Row, worse: Row, outcome: str) -> Row:
    """A canonical row whose rights, origin and groups are those of both dialogues."""
    (*before, chosen), (*_, rejected) = (orjson.loads(row["messages"]) for row in (better, worse))
    both = (better, worse)
    status = {row["licence_status"] for row in both}
    return better | two_sides(better, before, chosen, rejected) | {
        "id": key(RANKING, one.row, better["id"], worse["id"]), "strategy": RANKING, "margin": None,
        "decision": {"task": RANKING, "outcome": outcome, "method": one.method},
        "seeds": _distinct(row["seeds"] for row in both), "authors": _distinct(row["authors"] or () for row in both),
        "obligations": canonical(_distinct(orjson.loads(row["obligations"] or "[]") for row in both)).decode(),
        "licence_status": next(said for said in ("deny", "conditional", "allow") if said in status),
        "verified_by": sorted({*better["verified_by"], *worse["verified_by"]}), "_made": True,
        "_keys": tuple(dict.fromkeys((*better["_keys"], *worse["_keys"]))), "_draft": better["_draft"] or worse["_draft"],
        "_rejected_origin": worse["origin"], "_chosen_id": better["id"], "_rejected_id": worse["id"],
    }  # fmt: skip


def _distinct(lists: Iterator[Sequence[Row]]) -> list[Row]:
    """What several lists hold, each once, in the order in which it is met."""
    found = {
        orjson.dumps(one, option=orjson.OPT_SORT_KEYS, default=lambda value: value.hex()): one
        for some in lists
        for one in some
    }
    return list(found.values())
