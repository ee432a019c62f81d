"""The report as a browser sees it: figures are drawn, hostile text is inert, nothing is asked of any server."""

import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from recipes.engine.report import write_report
from recipes.engine.report.public import write_public

CHROMIUM = next(
    (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
)
FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-background-networking --disable-component-update --disable-sync "
    "--no-first-run"
).split()
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"
BROWSERS_OWN = (".google.com", ".googleapis.com", ".gvt1.com")
"""Services that the browser asks for itself, whatever page is open; no name is resolved here, so nothing leaves."""

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome is installed")


def opened(url: str, tmp_path: Path, *more: str) -> tuple[str, str]:
    """The page's DOM after scripts have run, and what the browser logged (console messages and requests)."""
    profile = tmp_path / "profile"
    command = [str(CHROMIUM), *FLAGS, OFFLINE, f"--user-data-dir={profile}"]
    command += ["--enable-logging=stderr", f"--log-net-log={tmp_path / 'net.json'}", *more, "--dump-dom", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout, done.stderr


@pytest.fixture(scope="module")
def page(made, tmp_path_factory):
    folder = tmp_path_factory.mktemp("browser")
    url = Path(write_report(made.folder, samples=True)).as_uri()
    dom, log = opened(url, folder)
    write_report(made.folder)
    return dom, log, (folder / "net.json").read_text(encoding="utf-8", errors="replace")


def test_the_figures_are_there(page):
    dom, _, _ = page
    assert dom.count("<svg") >= 2 + 22
    assert len(re.findall(r'<path d="M[^"]+" class="lost ribbon', dom)) > 10, "ribbons of the funnel"
    assert '<html lang="ja">' in dom


def test_hostile_text_is_inert(page):
    dom, log, _ = page
    assert "owned" in dom, "the hostile text itself is shown"
    assert "<title>corpus/made 1" in dom, "its script did not change the title"
    assert "<img" not in dom
    assert "owned" not in log


def test_there_is_no_console_message(page):
    _, log, _ = page
    assert "CONSOLE" not in log, [line for line in log.splitlines() if "CONSOLE" in line]


def asked_for(net_log: str) -> set[str]:
    """Hosts that the page made the browser ask for."""
    hosts = {urlsplit(url).hostname or "" for url in re.findall(r'"url":"(https?://[^"]+)"', net_log)}
    return {host for host in hosts if not f".{host}".endswith(BROWSERS_OWN)}


def test_nothing_is_asked_of_any_server(page):
    assert asked_for(page[2]) == set()


def test_the_public_report_asks_nobody_either_and_opens_in_english(made, tmp_path):
    dom, log = opened(f"{Path(write_public(made.folder)[0]).as_uri()}#en", tmp_path)
    assert '<html lang="en">' in dom
    assert "CONSOLE" not in log
    assert asked_for((tmp_path / "net.json").read_text(encoding="utf-8", errors="replace")) == set()


def test_a_page_that_asks_or_complains_would_be_noticed(tmp_path):
    hostile = '<img src="http://page.example.com/x.png"><script>console.error("com" + "plaint")</script>'
    (tmp_path / "page.html").write_text(hostile, encoding="utf-8")
    _, log = opened((tmp_path / "page.html").as_uri(), tmp_path)
    assert asked_for((tmp_path / "net.json").read_text(encoding="utf-8", errors="replace")) == {"page.example.com"}
    assert "CONSOLE" in log
    assert "complaint" in log
