"""Texts for the normalising steps: real pages as they come, and random ones made of what is difficult."""

import random
import unicodedata
from collections.abc import Callable

import pyarrow as pa
import pytest

from curation.step import Measure


@pytest.fixture(scope="session")
def pages(plain_pages: Callable[[int], list[str]], scale_rows: Callable[[int], list[str]]) -> list[str]:
    """Every 8th labelled page of the development corpus, and 250 rows of each file of `scale/`."""
    return plain_pages(8) + scale_rows(250)


@pytest.fixture(scope="session")
def random_texts() -> Callable[[str, int], list[str]]:
    """Makes seeded random texts of up to 30 characters: mostly of the given ones, some of all that Unicode decomposes."""
    points = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
    folding = [chr(c) for c in points if unicodedata.decomposition(chr(c))]
    marks = [chr(c) for c in points if unicodedata.combining(chr(c))]

    def make(characters: str, number: int) -> list[str]:
        rng = random.Random(number)

        def one() -> str:
            luck = rng.random()
            if luck < 0.8:
                return rng.choice(characters)
            return rng.choice(folding) if luck < 0.95 else rng.choice(marks) if luck < 0.97 else chr(rng.choice(points))

        return ["".join(one() for _ in range(rng.randint(0, 30))) for _ in range(number)]

    return make


@pytest.fixture(scope="session")
def rewritten() -> Callable[[Measure, list[str | None]], list[str | None]]:
    """Runs a step over texts as the middle of a longer batch, so that no column begins at offset 0."""

    def run(step: Measure, texts: list[str | None]) -> list[str | None]:
        step.setup()
        whole = pa.record_batch({"text": pa.array(["前", *texts, "後"], pa.large_string())})
        return step.columns(whole.slice(1, len(texts)))["text"].to_pylist()

    return run
