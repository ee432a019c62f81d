"""Scoring by an encoder: the step `encoder_quality`, tokenising included, against the bare model's forward pass on the same batches.

    python benchmarks/encoder.py [--quick] [--documents N] [--device cpu|cuda] [--layers N --hidden N]

Texts are the main texts of the labelled pages of the development corpus, shuffled; the tokenizer (BPE, 16,000 tokens) is learnt from
every fourth of them (twelfth with --quick), and the encoder (BERT, random weights) has 6 layers of 384, or 12 of 768 on a GPU. The
bare side has the padded tensors ready on the device and does nothing but the forward pass, one batch after the other. Both sides run
in pairs; the median of the pairs' ratios counts. `throughput_ratio` is by the clock on a GPU, where tokenising runs beside the
device, and by CPU seconds on a CPU, where it takes its share of the cores; `clock_ratio` is by the clock on both.

`tokens_ratio` is tokens computed (padding included) / tokens of the windows, for windows of 512 tokens; `tokens_ratio_naive` the same
for 32 windows a batch in input order, `_sorted` for 32 a batch sorted by length in the unit; `_2048` for windows of 2,048 (those of
encoders with long context), where pages differ more. `max_diff` is the largest difference to `transformers`, one text after the
other, in float32, over the first `checked` texts; a stored score is rounded to 1e-3, so it is 5e-4 at best.
"""

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from _corpus import DEV, need_corpus

TOKENS = 512
BUDGET = 16384


def main() -> None:
    """Prints each pair; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a smaller encoder over fewer texts")
    parser.add_argument("--documents", type=int, help="texts that are scored")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--texts", type=Path, help="a file of texts, one JSON string a line, where the corpus is not")
    parser.add_argument(
        "--batch-tokens", type=int, default=BUDGET, help=f"tokens of a batch, padding included (default: {BUDGET})"
    )
    parser.add_argument("--layers", type=int)
    parser.add_argument("--hidden", type=int)
    args = parser.parse_args()
    if args.texts is None:
        need_corpus("warc", "truth.tsv")
    import torch

    gpu = args.device == "cuda" or (args.device == "auto" and torch.cuda.is_available())
    if gpu:  # what a process with a GPU does; a step on the CPU, which counts tokens first, would say no for all
        os.environ["TOKENIZERS_PARALLELISM"] = "true"
    texts = pages() if args.texts is None else [json.loads(line) for line in args.texts.open(encoding="utf-8")]
    n = args.documents or (2012 if gpu else 48 if args.quick else 300)
    while len(texts) < n:
        texts += texts
    with tempfile.TemporaryDirectory() as work:
        layers = args.layers or (12 if gpu else 4 if args.quick else 6)
        folder = model(
            Path(work),
            texts[: 2012 : 12 if args.quick else 4],
            layers,
            args.hidden or (768 if gpu else 256 if args.quick else 384),
        )
        figures = ratios(folder, texts[:2012]) | throughput(
            folder, texts[:n], gpu, pairs=3 if args.quick else 5, budget=args.batch_tokens
        )
        figures |= difference(folder, texts[: 24 if args.quick else 100], gpu)
    print(json.dumps(figures))


def pages() -> list[str]:
    """Main texts of all labelled pages, shuffled."""
    import csv

    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    with (DEV / "truth.tsv").open(newline="") as file:
        truth = {row["url"]: row for row in csv.DictReader(file, delimiter="\t")}
    texts = []
    for path in sorted((DEV / "warc").glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                page = truth.get(record.headers["WARC-Target-URI"] or "")
                if page is None:
                    continue
                text = record.reader.read().decode(page["true_encoding"], "replace")
                plain = "plain" in page["http_content_type"]
                texts.append(text if plain else extract_plain_text(text, main_content=True))
    random.Random(0).shuffle(texts)
    return [t for t in texts if t.strip()]


def model(folder: Path, texts: list[str], layers: int, hidden: int) -> Path:
    """An encoder for regression with random weights, and a tokenizer learnt from the texts."""
    import torch
    import transformers
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    made = Tokenizer(models.BPE(unk_token="[UNK]"))
    made.normalizer = normalizers.NFKC()  # type: ignore[assignment]
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()  # type: ignore[assignment]
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.BpeTrainer(vocab_size=16_000, special_tokens=special, show_progress=False, max_token_length=8)
    made.train_from_iterator([t[:20_000] for t in texts], trainer)
    around = [("[CLS]", 2), ("[SEP]", 3)]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=around)  # type: ignore[assignment]
    names = dict(zip(("pad_token", "unk_token", "cls_token", "sep_token", "mask_token"), special, strict=True))
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=made, **names)
    torch.manual_seed(0)
    size = {"hidden_size": hidden, "num_hidden_layers": layers, "num_attention_heads": hidden // 64 or 1}
    size |= {"intermediate_size": 4 * hidden, "max_position_embeddings": 2048}
    config = transformers.BertConfig(vocab_size=len(tokenizer), num_labels=1, initializer_range=0.05, **size)
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def step(folder: Path, gpu: bool, max_tokens: int = TOKENS, **given: Any) -> Any:
    """The step, ready to score."""
    from curation.classify.encoder_quality import EncoderQuality

    said = {"windows": "first", "range": [-1.0, 1.0], "licence": "CC0-1.0", "batch_tokens": BUDGET} | given
    made = EncoderQuality(str(folder), max_tokens=max_tokens, **said)
    made.needs = "gpu" if gpu else "cpu"
    made.setup()
    return made


def ratios(folder: Path, texts: list[str]) -> dict[str, Any]:
    """Tokens computed for each real one."""
    from curation.classify.encoder.batches import padded_tokens, token_batches
    from curation.classify.encoder.units import ROWS

    found: dict[str, Any] = {}
    for most, name in ((TOKENS, ""), (2048, "_2048")):
        cutter = step(folder, False, most)._scorer
        lengths = cutter.cut(texts).lengths
        ours = naive = ordered = 0
        for at in range(0, len(lengths), ROWS):
            unit = lengths[at : at + ROWS]
            ours += padded_tokens(unit, token_batches(unit, BUDGET))
            place = np.arange(len(unit))
            naive += padded_tokens(unit, [place[k : k + 32] for k in range(0, len(unit), 32)])
            place = np.argsort(unit, kind="stable")
            ordered += padded_tokens(unit, [place[k : k + 32] for k in range(0, len(unit), 32)])
        real = int(lengths.sum())
        found[f"tokens_ratio{name}"] = round(ours / real, 4)
        found[f"tokens_ratio_naive{name}"] = round(naive / real, 4)
        found[f"tokens_ratio_sorted{name}"] = round(ordered / real, 4)
        print(f"windows of {most}: {len(lengths)} texts, {real} tokens, mean {real / len(lengths):.0f}")
    return found


def throughput(folder: Path, texts: list[str], gpu: bool, pairs: int, budget: int) -> dict[str, Any]:
    """Seconds of the bare forward pass / seconds of the step, by the clock and by CPU."""
    import torch

    from curation.classify.encoder.batches import padded, token_batches

    made = step(folder, gpu, batch_tokens=budget)
    engine = made._scorer.engine
    windows = made._scorer.cut(texts)
    batches = token_batches(windows.lengths, budget)
    ready = []
    for b in batches:
        width = max(len(windows.ids[i]) for i in b)
        ids, mask = padded([windows.ids[i] for i in b], engine.pad, width)
        ready.append((torch.from_numpy(ids).to(engine.device), torch.from_numpy(mask).to(engine.device)))

    def bare() -> None:
        with torch.inference_mode():
            made_of = [engine.model(input_ids=ids, attention_mask=mask).logits for ids, mask in ready]
        torch.cat(made_of).float().cpu()

    rows = [
        pa.record_batch({"text": pa.array(texts[k : k + 100], pa.large_string())}) for k in range(0, len(texts), 100)
    ]

    def ours() -> None:
        for _ in made.run(iter(rows)):
            pass

    bare()
    clock, cpu = [], []
    for number in range(pairs):
        took: dict[str, tuple[float, float]] = {}
        for name, run in (("bare", bare), ("ours", ours)) if number % 2 else (("ours", ours), ("bare", bare)):
            began, spent = time.perf_counter(), time.process_time()
            run()
            took[name] = time.perf_counter() - began, time.process_time() - spent
        clock.append(took["bare"][0] / took["ours"][0])
        cpu.append(took["bare"][1] / took["ours"][1])
        tokens = int(windows.lengths.sum())
        print(
            f"bare {tokens / took['bare'][0]:.0f} tokens/s, step {tokens / took['ours'][0]:.0f}: {clock[-1]:.3f} "
            f"by the clock, {cpu[-1]:.3f} by CPU; {made._scorer.settled} texts settled so far"
        )
    device = torch.cuda.get_device_name(0) if gpu else "cpu, 1 thread"
    return {
        "throughput_ratio": round(statistics.median(clock if gpu else cpu), 3),
        "clock_ratio": round(statistics.median(clock), 3),
        "documents": len(texts),
        "batches": len(batches),
        "batch_tokens": budget,
        "device": device,
    }


def difference(folder: Path, texts: list[str], gpu: bool) -> dict[str, Any]:
    """The largest difference of a stored score to that of `transformers` in float32, one text after the other."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    made = step(folder, gpu, precision="float32")
    batch = pa.record_batch({"text": pa.array(texts, pa.large_string())})
    got = made.columns(batch)["quality"].to_numpy(zero_copy_only=False)
    tokenizer: Any = AutoTokenizer.from_pretrained(folder)
    plain: Any = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    want = []
    with torch.inference_mode():
        for text in texts:
            given = tokenizer(text, truncation=True, max_length=TOKENS, return_tensors="pt")
            want.append(float(plain(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).logits))
    scores = np.clip((np.array(want) + 1) / 2, 0, 1)
    return {"max_diff": float(f"{np.abs(got - scores).max():.2g}"), "checked": len(texts)}


if __name__ == "__main__":
    sys.exit(main())
