"""What the benchmark of encoders scores, and by what: pages, an encoder with random weights, the step over it."""

import random
from pathlib import Path
from typing import Any

from _corpus import DEV

TOKENS = 512
BUDGET = 16384


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


def tokenizer(texts: list[str]) -> Any:
    """A tokenizer learnt from the texts: BPE over BERT's words, 16,000 tokens."""
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
    return transformers.PreTrainedTokenizerFast(tokenizer_object=made, **names)


def model(folder: Path, tokenizer: Any, layers: int, hidden: int) -> Path:
    """An encoder for regression with random weights, and its tokenizer, in a folder."""
    import torch
    import transformers

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
