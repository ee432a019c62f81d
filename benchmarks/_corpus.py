"""A crawl of any size from the development corpus: its response records under new ids and URLs, as a crawler writes them.

Each copy of a record gets a WARC-Record-ID, a host and a path of its own and WARC-Identified-Payload-Type, which Common Crawl
writes and datatrove's reader needs to find XHTML pages. Bodies stay as they are.
"""

import gzip
import random
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

DEV = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
INFO = b"WARC/1.0\r\nWARC-Type: warcinfo\r\nWARC-Record-ID: <urn:uuid:%s>\r\nWARC-Date: 2026-01-01T00:00:00Z\r\n"


def need_corpus(*parts: str, data: Path = DEV) -> None:
    """Ends with one line when the development corpus, or one of these parts of it, is not there."""
    if missing := [part for part in parts if not (data / part).exists()]:
        sys.exit(
            f"this benchmark reads the development corpus, and {data} has no {', '.join(missing)}: see docs/dev-corpus.md"
        )


def responses() -> list[tuple[str, bytes, bytes]]:
    """(URL, media type, HTTP message) of every response record with status 200, shuffled the same way every time."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    found = []
    for path in sorted((DEV / "warc").glob("*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.response, parse_http=False):
                message = record.reader.read()
                if message.split(b" ", 2)[1] != b"200":
                    continue
                head = message.split(b"\r\n\r\n", 1)[0].lower()
                plain = b"content-type: text/plain" in head
                xhtml = b"<?xml" in message[:2000] or b"xhtml" in message[:2000].lower()
                kind = b"text/plain" if plain else b"application/xhtml+xml" if xhtml else b"text/html"
                found.append((record.headers["WARC-Target-URI"], kind, message))
    random.Random(0).shuffle(found)  # so that any number of pages is a fair sample of all files
    return found


def members(pages: int) -> Iterator[bytes]:
    """Gzip members of a WARC with this many response records; copies of a page lie one corpus apart."""
    info = (
        INFO % str(uuid.UUID(int=0)).encode()
        + b"Content-Type: application/warc-fields\r\nContent-Length: 0\r\n\r\n\r\n\r\n"
    )
    yield gzip.compress(info, 1)
    source = responses()
    for n in range(pages):
        url, kind, message = source[n % len(source)]
        copy = n // len(source)
        scheme, _, rest = url.partition("://")
        head = (
            b"WARC/1.0\r\nWARC-Type: response\r\n"
            + f"WARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'{n}')}>\r\n".encode()
            + b"WARC-Date: 2026-01-02T03:04:05Z\r\nContent-Type: application/http; msgtype=response\r\n"
            + f"WARC-Target-URI: {scheme}://c{copy}.{rest}\r\n".encode()
            + b"WARC-Identified-Payload-Type: "
            + kind
            + b"\r\n"
            + f"Content-Length: {len(message)}\r\n\r\n".encode()
        )
        yield gzip.compress(head + message + b"\r\n\r\n", 4)


def write_crawl(folder: Path, pages: int, file_pages: int = 4000) -> Path:
    """Writes `pages` records into files of `file_pages` under `folder`, unless they are there; returns the folder."""
    done = folder / f"{pages}.done"
    if done.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    file, count = None, 0
    for member in members(pages):
        if file is None or count >= file_pages:
            if file is not None:
                file.close()
            file, count = (folder / f"crawl-{len(list(folder.glob('*.warc.gz'))):03d}.warc.gz").open("wb"), 0
        file.write(member)
        count += 1
    if file is not None:
        file.close()
    done.touch()
    return folder
