"""Which answers are compared, and what one judge says of them.

Answers of one prompt are compared in pairs. Only those that no verifier failed come before a judge, since a program's verdict is
surer, and none that speaks to the judge (`flagged`: those are for people); texts with the same normal form are one. Which of two
answers is `a` follows from a hash, so neither wins more often for its place in a file. Each comparison is asked in both orders. The
store holds what a judge said: a killed run asks for the rest.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import orjson
import pyarrow as pa

from curation.dedup.normal_form import normal_form
from curation.document import KEY, Column
from curation.provenance import key
from synth.answering import Asker
from synth.engine.content_key import canonical
from synth.engine.figures import Figures
from synth.engine.generate import generate
from synth.engine.request import Answer, Completion, Fault, Request, Sampling
from synth.judge.asking import Question, pairwise
from synth.judge.verdict import Choice, Together, choice, together
from synth.verify.injection import NoPromptInjection
from synth.wordings import Wordings

_INJECTION = NoPromptInjection()
UNFIT = ("fail",)
"""Verdicts of answers that no judge sees."""


@dataclass(frozen=True)
class Comparison:
    """Two answers of one prompt. a, b: ids of their rows; authors: who wrote them (a model's name, or `program`)."""

    id: bytes
    prompt_key: bytes
    a: bytes
    b: bytes
    question: Question
    authors: tuple[str, str]


@dataclass(frozen=True)
class Heard:
    """What one judge said of one comparison. faults: why an order gave no choice, "" where it gave one."""

    comparison: Comparison
    judge: str
    forward: Choice | None
    backward: Choice | None
    raw: tuple[str, str]
    keys: tuple[bytes, bytes]
    faults: tuple[str, str]

    @property
    def verdict(self) -> Together | None:
        """What both orders say together."""
        return together(self.forward, self.backward)


COLUMNS: dict[str, Column] = {
    c.name: c
    for c in (
        Column("comparison", KEY, "identity of the comparison: of its prompt and both answers"),
        Column("prompt_key", KEY, "the prompt that both rows answer"),
        Column("a", KEY, "row whose answer is a"),
        Column("b", KEY, "row whose answer is b"),
        Column("function", pa.string(), "function of the assistant, whose rubric held"),
        Column("author_a", pa.string(), "who wrote a: a model's name, program or human"),
        Column("author_b", pa.string(), "who wrote b"),
        Column("length_a", pa.int32(), "characters of a"),
        Column("length_b", pa.int32(), "characters of b"),
        Column("judge", pa.string(), "the recipe's name of the judge"),
        Column("forward", pa.string(), "a | b | tie with a in the first place; null where it gave no choice"),
        Column("backward", pa.string(), "a | b | tie with b in the first place; null where it gave no choice"),
        Column("verdict", pa.string(), "win (of a) | loss | tie | inconsistent; null where an order is missing"),
        Column("raw_forward", pa.large_string(), "the judge's text as it came"),
        Column("raw_backward", pa.large_string(), "likewise, b first"),
        Column("key_forward", KEY, "its completion in the store"),
        Column("key_backward", KEY, "likewise, b first"),
        Column(
            "fault_forward",
            pa.string(),
            "why there is no choice: a fault of the engine, `cut_off` or `no_verdict`; empty for none",
        ),
        Column("fault_backward", pa.string(), "likewise, b first"),
    )
}
"""A verdict shard's columns: one row a comparison and judge."""


def schema() -> pa.Schema:
    """Arrow schema of verdict shards."""
    return pa.schema([pa.field(c.name, c.type, metadata={"meaning": c.meaning}) for c in COLUMNS.values()])


def comparisons(rows: Iterable[Mapping[str, Any]], per_prompt: int, salt: str) -> list[Comparison]:
    """Pairs of answers to be compared, at most so many of one prompt, in the order of a hash: the same whatever the rows' order.

    rows: with columns of `synth.dialogue`. Rows without an answer, and those that a verifier failed, are in none. Dialogues whose
    earlier turns differ ask different things at their last one: only what has the same messages before it is compared.
    """
    by_prompt: dict[bytes, dict[str, Mapping[str, Any]]] = defaultdict(dict)
    for row in sorted(rows, key=lambda r: r["id"]):
        if judgeable(row) and not flagged(row):
            before = canonical(orjson.loads(row["messages"])[:-1])
            by_prompt[row["prompt_key"] + key("asked", before)].setdefault(normal_form(row["answer"]), row)
    found: list[Comparison] = []
    for prompt in sorted(by_prompt):
        answers = list(by_prompt[prompt].values())
        pairs = sorted(combinations(answers, 2), key=lambda p: key("compare", salt, p[0]["id"], p[1]["id"]))
        found += [_comparison(*pair, salt) for pair in pairs[:per_prompt]]
    return found


def judgeable(row: Mapping[str, Any]) -> bool:
    """Whether there is an answer, and no verifier failed it."""
    return bool(row["answer"]) and row["verdict"] not in UNFIT and row.get("reason") != "forbidden_author"


def flagged(row: Mapping[str, Any]) -> bool:
    """Whether its answer speaks to whoever grades it (`synth/verify/injection.py`), or may: people look at it, no judge does.

    A plea in brackets, in code or in look-alike letters may be an example, and a judge may obey it all the same.
    """
    return _INJECTION.verify("", row["answer"]).outcome != "pass"


def _comparison(one: Mapping[str, Any], other: Mapping[str, Any], salt: str) -> Comparison:
    a, b = sorted((one, other), key=lambda r: key("side", salt, r["id"]))
    prompt = orjson.loads(a["messages"])[:-1]
    question = Question(a["function"], prompt, (a["answer"], b["answer"]), a["tools"])
    authors = (a["model"] or a["answer_origin"], b["model"] or b["answer_origin"])
    return Comparison(key("comparison", a["id"], b["id"]), a["prompt_key"], a["id"], b["id"], question, authors)


def heard(
    compared: Sequence[Comparison],
    judge: str,
    asker: Asker,
    sampling: Sampling,
    figures: Figures,
    words: Wordings | None = None,
) -> Iterator[Heard]:
    """What a judge says of each comparison, as its answers come. judge: the recipe's name of it. words: all when not given."""
    waiting: dict[bytes, tuple[Comparison, int]] = {}
    answers: dict[bytes, dict[int, Answer]] = defaultdict(dict)
    requests = _requests(compared, sampling, asker.seed, waiting, words)
    for request, (answer,) in generate(
        asker.engine, asker.identity, requests, asker.store, figures=figures, show=asker.show
    ):
        comparison, order = waiting.pop(request.id)
        both = answers[comparison.id]
        both[order] = answer
        if len(both) == 2:
            del answers[comparison.id]
            yield _heard(comparison, judge, both[0], both[1])


def _requests(
    compared: Sequence[Comparison],
    sampling: Sampling,
    seed: int,
    waiting: dict[bytes, tuple[Comparison, int]],
    words: Wordings | None,
) -> Iterator[Request]:
    for comparison in compared:
        for order, request in enumerate(pairwise(comparison.question, sampling, seed, words)):
            asked = key("order", comparison.id, order)
            waiting[asked] = comparison, order
            yield Request(asked, request.messages, sampling, 1, seed, structure=request.structure)


def _heard(comparison: Comparison, judge: str, forward: Answer, backward: Answer) -> Heard:
    read = [_read(answer, swapped) for answer, swapped in ((forward, False), (backward, True))]
    choices, raws, faults = zip(*read, strict=True)
    return Heard(comparison, judge, choices[0], choices[1], raws, (forward.key, backward.key), faults)


def _read(answer: Answer, swapped: bool) -> tuple[Choice | None, str, str]:
    if isinstance(answer, Fault):
        return None, "", answer.kind
    said = choice(answer.text, swapped)
    return said, answer.text, "" if said is not None else _no_verdict(answer)


def _no_verdict(answer: Completion) -> str:
    return "cut_off" if answer.finish == "length" else "no_verdict"


def table(rows: Iterable[Heard]) -> pa.Table:
    """Verdicts as a table, sorted by comparison and judge."""
    made: list[dict[str, Any]] = []
    for h in sorted(rows, key=lambda h: (h.comparison.id, h.judge)):
        of = h.comparison
        answers = {"a": of.a, "b": of.b, "author_a": of.authors[0], "author_b": of.authors[1]}
        lengths = dict(zip(("length_a", "length_b"), map(len, of.question.answers), strict=True))
        sides = {
            f"{name}_{side}": value[i]
            for i, side in enumerate(("forward", "backward"))
            for name, value in (("raw", h.raw), ("key", h.keys), ("fault", h.faults))
        }
        said = {"judge": h.judge, "forward": h.forward, "backward": h.backward, "verdict": h.verdict}
        about = {"comparison": of.id, "prompt_key": of.prompt_key, "function": of.question.function}
        made.append(about | answers | lengths | said | sides)
    return pa.Table.from_pylist(made, schema=schema())
