"""Splits by document: no text that is trained on stands in a prompt that is held out, whichever sets rows are from."""

from pathlib import Path

from annotation.release.documents import Documents
from annotation.release.sources import open_source
from annotation.release.splits import Groups, Shares
from curation.provenance import key
from tests.release.made_sets import BETTER, WORSE, dialogue, generated, pair, paired, released, rows_of, say, seed

HALF = {"validation": 0.25, "test": 0.25, "salt": 1}


def asked(name: str) -> list[dict]:
    """A dialogue of one turn."""
    return [say("user", f"{name}とは？"), say("assistant", "糠を除くことです。")]


def splits(folder: Path) -> dict[bytes, str]:
    """Split of each row by id, over all kinds."""
    return {row["id"]: row["split"] for kind in ("chat", "preference") for row in rows_of(folder, kind)}


def test_rows_and_pairs_of_one_page_are_in_one_split(tmp_path: Path):
    pages = [f"page{i}" for i in range(40)]
    rows = [
        dialogue(f"{p}-{i}", asked(f"{p}-{i}"), [1], seeds=[seed(p, digest=key("text", p, i))])
        for p in pages
        for i in range(2)
    ]
    pairs = [pair(p, [say("user", f"{p}は？")], BETTER, WORSE, document=key("text", p, 1)) for p in pages]
    sets = [generated(tmp_path / "instruct", rows), paired(tmp_path / "preference", pairs)]
    released(tmp_path, sets, ["trl_sft", "trl_dpo"], splits=HALF)
    of = splits(tmp_path)
    each = [{of[key("row", f"{p}-0")], of[key("row", f"{p}-1")], of[key("row", p)]} for p in pages]
    assert all(len(one) == 1 for one in each)
    counts = [sum(one == {split} for one in each) for split in ("train", "validation", "test")]
    assert all(counts), "all three splits have pages"


def test_answers_to_one_prompt_are_in_one_split_though_they_grew_from_no_document(tmp_path: Path):
    names = [str(i) for i in range(30)]
    rows = [dialogue(n, asked(n), [1]) for n in names]
    pairs = [pair(f"p{n}", [say("user", f"{n}とは？")], BETTER, WORSE) for n in names]
    sets = [generated(tmp_path / "instruct", rows), paired(tmp_path / "preference", pairs)]
    released(tmp_path, sets, ["trl_sft", "trl_dpo"], splits=HALF)
    of = splits(tmp_path)
    assert all(of[key("row", n)] == of[key("row", f"p{n}")] for n in names)


def test_what_was_kept_for_evaluation_takes_its_whole_page_along(tmp_path: Path):
    rows = [
        dialogue("kept", asked("一"), [1], seeds=[seed("p")], split="test_only"),
        dialogue("of_its_page", asked("二"), [1], seeds=[seed("p")]),
        dialogue("elsewhere", asked("三"), [1], seeds=[seed("q")]),
    ]
    released(tmp_path, [generated(tmp_path / "instruct", rows)], ["trl_sft"])
    of = splits(tmp_path)
    assert [of[key("row", n)] for n in ("kept", "of_its_page", "elsewhere")] == ["test", "test", "train"]


def test_pages_that_are_near_copies_of_one_another_are_in_one_split(tmp_path: Path):
    """A mirror has another id and another address; what says that it is one is the cluster of the run's pages."""
    names = [f"{page}{side}" for page in range(30) for side in "ab"]
    rows = [dialogue(name, asked(name), [1], seeds=[seed(name)]) for name in names]
    documents = Documents()
    source = open_source(str(generated(tmp_path / "instruct", rows)), "set", documents)
    documents.look_up({"id": key("page", name), "cluster": key("cluster", name[:-1])} for name in names)
    groups = Groups()
    for row in source.rows("chat"):
        groups.join(row["_keys"])
    labels = {row["id"]: groups.label(row["_keys"][0]) for row in source.rows("chat")}
    assert all(labels[key("row", f"{page}a")] == labels[key("row", f"{page}b")] for page in range(30))
    assert len(set(labels.values())) == 30


def test_shares_are_kept_over_many_groups():
    shares = Shares(validation=0.1, test=0.2)
    drawn = [shares.drawn(key("group", i)) for i in range(10_000)]
    assert abs(drawn.count("validation") - 1000) < 150
    assert abs(drawn.count("test") - 2000) < 200


def test_groups_do_not_depend_on_the_order_of_rows():
    pairs = [(b"c", b"d"), (b"a", b"b"), (b"b", b"d"), (b"x", b"y")]
    found = []
    for order in (pairs, pairs[::-1], [pairs[2], pairs[0], pairs[3], pairs[1]]):
        groups = Groups()
        for number, keys in enumerate(order):
            groups.join(keys, test_only=keys == (b"c", b"d") and number >= 0)
        found.append([groups.label(k) for k in (b"a", b"b", b"c", b"d", b"x", b"y")])
        assert groups.split(groups.label(b"a"), Shares()) == "test"
        assert groups.split(groups.label(b"x"), Shares()) == "train"
    assert found == [[b"a"] * 4 + [b"x"] * 2] * 3
