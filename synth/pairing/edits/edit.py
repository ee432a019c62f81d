"""The registry of edits by kind of constraint, and the proof that an edit breaks what it should and nothing else."""

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, NamedTuple, TypeVar

from synth.verify.answer import Answer
from synth.verify.constraint import Constraint, verify_all
from synth.verify.prompt import Prompt
from synth.verify.verdict import Verdict

FAMILIES = ("lengths", "words", "phrases", "lists", "layout", "scripts", "style", "data_forms", "facts")
"""Files of this package that define edits."""
TRIED = 12
"""Candidate texts of one edit function that are held against the verifiers at most."""

Editor = Callable[[Any, str, Prompt], Iterator[str]]
"""From a constraint, a passing answer and its prompt to texts that may break the constraint."""

_EDITORS: dict[str, list[Editor]] = {}
F = TypeVar("F", bound=Editor)


class Proven(NamedTuple):
    """An edit that breaks one constraint. at: its place among the specs; verdicts: of the edited text; span: what differs.

    span: first and last (excluded) code point of the difference in the old text, then in the new one.
    """

    kind: str
    at: int
    text: str
    verdicts: tuple[Verdict, ...]
    span: tuple[int, int, int, int]


def edits(*kinds: str) -> Callable[[F], F]:
    """Registers an edit function for kinds of constraint."""

    def register(function: F) -> F:
        for kind in kinds:
            _EDITORS.setdefault(kind, []).append(function)
        return function

    return register


@cache
def editors() -> Mapping[str, tuple[Editor, ...]]:
    """Edit functions by kind, in the order in which they are tried."""
    for family in FAMILIES:
        importlib.import_module(f"synth.pairing.edits.{family}")
    return {kind: tuple(found) for kind, found in _EDITORS.items()}


def verdicts_of(specs: Sequence[Constraint], prompt: Prompt, text: str) -> tuple[Verdict, ...]:
    """The verdict of every constraint on a text, sharing one analysis."""
    return tuple(verify_all(specs, prompt, text)[1])


def proven(
    specs: Sequence[Constraint], index: int, prompt: Prompt, text: str, before: Sequence[Verdict]
) -> Iterator[Proven]:
    """Edits of a passing answer that turn constraint `index`, and no other, from pass to fail; one for each edit function.

    before: the verdicts on `text`, in the order of specs.
    """
    spec, seen = specs[index], {text}
    for editor in editors().get(spec.kind, ()):
        for made in islice(editor(spec, text, prompt), TRIED):
            if made in seen or not made.strip():
                continue
            seen.add(made)
            if (after := opposed(specs, index, prompt, made, before)) is not None:
                yield Proven(spec.kind, index, made, after, difference(text, made))
                break


def opposed(
    specs: Sequence[Constraint], index: int, prompt: Prompt, made: str, before: Sequence[Verdict]
) -> tuple[Verdict, ...] | None:
    """The verdicts on a text where exactly constraint `index` fails and all others are as before; None where that is not so."""
    answer = Answer(made)
    # the cheap question first: most candidates that are no edits at all fail here
    if before[index].outcome != "pass" or verify_all([specs[index]], prompt, answer)[1][0].outcome != "fail":
        return None
    after = tuple(verify_all(specs, prompt, answer)[1])
    others = all(a.outcome == b.outcome for i, (a, b) in enumerate(zip(after, before, strict=True)) if i != index)
    return after if others else None


def difference(old: str, new: str) -> tuple[int, int, int, int]:
    """Where two texts differ: what is left between their common beginning and their common end, in each.

    >>> difference("米を研ぎます。", "米を炊きます。")
    (2, 4, 2, 4)
    >>> difference("春が来た。", "春が来た。以上。")
    (5, 5, 5, 8)
    """
    most = min(len(old), len(new))
    head = next((i for i in range(most) if old[i] != new[i]), most)
    tail = next((i for i in range(most - head) if old[-1 - i] != new[-1 - i]), most - head)
    return head, len(old) - tail, head, len(new) - tail


def polite(text: str) -> bool:
    """Whether a text is in 敬体, as far as a look at its endings tells: what is added to it should be likewise."""
    return "です" in text or "ます" in text or "ました" in text or "ません" in text


def swapped(text: str, a: tuple[int, int], b: tuple[int, int]) -> str:
    """The text with two stretches that do not overlap in each other's place.

    >>> swapped("春と夏", (0, 1), (2, 3))
    '夏と春'
    """
    (a1, a2), (b1, b2) = sorted((a, b))
    return text[:a1] + text[b1:b2] + text[a2:b1] + text[a1:a2] + text[b2:]
