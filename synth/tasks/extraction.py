"""Extraction to JSON: facts of a made-up notice under given keys, dates, times and numbers in a stated form.

Some keys ask for what the notice does not say: their value is null, and a model that invents one fails. A model's answer may be held
to JSON while it is drawn (`held`); the values are its own.
"""

import json
from typing import Any, ClassVar

from synth.engine.request import Structure
from synth.seed import Seed
from synth.tasks import notices
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, Turn, checks

TYPES = {"number": "integer", "date": "string", "clock": "string", "text": "string"}


class Extraction(Task):
    """Facts of notices as JSON.

    absent: percent of notices that lack a fact which is asked for. held: whether a model's answer is held to the schema while it is
    drawn.
    """

    name: ClassVar[str] = "extraction"
    function: ClassVar[str] = "extraction"
    version: ClassVar[str] = "1"
    group: ClassVar[str] = "extraction"

    def __init__(self, *, absent: int = 40, held: bool = False):
        if not 0 <= absent <= 100:
            raise TaskError(f"extraction: absent is a percentage from 0 to 100, not {absent}")
        self.absent, self.held = absent, held

    def make(self, draw: Draw, passage: Seed | None) -> Instance:
        """Three to six keys of a notice, in an order of their own."""
        whole = notices.notice(draw)
        asked = draw.some(whole.facts, draw.integer(3, min(6, len(whole.facts))))
        shown, gone = whole, None
        if draw.chance(self.absent):
            gone = draw.one(asked)
            left = whole.without(gone.name)
            shown, gone = (whole, None) if notices.remains(left.text, gone) else (left, gone)
        values: dict[str, Any] = {fact.name: None if fact is gone else fact.value for fact in asked}
        key = draw.line("key")
        keys = "\n".join(key.fill(key=f.name, meaning=draw.say(f"{whole.kind}_{f.name}")) for f in asked)
        line = draw.line("ask")
        prompt = line.fill(keys=keys, form=draw.say("form"), notice=shown.text)
        properties = {fact.name: {"type": [TYPES[fact.kind], "null"]} for fact in asked}
        schema = {"type": "object", "properties": properties, "required": list(values), "additionalProperties": False}
        spec = checks(
            {"kind": "json_schema", "schema": schema}, {"kind": "json_values", "values": values, "only": True}
        )
        answer = json.dumps(values, ensure_ascii=False, indent=2 if draw.chance(50) else None)
        structure = Structure.json_schema(schema) if self.held else None
        return Instance(
            (Turn("user", prompt), Turn("assistant", checks=spec, answer=answer, structure=structure)), line.id
        )
