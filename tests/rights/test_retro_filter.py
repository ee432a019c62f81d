"""An opt-out of today over what was curated before: newer robots.txt, and nothing is read or measured again."""

import json
import os
from pathlib import Path

import pyarrow.parquet as pq
import yaml

from recipes.engine import execute, plan, recipe_file
from recipes.engine.progress import Progress

HOSTS = ("a.example.jp", "b.example.jp")


def run(folder: Path, version: str, when: str) -> None:
    opt_out = {"reject": ["robots_txt"], "unknown": "keep", "agents": ["GPTBot"], "robots": ["robots"], "when": when}
    said = {
        "name": "test/retro", "version": version,
        "sources": {"crawl": {"jsonl": "pages.jsonl", "licence": "CC0-1.0"}},
        "stages": [
            {"name": "measured", "read": "crawl", "steps": ["text_stats", "minhash"]},
            {"name": "curated", "read": "measured", "steps": [{"dedup": {"threshold": 0.8}}, {"opt_out": opt_out}]},
        ],
    }  # fmt: skip
    path = folder / "retro.yaml"
    path.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    made = plan.make(recipe_file.load(path), path.name, str(folder / "out"), base=folder)
    with open(os.devnull, "w") as quiet:
        execute.run(made, workers=1, progress=Progress(1, quiet))


def released(folder: Path, version: str) -> dict[str, str]:
    files = (folder / "out" / version / "curated").glob("data/**/*.parquet")
    rows = [r for f in files for r in pq.read_table(f, columns=["host", "opt_out"]).to_pylist()]
    return {row["host"]: row["opt_out"] for row in rows}


def test_a_newer_robots_txt_removes_pages_and_only_the_deciding_stage_is_made_anew(tmp_path: Path):
    pages = [{"url": f"https://{host}/", "text": f"{host} のページです。" * 9, "date": "2026-10-01"} for host in HOSTS]
    (tmp_path / "pages.jsonl").write_text("\n".join(json.dumps(p, ensure_ascii=False) for p in pages))
    for host in HOSTS:
        (tmp_path / "robots" / host).mkdir(parents=True)
        (tmp_path / "robots" / host / "2026-09-01.txt").write_text("User-agent: *\nAllow: /\n")
    (tmp_path / "robots" / "b.example.jp" / "2026-11-20.txt").write_text("User-agent: GPTBot\nDisallow: /\n")
    run(tmp_path, "1", "captured")
    assert released(tmp_path, "1") == {"a.example.jp": "silent", "b.example.jp": "silent"}

    def made() -> dict[str, int]:
        found = (tmp_path / "out" / "stages").glob("*/manifest.json")
        return {p.parent.name: p.stat().st_mtime_ns for p in found}

    before = made()
    run(tmp_path, "2", "latest")
    assert released(tmp_path, "2") == {"a.example.jp": "silent"}
    assert released(tmp_path, "1").keys() == set(HOSTS)  # the earlier release is as it was
    assert made() == before
