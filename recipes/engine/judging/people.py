"""People's decisions on comparisons, from a file of JSON lines: what they say holds, whatever the judges say.

    {"comparison": "4f0c9a1b77d0…", "verdict": "win"}

comparison: as in the jury's `decisions/`, in hexadecimal. verdict: win (of a), loss or tie. Other keys are the writer's own.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import cast

import orjson

from recipes.engine.errors import RecipeError
from synth.judge.jury import CLASSES
from synth.judge.verdict import Together


def read_people(path: Path, where: str) -> Mapping[bytes, Together]:
    """Decisions by comparison. Raises RecipeError with the line that says none, or says another thing than an earlier one."""
    found: dict[bytes, Together] = {}
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise RecipeError(f"{where}, people: {path} cannot be read: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{where}, people: {path}, line {number}"
        comparison, verdict = _decision(line, place)
        if found.setdefault(comparison, verdict) != verdict:
            raise RecipeError(
                f"{place}: comparison {comparison.hex()[:12]} is {verdict}, and {found[comparison]} on an earlier line; say which"
            )
    return found


def _decision(line: bytes, place: str) -> tuple[bytes, Together]:
    try:
        said = orjson.loads(line)
        comparison = bytes.fromhex(said["comparison"])
        verdict = said["verdict"]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        wanted = '{"comparison": "32 hexadecimal digits", "verdict": "win"}'
        raise RecipeError(f"{place}: not a decision ({wanted})") from error
    if len(comparison) != 16 or verdict not in CLASSES:
        raise RecipeError(
            f"{place}: a comparison has 32 hexadecimal digits, a verdict is one of {', '.join(CLASSES)}; "
            f"found {said['comparison']!r}, {verdict!r}"
        )
    return comparison, cast(Together, verdict)
