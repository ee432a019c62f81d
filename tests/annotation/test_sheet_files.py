"""Sheets as files: nothing in a cell is obeyed, what Excel does to a file is undone or named, and a file that is none is refused."""

import codecs
import io
import zipfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from annotation.errors import ReviewError
from annotation.labels import Labels
from annotation.sheets import file
from annotation.sheets.cell import LONGEST, escaped, plain, same, units, visible
from annotation.sheets.taken import take
from annotation.sheets.written import Wanted, write_sheet
from tests.annotation.office import csv_lines, edit_csv, edit_xlsx, item, push, xlsx_lines

FORMULAS = ("=1+1", "+81", "-項目", "@SUM(A1)", "\tx", "\r=1", "＝1", "－1", "'引用'", '=HYPERLINK("http://x")')


@pytest.fixture
def labels(tmp_path: Path) -> Labels:
    return Labels(tmp_path / "labels")


def fill(**cells: str) -> Any:
    """A change of every line of a CSV."""
    return lambda _, line: line.update(cells)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_an_escaped_cell_is_no_formula_and_the_same_text_again(text: str):
    cell = escaped(visible(text))
    assert not cell or cell[0] not in "=+-@\t\r＝＋－＠"
    assert plain(cell) == visible(text)
    assert same(visible(text), cell)
    assert same(visible(text), visible(text))


def test_csv_has_the_mark_and_no_cell_that_is_a_formula(labels: Labels, tmp_path: Path):
    push(labels, "quality", [item(n, text) for n, text in enumerate(FORMULAS)])
    write_sheet(labels, tmp_path / "sheet.csv", Wanted("quality"))
    assert (tmp_path / "sheet.csv").read_bytes().startswith(codecs.BOM_UTF8)
    cells = [line["answer"] for line in csv_lines(tmp_path / "sheet.csv")]
    assert all(cell.startswith("'") for cell in cells)
    done = take(labels, edit_csv(tmp_path / "sheet.csv", fill(check="")), "佐藤")
    assert (done.unchanged, done.conflicts) == (len(FORMULAS), [])

    def excel(_: int, line: dict[str, str]) -> None:  # who edits such a cell in Excel loses the apostrophe
        line["answer"] = line["answer"].removeprefix("'")

    done = take(labels, edit_csv(tmp_path / "sheet.csv", excel), "佐藤")
    assert (done.unchanged, done.conflicts) == (len(FORMULAS), [])


def test_xlsx_holds_texts_with_excels_own_quote_and_lists_to_choose_from(labels: Labels, tmp_path: Path):
    push(labels, "quality", [item(n, text) for n, text in enumerate(FORMULAS)])
    write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("quality"))
    book = load_workbook(tmp_path / "sheet.xlsx")
    sheet = book.worksheets[0]
    answers = [row[3] for row in sheet.iter_rows(min_row=2)]
    assert [cell.value for cell in answers] == [text.replace("\r", "\n") for text in FORMULAS]
    assert {(cell.data_type, cell.quotePrefix, cell.number_format) for cell in answers} == {("s", True, "@")}
    offered = {v.formula1 for v in sheet.data_validations.dataValidation}
    assert '"そのまま使える,直せば使える,使えない,判断できない"' in offered
    assert '"1,2,3,4,5"' in offered
    assert [at for at, of in sheet.column_dimensions.items() if of.hidden] == ["C"], "no row has tools"
    told = "\n".join(str(cell.value or "") for cell in book.worksheets[1]["A"])
    assert "白い列だけに書いてください" in told
    assert "そのまま使える" in told


def test_what_xlsx_takes_for_a_code_of_a_character_stays_what_it_is(labels: Labels, tmp_path: Path):
    push(labels, "correction", [item(0, "_x0041_ と _x000D_")])
    write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("correction"))
    with zipfile.ZipFile(tmp_path / "sheet.xlsx") as packed:
        assert b"_x005F_x0041_" in packed.read("xl/worksheets/sheet1.xml")

    def change(_: int, line: dict[str, Any]) -> None:
        line["decision"].value, line["rewrite"].value = "直した", "一行目_x000D_\n二行目"

    assert take(labels, tmp_path / "sheet.xlsx", "佐藤").unchanged == 1
    assert take(labels, edit_xlsx(tmp_path / "sheet.xlsx", change), "佐藤").conflicts == []
    assert orjson.loads(labels.answers()[0]["values"])["rewrite"] == "一行目\n二行目"


def test_control_characters_become_pictures_and_a_text_beyond_the_cell_is_cut_and_said(labels: Labels, tmp_path: Path):
    long = [
        {"role": "user", "content": "長" * 20_000},
        {"role": "assistant", "content": "い" * 20_000},
        {"role": "user", "content": "続けて"},
    ]
    push(labels, "quality", [item(0, "音\x07が\x00鳴る\x1b[0m"), item(1, prompt=long)])
    for kind in ("csv", "xlsx"):
        done = write_sheet(labels, tmp_path / f"sheet.{kind}", Wanted("quality"))
        lines = (csv_lines if kind == "csv" else xlsx_lines)(tmp_path / f"sheet.{kind}")
        assert lines[0]["answer"] == "音␇が␀鳴る␛[0m"
        assert done.cut == [lines[1]["id"]]
        assert units(lines[1]["prompt"]) < LONGEST
        assert "字のうち 32,000 字まで" in lines[1]["prompt"]
        assert lines[1]["prompt"].startswith("【利用者】\n長")
    good = {"verdict": "そのまま使える", "helpfulness": "5", "correctness": "5", "naturalness": "5"}
    assert take(labels, edit_csv(tmp_path / "sheet.csv", fill(**good)), "佐藤").conflicts == []
    over = take(labels, edit_csv(tmp_path / "sheet.csv", fill(**good, comment="あ" * 32_767)), "鈴木")
    assert [(c.kind, c.found) for c in over.conflicts] == [("too_long", "32,767")] * 2
    assert take(labels, edit_csv(tmp_path / "sheet.csv", fill(**good, comment="あ" * 32_766)), "鈴木").conflicts == []


def test_shift_jis_loses_characters_and_only_changed_cells_suffer(labels: Labels, tmp_path: Path):
    texts = ("梅が咲いた😀 한국 ～", "春の〜雨—と", "ただの雨")
    push(labels, "correction", [item(n, text) for n, text in enumerate(texts)])
    write_sheet(labels, tmp_path / "sheet.csv", Wanted("correction"))
    done = take(labels, edit_csv(tmp_path / "sheet.csv", fill(decision="直さない"), "cp932"), "佐藤")
    assert done.shift_jis
    assert (done.conflicts, dict(done.events)) == ([], {"answered": 3})
    assert [row["values"].count("😀") for row in labels.answers()] == [1, 0, 0], (
        "the text as it was, not as Excel left it"
    )

    def change(number: int, line: dict[str, str]) -> None:
        line["decision"], line["rewrite"] = "直した", ("梅が咲いた😀", "春の雨", "冬の雨😀")[number]

    done = take(labels, edit_csv(tmp_path / "sheet.csv", change, "cp932"), "鈴木")
    assert [(c.number, c.kind) for c in done.conflicts] == [
        (2, "lost_characters"),
        (3, "lost_characters"),
        (4, "lost_characters"),
    ]
    assert "CSV UTF-8" in done.conflicts[0].ja
    assert take(labels, edit_csv(tmp_path / "sheet.csv", change), "鈴木").conflicts == []


def test_what_excel_makes_of_a_short_answer_is_not_taken_for_another_text(labels: Labels, tmp_path: Path):
    push(labels, "quality", [item(0, "0012"), item(1, "1/2"), item(2, "12345678901234567890")])
    write_sheet(labels, tmp_path / "sheet.csv", Wanted("quality"))

    def opened(number: int, line: dict[str, str]) -> None:
        line["answer"] = ("12", "1月2日", "1.23457E+19")[number]
        line |= {"verdict": "使えない", "helpfulness": "1", "correctness": "1", "naturalness": "1"}

    assert take(labels, edit_csv(tmp_path / "sheet.csv", opened, "cp932"), "佐藤").conflicts == []


def test_formulas_dates_and_unknown_values_are_named_with_their_cell(labels: Labels, tmp_path: Path):
    push(labels, "quality", [item(n) for n in range(5)])
    write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("quality"))

    def change(number: int, line: dict[str, Any]) -> None:
        for name, value in {"verdict": "そのまま使える", "helpfulness": 5, "correctness": 5, "naturalness": 5}.items():
            line[name].value = value
        if number == 0:
            line["comment"].value = "=A1"
        if number == 1:
            import datetime

            line["comment"].value = datetime.datetime(2026, 1, 2)
        if number == 2:
            line["verdict"].value, line["helpfulness"].value = "よさそう", 4.5
        if number == 3:
            line["naturalness"].value = None

    done = take(labels, edit_xlsx(tmp_path / "sheet.xlsx", change), "佐藤")
    assert [(c.number, c.kind, c.column) for c in done.conflicts] == [
        (2, "formula", "気づいたこと"), (3, "not_text", "気づいたこと"), (4, "unknown_value", "この回答は学習に使えますか"),
        (4, "unknown_value", "役に立つか"), (5, "incomplete", "日本語として自然か"),
    ]  # fmt: skip
    assert "「よさそう」という答えはありません" in done.conflicts[2].ja
    assert len(labels.answers()) == 1


def test_tabs_semicolons_and_utf_16_are_read(labels: Labels, tmp_path: Path):
    push(labels, "preference", [item(0, "梅が咲いた。", "うめ")])
    write_sheet(labels, tmp_path / "sheet.csv", Wanted("preference"))
    text = edit_csv(tmp_path / "sheet.csv", fill(preference="同じ")).read_bytes().decode("utf-8-sig")
    (tmp_path / "unicode.csv").write_bytes(text.replace(",", "\t").encode("utf-16"))
    (tmp_path / "semicolon.csv").write_bytes(text.replace(",", ";").encode())
    assert dict(take(labels, tmp_path / "unicode.csv", "佐藤").events) == {"answered": 1}
    assert take(labels, tmp_path / "semicolon.csv", "佐藤").there == 1


def test_lines_may_be_moved_left_out_and_stand_beside_other_columns(labels: Labels, tmp_path: Path):
    push(labels, "preference", [item(n, "梅が咲いた。", "うめ") for n in range(3)])
    write_sheet(labels, tmp_path / "sheet.csv", Wanted("preference"))
    filled = edit_csv(tmp_path / "sheet.csv", fill(preference="同じ"))
    header, one, two, _ = filled.read_text("utf-8-sig").splitlines()
    moved = "\r\n".join([f"メモ,{header}", "", f"あとで,{two}", f",{one}", ","])
    (tmp_path / "moved.csv").write_text(moved, encoding="utf-8")
    done = take(labels, tmp_path / "moved.csv", "佐藤")
    assert (dict(done.events), done.absent, done.ignored) == ({"answered": 2}, 1, ["メモ"])


def test_missing_columns_are_all_named(labels: Labels, tmp_path: Path):
    push(labels, "preference", [item(0, "梅が咲いた。", "うめ")])
    write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("preference"))
    book = load_workbook(tmp_path / "sheet.xlsx")
    book.worksheets[0].delete_cols(4, 2)
    book.save(tmp_path / "cut.xlsx")
    with pytest.raises(ReviewError, match=r"cut\.xlsx: the columns 回答A（a）, 回答B（b） are missing; put them back"):
        take(labels, tmp_path / "cut.xlsx", "佐藤")


def _book(*titles: str, headers: tuple[str, ...] = ("id",)) -> bytes:
    book = Workbook()
    for title in titles:
        book.create_sheet(title).append(headers)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"", "a.csv: is empty"),
        ("a.csv", "名前,答え\r\n1,2".encode(), "the first line names no column 'id'; found 名前, 答え"),
        ("a.csv", b"id,id\r\n1,2", "the column 'id' is there twice"),
        ("a.csv", b'id,x\r\n1,"2', "line 2: is no CSV"),
        ("a.csv", b"id,\x81\x20\xff\n", "is neither UTF-8"),
        ("a.ods", b"x", "a sheet is .csv or .xlsx"),
        ("a.xlsx", b"PK\x03\x04nothing", "is no XLSX"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0", "has a password or is of Excel 97"),
        ("a.xlsx", _book("一", "二"), "'一', '二' all have a column 'id'; leave one of them"),
        ("a.xlsx", _book("一", headers=("名前",)), "names no column 'id'"),
    ],
)
def test_a_file_that_is_no_sheet_is_refused(labels: Labels, tmp_path: Path, name: str, content: bytes, said: str):
    push(labels, "preference", [item(0, "梅が咲いた。", "うめ")])
    write_sheet(labels, tmp_path / "sheet.csv", Wanted("preference"))
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReviewError) as error:
        take(labels, tmp_path / name, "佐藤")
    assert said in str(error.value)


def test_a_file_that_unfolds_to_more_than_any_sheet_holds_is_refused(labels: Labels, tmp_path: Path, monkeypatch):
    push(labels, "preference", [item(0, "梅" * 20_000, "うめ")])
    write_sheet(labels, tmp_path / "sheet.xlsx", Wanted("preference"))
    size = (tmp_path / "sheet.xlsx").stat().st_size
    monkeypatch.setattr(file, "MOST_BYTES", size + 1)
    with pytest.raises(ReviewError, match="holds more than"):
        take(labels, tmp_path / "sheet.xlsx", "佐藤")
    monkeypatch.setattr(file, "MOST_BYTES", size - 1)
    with pytest.raises(ReviewError, match="is larger than"):
        take(labels, tmp_path / "sheet.xlsx", "佐藤")


def test_a_sheet_of_other_label_shards_and_one_without_a_name_are_refused(labels: Labels, tmp_path: Path):
    push(labels, "preference", [item(0, "梅が咲いた。", "うめ")])
    write_sheet(labels, tmp_path / "sheet.csv", Wanted("preference"))
    with pytest.raises(ReviewError, match="no sheet was written from these label shards"):
        take(Labels(tmp_path / "others"), tmp_path / "sheet.csv", "佐藤")
    with pytest.raises(ReviewError, match="who filled in the sheet"):
        take(labels, tmp_path / "sheet.csv", "　")
    with pytest.raises(ReviewError, match=r"gone\.csv: cannot be read"):
        take(labels, tmp_path / "gone.csv", "佐藤")
