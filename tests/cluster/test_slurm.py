"""Runs on a real Slurm release the rows of a local run, whatever is killed on the way, and nothing runs after a failure."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from curation.dedup.minhash import MinHash
from curation.mixture.cap import Cap
from curation.shards import ShardSet
from recipes.engine.cli import app
from recipes.engine.errors import RecipeError, RunError
from recipes.engine.plan import make
from recipes.engine.slurm import link, queue, watch
from recipes.engine.slurm.submission import Submission

sys.path.insert(0, str(Path(__file__).parent))  # modules of tests, which nodes find by the same path
sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from steps_on_trial import DieOnce, KilledDedup, Quote, Raise, Slow, SlowAndMany
from test_runs import accounted, done, jsonl, pages, recipe, released
from throwaway_slurm import ARRAY, until

ROOT = Path(__file__).resolve().parents[2]


def seimai(*args: str) -> str:
    """What a command prints that ends well."""
    env = {**os.environ, "COLUMNS": "160"}
    ended = subprocess.run(
        [sys.executable, "-m", "recipes.engine.cli", *args], capture_output=True, text=True, cwd=ROOT, env=env
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr


def contents(out: Path) -> dict[str, list[str]]:
    """Every content hash that the manifests of a run's released sets state, by the set's name."""
    found = {p.parent.name: re.findall(r'"content": "(\w{64})"', p.read_text()) for p in out.glob("*/*/manifest.json")}
    return {name: hashes for name, hashes in found.items() if hashes}


def shown(*args: str) -> tuple[int, str]:
    """Exit status and output of a command."""
    ended = CliRunner().invoke(app, args)
    return ended.exit_code, ended.output


def test_the_quickstart_releases_the_rows_of_a_local_run(slurm, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    seimai("run", "quickstart", "--out", str(here), "--workers", "2")
    (tmp_path / "slurm.yaml").write_text('partition: ci\ntime: "00:10:00"\nmemory: 1G\n')
    seimai("run", "quickstart", "--out", str(there), "--on", f"slurm:{tmp_path}/slurm.yaml", "--follow")
    assert contents(there) == contents(here)
    assert set(contents(here)) >= {"curated", "instruct", "preference"}
    code, output = shown("status", str(there))
    assert (code, ": done" in output) == (0, True)


def test_a_deduplication_in_phases_releases_the_rows_of_a_local_run(slurm, tmp_path, monkeypatch):
    monkeypatch.setattr("recipes.engine.plan.PARTITION_BYTES", 4096)
    rng, texts = random.Random(3), ["短い", "短い", "一", "", "最後の文です"]
    for _ in range(8):
        letters = "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(250))
        texts += [letters[at : at + 200] for at in (rng.randrange(50) for _ in range(6))]
    rows = [(str(i), t) for i, t in enumerate(texts)]
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": rows[::2], "b.jsonl.gz": rows[1::2]})

    def made(killed: tuple[str, ...] = ()):
        return recipe(files, [MinHash()], [KilledDedup(0.8, 30, killed), Cap(k=1, mode="one")])

    calm = done(made(), tmp_path / "calm")
    plan = make(made(("forms", "cluster")), "test.py", str(tmp_path / "rough"))
    submission = slurm.run(plan, survey={"tasks_per_job": 8})
    assert ShardSet.open(plan.blocks[-1].url).manifest["content"] == calm["content"]
    phases = [work for work in submission.works() if work.about["kind"] == "survey"]
    assert sum(max(work.tried().values()) > 1 for work in phases) == 2, "the phases whose first task was killed"


def test_a_task_killed_with_9_is_run_again_and_secrets_stay_in_the_environment(slurm, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted-0b6f1c")
    files = jsonl(tmp_path / "in", {f"{i}.jsonl.gz": pages(5, 5 * i) for i in range(3)})
    calm = done(recipe(files, [Slow(0.0)], ["text_stats"]), tmp_path / "calm")
    plan = make(recipe(files, [Slow(6.0)], ["text_stats"]), "test.py", str(tmp_path / "out"))
    submission = slurm.submit(plan)
    path = until(lambda: next(iter(submission.folder.glob("pages*/started/00001.json")), None))
    os.kill(json.loads(path.read_text())["pid"], signal.SIGKILL)
    watch.follow(submission)
    assert released(tmp_path / "out", "measured") == released(tmp_path / "calm", "measured")
    assert ShardSet.open(plan.blocks[-1].url).manifest["content"] == calm["content"]
    assert submission.works()[0].tried() == {0: 1, 1: 2, 2: 1}
    assert "ended by signal 9" in next(submission.works()[0].folder.glob("*_1.log")).read_text()
    accounted(tmp_path / "out")
    found = [p for p in (tmp_path / "out").rglob("*") if p.is_file() and b"planted-0b6f1c" in p.read_bytes()]
    assert not found


def test_a_task_that_raises_with_a_secret_in_its_words_is_told_without_it(slurm, tmp_path, monkeypatch):
    planted = {"AWS_SECRET_ACCESS_KEY": "planted-0b6f1c", "HTTPS_PROXY": "http://me:planted-7e20@127.0.0.1:9"}
    for name, value in planted.items():
        monkeypatch.setenv(name, value)
    files = jsonl(tmp_path / "in", {"0.jsonl.gz": pages(3)})
    plan = make(recipe(files, [Quote(list(planted))], []), "test.py", str(tmp_path / "out"))
    submission = slurm.submit(plan)
    with pytest.raises(RunError, match=r"refused: \[AWS_SECRET_ACCESS_KEY\] http://…@127\.0\.0\.1:9"):
        watch.follow(submission)
    assert list(submission.folder.glob("pages*/failed/*.json")), "the error was written down"
    found = [p for p in tmp_path.rglob("*") if p.is_file() and b"planted-" in p.read_bytes()]
    assert not found


def test_a_node_that_is_lost_costs_time_and_no_row(slurm, tmp_path):
    files = jsonl(tmp_path / "in", {f"{i}.jsonl.gz": pages(5, 5 * i) for i in range(4)})
    calm = done(recipe(files, [Slow(0.0)], ["text_stats"]), tmp_path / "calm")
    plan = make(recipe(files, [Slow(20.0)], ["text_stats"]), "test.py", str(tmp_path / "out"))
    submission = slurm.submit(plan)

    def on_n2() -> bool:
        found = [json.loads(p.read_text())["node"] for p in submission.folder.glob("pages*/started/*.json")]
        return "n2" in found

    until(on_n2)
    slurm.lose("n2")
    try:
        watch.follow(submission)
    finally:
        slurm.back("n2")
    assert ShardSet.open(plan.blocks[-1].url).manifest["content"] == calm["content"]
    accounted(tmp_path / "out")


def test_thirty_tasks_in_arrays_of_four_with_a_failure_in_the_first(slurm, tmp_path):
    assert queue.largest_array() == ARRAY
    texts = {f"{i:02}.jsonl.gz": pages(3, 3 * i) for i in range(30)}
    texts["00.jsonl.gz"][1] = ("1", "ここで例外が起きるページです。")
    files, flag = jsonl(tmp_path / "in", texts), tmp_path / "flag"
    flag.touch()
    plan = make(recipe(files, [Raise(str(flag))], ["text_stats"]), "test.py", str(tmp_path / "out"))
    with pytest.raises(RunError, match=r"pages, task 0: ValueError: a bug in a step \(on n\d\) \(2 tries\)"):
        slurm.run(plan, retries=1)
    assert not Path(plan.blocks[-1].url).exists(), "nothing may run after a failure"
    assert not Path(f"{plan.blocks[-1].url}.partial").exists()
    code, output = shown("status", str(tmp_path / "out"))
    assert code == 1
    assert "29 of 30" in output
    assert "failed" in output
    code, output = shown("logs", str(tmp_path / "out"), "--failed")
    assert "pages, task 0, 2 tries: ValueError: a bug in a step" in output
    assert "steps_on_trial.py" in output
    assert "task 1," not in output
    flag.unlink()
    again = slurm.run(plan)
    assert again.works()[0].tried() == {0: 1}, "what was done is not done again"
    assert len(released(tmp_path / "out", "measured")) == 90
    accounted(tmp_path / "out")


def test_a_failure_of_the_first_array_is_made_good_before_anything_reads_its_rows(slurm, tmp_path):
    texts = {f"{i}.jsonl.gz": pages(2, 2 * i) for i in range(6)}
    texts["0.jsonl.gz"][0] = ("0", "即死するページです。")
    plan = make(recipe(jsonl(tmp_path / "in", texts), [DieOnce()], ["text_stats"]), "test.py", str(tmp_path / "out"))
    submission = slurm.run(plan)
    assert submission.works()[0].tried() == {0: 2} | dict.fromkeys(range(1, 6), 1)
    assert [len(chunk["elements"]) for chunk in submission.works()[0].chunks()] == [4, 2, 1]
    assert len(released(tmp_path / "out", "measured")) == 12


def test_a_job_that_is_told_of_its_limit_goes_on_in_a_new_start(slurm, tmp_path):
    files = jsonl(tmp_path / "in", {f"{i}.jsonl.gz": pages(5, 5 * i) for i in range(2)})
    plan = make(recipe(files, [Slow(4.0)], []), "test.py", str(tmp_path / "out"))
    submission = slurm.submit(plan, tasks_per_job=2)
    path = until(lambda: next(iter(submission.folder.glob("pages*/started/00001.json")), None))
    before = json.loads(path.read_text())
    subprocess.run(["scancel", "--batch", "--signal=USR1", before["job"]], check=True)
    watch.follow(submission)
    after = json.loads(path.read_text())
    assert (before["attempt"], after["attempt"]) == (1, 2)
    assert submission.works()[0].tried() == {0: 1, 1: 1}, "the same job went on"
    log = next(submission.works()[0].folder.glob("*_0.log")).read_text()
    assert "time is up: 1 tasks done, 1 go on in a new start" in log


@pytest.mark.parametrize("slow", [Slow, SlowAndMany], ids=["plain", "gathered"])
def test_a_task_that_is_told_of_its_limit_leaves_its_rest_to_the_next_link(slurm, tmp_path, monkeypatch, slow):
    monkeypatch.setattr("recipes.engine.plan.PARTITION_BYTES", 4096)
    (tmp_path / "in").mkdir()
    lines = [json.dumps({"id": i, "text": t, "url": f"https://example.jp/{i}"}) for i, t in pages(80)]
    (tmp_path / "in" / "a.jsonl").write_text("\n".join(lines))
    files = str(tmp_path / "in" / "*.jsonl")
    calm = done(recipe(files, [Slow(0.0)]), tmp_path / "calm")
    half, mark = (tmp_path / "in" / "a.jsonl").stat().st_size // 2 + 1, tmp_path / "it reads"
    plan = make(recipe(files, [slow(4.0, str(mark))], partitions=2), "test.py", str(tmp_path / "out"), task_bytes=half)
    submission = slurm.submit(plan)
    job = until(lambda: mark.exists() and mark.read_text())
    subprocess.run(["scancel", "--batch", "--signal=USR1", job], check=True)
    watch.follow(submission)
    works = {work.about["name"]: work for work in submission.works()}
    assert ("pages.rows.gather1" in works) == (slow is SlowAndMany)
    work = works["pages.rows"]
    assert work.tried().keys() > {0, 1}, "what was left is a task of its own"
    assert set(work.tried().values()) == {1}, "and nothing is done twice"
    assert ShardSet.open(plan.blocks[-1].url).manifest["content"] == calm["content"]
    accounted(tmp_path / "out")


def test_a_task_that_never_fits_its_time_limit_says_so(slurm, tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(5)})
    plan = make(recipe(files, [Slow(90.0)], []), "test.py", str(tmp_path / "out"))
    said = r"pages, task 0: did not end within the time limit of 00:01:00, 1 times: raise 'time' of cpu"
    with pytest.raises(RunError, match=said):
        slurm.run(plan, cpu={"time": "00:01:00"}, requeues=0, notice=10)  # which Slurm looks at every 30 s


def test_a_run_is_cancelled_whole_and_goes_on_with_the_same_command(slurm, tmp_path):
    files = jsonl(tmp_path / "in", {f"{i}.jsonl.gz": pages(5, 5 * i) for i in range(6)})
    plan = make(recipe(files, [Slow(3.0)], ["text_stats"]), "test.py", str(tmp_path / "out"))
    submission = slurm.submit(plan)
    until(lambda: list(submission.folder.glob("pages*/started/*.json")))
    assert slurm.submit(plan).jobs(), "a run that is on its way is not submitted twice"
    other = make(recipe(files, [Slow(4.0)], ["text_stats"]), "test.py", str(tmp_path / "out"))
    with pytest.raises(RunError, match="another plan of this run is on the cluster"):
        slurm.submit(other)
    code, output = shown("cancel", str(tmp_path / "out"))
    assert (code, "jobs cancelled; cancelled" in output) == (0, True)
    assert until(lambda: not submission.jobs())
    assert shown("status", str(tmp_path / "out"))[0] == 1
    assert shown("logs", str(tmp_path / "out"), "--failed") == (0, "no task has failed\n")
    slurm.run(plan)
    assert len(released(tmp_path / "out", "measured")) == 30


def test_the_same_command_right_after_a_failure_is_a_new_try(slurm, tmp_path):
    flag, rows = tmp_path / "flag", [*pages(3), ("x", "ここで例外が起きるページです。")]
    flag.touch()
    plan = make(
        recipe(jsonl(tmp_path / "in", {"a.jsonl.gz": rows}), [Raise(str(flag))]), "test.py", str(tmp_path / "out")
    )
    lingering = {"setup": "trap '[ $code = 0 ] || sleep 60' EXIT"}
    with pytest.raises(RunError, match=r"pages\.rows, task 0: ValueError: a bug in a step \(on n\d\) \(1 tries\)"):
        slurm.run(plan, retries=0, link=lingering)
    assert Submission(tmp_path / "out" / "1" / "jobs").jobs(), "the link that said so is still about to end"
    flag.unlink()
    slurm.run(plan)
    assert len(released(tmp_path / "out", "pages")) == 4


def test_of_two_links_the_later_goes_on(slurm, tmp_path):
    plan = make(recipe(jsonl(tmp_path / "in", {"a.jsonl.gz": pages(3)}), [Slow(1.0)]), "test.py", str(tmp_path / "out"))
    submission = slurm.submit(plan)
    later = link.next_link(submission, [])
    watch.follow(submission)
    assert submission.works()[0].tried() == {0: 1}
    said = "".join(path.read_text() for path in (submission.folder / "links").glob("*.log"))
    assert f"link {later} goes on" in said
    assert len(released(tmp_path / "out", "pages")) == 3


def test_a_link_that_ends_without_a_word_is_told_with_the_last_of_its_log(slurm, tmp_path):
    plan = make(recipe(jsonl(tmp_path / "in", {"a.jsonl.gz": pages(3)}), []), "test.py", str(tmp_path / "out"))
    said = r"nothing of it is in the queue any more: its link .* its log is \S+/links/\d+\.log, which ends with: no such module"
    with pytest.raises(RunError, match=said):
        slurm.run(plan, link={"setup": "echo 'no such module' >&2; exit 1"})


BUSY = r"""#!/bin/bash
# sbatch of a controller that takes two elements at most, and whose first answers to an array and to a link come too late
case "$*" in *--test-only*) exec {real} "$@";; *--array=*) kind=array;; *) kind=link;; esac
for word in "$@"; do case $word in --array=0-*) last=${{word#--array=0-}}; [ "${{last%%\%*}}" -lt 2 ] || {{
  echo "sbatch: error: AssocMaxSubmitJobLimit" >&2
  echo "sbatch: error: Batch job submission failed: Job violates accounting/QOS policy (job submit limit)" >&2
  exit 1; }};; esac; done
{real} "$@" >{folder}/said || exit
if mkdir {folder}/late-$kind 2>/dev/null; then
  echo "sbatch: error: Batch job submission failed: Socket timed out on send/recv operation" >&2; exit 1
fi
cat {folder}/said
"""


def test_a_busy_controller_takes_no_job_twice_and_arrays_as_large_as_it_likes(slurm, tmp_path, monkeypatch):
    (tmp_path / "bin").mkdir()
    busy = tmp_path / "bin" / "sbatch"
    busy.write_text(BUSY.format(real=shutil.which("sbatch"), folder=tmp_path))
    busy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{busy.parent}:{os.environ['PATH']}")
    files = jsonl(tmp_path / "in", {f"{i}.jsonl.gz": pages(2, 2 * i) for i in range(5)})
    plan = make(recipe(files, ["text_stats"]), "test.py", str(tmp_path / "out"))
    submission = slurm.run(plan)
    assert {path.name for path in tmp_path.glob("late-*")} == {"late-array", "late-link"}
    assert [len(chunk["elements"]) for chunk in submission.works()[0].chunks()] == [2, 2, 1]
    jobs = submission.jobs(every=True)
    assert sum("/pages.rows." in job.name for job in jobs) == 5, "each task once, as Slurm remembers it"
    assert sum(submission.is_link(job) for job in jobs) == 3
    assert len(released(tmp_path / "out", "pages")) == 10


def test_what_slurm_would_never_run_is_refused_before_anything_runs(slurm, tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(2)})
    plan = make(recipe(files, ["text_stats"]), "test.py", str(tmp_path / "out"))
    with pytest.raises(RecipeError, match=r"cpu: Slurm would not run such a job: sbatch: .*[Ii]nvalid partition"):
        slurm.submit(plan, cpu={"partition": "nosuch"})
    with pytest.raises(RecipeError, match="link: Slurm would not run such a job"):
        slurm.submit(plan, link={"cpus": 64})
    with pytest.raises(RecipeError, match="cpu: time: found 02:00:00, and the partition runs jobs of 01:00:00 at most"):
        slurm.submit(plan, cpu={"time": "02:00:00"})
    assert not (tmp_path / "out" / "1").exists()
