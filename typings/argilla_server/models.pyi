from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Self
from uuid import UUID

from argilla_server.database import AsyncSession
from argilla_server.enums import MetadataPropertyType

class UserRole(StrEnum):
    owner = "owner"
    admin = "admin"
    annotator = "annotator"

class Model:
    id: UUID
    inserted_at: datetime
    updated_at: datetime
    @classmethod
    async def get_by(cls, db: AsyncSession, **conditions: Any) -> Self | None: ...
    @classmethod
    async def create(cls, db: AsyncSession, **columns: Any) -> Self: ...

class User(Model):
    username: str

class Workspace(Model):
    name: str

class Field(Model):
    name: str
    @property
    def is_image(self) -> bool: ...
    @property
    def is_chat(self) -> bool: ...

class Question(Model):
    name: str

class MetadataProperty(Model):
    name: str
    dataset_id: UUID
    @property
    def type(self) -> MetadataPropertyType: ...

class VectorSettings(Model):
    dataset_id: UUID

class Vector(Model):
    value: list[float]
    vector_settings_id: UUID

class Response(Model):
    values: Mapping[str, Mapping[str, Any]] | None
    status: str
    user_id: UUID
    record: Record

class Suggestion(Model):
    value: Any
    score: float | list[float] | None
    agent: str | None
    type: str | None
    record_id: UUID
    record: Record
    question: Question

class Record(Model):
    fields: Mapping[str, Any]
    metadata_: Mapping[str, Any] | None
    status: str
    external_id: str | None
    dataset_id: UUID
    dataset: Dataset
    responses: Sequence[Response]
    suggestions: Sequence[Suggestion]
    vectors: Sequence[Vector]
    def vector_value_by_vector_settings(self, vector_settings: VectorSettings) -> list[float] | None: ...

class Dataset(Model):
    fields: Sequence[Field]
    metadata_properties: Sequence[MetadataProperty]
    @property
    def is_draft(self) -> bool: ...
