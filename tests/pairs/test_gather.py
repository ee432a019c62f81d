"""Whole answers brought together piece by piece, and the same sets whatever reads, gathers and cuts."""

import os
import sys
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pytest

sys.path.insert(0, str(Path(__file__).parent))

from made_rows import AUDITED, row

from curation.parquet_file import write_parquet
from curation.place import Place
from recipes.engine.generation.rounds import Where
from recipes.engine.pairs.run import run_pairs
from recipes.engine.progress import Progress
from recipes.engine.workers import Workers
from synth.dialogue import schema
from synth.pairing import gather
from synth.pairing.ahead import ahead
from synth.pairing.pool import File, Pool

FILES, PROMPTS = 3, 24


def candidates(number: int) -> list[dict]:
    """A file's rows: of each prompt two passing and two failing answers, of different lengths, one decomposed (NFD)."""
    said = {"pass": ("米です。", "米か\u3099です。"), "fail": ("麦です。" + "長く" * number, "豆です。" * 3)}
    return [
        row(f"{number}/{p}/{verdict}/{text}", f"第{p}問", f"{p}番の答えは{text}", verdict)
        | {"tools": '[{"name":"探す"}]' if p % 3 == 0 else None}
        for p in range(number, PROMPTS, FILES)
        for verdict, texts in said.items()
        for text in texts
    ]


def written(folder: Path) -> list[dict]:
    """Writes the files; returns their manifest's entries."""
    kind, files = pa.schema([*schema(), pa.field("reason", pa.string())]), []
    for number in range(FILES):
        table = pa.Table.from_pylist(candidates(number), schema=kind)
        files.append(write_parquet(Place(str(folder)), f"refused/{number:05d}.parquet", table))
    return files


@pytest.mark.parametrize(("piece", "cut"), [(4096, 8192), (3, 5), (7, 1)])
def test_answers_come_in_the_order_asked_for_however_small_the_pieces_are(tmp_path, monkeypatch, piece, cut):
    monkeypatch.setattr(gather, "PIECE", piece)
    monkeypatch.setattr(gather, "CUT", cut)
    with Pool(AUDITED, drafts=False) as pool:
        for said in written(tmp_path):
            pool.add(File(str(tmp_path), said["path"]))
        rows = [r for number in range(FILES) for r in candidates(number)]
        sides = np.random.default_rng(3).permutation(len(rows)).reshape(-1, 2)
        found = [[], []]
        for part, tables in gather.pieces(pool, pool.frame(), sides):
            assert part.start == len(found[0]), "one piece after the other"
            for side, table in zip(found, tables, strict=True):
                side += table.to_pylist()
    for side, of in zip(found, sides.T.tolist(), strict=True):
        wanted = [rows[i] for i in of]
        assert [a["row"] for a in side] == [r["id"] for r in wanted]
        assert [orjson.loads(a["completion"])[0]["content"] for a in side] == [r["answer"] for r in wanted]
        assert [orjson.loads(a["prompt"]) for a in side] == [orjson.loads(r["messages"])[:1] for r in wanted]
        assert [(a["verdict"], a["tools"]) for a in side] == [(r["verdict"], r["tools"]) for r in wanted]
        assert {a["spec"] for a in side} == {"[]"}


def test_a_prompt_with_tools_is_another_than_the_same_without(tmp_path):
    rows = [
        row("a", "問", "答え", "pass") | {"tools": tools, "id": bytes([n] * 16)}
        for n, tools in enumerate([None, "[]", None, '[{"name":"探す"}]'])
    ]
    table = pa.Table.from_pylist(rows, schema=pa.schema([*schema(), pa.field("reason", pa.string())]))
    write_parquet(Place(str(tmp_path)), "data/00000.parquet", table)
    with Pool(AUDITED, drafts=False) as pool:
        pool.add(File(str(tmp_path), "data/00000.parquet"))
        keys = pool.frame().select("prompt_hi", "prompt_lo").rows()
    assert keys[0] == keys[2]
    assert len(set(keys)) == 3


def test_the_same_pairs_come_of_one_worker_and_of_three(recipes):
    recipes.pairs["strategies"] = {"verified_failed": {"pairs": 100, "per_prompt": 2}}
    recipes.pairs["balance"] = {"length": False, "format": False}
    sets = []
    for workers in (1, 3):
        plan = recipes.plan(f"by{workers}")
        (generation,) = plan.generations
        files = written(Path(generation.url))
        about = {"fingerprint": generation.fingerprint, "content": "0", "verifiers": dict.fromkeys(AUDITED, True)}
        Place(generation.url).write_json("manifest.json", about | {"files": files})
        with open(os.devnull, "w") as quiet, Workers(workers) as pool:
            manifest = run_pairs(plan.preferences[0], Where(None, pool, Progress(1, quiet)))
        sets.append({name: (said["rows"], said["content"]) for name, said in manifest["sets"].items()})
        bodies = [f["sha256"] for f in manifest["files"]]
        sets[-1]["files"] = bodies
    assert sets[0] == sets[1]
    assert sets[0]["pairs"][0] == 2 * PROMPTS
    assert sets[0]["kto"][0] == 4 * PROMPTS


def test_what_fails_in_the_thread_ahead_is_raised_where_it_is_used():
    def broken():
        yield 1
        raise OSError("the disk is gone")

    found = ahead(broken(), "gather")
    assert next(found) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(found)
    assert list(ahead(iter("米麦"), "gather")) == ["米", "麦"], "the thread works on"
