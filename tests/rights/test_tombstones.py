"""Tombstones: by which spellings a page is found again, what stands in the file, and what is no folder of them."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from curation.document import COLUMNS, KEY
from curation.provenance import key
from curation.tombstones import TombstoneError, Tombstones, add, annotator_key, host_key, url_key


def url(said: str) -> str:
    found = url_key(said)
    assert found is not None
    return "/".join(one.hex() for one in found)


def left(folder: Path, **keys: list[str]) -> Tombstones:
    add(str(folder), keys, by="Sato", reason="asked for")
    return Tombstones.open(str(folder))


def pages(*urls: str | None) -> pa.RecordBatch:
    from curation.extract.reader import host_of

    columns = {"id": [key("page", u or "") for u in urls], "url": list(urls), "host": [host_of(u) for u in urls]}
    return pa.RecordBatch.from_pydict({n: pa.array(v, COLUMNS[n].type) for n, v in columns.items()})


@pytest.mark.parametrize(
    ("said", "same"),
    [
        ("http://a.example.jp/x/", True), ("https://www.a.example.jp:443/x#top", True), ("HTTPS://A.Example.jp/x", True),
        ("https://a.example.jp/x?q=1", False), ("https://a.example.jp/X", False), ("https://b.example.jp/x", False),
        ("https://a.example.jp:8080/x", False), ("https://a.example.jp/", False),
    ],
)  # fmt: skip
def test_a_url_is_one_page_however_it_is_spelled(tmp_path: Path, said: str, same: bool):
    assert left(tmp_path, url=[url("https://a.example.jp/x")]).pages(pages(said)).tolist() == [same]


def test_japanese_hosts_and_paths_are_found_in_every_spelling(tmp_path: Path):
    gone = left(tmp_path, url=[url("https://米屋.example.jp/精米/")])
    spelled = ["https://xn--ogt316e.example.jp/%E7%B2%BE%E7%B1%B3", "http://米屋.example.jp/%e7%b2%be米"]
    assert gone.pages(pages(*spelled)).tolist() == [True, True]


def test_a_host_stands_for_all_under_it(tmp_path: Path):
    gone = left(tmp_path, host=[host_key("Example.jp").hex()])
    asked = ["https://a.b.example.jp/", "http://example.jp/x", "https://notexample.jp/", "https://jp/", None]
    assert gone.pages(pages(*asked)).tolist() == [True, True, False, False, False]


def test_a_row_and_what_grew_from_it_are_found_by_their_keys(tmp_path: Path):
    page, passage = key("page", "1"), key("text", "x")
    gone = left(tmp_path, row=[page.hex()], passage=[passage.hex()])
    seeds = [
        [{"id": page.hex(), "digest": None, "host": None}],
        [{"id": "p", "digest": passage, "host": None}],
        None,
        [],
    ]
    kind = pa.list_(pa.struct([("id", pa.string()), ("digest", KEY), ("host", pa.string())]))
    table = pa.table({"id": pa.array([key(i) for i in range(4)], KEY), "seeds": pa.array(seeds, kind)})
    assert gone.touched(table).tolist() == [True, True, False, False]
    pairs = pa.table({
        "document": pa.array([passage, None, None], KEY), "answers": pa.array([[], [key("a"), page], None], pa.list_(KEY)),
        "cluster_examples": pa.array([[], [], [page]], pa.list_(KEY)),
    })  # fmt: skip
    assert gone.touched(pairs).tolist() == [True, True, False]  # a row that names another as an example stays


def test_no_name_stands_in_the_file_and_a_second_command_adds_only_what_is_new(tmp_path: Path):
    left(tmp_path, url=[url("https://himitsu.example.jp/x")], annotator=[annotator_key("r-0000000a").hex()])
    text = (tmp_path / "00000001.json").read_text()
    assert "himitsu" not in text
    assert "r-0000000a" not in text
    said = json.loads(text)
    assert (said["by"], said["reason"], sorted(said["keys"])) == ("Sato", "asked for", ["annotator", "url"])
    assert len(left(tmp_path, url=[url("https://himitsu.example.jp/x/")])) == 1
    assert len(left(tmp_path, host=[host_key("a.jp").hex()])) == 2
    assert len(Tombstones.open(str(tmp_path), 1)) == 1


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "00000001.json").unlink(), "00000001.json: is missing"),
        (lambda f: (f / "00000002.json").write_text("{"), "holds no tombstones"),
        (lambda f: (f / "00000001.json").write_text((f / "00000001.json").read_text().replace("Sato", "Sata")), "was changed"),
        (lambda f: (f / "00000001.json").write_text((f / "00000001.json").read_text() + " "), "was written after another"),
    ],
)  # fmt: skip
def test_a_folder_that_was_touched_is_not_believed(tmp_path: Path, spoil, said: str):
    left(tmp_path, host=[host_key("a.jp").hex()])
    left(tmp_path, host=[host_key("b.jp").hex()])
    spoil(tmp_path)
    with pytest.raises(TombstoneError, match=said):
        Tombstones.open(str(tmp_path))


def test_fewer_files_than_were_applied_before_are_an_error(tmp_path: Path):
    left(tmp_path, host=[host_key("a.jp").hex()])
    with pytest.raises(TombstoneError, match="has 1 files of tombstones, and 2 were applied"):
        Tombstones.open(str(tmp_path), 2)
    assert len(Tombstones.open(str(tmp_path / "none"))) == 0
