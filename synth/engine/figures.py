"""What a generation shows while it runs and leaves in its manifest: answers, tokens, speed, cost and yield."""

import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TextIO

from synth.engine.request import Answer, Fault


@dataclass
class Figures:
    """Counts of one generation in one process; `seconds` counts from its making and stops with `stop`.

    requests: prompts taken in. stored: samples that were in the store already. duplicates: samples that another request of this
    run was asking at the time. asked: samples sent to the engine. accepted, judged: what the caller says of answers
    with `verdict`; their ratio is the yield. devices: GPUs (or machines without one) at work, for the cost.
    loading: seconds of it that went into loading the model: part of the cost, not of the speed.
    """

    devices: int = 1
    requests: int = 0
    stored: int = 0
    duplicates: int = 0
    asked: int = 0
    completions: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    retries: int = 0
    accepted: int = 0
    judged: int = 0
    loading: float = 0.0
    faults: Counter[str] = field(default_factory=Counter[str])
    finishes: Counter[str] = field(default_factory=Counter[str])
    engine: Mapping[str, Any] = field(default_factory=dict[str, Any])
    _began: float = field(default_factory=time.monotonic)
    _ended: float | None = None

    @property
    def seconds(self) -> float:
        """Wall-clock seconds so far, or until `stop`."""
        return (self._ended or time.monotonic()) - self._began

    @property
    def gpu_seconds(self) -> float:
        """Cost: seconds × devices, waiting included, as a bill counts."""
        return self.seconds * self.devices

    @property
    def working(self) -> float:
        """Seconds without those of loading; what speed is counted over."""
        return max(self.seconds - self.loading, 1e-9)

    @property
    def answered(self) -> int:
        """Samples that the engine has answered, faults included."""
        return self.completions + sum(self.faults.values())

    def count(self, answer: Answer) -> None:
        """Counts an answer that came from the engine."""
        self.retries += answer.attempts - 1
        if isinstance(answer, Fault):
            self.faults[answer.kind] += 1
            return
        self.completions += 1
        self.finishes[answer.finish] += 1
        self.prompt_tokens += answer.prompt_tokens or 0
        self.completion_tokens += answer.completion_tokens or 0

    def verdict(self, accepted: bool) -> None:
        """Counts what the caller decided about one answer."""
        self.judged += 1
        self.accepted += accepted

    def begin(self) -> None:
        """The generation begins now, and not when these figures were made."""
        self._began = time.monotonic()

    def go_on(self) -> None:
        """A further pass of the same generation, after `stop`."""
        self._ended = None

    def stop(self) -> None:
        """The generation is over."""
        self._ended = time.monotonic()

    def line(self) -> str:
        """One line to be shown while it runs."""
        seconds = self.working
        parts = [f"{self.answered:,} answered ({self.answered / seconds:,.1f}/s)", f"{self.stored:,} from the store"]
        parts += [f"{self.completion_tokens / seconds:,.0f} tokens/s", f"{self.asked - self.answered} in flight"]
        parts += [f"{name} {value}" for name, value in self.engine.items()]
        if self.retries:
            parts.append(f"{self.retries:,} retries")
        if self.faults:
            parts.append(", ".join(f"{n:,} {kind}" for kind, n in sorted(self.faults.items())))
        if self.judged:
            parts.append(f"yield {self.accepted / self.judged:.1%}")
        return " · ".join([*parts, f"{self.gpu_seconds / 3600:,.3f} device hours"])

    def as_dict(self) -> dict[str, Any]:
        """What a manifest keeps."""
        seconds = self.working
        kept = {name: getattr(self, name) for name in self.__dataclass_fields__ if not name.startswith("_")}
        return kept | {
            "faults": dict(sorted(self.faults.items())),
            "finishes": dict(sorted(self.finishes.items())),
            "engine": dict(self.engine),
            "seconds": round(self.seconds, 3),
            "loading": round(self.loading, 3),
            "gpu_seconds": round(self.gpu_seconds, 3),
            "answers_per_s": round(self.answered / seconds, 3),
            "completion_tokens_per_s": round(self.completion_tokens / seconds, 3),
            "yield": round(self.accepted / self.judged, 4) if self.judged else None,
        }


_SUMS = ("asked", "stored", "completions", "prompt_tokens", "completion_tokens", "retries", "judged", "accepted")


def total(kept: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Figures of several workers and rounds, as manifests keep them, as one: counts, tokens, cost and yield.

    completion_tokens_per_s: of one worker, on the average; None where nothing was asked, and so is the yield.
    """
    sums = {name: sum(f[name] for f in kept) for name in _SUMS}
    faults = sum((Counter(f["faults"]) for f in kept), Counter[str]())
    seconds = sum(f["seconds"] - f["loading"] for f in kept)
    return sums | {
        "faults": dict(sorted(faults.items())),
        "loading": round(sum(f["loading"] for f in kept), 3),
        "gpu_seconds": round(sum(f["gpu_seconds"] for f in kept), 3),
        "completion_tokens_per_s": round(sums["completion_tokens"] / seconds, 3) if sums["asked"] and seconds else None,
        "yield": round(sums["accepted"] / sums["judged"], 4) if sums["judged"] else None,
    }


def live(stream: TextIO | None = None, every: float = 60.0) -> Callable[[Figures], None]:
    """A `show` for `generate`: one line that is written anew on a terminal, else a line at the start and one in `every` seconds."""
    out = stream or sys.stderr
    said = -every

    def show(figures: Figures) -> None:
        nonlocal said
        over = figures._ended is not None
        if out.isatty():
            out.write(f"\r\x1b[K{figures.line()}" + ("\n" if over else ""))
        elif over or figures.seconds - said >= every:
            said = figures.seconds
            out.write(figures.line() + "\n")
        out.flush()

    return show
