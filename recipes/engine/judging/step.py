"""A worker's part of a jury, as a datatrove step: asks one judge after the other about its share, and writes what they said.

Judges come one after the other, so that one model is loaded at a time. The file counts when its manifest is there
(`tasks/00000.json`); a worker that was killed finds in the store what its judges had said.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
from datatrove.pipeline.base import PipelineStep

from curation.parquet_file import write_parquet
from curation.place import Place
from recipes.engine.generation.engines import EngineChoice
from recipes.engine.generation.held_engine import engine_of
from recipes.engine.generation.step import admitted
from recipes.engine.judging.engines import reward_of
from recipes.engine.judging.work import read_work
from synth.answering import Asker
from synth.engine.figures import Figures
from synth.engine.request import Sampling
from synth.engine.store import Store
from synth.judge import comparison, scoring
from synth.judge.comparison import Comparison, Heard, heard
from synth.judge.reward import KIND, rewarded
from synth.judge.scoring import Scored, scored
from synth.models import Policy
from synth.wordings import Wordings


@dataclass(frozen=True)
class JudgeWork:
    """What a worker is told. judges: engines by the recipe's name of the judge, in its order. aspects: of the rubric."""

    url: str
    judges: tuple[tuple[str, EngineChoice], ...]
    sampling: Sampling
    aspects: tuple[str, ...]
    words: Wordings
    policy: Policy
    store: str


class AskJudges(PipelineStep):
    """Writes `verdicts/RANK.parquet`, `scores/RANK.parquet` and `tasks/RANK.json`."""

    type = "seimai"
    name = "judge"

    def __init__(self, work: JudgeWork):
        super().__init__()
        self.work = work

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Asks about this worker's share; yields nothing. `data` is not used. Raises PolicyError for a judge that may not judge."""
        began, cpu, place = time.monotonic(), time.process_time(), Place(self.work.url)
        compared, answers = read_work(place, rank)
        verdicts, scores, about = list[pa.Table](), list[pa.Table](), dict[str, Any]()
        for name, choice in self.work.judges:
            said, given, about[name] = self._asked(name, choice, rank, compared, answers)
            verdicts.append(comparison.table(said))
            scores.append(scoring.table(given))
        files = [
            write_parquet(place, f"verdicts/{rank:05d}.parquet", pa.concat_tables(verdicts)),
            write_parquet(place, f"scores/{rank:05d}.parquet", pa.concat_tables(scores)),
        ]
        seconds = {"seconds": round(time.monotonic() - began, 3), "cpu": round(time.process_time() - cpu, 3)}
        place.write_json(f"tasks/{rank:05d}.json", {"task": rank, "files": files, "judges": about} | seconds)
        yield from ()

    def _asked(
        self, name: str, choice: EngineChoice, rank: int, compared: list[Comparison], answers: list[dict[str, Any]]
    ) -> tuple[list[Heard], list[Scored], dict[str, Any]]:
        """What a judge says of a share, and who it is."""
        if choice.kind == KIND:
            return self._rewarded(name, choice, compared)
        work, figures = self.work, Figures()
        said, given = list[Heard](), list[Scored]()
        figures.begin()
        with engine_of(choice) as (engine, identity), Store(work.store, rank) as store:
            admitted(engine.weights, identity, work.policy)
            asker = Asker(engine, identity, store)
            for one in heard(compared, name, asker, work.sampling, figures, work.words):
                said.append(one)
                self.stat_update("rows", value=1)
                self.stat_update("kept", value=int(one.verdict in ("win", "loss")))
            if work.aspects:
                for score in scored(answers, name, work.aspects, asker, work.sampling, figures, work.words):
                    given.append(score)
                    self.stat_update("rows", value=1)
            figures.loading += engine.loading()
            about = {"identity": asdict(identity), "engine": dict(engine.describe())}
        figures.stop()
        return said, given, about | {"figures": figures.as_dict()}

    def _rewarded(
        self, name: str, choice: EngineChoice, compared: list[Comparison]
    ) -> tuple[list[Heard], list[Scored], dict[str, Any]]:
        """What a reward model says of a share, and who it is; it scores by no rubric."""
        said, figures = list[Heard](), Figures()
        figures.begin()
        with reward_of(choice) as (model, identity):
            admitted(model.weights, identity, self.work.policy)
            for one in rewarded(compared, name, model, identity):
                said.append(one)
                self.stat_update("rows", value=1)
                self.stat_update("kept", value=int(one.verdict in ("win", "loss")))
            about = {"identity": asdict(identity), "engine": dict(model.describe())}
        figures.stop()
        return said, [], about | {"figures": figures.as_dict()}
