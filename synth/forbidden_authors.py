"""Rows that name a forbidden author: the assistant calls itself a model of a provider whose terms forbid training on its output.

What other models wrote is often found in sets that do not say so: 「私はOpenAIによって訓練された言語モデルです」.
Such rows are rejected with the words that say it. A text *about* such a provider is no such row: the speaker must speak of itself.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from synth.models import Policy
from synth.verify.disguise import undisguised

_SENTENCE = re.compile(r"(?:[^。．！？!?.\n]|\.(?![\s぀-鿿]|$))+[。．！？!?.]?")
_ASCII_NAME = re.compile(r"^[\x00-\x7f]+$")
_DASHES = re.compile(r"[‐‑‒–—―−]")
_JAPANESE = r"[぀-ヿ㐀-鿿、]"
_GAP = re.compile(rf"(?<={_JAPANESE})[^\S\n]+|[^\S\n]+(?={_JAPANESE})")
"""White space beside a Japanese sign, which separates no words."""

_MADE = (
    r"(?:社|株式会社)?\s*(?:によって|により|に|が|の手で|の)\s*"
    r"(?:開発|訓練|トレーニング|学習|作成|作っ|作ら|構築|設計|提供|生み出)"
)
_OF = r"(?:社|株式会社)?(?:製|によるもの|の)"
_END = r"(?:です|だよ|だ|と申し|と言い|といい|であり|である)"
_BY = r"(?:train|develop|creat|made|built|build|design|power|provid)\w*\s+(?:\w+\s+){0,2}?(?:by|at)\s+"
_SELF = r"(?:私|わたし|わたくし|僕|ぼく|俺|当方|自分|当AI|本AI|当アシスタント|このAI)"
_SELF_JA = rf"(?:{_SELF}(?:は|も|自身は|の名前は|について|、)|(?:として|ですので|なので|であるため)[、,]?)"
_MAKER = (
    rf"{_SELF}の(?:開発元|開発者|開発会社|製作者|制作者|作成者|提供元|作り手|生みの親|中の人)は"
    rf"|{_SELF}を(?:作っ|開発し|訓練し|学習させ|生み出し)たのは"
)
_AI_JA = r"(?:大規模)?(?:言語)?モデル|(?:対話)?AI|人工知能|アシスタント|チャットボット"
_HELLO = r"(?:こんにちは|こんばんは|おはようございます|はじめまして|初めまして|どうも|やあ)[、,!。]?\s*"
_POLITE = r"(?:(?:はい|いいえ|申し訳[^。]{0,20}|ユーザー様?)[、,!]\s*)"
_AT_SERVICE = r"[。!]\s*(?:どうぞ)?(?:よろしく|宜しく|何か|何でも|ご質問|お手伝い|どのような|どんな)"
_BE_EN = r"\b(?:I'm|I am|I was|my name is|call me)\b"
_AS_AI = (
    r"\bas an? (?:AI|artificial intelligence|large|language|helpful|virtual|digital|assistant)\b"
    r"(?! (?:research|engineer|developer\b|expert|user))"
)


def _normal(text: str) -> str:
    """As a reader sees it, one kind of dash, no white space beside Japanese: 「ＯｐｅｎＡＩ に よって」 is 「OpenAIによって」."""
    return _GAP.sub("", _DASHES.sub("-", unicodedata.normalize("NFKC", undisguised(text))))


@dataclass(frozen=True)
class ForbiddenAuthors:
    """Finds rows that name a provider as their author, whose terms forbid training on its models' output."""

    patterns: tuple[tuple[str, re.Pattern[str]], ...]

    @classmethod
    def of(cls, policy: Policy) -> "ForbiddenAuthors":
        """Patterns for all providers that the policy names."""
        found = []
        for provider in policy.providers:
            if not provider["calls_itself"]:
                continue
            names = "|".join(_bounded(name) for name in provider["calls_itself"])
            found.append((provider["name"], re.compile(_said_of_itself(f"(?:{names})"), re.I)))
        return cls(tuple(found))

    def find(self, text: str) -> tuple[str, str] | None:
        """Provider and the sentence that names it as the speaker (normalised: NFKC, no spaces in Japanese), or None."""
        sentences = _SENTENCE.findall(_normal(text))
        for sentence, following in zip_longest(sentences, sentences[1:], fillvalue=""):
            for provider, pattern in self.patterns:
                found = pattern.search(sentence) or pattern.search(sentence + following)
                if found is not None and found.start() < len(sentence):
                    return provider, sentence.strip()
        return None

    def find_in(self, messages: Iterable[Mapping[str, Any]]) -> tuple[str, str] | None:
        """Likewise in every turn of the assistant, not only the last one. messages: with `role` and `content`."""
        said = (str(m.get("content") or "") for m in messages if m.get("role") == "assistant")
        return next((hit for text in said if (hit := self.find(text)) is not None), None)


def _bounded(name: str) -> str:
    """A name's pattern, with word boundaries where it is Latin, so that 'Bard' is not found in 'bombarded'."""
    return rf"(?<![A-Za-z]){name}(?![a-z])" if _ASCII_NAME.match(name) else name


def _said_of_itself(name: str) -> str:
    """The ways in which a speaker names its maker or itself.

    1. first person, then the name as maker or as what it is: 私はOpenAIが開発した…, 私の名前はChatGPTです
    2. the maker with no other subject, ending in what it is: OpenAIによって訓練された言語モデルです, …製のAIです
    3. its maker as such: 私の開発元はOpenAIです
    4. it introduces itself: ChatGPTと申します, こんにちは、Claudeです, Claudeです。よろしく (「Googleです。」 alone is an answer)
    5. whose rules it keeps: OpenAIのポリシーに従い、お答えできません
    6. "As an AI developed by X", "I am X", "I was trained by X", "My creators at X"
    7. the same in Chinese
    """
    head = rf"^[\s「『（(]*(?:{_HELLO}|{_POLITE})?"
    is_it = rf"{name}(?!の双子座)[^はがをで。、]{{0,12}}?{_END}"
    based = rf"{name}[^はがを。]{{0,8}}をベースに(?:して(?:い|お)|構築され)"
    first = rf"(?:{_SELF_JA})[^。]{{0,40}}?(?:{name}(?:{_MADE}|{_OF}[^はがを。]{{0,8}}(?:{_AI_JA}))|{is_it}|{based})"
    alone = rf"{_SELF}、\s*{name}は"
    second = rf"{head}{name}(?:{_MADE}|{_OF})[^。は]{{0,20}}?(?:{_AI_JA})(?:です|として|であ|なの|のため)"
    maker = rf"(?:{_MAKER})、?{name}"
    named = rf"^[\s「『（(]*(?:{_HELLO}{name}(?:です|だよ|だ[。!])|{name}です{_AT_SERVICE})|{head}{name}と申し"
    answers = rf"{name}(?:として|が)お答え(?:し|いたし|致し)"
    rules = (
        rf"{name}(?:社)?の(?:利用規約|規約|ポリシー|使用ポリシー|ガイドライン|方針)(?:に従|により|に基づ|上|のため|に反)"
        r"[^。]{0,20}(?:お答え|回答|お手伝い|対応|応じ|でき)"
    )
    english = [
        rf"(?:{_BE_EN}|{_AS_AI})[^.。]{{0,60}}?{_BY}{name}",
        rf"{_BE_EN}(?: (?:called|named))? {name}(?=[\s,.;!]*(?:$|[,.;!]|an? |and |from |made |by |the ))",
        rf"{_BE_EN} (?:an?|the) (?:\w+ ){{0,4}}?(?:called|named|from) {name}",
        rf"\bI,? {name},",
        rf"\bmy (?:creator|developer|maker|trainer|provider)s?(?: at| is| are|,) {name}",
        rf"^{_BY}{name}, I\b",
    ]
    chinese = rf"我(?:是|由){name}[^。]{{0,12}}(?:开发|训练|開發|訓練|创建|模型)"
    return "|".join((first, alone, second, maker, named, answers, rules, *english, chinese))
