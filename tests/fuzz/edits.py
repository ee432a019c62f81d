"""What happens to files: an edit puts new bytes in the place of some, and a case makes one to three of them.

All from a seeded generator, so that a case is a name (`warc.gz 1207`) and the same on every machine.
"""

import json
import random
import re
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

NUMBERS = (
    "0", "-1", "1", "7", "255", "65536", "2147483648", "4294967295", "9223372036854775807", "18446744073709551616", "1" * 400,
    "1e308", "1e999", "-0.0", "NaN", "0x10", "００７", "1_000", "3.5", "",
)  # fmt: skip
SIGNS = (
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"\r\n\r\n", b"\n", b"\r", b"\xed\xa0\xbd", b"\\ud83d", b"\xc3", b"\x1f\x8b\x08",
    b"WARC/1.1\r\n", b"WARC/1.0\n" * 40, b"\x28\xb5\x2f\xfd", b"PAR1", b"%PDF-", b"{" * 1200, b"[" * 1200, b'"', b"\\", b": ",
    b"- ", b"&a ", b"*a", b"\t", b"<<: *a", b"!!python/object:os.system ", b"HTTP/1.1 100 Continue\r\n\r\n" * 30,
    b"Content-Encoding: gzip\r\n" * 30, b"\x1b[31m",
)  # fmt: skip


class Edit(NamedTuple):
    """`new` in the place of the `gone` bytes that begin at `at`."""

    at: int
    gone: int
    new: bytes


def applied(raw: bytes, edits: Sequence[Edit]) -> bytes:
    """The bytes after the edits, whose places are those in the untouched bytes."""
    for edit in sorted(edits, reverse=True):
        raw = raw[: edit.at] + edit.new + raw[edit.at + edit.gone :]
    return raw


def touched(edits: Sequence[Edit], begin: int, end: int) -> bool:
    """Whether an edit changes the bytes [begin, end), or puts something in between them."""
    return any(e.at < end and e.at + e.gone > begin if e.gone else begin < e.at < end for e in edits)


def drawn(rng: random.Random, raw: bytes, where: tuple[int, int] | None = None) -> list[Edit]:
    """One to three edits of bytes, in [begin, end) where that is given; they do not overlap."""
    begin, end = where or (0, len(raw))
    made: list[Edit] = []
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        edit = rng.choice(_KINDS)(rng, raw, begin, max(begin + 1, end))
        if edit is not None and not any(
            touched([e], edit.at, edit.at + max(1, edit.gone)) or e.at == edit.at for e in made
        ):
            made.append(edit)
    return made or [Edit(begin, 1, b"\xff")]


def _bits(rng: random.Random, raw: bytes, begin: int, end: int) -> Edit:
    at = rng.randrange(begin, end)
    return Edit(at, 1, bytes([raw[at] ^ 1 << rng.randrange(8)]) if at < len(raw) else b"\x01")


def _cut_off(rng: random.Random, raw: bytes, begin: int, end: int) -> Edit:
    at = rng.randrange(begin, end)
    return Edit(at, len(raw) - at, b"")


def _gone(rng: random.Random, raw: bytes, begin: int, end: int) -> Edit:
    at = rng.randrange(begin, end)
    return Edit(at, min(end - at, rng.choice((1, 2, 3, 8, 40, 200, 1000))), b"")


def _more(rng: random.Random, raw: bytes, begin: int, end: int) -> Edit:
    at = rng.randrange(begin, end)
    kind = rng.random()
    if kind < 0.5:
        return Edit(at, 0, rng.choice(SIGNS))
    if kind < 0.7:
        return Edit(at, rng.randrange(8), rng.randbytes(rng.choice((1, 4, 30, 600))))
    return Edit(at, 0, bytes([rng.randrange(256)]) * rng.choice((1, 64, 5000)))


def _spliced(rng: random.Random, raw: bytes, begin: int, end: int) -> Edit:
    """A piece of the file, again in another place of it."""
    at, source = rng.randrange(begin, end), rng.randrange(len(raw) or 1)
    return Edit(at, rng.choice((0, 0, 20)), raw[source : source + rng.choice((4, 60, 900, 4000))])


def _number(rng: random.Random, raw: bytes, begin: int, end: int) -> Edit | None:
    """Another number where one stands, or another length after `Content-Length:`."""
    found = list(re.finditer(rb"(?<=Content-Length: )\d+" if rng.random() < 0.3 else rb"\d+", raw[begin:end]))
    if not found:
        return None
    one = rng.choice(found)
    new = rng.choice(NUMBERS) if rng.random() < 0.6 else str(int(one[0][:12]) + rng.randrange(-900, 900))
    return Edit(begin + one.start(), len(one[0]), new.encode())


def _wide(rng: random.Random, raw: bytes, begin: int, end: int) -> Edit:
    """A stretch in another encoding."""
    at = rng.randrange(begin, end)
    piece = raw[at : min(end, at + rng.choice((2, 40, 400)))]
    return Edit(at, len(piece), piece.decode("latin-1").encode(rng.choice(("utf-16", "utf-8", "utf-32-be"))))


_KINDS: tuple[Callable[[random.Random, bytes, int, int], Edit | None], ...] = (
    _bits, _bits, _bits, _cut_off, _gone, _gone, _more, _more, _spliced, _number, _number, _wide,
)  # fmt: skip


def bomb(levels: int = 12, width: int = 10) -> str:
    """YAML of a few lines that stands for width^levels values."""
    lines = ["bomb0: &b0 [" + ", ".join(["x"] * width) + "]"]
    lines += [f"bomb{i}: &b{i} [{', '.join([f'*b{i - 1}'] * width)}]" for i in range(1, levels)]
    return "\n".join(lines) + "\n"


WORDS = (
    "null", "[]", "{}", "''", "~", "true", "2026-13-45", "12:99:99", ".nan", "-.inf", "!!int x", "!!binary '###'", "[[], {}]",
    "{a: {b: [1]}}", "&x [*x]", "'../../etc/passwd'", '"\\ud83d"', "*nobody", "? [a]", "|", ">-", "@", "`", "%TAG", "---", "...",
    "{1: 2}", "[1, 2]",
)  # fmt: skip


def edited_yaml(rng: random.Random, text: str) -> bytes:
    """A recipe that somebody, or something, changed."""
    lines = text.splitlines(keepends=True)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        at, kind = rng.randrange(len(lines)), rng.randrange(13)
        line = lines[at]
        stem = line.rstrip("\n")
        key = re.match(r"(\s*(?:- )?[\w.]+:) ?(.*)", stem)
        if kind == 0 and key:
            lines[at] = f"{key[1]} {rng.choice(WORDS)}\n"
        elif kind == 1 and key:
            lines[at] = f"{key[1]} {rng.choice(NUMBERS)}\n"
        elif kind == 2:
            lines[at] = ""
        elif kind == 3:
            lines.insert(rng.randrange(len(lines)), line)
        elif kind == 4:
            lines[at] = re.sub(r"^\s*", lambda m: " " * max(0, len(m[0]) + rng.choice((-2, -1, 1, 2, 4))), stem) + "\n"
        elif kind == 5:
            lines[at] = re.sub(r"[a-z_]+", lambda m: m[0][::-1] if rng.random() < 0.5 else m[0], line, count=2)
        elif kind == 6:
            words = re.findall(r"[\w.>=-]+", stem)
            if words:
                lines[at] = line.replace(rng.choice(words), rng.choice((*WORDS, *NUMBERS)), 1)
        elif kind == 7:
            lines.insert(
                at,
                bomb() if rng.random() < 0.5 else f"like: {rng.choice(('itself', '[]', '../x', 'common_crawl_ja'))}\n",
            )
        elif kind == 8:
            depth = rng.choice((60, 400, 5000))
            lines[at] = f"{key[1] if key else 'a:'} {'[' * depth}{']' * depth}\n"
        elif kind == 9:
            other = rng.choice(lines)
            lines[at] = stem + rng.choice((" ", "", ", ")) + other.strip() + "\n"
        elif kind == 10 and key:
            long = rng.choice(("x" * 100_000, "￥" * 500, chr(0x1F363), "..", "/", "C:\\"))
            lines[at] = f"{key[1]} {json.dumps(long)}\n"
        elif kind == 11:
            lines[at] = line.replace(" ", rng.choice(("\t", "　", " ")), 1)
        else:
            raw = "".join(lines).encode(errors="surrogatepass")
            return applied(raw, drawn(rng, raw))
    return "".join(lines).encode(errors="surrogatepass")


def edited_json(rng: random.Random, raw: bytes) -> bytes:
    """A manifest of which a value is another, gone, doubled or renamed; or of which bytes changed."""
    if rng.random() < 0.25:
        return applied(raw, drawn(rng, raw))
    value = json.loads(raw)
    for _ in range(rng.choice((1, 1, 2))):
        places = list(_places(value))
        if not places:
            break
        inside, key = rng.choice(places)
        kind = rng.random()
        if kind < 0.15:
            del inside[key]
        elif kind < 0.2 and isinstance(inside, dict):
            inside[f"{key}x"] = inside.pop(key)
        elif kind < 0.25 and isinstance(inside, list):
            inside.append(inside[key])
        elif kind < 0.32:
            other, at = rng.choice(places)
            inside[key] = (
                json.loads(json.dumps(other[at])) if at in other or (isinstance(at, int) and at < len(other)) else None
            )
        elif isinstance(inside[key], int) and kind < 0.7:
            inside[key] = rng.choice(
                (0, -1, inside[key] + 1, inside[key] - 1, 2**31, 2**63 - 1, 2**64, 10**300, 1.5, True, "7")
            )
        else:
            deep: Any = "x"
            for _ in range(200):
                deep = [deep]
            inside[key] = rng.choice(
                (
                    None,
                    -1,
                    "",
                    [],
                    {},
                    [[]],
                    {"": None},
                    True,
                    2**63,
                    1e308,
                    "../../../etc/hostname",
                    "/",
                    "a" * 50_000,
                    "\ud83d",
                    "00000",
                    deep,
                )
            )
    return json.dumps(value, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 2))).encode(
        errors="surrogatepass"
    )


def _places(value: Any) -> Any:
    """(container, key) of every value inside a value."""
    for key in list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield value, key
        if isinstance(value[key], dict | list):
            yield from _places(value[key])
