"""When the rounds of a generation began: faults of before are asked again, those of since stay.

A fault may be an engine's bad hour or a deadline that has been raised by now, so no run is bound by what an earlier one could not
get. Within a run, killed and gone on with or not, a fault is an answer: otherwise it would be asked for ever.

    OUT/stages/instruct-4f0c9a1b77d0/began.json    {"at": Unix seconds, "for": the set's folder}
"""

import time

from curation.parquet_file import ParquetFile
from curation.place import Place
from recipes.engine.generation.plan import Generation
from synth.import_candidates import LACKING, MALFORMED

_FILE = "began.json"


def begin(generation: Generation) -> None:
    """Notes when the rounds begin, unless this run has begun already.

    Rounds that another version made are used as they are, unless one of their samples has a fault: then they are made anew from the
    store, so that those samples are asked again.
    """
    place = Place(generation.rounds)
    if place.exists(_FILE):
        if place.read_json(_FILE)["for"] == generation.url or not (faulty := _faulty(place)):
            return
        for name in faulty:
            (place / name).remove()
    place.write_json(_FILE, {"at": int(time.time()), "for": generation.url})  # as faults are dated


def began_at(rounds: str) -> int | None:
    """Unix seconds when the rounds in this folder began, None where nobody noted it."""
    place = Place(rounds)
    return place.read_json(_FILE)["at"] if place.exists(_FILE) else None


def _faulty(place: Place) -> list[str]:
    """All rounds from the first one on in which a sample has a fault: what comes later follows from it."""
    rounds = sorted(name for name in place.names() if name.startswith("round-"))
    for i, name in enumerate(rounds):
        one = place / name
        for file in one.names("candidates"):
            if file.endswith(".parquet"):
                with one.fs.open(f"{one.path}/candidates/{file}", "rb") as opened:
                    faults = ParquetFile(opened, memory_map=False).read(["fault"]).column("fault")
                if set(faults.unique().to_pylist()) - {None, MALFORMED, LACKING}:  # what a set's file lacks it lacks
                    return rounds[i:]
    return []
