"""What `seimai forget` prints: what was found and where, which releases held it, what went, and what is to be done next."""

from collections import Counter
from collections.abc import Iterator

from curation.place import Place
from recipes.engine.forget.clearing import DIFF, Went
from recipes.engine.forget.derived import Found
from recipes.engine.run_folder import read_run

_WHAT = {"pages": "pages", "rounds": "candidates", "work": "rows of unfinished work", "set": "rows"}


def found_lines(out: str, found: Found) -> Iterator[str]:
    """What a run's folder holds, the stages summed up, each version by itself."""
    stages, seen = Counter[str](), set[bytes]()
    for held, ids in found.rows.items():
        if held.version:
            continue
        fresh = set(ids) - seen
        stages[held.kind] += len(fresh)
        seen |= fresh
    said = [f"{n:,} {_WHAT[kind]}" for kind, n in stages.items() if n]
    said += [f"{len(found.passages):,} passages"] if found.passages else []
    said += [f"{len(found.answers):,} answers in the store"] if found.answers else []
    yield f"{out}: {', '.join(said) or 'nothing of it'}"
    for held, ids in found.rows.items():
        if held.version:
            finished = read_run(Place(f"{out}/{held.version}")).get("finished", "")
            kept = found.kept.get(held, 0)
            lost = len(ids) - kept
            more = f", {lost:,} among what it refused" if lost > 0 else ""
            yield f"  release {held.version} of {finished[:10]}: {held.name} has {kept:,} {_WHAT[held.kind]}{more}"


def went_lines(out: str, went: Went) -> Iterator[str]:
    """What was taken out of it, and what the next command is."""
    kept = sum(len(one.kept) for held, one in went.cleared.items() if held.version)
    parts = [f"{kept:,} released pages", f"{went.passages:,} passages", f"{went.candidates:,} candidates"]
    yield f"{out}: taken out: {', '.join([*parts, f'{went.answers:,} answers'])}; blanked in every stage that had them"
    for held in went.withdrawn:
        yield f"  {held.version}/{held.name}: withdrawn; `seimai run` makes it again without, from what is left"
    for version in went.versions:
        yield f"  {out}/{version}/{DIFF} lists what the release lost; whoever has a copy of it needs that list"
