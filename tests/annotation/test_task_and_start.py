"""What holds of a review without starting one: the task's version and names, who answers, what is missing to start."""

import http.server
import os
import queue
import socket
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from annotation.client import Client
from annotation.errors import ReviewError
from annotation.questions import Question
from annotation.server import processes, redis
from annotation.server.environment import ARGILLA
from annotation.server.home import credentials, open_home
from annotation.server.state import events, state
from annotation.server.up import listening
from annotation.server.watch import Start, tail, watch
from annotation.wording_review import CHECKS, TASK, external_id, pseudonym
from synth.wording_audit import CHECKS as AUDITED
from synth.wordings import Line


@pytest.mark.parametrize("name", ["judge_score", "agent", "metadata_x", "first_response", "suggestion", "type"])
def test_names_that_argilla_reads_as_properties_are_refused(name: str):
    with pytest.raises(ValueError, match="take such a name for a property"):
        Question(name, "題", "説明")


def test_a_version_is_what_annotators_meet():
    assert replace(TASK).version == TASK.version == TASK.dataset.removeprefix("wordings-")
    assert replace(TASK, overlap=3, metadata={}).version == TASK.version  # nothing that they see
    first, *rest = TASK.questions
    assert replace(TASK, questions=(replace(first, title="使えますか"), *rest)).version != TASK.version
    assert replace(TASK, fields=TASK.fields[:2]).version != TASK.version


def test_guidelines_are_in_both_languages_and_within_the_servers_limit():
    japanese, _, english = TASK.guidelines.partition("\n---\n")
    assert japanese.startswith("# 文面の確認")
    assert english.strip().startswith("# Reviewing wordings")
    assert len(TASK.guidelines) <= 10_000
    for label in TASK.questions[0].labels.values():  # type: ignore[union-attr]
        assert label in japanese
        assert label in english


def test_every_check_of_the_audit_has_its_japanese_name():
    assert set(CHECKS) == set(AUDITED)


def test_a_records_name_changes_with_its_text():
    line = Line("summarise", "ask.1", "要約してください。", "draft", "train")
    assert external_id(line).startswith("summarise/ask.1#")
    assert external_id(replace(line, text="要約して下さい。")) != external_id(line)
    assert external_id(replace(line, split="test")) == external_id(line)


def test_a_pseudonym_is_the_same_for_one_user_and_says_nothing():
    user = "0b0f4a39-8a3c-4f0e-9a59-3f6f3f1d9f9f"
    assert pseudonym(user) == pseudonym(user) != pseudonym(user.replace("0", "1"))
    assert not set(pseudonym(user).removeprefix("r-")) - set("0123456789abcdef")
    assert pseudonym(user).removeprefix("r-") not in user


def test_without_redis_and_without_uv_all_ways_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home = open_home(tmp_path / "home")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("UV", raising=False)
    monkeypatch.setattr("sys.executable", "/bin/false")
    with pytest.raises(
        ReviewError, match=r"none was given with --redis, `redis-server` is not on PATH.*uv is not here"
    ):
        redis.own(home, lambda _: None)


def test_an_address_that_is_none_is_named():
    with pytest.raises(ReviewError, match="an address is http://HOST:PORT"):
        Client("argilla.example.jp", "key")


class Closing(http.server.HTTPServer):
    """Answers one call a connection and closes it without a word, as Argilla's does with one that is idle."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.closed: queue.Queue[int] = queue.Queue()

    def shutdown_request(self, request: socket.socket) -> None:
        super().shutdown_request(request)
        self.closed.put(1)


class Answering(http.server.BaseHTTPRequestHandler):
    """Says which call it was."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = f'{{"version": "{ARGILLA}", "call": "{self.command} {self.path}"}}'.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    do_POST = do_GET

    def log_message(self, *_: object) -> None: ...


def test_a_connection_that_was_closed_while_it_was_idle_is_opened_anew_also_for_what_is_never_sent_twice():
    with Closing() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Client(f"http://127.0.0.1:{server.server_port}", "key") as client:
            for _ in ("/version", "/me"):
                server.closed.get(timeout=60)
            assert client.call("POST", "/datasets", {})["call"] == "POST /api/v1/datasets"
        server.shutdown()


def test_a_process_is_known_by_its_beginning_too():
    mine = processes.of(os.getpid())
    assert mine is not None
    assert processes.runs(mine)
    assert not processes.runs(replace(mine, began="another"))
    assert not processes.end(replace(mine, began="another"))


def test_the_end_of_a_log_is_told_whatever_is_in_it(tmp_path: Path):
    log = tmp_path / "server.log"
    assert tail(log) == ""
    log.write_bytes(b"\xff\n" + b"".join(b"%d\n" % n for n in range(30)))
    assert tail(log, 2) == "28\n29"


def test_a_program_that_cannot_be_started_stops_what_was(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    home = open_home(tmp_path / "home")
    starts = [Start("redis", ["sleep", "60"], os.environ), Start("server", [str(tmp_path / "none")], os.environ)]
    watch(home, starts, {})
    assert f"{tmp_path / 'none'}: cannot be started: No such file or directory" in capfd.readouterr().err
    assert [(event["name"], event["what"]) for event in events(home)] == [("redis", "started"), ("redis", "stopped")]
    assert state(home) is None


def test_of_two_starts_at_once_the_second_has_another_port(tmp_path: Path):
    with listening(open_home(tmp_path / "a"), None) as one, listening(open_home(tmp_path / "b"), None) as other:
        taken = one.getsockname()[1]
        assert taken != other.getsockname()[1]
        with pytest.raises(ReviewError, match=f"port {taken} of 127.0.0.1 is taken"):
            listening(open_home(tmp_path / "c"), taken)
    home = open_home(tmp_path / "a")
    (home / "settings.json").write_text(f'{{"port": {taken}}}')
    with listening(home, None) as again:
        assert again.getsockname()[1] == taken  # the one of last time


def test_a_started_process_has_its_socket_alone(tmp_path: Path):
    """It listens for whoever was given it; when that one has ended nobody listens: a client is refused and does not wait."""
    home, door = open_home(tmp_path / "home"), socket.create_server(("127.0.0.1", 0))
    port, handle = door.getsockname()[1], door.detach()
    answers = f"import socket; socket.socket(fileno={handle}).accept()[0].sendall(b'ok')"
    with socket.create_connection(("127.0.0.1", port)) as client:  # before anybody answers
        watch(home, [Start("server", [sys.executable, "-c", answers], os.environ, inherits=(handle,))], {})
        assert client.recv(2) == b"ok"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=5)


def test_credentials_that_were_changed_by_hand_are_named(tmp_path: Path):
    home = open_home(tmp_path / "home")
    (home / "credentials.json").write_text('{"username": "owner"}')
    with pytest.raises(
        ReviewError, match=r"credentials\.json: holds username, password, api_key, secret, and was changed"
    ):
        credentials(home)
    (home / "credentials.json").write_text("{")
    with pytest.raises(ReviewError, match=r"credentials\.json: cannot be read"):
        credentials(home)
