"""Documents of a domain (medicine, law, a call centre …), added by data alone: extraction, questions, twins, summaries by items.

Every fact of a document is known, so an extraction is held to its values, an answer to its fact, a summary to what was asked for and
nothing else, and every number to the document. A domain of one's own is a file (`synth.tasks.domain_file`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from synth.seed import Seed
from synth.tasks.domain_file import DomainFile, Record, domains, read_domain
from synth.tasks.draw import Draw
from synth.tasks.extraction import TYPES
from synth.tasks.notices import Fact, remains
from synth.tasks.task import Instance, Task, TaskError, Turn, checks


class Domain(Task):
    """Documents of domains.

    domains: names of those wanted, or paths of files; the project's own when not given. sorts: of `SORTS`; all when not given.
    unanswerable: percent of questions and extractions that have a twin without what is asked for.
    """

    name: ClassVar[str] = "domain"
    function: ClassVar[str] = "domain"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "domain"
    exempt: ClassVar[tuple[str, ...]] = ("code_switching",)
    members: ClassVar[int] = 2
    paths: ClassVar[tuple[str, ...]] = ("domains",)

    def __init__(self, *, domains: Sequence[str] = (), sorts: Sequence[str] = (), unanswerable: int = 50):
        if unknown := sorted(set(sorts) - SORTS.keys()):
            raise TaskError(f"domain: there is no sort '{unknown[0]}'; sorts are {', '.join(SORTS)}")
        if not 0 <= unanswerable <= 100:
            raise TaskError(f"domain: unanswerable is a percentage from 0 to 100, not {unanswerable}")
        self.read = tuple(read_domain(str(name)) for name in domains or _own())
        self.sorts, self.unanswerable = tuple(sorts) or tuple(SORTS), unanswerable

    def files(self) -> tuple[Path, ...]:
        """Files of domains of one's own."""
        own = set(domains().values())
        return tuple(file.path for file in self.read if file.path not in own)

    def make(self, draw: Draw, passage: Seed | None) -> Instance | None:
        """A document of a drawn domain, and what is asked of it.

        The second member is the same without a fact that is asked for; None where the recipe wants none, the value is elsewhere
        too, or the sort has no twins.
        """
        file, sort = draw.one(self.read), draw.one(self.sorts)
        if not draw.chance(self.unanswerable) and draw.member == 1:
            return None
        return SORTS[sort](draw, file)


def _own() -> tuple[str, ...]:
    return tuple(domains())


def _extract(draw: Draw, file: DomainFile) -> Instance | None:
    record = file.record(draw)
    asked = draw.some(record.facts, draw.integer(3, min(6, len(record.facts))))
    gone, text = draw.one(asked), record.text()
    if draw.member == 1:
        text = record.text(gone.name)
        if remains(text, gone):
            return None
    values: dict[str, Any] = {f.name: None if f is gone and draw.member == 1 else f.value for f in asked}
    key, line = draw.line("key"), draw.line("extract")
    keys = "\n".join(key.fill(key=f.name, meaning=file.say(draw, f"{f.name}_key")) for f in asked)
    prompt = line.fill(document=file.said["document"], keys=keys, form=draw.say("form"), text=text)
    properties = {fact.name: {"type": [TYPES[fact.kind], "null"]} for fact in asked}
    schema = {"type": "object", "properties": properties, "required": list(values), "additionalProperties": False}
    spec = checks({"kind": "json_schema", "schema": schema}, {"kind": "json_values", "values": values, "only": True})
    turn = Turn("assistant", checks=spec, answer=json.dumps(values, ensure_ascii=False, indent=2))
    twin = f"{record.text()}/{line.id}/{'/'.join(values)}"
    return Instance((Turn("user", prompt), turn), line.id, domain=file.name, twin=twin)


def _question(draw: Draw, file: DomainFile) -> Instance | None:
    record = file.record(draw)
    fact = draw.one(record.facts)
    question = file.say(draw, f"{fact.name}_ask", subject=record.subject)
    reply = file.say(draw, f"{fact.name}_reply", value=fact.text, subject=record.subject)
    return _asked(draw, file, record, question, fact, fact, _answered(reply, fact, record.text()))


def _derived(draw: Draw, file: DomainFile) -> Instance | None:
    if not file.said.get("derived"):
        return _question(draw, file)
    name = draw.one(sorted(file.said["derived"]))
    record = file.record(draw, file.said["derived"][name]["minus"])
    fact, first, second = file.difference(record, name)
    question = file.say(draw, f"{name}_ask", subject=record.subject)
    reply = file.say(draw, f"{name}_reply", value=fact.text, first=first.text, second=second.text)
    turn = _answered(reply, fact, record.text(), (str(fact.value),))
    return _asked(draw, file, record, question, fact, second, turn)


def _asked(
    draw: Draw, file: DomainFile, record: Record, question: str, fact: Fact, source: Fact, turn: Turn
) -> Instance | None:
    """A question for `fact`; for the second member, the same where `source`, which it follows from, is not written."""
    line, text, twin = draw.line("question"), record.text(), f"{record.text()}/{question}"
    said = {"document": file.said["document"], "question": question, "unknown": draw.say("unknown")}
    if draw.member == 1:
        text = record.text(source.name)
        if remains(text, source) or remains(text, fact):
            return None
        what = file.say(draw, f"{source.name}_key").partition("（")[0]
        spec = checks(
            {"kind": "abstention", "expect": "unknown", "leaks": list(fact.said)},
            {"kind": "keitai", "style": "keitai"},
            {"kind": "char_count", "max": 120},
        )
        turn = Turn("assistant", checks=spec, answer=draw.say("nowhere", document=said["document"], what=what))
    prompt = line.fill(**said, text=text)
    return Instance((Turn("user", prompt), turn), line.id, domain=file.name, twin=f"{twin}/{line.id}")


def _answered(reply: str, fact: Fact, text: str, derived: Sequence[str] = ()) -> Turn:
    spec = checks(
        {"kind": "keyword_include", "keywords": list(fact.said), "least": 1},
        {"kind": "abstention", "expect": "answer"},
        {"kind": "grounded_numbers", "passages": [text], "derived": list(derived), "least": 0},
        {"kind": "keitai", "style": "keitai"},
        {"kind": "char_count", "max": 200},
    )
    return Turn("assistant", checks=spec, answer=reply)


def _summary(draw: Draw, file: DomainFile) -> Instance | None:
    if draw.member == 1:
        return None
    record = file.record(draw)
    asked = draw.some(record.facts, draw.integer(2, min(5, len(record.facts) - 1)))
    named = {fact.name: file.say(draw, f"{fact.name}_key").partition("（")[0] for fact in asked}
    line, item = draw.line("summary"), draw.line("item")
    text = record.text()
    prompt = line.fill(document=file.said["document"], text=text, names="、".join(named.values()))
    answer = "\n".join(item.fill(name=named[fact.name], value=fact.text) for fact in asked)
    spec = checks(
        {"kind": "bullet_count", "min": len(asked), "max": len(asked), "marks": "・"},
        *({"kind": "keyword_include", "keywords": list(fact.said), "least": 1} for fact in asked),
        {"kind": "keyword_order", "keywords": list(named.values())},
        _left_out(record, asked, answer),
        {"kind": "grounded_numbers", "passages": [text], "least": 0},
        {"kind": "char_count", "max": len(answer) + 120},
    )
    return Instance((Turn("user", prompt), Turn("assistant", checks=spec, answer=answer)), line.id, domain=file.name)


def _left_out(record: Record, asked: Sequence[Fact], answer: str) -> Mapping[str, Any] | None:
    """The values of what was not asked for, which a summary of the rest does not tell."""
    names = {fact.name for fact in asked}
    others = [fact.text for fact in record.facts if fact.name not in names]
    return {"kind": "keyword_exclude", "keywords": kept} if (kept := [o for o in others if o not in answer]) else None


SORTS: Mapping[str, Callable[[Draw, DomainFile], Instance | None]] = {
    "extract": _extract, "question": _question, "derived": _derived, "summary": _summary,
}  # fmt: skip
"""What is asked of a document. `derived` asks for a difference that is not written; a domain without one gets a question."""
