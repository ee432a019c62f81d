"""Generated rows for the benchmark of pairs: prompts with several answers, and among them what must never make a pair.

A prompt has answers of two models and of a program: passing and failing ones, failing ones longer on average and more often as lists,
which is the leak that balancing has to close. Planted among them: the same text passing and failing, a copy in another Unicode form,
near-copies, abstentions, answers of a verifier that failed its audit, of a denied licence, of a draft wording.
"""

from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from curation.place import Place
from curation.provenance import key
from synth.dialogue import schema

BLOCK = 20_000
KINDS = ("char_count", "keitai", "keyword_include")
MODELS = (("lab/large", "1", "a" * 64), ("lab/small", "1", "b" * 64))
FUNCTIONS = ("summarise", "dialogue", "reading", "domain")
_WORDS = (
    "春の朝に町の市場で米と味噌を買いました",
    "川沿いの道を北へ歩くと図書館が見えてきます",
    "申込みの締切は来月の末日となっております",
    "雨の日は室内で本を読むのが好きです",
)


def _text(number: int, length: int, listed: bool) -> str:
    """A text of about so many characters that shares few 5-grams with those of other numbers."""
    made, at = [], number
    while sum(map(len, made)) < length:
        at = (at * 1103515245 + 12345) % (1 << 31)
        made.append(f"{_WORDS[at % len(_WORDS)]}（{at % 99991}）。")
    return "\n".join(f"・{part}" for part in made) if listed else "".join(made)


def write_generation(url: str, rows: int, fingerprint: str, seed: int = 7) -> dict[str, int]:
    """Writes a generation's set of about so many candidates with its manifest. Returns how many of each planted thing there are."""
    place, drawn, planted = Place(url), np.random.default_rng(seed), dict[str, int]()
    files = []
    for number, first in enumerate(range(0, rows, BLOCK)):
        kept, refused = _block(first, min(BLOCK, rows - first), drawn, planted)
        for folder, table in (("data", kept), ("refused", refused)):
            path = Path(url) / folder / f"{number:05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(table, path, compression="zstd", compression_level=1, row_group_size=4096)
            files.append({"path": f"{folder}/{number:05d}.parquet", "rows": len(table)})
    verifiers = dict.fromkeys(KINDS, True) | {"poem": False}
    place.write_json(
        "manifest.json", {"fingerprint": fingerprint, "content": "0", "verifiers": verifiers, "files": files}
    )
    return planted


def _block(first: int, count: int, drawn: np.random.Generator, planted: dict[str, int]) -> tuple[pa.Table, pa.Table]:
    """Ten candidates a prompt: four of either model, a program's, and one that is planted."""
    made: list[dict] = []
    empty = dict.fromkeys(schema().names)
    for i in range(first, first + count):
        prompt, place = divmod(i, 10)
        passing = place == 8 or (place < 8 and drawn.random() < 0.5)
        length = int(drawn.integers(60, 200) + (0 if passing else drawn.integers(0, 120)))
        listed = drawn.random() < (0.2 if passing else 0.4)
        row = _row(
            empty,
            prompt,
            i,
            _text(i, length, listed),
            "pass" if passing else "fail",
            None if place == 8 else MODELS[place // 4 % 2],
        )
        if place == 9:
            _plant(row, made, prompt, planted)
        made.append(row)
    taken = [r for r in made if r["reason"] is None]
    refused = [r for r in made if r["reason"] is not None]
    whole = pa.schema([*schema(), pa.field("reason", pa.string())])
    return (
        pa.Table.from_pylist([{n: r[n] for n in schema().names} for r in taken], schema=schema()),
        pa.Table.from_pylist(refused, schema=whole),
    )


def _row(empty: dict, prompt: int, i: int, text: str, verdict: str, model: tuple[str, str, str] | None) -> dict:
    asked = [
        {"content": f"第{prompt}問：{_WORDS[prompt % 4]}について、60字から200字で説明してください。", "role": "user"}
    ]
    messages = [*asked, {"content": text, "role": "assistant"}]
    wrong = KINDS[i % 3] if verdict == "fail" else ""
    over = len(text) > 130
    found = [
        {
            "turn": 1, "verifier": kind, "version": "1", "verdict": "fail" if kind == wrong else "pass",
            "score": 0.4 if kind == wrong else 1.0, "hard": True, "ms": None,
            "evidence": orjson.dumps(
                [{"what": "characters", "found": 300 if over else 20, "wanted": "at least 60 and at most 200"} | NOWHERE]
            ).decode(),
        }
        for kind in KINDS
    ]  # fmt: skip
    authors = (
        []
        if model is None
        else [
            {
                "model": model[0],
                "revision": model[1],
                "weights": model[2],
                "role": "generator",
                "verified": True,
                "status": "allow",
            }
        ]
    )
    return empty | {
        "id": key("bench", i), "prompt_key": key("prompt", prompt), "twin": key("twin", prompt), "task": "written",
        "function": FUNCTIONS[prompt % 4], "lang": "ja", "round": 0, "split": "train", "seeds": [],
        "template": f"written/ask.{prompt % 97}",
        "wording_state": "reviewed", "spec": '{"turns":[{"constraints":[],"turn":1}]}', "spec_version": "1",
        "constraints": list(KINDS),
        "messages": orjson.dumps(messages, option=orjson.OPT_SORT_KEYS).decode(), "answer": text,
        "answer_origin": "program" if model is None else "model",
        "turns": [{"index": 1, "verdict": verdict, "train": verdict == "pass"}],
        "model": model and model[0], "revision": model and model[1], "weights": model and model[2], "verdict": verdict,
        "verifications": found, "judgements": [], "contamination": [], "authors": authors,
        "licence_status": "allow", "obligations": "[]",
        "reason": "verdict_fail" if verdict == "fail" else "quota_met" if i % 3 else None,
    }  # fmt: skip


NOWHERE = {"start": -1, "end": -1}
PLANTED = ("same_text", "nfd_copy", "near_copy", "abstain", "unaudited", "denied", "draft", "normal_form")


def _plant(row: dict, made: list[dict], prompt: int, planted: dict[str, int]) -> None:
    """Makes the last candidate of a prompt one that must never be on a side, or not beside the one before it."""
    what = PLANTED[prompt % len(PLANTED)]
    planted[what] = planted.get(what, 0) + 1
    good = next((r for r in reversed(made[-9:]) if r["verdict"] == "pass" and r["model"] is not None), None)
    text = (good or made[-1])["answer"]
    if good is not None:
        row |= {name: good[name] for name in ("model", "revision", "weights", "authors", "answer_origin")}
    if what == "nfd_copy":
        text = text.replace("が", "か\u3099").replace("で", "て\u3099")
    elif what == "near_copy":
        text = text[:-1] + "！"
    elif what == "normal_form":
        text = text.replace("（", "(").replace("）", ")").replace("。", "． ")
    elif what == "abstain":
        row["turns"][0]["verdict"], row["reason"] = "abstain", "verdict_abstain"
    elif what == "unaudited":
        row["verifications"][0]["verifier"] = "poem"
    elif what == "denied":
        row["licence_status"] = "deny"
    elif what == "draft":
        row["wording_state"] = "draft"
    messages = orjson.loads(row["messages"])
    messages[-1]["content"] = text
    row |= {"messages": orjson.dumps(messages, option=orjson.OPT_SORT_KEYS).decode(), "answer": text}
