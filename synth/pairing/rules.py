"""What never makes a pair, whatever a strategy says. Each candidate that breaks a rule is counted under the first that it breaks.

    same_text        the two texts are byte-equal after NFC
    other_split      one is for training and one kept for evaluation
    twin_answer      the rejected text is an answer to the other twin's question
    too_alike        equal after normalisation or nearly (Jaccard), in strategies whose answers were written apart
    forbidden_author the rejected text says that a model wrote it whose terms forbid training

Ties and abstentions never come this far (an answer is on a side only where its verdict is pass or fail), nor do answers that a
verifier decided which failed its audit (`pool`).
"""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synth.pairing.ahead import thread
from synth.pairing.form import MEASURES
from synth.pairing.pool import Pool
from synth.pairing.unlike import FEW, too_alike
from synth.preference import UNLIKE

if TYPE_CHECKING:
    import polars as pl

Drops = Counter[tuple[str, str]]
"""Candidates that are no pairs, by strategy and reason."""
AT_ONCE = 65_536
"""Candidates that are looked at at a time."""
_DRESSED = (
    r"\xef\xbc[\xa1-\xba]|\xef\xbd[\x81-\x9a]|\xe2\x80[\x8b-\x8f]|\xe2\x81[\xa0-\xaf]|[\xcd-\xd4][\x80-\xbf]"
    r"|\xf0\x9d[\x90-\x9f]"
)
"""Letters under which a name may be hidden (`synth.verify.disguise`), as bytes of UTF-8; RE2, which reads bytes here."""
TEXTS = 8192
"""Texts that are looked through at a time."""
KEPT = (
    "strategy", "chosen", "rejected", "order", "prompt_hi", "function", "template", "fails", "limit",
    *MEASURES, *(f"r_{name}" for name in MEASURES),
)  # fmt: skip
"""Columns of candidates that balance, quotas and caps ask for."""


class Forbidden(NamedTuple):
    """Authors whose terms forbid training. named: finds their names (RE2); speaks: whether a text says that one of them wrote it."""

    named: str
    speaks: Callable[[str], bool]


def permitted(
    candidates: "pl.DataFrame", answers: "pl.DataFrame", pool: Pool, most_alike: float, authors: Forbidden
) -> tuple["pl.DataFrame", Drops]:
    """The candidates that break no rule, with the columns of `KEPT`, and how many break each.

    most_alike: Jaccard similarity from which two texts are too alike. authors: of whom no text may say that it is theirs.
    """
    import polars as pl

    drops: Drops = Counter()
    kept: list[pl.DataFrame] = []
    twins = _answers_of_twins(candidates, answers)
    few = int(candidates["strategy"].cast(pl.String).is_in(UNLIKE).sum()) <= FEW
    for first in range(0, max(1, len(candidates)), AT_ONCE):
        left = widened(candidates.slice(first, AT_ONCE), answers)
        for reason, rule in (("same_text", _same_text), ("other_split", _other_split)):
            left = _without(left, rule(left), reason, drops)
        left = _without(left, _twin_answer(left, twins), "twin_answer", drops)
        named = thread("names").submit(_names_author, left, pool, authors)
        alike = _too_alike(left, pool, most_alike, few)
        named = named.result()[~alike]
        left = _without(left, alike, "too_alike", drops)
        left = _without(left, named, "forbidden_author", drops)
        kept.append(left.select(KEPT))
    return pl.concat(kept), drops


SIDES = ("text_hi", "text_lo", "split", "origin", "begin", "size", "length", "model", "score")


def widened(pairs: "pl.DataFrame", answers: "pl.DataFrame") -> "pl.DataFrame":
    """Pairs or candidates with all that is known of either answer; `r_` is the rejected one's. What is there already stays."""
    import polars as pl

    wanted = list(dict.fromkeys((*SIDES, *MEASURES)))
    chosen, rejected = (answers[pairs[name].to_numpy()] for name in ("chosen", "rejected"))
    more = [
        *chosen.select("prompt_hi", "prompt_lo", "twin", "asked", "function", "template", *wanted).get_columns(),
        *rejected.select(pl.col(wanted).name.prefix("r_"), "kind", "fails", "limit").get_columns(),
    ]
    return pairs.hstack([column for column in more if column.name not in pairs.columns])


def _without(left: "pl.DataFrame", bad: np.ndarray, reason: str, drops: Drops) -> "pl.DataFrame":
    if not bad.any():
        return left
    for strategy, count in left["strategy"].filter(bad).value_counts().iter_rows():
        drops[strategy, reason] += count
    return left.filter(~bad)


def _same_text(left: "pl.DataFrame") -> np.ndarray:
    return ((left["text_hi"] == left["r_text_hi"]) & (left["text_lo"] == left["r_text_lo"])).to_numpy()


def _other_split(left: "pl.DataFrame") -> np.ndarray:
    return (left["split"] != left["r_split"]).to_numpy()


def _answers_of_twins(candidates: "pl.DataFrame", answers: "pl.DataFrame") -> "pl.DataFrame | None":
    """Every answer of every twin, to be met by rejected texts; None where no pair is of twins."""
    import polars as pl

    if not (candidates["strategy"] == "twins").any():
        return None
    text = (pl.col(f"text_{half}").alias(f"r_text_{half}") for half in ("hi", "lo"))
    may = pl.col("chosen") | pl.col("rejected")
    return answers.lazy().filter(may).select("twin", *text, pl.col("asked").alias("other")).unique().collect()


def _twin_answer(left: "pl.DataFrame", twins: "pl.DataFrame | None") -> np.ndarray:
    """Whether the rejected text answers another prompt of the same twin."""
    import polars as pl

    bad = np.zeros(len(left), bool)
    if twins is not None:
        mine = left.with_row_index("at").filter(pl.col("strategy") == "twins")
        met = mine.join(twins, on=["twin", "r_text_hi", "r_text_lo"]).filter(pl.col("other") != pl.col("asked"))
        bad[met["at"].to_numpy()] = True
    return bad


def _places(left: "pl.DataFrame", at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    begin = np.stack([left[name].to_numpy()[at] for name in ("begin", "r_begin")], axis=1)
    return begin, np.stack([left[name].to_numpy()[at] for name in ("size", "r_size")], axis=1)


def _too_alike(left: "pl.DataFrame", pool: Pool, most: float, few: bool) -> np.ndarray:
    import polars as pl

    bad = np.zeros(len(left), bool)
    at = np.flatnonzero(left["strategy"].cast(pl.String).is_in(UNLIKE).to_numpy())
    if len(at):
        bad[at] = too_alike(pool, *_places(left, at), most, few=few)
    return bad


def _names_author(left: "pl.DataFrame", pool: Pool, authors: Forbidden) -> np.ndarray:
    """Asked once more of what models wrote: the generation may have been made before its authors were known."""
    bad = np.zeros(len(left), bool)
    at = np.flatnonzero(left["r_origin"].to_numpy() == 0)
    maybe = f"{authors.named}|{_DRESSED}"
    for some in np.array_split(at, -(-len(at) // TEXTS)) if authors.named and len(at) else ():
        data, offsets = pool.texts(left["r_begin"].to_numpy()[some], left["r_size"].to_numpy()[some])
        texts = pa.Array.from_buffers(pa.large_binary(), len(some), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
        named = pc.match_substring_regex(texts, maybe, ignore_case=True)
        for i in np.flatnonzero(named.to_numpy(zero_copy_only=False)).tolist():
            bad[some[i]] = authors.speaks(texts[i].as_py().decode("utf-8", "replace"))
    return bad
