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

from synth.pairing.pool import Pool
from synth.pairing.unlike import too_alike
from synth.preference import UNLIKE

if TYPE_CHECKING:
    import polars as pl

Drops = Counter[tuple[str, str]]
"""Candidates that are no pairs, by strategy and reason."""
AT_ONCE = 65_536
"""Texts that are looked through at a time."""


class Forbidden(NamedTuple):
    """Authors whose terms forbid training. named: finds their names (RE2); speaks: whether a text says that one of them wrote it."""

    named: str
    speaks: Callable[[str], bool]


def permitted(
    candidates: "pl.DataFrame", answers: "pl.DataFrame", pool: Pool, most_alike: float, authors: Forbidden
) -> tuple["pl.DataFrame", Drops]:
    """The candidates that break no rule, and how many break each.

    most_alike: Jaccard similarity from which two texts are too alike. authors: of whom no text may say that it is theirs.
    """
    drops: Drops = Counter()
    left = _joined(candidates, answers)
    for reason, rule in (("same_text", _same_text), ("other_split", _other_split)):
        left = _without(left, rule(left), reason, drops)
    left = _without(left, _twin_answer(left, answers), "twin_answer", drops)
    left = _without(left, _too_alike(left, pool, most_alike), "too_alike", drops)
    left = _without(left, _names_author(left, pool, authors), "forbidden_author", drops)
    return left, drops


SIDES = ("text_hi", "text_lo", "split", "origin", "begin", "size", "length", "model", "score")


def _joined(candidates: "pl.DataFrame", answers: "pl.DataFrame") -> "pl.DataFrame":
    """Candidates with what rules, balance and caps ask of either answer; `r_` is the rejected one's."""
    import polars as pl

    from synth.pairing.form import MEASURES

    wanted = list(dict.fromkeys((*SIDES, *MEASURES)))
    chosen, rejected = (answers[candidates[name].to_numpy()] for name in ("chosen", "rejected"))
    return candidates.hstack(
        [
            *chosen.select("prompt_hi", "prompt_lo", "twin", "asked", "function", "template", *wanted).get_columns(),
            *rejected.select(pl.col(wanted).name.prefix("r_"), "kind", "fails", "limit").get_columns(),
        ]
    )


def _without(left: "pl.DataFrame", bad: np.ndarray, reason: str, drops: Drops) -> "pl.DataFrame":
    for strategy in left["strategy"].filter(bad).to_list():
        drops[strategy, reason] += 1
    return left.filter(~bad) if bad.any() else left


def _same_text(left: "pl.DataFrame") -> np.ndarray:
    return ((left["text_hi"] == left["r_text_hi"]) & (left["text_lo"] == left["r_text_lo"])).to_numpy()


def _other_split(left: "pl.DataFrame") -> np.ndarray:
    return (left["split"] != left["r_split"]).to_numpy()


def _twin_answer(left: "pl.DataFrame", answers: "pl.DataFrame") -> np.ndarray:
    """Whether the rejected text answers another prompt of the same twin."""
    import polars as pl

    if not (left["strategy"] == "twins").any():
        return np.zeros(len(left), bool)
    theirs = answers.filter(pl.col("chosen") | pl.col("rejected")).select(
        "twin",
        pl.col("text_hi").alias("r_text_hi"),
        pl.col("text_lo").alias("r_text_lo"),
        pl.col("asked").alias("other"),
    )
    mine = left.with_row_index("at").filter(pl.col("strategy") == "twins")
    met = mine.join(theirs.unique(), on=["twin", "r_text_hi", "r_text_lo"]).filter(pl.col("other") != pl.col("asked"))
    bad = np.zeros(len(left), bool)
    bad[met["at"].to_numpy()] = True
    return bad


def _places(left: "pl.DataFrame", at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    begin = np.stack([left[name].to_numpy()[at] for name in ("begin", "r_begin")], axis=1)
    return begin, np.stack([left[name].to_numpy()[at] for name in ("size", "r_size")], axis=1)


def _too_alike(left: "pl.DataFrame", pool: Pool, most: float) -> np.ndarray:
    bad = np.zeros(len(left), bool)
    at = np.flatnonzero(left["strategy"].is_in(list(UNLIKE)).to_numpy())
    if len(at):
        bad[at] = too_alike(pool, *_places(left, at), most)
    return bad


def _names_author(left: "pl.DataFrame", pool: Pool, authors: Forbidden) -> np.ndarray:
    """Asked once more of what models wrote: the generation may have been made before its authors were known."""
    bad = np.zeros(len(left), bool)
    at = np.flatnonzero(left["r_origin"].to_numpy() == 0)
    for some in np.array_split(at, max(1, -(-len(at) // AT_ONCE))):
        data, offsets = pool.texts(left["r_begin"].to_numpy()[some], left["r_size"].to_numpy()[some])
        texts = pa.Array.from_buffers(pa.large_binary(), len(some), [None, pa.py_buffer(offsets), pa.py_buffer(data)])
        named = pc.match_substring_regex(texts, authors.named, ignore_case=True) if authors.named else None
        for i in np.flatnonzero(named.to_numpy(zero_copy_only=False)).tolist() if named is not None else ():
            bad[some[i]] = authors.speaks(texts[i].as_py().decode("utf-8", "replace"))
    return bad
