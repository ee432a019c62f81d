"""The table of lines that repeat over sites: its columns, and how a finished one is opened."""

import fsspec
import pyarrow as pa

from curation.parquet_file import ParquetFile
from curation.shards import Table

STORED_SHARE = 0.2
"""Lines on fewer pages than this share are not in the table; `share` may be changed above it without a new survey."""

SCHEMA = pa.schema(
    [
        pa.field("host", pa.string(), metadata={"meaning": "host name"}),
        pa.field("line_hash", pa.uint64(), metadata={"meaning": "hash of the line's letters; odd at the rim"}),
        pa.field("place", pa.string(), metadata={"meaning": "edge: first or last 24 lines; rim: first or last 3"}),
        pa.field(
            "pages",
            pa.int32(),
            metadata={"meaning": "pages of the host, among those counted, with the line at that place"},
        ),
        pa.field("counted", pa.int32(), metadata={"meaning": "pages of the host that were counted"}),
        pa.field("share", pa.float32(), metadata={"meaning": "pages / counted, in [0.2, 1]"}),
        pa.field("line", pa.large_string(), metadata={"meaning": "the line as it stands on one of them"}),
    ]
)
"""Schema of the table `site_lines`: one row for each line that repeats over a host."""


def open_table(url: str) -> pa.Table:
    """The table in a survey's folder or in a Parquet file, at any fsspec URL."""
    if url.endswith(".parquet"):
        with fsspec.open(url, "rb") as file:
            return ParquetFile(file).read()
    return Table(url).read()
