"""Results, quotations, numbers, calls and code: right but for one digit, one word, one argument."""

import re
from collections.abc import Iterator
from typing import Any

from synth.pairing.edits.edit import edits
from synth.pairing.edits.lengths import closed
from synth.pairing.edits.words import nudged
from synth.verify.prompt import Prompt

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_NOUN, _NEXT = "(?<=[一-龥々ァ-ヶー])", "(?=[一-龥ァ-ヶ0-9、])"
_ALTERED = (
    ("です。", "でした。"), ("ます。", "ました。"), ("である。", "であった。"), (f"{_NOUN}は{_NEXT}", "も"),
    (f"{_NOUN}が{_NEXT}", "も"), (f"{_NOUN}を{_NEXT}", "は"), (f"{_NOUN}に{_NEXT}", "で"), ("(?<=.)、", ""),
)  # fmt: skip
"""What a quotation from memory gets wrong: a tense, a particle between two words, a 、."""
_RESULT = re.compile(r"[=＝]\s*(\d[\d,]*(?:\.\d+)?)")


@edits("math_answer")
def a_wrong_result(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Another digit in the stated result; calculations before it stay as they are."""
    found = list(_NUMBER.finditer(text))
    for m in reversed(found):
        for near in (*nudged(m[0]), *_slips(m[0])):
            yield text[: m.start()] + near + text[m.end() :]


def _slips(number: str) -> list[str]:
    """What comes of a slip: two digits in each other's place, another first digit.

    >>> _slips("3960")
    ['3906', '4960']
    """
    made = [number[:-2] + number[-1] + number[-2]] if len(number) > 2 and number[-2:].isdigit() else []
    made += [str(int(number[0]) + 1) + number[1:]] if number[0] in "12345678" and len(number) > 1 else []
    return [m for m in made if m != number]


@edits("arithmetic_steps")
def a_wrong_step(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Another digit in the result of one calculation; the stated result stays right."""
    for m in _RESULT.finditer(text):
        for near in (*nudged(m[1]), *_slips(m[1])):
            yield text[: m.start(1)] + near + text[m.end(1) :]


@edits("arithmetic_steps")
def another_operand(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Another digit in what is calculated with."""
    for m in re.finditer(r"(\d[\d,]*)\s*[+\-×÷*/＋－−](?=\s*\d)", text):
        for near in nudged(m[1]):
            yield text[: m.start(1)] + near + text[m.end(1) :]


@edits("grounded_quotes")
def a_quotation_altered(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """One word of a quotation changed: a number, a particle, a 、."""
    for m in re.finditer(r"「([^「」]{6,})」|『([^『』]{6,})』", text):
        start, quoted = m.start() + 1, m[0][1:-1]
        for d in _NUMBER.finditer(quoted):
            for near in nudged(d[0]):
                yield text[: start + d.start()] + near + text[start + d.end() :]
        for old, new in _ALTERED:
            for found in reversed(list(re.finditer(old, quoted))):
                yield text[: start + found.start()] + new + text[start + found.end() :]


@edits("grounded_quotes")
def a_quotation_without_marks(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """What was quoted said without its brackets."""
    for m in re.finditer(r"「([^「」]{6,})」", text):
        yield text[: m.start()] + m[1] + text[m.end() :]


@edits("grounded_numbers")
def a_number_changed(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A number that the source does not have."""
    for m in reversed(list(_NUMBER.finditer(text))):
        for near in (*nudged(m[0]), *_slips(m[0])):
            yield text[: m.start()] + near + text[m.end() :]


@edits("grounded_numbers")
def a_number_added(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A number more that the source does not have."""
    body = text.rstrip()
    for said in ("（2019年時点）", "（前年比3.7%増）"):
        yield (body[:-1] + said + "。") if body.endswith("。") else body + said


@edits("copied_span")
def words_taken_over(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A stretch of the source put after the answer."""
    source = "".join(spec.passages) or prompt.user
    for begin in (0, *(m.end() for m in re.finditer(r"[。\n]+", source))):
        end = source.find("。", begin + spec.longest)
        if 0 < end - begin <= spec.longest + 80:
            yield closed(text, source[begin : end + 1].strip())
    for begin in (0, len(source) // 3):
        piece = source[begin : begin + spec.longest + 2]
        if len(piece) > spec.longest:
            yield f"{text.rstrip()}{piece}"


@edits("tool_call")
def another_argument(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Another digit or word in an argument."""
    for m in reversed(list(re.finditer(r':\s*"([^"\\]+)"(?!\s*:)', text))):
        for d in list(_NUMBER.finditer(m[1]))[-1:]:
            for near in nudged(d[0]):
                yield text[: m.start(1) + d.start()] + near + text[m.start(1) + d.end() :]
        if not re.search(r"\d", m[1]):
            yield text[: m.end(1)] + "など" + text[m.end(1) :]
            yield text[: m.start(1)] + m[1][:-1] + text[m.end(1) :] if len(m[1]) > 2 else text


@edits("tool_call")
def an_argument_less(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A call without one of its arguments, or a call too few."""
    for m in reversed(list(re.finditer(r',\s*"[^"\\]+":\s*(?:"[^"\\]*"|-?\d+(?:\.\d+)?)(?=\s*[,}])', text))):
        yield text[: m.start()] + text[m.end() :]
    if m := re.search(r'^(\[.*\}\})(,\s*\{"name".*)\]$', text.strip(), re.S):
        yield f"{m[1]}]"


@edits("tool_call")
def a_call_not_wanted(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A call where none was needed, or an answer in words that promises one."""
    if spec.expect == "call":
        names = "、".join(call["name"] for call in spec.calls)
        yield f"{names}を呼び出します。少々お待ちください。"
    elif spec.tools:
        yield f'{{"name": "{spec.tools[0].name}", "arguments": {{}}}}'
        yield f'{text.rstrip()}\n<tool_call>{{"name": "{spec.tools[0].name}", "arguments": {{}}}}</tool_call>'


@edits("tool_call")
def a_call_twice(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The same call twice."""
    body = text.strip()
    if body.startswith("[") and body.endswith("]"):
        yield f"{body[:-1]}, {body[1:]}"
    elif body.startswith("{") and body.endswith("}"):
        yield f"[{body}, {body}]"


@edits("code_tests")
def a_slip_in_code(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """One operator or number of a program changed."""
    for old, new in (
        (" + ", " - "),
        (" < ", " <= "),
        (" > ", " >= "),
        (" == ", " != "),
        (" - ", " + "),
        (" * ", " + "),
    ):
        for m in re.finditer(re.escape(old), text):
            yield text[: m.start()] + new + text[m.end() :]
    for m in re.finditer(r"\b[0-9]\b", text):
        yield text[: m.start()] + str((int(m[0]) + 1) % 10) + text[m.end() :]
