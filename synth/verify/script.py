"""Which characters: ひらがなだけ, カタカナなし, 漢字の数, 全角/半角, 漢数字, ふりがな, 学年の漢字.

Letters decide; marks, white space and symbols do not. Where the wording says nothing of digits, an answer that has some abstains.
A constraint about something (漢数字) is not met by an answer that holds none of it: the vacuity guard abstains.
"""

import re
import unicodedata
from functools import cached_property
from itertools import islice
from typing import ClassVar, Literal

from pydantic import Field

from synth.verify.answer import Answer
from synth.verify.bounds import Bounded
from synth.verify.constraint import Constraint
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, abstained, decided, failed, passed

Script = Literal["hiragana", "katakana", "kanji", "latin", "digit"]
RANGES: dict[str, str] = {
    "hiragana": "ぁ-ゖゝゞゟ𛀁-𛄞",
    "katakana": "ァ-ヺヽヾヿㇰ-ㇿｦ-ﾟ",
    "kanji": "㐀-䶿一-鿿\uf900-\ufaff々〆〇\U00020000-\U0003ffff",
    "latin": "A-Za-zＡ-Ｚａ-ｚÀ-ÖØ-öø-ɏ",
    "digit": "0-9０-９①-⑳",
}
"""Characters of each script, as the inside of a character class. ー belongs to both kana, as in らーめん.

Compatibility ideographs are escaped: an editor that normalises 豈 (U+F900) writes U+8C48, and the range then takes in Hangul.
"""

GRADE_1 = (
    "一右雨円王音下火花貝学気九休玉金空月犬見五口校左三山子四糸字耳七車手十出女小上森"
    "人水正生青夕石赤千川先早草足村大男竹中虫町天田土二日入年白八百文木本名目立力林六"
)
"""The 80 kanji of the first school year (学年別漢字配当表)."""

_SIGN = re.compile("[\u2460-\u24ff\u3200-\u33ff\U0001f100-\U0001f2ff]")
"""Signs that are made of letters: ㌔ ㋐ ㈱ ㍻ ㎏ Ⓐ. To \\w they are no letters."""


def _signs(text: str, script: str) -> list[re.Match[str]]:
    """Signs of a text with a letter of the script in them."""
    return [m for m in _SIGN.finditer(text) if _OF[script].search(unicodedata.normalize("NFKC", m[0]))]


_OF = {name: re.compile(f"[{chars}]") for name, chars in RANGES.items()}
_LETTER = re.compile(r"[^\W_]")
_BARS = {"hiragana": re.compile("[ぁ-ゖ](ー+)"), "katakana": re.compile("[ァ-ヺ](ー+)")}
"""ー after a letter of the script."""
_FURIGANA = re.compile(rf"([{RANGES['kanji']}]+)(?:[（(]([^（）()]*)[）)]|《([^《》]*)》)?")
_RUBY = re.compile(r"<ruby>(.*?)</ruby>", re.S)


class ScriptOnly(Constraint):
    """Letters of these scripts and no others. digits: `allow`, `deny`, or `unstated` (an answer with digits abstains).

    A sign that is made of letters of another script (㌔ in hiragana) abstains.
    """

    kind: ClassVar[str] = "script_only"
    version: ClassVar[int] = 3
    scripts: tuple[Script, ...] = Field(min_length=1)
    digits: Literal["allow", "deny", "unstated"] = "unstated"

    @cached_property
    def _others(self) -> re.Pattern[str]:
        inside = "".join(RANGES[s] for s in (*self.scripts, "digit"))
        return re.compile(rf"[^\W_{inside}ー]")

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        wrong = self._others.findall(answer.text)
        held = sum(bool(_OF[s].search(answer.text)) for s in self.scripts)
        if wrong or not held:
            letters = max(len(_LETTER.findall(answer.text)), 1) if held else 1
            first = islice(self._others.finditer(answer.text), 5)
            places = (Evidence("other letter", m[0], "/".join(self.scripts), m.start(), m.end()) for m in first)
            share = 1 - min(len(wrong) / letters, 1) if held else 0.0
            return failed(*places, Evidence("other letters", len(wrong), 0), score=0.99 * share)
        if "digit" not in self.scripts and self.digits != "allow" and (m := _OF["digit"].search(answer.text)):
            found = Evidence("digit", m[0], "none", m.start(), m.end())
            return failed(found, score=0.9) if self.digits == "deny" else abstained(found)
        for other in ("hiragana", "katakana", "kanji", "latin"):
            if other not in self.scripts and (signs := _signs(answer.text, other)):
                first = signs[0]
                return abstained(Evidence(f"sign of {other}", first[0], "none", first.start(), first.end()))
        return passed()


class ScriptExclude(Constraint):
    """No letter of this script, nor a sign that is made of one (㌔, ㈱). For katakana ー counts only after a katakana."""

    kind: ClassVar[str] = "script_exclude"
    version: ClassVar[int] = 3
    script: Script

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        found = list(_OF[self.script].finditer(answer.text)) or _signs(answer.text, self.script)
        if not found:
            return passed() if _LETTER.search(answer.text) else failed(Evidence("letters", 0, "at least 1"))
        letters = max(len(_LETTER.findall(answer.text)), 1)  # a sign (㌔) is no letter itself
        places = [Evidence(self.script, m[0], "none", m.start(), m.end()) for m in found[:5]]
        return failed(
            Evidence(f"{self.script} letters", len(found), 0), *places, score=0.99 * (1 - min(len(found) / letters, 1))
        )


class ScriptCount(Bounded):
    """How many letters of this script. 々 〆 〇 (漢字) and ー (kana) count both ways: a verdict that depends on them abstains."""

    kind: ClassVar[str] = "script_count"
    version: ClassVar[int] = 2
    script: Script

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        count = len(_OF[self.script].findall(answer.text))
        marks = sum(map(answer.text.count, "々〆〇")) if self.script == "kanji" else 0
        bars = sum(map(len, _BARS[self.script].findall(answer.text))) if self.script in _BARS else 0
        return self.counted(f"{self.script} letters", count + bars, count - marks)


class ScriptShare(Constraint):
    """The share of this script among letters, in percent, between `min` and `max`."""

    kind: ClassVar[str] = "script_share"
    version: ClassVar[int] = 2
    script: Script
    min: float = Field(0, ge=0, le=100)
    max: float = Field(100, ge=0, le=100)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        letters, held = len(_LETTER.findall(answer.text)), len(_OF[self.script].findall(answer.text))
        if not letters:
            return failed(Evidence("letters", 0, "at least 1"))
        share = 100 * held / letters
        without_bar = 100 * held / max(letters - answer.text.count("ー"), 1)
        seen = Evidence(f"{self.script} share", round(share, 2), f"{self.min}–{self.max} %")
        return decided([self.min <= s <= self.max for s in (share, without_bar)], seen)


class Width(Constraint):
    """Digits, Latin letters, katakana or marks in one width only. An answer that has none of them abstains."""

    kind: ClassVar[str] = "width"
    as_written: ClassVar[bool] = True
    what: Literal["digit", "latin", "katakana", "mark"]
    width: Literal["full", "half"]

    _CLASSES: ClassVar[dict[str, tuple[str, str]]] = {
        "digit": ("０-９", "0-9"),
        "latin": ("Ａ-Ｚａ-ｚ", "A-Za-z"),
        "katakana": ("ァ-ヺ", "ｦ-ﾝ"),
        "mark": ("！？（）：；，．＝＋％＆", "!?():;,.=+%&"),
    }

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        full, half = (re.compile(f"[{c}]") for c in self._CLASSES[self.what])
        right, wrong = (full, half) if self.width == "full" else (half, full)
        if found := wrong.search(answer.text):
            return failed(Evidence(f"{self.what} of the other width", found[0], self.width, found.start(), found.end()))
        return passed() if right.search(answer.text) else abstained(Evidence(self.what, 0, "at least 1"))


class Kansuuji(Constraint):
    """Every number in 漢数字: no 算用数字 of any width. An answer without a number (一緒に is none) abstains."""

    kind: ClassVar[str] = "kansuuji"

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        if found := re.search(r"[0-9０-９①-⑳⑴-⒇Ⅰ-Ⅻⅰ-ⅻ]", answer.text):
            return failed(Evidence("number", found[0], "漢数字", found.start(), found.end()))
        text = re.sub(
            r"一(?:番|緒|般|部|方|種|切|応|致|定|見|度に|気に|生懸命|体)|唯一|統一|同一|万一|十分|千切|百貨|八百屋|四季|四国|三味線|五輪",
            "",
            answer.text,
        )
        held = re.search(r"[〇一二三四五六七八九十百千万億兆]", text)
        return passed(Evidence("漢数字", held[0])) if held else abstained(Evidence("numbers", 0, "at least 1"))


class Furigana(Constraint):
    """Every run of kanji has its reading in kana right after it: 漢字（かんじ）. A reading that is no kana fails.

    Whether the reading is right is checked where SudachiPy knows the word: a reading that no segmentation allows makes it abstain.
    """

    kind: ClassVar[str] = "furigana"
    version: ClassVar[int] = 2
    check_readings: bool = False

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = _RUBY.sub(
            lambda m: re.sub(r"<rp>.*?</rp>|</?rb>", "", m[1]).replace("<rt>", "（").replace("</rt>", "）"), answer.text
        )
        runs = list(_FURIGANA.finditer(text))
        if not runs:
            return abstained(Evidence("kanji", 0, "at least 1"))
        wrong, doubtful = [], []
        for m in runs:
            reading = m[2] if m[2] is not None else m[3]
            if reading is None or not re.fullmatch(r"[ぁ-ゖァ-ヺー・\s]+", reading):
                wrong.append(Evidence("kanji without reading", m[1], "（かな）", m.start(), m.end()))
            elif self.check_readings and not _is_reading(m[1], re.sub(r"[・\s]", "", reading), text[m.end() :]):
                doubtful.append(
                    Evidence("reading", f"{m[1]}（{reading}）", "a reading in the dictionary", m.start(), m.end())
                )
        right = 1 - len(wrong) / len(runs)
        return failed(*wrong[:5], score=0.99 * right) if wrong else abstained(*doubtful[:5]) if doubtful else passed()


def _is_reading(kanji: str, reading: str, after: str) -> bool:
    """Whether the dictionary knows the reading, alone or with the 送り仮名 that follow: 飲（の）む."""
    from synth.verify.readings import Fit, fit

    tail = re.match("[ぁ-ゖ]{0,4}", after)
    kana = tail[0] if tail else ""
    return any(fit(kanji + kana[:k], reading + kana[:k]) is Fit.ALLOWED for k in range(len(kana) + 1))


class KanjiWithin(Constraint):
    """Only kanji of a list: `grade_1` (80 kanji), or `allowed` given in the spec, or both. An answer without kanji abstains."""

    kind: ClassVar[str] = "kanji_within"
    version: ClassVar[int] = 2
    grade: Literal[0, 1] = 0
    allowed: str = ""

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        allowed = {*self.allowed, *(GRADE_1 if self.grade else "")}
        found = list(_OF["kanji"].finditer(answer.text))
        wrong = [m for m in found if m[0] not in allowed and m[0] != "々"]
        if wrong:
            places = [Evidence("kanji outside the list", m[0], None, m.start(), m.end()) for m in wrong[:5]]
            return failed(*places, score=0.99 * (1 - len(wrong) / len(found)))
        return passed(Evidence("kanji", len(found))) if found else abstained(Evidence("kanji", 0, "at least 1"))


class LatinCase(Constraint):
    """Latin letters all in upper or all in lower case. An answer without any abstains."""

    kind: ClassVar[str] = "latin_case"
    case: Literal["upper", "lower"]

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        letters = [m for m in _OF["latin"].finditer(answer.text) if m[0].upper() != m[0].lower()]
        wrong = [m for m in letters if (m[0] != m[0].upper()) == (self.case == "upper")]
        if wrong:
            return failed(*(Evidence("letter", m[0], self.case, m.start(), m.end()) for m in wrong[:5]))
        return passed() if letters else abstained(Evidence("Latin letters", 0, "at least 1"))


class EmojiCount(Bounded):
    """How many emoji, each as it is seen: a family or a flag is one."""

    kind: ClassVar[str] = "emoji_count"
    wordless: ClassVar[bool] = True

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        if answer.text.isascii() or not _MAY_BE_EMOJI.search(answer.text):
            return self.counted("emoji", 0)
        import regex

        seen = regex.findall(r"(?=\p{Extended_Pictographic}|\p{RI}|[0-9#*]\uFE0F?\u20E3)\X", answer.text)
        certain = [e for e in seen if regex.search(r"\p{Emoji_Presentation}|\uFE0F|\p{RI}", e)]
        return self.counted("emoji", len(certain), len(seen))


_MAY_BE_EMOJI = re.compile("[©®\u203c-\u3299\ufe0f\U0001f000-\U0001faff]")
