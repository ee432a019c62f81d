"""Deciding by thresholds: the rules of a preset over columns that earlier steps measured.

No threshold stands in code: a named preset or the recipe's own rules state all of them. Each rule is one vectorised comparison over
a batch, in the column's own type, so that a float32 score of 0.886 is not below 0.886. A null breaks a rule (what was not measured is
not kept silently); a value that is not a number rejects the row as `nan_value`.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from curation.filters.preset import Condition, Preset, Rule, Test, check, nearest, preset_file, read_preset, said
from curation.step import Batch, Columns, Decide

_COMPARE = {
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
    "==": pc.equal,
    "!=": pc.not_equal,
}


class Threshold(Decide):
    """Rejects a row at the first rule that it breaks.

    `preset`: name of a packaged preset or path of a YAML file. `rules`: the recipe's own rules (as in a preset), behind those of the
    preset; their reasons are `rules.NAME`. `skip`: rules of the preset that are left out. `set`: other bounds, by rule of the preset.
    `only`: `characters` takes the preset's rules that need no words (to stand before the step `words`), `words` the others.
    """

    def __init__(
        self,
        preset: str | None = None,
        rules: list[dict[str, Any]] | None = None,
        skip: list[str] = [],  # noqa: B006 - read only; a recipe's schema is this signature
        set: dict[str, float] = {},  # noqa: B006
        only: Literal["characters", "words"] | None = None,
    ):
        super().__init__()
        if preset is None and not rules:
            raise ValueError("threshold needs a 'preset' or 'rules': it has no thresholds of its own")
        if preset is None and (skip or set or only):
            raise ValueError("'skip', 'set' and 'only' change a preset: name one under 'preset'")
        self.parts: list[Preset] = []
        self._files: dict[str, bytes] = {}
        if preset is not None:
            path = preset_file(preset)
            self._files[path.name] = path.read_bytes()
            loaded = read_preset(self._files[path.name].decode("utf-8"), path.name)
            changed = loaded.changed(tuple(skip), set)
            self.parts.append(changed.needing(only) if only else changed)
        if rules:
            self.parts.append(own_rules(rules))
        self.reads = tuple(dict.fromkeys(column for part in self.parts for column in part.columns))
        self.reasons = ("nan_value", *(f"{part.name}.{rule.name}" for part in self.parts for rule in part.rules))

    def artefacts(self) -> Mapping[str, bytes]:
        """The preset's file."""
        return self._files

    def columns(self, batch: Batch) -> Columns:
        return verdicts(self.parts, batch)


def own_rules(rules: list[dict[str, Any]]) -> Preset:
    """Rules that a recipe states itself, as a preset named `rules`. Raises ValueError like a preset's file."""
    try:
        preset = Preset.model_validate({"name": "rules", "rules": rules})
    except ValidationError as error:
        raise ValueError(f"rules: {said(error)}") from None
    check(preset, "rules")
    return preset


def rules_broken(preset: Preset, table: pa.Table | pa.RecordBatch) -> pa.Table:
    """For each rule, by name, whether it would reject the row: booleans, as many rows as the table. A null or NaN is true.

    Raises ValueError for a column that the table lacks.
    """
    return pa.table({rule.name: pa.array(~_kept(rule, table)) for rule in preset.rules})


def verdicts(presets: Sequence[Preset], batch: Batch) -> dict[str, pa.Array]:
    """Reason, value, threshold and detail of each row, null for kept ones; the first broken rule in order is the reason.

    Value and threshold are those of the rule's first test; detail is the text that broke it, and all tests where it has several.
    """
    rows = batch.num_rows
    first = np.full(rows, -1, np.int32)
    value, bound = np.full(rows, np.nan), np.full(rows, np.nan)
    detail: list[str | None] = [None] * rows
    reasons = ["nan_value"]
    for preset in presets:
        for rule in preset.rules:
            reasons.append(f"{preset.name}.{rule.name}")
            hit = np.flatnonzero((first < 0) & ~_kept(rule, batch))
            if len(hit) == 0:
                continue
            test = rule.tests[0]
            column = batch.column(test.column).take(pa.array(hit))
            first[hit] = np.where(_not_a_number(rule, batch)[hit], 0, len(reasons) - 1)
            if _is_number(column.type):
                value[hit] = column.cast(pa.float64()).to_numpy(zero_copy_only=False)
                bound[hit] = [_broken_bound(test.keep, v) for v in value[hit]]
            else:
                for i, found in zip(hit, column.to_pylist(), strict=True):
                    detail[i] = found
            if len(rule.tests) > 1:
                others = [batch.column(t.column).take(pa.array(hit)).to_pylist() for t in rule.tests]
                for i, found in zip(hit, zip(*others, strict=True), strict=True):
                    detail[i] = ", ".join(f"{t.column} {f}" for t, f in zip(rule.tests, found, strict=True))
    gone = first >= 0
    return {
        "reason": pa.array(reasons).take(pa.array(np.where(gone, first, 0), mask=~gone)),
        "value": pa.array(value, mask=~gone | np.isnan(value)),
        "threshold": pa.array(bound, mask=~gone | np.isnan(bound)),
        "detail": pa.array(detail, pa.string()),
    }


def _kept(rule: Rule, batch: pa.Table | pa.RecordBatch) -> np.ndarray:
    kept = _holds(rule.tests[0], batch)
    for test in rule.tests[1:]:
        kept |= _holds(test, batch)
    return kept


def _holds(test: Test, batch: pa.Table | pa.RecordBatch) -> np.ndarray:
    """Whether the column's value is one that the test keeps: bool [rows], false for null and NaN."""
    column = _column(batch, test.column)
    kind, (operator, bounds) = column.type, (test.keep.operator, test.keep.bounds)
    if _is_number(kind):
        if not all(isinstance(b, float) for b in bounds):
            raise ValueError(f"column '{test.column}' holds numbers ({kind}); '{test.keep}' compares it with text")
        if pa.types.is_integer(kind) and not all(float(b).is_integer() for b in bounds):
            column, kind = column.cast(pa.float64()), pa.float64()
    limits = [pa.scalar(_as(kind, b), kind) for b in bounds]
    if operator == "between":
        held = pc.and_(pc.greater_equal(column, limits[0]), pc.less_equal(column, limits[1]))
    elif operator == "in":
        held = pc.is_in(column, value_set=pa.array([limit.as_py() for limit in limits], kind))
    else:
        held = _COMPARE[operator](column, limits[0])
    if operator == "!=" and pa.types.is_floating(kind):
        held = pc.and_(held, pc.invert(pc.is_nan(column)))
    return pc.fill_null(held, False).to_numpy(zero_copy_only=False).astype(bool, copy=True)


def _as(kind: pa.DataType, bound: float | str) -> Any:
    if pa.types.is_integer(kind):
        return int(bound)
    return bool(bound) if pa.types.is_boolean(kind) else bound if _is_number(kind) else str(bound)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)


def _not_a_number(rule: Rule, batch: Batch) -> np.ndarray:
    """Whether any value that the rule looks at is NaN: bool [rows]."""
    found = np.zeros(batch.num_rows, bool)
    for test in rule.tests:
        column = batch.column(test.column)
        if pa.types.is_floating(column.type):
            found |= pc.fill_null(pc.is_nan(column), False).to_numpy(zero_copy_only=False)
    return found


def _broken_bound(keep: Condition, value: float) -> float:
    """The bound that the value broke; NaN where the condition has no single one."""
    if keep.operator == "in":
        return np.nan
    broken = keep.bounds[1] if keep.operator == "between" and value > float(keep.bounds[1]) else keep.bounds[0]
    return float(broken)


def _column(batch: pa.Table | pa.RecordBatch, name: str) -> Any:
    if name not in batch.schema.names:
        raise ValueError(f"the rows have no column '{name}'; {nearest(name, batch.schema.names)}")
    return batch.column(name)
