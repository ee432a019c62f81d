"""How long: characters, sentences, lines, paragraphs.

A checker and a reader differ about spaces, line ends and what a character is. Where the spec does not say that the wording stated a
policy, all usual ones are counted and a verdict between them is an abstention. What nobody sees (zero width spaces) is not counted.
"""

import re
import unicodedata
from functools import cache
from typing import Any, ClassVar, Literal

from synth.verify.answer import Answer, visible
from synth.verify.bounds import Bounded
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, decided

_SPACE = re.compile(r"\s")
_SIMPLE = re.compile(r"[\t\n\r\x20-\x7e\u3000-\u3029\u3030-\u3098\u309b-\u9fff\uff01-\uff9d]*")


@cache
def _grapheme() -> Any:
    import regex

    return regex.compile(r"\X")


def graphemes(text: str) -> int:
    """User-perceived characters: extended grapheme clusters of UAX #29.

    >>> graphemes("葛󠄀飾"), graphemes("👨‍👩‍👧"), graphemes("か\\u3099"), graphemes("米")
    (2, 1, 1, 1)
    """
    return len(text) if _SIMPLE.fullmatch(text) else sum(1 for _ in _grapheme().finditer(text))


def _readings(policy: str, *open_policies: str) -> tuple[str, ...]:
    return open_policies if policy == "unstated" else (policy,)


class CharCount(Bounded):
    """文字数: characters of the answer.

    spaces, newlines: `count` or `skip` where the wording says so, `unstated` (all readings must agree) where it does not.
    unit: `grapheme` (what a reader sees as one), `code_point` (after NFC), or `unstated`.
    without: `code`, `quotes`: what is not counted. tolerance: characters by which the count may miss and the verdict abstains.
    """

    kind: ClassVar[str] = "char_count"
    version: ClassVar[int] = 3
    spaces: Literal["count", "skip", "unstated"] = "unstated"
    newlines: Literal["count", "skip", "unstated"] = "unstated"
    unit: Literal["grapheme", "code_point", "unstated"] = "unstated"
    without: frozenset[Literal["code", "quotes"]] = frozenset()
    tolerance: int = 0

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = visible(answer.kept(self.without)).strip()
        text = text if unicodedata.is_normalized("NFC", text) else unicodedata.normalize("NFC", text)
        lengths = {
            len(text) if unit == "code_point" else graphemes(text)
            for unit in _readings(self.unit, "code_point", "grapheme")
        }
        counts = lengths
        if blanks := _SPACE.findall(text):
            newlines = blanks.count("\n")
            spaces = len(blanks) - newlines
            counts = {
                length - (newlines if lines == "skip" else 0) - (spaces if blank == "skip" else 0)
                for length in lengths
                for lines in _readings(self.newlines, "count", "skip")
                for blank in _readings(self.spaces, "count", "skip")
            }
        verdict = self.counted("characters", *counts)
        if verdict.outcome == "fail" and self.tolerance and min(map(self._distance, counts)) <= self.tolerance:
            return verdict._replace(outcome="abstain")
        return verdict


class SentenceCount(Bounded):
    """文の数. Headings and unclosed lines (no 。) are counted both ways, so a verdict that depends on them abstains."""

    kind: ClassVar[str] = "sentence_count"
    version: ClassVar[int] = 3

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        whole = answer.sentences
        closed = sum(s.closed for s in whole)
        running = sum(not s.heading for s in whole)
        return self.counted("sentences", *((closed, running, len(whole)) if closed else (running, len(whole))))


class SentenceLength(Bounded):
    """一文の長さ: every sentence has this many characters, its 。 counted and not counted."""

    kind: ClassVar[str] = "sentence_length"
    version: ClassVar[int] = 3

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        wrong, near = [], []
        sentences = [s for s in answer.sentences if not s.heading]
        for s in sentences:
            text = visible(s.text)
            bare = len(text.rstrip("。．！？!?"))
            holds = {self.within(len(text)), self.within(bare)}
            if True not in holds:
                wrong.append(Evidence("sentence of characters", len(text), self.wanted, s.start, s.end))
            elif False in holds:
                near.append(Evidence("sentence of characters", f"{bare}–{len(text)}", self.wanted, s.start, s.end))
        right = 1 - len(wrong) / max(len(sentences), 1)
        readings = [not wrong and bool(sentences), not (wrong or near) and bool(sentences)]
        return decided(readings, *wrong[:5], *near[:5], score=right * 0.99)


class LineCount(Bounded):
    """行数: lines that hold more than white space."""

    kind: ClassVar[str] = "line_count"

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        return self.counted("lines", len(answer.lines))


class LineLength(Bounded):
    """一行の長さ: every line that is not empty has this many characters, white space at its ends aside."""

    kind: ClassVar[str] = "line_length"
    version: ClassVar[int] = 2

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        lengths = [graphemes(visible(line).strip()) for line in answer.lines]
        wrong = [
            Evidence(f"line {i} of characters", n, self.wanted) for i, n in enumerate(lengths, 1) if not self.within(n)
        ]
        return decided([not wrong], *wrong[:5], score=(1 - len(wrong) / len(lengths)) * 0.99)


class ParagraphCount(Bounded):
    """段落の数. separator: `blank` (empty lines), a mark (`***`, on lines of its own or else between the parts), `unstated`.

    Unstated: paragraphs by blank lines, or by line ends where there is no blank line at all; other readings abstain.
    """

    kind: ClassVar[str] = "paragraph_count"
    separator: str = "unstated"

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        if self.separator == "blank":
            return self.counted("paragraphs", len(answer.paragraphs))
        if self.separator == "unstated":
            counts = {len(answer.paragraphs)}
            prose = [p for p in answer.paragraphs if not re.match(r"#{1,6} |(\*{3,}|-{3,})$", p)]
            counts.add(len(prose))
            if len(answer.paragraphs) == 1 and len(answer.lines) > 1:
                counts = {len(answer.lines)}
            return self.counted("paragraphs", *counts)
        parts = separated(answer.stripped, self.separator)
        empty = sum(not part.strip() for part in parts)
        verdict = self.counted("paragraphs", len(parts) - empty)
        if (
            empty and verdict.outcome == "pass"
        ):  # a separator before the first or after the last: tolerated by some readers
            return verdict._replace(outcome="abstain", score=0.5)
        return verdict


class ParagraphLength(Bounded):
    """段落の長さ: every paragraph has this many characters, white space not counted."""

    kind: ClassVar[str] = "paragraph_length"
    version: ClassVar[int] = 2

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        parts = answer.paragraphs
        lengths = [len(_SPACE.sub("", visible(part))) for part in parts]
        wrong = [
            Evidence(f"paragraph {i} of characters", n, self.wanted)
            for i, n in enumerate(lengths, 1)
            if not self.within(n)
        ]
        return decided([not wrong], *wrong[:5], score=(1 - len(wrong) / len(lengths)) * 0.99)


def separated(text: str, separator: str) -> list[str]:
    """Parts between lines that hold only the separator, or between the separators where no such line is.

    A longer run of the same mark is no separator: `***` does not split at `******`.

    >>> separated("一\\n***\\n二", "***"), separated("一***二", "***"), separated("一\\n******\\n二", "***")
    (['一\\n', '\\n二'], ['一', '二'], ['一\\n******\\n二'])
    """
    mark = re.escape(separator)
    around = re.escape(separator[0])
    exact = rf"(?<!{around}){mark}(?!{around})" if len(set(separator)) == 1 else mark
    own_line = re.split(rf"^[^\S\n]*{exact}[^\S\n]*$", text, flags=re.M)
    return own_line if len(own_line) > 1 else re.split(exact, text)
