"""docs/verifiers.md names every kind with its fields."""

import re
from pathlib import Path

from synth.verify.constraint import kinds

DOC = Path(__file__).resolve().parents[2] / "docs" / "verifiers.md"


def test_every_kind_stands_in_the_document_with_its_fields():
    rows = re.findall(r"^\| `(\w+)` \| .* \| ((?:`\w+`(?: |(?= \|)))*) ?\| \w*", DOC.read_text(encoding="utf-8"), re.M)
    listed = {kind: set(re.findall(r"`(\w+)`", fields)) for kind, fields in rows}
    known = {
        kind: {field.rstrip("_") for field in cls.model_fields if field != "hard"} for kind, cls in kinds().items()
    }
    assert listed == known
