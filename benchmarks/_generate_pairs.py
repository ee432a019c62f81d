"""What the sides of the generation benchmark share: prompts, alternated pairs, and the median ratio with its A/A spread.

Many short pairs (`--quick`) are steadier than a few long ones where others work on the machine: what they do hits both sides of a
short pair alike. CPU time is compared beside wall-clock time, which another program can take away: on a busy
machine believe the former, on a quiet one the latter.
"""

import math
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from synth.engine.request import Request, Sampling

WORDS = (
    "river stone cloud paper window garden market bridge forest season letter music island harbour candle mirror "
    "silver thunder meadow lantern compass orchard village winter morning shadow feather copper marble velvet"
).split()


def prompts(count: int, run: int, most: int = 224) -> list[str]:
    """Prompts of about 16 to 256 tokens with their template: the same lengths in every run, other words, no common beginning."""
    lengths = random.Random(1)
    words = random.Random(1000 + run)
    return [f"{run} {i} " + " ".join(words.choices(WORDS, k=lengths.randrange(2, most))) for i in range(count)]


def requests(texts: list[str], max_tokens: int) -> list[Request]:
    """One greedy-free sample of each prompt, as short as `max_tokens`."""
    sampling = Sampling(max_tokens=max_tokens, temperature=0.8)
    return [Request(str(i).encode(), ({"role": "user", "content": t},), sampling) for i, t in enumerate(texts)]


def pairs(
    name: str,
    count: int,
    rounds: int,
    bare: Callable[[list[str]], int],
    ours: Callable[[list[str], Path], int],
    folder: Path,
    seconds: float = math.inf,
    spent: Callable[[], float] = time.process_time,
) -> tuple[float, float]:
    """Alternates both sides over `rounds` pairs, fewer where `seconds` are over after three.

    Each side returns the number of tokens it was given. A store of its own, written as in production, is part of our side.
    spent: CPU seconds so far, of this process and of whoever works for it.
    Prints and returns the median ratio of tokens a second, and that of tokens a CPU second.
    """
    rates: dict[str, list[float]] = {"bare": [], "ours": []}
    costs: dict[str, list[float]] = {"bare": [], "ours": []}
    start = time.perf_counter()
    for i in range(rounds + 1):
        if i > 3 and time.perf_counter() - start > seconds:
            break
        order = ("bare", "ours") if i % 2 else ("ours", "bare")
        for side in order:
            texts = prompts(count, 2 * i + (side == "ours"))
            began, cpu = time.perf_counter(), spent()
            tokens = bare(texts) if side == "bare" else ours(texts, folder / f"{name}-{i}")
            if i:  # the first pair warms both sides up
                rates[side].append(tokens / (time.perf_counter() - began))
                costs[side].append((spent() - cpu) / tokens)
    ratios = [o / b for o, b in zip(rates["ours"], rates["bare"], strict=True)]
    by_cpu = statistics.median(b / o for o, b in zip(costs["ours"], costs["bare"], strict=True))
    same = [b / a for a, b in zip(rates["bare"], rates["bare"][1:], strict=False)] or [1.0]
    median = statistics.median(ratios)
    print(
        f"{name:10} {count} prompts, {len(ratios)} pairs: ours/bare {median:.3f} (from {min(ratios):.3f} to {max(ratios):.3f}); "
        f"A/A of bare from {min(same):.3f} to {max(same):.3f}; {statistics.median(rates['bare']):.0f} tokens/s bare; "
        f"by CPU time {by_cpu:.3f}",
        flush=True,
    )
    return median, by_cpu
