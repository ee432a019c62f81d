"""One answer's scores by a rubric: 1 to 5 for each aspect, as one judge gave them.

The attributes that a reward model learns (SteerLM) are these less one, 0 to 4. An answer whose scores could not be read has none, and
says why; nothing is guessed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from curation.document import KEY, Column
from curation.provenance import key
from synth.answering import Asker
from synth.engine.figures import Figures
from synth.engine.generate import generate
from synth.engine.request import Answer, Fault, Request, Sampling
from synth.judge.asking import ASPECTS, Question, by_rubric
from synth.judge.comparison import flagged, judgeable
from synth.judge.verdict import scores
from synth.wordings import Wordings


@dataclass(frozen=True)
class Scored:
    """What one judge gave one answer. scores: by aspect, None where none could be read; fault: why, "" where they could."""

    row: bytes
    function: str
    judge: str
    scores: Mapping[str, int] | None
    raw: str
    key: bytes
    fault: str


COLUMNS: dict[str, Column] = {
    c.name: c
    for c in (
        Column("row", KEY, "the row whose answer was scored"),
        Column("function", pa.string(), "function of the assistant, whose rubric held"),
        Column("judge", pa.string(), "the recipe's name of the judge"),
        *(
            Column(aspect, pa.int8(), f"{aspect}, 1 to 5; null where it was not asked or not given")
            for aspect in ASPECTS
        ),
        Column("raw", pa.large_string(), "the judge's text as it came"),
        Column("completion_key", KEY, "its completion in the store"),
        Column(
            "fault",
            pa.string(),
            "why there are no scores: a fault of the engine, `cut_off` or `no_scores`; empty for none",
        ),
    )
}
"""A score shard's columns: one row an answer and judge."""


def schema() -> pa.Schema:
    """Arrow schema of score shards."""
    return pa.schema([pa.field(c.name, c.type, metadata={"meaning": c.meaning}) for c in COLUMNS.values()])


def scored(
    rows: Iterable[Mapping[str, Any]],
    judge: str,
    aspects: Sequence[str],
    asker: Asker,
    sampling: Sampling,
    figures: Figures,
    words: Wordings | None = None,
) -> Iterator[Scored]:
    """The scores of each answer that no verifier failed, as they come.

    rows: with columns of `synth.dialogue`. words: all when not given.
    """
    waiting: dict[bytes, Mapping[str, Any]] = {}
    requests = _requests(rows, aspects, sampling, asker.seed, waiting, words)
    for request, (answer,) in generate(
        asker.engine, asker.identity, requests, asker.store, figures=figures, show=asker.show
    ):
        row = waiting.pop(request.id)
        yield _scored(row, judge, tuple(aspects), answer)


def _requests(
    rows: Iterable[Mapping[str, Any]],
    aspects: Sequence[str],
    sampling: Sampling,
    seed: int,
    waiting: dict[bytes, Mapping[str, Any]],
    words: Wordings | None,
) -> Iterator[Request]:
    for row in rows:
        if not judgeable(row) or flagged(row):
            continue
        prompt = orjson.loads(row["messages"])[:-1]
        question = Question(row["function"], prompt, (row["answer"],), row["tools"])
        request = by_rubric(question, aspects, sampling, seed, words)
        asked = key("scored", row["id"])
        waiting[asked] = row
        yield Request(asked, request.messages, sampling, 1, seed, structure=request.structure)


def _scored(row: Mapping[str, Any], judge: str, aspects: tuple[str, ...], answer: Answer) -> Scored:
    if isinstance(answer, Fault):
        return Scored(row["id"], row["function"], judge, None, "", answer.key, answer.kind)
    found = scores(answer.text, aspects)
    fault = "" if found is not None else "cut_off" if answer.finish == "length" else "no_scores"
    return Scored(row["id"], row["function"], judge, found, answer.text, answer.key, fault)


def table(rows: Iterable[Scored]) -> pa.Table:
    """Scores as a table, sorted by row and judge."""
    made = [
        {
            "row": s.row,
            "function": s.function,
            "judge": s.judge,
            "raw": s.raw,
            "completion_key": s.key,
            "fault": s.fault,
        }
        | (dict.fromkeys(ASPECTS) | dict(s.scores or {}))
        for s in sorted(rows, key=lambda s: (s.row, s.judge))
    ]
    return pa.Table.from_pylist(made, schema=schema())
