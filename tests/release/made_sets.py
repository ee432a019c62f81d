"""Sets of rows by hand, as a run leaves them, and a release of them: what trainers must read rightly, and what must not come
through."""

import hashlib
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from curation.parquet_file import write_parquet
from curation.place import Place
from curation.provenance import key
from recipes.engine.release import command
from synth.dialogue import schema
from synth.preference import LABELLED, PAIR, PROMPT
from synth.preference import schema as pair_schema

CONTACT = "data@example.jp"
TARGET = {"model_name": "trial", "purpose": "train_internal", "publish": False}
WEATHER = [
    {"type": "function", "function": {"name": "tenki", "description": "天気を調べる", "parameters": {
        "type": "object", "properties": {"basho": {"type": "string", "enum": ["京都", "札幌"]}}, "required": ["basho"]}}},
]  # fmt: skip
CLOCK = [
    {"type": "function", "function": {"name": "jikan", "description": "時刻を調べる", "parameters": {
        "type": "object", "properties": {"chiiki": {"type": "object", "properties": {"kuni": {"type": "string"}}},
                                         "gozen": {"type": "boolean"}}}}},
]  # fmt: skip
"""Two tools whose schemas have no key in common below `properties`."""
LONG = "精米したての米は香りがよい。🍚" * 2300
"""A text of 100 kB and more in UTF-8."""


def say(role: str, content: str, **more: Any) -> dict:
    """A message."""
    return {"role": role, "content": content, **more}


def call(name: str, turn: int, **arguments: Any) -> dict:
    """An assistant's turn that is a call."""
    function = {"name": name, "arguments": orjson.dumps(arguments).decode()}
    return say("assistant", "", tool_calls=[{"id": f"call{turn:05d}", "type": "function", "function": function}])


def result(turn: int, content: str) -> dict:
    """What a tool said to a call."""
    return say("tool", content, tool_call_id=f"call{turn:05d}")


def seed(page: str, licence: str | None = "CC0-1.0", **more: Any) -> dict:
    """The document that a row grew from."""
    return {
        "kind": "document", "id": key("page", page).hex(), "use": "derives", "licence": licence, "rights_basis": None,
        "host": "komeya.example.jp", "digest": key("text", page), "topic": None,
    } | more  # fmt: skip


def found(kind: str, verdict: str = "pass") -> dict:
    """What one verifier found."""
    return {
        "turn": 1, "verifier": kind, "version": "1", "verdict": verdict, "score": 1.0, "evidence": "[]", "hard": True, "ms": None,
    }  # fmt: skip


def dialogue(name: str, messages: list[dict], train: list[int], tools: list | None = None, **other: Any) -> dict:
    """A generated row, taken."""
    return dict.fromkeys(schema().names) | {
        "id": key("row", name), "prompt_key": key("prompt", name), "twin": key("twin", name), "task": "t", "function": "writing",
        "lang": "ja", "round": 0, "split": "train", "seeds": [], "template": f"t/{name}", "wording_state": "reviewed",
        "spec": '{"turns":[]}', "spec_version": "1", "constraints": [], "messages": orjson.dumps(messages).decode(),
        "tools": None if tools is None else orjson.dumps(tools).decode(), "answer": messages[-1]["content"],
        "answer_origin": "program", "verdict": "pass", "verifications": [found("char_count")], "judgements": [], "contamination": [],
        "turns": [{"index": i, "verdict": "pass", "train": i in train} for i, m in enumerate(messages) if m["role"] == "assistant"],
        "authors": [], "licence_status": "allow", "obligations": "[]",
    } | other  # fmt: skip


def _asked(name: str, prompt: list[dict], kind: dict, tools: list | None, other: dict) -> dict:
    return dict.fromkeys(kind) | {
        "id": key("row", name), "prompt_key": key("prompt", name), "function": "writing", "task": "t", "lang": "ja",
        "template": f"t/{name}", "split": "train", "prompt": orjson.dumps(prompt).decode(), "spec": "[]",
        "tools": None if tools is None else orjson.dumps(tools).decode(), "authors": [], "licence_status": "allow",
        "obligations": "[]",
    } | other  # fmt: skip


def pair(name: str, prompt: list[dict], chosen: dict, rejected: dict, tools: list | None = None, **other: Any) -> dict:
    """A preference pair."""
    sides = {f"{s}_{n}": v for s in ("chosen", "rejected") for n, v in (("origin", "program"), ("id", key(s, name)))}
    said = {"chosen": orjson.dumps([chosen]).decode(), "rejected": orjson.dumps([rejected]).decode()}
    found = {
        "chosen_verdict": "pass",
        "rejected_verdict": "fail",
        "chosen_verifications": [],
        "rejected_verifications": [],
    }
    own = {"strategy": "near_miss", "margin": 0.5, "weight": 1.0, "len_delta": 0, "broken": []}
    return _asked(name, prompt, PAIR, tools, sides | said | found | own | other)


def labelled(name: str, prompt: list[dict], answer: dict, label: bool, tools: list | None = None, **other: Any) -> dict:
    """A labelled answer."""
    own = {
        "completion": orjson.dumps([answer]).decode(),
        "answer_id": key("row", name),
        "origin": "program",
        "label": label,
    }
    return _asked(name, prompt, LABELLED, tools, own | {"weight": 1.0, "verifications": []} | other)


def prompted(name: str, prompt: list[dict], spec: str, tools: list | None = None, **other: Any) -> dict:
    """A prompt with its spec."""
    made = _asked(name, prompt, PROMPT, tools, {"spec": spec} | other)
    return {column: made.get(column) for column in PROMPT}


def _rows(folder: Path, name: str, rows: list[dict], kind: pa.Schema) -> dict:
    table = pa.Table.from_pylist(sorted(rows, key=lambda row: row["id"]), schema=kind)
    return write_parquet(Place(str(folder)), name, table) | {"partition": 0}


def generated(
    folder: Path, rows: list[dict], audited: tuple[str, ...] = ("char_count",), surplus: list[dict] = ()
) -> Path:
    """A generation's set with these rows, and candidates that would have been rows if more had been wanted."""
    file = _rows(folder, "data/00000.parquet", rows, schema())
    files = [file]
    if surplus:
        left = pa.schema([*schema(), ("reason", pa.string())])
        files.append(
            _rows(folder, "refused/00000.parquet", [row | {"reason": "prompt_answered"} for row in surplus], left)
        )
    made = {"generate": {}, "release": {"target": TARGET, "draft_wordings": "refuse"}, "read": "pages"}
    manifest = {
        "made": made, "files": files, "rows_in": len(rows), "rows_out": len(rows), "rejected": {}, "partitions": 1,
        "content": hashlib.sha256(file["sha256"].encode()).hexdigest(), "yields": {}, "quotas": [], "licences": {}, "novelty": {},
        "verifiers": dict.fromkeys(audited, True), "fingerprint": file["sha256"],
    }  # fmt: skip
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    return folder


def paired(folder: Path, pairs: list[dict], kto: list[dict] = (), prompts: list[dict] = ()) -> Path:
    """A set of pairs with its labelled answers and prompts."""
    sets = {}
    for name, rows, kind in (("pairs", pairs, PAIR), ("kto", kto, LABELLED), ("prompts", prompts, PROMPT)):
        file = _rows(folder, f"{name}/00000.parquet", list(rows), pair_schema(kind))
        sets[name] = {"rows": len(rows), "content": file["sha256"], "files": [file]}
    manifest = {
        "kind": "preference pairs", "made": {}, "sets": sets, "files": [f for one in sets.values() for f in one["files"]],
        "rows_in": len(pairs), "rows_out": len(pairs), "verifiers": {"char_count": True}, "fingerprint": "0",
    }  # fmt: skip
    (folder / "manifest.json").write_bytes(orjson.dumps(manifest))
    return folder


def run_of(folder: Path, sets: list[Path], pairs: list[Path]) -> Path:
    """A run's folder with generated sets and sets of pairs that lie in it, as a finished run of the recipe `trial` leaves it."""

    def told(one: Path) -> dict:
        said = orjson.loads((one / "manifest.json").read_bytes())
        return {"name": one.name, "url": one.name} | {key: said[key] for key in ("fingerprint", "rows_in", "rows_out")}

    listed = {"generated": [told(one) for one in sets], "pairs": [told(one) for one in pairs]}
    about = {
        "recipe": "trial",
        "version": "1",
        "fingerprint": "0",
        "finished": "2026-11-26T00:00:00Z",
        "blocks": [],
        "release": "",
    }
    (folder / "run.json").write_bytes(orjson.dumps(about | listed))
    return folder


USER = say("user", "お米の研ぎ方を教えてください。🍙")
CASES: dict[str, dict] = {
    "japanese": dialogue("japanese", [USER, say("assistant", "水を替えながら、やさしく二、三回研ぎます。")], [1]),
    "emoji": dialogue("emoji", [say("user", "絵文字で返事して"), say("assistant", "了解です👩‍🌾🌾✨")], [1]),
    "system": dialogue(
        "system",
        [say("system", "敬体で答えてください。"), say("user", "精米とは？"), say("assistant", "玄米から糠を除くことです。")], [2],
    ),
    "long": dialogue("long", [say("user", "長い文章をください。"), say("assistant", LONG)], [1]),
    "turns": dialogue(
        "turns",
        [say("user", "一"), say("assistant", "壱です。"), say("user", "二"), say("assistant", "弐です。"), say("user", "三"),
         say("assistant", "参です。")], [1, 5],
    ),
    "weather": dialogue(
        "weather",
        [say("user", "京都の天気は？"), call("tenki", 1, basho="京都"), result(1, '{"tenki": "晴れ"}'),
         say("assistant", "京都は晴れです。")], [1, 3], WEATHER,
    ),
    "clock": dialogue(
        "clock",
        [say("user", "パリは午前？"), call("jikan", 1, chiiki={"kuni": "フランス"}, gozen=True)], [1], CLOCK,
    ),
}  # fmt: skip
"""What a trainer must read rightly: Japanese, emoji, a system prompt, 100 kB, several turns of which one is not learnt from,
unequal tools."""

BETTER, WORSE = say("assistant", "玄米から糠を除くことです。"), say("assistant", "知らない。")
PAIRS = [
    pair("p-japanese", [USER], BETTER, WORSE),
    pair("p-long", [say("user", "長い文章をください。")], say("assistant", LONG), WORSE),
    pair("p-turns", [say("user", "一"), say("assistant", "壱"), say("user", "二👍")], say("assistant", "弐です"), WORSE),
    pair("p-weather", [say("user", "京都の天気は？")], call("tenki", 1, basho="京都"), call("tenki", 1, basho="札幌"), WEATHER),
    pair("p-clock", [say("user", "パリは午前？")], call("jikan", 1, gozen=True), say("assistant", "午前です。"), CLOCK),
]  # fmt: skip
RATED = {
    "helpfulness": 4,
    "correctness": 3,
    "coherence": 4,
    "complexity": 1,
    "verbosity": 2,
    "safety": 4,
    "naturalness": 4,
}
ANSWERS = [
    labelled("a-good", [USER], BETTER, True, attributes=RATED),
    labelled("a-bad", [USER], WORSE, False),
    labelled(
        "a-turns", [say("user", "一"), say("assistant", "壱"), say("user", "二👍")], say("assistant", "弐です"), True
    ),
    labelled("a-long", [say("user", "長い文章をください。")], say("assistant", LONG), True),
    labelled("a-weather", [say("user", "京都の天気は？")], call("tenki", 1, basho="札幌"), False, WEATHER),
]
PROMPTS = [
    prompted("q-japanese", [USER], '[{"kind":"char_count","most":100}]'),
    prompted("q-clock", [say("user", "パリは午前？")], '[{"kind":"tool_call_schema"}]', CLOCK),
    prompted("q-nothing", [say("user", "何か話して")], "[]"),
]


def about(folder: Path, **said: Any) -> Path:
    """The file of `--about`."""
    folder.mkdir(exist_ok=True)
    path = folder / "about.yaml"
    path.write_text(
        yaml.safe_dump({"contact": CONTACT, "target": TARGET, **said}, allow_unicode=True), encoding="utf-8"
    )
    return path


def released(folder: Path, sets: list[Path], formats: list[str], labels: Path | None = None, **said: Any) -> dict:
    """The manifest of a release of these sets, in `folder/out`."""
    made = about(folder, **{"name": "trial", "version": "1", "made": "2026-11-26"} | said)
    return command.release([str(one) for one in sets], str(folder / "out"), formats, made, None, labels)


def every_case(folder: Path, formats: list[str], **said: Any) -> dict:
    """A release of all cases, in `folder/out`."""
    sets = [
        generated(folder / "instruct", list(CASES.values())),
        paired(folder / "preference", PAIRS, ANSWERS, PROMPTS),
    ]
    return released(folder, sets, formats, **said)


def rows_of(folder: Path, kind: str = "chat", part: str = "data") -> list[dict]:
    """Canonical rows of a release in `folder/out`, or those that lie beside them (`part` rejected)."""
    files = sorted((folder / "out" / "shards" / kind / part).rglob("*.parquet"))
    return [row for file in files for row in pq.read_table(file).to_pylist()]
