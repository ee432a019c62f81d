"""Writes the release that all trainers are held against, in seimai's own environment: `python tests/trainers/write_release.py
FOLDER`.

Its rows are `tests/release/made_sets.py`: Japanese, emoji, a system prompt, several turns, calls, unequal tool schemas, 100 kB.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from annotation.release.formats import FORMATS
from tests.release.made_sets import every_case

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    every_case(folder, [name for name, of in FORMATS.items() if of.kind != "text"])
