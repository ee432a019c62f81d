"""Edits of one passing answer, made and proven in a worker: what strategies whose rejected answer is an edit have in common.

An edit keeps everything of the answer that it is of (prompt, template, authors, obligations) but its text, which a program wrote,
and its verdicts. It is kept as an answer (`synth.pairing.answers.ANSWER`) with what differs. The same answer gives the
same edits wherever they are made: choices are hashes of its text.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import pyarrow as pa

from curation.provenance import key
from synth.messages import assistant, text_of
from synth.pairing.answers import ANSWER, side, text_key
from synth.pairing.edits.edit import Proven, verdicts_of
from synth.preference import SPAN
from synth.verify.constraint import Constraint, parse
from synth.verify.prompt import Prompt
from synth.verify.verdict import Verdict

EDIT = pa.schema(
    [
        *ANSWER,
        ("strategy", pa.string()),
        ("kind", pa.string()),
        ("side", pa.int8()),
        ("span", SPAN),
        ("of", pa.int64()),
    ]
)
"""An edit: the answer it makes, the strategy and the constraint that it breaks, over (1) or under (-1) a limit, where it differs, and
the number of the answer that it is of in the list of work."""


@dataclass(frozen=True)
class Original:
    """A passing answer that is to be edited: its row, its constraints, and their verdicts on it."""

    row: Mapping[str, Any]
    specs: tuple[Constraint, ...]
    prompt: Prompt
    verdicts: tuple[Verdict, ...]

    @property
    def text(self) -> str:
        """Its text."""
        return self.row["text"]

    @property
    def style(self) -> str:
        """Its text and prompt as a name that choices are made by."""
        return self.row["prompt_key"].hex()

    def order(self, *parts: str | int) -> bytes:
        """By which choices for this answer are put into an order."""
        return key("edit", self.row["prompt_key"], self.row["text_key"], *parts)


def original(row: Mapping[str, Any], conduct: Sequence[Constraint] = ()) -> Original | None:
    """A row of `ANSWER` read and verified again; None where a verifier no longer says that it passes.

    conduct: constraints beside its own that the row was verified by; those of other kinds than its verifications name are left out.
    """
    own = tuple(parse(one) for one in orjson.loads(row["spec"]))
    named = [v["verifier"] for v in row["verifications"]][len(own) :]
    specs = (*own, *(c for c in conduct if c.kind in named))
    prompt = Prompt(orjson.loads(row["prompt"]))
    verdicts = verdicts_of(specs, prompt, row["text"])
    if any(v.hard and v.outcome != "pass" for v in verdicts):
        return None
    return Original(row, specs, prompt, verdicts)


def edit_row(of: Original, made: Proven, strategy: str, number: int) -> dict[str, Any]:
    """An edit with the columns of `EDIT`. number: of the answer in the list of work."""
    turn = of.row["verifications"][0]["turn"] if of.row["verifications"] else 0
    verifications = [
        {
            "turn": turn, "verifier": v.kind, "version": str(v.version), "verdict": v.outcome, "score": v.score,
            "evidence": orjson.dumps([e._asdict() for e in v.evidence]).decode(), "hard": v.hard, "ms": None,
        }
        for v in made.verdicts
    ]  # fmt: skip
    said = text_key(made.text)
    broken = verifications[made.at]
    message = assistant(made.text, turn, of.row["tools"] is not None)
    if (
        text_of(message) != made.text
    ):  # a form of call that no message holds: it stays what was said, as its span counts it
        message = {"role": "assistant", "content": made.text}
    span = dict(zip((f.name for f in SPAN), made.span, strict=True))
    return {**of.row} | {
        "row": key("edit", of.row["prompt_key"], said), "text_key": said, "text": made.text, "verdict": "fail",
        "completion": orjson.dumps([message], option=orjson.OPT_SORT_KEYS).decode(),
        "origin": "program", "model": None, "verifications": verifications, "judgements": [], "strategy": strategy,
        "kind": made.kind, "side": side(broken["evidence"]) if made.kind == "char_count" else 0, "span": span, "of": number,
    }  # fmt: skip


def evenly(found: Iterator[Proven], of: Original, most: int) -> list[Proven]:
    """At most so many edits, those that add and those that take away by turns, each in the order of a hash."""
    made = sorted(found, key=lambda p: of.order(p.kind, p.text))
    longer = [p for p in made if len(p.text) > len(of.text)]
    others = [p for p in made if len(p.text) <= len(of.text)]
    first, second = (longer, others) if of.order("which")[0] & 1 else (others, longer)
    turns: list[Proven] = []
    for i in range(max(len(first), len(second))):
        turns += first[i : i + 1] + second[i : i + 1]
    return turns[:most]
