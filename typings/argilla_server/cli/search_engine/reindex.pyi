from collections.abc import AsyncGenerator
from uuid import UUID

from argilla_server.database import AsyncSession
from argilla_server.models import Dataset, Record
from argilla_server.search_engine.base import SearchEngine

class Reindexer:
    @classmethod
    async def reindex_dataset(cls, db: AsyncSession, search_engine: SearchEngine, dataset_id: UUID) -> Dataset: ...
    @classmethod
    def reindex_dataset_records(
        cls, db: AsyncSession, search_engine: SearchEngine, dataset: Dataset
    ) -> AsyncGenerator[list[Record]]: ...
