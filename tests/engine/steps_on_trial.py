"""Steps that tests put into real runs: they behave badly on pages that say so."""

import glob
import os
import re
import time
from pathlib import Path

import pyarrow as pa
from fsspec.exceptions import FSTimeoutError

from curation import gather
from curation.classify.ensemble import Ensemble
from curation.dedup.dedup import Dedup
from curation.dedup.lines import LineDedup
from curation.extract.main_text import MainText
from curation.gather import Gather
from curation.step import Decide, Measure


class DropMarked(Decide):
    """Rejects rows whose text holds `word`."""

    reads = ("text",)
    reasons = ("filter",)

    def __init__(self, word: str):
        super().__init__()
        self.word = word

    def columns(self, batch):
        """One reason a row."""
        return {
            "reason": pa.array(
                ["filter" if self.word in t else None for t in batch.column("text").to_pylist()], pa.string()
            )
        }


class DieOnce(Measure):
    """Ends its process at a page that says 即死, as long as the task is at one of the given attempts."""

    reads = ("text",)

    def __init__(self, attempts: int = 1):
        super().__init__()
        self.attempts = attempts

    def columns(self, batch):
        """Nothing, or the end."""
        if self.attempt <= self.attempts and any("即死" in t for t in batch.column("text").to_pylist()):
            os._exit(9)
        return {}


class Raise(Measure):
    """Raises at a page that says 例外 while the file `flag` is there."""

    reads = ("text",)

    def __init__(self, flag: str):
        super().__init__()
        self.flag = flag

    def columns(self, batch):
        """Nothing, or an exception."""
        if os.path.exists(self.flag) and any("例外" in t for t in batch.column("text").to_pylist()):
            raise ValueError("a bug in a step")
        return {}


class StoreFails(Measure):
    """Raises what s3fs raises, at a page that says 遅延, as long as the task is at one of the given attempts."""

    reads = ("text",)

    def __init__(self, attempts: int, refuses: bool = False):
        super().__init__()
        self.attempts, self.refuses = attempts, refuses

    def columns(self, batch):
        """Nothing, or an exception whose cause is the client's."""
        if self.attempt <= self.attempts and any("遅延" in t for t in batch.column("text").to_pylist()):
            error = PermissionError("The provided token has expired.") if self.refuses else TimeoutError("SlowDown")
            raise error from FSTimeoutError()
        return {}


class Quote(Measure):
    """Raises with the values of variables of the environment in its words, as libraries do."""

    reads = ("text",)

    def __init__(self, names: list[str]):
        super().__init__()
        self.names = names

    def columns(self, batch):
        """Nothing, or an exception, where the variables are there."""
        if said := [os.environ[name] for name in self.names if name in os.environ]:
            raise ValueError(f"refused: {' '.join(said)}")
        return {}


class Slow(Measure):
    """Takes a while for each batch; `mark` is a file that says which job is at its pages."""

    reads = ("text",)

    def __init__(self, seconds: float, mark: str = ""):
        super().__init__()
        self.seconds, self.mark = seconds, mark

    def columns(self, batch):
        """Nothing, later."""
        if self.mark and any("番目" in (t or "") for t in batch.column("text").to_pylist()):
            Path(self.mark).write_text(os.environ.get("SLURM_JOB_ID", ""))
        time.sleep(self.seconds)
        return {}


class SlowAndMany(Slow):
    """As `Slow`, and where a job of Slurm takes it up, two tasks are very many."""

    def __setstate__(self, state):
        self.__dict__.update(state)
        if "SLURM_JOB_ID" in os.environ:
            gather.MOST_MERGED = 1


class SlowMarked(Measure):
    """Takes a while for each page whose text holds `word`; before the first one it waits until so many files match a pattern."""

    reads = ("text",)

    def __init__(self, word: str, seconds: float, until: tuple[str, int] = ("", 0)):
        super().__init__()
        self.word, self.seconds, self.until = word, seconds, until

    def columns(self, batch):
        """Nothing, later."""
        marked = sum(self.word in (t or "") for t in batch.column("text").to_pylist())
        end = time.monotonic() + 120
        while marked and len(glob.glob(self.until[0])) < self.until[1] and time.monotonic() < end:
            time.sleep(0.1)
        time.sleep(self.seconds * marked)
        return {}


def hang_or_extract(data, start, stop, options, scratch):
    """The real extraction, but a page that says 無限 never ends: a loop in C that holds the interpreter's lock."""
    from curation.extract.page_text import extract

    if "無限".encode() in bytes(data[start:stop]):
        re.match(r"(a|aa)+$", "a" * 64 + "b")
    return extract(data, start, stop, options, scratch)


class HangingMainText(MainText):
    """`main_text` with an extractor that hangs on some pages."""

    name = "main_text"
    extractor = "steps_on_trial:hang_or_extract"


class KilledDedup(Dedup):
    """`dedup` in phases; the first task of some phases dies on its first try, when its files are written and its manifest is not."""

    name = "dedup"

    def __init__(self, threshold: float, rows_a_part: int, killed: tuple[str, ...] = (), index: str | None = None):
        super().__init__(threshold, index=index)
        self.rows_a_part, self.killed = rows_a_part, killed

    def run_phase(self, phase, task, rows, work):
        """One task, or its end."""
        made = list(super().run_phase(phase, task, rows, work))
        if phase in self.killed and task == 0 and self.attempt == 1:
            os._exit(9)
        yield from made


class KilledLineDedup(LineDedup):
    """`line_dedup` in phases; the first task of some phases dies on its first try, when its files are written."""

    name = "line_dedup"

    def __init__(self, rows_a_part: int, killed: tuple[str, ...] = (), **given):
        super().__init__(**given)
        self.rows_a_part, self.killed = rows_a_part, killed

    def run_phase(self, phase, task, rows, work):
        """One task, or its end."""
        made = list(super().run_phase(phase, task, rows, work))
        if phase in self.killed and task == 0 and self.attempt == 1:
            os._exit(9)
        yield from made


class GivenScores(Measure):
    """Writes the scores that a text names, `quality=0.5 quality_2=nan`; null where it names none."""

    reads = ("text",)

    def __init__(self, scores: tuple[str, ...] = ("quality", "quality_2")):
        super().__init__()
        self.writes = scores

    def columns(self, batch):
        """One column a score."""
        said = [dict(re.findall(r"(\w+)=(\S+)", t or "")) for t in batch.column("text").to_pylist()]
        return {
            name: pa.array([float(s[name]) if name in s else None for s in said], pa.float32()) for name in self.writes
        }


class KilledEnsemble(Ensemble):
    """`ensemble` in phases; the first task of some phases dies on its first try, when its files are written."""

    name = "ensemble"

    def __init__(self, rows_a_task: int, killed: tuple[str, ...] = (), **given):
        super().__init__(**given)
        self.rows_a_task, self.killed = rows_a_task, killed

    def run_phase(self, phase, task, rows, work):
        """One task, or its end."""
        made = list(super().run_phase(phase, task, rows, work))
        if phase in self.killed and task == 0 and self.attempt == 1:
            os._exit(9)
        yield from made


class KilledGather(Gather):
    """A level's tasks of which the first dies on its first try, when its files are written and its manifest is not."""

    def _merge(self, source, names, out):
        made = super()._merge(source, names, out)
        out.close()
        if out.label == "00000" and self.attempt == 1:
            os._exit(9)
        return made
