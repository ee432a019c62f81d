"""What the verifiers' tests share: the goldens, read once."""

import pytest

from synth.verify.audit import Golden, goldens


@pytest.fixture(scope="session")
def all_goldens() -> list[Golden]:
    """Every golden of the package."""
    return goldens()
