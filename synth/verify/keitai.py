"""敬体, 常体 and 体言止め of a whole answer, sentence by sentence (`sentence_style`), each with its place.

Code and quotations are left out. Headings are neutral, and so are 体言止め and what has no predicate, unless the spec says otherwise.
A sentence whose style cannot be told makes the verdict abstain, never fail.
"""

from typing import ClassVar, Literal

from synth.verify.answer import Answer
from synth.verify.bounds import Bounded
from synth.verify.constraint import Constraint
from synth.verify.prompt import Prompt
from synth.verify.sentence_style import Styled, style_of
from synth.verify.sentences import Sentence
from synth.verify.verdict import Evidence, Verdict, abstained, failed, passed


def styles(answer: Answer, headings: bool = False) -> list[tuple[Sentence, Styled]]:
    """Every sentence of an answer with its style, found once for all verifiers; headings only on request."""
    found = answer.once("styles", lambda: [(s, style_of(s, answer.morphemes)) for s in answer.sentences])
    return [(s, styled) for s, styled in found if headings or not s.heading]


class Keitai(Constraint):
    """Every sentence that has a predicate is in this style: `keitai` (です・ます) or `jotai` (だ・である).

    neutral: 体言止め and sentences without a predicate may stand among them; where they may not, they fail. An answer in which no
    sentence shows the style abstains.
    """

    kind: ClassVar[str] = "keitai"
    version: ClassVar[int] = 2
    morphemes: ClassVar[bool] = True
    style: Literal["keitai", "jotai"]
    neutral: bool = True

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        found = styles(answer)
        other = {"keitai": "jotai", "jotai": "keitai"}[self.style]
        wrong, doubtful, right = [], [], 0
        for s, styled in found:
            if styled.style == self.style:
                right += 1
            elif styled.style == other or (not self.neutral and styled.style in ("taigendome", "other")):
                # an item or a line without 。 is often written in 常体 or 体言止め whatever the text's style is
                loose = styled.style != "keitai" and not s.closed and s.item
                (doubtful if loose else wrong).append(
                    Evidence(f"sentence in {styled.style}", styled.why, self.style, s.start, s.end)
                )
            elif styled.style is None:
                doubtful.append(Evidence("sentence of unknown style", styled.why, self.style, s.start, s.end))
        seen = Evidence(f"sentences in {self.style}", right, len(found))
        if wrong:
            return failed(*wrong[:8], seen, score=0.99 * right / max(len(found), 1))
        return abstained(*doubtful[:8], seen) if doubtful or not right else passed(seen)


class StyleUnity(Constraint):
    """One style throughout, whichever: no sentence in 敬体 beside one in 常体."""

    kind: ClassVar[str] = "style_unity"
    version: ClassVar[int] = 2
    morphemes: ClassVar[bool] = True

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        found = [(s, styled) for s, styled in styles(answer) if s.closed or not s.item]
        counts = {name: sum(styled.style == name for _, styled in found) for name in ("keitai", "jotai")}
        if all(counts.values()):
            rare = min(counts, key=lambda name: counts[name])
            places = [
                Evidence(f"sentence in {rare}", styled.why, None, s.start, s.end)
                for s, styled in found
                if styled.style == rare
            ]
            return failed(*places[:8], score=0.99 * max(counts.values()) / len(found))
        unknown = [
            Evidence("sentence of unknown style", t.why, None, s.start, s.end) for s, t in found if t.style is None
        ]
        if unknown or not any(counts.values()):
            return abstained(*unknown[:8], Evidence("sentences with a style", sum(counts.values()), "at least 1"))
        return passed(*(Evidence(f"sentences in {name}", n) for name, n in counts.items() if n))


class TaigendomeCount(Bounded):
    """How many sentences end in 体言止め. Headings, items and lines without 。 are counted and not counted."""

    kind: ClassVar[str] = "taigendome_count"
    version: ClassVar[int] = 2
    morphemes: ClassVar[bool] = True

    def _judge(self, answer: Answer, prompt: Prompt) -> Verdict:
        found = styles(answer, headings=True)
        nominal = [(s, styled) for s, styled in found if styled.style == "taigendome"]
        running = sum(not s.heading and (s.closed or not s.item) for s, _ in nominal)
        unknown = sum(styled.style is None for _, styled in found)
        places = tuple(Evidence("体言止め", styled.why, None, s.start, s.end) for s, styled in nominal[:8])
        return self.counted("体言止め", running, len(nominal), len(nominal) + unknown, places=places)
