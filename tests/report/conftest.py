"""One made run for all tests of this folder: 1,000 rows with known fates."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_run import Made, make_run


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """A finished run of two stages, written once."""
    return make_run(tmp_path_factory.mktemp("report") / "made", rows=1000)
