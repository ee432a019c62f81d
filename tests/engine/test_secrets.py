"""Secrets of the environment are in nothing that a run writes or says: files, logs, manifests, tracebacks, names of processes."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from curation.secrets_left_out import holds_password, without_secrets
from recipes.engine.errors import RecipeError
from recipes.engine.file_systems import check_scheme, reaching
from recipes.engine.generation.engines import choose

sys.path.insert(0, str(Path(__file__).parent))
from test_runs import jsonl, pages

ROOT = Path(__file__).resolve().parents[2]
PLANTED = {
    "AWS_ACCESS_KEY_ID": "planted-01-access-key",
    "AWS_SECRET_ACCESS_KEY": "planted/02+secret=key",
    "AWS_SESSION_TOKEN": "planted-03-session-token",
    "AWS_ENDPOINT_URL": "http://endpoint-user:planted-04-endpoint@127.0.0.1:9",
    "HF_TOKEN": "hf_planted05token",
    "OPENAI_API_KEY": "sk-planted-06-api-key",
    "SEIMAI_ARGILLA_API_KEY": "planted-07-argilla",
    "HTTPS_PROXY": "http://proxy-user:planted-08-proxy@127.0.0.1:9",
    "FSSPEC_S3": '{"key": "planted-09-fsspec-key", "secret": "planted-10-fsspec-secret", "config_kwargs": {"read_timeout": 1}}',
}
RECIPE = """\
import os
from steps_on_trial import Quote, Slow
from recipes.engine.spec import Recipe, SourceSpec, Stage

recipe = Recipe(
    name="test/secrets", version="1", partitions=2, sources={"crawl": SourceSpec(licence="CC0-1.0")},
    stages=[
        Stage(name="pages", read="crawl", steps=[Slow(0.5), Quote(os.environ.get("QUOTE", "").split())]),
        Stage(name="measured", read="pages", steps=["text_stats"]),
    ],
)
"""


def started(folder: Path, *words: str, **env: str) -> "subprocess.Popen[str]":
    """The command with everything planted in its environment."""
    (folder / "made.py").write_text(RECIPE)
    paths = os.pathsep.join([str(ROOT / "tests" / "engine"), str(ROOT)])
    command = [sys.executable, "-m", "recipes.engine.cli", *words]
    environment = {**os.environ, **PLANTED, "PYTHONPATH": paths, **env}
    return subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment,
        cwd=folder,
        start_new_session=True,
    )


def titles(session: int) -> str:
    """Command lines of a session's processes, which everybody on the machine may read."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[3]) == session:
                found.append((path.parent / "cmdline").read_text())
        except OSError:
            continue
    return "\n".join(found)


def clean(folder: Path, *said: str) -> None:
    """No file below the folder and nothing that was said holds a planted secret."""
    for path in (p for p in folder.rglob("*") if p.is_file()):
        raw = path.read_bytes()
        assert b"planted" not in raw, path
    for text in said:
        assert "planted" not in text, text


def test_a_run_that_ends_well_leaves_no_secret(tmp_path):
    files = jsonl(tmp_path / "in", {f"{i}.jsonl.gz": pages(5, 5 * i) for i in range(4)})
    run = started(tmp_path, "run", "made.py", "--in", files, "--out", "out", "--workers", "2")
    seen, end = "", time.monotonic() + 120
    while run.poll() is None and time.monotonic() < end:
        seen += titles(run.pid)
        time.sleep(0.3)
    said, _ = run.communicate(timeout=60)
    assert run.returncode == 0, said
    assert "spawn" in seen, "the workers were seen"
    told = started(tmp_path, "verify", "out").communicate(timeout=60)[0]
    clean(tmp_path, said, seen, told)


def test_an_error_that_quotes_secrets_is_told_without_them(tmp_path):
    files = jsonl(tmp_path / "in", {"a.jsonl.gz": pages(5)})
    run = started(tmp_path, "run", "made.py", "--in", files, "--out", "out", "--workers", "1", QUOTE=" ".join(PLANTED))
    said, _ = run.communicate(timeout=120)
    assert run.returncode == 1
    assert "ValueError: refused: [AWS_ACCESS_KEY_ID] [AWS_SECRET_ACCESS_KEY]" in said
    assert "http://…@127.0.0.1:9" in said
    clean(tmp_path, said)


def test_a_store_that_cannot_be_reached_is_told_without_its_password(tmp_path):
    pytest.importorskip("s3fs")
    run = started(tmp_path, "check", "made.py", "--in", "s3://lake/in/*.jsonl", "--out", "out", AWS_MAX_ATTEMPTS="1")
    said, _ = run.communicate(timeout=120)
    assert run.returncode == 2
    assert "s3://lake/in/*.jsonl cannot be reached" in said
    clean(tmp_path, said)


@pytest.mark.parametrize("url", ["s3://key:planted-11@bucket/a", "https://me:planted-11@example.jp/a.warc.gz"])
def test_a_url_with_a_password_is_refused_wherever_it_would_be_written_down(url):
    with pytest.raises(
        RecipeError, match=r"source 'crawl': .*…@.*a password in a URL would stand in recipe\.yaml"
    ) as raised:
        check_scheme(url, "source 'crawl'")
    assert "planted" not in str(raised.value)
    server = {"url": "http://me:planted-11@127.0.0.1:8000", "model": "m", "declared": {"model": "a/b", "revision": "1"}}
    with pytest.raises(RecipeError, match="key_env") as raised:
        choose({"server": server}, "a.yaml")
    assert "planted" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://b.s3.amazonaws.com/a.warc.gz?X-Amz-Credential=k&X-Amz-Signature=planted13",
        "https://b.blob.core.windows.net/c/a.parquet?sv=2026&sig=planted13",
    ],
)
def test_a_signed_url_is_refused_too(url):
    with pytest.raises(RecipeError, match=r"--in: https://b\..*a signed URL would stand in recipe\.yaml") as raised:
        check_scheme(url, "--in")
    assert "planted" not in str(raised.value)


def test_what_a_remote_file_system_raises_is_told_without_secrets(monkeypatch):
    monkeypatch.setenv("LAB_TOKEN", "planted-12-token")
    with pytest.raises(RecipeError, match=r"\[LAB_TOKEN\]") as raised, reaching(["memory://a"], "source"):
        raise OSError("401: planted-12-token is not known")
    assert "planted" not in str(raised.value)


def test_only_what_is_secret_is_hidden(monkeypatch, tmp_path):
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SSH_KEY_FILE", str(tmp_path))
    monkeypatch.setenv("SHORT_KEY", "abc")
    text = f"{tmp_path}/a.jsonl, abc: s3://bucket/a:b@c is no file; see https://example.jp/?page=2&keyword=x"
    assert without_secrets(text) == text
    assert without_secrets("planted%2F02%2Bsecret%3Dkey") == "[AWS_SECRET_ACCESS_KEY]"
    assert without_secrets(json.dumps(PLANTED)).count("planted") == 0
    assert not holds_password("https://example.jp/a?b=c:d@e")
