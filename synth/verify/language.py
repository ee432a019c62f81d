"""Which language: of the answer, of stretches inside it, and Chinese that a model left in Japanese.

The language of an answer is read by lid.176 (curation.classify); scripts that one language alone uses need no model.
Chinese is told by characters that Japanese does not write (这, 们, 说: in GB 2312 and in no Japanese standard), and by function words
in a sentence without kana.
"""

import re
from functools import cache
from typing import Any, ClassVar, Literal

from pydantic import Field

from synth.verify.answer import LEFT_OUT, Answer
from synth.verify.constraint import Constraint
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, abstained, failed, passed

_ADDRESS = re.compile(r"https?://[!-~]+|[A-Za-z0-9_.+-]{1,64}@[!-~]+")
_KANA = re.compile(r"[ぁ-ゖァ-ヺ]")
_LETTER = re.compile(r"[^\W\d_]")
_SCRIPTS: dict[str, str] = {
    "th": "\u0e00-\u0e7f", "ko": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af", "el": "\u0370-\u03ff", "he": "\u0590-\u05ff",
    "ka": "\u10a0-\u10ff", "hy": "\u0530-\u058f", "ta": "\u0b80-\u0bff", "km": "\u1780-\u17ff", "lo": "\u0e80-\u0eff",
    "my": "\u1000-\u109f", "ja": "ぁ-ゖァ-ヺ",
}  # fmt: skip
"""Scripts that settle the language."""
_SHARED = {
    **dict.fromkeys(("ru", "uk", "bg", "sr", "mn", "kk"), "\u0400-\u04ff"),
    **dict.fromkeys(("ar", "fa", "ur"), "\u0600-\u06ff\u0750-\u077f"),
    **dict.fromkeys(("hi", "mr", "ne"), "\u0900-\u097f"),
    "zh": "一-鿿",
}


@cache
def chinese_characters() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Characters of GB 2312 that no Japanese standard has (simplified forms: 这, 们), and those that only JIS X 0213 has (你, 她).

    >>> sure, doubtful = chinese_characters()
    >>> bool(sure.search("这")), bool(sure.search("国")), bool(doubtful.search("你")), bool(doubtful.search("這"))
    (True, False, True, False)
    """
    sets: tuple[list[str], list[str]] = [], []
    for row in range(0xB0, 0xF8):
        for cell in range(0xA1, 0xFF):
            c = bytes((row, cell)).decode("gb2312", "ignore")
            if c and not c.encode("cp932", "ignore"):
                sets[bool(c.encode("euc_jis_2004", "ignore"))].append(c)
    # 气, 么, 个 stand in JIS X 0208 as parts of characters, not as words
    return re.compile(f"[{''.join(sets[0])}]"), re.compile(f"[{''.join(sets[1])}气么个]")


_FUNCTION = re.compile(r"[的了在是我你他她这那有不们也都就和与及或被把]")
_NEVER_JAPANESE = re.compile(
    r"然后|没有|我是|我的|可以的|(?<![一-鿿])但是|不是(?=[一-鿿])|就是(?=[一-鿿])|一下(?=[，。])"
)
"""Words of Chinese that are written with characters of Japanese and are no Japanese."""
_CLAUSE = re.compile(
    r"(?<![一-鿿])(?:(?:[我你她它]|(?<!の)他)的[一-鿿]{2,}"
    r"|(?:因此|但是|如果|然后|例如|首先|其次|最后)[，,]?[一-鿿]{2,}"  # Japanese has these characters and not these words
    r"|(?=[一-鿿]{5})[一-鿿]*(?:(?<![目標])的是|[我你她它]的|是[我你他她在不很]|不是|也[是不有]|[我你她它]是|[很太]重要)[一-鿿]*)"
)
"""Kanji among which function words stand as no Japanese compound has them."""
_HAN_RUN = re.compile(r"[一-鿿、，。！？：；0-9a-zA-Z\s]{6,}")


@cache
def _lid() -> tuple[Any, Any]:
    from curation.classify import lid_kernel, lid_model

    return lid_kernel.predict_rows, lid_model.load()


def detected(text: str) -> tuple[str, float]:
    """Language and score of a text by lid.176; ("und", 0.0) for a text without letters.

    >>> detected("The rice is polished before it is cooked.")[0]
    'en'
    """
    import numpy as np
    import pyarrow as pa

    from curation.normalise.text_column import text_views

    if not _LETTER.search(text):
        return "und", 0.0
    predict, (labels, *arrays) = _lid()
    number, score = predict(*text_views(pa.array([text], pa.large_string())), 1000, 8, *arrays)
    return ("und", 0.0) if number[0] < 0 else (labels[int(number[0])], float(np.round(score[0], 3)))


class ResponseLanguage(Constraint):
    """The answer is in this language (ISO 639-1). Code and URLs are left out; so are quotations when `except_quotes`.

    share: how much of the letters must be of the language's script, where the script says it. A model's guess below 0.5 abstains.
    """

    kind: ClassVar[str] = "response_language"
    version: ClassVar[int] = 2
    language: str = Field(pattern=r"[a-z]{2,3}")
    except_quotes: bool = False
    share: float = Field(0.8, gt=0, le=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = (answer.own_words if self.except_quotes else answer.prose).replace(LEFT_OUT, " ")
        text = _ADDRESS.sub(" ", text)
        letters = len(_LETTER.findall(text))
        if not letters:
            return failed(Evidence("letters", 0, "at least 1"))
        if self.language == "ja":
            kana = len(_KANA.findall(text)) / letters
            latin = len(re.findall("[A-Za-z]", text)) / letters
            seen = Evidence("kana share", round(kana, 3), "at least 0.1")
            if letters < 6 and kana == 0 and re.search("[一-鿿]", text):
                return abstained(seen)
            if latin > 0.7 or kana < 0.03:
                return failed(seen, score=kana)
            return passed(seen) if kana >= 0.15 and latin < 0.5 else abstained(seen)
        script = _SCRIPTS.get(self.language) or _SHARED.get(self.language) or "A-Za-zÀ-ɏḀ-ỿ\u0300-\u036f"
        own = len(re.findall(f"[{script}]", text)) / letters
        seen = Evidence(f"share of letters of {self.language}", round(own, 3), f"at least {self.share}")
        if own < self.share or (self.language == "zh" and _KANA.search(text)):
            return failed(seen, score=0.9 * own)
        if self.language in _SCRIPTS:
            return passed(seen)
        if self.language == "zh" and (simplified := chinese_characters()[0].findall(text)):
            return passed(
                seen, Evidence("simplified characters", "".join(simplified[:5]))
            )  # few words may look Japanese
        found, score = detected(re.sub(r"\s+", " ", text))
        said = Evidence("language", f"{found} ({score})", self.language)
        if found == self.language:
            return passed(seen, said) if score >= 0.5 else abstained(seen, said)
        return failed(seen, said) if score >= 0.5 and letters >= 20 else abstained(seen, said)


class CodeSwitching(Constraint):
    """A Japanese answer does not go over into another language: no run of `words` Latin words, no letters of a foreign script.

    Code, URLs and quotations are left out; words of the prompt may be used, and one or two Greek letters or one Cyrillic letter (Д)
    are signs. A name in Title Case (Microsoft Visual Studio Code) of at most eight words passes before a particle, and abstains
    elsewhere.
    """

    kind: ClassVar[str] = "code_switching"
    version: ClassVar[int] = 3
    words: int = Field(4, ge=2)
    allow_scripts: tuple[Literal["cyrillic", "greek", "hangul", "arabic", "thai", "devanagari"], ...] = ()

    _FOREIGN: ClassVar[dict[str, str]] = {
        "cyrillic": "\u0400-\u04ff", "greek": "\u0370-\u03ff", "hangul": "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af",
        "arabic": "\u0600-\u06ff", "thai": "\u0e00-\u0e7f", "devanagari": "\u0900-\u097f",
    }  # fmt: skip

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = _ADDRESS.sub(lambda m: LEFT_OUT * len(m[0]), answer.own_words)
        if not _KANA.search(text):
            return failed(Evidence("kana", 0, "a Japanese answer"))
        for name, chars in self._FOREIGN.items():
            least = {"greek": 3, "cyrillic": 2}.get(name, 1)  # αβ and Д are signs too
            m = None if name in self.allow_scripts else re.search(f"[{chars}]{{{least},}}", text)
            if m and m[0] not in prompt.user:
                return failed(Evidence(name, m[0], "Japanese", m.start(), m.end()))
        run = re.compile(rf"[A-Za-z][a-zA-Z'’-]*(?:[ ,]+[A-Za-z][a-zA-Z'’-]*){{{self.words - 1},}}")
        for m in run.finditer(text):
            if m[0] not in prompt.user:
                words = re.split(r"[ ,]+", m[0])
                small = sum(w[0].islower() and w not in _JOINS for w in words)
                found = Evidence("Latin words", m[0][:60], "Japanese", m.start(), m.end())
                # Title Case is a name: of a book, a university, a program
                if small * 2 >= self.words or not any(w[0].isupper() for w in words):
                    return failed(found)
                if small or len(words) > _NAME or not _in_japanese(text, m):
                    return abstained(found)
        return passed()


_NAME = 8
"""Words of a name at most."""
_JOINS = frozenset(("of", "the", "and", "for", "in", "on", "de", "von", "van", "to"))
"""Words that a name in Title Case writes small."""
_PARTICLE = re.compile(
    r"\s*(?:[（(][^（()）\n]*[)）])?\s*(?:[はがをにへでともの、]|から|まで|より|など|として|という|です)"
)


def _in_japanese(text: str, name: re.Match[str]) -> bool:
    """Whether a particle follows, as one does a name in a Japanese sentence."""
    return _PARTICLE.match(text, name.end()) is not None


class NoChinese(Constraint):
    """No Chinese is left in a Japanese answer: no simplified characters, no sentence of Chinese. Quotations are left out.

    A long run of kanji without kana may be a name or 漢文: it abstains unless Chinese function words are in it.
    """

    kind: ClassVar[str] = "no_chinese"
    version: ClassVar[int] = 4

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = answer.own_words
        sure, doubtful = (
            [
                Evidence("character", m[0], "Japanese", m.start(), m.end())
                for m in chars.finditer(text)
                if m[0] not in prompt.user
            ]
            for chars in chinese_characters()
        )
        if sure or len(doubtful) > 2:
            return failed(*sure[:5], *doubtful[:5])
        if (m := _NEVER_JAPANESE.search(text)) and m[0] not in prompt.user:
            return failed(Evidence("Chinese words", m[0], "Japanese", m.start(), m.end()))
        if m := _CLAUSE.search(text):  # of a few words, before Japanese goes on: 需要注意的是，
            return failed(Evidence("run of kanji", m[0], "Japanese", m.start(), m.end()))
        for m in _HAN_RUN.finditer(text):  # a sentence of Chinese whose characters Japanese has too: 他是我的朋友
            han = re.sub(r"[^一-鿿]", "", m[0])
            words = len(_FUNCTION.findall(han))
            if len(han) >= 10 or (len(han) >= 5 and words * 3 >= len(han)):
                at = Evidence("run of kanji", m[0][:40], "Japanese", m.start(), m.end())
                if words >= 3 and words / len(han) > 0.1:
                    return failed(at)
                if words >= 2:
                    return abstained(at)
        return abstained(*doubtful) if doubtful else passed()
