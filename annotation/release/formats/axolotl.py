"""Axolotl 0.19: dialogues with a mask for each turn, DPO and its kin, KTO, reward models.

Its `chat_template` strategy reads messages and tools from JSON text and obeys `training` in each message, so a dialogue stays
whole. Where all columns are texts it takes one row for many (`is_prompt_batched`), so a number stands among them. Its preference
strategies keep role and content alone and would lose calls without a word: rows with calls are not written for them. KTO has
string templates only, of which `chatml.argilla_chat` takes a whole dialogue. What belongs under `datasets:` lies beside each.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson
import pyarrow as pa
import yaml

from annotation.release.formats.format import Format, Settings, Unsayable, Written, plain, size, without_tools
from annotation.release.label_weights import LabelWeights
from annotation.release.row import Row

TRAINER = "Axolotl 0.19"
SETTINGS = "axolotl.yaml"
_MESSAGE = pa.struct([("role", pa.string()), ("content", pa.large_string())])
_ABOUT = [("id", pa.string()), ("split_group", pa.string())]


def _about(row: Row) -> Row:
    return {"id": row["id"], "split_group": row["split_group"]}


def _sft(row: Row) -> Iterator[Written]:
    learnt = set(row["train"])
    messages = [
        message | ({"training": at in learnt} if message["role"] == "assistant" else {"training": False})
        for at, message in enumerate(row["messages"])
    ]
    tools = orjson.dumps(row["tools"]).decode() if row["tools"] else None
    made = {"messages": orjson.dumps(messages).decode(), "tools": tools, "turns": len(learnt)} | _about(row)
    yield Written(made, size([row["messages"][at] for at in row["train"]]), size(messages))


def _dpo(row: Row) -> Iterator[Written]:
    without_tools(row)
    before, chosen, rejected = (plain(row[name]) for name in ("messages", "chosen", "rejected"))
    if len(chosen) != 1 or len(rejected) != 1:
        raise Unsayable("several_turns")
    trained = size(chosen) + size(rejected)
    made = {"messages": before, "chosen": chosen[0], "rejected": rejected[0]} | _about(row)
    yield Written(made, trained, trained + 2 * size(before))


def _kto(row: Row) -> Iterator[Written]:
    without_tools(row)
    said = plain([*row["messages"], *row["completion"]])
    yield Written({"completion": said, "label": row["label"]} | _about(row), size(row["completion"]), size(said))


def _reward(row: Row) -> Iterator[Written]:
    without_tools(row)
    before = plain(row["messages"])
    system = before.pop(0)["content"] if before[0]["role"] == "system" else ""
    chosen, rejected = plain(row["chosen"]), plain(row["rejected"])
    if len(before) != 1 or len(chosen) != 1 or len(rejected) != 1:
        raise Unsayable("several_turns")
    made = {
        "system": system,
        "input": before[0]["content"],
        "chosen": chosen[0]["content"],
        "rejected": rejected[0]["content"],
    }
    trained = size(chosen) + size(rejected)
    yield Written(made | _about(row), trained, trained + 2 * (size(before) + len(system)))


def _settings(whole: Mapping[str, Any], kind: Any, **more: Any) -> Settings:
    """What stands in Axolotl's configuration: `whole` at its top, and one entry a file with its `type` and more."""

    def made(files: Mapping[str, Sequence[str]], weights: LabelWeights | None) -> dict[str, str]:
        said = dict(whole)
        if weights is not None:
            said |= {"kto_desirable_weight": weights.good, "kto_undesirable_weight": weights.bad}
        for split, key in (("train", "datasets"), ("validation", "test_datasets")):
            if split in files:
                one = {"ds_type": "parquet", "split": "train", "type": kind, **more}
                said[key] = [{"path": path, **one} for path in files[split]]
        return {SETTINGS: yaml.safe_dump(said, allow_unicode=True, sort_keys=False)}

    return made


_SIDES = [("chosen", pa.large_string()), ("rejected", pa.large_string())]
FORMATS = (
    Format(
        "axolotl_sft", "chat", TRAINER,
        pa.schema([("messages", pa.large_string()), ("tools", pa.large_string()), ("turns", pa.int32()), *_ABOUT]), _sft,
        _settings({}, "chat_template", field_messages="messages", message_field_training="training", roles_to_train=[]),
    ),
    Format(
        "axolotl_dpo", "preference", TRAINER,
        pa.schema([("messages", pa.list_(_MESSAGE)), ("chosen", _MESSAGE), ("rejected", _MESSAGE), *_ABOUT]), _dpo,
        _settings({"rl": "dpo"}, "chat_template.default"),
    ),
    Format(
        "axolotl_kto", "answer", TRAINER, pa.schema([("completion", pa.list_(_MESSAGE)), ("label", pa.bool_()), *_ABOUT]), _kto,
        _settings({"rl": "kto", "remove_unused_columns": False}, "chatml.argilla_chat"),
    ),
    Format(
        "axolotl_reward", "preference", TRAINER,
        pa.schema([("system", pa.large_string()), ("input", pa.large_string()), *_SIDES, *_ABOUT]), _reward,
        _settings({"reward_model": True}, "bradley_terry.chat_template"),
    ),
)  # fmt: skip
