"""Runs every golden: answers of which it is known what a verifier must say.

`goldens/*.jsonl` holds a line per spec: `kind`, `spec`, optional `prompt`, and answers under `pass`, `fail`, `abstain` (an answer
may be [text, finish reason]). A kind passes the audit when it has at least 10 answers that pass and 10 that fail, and every verdict
is the one that is written; an answer that must abstain counts for neither. Three of each must stand in `unread.jsonl`: answers by
someone who knew the documentation of a kind and not its verifier, with the verdict given then. One whose verdict was found to be
mistaken leaves that file. `audited` lists kinds that rows may be released with.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from synth.verify.answer import Answer
from synth.verify.constraint import SHARED, Constraint, kinds, parse
from synth.verify.prompt import Prompt
from synth.verify.verdict import Outcome, Verdict

GOLDENS = Path(__file__).with_name("goldens")
LEAST = 10
"""Goldens that a kind needs on either side."""
UNREAD = "unread.jsonl"
"""Goldens by someone who had not read the verifiers."""
LEAST_UNREAD = 3
"""Of them a kind needs so many on either side."""


class Golden(NamedTuple):
    """One answer with the verdict that it must get."""

    spec: Constraint
    prompt: Prompt
    answer: str
    finish_reason: str | None
    wanted: Outcome
    place: str
    """File and line."""

    @property
    def unread(self) -> bool:
        """Whether who wrote it had not read the verifier."""
        return self.place.startswith(f"{UNREAD}:")

    def verdict(self) -> Verdict:
        """What the verifier says."""
        return self.spec.verify(self.prompt, Answer(self.answer, self.finish_reason))


class KindAudit(NamedTuple):
    """What the goldens say about one kind."""

    kind: str
    version: int
    passes: int
    fails: int
    abstains: int
    unread: tuple[int, int]
    """Of those that pass and of those that fail, how many are by someone who had not read the verifier."""
    wrong: tuple[tuple[Golden, Verdict], ...]
    skipped: str = ""
    """Why the goldens could not run here (a sandbox that does not hold); empty where they did."""

    @property
    def good(self) -> bool:
        """Enough goldens, and every one as written."""
        return not self.wrong and not self.skipped and not self.few

    @property
    def few(self) -> str:
        """What there is too little of; empty where there is enough."""
        if min(self.passes, self.fails) < LEAST:
            return f"fewer than {LEAST}"
        return f"fewer than {LEAST_UNREAD} unread" if min(self.unread) < LEAST_UNREAD else ""


def goldens(folder: Path = GOLDENS) -> list[Golden]:
    """All goldens of a folder. Raises ValueError with file and line for one that cannot be read."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            place = f"{path.name}:{number}"
            try:
                row: dict[str, Any] = json.loads(line)
                spec = parse({"kind": row["kind"], **row["spec"]})
                prompt = Prompt(row.get("prompt", ""))
                for wanted in ("pass", "fail", "abstain"):
                    for answer in row.get(wanted, ()):
                        text, reason = answer if isinstance(answer, list) else (answer, None)
                        found.append(Golden(spec, prompt, text, reason, wanted, place))
            except (ValueError, KeyError) as error:
                raise ValueError(f"{place}: no golden: {error}") from None
    return found


def audit(found: Iterable[Golden] | None = None) -> list[KindAudit]:
    """The audit of every registered kind, those without goldens included, in the order of the registry."""
    by_kind: dict[str, list[Golden]] = {}
    for golden in goldens() if found is None else found:
        by_kind.setdefault(golden.spec.kind, []).append(golden)
    return [_audited(cls, by_kind.get(kind, [])) for kind, cls in kinds().items()]


def _audited(cls: type[Constraint], found: list[Golden]) -> KindAudit:
    skipped = ""
    wrong = []
    for golden in found:
        verdict = golden.verdict()
        if verdict.outcome != golden.wanted:
            if (
                cls.executes
                and verdict.outcome == "abstain"
                and verdict.evidence[:1]
                and verdict.evidence[0].what == "sandbox"
            ):
                skipped = str(verdict.evidence[0].found)
                break
            wrong.append((golden, verdict))
    passes, fails, abstains = (sum(g.wanted == o for g in found) for o in ("pass", "fail", "abstain"))
    unread = tuple(sum(g.wanted == o for g in found if g.unread) for o in ("pass", "fail"))
    return KindAudit(
        cls.kind, cls.version + SHARED, passes, fails, abstains, (unread[0], unread[1]), tuple(wrong), skipped
    )


def audited(results: Iterable[KindAudit]) -> frozenset[str]:
    """Kinds whose audit is good: rows of any other are not released."""
    return frozenset(result.kind for result in results if result.good)
