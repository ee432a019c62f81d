"""The ledger: idempotent entries, joined to labels when read, and every refusal that it names."""

from collections import defaultdict

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.key_order import column_keys, distinct_keys
from curation.mixture.labels import Labels
from curation.mixture.ledger import Ledger
from curation.mixture.ledger_files import ENTRY, LedgerError
from curation.provenance import key


def named(name: str) -> bytes:
    return key("form", name)


def words(*names: str) -> np.ndarray:
    return column_keys(pa.array([named(n) for n in names], pa.binary(16)))


def rows(*given_: tuple[str, str, str, int]) -> pa.Table:
    """(form, label, source, showings) a row."""
    forms, labels, sources, shown = zip(*given_, strict=True)
    keys = [pa.array([named(n) for n in names], pa.binary(16)) for names in (forms, labels)]
    counts = pa.array(shown, pa.int32())
    return pa.table([*keys, pa.array(sources), counts, counts], schema=ENTRY)


@pytest.fixture
def ledger(tmp_path):
    return Ledger.open(str(tmp_path / "ledger"), 4, create=True)


def charged(ledger: Ledger, labels: dict[str, str], *clusters: str) -> list[int]:
    """Charges of clusters when today's rows have these forms and labels."""
    today = Labels.of(words(*labels), words(*labels.values())) if labels else Labels.of(words(), words())
    sorted_, place = distinct_keys(words(*clusters))
    return ledger.standing(sorted_, today).charged[place].tolist()


def test_a_cluster_is_charged_for_all_its_forms_over_runs_and_stages(ledger):
    ledger.add("base", "pretrain", rows(("a", "a", "web", 1), ("b", "a", "wiki", 1), ("c", "c", "web", 2)))
    ledger.add("base", "anneal", rows(("b", "a", "wiki", 2)))
    assert charged(ledger, {}, "a", "c", "d") == [4, 2, 0]


def test_the_same_run_id_twice_is_a_no_op_in_whatever_order_its_rows_come(ledger):
    first = rows(("a", "a", "web", 2), ("c", "c", "web", 3))
    assert ledger.add("base", "pretrain", first) is True
    assert ledger.add("base", "pretrain", first.take(pa.array([1, 0]))) is False
    assert charged(ledger, {}, "a", "c") == [2, 3]
    assert len(ledger.entries()) == 1


def test_a_run_that_is_there_with_other_showings_is_refused(ledger):
    ledger.add("base", "pretrain", rows(("a", "a", "web", 1)))
    with pytest.raises(LedgerError, match="stage 'pretrain' of run base is entered already, with other showings"):
        ledger.add("base", "pretrain", rows(("a", "a", "web", 2)))


def test_what_would_pass_k_is_refused_naming_cluster_and_sources_and_nothing_is_entered(ledger):
    ledger.add("base", "pretrain", rows(("a", "a", "web", 2), ("b", "a", "wiki", 1)))
    with pytest.raises(LedgerError) as refused:
        ledger.add("more", "anneal", rows(("b", "a", "books", 2), ("z", "z", "web", 4)))
    said = str(refused.value)
    assert "1 cluster would pass K = 4, and nothing was entered" in said
    assert f"cluster {named('a').hex()}: 5 showings; asked for: 2 from books" in said
    assert "2 from web (base, pretrain), 1 from wiki (base, pretrain)" in said
    assert charged(ledger, {}, "a", "z") == [3, 0]


def test_one_entry_alone_may_not_pass_k(ledger):
    with pytest.raises(LedgerError, match="2 clusters would pass K = 4"):
        ledger.add("base", "train", rows(*[(n, n, "web", 5) for n in "ab"], ("c", "c", "web", 4)))


def test_debits_follow_todays_labels(ledger):
    ledger.add("base", "pretrain", rows(("a", "a", "web", 1), ("b", "b", "web", 2), ("c", "b", "web", 1)))
    assert charged(ledger, {"a": "a", "b": "a"}, "a", "b") == [4, 0], "b joined a since, and c with its old kept row b"
    assert charged(ledger, {"c": "a"}, "a", "b") == [2, 2], "c is known today, b is not"


def test_fractions_are_charged_as_the_whole_above(ledger):
    half = rows(("a", "a", "web", 1)).set_column(4, "charged", pa.array([2], pa.int32()))
    ledger.add("base", "pretrain", half)
    keys, _ = distinct_keys(words("a"))
    standing = ledger.standing(keys, Labels.of(words(), words()))
    assert (standing.showings.tolist(), standing.charged.tolist()) == ([1], [2])


def test_forget_keeps_debits_and_stops_reentry(ledger):
    ledger.add("base", "pretrain", rows(("a", "a", "web", 1), ("b", "b", "web", 1)))
    assert ledger.forget([named("a"), named("a")]) == 1
    assert ledger.forget([named("a")]) == 0
    assert charged(ledger, {}, "a") == [1]
    with pytest.raises(LedgerError, match=f"shows what was forgotten: {named('a').hex()}"):
        ledger.add("more", "train", rows(("a", "a", "web", 1)))
    ledger.add("more", "train", rows(("c", "a", "web", 1)))  # a near-copy of it is another text
    ledger.forget([named("b")], whole_clusters=True)
    with pytest.raises(LedgerError, match="shows what was forgotten"):
        ledger.add("third", "train", rows(("d", "b", "web", 1)))


def test_a_ledger_of_another_k_or_another_normal_form_is_refused(ledger, tmp_path):
    url = str(tmp_path / "ledger")
    with pytest.raises(LedgerError, match="kept with K = 4, and K = 8 was asked for; use k: 4"):
        Ledger.open(url, 8)
    ledger.place.write_json("ledger.json", {"format": 1, "k": 4, "normal_form": "seimai-nf/0"})
    with pytest.raises(LedgerError, match="normal form seimai-nf/0"):
        Ledger.open(url)


def test_a_ledger_that_is_not_there_or_has_k_0_is_refused(tmp_path):
    with pytest.raises(LedgerError, match="begin one with `seimai ledger new`"):
        Ledger.open(str(tmp_path / "none"))
    with pytest.raises(LedgerError, match="k must be at least 1"):
        Ledger.open(str(tmp_path / "none"), 0, create=True)


def test_an_entry_without_its_json_is_not_there(ledger):
    ledger.add("base", "train", rows(("a", "a", "web", 4)))
    (name,) = [n for n in ledger.place.names("entries") if n.endswith(".json")]
    ledger.place.fs.rm_file(f"{ledger.place.path}/entries/{name}")
    assert charged(ledger, {}, "a") == [0]
    assert ledger.add("base", "train", rows(("a", "a", "web", 4))) is True


@settings(max_examples=40, deadline=None)
@given(
    asked=st.lists(
        st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(1, 3)), min_size=1, max_size=6), max_size=6
    )
)
def test_whatever_is_entered_no_cluster_passes_k(tmp_path_factory, asked):
    ledger = Ledger.open(str(tmp_path_factory.mktemp("ledger")), 4, create=True)
    label = {"a": "a", "b": "a", "c": "c", "d": "c", "e": "e", "f": "e"}
    total: dict[str, int] = defaultdict(int)
    for n, one in enumerate(asked):
        wanted: dict[str, int] = defaultdict(int)
        for form, shown in one:
            wanted[label[form]] += shown
        fits = all(total[c] + many <= 4 for c, many in wanted.items())
        try:
            ledger.add(f"run{n}", "train", rows(*[(form, label[form], "web", shown) for form, shown in one]))
            assert fits
            for c, many in wanted.items():
                total[c] += many
        except LedgerError:
            assert not fits
    assert charged(ledger, {}, "a", "c", "e") == [total[c] for c in "ace"]
