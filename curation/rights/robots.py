"""One robots.txt: which of some user agents may fetch a URL (RFC 9309, by protego), and what it says of training.

What stands in its place is looked at first: an HTML page is no robots.txt, and says nothing. Bytes that are no UTF-8 (Shift_JIS
paths) are taken as percent escapes of themselves, as they stand in the URLs of such a site. Of a longer file the first 500 KiB
count, as RFC 9309 (2.5) asks at least; a cut is said. A file that is not there (4xx) reserves nothing, any other status is unknown:
the RFC has crawlers stay away from a server that fails (5xx), but of an archived failure nobody knows what the file said.

Content signals (Cloudflare, IETF's AI preferences) are lines of robots.txt that say `ai-train=no` or `train-ai=n`.
"""

import re
from functools import lru_cache
from typing import NamedTuple

import orjson
from protego import Protego

LONGEST = 500 << 10
"""Bytes of a robots.txt that count."""
_SIGNAL = re.compile(r"^\s*content-(?:signal|usage)\s*:.*\b(?:ai-train\s*=\s*no|train-ai\s*=\s*n)\b", re.I | re.M)


class Verdict(NamedTuple):
    """What a file says of a URL. says: reserved | silent | unknown; why: in words."""

    says: str
    why: str


def rules_of(body: bytes) -> tuple[str, str]:
    """The text of a robots.txt, and what was done to read it; no text where something else stands in its place.

    >>> rules_of("Disallow: /米".encode("cp932"))
    ('Disallow: /%95%C4', 'not UTF-8')
    >>> rules_of(b" <!DOCTYPE html><title>404</title>")
    ('', 'an HTML page in its place')
    """
    notes = []
    if len(body) > LONGEST:
        body = body[: body.rfind(b"\n", 0, LONGEST) + 1 or LONGEST]
        notes.append(f"cut at {LONGEST >> 10} KiB")
    if body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return "", "an HTML page in its place"
    try:
        text = body.decode("utf-16" if body.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        text = re.sub(rb"[\x80-\xff]", lambda m: b"%%%02X" % m[0][0], body).decode("ascii")
        notes.append("not UTF-8")
    return text, ", ".join(notes)


def may_fetch(status: int, body: bytes, url: str, agents: tuple[str, ...]) -> Verdict:
    """Whether the agents may all fetch a URL: reserved where one of them may not."""
    if 400 <= status < 500:
        return Verdict("silent", f"there is none (HTTP {status})")
    if status != 200:
        return Verdict("unknown", f"HTTP {status}")
    parsed, notes = _parsed(body)
    if parsed is None:
        return Verdict("unknown", notes)
    kept_out = [agent for agent in agents if not parsed.can_fetch(url, agent)]
    more = f" ({notes})" if notes else ""
    if kept_out:
        return Verdict("reserved", f"{', '.join(kept_out)} may not fetch it{more}")
    return Verdict("silent", f"{', '.join(agents)} may fetch it{more}")


@lru_cache(maxsize=1 << 12)
def content_signal(status: int, body: bytes) -> Verdict | None:
    """What a robots.txt says of training; None where it says nothing of it.

    >>> content_signal(200, b"User-agent: *\\nContent-Signal: search=yes, ai-train=no\\nAllow: /\\n").says
    'reserved'
    """
    found = _SIGNAL.search(rules_of(body)[0]) if status == 200 else None
    return Verdict("reserved", " ".join(found[0].split())) if found else None


def tdmrep(status: int, body: bytes, url: str) -> Verdict:
    """What `/.well-known/tdmrep.json` says of a URL: reserved where any entry of a matching location reserves.

    >>> tdmrep(200, b'[{"location": "/open/*", "tdm-reservation": 0}, {"location": "/", "tdm-reservation": 1}]', "https://a.jp/open/x").says
    'reserved'
    """
    if 400 <= status < 500:
        return Verdict("silent", f"there is none (HTTP {status})")
    if status != 200:
        return Verdict("unknown", f"HTTP {status}")
    try:
        entries = orjson.loads(body)
        said = [(str(e["location"]), int(e["tdm-reservation"])) for e in entries]
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return Verdict("unknown", "no list of locations with tdm-reservation")
    mine = [(place, value) for place, value in said if not _rule(place).can_fetch(url, "*")]
    if not mine:
        return Verdict("silent", "no location of it is this page's")
    told = ", ".join(f"{place} {value}" for place, value in mine)
    return Verdict("reserved" if any(value == 1 for _, value in mine) else "silent", told)


@lru_cache(maxsize=1 << 12)
def _parsed(body: bytes) -> tuple[Protego | None, str]:
    text, notes = rules_of(body)
    return (None if notes.startswith("an HTML") else Protego.parse(text)), notes


@lru_cache(maxsize=1 << 12)
def _rule(location: str) -> Protego:
    """A location pattern, which has the form of a robots rule, as a rule of its own."""
    return Protego.parse(f"User-agent: *\nDisallow: {location}")
