"""WARC files to rows: responses, resources and the texts of WET files; everything else is counted.

fastwarc reads a sound file three to four times as fast (its inflater is the better one), and was tried first. But version 2.0.1 ends
the file at the first damaged member or wrong Content-Length, gives a member that breaks off as an empty page without a word, reads
`content-length` in lower case as 0, and cannot find a boundary to begin at. A reader that loses nothing needs its own framing, over
zlib, and reading stays a tenth of the cost of a page. See `members` (framing), `warc_record` (records), `warc_range` (both) and
`http_body` (responses).
"""

import hashlib
from collections.abc import Iterator
from typing import Any

from curation.extract.http_body import Response, TooLarge, content_type, decode_body, parse_response
from curation.extract.inputs import open_window
from curation.extract.reader import Read, Row, Unit, origin, seconds_of
from curation.extract.warc_range import Found, read_records
from curation.provenance import Source, capture_id, key, record_id
from curation.step import Batch

_PAGES = {"response", "resource", "conversion"}
_COUNTED = {"request", "metadata", "warcinfo", "continuation"}


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
        before = self.bytes_read
        with open_window(unit.url) as window:
            if window.size == 0:
                self.stat_update("files_empty")
            for found in read_records(window, unit.file, unit.start, unit.end, self.max_record_bytes):
                self.bytes_read = before + max(0, min(found.offset + (found.length or 0), unit.end) - unit.start)
                row = self._row(unit.file, found)
                if row is not None:
                    yield row
        self.bytes_read = before + unit.end - unit.start

    def _row(self, file: str, found: Found) -> Row | None:
        offset, length, record = found
        fields = record.fields
        kind = fields.get("warc-type", "").lower()
        if record.fault is None and kind not in _PAGES and kind != "revisit":
            self.stat_update(f"records_{kind if kind in _COUNTED else 'other'}")
            return None
        made: dict[str, Any] = {
            "url": fields.get("warc-target-uri", "").strip("<> ") or None,
            "date": seconds_of(fields.get("warc-date")),
            "file": file,
            "offset": offset,
            "length": length,
            "record_type": kind or None,
            "mime_identified": fields.get("warc-identified-payload-type") or None,
            "truncated": fields.get("warc-truncated") or None,
        }
        if record.fault is not None:
            made["id"] = key("broken", file, offset, record.at)
            return Row(**made, reason="record_broken", detail=f"{file} at byte {offset}: {record.fault}")
        if record.repaired:
            self.stat_update("records_length_wrong")
        if kind == "revisit":
            made.update(reason="revisit", detail=fields.get("warc-refers-to-target-uri"))
        else:
            block = record.head if record.block is None else bytes(record.block)
            made.update(self._page(kind, fields, block, None if record.block is not None else record.size))
        named = (fields.get("warc-refers-to") if kind == "conversion" else None) or fields.get("warc-record-id")
        if named:
            made["id"] = record_id(named)
        else:
            digest = made.get("payload_digest") or b""
            made["id"] = capture_id(made["url"] or "", fields.get("warc-date", ""), digest, file, offset)
        return Row(**made)

    def _page(self, kind: str, fields: dict[str, str], block: bytes, passed: int | None) -> dict[str, Any]:
        """Columns that the block gives: the response's or the record's own headers, the body, and why it must go, if it must.

        `passed` is the size of a block that was passed over, of which `block` holds the first bytes.
        """
        response = parse_response(block) if kind == "response" else Response(None, [], 0)
        types = response.all("content-type")
        if not types and response.status is None and "application/http" not in (own := fields.get("content-type", "")):
            types = [own]
        mime, charset = content_type(types)
        if kind == "conversion":
            mime, charset = "text/plain", "utf-8"
        made: dict[str, Any] = {
            "http_status": response.status,
            "mime_declared": mime,
            "charset_declared": charset,
            "x_robots_tag": ", ".join(response.all("x-robots-tag")) or None,
            "tdm_header": ", ".join(response.all("tdm-reservation")) or None,
        }
        if passed is not None:
            said = "the record, passed over unread"
            made.update(reason="record_too_large", value=passed, threshold=self.max_record_bytes, detail=said)
        else:
            made.update(self._body(block[response.body :], response, mime))
        if response.status not in (200, None):
            made.update(reason="http_status", value=response.status, threshold=None, detail=None, body=None)
        return made

    def _body(self, data: bytes, response: Response, mime: str | None) -> dict[str, Any]:
        """The decoded body with its digest and length, or that it is too large."""
        if response.headers:
            try:
                body = decode_body(data, response, self.max_record_bytes, mime)
            except TooLarge as large:
                return {
                    "reason": "record_too_large",
                    "value": large.seen,
                    "threshold": self.max_record_bytes,
                    "detail": str(large),
                }
            data = body.data
            if body.broken:
                self.stat_update("bodies_cut")
        return {"body": data, "payload_digest": hashlib.sha256(data).digest()[:16], "payload_bytes": len(data)}
