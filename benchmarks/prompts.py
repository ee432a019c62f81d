"""Seeds and prompts: 100,000 curated pages through `seimai check`, choosing passages and making each a request, as a worker does.

    uvx nox -s bench -- prompts [--quick]

Pages are made here (six sentences with numbers of their own, 5,000 hosts), so that nothing but the project is timed. Seconds are CPU
seconds of one process, since that is what the work costs on a machine that is busy with others; wall seconds and peak memory stand
beside. `seimai check` is the command itself, in a process of its own, over a recipe whose source has so many pages (JSON lines in
eight files) and whose order wants a row of each. There is no other side: no toolkit chooses passages by rights, strata and caps.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from curation.provenance import key
from synth.engine.content_key import Identity, identity_key, request_key
from synth.engine.request import Request, Sampling
from synth.orders import Order, drawn
from synth.policy_file import load_policy
from synth.seed import Seed, SeedPlan, choose
from synth.tasks.task import task_class
from synth.tasks.verified import said

POLICY = Path(__file__).resolve().parents[1] / "recipes" / "policy.yaml"
TEXT = (
    "精米とは、玄米の表面から糠を取り除くことです。白くするほど味は淡くなり、日持ちは{i}日ほどに短くなります。近くの米屋では、三分づきから"
    "選べます。精米したての米は香りがよく、夏なら二週間ほどで食べ切るのがよいとされています。保存は涼しい場所がよく、{j}度を超える部屋には"
    "置きません。虫が付いたときは、日陰に広げて風を通します。"
)


def pages(count: int) -> Iterator[dict[str, Any]]:
    """Curated pages."""
    for i in range(count):
        text = TEXT.format(i=i, j=i * 7 % 1000)
        row = {"id": key("page", i), "text": text, "host": f"h{i % 5000}.example.jp", "cluster": None}
        yield row | {"licence": "CC0-1.0", "rights_basis": None}


def checked(count: int, folder: Path) -> tuple[float, float, int]:
    """`seimai check` of a recipe over so many pages: CPU seconds, wall seconds, peak memory in MB."""
    for part in range(8):
        rows = (r for i, r in enumerate(pages(count)) if i % 8 == part)
        lines = (
            json.dumps({"text": r["text"], "url": f"https://{r['host']}/{part}"}, ensure_ascii=False) for r in rows
        )
        (folder / f"pages-{part}.jsonl").write_text("\n".join(lines), encoding="utf-8")
    recipe = {
        "name": "bench_prompts",
        "version": "1",
        "sources": {"texts": {"jsonl": "pages-*.jsonl", "licence": "CC0-1.0"}},
        "stages": [{"name": "pages", "read": "texts", "steps": ["text_stats"]}],
        "generate": [
            {
                "name": "instruct",
                "read": "pages",
                "seeds": {"lengths": [60, 400], "per_stratum": count, "per_host": count, "per_cluster": 4},
                "novelty": {"threshold": 0.8},
                "rounds": {"most": count},
                "tasks": {"quotation": {"rows": count, "answers": "program"}},
            }
        ],
        "release": {
            "draft_wordings": "allow",
            "target": {"model_name": "bench", "purpose": "train_internal", "publish": False},
        },
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe), encoding="utf-8")
    words = [
        sys.executable,
        "-m",
        "recipes.engine.cli",
        "check",
        str(folder / "recipe.yaml"),
        "--out",
        str(folder / "out"),
    ]
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(words, check=True, cwd=POLICY.parents[1], stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.perf_counter() - wall, after.ru_maxrss // 1024


def main() -> None:
    """Chooses, makes prompts, prints the figures and one JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 pages")
    count = 10_000 if parser.parse_args().quick else 100_000
    with tempfile.TemporaryDirectory() as folder:
        check_cpu, check_wall, check_mb = checked(count, Path(folder))
    plan = SeedPlan("derives", "train_internal", (60, 400), count, count, 4)
    wall, cpu = time.perf_counter(), time.process_time()
    seeds = [s for s in choose(pages(count), plan, load_policy(POLICY)) if isinstance(s, Seed)]
    seeding = time.process_time() - cpu
    order = Order("summarise", task_class("summarise", "benchmark")(), "model", 1, Sampling(256, 0.7), drafts=True)
    of_identity = identity_key(Identity("lab/model", "1", "0" * 64, "none", "0"))
    keys: set[bytes] = set()
    for one in drawn([order], {"summarise": (0, count)}, seeds, "benchmark"):
        request = Request(one.id, tuple(said(one.instance, ())), order.sampling)
        keys.add(request_key(of_identity, request))
    whole, took = time.process_time() - cpu, time.perf_counter() - wall
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    figures = {
        "seeds": len(seeds), "prompts": len(keys), "cpu_s": round(whole, 2), "seeding_cpu_s": round(seeding, 2),
        "wall_s": round(took, 2), "peak_mb": max(memory, check_mb), "cpu_s_100k": round(whole * 100_000 / count + check_cpu, 2),
        "check_cpu_s": round(check_cpu, 2), "check_wall_s": round(check_wall, 2), "check_mb": check_mb,
    }  # fmt: skip
    print(
        f"{len(seeds):,} seeds, {len(keys):,} prompts: {whole:.1f} CPU s ({seeding:.1f} of it choosing), {took:.1f} s, {memory} MB; "
        f"seimai check before it: {check_cpu:.1f} CPU s, {check_wall:.1f} s, {check_mb} MB"
    )
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
