"""Lines of poems with their true よみ (tests/verifiers/poems), and false ones made from them.

False readings are what a model does to force 5-7-5: one mora added, dropped or swapped with its neighbour; a word read as another;
the reading of another line with the same count.
"""

import json
import random
from pathlib import Path

from synth.verify.mora import morae, sounded
from synth.verify.readings import Fit, fit

LINES = Path(__file__).resolve().parent.parent / "tests" / "verifiers" / "poems" / "lines.jsonl"
_KANA = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわん"


def lines(which: str) -> list[tuple[str, str]]:
    """Line and true reading of the `modern` or the `classical` set."""
    rows = map(json.loads, LINES.read_text(encoding="utf-8").splitlines())
    return [(row["line"], row["yomi"]) for row in rows if row["set"] == which]


def false_readings(pairs: list[tuple[str, str]], seed: int = 575) -> list[tuple[str, str, str]]:
    """Line, false reading and how it was made: up to five a line, none of which sounds as the true one."""
    rng = random.Random(seed)
    made = []
    for line, true in pairs:
        at = rng.randrange(1, len(true))
        swap = next((i for i in rng.sample(range(len(true) - 1), len(true) - 1) if true[i] != true[i + 1]), 0)
        others = [y for _, y in pairs if y != true]
        other = rng.choice([y for y in others if morae(y) == morae(true)] or others)
        word = rng.choice([y for _, y in pairs if y[:3] != true[:3]])[:3]
        for how, false in (
            ("added", true[:at] + rng.choice(_KANA) + true[at:]),
            ("dropped", true[:at] + true[at + 1 :]),
            ("swapped", true[:swap] + true[swap + 1] + true[swap] + true[swap + 2 :]),
            ("another word", word + true[3:]),
            ("another line", other),
        ):
            if sounded(false) != sounded(true):
                made.append((line, false, how))
    return made


def measured(which: str) -> dict[str, float]:
    """`false_fail`, `coverage` over true readings and `false_pass` over false ones, with both counts."""
    true = lines(which)
    false = false_readings(true)
    fits = [fit(line, yomi) for line, yomi in true]
    return {
        "true": len(true),
        "false": len(false),
        "false_fail": sum(f is Fit.IMPOSSIBLE for f in fits) / len(true),
        "coverage": sum(f is Fit.ALLOWED for f in fits) / len(true),
        "false_pass": sum(fit(line, yomi) is Fit.ALLOWED for line, yomi, _ in false) / len(false),
    }
