"""Similarity search, and what the engine owes its server: all methods, an event loop that is never held, files that outlive it."""

import asyncio
import inspect
import multiprocessing
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from argilla_server.search_engine.base import SearchEngine

from annotation.server.engine import writing
from annotation.server.engine.embedded import EmbeddedEngine
from annotation.server.engine.store import Store, store_at
from tests.review.engine.test_filters_and_sorts import meta, terms

ROOT = Path(__file__).resolve().parents[3]
UP, RIGHT = [0.0, 1.0], [1.0, 0.0]


@pytest.fixture(scope="module")
def arrows(dataset):
    """Directions in the plane; `none` has no vector, `zero` one without length."""
    made = dataset(metadata={"half": "terms"}, vectors={"direction": 2})
    values = {"up": UP, "right": RIGHT, "between": [1.0, 1.0], "down": [0.0, -3.0], "zero": [0.0, 0.0]}
    made.log(
        *(
            {
                "external_id": name,
                "fields": {"text": f"矢印 {name}"},
                "vectors": {"direction": value},
                "metadata": {"half": "upper" if value[1] > 0 else "lower"},
            }
            for name, value in values.items()
        ),
        {"external_id": "none", "fields": {"text": "矢印"}},
    )
    return made


def near(**asked: object) -> dict:
    """A vector query."""
    return {"name": "direction", **asked}


def test_the_nearest_come_first_with_their_cosine(arrows):
    assert arrows.search(vector=near(value=UP)) == (["up", "between", "right", "down"], 4)
    # (1 + cos) / 2 at 0, 45, 90 and 180 degrees
    assert arrows.scores == pytest.approx([1.0, 0.853553, 0.5, 0.0], abs=1e-6)


def test_the_farthest_come_first_when_asked(arrows):
    assert arrows.search(vector=near(value=UP, order="least_similar"))[0] == ["down", "right", "between", "up"]


def test_a_record_is_not_near_itself(arrows):
    assert arrows.search(vector=near(record_id=arrows.records["right"]))[0] == ["between", "up", "down"]


def test_filters_and_words_hold_for_the_nearest(arrows):
    upper = [terms(meta("half"), "upper")]
    assert arrows.search(vector=near(value=RIGHT), filters=upper)[0] == ["between", "up"]
    assert arrows.search("down | up", vector=near(value=RIGHT))[0] == ["up", "down"]


def test_pages_of_the_nearest(arrows):
    assert arrows.search(vector=near(value=UP), offset=1, limit=2)[0] == ["between", "right"]


def engine() -> EmbeddedEngine:
    """The engine of these tests' server."""
    import os

    return EmbeddedEngine(store_at(Path(os.environ["SEIMAI_SEARCH_INDEX"])))


def test_exactly_one_of_vector_and_record(arrows):
    for both in ({}, {"value": UP, "record": object()}):
        with pytest.raises(ValueError, match="either vector value or record"):
            asyncio.run(engine().similarity_search(None, None, **both))  # type: ignore[arg-type]


def test_a_threshold_cuts(arrows):
    class One:
        """What the engine reads of a dataset and of vector settings."""

        def __init__(self, name: str):
            import uuid

            self.id = uuid.UUID(name)

    settings, data = One(arrows.vectors["direction"]), One(arrows.id)
    found = asyncio.run(engine().similarity_search(data, settings, value=UP, threshold=0.5))  # type: ignore[arg-type]
    assert [round(item.score, 3) for item in found.items] == [1.0, 0.854, 0.5]


def test_all_that_argilla_asks_is_there_with_its_parameters():
    assert not EmbeddedEngine.__abstractmethods__
    assert len(SearchEngine.__abstractmethods__) == 19
    for name in SearchEngine.__abstractmethods__:
        asked = inspect.signature(getattr(SearchEngine, name)).parameters
        assert set(asked) <= set(inspect.signature(getattr(EmbeddedEngine, name)).parameters), name


def test_status_says_what_the_index_holds(owner):
    said = owner("GET", "/status")["search_engine"]
    assert said["name"] == "embedded"
    assert said["records"] > 0 < said["bytes"]


def test_a_slow_search_does_not_hold_the_event_loop(tmp_path: Path):
    store, leave = Store(tmp_path / "index.db"), threading.Event()

    async def both() -> bool:
        slow = asyncio.ensure_future(store.read(lambda _: leave.wait(120)))
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert not slow.done()
        leave.set()  # nobody could, if the loop were held
        return await slow

    assert asyncio.run(both())


def test_reading_goes_on_while_somebody_writes(tmp_path: Path):
    store = Store(tmp_path / "index.db")
    store.writing(lambda db: writing.create(db, "d", ["text"], {}))
    entered, leave = threading.Event(), threading.Event()

    def slow(db: sqlite3.Connection) -> None:
        writing.put(db, "d", [document("a")])
        entered.set()
        leave.wait(120)

    writer = threading.Thread(target=store.writing, args=(slow,))
    writer.start()
    assert entered.wait(120)
    count = "SELECT count(*) FROM records"
    assert store.reading(lambda db: db.execute(count).fetchone()) == (0,)  # one state, not half of a change
    leave.set()
    writer.join()
    assert store.reading(lambda db: db.execute(count).fetchone()) == (1,)


def document(name: str, text: str = "文") -> writing.Document:
    """A record as the index takes it."""
    now = "2026-11-26 09:00:00.000000"
    return writing.Document(name, "pending", now, now, name, {"text": text}, {}, {}, [], {})


def test_a_change_that_fails_leaves_nothing(tmp_path: Path):
    store = Store(tmp_path / "index.db")
    store.writing(lambda db: writing.create(db, "d", ["text"], {}))

    def fails(db: sqlite3.Connection) -> None:
        writing.put(db, "d", [document("a")])
        raise RuntimeError("half way")

    with pytest.raises(RuntimeError):
        store.writing(fails)
    assert store.reading(lambda db: db.execute("SELECT count(*) FROM text_1").fetchone()) == (0,)


PUSH = """
import sys
from pathlib import Path
from annotation.server.engine import writing
from annotation.server.engine.store import Store
store, now = Store(Path(sys.argv[1])), "2026-11-26 09:00:00.000000"
for n in range(20):
    rows = [writing.Document(f"{sys.argv[2]}-{n}-{i}", "pending", now, now) for i in range(10)]
    store.writing(lambda db: writing.put(db, "d", rows))
"""


def test_processes_write_into_one_file(tmp_path: Path):
    path = tmp_path / "index.db"
    store = Store(path)
    store.writing(lambda db: writing.create(db, "d", ["text"], {}))
    others = [subprocess.Popen([sys.executable, "-c", PUSH, str(path), str(who)], cwd=ROOT) for who in (1, 2)]
    assert [other.wait(300) for other in others] == [0, 0]
    assert store.reading(lambda db: db.execute("SELECT count(*) FROM records").fetchone()) == (400,)


def test_a_forked_process_opens_its_own_connections(tmp_path: Path):
    path = tmp_path / "index.db"
    store_at(path).writing(lambda db: writing.create(db, "d", ["text"], {}))

    def child() -> None:
        asyncio.run(store_at(path).write(lambda db: writing.put(db, "d", [document("a")])))

    forked = multiprocessing.get_context("fork").Process(target=child)
    forked.start()
    forked.join(120)
    assert forked.exitcode == 0
    assert store_at(path).reading(lambda db: db.execute("SELECT count(*) FROM records").fetchone()) == (1,)


def test_what_was_not_loaded_stays(tmp_path: Path):
    store = Store(tmp_path / "index.db")
    store.writing(lambda db: writing.create(db, "d", ["text"], {}))
    now = "2026-11-26 09:00:00.000000"
    answer = writing.Answered("r", "u", "submitted", now, {"quality": 4})
    whole = writing.Document(
        "a", "pending", now, now, "a", {"text": "文"}, {}, {"q": {"value": 1}}, [answer], {"v": UP}
    )
    bare = writing.Document("a", "completed", now, now, "a", {"text": "別の文"})
    counts = ["SELECT count(*) FROM facts", "SELECT count(*) FROM answers", "SELECT count(*) FROM vectors"]
    for rows, kept in (
        ([whole], 1),
        ([bare], 1),
        ([writing.Document("a", "pending", now, now, None, {}, {}, {}, [], {})], 0),
    ):
        store.writing(lambda db, rows=rows: writing.put(db, "d", rows))
        assert [store.reading(lambda db, c=c: db.execute(c).fetchone()[0]) for c in counts] == [kept] * 3


def test_a_dataset_without_an_index_is_named(tmp_path: Path):
    store = Store(tmp_path / "index.db")
    with pytest.raises(writing.NoIndex, match="d1f2 has no index here; `seimai review up` makes it"):
        store.writing(lambda db: writing.put(db, "d1f2", [document("a")]))
