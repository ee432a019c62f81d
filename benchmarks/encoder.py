"""Scoring by an encoder: the step `encoder_quality`, tokenising included, against the bare model's forward pass on the same batches.

    python benchmarks/encoder.py [--quick] [--documents N] [--device cpu|cuda] [--encoder LAYERSxHIDDEN[:BATCH_TOKENS] …]
                                 [--speed] [--out-of-memory] [--processes N] [--texts FILE]

Texts are the main texts of the labelled pages of the development corpus, shuffled; the tokenizer (BPE, 16,000 tokens) is learnt
from every fourth of them (twelfth with --quick), and the encoder (BERT, random weights) has 6 layers of 384, or 12 of 768 on a GPU.
The bare side has the padded tensors of the step's own batches ready on the device and does nothing but the forward pass, one batch
after the other. Both sides run in pairs; the median of the pairs' ratios counts. `throughput_ratio` is by the clock on a GPU, where
processes tokenise beside the device, and by CPU seconds (theirs included) on a CPU, where it takes its share of the cores;
`clock_ratio` is by the clock on both. `--processes N` tokenises in processes on a CPU too.

`host_ms` is milliseconds by the clock for 1,000 tokens of the whole step with a model that answers at once: a device that takes
longer never waits, a faster one does. `launch_ms` is what of it the thread takes that gives the device its work (CPU time); what it
does beside the forward pass cannot be hidden from a device that the forward pass itself leaves waiting. `--out-of-memory` scores
2,012 texts with the first encoder once more, with 0.4 of the memory that the batches took, and compares.

`tokens_ratio` is tokens computed (padding included) / tokens of the windows, for windows of 512 tokens; `tokens_ratio_naive` the same
for 32 windows a batch in input order, `_sorted` for 32 a batch sorted by length; `_2048` for windows of 2,048 (those of
encoders with long context), where pages differ more. `max_diff` is the largest difference to `transformers`, one text after the
other, in float32, over the first `checked` texts; a stored score is rounded to 1e-3, so it is 5e-4 at best.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pyarrow as pa
from _corpus import need_corpus
from _encoder import BUDGET, TOKENS, model, pages, step, tokenizer


def main() -> None:
    """Prints each pair, and a JSON object for each encoder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smaller encoder over fewer texts")
    parser.add_argument("--documents", type=int, help="texts that are scored")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--texts", type=Path, help="a file of texts, one JSON string a line, where the corpus is not")
    parser.add_argument("--encoder", nargs="+", help=f"layers and hidden size; tokens of a batch ({BUDGET})")
    parser.add_argument("--processes", type=int, default=0, help="on a CPU: processes that tokenise, 0 for a thread")
    parser.add_argument("--speed", action="store_true", help="nothing of tokens computed and of differences")
    parser.add_argument("--out-of-memory", action="store_true", help="on a GPU: also with too little memory")
    args = parser.parse_args()
    if args.texts is None:
        need_corpus("warc", "truth.tsv")
    import torch

    gpu = args.device == "cuda" or (args.device == "auto" and torch.cuda.is_available())
    if args.out_of_memory and not gpu:
        parser.error("--out-of-memory: a GPU's memory is limited, and there is none here (--device cuda)")
    texts = pages() if args.texts is None else [json.loads(line) for line in args.texts.open(encoding="utf-8")]
    n = args.documents or (2012 if gpu else 48 if args.quick else 150)
    while len(texts) < n:
        texts += texts
    wrong = ""
    made = tokenizer(texts[: 2012 : 12 if args.quick else 4])
    for number, named in enumerate(args.encoder or ["12x768" if gpu else "4x256" if args.quick else "6x384"]):
        size, _, budget = named.partition(":")
        layers, hidden = map(int, size.split("x"))
        with tempfile.TemporaryDirectory() as work:
            folder = model(Path(work), made, layers, hidden)
            pairs = 3 if args.quick else 5
            figures = {} if args.speed else ratios(folder, texts[:2012])
            figures |= throughput(folder, texts[:n], gpu, pairs, int(budget or BUDGET), args.processes)
            figures |= {} if args.speed else difference(folder, texts[: 24 if args.quick else 100], gpu)
            if args.out_of_memory and not number:
                figures |= out_of_memory(folder, texts[:2012], int(budget or BUDGET))
        print(json.dumps({"encoder": size} | figures))
        if args.out_of_memory and not number:
            exact = figures["out_of_memory"]["float32"]
            wrong = (
                "" if exact["again"] and exact["equal"] == 1 else "memory did not run out, or scores in float32 differ"
            )
    if wrong:
        sys.exit(wrong)


def ratios(folder: Path, texts: list[str]) -> dict[str, Any]:
    """Tokens computed for each real one, in the units that the step makes of a task with these texts."""
    from curation.classify.encoder.batches import padded_tokens, token_batches
    from curation.classify.encoder.units import units

    found: dict[str, Any] = {}
    for most, name in ((TOKENS, ""), (2048, "_2048")):
        made = step(folder, False, most)
        lengths = made._scorer.cut(texts).lengths
        begin, ours = 0, 0
        for unit in units([table(texts)], policy=made.card.windows):
            here = lengths[begin : begin + sum(batch.num_rows for batch in unit)]
            ours += padded_tokens(here, token_batches(here, BUDGET))
            begin += len(here)
        place, ordered = np.arange(len(lengths)), np.argsort(lengths, kind="stable")
        naive, by_length = (
            padded_tokens(lengths, [order[at : at + 32] for at in range(0, len(order), 32)])
            for order in (place, ordered)
        )
        real = int(lengths.sum())
        found[f"tokens_ratio{name}"] = round(ours / real, 4)
        found[f"tokens_ratio_naive{name}"] = round(naive / real, 4)
        found[f"tokens_ratio_sorted{name}"] = round(by_length / real, 4)
        print(f"windows of {most}: {len(lengths)} texts, {real} tokens, mean {real / len(lengths):.0f}")
    return found


def throughput(folder: Path, texts: list[str], gpu: bool, pairs: int, budget: int, processes: int) -> dict[str, Any]:
    """Seconds of the bare forward pass / seconds of the step, by the clock and by CPU; host time without the forward pass."""
    import torch

    from curation.classify.encoder.ahead import InProcesses
    from curation.classify.encoder.batches import token_batches
    from curation.classify.encoder.engines import load_tokenizer
    from curation.classify.encoder.units import parts, units
    from curation.classify.encoder.windows import Windows

    made = step(folder, gpu, batch_tokens=budget)
    scorer = made._scorer
    engine = scorer.engine
    if processes and not gpu:
        scorer.ahead = InProcesses(made.folder, load_tokenizer(made.folder), scorer.cutter, processes, 1)
    rows = [table(texts[at : at + 100]) for at in range(0, len(texts), 100)]
    ready, tokens = [], 0
    for unit in units(rows, policy=made.card.windows):
        windows = Windows.joined([scorer.ahead.submit(texts).result() for texts in parts(unit, made.card.windows)])
        tokens += int(windows.lengths.sum())
        for batch in token_batches(windows.lengths, budget):
            ready.append([torch.from_numpy(a).to(engine.device) for a in windows.padded(batch, engine.pad)])

    def bare() -> None:
        with torch.inference_mode():
            made_of = [engine.model(input_ids=ids, attention_mask=mask).logits for ids, mask in ready]
        torch.cat(made_of).float().cpu()

    def ours() -> None:
        for _ in made.run(iter(rows)):
            pass

    bare()
    if gpu:
        ours()
    clock, cpu = [], []
    for number in range(pairs):
        took: dict[str, tuple[float, float]] = {}
        for name, run in (("bare", bare), ("ours", ours)) if number % 2 else (("ours", ours), ("bare", bare)):
            began, spent = time.perf_counter(), cpu_seconds()
            run()
            took[name] = time.perf_counter() - began, cpu_seconds() - spent
        clock.append(took["bare"][0] / took["ours"][0])
        cpu.append(took["bare"][1] / took["ours"][1])
        print(
            f"bare {tokens / took['bare'][0]:.0f} tokens/s, step {tokens / took['ours'][0]:.0f}: {clock[-1]:.3f} "
            f"by the clock, {cpu[-1]:.3f} by CPU; {scorer.settled} texts settled so far"
        )
    device = torch.cuda.get_device_name(0) if gpu else "cpu, 1 thread"
    figures: dict[str, Any] = {
        "throughput_ratio": round(statistics.median(clock if gpu else cpu), 3),
        "clock_ratio": round(statistics.median(clock), 3),
        "documents": len(texts),
        "batches": len(ready),
        "batch_tokens": budget,
        "device": device,
        "tokenising": f"{len(scorer.ahead.processes)} processes" if hasattr(scorer.ahead, "processes") else "a thread",
    }
    return figures | host(made, ours, tokens, max(len(ids) for ids, _ in ready))


def host(made: Any, ours: Any, tokens: int, most: int) -> dict[str, float]:
    """Milliseconds for 1,000 tokens of everything but the forward pass; the median of three."""
    import torch

    scorer, engine = made._scorer, made._scorer.engine
    answer = torch.zeros(most, 1, device=engine.device)
    engine.forward = lambda input_ids, attention_mask: SimpleNamespace(logits=answer[: len(input_ids)])
    spent = [0.0]

    def timed(function: Any) -> Any:
        def run(*given: Any) -> Any:
            began = time.thread_time()
            try:
                return function(*given)
            finally:
                spent[0] += time.thread_time() - began

        return run

    scorer.begin, scorer.finish = timed(scorer.begin), timed(scorer.finish)
    clock, launch = [], []
    for _ in range(3):
        began, spent[0] = time.perf_counter(), 0.0
        ours()
        clock.append((time.perf_counter() - began) / tokens * 1e6)
        launch.append(spent[0] / tokens * 1e6)
    del scorer.begin, scorer.finish
    engine.forward = engine.model
    return {"host_ms": round(statistics.median(clock), 4), "launch_ms": round(statistics.median(launch), 4)}


def out_of_memory(folder: Path, texts: list[str], budget: int) -> dict[str, Any]:
    """Scores with all of a GPU's memory, and with 0.4 of what the batches took of it."""
    import torch

    total = torch.cuda.get_device_properties(0).total_memory
    found: dict[str, Any] = {}
    for precision in ("float32", "bfloat16"):
        made = step(folder, True, precision=precision, batch_tokens=budget)
        engine = made._scorer.engine
        before = torch.cuda.memory_allocated()
        torch.cuda.reset_peak_memory_stats()
        want = scored(made, texts)
        took = torch.cuda.max_memory_allocated() - before
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction((before + 0.4 * took) / total)
        got = scored(made, texts)
        torch.cuda.set_per_process_memory_fraction(1.0)
        found[precision] = {
            "model_mb": round(before / 1e6), "batches_mb": round(took / 1e6), "again": engine.again, "parts": engine.parts,
            "equal": float((got == want).mean()), "max_diff": float(np.abs(got - want).max()),
        }  # fmt: skip
        print(precision, found[precision])
    return {"out_of_memory": found}


def scored(made: Any, texts: list[str]) -> np.ndarray:
    """Stored scores, in input order."""
    out = made.run(iter([table(texts)]))
    return np.concatenate([batch.column("quality").to_numpy(zero_copy_only=False) for batch in out])


def table(texts: list[str]) -> pa.RecordBatch:
    """Texts as rows."""
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def cpu_seconds() -> float:
    """Of this process and those that it started and that still run."""
    import psutil

    return time.process_time() + sum(sum(p.cpu_times()[:2]) for p in psutil.Process().children())


def difference(folder: Path, texts: list[str], gpu: bool) -> dict[str, Any]:
    """The largest difference of a stored score to that of `transformers` in float32, one text after the other."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    made = step(folder, gpu, precision="float32")
    got = made.columns(table(texts))["quality"].to_numpy(zero_copy_only=False)
    tokens: Any = AutoTokenizer.from_pretrained(folder)
    device = "cuda" if gpu else "cpu"
    plain: Any = AutoModelForSequenceClassification.from_pretrained(folder).to(device).eval()
    want = []
    with torch.inference_mode():
        for text in texts:
            given = tokens(text, truncation=True, max_length=TOKENS, return_tensors="pt").to(device)
            want.append(float(plain(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).logits))
    scores = np.clip((np.array(want) + 1) / 2, 0, 1)
    return {"max_diff": float(f"{np.abs(got - scores).max():.2g}"), "checked": len(texts)}


if __name__ == "__main__":
    sys.exit(main())
