"""What each rule of a preset removes from a run: the numbers with which a threshold is defended or dropped.

A rule that removes much alone may remove nothing that others would not; a rule that alone removes little may be the only one to catch
its pages. So each rule is counted three ways, with ids to look at.
"""

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.filters.preset import Preset
from curation.filters.threshold import rules_broken


@dataclass(frozen=True)
class RuleEffect:
    """One rule over the rows that were measured.

    `alone`: rows that break it. `only`: rows that break it and no other rule of the preset. `after`: rows that break it and none of
    the rules above it. `share`: alone / rows, in [0, 1]. `examples`: ids, those that only this rule removes first.
    `missing`: columns that the rows lack; the counts are 0 then and say nothing.
    """

    preset: str
    rule: str
    keep: str
    rows: int
    alone: int = 0
    only: int = 0
    after: int = 0
    share: float = 0.0
    examples: list[bytes] = field(default_factory=list)
    missing: tuple[str, ...] = ()


def what_each_rule_removes(preset: Preset, table: pa.Table, examples: int = 3) -> list[RuleEffect]:
    """The effect of every rule, in the preset's order; rules whose columns the table lacks are named with what is missing.

    The table has `id` and the measured columns; rows that no rule's column was measured for (rejected before) are left out.
    """
    present = [name for name in preset.columns if name in table.schema.names]
    if present:
        measured = np.zeros(table.num_rows, bool)
        for name in present:
            measured |= pc.is_valid(table.column(name)).to_numpy()
        table = table.filter(pa.array(measured))
    rows = table.num_rows if present else 0
    missing = {r.name: tuple(t.column for t in r.tests if t.column not in present) for r in preset.rules}
    usable = preset.model_copy(update={"rules": tuple(r for r in preset.rules if not missing[r.name])})
    flags = rules_broken(usable, table)
    broken = {name: flags.column(name).to_numpy() for name in flags.column_names}
    hits = np.zeros(rows, np.int32)
    for flag in broken.values():
        hits += flag
    effects, kept = [], np.ones(rows, bool)
    for rule in preset.rules:
        said = f"{rule}"
        if missing[rule.name]:
            effects.append(RuleEffect(preset.name, rule.name, said, rows, missing=missing[rule.name]))
            continue
        flag = broken[rule.name]
        only = flag & (hits == 1)
        alone = int(flag.sum())
        shown = np.concatenate([np.flatnonzero(only), np.flatnonzero(flag & ~only)])[:examples]
        effects.append(
            RuleEffect(
                preset=preset.name,
                rule=rule.name,
                keep=said,
                rows=rows,
                alone=alone,
                only=int(only.sum()),
                after=int((flag & kept).sum()),
                share=alone / rows if rows else 0.0,
                examples=table.column("id").take(pa.array(shown)).to_pylist() if "id" in table.schema.names else [],
            )
        )
        kept &= ~flag
    return effects
