"""Names of private persons, where morphemes and what stands beside them show one.

A name alone says nothing: pages are full of authors, ministers and characters of novels, and those stay. A name is taken only
where it is somebody's entry or somebody's contact: behind a label of a form (氏名：, 担当：, 差出人：), straight before a telephone
number or an e-mail address, or straight behind an address; and only where SudachiPy reads a family name and a given name, or a
family name before 様 or 殿. Conservative on purpose: what it misses is more than what it takes wrongly.
"""

import re
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from curation.normalise.pii.found import Found

LABEL = (
    "(?:氏名|お名前|名前|担当者?名?|投稿者|申込者|申請者|差出人|受取人|名義人?|保護者|世帯主|契約者|患者|記入者|幹事|連絡先|問い?合わせ先?|宛名|本人|"
    "会員|代理人|相続人|被保険者|受給者|応募者)(?:の?氏名|の?名前|名)?"
)
"""Words that stand before the name of somebody in a form, as a regular expression for RE2 and for re."""
_BEHIND_LABEL = re.compile(LABEL + r"(?:[（(]漢字[)）])?[\s:：は]{1,3}(?=[一-鿿ぁ-ん々])")
_ENTRY = re.compile(r"[一-鿿々ぁ-んァ-ヺー]{1,8}(?:[ \u3000][一-鿿々ぁ-んァ-ヺー]{1,6})?")
_BEFORE_CONTACT = re.compile(
    r"([一-鿿々ぁ-んァ-ヺー]{2,16}(?:[ \u3000][一-鿿々ぁ-んァ-ヺー]{1,5})?)[ \u3000]?(?:[（(<＜]|携帯|電話|TEL|[ \u3000:：]){0,3}$"
)
_BEHIND_ADDRESS = re.compile(r"[ \u3000\n]{1,2}(?=[一-鿿々ぁ-んァ-ヺー])")
_NO_GIVEN_NAME = re.compile(
    "[市区町村県府都道郡課係部室局所店社会院園校駅家方様殿氏君はがをにのでとも]$|さん|くん|ちゃん|先生|[はがをにので]"
)
_TITLES = ("様", "殿")
_SPACES = " \u3000"


def person_names(text: str, found: Sequence[Found]) -> Iterator[Found]:
    """Names beside labels of forms, and beside the contacts and addresses that were found.

    >>> [t[p.start:p.end] for t in ["担当：山田 花子、夏目漱石が好き。"] for p in person_names(t, [])]
    ['山田 花子']
    """
    for label in _BEHIND_LABEL.finditer(text):
        yield from _entry(text, label.end())
    for piece in found:
        if piece.type in ("phone", "email"):
            head = max(0, piece.start - 30)
            match = _BEFORE_CONTACT.search(text[head : piece.start])
            if match and (size := _name_at_end(match[1])):
                yield Found("person_name", head + match.end(1) - size, head + match.end(1))
        elif piece.type == "address" and (gap := _BEHIND_ADDRESS.match(text, piece.end)):
            yield from _entry(text, gap.end())


def _entry(text: str, at: int) -> Iterator[Found]:
    said = _ENTRY.match(text, at)
    if said and (size := name_size(said[0], text[said.end() : said.end() + 2].lstrip(_SPACES))):
        yield Found("person_name", at, at + size)


def name_size(said: str, behind: str = "") -> int:
    """Characters of the name at the head of `said`; 0 where there is none. `behind`: what follows it.

    >>> name_size("佐藤太郎 様"), name_size("佐藤"), name_size("佐藤", "様"), name_size("総務課"), name_size("夏休み")
    (4, 0, 2, 0, 0)
    """
    words = _words(said)
    if not words or not _is(words[0], "姓"):
        return 0
    family = len(words[0][0])
    at = 1 + (len(words) > 1 and words[1][0] in _SPACES)
    gap = len(words[1][0]) if at == 2 else 0
    if at < len(words) and words[at][0] not in _TITLES and _is(words[at], "名", "一般", "姓"):
        return family + gap + len(words[at][0])
    rest = "".join(w[0] for w in words[at:])
    if 1 <= len(rest.removesuffix("様")) <= 3 and not _NO_GIVEN_NAME.search(
        rest
    ):  # さくら, 愛: words that are names too
        return family + gap + len(rest.removesuffix("様"))
    following = words[at][0] if at < len(words) else behind
    return family if following.startswith(_TITLES) else 0


def _name_at_end(said: str) -> int:
    words = _words(said)
    if len(words) < 2 or not _is(words[-1], "名", "一般"):
        return 0
    gap = len(words) > 2 and words[-2][0] in _SPACES
    family = words[-3] if gap else words[-2]
    return sum(len(w[0]) for w in words[-3 if gap else -2 :]) if _is(family, "姓") else 0


def _is(word: tuple[str, tuple[str, ...]], *kinds: str) -> bool:
    part = word[1]
    return part[1] == "固有名詞" and part[2] == "人名" and part[3] in kinds


def _words(said: str) -> list[tuple[str, tuple[str, ...]]]:
    return [(m.surface(), m.part_of_speech()) for m in _tokeniser().tokenize(said)]


@cache
def _tokeniser() -> Any:
    import sudachipy

    return sudachipy.Dictionary(dict="core").tokenizer(sudachipy.SplitMode.A)
