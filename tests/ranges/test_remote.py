"""A range over http, whatever the server does: waited for, continued, refused, never taken for something else."""

import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from curation.extract.inputs import InputError
from curation.extract.ranges.http_ranges import Missing
from curation.extract.ranges.pace import Pace
from curation.extract.ranges.remote import RemoteFile
from recipes.engine.workers import _counts

SIZE = 200_000


@pytest.fixture
def content(tmp_path):
    """A file of bytes that differ everywhere, as the server's only one."""
    raw = b"".join(f"{n:07d}\n".encode() for n in range(SIZE // 8))
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.bin").write_bytes(raw)
    return raw


def serving(crawl, tmp_path, fault=None):
    return crawl.server.RangeServer(tmp_path / "root", fault)


def test_a_range_is_the_bytes_that_stand_there_and_the_size_of_the_file(crawl, tmp_path, content, patient):
    with serving(crawl, tmp_path) as server:
        assert patient().get(f"{server.url}/a.bin", 1000, 1010) == (content[1000:1010], SIZE)
        assert server.asked == [("/a.bin", 1000, 1010, 206)]


def test_429_for_ten_minutes_is_waited_out_at_the_pause_that_the_server_names(crawl, tmp_path, content, patient):
    with serving(crawl, tmp_path, lambda path, n: "429 120" if n <= 5 else None) as server:
        one = patient()
        begun = one.clock.now()
        assert one.get(f"{server.url}/a.bin", 0, 10).data == content[:10]
        assert 600 <= one.clock.now() - begun < 700
        assert (one.remote.requests, one.remote.retries) == (6, 5)
        assert one.remote.waited >= 600, "what the run shows while it waits"


def test_503_without_a_pause_is_asked_at_growing_ones(crawl, tmp_path, content, patient):
    with serving(crawl, tmp_path, lambda path, n: "503" if n <= 8 else None) as server:
        one = patient()
        assert one.get(f"{server.url}/a.bin", 0, 10).data == content[:10]
        # 1 + 2 + 4 + 8 + 16 + 32 + 64 + 120 seconds, each at least half of it
        assert one.remote.retries == 8
        assert 123.5 <= one.remote.paused <= 247
        assert 0.5 <= one.clock.slept[0] <= 1
        assert max(one.clock.slept) <= 30, "it is told every half minute that the worker waits, and is not dead"


def test_when_the_patience_is_over_the_run_ends_and_says_where_and_how_often(crawl, tmp_path, content, patient):
    with serving(crawl, tmp_path, lambda path, n: "503 60") as server:
        said = re.escape(f"{server.url}/a.bin, bytes 7-16: 503 Service Unavailable; asked 11 times in 600 s")
        with pytest.raises(InputError, match=said + ".*goes on where it stopped"):
            patient(patience=600).get(f"{server.url}/a.bin", 7, 17)


def test_a_body_that_breaks_off_is_continued_from_there(crawl, tmp_path, content, patient):
    with serving(crawl, tmp_path, lambda path, n: "truncate" if n <= 2 else None) as server:
        one = patient()
        assert one.get(f"{server.url}/a.bin", 0, 100_000).data == content[:100_000]
        assert [(start, stop) for _, start, stop, _ in server.asked] == [
            (0, 100_000),
            (50_000, 100_000),
            (75_000, 100_000),
        ]
        assert one.remote.bytes_read == 100_000, "no byte twice"


def test_an_empty_body_is_asked_for_again(crawl, tmp_path, content, patient):
    with serving(crawl, tmp_path, lambda path, n: "drop" if n == 1 else None) as server:
        assert patient().get(f"{server.url}/a.bin", 50, 60).data == content[50:60]


def test_a_server_without_ranges_is_refused_in_words_and_its_file_is_not_read(crawl, tmp_path, content, patient):
    with serving(crawl, tmp_path, lambda path, n: "whole") as server:
        one = patient()
        with pytest.raises(
            InputError, match=r"answers with the whole file \(200000 bytes\) when asked for bytes 8-15.*`base`.*web_ja"
        ):
            one.get(f"{server.url}/a.bin", 8, 16)
        assert one.remote.bytes_read == 0
        assert one.get(f"{server.url}/a.bin", 0, SIZE).data == content, "all of it was asked for"


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("elsewhere", "answered bytes 0-9 of 200000 when asked for bytes 500-509"),
        ("nonsense", "206 with the Content-Range 'bytes somewhere' when asked for bytes 500-509"),
        ("403", "403 Forbidden"),
    ],
)
def test_an_answer_that_makes_no_sense_is_tried_five_times_and_never_taken(
    crawl, tmp_path, content, patient, fault, said
):
    with serving(crawl, tmp_path, lambda path, n: fault if n <= 2 else None) as server:
        assert patient().get(f"{server.url}/a.bin", 500, 510).data == content[500:510]
    with serving(crawl, tmp_path, lambda path, n: fault) as server:
        with pytest.raises(InputError, match=re.escape(said) + "; asked 5 times"):
            patient().get(f"{server.url}/a.bin", 500, 510)
        assert len(server.asked) == 5


def test_past_the_end_there_is_nothing_and_a_missing_file_is_missing(crawl, tmp_path, content, patient):
    with serving(crawl, tmp_path) as server:
        one = patient()
        assert one.get(f"{server.url}/a.bin", SIZE - 5, SIZE + 5) == (content[-5:], SIZE)
        assert one.get(f"{server.url}/a.bin", SIZE + 5, SIZE + 9) == (b"", SIZE)
        with pytest.raises(Missing):
            one.get(f"{server.url}/b.bin", 0, 1)


def test_a_worker_that_waits_for_a_server_is_seen_to_live():
    step = SimpleNamespace(stats=SimpleNamespace(stats={}), bytes_read=0, waited=40)
    assert _counts([step, step])["waited"] == 80
    assert "waited" not in _counts([SimpleNamespace(stats=SimpleNamespace(stats={}), bytes_read=0)])


def test_nobody_listens(patient):
    with pytest.raises(InputError, match=r"http://127.0.0.1:9/a, bytes 0-0: no answer"):
        patient(patience=30).get("http://127.0.0.1:9/a", 0, 1)


def test_a_file_that_changes_while_it_is_read_stops_the_run(crawl, tmp_path, content, patient):
    with serving(crawl, tmp_path) as server:
        one = patient()
        one.get(f"{server.url}/a.bin", 0, 5)
        (tmp_path / "root" / "a.bin").write_bytes(content + b"more")
        with pytest.raises(InputError, match="was 200000 bytes long and now is 200004: it changes while it is read"):
            one.get(f"{server.url}/a.bin", 0, 5)


def test_a_coded_answer_stays_as_it_was_sent(tmp_path, patient):
    """Servers that label .gz files `Content-Encoding: gzip` must not have them inflated on the way."""

    class Labelled(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(206)
            for name, value in (
                ("Content-Range", "bytes 0-3/9"),
                ("Content-Length", "4"),
                ("Content-Encoding", "gzip"),
            ):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"\x1f\x8b\x08\x00")

        def log_message(self, format, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Labelled)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        assert patient().get(f"http://127.0.0.1:{server.server_port}/a.gz", 0, 4).data == b"\x1f\x8b\x08\x00"
    finally:
        server.shutdown()
        server.server_close()


def test_the_rate_holds_over_all_who_ask(crawl, tmp_path):
    """Two workers at 10 requests a second take 20 turns in 1.9 seconds, and a pause that one is told holds for both."""
    clock = crawl.clock()
    one, two = (Pace("http://a.jp", 10, clock, tmp_path) for _ in range(2))
    begun = clock.now()
    for _ in range(10):
        one.turn()
        two.turn()
    assert clock.now() - begun == pytest.approx(1.9)
    one.hold(60)
    before = clock.now()
    two.turn()
    assert clock.now() - before == pytest.approx(60)
    other = Pace("http://b.jp", 10, clock, tmp_path)
    before = clock.now()
    other.turn()
    assert clock.now() == before


def test_a_file_of_ranges_reads_like_a_file(crawl, tmp_path, content, patient):
    with serving(crawl, tmp_path) as server, RemoteFile(patient().remote, f"{server.url}/a.bin") as file:
        assert file.seek(-3, 2) == SIZE - 3
        assert file.read(10) == content[-3:]
        assert file.read(10) == b""
        file.seek(100)
        assert (file.read(4), file.tell()) == (content[100:104], 104)
