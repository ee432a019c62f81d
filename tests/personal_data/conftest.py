"""Made-up personal data for the tests, and a step to run over texts."""

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from curation.normalise.pii.places import places as names_of_places
from curation.normalise.pii.step import MaskPersonalData


@pytest.fixture(scope="session")
def values() -> Any:
    """The module that fills contexts (`values.py`)."""
    spec = importlib.util.spec_from_file_location("values", Path(__file__).with_name("values.py"))
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="session")
def places() -> list[tuple[str, str, str]]:
    """Every 97th municipality with one of its towns."""
    import lzma

    from curation.normalise.pii.places import NAMES

    with lzma.open(NAMES, "rt", encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file]
    assert names_of_places()
    return [(row[0], row[1], row[2 + i % (len(row) - 2)]) for i, row in enumerate(rows) if i % 97 == 0 and len(row) > 2]


@pytest.fixture(scope="session")
def masked() -> Callable[..., tuple[list[str | None], dict[str, list[int]]]]:
    """Runs the step over texts as the middle of a longer batch: the texts now, and the counts by type."""

    def run(texts: Sequence[str | None], **parameters: Any) -> tuple[list[str | None], dict[str, list[int]]]:
        step = MaskPersonalData(**parameters)
        step.setup()
        whole = pa.record_batch({"text": pa.array(["前 03-1234-5678", *texts, "後"], pa.large_string())})
        made = dict(step.columns(whole.slice(1, len(texts))))
        text = made.pop("text").to_pylist()
        return text, {name.removeprefix("masked_"): column.to_pylist() for name, column in made.items()}

    return run
