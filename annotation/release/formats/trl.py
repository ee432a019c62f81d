"""TRL 1.16: SFT by prompt and completion, DPO and its kin, KTO, reward models, GRPO prompts.

IPO and other losses on pairs take the rows of DPO (`loss_type: [ipo]`). KTO reads no weight of a row: what `KTOConfig` is to be given
lies beside the rows (kto.yaml).
Messages are lists of JSON values and arguments of calls are objects, as chat templates want them. A completion is one turn, so
the loss is on that turn alone (`completion_only_loss` is on by itself); TRL's own mask for whole dialogues knows roles and no
single turns. Tools are JSON text, which each trainer's preparation reads. TRL takes the kind of a data set from its first row:
all rows are of one kind.
"""

from collections.abc import Iterator, Mapping, Sequence

import orjson
import pyarrow as pa
import yaml

from annotation.release.formats.format import JSON, Format, Messages, Unsayable, Written, dumped, prefixes, size
from annotation.release.label_weights import LabelWeights
from annotation.release.row import Row
from synth.messages import with_objects

TRAINER = "TRL 1.16"
_MESSAGES = pa.list_(JSON)


def _schema(*fields: tuple[str, pa.DataType]) -> pa.Schema:
    ends = [("tools", pa.string()), ("id", pa.string()), ("split_group", pa.string())]
    return pa.schema([*fields, *ends])


def _messages(messages: Messages) -> list[str]:
    return dumped(with_objects(messages))


def _about(row: Row) -> Row:
    tools = orjson.dumps(row["tools"]).decode() if row["tools"] else None
    return {"tools": tools, "id": row["id"], "split_group": row["split_group"]}


def _sft(row: Row) -> Iterator[Written]:
    for name, before, turn in prefixes(row):
        made = {"prompt": _messages(before), "completion": _messages([turn])} | _about(row) | {"id": name}
        yield Written(made, size([turn]), size([*before, turn]))


def _dpo(row: Row) -> Iterator[Written]:
    said = {
        name: _messages(row[of])
        for name, of in (("prompt", "messages"), ("chosen", "chosen"), ("rejected", "rejected"))
    }
    yield Written(said | _about(row), *_sizes(row))


def _reward(row: Row) -> Iterator[Written]:
    said = {name: _messages([*row["messages"], *row[name]]) for name in ("chosen", "rejected")}
    yield Written(said | {"margin": row["margin"] or 0.0} | _about(row), *_sizes(row))


def _sizes(row: Row) -> tuple[int, int]:
    trained = size(row["chosen"]) + size(row["rejected"])
    return trained, trained + 2 * size(row["messages"])


def _kto(row: Row) -> Iterator[Written]:
    said = {"prompt": _messages(row["messages"]), "completion": _messages(row["completion"]), "label": row["label"]}
    trained = size(row["completion"])
    yield Written(said | _about(row), trained, trained + size(row["messages"]))


def _kto_config(files: Mapping[str, Sequence[str]], weights: LabelWeights | None) -> dict[str, str]:
    if weights is None:
        return {}
    said = {"desirable_weight": weights.good, "undesirable_weight": weights.bad}
    return {"kto.yaml": yaml.safe_dump(said, sort_keys=False)}


def _grpo(row: Row) -> Iterator[Written]:
    if not row["spec"] or row["spec"] == "[]":
        raise Unsayable("no_spec")
    said = {"prompt": _messages(row["messages"]), "spec": row["spec"], "function": row["function"]}
    yield Written(said | _about(row), 0, size(row["messages"]))


FORMATS = (
    Format("trl_sft", "chat", TRAINER, _schema(("prompt", _MESSAGES), ("completion", _MESSAGES)), _sft),
    Format(
        "trl_dpo", "preference", TRAINER, _schema(("prompt", _MESSAGES), ("chosen", _MESSAGES), ("rejected", _MESSAGES)), _dpo
    ),
    Format(
        "trl_kto", "answer", TRAINER, _schema(("prompt", _MESSAGES), ("completion", _MESSAGES), ("label", pa.bool_())), _kto,
        _kto_config,
    ),
    Format(
        "trl_reward", "preference", TRAINER, _schema(("chosen", _MESSAGES), ("rejected", _MESSAGES), ("margin", pa.float32())),
        _reward,
    ),
    Format(
        "trl_grpo", "prompt", TRAINER, _schema(("prompt", _MESSAGES), ("spec", pa.string()), ("function", pa.string())), _grpo
    ),
)  # fmt: skip
