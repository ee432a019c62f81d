"""A page is the body without its codings, whatever the headers say."""

import gzip
import random
import zlib

import brotli
import pytest
import zstandard

from curation.extract.http_body import TooLarge, decode_body, parse_response

BODY = "<!DOCTYPE html><title>精米</title>".encode() + b"".join(
    f"<p>第{i}回 お米の話</p>".encode("cp932") for i in range(300)
)


def raw_deflate(data):
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


def chunked(data, step=1000):
    parts = [data[i : i + step] for i in range(0, len(data), step)]
    return b"".join(b"%x;ext=1\r\n%b\r\n" % (len(p), p) for p in parts) + b"0\r\nTrailer: a\r\n\r\n"


CODED = {
    "gzip": gzip.compress(BODY),
    "x-gzip": gzip.compress(BODY[:500]) + gzip.compress(BODY[500:]),
    "deflate": zlib.compress(BODY),
    "DEFLATE": raw_deflate(BODY),
    "br": brotli.compress(BODY),
    "zstd": zstandard.compress(BODY),
    "identity": BODY,
    "utf-8": BODY,
    "br, gzip": gzip.compress(brotli.compress(BODY)),
}


def decode(body, *headers, limit=1 << 20, media="text/html"):
    raw = "\r\n".join(["HTTP/1.1 200 OK", *headers, "", ""]).encode() + body
    response = parse_response(raw)
    return decode_body(raw[response.body :], response, limit, media)


@pytest.mark.parametrize("coding", CODED)
def test_every_coding_is_taken_off(coding):
    made = decode(CODED[coding], f"Content-Encoding: {coding}")
    assert made.data == BODY
    assert made.broken is None
    wire = decode(chunked(CODED[coding]), "Transfer-Encoding: chunked", f"Content-Encoding: {coding}")
    assert wire.data == BODY
    assert decode(CODED[coding], f"X-Crawl-Content-Encoding: {coding}").data == BODY


@pytest.mark.parametrize(
    "header", ["Content-Encoding", "X-Crawl-Content-Encoding", "Transfer-Encoding", "X-Crawl-Transfer-Encoding"]
)
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd", "chunked", "br, gzip", "nonsense"])
def test_a_coding_that_was_already_taken_off_loses_nothing(header, coding):
    for body in (
        BODY,
        BODY.decode("cp932", "replace").encode("euc_jp", "replace"),
        "素の文章。".encode("cp932") * 20,
        b"2024",
        b"0\r\nx",
        b"",
    ):
        assert decode(body, f"{header}: {coding}").data == body


def test_random_short_texts_survive_a_lying_header():
    rng = random.Random(4)
    for encoding in ("utf-8", "cp932", "euc_jp", "iso2022_jp"):
        for _ in range(200):
            text = "".join(
                rng.choice("あいうえおカキクケコ日本語精米機 abc<p>。、\n") for _ in range(rng.randrange(1, 60))
            )
            for coding in ("br", "deflate", "gzip", "zstd"):
                assert decode(text.encode(encoding), f"Content-Encoding: {coding}").data == text.encode(encoding)


def test_a_body_that_breaks_off_is_kept_up_to_there():
    for coding in ("gzip", "deflate", "br"):
        made = decode(CODED[coding][:-40], f"Content-Encoding: {coding}")
        assert BODY.startswith(made.data)
        assert len(made.data) > len(BODY) // 2
        assert made.broken == coding
    assert (
        decode(chunked(BODY)[:3000], "Transfer-Encoding: chunked").data
        == BODY[: 3000 - 3 * len(b"3e8;ext=1\r\n") - 2 * 2]
    )
    damaged = bytearray(CODED["gzip"])
    damaged[-60] ^= 255
    assert BODY.startswith(decode(bytes(damaged), "Content-Encoding: gzip").data[:5000])


def test_gzip_that_no_header_names_is_inflated_in_a_page_and_left_alone_in_a_download():
    assert decode(CODED["gzip"], media="text/html").data == BODY
    assert decode(CODED["gzip"], media="application/gzip").data == CODED["gzip"]


def test_a_broken_chunk_size_keeps_the_rest_as_it_stands():
    body = b"3\r\nabc\r\n4\r\ndefg\r\nZZ\r\nrest"
    assert decode(body, "Transfer-Encoding: chunked").data == b"abcdefgZZ\r\nrest"


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "zstd"])
def test_a_bomb_is_stopped_at_the_limit(coding):
    zeros = bytes(8 << 20)
    packed = {
        "gzip": gzip.compress,
        "deflate": zlib.compress,
        "br": lambda b: brotli.compress(b, quality=5),
        "zstd": zstandard.compress,
    }
    with pytest.raises(TooLarge) as stopped:
        decode(packed[coding](zeros), f"Content-Encoding: {coding}", limit=1 << 20)
    assert 1 << 20 < stopped.value.seen <= 2 << 20


def test_a_bomb_in_a_crawl_is_rejected_by_its_size_so_far(crawl, tmp_path):
    path = tmp_path / "a.warc.gz"
    path.write_bytes(crawl.gz(
        crawl.page(brotli.compress(bytes(1 << 22), quality=5), "http://a.jp/1", "Content-Encoding: br"),
        crawl.page(b"<p>", "http://a.jp/2"),
    ))  # fmt: skip
    result = crawl.read(path, max_record_bytes=1 << 20)
    assert result.urls == ["http://a.jp/2"]
    (row,) = result.rejected
    assert (row["reason"], row["threshold"], row["detail"]) == (
        "record_too_large",
        float(1 << 20),
        "the br body inflates to more",
    )
    assert row["value"] > 1 << 20
