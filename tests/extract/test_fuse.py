"""Pages that hang or crash the extractor: the worker ends, and on the next attempt the page alone is lost."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from curation.extract.alone import Alone
from curation.extract.main_text import MainText
from tests.extract.test_main_text import BODY, batch

HERE = Path(__file__).parent
OPTIONS = {"engine": "resiliparse", "ruby": "drop", "link_density_switch": 0.5, "max_depth": 512, "url": None}


class Failing(MainText):
    extractor = "failing_extractor:extract"


@pytest.fixture(autouse=True)
def _failing_extractor_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(HERE))


def test_a_page_that_hangs_ends_the_process_on_the_first_attempt() -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from tests.extract.test_fuse import Failing, batch\n"
        "step = Failing(fuse_seconds=1.5); step.setup()\n"
        "step.split(batch('<p>あ</p>')); print('alive', flush=True)\n"
        "step.split(batch('<p>HANG</p>')); print('never')\n"
    )
    env = {**os.environ, "PYTHONPATH": str(HERE.parent.parent)}
    started = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code, str(HERE)], capture_output=True, text=True, timeout=120, env=env)
    assert done.stdout == "alive\n"
    assert done.returncode == 1
    assert "Timeout" in done.stderr
    assert time.monotonic() - started < 100


def test_on_the_second_attempt_only_the_page_is_lost() -> None:
    step = Failing(fuse_seconds=2.0)
    step.attempt = 2
    rows = batch(f"<p>一{BODY}</p>", "<p>HANG</p>", f"<p>二{BODY}</p>", "<p>CRASH</p>", f"<p>三{BODY}</p>")
    items = list(step.run([rows]))
    rejected, kept = items[0].batch.to_pylist(), items[1].to_pylist()
    assert [row["text"][0] for row in kept] == ["一", "二", "三"]
    assert [row["reason"] for row in rejected] == ["extract_timeout", "extract_crash"]
    assert "signal 11" in rejected[1]["detail"]
    assert step.fused == [row["id"] for row in rejected]
    assert step._alone is not None
    assert step._alone._child is None


def test_the_child_gives_the_same_rows_as_the_process() -> None:
    pages = batch(f"<title>題</title><p>{BODY}</p>", "", "<div>" * 600 + BODY)
    here, there = MainText(), MainText()
    there.attempt = 2
    here.setup()
    there.setup()
    try:
        (kept, gone), (kept2, gone2) = here.split(pages), there.split(pages)
        assert kept.equals(kept2)
        assert gone is not None
        assert gone2 is not None
        assert gone.equals(gone2)
    finally:
        assert there._alone is not None
        there._alone.close()


def test_known_pages_are_not_tried_again() -> None:
    rows = batch("<p>HANG</p>", f"<p>{BODY}</p>")
    step = Failing(fuse_seconds=30.0)
    step.known_fused = frozenset([rows.column("id")[0].as_py()])
    step.setup()
    kept, rejected = step.split(rows)
    assert kept.num_rows == 1
    assert rejected is not None
    assert rejected.column("reason").to_pylist() == ["extract_timeout"]
    assert step.fused == list(step.known_fused)


def test_an_extractor_that_cannot_start_is_said() -> None:
    alone = Alone("no_such_module:extract", 1.0)
    with pytest.raises(RuntimeError, match=r"ended with code 1 when started: no_such_module"):
        alone.extract(b"<p>a</p>", OPTIONS)
