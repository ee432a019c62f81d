"""An annotator's page in headless Chromium, and where what is done there lies: for tests of a review that runs."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from annotation.client import Client
from annotation.labels import Labels
from tests.review.conftest import Running

CHROMIUM = next((p for n in ("chromium", "chromium-browser", "google-chrome") if (p := shutil.which(n))), None)
PICTURES = "SEIMAI_PICTURES"
"""Names a folder that takes the pictures of docs/review.md."""
PATIENCE = 120_000
"""Milliseconds for what the page is to do: a busy machine may take longer than Playwright's thirty seconds."""
SWITCHES = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]

browsed = pytest.mark.skipif(CHROMIUM is None, reason="no chromium, chromium-browser or google-chrome is installed")


class Desk:
    """An annotator's page."""

    def __init__(self, page: Any, url: str):
        self.page, self.url = page, url

    def open(self, dataset: str, query: str = "page=1&status=pending") -> None:
        """A dataset's queue."""
        self.page.goto(f"{self.url}/dataset/{dataset}/annotation-mode?{query}")
        self.page.locator("form.questions-form").wait_for()

    def choose(self, *choices: str) -> None:
        """Choices of label questions and ratings, `preference_a`."""
        for choice in choices:
            self.page.locator(f"label[for={choice}]").click()

    def submit(self, button: str = "button[type=submit]") -> dict[str, Any]:
        """Presses a button of the form: the answer as the server has it."""
        with self.page.expect_response(lambda r: "/responses" in r.url and r.request.method in ("POST", "PUT")) as sent:
            self.page.locator(f"form.questions-form {button}").click()
        assert sent.value.status in (200, 201)
        return sent.value.json()

    def write(self, question: str, text: str) -> None:
        """Puts a text into a box in place of what it holds."""
        box = self.page.locator(f'[aria-label="Question: {question}"] [contenteditable]')
        box.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def rank(self, card: str, box: int) -> None:
        """Drags a card of a ranking into a box, under those that lie there; again where a busy page has not seen it."""
        boxes = self.page.locator(".draggable__slot-box")
        there = boxes.nth(box).locator(f'[id="{card}"]')
        for _ in range(5):
            size = boxes.nth(box).bounding_box()
            assert size is not None
            below = {"x": size["width"] / 2, "y": size["height"] - 3}
            self.page.locator(f'[id="{card}"]').drag_to(boxes.nth(box), target_position=below)
            self.page.wait_for_timeout(100)
            if there.count():
                return
        raise AssertionError(f"{card} does not lie in box {box + 1}")

    def picture(self, name: str) -> None:
        """A picture of the page for the documentation, where it is asked for."""
        if folder := os.environ.get(PICTURES):
            self.page.wait_for_timeout(500)
            self.page.screenshot(path=f"{folder}/{name}.png")


@contextmanager
def signed_in(running: Running, name: str, password: str) -> Iterator[Desk]:
    """A browser in which somebody is signed in; it reaches the review's server alone."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=CHROMIUM, args=SWITCHES)
        page = browser.new_context(locale="ja-JP", viewport={"width": 1280, "height": 800}).new_page()
        page.set_default_timeout(PATIENCE)
        page.route("**/*", lambda r: r.continue_() if r.request.url.startswith(running.url) else r.abort())
        page.goto(f"{running.url}/sign-in")
        page.locator("input[type=text]").fill(name)
        page.locator("input[type=password]").fill(password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "sign-in" not in url)
        yield Desk(page, running.url)
        browser.close()


def dataset(running: Running, workspace: str, name: str) -> str:
    """A dataset's id."""
    with Client(running.url, running.key) as argilla:
        space = argilla.workspace(workspace)
        return next(d["id"] for d in argilla.datasets(space) if d["name"].startswith(f"{name}-"))


def shards(running: Running) -> Labels:
    """Where the commands put label shards."""
    return Labels(running.home / "labels")
