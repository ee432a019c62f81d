"""The passages of a generation: chosen once from the curated pages, before the first round, and the same for all workers."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from curation.place import Place
from curation.shards import ShardSet
from recipes.engine.errors import RunError
from recipes.engine.generation.plan import Generation
from synth.candidates import Rights
from synth.dialogue import REASONS
from synth.models import Ruling, check_release
from synth.obligations import PolicyError
from synth.rights import Use
from synth.seed import READS, NoSeed, Seed, choose

FILE = "seeds.json"


def write_seeds(generation: Generation) -> dict[str, Any]:
    """Chooses the passages where that was not done yet. Returns how many pages there were and what became of them.

    Raises RunError where no page gives one, with the reasons.
    """
    place = Place(generation.rounds)
    if not place.exists(FILE):
        found: list[Seed] = []
        reasons: Counter[str] = Counter()
        details: dict[str, str] = {}
        if generation.seeds is not None:
            for one in choose(_pages(generation), generation.seeds, generation.policy):
                if isinstance(one, NoSeed):
                    reasons[one.reason] += 1
                    details.setdefault(one.reason, one.detail)
                else:
                    found.append(one)
        counts = {"pages": len(found) + reasons.total(), "seeds": len(found), "rejected": dict(reasons.most_common())}
        content = [asdict(s) | {"digest": s.digest.hex(), "masked": dict(s.masked)} for s in found]
        place.write_json(FILE, {"counts": counts, "details": details, "seeds": content})
    said = place.read_json(FILE)
    counts = said["counts"]
    if generation.seeds is not None and not counts["seeds"]:
        rejected = counts["rejected"].items()
        why = "; ".join(f"{n:,} {r} ({REASONS[r].meaning}), e.g. {said['details'][r]}" for r, n in rejected)
        raise RunError(
            f"{generation.where}: none of the {counts['pages']:,} pages of stage '{generation.read.name}' gives a passage: "
            f"{why or 'the stage released no page'}; change `seeds` or what the stage keeps"
        )
    return counts


def check_seeds(generation: Generation) -> None:
    """Holds the target against what the licences of the passages oblige to, before anything is asked. Raises RunError.

    Whichever of them a row will grow from, the release is then sure of all; one that is not named is left out by `seeds`.
    """
    uses: set[Use] = {order.task.use for order in generation.orders if order.task.passage}
    rights = Rights(generation.policy, None, generation.target.purpose)
    rulings = (
        {rights.document(seed, use) for seed in read_seeds(generation.rounds) for use in uses}
        if uses
        else set[Ruling]()
    )
    try:
        check_release(rulings, generation.target)
    except PolicyError as error:
        raise RunError(
            f"{generation.where}: by the licences of its passages, {error}. Nothing was asked yet: change the recipe and give the "
            "same command"
        ) from error


def read_seeds(url: str) -> list[Seed]:
    """The passages that were chosen."""
    said = Place(url).read_json(FILE)["seeds"]
    return [Seed(**(s | {"digest": bytes.fromhex(s["digest"])})) for s in said]


def _pages(generation: Generation) -> Iterator[Mapping[str, Any]]:
    columns = [c for c in READS if c in generation.read.columns]
    quality = (
        [c for c in generation.spec.seeds.quality if c not in columns] if generation.spec.seeds is not None else []
    )
    for batch in ShardSet.open(generation.read.url).read([*columns, *quality]):
        yield from batch.to_pylist()
