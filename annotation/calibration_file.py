"""Curves in a file: written by `seimai review calibrate`, read by plans that route rows and by recipes that make pairs.

    {"kind": "calibration", "format": 1, "source": "mine/preference", "curve": "isotonic",
     "functions": [{"function": "reading", "points": [[0.2, 0.61], [1.0, 0.94]], "agreement": {…}, "months": {…}, "drift": 0.4}],
     "held": {"reading": {"expected": 0.82, "share": 0.8, "low": 0.71, "high": 0.87, "of": 60}}}

points: margins ascending, and at each the chance that people agree; between two it is linear, beyond them constant. held: the mean
of the curve over decisions that it was not fitted to, and how many of those people agreed in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from annotation.calibrate import Calibration, CalibrationError, Curve, calibrate, share
from annotation.judge_decisions import JudgeDecisions
from annotation.server.home import written

KIND, FORMAT = "calibration", 1


@dataclass(frozen=True)
class Curves:
    """Margins and chances by function. file: as it was read."""

    points: Mapping[str, tuple[np.ndarray, np.ndarray]]
    file: bytes

    def chances(self, functions: Sequence[str | None], margins: Sequence[float | None]) -> np.ndarray:
        """Chance that people agree with the jury, for each function and margin ≥ 0, in [0, 1]; NaN without margin or curve."""
        margin = np.array([np.nan if m is None else m for m in margins], np.float64)
        names, found = np.array(functions, object), np.full(len(margin), np.nan)
        for name, (at, chance) in self.points.items():
            mine = names == name
            found[mine] = np.interp(margin[mine], at, chance)
        return found


def fitted(found: JudgeDecisions, curve: Curve, least: int) -> dict[str, Any]:
    """What the file holds: curves of functions with at least `least` decisions. Raises CalibrationError."""
    made = calibrate(found.fit, curve, least)
    held = {name: _held(one, found) for name, one in made.items()}
    return {
        "kind": KIND, "format": FORMAT, "source": found.source, "curve": curve, "least": least,
        "fit": len(found.fit), "undecided": found.undecided, "both_uses": found.both_uses,
        "functions": [one.as_dict() for one in made.values()], "held": {n: h for n, h in held.items() if h is not None},
    }  # fmt: skip


def _held(one: Calibration, found: JudgeDecisions) -> dict[str, Any] | None:
    """What the curve expects of decisions that it has not seen, beside what they are; None where there are none."""
    mine = [d for d in found.held if d.function == one.function]
    if not mine:
        return None
    expected = float(one.chance([d.margin for d in mine]).mean())
    return {"expected": expected} | share(sum(d.agrees for d in mine), len(mine))._asdict()


def write_curves(path: Path, made: Mapping[str, Any]) -> None:
    """Writes the file, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written(path, orjson.dumps(made, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS))


def read_curves(path: Path) -> Curves:
    """Curves from their file. Raises CalibrationError with the file, the place, what was found and what would be right."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CalibrationError(
            f"{path}: cannot be read ({error.strerror}); `seimai review calibrate` writes one"
        ) from error
    return curves_of(raw, str(path))


def curves_of(raw: bytes, where: str) -> Curves:
    """Curves from the bytes of their file, which lies at `where`. Raises CalibrationError."""
    try:
        said = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise CalibrationError(f"{where}: is no JSON ({error})") from error
    if not isinstance(said, dict) or said.get("kind") != KIND or said.get("format") != FORMAT:
        raise CalibrationError(
            f'{where}: is no file of `seimai review calibrate` ("kind": "{KIND}", "format": {FORMAT})'
        )
    functions, points = said.get("functions"), dict[str, tuple[np.ndarray, np.ndarray]]()
    for number, one in enumerate(functions if isinstance(functions, list) else ()):
        place = f"{where}, functions[{number}]"
        if not isinstance(one, dict) or not isinstance(one.get("function"), str):
            raise CalibrationError(f"{place}: names no function")
        if one["function"] in points:
            raise CalibrationError(f"{place}: '{one['function']}' has a curve already")
        points[one["function"]] = _points(one.get("points"), f"{place} ('{one['function']}'), points")
    if not points:
        raise CalibrationError(f"{where}, functions: there is no curve")
    return Curves(points, raw)


def _points(said: Any, place: str) -> tuple[np.ndarray, np.ndarray]:
    right = "[margin, chance] with rising margins ≥ 0 and chances in [0, 1] that never fall"
    try:
        table = np.array(said, np.float64)
    except (TypeError, ValueError) as error:
        raise CalibrationError(f"{place}: are {right}; found {said!r:.80}") from error
    if table.ndim != 2 or table.shape[1] != 2 or not len(table) or not np.isfinite(table).all():
        raise CalibrationError(f"{place}: are {right}; found {said!r:.80}")
    margin, chance = table[:, 0], table[:, 1]
    falls = (np.diff(chance) < 0).any() or (np.diff(margin) <= 0).any()
    if falls or margin[0] < 0 or chance.min() < 0 or chance.max() > 1:
        raise CalibrationError(f"{place}: are {right}; found {said!r:.80}")
    return margin, chance
