"""`main_text` as a step: what becomes of a page, and of what is no page."""

import hashlib
import pickle
from typing import Any

import pyarrow as pa
import pytest

from curation.document import COLUMNS
from curation.extract.main_text import MainText

BODY = "精米は玄米から糠と胚芽を取り除く作業であり、白米を得るために行われる。" * 3


def batch(
    *pages: str, mime: str | None = "text/html", kind: str = "response", url: str = "https://a.jp/b/c.html"
) -> pa.RecordBatch:
    n = len(pages)
    columns = {
        "id": pa.array([hashlib.md5(p.encode()).digest() for p in pages], pa.binary(16)),
        "html": pa.array(pages, pa.large_string()),
        "mime_declared": pa.array([mime] * n, pa.string()),
        "record_type": pa.array([kind] * n, pa.string()),
        "url": pa.array([url] * n, pa.large_string()),
    }
    return pa.RecordBatch.from_pydict(columns)


def run(rows: pa.RecordBatch, **parameters: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    step = MainText(**parameters)
    step.setup()
    kept, rejected = step.split(rows)
    return kept.to_pylist(), rejected.to_pylist() if rejected is not None else []


def one(page: str, **how: Any) -> dict[str, Any]:
    parameters = {k: how.pop(k) for k in ("engine", "ruby", "link_density_switch", "max_depth") if k in how}
    kept, rejected = run(batch(page, **how), **parameters)
    return (kept + rejected)[0]


PAGE = f"""<!DOCTYPE html><html lang="ja"><head><title>  精米
の話 </title><meta name="Robots" content="noindex, nofollow"><META NAME="googlebot" content="noarchive">
<meta name="TDM-Reservation" content=" 1 "></head>
<body><header><a href="/">ホーム</a> <a href="/x">製品</a></header><nav><ul><li>案内</ul></nav>
<h1>精米</h1><p>{BODY}</p>
<p>一</p>
<ul><li>玄米</li><li>白米</li></ul>
<table><tr><th>種類</th><td>歩合</td></tr><tr><td><p>白米</p></td><td>九割</td></tr></table>
<pre>
for x in y:
    polish(x)
</pre>
<footer>Copyright 2026 <a rel="license" href="../by-sa">CC</a></footer></body></html>"""


def test_a_page_becomes_its_lines_and_its_head() -> None:
    row = one(PAGE)
    assert row["text"].split("\n") == [
        "精米",
        BODY,
        "一",
        "• 玄米",
        "• 白米",
        "種類\t歩合",
        "白米\t九割",
        "for x in y:",
        "    polish(x)",
    ]
    assert row["title"] == "精米 の話"
    assert row["html_lang"] == "ja"
    assert row["robots_meta"] == "noindex, nofollow, noarchive"
    assert row["tdm_meta"] == "1"
    assert row["licence_link"] == "https://a.jp/by-sa"
    assert row["extraction"] == "body"
    assert 0 <= row["link_density"] < 0.01
    assert "html" not in row


@pytest.mark.parametrize(
    ("meta", "seen"),
    [
        ('<META NAME="ROBOTS" CONTENT="NOAI, noimageai">', "NOAI, noimageai"),
        ("<meta content=noai name=robots>", "noai"),
        ("<meta name='GPTBot' content='noai'/>", "noai"),
        ('<meta http-equiv="X-Robots-Tag" content="noai">', "noai"),
        ('<!-- <meta name="robots" content="noai"> -->', None),
    ],
)
def test_directives_are_read_however_they_are_written(meta: str, seen: str | None) -> None:
    row = one(f"<html><head><title>米</title>{meta}</head><body><p>{BODY}</p></body></html>")
    assert row["robots_meta"] == seen


def test_columns_have_the_types_of_the_schema_and_survive_a_slice() -> None:
    rows = batch("<p>あ</p>", PAGE, f"<p>{BODY}</p>").slice(1)
    step = pickle.loads(pickle.dumps(MainText()))
    step.setup()
    kept, rejected = step.split(rows)
    assert rejected is None
    assert kept.column("title").to_pylist() == ["精米 の話", None]
    for name in MainText.writes:
        assert kept.schema.field(name).type == COLUMNS[name].type


def test_readings_are_dropped_or_kept_in_brackets() -> None:
    page = f"<p><ruby>糠<rp>(</rp><rt>ぬか</rt><rp>)</rp></ruby>は油になる。{BODY}</p>"
    assert one(page)["text"].startswith("糠は油になる。")
    assert one(page, ruby="keep")["text"].startswith("糠（ぬか）は油になる。")


def test_a_page_of_links_takes_the_other_mode() -> None:
    links = "".join(f'<div class="sitenavi"><a href="/{i}">精米機の型番{i}の一覧表を見る</a></div>' for i in range(30))
    page = f"<html><body><div><div>{links}</div></div><p>{BODY}</p></body></html>"
    assert one(page)["extraction"] == "main"
    assert one(page)["link_density"] > 0.5
    assert one(page, link_density_switch=1.0)["extraction"] == "body"


def test_numbers_of_one_kanji_survive_in_both_modes() -> None:
    items = "".join(f"<p>{n}</p><p>{BODY}</p>" for n in "一二三")
    for switch in (0.0, 1.0):
        text = one(
            f"<body><div>{items}<p><a href=x>次へ進むにはここを押してください</a></div></body>",
            link_density_switch=switch,
        )["text"]
        assert [line for line in text.split("\n") if len(line) == 1] == ["一", "二", "三"]


def test_hidden_everything_is_still_a_page() -> None:
    assert (
        one(f'<body><div class="header"><a href="x">{BODY}</a></div></body>', link_density_switch=1.0)["text"] == BODY
    )


def test_text_that_is_no_markup_is_read_as_it_is() -> None:
    assert one("一行目 <b>\r\n二行目", mime="text/plain")["text"] == "一行目 <b>\n二行目"
    assert one("精米とは", mime=None)["extraction"] == "plain"
    assert one("a < b", mime="text/html", kind="conversion")["text"] == "a < b"
    assert one(f"<html><p>{BODY}", mime="text/plain")["extraction"] == "body"
    assert one(f"<p>{BODY}", mime=None)["extraction"] == "body"
    assert one("plain", mime="text/plain")["link_density"] is None


@pytest.mark.parametrize(
    ("page", "mime"),
    [
        ("", "text/html"),
        ("\0\0\0", "text/html"),
        ("   \n", "text/plain"),
        ("<html><body></body></html>", "text/html"),
        ("<script>var x = 1</script>", "text/html"),
        ("body { color: red }", "text/css"),
    ],
)
def test_pages_without_text_are_rejected_and_nothing_else_is(page: str, mime: str) -> None:
    kept, rejected = run(batch(page, f"<p>{BODY}</p>", mime=mime))
    assert [r["reason"] for r in rejected] == ["no_text"] * (2 if mime == "text/css" else 1)
    assert len(kept) + len(rejected) == 2


def test_nul_bytes_in_text_go_and_the_text_stays() -> None:
    assert one(f"<p>{BODY}\0\0</p><p>二段\0落目</p>")["text"] == f"{BODY}\n二段落目"


def test_an_image_called_html_does_no_harm() -> None:
    image = bytes(range(256)) * 400
    row = one(image.decode("cp932", "replace"))
    assert row.get("reason") in (None, "no_text")


def test_200_000_nested_tags_are_too_deep_and_the_same_everywhere() -> None:
    kept, rejected = run(batch("<div>" * 200_000 + BODY, f"<div>{BODY}</div>"))
    assert (rejected[0]["reason"], rejected[0]["value"], rejected[0]["threshold"]) == ("too_deep", 513.0, 512.0)
    assert kept[0]["text"] == BODY


def test_depth_is_what_max_depth_says() -> None:
    page = "<div>" * 20 + BODY + "</div>" * 20
    assert one(page, max_depth=20)["text"] == BODY
    assert one(page, max_depth=19)["reason"] == "too_deep"


def test_a_tree_that_grows_as_a_square_is_not_parsed() -> None:
    page = "".join(f"<font color={i}>" for i in range(500)) + "<p>x" * 20_000
    row = one(page)
    assert (row["reason"], row["detail"]) == ("too_deep", "nodes of the tree")


def test_an_open_paragraph_or_item_is_not_depth() -> None:
    assert "reason" not in one("<ul>" + f"<li>{BODY}<p>続き" * 3000)


def test_trafilatura_is_a_choice() -> None:
    pytest.importorskip("trafilatura")
    row = one(PAGE, engine="trafilatura")
    assert row["extraction"] == "trafilatura"
    assert BODY in row["text"]
    assert row["title"] == "精米 の話"


def test_parameters_out_of_range_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="link_density_switch must be in"):
        MainText(link_density_switch=2.0)
    with pytest.raises(ValueError, match="'drop' or 'keep'"):
        MainText(ruby="both")  # type: ignore[arg-type]
