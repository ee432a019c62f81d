"""Lines on very many pages of many hosts: counted as a plain count does, however it is cut, then measured, removed or capped."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.count_min import CountMin, added, cells, error_share, failure_probability
from curation.dedup.line_keys import LineKeys, line_key, without_lines
from curation.dedup.lines import LineDedup
from curation.dedup.normal_form import normal_form
from curation.place import Place
from curation.provenance import key, partition_of
from curation.shards import Table, write_survey_table

FOOTER = "このサイトでは Cookie を使用しています。"
NOTICE = "無断転載を禁じます"


class Rows:
    """Pages in partitions by id, as a shard set gives them; without a partition all of them."""

    def __init__(self, table: pa.Table, partitions: int = 1, rows_a_batch: int = 7):
        table = table.sort_by("id").combine_chunks()
        part = partition_of(table.column("id").combine_chunks(), partitions)
        self.parts = [table.filter(pa.array(part == p)) for p in range(partitions)]
        self.rows_a_batch = rows_a_batch

    def read(self, columns: Sequence[str], partition: int | None = None) -> Iterator[pa.RecordBatch]:
        for part in self.parts if partition is None else [self.parts[partition]]:
            yield from part.select(list(columns)).to_batches(max_chunksize=self.rows_a_batch)


def pages(rows: Sequence[tuple[str | None, str | None]], dates: Sequence[int | None] | None = None) -> pa.Table:
    """(host, text) of each page; ids are hashes, as everywhere."""
    columns = {
        "id": pa.array([key("page", i) for i in range(len(rows))], pa.binary(16)),
        "host": pa.array([host for host, _ in rows], pa.string()),
        "text": pa.array([text for _, text in rows], pa.large_string()),
        "date": pa.array(dates or [None] * len(rows), pa.timestamp("s", tz="UTC")),
    }
    return pa.table(columns).sort_by("id")


def in_one_task(step: LineDedup, table: pa.Table) -> pa.Table:
    made = [t for _, t in step.survey(Rows(table))]
    return pa.concat_tables(made)


def in_phases(
    step: LineDedup,
    table: pa.Table,
    folder: Path,
    partitions: int,
    rows_a_part: int,
    order: random.Random | None = None,
) -> pa.Table:
    """Every task of every phase; with `order` in any order, and some of them twice."""
    rows, work = Rows(table, partitions), Place(str(folder))
    step.rows_a_part = rows_a_part
    made: dict[int, list[pa.Table]] = {}
    for phase in step.phases(len(table), partitions):
        tasks = list(range(phase.tasks))
        if order is not None:
            order.shuffle(tasks)
            tasks += order.sample(tasks, min(3, len(tasks)))
        for task in tasks:
            if found := [t for _, t in step.run_phase(phase.name, task, rows, work)]:
                made[task] = found
    return pa.concat_tables([t for task in sorted(made) for t in made[task]])


def counted(step: LineDedup) -> dict[str, int]:
    return {name: int(s.total) for name, s in step.stats.stats.items()}


def flowed(step: LineDedup, table: pa.Table, folder: Path) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Survey, its table on disk, and the rows through it: kept and rejected, in order of id."""
    write_survey_table(Place(str(folder)), "heavy_lines", in_one_task(step, table), 1)
    step.made = {"heavy_lines": Table(f"{folder}/heavy_lines")}
    step.setup()
    kept, rejected = [], []
    for batch in table.to_batches(max_chunksize=5):
        a, b = step.split(batch)
        kept += a.to_pylist()
        rejected += [] if b is None else b.to_pylist()
    return kept, rejected


def plain_count(
    table: pa.Table, min_pages: int, min_hosts: int, min_chars: int = 1
) -> dict[str, tuple[int, int, bytes]]:
    """Form of each heavy line → (pages, hosts, first id), by Python sets."""
    texts, hosts, ids = defaultdict(set), defaultdict(set), defaultdict(list)
    for row in table.to_pylist():
        forms = [normal_form(line) for line in (row["text"] or "").split("\n")]
        whole = tuple(f for f in forms if f)
        for form in set(whole):
            if len(form) >= min_chars and any(c.isalnum() for c in form):
                texts[form].add(whole)
                hosts[form].add(row["host"])
                ids[form].append(row["id"])
    return {
        f: (len(texts[f]), len(hosts[f]), min(ids[f]))
        for f in texts
        if len(texts[f]) >= min_pages and len(hosts[f]) >= min_hosts
    }


def as_counted(table: pa.Table) -> dict[str, tuple[int, int, bytes]]:
    return {normal_form(r["line"]): (r["pages"], r["hosts"], r["first"]) for r in table.to_pylist()}


def crawl(seed: int, n: int = 120) -> pa.Table:
    """Pages of lines of which few are frequent and most are not, some copied whole to other hosts, some without a text or a host."""
    rng = random.Random(seed)
    vocabulary = [f"{chr(0x4E00 + i)}の行、{i} 番目である。" for i in range(80)]
    rows: list[tuple[str | None, str | None]] = [(None, None), ("a.jp", ""), ("b.jp", "\n\n――\n")]
    for i in range(n):
        lines = [vocabulary[int(rng.paretovariate(0.8)) % 80] for _ in range(rng.randrange(1, 12))]
        lines += [
            f"この行は第{i}頁だけにある。",
            rng.choice(["", FOOTER, FOOTER.replace("、", "，"), NOTICE, "が゛", "が"]),
        ]
        rng.shuffle(lines)
        rows.append((rng.choice([None, *(f"{c}.example.jp" for c in "abcdefgh")]), "\n".join(lines)))
    rows += [(f"mirror{i}.jp", rows[3 + i % 5][1]) for i in range(30)]
    return pages(rows)


@pytest.mark.parametrize(("seed", "partitions", "rows_a_part"), [(1, 1, 40), (2, 4, 20), (3, 8, 9)])
def test_exactly_the_lines_are_heavy_that_a_plain_count_finds(tmp_path, seed, partitions, rows_a_part):
    table = crawl(seed)
    step = LineDedup("measure", min_pages=8, min_hosts=4)
    one = in_one_task(step, table)
    expected = plain_count(table, 8, 4)
    assert as_counted(one) == expected
    assert 5 < len(expected) < 60
    cut = LineDedup("measure", min_pages=8, min_hosts=4)
    assert in_phases(cut, table, tmp_path, partitions, rows_a_part).equals(one.sort_by("line_hash"))
    assert counted(cut) == counted(step)


def test_tasks_in_any_order_and_run_twice_change_nothing(tmp_path):
    table = crawl(5)
    one = in_one_task(LineDedup("cap", 6, 3, k=2), table)
    again = in_phases(LineDedup("cap", 6, 3, k=2), table, tmp_path, 4, 11, random.Random(3))
    assert again.equals(one)
    assert any(r is not None for r in one.column("last_rank").to_pylist())


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), width=st.sampled_from([1, 3, 16, 1 << 12]), depth=st.integers(1, 5))
def test_the_width_and_depth_of_the_sketch_change_the_cost_and_never_the_result(seed, width, depth):
    table = crawl(seed, 30)
    step = LineDedup("measure", min_pages=4, min_hosts=2, width=width, depth=depth)
    assert as_counted(in_one_task(step, table)) == plain_count(table, 4, 2)
    met = counted(step)
    assert met["heavy_lines"] <= met["recounted_lines"]
    if width == 1:
        assert met["recounted_lines"] == len(plain_count(table, 1, 1)), "one cell holds all lines: all are recounted"


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 60), max_size=300), st.integers(1, 40), st.integers(1, 4))
def test_a_sketch_never_undercounts_and_sketches_of_parts_add_up(values, width, depth):
    keys = np.array(values, np.uint64)
    whole, half, rest = (CountMin(width, depth) for _ in range(3))
    whole.add(keys)
    half.add(keys[: len(keys) // 3])
    rest.add(keys[len(keys) // 3 :])
    for d in range(depth):
        added(half.counts[d], rest.counts[d])
    assert (half.counts == whole.counts).all()
    by_hand = np.zeros((depth, width), np.uint32)
    for value in values:
        for d, cell in enumerate(cells(value, width, depth)):
            by_hand[d, cell] += 1
    assert (by_hand == whole.counts).all()
    distinct, count = np.unique(keys, return_counts=True)
    for least in (1, 2, 5):
        assert whole.reaches(distinct[count >= least], least).all()


def test_a_full_cell_stays_full():
    sketch = CountMin(1, 1, np.array([[0xFFFFFFFE]], np.uint32))
    sketch.add(np.arange(5, dtype=np.uint64))
    assert sketch.counts[0, 0] == 0xFFFFFFFF
    added(sketch.counts[0], np.array([0xFFFFFFFF], np.uint32))
    assert sketch.counts[0, 0] == 0xFFFFFFFF
    assert sketch.reaches(np.zeros(1, np.uint64), 1 << 40).all(), "more than a cell can tell is recounted"


def test_estimates_are_too_high_by_more_than_the_bound_no_oftener_than_promised():
    rng = np.random.default_rng(1)
    keys = rng.integers(0, 1 << 62, 40_000).astype(np.uint64)
    weights = (rng.pareto(1.0, len(keys)) + 1).astype(np.int64).clip(max=5000)
    sketch = CountMin(2048, 3)
    sketch.add(np.repeat(keys, weights))
    bound = error_share(2048) * weights.sum()
    too_high = sketch.reaches(keys, 1).copy()
    estimate = np.array([min(sketch.counts[d, c] for d, c in enumerate(cells(int(k), 2048, 3))) for k in keys[:3000]])
    assert (estimate >= weights[:3000]).all()
    assert too_high.all()
    assert (estimate - weights[:3000] > bound).mean() <= failure_probability(3) == pytest.approx(0.0498, abs=1e-4)


LETTERS = st.text(st.sampled_from("あか゛ﾞ。、 \u3000\n\n\nＡa―★1㈱\u0301𠮟😀\u200b\r"), max_size=40)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(st.none(), LETTERS), max_size=6), st.integers(0, 3))
def test_lines_of_the_kernel_are_those_of_the_reference(texts, skipped):
    column = pa.array([*["前の行"] * skipped, *texts], pa.large_string()).slice(skipped)
    keys = LineKeys()
    lines = keys.of(column)
    expected = [[line_key(line) for line in text.split("\n")] if text is not None else [] for text in texts]
    assert np.diff(lines.rows).tolist() == [len(e) for e in expected]
    made = list(zip(lines.key.tolist(), lines.chars.tolist(), lines.lettered.tolist(), strict=True))
    assert made == [line for e in expected for line in e]
    gone = (lines.key % np.uint64(3) == 0) & (lines.chars > 0)
    without = keys.without(column, lines, gone).to_pylist()
    assert without == [t if t is None else without_lines(t, lambda line: line_key(line)[0] % 3 == 0) for t in texts]


def test_lines_of_real_pages_are_counted_as_a_plain_count_does(scale_rows, tmp_path):
    texts = scale_rows(400)
    table = pages([(f"h{i % 37}.jp", text) for i, text in enumerate(texts)])
    expected = plain_count(table, 12, 8, min_chars=6)
    assert len(expected) > 15
    step = LineDedup("measure", 12, 8, min_chars=6, width=1 << 12)
    assert as_counted(in_phases(step, table, tmp_path, 4, 300)) == expected
    every = len(plain_count(table, 1, 1, min_chars=6))
    assert counted(step)["recounted_lines"] < every / 50 > 200, "the others were told apart by the sketch alone"


def test_removed_lines_go_from_every_page_and_the_rest_stays_as_it_was(tmp_path):
    table = pages(
        [(f"h{i % 4}.jp", f"{FOOTER}\n\n本文その{i}。\n\n{FOOTER}\n続きの{i}。\n\n{NOTICE}\n") for i in range(12)]
    )
    kept, rejected = flowed(LineDedup("remove", min_pages=12, min_hosts=4), table, tmp_path)
    assert not rejected
    number = [t.split("その")[1].split("。")[0] for t in table.column("text").to_pylist()]
    assert [r["text"] for r in kept] == [f"本文その{i}。\n\n続きの{i}。" for i in number]
    assert {r["boilerplate_lines_removed"] for r in kept} == {3}
    assert {r["boilerplate_lines"] for r in kept} == {3}
    form = len(normal_form(FOOTER)) * 2 + len(normal_form(NOTICE))
    own = [len(normal_form(f"本文その{i}。続きの{i}。")) for i in number]
    assert [r["boilerplate_char_fraction"] for r in kept] == [form / (form + n) for n in own]


def test_a_line_on_one_page_or_host_too_few_stays(tmp_path):
    rows = [(f"h{i % 3}.jp", f"{FOOTER}\n本文{i}") for i in range(9)]
    for pages_, hosts, lines in ((9, 3, 1), (10, 3, 0), (9, 4, 0)):
        step = LineDedup("remove", min_pages=pages_, min_hosts=hosts)
        kept, _ = flowed(step, pages(rows), tmp_path / f"{pages_}-{hosts}")
        assert {r["boilerplate_lines_removed"] for r in kept} == {lines}


def test_copies_of_a_page_count_once_and_mirrors_do_not_make_its_lines_heavy(tmp_path):
    law = "\n".join(f"第{i}条　この法律は、第{i}の目的を定める。" for i in range(1, 9))
    rows = [(f"mirror{i}.jp", law if i % 2 else law.replace("\n", "\n\n")) for i in range(40)]
    assert in_one_task(LineDedup("measure", 2, 1), pages(rows)).num_rows == 0
    rows += [("own.jp", "第3条　この法律は、第3の目的を定める。")]
    (line,) = in_one_task(LineDedup("measure", 2, 1), pages(rows)).to_pylist()
    assert (line["pages"], line["hosts"], line["line"]) == (2, 41, "第3条　この法律は、第3の目的を定める。")


def test_short_lines_and_lines_without_letters_are_left_alone(tmp_path):
    rows = [(f"h{i}.jp", f"目次\n―――――――――――\n{FOOTER}\n本文{i}") for i in range(5)]
    kept, _ = flowed(LineDedup("remove", 5, 5, min_chars=3), pages(rows), tmp_path)
    assert {r["text"][:15] for r in kept} == {"目次\n―――――――――――\n"}
    assert {r["boilerplate_lines_removed"] for r in kept} == {1}


def test_a_page_of_nothing_else_is_rejected_with_its_text(tmp_path):
    rows = [(f"h{i}.jp", f"{FOOTER}\n本文{i}") for i in range(5)]
    rows += [("x.jp", f"★\n{FOOTER}\n{FOOTER}"), ("y.jp", ""), ("z.jp", None), ("w.jp", "★")]
    kept, rejected = flowed(LineDedup("remove", 5, 5), pages(rows), tmp_path)
    (gone,) = rejected
    assert (gone["reason"], gone["value"], gone["text"]) == ("only_boilerplate", 2.0, f"★\n{FOOTER}\n{FOOTER}")
    assert len(kept) == len(rows) - 1
    by_text = {r["text"]: r for r in kept}
    assert by_text[None]["boilerplate_lines"] is None
    assert by_text[None]["boilerplate_lines_removed"] is None
    assert by_text[""]["boilerplate_char_fraction"] == by_text["★"]["boilerplate_char_fraction"] == 0.0


def test_a_capped_line_stays_on_its_best_ranked_pages(tmp_path):
    body = "長い本文である。"
    rows = [(f"h{i}.jp", f"{FOOTER}\n{body * (i % 5 + 1)}{i:02}") for i in range(20)]
    table = pages(rows, [1_700_000_000 + i for i in range(20)])
    kept, rejected = flowed(LineDedup("cap", 20, 20, k=3), table, tmp_path)
    assert not rejected
    stays = {r["text"][-2:] for r in kept if FOOTER in r["text"]}
    assert stays == {"19", "14", "09"}, "the longest, the newest of them first"
    assert sum(r["boilerplate_lines_removed"] for r in kept) == 17
    assert {r["boilerplate_lines"] for r in kept} == {1}, "measured before any is taken out"
    everywhere, _ = flowed(LineDedup("cap", 20, 20, k=20), table, tmp_path / "all")
    assert sum(r["boilerplate_lines_removed"] for r in everywhere) == 0


def test_quality_ranks_pages_before_length(tmp_path):
    rows = [(f"h{i}.jp", f"{FOOTER}\n{'本文' * (i + 1)}") for i in range(6)]
    table = pages(rows)
    worst_longest = [-float(len(t)) for t in table.column("text").to_pylist()]
    table = table.append_column("kana_ratio", pa.array(worst_longest, pa.float32()))
    kept, _ = flowed(LineDedup("cap", 6, 6, k=1, quality="kana_ratio"), table, tmp_path)
    assert [len(r["text"]) for r in kept if FOOTER in r["text"]] == [len(FOOTER) + 3]


def test_no_rows_make_an_empty_table(tmp_path):
    table = pages([])
    assert in_one_task(LineDedup("cap", 2, 1, k=1), table).num_rows == 0
    step = LineDedup("cap", 2, 1, k=1)
    assert in_phases(step, table, tmp_path, 2, -1).num_rows == 0


@pytest.mark.parametrize(
    ("given_", "said"),
    [
        ({"mode": "remove", "min_pages": 1, "min_hosts": 1}, "min_pages ≥ 2"),
        ({"mode": "remove", "min_pages": 5, "min_hosts": 6}, "min_hosts from 1 to min_pages"),
        ({"mode": "cap", "min_pages": 5, "min_hosts": 2}, "mode cap needs k"),
        ({"mode": "remove", "min_pages": 5, "min_hosts": 2, "k": 2}, "no other mode takes it"),
        ({"mode": "measure", "min_pages": 5, "min_hosts": 2, "quality": "chars"}, "no other mode takes it"),
        ({"mode": "measure", "min_pages": 5, "min_hosts": 2, "width": 0}, "width must be from 1"),
        ({"mode": "measure", "min_pages": 5, "min_hosts": 2, "min_chars": 0}, "min_chars must be at least 1"),
    ],
)
def test_parameters_that_cannot_be_are_refused_in_words(given_, said):
    with pytest.raises(ValueError, match=said):
        LineDedup(**given_)


def test_the_plan_says_what_the_sketch_promises():
    said = LineDedup("cap", 1000, 50, min_chars=10, k=4).plan_note()
    assert (
        "a line of at least 10 characters on at least 1,000 pages and 50 hosts stays on its 4 best-ranked pages" in said
    )
    assert "4 × 1,048,576: 16.8 MB a task" in said
    assert "2.6e-06 of all lines of all pages with probability e^−depth = 1.8 %" in said
