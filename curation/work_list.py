"""The work list: which units of the input each task of a stage reads, and how a task leaves its rest to others.

    work/00000.json     units of tasks 0 to 999; written before the first of them runs, and never changed
    tasks/00012.json    task 12 is done: `read` says what it read, `rest` what it left to others
    rests/00012         task 12 has a rest: where to look for one without opening every manifest

The list is written once: a run that goes on keeps it, whatever sizes a newer plan would choose. Small files come together in one
task, big ones are cut, and the biggest tasks come first, so that no long one begins when the others end. A task that stops early (a
straggler, a time limit) names in its own manifest what is left, shared out: each share is a task with a number of its own that
follows from its parent's. So one file decides, written whole or not at all: a task that dies before it has left nothing to
anybody and is done again from its beginning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import orjson

from curation.extract.units import Unit, joined
from curation.place import Place

SHARES = 8
"""A rest becomes at most so many tasks."""
_A_FILE = 1000
_FIELDS = ("url", "file", "kind", "start", "end", "stored", "size", "mark", "cut")


def shared_out(units: Sequence[Unit], least: int) -> list[list[Unit]]:
    """Units as tasks, the largest first: neighbours of less than `least` stored bytes come together until they have as many.

    >>> sizes = {"a": 3, "b": 40, "c": 4, "d": 5}
    >>> units = [Unit(name, name, "warc", 0, size, size) for name, size in sizes.items()]
    >>> [[unit.file for unit in task] for task in shared_out(units, 10)]
    [['b'], ['a', 'c', 'd']]
    """
    tasks: list[list[Unit]] = []
    small, held = list[Unit](), 0
    for unit in units:
        if unit.stored >= least:
            tasks.append([unit])
            continue
        small.append(unit)
        held += unit.stored
        if held >= least:
            tasks.append(small)
            small, held = [], 0
    if small:
        tasks.append(small)
    return sorted(tasks, key=lambda task: -sum(unit.stored for unit in task))


def cut_rest(pieces: Sequence[Unit], most: int) -> list[list[Unit]]:
    """What is left of a task in at most `most` shares of about as many bytes each, neighbours together.

    >>> pieces = [Unit("a", "a", "warc", 10 * i, 10 * i + 10, 10, cut=True) for i in range(5)]
    >>> [[(unit.start, unit.end) for unit in share] for share in cut_rest(pieces, 2)]
    [[(0, 20)], [(20, 50)]]
    """
    count = min(most, SHARES, len(pieces))
    ends = list(accumulate(max(1, piece.stored) for piece in pieces))
    cut: list[list[Unit]] = [[] for _ in range(count)]
    for piece, end in zip(pieces, ends, strict=True):
        middle = end - max(1, piece.stored) / 2
        cut[min(count - 1, int(middle * count / ends[-1]))].append(piece)
    return [joined(share) for share in cut if share]


def written(units: Sequence[Unit]) -> list[list[Any]]:
    """Units as a manifest holds them."""
    return [[getattr(unit, name) for name in _FIELDS] for unit in units]


def _read(rows: Sequence[Sequence[Any]]) -> list[Unit]:
    return [Unit(**dict(zip(_FIELDS, row, strict=True))) for row in rows]


@dataclass(frozen=True)
class WorkList:
    """The list of a stage in its folder; `tasks` is how many there were at the beginning."""

    place: Place
    tasks: int

    @classmethod
    def write(cls, place: Place, tasks: Sequence[Sequence[Unit]]) -> "WorkList":
        """Writes the list."""
        for first in range(0, len(tasks), _A_FILE):
            rows = [written(units) for units in tasks[first : first + _A_FILE]]
            place.write_bytes(f"work/{first // _A_FILE:05d}.json", orjson.dumps(rows))
        return cls(place, len(tasks))

    def units(self, rank: int) -> list[Unit]:
        """What a task reads: of the list, or its share of what another one left."""
        if rank < self.tasks:
            return _read(self.place.read_json(f"work/{rank // _A_FILE:05d}.json")[rank % _A_FILE])
        parent, share = divmod(rank - self.tasks, SHARES)
        return _read(self.place.read_json(f"tasks/{parent:05d}.json")["rest"][share])

    def whole(self) -> list[list[Unit]]:
        """What each task of the beginning reads."""
        return [_read(rows) for name in self.place.names("work") for rows in self.place.read_json(f"work/{name}")]

    def children(self, rank: int, shares: int) -> list[int]:
        """Numbers of the tasks that a task leaves its rest to."""
        return [self.tasks + rank * SHARES + share for share in range(shares)]


def ranks_of(place: Place, tasks: int, done: set[str]) -> list[int]:
    """Every task there is: those of the beginning, and those that `done` ones (names of manifests) left a rest to."""
    left, ranks = set(place.names("rests")), list(range(tasks))
    if not left:
        return ranks
    work = WorkList(place, tasks)
    for rank in ranks:  # grows on the way
        if f"{rank:05d}" in left and f"{rank:05d}.json" in done:
            ranks += work.children(rank, len(place.read_json(f"tasks/{rank:05d}.json").get("rest", ())))
    return ranks


def left_by(place: Place, tasks: int, rank: int) -> list[int]:
    """Tasks that a task which has ended left its rest to."""
    if not place.exists(f"rests/{rank:05d}"):
        return []
    return WorkList(place, tasks).children(rank, len(place.read_json(f"tasks/{rank:05d}.json").get("rest", ())))


def publish(place: Place, rank: int, told: dict[str, Any]) -> int:
    """Writes a task's manifest, which makes the task done. Returns into how many shares its rest was left.

    Of two processes that did one task, since one was taken for dead, the first decides in an object store, where a finished set may
    name that one's manifest by its hash. Of the second's files go those that the first did not write as well.
    """
    if place.claim_json(f"tasks/{rank:05d}.json", told):
        return len(told["rest"])
    first = place.read_json(f"tasks/{rank:05d}.json")
    lasting = ("files", "rejected_files")
    kinds = lasting if place.exists("manifest.json") else (*lasting, "sample_files")
    named = {file["path"] for kind in kinds for file in first[kind]}
    strays = [file["path"] for kind in (*lasting, "sample_files") for file in told[kind] if file["path"] not in named]
    for stray in strays + ([f"rests/{rank:05d}"] if told["rest"] and not first["rest"] else []):
        place.fs.rm_file(f"{place.path}/{stray}")
    return len(first["rest"])


def stored_bytes(told: dict[str, Any]) -> int:
    """Stored bytes that a task has read, by its manifest."""
    return sum(unit.stored for unit in _read(told.get("read", ())))


def incomplete(place: Place, tasks: int) -> list[int]:
    """Tasks of a stage, of so many at its beginning, whose manifest is not in the place."""
    done = set(place.names("tasks"))
    return [rank for rank in ranks_of(place, tasks, done) if not _is_done(place, rank, tasks, done)]


def incomplete_of(place: Place, tasks: int, ranks: Sequence[int]) -> list[int]:
    """Those of some tasks whose manifest is not in the place, looked up by name: who has a few of them lists no folder.

    A share of a rest whose task is to be done again is none of them.
    """

    def there(rank: int) -> bool:
        return place.exists(f"tasks/{rank:05d}.json")

    given = [rank for rank in ranks if rank < tasks or there((rank - tasks) // SHARES)]
    done = {f"{rank:05d}.json" for rank in given if there(rank)}
    return [rank for rank in given if not _is_done(place, rank, tasks, done)]


def _is_done(place: Place, rank: int, tasks: int, done: set[str]) -> bool:
    """Whether a task's manifest is there; one that read something else than its share is now is removed.

    (That is so where a task was taken for dead and came back: it left another rest than the one that took its place.)
    """
    name = f"{rank:05d}.json"
    if name not in done or rank < tasks:
        return name in done
    told = place.read_json(f"tasks/{name}")
    mine = written(WorkList(place, tasks).units(rank))
    if covered(told) == joined_rows(mine):
        return True
    place.fs.rm_file(f"{place.path}/tasks/{name}")
    return False


def covered(told: dict[str, Any]) -> list[list[Any]]:
    """What a task's manifest says that it read and left, as parts of files in order."""
    return joined_rows([*told["read"], *(row for share in told["rest"] for row in share)])


def joined_rows(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Parts of files as (url, start, end), neighbours as one."""
    return [[unit.url, unit.start, unit.end] for unit in joined(_read(rows))]
