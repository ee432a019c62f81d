"""A tokenizer of 256 bytes and a few marks, and models of some thousand weights: what a trainer needs to prepare rows without a
network.

Text is given back byte for byte, so what a trainer has made of a row can be read in its tokens. The chat template is ChatML with
tools and calls, as Qwen's writes them.
"""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

MARKS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TEMPLATE = (
    "{% if tools %}<|im_start|>tools\n{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "{% for call in message.tool_calls or [] %}"
    "<tool_call>{{ call.function.name }} {{ call.function.arguments | tojson }}</tool_call>"
    "{% endfor %}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """The tokenizer, saved in a folder from which trainers may load it."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    own = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(letters)}, merges=[]))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    own.decoder = decoders.ByteLevel()
    made = PreTrainedTokenizerFast(
        tokenizer_object=own, eos_token=MARKS[0], pad_token=MARKS[0], additional_special_tokens=list(MARKS[1:]),
        clean_up_tokenization_spaces=False, model_max_length=1 << 20,
    )  # fmt: skip
    made.chat_template = TEMPLATE
    made.save_pretrained(folder)
    return made


def tiny(kind: str, vocabulary: int, folder: Path) -> str:
    """Folder of a Llama of some thousand weights: `causal`, or `reward` with one score. Trainers load reference models from there."""
    from transformers import LlamaConfig, LlamaForCausalLM, LlamaForSequenceClassification

    config = LlamaConfig(
        vocab_size=vocabulary, hidden_size=8, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
        max_position_embeddings=1 << 17, num_labels=1, pad_token_id=0,
    )  # fmt: skip
    model = LlamaForCausalLM(config) if kind == "causal" else LlamaForSequenceClassification(config)
    model.save_pretrained(folder / kind)
    return str(folder / kind)
