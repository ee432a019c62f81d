from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from argilla_server.models import User

C = TypeVar("C")

@dataclass
class SuggestionFilterScope:
    question: str
    property: str

@dataclass
class ResponseFilterScope:
    question: str | None = None
    property: str | None = None
    user: User | None = None

@dataclass
class MetadataFilterScope:
    metadata_property: str

@dataclass
class RecordFilterScope:
    property: str

FilterScope = SuggestionFilterScope | ResponseFilterScope | MetadataFilterScope | RecordFilterScope

@dataclass
class TermsFilter:
    scope: FilterScope
    values: list[str]

@dataclass
class RangeFilter:
    scope: FilterScope
    ge: float | str | None = None
    le: float | str | None = None

@dataclass
class AndFilter:
    filters: list[Filter]

Filter = AndFilter | TermsFilter | RangeFilter

@dataclass
class Order:
    scope: FilterScope
    order: str

class TextQuery:
    q: str
    field: str | None
    def __init__(self, *, q: str, field: str | None = None) -> None: ...

class SearchResponseItem:
    record_id: UUID
    score: float | None
    def __init__(self, *, record_id: str, score: float | None) -> None: ...

class SearchResponses:
    items: list[SearchResponseItem]
    total: int
    def __init__(self, *, items: Sequence[SearchResponseItem], total: int) -> None: ...

class TermsMetrics:
    class TermCount:
        def __init__(self, *, term: str, count: int) -> None: ...

    def __init__(self, *, total: int, values: Sequence[TermCount]) -> None: ...

class IntegerMetadataMetrics:
    def __init__(self, *, min: Any, max: Any) -> None: ...

class FloatMetadataMetrics:
    def __init__(self, *, min: Any, max: Any) -> None: ...

MetadataMetrics = TermsMetrics | IntegerMetadataMetrics | FloatMetadataMetrics

class SearchEngine:
    @classmethod
    def register(cls, engine_name: str) -> Callable[[type[C]], type[C]]: ...
