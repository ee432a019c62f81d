"""What a task of a Slurm job does at the signal before its time limit."""

import os
import signal
import time
from types import SimpleNamespace
from typing import Any

import pytest

from recipes.engine.slurm import element
from recipes.engine.slurm.element import OutOfTime, _Ending
from recipes.engine.slurm.resources import Resources
from recipes.engine.slurm.submission import Work


@pytest.fixture
def ending():
    """Told by the real signal, half a second before the end."""
    made = _Ending(0.5)
    before = signal.signal(signal.SIGUSR1, made)
    yield made
    made.done()
    signal.signal(signal.SIGUSR1, before)


def test_a_task_that_can_share_ends_with_its_piece_and_one_that_cannot_is_stopped(ending):
    ending.reader = SimpleNamespace(ahead=4096, stop_for=0)
    os.kill(os.getpid(), signal.SIGUSR1)
    assert ending.reader.stop_for == 1, "it goes on to the end of its piece"
    assert ending.done(), "and no task is begun after it"
    ending.told, ending.reader = False, SimpleNamespace(ahead=0, stop_for=0)
    with pytest.raises(OutOfTime):
        os.kill(os.getpid(), signal.SIGUSR1)


def test_a_piece_that_takes_too_long_is_stopped(ending):
    ending.reader = SimpleNamespace(ahead=4096, stop_for=0)
    os.kill(os.getpid(), signal.SIGUSR1)
    with pytest.raises(OutOfTime):
        time.sleep(10)


def test_a_job_that_makes_room_for_another_is_not_one_that_came_to_its_limit(tmp_path, monkeypatch):
    requeued: list[list[str]] = []
    monkeypatch.setattr(element.subprocess, "run", requeued.append)
    monkeypatch.setattr(element.time, "sleep", lambda seconds: None)
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "47")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "1")
    asked: Any = SimpleNamespace(resources=Resources.model_validate({"time": "20:00:00", "requeues": 1}))
    work = Work(tmp_path)
    before = signal.getsignal(signal.SIGUSR1)
    try:
        for _ in range(5):
            element._again(asked, work, [3, 4], 0, "cpu", near=False)
        assert requeued == [["scontrol", "requeue", "47_1"]] * 5
        element._again(asked, work, [3, 4], 1, "cpu", near=True)
        element._again(asked, work, [3, 4], 0, "cpu", near=True)
        assert (len(requeued), work.told("failed", 3)) == (7, None)
        element._again(asked, work, [3, 4], 0, "cpu", near=True)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(requeued) == 7
    told = work.told("failed", 3)
    assert told is not None
    assert told["text"].startswith("did not end within the time limit of 20:00:00, 2 times: raise 'time' of cpu")
