"""A record of a crawl file as a row: its identity, what its headers say, its body, and why it must go, if it must.

The same row whether its file was read whole (`warc`) or by ranges (`ranges/fetch`).
"""

import hashlib
from collections.abc import Callable
from typing import Any

from curation.extract.http_body import Response, TooLarge, content_type, decode_body, parse_response
from curation.extract.reader import Row, seconds_of
from curation.extract.warc_range import Found
from curation.provenance import capture_id, key, record_id

_PAGES = {"response", "resource", "conversion"}
_COUNTED = {"request", "metadata", "warcinfo", "continuation"}


class RecordRows:
    """Makes rows of records; `count` is told of records that are no page, and of what was put right or broke off."""

    def __init__(self, max_record_bytes: int, count: Callable[[str], Any]):
        self.max_record_bytes = max_record_bytes
        self._count = count

    def row(self, file: str, found: Found) -> Row | None:
        """The row of a record in `file`, or None for one that is no page."""
        offset, length, record = found
        fields = record.fields
        kind = fields.get("warc-type", "").lower()
        if record.fault is None and kind not in _PAGES and kind != "revisit":
            self._count(f"records_{kind if kind in _COUNTED else 'other'}")
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
            self._count("records_length_wrong")
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
                self._count("bodies_cut")
        return {"body": data, "payload_digest": hashlib.sha256(data).digest()[:16], "payload_bytes": len(data)}
