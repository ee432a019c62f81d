"""Values of a table's row as origin columns hold them: texts without lone surrogates, URLs that somebody could ask for, seconds."""

from datetime import UTC, date, datetime
from typing import Any

from curation.extract.reader import seconds_of
from curation.extract.warc_record import MAX_HEAD


def utf8_of(text: str) -> bytes:
    """UTF-8 of a text; a lone surrogate becomes U+FFFD.

    >>> utf8_of("米\\ud83d").decode()
    '米\ufffd'
    """
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def clean(value: Any) -> str | None:
    """A table's value as text without lone surrogates; null for one that is nested too deep to be written down."""
    try:
        return None if value is None else utf8_of(str(value)).decode()
    except RecursionError:
        return None


def address(value: Any) -> str | None:
    """A table's value as a URL; null for one of more than 64 KiB, which no header could hold and nobody could ask for."""
    url = clean(value)
    return url if url is None or len(url) <= MAX_HEAD else None


def seconds(value: Any) -> int | None:
    """Seconds since 1970 of a table's date: a date, a timestamp (UTC where it names no zone), ISO 8601 text, or Unix seconds."""
    if isinstance(value, datetime):
        return int((value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp())
    if isinstance(value, date):
        return int(datetime(value.year, value.month, value.day, tzinfo=UTC).timestamp())
    if isinstance(value, int | float) and not isinstance(value, bool):
        return int(value) if 0 <= value < 1 << 33 else None
    return seconds_of(value) if isinstance(value, str) else None
