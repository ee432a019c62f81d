"""WARC files to rows: responses, resources and the texts of WET files; everything else is counted.

fastwarc reads a sound file three to four times as fast (its inflater is the better one), and was tried first. But version 2.0.1 ends
the file at the first damaged member or wrong Content-Length, gives a member that breaks off as an empty page without a word, reads
`content-length` in lower case as 0, and cannot find a boundary to begin at. A reader that loses nothing needs its own framing, over
zlib, and reading stays a tenth of the cost of a page. See `members` (framing), `warc_record` (records), `warc_range` (both),
`http_body` (responses) and `record_row` (rows).
"""

from collections.abc import Iterator

from curation.extract.inputs import open_window
from curation.extract.reader import Read, Row, Unit, origin
from curation.extract.record_row import RecordRows
from curation.extract.warc_range import read_records
from curation.provenance import Source
from curation.step import Batch


class ReadWarc(Read):
    """Rows from WARC files: plain, .gz or .zst; `payload` is the body after its HTTP codings were taken off.

    A response that is not 200 is rejected as `http_status`, a revisit as `revisit`, a record or a decoded body of more than
    `max_record_bytes` as `record_too_large` (it is passed over in constant memory), what cannot be read as `record_broken`. Requests,
    metadata and the like are only counted (`records_request` …), and so are lengths that were put right (`records_length_wrong`)
    and codings that broke off (`bodies_cut`). A batch is closed at `batch_rows` rows or `batch_bytes` bytes of bodies.
    """

    writes = origin("payload")
    libraries = ("brotli",)
    reasons = ("http_status", "revisit", "record_too_large", "record_broken", "forgotten")

    def __init__(
        self,
        units: list[Unit],
        source: Source,
        max_record_bytes: int = 16 << 20,
        batch_rows: int = 1024,
        batch_bytes: int = 32 << 20,
    ):
        super().__init__(units, source, batch_rows, batch_bytes)
        self.max_record_bytes = max_record_bytes

    def batches(self, unit: Unit) -> Iterator[Batch]:
        """Rows of the records that begin in the unit's range."""
        return self.batched(self._rows(unit))

    def _rows(self, unit: Unit) -> Iterator[Row]:
        before, records = self.bytes_read, RecordRows(self.max_record_bytes, self.stat_update)
        with open_window(unit.url) as window:
            if window.size == 0:
                self.stat_update("files_empty")
            for found in read_records(window, unit.file, unit.start, unit.end, self.max_record_bytes):
                self.bytes_read = before + max(0, min(found.offset + (found.length or 0), unit.end) - unit.start)
                row = records.row(unit.file, found)
                if row is not None:
                    yield row
        self.bytes_read = before + unit.end - unit.start
