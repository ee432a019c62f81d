"""Bytes of a page to text: which encoding, on what evidence, and how many characters were lost.

The order, and why:

1. A byte order mark, and the escape sequences of ISO-2022-JP, are written by an encoder: they outrank every label.
2. Bytes that are valid UTF-8 are UTF-8: text in another encoding passes for it with a chance that shrinks with every character,
   while labels are wrong on every hundredth page (servers' defaults, edited templates).
3. Bytes whose kana say cp932, EUC-JP or (with stray bytes) UTF-8 beyond doubt are that: see `charset_evidence`.
4. Otherwise the first label that the bytes do not contradict: HTTP, XML declaration, `<meta>`; a multi-byte one before a
   single-byte one, because every byte string is valid windows-1252 and servers send it by default.
5. Otherwise detection: Japanese readings first, then uchardet (by resiliparse), then whichever reading loses least.

A label that the bytes contradict loses; the bytes of a record that was cut, or a few stray bytes, do not make a contradiction.
Line ends stay as they are. NUL is removed (parsers and C readers disagree on it) and not counted. For what becomes of 〜 and ①
see `legacy_japanese`. Source of labels and of the order 1, 4: WHATWG Encoding Standard and HTML, "encoding sniffing algorithm".
"""

from typing import NamedTuple

from curation.extract.charset_evidence import (
    Reading,
    common_kanji,
    kana_codec,
    lone_bytes,
    reading,
    sample_of,
    wide_codec,
)
from curation.extract.charset_labels import codec_of, stated
from curation.extract.legacy_japanese import DESIGNATION, decode_cp932, decode_euc_jp, decode_iso_2022_jp

_BOMS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32-le"),
    (b"\x00\x00\xfe\xff", "utf-32-be"),
    (b"\xff\xfe", "utf-16-le"),
    (b"\xfe\xff", "utf-16-be"),
)
_EAST_ASIAN = ("cp949", "gb18030", "big5hkscs")
_JAPANESE = ("utf-8", "cp932", "euc_jp")
_MULTI_BYTE = {"utf-8", "cp932", "euc_jp", "shift_jis_2004", "euc_jis_2004", "johab", *_EAST_ASIAN}
_FAMILY = {"shift_jis_2004": "cp932", "euc_jis_2004": "euc_jp", "utf-16": "utf-16-le"}
_ODD = 0.5
"""A Japanese reading with more rare kanji and half-width kana than this share of its characters is not believed."""
_BAD = 0.05
"""A reading with more undecodable characters than this share contradicts its label."""
_FEW = 40
"""Below so many bytes above 7F, uchardet guesses; kanji alone then count as Japanese."""

Labels = tuple[tuple[str, str], ...]


class Decoded(NamedTuple):
    """A page as text."""

    text: str
    """No BOM, no NUL, no surrogates."""
    encoding: str
    """Python codec; `ascii` where no byte is above 7F and no label says otherwise."""
    evidence: str
    """bom | escape | http | xml | meta, whichever names this encoding first; detected where none does."""
    replaced: int
    """U+FFFD that were put in (those that the page itself holds do not count)."""


def decode(payload: bytes, declared: str | None = None) -> Decoded:
    """Decodes a body. `declared` is the charset of the HTTP header as sent, or None. Never raises, whatever the bytes.

    >>> decode("精米は㈱です。".encode("cp932"), "utf-8")
    Decoded(text='精米は㈱です。', encoding='cp932', evidence='detected', replaced=0)
    >>> decode(b"<meta charset=euc-jp>\\xfc\\xe2\\xa4\\xa4", "none")
    Decoded(text='<meta charset=euc-jp>髙い', encoding='euc_jp', evidence='meta', replaced=0)
    """
    http = codec_of(declared)
    for bom, codec in _BOMS:
        if payload.startswith(bom):
            return _read(payload[len(bom) :], codec, "bom")
    if b"\x00" in payload and (wide := wide_codec(payload)):
        return _read(payload, wide, _evidence(wide, _labels(http, payload)))
    if b"\x1b" in payload and _is_iso_2022_jp(payload):
        return _read(payload, "iso2022_jp", "escape")
    if payload.isascii():
        return _ascii(payload, _labels(http, payload))
    first_error = 0
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        text, first_error = None, error.start
        cut = error.end == len(payload) and error.reason == "unexpected end of data"
        if cut and not payload[:first_error].isascii():
            text = payload.decode("utf-8", "replace")
    if text is None:
        return _legacy(payload, first_error, _labels(http, payload))
    labels: Labels = (("utf-8", "http"),) if http == "utf-8" else _labels(http, payload)
    if other := _few_pairs(text, payload, labels):
        return _read(payload, *other)
    return Decoded(_no_nul(text, payload), "utf-8", _evidence("utf-8", labels), int(first_error > 0))


def _labels(http: str | None, payload: bytes) -> Labels:
    return ((http, "http"), *stated(payload)) if http else stated(payload)


def _evidence(codec: str, labels: Labels) -> str:
    family = _FAMILY.get(codec, codec)
    return next((where for label, where in labels if _FAMILY.get(label, label) == family), "detected")


def _is_iso_2022_jp(payload: bytes) -> bool:
    """True when runs are designated as JIS and hardly a byte is above 7F (half-width kana and stray bytes may be)."""
    designations = len(DESIGNATION.findall(payload))
    return designations > 0 and (payload.isascii() or len(_high(payload)) <= designations)


def _high(payload: bytes) -> bytes:
    return payload.translate(None, bytes(range(0x80)))


def _ascii(payload: bytes, labels: Labels) -> Decoded:
    wide = ("utf-16", "utf-32", "iso2022", "hz")
    codec, where = next((x for x in labels if not x[0].startswith(wide)), ("ascii", "detected"))
    if any(label == "hz" for label, _ in labels) and b"~{" in payload:
        return _read(payload, "hz", _evidence("hz", labels))
    return Decoded(_no_nul(payload.decode("ascii"), payload), codec, where, 0)


def _few_pairs(text: str, payload: bytes, labels: Labels) -> tuple[str, str] | None:
    """The label to believe when the bytes are valid UTF-8 by chance: up to 16 two-byte sequences that EUC text holds as well.

    Signs and accents of Latin-1 (©, é), which pages of any label carry as UTF-8, are never taken for such a chance.
    """
    if len(payload) - len(text) > 16 or max(text) > "\u07ff":
        return None
    if all("\u00a0" <= c <= "\u00ff" for c in text if c > "\x7f"):
        return None
    return next(((c, e) for c, e in labels if c in ("euc_jp", *_EAST_ASIAN) and reading(payload, c).bad == 0), None)


def _legacy(payload: bytes, first_error: int, labels: Labels) -> Decoded:
    """Bytes that are not UTF-8 throughout: steps 3 to 5 of the order above."""
    sample = sample_of(payload, first_error)
    if codec := kana_codec(sample):
        for label, where in labels:
            if _FAMILY.get(label, label) == codec:
                return _read(payload, label, where)
            if (
                codec == "euc_jp"
                and label in _EAST_ASIAN
                and _more_japanese(sample, label) > _more_japanese(sample, codec)
            ):
                return _read(payload, label, where)
        return _read(payload, codec, "detected")
    readings: dict[str, Reading] = {}
    for label, where in labels:
        if label in _MULTI_BYTE:
            readings[label] = reading(sample, label)
            if _believable(label, readings[label], sample):
                return _read(payload, label, where)
    if codec := _by_kana(sample, readings):
        return _read(payload, codec, _evidence(codec, labels))
    for label, where in labels:
        if label not in _MULTI_BYTE and reading(sample, label).bad <= _BAD:
            return _read(payload, label, where)
    codec = _detect(sample, readings)
    return _read(payload, codec, _evidence(codec, labels))


def _believable(codec: str, read: Reading, sample: bytes) -> bool:
    """True unless the sample contradicts the codec: too much undecodable, or far better Japanese in another codec."""
    if read.bad > (0.5 if codec == "utf-8" else _BAD):
        return False
    if codec in _EAST_ASIAN:
        mine = _more_japanese(sample, codec)
        others = {c: reading(sample, c) for c in ("cp932", "euc_jp")}
        return not any(_sound(r) and r.kana >= _BAD and _more_japanese(sample, c) > mine for c, r in others.items())
    family = _FAMILY.get(codec, codec)
    if family not in ("cp932", "euc_jp") or read.odd <= _ODD or read.half_width:
        return True
    other = reading(sample, "euc_jp" if family == "cp932" else "cp932")
    return other.bad > _BAD or other.odd >= read.odd


def _more_japanese(sample: bytes, codec: str) -> tuple[float, int]:
    """What tells EUC-JP from GB 18030, which has the same kana on the same cells, but for ー, and other kanji."""
    return reading(sample, codec).kana, common_kanji(sample, codec)


def _by_kana(sample: bytes, readings: dict[str, Reading]) -> str | None:
    """The codec that shows kana among sound Japanese; fills `readings` with all three."""
    for codec in _JAPANESE:
        readings.setdefault(codec, reading(sample, codec))
    if readings["utf-8"].bad <= 0.5:
        return "utf-8"
    kana = [c for c in _JAPANESE if _sound(readings[c]) and readings[c].kana >= _BAD]
    return max(kana, key=lambda c: readings[c].kana, default=None)


def _sound(read: Reading) -> bool:
    return read.bad <= _BAD and read.odd <= _ODD


def _detect(sample: bytes, readings: dict[str, Reading]) -> str:
    """The best codec where neither labels nor kana say it: uchardet, kanji, then the fewest losses."""
    sound = [c for c in _JAPANESE if _sound(readings[c])]
    east_asian = lone_bytes(sample) < 0.5
    few = len(_high(sample)) < _FEW
    if not few and (guess := _uchardet(sample)) and (guess not in _JAPANESE or guess in sound):
        readings[guess] = reading(sample, guess)
        if readings[guess].bad <= _BAD:
            return guess
    if east_asian and sound:
        return min(sound, key=lambda c: readings[c].odd)
    if east_asian:
        for codec in _EAST_ASIAN:
            readings.setdefault(codec, reading(sample, codec))
        best = min(readings, key=lambda c: readings[c].bad)
        if readings[best].bad <= 4 * _BAD:
            return best
    return "cp1252"


def _uchardet(sample: bytes) -> str | None:
    from resiliparse.parse.encoding import detect_encoding

    return codec_of(detect_encoding(sample, html5_compatible=False))


def _read(payload: bytes, codec: str, evidence: str) -> Decoded:
    own = 0
    if codec == "cp932":
        text = decode_cp932(payload)
    elif codec == "euc_jp":
        text = decode_euc_jp(payload)
    elif codec == "iso2022_jp":
        text = decode_iso_2022_jp(payload)
    else:
        codec = {"utf-16": "utf-16-le", "utf-32": "utf-32-le"}.get(codec, codec)
        text = payload.decode(codec, "replace")
        if "\ufffd" in text and (sign := "\ufffd".encode(codec, "ignore")):
            own = payload.count(sign)
    return Decoded(_no_nul(text, payload), codec, evidence, max(0, text.count("\ufffd") - own))


def _no_nul(text: str, payload: bytes) -> str:
    return text.replace("\0", "") if b"\0" in payload else text
