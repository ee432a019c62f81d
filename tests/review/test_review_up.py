"""`seimai review up`, `status`, `logs`, `down` with the real server: started, killed, refused, started again with its data."""

import http.server
import json
import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from annotation.client import Client
from annotation.errors import ReviewError
from annotation.server import processes
from annotation.server.redis import free_port
from tests.review.conftest import ROOT, Running, free

NewHome = Callable[[], Running]


def dataset(client: Client, name: str, overlap: int = 1) -> str:
    """A published dataset with one field and one question."""
    space = client.workspace("review")
    about = {"name": name, "workspace_id": space, "distribution": {"strategy": "overlap", "min_submitted": overlap}}
    made = client.call("POST", "/datasets", about)["id"]
    shown = {"type": "text", "use_markdown": False}
    client.call(
        "POST", f"/datasets/{made}/fields", {"name": "text", "title": "文", "required": True, "settings": shown}
    )
    asked = {"name": "comment", "title": "感想", "required": True, "settings": shown}
    client.call("POST", f"/datasets/{made}/questions", asked)
    client.call("PUT", f"/datasets/{made}/publish")
    return made


def rows(count: int) -> list[dict]:
    """Records to push."""
    return [{"external_id": f"row{n}", "fields": {"text": f"第{n}行の米"}} for n in range(count)]


def found(client: Client, dataset: str, text: str = "米", limit: int = 1) -> int:
    """How many records the search engine finds."""
    body = {"query": {"text": {"q": text}}}
    return client.call("POST", f"/datasets/{dataset}/records/search?limit={limit}", body)["total"]


def kept(client: Client, dataset: str) -> int:
    """How many records the database has."""
    return client.call("GET", f"/datasets/{dataset}/records?limit=1")["total"]


def until(so: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits until it is so."""
    end = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < end
        time.sleep(0.05)


def client(running: Running) -> Client:
    """The owner's."""
    return Client(running.url, running.key)


def mode(path: Path) -> str:
    """Who may do what with a file."""
    return stat.filemode(path.stat().st_mode)


def test_credentials_are_shown_once_and_kept_for_their_owner_alone(running: Running):
    owner = running.kept("credentials.json")
    assert owner["password"] in running.said
    assert owner["api_key"] in running.said
    assert owner["secret"] not in running.said
    for name in ("credentials.json", "run.json"):
        assert mode(running.home / name) == "-rw-------"
    assert mode(running.home) == "drwx------"
    for log in (running.home / "logs").iterdir():
        assert not {owner["password"], owner["api_key"], owner["secret"]} & set(log.read_text().split())


def test_nothing_listens_beyond_this_machine(running: Running):
    inodes = set()
    for name in ("redis", "server", "worker"):
        for handle in Path(f"/proc/{running.pid(name)}/fd").iterdir():
            with suppress(FileNotFoundError):  # closed since it was listed
                inodes.add(os.readlink(handle).removeprefix("socket:[").removesuffix("]"))
    listening = []
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == "0A" and columns[9] in inodes:
                listening.append(columns[1].partition(":")[0])
    assert listening == ["0100007F"] * 2  # 127.0.0.1, the server and Redis


def test_passwords_are_on_no_command_line(running: Running):
    secrets = set(running.kept("credentials.json").values()) - {"owner"}
    for name in ("redis", "server", "worker", "watch"):
        line = Path(f"/proc/{running.pid(name)}/cmdline").read_text()
        assert not [secret for secret in secrets if secret in line]


def test_a_second_start_is_refused_and_harms_nothing(running: Running):
    before = running.kept("run.json")
    said = running.seimai("up", code=1)
    assert f"a review runs here already at {running.url}" in said
    assert running.kept("run.json") == before
    assert "runs" in running.seimai("status")


def test_status_and_logs(running: Running):
    said = running.seimai("status")
    assert "Argilla 2.8.0 answers; search engine embedded" in said
    assert "server: " in running.seimai("logs", "server", "-n", "5")
    assert "there is no log of 'nginx'" in running.seimai("logs", "nginx", code=1)


@pytest.mark.parametrize("name", ["worker", "redis", "server"])
def test_a_crash_is_said_and_data_survives_it(running: Running, name: str):
    with client(running) as argilla:
        made = dataset(argilla, f"crash-{name}")
        argilla.push(made, rows(5))
    address = running.url
    os.kill(running.pid(name), signal.SIGKILL)
    until(lambda: f"{name} ended by signal 9 (SIGKILL)" in running.seimai("status", code=1))
    if name == "server":
        said = running.seimai("wordings", "--pull", str(ROOT / "synth" / "prompts" / "coding.yaml"), code=1)
        assert "server ended by signal 9 (SIGKILL)" in said
    assert f"{name} ended by signal 9 (SIGKILL)" in running.seimai("up")
    assert running.url == address
    with client(running) as argilla:
        assert (kept(argilla, made), found(argilla, made)) == (5, 5)


def test_a_watcher_that_is_killed_is_said_and_replaced(running: Running):
    before = running.pid("server")
    watcher = running.pid("watch")
    os.kill(watcher, signal.SIGKILL)
    until(lambda: processes.of(watcher) is None)
    assert "nothing notices a crash" in running.seimai("status", code=1)
    assert "a review runs here already" in running.seimai("up", code=1)
    running.seimai("down")
    assert processes.of(before) is None
    running.seimai("up")


def test_a_server_that_is_killed_while_rows_are_pushed_has_each_once(running: Running):
    with client(running) as argilla:
        made = dataset(argilla, "killed-push")
    wanted = rows(1500)
    failed: list[ReviewError] = []

    def push() -> None:
        try:
            with client(running) as argilla:
                for start in range(0, len(wanted), 50):
                    argilla.push(made, wanted[start : start + 50])
        except ReviewError as error:
            failed.append(error)

    pusher = threading.Thread(target=push)
    pusher.start()
    with client(running) as argilla:
        until(lambda: kept(argilla, made) >= 200)
    os.kill(running.pid("server"), signal.SIGKILL)
    pusher.join(120)
    assert failed
    running.seimai("up")
    with client(running) as argilla:
        some = kept(argilla, made)
        assert 0 < some < 1500, "killed in between"
        assert found(argilla, made) == some  # what the index missed is in it again
        argilla.push(made, wanted)
        assert (kept(argilla, made), found(argilla, made)) == (1500, 1500)
        names = [record["external_id"] for record in argilla.records(made)]
        assert sorted(names) == sorted(row["external_id"] for row in wanted)


def test_the_worker_completes_records_when_fewer_answers_are_asked(running: Running):
    running.annotator("yui")
    with client(running) as argilla:
        made = dataset(argilla, "redistribution", overlap=2)
        argilla.push(made, rows(2))
        record = next(argilla.records(made))["id"]
        users = argilla.call("GET", "/users")["items"]
        key = next(user["api_key"] for user in users if user["username"] == "yui")
        with Client(running.url, key) as yui:
            answer = {"values": {"comment": {"value": "よい"}}, "status": "submitted"}
            yui.call("POST", f"/records/{record}/responses", answer)
        distribution = {"distribution": {"strategy": "overlap", "min_submitted": 1}}
        argilla.call("PATCH", f"/datasets/{made}", distribution)
        until(lambda: argilla.call("GET", f"/datasets/{made}/progress")["completed"] == 1)  # the engine's own count


def test_down_and_up_keep_everything_and_a_lost_index_is_made_anew(running: Running):
    with client(running) as argilla:
        made = dataset(argilla, "restart")
        argilla.push(made, rows(7))
    owner = running.kept("credentials.json")
    assert "stopped redis, server, worker" in running.seimai("down")
    assert "stopped; `seimai review up` starts it" in running.seimai("status", code=1)
    assert "nothing of it was running" in running.seimai("down")
    for file in running.home.glob("search.db*"):
        file.unlink()
    said = running.seimai("up")
    assert "datasets anew" in said
    assert owner["password"] not in said
    assert running.kept("credentials.json") == owner
    with client(running) as argilla:
        assert found(argilla, made) == 7


def test_a_wrong_key_and_another_argilla_are_named(running: Running):
    with pytest.raises(ReviewError, match="the API key is wrong"), Client(running.url, "no-such-key"):
        pass
    files = str(ROOT / "synth" / "prompts" / "coding.yaml")
    said = running.seimai("wordings", files, "--url", running.url, code=1, SEIMAI_ARGILLA_API_KEY="wrong")
    assert "the API key is wrong (from SEIMAI_ARGILLA_API_KEY)" in said
    said = running.seimai("wordings", files, "--url", running.url, code=1, SEIMAI_ARGILLA_API_KEY="")
    assert "SEIMAI_ARGILLA_API_KEY must hold" in said

    running.annotator("nozomi")
    with client(running) as argilla:
        theirs = next(u["api_key"] for u in argilla.call("GET", "/users")["items"] if u["username"] == "nozomi")
    said = running.seimai("pull", "--url", running.url, code=1, SEIMAI_ARGILLA_API_KEY=theirs)
    assert "the API key is that of 'nozomi', an annotator of this Argilla" in said

    class Old(http.server.BaseHTTPRequestHandler):
        """An Argilla of another year."""

        def do_GET(self) -> None:
            body = json.dumps({"version": "1.29.1"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Old)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    said = running.seimai("wordings", files, "--url", url, code=1, SEIMAI_ARGILLA_API_KEY="any")
    assert "Argilla 1.29.1 answers; this needs 2.8.0" in said
    server.shutdown()
    server.server_close()
    said = running.seimai("wordings", files, "--url", url, code=1, SEIMAI_ARGILLA_API_KEY="any")
    assert "no Argilla answers" in said


def test_a_lost_password_is_made_anew_and_who_has_it_stays_who_they_are(running: Running):
    old = running.annotator("kaede")
    assert "was there already; `seimai review password NAME` gives a new password" in running.seimai(
        "annotator", "kaede"
    )
    assert "an annotator has a name to sign in with" in running.seimai("annotator", " ", code=1)
    before = running.seimai("people")
    found = re.search(r"password\s+(\S+)", running.seimai("password", "kaede"))
    assert found
    assert running.seimai("people") == before

    def signed_in(password: str) -> int:
        said = urllib.parse.urlencode({"username": "kaede", "password": password}).encode()
        try:
            return urllib.request.urlopen(f"{running.url}/api/v1/token", said, timeout=60).status
        except urllib.error.HTTPError as error:
            return error.code

    assert (signed_in(found[1]), signed_in(old)) == (201, 401)
    assert "there is nobody called 'kaede2'" in running.seimai("password", "kaede2", code=1)
    assert "'owner' is an owner of this Argilla" in running.seimai("password", "owner", code=1)


def test_two_reviews_that_start_at_once_have_each_a_port_of_its_own(new_home: NewHome):
    homes = [new_home(), new_home()]
    starts = [
        subprocess.Popen(
            [sys.executable, "-m", "recipes.engine.cli", "review", "up", "--home", str(one.home)], cwd=ROOT, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True,
        )
        for one in homes
    ]  # fmt: skip
    said = [start.communicate(timeout=300)[0] for start in starts]
    assert [start.returncode for start in starts] == [0, 0], said
    assert homes[0].url != homes[1].url
    for one in homes:  # the server that answers there is this home's
        with Client(one.url, one.key) as argilla:
            assert argilla.me["username"] == "owner"


def test_a_port_that_is_taken_is_named(new_home: NewHome):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        said = new_home().seimai("up", "--port", str(port), code=1)
    assert f"port {port} of 127.0.0.1 is taken" in said


def test_an_address_without_redis_or_search_engine_is_named_without_its_password(new_home: NewHome):
    said = new_home().seimai("up", code=1, SEIMAI_REDIS="redis://:sesame@127.0.0.1:9/0")
    assert "no Redis answers at redis://…@127.0.0.1:9/0" in said
    assert "sesame" not in said
    said = new_home().seimai("up", "--opensearch", "http://127.0.0.1:9", code=1)
    assert "no opensearch answers at http://127.0.0.1:9" in said


def test_a_redis_of_ones_own_is_used_and_left_running(running: Running, new_home: NewHome, tmp_path: Path):
    program = Path(f"/proc/{running.pid('redis')}/exe").resolve()
    port = free_port()
    other = subprocess.Popen(
        [program, "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", tmp_path],
        stdout=subprocess.DEVNULL,
    )
    try:
        until(lambda: not free(port))
        one = new_home()
        one.seimai("up", "--redis", f"redis://127.0.0.1:{port}/0")
        assert set(one.kept("run.json")["processes"]) == {"server", "worker"}
        one.seimai("down")
        assert other.poll() is None
    finally:
        other.terminate()
        other.wait()


def test_a_home_of_another_argilla_is_refused(new_home: NewHome):
    one = new_home()
    one.home.mkdir()
    (one.home / "made_by.json").write_text('{"argilla": "2.5.0"}')
    assert "Argilla 2.5.0 made this database; this starts 2.8.0" in one.seimai("up", code=1)


def test_a_home_that_cannot_be_written_is_named(new_home: NewHome, tmp_path: Path):
    one = new_home()
    one.home.write_text("a file")
    assert "cannot be written" in one.seimai("up", code=1)
    one = new_home()
    assert "no review lives here" in one.seimai("status", code=1)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare(1)")
def test_a_full_disk_is_named(tmp_path: Path):
    folder = tmp_path / "small"
    folder.mkdir()
    inside = ["unshare", "-rm", "sh", "-c"]
    if subprocess.run(
        [*inside, f"mount -t tmpfs -o size=1m none {folder}"], capture_output=True, check=False
    ).returncode:
        pytest.skip("no mounts in a namespace here")
    up = f"{sys.executable} -m recipes.engine.cli review up --home {folder}/home"
    for fill, expected in (("", "MB are free; a review needs 200 MB"), (f"yes > {folder}/full; ", "the disk is full")):
        script = f"mount -t tmpfs -o size=1m none {folder}; {fill}{up}"
        ended = subprocess.run([*inside, script], cwd=ROOT, capture_output=True, text=True, check=False)
        assert ended.returncode == 1
        assert expected in ended.stderr


def test_down_ends_nothing_that_it_did_not_start(new_home: NewHome):
    one = new_home()
    one.home.mkdir()
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        real = processes.of(stranger.pid)
        assert real is not None
        # the number of a process of ours that has ended, given to another since
        forged = {"pid": stranger.pid, "began": real.began + "0"}
        (one.home / "credentials.json").write_text("{}")
        (one.home / "run.json").write_text(
            json.dumps({"url": "http://127.0.0.1:9", "watcher": forged, "processes": {"server": forged}})
        )
        assert "nothing of it was running" in one.seimai("down")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()
