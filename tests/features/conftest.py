"""Real pages for the features: development pages as plain text, menus, lists and other languages among them."""

from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def pages(plain_pages: Callable[[int], list[str]], scale_rows: Callable[[int], list[str]]) -> list[str]:
    """Every 9th labelled page of the development corpus, and 60 rows of each file of `scale/`."""
    return plain_pages(9) + scale_rows(60)
