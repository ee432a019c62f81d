"""Messages without what nobody may read in them: passwords in URLs, signatures of URLs, and this process's secret variables.

A library's error may quote what it was given: the endpoint with its password, the header with the key. What is told, logged or kept
of an error goes through here.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

SECRET = re.compile(r"KEY|SECRET|TOKEN|PASSW|PASSPHRASE|CREDENTIAL|\bAUTH\b|_AUTH$", re.I)
"""Names of variables, and of settings in them, whose values are secret."""
LEAST = 8
"""Characters of a value that is looked for: a shorter one stands in any text by chance."""
_USER = re.compile(r"(?<=://)[^/\s@'\"<>]*:[^/\s'\"<>]+@")
_PRESIGNED = re.compile(r"[?&](?:[\w-]*(?:signature|credential|security-token)|sig)=", re.I)
_SIGNED = re.compile(r"([?&](?:[\w-]*(?:signature|credential|token|secret|key)|sig)=)[^&\s'\"<>]+", re.I)


def without_secrets(text: str) -> str:
    """The text without secrets, each replaced by the name of its variable or by an ellipsis.

    >>> without_secrets("http://me:secret@data.example.jp:3128 refuses; https://a.jp/x?part=1&X-Amz-Signature=0f3c")
    'http://…@data.example.jp:3128 refuses; https://a.jp/x?part=1&X-Amz-Signature=…'
    """
    for name, value in _secrets(os.environ):
        if value in text:
            text = text.replace(value, f"[{name}]")
    return _SIGNED.sub(r"\1…", _USER.sub("…@", text))


def holds_password(url: str) -> bool:
    """Whether a URL names a user with a password.

    >>> holds_password("https://me:secret@example.jp/a"), holds_password("s3://bucket/a:b@c"), holds_password("https://me@example.jp")
    (True, False, False)
    """
    return bool(_USER.search(url))


def is_signed(url: str) -> bool:
    """Whether a URL carries the right to read it: whoever sees it has that too (a presigned URL of S3, a SAS of Azure).

    >>> is_signed("https://b.s3.amazonaws.com/a.warc.gz?X-Amz-Signature=0f3c"), is_signed("https://example.jp/a?part=1")
    (True, False)
    """
    return bool(_PRESIGNED.search(url))


def _secrets(variables: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Names and values of secrets, longest first, since one may stand in another; also as they stand in a URL."""
    found: dict[str, str] = {}
    for name, value in variables.items():
        if SECRET.search(name) and not os.path.exists(value):
            found[value] = name
        if value.startswith("{"):  # FSSPEC_S3='{"key": …}': settings of a client
            try:
                found |= dict.fromkeys(_within(json.loads(value)), name)
            except ValueError:
                continue
    found |= {quote(value, safe=""): name for value, name in found.items()}
    yield from sorted(((n, v) for v, n in found.items() if len(v) >= LEAST), key=lambda pair: -len(pair[1]))


def _within(value: Any, secret: bool = False) -> Iterator[str]:
    """Secret texts in settings."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _within(inner, secret or bool(SECRET.search(str(name))))
    elif isinstance(value, str) and secret:
        yield value
