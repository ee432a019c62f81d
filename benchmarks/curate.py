"""A whole run, WARC → shards with the standard recipe, against a datatrove pipeline of its own parts.

    uvx nox -s bench -- curate [--quick]

Both sides read the same crawl (development corpus, new ids) and are charged the CPU time of their processes and children less
that of a run over no page, least of the repeats. datatrove runs over as many pages as the time allows; ours over the same pages
for the ratio, and over ten times as many for pages per CPU second. What any page at all costs us (survey blocks, the report)
weighs on the ratio of --quick, over 200 pages, far more than on that of a full run. Then: one worker against two (same content
hash), and peak memory of a worker over a WARC with records of up to 300 MB.
"""

import argparse
import gzip
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from _corpus import DEV, members, write_crawl

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent / "curation" / "classify" / "lid.176.ftz"


def timed(command: list[str]) -> tuple[float, float]:
    """CPU and wall seconds of a command and its children. Its output is shown when it fails."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    compiled = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # on both sides, as for a user
    done = subprocess.run(command, capture_output=True, text=True, env=compiled)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.perf_counter() - began


def ours(crawl: Path, out: Path, workers: int = 1) -> tuple[float, float, dict]:
    """One run of web_ja: CPU seconds, wall seconds and the released set's manifest."""
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "recipes.engine.cli", "run", "web_ja"]
    cpu, wall = timed([*command, "--in", f"{crawl}/*.warc.gz", "--out", str(out), "--workers", str(workers)])
    (run,) = out.glob("*/run.json")
    return cpu, wall, json.loads((run.parent / "curated" / "manifest.json").read_text())


def peers(crawl: Path, out: Path) -> float:
    """One run of datatrove's pipeline: CPU seconds."""
    python = os.environ.get("SEIMAI_PEER_PYTHON")
    if not python:
        raise SystemExit("SEIMAI_PEER_PYTHON names no interpreter: run this as `uvx nox -s bench -- curate`")
    shutil.rmtree(out, ignore_errors=True)
    return timed([python, str(HERE / "_peer_datatrove.py"), str(crawl), str(out), str(MODEL)])[0]


def huge_crawl(path: Path, size: int, largest: int) -> Path:
    """A WARC of about `size` bytes uncompressed, with records of up to `largest` bytes among ordinary pages."""
    if path.exists():
        return path
    big = [largest, largest // 3, 100 << 20, 15 << 20, 12 << 20]
    written, pages = 0, iter(members(10**6))
    filler = ("<p>" + "大きなページの本文です。" * 20 + "</p>\n").encode()
    with path.open("wb") as out:
        while written < size:
            for _ in range(400):
                member = next(pages)
                out.write(member)
                written += 30_000
            if big:
                n = big.pop(0)
                body = b"HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<html><body>" + filler * (
                    n // len(filler)
                )
                head = (
                    f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, f'big{n}')}>\r\n"
                    f"WARC-Date: 2026-01-02T03:04:05Z\r\nWARC-Target-URI: http://big.example.jp/{n}\r\n"
                    f"Content-Type: application/http; msgtype=response\r\nContent-Length: {len(body)}\r\n\r\n"
                )
                out.write(gzip.compress(head.encode() + body + b"\r\n\r\n", 1))
                written += n
    return path


def main() -> None:
    """Measures and prints; the last line is one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="within about 50 s: few pages for the slow peer")
    parser.add_argument(
        "--cache", default=os.environ.get("SEIMAI_BENCH_CACHE", f"{tempfile.gettempdir()}/seimai-bench")
    )
    options = parser.parse_args()
    if not (DEV / "warc").exists():
        raise SystemExit("the development corpus is not beside this checkout")
    cache, quick = Path(options.cache), options.quick
    n_peer, n_ours, n_two = (200, 2_012, 2_012) if quick else (2_012, 20_120, 20_120)
    nothing, small = write_crawl(cache / "0", 0), write_crawl(cache / f"{n_peer}", n_peer)
    large = write_crawl(cache / f"{n_ours}", n_ours)
    with tempfile.TemporaryDirectory() as work:
        out = Path(work)
        ours(nothing, out / "warm")  # compiled kernels are in the cache from here on
        peer_zero, peer_cpu = peers(nothing, out / "p0"), peers(small, out / "p1")
        runs = [(ours(nothing, out / "o0")[0], ours(small, out / "o1")[0]) for _ in range(1 if quick else 3)]
        zero, cpu_small = min(r[0] for r in runs), min(r[1] for r in runs)
        cpu_large, wall_one, manifest = ours(large, out / "o2")
        rate = n_ours / (cpu_large - zero)
        print(f"ours: start-up {zero:.1f} CPU s; {n_ours} pages {cpu_large - zero:.1f} CPU s, {rate:.0f} pages/CPU s")
        print(f"ours over {n_peer} pages: {cpu_small - zero:.2f} CPU s")
        print(
            f"datatrove: start-up {peer_zero:.1f} CPU s; {n_peer} pages {peer_cpu - peer_zero:.1f} CPU s, "
            f"{n_peer / (peer_cpu - peer_zero):.1f} pages/CPU s"
        )
        ratio, whole = (peer_cpu - peer_zero) / (cpu_small - zero), peer_cpu / cpu_small
        print(f"ratio over the same {n_peer} pages: {ratio:.1f}× (start-up of both sides counted too: {whole:.1f}×)")
        two = large if n_two == n_ours else write_crawl(cache / f"{n_two}", n_two)
        one_wall = wall_one if two == large else ours(two, out / "w1")[1]
        _, two_wall, second = ours(two, out / "w2", 2)
        idle = ours(nothing, out / "w0")[1]
        speedup = (one_wall - idle) / (two_wall - idle)
        print(f"two workers: {one_wall:.1f} s → {two_wall:.1f} s wall (start-up {idle:.1f} s), {speedup:.2f}×")
        if two == large and second["content"] != manifest["content"]:
            raise SystemExit("content hash differs between one worker and two")
        sizes = (300 << 20, 100 << 20) if quick else (2 << 30, 300 << 20)
        huge = huge_crawl(cache / f"huge-{sizes[0]}.warc.gz", *sizes)
        (cache / "huge").mkdir(exist_ok=True)
        link = cache / "huge" / huge.name
        link.unlink(missing_ok=True)
        link.symlink_to(huge)
        _, _, _ = ours(cache / "huge", out / "big")
        stages = [json.loads(p.read_text()) for p in (out / "big").glob("**/manifest.json")]
        rss = max(s.get("peak_rss_mb", 0) for s in stages)
        print(f"peak memory of one worker over {sizes[0] >> 20} MB with records of up to {sizes[1] >> 20} MB: {rss} MB")
    figures = {
        "ratio_datatrove": round(ratio, 1),
        "ratio_datatrove_with_start_up": round(whole, 1),
        "pages_per_cpu_s": round(rate, 1),
        "peak_rss_mb": rss,
        "speedup_2_workers": round(speedup, 2),
        "pages": n_ours,
        "pages_peer": n_peer,
        "start_up_cpu_s": round(zero, 2),
        "start_up_cpu_s_datatrove": round(peer_zero, 2),
        "pages_per_cpu_s_datatrove": round(n_peer / (peer_cpu - peer_zero), 2),
        "quick": quick,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
