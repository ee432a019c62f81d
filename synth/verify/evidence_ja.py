"""What a verifier found, in Japanese: for people who read reports and do not read code.

Verifiers say what they found in a few English words (`Evidence.what`) with the value found and the value wanted. Here is what each of
them says in Japanese, and every kind by a Japanese name. Text of an answer and names of the spec stay as they are.
"""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_suffix(".yaml")


@cache
def words() -> Mapping[str, Mapping[str, str]]:
    """Names of kinds (`kinds`), of what was found (`what`), and of values that are a verifier's words (`said`)."""
    return yaml.safe_load(FILE.read_text(encoding="utf-8"))


_SCRIPT = {
    "hiragana": "ひらがな",
    "katakana": "カタカナ",
    "kanji": "漢字",
    "latin": "ラテン文字",
    "digit": "数字",
    "mark": "記号",
}
_STYLE = {"keitai": "敬体", "jotai": "常体", "other": "その他の文体", "taigendome": "体言止め"}
_NAMES = _SCRIPT | _STYLE
_SHAPES: tuple[tuple[str, str], ...] = (
    (r"verifier error: (.+)", r"検証器の誤り（\1）"),
    (r"line (\d+) of characters", r"\1 行目の文字数"),
    (r"paragraph (\d+) of characters", r"第 \1 段落の文字数"),
    (r"line (\d+) of morae", r"\1 行目の音数"),
    (r"line (\d+) begins", r"\1 行目の書き出し"),
    (r"paragraph (\d+) begins", r"第 \1 段落の書き出し"),
    (r"line (\d+)", r"\1 行目"),
    (r"item (\d+)", r"\1 番目の項目"),
    (r"word (\d+)", r"\1 番目の語"),
    (r"row (\d+)", r"\1 行目"),
    (r"column (\d+)", r"\1 列目"),
    (r"test (\d+)", r"\1 番目のテスト"),
    (r"case (\d+)", r"\1 番目の例"),
    (r"case (\d+) writes", r"\1 番目の例の出力"),
    (r"fields of row (\d+)", r"\1 行目の項目数"),
    (r"cells of row (\d+)", r"\1 行目のセル数"),
    (r"parts in (.+)", r"\1 で囲んだ部分"),
    (r"occurrences of (.+)", r"「\1」の回数"),
    (r"share of letters of (\w+)", r"\1 の文字の割合"),
    (r"at (\$.*)", r"\1 の値"),
)
_NAMED: tuple[tuple[str, str], ...] = (
    (r"(\w+) share", "{}の割合"),
    (r"(\w+) letters", "{}の文字数"),
    (r"sign of (\w+)", "{}でできた記号"),
    (r"sentences? in (\w+)", "{}の文"),
    (r"(\w+) of the other width", "幅の違う{}"),
)
_COMPILED = tuple((re.compile(shape), said) for shape, said in _SHAPES)
_COMPILED_NAMED = tuple((re.compile(shape), said) for shape, said in _NAMED)

_LIMITS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(shape), said)
    for shape, said in (
        (r"at least (\S+) and at most (\S+)", r"\1 以上 \2 以下"),
        (r"at least (\S+) in (.+)", r"\2 で \1 つ以上"),
        (r"at least (\S+(?: × \S+)?)", r"\1 以上"),
        (r"at most (\S+)", r"\1 以下"),
        (r"exactly (\S+)", r"ちょうど \1"),
        (r"below (\S+)", r"\1 未満"),
        (r"after character (-?\d+)", r"\1 文字目よりあと"),
        (r"begins with (.+)", r"「\1」で始まる"),
        (r"not line (\d+) again", r"\1 行目と違う"),
        (r"(\d+) times", r"\1 回"),
        (r"(.+) and a text", r"\1 と本文"),
        (r"one text for each of (\d+) tests", r"\1 個のテストに一つずつ"),
        (r"(.) open", r"\1 が閉じていない"),
    )
)


def named(kind: str) -> str:
    """A kind of constraint in Japanese; its own name where it has none."""
    return words()["kinds"].get(kind, kind)


def what(said: str) -> str:
    """`Evidence.what` in Japanese; as it is where it is a name of the spec (a path, a tag).

    >>> what("characters"), what("line 3 of morae"), what("katakana letters"), what("$.price")
    ('文字数', '3 行目の音数', 'カタカナの文字数', '$.price')
    """
    if (known := words()["what"].get(said)) is not None:
        return known
    for shape, made in _COMPILED:
        if m := shape.fullmatch(said):
            return m.expand(made)
    for shape, made in _COMPILED_NAMED:
        if m := shape.fullmatch(said):
            return made.format(_NAMES.get(m[1], m[1]))
    return said


def value(said: object) -> str:
    """A value found or wanted in Japanese, where it is a word or a limit of the verifier; else as it is.

    >>> value("at least 60 and at most 100"), value(120), value("none"), value("精米")
    ('60 以上 100 以下', '120', 'なし', '精米')
    """
    text = str(said)
    if (known := words()["said"].get(text)) is not None:
        return known
    return next((m.expand(made) for shape, made in _LIMITS if (m := shape.fullmatch(text))), text)


def told(kind: str, found: Sequence[Mapping[str, Any]]) -> str:
    """What a verifier found, as a line. found: each with the fields of `Evidence`.

    >>> told("char_count", [{"what": "characters", "found": 120, "wanted": "at most 100"}])
    '文字数：120（求めたもの：100 以下）'
    >>> told("keitai", [{"what": "sentence in jotai", "found": "…だ", "wanted": "keitai"}])
    '文体（敬体・常体）：常体の文「…だ」（求めたもの：敬体）'
    """
    return f"{named(kind)}：" + "、".join(_one(named(kind), evidence) for evidence in found)


def _one(name: str, evidence: Mapping[str, Any]) -> str:
    about, seen, wanted = what(evidence["what"]), evidence["found"], evidence["wanted"]
    own = isinstance(seen, str) and value(seen) == seen
    said = "" if seen is None else f"「{seen}」" if own else f" {value(seen)}"
    limit = "" if wanted is None else f"（求めたもの：{value(wanted)}）"
    return ("" if about == name else about) + (said.strip() if about == name else said) + limit
