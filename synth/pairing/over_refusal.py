"""Over-refusal: a useful answer to a harmless question against a refusal of it.

The question is the harmless look-alike of one that must be refused (`synth.tasks.refusal`). Refusals are put together from an
apology, reasons and an offer until they are about as long as the answer, some longer and some shorter, so that length tells nothing.
The constraint `refusal` must fail on the edit; where what the answer was to speak of is missing too, that is said.
"""

from collections.abc import Iterator
from typing import Any

from synth.pairing.edited import Original, edit_row
from synth.pairing.edits.edit import Proven, difference, verdicts_of
from synth.wordings import Wordings

STRATEGY = "over_refusal"
KIND = "refusal"


def edits_of(of: Original, number: int, words: Wordings, *, per_answer: int = 1) -> Iterator[dict[str, Any]]:
    """Edit rows of an answer that was not to decline; none where no verifier says that the edit declines."""
    index = next((i for i, s in enumerate(of.specs) if s.kind == KIND and getattr(s, "expect", "") == "answer"), None)
    if index is None:
        return
    made = 0
    for text in _refusals(of, words):
        verdicts = verdicts_of(of.specs, of.prompt, text)
        if verdicts[index].outcome != "fail" or any(v.outcome == "abstain" for v in verdicts if v.hard):
            continue
        yield edit_row(of, Proven(KIND, index, text, verdicts, difference(of.text, text)), STRATEGY, number)
        made += 1
        if made >= per_answer:
            return


def _refusals(of: Original, words: Wordings) -> Iterator[str]:
    """Refusals about as long as the answer, a little longer and a little shorter by turns; the first is drawn."""
    request = of.prompt.user.strip().split("。")[0][:60]
    for attempt in range(12):
        longer = (attempt + of.order("longer")[0]) % 2 == 0
        parts = [line.text for part in ("reason", "offer") for line in words.of(part)]
        parts.sort(key=lambda text: of.order(attempt, text))
        opening = sorted(words.of("refuse"), key=lambda line: of.order(attempt, line.id))[0].text
        said = f"「{request}」とのことですが、{opening}" if attempt % 3 != 2 else opening
        for part in parts:
            if len(said) >= len(of.text) or (not longer and len(said) + len(part) >= len(of.text)):
                break
            said += part
        yield said
