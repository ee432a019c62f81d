"""The step from bytes to markup: decodes each payload, says how, and rejects what is no text.

The decision about the encoding is `charset.decode`. A WET record is UTF-8 by its format (evidence `given`), unless its bytes are not.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from curation.document import COLUMNS
from curation.extract.binary import binary_kind
from curation.extract.charset import decode
from curation.extract.sniff import binary_buffers
from curation.step import Batch, Columns, Measure

_PROGRAMS = {
    "text/css",
    "text/javascript",
    "application/javascript",
    "application/x-javascript",
    "application/ecmascript",
    "application/json",
}
"""Declared types of files that are text and no page; believed only where the body does not begin with markup."""


class Decode(Measure):
    """Writes `html`, `encoding`, `encoding_evidence` and `replaced_chars` from `payload`, which ends here.

    max_replaced: share of the characters that may be U+FFFD inserted by decoding; a page above it is `decode_failed`, its value the
    share and its detail the encoding that fitted best.

    An empty body (or one of white space) is `empty_body`; a body with the signature of an image, archive, PDF or program, or full of
    control characters, is `not_text` with the kind as detail, and so is a style sheet or script that says so and is no markup.
    """

    reads = ("payload", "charset_declared", "mime_declared", "record_type")
    writes = ("html", "encoding", "encoding_evidence", "replaced_chars")
    drops = ("payload",)
    libraries = ("resiliparse",)
    reasons = ("empty_body", "not_text", "decode_failed")

    def __init__(self, max_replaced: float = 0.1):
        super().__init__()
        self.max_replaced = max_replaced

    def columns(self, batch: Batch) -> Columns:
        data, bounds = binary_buffers(batch.column("payload"))
        labels = batch.column("charset_declared").to_pylist()
        types = batch.column("mime_declared").to_pylist()
        kinds = batch.column("record_type").to_pylist()
        rows = batch.num_rows
        pages: list[bytes] = [b""] * rows
        made: dict[str, list[Any]] = {
            name: [None] * rows
            for name in ("encoding", "encoding_evidence", "replaced_chars", "reason", "value", "threshold", "detail")
        }
        view = memoryview(data)
        for row in range(rows):
            payload = bytes(view[bounds[row] : bounds[row + 1]])
            if not payload or payload.isspace():
                made["reason"][row] = "empty_body"
                continue
            if kind := binary_kind(payload) or _program(types[row], payload):
                made["reason"][row], made["detail"][row] = "not_text", kind
                continue
            given = kinds[row] == "conversion"
            page = decode(payload, "utf-8" if given else labels[row])
            pages[row] = page.text.encode()
            made["encoding"][row] = page.encoding
            made["encoding_evidence"][row] = "given" if given and page.evidence == "http" else page.evidence
            made["replaced_chars"][row] = page.replaced
            if page.replaced > self.max_replaced * len(page.text):
                made["reason"][row], made["detail"][row] = "decode_failed", page.encoding
                made["value"][row], made["threshold"][row] = page.replaced / len(page.text), self.max_replaced
        types_of = {"reason": pa.string(), "detail": pa.string(), "value": pa.float64(), "threshold": pa.float64()}
        arrays = {name: pa.array(values, types_of.get(name) or COLUMNS[name].type) for name, values in made.items()}
        return {"html": large_string(pages), **arrays}


def large_string(texts: list[bytes]) -> pa.LargeStringArray:
    """Texts that are UTF-8 as an array, copied once (from a list of `str`, pyarrow would keep a second copy inside each)."""
    bounds = np.zeros(len(texts) + 1, np.int64)
    np.cumsum([len(text) for text in texts], out=bounds[1:])
    return pa.LargeStringArray.from_buffers(len(texts), pa.py_buffer(bounds), pa.py_buffer(b"".join(texts)))


def _program(declared: str | None, payload: bytes) -> str | None:
    return (
        declared
        if declared in _PROGRAMS and not payload[:256].lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
        else None
    )
