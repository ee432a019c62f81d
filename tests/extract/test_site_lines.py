"""Lines that repeat over a site go, and those that a text repeats itself stay."""

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.extract.edge_lines import EdgeLines
from curation.extract.site_lines import SiteLines
from curation.place import Place

WORDS = "玄米 白米 胚芽 糠 酒米 研ぎ汁 精米機 搗精 歩留まり 吟醸 籾 水車 石臼 新米 古米 無洗米".split()


class Held:
    """Rows in memory, as the engine hands them to a survey."""

    def __init__(self, *batches: pa.RecordBatch):
        self.batches = batches

    def read(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        for batch in self.batches:
            yield batch.select(list(columns))


def rows(texts: Sequence[str], host: str | None = "a.jp") -> pa.RecordBatch:
    ids = [hashlib.md5(f"{host}{i}".encode()).digest() for i in range(len(texts))]
    columns = {
        "id": pa.array(ids, pa.binary(16)),
        "host": pa.array([host] * len(texts), pa.string()),
        "text": pa.array(texts, pa.large_string()),
    }
    batch = pa.RecordBatch.from_pydict(columns)
    lines = EdgeLines()
    lines.setup()
    return lines.split(batch)[0]


def table_of(step: SiteLines, *batches: pa.RecordBatch) -> pa.Table:
    step.setup()
    tables = [table for _, table in step.survey(Held(*batches))]
    return pa.concat_tables(tables) if tables else step.tables["site_lines"].empty_table()


def cleaned(tmp_path: Path, *batches: pa.RecordBatch, **parameters: Any) -> list[dict[str, Any]]:
    """Survey and flow, the table through a file as a later run would read it."""
    path = str(tmp_path / "lines.parquet")
    pq.write_table(table_of(SiteLines(**parameters), *batches), path)
    step = SiteLines(table=path)
    step.setup()
    assert not step.needs_survey
    found: list[dict[str, Any]] = []
    for batch in batches:
        kept, rejected = step.split(batch)
        found += kept.to_pylist() + (rejected.to_pylist() if rejected is not None else [])
    return found


def body(i: int, lines: int = 60) -> list[str]:
    return [f"{WORDS[(i + k) % 16]}の第{i}話、{k}番目の段落である。" for k in range(lines)]


MENU = ["• ホーム", "• 会社概要", "• お問い合わせ"]


def test_a_menu_and_a_footer_go_from_every_page(tmp_path: Path) -> None:
    pages = ["\n".join([f"記事{i}", *MENU, *body(i), "© 2026 精米社"]) for i in range(30)]
    found = cleaned(tmp_path, rows(pages))
    assert [row["text"] for row in found] == ["\n".join([f"記事{i}", *body(i)]) for i in range(30)]
    assert {row["site_lines_removed"] for row in found} == {4}


def test_a_heading_between_other_lines_stays_though_most_pages_have_it(tmp_path: Path) -> None:
    pages = ["\n".join([*body(i, 10), "附　則", *body(i + 50, 10)]) for i in range(30)]
    assert {row["site_lines_removed"] for row in cleaned(tmp_path, rows(pages))} == {0}


def test_lines_in_the_middle_of_long_pages_are_not_looked_at(tmp_path: Path) -> None:
    pages = ["\n".join([*body(i, 40), *MENU, *body(i + 50, 40)]) for i in range(30)]
    assert {row["site_lines_removed"] for row in cleaned(tmp_path, rows(pages))} == {0}


def test_sites_of_fewer_than_twenty_distinct_pages_are_left_alone(tmp_path: Path) -> None:
    pages = ["\n".join([*MENU, *body(i)]) for i in range(19)]
    copies = [page.replace("、", "，") for page in pages] + [p.replace("\n", "\n\n") for p in pages]
    assert {row["site_lines_removed"] for row in cleaned(tmp_path, rows(pages + copies))} == {0}
    assert {row["site_lines_removed"] for row in cleaned(tmp_path, rows([*pages, "\n".join([*MENU, *body(99)])]))} == {
        3
    }


def test_a_line_on_half_of_the_pages_stays_and_on_more_goes(tmp_path: Path) -> None:
    half = ["\n".join([*(MENU if i < 15 else []), *body(i)]) for i in range(30)]
    more = ["\n".join([*(MENU if i < 16 else []), *body(i)]) for i in range(30)]
    assert sum(row["site_lines_removed"] for row in cleaned(tmp_path, rows(half))) == 0
    assert sum(row["site_lines_removed"] for row in cleaned(tmp_path, rows(more))) == 3 * 16


def test_a_menu_of_one_site_stays_in_another(tmp_path: Path) -> None:
    one = rows(["\n".join([*MENU, *body(i)]) for i in range(25)], "a.jp")
    other = rows(["\n".join([*MENU, *body(i)]) for i in range(5)], "b.jp")
    nowhere = rows(["\n".join([*MENU, *body(i)]) for i in range(25)], None)
    counts = [row["site_lines_removed"] for row in cleaned(tmp_path, one, other, nowhere)]
    assert counts == [3] * 25 + [0] * 30


def test_a_page_of_nothing_else_is_rejected(tmp_path: Path) -> None:
    pages = ["\n".join([*MENU, *body(i)]) for i in range(25)]
    found = cleaned(tmp_path, rows([*pages, "\n".join(MENU)]))
    assert found[-1]["reason"] == "no_text"
    assert len(found) == 26


def test_the_table_says_what_it_counted() -> None:
    pages = ["\n".join([*MENU, *body(i)]) for i in range(25)]
    table = table_of(SiteLines(), rows(pages)).to_pylist()
    first = next(row for row in table if row["line"] == "• ホーム" and row["place"] == "rim")
    assert (first["host"], first["pages"], first["counted"], first["share"]) == ("a.jp", 25, 25, 1.0)
    assert {row["line"] for row in table} == set(MENU)


def test_the_pages_with_the_smallest_ids_are_counted_whatever_the_order() -> None:
    pages = [rows(["\n".join([*MENU, *body(i)])]) for i in range(60)]
    named = []
    for i, page in enumerate(pages):
        named.append(page.set_column(0, "id", pa.array([hashlib.md5(str(i).encode()).digest()], pa.binary(16))))
    step = SiteLines(min_pages=20, max_pages=30)
    forward = table_of(step, *named)
    assert set(forward["counted"].to_pylist()) == {30}
    columns = ["host", "line_hash", "place", "pages", "counted"]
    assert table_of(step, *named[::-1]).select(columns).equals(forward.select(columns))


def test_an_empty_crawl_gives_an_empty_table() -> None:
    assert table_of(SiteLines()).num_rows == 0
    assert table_of(SiteLines(), rows(["", "x"])).num_rows == 0


def test_the_named_table_is_part_of_the_fingerprint(tmp_path: Path) -> None:
    pages = ["\n".join([*MENU, *body(i)]) for i in range(25)]
    path = str(tmp_path / "t.parquet")
    pq.write_table(table_of(SiteLines(), rows(pages)), path)
    before = SiteLines(table=path).artefacts()
    pq.write_table(table_of(SiteLines(), rows(pages)).slice(1), path)
    assert SiteLines(table=path).artefacts() != before
    assert SiteLines().artefacts() == {}


def test_parameters_out_of_range_are_refused_in_words() -> None:
    with pytest.raises(ValueError, match="share must be in"):
        SiteLines(share=0.1)
    with pytest.raises(ValueError, match="min_pages"):
        SiteLines(min_pages=1)


def test_a_crawl_of_any_size_gets_the_same_table(monkeypatch: pytest.MonkeyPatch) -> None:
    batches = [
        rows(["\n".join([f"記事{i}", *MENU, *body(i)]) for i in range(40)], host) for host in ("a.jp", "b.jp", "c.jp")
    ]
    small = table_of(SiteLines(max_pages=30), *batches)
    assert set(small["host"].to_pylist()) == {"a.jp", "b.jp", "c.jp"}
    assert set(small["pages"].to_pylist()) == {30}
    monkeypatch.setattr("curation.extract.site_line_counts.COMPACT_ROWS", 50)
    monkeypatch.setattr("curation.extract.site_lines._PAGES_A_PASS", 60)
    assert table_of(SiteLines(max_pages=30), *batches).sort_by("host").equals(small.sort_by("host"))


def in_phases(
    folder: Path, step: SiteLines, batch: pa.RecordBatch, tasks: int, rows_a_part: int
) -> tuple[pa.Table, int]:
    """The table of a survey in phases over rows that lie in so many partitions, its tasks run in any order; parts it was cut into."""
    step.setup()
    step.rows_a_part = rows_a_part
    batch = batch.take(pa.array(sorted(range(len(batch)), key=lambda i: batch.column("id")[i].as_py())))
    of = [i.as_py()[0] * tasks >> 8 for i in batch.column("id")]

    class Parts:
        def read(self, columns: Sequence[str], partition: int | None = None) -> Iterator[pa.RecordBatch]:
            some = batch.filter(pa.array([p == partition for p in of])).select(list(columns))
            yield from (some.slice(at, 7) for at in range(0, len(some), 7))

    found: dict[int, list[pa.Table]] = {}
    phases = step.phases(len(batch), tasks)
    for phase in phases:
        for task in (*reversed(range(phase.tasks)), 0):  # a task that is run again writes the same
            found[task] = [t for _, t in step.run_phase(phase.name, task, Parts(), Place(str(folder)))]
    return pa.concat_tables([t for some in found.values() for t in some]), phases[1].tasks


@pytest.mark.parametrize(("tasks", "rows_a_part"), [(1, 1000), (4, 40), (8, 10)])
def test_phases_make_the_table_that_one_task_makes(tmp_path: Path, tasks: int, rows_a_part: int) -> None:
    batches = [
        rows(["\n".join([*(MENU if i % 4 else MENU[:2]), *body(i + 100 * n)]) for i in range(many)], host)
        for n, (host, many) in enumerate([("a.jp", 45), ("b.jp", 25), ("少.jp", 12), (None, 30), ("c.jp", 61)])
    ]
    batches.append(rows(["\n".join([*MENU, *body(1)])] * 30, "copies.jp"))
    whole = pa.Table.from_batches(
        [pa.RecordBatch.from_pydict({c: b.column(c) for c in sorted(b.schema.names)}) for b in batches]
    )
    one = whole.combine_chunks().to_batches()[0]
    expected = table_of(SiteLines(max_pages=30), one)
    assert set(expected["host"].to_pylist()) == {"a.jp", "b.jp", "c.jp"}
    assert len(set(expected["pages"].to_pylist())) > 3
    table, parts = in_phases(tmp_path, SiteLines(max_pages=30), one, tasks, min(rows_a_part, len(one) - 1))
    assert parts == {1000: 2, 40: 8, 10: 32}[rows_a_part]
    order = [("host", "ascending"), ("line_hash", "ascending")]
    columns = [c for c in expected.column_names if c != "line"]
    assert table.sort_by(order).select(columns).equals(expected.sort_by(order).select(columns))
    assert set(table["line"].to_pylist()) == set(expected["line"].to_pylist())


def test_edge_lines_are_those_of_either_end_and_at_the_rim_a_second_time() -> None:
    text = "\n".join([*MENU, *body(1, 60), "© 2026 精米社"])
    step = EdgeLines()
    step.setup()
    batch, _ = step.split(pa.record_batch({"text": pa.array([text, None, "。。", text], pa.large_string())}))
    lines = batch.column("edge_lines").to_pylist()
    odd = [h for h in lines[0] if h & 1]
    assert (len(lines[0]), len(odd)) == (48 + 6, 6), "24 lines at either end, 3 of them outermost"
    assert {h - 1 for h in odd} < set(lines[0])
    assert lines[1] == lines[2] == []
    letters = batch.column("page_letters").to_pylist()
    assert letters[0] == letters[3] != 0
    assert letters[1] == letters[2] == 0
