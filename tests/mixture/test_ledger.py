"""The ledger: idempotent entries, joined to labels when read, and every refusal that it names."""

import threading
from collections import defaultdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.dedup.key_order import column_keys, distinct_keys
from curation.folder_lock import writing
from curation.mixture.charges import charges_of
from curation.mixture.labels import Labels
from curation.mixture.ledger import Ledger
from curation.mixture.ledger_files import ENTRY, LedgerError
from curation.parquet_file import write_parquet
from curation.place import Place
from curation.provenance import key
from curation.shards import ShardError, ShardSet


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


def test_stages_of_a_run_are_entered_all_or_none(ledger):
    ledger.add("earlier", "train", rows(("b", "b", "web", 3)))
    stages = [("pretrain", rows(("a", "a", "web", 1))), ("anneal", rows(("b", "b", "web", 2)))]
    with pytest.raises(LedgerError, match="1 cluster would pass K = 4, and nothing was entered"):
        ledger.add_all("mix", stages)
    assert [e["run"] for e in ledger.entries()] == ["earlier"]
    three = [(stage, rows(("a", "a", "web", 2))) for stage in ("x", "y", "z")]
    with pytest.raises(LedgerError, match="6 showings; asked for: 6 from web"):
        ledger.add_all("mix", three)
    assert ledger.add_all("mix", three[:2]) == [True, True]
    assert ledger.add_all("mix", three[:2]) == [False, False]
    assert charged(ledger, {}, "a", "b") == [4, 3]


def test_stages_that_a_killed_writer_left_out_are_entered_by_the_same_call(ledger):
    stages = [(stage, rows(("a", "a", "web", 2))) for stage in ("x", "y")]
    ledger.add("mix", *stages[0])
    assert ledger.add_all("mix", stages) == [False, True]
    assert charged(ledger, {}, "a") == [4]


def test_a_second_writer_waits_and_then_sees_what_the_first_entered(ledger):
    found: list[object] = []

    def enter(run: str) -> None:
        try:
            found.append(Ledger.open(ledger.place.url).add(run, "train", rows(("a", "a", "web", 3))))
        except LedgerError as error:
            found.append(str(error))

    threads = [threading.Thread(target=enter, args=(run,)) for run in ("one", "two")]
    with writing(ledger.place, "ledger.lock"):
        for thread in threads:
            thread.start()
            thread.join(0.2)
            assert thread.is_alive(), "it waits"
        assert not found
    for thread in threads:
        thread.join(30)
    (refused,) = (said for said in found if said is not True)  # whichever of them it is, and whoever tells first
    assert len(found) == 2
    assert "would pass K = 4" in str(refused)
    assert charged(ledger, {}, "a") == [3]


def test_where_there_are_no_locks_a_writer_takes_back_what_passes_k_beside_anothers(monkeypatch):
    url = "memory://ledger-without-locks"
    ledger, other = Ledger.open(url, 4, create=True), Ledger.open(url, 4)
    enter = ledger._enter

    def late(run, stages):
        other.add("other", "train", rows(("a", "a", "web", 3)))  # between the look and the writing
        enter(run, stages)

    monkeypatch.setattr(ledger, "_enter", late)
    with pytest.raises(LedgerError, match="5 showings; asked for: 2 from web; earlier: 3 from web"):
        ledger.add("mine", "train", rows(("a", "a", "web", 2)))
    assert charged(ledger, {}, "a") == [3]
    assert [e["run"] for e in ledger.entries()] == ["other"]


def entry_file(ledger: Ledger, ending: str) -> Path:
    return next((Path(ledger.place.path) / "entries").glob(f"*.{ending}"))


def cut(path: Path) -> None:
    path.write_bytes(b"")


def lower(path: Path) -> None:
    about_rows = pa.parquet.read_table(path)
    less = about_rows.set_column(4, "charged", pa.array([0] * len(about_rows), pa.int32()))
    write_parquet(Place(str(path.parent)), path.name, less)


@pytest.mark.parametrize(
    ("ending", "spoil", "said"),
    [
        ("parquet", cut, "its bytes are not those that were entered"),
        ("parquet", lower, "its bytes are not those that were entered"),
        ("parquet", Path.unlink, "cannot be read"),
        ("json", cut, "cannot be read"),
        ("json", lambda p: p.write_text("[]"), "damaged, it must say run, stage"),
        ("json", lambda p: p.rename(p.with_name("another.json")), "is not of stage 'train' of base"),
    ],
)
def test_a_damaged_entry_is_an_error_that_names_its_file(ledger, ending, spoil, said):
    ledger.add("base", "train", rows(("a", "a", "web", 4)))
    spoil(entry_file(ledger, ending))
    with pytest.raises(LedgerError, match=said) as refused:
        ledger.add("again", "train", rows(("a", "a", "web", 4)))
    assert "ledger/entries/" in str(refused.value)


def test_an_entry_that_later_ones_have_seen_cannot_be_gone(ledger):
    ledger.add("base", "train", rows(("a", "a", "web", 4)))
    first = entry_file(ledger, "json")
    ledger.add("more", "train", rows(("b", "b", "web", 4)))
    first.unlink()
    with pytest.raises(LedgerError, match=rf"entries/{first.name}: was there when more was entered and is gone"):
        ledger.add("third", "train", rows(("a", "a", "web", 4)))


def test_a_damaged_ledger_file_is_named(ledger):
    (Path(ledger.place.path) / "ledger.json").write_text("{")
    with pytest.raises(LedgerError, match=r"ledger/ledger.json: cannot be read"):
        Ledger.open(ledger.place.url)


def test_tombstones_that_were_changed_are_named_and_other_files_beside_them_are_nobodys(ledger):
    ledger.forget([named("a")])
    folder = Path(ledger.place.path) / "forgotten"
    (folder / "README.txt").write_text("what lies here")
    assert ledger.is_forgotten(words("a", "b")).tolist() == [True, False]
    made = next(folder.glob("*.parquet"))
    made.rename(made.with_name("other.parquet"))
    with pytest.raises(LedgerError, match=r"forgotten/other.parquet: was changed"):
        ledger.is_forgotten(words("a"))


def test_counts_that_no_training_has_are_refused(ledger):
    below = rows(("a", "a", "web", -1))
    with pytest.raises(LedgerError, match="showings below 0"):
        ledger.add("base", "train", below)
    many = pa.concat_tables([rows(("a", "a", "web", (1 << 31) - 1))] * 2)
    with pytest.raises(LedgerError, match="more than 2,147,483,647 showings"):
        ledger.add("base", "train", many)
    with pytest.raises(LedgerError, match="two stages of base have one name"):
        ledger.add_all("base", [("x", rows(("a", "a", "web", 1)))] * 2)


def test_so_many_passes_that_a_count_would_wrap_are_refused(sets):
    released = ShardSet.open(str(sets / "web" / "1" / "curated"))
    assert max(charges_of(released, 3)["showings"].to_pylist()) == 12
    for epochs in (1 << 30, 1 << 40, 10**30):  # 4 × 2^30 is 0 in 32 bits
        with pytest.raises(ShardError, match="are more than 2,147,483,647 showings"):
            charges_of(released, epochs)


def test_two_labels_of_one_form_are_one_cluster_when_entered_together(ledger):
    with pytest.raises(LedgerError, match="6 showings; asked for: 3 from one, 3 from two"):
        ledger.add("base", "train", rows(("x", "a", "one", 3), ("x", "b", "two", 3)))


def test_a_forgotten_cluster_stays_forgotten_without_the_row_that_named_it(ledger):
    ledger.add("base", "train", rows(("a", "a", "web", 1), ("b", "a", "web", 1)))
    assert ledger.forget([named("b")], whole_clusters=True) == 1
    clusters, _ = distinct_keys(words("a"))
    for today in ({"a": "a"}, {"a": "a", "c": "a"}, {"c": "a"}):  # none of them holds b
        labels = Labels.of(words(*today), words(*today.values()))
        assert ledger.standing(clusters, labels).forgotten.tolist() == [True], today
    with pytest.raises(LedgerError, match="shows what was forgotten"):
        ledger.add("more", "train", rows(("c", "a", "web", 1)))
    other = Labels.of(words("a", "c"), words("c", "c"))  # a is in another cluster since: it takes the mark along
    clusters, _ = distinct_keys(words("c"))
    assert ledger.standing(clusters, other).forgotten.tolist() == [True]


def test_a_run_says_what_is_in_a_cluster_that_the_ledger_never_entered(ledger):
    pairs = [("a", "a"), ("b", "a"), ("c", "c")]
    keys = [pa.array([named(p[i]) for p in pairs], pa.binary(16)) for i in (0, 1)]
    members = pa.table(dict(zip(("form_key", "cluster"), keys, strict=True)))
    assert ledger.clusters_of([named("b")]) == {}
    assert ledger.forget([named("b")], whole_clusters=True, members=[members]) == 1
    assert ledger.is_forgotten(words("a", "b", "c")).tolist() == [True, True, False]
    assert ledger.forget([named("b")], whole_clusters=True, members=[members]) == 0


@settings(max_examples=60, deadline=None)
@given(pairs=st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20))
def test_labels_that_share_a_form_are_one_and_no_others(pairs):
    """Against repeated merging of sets; keys are small numbers, and a label is a form too."""
    groups = [{n} for n in range(10)]
    for form, label in pairs:
        joined = next(g for g in groups if form in g) | next(g for g in groups if label in g)
        groups = [g for g in groups if not g & joined] + [joined]
    forms, labels = (np.array([[n, 7] for n in side], np.uint64) for side in zip(*pairs, strict=True))
    found = Labels.joined(forms, labels).resolve(forms, labels)[:, 0].tolist()
    given_labels = {label for _, label in pairs}
    assert found == [min(next(g for g in groups if form in g) & given_labels) for form, _ in pairs]
