"""Lines of extracted and of plain text."""

import random

import numpy as np

from curation.extract.japanese_lines import LONE_CHARACTER, PRE_LINE, plain_text, tidy, unwrap
from curation.extract.lines_kernel import tidy as compiled_tidy


def compiled(text: str) -> str:
    raw = text.encode()
    data = np.frombuffer(raw + b"\xe3\x80", np.uint8)
    out = np.empty(len(raw) + 1, np.uint8)
    return out[: compiled_tidy(data, len(raw), out)].tobytes().decode()


def test_the_compiled_tidy_equals_its_reference() -> None:
    rng = random.Random(1)
    pieces = [
        "a",
        "精",
        "米。",
        " ",
        "  ",
        "\t",
        "\n",
        "\n\n",
        "\u3000",
        "\xa0",
        "¶",
        PRE_LINE,
        LONE_CHARACTER,
        "\u200b",
        "𠮟",
        "\r",
        "é",
    ]
    for _ in range(4000):
        text = "".join(rng.choice(pieces) for _ in range(rng.randint(0, 30)))
        assert compiled(text) == tidy(text), repr(text)


def test_cells_are_separated_by_one_tab_and_code_keeps_its_indent() -> None:
    assert compiled("  A\t\tB  \n\n  • 項目") == "A\tB\n• 項目"
    assert compiled(f"{PRE_LINE}if x:\n{PRE_LINE}\t\ty\n{PRE_LINE}\n{PRE_LINE}z") == "if x:\n\t\ty\n\nz"


def test_an_indented_paragraph_keeps_its_ideographic_space() -> None:
    assert compiled("\u3000吾輩は猫である。\u3000\n\u3000\n") == "\u3000吾輩は猫である。"


WRAPPED = """　これは三十文字で折り返された長い文章の例であり、各行はほぼ同
じ幅で終わっている。段落の終わりの行だけが短く、次の段落は字下げ
で始まる。
　折り返しを元に戻すと、文の途中の改行が消えて、一つの段落が一行
になる。検索や学習のためにはこの形のほうが扱いやすく、形態素解析
でも単語が途中で切れることがないので、たいへん都合がよいと言える
だろう。
・箇条書きの行は前の行が幅いっぱいであっても、つなげてはいけない
・次の項目も同じであり、こうした規則を守れば目録などは壊れないで
すむ。また Debian のような Latin の語のところでは行の境目に空白が
要るので、そこでは空白を入れてつなげることになる、と決めておくの
である。"""


def test_hard_wrapped_lines_are_joined_and_items_are_not() -> None:
    joined = unwrap(WRAPPED.split("\n"))
    assert joined[0] == (
        "　これは三十文字で折り返された長い文章の例であり、各行はほぼ同じ幅で終わっている。"
        "段落の終わりの行だけが短く、次の段落は字下げで始まる。"
    )
    assert joined[1].endswith("言えるだろう。")
    assert joined[2] == "・箇条書きの行は前の行が幅いっぱいであっても、つなげてはいけない"
    assert len(joined) == 4


def test_verse_tables_and_short_texts_are_left_alone() -> None:
    verse: list[str] = ["古池や", "蛙飛びこむ", "水の音"] * 8
    assert unwrap(verse) == verse
    table = [f"| {'項目':10} | {'値' * 20} |" for _ in range(12)]
    assert unwrap(table) == table


def test_plain_text_loses_only_nul_and_line_end_styles() -> None:
    assert plain_text("一行目\r\n\r\n二行目\0\r三行目") == "一行目\n二行目\n三行目"
    assert plain_text("") == ""


AOZORA = """吾輩は猫である
夏目漱石

-------------------------------------------------------
【テキスト中に現れる記号について】

《》：ルビ
（例）吾輩《わがはい》
-------------------------------------------------------

［＃３字下げ］一［＃「一」は中見出し］
　｜吾輩《わがはい》は猫である。※［＃「言＋睿」、第4水準2-88-85］
"""


def test_aozora_notation_is_read() -> None:
    assert plain_text(AOZORA) == "吾輩は猫である\n夏目漱石\n一\n　吾輩は猫である。〓"
    assert "吾輩（わがはい）は" in plain_text(AOZORA, "keep")
    assert plain_text("《注意》を読む") == "《注意》を読む"
