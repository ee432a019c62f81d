"""Bytes that are no text whatever their header says: images, archives, PDF, programs, fonts, sound.

Servers call them text/html when a script sends a file without a type. Signatures: WHATWG MIME Sniffing, section 6, and the
formats' own specifications; only those that no text can begin with, so that a page about GIF89a is not one.
"""

from curation.extract.charset_evidence import wide_codec

_SIGNATURES = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"GIF87a", "gif"),
    (b"GIF89a", "gif"),
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"Rar!\x1a\x07", "rar"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ms-office"),
    (b"MZ\x90\x00", "exe"),
    (b"MZ\x78\x00", "exe"),
    (b"\x7fELF", "elf"),
    (b"\xca\xfe\xba\xbe", "java-class"),
    (b"\x00asm", "wasm"),
    (b"II*\x00", "tiff"),
    (b"MM\x00*", "tiff"),
    (b"\x00\x00\x01\x00", "ico"),
    (b"wOFF", "font"),
    (b"wOF2", "font"),
    (b"OTTO\x00", "font"),
    (b"\x00\x01\x00\x00", "font"),
    (b"ID3", "mp3"),
    (b"OggS\x00", "ogg"),
    (b"fLaC", "flac"),
    (b"\x1aE\xdf\xa3", "matroska"),
    (b"FWS", "flash"),
    (b"CWS", "flash"),
    (b"SQLite format 3\x00", "sqlite"),
)
_WITH_CONTROLS = {b"GIF87a", b"GIF89a", b"BZh", b"ID3", b"FWS", b"CWS", b"wOFF", b"wOF2", b"fLaC", b"OTTO\x00"}
_CONTROLS = bytes(set(range(0x20)) - set(b"\t\n\f\r\x1b")) + b"\x7f"
_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_HEAD = 4096
_MAX_CONTROLS = 0.05


def binary_kind(payload: bytes) -> str | None:
    """Kind of binary data by signature, or `binary` for a head full of control characters; None for what may be text.

    Text in UTF-16 or UTF-32 is text. Random bytes are one tenth control characters; no page has a twentieth.

    >>> binary_kind(b"\\x89PNG\\r\\n\\x1a\\n..."), binary_kind(b"<p>GIF89a"), binary_kind("精米".encode("utf-16"))
    ('png', None, None)
    """
    for signature, kind in _SIGNATURES:
        if payload.startswith(signature) and (signature not in _WITH_CONTROLS or _controls(payload[:64]) > 0):
            return kind
    if payload[:4] == b"RIFF" and payload[8:12] in (b"WEBP", b"WAVE", b"AVI "):
        return payload[8:12].strip().decode("ascii").lower()
    if payload[4:8] == b"ftyp":
        return "mp4"
    head = payload[:_HEAD]
    if _controls(head) <= _MAX_CONTROLS * len(head) or head.startswith(_MARKS) or wide_codec(head):
        return None
    return "binary"


def _controls(head: bytes) -> int:
    return len(head) - len(head.translate(None, _CONTROLS))
