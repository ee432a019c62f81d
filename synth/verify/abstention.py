"""「分かりません」 on a question that the sources do not answer, and an answer on its answerable twin."""

import re
from typing import ClassVar, Literal

from synth.verify.answer import LEFT_OUT, Answer, nfkc
from synth.verify.constraint import Constraint
from synth.verify.grounding import NUMBER, flat, flat_source
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, abstained, failed, passed

_UNKNOWN = re.compile(
    r"(?:わか|分か|判)(?:り(?:ません|かね)|らない|りません)|(?:記載|記述|言及|情報|説明|手がかり|明記|書かれ)(?:[^。\n]{0,12})(?:ありません|ない|なく|いません|おりません|見当たり|見つかり|無い|無く)"
    r"|(?:答え|お答え|回答|判断|特定|断定)(?:[^。\n]{0,8})(?:できません|できない|できかね|られません|られない|かねます)|不明(?:です|である|だ|$|。)"
    r"|(?:本文|文章|資料|文書|与えられた情報)(?:[^。\n]{0,20})(?:触れられて|含まれて|示されて|述べられて)(?:い(?:ません|ない)|おらず|おりません)|読み取れ(?:ません|ない)|存じません|知りません"
)
_IN_UNKNOWN = (
    *(
        "せん",
        "ない",
        "なく",
        "かね",
        "不明",
        "無い",
        "無く",
        "見当たり",
        "見つかり",
        "おらず",
        "わかり",
        "分かり",
        "判り",
    ),
)
"""One of these stands in everything that `_UNKNOWN` finds."""
_TAKEN_BACK = re.compile(
    r"(?:ない|ません)(?:という)?(?:こと|わけ|訳|もの)(?:では|じゃ|でも|は|も)(?:ありません|ない|なく|ございません)"
    r"|(?:ない|ません|不明だ?)と(?:は|も)?(?:言いたい|いいたい|言うべき|言い(?:ません|ながら|つつ)|思いきや|思ったら|思いましたが)"
)
"""What takes 「分かりません」 back: 分からないわけではありません, 書かれていませんと思ったら."""
_TURNS = re.compile(r"(?:ちなみに|ただ[し、]|しかし|とはいえ|でも、|けれども、)([^。\n]*)")
_ASK = re.compile(r"問い合わせ|確認|確かめ|尋ね|聞いて|お聞き|相談|ご覧|調べ")
_STATES = re.compile(
    r"(?:[^、。\n]{1,30}[はが])?(?P<value>[^、。\nはが]{1,20}?)(?:です|でした|だ|である|だった|となります|になります)[ね]?"
)
_SAYS_NOTHING = re.compile(
    r"い$|以上|残念|ため|から|必要|不明|状況|実情|とおり|通り|確実|確か|幸い|可能|困難|安心|大切|お?すすめ|お?勧め|ところ|もの|の$|こと$|未定|だけ|のみ"
)
_HEDGE = re.compile(
    r"(?:に違いな|に違いあり|と(?:回)?答え(?:ておき|ます)|と推定|常識|普通は|きっと|たぶん|多分|らしい|はずで|と思われ|でしょう|かもしれ|推測|おそらく|恐らく|一般的に|一般に|だと考え)"
)


_ASIDE = re.compile(r"(?:答え|回答|正解)\s*[:：]\s*([^。\n]+)|(?:→|⇒|->)\s*([^。\n]+)|[（(]([^（()）\n]{1,20})[)）]")
_BARE = re.compile(r"(?:答えは)?(?P<value>[^、。\nはがをにで]{1,12}?)(?:です|だ|である)?")


class Abstention(Constraint):
    """On a question that the sources do not answer: says that it cannot be known, and does not answer all the same.

    expect `answer`: the other way round, for the answerable twin. leaks: what an answer would say (the removed one, its variants).
    An answer that says unknown and states what nobody has named (「分かりません。0です。」, 「分かりません。東京です。」) or turns
    round (「ちなみに…」) abstains; one that takes it back (「分からないわけではありません」) does not say unknown.
    """

    kind: ClassVar[str] = "abstention"
    version: ClassVar[int] = 5
    expect: Literal["unknown", "answer"] = "unknown"
    leaks: tuple[str, ...] = ()

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = answer.own_words.replace(LEFT_OUT, "")
        taken_back = False
        for m in reversed(list(_TAKEN_BACK.finditer(text))):
            start, taken_back = max(text.rfind(mark, 0, m.start()) for mark in "。、\n") + 1, True
            text = text[:start] + " " * (m.end() - start) + text[m.end() :]
        says = _UNKNOWN.search(text) if any(word in text for word in _IN_UNKNOWN) else None
        leaked = [Evidence("answers all the same", leak) for leak in self.leaks if flat(leak) in answer.flat]
        seen = Evidence("says unknown", says[0] if says else "no", self.expect, says.start() if says else -1)
        if self.expect == "answer":
            if says is None:
                return passed(seen)
            return abstained(seen) if len(answer.sentences) > 2 else failed(seen)
        if leaked:
            return failed(*leaked, seen)
        if says is None:
            return (
                abstained(seen)
                if re.search(r"書いて(?:い)?ない|載って(?:い)?ない|ないよう|答えられ|難しい|できません", text)
                else failed(seen)
            )
        if hedge := _HEDGE.search(text, says.end()):
            return abstained(seen, Evidence("goes on to guess", hedge[0], None, hedge.start(), hedge.end()))
        if taken_back:
            return abstained(seen, Evidence("takes it back", text.strip()[:40]))
        if aside := _answered_aside(text[says.end() :], prompt):
            return abstained(seen, Evidence("answers beside it", aside, "only what somebody has named"))
        if states := _stated(text[says.end() :], prompt) or _stated_before(text[: says.start()], prompt):
            return abstained(seen, Evidence("goes on to state", states, "only what somebody has named"))
        told = {m[0] for m in NUMBER.finditer(nfkc(f"{prompt.user}\n{prompt.system}"))}
        new = [m[0] for m in NUMBER.finditer(nfkc(text)) if m[0] not in told] if prompt.messages else []
        return (
            abstained(seen, Evidence("states a number", new[0], "none that nobody has named")) if new else passed(seen)
        )


def _stated(rest: str, prompt: Prompt) -> str:
    """What an answer states after 「分かりません」 that the prompt does not name, or turns to; empty where there is nothing."""
    for turn in _TURNS.finditer(rest):
        told = _STATES.fullmatch(turn[1].strip(" 、　"))
        if not _ASK.search(turn[1]) and not (told and _named(told["value"], prompt)):
            return turn[0]
    for part in re.split(r"[。\n!！]|が、|けれ?ど、|ので、", rest):
        if (m := _STATES.fullmatch(part.strip(" 、\u3000"))) is None or _UNKNOWN.search(part):
            continue
        if not _SAYS_NOTHING.search(m["value"]) and not _named(m["value"], prompt):
            return m[0]
    return ""


def _answered_aside(rest: str, prompt: Prompt) -> str:
    """What stands after 「分かりません」 as an answer without a verb: 答え：東京, →東京, （東京）; empty where there is nothing."""
    for m in _ASIDE.finditer(rest):
        said = next(part for part in m.groups() if part is not None).strip(" 。、\u3000")
        if (
            said
            and not _named(said, prompt)
            and not _UNKNOWN.search(said)
            and not re.search(r"な[しい]|ませ?ん|無", said)
        ):
            return m[0].strip()
    return ""


def _stated_before(before: str, prompt: Prompt) -> str:
    """A bare answer that stands before 「分かりません」 as a sentence of its own (東京です。); empty where there is none."""
    parts = before.split("。")[:-1]
    if len(parts) != 1 or (m := _BARE.fullmatch(parts[0].strip())) is None:
        return ""
    return "" if _SAYS_NOTHING.search(m["value"]) or _named(m["value"], prompt) else m[0]


def _named(value: str, prompt: Prompt) -> bool:
    return bool(flat(value)) and flat(value) in flat_source(f"{prompt.user}\n{prompt.system}")
