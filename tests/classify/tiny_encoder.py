"""Small real encoders, made in the test: a tokenizer learnt from the test's own texts, a model with lively random weights."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.classify.conftest import BAD, GOOD

SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]


def tokenizer(texts: Sequence[str], size: int = 800, *, special: bool = True, words: bool = False) -> Any:
    """A byte-level BPE (or, with `words`, WordPiece over BERT's words) with [CLS] and [SEP] around a text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    if words:
        made = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        trainer: Any = trainers.WordPieceTrainer(vocab_size=size, special_tokens=SPECIAL)
    else:
        made = Tokenizer(models.BPE())
        made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        made.decoder = decoders.ByteLevel()
        alphabet = pre_tokenizers.ByteLevel.alphabet()
        trainer = trainers.BpeTrainer(vocab_size=size, special_tokens=SPECIAL, initial_alphabet=alphabet)
    made.train_from_iterator(texts, trainer)
    if special:
        ids = [("[CLS]", 2), ("[SEP]", 3)]
        made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ids)
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]", "mask_token": "[MASK]"}
    names |= {"cls_token": "[CLS]", "sep_token": "[SEP]"} if special else {}
    return PreTrainedTokenizerFast(tokenizer_object=made, **names)


def encoder(
    folder: Path,
    labels: int = 1,
    *,
    kind: str = "bert",
    texts: Sequence[str] = (),
    seed: int = 0,
    scale: float = 0.3,
    **config: Any,
) -> Path:
    """A BERT or ModernBERT of two layers with a head (`labels`; 1 is a regression) and its tokenizer, written into `folder`.

    Weights of `scale` 0.3 make scores of different texts differ in their first digits; an encoder that is to learn begins smaller.
    """
    import torch
    import transformers

    made = tokenizer([*(texts or [*GOOD, *BAD]), "abc def 0123"])
    torch.set_num_threads(1)  # tests run beside each other
    torch.manual_seed(seed)
    size = {"vocab_size": len(made), "hidden_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    size |= {"intermediate_size": 96, "num_labels": labels, "max_position_embeddings": 512, "pad_token_id": 0}
    if kind == "bert":
        model: Any = transformers.BertForSequenceClassification(transformers.BertConfig(**size | config))
    else:
        size |= {
            "cls_token_id": 2,
            "sep_token_id": 3,
            "bos_token_id": 2,
            "eos_token_id": 3,
            "global_attn_every_n_layers": 2,
        }
        model = transformers.ModernBertForSequenceClassification(transformers.ModernBertConfig(**size | config))
    for weight in model.parameters():
        if weight.dim() > 1:
            weight.data.normal_(0, scale)
    model.save_pretrained(folder)
    made.save_pretrained(folder)
    return folder


def plain_logits(folder: Path, texts: Sequence[str], max_tokens: int, dtype: str = "float32") -> Any:
    """Logits as `transformers` gives them for one text after the other, cut by its tokenizer: the reference."""
    import numpy as np
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokens = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()
    found = []
    with torch.no_grad():
        for text in texts:
            given = tokens(text, truncation=True, max_length=max_tokens, return_tensors="pt")
            given.pop("token_type_ids", None)
            found.append(model(**given).logits[0].float().numpy())
    return np.array(found)
