"""Twins: an answerable question and the same one without its answer, each with a pair of its own.

The answerable twin's answer stands against itself taken back (「ただし、本文からは分かりません」), the unanswerable one's
「分かりません」 against a claim (the value that its text does not have, a sentence of it that says something else). Exactly the
constraint `abstention` changes its verdict. One twin's answer never stands against the other's: they answer different prompts.
"""

import re
from collections.abc import Iterator
from typing import Any

from synth.pairing.edited import Original, edit_row, evenly
from synth.pairing.edits.edit import Proven, difference, opposed, polite
from synth.wordings import Wordings

STRATEGY = "twins"
KIND = "abstention"
_SENTENCE = re.compile(r"[^。\n「」]{8,60}。")


def edits_of(of: Original, number: int, words: Wordings, *, per_answer: int = 1) -> Iterator[dict[str, Any]]:
    """Edit rows of an answer whose spec says whether it is to abstain; none where the edit is not proven."""
    for made in evenly(_all(of, words), of, per_answer):
        yield edit_row(of, made, STRATEGY, number)


def _all(of: Original, words: Wordings) -> Iterator[Proven]:
    for index, spec in enumerate(of.specs):
        if spec.kind != KIND:
            continue
        texts = _taken_back(of, words) if _expects(spec) == "answer" else _claimed(of, spec, words)
        for text in texts:
            if (after := opposed(of.specs, index, of.prompt, text, of.verdicts)) is not None:
                yield Proven(KIND, index, text, after, difference(of.text, text))


def _expects(spec: Any) -> str:
    return spec.expect


def _taken_back(of: Original, words: Wordings) -> Iterator[str]:
    for spec in of.specs:
        for word in getattr(spec, "keywords", ()) if spec.kind == "keyword_include" else ():
            if word in of.text:
                yield f"{word}かは不明です。"
                yield f"{word}かどうかは分かりません。"
    for line in words.of("hedge"):
        if polite(of.text) or not polite(line.text):
            yield f"{of.text.rstrip()}{line.text}"


def _claimed(of: Original, spec: Any, words: Wordings) -> Iterator[str]:
    for leak in spec.leaks:
        yield f"{leak}です。"
        yield f"本文によると、{leak}です。"
        yield f"お尋ねの点については、本文の記載によりますと、{leak}とのことです。"
    for line in words.of("claim"):
        yield line.text
    said = sorted(set(_SENTENCE.findall(of.prompt.user.split("\n\n", 1)[-1])), key=lambda s: of.order(s))
    for sentence in said[:2]:
        yield f"「{sentence}」とのことです。"
        yield sentence
