"""One released row, whatever it is: every column that a release may hold, explained once.

    text         a page or a passage of one: pretraining
    chat         a dialogue, of which some assistant turns train
    preference   a prompt with a better and a worse answer
    answer       a prompt with one answer, good or bad: KTO and SteerLM
    prompt       a prompt with the spec that verifiers judge answers by: reinforcement learning

A shard set holds rows of one kind and the columns that this kind has. Messages, tools and specs are JSON text for the reason
given in `synth/dialogue.py`. `messages` of a chat is the whole dialogue; of the other kinds it is what comes before the answer,
the last message of a user or a tool. A row's id is that of the row it was made from; what people added has an id of its own.
"""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from curation.document import KEY, Column, Reason
from synth.dialogue import AUTHOR, SEED
from synth.preference import ATTRIBUTE

Row = dict[str, Any]

KINDS = ("text", "chat", "preference", "answer", "prompt")
"""Every kind of row."""

DECISION = pa.struct([("task", pa.string()), ("outcome", pa.string()), ("method", pa.string())])
"""What people decided about a row: review task, outcome, and how it was settled."""

_ALL = [
    Column("id", KEY, "identity of the row it was made from, or of what people wrote"),
    Column("source", pa.string(), "recipe, version and set that it is from"),
    Column("split", pa.string(), "train | validation | test"),
    Column("split_group", KEY, "rows with the same one share a document or a prompt, and are in one split"),
]
_TASK = [
    Column("function", pa.string(), "the function of an assistant that it teaches"),
    Column("task", pa.string(), "the task that made it"),
    Column("domain", pa.string(), "subject domain; null for none"),
    Column("lang", pa.string(), "ISO 639-1 code of the language that the answer is to be in"),
    Column(
        "messages", pa.large_string(), "messages as JSON in OpenAI's form; of a chat all, else those before the answer"
    ),
    Column("tools", pa.large_string(), "tool schemas as JSON; null where none was offered"),
]
_OWN: dict[str, list[Column]] = {
    "text": [
        Column("text", pa.large_string(), "the text"),
        Column("url", pa.large_string(), "where it was found; null where the input does not say"),
        Column("repeat", pa.int32(), "showings in one pass, ≥ 1; null where no cap was applied"),
        Column("licence", pa.string(), "SPDX id of its source's licence; null where none is known"),
        Column("rights_basis", pa.string(), "why the recipe's owner may use it, as declared"),
    ],
    "chat": [
        *_TASK,
        Column("train", pa.list_(pa.int32()), "assistant turns that a trainer may learn from: places in `messages`"),
        Column("origin", pa.string(), "model | program | human | imported: who wrote the last turn"),
        Column("spec", pa.large_string(), "constraints of each judged turn as JSON"),
    ],
    "preference": [
        *_TASK,
        Column(
            "strategy",
            pa.string(),
            "how the pair was made; `correction`: a person's rewrite against what it was; `ranking`: in people's order",
        ),
        Column("chosen", pa.large_string(), "the better turns as JSON: only what comes after `messages`"),
        Column("rejected", pa.large_string(), "the worse turns, likewise"),
        Column("margin", pa.float32(), "how far apart the two are, in [0, 1]; null where nobody says"),
        Column("weight", pa.float32(), "how much the row is to count in a loss"),
        Column("origin", pa.string(), "who wrote the chosen answer"),
        Column("spec", pa.large_string(), "constraints on the turn that follows, as JSON"),
    ],
    "answer": [
        *_TASK,
        Column("completion", pa.large_string(), "the turns after `messages` as JSON"),
        Column("label", pa.bool_(), "true: good; false: bad"),
        Column("weight", pa.float32(), "makes the weighted ratio of true to false what the recipe wants"),
        Column("attributes", ATTRIBUTE, "SteerLM attributes 0 to 4, each null where nobody said it"),
        Column("origin", pa.string(), "model | program | human: who wrote it"),
        Column("spec", pa.large_string(), "constraints on the turn that follows, as JSON"),
    ],
    "prompt": [*_TASK, Column("spec", pa.large_string(), "constraints on the turn that follows, as JSON")],
}
_MADE = [
    Column("verified_by", pa.list_(pa.string()), "kinds of the constraints that programs judged it by"),
    Column("decision", DECISION, "what people decided; null for a row that nobody decided"),
    Column("masked", pa.int32(), "pieces of personal data that were masked at release"),
    Column("seeds", pa.list_(SEED), "what it grew from, with licence and basis"),
]
_RIGHTS = [
    Column("authors", pa.list_(AUTHOR), "every model in the provenance of what the row holds"),
    Column("licence_status", pa.string(), "allow | conditional, by the policy that the manifest names"),
    Column("obligations", pa.large_string(), "union of all obligations as JSON: what whoever uses the row must keep"),
]

COLUMNS: dict[str, dict[str, Column]] = {
    kind: {c.name: c for c in [*_ALL, *_OWN[kind], *([] if kind == "text" else _MADE), *_RIGHTS]} for kind in KINDS
}
"""Columns of each kind, in the order in which shards hold them."""

REASONS: dict[str, Reason] = {
    r.name: r
    for r in (
        Reason("bad_answer", "people say that the answer is not usable", "人が使えない回答と判断した", tier="full"),
        Reason("needs_correction", "people say that it is usable when corrected, and nobody has corrected it",
               "直せば使えると判断されたが、まだ直されていない", tier="full"),
        Reason("bad_request", "people say that the request makes no sense", "依頼そのものが成り立たないと判断された", tier="full"),
        Reason("harmful", "people say that the answer does harm, or declines wrongly", "有害、または断り方が誤りと判断された"),
        Reason("same", "people say that the two answers are equally good", "二つの回答が同じ程度と判断された", tier="full"),
        Reason("both_bad", "people say that both answers are bad", "どちらの回答も悪いと判断された", tier="full"),
        Reason("undecided", "people were asked and came to no decision", "人に尋ねたが決まらなかった", tier="full"),
        Reason("compared_elsewhere", "people compared its two answers in another task, and that makes the pair, or none",
               "同じ二つの回答を人が別の課題で比べており、そちらに従う", tier="full"),
        Reason("rewrite_fails", "a person's rewrite breaks what was asked for", "書き直しが指示の条件を満たさない", tier="full"),
        Reason("personal_data", "without its personal data it is no longer what it was verified to be",
               "個人情報をマスクすると検証した条件が成り立たない"),
        Reason("forbidden_author", "says that a model wrote it whose terms forbid that", "学習利用を禁じるモデルが書いたと名乗る"),
        Reason("unaudited_verifier", "a verifier that judged it did not pass its audit", "監査に合格していない検証器",
               tier="full"),
        Reason("draft_wording", "made with a wording that nobody is known to have reviewed, and the release leaves the house",
               "査読済みと確かめられない文言で作られており、外へ出せない"),
        Reason("licence_denied", "its licence does not allow the release, and it was to be left out", "ライセンスにより公開できない"),
        Reason("nothing_trains", "no turn of it may be learnt from", "学習してよい発話がない", tier="full"),
        Reason("same_id", "a row of this id is there already", "同じ id の行がすでにある"),
        Reason("unreadable", "its messages cannot be read", "メッセージを読めない"),
    )
}  # fmt: skip
"""Why a row is not released, by name. A reason's tier is how much of the row is kept beside the release."""

VERDICT = (
    Column("reason", pa.string(), "why it was left out"),
    Column("detail", pa.string(), "what was found, in words"),
)
"""Columns that a rejected row has beside its own."""

KEPT = ("id", "source", "function", "task", "domain", "lang")
"""What the `key` tier keeps of a rejected row."""


def schema(kind: str, *, verdict: bool = False) -> pa.Schema:
    """Arrow schema of a kind's rows; with `verdict`, of its rejected rows.

    >>> schema("prompt").names[:3]
    ['id', 'source', 'split']
    """
    columns = [*COLUMNS[kind].values(), *(VERDICT if verdict else ())]
    return pa.schema([pa.field(c.name, c.type, metadata={"meaning": c.meaning}) for c in columns])


def rejected(row: Mapping[str, Any], reason: str, detail: str) -> Row:
    """A row as it is kept beside the release: whole, or only its key columns, as the reason's tier says."""
    kept = dict(row) if REASONS[reason].tier == "full" else {name: row.get(name) for name in KEPT}
    return kept | {"reason": reason, "detail": detail[:500]}
