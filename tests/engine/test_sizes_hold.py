"""What keeps a run of very many tasks from costing tasks × tasks: each looks at what is its own, and asks for no more."""

from itertools import pairwise

import numpy as np
import pytest
from fsspec.implementations.memory import MemoryFileSystem

from curation.dedup.exchange import read_rows, write_part
from curation.dedup.shingle_sets import read_sets
from curation.extract.units import Unit
from curation.place import GAP, Place
from curation.read_shards import shared_rows
from curation.shards import MANIFEST
from curation.work_list import WorkList, incomplete, incomplete_of, left_by, written
from recipes.engine import stragglers
from recipes.engine.all_read import require_all_read
from recipes.engine.errors import RunError


@pytest.mark.parametrize(
    ("partitions", "rows", "tasks"),
    [
        (16, 400_000, 16),  # 25,000 rows each
        (16, 10**6, 32),
        (256, 10**8, 1024),
        (1024, 10**9, 1024),
        (16_384, 10**10, 16_384),  # half a million, were they cut by rows alone
    ],
)
def test_a_large_set_is_read_by_a_task_a_partition(tmp_path, partitions, rows, tasks):
    Place(str(tmp_path)).write_json(
        MANIFEST, {"partitions": partitions, "columns": ["id"], "rows_out": rows, "bytes": 2300 * rows}
    )
    shared = shared_rows([str(tmp_path)])
    assert len(shared) == tasks
    assert (shared[0][0].start, shared[-1][0].end) == (0, 1 << 32)
    assert all(a[0].end == b[0].start for a, b in pairwise(shared))


def worked(place: Place, tasks: int, seconds: float = 1.0, rest: int | None = None) -> WorkList:
    """A stage whose tasks have all ended but every third; task `rest` has left a share."""
    units = [[Unit(f"{n}", f"{n}", "warc", 0, 100, 100, 100, "", True)] for n in range(tasks)]
    work = WorkList.write(place, units)
    for rank in range(tasks):
        if rank % 3 != 2:
            end = 60 if rank == rest else 100
            read = [Unit(f"{rank}", f"{rank}", "warc", 0, end, end, 100, "", True)]
            left = [written([Unit(f"{rank}", f"{rank}", "warc", 60, 100, 40, 100, "", True)])] if rank == rest else []
            place.write_json(f"tasks/{rank:05d}.json", {"read": written(read), "rest": left, "seconds": seconds})
    if rest is not None:
        place.write_bytes(f"rests/{rest:05d}", b"")
    return work


@pytest.fixture
def unlisted(monkeypatch):
    """Nobody may list a folder."""

    def listed(_place: Place, name: str = "") -> list[str]:
        raise AssertionError(f"{name} was listed")

    monkeypatch.setattr(Place, "names", listed)


def test_a_job_asks_for_its_own_tasks_and_lists_no_folder(tmp_path, monkeypatch, request):
    place = Place(str(tmp_path))
    work = worked(place, 90, rest=4)
    (child,) = work.children(4, 1)
    gone = work.children(5, 1)[0]  # of a task that is to be done again
    every = incomplete(place, 90)
    assert [r for r in every if r < 9] == [2, 5, 8]
    assert child in every
    request.getfixturevalue("unlisted")
    assert incomplete_of(place, 90, [3, 4, 5, child, gone]) == [5, child]
    assert left_by(place, 90, 4) == list(range(child, child + 1))
    assert left_by(place, 90, 3) == []


@pytest.mark.usefixtures("unlisted")
def test_a_task_that_watches_itself_reads_some_manifests_whatever_their_number(tmp_path, monkeypatch):
    place = Place(str(tmp_path))
    worked(place, 3000, seconds=50.0)
    read = list[str]()
    plain = Place.read_json
    monkeypatch.setattr(Place, "read_json", lambda self, name: read.append(name) or plain(self, name))
    assert stragglers.usual_pace(place, 3000) == 0.5  # seconds a byte
    assert len(read) <= stragglers.SAMPLE


@pytest.mark.usefixtures("unlisted")
def test_before_half_of_the_tasks_have_ended_there_is_no_pace(tmp_path):
    place = Place(str(tmp_path))
    for rank in range(0, 3000, 3):
        place.write_json(f"tasks/{rank:05d}.json", {"read": [], "seconds": 1.0})
    assert stragglers.usual_pace(place, 3000) is None


def test_a_task_that_read_another_part_than_its_own_is_named(tmp_path):
    place = Place(str(tmp_path))
    work = worked(place, 30, rest=4)
    for rank in [*range(2, 30, 3), *work.children(4, 1)]:
        place.write_json(f"tasks/{rank:05d}.json", {"read": written(work.units(rank)), "rest": []})
    require_all_read(place, 30)
    place.write_json("tasks/00007.json", {"read": written(work.units(8)), "rest": []})
    with pytest.raises(RunError, match="task 7 has read"):
        require_all_read(place, 30)


@pytest.fixture
def store(monkeypatch) -> tuple[Place, list[tuple[int, int]]]:
    """A folder that is no local disk, and the ranges that it was asked for; it may not be opened and read by seeking."""
    MemoryFileSystem.store.clear()
    asked = list[tuple[int, int]]()
    plain = MemoryFileSystem.cat_file

    def cat_file(self, path, start=None, end=None, **given):
        asked.append((start, end))
        return plain(self, path, start, end, **given)

    monkeypatch.setattr(MemoryFileSystem, "cat_file", cat_file)
    return Place("memory://sizes"), asked


def test_shingle_sets_of_an_object_store_are_asked_for_byte_by_byte_and_neighbours_together(store):
    place, asked = store
    words = np.arange(100_000, dtype=np.uint64)
    with place.create("shingles/00000.bin") as file:
        file.write(words.data)
    far = GAP // 8 + 100
    where = np.array([[0, far + 50, 7], [0, 0, 10], [0, 20, 0], [0, 20, 5], [0, 3 * far, 2]], np.uint64)
    found = {one: got.tolist() for one, got in read_sets(where, lambda _: (place, "shingles/00000.bin"))}
    assert found == {
        1: list(range(10)), 2: [], 3: list(range(20, 25)), 0: list(range(far + 50, far + 57)), 4: [3 * far, 3 * far + 1]
    }  # fmt: skip
    assert asked == [(0, 200), (8 * (far + 50), 8 * (far + 57)), (24 * far, 24 * far + 16)]


def test_rows_of_a_part_are_the_same_from_an_object_store(store):
    place, asked = store
    words = np.arange(300_000, dtype=np.uint64).reshape(-1, 3)
    write_part(place, "some", 4, words)
    rows = np.array([99_999, 5, 5, 40_000, 128, 0])
    assert np.array_equal(read_rows(place, "some", 4, rows, 3), words[rows])
    assert len(asked) == 3, "the first two pieces are neighbours"
