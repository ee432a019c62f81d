"""What codes of a release are called on its Japanese card; the English one gives the codes, which are English words.

Names that somebody filters by (formats, functions, models, licences) stay what they are in both.
"""

from collections.abc import Mapping

from annotation.review_tasks import NAMES, base, task
from synth.preference import STRATEGY_NAMES

JA: Mapping[str, Mapping[str, str]] = {
    "kind": {"text": "ページ", "chat": "対話", "preference": "選好ペア", "answer": "良否つきの回答", "prompt": "依頼"},
    "origin": {"model": "モデル", "program": "プログラム", "human": "人", "imported": "既存のデータ"},
    "strategy": {name: ja for name, (_, ja) in STRATEGY_NAMES.items()}
    | {"correction": "人による書き直しともとの回答", "ranking": "人がつけた順位"},
    "use": {"embeds": "文面を含む", "derives": "内容をもとにする", "topic": "話題だけを使う"},
    "role": {"generator": "生成", "judge": "判定", "reward": "報酬", "upstream": "上流"},
    "status": {"allow": "許可", "conditional": "条件つき"},
    "task": {
        "preference": "回答の比較", "quality": "回答の質", "correction": "書き直し", "safety": "安全性", "refusal": "断り方",
        "spans": "誤りの印つけ", "ranking": "順位づけ",
    },
    "outcome": {
        "a": "選んだ回答がよい", "b": "選ばなかった回答がよい（入れ替え）", "good": "そのまま使える", "bad": "使えない",
        "keep": "直さない", "fixed": "直した", "rewritten": "書き直した", "safe": "安全", "none": "誤りはない",
        "answers": "応じている（問題ない）", "declines": "断っている（適切）", "over": "断りすぎ",
        "under": "断るべきなのに応じている", "same": "同じ", "both_bad": "どちらも悪い", "cannot_tell": "判断できない",
        "fixable": "直せば使える", "doubtful": "注意が必要", "harmful": "有害", "marked": "誤りに印がある", "": "決まらない",
    },
    "method": {
        "single": "一人の答え", "unanimous": "全員一致", "majority": "多数決", "median": "中央値", "dawid_skene": "Dawid–Skene",
        "mace": "MACE", "adjudicated": "裁定", "undecided": "決まらない",
    },
    "scale": {"nominal": "名義", "ordinal": "順序", "interval": "間隔"},
    "obligation": {
        "name_prefix": "モデル名の接頭辞", "notice_contains": "表示に含める文言", "share_alike": "同じ条件での提供",
        "attribution": "著作者の表示", "no_publish": "公開しない", "signoff_by": "承認者の署名",
    },
}  # fmt: skip
"""Kind of code → code → what it is called in Japanese."""


def said(code: str, of: str, language: str) -> str:
    """A code in words; the code itself in English, and where it has none.

    >>> said("human", "origin", "ja"), said("human", "origin", "en"), said("own", "strategy", "ja")
    ('人', 'human', 'own')
    """
    return JA[of].get(code, code) if language == "ja" else code


def asked(question: str, of: str, language: str) -> str:
    """A question of a review task in words; its name in English, and where the task asks it no more.

    >>> asked("verdict", "quality_harmful", "ja")
    'この回答は学習に使えますか'
    """
    if language != "ja" or base(of) not in NAMES:
        return question
    return {one.name: one.title for one in task(base(of)).questions}.get(question, question)
