"""Trains the small Japanese tokenizer that comes along (`small_ja`) on the Japanese pages of the quickstart.

    python recipes/data/small_ja.py

Writes curation/features/small_ja.json: a byte-level BPE of 3,000 tokens, for tests and first looks.
"""

from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from curation.extract.decode import Decode
from curation.extract.main_text import MainText
from curation.extract.reader import READERS, find_inputs, plan_units
from curation.features.kana import kana_ratio
from curation.provenance import Source
from curation.step import Rejected

HERE = Path(__file__).resolve().parent
TARGET = HERE.parent.parent / "curation" / "features" / "small_ja.json"


def japanese_texts() -> list[str]:
    """Main texts of the quickstart's pages with at least a tenth of kana, in order of record."""
    import importlib

    module, _, name = READERS["warc"].partition(":")
    inputs = find_inputs([str(HERE / "quickstart" / "*.warc.gz")], "warc")
    data = getattr(importlib.import_module(module), name)(plan_units(inputs, 1 << 30), Source("quickstart")).run()
    for step in (Decode(max_replaced=0.1), MainText()):
        data = step.run(data)
    texts = [text for item in data if not isinstance(item, Rejected) for text in item.column("text").to_pylist()]
    return [text for text in texts if text and kana_ratio(text) >= 0.1]


def main() -> None:
    """Trains and writes the tokenizer."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=3000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(japanese_texts(), trainer)
    tokenizer.save(str(TARGET), pretty=False)


if __name__ == "__main__":
    main()
