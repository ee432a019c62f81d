"""Real pages for the filters: the development corpus's WARC records as plain text, menus and all."""

from collections.abc import Callable

import pytest


@pytest.fixture(scope="session")
def pages(plain_pages: Callable[[int], list[str]]) -> list[str]:
    """Every 11th labelled page of the development corpus."""
    return plain_pages(11)


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
