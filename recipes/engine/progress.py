"""What a run shows while it runs: block, rows a second, share kept, time left; a live line on a terminal, else a line a minute."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text


class Progress:
    """Shows the blocks of a run; `update` is called about twice a second."""

    def __init__(self, blocks: int, stream: TextIO | None = None, every: float = 60.0):
        self.console = Console(file=stream or sys.stderr, highlight=False, soft_wrap=True)
        self.live: Live | None = None
        self.blocks, self.every = blocks, every
        self.index = 0

    def preparing(self, began: float) -> Callable[[dict[int, Any], int], None]:
        """Says, once and after three seconds, that kernels are being compiled: nothing else is seen of that."""
        said = False

        def tell(_running: dict[int, Any], _done: int) -> None:
            nonlocal said
            if not said and time.monotonic() - began > 3:
                said = True
                self.console.print("compiling kernels; later runs find them on disk", markup=False)

        return tell

    def say(self, said: str) -> None:
        """Says one thing that happened."""
        self.console.print(said, markup=False)

    def start(
        self,
        name: str,
        tasks: int,
        done: int,
        unit: str = "rows",
        total: int = 0,
        decides: bool = True,
        *,
        again: bool = False,
    ) -> None:
        """A block begins: `done` of its tasks were finished by an earlier run; all of them read `total` bytes or rows.

        A survey (`decides` is false) looks over rows and keeps or rejects none. again: a further round of the block before.
        """
        self.decides = decides
        self.index += not again
        self.name, self.unit, self.total = name, unit, total
        self.tasks = self.planned = tasks
        self.before = done
        self.began = self.said = time.monotonic()
        self.rows = self.kept = self.read = 0
        self.so_far = Counter[str]()
        self.shares: dict[int, dict[str, int]] = {}
        self.finished = Counter[str]()
        if self.console.is_terminal:
            self.live = Live(Text(""), console=self.console, refresh_per_second=4, transient=True)
            self.live.start()
        elif not done:
            self.console.print(
                f"[{self.index}/{self.blocks}] {name}: {tasks} task{'s' if tasks != 1 else ''}", markup=False
            )
        if done:
            self.console.print(
                f"[{self.index}/{self.blocks}] {name}: goes on, {done} of {tasks} tasks done already", markup=False
            )

    def update(self, running: dict[int, Any], done: int, more: int = 0) -> None:
        """Takes the counts of the tasks that run now, by rank, and the number of tasks finished since the block began.

        more: tasks that came by since, as others left them their rest.
        """
        self.tasks = self.planned + more
        for rank in set(self.shares) - set(running):
            self.finished.update(self.shares.pop(rank))
        self.shares |= running
        so_far = sum((Counter(c) for c in self.shares.values()), self.finished.copy())
        self.so_far, self.rows, self.kept, self.read = so_far, so_far["rows"], so_far["kept"], so_far[self.unit]
        line = self._line(done)
        if self.live is not None:
            self.live.update(Text(line))
        elif time.monotonic() - self.said >= self.every:
            self.said = time.monotonic()
            self.console.print(line, markup=False)

    def _line(self, done: int) -> str:
        seconds = max(1e-9, time.monotonic() - self.began)
        todo = max(1, self.tasks - self.before)
        share = max(done / todo, min(0.99, self.read / self.total * self.tasks / todo) if self.total else 0.0)
        left = f", {_span(seconds / share - seconds)} left" if 0 < share < 1 else ""
        kept = f", {100 * self.kept / self.rows:.1f} % kept" if self.rows and self.decides else ""
        rate = f", {self.rows / seconds:,.0f} rows/s" if self.rows else ""
        return (
            f"[{self.index}/{self.blocks}] {self.name}: {self.before + done}/{self.tasks} tasks, "
            f"{self.rows:,} rows{rate}{kept}{self._generated(seconds)}, {_span(seconds)} so far{left}"
        )

    def _generated(self, seconds: float) -> str:
        """What a model has given by now, "" where none was asked: answers, tokens, how many pass, and what they cost."""
        now = self.so_far
        if not now["answered"] + now["stored"]:
            return ""
        said = (
            f", {now['answered']:,} answers, {now['stored']:,} from the store, {now['tokens'] / seconds:,.0f} tokens/s"
        )
        said += f", {100 * now['accepted'] / now['judged']:.1f} % of a model's pass" if now["judged"] else ""
        return said + f", {now['device_ms'] / 3.6e6:.3f} device hours"

    def end(self, rows_in: int, rows_out: int, note: str = "") -> None:
        """A block is done: says what it kept."""
        self.stop()
        seconds = time.monotonic() - self.began
        kept = f", {100 * rows_out / rows_in:.1f} % kept" if rows_in else ""
        rows = f"{rows_in:,} → {rows_out:,} rows{kept}" if self.decides else f"looked over {rows_in:,} rows"
        self.console.print(
            f"[{self.index}/{self.blocks}] {self.name}: {rows}, in {_span(seconds)}{note}",
            markup=False,
        )

    def skip(self, name: str, rows_out: int) -> None:
        """A block whose shard set is there already."""
        self.index += 1
        self.console.print(
            f"[{self.index}/{self.blocks}] {name}: unchanged, {rows_out:,} rows from an earlier run", markup=False
        )

    def stop(self) -> None:
        """Ends the live line, also after an error."""
        if self.live is not None:
            self.live.stop()
            self.live = None


def _span(seconds: float) -> str:
    """A length of time in the two units that matter.

    >>> _span(4.2), _span(75), _span(7300)
    ('4 s', '1 min 15 s', '2 h 1 min')
    """
    s = int(seconds)
    if s < 60:
        return f"{s} s"
    if s < 3600:
        return f"{s // 60} min {s % 60} s"
    return f"{s // 3600} h {s % 3600 // 60} min"
