"""A domain as a file of data: facts, their sentences, and questions about them; documents are made up from it.

A file says what its documents are called (`document`), what they are about (`subjects`), the order of their parts (`order`: facts,
and parts without a fact such as a greeting), how many facts one has at least (`least`, ≥ 3), and the facts with their values
(`synth.tasks.values`). `derived` facts are asked for and not written: the difference of two. Its `lines` are wordings: `title`; for
a fact FACT (its sentence), FACT_key (what it is), FACT_ask and FACT_reply. `number` heads each part (第{n}条), `join` stands between.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from curation.yaml_file import load_yaml
from synth.tasks.draw import Draw
from synth.tasks.notices import Fact
from synth.tasks.task import TaskError
from synth.tasks.values import number, value
from synth.wordings import Wordings, read_wordings

FOLDER = Path(__file__).parent.parent / "domains"
"""Domains that come with the project."""

_KEYS = frozenset("version domain document subjects join number order least facts derived lines".split())


@dataclass(frozen=True)
class Record:
    """A made-up document. parts: its sentences in order, each with the name of its fact or part."""

    title: str
    subject: str
    parts: tuple[tuple[str, str], ...]
    facts: tuple[Fact, ...]
    join: str
    number: str

    def text(self, without: str = "") -> str:
        """Title and sentences, one of them left out on request; numbers run on."""
        kept = [sentence for name, sentence in self.parts if name != without]
        heads = [self.number.replace("{n}", str(i)) for i in range(1, len(kept) + 1)]
        return f"{self.title}\n\n{self.join.join(h + s for h, s in zip(heads, kept, strict=True))}"

    def fact(self, name: str) -> Fact:
        """A fact by its name."""
        return next(fact for fact in self.facts if fact.name == name)


@dataclass(frozen=True)
class DomainFile:
    """What a file says. path: where it stands; words: its wordings."""

    path: Path
    said: Mapping[str, Any]
    words: Wordings

    @property
    def name(self) -> str:
        """Name of the domain, the column `domain` of its rows."""
        return self.said["domain"]

    def say(self, draw: Draw, part: str, /, **values: object) -> str:
        """One of its wordings, remembered with the draw."""
        line = draw.one(self.words.of(part, draw.split))
        draw.lines.append(line)
        return line.fill(**values)

    def record(self, draw: Draw, needs: Sequence[str] = ()) -> Record:
        """A document with at least `least` facts, `needs` among them."""
        facts: Mapping[str, Any] = self.said["facts"]
        more = [name for name in facts if name not in needs]
        count = draw.integer(max(self.said["least"], len(needs)), len(facts))
        chosen = {*needs, *draw.some(more, count - len(needs))}
        subject = draw.one(self.said["subjects"])
        title = self.say(draw, "title", subject=subject)
        parts: list[tuple[str, str]] = []
        made: list[Fact] = []
        for name in self.said["order"]:
            if name in chosen:
                drawn = value(draw, facts[name])
                sentence = self.say(draw, name, value=drawn.text, subject=subject)
                made.append(Fact(name, drawn.kind, drawn.text, drawn.data, sentence, drawn.unit, drawn.others))
                parts.append((name, sentence))
            elif name not in facts:
                parts.append((name, self.say(draw, name, subject=subject)))
        join, numbering = self.said.get("join", ""), self.said.get("number", "")
        return Record(title, subject, tuple(parts), tuple(made), join, numbering)

    def difference(self, record: Record, name: str) -> tuple[Fact, Fact, Fact]:
        """A derived fact of a document, and the two that it follows from."""
        first, second = (record.fact(fact) for fact in self.said["derived"][name]["minus"])
        found = number(int(first.value) - int(second.value), first.unit)
        return Fact(name, "number", found.text, found.data, "", found.unit), first, second


@cache
def domains() -> Mapping[str, Path]:
    """The project's own domains by the names of their files."""
    return {path.stem: path for path in sorted(FOLDER.glob("*.yaml"))}


def read_domain(name: str) -> DomainFile:
    """A domain by its name, or a file of one's own by its path (ending in .yaml). Raises TaskError, WordingError."""
    known = domains()
    path = Path(name) if name.endswith(".yaml") else known.get(name)
    if path is None:
        raise TaskError(
            f"domain: there is no domain '{name}'; domains are {', '.join(known)}, or the path of a .yaml file"
        )
    words = read_wordings(path)
    said = load_yaml(path.read_text(encoding="utf-8"))
    _checked(said, words, path.name)
    return DomainFile(path, said, words)


def _checked(said: Mapping[str, Any], words: Wordings, where: str) -> None:
    if unknown := sorted(set(said) - _KEYS):
        raise TaskError(f"{where}: unknown key '{unknown[0]}'; keys are {', '.join(sorted(_KEYS))}")
    if missing := [key for key in ("domain", "document", "subjects", "order", "least", "facts") if key not in said]:
        raise TaskError(f"{where}: '{missing[0]}' is missing")
    facts, parts = said["facts"], set(words.parts)
    if not 3 <= said["least"] <= len(facts):
        raise TaskError(f"{where}: least is from 3 to the number of facts ({len(facts)}), not {said['least']}")
    if absent := [name for name in facts if name not in said["order"]]:
        raise TaskError(f"{where}: the fact '{absent[0]}' has no place in order")
    wanted = {"title", *said["order"]} | {f"{fact}_{part}" for fact in facts for part in ("key", "ask", "reply")}
    for name, derived in said.get("derived", {}).items():
        wanted |= {f"{name}_ask", f"{name}_reply"}
        pair = derived.get("minus", ())
        if len(pair) != 2 or any("number" not in facts.get(fact, {}) for fact in pair):
            raise TaskError(f"{where}: derived '{name}': minus names two facts that are numbers, not {pair!r}")
    if lacking := sorted(wanted - parts):
        raise TaskError(f"{where}: no line for part '{lacking[0]}'; a fact has FACT, FACT_key, FACT_ask and FACT_reply")
    for line in words.lines:
        filled = _filled(line.part, said)
        if filled is not None and (unknown := sorted(line.slots - filled)):
            right = ", ".join(f"{{{name}}}" for name in sorted(filled)) or "none"
            raise TaskError(f"{where}: line {line.name}: nothing fills {{{unknown[0]}}}; slots of this part: {right}")


def _filled(part: str, said: Mapping[str, Any]) -> frozenset[str] | None:
    """Slots that are filled in a part of a domain's lines; None for a part that no task draws."""
    subject, derived = frozenset({"subject"}), said.get("derived", {})
    if part == "title" or part in said["order"]:
        return subject | {"value"} if part in said["facts"] else subject
    fact, _, kind = part.rpartition("_")
    if fact not in said["facts"] and fact not in derived:
        return None
    reply = frozenset({"value", "first", "second"}) if fact in derived else subject | {"value"}
    return {"key": frozenset[str](), "ask": subject, "reply": reply}.get(kind)
