"""NeMo-RL (SFT, DPO and reward models) and NeMo-Aligner's SteerLM, as JSON lines.

NeMo-RL is not on the registry, so its columns are held against its documentation (commit 7ea279a). Its SFT learns from every
answer of a dialogue: a dialogue is written as far as all of its answers may be learnt from, and not at all where the first one
may not. Give it `use_preserving_dataset: true`, or tools of several forms are filled with nulls.
SteerLM (NeMo-Aligner 0.7) reads attributes, integers from 0 to 4; one that nobody gave is left out of the label, and −100 to its
regression model. Of our seven attributes it knows five.
"""

from collections.abc import Iterator

from annotation.release.formats.format import Format, Messages, Unsayable, Written, plain, size, without_tools
from annotation.release.row import Row
from synth.messages import with_objects

RL, ALIGNER = "NeMo-RL 7ea279a (documented columns)", "NeMo-Aligner 0.7"
ATTRIBUTES = (
    "quality",
    "toxicity",
    "humor",
    "creativity",
    "helpfulness",
    "correctness",
    "coherence",
    "complexity",
    "verbosity",
)
"""SteerLM's attributes in its order."""
MISSING = -100.0


def _about(row: Row) -> Row:
    return {"task_name": row["function"], "id": row["id"], "split_group": row["split_group"]}


def _sft(row: Row) -> Iterator[Written]:
    learnt, messages, end = set(row["train"]), row["messages"], 0
    for at, message in enumerate(messages):
        if message["role"] == "assistant":
            if at not in learnt:
                break
            end = at + 1
    if not end:
        raise Unsayable("untrained_turns")
    said = with_objects(messages[:end])
    trained = size([m for m in said if m["role"] == "assistant"])
    yield Written({"messages": said, "tools": row["tools"] or []} | _about(row), trained, size(said))


def _preference(row: Row) -> Iterator[Written]:
    without_tools(row)
    sides = [{"rank": rank, "completion": plain(row[name])} for rank, name in enumerate(("chosen", "rejected"))]
    trained = size(row["chosen"]) + size(row["rejected"])
    made = {"context": plain(row["messages"]), "completions": sides} | _about(row)
    yield Written(made, trained, trained + 2 * size(row["messages"]))


def _rated(row: Row) -> tuple[str, Messages, dict[str, int]]:
    """System prompt, turns and the attributes that SteerLM knows. Raises Unsayable."""
    without_tools(row)
    given = {name: value for name in ATTRIBUTES if (value := (row["attributes"] or {}).get(name)) is not None}
    if not given:
        raise Unsayable("no_attributes")
    said = plain([*row["messages"], *row["completion"]])
    system = said.pop(0)["content"] if said[0]["role"] == "system" else ""
    if [message["role"] for message in said] != ["user", "assistant"]:
        raise Unsayable("several_turns")
    return system, said, given


def _steerlm(row: Row) -> Iterator[Written]:
    system, (asked, answer), given = _rated(row)
    label = ",".join(f"{name}:{value}" for name, value in given.items())
    turns = [
        {"from": "User", "value": asked["content"], "label": None},
        {"from": "Assistant", "value": answer["content"], "label": label},
    ]
    made = {"system": system, "mask": "User", "type": "VALUE_TO_TEXT", "conversations": turns}
    yield Written(
        made | {"id": row["id"], "split_group": row["split_group"]}, size([answer]), size([asked, answer]) + len(system)
    )


def _regression(row: Row) -> Iterator[Written]:
    system, (asked, answer), given = _rated(row)
    text = f"<extra_id_0>System\n{system}\n<extra_id_1>User\n{asked['content']}\n"
    text += f"<extra_id_1>Assistant\n{answer['content']}\n<extra_id_2>"
    label = [float(given.get(name, MISSING)) for name in ATTRIBUTES]
    made = {"text": text, "label": label, "id": row["id"], "split_group": row["split_group"]}
    yield Written(made, size([answer]), size([asked, answer]) + len(system))


FORMATS = (
    Format("nemo_rl_sft", "chat", RL, None, _sft),
    Format("nemo_rl_preference", "preference", RL, None, _preference),
    Format("nemo_steerlm", "answer", ALIGNER, None, _steerlm),
    Format("nemo_steerlm_reward", "answer", ALIGNER, None, _regression),
)
