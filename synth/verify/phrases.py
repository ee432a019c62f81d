"""How an answer begins and ends, what it is wrapped in, and what it must say word for word."""

import re
from typing import ClassVar, Literal

from pydantic import Field

from synth.verify.answer import Answer, bare, folded
from synth.verify.constraint import Constraint
from synth.verify.prompt import Prompt
from synth.verify.verdict import Evidence, Verdict, abstained, decided, failed, passed

_BLANKS = " \t\u3000\n"
_LOOSE = str.maketrans("", "", _BLANKS)
_CLOSERS = "。．.！!？?」』）)"


def _same(text: str) -> str:
    text = folded(text)
    return text.translate(_LOOSE) if any(blank in text for blank in _BLANKS) else text


class StartPhrase(Constraint):
    """The answer begins with this phrase, spaces and widths aside."""

    kind: ClassVar[str] = "start_phrase"
    phrase: str = Field(min_length=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        begin = answer.stripped[: 2 * len(self.phrase) + 8]
        if _same(begin).startswith(_same(self.phrase)):
            return passed(Evidence("beginning", begin[: len(self.phrase)], None, 0))
        return failed(Evidence("beginning", begin[: len(self.phrase)], self.phrase, 0))


class EndPhrase(Constraint):
    """The answer ends with this phrase and nothing after it. A last 。 that only one side has makes it abstain."""

    kind: ClassVar[str] = "end_phrase"
    phrase: str = Field(min_length=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        end = answer.stripped[-2 * len(self.phrase) - 8 :]
        seen = Evidence(
            "ending", end[-len(self.phrase) :], self.phrase, max(len(answer.text.rstrip()) - len(self.phrase), 0)
        )
        if _same(end).endswith(_same(self.phrase)):
            return passed(seen)
        loose = _same(end).rstrip(_CLOSERS).endswith(_same(self.phrase).rstrip(_CLOSERS))
        return abstained(seen) if loose else failed(seen)


class AnswerChoice(Constraint):
    """The whole answer is one of these, a last 。 aside; an answer that says more fails."""

    kind: ClassVar[str] = "answer_choice"
    choices: tuple[str, ...] = Field(min_length=2)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text = _same(answer.stripped).strip("「」『』\"'").rstrip("。.")
        wanted = [_same(choice).rstrip("。.") for choice in self.choices]
        if text in wanted:
            return passed(Evidence("choice", self.choices[wanted.index(text)]))
        held = [choice for choice, folded_choice in zip(self.choices, wanted, strict=True) if folded_choice in text]
        return failed(
            Evidence("answer", answer.stripped[:40], " / ".join(self.choices)), score=0.5 if len(held) == 1 else 0.0
        )


class Postscript(Constraint):
    """The last part of the answer is a postscript: a line that begins with the marker (P.S., 追伸) and says something."""

    kind: ClassVar[str] = "postscript"
    marker: str = Field(min_length=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        marker = _same(self.marker)
        if marker[:1] not in answer.folded:
            return failed(Evidence("postscript", "none", self.marker))
        starts = [i for i, line in enumerate(answer.lines) if _same(line).lstrip("*_#").startswith(marker)]
        if not starts:
            where = folded(answer.text).translate(_LOOSE).find(marker)
            return failed(
                Evidence("postscript", "none" if where < 0 else "inside a line", self.marker), score=0.5 * (where >= 0)
            )
        last = answer.lines[starts[-1] :]
        said = _same("".join(last)).lstrip("*_#")[len(marker) :].strip("*_#:：。、 ")
        after = len(last) - 1
        if re.match(r"[はがをにのともで]", _same(last[0]).lstrip("*_#")[len(marker) :]):
            return failed(Evidence("postscript", last[0][:20], f"{self.marker} and a text"))
        if not said:
            return failed(Evidence("postscript", "says nothing", self.marker), score=0.5)
        return (
            passed(Evidence("postscript", last[0][:40], self.marker))
            if after <= 8
            else abstained(Evidence("lines after", after))
        )


class RepeatPrompt(Constraint):
    """The answer first repeats this text word for word, with nothing before it, and then goes on."""

    kind: ClassVar[str] = "repeat_prompt"
    text: str = Field(min_length=1)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        whole, wanted = _same(answer.stripped), _same(self.text)
        if not whole.startswith(wanted):
            held = wanted in whole
            return failed(Evidence("beginning", answer.stripped[: len(self.text)], self.text, 0), score=0.5 * held)
        return (
            passed() if len(whole) > len(wanted) else failed(Evidence("after the repeated text", "nothing"), score=0.5)
        )


class Enclosed(Constraint):
    """The whole answer stands in one pair of brackets: the one at its beginning closes at its end."""

    kind: ClassVar[str] = "enclosed"
    brackets: str = Field("「」", min_length=2, max_length=2)

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        text, (left, right) = answer.stripped, self.brackets
        if not (text.startswith(left) and text.endswith(right)):
            return failed(Evidence("ends of the answer", text[:1] + "…" + text[-1:], self.brackets))
        depth = 0
        for i, c in enumerate(text):
            depth += (c == left) - (c == right)
            if not depth and i < len(text) - 1:
                return failed(
                    Evidence("closes before the end", text[: i + 1][-10:], self.brackets, i, i + 1), score=0.5
                )
        return passed() if not depth and len(text) > 2 else failed(Evidence("brackets open at the end", depth, 0))


class Title(Constraint):
    """The answer has a title in these brackets (『』): it begins with it, or `anywhere` a line is only that; in one it abstains."""

    kind: ClassVar[str] = "title"
    brackets: str = Field("『』", min_length=2, max_length=2)
    place: Literal["start", "anywhere"] = "anywhere"

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        left, right = map(re.escape, self.brackets)
        titled = re.compile(
            rf"(?:#+\s*|\*\*|(?:タイトル|題名|題)\s*[:：]\s*)*{left}[^{left}{right}\n]*[^{left}{right}\s][^{left}{right}\n]*{right}"
        )
        lines = [line.strip() for line in answer.lines]
        if found := titled.match(lines[0]):
            return passed(Evidence("title", found[0], None, 0))
        alone = [line for line in lines[1:] if (m := titled.match(line)) and not line[m.end() :].strip("* ")]
        if alone and self.place == "anywhere":
            return passed(Evidence("title", alone[0]))
        inside = titled.search(answer.text)
        if inside and self.place == "anywhere":
            return abstained(
                Evidence("bracketed words inside a line", inside[0], "a title", inside.start(), inside.end())
            )
        return failed(Evidence("title", lines[0][:20], self.brackets))


class SentenceEnd(Constraint):
    """Every sentence ends with this, its mark aside: です, ます, ！. Headings are not sentences; unclosed items make it abstain."""

    kind: ClassVar[str] = "sentence_end"
    version: ClassVar[int] = 3
    ending: str = Field(min_length=1)
    allow: tuple[str, ...] = ()
    """Other endings that the wording allows."""

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        endings = tuple(_same(e) for e in (self.ending, *self.allow))
        marks = any(e[-1] in _CLOSERS for e in endings)
        wrong, doubtful, seen = [], [], 0
        for s in answer.sentences:
            if s.heading:
                continue
            seen += 1
            text = _same(s.text)
            text = text.rstrip("」』)） ") if marks else text.rstrip("。．.！!？?」』)）♪…~〜 ")
            if not text.endswith(endings):
                what = Evidence("sentence ends", s.text[-10:], self.ending, s.start, s.end)
                (wrong if s.closed or marks else doubtful).append(what)
        if not seen:
            return failed(Evidence("sentences", 0, "at least 1"))
        return decided(
            [not wrong, not wrong and not doubtful],
            *wrong[:5],
            *doubtful[:5],
            score=0.99 * max(0, 1 - len(wrong) / seen),
        )


class SeparatedAnswers(Constraint):
    """Several different answers and nothing else, with this separator between them, and none before or after.

    What differs in marks alone (東京 and 東京。) is no different answer.
    """

    kind: ClassVar[str] = "separated_answers"
    version: ClassVar[int] = 2
    count: int = Field(2, ge=2)
    separator: str = "******"

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        from synth.verify.length import separated

        parts = [part.strip() for part in separated(answer.stripped, self.separator)]
        if len(parts) != self.count:
            return failed(Evidence("answers", len(parts), self.count), score=0.5 * (len(parts) > 1))
        if not all(parts):
            return failed(Evidence("an answer", "empty", "text"), score=0.5)
        if len(set(map(bare, parts))) < len(parts):
            return failed(Evidence("answers", "equal", "different"), score=0.5)
        return passed(Evidence("answers", len(parts)))
