"""A tiny Qwen3 with its tokenizer and its licence, made where a test runs: an engine does the same work with it as with a large one.

Its weights are random (`make`), or trained for a minute on answers that it is to give (`teach`), which it then gives now and then.
"""

import random
import time
from pathlib import Path

TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def make(folder: Path, texts: list[str], vocabulary: int = 2000) -> Path:
    """Writes the model into a folder; needs transformers and torch."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForCausalLM

    bare = Tokenizer(models.BPE())
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bare.train_from_iterator(
        texts, trainers.BpeTrainer(vocab_size=vocabulary, special_tokens=special, initial_alphabet=alphabet)
    )
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    tokenizer.chat_template = TEMPLATE
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(tokenizer), hidden_size=128, intermediate_size=256, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=32, max_position_embeddings=1024, eos_token_id=2, tie_word_embeddings=True,
    )  # fmt: skip
    Qwen3ForCausalLM(config).save_pretrained(folder)
    (folder / "LICENSE").write_text("made by the test")
    return folder


def teach(folder: Path, chats: list[tuple[str, str]], *, below: float, cpu_s: float) -> float:
    """Trains the model in a folder on (question, answer) until the loss of its answers is below a value; the loss.

    cpu_s: CPU seconds after which it ends all the same: as much training on a busy machine as on a quiet one.
    """
    import torch
    from transformers import AutoTokenizer, Qwen3ForCausalLM

    torch.set_num_threads(1)  # threads that wait for each other lose more than a core where others work
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = Qwen3ForCausalLM.from_pretrained(folder, dtype=torch.float32).train()
    taught = [_lesson(tokenizer, *chat) for chat in chats]
    optimiser = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.0)
    rng, began, loss = random.Random(0), time.process_time(), 9.0
    while loss > below and time.process_time() - began < cpu_s:
        batch = rng.sample(taught, 8)
        width = max(len(tokens) for tokens, _ in batch)
        ids = torch.zeros(8, width, dtype=torch.long)
        wanted = torch.full((8, width), -100)
        for row, (tokens, start) in enumerate(batch):
            ids[row, : len(tokens)] = torch.tensor(tokens)
            wanted[row, start : len(tokens)] = ids[row, start : len(tokens)]
        step = model(input_ids=ids, labels=wanted).loss
        optimiser.zero_grad()
        step.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        loss += 0.05 * (step.item() - loss)
    model.save_pretrained(folder)
    return loss


def _lesson(tokenizer, question: str, answer: str) -> tuple[list[int], int]:
    """Tokens of a chat, and where its answer begins."""
    asked = tokenizer.apply_chat_template(
        [{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True
    )
    before = tokenizer(asked, add_special_tokens=False).input_ids
    return before + tokenizer(f"{answer}<|im_end|>", add_special_tokens=False).input_ids, len(before)
