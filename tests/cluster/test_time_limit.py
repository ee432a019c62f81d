"""What a task of a Slurm job does at the signal before its time limit."""

import os
import signal
import time
from types import SimpleNamespace

import pytest

from recipes.engine.slurm.element import OutOfTime, _Ending


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
