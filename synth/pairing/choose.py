"""Which candidates become pairs: as many of each strategy as ordered, and no template with more than its share of all.

Rows without template (an imported set has none) are under no cap: they share nothing. The share is of the pairs that there are in the
end, so the cap is lowered until it holds for what it left. Couples (`balance`) come and go together.
"""

from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING

from synth.pairing.rules import Drops

if TYPE_CHECKING:
    import polars as pl


def chosen(
    units: "pl.DataFrame", quotas: Mapping[str, int], per_template: float, without: int | None = None
) -> tuple["pl.DataFrame", Drops]:
    """Pairs of the units (with `unit` and `order`), and how many others the quota or the cap left out, by strategy.

    quotas: pairs of each strategy at most. per_template: largest share of all pairs that one template may have, in (0, 1].
    without: code of the template of rows that have none.
    """
    import polars as pl

    narrow = units.select("strategy", "unit", "order", "template").with_row_index("at")
    head = pl.col("order").min().over("strategy", "unit").alias("head")
    heads = narrow.with_columns(head).sort("head", "unit", "order")
    total = sum(min(quota, int((units["strategy"] == name).sum())) for name, quota in quotas.items())
    while True:
        cap = int(per_template * total + 1e-9) if per_template < 1 else total
        alive, taken = _under(heads, quotas, cap, without)
        named = taken["template"] if without is None else taken["template"].filter(taken["template"] != without)
        most = 0 if not len(named) else int(named.value_counts()["count"].max())  # type: ignore[arg-type]
        if per_template >= 1 or most <= per_template * len(taken) + 1e-9:
            break
        total = min(total - 1, len(taken)) if len(taken) < total else total - 1
    drops: Drops = Counter()
    for strategy in quotas:
        before = int((units["strategy"] == strategy).sum())
        under, now = (int((some["strategy"] == strategy).sum()) for some in (alive, taken))
        drops[strategy, "cap_template"] += before - under
        drops[strategy, "quota_met"] += under - now
    return units[taken["at"].to_numpy()], drops


def _under(
    heads: "pl.DataFrame", quotas: Mapping[str, int], cap: int, without: int | None
) -> tuple["pl.DataFrame", "pl.DataFrame"]:
    """What is left under a cap, and of it what the quotas take. A couple that passes the cap makes room for the next one."""
    import polars as pl

    alive = heads
    while True:
        taken = _quota(alive, quotas)
        capped = taken if without is None else taken.filter(pl.col("template") != without)
        over = capped.filter(pl.int_range(pl.len()).over("template") >= cap).select("strategy", "unit").unique()
        if not len(over):
            return alive, taken
        alive = alive.join(over, on=["strategy", "unit"], how="anti", maintain_order="left")


def _quota(alive: "pl.DataFrame", quotas: Mapping[str, int]) -> "pl.DataFrame":
    """The first units of every strategy; a couple that would go one beyond the quota is left."""
    import polars as pl

    parts = []
    for strategy, quota in quotas.items():
        mine = alive.filter(pl.col("strategy") == strategy)
        last = pl.col("n").max().over("unit")
        parts.append(mine.with_columns((pl.int_range(pl.len()) + 1).alias("n")).filter(last <= quota).drop("n"))
    return pl.concat(parts).sort("head", "unit", "order") if parts else alive.clear()
