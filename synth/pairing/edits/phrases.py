"""Phrases at the ends of an answer, of its parts and of its sentences: left out, put elsewhere, in other words."""

import re
from collections.abc import Iterator
from typing import Any

from synth.pairing.edits.edit import edits, polite
from synth.pairing.edits.lengths import closings
from synth.pairing.edits.style import plain
from synth.pairing.edits.words import BOUND, places
from synth.verify.prompt import Prompt
from synth.verify.sentences import sentences_of


@edits("start_phrase", "repeat_prompt")
def something_before(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A word before what the answer was to begin with."""
    for more in ("はい、", "では、", "まず、"):
        yield more + text.lstrip()


@edits("start_phrase", "repeat_prompt")
def beginning_gone(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """What the answer was to begin with left out."""
    phrase = getattr(spec, "phrase", None) or spec.text
    body = text.lstrip()
    if body.startswith(phrase):
        rest = body[len(phrase) :].lstrip("、。　 \n")
        yield rest
        yield f"{phrase[:-1]}\n{rest}" if spec.kind == "repeat_prompt" else f"さて、{rest}"
        yield f"はじめに\n{rest}"
        yield f"こちらです。\n{rest}"


@edits("end_phrase")
def something_after(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A sentence after what the answer was to end with."""
    for more in closings(text)[:3]:
        yield text.rstrip() + more


@edits("end_phrase")
def ending_gone(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """What the answer was to end with left out, or another phrase in its place."""
    body = text.rstrip()
    if body.endswith(spec.phrase):
        rest = body[: -len(spec.phrase)].rstrip("\n")
        for more in closings(text)[:3]:
            yield f"{rest}\n{more}" if "\n" in body else rest + more
        yield rest


@edits("answer_choice")
def says_more(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The choice with a sentence around it."""
    body = text.strip().rstrip("。").strip("「」『』").rstrip("。")
    yield f"答えは「{body}」です。"
    yield f"「{body}」だと思います。"
    yield f"「{body}」になります。"


@edits("answer_choice")
def two_choices(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """Two choices at once."""
    body = text.strip().rstrip("。")
    for other in spec.choices:
        if other != body:
            if not re.search("、|です|ます", body):
                yield f"{body}と{other}"
            yield f"{body}。または、{other.rstrip('。')}"


@edits("postscript", "paragraph_start")
def marker_gone(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """The word that a part was to begin with left out, or another before it."""
    word = spec.marker if spec.kind == "postscript" else spec.word
    for at in places(text, word):
        rest = text[at + len(word) :]
        bound = re.match(BOUND, rest) is not None
        if not bound:
            yield text[:at] + re.sub(r"^[：:、\s]+", "", rest)
        yield f"{text[:at]}なお、{text[at:]}"
        yield f"{text[:at]}この{text[at:]}"
        if not bound:
            yield f"{text[:at]}そして{rest}"


@edits("enclosed", "title")
def bracket_lost(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A bracket left out, or both."""
    left, right = spec.brackets
    begin, end = text.find(left), text.rfind(right) if spec.kind == "enclosed" else text.find(right)
    if begin >= 0 and end > begin:
        yield text[:begin] + text[begin + 1 : end] + text[end + 1 :]
        yield text[:end] + text[end + 1 :]
        if spec.kind == "title":
            yield f"{text[:begin]}【{text[begin + 1 : end]}】{text[end + 1 :]}"
            yield f"{text[:begin]}「{text[begin + 1 : end]}」{text[end + 1 :]}"


@edits("enclosed", "separated_answers", "tagged", "code_block", "csv_form", "json_form")
def said_outside(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """A sentence outside of what was to be the whole answer."""
    body = text.strip()
    yield f"{body}\n{closings(text)[0]}" if spec.kind != "enclosed" else body + closings(text)[0]
    yield f"以下のとおりです。\n{body}"
    if spec.kind == "separated_answers":
        yield f"{body}\n{spec.separator}\n{closings(text)[0]}"


@edits("sentence_end", "sentence_mark")
def another_ending(spec: Any, text: str, prompt: Prompt) -> Iterator[str]:
    """One sentence with another ending."""
    for s in reversed(sentences_of(text)):
        end = s.end
        if spec.kind == "sentence_mark":
            yield f"{text[: end - 1]}。{text[end:]}"
        else:
            bare = s.text.rstrip("。！？!?")
            if not bare.endswith(spec.ending):
                continue
            if (made := plain(s.text)) is not None:  # the ending is a predicate of its own
                yield text[: s.start] + made + text[s.end :]
            cut = s.start + len(bare) - len(spec.ending)
            if spec.ending == "なさい":
                yield f"{text[:cut]}ましょう{text[s.start + len(bare) :]}"
            whole = text[:cut].endswith(("です", "ます", "ました", "ません", *"だたるいうくぐすつぬぶむ"))
            for new in ("", "だ") if whole else ("です" if polite(text) else "だ", ""):
                yield f"{text[:cut]}{new}{text[s.start + len(bare) :]}"
            yield f"{text[:cut]}{spec.ending}よ{text[s.start + len(bare) :]}"
