"""Every task stands in the document."""

import re
from pathlib import Path

from synth.tasks.task import TASKS

DOC = Path(__file__).resolve().parents[2] / "docs" / "generation.md"


def test_every_task_stands_in_the_document():
    text = DOC.read_text(encoding="utf-8")
    table = text[text.index("## Tasks") : text.index("## Engines")]
    assert sorted(re.findall(r"^\| `(\w+)` \|", table, re.M)) == sorted(TASKS)
