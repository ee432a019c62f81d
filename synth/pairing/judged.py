"""What a jury said, as rows of preference sets hold it: judgements on either answer, the margin, and the judges as authors."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curation.provenance import id_words
from synth.dialogue import AUTHOR, JUDGEMENT
from synth.preference import ATTRIBUTES, steerlm

PEOPLE = "people"
"""Who decided where people did, in place of a judge's name."""
PAIRWISE = "pairwise"
"""Last part of the rubric's name where two answers were compared."""
ORDERS = (("forward", "first", "second"), ("backward", "second", "first"))
"""The two orders: where answer a and answer b stood in each."""


class Judged:
    """A jury's set, opened to be put into rows.

    decisions, verdicts, scores: tables of `synth.judge`. judges: each with `judge`, `identity`, `authors`, `licence_status` and
    `obligations` (JSON), as the jury's manifest has them.
    """

    def __init__(
        self, decisions: pa.Table, verdicts: pa.Table, scores: pa.Table | None, judges: Sequence[Mapping[str, Any]]
    ):
        self._judges = {one["judge"]: one for one in judges}
        self._verdicts, self._scores = verdicts, scores
        names = (decisions.column(name).to_pylist() for name in ("a", "b", "comparison", "margin", "by"))
        self._decided = {(a, b): tuple(said) for a, b, *said in zip(*names, strict=True)}
        self._said = _places(verdicts.column("comparison"))
        self._scored = _places(scores.column("row")) if scores is not None else {}

    def margin(self, better: bytes, worse: bytes) -> float:
        """How far the jury leans to the better of two rows, in [-1, 1]. Raises KeyError where it did not compare them."""
        if (found := self._decided.get((better, worse))) is not None:
            return float(found[1])
        return -float(self._decided[worse, better][1])

    def compared(self, row: bytes, other: bytes) -> list[dict[str, Any]]:
        """What each judge said of a row's answer in each order, beside another's; of an order without choice its text alone.

        Where people decided, what they said comes last, in no order.
        """
        is_a = (row, other) in self._decided
        comparison, margin, by = self._decided[(row, other) if is_a else (other, row)]
        rows = self._verdicts.take(pa.array(self._said[comparison])).to_pylist()
        found: list[dict[str, Any]] = []
        for said in rows:
            for order, of_a, of_b in ORDERS:
                choice = said[order]
                verdict = None if choice is None else "tie" if choice == "tie" else _won((choice == "a") == is_a)
                found.append(
                    self._who(said["judge"])
                    | {
                        "rubric": f"ja/{said['function']}/{PAIRWISE}",
                        "order": of_a if is_a else of_b,
                        "verdict": verdict,
                    }
                    | {"score": None, "raw": said[f"raw_{order}"], "completion_key": said[f"key_{order}"]}
                )
        if by == PEOPLE:
            verdict = "tie" if margin == 0 else _won((margin > 0) == is_a)
            nobody = dict.fromkeys(("revision", "weights", "order", "score", "raw", "completion_key"))
            found.append(nobody | {"judge": PEOPLE, "rubric": found[0]["rubric"], "verdict": verdict})
        return found

    def scored(self, row: bytes) -> list[dict[str, Any]]:
        """The scores that judges gave a row's answer, aspect by aspect; empty where it was not scored."""
        if self._scores is None or row not in self._scored:
            return []
        rows = self._scores.take(pa.array(self._scored[row])).to_pylist()
        return [
            self._who(said["judge"])
            | {
                "rubric": f"ja/{said['function']}/{aspect}",
                "order": None,
                "verdict": None,
                "score": float(said[aspect]),
            }
            | {"raw": said["raw"], "completion_key": said["completion_key"]}
            for said in rows
            for aspect in ATTRIBUTES
            if said[aspect] is not None
        ]

    def rights(self, of: np.ndarray) -> pa.Table:
        """Authors, status and obligations that the judges add to rows: theirs where `of` is true, nothing elsewhere."""
        authors = [author for judge in self._judges.values() for author in judge["authors"]]
        said = {judge["licence_status"] for judge in self._judges.values()}
        status = "deny" if "deny" in said else "conditional" if "conditional" in said else "allow"
        mine = [one for judge in self._judges.values() for one in orjson.loads(judge["obligations"])]
        kinds = pa.schema(
            [("authors", pa.list_(AUTHOR)), ("licence_status", pa.string()), ("obligations", pa.large_string())]
        )
        both = pa.Table.from_pylist(
            [
                {"authors": [], "licence_status": "allow", "obligations": "[]"},
                {"authors": authors, "licence_status": status, "obligations": _json(mine)},
            ],
            schema=kinds,
        )
        return both.take(pa.array(of.astype(np.int64)))

    def _who(self, judge: str) -> dict[str, Any]:
        identity = self._judges[judge]["identity"]
        return {"judge": identity["model"], "revision": identity["revision"], "weights": identity["weights"]}


def accepted(scores: pa.Table, aspect: str, accept: int, refuse: int) -> dict[int, bool]:
    """What judges say of rows by the first word of their ids: true where the attribute of one aspect (the mean of scores) reaches
    `accept`, false where it does not pass `refuse`; nothing between. accept, refuse: 1 to 5.
    """
    given: dict[int, list[float | None]] = defaultdict(list)
    words = id_words(scores.column("row").combine_chunks())[:, 0] if len(scores) else ()
    for row, score in zip(words, scores.column(aspect).to_pylist(), strict=True):
        given[int(row)].append(score)
    said = {row: steerlm(some) for row, some in given.items()}
    return {row: v + 1 >= accept for row, v in said.items() if v is not None and not refuse < v + 1 < accept}


def _won(won: bool) -> str:
    return "win" if won else "loss"


def _places(keys: pa.ChunkedArray) -> dict[bytes, list[int]]:
    found: dict[bytes, list[int]] = defaultdict(list)
    for at, key in enumerate(keys.to_pylist()):
        found[key].append(at)
    return found


def _json(owed: list[dict[str, Any]]) -> str:
    distinct = {orjson.dumps(one, option=orjson.OPT_SORT_KEYS) for one in owed}
    return "[" + ",".join(one.decode() for one in sorted(distinct)) + "]"


def with_judgements(column: pa.ChunkedArray, more: Sequence[Sequence[Mapping[str, Any]]]) -> pa.Array:
    """A column of judgements with more of them in some rows."""
    if not any(more):
        return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    before = pc.fill_null(column, pa.scalar([], column.type)).to_pylist()
    return pa.array([[*a, *b] for a, b in zip(before, more, strict=True)], pa.list_(JUDGEMENT))
