"""俳句, 川柳, 短歌 with a required word, and their reading, so that morae can be counted.

A model writes them: no program makes a poem. What is checked is the form (`synth/verify/poem.py`): morae of every line over the よみ
line, that it is a reading of the poem, and the word. Whether it is a good poem, or the word a 季語 of the season, is for people.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from synth.seed import Seed
from synth.tasks.constraints import words
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, Turn, checks

FORMS = ("haiku", "senryu", "tanka")


class Poems(Task):
    """Poems in drawn forms. forms: those wanted, of haiku, senryu and tanka; all when not given."""

    name: ClassVar[str] = "poems"
    function: ClassVar[str] = "poems"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "poems"

    def __init__(self, *, forms: Sequence[Literal["haiku", "senryu", "tanka"]] = ()):
        self.forms = tuple(forms) or FORMS
        if len(set(self.forms)) < len(self.forms):
            raise TaskError(f"poems: a form is named twice in {list(self.forms)}")

    def make(self, draw: Draw, passage: Seed | None) -> Instance:
        """A poem with a word of its form."""
        form = draw.one(self.forms)
        word = draw.one(words()["season"][form])
        line = draw.line(form)
        prompt = line.fill(word=word, rules=draw.say("rules"))
        spec = checks(
            {"kind": "poem", "form": form, "word": word, "yomi_required": True},
            {"kind": "line_count", "min": 2, "max": 7},
            {"kind": "no_preamble"},
        )
        return Instance((Turn("user", prompt), Turn("assistant", checks=spec, max_tokens=160)), line.id)
