"""Answers as narrow columns: what strategies, rules and balance ask of an answer, made of a generation's rows once.

A worker makes these columns of a file (`recipes.engine.pairs.read_step`) and one process then decides over all of them (`pool`). An
answer is some 150 bytes and its text, whatever its row holds.
"""

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.provenance import id_words
from synth.pairing.answers import FAILED, SURPLUS, UNDECIDED, Turns, flat, found_by_verifiers, judged_turns
from synth.pairing.form import MEASURES, measures

ORIGINS = ("model", "program", "human", "imported")
NAMES = ("function", "template", "split", "model", "kind")
"""Columns of strings that many answers share."""
SCHEMA = pa.schema(
    [
        ("prompt_hi", pa.uint64()), ("prompt_lo", pa.uint64()), ("text_hi", pa.uint64()), ("text_lo", pa.uint64()),
        ("twin", pa.uint64()), ("asked", pa.uint64()), ("id", pa.uint64()), ("row", pa.int32()), ("turn", pa.int16()),
        *((name, pa.string()) for name in NAMES),
        ("passed", pa.bool_()), ("chosen", pa.bool_()), ("rejected", pa.bool_()), ("open", pa.bool_()), ("origin", pa.int8()),
        ("fails", pa.int16()), ("limit", pa.int8()), ("score", pa.float32()), ("about", pa.int8()),
        *((name, pa.int32()) for name in MEASURES), ("text", pa.large_binary()),
    ]
)  # fmt: skip
"""prompt, text: words of the keys of what is answered (with its tools) and of the text after NFC; twin, asked, id: first words of
the row's twin, prompt_key and id; row: its number in the file. chosen, rejected: whether it may be on that side; open: whether judges
may label it, since no verifier could tell. origin: place in `ORIGINS`. fails, limit, score, about, kind: as `answers.Found`, the
kind by its name. text: UTF-8."""


def narrow(rows: pa.Table, first: int, audited: frozenset[str], drafts: bool) -> tuple[pa.Table, Counter[str]]:
    """The judged answers of rows with the columns of `SCHEMA`, and how many may be on neither side, by reason. Of those of which no
    verifier could tell, the ones that may have a label.

    first: number of the first row. audited: kinds of constraint that may decide. drafts: whether rows of wordings that nobody has
    reviewed may be used.
    """
    import polars as pl

    turns = judged_turns(rows)
    kinds: dict[str, int] = {}
    found = found_by_verifiers(rows, turns, audited, kinds)
    at = pa.array(turns.row)
    good, unused = _usable(rows, turns, found.unaudited, drafts)
    unused["abstain"] += int(turns.open.sum())
    counted = measures(pl.Series(turns.texts, dtype=pl.String))
    parts = [pc.fill_null(rows.column(c), "") for c in ("model", "revision", "weights")]
    names = np.array([*kinds, None], object)
    columns = {
        "prompt_hi": turns.prompt_key[:, 0], "prompt_lo": turns.prompt_key[:, 1],
        "text_hi": turns.text_key[:, 0], "text_lo": turns.text_key[:, 1],
        "twin": _first_words(rows, "twin", at), "asked": _first_words(rows, "prompt_key", at), "id": _first_words(rows, "id", at),
        "row": first + turns.row, "turn": turns.turn,
        **{name: rows.column(name).take(at) for name in ("function", "template", "split")},
        "model": pc.binary_join_element_wise(*parts, "@").take(at), "kind": names[found.kind],
        "passed": turns.passed, "chosen": good & turns.passed, "rejected": good & ~turns.passed & ~turns.open,
        "open": good & turns.open,
        "origin": pc.index_in(rows.column("answer_origin"), value_set=pa.array(ORIGINS)).take(at),
        "fails": found.fails, "limit": found.limit, "score": found.score, "about": found.about,
        **{name: counted[:, i] for i, name in enumerate(MEASURES)}, "text": turns.utf8,
    }  # fmt: skip
    made = pa.table([_typed(columns[f.name], f.type) for f in SCHEMA], schema=SCHEMA)
    return made.filter(pa.array(good | ~turns.open)) if turns.open.any() else made, unused


def _usable(rows: pa.Table, turns: Turns, unaudited: np.ndarray, drafts: bool) -> tuple[np.ndarray, Counter[str]]:
    """Which answers may be used, and how many that verifiers decided may not, under the first reason of each."""
    reason = rows.column("reason") if "reason" in rows.column_names else pa.nulls(len(rows), pa.string())
    released = pc.is_null(reason).to_numpy(zero_copy_only=False)
    surplus = pc.is_in(reason, value_set=pa.array(SURPLUS)).to_numpy(zero_copy_only=False)
    failed = pc.is_in(reason, value_set=pa.array(FAILED)).to_numpy(zero_copy_only=False)
    undecided = pc.equal(reason, UNDECIDED).fill_null(False).to_numpy(zero_copy_only=False)
    denied = pc.equal(rows.column("licence_status"), "deny").fill_null(True).to_numpy(zero_copy_only=False)
    draft = pc.equal(rows.column("wording_state"), "draft").fill_null(False).to_numpy(zero_copy_only=False)
    row = turns.row
    parent, said = flat(rows.column("turns"))
    last = np.zeros(len(rows), np.int64)
    np.maximum.at(last, parent, said.field("index").to_numpy().astype(np.int64))
    # judges see the last turn alone
    allowed = np.where(turns.open, undecided[row] & (turns.turn == last[row]), (released | surplus | failed)[row])
    why = {
        "no_question": ~turns.asked, "licence_denied": denied[row], "unaudited_verifier": unaudited,
        "draft_wording": draft[row] & (not drafts), "refused": ~allowed,
        "turn_of_a_failed_dialogue": failed[row] & turns.passed,
    }  # fmt: skip
    good, unused = np.ones(len(row), bool), Counter[str]()
    for name, bad in why.items():
        unused[name] += int((bad & good & ~turns.open).sum())
        good &= ~bad
    return good, unused


def _first_words(rows: pa.Table, name: str, at: pa.Array) -> np.ndarray:
    """First 64 bits of each answer's key; 0 where there is none."""
    if name not in rows.column_names or not len(at):
        return np.zeros(len(at), np.uint64)
    return id_words(pc.fill_null(rows.column(name).take(at).combine_chunks(), b"\0" * 16))[:, 0]


def _typed(column: Any, kind: pa.DataType) -> pa.ChunkedArray | pa.Array:
    made = column if isinstance(column, pa.ChunkedArray | pa.Array) else pa.array(column)
    return made if made.type == kind else made.cast(kind)
