"""The store: what was appended is there, whatever happened to the process, the file or the order."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.provenance import key
from synth.engine.request import Completion, Fault
from synth.engine.segment import HEADER, StoreError
from synth.engine.store import Store, compact, segments

ROOT = Path(__file__).resolve().parents[2]


def completion(name: str, text: str = "答え") -> Completion:
    return Completion(key(name), key("request", name), 0, 7, text, "stop", "tiny", 3, 2, at=5)


def fault(name: str, kind: str = "deadline") -> Fault:
    return Fault(key(name), key("request", name), 0, kind, "no answer", attempts=3)  # type: ignore[arg-type]


def test_an_answer_comes_back_as_it_was_put(tmp_path):
    whole = Completion(
        key("a"),
        key("r"),
        3,
        99,
        "短歌\n五七五",
        "tool_calls",
        "m",
        None,
        4,
        '[{"name":"f"}]',
        "考え",
        -1.5,
        "[[1]]",
        2.5,
        2,
        9,
    )
    with Store(tmp_path, 0) as store:
        store.put(whole)
        assert store.get(key("a")) == whole
    assert Store(tmp_path).get(key("a")) == whole


def test_a_fault_comes_back_with_its_counts(tmp_path):
    long = Fault(key("b"), key("r"), 0, "prompt_too_long", "4,000 tokens", 4000, 1024)
    with Store(tmp_path, 0) as store:
        store.put(long)
    assert Store(tmp_path).get(key("b")) == long


def test_a_key_that_was_never_put_is_not_there(tmp_path):
    with Store(tmp_path, 0) as store:
        store.put(completion("a"))
        assert store.get(key("b")) is None


def test_every_task_reads_what_the_others_wrote(tmp_path):
    for shard in range(3):
        with Store(tmp_path, shard) as store:
            store.put(completion(f"of {shard}"))
    store = Store(tmp_path, 7)
    assert all(store.has(key(f"of {shard}")) for shard in range(3))
    assert len(store) == 3


def test_a_writer_never_touches_an_earlier_segment(tmp_path):
    with Store(tmp_path, 0) as store:
        store.put(completion("a"))
    first = segments(tmp_path)[0].read_bytes()
    with Store(tmp_path, 0) as store:
        store.put(completion("b"))
    assert [p.name[:6] for p in segments(tmp_path)] == ["000001", "000002"]
    assert segments(tmp_path)[0].read_bytes() == first


def test_a_store_that_wrote_nothing_leaves_no_segment(tmp_path):
    with Store(tmp_path, 0):
        pass
    assert not segments(tmp_path)


def test_a_store_opened_to_read_refuses_an_answer(tmp_path):
    with pytest.raises(StoreError, match="names its shard"):
        Store(tmp_path).put(completion("a"))


@pytest.fixture(scope="module")
def cut(tmp_path_factory) -> tuple[bytes, list[int]]:
    """A segment of ten records, and where each ends."""
    folder = tmp_path_factory.mktemp("whole")
    ends = []
    with Store(folder, 0) as store:
        for i in range(10):
            store.put(completion(f"n{i}", "答え" * i))
            ends.append(segments(folder)[0].stat().st_size)
    return segments(folder)[0].read_bytes(), ends


def test_a_segment_cut_at_any_byte_keeps_every_record_before_the_cut(tmp_path, cut):
    content, ends = cut
    path = tmp_path / "00000" / "000001-00000000.seg"
    path.parent.mkdir()
    for size in range(len(content) + 1):
        path.with_suffix(".idx").unlink(missing_ok=True)
        path.write_bytes(content[:size])
        store = Store(tmp_path)
        whole = sum(end <= size for end in ends)
        assert len(store) == whole
        last = ([len(HEADER), *ends])[whole]
        assert store.torn == ({str(Path("00000") / path.name): size - last} if size > last else {})
        store.close()


def test_a_torn_store_goes_on(tmp_path, cut):
    content, ends = cut
    path = tmp_path / "00000" / "000001-00000000.seg"
    path.parent.mkdir()
    path.write_bytes(content[: ends[4] + 11])
    with Store(tmp_path, 0) as store:
        assert len(store) == 5
        store.put(completion("n5"))
    assert len(Store(tmp_path)) == 6


@settings(max_examples=200, deadline=None)
@given(at=st.integers(min_value=len(HEADER)), value=st.integers(0, 255))
def test_a_damaged_byte_costs_at_most_its_own_record(tmp_path_factory, cut, at, value):
    content, ends = cut
    at = len(HEADER) + at % (len(content) - len(HEADER))
    if content[at] == value:
        return
    path = tmp_path_factory.mktemp("damaged") / "00000" / "000001-00000000.seg"
    path.parent.mkdir()
    path.write_bytes(content[:at] + bytes([value]) + content[at + 1 :])
    store = Store(path.parent.parent)
    hurt = sum(end <= at for end in ends)
    assert [i for i in range(10) if not store.has(key(f"n{i}"))] == [hurt]
    assert store.damaged or store.torn, "what is lost is said"
    store.close()


def test_a_file_of_another_kind_is_refused_and_left(tmp_path):
    (tmp_path / "00000").mkdir()
    strange = tmp_path / "00000" / "000001-00000000.seg"
    strange.write_bytes(b"PK\x03\x04 an archive")
    with pytest.raises(StoreError, match="not a segment"):
        Store(tmp_path)
    assert strange.read_bytes() == b"PK\x03\x04 an archive"


def test_an_index_that_is_behind_or_torn_is_made_again(tmp_path):
    with Store(tmp_path, 0) as store:
        for i in range(20):
            store.put(completion(f"n{i}"))
    index = segments(tmp_path)[0].with_suffix(".idx")
    for content in (b"", index.read_bytes()[:50], b"x" * 100):
        index.write_bytes(content)
        assert len(Store(tmp_path)) == 20
    assert len(Store(tmp_path)) == 20


def test_a_completion_holds_before_a_fault_and_the_order_does_not_matter(tmp_path):
    told = []
    for name, order in (("one", (0, 1)), ("two", (1, 0))):
        for shard in order:
            with Store(tmp_path / name, shard) as store:
                store._own.clear()
                store.put(completion("a", "甲" if shard else "乙"))
                store.put(fault("b") if shard else completion("b"))
        reread = Store(tmp_path / name)
        told.append((reread.get(key("a")), reread.get(key("b"))))
        assert len(reread) == 2
    assert told[0] == told[1]
    assert isinstance(told[0][1], Completion)


def test_a_fault_is_there_unless_it_is_to_be_tried_again(tmp_path):
    with Store(tmp_path, 0) as store:
        store.put(fault("slow"))
        store.put(fault("long", "prompt_too_long"))
        assert store.has(key("slow"))
        assert store.has(key("long"))


def test_compaction_keeps_every_answer_and_drops_what_no_longer_holds(tmp_path):
    for turn in range(4):
        with Store(tmp_path, 0) as store:
            store.put(fault("healed") if turn < 3 else completion("healed"))
            store.put(completion(f"turn {turn}"))
    with segments(tmp_path)[1].open("ab") as file:
        file.write(b"\xf5SR1 torn")
    before = list(Store(tmp_path).answers())
    figures = compact(tmp_path)
    assert (figures["segments_before"], figures["segments_after"]) == (4, 1)
    assert figures["bytes_after"] < figures["bytes_before"]
    again = Store(tmp_path)
    assert list(again.answers()) == before
    assert len(again) == 5
    assert not again.torn


def test_a_store_that_is_being_written_is_not_compacted(tmp_path):
    with Store(tmp_path, 0) as store:
        store.put(completion("a"))
        with pytest.raises(StoreError, match="is being written"):
            compact(tmp_path)
        assert Store(tmp_path, 1).has(key("a")), "but it is read"


def test_a_full_disk_is_said_and_leaves_no_part_of_a_record(tmp_path):
    script = (
        "import resource, signal, sys\n"
        "sys.path[:0] = ['.', 'tests/synth']\n"
        "from test_store import completion, Store, StoreError\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4000, 4000))\n"
        "store = Store(sys.argv[1], 0)\n"
        "done = 0\n"
        "try:\n"
        "    while True:\n"
        "        store.put(completion(f'n{done}', '答え' * 50)); done += 1\n"
        "except StoreError as error:\n"
        "    print(done, error)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, check=True
    )
    done, _, message = ended.stdout.partition(" ")
    assert "cannot append at byte" in message
    reread = Store(tmp_path)
    assert len(reread) == int(done) > 3
    assert not reread.torn


WRITER = """
import sys
sys.path[:0] = ['.', 'tests/synth']
from test_store import completion, Store
store, i = Store(sys.argv[1], 0), 0
while True:
    store.put(completion(f'{sys.argv[2]} {i}', 'あ' * (i % 700)))
    print(i, flush=True)
    i += 1
"""


def test_a_writer_killed_at_any_moment_loses_no_answer_that_it_had_put(tmp_path):
    rng = random.Random(4)
    told = {}
    for turn in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(turn)], stdout=subprocess.PIPE, cwd=ROOT, text=True
        )
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(rng.random() / 10)
        os.kill(process.pid, signal.SIGKILL)
        said = process.stdout.read().split()
        process.wait()
        told[turn] = int(said[-1]) if said else 0
    store = Store(tmp_path)
    for turn, last in told.items():
        assert all(store.has(key(f"{turn} {i}")) for i in range(last + 1))


def test_a_busy_disk_does_not_hold_the_writer(tmp_path, monkeypatch):
    forced, free = [], threading.Event()

    def slowly(fd):
        assert free.wait(60)
        forced.append(fd)

    monkeypatch.setattr("synth.engine.segment.os.fdatasync", slowly)
    with Store(tmp_path, 0, sync_s=0.0) as store:
        for i in range(50):
            store.put(completion(str(i)))
        assert not forced, "the disk has not answered once"
        free.set()
        assert store.get(completion("49").key) == completion("49")
    assert len(forced) == 2, "one that was at work meanwhile, and the last one"


def test_a_disk_that_cannot_keep_what_was_written_is_said(tmp_path, monkeypatch):
    def fails(fd):
        raise OSError(5, "Input/output error")

    store = Store(tmp_path, 0, sync_s=0.0)
    monkeypatch.setattr("synth.engine.segment.os.fdatasync", fails)

    def puts():
        for i in range(1000):
            store.put(completion(str(i)))
            time.sleep(0.001)

    with pytest.raises(StoreError, match=r"cannot be forced to the disk: .*Input/output error"):
        puts()
