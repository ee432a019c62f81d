"""Real runs over small crawls: every row accounted for, the same rows after a crash, nothing computed twice."""

import errno
import gzip
import importlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from curation.extract.inputs import find_inputs
from curation.shards import ShardSet
from recipes.engine import code_version, execute
from recipes.engine.errors import RecipeError, RunError
from recipes.engine.plan import make
from recipes.engine.progress import Progress
from recipes.engine.run_lock import locked
from recipes.engine.spec import Recipe, SourceSpec, Stage

sys.path.insert(0, str(Path(__file__).parent))  # workers import the steps on trial by this path too
from steps_on_trial import DieOnce, DropMarked, HangingMainText, Raise


def jsonl(folder: Path, files: dict[str, list[tuple[str, str]]]) -> str:
    """Gzipped JSON lines of (id, text) by file name; returns their pattern."""
    folder.mkdir(exist_ok=True)
    for name, rows in files.items():
        lines = [
            json.dumps({"id": i, "text": t, "url": f"https://example.jp/{i}"}, ensure_ascii=False) for i, t in rows
        ]
        (folder / name).write_bytes(gzip.compress("\n".join(lines).encode()))
    return f"{folder}/*.jsonl.gz"


def pages(n: int, start: int = 0) -> list[tuple[str, str]]:
    return [(str(i), f"{i} 番目のページです。") for i in range(start, start + n)]


def recipe(files: str, *stages: list, version: str = "1", partitions: int = 4) -> Recipe:
    """Stages one after the other over the files; each is a list of step objects or names."""
    names = ["pages", "measured", "curated"][: len(stages)]
    reads = ["crawl", *names]
    return Recipe(
        name="test/run",
        version=version,
        partitions=partitions,
        sources={"crawl": SourceSpec(files=[files], licence="CC0-1.0")},
        stages=[Stage(name=n, read=r, steps=list(s)) for n, r, s in zip(names, reads, stages, strict=False)],
    )


def done(made: Recipe, out: Path, workers: int = 2) -> dict:
    """Runs a recipe quietly; returns the released set's manifest."""
    plan = make(made, "test.py", str(out))
    execute.run(plan, workers=workers, progress=Progress(len(plan.blocks), stream=open(os.devnull, "w")))  # noqa: SIM115
    return ShardSet.open(plan.blocks[-1].url).manifest


def released(out: Path, stage: str, version: str = "1") -> dict[str, str]:
    """URL → text of the released rows."""
    shards = ShardSet.open(str(out / version / stage))
    return {r["url"]: r["text"] for b in shards.read(["url", "text"]) for r in b.to_pylist()}


def accounted(out: Path) -> None:
    """Rows in = rows out + rows rejected, in every block, and as files say it."""
    for path in out.glob("**/manifest.json"):
        manifest = json.loads(path.read_text())
        if "columns" not in manifest:
            continue
        assert manifest["rows_in"] == manifest["rows_out"] + sum(manifest["rejected"].values()), path
        assert sum(pq.read_metadata(p).num_rows for p in path.parent.glob("data/**/*.parquet")) == manifest["rows_out"]
        gone = sum(pq.read_metadata(p).num_rows for p in path.parent.glob("rejected/*.parquet"))
        assert gone == sum(manifest["rejected"].values())


def test_rows_flow_from_files_to_a_released_set(tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(30), "b.jsonl.gz": [*pages(10, 30), ("x", "広告のページ")]})
    manifest = done(recipe(files, [DropMarked("広告")], []), tmp_path / "out")
    assert (manifest["rows_in"], manifest["rows_out"]) == (40, 40)
    assert released(tmp_path / "out", "measured") == {f"https://example.jp/{i}": t for i, t in pages(40)}
    accounted(tmp_path / "out")


def test_the_released_rows_do_not_depend_on_workers_or_on_how_files_are_cut(tmp_path):
    rows = pages(200)
    one = jsonl(tmp_path / "one", {"all.jsonl.gz": rows})
    first = done(recipe(one, [DropMarked("7")], []), tmp_path / "a", workers=1)
    second = done(recipe(one, [DropMarked("7")], []), tmp_path / "b", workers=2)
    assert first["content"] == second["content"]
    assert first["rows_out"] == sum("7" not in t for _, t in rows)


def test_the_same_record_in_two_files_is_one_row_and_the_other_is_a_duplicate(tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(5), "b.jsonl.gz": [*pages(2, 3), ("1", "中身の違う同じ id")]})
    manifest = done(recipe(files, []), tmp_path / "out")
    assert manifest["rows_in"] == 8
    assert manifest["rejected"] == {"duplicate_id": 2, "id_collision": 1}
    assert manifest["rows_out"] == 5


def test_a_task_whose_process_dies_is_tried_again_and_loses_nothing(tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(10), "b.jsonl.gz": [*pages(10, 10), ("z", "ここで即死する")]})
    calm = done(recipe(files, [DieOnce(attempts=0)], []), tmp_path / "calm")
    rough = done(recipe(files, [DieOnce(attempts=1)], []), tmp_path / "rough")
    assert rough["rows_out"] == 21
    assert rough["content"] == calm["content"]


def test_a_task_that_keeps_dying_stops_the_run_and_says_how_often(tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": [("z", "ここで即死する")]})
    with pytest.raises(RunError, match=r"task 0: its process ended with exit code 9, 3 times"):
        done(recipe(files, [DieOnce(attempts=9)], []), tmp_path / "out")


def test_an_error_in_a_step_stops_the_run_and_the_next_run_keeps_what_was_done(tmp_path):
    flag = tmp_path / "flag"
    flag.touch()
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(5), "b.jsonl.gz": [("z", "例外を起こす")]})
    made = recipe(files, [Raise(str(flag))], [])
    with pytest.raises(RunError, match="ValueError: a bug in a step"):
        done(made, tmp_path / "out", workers=1)
    (first,) = (tmp_path / "out").glob("stages/*.partial/tasks/00000.json")
    before = first.stat().st_mtime_ns
    flag.unlink()
    manifest = done(made, tmp_path / "out")
    assert manifest["rows_out"] == 6
    (kept,) = (tmp_path / "out").glob("stages/pages-*/tasks/00000.json")
    assert kept.stat().st_mtime_ns == before


def test_a_changed_step_recomputes_its_stage_and_those_after_it_only(tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(10)})
    done(recipe(files, [], [DropMarked("1")], []), tmp_path / "out")
    stages = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out/stages").iterdir()}
    done(recipe(files, [], [DropMarked("2")], [], version="2"), tmp_path / "out")
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "out/stages").iterdir()}
    assert len(stages) == 2
    assert len(after) == 3
    assert {k: after[k] for k in stages} == stages, "what was there was not touched"


def test_changed_code_of_a_teams_own_step_is_another_step(tmp_path, monkeypatch):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(10)})
    module = tmp_path / "own" / "teams_step.py"
    module.parent.mkdir()
    monkeypatch.syspath_prepend(str(module.parent))
    text = (
        "import pyarrow as pa\nfrom curation.step import Decide\n\nclass Own(Decide):\n    reads = ('text',)\n"
        "    def columns(self, batch):\n"
        "        return {'reason': pa.array(['filter' if 'WORD' in t else None for t in batch['text'].to_pylist()], pa.string())}\n"
    )
    kept = []
    for word in ("番", "1 番"):
        module.write_text(text.replace("WORD", word), encoding="utf-8")
        sys.modules.pop("teams_step", None)
        importlib.invalidate_caches()
        code_version.of_class.cache_clear()
        own = importlib.import_module("teams_step").Own()
        kept.append(done(recipe(files, [own], [], version="dev"), tmp_path / "out")["rows_out"])
    assert kept == [0, 9]


def test_another_lambda_in_a_datatrove_filter_is_another_step(tmp_path):
    from datatrove.pipeline.filters import LambdaFilter

    from curation.datatrove_step import Datatrove

    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(10)})
    steps = Datatrove(LambdaFilter(lambda d: "3" in d.text)), Datatrove(LambdaFilter(lambda d: "3" not in d.text))
    assert [done(recipe(files, [s], [], version="dev"), tmp_path / "out")["rows_out"] for s in steps] == [1, 9]


def test_what_a_dead_task_left_behind_is_not_data(tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(10)})
    made = recipe(files, [DieOnce(attempts=9)], [])
    jsonl(tmp_path / "in", {"a.jsonl.gz": [*pages(10), ("z", "ここで即死する")]})
    with pytest.raises(RunError):
        done(made, tmp_path / "out")
    (partial,) = (tmp_path / "out").glob("stages/pages-*.partial")
    stray = partial / "data" / "00000" / "00000.007.parquet"
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"half a file")
    plan = make(made, "test.py", str(tmp_path / "out"))
    for step in plan.blocks[0].steps:
        step.__dict__["attempts"] = 0  # the machine has been repaired: the same recipe no longer dies
    execute.run(plan, workers=1, progress=Progress(len(plan.blocks), stream=open(os.devnull, "w")))  # noqa: SIM115
    assert len(released(tmp_path / "out", "measured")) == 11
    assert not list((tmp_path / "out").glob("**/00000.007.parquet"))


def test_a_version_that_is_there_with_another_fingerprint_is_refused_but_dev_is_made_anew(tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(10)})
    done(recipe(files, [DropMarked("1")], []), tmp_path / "out")
    with pytest.raises(
        RecipeError, match=r"version 1 of test/run is there already and was made differently \(changed since: pages"
    ):
        done(recipe(files, [DropMarked("2")], []), tmp_path / "out")
    done(recipe(files, [DropMarked("1")], [], version="dev"), tmp_path / "out")
    assert done(recipe(files, [DropMarked("番")], [], version="dev"), tmp_path / "out")["rows_out"] == 0


def test_changed_input_is_never_taken_for_the_old_one(tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(10)})
    assert done(recipe(files, []), tmp_path / "out")["rows_out"] == 10
    jsonl(tmp_path / "in", {"a.jsonl.gz": pages(11)})
    with pytest.raises(RecipeError, match="version 1"):
        done(recipe(files, []), tmp_path / "out")


@pytest.mark.parametrize("size", [400_000, 17 << 20])
def test_a_changed_middle_of_an_input_is_seen_though_its_size_and_ends_stay(tmp_path, size):
    line = json.dumps({"text": "精米の話。" * 20, "url": "http://a.jp/"}).encode() + b"\n"
    whole = line * (size // len(line) + 1)
    file = tmp_path / "a.jsonl"
    file.write_bytes(whole)
    before = find_inputs([str(file)])[0].stamp
    middle = len(whole) // len(line) // 2 * len(line)
    time.sleep(0.02)
    file.write_bytes(whole[:middle] + line.replace(b"a.jp", b"b.jp") + whole[middle + len(line) :])
    assert find_inputs([str(file)])[0].stamp != before


def test_a_datatrove_filter_stands_between_our_steps_and_what_it_drops_is_kept_with_its_name(tmp_path):
    from datatrove.pipeline.filters import LambdaFilter

    from curation.datatrove_step import Datatrove

    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(20)})
    theirs = Datatrove(LambdaFilter(lambda d: int(d.metadata["url"].rsplit("/", 1)[1]) % 2 == 0), metadata=["url"])
    manifest = done(recipe(files, [DropMarked("13"), theirs, DropMarked("14")], []), tmp_path / "out")
    assert manifest["rows_out"] == 9
    rejected = [r for p in (tmp_path / "out").glob("stages/*/rejected/*.parquet") for r in pq.read_table(p).to_pylist()]
    assert sum(r["step"] == "datatrove" for r in rejected) == 9
    assert {r["detail"] for r in rejected if r["step"] == "datatrove"} == {"👤 Lambda"}
    accounted(tmp_path / "out")


def test_two_runs_never_write_into_one_folder(tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(10)})
    with locked(str(tmp_path / "out")), pytest.raises(RunError, match=rf"another run \(process {os.getpid()}\)"):
        done(recipe(files, []), tmp_path / "out")
    assert done(recipe(files, []), tmp_path / "out")["rows_out"] == 10


def test_a_run_that_may_wait_waits_and_one_on_a_file_system_without_locks_goes_on(tmp_path, monkeypatch):
    began = time.monotonic()
    with locked(str(tmp_path)), pytest.raises(RunError, match="another run"), locked(str(tmp_path), 0.5):
        pass
    assert time.monotonic() - began >= 0.5

    def none(*_: object) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("fcntl.flock", none)
    with locked(str(tmp_path)):
        assert (tmp_path / "run.lock").read_text() == f"{os.getpid()}\n"


@pytest.mark.parametrize(("before", "sent"), [(1, signal.SIGINT), (3, signal.SIGTERM)])
def test_ctrl_c_stops_at_once_and_the_same_command_goes_on(tmp_path, before, sent):
    files = jsonl(tmp_path / "in", {f"{i}.jsonl.gz": pages(5, 5 * i) for i in range(6)})
    script = tmp_path / "slow.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from steps_on_trial import Slow\n"
        "from recipes.engine.spec import Recipe, SourceSpec, Stage\n"
        f"crawl = SourceSpec(files=[{files!r}], licence='CC0-1.0')\n"
        "recipe = Recipe(name='test/slow', version='1', partitions=2, sources={'crawl': crawl},\n"
        "    stages=[Stage(name='pages', read='crawl', steps=[Slow(0.7)]), Stage(name='curated', read='pages')])\n"
    )
    command = [
        sys.executable,
        "-m",
        "recipes.engine.cli",
        "run",
        str(script),
        "--out",
        str(tmp_path / "out"),
        "--workers",
        "1",
    ]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while len(list((tmp_path / "out").glob("stages/*.partial/tasks/*.json"))) < before and process.poll() is None:
        time.sleep(0.05)
    time.sleep(0.3)  # in the middle of the next task
    process.send_signal(sent)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + sent
    assert "stopped; the same command goes on from here" in errors
    finished = len(list((tmp_path / "out").glob("stages/*.partial/tasks/*.json")))
    assert before <= finished < 6
    again = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert again.returncode == 0, again.stderr
    assert ShardSet.open(str(tmp_path / "out/1/curated")).rows == 30


def warc(path: Path, bodies: dict[str, str]) -> str:
    """A gzipped WARC of HTML pages by URL; returns its path."""
    members = []
    for url, body in bodies.items():
        http = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + f"<p>{body}</p>".encode()
        head = (
            f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:test:{url}>\r\nWARC-Date: 2026-11-22T00:00:00Z\r\n"
            f"WARC-Target-URI: {url}\r\nContent-Type: application/http; msgtype=response\r\nContent-Length: {len(http)}\r\n\r\n"
        )
        members.append(gzip.compress(head.encode() + http + b"\r\n\r\n"))
    path.write_bytes(b"".join(members))
    return str(path)


def test_a_page_that_hangs_the_extractor_is_rejected_alone_and_a_replay_does_not_try_it(tmp_path):
    bodies = {f"https://example.jp/{i}": f"{i} 番目のページの本文です。" * 5 for i in range(12)}
    files = warc(tmp_path / "a.warc.gz", bodies | {"https://example.jp/hang": "無限に続くページ"})
    out = tmp_path / "out"
    manifest = done(recipe(files, ["decode", HangingMainText(fuse_seconds=5.0)], []), out)
    assert manifest["rows_out"] == 12
    accounted(out)
    (pages_set,) = out.glob("stages/pages-*/manifest.json")
    first = json.loads(pages_set.read_text())
    assert first["rejected"] == {"extract_timeout": 1}
    assert len(first["fused"]) == 1

    plan = make(recipe(files, ["decode", HangingMainText(fuse_seconds=600.0)], []), "test.py", str(tmp_path / "again"))
    quiet = Progress(len(plan.blocks), stream=open(os.devnull, "w"))  # noqa: SIM115
    execute.run(plan, workers=1, progress=quiet, replay=str(out / "1"))
    again = ShardSet.open(plan.blocks[-1].url).manifest
    assert again["content"] == manifest["content"], "600 s were not waited for, and the rows are the same"


def test_a_full_disk_says_so_and_the_same_command_goes_on(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small file system, to fill it")
    try:
        rows = [
            (str(i), f"{i}: " + "".join(chr(0x4E00 + (i * 7919 + j * 104729) % 20000) for j in range(2000)))
            for i in range(80)
        ]
        made = recipe(jsonl(tmp_path / "in", {"a.jsonl.gz": rows}), [], [])
        with pytest.raises(RunError, match=r"the disk is full .*same command again"):
            done(made, disk / "out", workers=1)
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        assert done(made, disk / "out", workers=1)["rows_out"] == 80
        assert not list((disk / "out").glob("**/*.tmp"))
    finally:
        subprocess.run(["umount", str(disk)], check=True)
