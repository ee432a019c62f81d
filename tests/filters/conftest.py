"""Real pages for the filters: the development corpus's WARC records as plain text, menus and all."""

import csv
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def pages(dev: Path) -> list[str]:
    """Every eleventh labelled page, decoded by its true encoding, as plain text: about 180 pages of all kinds and languages."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    with (dev / "truth.tsv").open(newline="") as file:
        truth = {row["url"]: row for row in csv.DictReader(file, delimiter="\t")}
    texts, seen = [], 0
    for path in sorted((dev / "warc").glob("*.warc*")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                page = truth.get(record.headers["WARC-Target-URI"] or "")
                seen += page is not None
                if page is None or seen % 11:
                    continue
                text = record.reader.read().decode(page["true_encoding"], "replace")
                texts.append(text if "plain" in page["http_content_type"] else extract_plain_text(text))
    return texts


@pytest.fixture(scope="session")
def odd_texts() -> list[str]:
    """Texts at the edges of the definitions."""
    return [
        "",
        "\n",
        "。",
        "。。。！？",
        " \u3000\n\n\t",
        "あ",
        "…\n...\n….\n....\n",
        "ー" * 200,
        "ー" * 199,
        "-" * 15,
        "-" * 14,
        "あ" * 50 + "。",
        "a" * 50 + "あ" + "。" * 3,
        "1234567890\n" * 3,
        "12345678901\n" * 3,
        "𠮷野家で🍣を食べた。\x00\ufeff",
        "①②③④⑤⑥■" * 2 + "①",
        "(日)(月)2026年11月22日、第12話。レビュー\r\nSOLD OUT\x85コメント\u2028終わり",
        "同じ行です。\n" * 30 + "違う行です。",
        "• 一つ\n- 二つ\n  • 三つ\n四つ…",
        "米を研ぐ。水を量る。火を入れる。" * 5,
    ]
