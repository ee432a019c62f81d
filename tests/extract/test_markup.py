"""The pass over markup: what it mends and marks, and that the compiled pass does as its plain reference."""

import csv
import random
from typing import Literal

import numpy as np
import pytest
from fastwarc import ArchiveIterator, WarcRecordType

from curation.extract import markup_kernel as kernel
from curation.extract.markup import Prepared, prepare
from curation.extract.markup_scan import LEAN, LETTERS, LINK_LETTERS, RUBY_KEEP

_PIECES = [
    *("<p>", "</p>", "<div class=toc>", "<div class='header x'>", "</div>", "<nav>", "</nav>", "<ul>", "<li>", "</ul>"),
    *(
        "<a href=x>",
        "<a>",
        "</a>",
        "一",
        "二三",
        "あ\nい",
        "\n",
        " ",
        "\r\n",
        "\t",
        "abc",
        "&#12354;",
        "&amp;",
        "&",
        "&nbsp;",
    ),
    *(
        "&#x3042",
        "<",
        "<3",
        "</",
        "</>",
        "<!--",
        "-->",
        "--!>",
        "<!-->",
        "<!--->",
        "<!DOCTYPE html>",
        "<!DOCTYPE x XHTML>",
    ),
    *("<?xml ?>", "<script>", "</script>", "<style/>", "<a id='x'/>", "<br/>", "<br>", "<img alt=a>", "<td>", "</td>"),
    *("<th>", "<tr>", "<table>", "</table>", "<pre>", "<pre>\n", "</pre>", "<textarea>", "</textarea >", "<title>"),
    *(
        "</title>",
        "<b>",
        "</b>",
        "<font color=1>",
        "<ruby>",
        "<rt>",
        "<rp>",
        "</rt>",
        "</rp>",
        "</ruby>",
        "<html xmlns=x>",
    ),
    *("<svg>", "<g/>", "</svg>", "<article>", "</article>", "<footer>", "</footer>", "<p style='display: none'>"),
    *(
        "<meta name=robots content=x>",
        "<META name=TDM-reservation content=1>",
        "<link rel=license href=y>",
        "<a href='https://creativecommons.org/licenses/by/4.0/'>",
    ),
    *(
        "𠮟",
        "\ue001",
        "\ufdd0",
        "\0",
        "、",
        "한",
        "ｱ",
        "<x y='",
        "'",
        '"',
        ">",
        "/>",
        "=",
        "<div id=a/b>",
        "<span class=nav>",
    ),
    *("</span>", "<math>", "<body class=nav>", "<section role=navigation>", "</section>", "文章がここに続く。" * 12),
    *(
        '<DIV CLASS="Header">',
        "</DIV>",
        "<p/>",
        "<td><p>あ</p></td>",
        "<td><p>あ<b>い</b></p> </td>",
        "<a\n>",
        "<li class=menu>",
    ),
]


def compiled(markup: str, ruby: Literal["drop", "keep"] = "drop", max_depth: int = 512, lean: bool = False) -> Prepared:
    """The same by the compiled pass, over a buffer with other bytes around the page."""
    raw = markup.encode()
    data = np.frombuffer(b"<x '" + raw + b"'></script>", np.uint8)
    out = np.empty(5 * len(raw) + 128, np.uint8)
    state = np.zeros(kernel.STATE, np.int64)
    state[RUBY_KEEP] = ruby == "keep"
    state[LEAN] = lean
    kernel.prepare(data, 4, 4 + len(raw), out, state, max_depth)
    flags = int(state[kernel.FLAGS])
    assert not flags & kernel.CUT
    figures = [int(state[k]) for k in (kernel.DEEPEST, kernel.NODES, LETTERS, LINK_LETTERS)]
    figures += [int(state[k]) for k in (kernel.HIDDEN, kernel.LINK_HIDDEN, kernel.CONTENTS_LINKS)]
    bits = [bool(flags & bit) for bit in (kernel.ROBOTS, kernel.LICENCE, kernel.XHTML)]
    return Prepared(
        out[: state[kernel.OUT]].tobytes().decode(), *figures, robots=bits[0], licence=bits[1], xhtml=bits[2]
    )


@pytest.mark.parametrize("seed", range(4))
def test_the_compiled_pass_equals_its_reference_on_random_markup(seed: int) -> None:
    rng = random.Random(seed)
    for _ in range(800):
        markup = "".join(rng.choice(_PIECES) for _ in range(rng.randint(0, 40)))
        ruby: Literal["drop", "keep"] = rng.choice(["drop", "keep"])
        depth = rng.choice([3, 512])
        lean = rng.random() < 0.5
        assert compiled(markup, ruby, depth, lean) == prepare(markup, ruby, depth, lean), repr(markup)


def test_the_compiled_pass_equals_its_reference_on_real_pages(dev) -> None:
    with open(dev / "truth.tsv", encoding="utf-8", newline="") as file:
        encodings = {r["url"]: r["true_encoding"] for r in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    seen = 0
    for name, step in (("debian-docs-ja", 60), ("apache-manual", 40), ("egov-laws-sjis", 180), ("rust-book", 45)):
        with open(dev / "warc" / f"{name}.warc.gz", "rb") as file:
            for i, record in enumerate(ArchiveIterator(file, record_types=WarcRecordType.response)):
                if i % step == 0:
                    url = record.headers["WARC-Target-URI"]
                    markup = record.reader.read().decode(encodings[url], "replace")
                    lean = seen % 2 == 0
                    assert compiled(markup, lean=lean) == prepare(markup, lean=lean), url
                    seen += 1
    assert seen > 15


def test_a_buffer_too_small_is_said_and_never_overrun() -> None:
    page = np.frombuffer(b"<p>" + "精米".encode() * 500 + b"</p><title>x</title>", np.uint8)
    for room in (64, 100, 200, 1000):
        out = np.full(room + 256, 7, np.uint8)
        state = np.zeros(kernel.STATE, np.int64)
        kernel.prepare(page, 0, len(page), out[:room], state, 8)
        assert state[kernel.FLAGS] & kernel.CUT
        assert (out[room:] == 7).all()


def test_line_breaks_go_between_japanese_and_stay_beside_latin() -> None:
    assert compiled("<p>これは\n  日本語</p>").markup == "<p>これは日本語</p>"
    assert compiled("<p>これは\n<b>日本語</b></p>").markup == "<p>これは<b>日本語</b></p>"
    assert compiled("<p>two\nwords</p>").markup == "<p>two\nwords</p>"
    assert compiled("<p>日本語\nwords</p>").markup == "<p>日本語\nwords</p>"
    assert compiled("<p>日本語。\nWords</p>").markup == "<p>日本語。Words</p>"
    assert compiled("<p>한국\n한국</p>").markup == "<p>한국\n한국</p>"
    assert compiled("<p>東京 大阪</p>").markup == "<p>東京 大阪</p>"


def test_xhtml_tags_are_closed_only_where_the_page_is_xhtml() -> None:
    assert compiled('<a id="x"/>本文').markup == '<a id="x"/>本文'
    assert compiled('<html xmlns="y"><a id="x"/>本文').markup == '<html xmlns="y"><a id="x"></a>本文'
    assert compiled('<?xml version="1.0"?><script src="x"/>本文<br/>').markup == "本文<br/>"


def test_scripts_comments_and_images_are_left_out_and_text_that_looks_like_them_stays() -> None:
    assert compiled("a<script>if (a<b) '</p>'</script>b<!-- x > y -->c<img alt=d>e").markup == "abce"
    assert compiled("1 < 2 & 3 <3 </ 4").markup == "1 < 2 & 3 <3 "


def test_readings_are_hidden_or_put_in_brackets() -> None:
    page = "<ruby>漢字<rp>(</rp><rt>かんじ</rt><rp>)</rp></ruby>"
    assert "<rt hidden>" in compiled(page).markup
    kept = compiled(page, "keep").markup
    assert "<rt>（かんじ）</rt>" in kept
    assert "(" not in kept
    assert compiled("<ruby>漢<rt>かん<rb>字<rt>じ</ruby>", "keep").markup.count("）") == 2


def test_a_footer_goes_when_it_is_links_and_stays_when_it_is_text() -> None:
    text = "この節は本文の続きであり、著者の注を長く述べる。" * 8
    assert "<footer hidden>" in compiled("<footer><a href=x>会社概要</a></footer>").markup
    assert "<footer hidden>" not in compiled(f"<footer>{text}</footer>").markup
    assert "<div hidden class=sidebar>" in compiled(f"<div class=sidebar><a href=x>{text}</a></div>").markup
    assert "hidden" not in compiled(f"<div class=sidebar>{text}</div>").markup


def test_contents_go_from_a_chapter_and_stay_on_the_page_that_is_them() -> None:
    toc = "<div class=toc>" + "<a href=x>第一章　精米の歴史</a>" * 6 + "</div>"
    assert "<div hidden class=toc>" in compiled(toc + "<p>" + "本文がここに続く。" * 20 + "</p>").markup
    assert "hidden" not in compiled(toc + "<p>目次</p>").markup


def test_nesting_counts_what_is_open_and_stops_at_the_limit() -> None:
    assert compiled("<div><p>a<p>b<p>c</div><div></div>").deepest == 1
    assert compiled("<div></b>" * 40).deepest == 40
    deep = compiled("<div>" * 200_000)
    assert deep.deepest == 513
    assert len(deep.markup) < 600 * 12


def test_formatting_that_is_never_closed_is_charged_for_every_block() -> None:
    page = "".join(f"<font color={i}>" for i in range(400)) + "<p>x" * 1000
    assert compiled(page).nodes > 400_000
