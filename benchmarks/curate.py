"""A whole run, WARC → shards with the standard recipe, against a datatrove pipeline of its own parts.

    uvx nox -s bench -- curate [--quick]

Both sides read the same crawl (development corpus, new ids) and are charged the CPU time of their processes and children less
that of a run over no page, least of the repeats. datatrove runs over as many pages as the time allows; ours over the same pages
for the ratio, and over ten times as many for pages per CPU second. What any page at all costs us (survey blocks, the report)
weighs on the ratio of --quick, over 400 pages, far more than on that of a full run, so `ratio_datatrove_of_rates` says what both
rates give. Then: one worker against two (same content hash), and peak memory of a worker over a WARC of 2 GB with records of up
to 300 MB (--quick: over the crawl itself).
"""

import argparse
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from _corpus import members, need_corpus, write_crawl

HERE = Path(__file__).resolve().parent
MODEL = HERE.parent / "curation" / "classify" / "lid.176.ftz"


def timed(command: list[str]) -> tuple[float, float]:
    """CPU and wall seconds of a command and its children. Its output is shown when it fails."""
    compiled = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}  # on both sides, as for a user
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=compiled)
        _, status, used = os.wait4(process.pid, 0)  # of this process and those it waited for, whatever runs beside it
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            said.seek(0)
            raise SystemExit(f"{' '.join(command)}\n{said.read().decode(errors='replace')}")
    return used.ru_utime + used.ru_stime, wall


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


def peak_rss(out: Path) -> int:
    """Largest resident set that a worker had in a run, MiB."""
    return max(json.loads(p.read_text()).get("peak_rss_mb", 0) for p in out.glob("**/manifest.json"))


def main() -> None:
    """Measures and prints; the last line is one JSON object."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true", help="within about 50 s: few pages, peer and ours side by side")
    parser.add_argument(
        "--cache", default=os.environ.get("SEIMAI_BENCH_CACHE", f"{tempfile.gettempdir()}/seimai-bench")
    )
    options = parser.parse_args()
    need_corpus("warc")
    cache, quick = Path(options.cache), options.quick
    n_peer, n_ours, repeats = (400, 4_024, 1) if quick else (2_012, 20_120, 3)
    nothing, small, large = (write_crawl(cache / f"{n}", n) for n in (0, n_peer, n_ours))
    with tempfile.TemporaryDirectory() as work, ThreadPoolExecutor(1) as beside:
        out = Path(work)
        peer = beside.submit(lambda: (peers(nothing, out / "p0"), peers(small, out / "p1")))
        if not quick:
            peer.result()  # one after the other, so that neither side disturbs the other
            ours(nothing, out / "warm")  # compiled kernels are in the cache from here on
        runs = [(ours(nothing, out / "o0")[:2], ours(small, out / "o1")[0]) for _ in range(repeats)]
        (zero, idle), cpu_small = min(r[0] for r in runs), min(r[1] for r in runs)
        cpu_large, one, manifest = ours(large, out / "o2")
        peer_zero, peer_cpu = peer.result()
        _, two, second = ours(large, out / "w2", 2)
        if second["content"] != manifest["content"]:
            raise SystemExit("content hash differs between one worker and two")
        rss = peak_rss(out / "o2")
        if not quick:
            (cache / "huge").mkdir(parents=True, exist_ok=True)
            huge_crawl(cache / "huge" / "huge.warc.gz", 2 << 30, 300 << 20)
            ours(cache / "huge", out / "big")
            rss = peak_rss(out / "big")
    mine, theirs, rate = cpu_small - zero, peer_cpu - peer_zero, n_ours / (cpu_large - zero)
    ratio, whole, speedup = theirs / mine, peer_cpu / cpu_small, (one - idle) / (two - idle)
    print(f"datatrove: start-up {peer_zero:.1f} CPU s, {n_peer} pages {theirs:.1f}: {n_peer / theirs:.1f} pages/CPU s")
    print(f"seimai: start-up {zero:.1f} CPU s, {n_peer} pages {mine:.2f}: {n_peer / mine:.0f} pages/CPU s")
    print(f"seimai: {n_ours} pages {cpu_large - zero:.1f} CPU s: {rate:.0f} pages/CPU s")
    print(f"ratio over the same {n_peer} pages: {ratio:.1f}×, with the start-up of both {whole:.1f}×")
    print(f"two workers: {one:.1f} → {two:.1f} s wall, start-up {idle:.1f} s: {speedup:.2f}×, same content hash")
    print(f"peak memory of one worker: {rss} MB" + (" (of the crawl itself)" if quick else ", records of up to 300 MB"))
    figures = {
        "ratio_datatrove": round(ratio, 1),
        "pages_per_cpu_s": round(rate, 1),
        "peak_rss_mb": rss,
        "speedup_2_workers": round(speedup, 2),
        "n": n_peer,
        "pages": n_ours,
        "ratio_datatrove_with_start_up": round(whole, 1),
        "ratio_datatrove_of_rates": round(rate * theirs / n_peer, 1),
        "start_up_cpu_s": round(zero, 2),
        "start_up_cpu_s_datatrove": round(peer_zero, 2),
        "pages_per_cpu_s_datatrove": round(n_peer / theirs, 2),
        "quick": quick,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
