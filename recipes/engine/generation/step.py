"""A worker's part of a round, as a datatrove step: makes its instances, answers and verifies them, writes its candidates.

It decides nothing. Its file counts when its manifest is there (`tasks/00000.json`), like that of every other task; a worker that was
killed makes its instances again and finds its answers in the store.
"""

import functools
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from datatrove.pipeline.base import PipelineStep

from curation.place import Place
from recipes.engine.generation.begun import began_at
from recipes.engine.generation.engines import EngineChoice
from recipes.engine.generation.held_engine import engine_of
from recipes.engine.generation.imports import Import, read_imported
from recipes.engine.generation.seeds import read_seeds
from synth.answering import Asker, Dialogue, by_model, by_program
from synth.candidates import Rights, candidate_schema, row
from synth.chat_forms import FORMS
from synth.engine.content_key import Identity
from synth.engine.engine import EngineError
from synth.engine.figures import Figures
from synth.engine.lazy import Lazy
from synth.engine.store import Store
from synth.engine.wire import ONLY_OPENAI, SAY_DIALECT, unsayable
from synth.import_candidates import candidate
from synth.models import Policy
from synth.obligations import PolicyError, Purpose
from synth.orders import Drawn, Order, drawn
from synth.weights import Weights

ROWS = 512
"""Candidates that are written at a time."""
LIVE = {"tokens": "completion_tokens"} | {name: name for name in ("answered", "stored", "judged", "accepted")}
"""Counts that the live line of a round shows, and the figures that they are."""


@dataclass(frozen=True)
class Work:
    """What a worker is told of a round.

    ranges: numbers of each order's instances, or of an imported set's rows. url: folder of the round; store: of the answers;
    seeds: of the passages, the imported sets, and of when the rounds began.
    """

    number: int
    url: str
    orders: tuple[Order, ...]
    ranges: Mapping[str, tuple[int, int]]
    seeds: str
    salt: str
    engine: EngineChoice
    chat_form: str | None
    policy: Policy
    purpose: Purpose
    store: str
    imports: tuple[Import, ...] = ()


class AnswerRound(PipelineStep):
    """Writes `candidates/RANK.parquet` and `tasks/RANK.json` of a round."""

    type = "seimai"
    name = "generate"

    def __init__(self, work: Work):
        super().__init__()
        self.work = work
        self._shown: dict[str, int] = {}

    def run(self, data: Any = None, rank: int = 0, world_size: int = 1) -> Iterator[Any]:
        """Answers this worker's instances; yields nothing. `data` is not used."""
        began, cpu = time.monotonic(), time.process_time()
        place, counts = Place(self.work.url), dict[str, int]()
        figures, about, masked = Figures(), dict[str, Any](), Counter[str]()
        with _Sink(place, f"candidates/{rank:05d}.parquet") as sink:
            dialogues = self._dialogues(rank, world_size, figures, about, counts)
            answered = (row(dialogue, rights, self.work.number) for dialogue, rights in dialogues)
            for made in chain(self._imported(rank, world_size, masked), answered):
                self.stat_update("rows", value=1)
                self.stat_update("kept", value=int(made["verdict"] == "pass"))
                sink.add(made)
        figures.stop()
        place.write_json(
            f"tasks/{rank:05d}.json",
            {
                "task": rank,
                "rows": sink.rows,
                "files": [f"candidates/{rank:05d}.parquet"],
                "by_program": counts,
                "masked": dict(masked),
                "figures": figures.as_dict() if about else None,
                "seconds": round(time.monotonic() - began, 3),
                "cpu": round(time.process_time() - cpu, 3),
            }
            | about,
        )
        yield from ()

    def _imported(self, rank: int, of: int, masked: Counter[str]) -> Iterator[dict[str, Any]]:
        """Rows of imported sets as candidates; counts the personal data that was masked in them, by kind."""
        for one in self.work.imports:
            if (numbers := self.work.ranges.get(one.order.name)) is not None:
                for read, digest in read_imported(one, self.work.seeds, numbers, rank, of):
                    made, found = candidate(one.order, read, digest, self.work.number)
                    masked.update(found)
                    yield made

    def _dialogues(
        self, rank: int, of: int, figures: Figures, about: dict[str, Any], counts: dict[str, int]
    ) -> Iterator[tuple[Dialogue, Rights]]:
        """What a program answers first, then what a model does, so that an engine is loaded only when it is needed."""
        work, seeds = self.work, read_seeds(self.work.seeds)
        rights = Rights(work.policy, None, work.purpose)
        by_programs = [o for o in work.orders if o.answers != "model"]
        for one in drawn(by_programs, work.ranges, seeds, work.salt, rank, of):
            counts[one.order.name] = counts.get(one.order.name, 0) + one.instance.program
            if one.instance.program:
                yield by_program(one), rights
        asking = [o for o in work.orders if o.answers != "program" and o.name in work.ranges]
        if not asking or work.engine.kind is None:
            return
        figures.begin()
        with engine_of(work.engine) as (engine, identity), Store(work.store, rank) as store:
            admitted(engine.weights, identity, work.policy)
            form = FORMS[work.chat_form] if work.chat_form else None
            asker = Asker(
                engine, identity, store, form=form, show=functools.partial(self._show, engine),
                faults_since=began_at(work.seeds),
            )  # fmt: skip
            theirs = Rights(work.policy, identity, work.purpose)
            wanted: Iterable[Drawn] = drawn(asking, work.ranges, seeds, work.salt, rank, of)
            if identity.engine == "server/openai":
                wanted = map(_sayable, wanted)
            for dialogue in by_model(wanted, asker, figures):
                yield dialogue, theirs
            figures.loading += engine.loading()
            about |= {"identity": asdict(identity), "engine": dict(engine.describe())}

    def _show(self, engine: Lazy, figures: Figures) -> None:
        """What the live line of a run adds up over workers: `Progress` says how."""
        figures.loading += engine.loading()
        now = {name: getattr(figures, of) for name, of in LIVE.items()} | {
            "device_ms": round(1000 * figures.gpu_seconds)
        }
        for name, value in now.items():
            self.stat_update(name, value=value - self._shown.get(name, 0))
        self._shown = now


def _sayable(one: Drawn) -> Drawn:
    """An instance that a server of OpenAI's own parameters can be asked. Raises EngineError: others of its order want the same."""
    for turn in one.instance.turns:
        if turn.open and (wanted := unsayable(one.order.sampling, turn.structure)):
            raise EngineError(
                f"order '{one.order.name}': {ONLY_OPENAI}, and {wanted} is wanted; {SAY_DIALECT}, or leave the order out"
            )
    return one


def admitted(weights: Weights | None, identity: Identity, policy: Policy) -> None:
    """Who answers may answer, by its hash, and came under the licence text that was reviewed. Raises PolicyError with the reason.

    weights: where they were hashed here.
    """
    ruling = policy.of_author(identity)
    if ruling.status == "deny":
        raise PolicyError(ruling.reasons[0])
    if weights is not None:
        policy.check_licence_text(identity, weights)


class _Sink:
    """A file of candidates that takes its name when it is whole."""

    def __init__(self, place: Place, name: str):
        self.place, self.name, self.rows = place, name, 0
        self.buffer: list[dict[str, Any]] = []

    def __enter__(self) -> "_Sink":
        self.file = self.place.create(self.name)
        self.file.__enter__()
        self.out = pq.ParquetWriter(self.file, candidate_schema(), compression="zstd")
        return self

    def add(self, made: dict[str, Any]) -> None:
        """Takes a candidate."""
        self.buffer.append(made)
        self.rows += 1
        if len(self.buffer) >= ROWS:
            self._write()

    def _write(self) -> None:
        if self.buffer:
            self.out.write_batch(pa.RecordBatch.from_pylist(self.buffer, schema=candidate_schema()))
            self.buffer = []

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        if kind is None:
            self._write()
        self.out.close()
        self.file.__exit__(kind, error, trace)
