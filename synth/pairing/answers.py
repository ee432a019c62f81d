"""Rows of a generation as answers: every judged turn of an assistant with what it answers, as columns.

A dialogue whose turns were answered one after the other is as many answers as it has judged turns: the first turn of a dialogue that
went well and the first turn of one that failed there answer the same prompt. Only what must be parsed is looked at row by row.
"""

import hashlib
import unicodedata
from typing import Any, NamedTuple

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc

from curation.document import KEY
from synth.dialogue import AUTHOR, JUDGEMENT, VERIFICATION
from synth.messages import text_of

SURPLUS = ("quota_met", "prompt_answered", "cap_template", "cap_host", "cap_model", "cap_answer", "same_answer")
"""Reasons of candidates that would have been rows if more had been wanted: their answers may be chosen."""
UNDECIDED = "verdict_abstain"
"""Reason of candidates of which verifiers could not tell: judges may label them."""
FAILED = ("verdict_fail",)
"""Reasons of candidates whose failing answers may be rejected ones."""

NARROW = (
    "id", "prompt_key", "twin", "function", "template", "split", "messages", "tools", "answer_origin", "model", "revision",
    "weights", "turns", "wording_state", "licence_status", "verifications", "reason",
)  # fmt: skip
"""Columns of a generation's file that pairing itself reads."""

ANSWER = pa.schema(
    [
        ("row", KEY), ("twin", KEY), ("prompt_key", KEY), ("text_key", KEY), ("function", pa.string()), ("task", pa.string()),
        ("domain", pa.string()), ("lang", pa.string()), ("template", pa.string()), ("split", pa.string()), ("document", KEY),
        ("prompt", pa.large_string()), ("tools", pa.large_string()), ("spec", pa.large_string()),
        ("completion", pa.large_string()), ("text", pa.large_string()), ("verdict", pa.string()), ("origin", pa.string()),
        ("model", pa.string()), ("verifications", pa.list_(VERIFICATION)), ("judgements", pa.list_(JUDGEMENT)),
        ("authors", pa.list_(AUTHOR)), ("licence_status", pa.string()), ("obligations", pa.large_string()),
    ]
)  # fmt: skip
"""One answer whole, as it is gathered for the sets and as edits are kept."""


class Turns(NamedTuple):
    """Judged turns of a table of rows: row and turn of each, its verdict, keys of prompt and text, the text, and its UTF-8.

    passed: whether it did; open: whether no verifier could tell. prompt_key, text_key: uint64 [n, 2]. asked: whether the turn before
    it is a user's or a tool's.
    """

    row: np.ndarray
    turn: np.ndarray
    passed: np.ndarray
    open: np.ndarray
    prompt_key: np.ndarray
    text_key: np.ndarray
    asked: np.ndarray
    texts: list[str]
    utf8: list[bytes]


def key_of(*parts: bytes) -> bytes:
    """128 bits of SHA-256 over parts, each after its length."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little") + part)
    return digest.digest()[:16]


def text_key(text: str) -> bytes:
    """Key of an answer's text after NFC: two texts with the same one are byte-equal.

    >>> text_key("が") == text_key("か\\u3099")
    True
    """
    same = text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)
    return hashlib.sha256(same.encode("utf-8", "surrogatepass")).digest()[:16]


def flat(column: pa.ChunkedArray | pa.Array) -> tuple[np.ndarray, pa.Array]:
    """Row of every element of a list column, and the elements."""
    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    whole = pa.concat_arrays([whole]) if whole.offset else whole
    return pc.list_parent_indices(whole).to_numpy().astype(np.int64), pc.list_flatten(whole)


def judged_turns(rows: pa.Table) -> Turns:
    """The turns of rows that passed, failed, or of which no verifier could tell, in the order of the rows."""
    parent, turns = flat(rows.column("turns"))
    verdicts = pa.array(("pass", "fail", "abstain"))
    wanted = pc.is_in(turns.field("verdict"), value_set=verdicts).to_numpy(zero_copy_only=False)
    row, turn = parent[wanted], turns.field("index").to_numpy()[wanted].astype(np.int64)
    verdict = turns.field("verdict").filter(pa.array(wanted))
    messages = rows.column("messages").cast(pa.large_binary()).to_pylist()
    tools = rows.column("tools").cast(pa.large_binary()).to_pylist()
    last = np.append(row[1:] != row[:-1], True) if len(row) else np.zeros(0, bool)
    digests: list[bytes] = []
    texts: list[str] = []
    raw: list[bytes] = []
    asked = np.zeros(len(row), bool)
    sha, normal = hashlib.sha256, unicodedata.is_normalized
    before, digest = (b"", b""), b""
    for i, (r, t, end) in enumerate(zip(row.tolist(), turn.tolist(), last.tolist(), strict=True)):
        prefix, _, text, asked[i] = (end and _last_message(messages[r])) or _message(messages[r], t)
        if before != (before := (prefix, tools[r] or b"")):  # answers to one prompt mostly lie together
            digest = key_of(*before)
        same = text.encode("utf-8", "surrogatepass")
        raw.append(same)
        if not normal("NFC", text):
            same = unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")
        digests += (digest, sha(same).digest()[:16])
        texts.append(text)
    made = np.frombuffer(b"".join(digests), ">u8").astype(np.uint64).reshape(-1, 4)
    passed, undecided = (pc.equal(verdict, said).to_numpy(zero_copy_only=False) for said in ("pass", "abstain"))
    return Turns(row, turn, passed, undecided, made[:, :2], made[:, 2:], asked, texts, raw)


def _message(messages: bytes, turn: int) -> tuple[bytes, bytes, str, bool]:
    """Messages before a turn as JSON, the turn as JSON, its text, and whether the one before it is a user's or a tool's."""
    said = orjson.loads(messages)
    text = text_of(said[turn])
    prefix, answer = (orjson.dumps(part, option=orjson.OPT_SORT_KEYS) for part in (said[:turn], said[turn : turn + 1]))
    return prefix, answer, text, turn > 0 and said[turn - 1]["role"] in ("user", "tool")


def _last_message(messages: bytes) -> tuple[bytes, bytes, str, bool] | None:
    """As `_message` for the last one, without parsing those before it; None where that is not certain.

    In canonical JSON a message begins with its content, and what looks like that inside a text has its quotation marks escaped.
    """
    at = messages.rfind(b',{"content":"')
    if at < 0 or not messages.endswith(b'"role":"assistant"}]') or not messages[:at].endswith(b'"role":"user"}'):
        return None
    try:
        text = orjson.loads(messages[at + 1 : -1])["content"]
    except orjson.JSONDecodeError:  # an object inside a message
        return None
    return messages[:at] + b"]", b"[" + messages[at + 1 :], text, True


class Found(NamedTuple):
    """What verifiers say of each answer, over its hard constraints. fails: how many fail. kind: code of the one that does (of the
    last where several do), -1 for none. score: mean of all. unaudited: whether one of them failed its audit. limit: on which side
    文字数 fails (1 over, -1 under, 0 neither). about: bits of ABOUT for kinds among them."""

    fails: np.ndarray
    kind: np.ndarray
    score: np.ndarray
    unaudited: np.ndarray
    limit: np.ndarray
    about: np.ndarray


ABOUT = {"abstention": 1, "refusal": 2}
"""Bits of kinds of constraint that strategies look for."""


def found_by_verifiers(rows: pa.Table, turns: Turns, audited: frozenset[str], kinds: dict[str, int]) -> Found:
    """Sums up the verifications of each answer. kinds: codes of kinds of constraint, to which new ones are added."""
    n = len(turns.row)
    parent, found = flat(rows.column("verifications"))
    place = parent * 4096 + found.field("turn").to_numpy().astype(np.int64)
    of = turns.row * 4096 + turns.turn
    answer = np.searchsorted(of, place)
    answer[answer == n] = 0
    hard = found.field("hard").to_numpy(zero_copy_only=False).astype(bool)
    mine = (of[answer] == place) & hard if n else np.zeros(len(place), bool)
    names = found.field("verifier").dictionary_encode()
    words = names.dictionary.to_pylist()
    codes = np.array([kinds.setdefault(word, len(kinds)) for word in words] or [0])[names.indices.to_numpy()]
    bad = np.array([word not in audited for word in words] or [False])[names.indices.to_numpy()]
    failed = mine & pc.equal(found.field("verdict"), "fail").to_numpy(zero_copy_only=False)
    score = found.field("score").to_numpy(zero_copy_only=False).astype(np.float64)
    score = np.where(np.isnan(score), np.where(failed, 0.0, 1.0), score)
    fails = np.bincount(answer[failed], minlength=n)
    count = np.maximum(np.bincount(answer[mine], minlength=n), 1)
    kind = np.full(n, -1, np.int32)
    kind[answer[failed]] = codes[failed]
    limit = np.zeros(n, np.int8)
    length = np.flatnonzero(failed & (codes == kinds.get("char_count", -1)))
    for i, said in zip(length.tolist(), found.field("evidence").take(pa.array(length)).to_pylist(), strict=True):
        limit[answer[i]] = side(said)
    unaudited = np.bincount(answer[mine & bad], minlength=n) > 0
    about = np.zeros(n, np.int8)
    for name, bit in ABOUT.items():
        about[answer[mine & (codes == kinds.get(name, -1))]] |= bit
    return Found(fails, kind, np.bincount(answer[mine], score[mine], n) / count, unaudited, limit, about)


def side(evidence: str | None) -> int:
    """On which side of its limits a count lies, from the evidence of a 文字数 verifier: 1 over, -1 under, 0 where it does not say.

    >>> side('[{"what": "characters", "found": 120, "wanted": "at most 100"}]')
    1
    >>> side('[{"what": "characters", "found": "38–40", "wanted": "at least 60 and at most 100"}]')
    -1
    """
    for one in orjson.loads(evidence) if evidence else ():
        if one["what"] == "characters" and isinstance(one["wanted"], str):
            found = int(str(one["found"]).split("–")[0])
            limits = [int(word) for word in one["wanted"].split() if word.isdigit()]
            if limits:
                return 1 if found > max(limits) else -1 if found < min(limits) else 0
    return 0


def whole(rows: pa.Table, at: np.ndarray, turn: np.ndarray, asked: pa.Array | None = None) -> pa.Table:
    """Answers of rows by row number and turn, with the columns of `ANSWER`, in the order in which they are asked for.

    asked: their `prompt_key`, where it need not be made again; then `text` and `text_key` are left out.
    """
    rows = rows.take(pa.array(at))
    messages = rows.column("messages").cast(pa.large_binary()).to_pylist()
    said = [_message_or_last(m, t) for m, t in zip(messages, turn.tolist(), strict=True)]
    prompts = [prompt for prompt, _, _, _ in said]
    own: dict[str, Any] = {"prompt_key": asked}
    if asked is None:
        tools = rows.column("tools").cast(pa.large_binary()).to_pylist()
        found = [key_of(prompt, with_tools or b"") for prompt, with_tools in zip(prompts, tools, strict=True)]
        texts = [text for _, _, text, _ in said]
        own = {"prompt_key": found, "text_key": [text_key(text) for text in texts], "text": texts}
    parent, turns = flat(rows.column("turns"))
    mine = turns.field("index").to_numpy() == turn[parent]
    own |= {
        "row": rows.column("id"),
        "document": _document(rows.column("seeds")),
        "prompt": _text(prompts),
        "spec": _specs(rows.column("spec").to_pylist(), turn.tolist()),
        "completion": _text([completion for _, completion, _, _ in said]),
        "verdict": turns.field("verdict").filter(pa.array(mine)),
        "origin": rows.column("answer_origin"),
        "verifications": _of_turn(rows.column("verifications"), turn),
    }
    kind = ANSWER if asked is None else pa.schema([f for f in ANSWER if f.name not in ("text", "text_key")])
    own |= {f.name: pa.nulls(len(rows), f.type) for f in kind if f.name not in own and f.name not in rows.column_names}
    columns = [own[f.name] if f.name in own else rows.column(f.name) for f in kind]
    made = [
        c if isinstance(c, pa.ChunkedArray | pa.Array) else pa.array(c, f.type)
        for c, f in zip(columns, kind, strict=True)
    ]
    return pa.table(made, schema=kind)


def _message_or_last(messages: bytes, turn: int) -> tuple[bytes, bytes, str, bool]:
    """As `_message`; the quicker way is certain where one assistant's turn alone is there to be meant."""
    alone = messages.count(b'"role":') == turn + 1
    return (alone and _last_message(messages)) or _message(messages, turn)


def _text(parts: list[bytes]) -> pa.Array:
    """Texts from their UTF-8, which was a text before."""
    return pa.array(parts, pa.large_binary()).view(pa.large_string())


def keys(words: np.ndarray) -> pa.Array:
    """Keys from their two words, uint64 [n, 2]."""
    raw = words.astype(">u8").tobytes()
    return pa.Array.from_buffers(KEY, len(words), [None, pa.py_buffer(raw)])


def _specs(specs: list[str], turns: list[int]) -> list[str]:
    """Constraints of each row's turn; answers to one prompt have the same ones, which are looked up once."""
    wanted = list(zip(specs, turns, strict=True))
    known = {one: _spec(*one) for one in dict.fromkeys(wanted)}
    return [known[one] for one in wanted]


def _spec(spec: str, turn: int) -> str:
    turns = orjson.loads(spec)["turns"]
    return orjson.dumps(
        next((t["constraints"] for t in turns if t["turn"] == turn), []), option=orjson.OPT_SORT_KEYS
    ).decode()


def _document(seeds: pa.ChunkedArray) -> pa.Array:
    """Digest of the first document that each row grew from."""
    parent, found = flat(seeds)
    out: list[bytes | None] = [None] * len(seeds)
    kind, digest = found.field("kind").to_pylist(), found.field("digest").to_pylist()
    for i, what, which in zip(reversed(parent.tolist()), reversed(kind), reversed(digest), strict=True):
        out[i] = which if what == "document" else out[i]
    return pa.array(out, KEY)


def _of_turn(verifications: pa.ChunkedArray, turn: np.ndarray) -> pa.Array:
    """Of each row's verifications those of one turn."""
    parent, found = flat(verifications)
    mine = found.field("turn").to_numpy() == turn[parent] if len(parent) else np.zeros(0, bool)
    counts = np.bincount(parent[mine], minlength=len(turn))
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), found.filter(pa.array(mine)), type=pa.list_(VERIFICATION))
