"""Every row of a run is counted once in a report, however few of them are read."""

from collections import Counter

import numpy as np
import pytest
from made_run import make_run

from recipes.engine.report.fates import fates
from recipes.engine.report.funnel import funnel
from recipes.engine.report.release_counts import directives, release_counts
from recipes.engine.run_folder import open_run
from recipes.engine.run_rules import run_rules


def test_the_funnel_ends_with_the_released_rows_and_loses_none(made):
    run = open_run(made.folder)
    tree = funnel(run, run_rules(run))
    assert (tree.rows_in, tree.rows_out) == (made.rows_in, made.rows_out)
    assert tree.rows_in - sum(loss.rows for loss in tree.losses) == tree.rows_out
    assert {loss.reason: loss.rows for loss in tree.losses} == made.rejected
    assert [s.step for s in tree.steps][:2] == ["read_warc", "sniff"], "reading comes before every other step"
    for before, after in zip(tree.steps, tree.steps[1:], strict=False):
        assert before.rows_out == after.rows_in


def test_a_reason_is_said_in_words_of_both_languages(made):
    run = open_run(made.folder)
    words = {loss.reason: loss.words for loss in funnel(run, run_rules(run)).losses}
    assert words["http_status"].ja == "HTTP ステータスが 200 ではない"
    assert words["swallow_v1.max_sentence"] == (
        "最長の文（字）が 200 を超える",
        "longest sentence (characters) above 200",
    )


def test_rows_that_are_all_read_stand_for_themselves(made):
    rows = fates(open_run(made.folder), ["language"])
    assert rows.weight.sum() == pytest.approx(made.rows_in)
    assert rows.weight[rows.released].tolist() == [1.0] * made.rows_out
    assert Counter(rows.table.column("reason").to_pylist())[None] == made.rows_out


def test_sampled_rows_stand_for_as_many_as_the_manifests_say(tmp_path):
    big = make_run(tmp_path / "big", rows=3000, partitions=8, tasks=6)
    rows = fates(open_run(big.folder), ["chars"], most=100)
    assert len(rows.table) < 3000
    assert rows.sampled
    sums: Counter[str] = Counter()
    for reason, weight in zip(rows.table.column("reason").to_pylist(), rows.weight, strict=True):
        sums[reason] += weight
    assert sums[None] == pytest.approx(big.rows_out)
    for reason in rows.table.column("reason").unique().to_pylist():
        if reason is not None:
            assert sums[reason] == pytest.approx(big.rejected[reason]), reason
    whole = fates(open_run(big.folder), ["chars"])
    means = [np.average(r.table.column("chars").fill_null(0), weights=r.weight) for r in (rows, whole)]
    assert means[0] == pytest.approx(means[1], rel=0.25), "a sample of some hundred rows is near the whole"


def test_rows_kept_as_keys_are_drawn_from_their_sample(made):
    rows = fates(open_run(made.folder), ["kana_ratio"])
    keyed = [
        kana
        for kana, reason in zip(
            rows.table.column("kana_ratio").to_pylist(), rows.table.column("reason").to_pylist(), strict=True
        )
        if reason == "near_duplicate"
    ]
    assert len(keyed) == made.rejected["near_duplicate"]
    assert None not in keyed, "near_duplicate keeps keys only, but each reason has a sample of full rows"


def test_hosts_count_every_row_once(made):
    counts = release_counts(open_run(made.folder))
    assert sum(h.pages for h in counts.hosts.values()) == made.rows_in
    assert sum(h.kept for h in counts.hosts.values()) == made.rows_out
    expected = Counter(row["host"] for row in made.rows["kept"])
    assert {h.name: h.kept for h in counts.hosts.values() if h.kept} == expected
    assert counts.chars == sum(row["chars"] for row in made.rows["kept"])
    noai = sum(row["x_robots_tag"] == "noai" for row in made.rows["kept"])
    assert counts.signals["x_robots_tag"].get("noai", 0) == noai


def test_a_directive_for_one_robot_is_still_a_directive():
    assert directives("GPTBot: noai, noimageai") == {"noai", "noimageai"}
    assert directives("max-snippet:-1, index, follow") == set()
