"""A jury's set is recounted by `seimai verify`: what was changed afterwards is found out, also where every hash agrees."""

import hashlib
import sys
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from judging_server import the_first

from recipes.engine.judging.release import _content
from synth.judge.check import check_jury


def _put(folder: Path, name: str, change) -> None:
    """Changes rows of a table of a jury's set, and the manifest so that files, counts and contents still agree."""
    path = folder / name / "00000.parquet"
    table = pq.read_table(path)
    changed = pa.Table.from_pylist(change(table.to_pylist()), schema=table.schema)
    pq.write_table(changed, path)
    manifest = orjson.loads((folder / "manifest.json").read_bytes())
    raw = path.read_bytes()
    for file in manifest["files"]:
        if file["path"] == f"{name}/00000.parquet":
            file |= {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest(), "rows": len(changed)}
    manifest["sets"][name] = {"rows": len(changed), "content": _content(changed)}
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))


def _flip(rows: list[dict]) -> list[dict]:
    return [rows[0] | {"verdict": "loss" if rows[0]["verdict"] == "win" else "win"}, *rows[1:]]


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("verdicts", _flip, "and both orders say"),
        (
            "verdicts",
            lambda rows: [rows[0] | {"forward": "b", "backward": "b", "verdict": "loss"}, *rows[1:]],
            "its text says a",
        ),
        ("verdicts", lambda rows: [rows[0], *rows], "is there twice"),
        ("verdicts", lambda rows: rows[3:], "and no judge was asked"),
        ("decisions", _flip, "with a margin of"),
        (
            "decisions",
            lambda rows: [rows[0] | {"verdict": "tie", "margin": 0.0}, *rows[1:]],
            "which the voices do not say",
        ),
        ("decisions", lambda rows: [rows[0] | {"judges": 9}, *rows[1:]], "9 judges gave a verdict, and 3 did"),
        ("decisions", lambda rows: rows[1:], "and nothing was decided"),
        ("scores", lambda rows: [rows[0] | {"helpfulness": 5}, *rows[1:]], "and its text says"),
    ],
)
def test_a_jury_that_was_changed_afterwards_is_found_out(recipes, court, name, change, said):
    winner = lambda first, second: "A" if first > second else "B"  # noqa: E731
    court(long=(winner,), long2=(winner,), first=(the_first,))
    recipes.judge[0]["rubric"] = ["helpfulness"]
    recipes.run()
    folder = recipes.folder / "out/1/jury"
    assert [p for c in check_jury(str(folder)) for p in c.problems] == []
    _put(folder, name, change)
    assert any(said in p for c in check_jury(str(folder)) for p in c.problems)
