"""Argilla's rows as the index takes them."""

import json
from typing import Any

from argilla_server.models import Field, Record, Response, Suggestion
from sqlalchemy import inspect

from annotation.server.engine.conditions import moment
from annotation.server.engine.writing import Answered, Document, Values


def document(record: Record) -> Document:
    """A record with what is loaded of it: relationships that were not asked for are left as the index has them."""
    unloaded = inspect(record).unloaded
    return Document(
        record=record.id.hex,
        status=str(record.status),
        inserted_at=moment(record.inserted_at),
        updated_at=moment(record.updated_at),
        external_id=record.external_id,
        fields={f.name: searchable(f, record.fields.get(f.name)) for f in record.dataset.fields if not f.is_image},
        metadata=dict(record.metadata_ or {}),
        suggestions=None if "suggestions" in unloaded else {s.question.name: suggested(s) for s in record.suggestions},
        responses=None if "responses" in unloaded else [answered(response) for response in record.responses],
        vectors=None if "vectors" in unloaded else {v.vector_settings_id.hex: v.value for v in record.vectors},
    )


def searchable(field: Field, value: Any) -> str:
    """What of a field's value can be searched: text as it is, the turns of a chat, everything in a custom field."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if field.is_chat:
        return "\n".join(f"{turn.get('role', '')}\n{turn.get('content', '')}" for turn in value)
    return json.dumps(value, ensure_ascii=False)


def answered(response: Response) -> Answered:
    """One annotator's response."""
    values = {question: said.get("value") for question, said in (response.values or {}).items()}
    return Answered(response.id.hex, response.user_id.hex, str(response.status), moment(response.updated_at), values)


def suggested(suggestion: Suggestion) -> Values:
    """What is suggested for a question, by whom, and how surely."""
    kind = None if suggestion.type is None else str(suggestion.type)
    return {"value": suggestion.value, "score": suggestion.score, "agent": suggestion.agent, "type": kind}
