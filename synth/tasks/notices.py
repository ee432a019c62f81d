"""Made-up notices: short documents whose every fact is known, so that questions about them have exact answers.

A notice is a title and one sentence a fact. Values are data (`synth/seeds/notices.yaml`), sentences are wordings
(`synth/prompts/notices.yaml`). A fact can be left out with its sentence, and is then nowhere in the text: `remains` looks for its
value in every form in which it might be read.
"""

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from synth.tasks import values
from synth.tasks.draw import Draw
from synth.verify.answer import folded
from synth.verify.numerals import number
from synth.wordings import Line, Wordings, wordings

FILE = Path(__file__).parent.parent / "seeds" / "notices.yaml"
GROUP = "notices"
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?|[〇一二三四五六七八九十百千万]+")


@dataclass(frozen=True)
class Fact:
    """One fact of a notice.

    text: as the notice says it (`2,800円`); value: as data (2800, `2027-05-08`, `09:30`); others: other ways to say it (別名).
    """

    name: str
    kind: str
    text: str
    value: str | int
    sentence: str
    unit: str = ""
    others: tuple[str, ...] = ()

    @property
    def forms(self) -> tuple[str, ...]:
        """Ways in which an answer might say it: what must not be left where it was removed, and what would leak it."""
        if self.kind == "date":
            day = datetime.date.fromisoformat(str(self.value))
            return (f"{day.month}月{day.day}日", f"{day.month}/{day.day}", str(self.value))
        if self.kind == "clock":
            return (self.text, str(self.value))
        return (self.text, *self.others)

    @property
    def said(self) -> tuple[str, ...]:
        """Ways in which an answer says it: its forms, and a number without its commas."""
        plain = (f"{self.value}{self.unit}",) if self.kind == "number" else ()
        return tuple(dict.fromkeys((*self.forms, *plain)))


@dataclass(frozen=True)
class Notice:
    """A notice. subject: what it is about; facts in the order of its sentences."""

    kind: str
    subject: str
    title: str
    facts: tuple[Fact, ...]

    @property
    def text(self) -> str:
        """Title and sentences."""
        return f"{self.title}\n\n{''.join(fact.sentence for fact in self.facts)}"

    def without(self, name: str) -> "Notice":
        """The same notice without a fact and its sentence."""
        return Notice(self.kind, self.subject, self.title, tuple(f for f in self.facts if f.name != name))

    def fact(self, name: str) -> Fact:
        """A fact by its name."""
        return next(f for f in self.facts if f.name == name)


@cache
def kinds(file: Path = FILE) -> Mapping[str, Any]:
    """Kinds of notices, with subjects and values."""
    return yaml.safe_load(file.read_text(encoding="utf-8"))["kinds"]


def words() -> Wordings:
    """Sentences, questions and answers of notices."""
    return wordings(GROUP)


def notice(draw: Draw, kind: str | None = None, avoid: Sequence[str] = ()) -> Notice:
    """A drawn notice of a kind, or of any; its subject is none of `avoid`. At least four facts."""
    kind = draw.one(sorted(kinds())) if kind is None else kind
    said = kinds()[kind]
    subject = draw.one([s for s in said["subject"] if s not in avoid])
    count = draw.integer(min(4, len(said["facts"])), len(said["facts"]))
    chosen = set(draw.some(list(said["facts"]), count))
    names = [name for name in said["facts"] if name in chosen]
    facts = [_fact(draw, kind, name, said["facts"][name], subject) for name in names]
    title = _line(draw, f"{kind}_title").fill(subject=subject)
    return Notice(kind, subject, title, tuple(facts))


def ask(draw: Draw, of: Notice, name: str) -> str:
    """A question for a fact, whether the notice still has it or not."""
    return _line(draw, f"{of.kind}_{name}_ask").fill(subject=of.subject)


def reply(draw: Draw, of: Notice, name: str) -> str:
    """The answer to the question for a fact."""
    return _line(draw, f"{of.kind}_{name}_reply").fill(value=of.fact(name).text, subject=of.subject)


def value(draw: Draw, kind: str, name: str, subject: str) -> str:
    """A drawn value of a fact as a notice would say it: for an answer that looks right and is not."""
    return _value(draw, kinds()[kind]["facts"][name], subject)[1]


def remains(text: str, fact: Fact) -> bool:
    """Whether a fact could still be read in a text: one of its forms, or its number in any way of writing.

    >>> fee = Fact("fee", "number", "2,800円", 2800, "", "円")
    >>> remains("二千八百円", fee), remains("28人", fee)
    (True, False)
    """
    if any(folded(form) in folded(text) for form in fact.forms):
        return True
    if fact.kind != "number":
        return False
    return any(number(found) == fact.value for found in _NUMBER.findall(folded(text)))


def _line(draw: Draw, part: str) -> Line:
    line = draw.one(words().of(part, draw.split))
    draw.lines.append(line)
    return line


def _fact(draw: Draw, kind: str, name: str, said: Mapping[str, Any], subject: str) -> Fact:
    what, text, value, others = _value(draw, said, subject)
    sentence = _line(draw, f"{kind}_{name}").fill(value=text, subject=subject)
    return Fact(name, what, text, value, sentence, said.get("unit", ""), others)


def _value(draw: Draw, said: Mapping[str, Any], subject: str) -> tuple[str, str, str | int, tuple[str, ...]]:
    """A value of a fact: what it is, as the notice says it, as data, other ways to say it."""
    own = said.get("values")
    made = values.value(draw, {"values": own[subject]} if isinstance(own, dict) else said)
    return made.kind, made.text, made.data, made.others
