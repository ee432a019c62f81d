"""What a run says while it runs, where it is no terminal: a line a minute, with the time left also inside one long task."""

import io

from recipes.engine.progress import Progress


def test_time_left_comes_from_bytes_read_when_there_is_only_one_task(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("recipes.engine.progress.time.monotonic", lambda: now[0])
    out = io.StringIO()
    progress = Progress(3, stream=out)
    progress.start("pages", 1, 0, "bytes", 1000)
    now[0] = 30.0
    progress.update({0: {"rows": 50, "kept": 20, "bytes": 125, "cpu": 1}}, 0)
    assert out.getvalue() == "[1/3] pages: 1 task\n", "nothing before a minute has passed"
    now[0] = 60.0
    progress.update({0: {"rows": 120, "kept": 30, "bytes": 250, "cpu": 2}}, 0)
    assert out.getvalue().splitlines()[1] == (
        "[1/3] pages: 0/1 tasks, 120 rows, 2 rows/s, 25.0 % kept, 1 min 0 s so far, 3 min 0 s left"
    )


def test_rows_of_finished_tasks_still_count(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("recipes.engine.progress.time.monotonic", lambda: now[0])
    out = io.StringIO()
    progress = Progress(1, stream=out, every=0)
    progress.start("measured", 2, 0, "rows", 400)
    now[0] = 10.0
    progress.update({0: {"rows": 200, "kept": 100, "bytes": 0, "cpu": 1}}, 0)
    progress.update({1: {"rows": 100, "kept": 50, "bytes": 0, "cpu": 1}}, 1)
    assert "1/2 tasks, 300 rows, 30 rows/s, 50.0 % kept, 10 s so far, 3 s left" in out.getvalue().splitlines()[-1]


def test_a_resumed_block_says_what_is_done_already():
    out = io.StringIO()
    Progress(2, stream=out).start("pages", 120, 33, "bytes", 1000)
    assert out.getvalue() == "[1/2] pages: goes on, 33 of 120 tasks done already\n"


def test_a_survey_shows_no_share_kept():
    out = io.StringIO()
    progress = Progress(1, stream=out, every=0)
    progress.start("curated.dedup", 1, 0, "rows", 400, False)
    progress.update({0: {"rows": 200, "kept": 0, "bytes": 0, "cpu": 1}}, 0)
    progress.end(400, 400)
    assert "kept" not in out.getvalue()
    assert "looked over 400 rows, in 0 s" in out.getvalue()


def test_a_generation_shows_answers_tokens_yield_and_cost_over_its_workers(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("recipes.engine.progress.time.monotonic", lambda: now[0])
    out = io.StringIO()
    progress = Progress(1, stream=out, every=0)
    progress.start("instruct, round 1", 2, 0, "rows", 400)
    now[0] = 10.0
    counts = {"rows": 50, "kept": 30, "answered": 40, "stored": 10, "judged": 50, "accepted": 30, "tokens": 1000}
    progress.update({0: counts | {"device_ms": 9000}, 1: counts | {"device_ms": 9000}}, 0)
    said = "80 answers, 20 from the store, 200 tokens/s, 60.0 % of a model's pass, 0.005 device hours"  # 18 s of 3,600
    assert said in out.getvalue().splitlines()[-1]
