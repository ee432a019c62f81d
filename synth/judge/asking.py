"""What a judge is asked: which of two answers is better, in both orders, or a rubric's scores for one answer.

The question is a wording of `synth/prompts/judge.yaml`, chosen by the comparison's key, the same one in both orders. What is
judged stands in frames whose mark is a hash of all of it: an answer that writes 「</回答A>」 does not end its frame. The form of
the verdict is held by a JSON schema, reason first: a verdict that follows a reason is better than one that a reason must defend. The
reason is held so short that the verdict comes within the tokens there are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation.provenance import key
from synth.engine.content_key import canonical
from synth.engine.request import Request, Sampling, Structure
from synth.judge.verdict import FIRST, SAME, SCALE, SECOND
from synth.messages import text_of
from synth.wordings import Line, Wordings, wordings

GROUP = "judge"
ASPECTS = ("helpfulness", "correctness", "coherence", "complexity", "verbosity", "safety", "naturalness")
"""Aspects of the rubric. complexity and verbosity describe an answer; more of them is never better."""
REASON = 200
"""Characters of a reason at most: a judge that loops ends there, or sooner (`reason_room`)."""

_ROLES = {"system": "システム", "user": "利用者", "assistant": "アシスタント", "tool": "ツール"}


class RubricError(ValueError):
    """A function that has no rubric, or an aspect that is none."""


@dataclass(frozen=True)
class Question:
    """What is judged.

    function: whose rubric holds. prompt: the messages before the answers. answers: one, or two to be compared. tools: the schemas
    that were offered, as JSON text; None where none was.
    """

    function: str
    prompt: Sequence[Mapping[str, Any]]
    answers: tuple[str, ...]
    tools: str | None = None

    @property
    def mark(self) -> str:
        """Sixteen digits that follow from everything that is judged and from nothing that an answer could know alone."""
        return key("judged", canonical(list(self.prompt)), *sorted(self.answers)).hex()[:16]


def functions(words: Wordings | None = None) -> tuple[str, ...]:
    """Functions with a rubric."""
    parts = (words or wordings(GROUP)).parts
    return tuple(part.removeprefix("focus_") for part in parts if part.startswith("focus_"))


def pairwise(
    question: Question, sampling: Sampling, seed: int = 0, words: Wordings | None = None
) -> tuple[Request, Request]:
    """The two requests of a comparison: the first answer in the first place, then in the second.

    Raises RubricError for a function without rubric, ValueError unless there are two answers.
    """
    if len(question.answers) != 2:
        raise ValueError(f"a comparison is of two answers, not {len(question.answers)}")
    words = words or wordings(GROUP)
    schema = _schema({"verdict": {"enum": [FIRST, SECOND, SAME]}}, reason_room(sampling.max_tokens))
    line, values = _chosen(words, "pairwise", question), _values(words, question)
    a, b = question.answers
    orders = ({"first": a, "second": b}, {"first": b, "second": a})
    forward, backward = (_request(words, question, line, values | order, schema, sampling, seed) for order in orders)
    return forward, backward


def by_rubric(
    question: Question, aspects: Sequence[str], sampling: Sampling, seed: int = 0, words: Wordings | None = None
) -> Request:
    """The request for one answer's scores. Raises RubricError for an unknown aspect or a function without rubric."""
    if len(question.answers) != 1:
        raise ValueError(f"a rubric is of one answer, not {len(question.answers)}")
    words = words or wordings(GROUP)
    if unknown := [a for a in aspects if f"aspect_{a}" not in words.parts]:
        raise RubricError(f"no aspect '{unknown[0]}' in {words.group}.yaml; aspects are {', '.join(ASPECTS)}")
    low, high = SCALE
    one = {"type": "integer", "minimum": low, "maximum": high}
    scores = {"type": "object", "properties": dict.fromkeys(aspects, one), "required": list(aspects)}
    schema = _schema({"scores": scores | {"additionalProperties": False}}, reason_room(sampling.max_tokens, aspects))
    said = "\n".join(f"・{words.of(f'aspect_{a}')[0].fill()}" for a in aspects)
    form = "{" + ", ".join(f'"{a}": 点' for a in aspects) + "}"
    values = _values(words, question) | {"aspects": said, "form": form, "answer": question.answers[0]}
    return _request(words, question, _chosen(words, "rubric", question), values, schema, sampling, seed)


def _values(words: Wordings, question: Question) -> dict[str, str]:
    part = f"focus_{question.function}"
    if part not in words.parts:
        raise RubricError(
            f"the function '{question.function}' has no rubric: a line {part}.1 in {words.group}.yaml would be one; "
            f"there are {', '.join(functions(words))}"
        )
    focus = _chosen(words, part, question).fill()
    return {"focus": focus, "mark": question.mark, "prompt": _told(question)}


def _chosen(words: Wordings, part: str, question: Question) -> Line:
    lines = words.of(part)
    return lines[int.from_bytes(key("judge wording", part, question.mark)[:4]) % len(lines)]


def _request(
    words: Wordings,
    question: Question,
    line: Line,
    values: Mapping[str, str],
    schema: Structure,
    sampling: Sampling,
    seed: int,
) -> Request:
    messages = (
        {"role": "system", "content": _chosen(words, "system", question).fill()},
        {"role": "user", "content": line.fill(**values)},
    )
    asked = key("judge", canonical(list(messages)))
    return Request(asked, messages, sampling, 1, seed, structure=schema)


def least_tokens(aspects: Sequence[str] = ()) -> int:
    """Tokens that a verdict, or a rubric's scores, may need with a reason of one character: one for every two bytes, three for it."""
    verdict = {"scores": dict.fromkeys(aspects, SCALE[0])} if aspects else {"verdict": SAME}
    return len(canonical({"reason": "", **verdict})) // 2 + 3


def reason_room(max_tokens: int, aspects: Sequence[str] = ()) -> int:
    """Characters of a reason after which the verdict, or the scores, still fit into so many tokens: REASON at most.

    A tokenizer that was made for other languages spends up to three tokens on a Japanese character, one for each byte of UTF-8, and a
    judge whose reason fills all its tokens never says its verdict.

    >>> reason_room(640), reason_room(300), reason_room(120), reason_room(120, ASPECTS), reason_room(10)
    (200, 94, 34, 19, 1)
    """
    return max(1, min(REASON, 1 + (max_tokens - least_tokens(aspects)) // 3))


def _schema(verdict: Mapping[str, Any], room: int) -> Structure:
    """The form of a verdict after a reason of so many characters at most."""
    reason = {"type": "string", "maxLength": room}
    return Structure.json_schema(
        {
            "type": "object",
            "properties": {"reason": reason, **verdict},
            "required": ["reason", *verdict],
            "additionalProperties": False,
        }
    )


def _told(question: Question) -> str:
    """A dialogue as the judge reads it: a single request as it is, several turns with who said them; tools first."""
    said = [(str(m["role"]), text_of(m)) for m in question.prompt if m.get("content") or m.get("tool_calls")]
    if len(said) == 1 and question.tools is None:
        return said[0][1]
    turns = [f"【{_ROLES.get(role, role)}】\n{text}" for role, text in said]
    return "\n\n".join([*([f"【使えるツール】\n{question.tools}"] if question.tools else []), *turns])
