"""What is damaged for the command itself: recipes for `check`, a finished run for what looks at it, input for a whole `run`."""

import contextlib
import io
import json
import random
import re
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

import crawls
from edits import applied, drawn, edited_json, edited_yaml

ROOT = Path(__file__).resolve().parents[2]


class Went(NamedTuple):
    """How a case went: the class of our error that ended it, and what was wrong ("" for nothing)."""

    named: str = ""
    wrong: str = ""


class Said(NamedTuple):
    """A command as it ended."""

    status: int
    text: str


def commanded(*words: str) -> Said:
    """`seimai WORDS`, in this process: its exit status and what it said. What it raises is raised."""
    from recipes.engine.cli import main

    out = io.StringIO()
    before = sys.argv
    sys.argv = ["seimai", *words]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            main()
        return Said(0, out.getvalue())
    except SystemExit as end:
        return Said(end.code if isinstance(end.code, int) else 1, out.getvalue())
    finally:
        sys.argv = before


class RecipeFile:
    """Recipes, and the resources of a cluster, changed and checked by `seimai check`."""

    name = "recipe.yaml"
    recipes = (
        "quickstart",
        "web_ja",
        "two_crawls",
        "instruct_quickstart",
        "preference_quickstart",
        "common_crawl_ja",
        "train_quality_ja",
        "text_ja",
    )
    cluster = (
        'partition: cpu\ntime: "20:00:00"\nmemory: 4G\nsurvey: {cpus: 8, memory: 128G}\n'
        "gpu: {partition: gpu, gpus: 1, sbatch: {nodelist: n1}}\n"
    )

    def __init__(self) -> None:
        self.texts = [(ROOT / "recipes" / f"{name}.yaml").read_text() for name in self.recipes]

    def case(self, rng: random.Random, folder: Path) -> Went:
        """Checks a changed recipe."""
        path = folder / self.name
        data = folder / "data"
        if not data.is_symlink():
            data.symlink_to(ROOT / "recipes" / "data")
        words = ["check", str(path), "--out", str(folder / "out")]
        if rng.random() < 0.1:
            path.write_text(self.texts[0])
            (folder / "cluster.yaml").write_bytes(edited_yaml(rng, self.cluster))
            words += ["--on", f"slurm:{folder / 'cluster.yaml'}"]
        else:
            path.write_bytes(edited_yaml(rng, rng.choice(self.texts)))
        said = commanded(*words)
        if said.status not in (0, 2) or "Traceback" in said.text:
            return Went(wrong=f"status {said.status}: {said.text[-300:]}")
        at = ("recipe.yaml", "cluster.yaml", "--")
        if said.status == 2 and not any(name in said.text for name in at):
            return Went(wrong=f"names no file: {said.text[-300:]}")
        return Went("RecipeError" if said.status else "")


class RunFolder:
    """A finished run of which one file was changed: a manifest, the recipe, a table, rows; then looked at, verified, run."""

    name = "run"

    def __init__(self, made: Path):
        self.made = made
        files = [p.relative_to(made / "out") for p in sorted((made / "out").rglob("*")) if p.is_file()]
        self.json = [f for f in files if f.suffix == ".json"]
        self.others = [f for f in files if f.suffix in (".yaml", ".parquet") and "logs" not in f.parts]

    def case(self, rng: random.Random, folder: Path) -> Went:
        """One command over the damaged run."""
        out = folder / "out"
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(self.made / "out", out)
        name = rng.choice(self.json if rng.random() < 0.8 else self.others)
        path = out / name
        raw = path.read_bytes()
        if name.suffix == ".json":
            path.write_bytes(edited_json(rng, raw))
        elif name.suffix == ".yaml":
            path.write_bytes(edited_yaml(rng, raw.decode()))
        else:
            path.write_bytes(applied(raw, drawn(rng, raw)))
        recipe, drawn_ = str(self.made / "fuzz.yaml"), ("--seed", "1", "--sample", "40")
        words = rng.choice(
            (
                ("verify", str(out), *drawn_),
                ("verify", str(out / "1" / "curated"), *drawn_),
                ("report", str(out)),
                ("report", str(out), "--public"),
                ("explain", str(out), "https://example.jp/3"),
                ("show", "presets", "--on", str(out)),
                ("plan", recipe, "--out", str(out)),
                ("run", recipe, "--out", str(out), "--workers", "1"),
            )
        )
        if words[0] == "run" and rng.random() < 0.8:  # it starts processes
            words = ("report", str(out), "--samples")
        try:
            said = commanded(*words)
        except Exception as error:
            raise RuntimeError(
                f"seimai {words[0]} {' '.join(words[2:3])} after {name} changed: {type(error).__name__}: {error}"
            ) from error
        if said.status not in (0, 1, 2) or "Traceback" in said.text:
            return Went(wrong=f"{name}: seimai {words[0]}: status {said.status}: {said.text[-400:]}")
        where = (name.name, str(name.parent.name), "1/curated", "RecipeError", "FAIL", "ok ")
        if said.status and not any(part in said.text for part in where):
            return Went(wrong=f"{name}: seimai {words[0]} names no file: {said.text[-300:]}")
        return Went(words[0] if said.status else "")


class WholeRun:
    """`seimai run` over damaged files of three kinds, with `verify` after it. A run starts processes: one case in some hundred."""

    name = "whole"
    recipe = """\
name: whole
version: '1'
partitions: 2
sources:
  crawl: {warc: "in/*.gz", licence: CC0-1.0}
  lines: {jsonl: "in/*.jsonl", licence: CC0-1.0}
  table: {parquet: "in/*.parquet", licence: CC0-1.0}
stages:
  - {name: pages, read: crawl, steps: [{sniff: {min_kana: 1}}, decode, main_text, nfkc, text_stats, minhash]}
  - {name: texts, read: lines, steps: [nfkc, text_stats, minhash]}
  - {name: rows, read: table, steps: [nfkc, text_stats, minhash]}
  - {name: curated, read: [pages, texts, rows], steps: [{dedup: {threshold: 0.8}}, {cap: {k: 2, mode: natural}}]}
"""

    def __init__(self) -> None:
        self.files = {
            "a.warc.gz": crawls.gzipped(crawls.pages()).raw,
            "b.warc.wet.gz": crawls.gzipped(crawls.texts()).raw,
            "c.jsonl": crawls.lines().raw,
            "d.parquet": crawls.table().raw,
        }

    def case(self, rng: random.Random, folder: Path) -> Went:
        """One run."""
        for name in ("in", "out"):
            shutil.rmtree(folder / name, ignore_errors=True)
        (folder / "in").mkdir()
        for name, raw in self.files.items():
            (folder / "in" / name).write_bytes(applied(raw, drawn(rng, raw)))
        (folder / "whole.yaml").write_text(self.recipe)
        out = str(folder / "out")
        said = commanded("run", str(folder / "whole.yaml"), "--out", out, "--workers", "1")
        if said.status:
            named = (
                said.status in (1, 2) and "Traceback" not in said.text and any(name in said.text for name in self.files)
            )
            return Went("RunError", "" if named else f"status {said.status}: {said.text[-400:]}")
        for path in (folder / "out").glob("**/manifest.json"):
            manifest = json.loads(path.read_text())
            if "columns" in manifest and manifest["rows_in"] != manifest["rows_out"] + sum(
                manifest["rejected"].values()
            ):
                return Went(
                    wrong=f"{path.parent.name}: rows in {manifest['rows_in']}, out {manifest['rows_out']}, {manifest['rejected']}"
                )
        checked = commanded("verify", out, "--seed", "1", "--sample", "40")
        failed = re.findall(r"^FAIL ([\w -]+):", checked.text, re.M)
        failed = [
            name for name in failed if name != "near-copies"
        ]  # bands may miss one at the threshold: no fault of a file
        return Went(wrong=f"verify: {failed}: {checked.text[-300:]}" if failed or "Traceback" in checked.text else "")
