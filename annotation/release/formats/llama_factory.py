"""LLaMA-Factory 0.9.5: dialogues, preference and KTO in its `sharegpt` form, with `dataset_info.json` beside them.

Its `openai` form is not used: it adds "detailed thinking off" to every system prompt without tools (data/converter.py). In
`sharegpt` requests (human, observation) and answers (gpt, function_call) must take turns, or the row becomes an empty one with no
more than a line in the log: such rows are not written. It has no mask for single turns, so dialogues are prefix rows, and only
with `mask_history: true` is the loss on the last turn alone; train.yaml says so. Several results of tools in a row are one
observation, joined as its own converter joins them. What labelled answers weigh stands in train.yaml.
"""

from collections.abc import Iterator, Mapping, Sequence

import orjson
import pyarrow as pa
import yaml

from annotation.release.formats.format import Format, Json, Messages, Settings, Unsayable, Written, prefixes, size
from annotation.release.label_weights import LabelWeights
from annotation.release.row import Row

TRAINER = "LLaMA-Factory 0.9.5"
_JOIN = "\n</tool_response>\n<tool_response>\n"
_TURN = pa.struct([("from", pa.string()), ("value", pa.large_string())])
_ABOUT = [
    ("system", pa.large_string()),
    ("tools", pa.large_string()),
    ("id", pa.string()),
    ("split_group", pa.string()),
]


def _turn(message: Json) -> Json:
    """An answer: words or calls."""
    if not message.get("tool_calls"):
        return {"from": "gpt", "value": message["content"]}
    if (message.get("content") or "").strip():
        raise Unsayable("text_beside_call")
    calls = [call["function"] for call in message["tool_calls"]]
    said = [{"name": call["name"], "arguments": orjson.loads(call["arguments"])} for call in calls]
    return {"from": "function_call", "value": orjson.dumps(said).decode()}


def _conversation(messages: Messages) -> tuple[str, list[Json]]:
    """System prompt and turns, requests and answers by turns. Raises Unsayable."""
    system = messages[0]["content"] if messages[0]["role"] == "system" else ""
    made: list[Json] = []
    for message in messages[bool(system) :]:
        role = message["role"]
        if role == "tool" and made and made[-1]["from"] == "observation":
            made[-1]["value"] += _JOIN + message["content"]
        elif role in ("user", "tool"):
            made.append({"from": "human" if role == "user" else "observation", "value": message["content"]})
        elif role == "assistant":
            made.append(_turn(message))
        else:
            raise Unsayable("roles")
    if any((turn["from"] in ("gpt", "function_call")) != bool(at % 2) for at, turn in enumerate(made)):
        raise Unsayable("roles")
    return system, made


def _row(messages: Messages, row: Row, name: str) -> Row:
    system, turns = _conversation(messages)
    tools = orjson.dumps(row["tools"]).decode() if row["tools"] else ""
    return {"conversations": turns, "system": system, "tools": tools, "id": name, "split_group": row["split_group"]}


def _sft(row: Row) -> Iterator[Written]:
    for name, before, turn in prefixes(row):
        yield Written(_row([*before, turn], row, name), size([turn]), size([*before, turn]))


def _dpo(row: Row) -> Iterator[Written]:
    if len(row["chosen"]) != 1 or len(row["rejected"]) != 1:
        raise Unsayable("several_turns")
    made = _row(row["messages"], row, row["id"])
    if len(made["conversations"]) % 2 == 0:
        raise Unsayable("roles")
    made |= {name: _turn(row[name][0]) for name in ("chosen", "rejected")}
    trained = size(row["chosen"]) + size(row["rejected"])
    yield Written(made, trained, trained + 2 * size(row["messages"]))


def _kto(row: Row) -> Iterator[Written]:
    if len(row["completion"]) != 1:
        raise Unsayable("several_turns")
    made = _row([*row["messages"], *row["completion"]], row, row["id"]) | {"label": row["label"]}
    trained = size(row["completion"])
    yield Written(made, trained, trained + size(row["messages"]))


def _settings(name: str, train: Mapping[str, object], **more: object) -> Settings:
    columns = {"messages": "conversations", "system": "system", "tools": "tools"}
    columns |= {c: c for c in ("chosen", "rejected") if "ranking" in more} | (
        {"kto_tag": "label"} if "kto" in name else {}
    )

    def made(files: Mapping[str, Sequence[str]], weights: LabelWeights | None) -> dict[str, str]:
        said, names = dict[str, object](), dict[str, list[str]]()
        for split, paths in files.items():
            for number, path in enumerate(paths):
                data = f"{name}_{split}" + (f"_{number}" if len(paths) > 1 else "")
                said[data] = {
                    "file_name": path.rpartition("/")[2],
                    "formatting": "sharegpt",
                    **more,
                    "columns": columns,
                }
                names.setdefault(split, []).append(data)
        settings = {"dataset_dir": name, **train} | {
            key: ",".join(names[split])
            for split, key in (("train", "dataset"), ("validation", "eval_dataset"))
            if split in names
        }
        if weights is not None:
            settings |= {"kto_chosen_weight": weights.good, "kto_rejected_weight": weights.bad}
        info = orjson.dumps(said, option=orjson.OPT_INDENT_2).decode()
        return {"dataset_info.json": info, "train.yaml": yaml.safe_dump(settings, sort_keys=False)}

    return made


def _schema(*fields: tuple[str, pa.DataType]) -> pa.Schema:
    return pa.schema([("conversations", pa.list_(_TURN)), *fields, *_ABOUT])


FORMATS = (
    Format(
        "llama_factory_sft", "chat", TRAINER, _schema(), _sft,
        _settings("llama_factory_sft", {"stage": "sft", "mask_history": True}),
    ),
    Format(
        "llama_factory_dpo", "preference", TRAINER, _schema(("chosen", _TURN), ("rejected", _TURN)), _dpo,
        _settings("llama_factory_dpo", {"stage": "dpo"}, ranking=True),
    ),
    Format(
        "llama_factory_kto", "answer", TRAINER, _schema(("label", pa.bool_())), _kto,
        _settings("llama_factory_kto", {"stage": "kto"}),
    ),
)  # fmt: skip
