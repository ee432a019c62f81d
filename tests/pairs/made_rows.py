"""Generated rows by hand, named by what must become of them, and a pool that has read them."""

import orjson
import pyarrow as pa

from curation.parquet_file import write_parquet
from curation.place import Place
from curation.provenance import key
from synth.dialogue import schema
from synth.pairing.pool import File, Pool

AUDITED = frozenset(("char_count", "keyword_include", "keitai"))


def row(name: str, prompt: str, text: str, verdict: str, model: str | None = "lab/tiny", **other) -> dict:
    """A candidate of one turn; `fails` names the constraint that it fails."""
    fails = other.pop("fails", "keyword_include" if verdict == "fail" else None)
    evidence = other.pop("evidence", "[]")
    messages = [{"content": prompt, "role": "user"}, {"content": text, "role": "assistant"}]
    found = [
        {
            "turn": 1, "verifier": kind, "version": "1", "verdict": "fail" if kind == fails else "pass",
            "score": 0.5 if kind == fails else 1.0, "evidence": evidence if kind == fails else "[]", "hard": True, "ms": None,
        }
        for kind in ("char_count", "keyword_include")
    ]  # fmt: skip
    made = dict.fromkeys(schema().names) | {
        "id": key("row", name), "prompt_key": key("prompt", prompt), "twin": key("twin", prompt), "task": "t", "function": "writing",
        "lang": "ja", "round": 0, "split": "train", "seeds": [], "template": f"t/{prompt}", "wording_state": "reviewed",
        "spec": '{"turns":[{"constraints":[],"turn":1}]}', "spec_version": "1", "constraints": [],
        "messages": orjson.dumps(messages, option=orjson.OPT_SORT_KEYS).decode(), "answer": text,
        "answer_origin": "program" if model is None else "model", "model": model, "revision": model and "1", "weights": model and "w",
        "turns": [{"index": 1, "verdict": verdict, "train": verdict == "pass"}], "verdict": verdict, "verifications": found,
        "judgements": [], "contamination": [], "authors": [], "licence_status": "allow", "obligations": "[]",
        "reason": "verdict_fail" if verdict == "fail" else "verdict_abstain" if verdict == "abstain" else None,
    }  # fmt: skip
    return made | other


def pool_of(folder, rows: list[dict], drafts: bool = False) -> Pool:
    """A pool that has read the rows."""
    table = pa.Table.from_pylist(rows, schema=pa.schema([*schema(), pa.field("reason", pa.string())]))
    write_parquet(Place(str(folder)), "refused/00000.parquet", table)
    pool = Pool(AUDITED, drafts)
    pool.add(File(str(folder), "refused/00000.parquet"))
    return pool
