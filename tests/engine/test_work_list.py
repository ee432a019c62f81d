"""The work list in real runs: bytes decide and not files, stragglers share their rest, and the rows are always the same."""

import gzip
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path

import dill
import multiprocess
import pytest

from curation import read_shards
from curation.extract.units import Unit
from curation.place import Place
from curation.shards import ShardSet
from curation.work_list import WorkList, incomplete, incomplete_of
from recipes.engine import execute, source_read, stragglers, workers
from recipes.engine import plan as plan_module
from recipes.engine.errors import RunError
from recipes.engine.executors import LocalExecutor
from recipes.engine.plan import Plan, make
from recipes.engine.progress import Progress
from recipes.engine.spec import Recipe, SourceSpec, Stage

sys.path.insert(0, str(Path(__file__).parent))
from steps_on_trial import SlowMarked
from test_runs import accounted

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = """\
import sys
from test_work_list import planned, quietly

if __name__ == "__main__":
    quietly(planned(sys.argv[1], sys.argv[2], int(sys.argv[3]), seconds=float(sys.argv[4])), int(sys.argv[5]))
"""


def page(number: int, text: str) -> bytes:
    """A response record as a gzip member."""
    body = f"<html><body><p>{text}</p></body></html>".encode()
    block = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + body
    head = (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{uuid.UUID(int=number)}>\r\n"
        f"WARC-Date: 2026-01-02T03:04:05Z\r\nWARC-Target-URI: http://example.jp/{number}\r\n"
        f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return gzip.compress(head.encode() + block + b"\r\n\r\n", 1)


def crawl(folder: Path, big: int = 60, small: int = 20) -> str:
    """One big WARC and many small ones of two pages; the last of the big one's pages say のろい. Returns their pattern."""
    rng, folder = random.Random(8), folder / "in"
    folder.mkdir(parents=True, exist_ok=True)
    words = ["精米", "玄米", "ぬか", "白さ", "味", "作業", "変わる", "水", "釜", "炊く"]
    texts = ["".join(rng.choices(words, k=400)) + f"{n}頁目です。" for n in range(big + 2 * small)]
    slow = ["のろい" + text if n > big * 3 // 4 else text for n, text in enumerate(texts[:big])]
    (folder / "big.warc.gz").write_bytes(b"".join(page(n, text) for n, text in enumerate(slow)))
    for at in range(big, len(texts), 2):
        (folder / f"small-{at:04d}.warc.gz").write_bytes(page(at, texts[at]) + page(at + 1, texts[at + 1]))
    return f"{folder}/*.warc.gz"


def planned(
    files: str,
    out: str,
    task_bytes: int | None,
    seconds: float = 0.0,
    more: bool = False,
    until: tuple[str, int] = ("", 0),
) -> Plan:
    """A run over the files: markup to text, a step that dawdles over marked pages, and the merge by id, or one more stage."""
    steps = ["decode", "main_text", SlowMarked("のろい", seconds, until)]
    stages = [Stage(name="pages", read="crawl", steps=steps)]
    stages += [Stage(name="again", read="pages", steps=[SlowMarked("のろい", 0.01)])] if more else []
    sources = {"crawl": SourceSpec(files=[files], licence="CC0-1.0")}
    made = Recipe(name="test/work", version="1", partitions=4, sources=sources, stages=stages)
    return make(made, "test.py", out, task_bytes=task_bytes)


def quietly(plan: Plan, count: int = 2) -> dict:
    """Runs a plan; returns the released set's manifest."""
    with open(os.devnull, "w") as nowhere:
        execute.run(plan, workers=count, progress=Progress(len(plan.blocks), stream=nowhere))
    return ShardSet.open(plan.blocks[-1].url).manifest


@pytest.fixture(scope="module")
def calm(tmp_path_factory) -> dict:
    """The released rows of a run in one task."""
    folder = tmp_path_factory.mktemp("calm")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source_read, "GATHERED_TASKS", 1)
        plan = planned(crawl(folder), str(folder / "out"), 1 << 30)
    assert plan.blocks[0].tasks == 1
    manifest = quietly(plan, 1)
    assert manifest["rows_out"] == 100
    return manifest


def tasks_of(out: Path) -> list[dict]:
    """Manifests of the tasks that read the crawl."""
    return [json.loads(p.read_text()) for p in sorted(out.glob("stages/pages.rows-*/tasks/*.json"))]


def test_small_files_come_together_and_the_largest_task_comes_first(tmp_path):
    (folder := tmp_path / "in").mkdir()
    for n in range(1000):
        (folder / f"{n:04d}.warc.gz").write_bytes(page(n, "短い頁です。" * 20))
    files = planned(f"{folder}/*.warc.gz", str(tmp_path / "out"), None).blocks[0].read.tasks
    assert 32 < len(files) <= 64, "64 tasks, where a task a file would be 1,000"
    assert sum(len(units) for units in files) == 1000
    sizes = [sum(unit.stored for unit in units) for units in files]
    assert sizes == sorted(sizes, reverse=True)
    assert max(sizes) < 2 * min(sizes[:-1])


@pytest.mark.parametrize(("tasks", "count"), [(3, 1), (7, 2)])
def test_the_released_rows_do_not_depend_on_the_number_of_tasks(calm, tmp_path, monkeypatch, tasks, count):
    monkeypatch.setattr(source_read, "GATHERED_TASKS", 1)
    files = crawl(tmp_path)
    size = sum(p.stat().st_size for p in (tmp_path / "in").iterdir())
    plan = planned(files, str(tmp_path / "out"), size // (tasks - 1))
    assert tasks <= plan.blocks[0].tasks <= 2 * tasks
    assert quietly(plan, count)["content"] == calm["content"]
    accounted(tmp_path / "out")


def test_a_partition_may_be_read_by_several_tasks(calm, tmp_path, monkeypatch):
    monkeypatch.setattr(read_shards, "TASK_ROWS", 7)
    monkeypatch.setattr(plan_module, "PARTITION_BYTES", 20_000)
    files = crawl(tmp_path)
    assert quietly(planned(files, str(tmp_path / "out"), None, more=True))["content"] == calm["content"]
    manifest = json.loads((tmp_path / "out" / "1" / "again" / "manifest.json").read_text())
    assert (manifest["partitions"], manifest["tasks"]) == (4, 16)
    accounted(tmp_path / "out")


def test_a_task_that_reads_shards_stops_between_two_ids_and_leaves_the_rest(tmp_path, monkeypatch):
    def small(batches):
        for batch in batches:
            yield from (batch.slice(at, 7) for at in range(0, batch.num_rows, 7))

    plan = planned(crawl(tmp_path), str(tmp_path / "out"), None)
    quietly(plan)
    monkeypatch.setattr(read_shards, "gathered", small)
    urls, place = [plan.blocks[-1].url], Place(str(tmp_path / "list"))

    def ids(units: list[Unit], stop: int) -> tuple[list[bytes], list[list[Unit]]]:
        reader = read_shards.ReadShards(urls, ["id"])
        reader.work, reader.stop_for = WorkList.write(place, [units]), stop
        return [one for batch in reader.run() for one in batch.column("id").to_pylist()], reader.rest

    tasks = read_shards.shared_rows(urls)
    every = [one for units in tasks for one in ids(units, 0)[0]]
    assert len(every) == 100
    assert every == sorted(every)
    first, rest = ids(tasks[0], 3)
    assert (len(first), len(rest)) == (7, 3)
    assert [*first, *(one for share in rest for one in ids(share, 0)[0])] == ids(tasks[0], 0)[0]


def test_a_run_that_was_killed_goes_on_with_the_list_that_it_had(calm, tmp_path):
    files = crawl(tmp_path)
    (tmp_path / "script.py").write_text(SCRIPT)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "engine"), str(ROOT)])}
    command = [sys.executable, "script.py", files, str(tmp_path / "out"), "6000", "0.2", "2"]
    run = subprocess.Popen(command, cwd=tmp_path, env=env, start_new_session=True, stdout=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while len(list(tmp_path.glob("out/stages/*.partial/tasks/*.json"))) < 2:
        assert time.monotonic() < end
        assert run.poll() is None
        time.sleep(0.05)
    os.kill(run.pid, signal.SIGKILL)
    run.wait()
    (layout,) = tmp_path.glob("out/stages/pages.rows-*.partial/layout.json")
    begun = json.loads(layout.read_text())["tasks"]
    plan = planned(files, str(tmp_path / "out"), 1 << 30, 0.2)
    assert plan.blocks[0].tasks < begun
    assert quietly(plan)["content"] == calm["content"]
    assert len(tasks_of(tmp_path / "out")) >= begun, "the list that was begun, not the one that was planned now"
    accounted(tmp_path / "out")


def test_a_straggler_shares_its_rest_and_nothing_is_lost_or_twice(calm, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "SHARED_SECONDS", 0.5)
    files = crawl(tmp_path)
    begun = planned(files, str(tmp_path / "out"), 12_000).blocks[0].tasks
    others = f"{tmp_path}/out/stages/*.partial/tasks/*.json", begun - 1  # the slow one goes on when they are done
    plan = planned(files, str(tmp_path / "out"), 12_000, 0.3, until=others)

    def kill() -> None:  # one of those that work on a rest
        end = time.monotonic() + 60
        while time.monotonic() < end:
            time.sleep(0.05)
            if list(tmp_path.glob("out/stages/*.partial/rests/*")) and (living := multiprocess.active_children()):
                os.kill(living[0].pid, signal.SIGKILL)
                return

    killer = threading.Thread(target=kill)
    killer.start()
    assert quietly(plan)["content"] == calm["content"]
    killer.join()
    told = tasks_of(tmp_path / "out")
    assert len(told) > begun
    assert any(task["rest"] for task in told)
    accounted(tmp_path / "out")
    (folder,) = tmp_path.glob("out/stages/pages.rows-*")
    assert not {p.name for p in folder.iterdir()} & {"work", "rests", "index"}


def test_plain_json_lines_are_cut_and_a_row_without_an_id_stays_the_same_row(tmp_path):
    (folder := tmp_path / "in").mkdir()
    rows = [json.dumps({"text": f"{n}番目の行。" * (n % 7)}, ensure_ascii=False) for n in range(400)]
    (folder / "a.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (folder / "b.jsonl").write_text("\n".join(rows[:20]), encoding="utf-8")
    made = Recipe(
        name="test/lines", version="1", partitions=4, sources={"crawl": SourceSpec(files=[f"{folder}/*"], licence="CC0-1.0")},
        stages=[Stage(name="pages", read="crawl", steps=["text_stats"])],
    )  # fmt: skip
    whole, cut = (make(made, "test.py", str(tmp_path / str(size)), task_bytes=size) for size in (1 << 30, 3000))
    assert (whole.blocks[0].tasks, cut.blocks[0].tasks > 5) == (2, True)
    assert quietly(cut)["content"] == quietly(whole, 1)["content"]
    accounted(tmp_path / "3000")
    (logs,) = (tmp_path / "3000").glob("stages/pages.rows-*")
    assert not (logs / "index").exists()


def test_a_file_that_changed_after_it_was_listed_is_named_with_its_sizes(tmp_path):
    files = crawl(tmp_path, 4, 2)
    plan, big = planned(files, str(tmp_path / "out"), None), tmp_path / "in" / "big.warc.gz"
    before = big.stat().st_size
    big.write_bytes(big.read_bytes() + page(999, "あとから"))
    with pytest.raises(RunError) as error:
        quietly(plan)
    after = big.stat().st_size
    assert f"big.warc.gz changed since it was listed: it had {before:,} bytes and has {after:,}" in str(error.value)
    big.write_bytes(bytes(after))
    plan = planned(files, str(tmp_path / "out"), None)
    os.utime(big, (1, 1))
    with pytest.raises(
        RunError, match=f"listed: {after:,} bytes as before, but then changed at 20.* now changed at 1970"
    ):
        quietly(plan)


def on_disk(tmp_path: Path, task_bytes: int, seconds: float) -> tuple[LocalExecutor, Place]:
    """The first block of a run, its folder laid out and nothing done."""
    plan = planned(crawl(tmp_path), str(tmp_path / "out"), task_bytes, seconds)
    place = Place(str(tmp_path / "block"))
    place, partitions = execute._lay_out(plan.blocks[0], place, [])
    pipeline = execute._pipeline(plan.blocks[0], plan, place, partitions, execute.Tombstones())
    return LocalExecutor(place, pipeline, plan.blocks[0].tasks, 1), place


def fresh(executor: LocalExecutor) -> LocalExecutor:
    """The executor as a worker gets it."""
    return dill.loads(dill.dumps(executor, recurse=False))


def test_a_task_on_a_cluster_that_takes_far_longer_than_the_others_leaves_its_rest(tmp_path, monkeypatch):
    for name, value in (("LOOK_SECONDS", 0.05), ("LEAST_SECONDS", 0.1), ("TIMES", 3.0)):
        monkeypatch.setattr(stragglers, name, value)
    executor, place = on_disk(tmp_path, 12_000, 0.5)
    tasks = executor.tasks

    def run(rank: int) -> None:
        one = fresh(executor)
        with stragglers.watched(one):
            one._run_for_rank(rank, 1)

    slow = [
        rank
        for rank in range(tasks)
        if any(u.file == "big.warc.gz" and u.end == u.size for u in WorkList(place, tasks).units(rank))
    ]
    for rank in range(tasks):
        if rank not in slow:
            fresh(executor)._run_for_rank(rank, 1)
    assert incomplete(place, tasks) == slow
    assert incomplete_of(place, tasks, [0, *slow]) == [r for r in [0, *slow] if r in slow]
    run(slow[0])
    assert place.read_json(f"tasks/{slow[0]:05d}.json")["rest"]
    left = incomplete(place, tasks)
    assert left
    assert min(left) >= tasks
    assert incomplete_of(place, tasks, [0, *left[:1]]) == left[:1]
    for rank in left:
        fresh(executor)._run_for_rank(rank, 1)
    assert incomplete(place, tasks) == []


def test_of_two_processes_that_did_one_task_the_last_word_holds(tmp_path):
    """One was taken for dead after it had shared its rest; the other has done all of it."""
    executor, place = on_disk(tmp_path, 12_000, 0.0)
    whole, part = fresh(executor), fresh(executor)
    rank = next(r for r in range(executor.tasks) if WorkList(place, executor.tasks).units(r)[0].cut)
    part.pipeline[0].stop_for = 2
    part._run_for_rank(rank, 1)
    children = [r for r in incomplete(place, executor.tasks) if r >= executor.tasks]
    assert len(children) == 2
    fresh(executor)._run_for_rank(children[0], 1)
    place.fs.rm_file(f"{place.path}/tasks/{rank:05d}.json")
    whole._run_for_rank(rank, 1)
    assert not [r for r in incomplete(place, executor.tasks) if r >= executor.tasks]
    other = fresh(executor)
    other.pipeline[0].stop_for = 1
    place.fs.rm_file(f"{place.path}/tasks/{rank:05d}.json")
    other._run_for_rank(rank, 1)
    assert [r for r in incomplete(place, executor.tasks) if r >= executor.tasks] == children[:1], (
        "its manifest says that it has read half of what is its own now, so it is done again"
    )
