"""The engine of a worker: kept from round to round, so that a model is loaded once a run however many rounds there are.

Where seimai's own workers serve the run, their processes outlast the rounds, and an engine stays until another one is wanted, a
task fails or the process ends. On a cluster a task has a process that nobody promises to keep: it closes what it opened.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from recipes.engine import workers
from recipes.engine.generation.engines import EngineChoice
from synth.engine.content_key import Identity, canonical
from synth.engine.lazy import Lazy


@dataclass(frozen=True)
class _Held:
    name: bytes
    engine: Lazy
    identity: Identity


_held: _Held | None = None


@contextmanager
def engine_of(choice: EngineChoice) -> Iterator[tuple[Lazy, Identity]]:
    """An engine that is ready to be asked, and who it is. Raises EngineError, PolicyError and ModelFolderError as engines do."""
    global _held
    name = canonical([choice.kind, dict(choice.params)])
    if _held is None or _held.name != name:
        let_go()
        engine = Lazy(choice.make())
        _held = _Held(name, engine, engine.setup())
    try:
        yield _held.engine, _held.identity
    except BaseException:  # whatever happened, samples may be in flight that nobody waits for any more
        let_go()
        raise
    if workers.AT_END is None:
        let_go()
    elif let_go not in workers.AT_END:
        workers.AT_END.append(let_go)


def let_go() -> None:
    """Closes the engine that this process holds, if any."""
    global _held
    held, _held = _held, None
    if held is not None:
        held.engine.close()
