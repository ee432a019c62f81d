"""Terms of a page's topic: what a word means, which word is meant, which explanation goes with which; and short texts on the topic.

The only task that takes nothing of a page but what it is about (`use` topic), so its rows may go where the page's text may not. Terms
and what they mean are the project's own data (`synth/seeds/terms.yaml`); a page only says from which topic they are drawn. Sorts:

    explain   what a term means, within a number of characters       name    the term that is meant, out of a topic's
    match     three or four terms and explanations, as JSON           write   a text on the topic with a term in it: a model's alone
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal

import yaml

from synth.seed import Seed
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, Turn, checks

TERMS = Path(__file__).parent.parent / "seeds" / "terms.yaml"
LABELS = "アイウエ"
Term = tuple[str, str, Sequence[str]]
"""A term, what it is, and words of which an explanation has one."""


@cache
def terms(file: Path = TERMS) -> Mapping[str, tuple[Term, ...]]:
    """Terms of each topic, by the topic's path."""
    said: Mapping[str, list[list[Any]]] = yaml.safe_load(file.read_text(encoding="utf-8"))["topics"]
    return {path: tuple((t, what, tuple(words)) for t, what, words in listed) for path, listed in said.items()}


class Terms(Task):
    """Terms of the topics of passages. sorts: those wanted, of `SORTS`; all when not given.

    A passage without a topic does not serve.
    """

    name: ClassVar[str] = "terms"
    function: ClassVar[str] = "explanation"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "terms"
    passage: ClassVar[bool] = True
    use: ClassVar[Literal["embeds", "derives", "topic"]] = "topic"

    def __init__(self, *, sorts: Sequence[str] = ()):
        if unknown := sorted(set(sorts) - SORTS.keys()):
            raise TaskError(f"terms: there is no sort '{unknown[0]}'; sorts are {', '.join(SORTS)}")
        self.sorts = tuple(sorts) or tuple(SORTS)

    def make(self, draw: Draw, passage: Seed | None) -> Instance | None:
        """An instance of a drawn sort; None where the passage has no topic, or none with terms."""
        assert passage is not None
        listed = terms().get(passage.topic)
        if not listed:
            return None
        return SORTS[draw.one(self.sorts)](draw, passage.topic.rpartition("/")[2], listed)


def _explain(draw: Draw, topic: str, listed: Sequence[Term]) -> Instance:
    term, what, words = draw.one(listed)
    answer = draw.say("explain_answer", term=term, what=what)
    most = -(-len(answer) // 10) * 10 + draw.step(10, 40, 10)
    line = draw.line("explain")
    asked = line.fill(topic=topic, term=term, most=most, count=draw.say("count"))
    spec = checks(
        {"kind": "keyword_include", "keywords": list(words), "least": 1},
        {"kind": "char_count", "max": most, "spaces": "count", "newlines": "skip"},
        {"kind": "keitai", "style": "keitai"},
    )
    return Instance((Turn("user", asked), Turn("assistant", checks=spec, answer=answer)), line.id)


def _name(draw: Draw, topic: str, listed: Sequence[Term]) -> Instance:
    term, what, _ = draw.one(listed)
    others = [t for t, _, _ in listed if t != term]
    if draw.chance(50):
        line = draw.line("name_only")
        spec = checks({"kind": "answer_choice", "choices": [term, f"{term}です"]})
        answer = term
    else:
        line = draw.line("name")
        answer = draw.say("name_answer", term=term)
        spec = checks(
            {"kind": "keyword_include", "keywords": [term]},
            {"kind": "keyword_exclude", "keywords": others, "except_in": [term]},
            {"kind": "char_count", "max": len(term) + 30},
            {"kind": "keitai", "style": "keitai"},
        )
    asked = line.fill(topic=topic, what=what)
    return Instance((Turn("user", asked), Turn("assistant", checks=spec, answer=answer)), line.id)


def _match(draw: Draw, topic: str, listed: Sequence[Term]) -> Instance:
    chosen = draw.some(listed, draw.integer(3, 4))
    order = draw.shuffled(chosen)
    label = {term: LABELS[i] for i, (term, _, _) in enumerate(order)}
    values = {term: label[term] for term, _, _ in chosen}
    line = draw.line("match")
    asked = line.fill(
        topic=topic,
        terms="\n".join(f"・{term}" for term, _, _ in chosen),
        meanings="\n".join(f"{label[term]}：{what}" for term, what, _ in order),
        form=draw.say("form"),
    )
    labels = {"enum": sorted(label.values())}
    schema = {"type": "object", "properties": dict.fromkeys(values, labels), "required": list(values)}
    spec = checks(
        {"kind": "json_schema", "schema": schema | {"additionalProperties": False}},
        {"kind": "json_values", "values": values, "only": True},
    )
    answer = json.dumps(values, ensure_ascii=False, indent=2 if draw.chance(50) else None)
    return Instance((Turn("user", asked), Turn("assistant", checks=spec, answer=answer)), line.id)


def _write(draw: Draw, topic: str, listed: Sequence[Term]) -> Instance:
    term, _, _ = draw.one(listed)
    count, style = draw.integer(2, 5), draw.one(("keitai", "jotai"))
    line = draw.line("write")
    asked = line.fill(topic=topic, term=term, n=count, style=draw.say(f"style_{style}"))
    spec = checks(
        {"kind": "keyword_include", "keywords": [term]},
        {"kind": "sentence_count", "min": count, "max": count},
        {"kind": "keitai", "style": style},
        {"kind": "response_language", "language": "ja"},
        {"kind": "no_preamble"},
    )
    return Instance((Turn("user", asked), Turn("assistant", checks=spec)), line.id)


SORTS: Mapping[str, Callable[[Draw, str, Sequence[Term]], Instance]] = {
    "explain": _explain, "name": _name, "match": _match, "write": _write,
}  # fmt: skip
"""Sorts of questions, each with what makes it."""
