"""Preference pairs: rows a second through pairing, breaks of the rules, and what length and form alone tell.

    uvx nox -s bench -- pairs [--quick]

**Speed**: 1,000,000 generated rows (40,000 with --quick), ten answers a prompt, are read, paired by the three strategies whose
answers are there already, held against the rules, balanced, chosen and written, in a process of its own whose memory is taken at its
end. `pairs_per_s` is rows through all of that a second, `cpu_s` what it cost; no engine, no verifier and no edit is in it.

**Rules**: of 100,000 rows (those of the speed with --quick) with planted faults (the same text on both sides, other Unicode forms,
near-copies, abstentions, verifiers that failed their audit, denied licences, drafts) pairs are made and counted again by `seimai
verify`, over every pair. Answers of a real generation by program are edited too, and the recount verifies every edit again.

**Leaks**: failing answers of the rows are longer and more often lists. `length_auc` and `format_auc` are the largest over all strata
of at least 500 pairs, of classifiers held out by prompt; beside them what they are when nothing is balanced.

**Intervals**: `bias_coverage` is the least and the largest share of simulated judges whose lean lies in its interval (`jury.py` says
how), `audit_coverage` the share of simulated audits whose interval holds the error rate, and `width_ratio` its width beside a
stratified bootstrap's (`_audit_cells.py`): 1,000 runs a cell, with --quick 100 and 40.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml
from _preference_rows import write_generation

from curation.place import Place
from recipes.engine import execute, plan, recipe_file
from recipes.engine.generation.rounds import Where
from recipes.engine.pairs.run import run_pairs
from recipes.engine.progress import Progress
from recipes.engine.recipe_file import POLICY
from recipes.engine.workers import Workers
from synth.pairing.check import check_pairs, rule_breaks

PAGES = '{"text": "精米とは、玄米の表面から糠を取り除くことです。白くするほど味は淡くなり、日持ちは短くなります。", "url": "https://a.example.jp/"}\n'
BESIDE = {
    "verified_failed": {"pairs": 10**9, "per_prompt": 2},
    "program_model": {"pairs": 10**9, "per_prompt": 2},
    "delta": {
        "pairs": 10**9,
        "per_prompt": 1,
        "strong": "lab/large",
        "weak": "lab/small",
        "rejected": ["fail", "pass"],
    },
}
EDITED = {
    "near_miss": {"pairs": 10**6, "answers": 10**6, "per_answer": 4},
    "twins": {"pairs": 10**6, "answers": 10**6, "per_answer": 2},
    "over_refusal": {"pairs": 10**6, "answers": 10**6, "per_answer": 2},
}


def recipe(folder: Path, strategies: dict, tasks: dict, balance: bool = True, sets: bool = False) -> plan.Plan:
    """The plan of a recipe with one generation and one set of pairs."""
    (folder / "pages.jsonl").write_text(PAGES, encoding="utf-8")
    said = {
        "name": "bench", "version": "1", "sources": {"texts": {"jsonl": "pages.jsonl", "licence": "CC0-1.0"}},
        "stages": [{"name": "pages", "read": "texts", "steps": ["text_stats"]}],
        "generate": [
            {"name": "instruct", "read": "pages", "novelty": {"threshold": 0.95}, "rounds": {"most": 4000}, "tasks": tasks}
        ],
        "pairs": [
            {
                "name": "preference", "read": ["instruct"], "strategies": strategies, "caps": {"per_template": 1},
                "unlike": {"jaccard": 0.9}, "balance": {"length": balance, "format": balance}, "partitions": 4,
            }
            | ({"kto": {"ratio": 1.0}, "prompts": True} if sets else {})
        ],
        "release": {
            "draft_wordings": "allow", "target": {"model_name": "trial", "purpose": "train_internal", "publish": False}
        },
    }  # fmt: skip
    if "delta" in strategies:  # its two models are those of two generations; the rows of both lie in the first
        said["generate"] = [
            said["generate"][0] | {"name": n, "engine": engine(m)}
            for n, m in (("instruct", "lab/large"), ("weak", "lab/small"))
        ]
        said["pairs"][0]["read"] = ["instruct", "weak"]
        said["policy"] = "policy.yaml"
        policy = yaml.safe_load(POLICY.read_text(encoding="utf-8"))
        about = {"licence": "MIT", "licence_sha256": "0" * 64, "source": "none", "status": "allow", "reviewer": "none",
                 "date": "2026-11-26",
                 "reason": "made up for a benchmark", "link": "none"}  # fmt: skip
        policy["models"] += [
            {"model": m, "revision": "1", "weights": w} | about
            for m, w in (("lab/large", "a" * 64), ("lab/small", "b" * 64))
        ]
        signed = {"revision": "1", "signed_by": "none", "date": "2026-11-26", "reason": "made up for a benchmark"}
        policy["declared"] = [{"model": m} | signed for m in ("lab/large", "lab/small")]
        (folder / "policy.yaml").write_text(yaml.safe_dump(policy, allow_unicode=True), encoding="utf-8")
    path = folder / "bench.yaml"
    path.write_text(yaml.safe_dump(said, allow_unicode=True), encoding="utf-8")
    return plan.make(recipe_file.load(path), path.name, str(folder / "out"), base=folder)


def engine(model: str) -> dict:
    """A declared server that nobody asks."""
    limits = {"max_concurrency": 1, "attempt_s": 1, "deadline_s": 1, "dead_after_s": 1}
    said = {"url": "http://127.0.0.1:9/", "model": "none", "declared": {"model": model, "revision": "1"}}
    return {"server": said | limits}


def generated(made: plan.Plan, rows: int, seed: int = 7) -> dict[str, int]:
    """Writes the generations' sets: all rows into the first."""
    first, *others = made.generations
    for other in others:
        Place(other.url).write_json(
            "manifest.json", {"fingerprint": other.fingerprint, "content": "0", "verifiers": {}, "files": []}
        )
    return write_generation(first.url, rows, first.fingerprint, seed)


def paired(made: plan.Plan) -> dict:
    """Makes the set of pairs of a plan whose generation is there. Returns its manifest."""
    with open(os.devnull, "w") as quiet, Workers(2) as pool:
        return run_pairs(made.preferences[0], Where(None, pool, Progress(1, quiet)))


def timed(folder: Path, rows: int, sets: bool) -> dict:
    """Pairs of made rows, in this process: seconds, memory, and the manifest's figures."""
    made = recipe(folder, dict(BESIDE), {"mathematics": {"rows": 1, "answers": "program"}}, sets=sets)
    began, cpu = time.perf_counter(), time.process_time()
    manifest = paired(made)
    took, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "seconds": took,
        "cpu": cpu,
        "peak_mb": peak,
        "pairs": manifest["rows_out"],
        "rows": rows,
        "sets": {k: v["rows"] for k, v in manifest["sets"].items()},
    }


def in_a_process(folder: Path, rows: int, sets: bool) -> dict:
    """`timed` in a process of its own."""
    command = [sys.executable, __file__, "--timed", str(folder), str(rows), str(int(sets))]
    os.sync()  # what made the rows has written them: that is not pairing's work
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def speed(folder: Path, rows: int, kinds: tuple[bool, ...]) -> list[dict]:
    """Pairs alone, and with labelled answers and prompts beside them. kinds: which of the two."""
    found: list[dict] = []
    planted: dict[str, int] = {}
    for sets in kinds:
        place = folder / f"speed{int(sets)}"
        place.mkdir()
        made = recipe(place, dict(BESIDE), {"mathematics": {"rows": 1, "answers": "program"}}, sets=sets)
        if found:
            shutil.copytree(found[0]["folder"], Path(made.generations[0].url).parent, copy_function=os.link)
            shutil.rmtree(Path(made.preferences[0].url))
        else:
            planted = generated(made, rows)
        about = {
            "folder": str(Path(made.generations[0].url).parent),
            "url": made.preferences[0].url,
            "planted": planted,
        }
        found.append(in_a_process(place, rows, sets) | about)
        one = found[-1]
        name = "pairs, labels and prompts" if sets else "pairs"
        print(
            f"{name:26} {rows:,} rows in {one['seconds']:.1f} s ({one['cpu']:.1f} s of CPU): {rows / one['seconds']:,.0f} rows/s, "
            f"{one['pairs']:,} pairs, peak {one['peak_mb']:,.0f} MB {one['sets']}"
        )
    return found


def rules(folder: Path, rows: int) -> tuple[int, dict]:
    """Breaks of the rules in pairs of planted rows, and the manifest."""
    folder.mkdir()
    made = recipe(folder, dict(BESIDE), {"mathematics": {"rows": 1, "answers": "program"}}, sets=True)
    planted = generated(made, rows, seed=11)
    paired(made)
    return recounted(made.preferences[0].url, planted)


def recounted(url: str, planted: dict[str, int]) -> tuple[int, dict]:
    """Breaks of the rules in a set of pairs of planted rows, and its manifest."""
    manifest = json.loads((Path(url) / "manifest.json").read_bytes())
    breaks = said(check_pairs(url, sample=0))
    print(f"rules: {manifest['rows_in']:,} rows, {manifest['rows_out']:,} pairs, {breaks} breaks; planted {planted}")
    for line in manifest["yields"]["strategies"]:
        print(
            f"  {line['strategy']:16} {line['candidates']:>8,} candidates {line['pairs']:>8,} pairs; {line['dropped']}"
        )
    return breaks, manifest


def edited(folder: Path, rows: int) -> tuple[int, dict]:
    """Breaks of the rules in pairs of edits of a real generation by program; every pair is verified again."""
    folder.mkdir()
    tasks = {
        name: {"rows": rows, "answers": "program", **more}
        for name, more in {
            "mathematics": {}, "extraction": {}, "reading": {}, "constraints": {"with": {"sort": "arrange"}}, "dialogue": {},
            "function_calling": {}, "refusal": {}, "domain": {},
        }.items()
    }  # fmt: skip
    made = recipe(folder, dict(EDITED), tasks, sets=True)
    began = time.perf_counter()
    with open(os.devnull, "w") as quiet:
        execute.run(made, workers=2, progress=Progress(9, quiet), generators=2)
    manifest = json.loads((Path(made.preferences[0].url) / "manifest.json").read_bytes())
    breaks = said(check_pairs(made.preferences[0].url, sample=10**9))
    edits = manifest["edits"]
    print(
        f"edits: {edits.get('answers', 0):,} answers, {edits.get('edits', 0):,} proven edits, {manifest['rows_out']:,} pairs, "
        f"{breaks} breaks, {time.perf_counter() - began:.0f} s with the generation and the recount"
    )
    for line in manifest["yields"]["strategies"]:
        kinds = ", ".join(f"{kind} {n}" for kind, n in list(line["constraints"].items())[:6])
        print(
            f"  {line['strategy']:16} {line['candidates']:>8,} candidates {line['pairs']:>8,} pairs "
            f"over {len(line['constraints'])} kinds: {kinds}"
        )
    return breaks, manifest


def said(checks: list) -> int:
    """Breaks of all checks; what was found is printed."""
    for check in checks:
        for problem in check.problems[:5]:
            print(f"  {check.name}: {problem}")
    return rule_breaks(checks)


def main() -> None:
    """Runs all four parts; the last line is JSON."""
    from _pair_figures import intervals, leaks  # here, since every worker imports what this file does

    quick = "--quick" in sys.argv
    covered = intervals(quick)
    with tempfile.TemporaryDirectory(prefix="seimai-bench-pairs-") as name:
        folder = Path(name)
        first, *more_sets = speed(folder, *((40_000, (False,)) if quick else (1_000_000, (False, True))))
        if quick:
            breaks, manifest = recounted(first["url"], first["planted"])
        else:
            breaks, manifest = rules(folder / "rules", 100_000)
        more, of_edits = edited(folder / "edits", 8 if quick else 400)
        print("leaks: areas under the curve, held out by prompt")
        found = leaks([manifest, of_edits])
    shares = [
        line["longer_chosen"] for m in (manifest, of_edits) for line in m["balance"]["after"] if line["pairs"] >= 500
    ]
    print(
        json.dumps(
            {
                "pairs_per_s": round(first["rows"] / first["seconds"]),
                **dict(zip(("pairs_per_s_all_sets",), (round(s["rows"] / s["seconds"]) for s in more_sets), strict=False)),
                "rows": first["rows"], "cpu_s": round(first["cpu"], 1),
                "peak_mb": round(max(s["peak_mb"] for s in (first, *more_sets))), "rule_breaks": breaks + more,
                **covered,
                **{name: round(value, 3) for name, value in found.items()},
                "longer_chosen": [min(shares, default=None), max(shares, default=None)],
            }
        )
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1:2] == ["--timed"]:
        print(json.dumps(timed(Path(sys.argv[2]), int(sys.argv[3]), bool(int(sys.argv[4])))))
    else:
        main()
