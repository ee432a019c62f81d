"""A judge whose preference is known, behind the engine's protocol: what it is asked is what a model would be asked."""

import json
import re
from collections import deque
from collections.abc import Callable, Sequence

from synth.engine.content_key import Identity
from synth.engine.engine import Engine
from synth.engine.request import Answer, Completion, Job, Sampling

GREEDY = Sampling(max_tokens=128, temperature=0.0)
FRAME = re.compile(r"<回答([AB]?) ([0-9a-f]{16})>\n(.*?)\n</回答\1 \2>", re.S)


def longer(first: str, second: str) -> str:
    return "同じ" if len(first) == len(second) else "A" if len(first) > len(second) else "B"


def the_first(first: str, second: str) -> str:
    return "A"


class SimulatedJudge(Engine):
    """Says what `prefers` says of the answers in its frames; `write` turns a choice into the text that comes back."""

    def __init__(
        self, prefers: Callable[[str, str], str], write: Callable[[str], str] | None = None, name: str = "lab/judge"
    ):
        self.prefers, self.name = prefers, name
        self.write = write or (lambda said: json.dumps({"reason": "", "verdict": said}, ensure_ascii=False))
        self.asked: list[bytes] = []
        self._done: deque[Answer] = deque()

    def setup(self) -> Identity:
        return Identity(self.name, "r1", "ab", "simulated", "1")

    def room(self) -> int:
        return 4 - len(self._done)

    def submit(self, job: Job) -> None:
        self.asked.append(job.key)
        text = str(job.request.messages[-1]["content"])
        answers = {place: answer for place, _, answer in FRAME.findall(text)}
        said = self.write(self.prefers(answers["A"], answers["B"]) if "A" in answers else "")
        done = Completion(job.key, job.request_key, job.sample, job.seed, said, "stop", self.name, 10, 5)
        self._done.append(done)

    def collect(self, timeout: float) -> Sequence[Answer]:
        out = list(self._done)
        self._done.clear()
        return out

    def close(self) -> None:
        pass
