"""The shape of an answer: sections, paragraphs that begin with a word, emphasis, placeholders, dialogue, labelled lines."""

import re
from typing import ClassVar

from pydantic import Field

from synth.verify.answer import Answer, folded, nfkc
from synth.verify.bounds import Bounded
from synth.verify.constraint import Constraint
from synth.verify.numerals import kanji_number
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, abstained, decided, failed, passed


class ParagraphStart(Constraint):
    """The answer has `paragraphs` paragraphs, blank lines between, and the `nth` (from 1) begins with `word`."""

    kind: ClassVar[str] = "paragraph_start"
    word: str = Field(min_length=1)
    nth: int = Field(1, ge=1)
    paragraphs: int | None = Field(None, ge=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        parts = answer.paragraphs
        if self.paragraphs is not None and len(parts) != self.paragraphs:
            return failed(Evidence("paragraphs", len(parts), self.paragraphs), score=0.3)
        if len(parts) < self.nth:
            return failed(Evidence("paragraphs", len(parts), f"at least {self.nth}"))
        begin = folded(parts[self.nth - 1]).lstrip(' \u3000「『"*')
        if begin.startswith(folded(self.word)):
            return passed(Evidence(f"paragraph {self.nth} begins", begin[: len(self.word)]))
        return failed(Evidence(f"paragraph {self.nth} begins", begin[: len(self.word) + 5], self.word), score=0.5)


class SectionCount(Constraint):
    """The answer has `count` sections that begin with 第1章, 第2章 … (or 節, 項), each at a line's head, in order, none empty."""

    kind: ClassVar[str] = "section_count"
    unit: str = Field("章", min_length=1)
    count: int = Field(ge=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        head = re.compile(
            rf"^[ \t\u3000#*【\[「]*第[ \t]*([0-9０-９一二三四五六七八九十百]{{1,12}})[ \t]*{re.escape(self.unit)}",
            re.M,
        )
        found = list(head.finditer(answer.text))
        numbers = [kanji_number(m[1]) for m in found]
        if numbers != list(range(1, self.count + 1)):
            said = ", ".join(f"第{m[1]}{self.unit}" for m in found) or "none"
            return failed(
                Evidence("sections", said, self.count), score=0.9 * min(len(found), self.count) / (self.count + 1)
            )
        ends = [m.start() for m in found[1:]] + [len(answer.text)]
        for m, end in zip(found, ends, strict=True):
            if not re.search(r"\w", answer.text[m.end() : end]):
                return failed(Evidence(f"第{m[1]}{self.unit}", "empty", "text", m.start(), end), score=0.5)
        return passed(Evidence("sections", len(found), self.count))


class HighlightCount(Bounded):
    """Emphasised parts in these brackets (《》), each with something in it, none inside another.

    The same part twice is counted both ways; enough parts beside a bracket that has no partner abstain.
    """

    kind: ClassVar[str] = "highlight_count"
    version: ClassVar[int] = 2
    brackets: str = Field("《》", min_length=2, max_length=2)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        left, right = map(re.escape, self.brackets)
        found = [m for m in re.finditer(rf"{left}([^{left}{right}\n]+){right}", answer.prose) if m[1].strip()]
        distinct = len({m[1] for m in found})
        verdict = self.counted(f"parts in {self.brackets}", len(found), distinct)
        unpaired = answer.prose.count(self.brackets[0]) != answer.prose.count(self.brackets[1])
        return (
            abstained(Evidence("brackets", "not in pairs", self.brackets))
            if unpaired and verdict.outcome == "pass"
            else verdict
        )


class PlaceholderCount(Bounded):
    """Placeholders in square brackets ([氏名], ［氏名］); Markdown links and check boxes are none."""

    kind: ClassVar[str] = "placeholder_count"

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        found = re.findall(r"[\[［]([^\[\]［］\n]+)[\]］](?!\()", answer.prose)
        held = [f for f in found if f.strip() not in ("", "x", "X") and not re.fullmatch(r"\^?\d+", f.strip())]
        return self.counted("placeholders", len(held), len({f.strip() for f in held}))


class LabelledLines(Constraint):
    """Lines 項目：値 with exactly these labels in this order, each with a value.

    A line 項目：値 with another label directly before, among or after them fails; other lines may stand around them. A value on the
    lines under its label abstains.
    """

    kind: ClassVar[str] = "labelled_lines"
    version: ClassVar[int] = 2
    labels: tuple[str, ...] = Field(min_length=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        wanted = [folded(label) for label in self.labels]
        read = [(text, _LABELLED.match(text)) for text in answer.text.splitlines()]
        found = [
            (i, folded(m[1]), m[2].strip()) for i, (_, m) in enumerate(read) if m is not None and folded(m[1]) in wanted
        ]
        names = [name for _, name, _ in found]
        if names != wanted:
            return failed(
                Evidence("labels", "、".join(names) or "none", "、".join(self.labels)),
                score=0.9 * len(set(names)) / (len(wanted) + 1),
            )
        if others := _other_labels(read, [i for i, _, _ in found], wanted):
            return failed(*(Evidence("another label", other, "、".join(self.labels)) for other in others), score=0.7)
        empty = [(i, name) for i, name, value in found if not value]
        own = {i for i, _, _ in found}
        missing = [name for i, name in empty if i + 1 in own or not any(text.strip() for text, _ in read[i + 1 :])]
        if missing:
            return failed(*(Evidence("label without a value", name) for name in missing), score=0.7)
        # a value may stand on the following lines
        return (
            abstained(*(Evidence("label without a value on its line", name) for _, name in empty))
            if empty
            else passed()
        )


_LABELLED = re.compile(r"[\s・\-*#●]*\*{0,2}([^:：\n]{1,30}?)\*{0,2}\s*[:：]\*{0,2}[^\S\n]*(.*)")


def _other_labels(read: list[tuple[str, re.Match[str] | None]], own: list[int], wanted: list[str]) -> list[str]:
    """Labels that were not asked for, in the block of lines (no blank line between) around those that were.

    A line that is indented further, or that stands under a label without a value, belongs to a value and is none.
    """
    first, last = own[0], own[-1]
    while first > 0 and read[first - 1][0].strip():
        first -= 1
    while last + 1 < len(read) and read[last + 1][0].strip():
        last += 1
    depth = min(_indent(read[i][0]) for i in own)
    found, under_empty = [], False
    for i in range(first, last + 1):
        text, m = read[i]
        label = "" if m is None else m[1].strip()
        if m is not None and folded(m[1]) in wanted:
            under_empty = not m[2].strip()
        elif (
            m is not None
            and not under_empty
            and _indent(text) == depth
            and m[2].strip()
            and not m[2].startswith("//")
            and re.fullmatch(r"(?=.*[^\W\d])[^。、！？「」（）()]{1,12}", label)
        ):
            found.append(label)
    return found


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" \t\u3000"))


class DialogueForm(Bounded):
    """A dialogue: every line is 名前「…」 or 名前：…, the speakers are these, and no one speaks twice running. Counts turns."""

    kind: ClassVar[str] = "dialogue_form"
    version: ClassVar[int] = 2
    speakers: tuple[str, ...] = Field(min_length=2)
    alternate: bool = True

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        speakers = {nfkc(s) for s in self.speakers}
        names = "|".join(re.escape(s) for s in sorted(speakers, key=len, reverse=True))
        turn = re.compile(rf"\s*\*{{0,2}}({names})(?:さん)?\*{{0,2}}\s*(?:[:：]\*{{0,2}}\s*\S|「[^」]+」)")
        turns, last = [], ""
        for line in answer.lines:
            match = turn.match(nfkc(line))
            if match is None:
                return failed(Evidence("line of no speaker", line[:30], " / ".join(self.speakers)), score=0.3)
            if self.alternate and match[1] == last:
                return failed(Evidence("speaks twice", last, "in turn"), score=0.5)
            turns.append(last := match[1])
        if missing := speakers - set(turns):
            return failed(Evidence("says nothing", "、".join(sorted(missing)), "all speakers"), score=0.5)
        return self.counted("turns", len(turns))


class KutotenExclude(Constraint):
    """No 句点 (。．) or no 読点 (、，), or neither. Decimal points and thousands' commas are no 句読点."""

    kind: ClassVar[str] = "kutoten_exclude"
    kuten: bool = False
    touten: bool = False

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        marks = ("。．｡" if self.kuten else "") + ("、，､" if self.touten else "")
        if not marks:
            return abstained(Evidence("spec", "neither kuten nor touten is forbidden"))
        found = [
            m
            for m in re.finditer(f"[{marks}]", answer.text)
            if not re.fullmatch(r"[0-9０-９][．，][0-9０-９]", answer.text[max(m.start() - 1, 0) : m.end() + 1])
        ]
        latin = [
            m
            for m in re.finditer(r"(?<=[ぁ-んァ-ヶ一-龠])[.,]", answer.text)
            if m[0] in (("." if self.kuten else "") + ("," if self.touten else ""))
        ]
        places = [Evidence("mark", m[0], "none", m.start(), m.end()) for m in (*found, *latin)]
        return decided([not found, not found and not latin], *places[:5])


class SentenceMark(Constraint):
    """Every sentence ends with one of these marks (！, ？, ♪)."""

    kind: ClassVar[str] = "sentence_mark"
    version: ClassVar[int] = 2
    marks: str = Field(min_length=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        marks = tuple({*self.marks, *folded(self.marks)})
        sentences = [s for s in answer.sentences if not s.heading]
        wrong = [s for s in sentences if not s.text.rstrip("」』)） ").endswith(marks)]
        if not sentences:
            return failed(Evidence("sentences", 0, "at least 1"))
        places = [Evidence("sentence ends", s.text[-5:], self.marks, s.start, s.end) for s in wrong[:5]]
        return failed(*places, score=0.99 * (1 - len(wrong) / len(sentences))) if wrong else passed()


class DistinctLines(Constraint):
    """No line says the same as another, marks, numbers and spaces aside."""

    kind: ClassVar[str] = "distinct_lines"

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        seen: dict[str, int] = {}
        lines = [re.sub(r"^[\s・\-*●]*(?:\d+[.)．）、])?|\W", "", folded(line)) for line in answer.lines]
        if len([line for line in lines if line]) < 2:
            return abstained(Evidence("lines", len(lines), "at least 2"))
        for i, line in enumerate(lines, 1):
            if line and seen.setdefault(line, i) != i:
                return failed(
                    Evidence(f"line {i}", answer.lines[i - 1][:30], f"not line {seen[line]} again"), score=0.5
                )
        return passed(Evidence("lines", len(lines)))
