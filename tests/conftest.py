"""What every test may ask for: the development corpus beside the project, where there is one."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DEV = ROOT.parent / "shared" / "data"


@pytest.fixture(scope="session")
def dev() -> Path:
    """The folder of real Japanese pages with ground truth (see docs/dev-corpus.md); tests that need it skip without it."""
    if not (DEV / "truth.tsv").exists():
        pytest.skip("the development corpus is not beside this checkout")
    return DEV
