"""One answer, analysed once for all verifiers: each view is computed when first asked for and kept.

Positions are code points of the text as the model wrote it. Views that leave something out (code, quotations) put U+FFFC in its
place, one for each character, so that positions stay true and a sentence that is only a quotation is still a sentence.
"""

import re
import unicodedata
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from synth.verify.sentences import Sentence, sentences_of, unquoted
from synth.verify.verdict import Evidence

if TYPE_CHECKING:
    from synth.verify.morphemes import Morphemes

T = TypeVar("T")
LEFT_OUT = "\ufffc"
"""Stands for a character that a view leaves out."""

_CODE = re.compile(r"^(```|~~~).*?^\1[^\S\n]*$|`[^`\n]+`", re.M | re.S)
_WORD = re.compile(r"[^\W_]")
_SURROGATE = re.compile("[\ud800-\udfff]")
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n\s*")


def folded(text: str) -> str:
    """Text as keywords are compared: NFKC, lower case. Kana and kanji stay what they are.

    >>> folded("ＡＩと㍻と創造性")
    'aiと平成と創造性'
    """
    return nfkc(text).casefold()


_STABLE = (
    r"\t\n\x20-\x7e\u2013-\u2015\u2018-\u201d\u2190-\u2193\u2500-\u27bf"
    r"\u3001-\u3029\u3041-\u3096\u309d\u309e\u30a1-\u30fe\u4e00-\u9fff"
)
"""Characters that NFKC leaves alone whatever stands before them, as the inside of a character class."""
_NARROW = {chr(code): unicodedata.normalize("NFKC", chr(code)) for code in (0x2026, 0x3000, *range(0xFF01, 0xFF5F))}
"""… and the full-width forms of ASCII, which NFKC replaces one by one."""
_WIDE = re.compile(r"[\u2026\u3000\uff01-\uff5e]")
_PLAIN = re.compile(rf"[{_STABLE}\u2026\u3000\uff01-\uff5e]*")


def nfkc(text: str) -> str:
    """Text in NFKC. In usual Japanese only ！？（） and the like change, which costs a twelfth of normalising it.

    >>> nfkc("Ａ４で１０枚…")
    'A4で10枚...'
    """
    if _PLAIN.fullmatch(text):
        return _WIDE.sub(_narrow, text)
    return text if unicodedata.is_normalized("NFKC", text) else unicodedata.normalize("NFKC", text)


def _narrow(match: re.Match[str]) -> str:
    return _NARROW[match[0]]


_UNSEEN = re.compile(
    r"[\x00-\x08\x0e-\x1f\x7f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164\ufeff\uffa0]"
    r"|(?<![\U0001f000-\U0001faff\u2600-\u27bf\ufe0f])\u200d"
    r"|(?<![\U0001f3f4\U000e0020-\U000e007f])[\U000e0000-\U000e007f]+"
)


def visible(text: str) -> str:
    """Text without characters that nobody sees: zero width spaces, soft hyphens, controls, marks of direction.

    Joiners and tags inside emoji stay.

    >>> visible("コ\\u200bメ"), len(visible("👨‍👩‍👧"))
    ('コメ', 5)
    """
    return text if _PLAIN.fullmatch(text) else _UNSEEN.sub("", text)


def squeezed(text: str) -> str:
    """Text without any white space."""
    return "".join(text.split())


def bare(text: str) -> str:
    """Text folded, without white space, the unseen and marks at its ends: what makes two items of a list different.

    >>> bare("「東京」。"), bare("C++ "), bare("……")
    ('東京', 'c++', '')
    """
    return squeezed(folded(visible(text))).strip(_ENDS)


_ENDS = "。．.、,!?:;…・「」『』()（）[]【】\"'“”‘’*_~-"


def hiragana(text: str) -> str:
    """Katakana as hiragana; ー stays.

    >>> hiragana("タンパク質")
    'たんぱく質'
    """
    return text.translate(_HIRAGANA)


_HIRAGANA = {code: code - 0x60 for code in (*range(0x30A1, 0x30F7), 0x30FD, 0x30FE)}


class Answer:
    """The text of an answer and what verifiers see in it.

    A `fault` is set where the answer is no text: bytes that are not UTF-8, or a lone surrogate, with its place.
    """

    def __init__(self, answer: str | bytes, finish_reason: str | None = None):
        self._shared: dict[str, Any] = {}
        self.fault: Evidence | None = None
        self.finish_reason = finish_reason
        """Why the engine stopped: `stop`, `length` …; None where it did not say."""
        if isinstance(answer, bytes):
            try:
                answer = answer.decode()
            except UnicodeDecodeError as error:
                self.fault = Evidence("not UTF-8", f"byte {error.start}", "UTF-8", error.start, error.end)
                answer = answer.decode(errors="replace")
        elif found := _SURROGATE.search(answer):
            self.fault = Evidence("not UTF-8", f"U+{ord(found[0]):04X}", "UTF-8", found.start(), found.end())
            answer = _SURROGATE.sub("\ufffd", answer)
        self.text: str = answer.replace("\r\n", "\n") if "\r" in answer else answer

    @cached_property
    def stripped(self) -> str:
        """Without white space at both ends."""
        return self.text.strip()

    @cached_property
    def has_words(self) -> bool:
        """Holds a letter or a digit, not marks only."""
        return _WORD.search(self.text) is not None

    @cached_property
    def folded(self) -> str:
        """The whole text as keywords are compared (`folded`)."""
        return folded(self.text)

    @cached_property
    def flat(self) -> str:
        """The whole text folded and without white space."""
        return squeezed(self.folded)

    @cached_property
    def nfkc(self) -> str:
        """The whole text in NFKC."""
        return nfkc(self.text)

    @cached_property
    def prose(self) -> str:
        """Without code (fenced blocks, `inline`)."""
        return (
            _CODE.sub(lambda m: LEFT_OUT * len(m[0]), self.text)
            if "`" in self.text or "~~~" in self.text
            else self.text
        )

    @cached_property
    def own_words(self) -> str:
        """Without code and without what stands in 「」, 『』 or “”: what the writer says himself."""
        return unquoted(self.prose, LEFT_OUT)

    @cached_property
    def lines(self) -> list[str]:
        """Lines that hold more than white space."""
        return [line for line in self.text.splitlines() if line.strip()]

    @cached_property
    def paragraphs(self) -> list[str]:
        """Parts between blank lines."""
        return [part for part in _PARAGRAPH.split(self.stripped) if part.strip()]

    @cached_property
    def sentences(self) -> list[Sentence]:
        """Sentences of the prose, headings and list items among them (see `sentences`)."""
        return sentences_of(self.prose)

    @cached_property
    def morphemes(self) -> "Morphemes":
        """SudachiPy's segmentation of the prose, once."""
        from synth.verify.morphemes import Morphemes

        return Morphemes(self.prose)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """What `make` gives, computed when a verifier first asks for this name: several may share it."""
        if name not in self._shared:
            self._shared[name] = make()
        return self._shared[name]

    def kept(self, without: frozenset[str] | set[str] | tuple[str, ...]) -> str:
        """The text without what a spec leaves out: `code`, `quotes`, both or nothing."""
        if "quotes" in without:
            return (self.own_words if "code" in without else unquoted(self.text, LEFT_OUT)).replace(LEFT_OUT, "")
        return self.prose.replace(LEFT_OUT, "") if "code" in without else self.text
