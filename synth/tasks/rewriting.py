"""Rewriting between 敬体, 常体 and keigo (尊敬語, 謙譲語), and mending wrong keigo.

A text in 敬体 stands beside itself in 常体 (`synth/seeds/styles.yaml`), and a verb has its keigo forms in a lexicon, so both are
known with certainty. A verb's sentence says who acts, so that one of 尊敬語 and 謙譲語 is right: an answer has one of the lexicon's
forms, keeps who and what, and has neither the plain verb nor a form of the other kind (お客様が拝見しました), nor a doubled one
(ご覧になられました).
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import yaml

from synth.seed import Seed
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, Turn, checks

STYLES = Path(__file__).parent.parent / "seeds" / "styles.yaml"
SORTS = ("jotai", "keitai", "sonkei", "kenjo", "mend")
"""What a request is for; `mend` shows a sentence with wrong keigo."""


@cache
def styles() -> Mapping[str, Any]:
    """Texts in two styles, and verbs with their keigo."""
    return yaml.safe_load(STYLES.read_text(encoding="utf-8"))


class Rewriting(Task):
    """Texts and sentences to rewrite. sorts: those wanted, of `SORTS`; all when not given."""

    name: ClassVar[str] = "rewriting"
    function: ClassVar[str] = "rewriting"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "rewriting"

    def __init__(self, *, sorts: Sequence[str] = ()):
        if unknown := sorted(set(sorts) - set(SORTS)):
            raise TaskError(f"rewriting: there is no sort '{unknown[0]}'; sorts are {', '.join(SORTS)}")
        self.sorts = tuple(sorts) or SORTS

    def make(self, draw: Draw, passage: Seed | None) -> Instance:
        """A text or sentence of a drawn sort."""
        sort = draw.one(self.sorts)
        return _text(draw, sort) if sort in ("jotai", "keitai") else _sentence(draw, sort)


def _text(draw: Draw, style: str) -> Instance:
    """Three or four sentences of one text, in order."""
    sentences = styles()["texts"][draw.one(sorted(styles()["texts"]))]
    count = draw.integer(3, 4)
    first = draw.integer(0, len(sentences) - count)
    chosen = sentences[first : first + count]
    polite, plain = "".join(s[0] for s in chosen), "".join(s[1] for s in chosen)
    given, wanted = (polite, plain) if style == "jotai" else (plain, polite)
    line = draw.line(f"to_{style}")
    spec = checks(
        {"kind": "keitai", "style": style},
        {"kind": "sentence_count", "min": count, "max": count},
        {"kind": "keyword_include", "keywords": [word for s in chosen for word in s[2]]},
        {"kind": "char_count", "min": len(wanted) * 7 // 10, "max": len(wanted) * 14 // 10},
        {"kind": "no_preamble"},
    )
    return Instance((Turn("user", line.fill(text=given)), Turn("assistant", checks=spec, answer=wanted)), line.id)


def _sentence(draw: Draw, sort: str) -> Instance:
    """One sentence with a verb in the wanted keigo."""
    keigo = draw.one(("sonkei", "kenjo")) if sort == "mend" else sort
    verbs = {name: verb for name, verb in styles()["verbs"].items() if keigo in verb}
    name = draw.one(sorted(verbs))
    verb, frame = verbs[name], draw.line(f"{name}_{keigo}")
    tense = draw.one(("now", "past"))
    ending = "ます" if tense == "now" else "ました"
    slots = styles()["slots"]
    values = {slot: draw.one(slots[slot]) for slot in sorted(frame.slots - {"when", "verb"})}
    values["when"] = draw.one(slots[tense])

    def said(stem: str) -> str:
        return frame.fill(**values, verb=stem + ending)

    false = verb[f"false_{keigo}"]
    line = draw.line(f"mend_{keigo}" if sort == "mend" else f"to_{keigo}")
    given = said(draw.one(false) if sort == "mend" else verb["plain"])
    wanted = said(verb[keigo][0])
    particle = frame.text[frame.text.index("{verb}") - 1]
    right = [stem + ending for stem in verb[keigo]]
    # a plain verb that also ends a right form is looked for after its particle: 説明しました in ご説明しました
    wrong = [
        f"{particle}{form}" if any(form in one for one in right) else form
        for form in (stem + ending for stem in (verb["plain"], *false) if stem not in verb[keigo])
    ]
    spec = checks(
        {"kind": "keyword_include", "keywords": right, "least": 1},
        {"kind": "keyword_exclude", "keywords": wrong},
        {"kind": "keyword_include", "keywords": [v for slot, v in values.items() if slot != "when"]},
        {"kind": "keitai", "style": "keitai"},
        {"kind": "char_count", "max": len(wanted) + 40},
    )
    answer = draw.say("mended", text=wanted) if sort == "mend" else wanted
    return Instance((Turn("user", line.fill(text=given)), Turn("assistant", checks=spec, answer=answer)), line.id)
