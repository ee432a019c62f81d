"""Gathered answers made into rows of the three sets: pairs, labelled answers, prompts (`synth/preference.py`)."""

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curation.document import KEY
from synth.dialogue import AUTHOR
from synth.pairing.answers import flat, key_of
from synth.pairing.judged import Judged, with_judgements
from synth.preference import ATTRIBUTE, LABELLED, PAIR, PROMPT, attributes, schema

if TYPE_CHECKING:
    import polars as pl

SHARED = (
    "prompt_key", "function", "task", "domain", "lang", "template", "split", "document", "prompt", "tools", "spec",
)  # fmt: skip
JURY = "jury"
"""The strategy whose pairs a jury decided."""
LIMITS = {1: "over", -1: "under"}


def key_array(keys: np.ndarray) -> pa.Array:
    """Keys, uint8 [n, 16], as an Arrow column."""
    return pa.Array.from_buffers(KEY, len(keys), [None, pa.py_buffer(np.ascontiguousarray(keys))])


def pair_ids(pairs: "pl.DataFrame") -> np.ndarray:
    """Id of each pair, uint8 [n, 16]: hash of strategy, prompt, chosen and rejected text. Columns as `rules.widened` gives them."""
    names = ("prompt_hi", "prompt_lo", "text_hi", "text_lo", "r_text_hi", "r_text_lo")
    words = np.stack([pairs[name].to_numpy() for name in names], axis=1).astype(">u8").tobytes()
    strategies = [s.encode() for s in pairs["strategy"].to_list()]
    made = b"".join(key_of(b"pair", s, words[48 * i : 48 * i + 48]) for i, s in enumerate(strategies))
    return np.frombuffer(made, np.uint8).reshape(-1, 16)


def pair_rows(
    pairs: "pl.DataFrame", ids: np.ndarray, chosen: pa.Table, rejected: pa.Table, judged: Judged | None = None
) -> pa.Table:
    """Rows of the set of pairs. pairs: as chosen, one line a row; chosen, rejected: whole answers, likewise.

    judged: what the jury said whose decisions made the pairs of its strategy.
    """
    if not pc.all(pc.equal(chosen.column("prompt"), rejected.column("prompt"))).as_py():
        raise AssertionError("the two answers of a pair answer different prompts")
    broken = _broken(rejected.column("verifications"))
    one = pc.if_else(
        pc.equal(pc.list_value_length(broken), 1), pc.list_element(_padded(broken), 0), pa.scalar(None, pa.string())
    )
    limit = np.where(pairs["fails"].to_numpy() == 1, pairs["limit"].to_numpy(), 0)
    both_pass = pc.equal(rejected.column("verdict"), "pass")
    margin = np.maximum(pairs["score"].to_numpy() - pairs["r_score"].to_numpy(), 0).astype(np.float32)
    made: dict[str, Any] = {name: chosen.column(name) for name in (*SHARED, "twin")} | {
        "id": key_array(ids),
        "strategy": pa.array(pairs["strategy"].to_list(), pa.string()),
        "constraint": one,
        "broken": broken,
        "limit": pa.array([LIMITS.get(v) for v in limit.tolist()], pa.string()),
        "span": rejected.column("span"),
        "margin": pc.if_else(both_pass, pa.scalar(None, pa.float32()), pa.array(margin)),
        "len_delta": pa.array((pairs["length"] - pairs["r_length"]).to_numpy().astype(np.int32)),
        "weight": pa.array(np.ones(len(pairs), np.float32)),
    }
    for name, side in (("chosen", chosen), ("rejected", rejected)):
        made |= {name: side.column("completion"), f"{name}_id": side.column("row")}
        made |= {f"{name}_{c}": side.column(c) for c in ("origin", "model", "verdict", "verifications", "judgements")}
    if judged is None:
        return _table(made | rights(chosen, rejected), schema(PAIR))
    of = np.array([s == JURY for s in pairs["strategy"].to_list()], bool)
    owed = rights(chosen, rejected, judged.rights(of))
    return _table(made | _judgements(made, of, judged) | owed, schema(PAIR))


def _judgements(made: dict[str, Any], of: np.ndarray, judged: Judged) -> dict[str, Any]:
    """What the jury said of both answers of its pairs, and by how far it decided."""
    better, worse = (made[name].to_pylist() for name in ("chosen_id", "rejected_id"))
    margins = made["margin"].to_pylist()
    said: dict[str, list[list[dict[str, Any]]]] = {"chosen": [], "rejected": []}
    for i, (a, b) in enumerate(zip(better, worse, strict=True)):
        for name, row, other in (("chosen", a, b), ("rejected", b, a)):
            said[name].append([*judged.compared(row, other), *judged.scored(row)] if of[i] else [])
        margins[i] = judged.margin(a, b) if of[i] else margins[i]
    columns = {f"{name}_judgements": with_judgements(made[f"{name}_judgements"], said[name]) for name in said}
    return {"margin": pa.array(margins, pa.float32())} | columns


def labelled_rows(
    ids: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    answers: pa.Table,
    judged: Judged | None = None,
    last: np.ndarray | None = None,
) -> pa.Table:
    """Rows of the set of labelled answers. judged: whose scores become attributes. last: which answers are their row's last turn.

    Judges score the last turn of a dialogue: its earlier ones have no attributes.
    """
    said = answers.column("judgements").to_pylist()
    sides = [answers]
    if judged is not None:
        whole = np.ones(len(answers), bool) if last is None else last
        rows = answers.column("row").to_pylist()
        more = [judged.scored(row) if whole[i] else [] for i, row in enumerate(rows)]
        said = [[*(old or ()), *new] for old, new in zip(said, more, strict=True)]
        sides.append(judged.rights(np.array([bool(one) for one in more], bool)))
    made: dict[str, Any] = {
        name: answers.column(name) for name in (*SHARED, "completion", "origin", "model", "verifications")
    } | {
        "id": key_array(ids),
        "answer_id": answers.column("row"),
        "label": pa.array(labels),
        "weight": pa.array(weights.astype(np.float32)),
        "attributes": pa.array([attributes((j["rubric"], j["score"]) for j in js or ()) for js in said], ATTRIBUTE),
    }
    return _table(made | rights(*sides), schema(LABELLED))


def prompt_rows(answers: pa.Table) -> pa.Table:
    """Rows of the set of prompts, from one answer of each."""
    made: dict[str, Any] = {name: answers.column(name) for name in SHARED} | {"id": answers.column("prompt_key")}
    return _table(made | rights(answers), schema(PROMPT))


def _table(made: dict[str, Any], kind: pa.Schema) -> pa.Table:
    columns = [made[f.name] for f in kind]
    columns = [c.combine_chunks() if isinstance(c, pa.ChunkedArray) else c for c in columns]
    return pa.table(
        [c if c.type == f.type else c.cast(f.type) for c, f in zip(columns, kind, strict=True)], schema=kind
    )


def _broken(verifications: pa.ChunkedArray) -> pa.ListArray:
    """Kinds of the hard constraints that fail, in the order of the spec."""
    parent, found = flat(verifications)
    failed = found.field("hard").to_numpy(zero_copy_only=False).astype(bool)
    failed &= pc.equal(found.field("verdict"), "fail").to_numpy(zero_copy_only=False)
    counts = np.bincount(parent[failed], minlength=len(verifications))
    offsets = pa.array(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    return pa.ListArray.from_arrays(offsets, found.field("verifier").filter(pa.array(failed)))


def _padded(lists: pa.ListArray) -> pa.ListArray:
    """The lists with one element more, so that each has a first one."""
    counts = pc.list_value_length(lists).to_numpy()
    offsets = np.concatenate([[0], np.cumsum(counts + 1)]).astype(np.int32)
    values = np.full(int(offsets[-1]), None, object)
    values[np.arange(counts.sum()) + np.repeat(np.arange(len(counts)), counts)] = lists.flatten().to_numpy(
        zero_copy_only=False
    )
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values, pa.string()))


def rights(*sides: pa.Table) -> dict[str, pa.Array]:
    """Authors, licence status and obligations of rows that hold what several answers say: united, each distinct union made once."""
    authors = [_author_names(side.column("authors")) for side in sides]
    owed = [_encoded(side.column("obligations")) for side in sides]
    status = [_encoded(side.column("licence_status")) for side in sides]
    return {
        "authors": _united([(codes, values) for codes, values in authors], _all_authors, pa.list_(AUTHOR)),
        "obligations": _united(owed, _all_obligations, pa.large_string()),
        "licence_status": _united(
            status, lambda said: "conditional" if "conditional" in said else said[0], pa.string()
        ),
    }


def _encoded(column: pa.ChunkedArray) -> tuple[np.ndarray, list[Any]]:
    coded = column.combine_chunks().dictionary_encode()
    return coded.indices.to_numpy(), coded.dictionary.to_pylist()


def _author_names(column: pa.ChunkedArray) -> tuple[np.ndarray, list[Any]]:
    """A code for every list of authors, and the lists by their code."""
    whole = column.combine_chunks()
    parent, found = flat(whole)
    parts = [pc.fill_null(found.field(i).cast(pa.string()), "") for i in range(found.type.num_fields)]
    names = pc.binary_join_element_wise(*parts, "\x1f") if len(found) else pa.array([], pa.string())
    offsets = np.concatenate([[0], np.cumsum(np.bincount(parent, minlength=len(whole)))]).astype(np.int32)
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(offsets), names), "\x1e")
    coded = joined.dictionary_encode()
    codes = coded.indices.to_numpy()
    first = np.unique(codes, return_index=True)[1]
    return codes, whole.take(pa.array(first)).to_pylist()


def _united(
    sides: list[tuple[np.ndarray, list[Any]]], union: Callable[[list[Any]], Hashable | list[Any]], kind: pa.DataType
) -> pa.Array:
    """One value a row for the values of its sides, made once for each combination that there is."""
    together = np.zeros(len(sides[0][0]), np.int64)
    for codes, values in sides:
        together = together * len(values) + codes
    distinct, at = np.unique(together, return_inverse=True)
    made = []
    for number in distinct.tolist():
        said: list[Any] = []
        for _, values in reversed(sides):
            number, code = divmod(number, len(values))
            said.insert(0, values[code])
        made.append(union(said))
    return pa.array(made, kind).take(pa.array(at.reshape(-1)))


def _all_authors(lists: list[Any]) -> list[Any]:
    return list({orjson.dumps(a): a for authors in lists for a in authors or ()}.values())


def _all_obligations(said: list[Any]) -> str:
    found = {orjson.dumps(one, option=orjson.OPT_SORT_KEYS) for text in said for one in orjson.loads(text or "[]")}
    return "[" + ",".join(one.decode() for one in sorted(found)) + "]"
