"""One generated row: every column that the generator may write, explained once.

A row is one dialogue up to one answer that was asked for, with everything that made it: the seed it came from, the machine-readable
spec, the prompt, the model by revision and weight hash, what every verifier found, and what its licences oblige to. Nested
values whose keys differ from row to row (specs, messages, tool schemas, evidence) are JSON text: Arrow would fill the keys that a
row lacks with nulls, and a trainer would read `null` where a tool has no such argument. What has fixed keys is a list of structs.

Identity. `id` is a hash of the sample's content key and the task's name, so it depends on what was asked of whom and not on a run;
a program-made answer has the hash of its prompt and text instead. Rows of one prompt share `prompt_key`.
"""

from collections.abc import Iterable

import pyarrow as pa

from curation.document import KEY, Column, Reason

VERIFICATION = pa.struct(
    [
        ("turn", pa.int32()),
        ("verifier", pa.string()),
        ("version", pa.string()),
        ("verdict", pa.string()),
        ("score", pa.float32()),
        ("evidence", pa.large_string()),
        ("hard", pa.bool_()),
        ("ms", pa.float32()),
    ]
)
"""What one verifier found about one turn: verdict pass | fail | abstain, score in [0, 1] or null, evidence as JSON text."""

JUDGEMENT = pa.struct(
    [
        ("judge", pa.string()),
        ("revision", pa.string()),
        ("weights", pa.string()),
        ("rubric", pa.string()),
        ("order", pa.string()),
        ("verdict", pa.string()),
        ("score", pa.float32()),
        ("raw", pa.large_string()),
        ("completion_key", KEY),
    ]
)
"""What one judge said in one order: verdict win | loss | tie | inconsistent, its text as it came, the key of its completion."""

TURN = pa.struct([("index", pa.int32()), ("verdict", pa.string()), ("train", pa.bool_())])
"""One assistant turn: place in `messages`, pass | fail | abstain | unverified, and whether a trainer may learn from it."""

AUTHOR = pa.struct(
    [
        ("model", pa.string()),
        ("revision", pa.string()),
        ("weights", pa.string()),
        ("role", pa.string()),
        ("verified", pa.bool_()),
        ("licence", pa.string()),
        ("status", pa.string()),
    ]
)
"""A model in a row's provenance: role generator | judge | reward | upstream; licence and status (allow | conditional | deny) by the
policy, whose version the manifest names."""

SEED = pa.struct(
    [
        ("kind", pa.string()),
        ("id", pa.string()),
        ("use", pa.string()),
        ("licence", pa.string()),
        ("rights_basis", pa.string()),
        ("host", pa.string()),
        ("digest", KEY),
        ("topic", pa.string()),
    ]
)
"""What a row grew from: kind document | persona | topic | template | instruction (a row of an imported set, its id origin, file and
number); use embeds | derives | topic. digest: of a passage's text, masked; topic: the one that its page was found to be about."""

_IDENTITY = [
    Column("id", KEY, "identity of the row, 128 bits"),
    Column(
        "prompt_key", KEY, "hash of spec, messages and tools: rows with the same one are answers to the same question"
    ),
    Column(
        "twin", KEY, "name that instances drawn alike share: an answerable question and the same one without its answer"
    ),
    Column("task", pa.string(), "the task that made it, e.g. summarise, function_call"),
    Column("function", pa.string(), "the function of an assistant that it teaches; quotas count by it"),
    Column("domain", pa.string(), "subject domain, e.g. medical, local_government; null for none"),
    Column("lang", pa.string(), "ISO 639-1 code of the language that the answer is to be in"),
    Column("round", pa.int32(), "round of the plan that asked for it, from 0"),
    Column(
        "split", pa.string(), "train | test_only: wordings and constraints kept for evaluation never enter training"
    ),
]

_ORIGIN = [
    Column("seeds", pa.list_(SEED), "what it grew from and how each was used"),
    Column("template", pa.string(), "id of the wording that the prompt was made with; null for an imported row"),
    Column(
        "wording_state", pa.string(), "draft | reviewed: state of that wording when the prompt was made; null likewise"
    ),
    Column(
        "spec", pa.large_string(), "machine-readable spec as JSON: constraints with parameters, and the turn it judges"
    ),
    Column("spec_version", pa.string(), "version of the task's spec"),
    Column("constraints", pa.list_(pa.string()), "ids of the constraints in the spec"),
]

_TEXT = [
    Column(
        "messages",
        pa.large_string(),
        "the whole message list as JSON in OpenAI's form, the answer last; calls are `tool_calls`, their arguments JSON text",
    ),
    Column("tools", pa.large_string(), "tool schemas as JSON, as in OpenAI's `tools`; null where no tool was offered"),
    Column("answer", pa.large_string(), "the last assistant turn's text as it was said, calls included"),
    Column(
        "answer_origin",
        pa.string(),
        "model | program | human | imported: who wrote the answer; imported where the policy does not say",
    ),
    Column("turns", pa.list_(TURN), "each assistant turn's verdict, and whether it trains"),
]

_GENERATION = [
    Column("completion_key", KEY, "key of the answer in the store; null for answers that no model wrote"),
    Column("model", pa.string(), "the policy's name of the model; null for answers that no model wrote"),
    Column("revision", pa.string(), "commit or version of its weights"),
    Column(
        "weights", pa.string(), "SHA-256 of its files, or `declared:…` behind a server that was not started by the run"
    ),
    Column("verified", pa.bool_(), "the weights were hashed and the engine started by the run itself"),
    Column("engine", pa.string(), "engine and version, e.g. llama_cpp 2026.10.11549"),
    Column(
        "quantisation", pa.string(), "of weights and computation, as the engine says it, e.g. Q4_1; empty for none said"
    ),
    Column("adapter", pa.string(), "SHA-256 of a LoRA adapter; empty for none"),
    Column("chat_template", pa.string(), "SHA-256 of a chat template in place of the model's own; empty for its own"),
    Column("sampling", pa.large_string(), "sampling parameters as JSON"),
    Column("structure", pa.large_string(), "JSON schema, choice or regex that held the answer, as JSON; null for none"),
    Column("seed", pa.int64(), "31-bit seed of this sample"),
    Column("sample", pa.int32(), "number of the sample among those asked for, from 0"),
    Column("finish", pa.string(), "stop | length | tool_calls | content_filter"),
    Column("prompt_tokens", pa.int32(), "tokens of the prompt, as the engine counted; null where it does not say"),
    Column("completion_tokens", pa.int32(), "tokens of the answer, likewise"),
    Column("logprob_mean", pa.float32(), "mean natural log-probability of the answer's tokens; null unless asked"),
]

_MEASURED = [
    Column("verdict", pa.string(), "pass | fail | abstain | unverified over all verifiers of the answer"),
    Column("verifications", pa.list_(VERIFICATION), "what each verifier found"),
    Column("judgements", pa.list_(JUDGEMENT), "what each judge said, in both orders"),
    Column("cluster", KEY, "label of its cluster among all accepted instructions; null before novelty is measured"),
    Column(
        "contamination",
        pa.list_(pa.string()),
        "evaluation items that it holds something of, as `set:item part share`; empty for none",
    ),
]

_RIGHTS = [
    Column("authors", pa.list_(AUTHOR), "every model in the row's provenance, judges and upstream models included"),
    Column("licence_status", pa.string(), "allow | conditional | deny: the strictest of all authors and seeds"),
    Column("obligations", pa.large_string(), "union of all obligations as JSON: what a release must do"),
]

COLUMNS: dict[str, Column] = {c.name: c for c in _IDENTITY + _ORIGIN + _TEXT + _GENERATION + _MEASURED + _RIGHTS}
"""Every column by name, in the order in which shards hold them."""

RUN_COLUMNS = ("round", "verifications.ms")
"""What is about the run and not the row: left out of a content hash."""

REASONS: dict[str, Reason] = {
    r.name: r
    for r in (
        Reason("prompt_too_long", "the prompt has more tokens than the model's context", "プロンプトがモデルの文脈長を超える"),
        Reason("refused", "the engine refused the request itself", "エンジンが要求を受け付けない"),
        Reason("malformed_answer", "the engine's answer could not be read", "エンジンの応答が読めない"),
        Reason("malformed_row", "a row of an imported set that is of no known form", "取り込んだ行が既知の形式でない"),
        Reason("deadline", "no answer within the deadline", "期限内に応答がない"),
        Reason("server_error", "the server kept failing on this request", "サーバーがこの要求で失敗し続けた"),
        Reason("empty_answer", "the answer is empty", "回答が空", tier="full"),
        Reason("truncated_answer", "the answer was cut at max_tokens", "回答が max_tokens で途切れた", tier="full"),
        Reason("forbidden_author", "says that a model wrote it whose terms forbid that", "学習利用を禁じるモデルが書いたと名乗る"),
        Reason("personal_data", "personal data that could not be masked", "マスクできない個人情報を含む"),
        Reason("verdict_fail", "a verifier says that it breaks its spec", "検証により仕様を満たさないと判定された", tier="full"),
        Reason("verdict_abstain", "no verifier fails it, and one cannot tell", "検証器が判定を保留した", tier="full"),
        Reason("unverified", "no verifier applies, or the dialogue was not answered to its end", "検証されていない", tier="full"),
        Reason("unaudited_verifier", "a verifier of its spec failed its audit", "監査に合格していない検証器による", tier="full"),
        Reason("draft_wording", "made with a wording that nobody has reviewed", "未査読の文言による"),
        Reason("contaminated", "holds an item of an evaluation set", "評価データの項目を含む"),
        Reason("near_prompt", "its prompt is a near-duplicate of an accepted one", "採用済みの指示とほぼ同じ", tier="full"),
        Reason("same_answer", "its prompt has an accepted row with the same answer", "同じ指示に同じ回答がすでにある"),
        Reason("prompt_answered", "its prompt has as many accepted answers as wanted", "指示ごとの採用数の上限"),
        Reason("quota_met", "its order has all it needs", "割当てに達した"),
        Reason("cap_template", "its template has the share that one may have", "一つの雛形の上限に達した"),
        Reason("cap_host", "its seed's host has the share that one may have", "種文書のホストの上限に達した"),
        Reason("cap_model", "its model has the share that one may have", "一つのモデルの上限に達した"),
        Reason("cap_answer", "its answer has the share that one may have", "同じ回答の上限に達した"),
        Reason("takes_wording", "is to take its passage's topic alone, and shares a long span", "話題だけのはずが種文書と長く一致"),
        Reason("licence_denied", "a model or document in its provenance is denied", "来歴に使用不可のモデルまたは文書がある"),
        Reason("seed_quality", "the document is below the recipe's quality for seeds", "種文書の品質が基準に満たない"),
        Reason("seed_prose", "none of its passages is running text by the recipe's rule", "種文書に地の文といえる段落がない"),
        Reason("seed_length", "the passage is outside the recipe's lengths", "種文書の長さが範囲外"),
        Reason("seed_host_cap", "its host has given as many seeds as one may", "同一ホストからの上限に達した"),
        Reason("seed_cluster_cap", "its near-duplicate cluster has given as many seeds as one may", "同一クラスタからの上限に達した"),
        Reason("seed_stratum_full", "its stratum of topic and length has all the seeds it needs", "話題と長さの層が満たされた"),
        Reason("forgotten", "it was to be forgotten (a tombstone)", "忘却の対象（墓標）"),
        Reason("seed_rights", "its licence or opt-out does not allow this use", "ライセンスまたはオプトアウトにより利用できない"),
    )
}  # fmt: skip
"""Why a generated row or a seed may be rejected without a threshold, by name."""


def schema(names: Iterable[str] | None = None) -> pa.Schema:
    """Arrow schema of the named columns, or of all, in registry order. Raises KeyError for a column that is not registered.

    >>> schema(["answer", "id"]).names
    ['id', 'answer']
    """
    wanted = COLUMNS.keys() if names is None else set(names)
    if unknown := set(wanted) - COLUMNS.keys():
        raise KeyError(f"columns not in synth/dialogue.py: {', '.join(sorted(unknown))}")
    return pa.schema(
        [pa.field(c.name, c.type, metadata={"meaning": c.meaning}) for c in COLUMNS.values() if c.name in wanted]
    )
