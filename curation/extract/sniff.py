"""Is a page worth parsing? A look at its bytes, before they are decoded, for kana in any encoding.

Parsing costs a hundred times as much as this look, and nine pages of ten in a crawl are not Japanese. Kana are counted as UTF-8,
cp932, EUC-JP, ISO-2022-JP, UTF-16 and as numeric references (&#12354;), because neither header nor `lang` can be trusted: Chinese
pages are copied from Japanese templates and the other way round. Running Japanese has kana in every sentence, so a page with fewer
than a few dozen has no running Japanese, however many kanji it shows.
Idea: Swallow's look at `<html lang>` and `<title>` before trafilatura (Okazaki+24), without its trust in labels.

Measured by benchmarks/decode.py with min_kana 30: no Japanese page of 400 characters or more is lost, and
all pages of other languages go.
"""

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from curation.extract.binary import binary_kind
from curation.step import Batch, Columns, Decide

_TOKEN = re.compile(
    rb"(?P<utf8>[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})"
    rb"|(?P<euc>[\xa1-\xfe][\xa1-\xfe])"
    rb"|(?P<sjis>[\x81-\x9f\xe0-\xfc][\x40-\x7e\x80-\xfc])"
    rb"|(?P<lone>[\x80-\xff])"
    rb"|\x1b\$[@B](?P<jis>[^\x1b\r\n]*)"
    rb"|&#(?:(?P<decimal>[0-9]{5})|[xX](?P<hex>[0-9a-fA-F]{4}));"
)


def kana_evidence(payload: bytes) -> int:
    """Kana in the bytes, read in whichever encoding shows most of them, plus those written as numeric references.

    Full-width kana only (U+3041 to U+30FF). EUC-JP counts only where at most one byte in eight contradicts it, since Big5 has
    frequent hanzi on the same cells. 0 for empty and for binary data of no encoding.

    >>> [kana_evidence("いろはニホヘ".encode(c)) for c in ("utf-8", "cp932", "euc_jp", "iso2022_jp", "utf-16")]
    [6, 6, 6, 6, 6]
    >>> kana_evidence(b"&#12356;&#x308D;"), kana_evidence("中文網頁".encode()), kana_evidence("한국어".encode("euc_kr"))
    (2, 0, 0)
    """
    if payload[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in payload[:64]:
        units = np.frombuffer(payload[: len(payload) // 2 * 2], "<u2")
        return max(int(np.count_nonzero((u >= 0x3041) & (u <= 0x30FF))) for u in (units, units.byteswap()))
    seen = dict.fromkeys(("utf8", "sjis", "euc", "jis", "reference"), 0)
    pairs = contradictions = 0
    for token in _TOKEN.finditer(payload):
        kind, found = token.lastgroup, token[token.lastgroup or 0]
        if kind == "utf8":
            seen["utf8"] += b"\xe3\x81\x81" <= found <= b"\xe3\x83\xbf" and len(found) == 3
        elif kind == "euc":
            pairs += 1
            seen["euc"] += b"\xa4\xa1" <= found <= b"\xa4\xf3" or b"\xa5\xa1" <= found <= b"\xa5\xf6"
        elif kind in ("sjis", "lone"):
            contradictions += found[0] not in (0x8E, 0x8F)
            seen["sjis"] += b"\x82\x9f" <= found <= b"\x82\xf1" or (
                b"\x83\x40" <= found <= b"\x83\x96" and len(found) == 2
            )
        elif kind == "jis":
            cells = (found[i : i + 2] for i in range(0, len(found) - 1, 2))
            seen["jis"] += sum(c[0] in (0x24, 0x25) and 0x21 <= c[1] <= 0x76 for c in cells)
        else:
            seen["reference"] += 0x3041 <= int(found, 16 if kind == "hex" else 10) <= 0x30FF
    reference = seen.pop("reference")
    if 8 * contradictions > pairs:
        seen["euc"] = 0
    return max(seen.values()) + reference


class Sniff(Decide):
    """Rejects pages whose bytes hold fewer than `min_kana` kana, before anything is decoded or parsed.

    min_kana: kana that a page must show at least; `value` of a rejection is the count, so that pages near it can be looked at.

    Bodies that are empty or carry the signature of an image, archive, PDF or program are rejected under their own reasons here as in
    `decode`, so that "not Japanese" means text that was looked at. A null payload counts as empty.
    """

    reads = ("payload",)
    reasons = ("not_japanese_bytes", "empty_body", "not_text")

    def __init__(self, min_kana: int):
        super().__init__()
        self.min_kana = min_kana
        self._count: Any = None

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_count": None}

    def setup(self) -> None:
        from curation.extract.sniff_kernel import kana_evidence_rows

        self._count = kana_evidence_rows

    def columns(self, batch: Batch) -> Columns:
        payload = batch.column("payload")
        counts = self._count(*binary_buffers(payload), self.min_kana)
        low = np.flatnonzero(counts < self.min_kana)
        reason: list[str | None] = [None] * len(payload)
        detail: list[str | None] = [None] * len(payload)
        value: list[float | None] = [None] * len(payload)
        for row in low:
            head = payload[row].as_py() or b""
            if not head.strip():
                reason[row] = "empty_body"
            elif kind := binary_kind(head):
                reason[row], detail[row] = "not_text", kind
            else:
                reason[row], value[row] = "not_japanese_bytes", float(counts[row])
        threshold = [None if v is None else float(self.min_kana) for v in value]
        return {
            "reason": pa.array(reason, pa.string()),
            "value": pa.array(value, pa.float64()),
            "threshold": pa.array(threshold, pa.float64()),
            "detail": pa.array(detail, pa.string()),
        }


def binary_buffers(column: pa.Array) -> tuple[np.ndarray, np.ndarray]:
    """Bytes and offsets (n + 1, int64) of a large_binary array, without copying unless a row is null; such a row has no bytes."""
    if column.null_count:
        column = pc.fill_null(column, b"")
    _, offsets, data = column.buffers()
    bounds = np.frombuffer(offsets, np.int64)[column.offset : column.offset + len(column) + 1]
    return np.frombuffer(data or b"", np.uint8), bounds
