"""What the verifiers say of an instance's answers: one verdict a turn, and which turns a trainer may learn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from synth.messages import assistant
from synth.tasks.task import Instance
from synth.verify.answer import Answer
from synth.verify.constraint import Constraint, verify_all
from synth.verify.prompt import Prompt
from synth.verify.verdict import Overall, Verdict


@dataclass(frozen=True)
class Judged:
    """One answered turn: its place, what was said, what each verifier found, and what they say together."""

    turn: int
    text: str
    verdict: Overall
    found: tuple[Verdict, ...]

    def column(self) -> list[dict[str, Any]]:
        """The turn's part of the column `verifications`."""
        return [verdict_column(self.turn, verdict) for verdict in self.found]


def verdict_column(turn: int, verdict: Verdict) -> dict[str, Any]:
    """One verdict on a turn, as the column `verifications` holds it."""
    return {
        "turn": turn, "verifier": verdict.kind, "version": str(verdict.version), "verdict": verdict.outcome, "score": verdict.score,
        "evidence": orjson.dumps([e._asdict() for e in verdict.evidence]).decode(), "hard": verdict.hard, "ms": None,
    }  # fmt: skip


def judge(
    instance: Instance,
    turn: int,
    texts: Sequence[str],
    finish: str | None = None,
    also: Sequence[Constraint] = (),
) -> Judged:
    """The verdict on the answer to one open turn.

    texts: answers to the open turns so far, this one last. also: constraints that hold for every answer (conduct), beside the
    turn's own. finish: why the engine stopped; None for a program.
    """
    messages = said(instance, texts[:-1])[:turn]
    answer, prompt = Answer(texts[-1], finish), Prompt(messages)
    verdict, found = verify_all((*instance.turns[turn].checks, *also), prompt, answer)
    return Judged(turn, texts[-1], verdict, tuple(found))


def said(instance: Instance, texts: Sequence[str]) -> list[dict[str, Any]]:
    """The messages as far as they are there: up to the first open turn that `texts` has no answer for. Calls are `tool_calls`."""
    made: list[dict[str, Any]] = []
    left = list(texts)
    for i, turn in enumerate(instance.turns):
        if turn.open:
            if not left:
                break
            text = left.pop(0)
            made.append(assistant(text, i, bool(instance.tools)) if turn.role == "assistant" else turn.message(text))
        else:
            made.append(turn.message())
    return made


def turns_column(instance: Instance, judged: Sequence[Judged]) -> list[dict[str, Any]]:
    """The column `turns`: every assistant turn with its verdict, and whether it trains: only what passed does."""
    by_turn = {j.turn: j.verdict for j in judged}
    made: list[dict[str, Any]] = []
    for i, turn in enumerate(instance.turns):
        if turn.role == "assistant":
            verdict = by_turn.get(i, "unverified")
            made.append({"index": i, "verdict": verdict, "train": turn.train and verdict == "pass"})
    return made
