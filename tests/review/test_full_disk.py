"""A disk that fills up under a review that runs: what was answered is kept, and once there is room every row is there once."""

import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from annotation.errors import ReviewError
from annotation.review_tasks import task
from tests.annotation.test_review_records import pair
from tests.review.conftest import ROOT, Running
from tests.review.desk import Desk

LONG = "お米の研ぎ方を、順を追って説明します。" * 40
ROWS, ANSWERED = 300, 20
LEFT = 256 * 1024
"""Bytes that are left when the disk is as good as full."""


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare(1)")
def test_a_disk_that_fills_up_loses_no_row_and_no_answer(tmp_path: Path):
    folder = tmp_path / "small"
    folder.mkdir()
    inside = ["unshare", "-rm", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=300m none {folder}"
    if subprocess.run([*inside, mount], capture_output=True, check=False).returncode:
        pytest.skip("no mounts in a namespace here")
    script = f"{mount}; {sys.executable} -m tests.review.test_full_disk {folder}"
    ended = subprocess.run([*inside, script], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "the server's disk is full; make room, and give the same command again" in ended.stdout


def _filled(folder: Path) -> Path:
    """A file that leaves hardly any room."""
    path = folder / "fill"
    with path.open("wb") as file:
        while (free := shutil.disk_usage(folder).free) > LEFT:
            file.write(bytes(min(free - LEFT, 1 << 20)))
            file.flush()
    return path


def _whole(folder: Path) -> None:
    """What the test does, on the small disk."""
    running = Running(folder / "home")
    running.seimai("up")
    try:
        for name in ("kiku", "ume"):
            running.annotator(name)
        desk = Desk(running, folder / "labels", task("preference"))
        items = [pair(n, texts=(f"{n} {LONG}", f"{n} わるい回答です。")) for n in range(ROWS)]
        desk.push(items[:ANSWERED])
        answered = [record["id"] for record in desk.seen("kiku")]
        desk.answer("kiku", answered[0], preference="a")
        full = _filled(folder)
        with pytest.raises(ReviewError) as error:
            desk.push(items)
        print(error.value)
        kept = 1
        for record in answered[1:6]:
            try:
                desk.answer("kiku", record, preference="b")
                kept += 1
            except (ReviewError, AssertionError):
                continue  # refused, and whoever answers is told
        full.unlink()
        running.seimai("down")
        running.seimai("up")
        desk.push(items)
        rows = Counter(desk.by_external_id()[record["external_id"]]["row"] for record in desk.seen("ume"))
        assert (len(rows), set(rows.values())) == (ROWS, {1})
        assert desk.pull().answers == kept == len(desk.labels.answers())
    finally:
        running.seimai("down")


if __name__ == "__main__":
    _whole(Path(sys.argv[1]))
