"""Summarising a passage within a number of characters.

What a program can check of a summary: its length, that it is not copied, that its numbers are the passage's, its style, and that
it is only a summary. Whether it says what matters is for a judge or a person. No program makes the answer: an extract is no summary.
"""

from typing import ClassVar

from synth.passage import is_prose
from synth.seed import Seed
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, Turn, checks


class Summarise(Task):
    """Summaries of passages.

    share: length asked for, in percent of the passage's, from least to most. copied: characters in a row from which a summary counts
    as copied, ≥ 10.
    """

    name: ClassVar[str] = "summarise"
    function: ClassVar[str] = "summarise"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "summarise"
    passage: ClassVar[bool] = True

    def __init__(self, *, share: tuple[int, int] = (20, 40), copied: int = 30):
        if not 5 <= share[0] <= share[1] <= 80:
            raise TaskError(f"summarise: share is two percentages from 5 to 80, rising, not {list(share)}")
        if copied < 10:
            raise TaskError(f"summarise: copied must be ≥ 10 characters, not {copied}")
        self.share, self.copied = share, copied

    def make(self, draw: Draw, passage: Seed | None) -> Instance | None:
        """A summary of at most a drawn share of the passage (≥ 40 characters, in tens); None where the passage is no prose."""
        assert passage is not None
        if not is_prose(passage.text):
            return None
        limit = max(40, len(passage.text) * draw.integer(*self.share) // 1000 * 10)
        least = limit // 2 if draw.chance(50) else None
        own_words, style = draw.chance(50), draw.one((None, None, "keitai", "jotai"))
        length = draw.say("length_most" if least is None else "length_both", limit=limit, least=least)
        rules = [draw.say("count"), draw.say("only")]
        rules += [draw.say("copy")] if own_words else []
        rules += [draw.say(f"style_{style}")] if style else []
        line = draw.line("ask")
        item = "\n・" if "# 制約" in line.text else ""
        asked = line.fill(length=length, passage=passage.text, rules="".join(item + rule for rule in rules))
        source = {"passages": [passage.text]}
        spec = checks(
            {"kind": "char_count", "min": least, "max": limit, "spaces": "count", "newlines": "skip"},
            {"kind": "grounded_numbers", "least": 0} | source,
            {"kind": "copied_span", "longest": self.copied} | source if own_words else None,
            {"kind": "keitai", "style": style} if style else {"kind": "style_unity"},
            {"kind": "response_language", "language": "ja"},
            {"kind": "no_preamble"},
        )
        return Instance((Turn("user", asked), Turn("assistant", checks=spec)), line.id)
