"""Runs whose input, shards and logs lie in an object store: the rows of a local run, whatever the store answers.

The store is moto's server on loopback, a mock: it proves nothing of a real one's consistency or throttling.
"""

import ast
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from curation.shards import ShardSet

sys.path.insert(0, str(Path(__file__).parents[1] / "engine"))
from steps_on_trial import DropMarked
from test_runs import done, jsonl, pages, recipe
from unsteady_proxy import KINDS

ROOT = Path(__file__).resolve().parents[2]
RECIPE = """\
import os
from steps_on_trial import Slow
from recipes.engine.spec import Recipe, SourceSpec, Stage

recipe = Recipe(
    name="test/s3", version="1", partitions=4, sources={"crawl": SourceSpec(licence="CC0-1.0")},
    stages=[
        Stage(name="pages", read="crawl", steps=[Slow(float(os.environ.get("SLOW", "0"))), "minhash"]),
        Stage(name="measured", read="pages", steps=[{"dedup": {"threshold": 0.8}}, "text_stats"]),
    ],
)
"""


def free() -> int:
    """A port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def tell(store: dict[str, int], what: str) -> dict[str, int]:
    """Tells the unsteady endpoint something; what it has counted."""
    opened = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opened.open(f"http://127.0.0.1:{store['unsteady']}/-/{what}") as told:
        return ast.literal_eval(told.read().decode())


def answers(port: int) -> bool:
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, int]]:
    """A store with the bucket `lake` that holds the input; `steady` and `unsteady` are ports of it."""
    if "SEIMAI_S3_TESTS" not in os.environ:
        pytest.skip("an object store is started by `uvx nox -s s3`")
    pytest.importorskip("moto.server")
    s3fs = pytest.importorskip("s3fs")
    steady, unsteady = free(), free()
    servers = [
        subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(steady)], stderr=subprocess.DEVNULL
        ),
        subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("unsteady_proxy.py")), str(unsteady), str(steady), "0.05"]
        ),
    ]
    try:
        end = time.monotonic() + 60
        while not (answers(steady) and answers(unsteady)):
            assert time.monotonic() < end
            time.sleep(0.2)
        for name in ("AWS_CA_BUNDLE", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        for name, value in {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{steady}", "AWS_ACCESS_KEY_ID": "planted-key-91c2",
            "AWS_SECRET_ACCESS_KEY": "planted-secret-5d70", "AWS_DEFAULT_REGION": "us-east-1",
            "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1", "HF_TOKEN": "planted-token-77aa",
            "HTTPS_PROXY": "http://me:planted-proxy-03c1@127.0.0.1:9",
            "FSSPEC_S3": '{"key": "planted-key-91c2", "secret": "planted-secret-5d70"}',
        }.items():  # fmt: skip
            monkeypatch.setenv(name, value)
        s3fs.S3FileSystem.clear_instance_cache()
        fs = s3fs.S3FileSystem()
        fs.mkdir("lake")
        jsonl(tmp_path / "in", {f"{i}.jsonl.gz": pages(40, 40 * i) for i in range(4)})
        fs.put(str(tmp_path / "in"), "lake/in", recursive=True)
        (tmp_path / "made.py").write_text(RECIPE)
        yield {"steady": steady, "unsteady": unsteady}
        s3fs.S3FileSystem.clear_instance_cache()
    finally:
        for server in servers:
            server.terminate()
            server.wait(10)


def started(folder: Path, out: str, files: str, port: int, **env: str) -> "subprocess.Popen[str]":
    """A run, running."""
    paths = os.pathsep.join([str(ROOT / "tests" / "engine"), str(ROOT)])
    environment = {**os.environ, "PYTHONPATH": paths, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", **env}
    command = [sys.executable, "-m", "recipes.engine.cli", "run", str(folder / "made.py"), "--in", files, "--out", out]
    return subprocess.Popen(
        [*command, "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=folder,
    )


def well(run: "subprocess.Popen[str]") -> None:
    """The run ends, and well."""
    said, _ = run.communicate(timeout=300)
    assert run.returncode == 0, said


CONTENT: list[str] = []


def content(folder: Path) -> str:
    """Content of the rows of a local run over local files, which are the same for every test."""
    if not CONTENT:
        well(started(folder, str(folder / "calm"), f"{folder}/in/*.jsonl.gz", 9))
        CONTENT.append(json.loads((folder / "calm" / "1" / "measured" / "manifest.json").read_text())["content"])
    return CONTENT[0]


def released(fs) -> dict:
    return json.loads(fs.cat_file("lake/out/1/measured/manifest.json"))


def lake():
    """The store as it is now."""
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    return s3fs.S3FileSystem(use_listings_cache=False)


def test_a_run_in_an_object_store_releases_the_rows_of_a_local_run(store, tmp_path):
    well(started(tmp_path, "s3://lake/out", "s3://lake/in/*.jsonl.gz", store["steady"]))
    fs = lake()
    assert released(fs)["content"] == content(tmp_path)
    again = started(tmp_path, "s3://lake/out", "s3://lake/in/*.jsonl.gz", store["steady"])
    said, _ = again.communicate(timeout=300)
    assert again.returncode == 0
    assert "planted-" not in said
    for path in fs.find("lake/out"):
        assert b"planted-" not in fs.cat_file(path), path
    assert said.count("unchanged") >= 2, said


def test_what_a_store_refuses_is_told_without_keys_and_passwords(store, tmp_path):
    run = started(tmp_path, "s3://nowhere/out", "s3://nowhere/*.jsonl", store["steady"])
    said, _ = run.communicate(timeout=300)
    assert run.returncode == 2, said
    assert "planted-" not in said
    password = f"http://me:planted-pass-88d0@127.0.0.1:{store['steady']}"
    run = started(
        tmp_path, "s3://lake/out", "s3://lake/in/*.jsonl.gz", 9, AWS_ENDPOINT_URL=password, AWS_MAX_ATTEMPTS="1"
    )
    said, _ = run.communicate(timeout=300)
    assert "planted-" not in said
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and b"planted-" in p.read_bytes()]


def test_rows_of_many_tasks_are_gathered_in_the_store(store, tmp_path, monkeypatch):
    stages = [DropMarked("13")], []
    plain = done(recipe(f"{tmp_path}/in/*.jsonl.gz", *stages), tmp_path / "plain")
    monkeypatch.setattr("curation.gather.MOST_MERGED", 1)
    monkeypatch.setattr("curation.gather.BITS", 1)
    gathered = done(recipe("s3://lake/in/*.jsonl.gz", *stages), "s3://lake/gathered")  # type: ignore[arg-type]
    assert (gathered["content"], gathered["rows_out"]) == (plain["content"], plain["rows_out"])
    fs = lake()
    (folder,) = fs.glob("lake/gathered/stages/pages-*")
    made = ShardSet.open(f"s3://{folder}")
    assert len(made.tasks()) == made.manifest["tasks"] == len(fs.ls(f"{folder}/tasks")) < 8
    assert sorted(made.files()) == sorted(f.removeprefix(f"{folder}/") for f in fs.glob(f"{folder}/data/*/*"))
    assert not fs.exists(f"{folder}/gather")


def test_faults_of_the_store_cost_time_and_no_row(store, tmp_path):
    settings = json.dumps({"config_kwargs": {"read_timeout": 2, "connect_timeout": 2}})
    well(started(tmp_path, "s3://lake/out", "s3://lake/in/*.jsonl.gz", store["unsteady"], FSSPEC_S3=settings))
    counts = tell(store, "counts")
    assert sum(counts[kind] for kind in KINDS) > 5, counts
    assert sum(counts[kind] > 0 for kind in KINDS) >= 4, counts
    assert released(lake())["content"] == content(tmp_path)


def test_a_run_that_is_killed_goes_on_and_no_half_of_an_object_is_read(store, tmp_path):
    run = started(tmp_path, "s3://lake/out", "s3://lake/in/*.jsonl.gz", store["steady"], SLOW="4")
    end = time.monotonic() + 120
    while not lake().glob("lake/out/stages/pages-*/layout.json"):
        assert time.monotonic() < end
        time.sleep(0.5)
    time.sleep(3)
    os.kill(run.pid, signal.SIGKILL)
    run.communicate(timeout=60)
    assert not lake().glob("lake/out/stages/pages-*/manifest.json")
    well(started(tmp_path, "s3://lake/out", "s3://lake/in/*.jsonl.gz", store["steady"], SLOW="4"))
    assert len(lake().glob("lake/out/stages/pages-*")) == 1
    assert released(lake())["content"] == content(tmp_path)


UPLOAD = """\
import sys, time
from curation.place import Place
with Place("s3://lake/half").create("big.bin") as file:
    for _ in range(4):
        file.write(bytes(6 << 20))
    print("written", flush=True)
    time.sleep(60)
"""


def test_an_upload_that_is_killed_is_no_object(store, tmp_path):
    writer = subprocess.Popen([sys.executable, "-c", UPLOAD], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "written\n"
    writer.kill()
    writer.communicate()
    assert not lake().exists("lake/half/big.bin")


def test_more_names_than_a_page_of_the_store_has_are_all_listed(store, tmp_path):
    import boto3

    from curation.place import Place

    client = boto3.client("s3")
    for i in range(1203):
        client.put_object(Bucket="lake", Key=f"many/tasks/{i:05d}.json", Body=b"{}")
    lake()
    assert len(Place("s3://lake/many").names("tasks")) == 1203
