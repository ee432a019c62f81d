"""A ledger whose entries were changed with their hashes, emptied or taken away, and releases of what was forgotten."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation.mixture.ledger import Ledger
from curation.parquet_file import write_parquet
from curation.place import Place
from curation.provenance import key


def entry(ledger: Path) -> tuple[Path, dict]:
    """The one entry: its JSON file and what it says."""
    (path,) = ledger.glob("entries/*.json")
    return path, json.loads(path.read_text())


def change(ledger: Path, changed: Callable[[dict], dict | None]) -> None:
    """Changes the rows of the entry (None takes one out), and makes its JSON agree."""
    path, about = entry(ledger)
    table = pq.read_table(ledger / about["file"]["path"])
    rows = [r for r in map(changed, table.to_pylist()) if r is not None]
    made = pa.Table.from_pylist(rows, schema=table.schema)
    file = write_parquet(Place(str(ledger)), about["file"]["path"], made)
    sums = {c: sum(r[c] for r in rows) for c in ("showings", "charged")}
    path.write_text(json.dumps(about | {"rows": len(rows), "file": file} | sums))


def test_a_whole_entry_that_was_taken_away_is_caught(release):
    path, about = entry(release.ledger)
    path.unlink()
    (release.ledger / about["file"]["path"]).unlink()
    (said,) = release.failed()["ledger"]
    assert "no training on this is entered as test/verified@1; entered are: none" in said


def test_an_entry_that_a_later_one_remembers_is_missed(release):
    path, about = entry(release.ledger)
    later = about | {"run": "later", "earlier": ["0" * 24, path.stem]}
    name = key("any", "name").hex()[:24]
    (release.ledger / "entries" / f"{name}.json").write_text(json.dumps(later))
    said = release.failed()["ledger"]
    assert f"entries/{'0' * 24}.json: was there when later was entered, and is gone" in said
    assert any(f"entries/{name}.json: is not named after stage train of later" in s for s in said)


def test_showings_of_nothing_are_no_passes(release):
    change(release.ledger, lambda r: r | {"showings": 0, "charged": 0})
    assert any("and entered with 0 (others: 1 passes)" in s for s in release.failed()["ledger"])


def test_labels_of_an_entry_are_those_that_were_released(release):
    change(release.ledger, lambda r: r | {"cluster": key("random", r["form_key"].hex())})
    assert any("is entered under the label" in s for s in release.failed()["ledger"])


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"showings": -1, "charged": -1}, "has showings below 0"),
        ({"charged": None}, "rows have no charged"),
        ({"charged": 0}, "shown 1 times more than it is charged"),
        ({"charged": 2}, "passes are whole, and charges differ from showings"),
        ({"charged": 9}, "over all training, K = 4"),
    ],
)
def test_numbers_that_no_entry_has_are_caught(release, changed, said):
    change_raw(release.ledger, changed)
    assert any(said in s for s in release.failed()["ledger"])


def change_raw(ledger: Path, changed: dict) -> None:
    """Changes the first row of the entry, nulls too."""
    path, about = entry(ledger)
    table = pq.read_table(ledger / about["file"]["path"])
    first, *others = table.to_pylist()
    rows = [first | changed, *others]
    made = pa.Table.from_pylist(rows, schema=table.schema)
    file = write_parquet(Place(str(ledger)), about["file"]["path"], made)
    sums = {c: sum(r[c] or 0 for r in rows) for c in ("showings", "charged")}
    path.write_text(json.dumps(about | {"file": file} | sums))


def test_a_ledger_of_another_normal_form_is_caught(release):
    about = json.loads((release.ledger / "ledger.json").read_text())
    (release.ledger / "ledger.json").write_text(json.dumps(about | {"normal_form": "seimai-nf/0"}))
    assert "normal form seimai-nf/0, the check's are of seimai-nf/1" in release.failed()["ledger"][0]


def test_what_is_forgotten_may_not_be_released(release):
    row = release.rows()[0]
    Ledger.open(str(release.ledger)).forget([row["form_key"]])
    (said,) = release.failed()["ledger"]
    assert said == f"form {row['form_key'].hex()} was forgotten, and is released"


def test_a_cluster_that_is_forgotten_by_a_member_may_not_be_released(release):
    """The member is in no row of the release; an earlier entry says in which cluster it is."""
    row = next(r for r in release.rows() if r["cluster_size"] == 1)
    gone = key("member", "gone")
    ledger = Ledger.open(str(release.ledger))
    columns = [[gone], [row["cluster"]], ["old"], [1], [1]]
    schema = pq.read_schema(next(release.ledger.glob("entries/*.parquet")))
    ledger.add(
        "earlier", "train", pa.table([pa.array(c, f.type) for c, f in zip(columns, schema, strict=True)], schema)
    )
    ledger.forget([gone], whole_clusters=True)
    said = release.failed()["ledger"]
    assert f"cluster {row['cluster'].hex()} was forgotten, and rows of it are released" in said


@pytest.mark.parametrize("damaged", ["ledger.json", "json", "parquet", "forgotten"])
def test_a_damaged_ledger_is_a_finding(release, damaged):
    Ledger.open(str(release.ledger)).forget([key("nobody", "here")])
    name = {"ledger.json": "ledger.json", "forgotten": "forgotten/*.parquet"}.get(damaged, f"entries/*.{damaged}")
    (path,) = release.ledger.glob(name)
    path.write_bytes(b"{" + path.read_bytes()[:20])
    assert any(path.name in s or "no ledger here" in s for s in release.failed(k=4)["ledger"])
