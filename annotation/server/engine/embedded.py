"""The class that Argilla calls: its nineteen methods (and one more) over the embedded index, by the name `embedded`.

What differs from Elasticsearch, each time on purpose: any substring of Japanese is found; an annotator's progress counts that
annotator's responses alone; a queue keeps its order when a record in it changes; metadata that was pushed before its property was
declared is found once it is; a response whose record the index has lost is written to the log and not refused, for Argilla has
already kept it (the next `seimai review up` puts it in).
"""

import logging
import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from argilla_server.enums import MetadataPropertyType, SimilarityOrder
from argilla_server.models import (
    Dataset,
    MetadataProperty,
    Record,
    Response,
    Suggestion,
    User,
    VectorSettings,
)
from argilla_server.search_engine.base import (
    Filter,
    FloatMetadataMetrics,
    IntegerMetadataMetrics,
    MetadataFilterScope,
    MetadataMetrics,
    Order,
    SearchEngine,
    SearchResponseItem,
    SearchResponses,
    TermsMetrics,
    TextQuery,
)

from annotation.server.engine import documents, search, writing
from annotation.server.engine.conditions import filtered, key_of, moment, ordered
from annotation.server.engine.query_text import parse
from annotation.server.engine.store import Store, store_at

NAME = "embedded"
INDEX = "SEIMAI_SEARCH_INDEX"
"""Environment variable that names the file."""

MOST_TERMS = 2**14
"""Values of a metadata property that are listed (Argilla's own limit)."""

LOG = logging.getLogger("argilla.embedded")


@SearchEngine.register(NAME)
class EmbeddedEngine(SearchEngine):
    """Search in one SQLite file. Argilla makes one a request: what is kept between them is in `store`."""

    def __init__(self, store: Store):
        self._store = store

    @classmethod
    async def new_instance(cls) -> "EmbeddedEngine":
        """An engine over the file that the environment names."""
        return cls(store_at(Path(os.environ[INDEX])))

    async def close(self) -> None:
        """Nothing: connections are kept for the next request."""

    async def ping(self) -> bool:
        """Whether the file can be read."""
        return await self._store.read(lambda db: db.execute("SELECT 1").fetchone() == (1,))

    async def info(self) -> dict[str, Any]:
        """Name, version of SQLite, and how much the file holds."""
        counts = "SELECT sqlite_version(), (SELECT count(*) FROM datasets), (SELECT count(*) FROM records)"
        version, datasets, records = await self._store.read(lambda db: db.execute(counts).fetchone())
        size = self._store.path.stat().st_size
        return {"name": NAME, "sqlite": version, "datasets": datasets, "records": records, "bytes": size}

    async def create_index(self, dataset: Dataset) -> None:
        """Makes the index of a dataset that is published."""
        fields = [field.name for field in dataset.fields if not field.is_image]
        properties = {p.name: p.type != MetadataPropertyType.terms for p in dataset.metadata_properties}
        await self._store.write(lambda db: writing.create(db, dataset.id.hex, fields, properties))

    async def delete_index(self, dataset: Dataset) -> None:
        """Deletes it."""
        await self._store.write(lambda db: writing.drop(db, dataset.id.hex))

    async def configure_metadata_property(self, dataset: Dataset, metadata_property: MetadataProperty) -> None:
        """A property that is added to a published dataset."""
        name, numeric = metadata_property.name, metadata_property.type != MetadataPropertyType.terms
        await self._store.write(lambda db: writing.configure(db, dataset.id.hex, name, numeric))

    async def configure_index_vectors(self, vector_settings: VectorSettings) -> None:
        """Nothing: vectors of any length are kept as they come."""

    async def index_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        """Writes records in place of what the index had of them."""
        found = [documents.document(record) for record in records]
        await self._store.write(lambda db: writing.put(db, dataset.id.hex, found))

    async def partial_record_update(self, record: Record, **update: Any) -> None:
        """Changes single columns of a record, e.g. its status."""
        dataset, name = record.dataset_id.hex, record.id.hex
        columns = {key: None if value is None else str(value) for key, value in update.items()}
        columns["updated_at"] = moment(record.updated_at)  # a new status touches it
        if not await self._store.write(lambda db: writing.change(db, dataset, name, **columns)):
            LOG.error("record %s is not in the index; its %s changed", record.id, ", ".join(columns))

    async def delete_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        """Deletes records and all that hangs on them."""
        names = [record.id.hex for record in records]
        await self._store.write(lambda db: writing.delete(db, dataset.id.hex, names))

    async def update_record_response(self, response: Response) -> None:
        """Writes a response, new or changed."""
        record, said = response.record, documents.answered(response)
        dataset, name = record.dataset_id.hex, record.id.hex
        if not await self._store.write(lambda db: writing.put_response(db, dataset, name, said)):
            LOG.error("record %s is not in the index; response %s is in the database alone", record.id, response.id)

    async def delete_record_response(self, response: Response) -> None:
        """Deletes a response."""
        name = response.id.hex
        await self._store.write(lambda db: writing.delete_response(db, name))

    async def update_record_suggestion(self, suggestion: Suggestion) -> None:
        """Writes a suggestion, new or changed."""
        record, question, said = suggestion.record, suggestion.question.name, documents.suggested(suggestion)
        dataset, name = record.dataset_id.hex, record.id.hex
        if not await self._store.write(lambda db: writing.put_suggestion(db, dataset, name, question, said)):
            LOG.error("record %s is not in the index; suggestion %s is in the database alone", name, suggestion.id)

    async def delete_record_suggestion(self, suggestion: Suggestion) -> None:
        """Deletes a suggestion."""
        dataset, name, question = suggestion.record.dataset_id.hex, suggestion.record_id.hex, suggestion.question.name
        await self._store.write(lambda db: writing.delete_suggestion(db, dataset, name, question))

    async def get_dataset_progress(self, dataset: Dataset) -> dict[str, int]:
        """Records by status with their total; nothing for a dataset that is not published."""
        if dataset.is_draft:
            return {}
        name = dataset.id.hex
        return await self._store.read(lambda db: search.progress(db, writing.number_of(db, name)))

    async def get_dataset_user_progress(self, dataset: Dataset, user: User) -> dict[str, int]:
        """An annotator's responses by status with their total; nothing for a dataset that is not published."""
        if dataset.is_draft:
            return {}
        name, whose = dataset.id.hex, user.id.hex
        return await self._store.read(lambda db: search.user_progress(db, writing.number_of(db, name), whose))

    async def search(
        self,
        dataset: Dataset,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,
        sort: list[Order] | None = None,
        offset: int = 0,
        limit: int = 100,
        user_id: object = None,
    ) -> SearchResponses:
        """One page of the records that match. user_id: whose queue it is, for the order where no sort is asked."""
        name = dataset.id.hex
        whose = None if user_id is None else str(user_id)

        def ask(db: Any) -> search.Page:
            wanted = _wanted(db, name, query, filter)
            order = ordered(db, wanted.number, sort) if sort else None
            return search.page(db, replace(wanted, order=order, user=whose), offset, limit)

        return _responses(await self._store.read(ask))

    async def compute_metrics_for(self, metadata_property: MetadataProperty) -> MetadataMetrics:
        """Values of a metadata property with their counts, or the range of its numbers."""
        dataset, kind = metadata_property.dataset_id.hex, metadata_property.type
        scope = MetadataFilterScope(metadata_property=metadata_property.name)

        def ask(db: Any) -> MetadataMetrics:
            key = key_of(db, writing.number_of(db, dataset), scope)
            if kind == MetadataPropertyType.terms:
                counts, total = search.term_counts(db, key, MOST_TERMS)
                values = [TermsMetrics.TermCount(term=term, count=count) for term, count in counts]
                return TermsMetrics(total=total, values=values)
            least, greatest = search.extent(db, key)
            metrics = IntegerMetadataMetrics if kind == MetadataPropertyType.integer else FloatMetadataMetrics
            return metrics(min=least, max=greatest)

        return await self._store.read(ask)

    async def similarity_search(
        self,
        dataset: Dataset,
        vector_settings: VectorSettings,
        value: list[float] | None = None,
        record: Record | None = None,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,
        max_results: int = 100,
        order: SimilarityOrder = SimilarityOrder.most_similar,
        threshold: float | None = None,
    ) -> SearchResponses:
        """The records nearest to (or farthest from) a vector or another record. Raises ValueError without exactly one of them."""
        if bool(value) == bool(record):
            raise ValueError("Must provide either vector value or record to compute the similarity search")
        target = value or (record.vector_value_by_vector_settings(vector_settings) if record else None)
        if not target:
            raise ValueError("Cannot find a vector value to apply with provided info")
        sign = -1.0 if order == SimilarityOrder.least_similar else 1.0
        name, settings, without = dataset.id.hex, vector_settings.id.hex, record.id.hex if record else None

        def ask(db: Any) -> search.Page:
            wanted, aim = _wanted(db, name, query, filter), [sign * x for x in target]
            return search.nearest(db, wanted, settings, aim, without=without, most=max_results, least_score=threshold)

        return _responses(await self._store.read(ask))


def _wanted(db: Any, dataset: str, query: TextQuery | str | None, filter: Filter | None) -> search.Wanted:
    number = writing.number_of(db, dataset)
    text = query if isinstance(query, TextQuery | None) else TextQuery(q=query)
    condition = filtered(db, number, filter) if filter is not None else ("1", [])
    return search.Wanted(number, parse(text.q) if text else None, text.field if text else None, condition)


def _responses(found: search.Page) -> SearchResponses:
    items, total = found
    return SearchResponses(items=[SearchResponseItem(record_id=r, score=s) for r, s in items], total=total)
