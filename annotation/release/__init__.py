"""Release: reviewed rows become what trainers load, with everything that a reader of them must know.

Sets of a run (`sources.py`: generated rows, pairs, labelled answers, prompts, pages) become canonical rows (`row.py`), all in one
form. Before anything is written, every row's authors and documents are ruled on anew for what the release is for (`rights.py`), and
rows that share a seed document or a prompt are put into one group (`splits.py`), of which all rows go into one split. Then each row
is decided once (`gate.py`): what people said of it (`decisions.py`), personal data, whether its verifiers are audited. Answers that
people ranked become pairs on the way (`rankings.py`). Rows come to rest as shard sets (`shards.py`), of which the trainers' files are
written (`formats/`: TRL, NeMo, Axolotl, LLaMA-Factory, OpenRLHF), then the manifest, the data card in two languages (`card.py`) and
Croissant metadata (`croissant.py`). `make.py` does it in order.

    OUT/
      shards/chat/              canonical rows of one kind: data/, rejected/, tasks/, manifest.json, as docs/shards.md says
      trl_dpo/train-00000.parquet   one folder a format, one file or more a split, and the trainer's own settings
      README.md  README.ja.md   the data card; its head tells `datasets.load_dataset(OUT, "trl_dpo")` where everything is
      croissant.json
      manifest.json             written last: what has none is not data
"""
