"""One preference pair, one labelled answer, one prompt: every column of the three sets, explained once.

    pairs/     (prompt, chosen, rejected): DPO, IPO, reward models with a margin
    kto/       (prompt, completion, label) with weights that give the wanted ratio, and SteerLM attributes
    prompts/   prompts with their machine-readable spec: reinforcement learning with verifiable rewards

A pair has one shared prefix that ends in a user's or a tool's turn; chosen and rejected hold only the turns after it. Message lists
are JSON text for the reason given in `synth/dialogue.py`. A label is true where every verifier passed (or a judge accepted the
answer) and false where one failed; that an answer lost a comparison says nothing about its label.
"""

from collections.abc import Iterable, Sequence

import pyarrow as pa

from curation.document import KEY, Column
from synth.dialogue import AUTHOR, JUDGEMENT, VERIFICATION

SPAN = pa.struct([(name, pa.int32()) for name in ("chosen_start", "chosen_end", "rejected_start", "rejected_end")])
"""Where the two texts differ: code points, ends excluded; calls are in the texts as `synth.messages.text_of` writes them."""

STRATEGIES = ("verified_failed", "program_model", "delta", "jury", "near_miss", "twins", "over_refusal")
"""Every strategy by the name that recipes use."""
EDITED = ("near_miss", "twins", "over_refusal")
"""Strategies whose rejected answer is an edit, proven by opposite verdicts for one constraint."""
UNLIKE = ("verified_failed", "program_model", "delta", "jury")
"""Strategies whose two answers must differ in more than form: never equal after normalisation, never nearly the same."""

ATTRIBUTES = ("helpfulness", "correctness", "coherence", "complexity", "verbosity", "safety", "naturalness")
"""Aspects that a rubric gives 1 to 5; a SteerLM attribute is one less. More complexity or verbosity is never better."""
DESCRIBING = ("complexity", "verbosity")
"""Attributes of which more is never better: no label follows from them."""
ATTRIBUTE = pa.struct([(name, pa.int8()) for name in ATTRIBUTES])
"""0 to 4 each, null where no judge said it."""

_PROMPT = [
    Column("prompt_key", KEY, "hash of prompt and tools: rows with the same one continue the same dialogue"),
    Column("function", pa.string(), "the function of an assistant that it teaches"),
    Column("task", pa.string(), "the task that made the prompt"),
    Column("domain", pa.string(), "subject domain; null for none"),
    Column("lang", pa.string(), "ISO 639-1 code of the language that the answer is to be in"),
    Column("template", pa.string(), "id of the wording that the prompt was made with; caps count by it"),
    Column("split", pa.string(), "train | test_only: what is kept for evaluation never enters training"),
    Column("document", KEY, "digest of the document it grew from, for a split by seed; null for none"),
    Column("prompt", pa.large_string(), "the shared prefix: messages as JSON, the last one of a user or a tool"),
    Column("tools", pa.large_string(), "tool schemas as JSON; null where no tool was offered"),
    Column("spec", pa.large_string(), "constraints on the turn that follows, as JSON: what verifiers judged it by"),
]
_RIGHTS = [
    Column("authors", pa.list_(AUTHOR), "every model in the provenance of what the row holds"),
    Column("licence_status", pa.string(), "allow | conditional: the strictest of all authors and seeds"),
    Column("obligations", pa.large_string(), "union of all obligations as JSON: what a release must do"),
]


def _side(name: str) -> list[Column]:
    return [
        Column(f"{name}", pa.large_string(), f"the {name} turns as JSON: only what comes after the prompt"),
        Column(f"{name}_id", KEY, f"id of the generated row that the {name} answer is from, or hash of an edit"),
        Column(f"{name}_origin", pa.string(), "model | program | human: who wrote it; an edit is a program's"),
        Column(f"{name}_model", pa.string(), "the policy's name of the model; null where no model wrote it"),
        Column(f"{name}_verdict", pa.string(), "pass | fail over its hard constraints"),
        Column(f"{name}_verifications", pa.list_(VERIFICATION), "what each verifier found, with its evidence"),
        Column(f"{name}_judgements", pa.list_(JUDGEMENT), "what each judge said; empty where none was asked"),
    ]


PAIR: dict[str, Column] = {
    c.name: c
    for c in [
        Column("id", KEY, "hash of strategy, prompt, chosen and rejected text"),
        Column("strategy", pa.string(), f"how it was made: {', '.join(STRATEGIES)}"),
        *_PROMPT,
        Column("twin", KEY, "name that a question shares with its twin (answerable and not, harmful and harmless)"),
        *_side("chosen"),
        *_side("rejected"),
        Column(
            "constraint",
            pa.string(),
            "the one constraint that only the rejected answer breaks; null for several or none",
        ),
        Column("broken", pa.list_(pa.string()), "all hard constraints that the rejected answer breaks, sorted"),
        Column(
            "limit",
            pa.string(),
            "over | under: on which side a 文字数 limit is broken; null where that is not the difference",
        ),
        Column("span", SPAN, "where an edit differs from its original; null where the answers were written apart"),
        Column(
            "margin",
            pa.float32(),
            "in [0, 1]: how far the jury leans, where one decided; else by how much the verifiers' mean scores differ, null where "
            "both pass",
        ),
        Column("len_delta", pa.int32(), "characters of chosen less those of rejected"),
        Column(
            "weight", pa.float32(), "how much the row is to count in a loss; 1 where pairs are balanced by matching"
        ),
        *_RIGHTS,
    ]
}
"""Columns of a pair, in the order in which files hold them."""

LABELLED: dict[str, Column] = {
    c.name: c
    for c in [
        Column("id", KEY, "hash of prompt and completion"),
        *_PROMPT,
        Column("completion", pa.large_string(), "the turns after the prompt as JSON"),
        Column("answer_id", KEY, "id of the generated row that it is from, or hash of an edit"),
        Column("origin", pa.string(), "model | program | human"),
        Column("model", pa.string(), "the policy's name of the model; null where no model wrote it"),
        Column(
            "label",
            pa.bool_(),
            "true: every verifier passed, or a judge accepted it; false: one failed, or unacceptable",
        ),
        Column("weight", pa.float32(), "makes the weighted ratio of true to false what the recipe wants"),
        Column("verifications", pa.list_(VERIFICATION), "what each verifier found"),
        Column("attributes", ATTRIBUTE, "SteerLM attributes 0 to 4, each null where no judge said it"),
        *_RIGHTS,
    ]
}
"""Columns of a labelled answer (KTO, SteerLM)."""

PROMPT: dict[str, Column] = {
    c.name: c
    for c in [Column("id", KEY, "hash of prompt and tools"), *(c for c in _PROMPT if c.name != "prompt_key"), *_RIGHTS]
}
"""Columns of a prompt with its spec."""


def schema(columns: dict[str, Column]) -> pa.Schema:
    """Arrow schema of a set's columns, each with its meaning."""
    return pa.schema([pa.field(c.name, c.type, metadata={"meaning": c.meaning}) for c in columns.values()])


def steerlm(scores: Sequence[float | None]) -> int | None:
    """A SteerLM attribute from the scores that judges gave one aspect: their mean less one, rounded; None where nobody gave one.

    Raises ValueError for a score outside 1 to 5.

    >>> steerlm([5, 4]), steerlm([1]), steerlm([None]), steerlm([])
    (4, 0, None, None)
    """
    given = [s for s in scores if s is not None]
    if wrong := [s for s in given if not 1 <= s <= 5]:
        raise ValueError(f"a rubric's score is from 1 to 5, not {wrong[0]}")
    return int(sum(given) / len(given) - 1 + 0.5) if given else None


def attributes(judgements: Iterable[tuple[str, float | None]]) -> dict[str, int | None]:
    """All attributes from what judges said: (rubric, score) with the aspect as the rubric's last part, `ja/mathematics/coherence`.

    >>> attributes([("ja/dialogue/safety", 4.0)])["safety"]
    3
    """
    said: dict[str, list[float | None]] = {name: [] for name in ATTRIBUTES}
    for rubric, score in judgements:
        if (aspect := rubric.rsplit("/", 1)[-1]) in said:
            said[aspect].append(score)
    return {name: steerlm(scores) for name, scores in said.items()}


DROPPED: dict[str, tuple[str, str]] = {
    "same_text": ("the two texts are byte-equal after NFC", "NFC で二つの文が等しい"),
    "other_split": ("one is for training and one for evaluation", "学習用と評価用が混ざる"),
    "twin_answer": ("the rejected text is the other twin's answer", "もう一方の双子への回答"),
    "too_alike": ("the two texts are the same or nearly, after normalisation", "正規化すると同じか、ほぼ同じ"),
    "forbidden_author": (
        "says that a model wrote it whose terms forbid that",
        "学習利用を禁じるモデルが書いたと名乗る",
    ),
    "unbalanced": ("has no mirror image of the opposite difference in length and form", "長さと形式が逆の相手がいない"),
    "cap_template": ("its template has the share that one may have", "一つの雛形の上限に達した"),
    "quota_met": ("its strategy has all the pairs that it wants", "この作り方の必要数に達した"),
}
"""Why a candidate is no pair, by name: in English and in Japanese."""

STRATEGY_NAMES: dict[str, tuple[str, str]] = {
    "verified_failed": ("passed against failed, one model", "同じモデルの合格と不合格"),
    "program_model": ("a program's answer against a model's", "プログラムの正答とモデルの誤答"),
    "delta": ("strong model against weak", "強いモデルと弱いモデル"),
    "jury": ("two that passed, by a jury of models", "どちらも合格、審査団が選んだ"),
    "near_miss": ("a minimal edit that breaks one constraint", "一箇所だけ外した惜しい回答"),
    "twins": ("answerable and unanswerable twins", "答えの有無だけが違う双子"),
    "over_refusal": ("useful answer against over-refusal", "有用な回答と過剰な拒否"),
}
"""Every strategy in words: in English and in Japanese."""
