"""Pages as `text`: what TRL, NeMo, Megatron's preprocessing and `datasets` read for pretraining; the text as it is, nothing
added."""

from collections.abc import Iterator

import pyarrow as pa

from annotation.release.formats.format import Format, Written
from annotation.release.row import Row

SCHEMA = pa.schema(
    [
        ("text", pa.large_string()), ("id", pa.string()), ("url", pa.large_string()), ("licence", pa.string()),
        ("repeat", pa.int32()), ("split_group", pa.string()),
    ]
)  # fmt: skip


def _text(row: Row) -> Iterator[Written]:
    yield Written({name: row[name] for name in SCHEMA.names}, len(row["text"]), len(row["text"]))


FORMATS = (Format("text", "text", "any", SCHEMA, _text),)
