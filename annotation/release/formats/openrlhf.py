"""OpenRLHF 0.11: SFT by prompt and completion, DPO and reward models, prompts for PPO with their spec as label.

Its loaders apply the chat template to lists of messages and know no tools: rows that offer them are not written. Its mask for whole
dialogues learns from every answer, so dialogues are prefix rows with `--data.output_key completion`, without `--data.multiturn`.
Messages are structs and no JSON columns: the loaders put texts in place of lists under the same names, and `datasets` would read a
text in a JSON column as JSON.
"""

from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from annotation.release.formats.format import (
    Format,
    Settings,
    Unsayable,
    Written,
    plain,
    prefixes,
    size,
    without_tools,
)
from annotation.release.label_weights import LabelWeights
from annotation.release.row import Row

TRAINER = "OpenRLHF 0.11"
_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.large_string())]))
_ABOUT = [("id", pa.string()), ("split_group", pa.string())]


def _sft(row: Row) -> Iterator[Written]:
    without_tools(row)
    for name, before, turn in prefixes(row):
        made = {"prompt": plain(before), "completion": plain([turn]), "id": name}
        yield Written(made | {"split_group": row["split_group"]}, size([turn]), size([*before, turn]))


def _preference(row: Row) -> Iterator[Written]:
    without_tools(row)
    made = {
        name: plain(row[of]) for name, of in (("prompt", "messages"), ("chosen", "chosen"), ("rejected", "rejected"))
    }
    trained = size(row["chosen"]) + size(row["rejected"])
    made |= {"margin": row["margin"] or 0.0, "id": row["id"], "split_group": row["split_group"]}
    yield Written(made, trained, trained + 2 * size(row["messages"]))


def _prompts(row: Row) -> Iterator[Written]:
    without_tools(row)
    if not row["spec"] or row["spec"] == "[]":
        raise Unsayable("no_spec")
    made = {"prompt": plain(row["messages"]), "label": row["spec"], "datasource": row["function"]}
    yield Written(made | {"id": row["id"], "split_group": row["split_group"]}, 0, size(row["messages"]))


def _settings(*flags: str) -> Settings:
    def made(files: Mapping[str, Sequence[str]], weights: LabelWeights | None) -> dict[str, str]:
        paths = {split: ",".join(some) for split, some in files.items()}
        held = [f"--eval.dataset {paths['validation']}"] if "validation" in paths else []
        said = [f"--data.dataset {paths['train']}"] if "train" in paths else []
        return {"flags.txt": "\n".join([*said, *held, "--data.apply_chat_template", *flags]) + "\n"}

    return made


FORMATS = (
    Format(
        "openrlhf_sft", "chat", TRAINER, pa.schema([("prompt", _MESSAGES), ("completion", _MESSAGES), *_ABOUT]), _sft,
        _settings("--data.input_key prompt", "--data.output_key completion"),
    ),
    Format(
        "openrlhf_preference", "preference", TRAINER,
        pa.schema([("prompt", _MESSAGES), ("chosen", _MESSAGES), ("rejected", _MESSAGES), ("margin", pa.float32()), *_ABOUT]),
        _preference, _settings("--data.prompt_key prompt", "--data.chosen_key chosen", "--data.rejected_key rejected"),
    ),
    Format(
        "openrlhf_prompts", "prompt", TRAINER,
        pa.schema([("prompt", _MESSAGES), ("label", pa.string()), ("datasource", pa.string()), *_ABOUT]), _prompts,
        _settings("--data.input_key prompt", "--data.label_key label"),
    ),
)  # fmt: skip
