"""Characters, sentences, lines and paragraphs: a little too many, or too few."""

from collections.abc import Iterator
from typing import Any

from synth.pairing.edits.edit import edits, polite
from synth.verify.prompt import Prompt
from synth.verify.sentences import Sentence, sentences_of

_CLOSING = (
    ("以上です。", "以上。"),
    ("ご参考までに。", "参考までに。"),
    ("以上になります。", "以上である。"),
    ("どうぞよろしくお願いします。", "覚えておくとよい。"),
    ("何かのお役に立てば幸いです。", "何かの役に立てば幸いだ。"),
    ("以上が、お尋ねの内容についてのお答えです。", "以上が、尋ねられた内容についての答えである。"),
)
"""Sentences that may stand at the end of any answer, in 敬体 and in 常体, the shortest first."""
MOST_ADDED = 60
"""Characters that an edit adds at most: where more are needed to pass the limit, it would be another answer."""


def closings(text: str) -> list[str]:
    """Closing sentences in the style of a text, the shortest first."""
    return [said[0] if polite(text) else said[1] for said in _CLOSING]


def closed(text: str, more: str) -> str:
    """A text with a sentence after its last one: on its own line after a list or data, else on the same."""
    body = text.rstrip()
    lines = body.split("\n")
    apart = len(lines) > 1 or not body.endswith(("。", "！", "？", "」"))
    return f"{body}\n{more}" if apart else body + more


@edits("char_count")
def too_long(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Just over the limit: closing sentences, or words inside, that carry the count over it by as little as they can."""
    if spec.max is None:
        return
    need = spec.max + 1 - len(text.strip())
    if not 0 < need <= MOST_ADDED:
        return
    fitting = sorted((c for c in _joined(closings(text)) if len(c) >= need), key=len)
    for more in fitting[:3]:
        yield closed(text, more)
        yield text.rstrip() + more
    if need <= 8:
        opens = (
            ("念のため申し添えますと、", "ご参考ですが、") if polite(text) else ("念のためにいうと、", "参考までに、")
        )
        for more in ("なお、", "とくに、", "もちろん、", *opens):
            for s in _plain(text)[-1:]:
                yield text[: s.start] + more + text[s.start :]


def _joined(said: list[str]) -> list[str]:
    two = [(a, b) for a in said for b in said if a != b]
    return [*said, *(a + b for a, b in two), *(a + b + c for a, b in two for c in said[3:] if c not in (a, b))]


@edits("char_count")
def too_short(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Just under the limit: a clause, an adverb or a last sentence less."""
    if spec.min is None:
        return
    excess = len(text.strip()) - spec.min + 1
    if not 0 < excess <= 2 * MOST_ADDED:
        return
    made: list[str] = []
    whole = _plain(text)
    for s in whole:
        for i, c in enumerate(s.text):
            if c == "、" and 0 < i < len(s.text) - 4:
                made.append(text[: s.start] + text[s.start + i + 1 :])
    made += [(text[: s.start] + text[s.end :]).strip() for s in whole[1:]]
    for count in (2, 3):
        made += [text[: whole[-count].start].strip()] if len(whole) > count else []
    short = [m for m in made if len(m) < spec.min]
    yield from sorted(short, key=len, reverse=True)


def _plain(text: str) -> list[Sentence]:
    return [s for s in sentences_of(text) if not s.heading]


@edits("sentence_count")
def one_sentence_more(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A closing sentence more than wanted."""
    for more in closings(text)[:3]:
        yield text.rstrip() + more


@edits("sentence_count", "sentence_length", "taigendome_count")
def two_sentences_in_one(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Two sentences joined by し: one less, and a longer one."""
    for at, c in enumerate(text[:-1]):
        if c == "。" and text[at + 1] != "\n" and at and text[at - 1] not in "」』）":
            if text[at - 1] in "すただるいくうむぶつぬぐ":
                yield f"{text[:at]}し、{text[at + 1 :]}"
            yield f"{text[:at]}、{text[at + 1 :]}"


@edits("sentence_count")
def one_sentence_less(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A sentence less than wanted."""
    for s in reversed(_plain(text)):
        yield (text[: s.start] + text[s.end :]).strip()


@edits("line_count")
def one_line_more(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A line more: at the end, at the beginning, or one cut in two."""
    yield f"{text.rstrip()}\n{closings(text)[0]}"
    opening = "次のとおりです。" if polite(text) else "次のとおり。"
    yield f"{opening}\n{text}"
    lines = text.split("\n")
    for i, line in enumerate(lines):
        if 0 < (at := line.find("、")) < len(line) - 1:
            yield "\n".join([*lines[:i], line[: at + 1], line[at + 1 :], *lines[i + 1 :]])
    # before the last line, so that an ending that is asked for stays
    yield "\n".join([*lines[:-1], closings(text)[0], lines[-1]])


@edits("line_count", "line_length")
def one_line_less(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Two lines joined: one less, and a longer one."""
    lines = text.split("\n")
    for i in reversed(range(1, len(lines))):
        if lines[i].strip() and lines[i - 1].strip():
            yield "\n".join([*lines[: i - 1], lines[i - 1] + lines[i], *lines[i + 1 :]])
            yield "\n".join([*lines[: i - 1], f"{lines[i - 1]}　{lines[i].lstrip()}", *lines[i + 1 :]])


@edits("paragraph_count")
def one_paragraph_more(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A paragraph cut in two after a sentence."""
    mark = f"\n{spec.separator}\n" if spec.separator not in ("blank", "unstated") else "\n\n"
    for at, c in enumerate(text[:-1]):
        if c == "。" and text[at + 1] != "\n":
            yield text[: at + 1] + mark + text[at + 1 :]
    yield text.rstrip() + mark + closings(text)[0]


@edits("paragraph_count", "paragraph_length", "separated_answers")
def one_paragraph_less(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Two paragraphs made one."""
    named = getattr(spec, "separator", "blank")
    marks = [f"\n\n{named}\n\n", f"\n{named}\n", named] if named not in ("blank", "unstated") else []
    for mark in (*marks, "\n\n"):
        at = text.find(mark)
        while at >= 0:
            yield text[:at] + text[at + len(mark) :]
            yield f"{text[:at]}\n{text[at + len(mark) :]}"
            at = text.find(mark, at + 1)
    if spec.kind == "paragraph_length":
        yield text.rstrip() + closings(text)[-1]
        yield text.rstrip() + "".join(closings(text))


@edits("sentence_length", "line_length")
def one_sentence_longer(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A sentence or a line made longer by what people put before a statement."""
    most = spec.max if spec.max is not None else 0
    for s in _plain(text):
        for more in (
            "言うまでもないことですが、" if polite(text) else "言うまでもないことだが、",
            "なお、",
            "もちろん、",
        ):
            if len(s.text) + len(more) > most:
                yield text[: s.start] + more + text[s.start :]


@edits("sentence_length", "line_length", "item_length")
def one_clause_less(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A sentence, line or item cut after its first part, where there is a least length."""
    if spec.min is None:
        return
    for at, c in enumerate(text):
        if c == "、":
            end = min(i for i in (text.find("。", at), text.find("\n", at), len(text)) if i >= 0)
            yield text[:at] + text[end:]
