"""A bounded window over any number of requests: refilled as answers come, each sample asked once.

Requests are taken from their iterator only as the engine has room, so a million prompts are never a list, and there is no wait for
the last of a chunk. What the store has is not asked; what another request of this run is asking at the moment is waited for.
A request is handed over when all its samples are there, in the order in which they become complete: who needs an order that
does not depend on the engine sorts by id, as every shard set does.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from synth.engine.content_key import Identity, identity_key, job, request_key
from synth.engine.engine import Engine
from synth.engine.figures import Figures
from synth.engine.request import Answer, Fault, Job, Request
from synth.engine.store import Store

MOST_WAITING = 8192
"""Requests that may wait for answers at a time, whatever room the engine has: a million equal prompts wait for one answer."""


@dataclass(slots=True)
class _Open:
    """A request whose samples are not all there."""

    request: Request
    answers: list[Answer | None]
    missing: int = 0


@dataclass
class _Window:
    asked: dict[bytes, list[tuple[_Open, int]]] = field(default_factory=dict[bytes, list[tuple[_Open, int]]])
    queue: deque[Job] = field(default_factory=deque[Job])
    waiting: int = 0


def generate(
    engine: Engine,
    identity: Identity,
    requests: Iterable[Request],
    store: Store,
    *,
    figures: Figures | None = None,
    faults_since: float | None = None,
    show: Callable[[Figures], None] | None = None,
    every: float = 1.0,
) -> Iterator[tuple[Request, list[Answer]]]:
    """Each request with its n answers (samples 0 to n − 1), in the order in which they become complete.

    engine: set up by the caller, which got `identity` from it. faults_since: Unix seconds when this run began; faults
    of an earlier one are asked again (`Fault.lasts`). None keeps them, but for prompts that found a smaller context.
    show: called with the figures at most once in `every` seconds and at the end. Raises EngineError when no request
    can be served; what has come back by then is stored.
    """
    figures = figures or Figures()
    figures.devices = engine.devices
    figures.go_on()
    of_identity = identity_key(identity)
    window, source, dry, shown = _Window(), iter(requests), False, time.monotonic()
    while True:
        while not dry and len(window.queue) < engine.room() and window.waiting < MOST_WAITING:
            request = next(source, None)
            if request is None:
                dry = True
                break
            figures.requests += 1
            opened = _take(request, of_identity, window, store, figures, engine.context, faults_since)
            if not opened.missing:
                yield _done(opened)
        while window.queue and engine.room() > 0:
            engine.submit(window.queue.popleft())
            figures.asked += 1
        if not window.asked:
            if dry:
                break
            continue
        for answer in engine.collect(timeout=0.2):
            store.put(answer)
            figures.count(answer)
            for opened, i in window.asked.pop(answer.key):
                opened.answers[i] = answer
                opened.missing -= 1
                if not opened.missing:
                    window.waiting -= 1
                    yield _done(opened)
        if show is not None and time.monotonic() - shown >= every:
            figures.engine, shown = engine.state(), time.monotonic()
            show(figures)
    figures.engine = engine.state()
    figures.stop()
    if show is not None:
        show(figures)


def _take(
    request: Request,
    of_identity: bytes,
    window: _Window,
    store: Store,
    figures: Figures,
    context: int | None,
    since: float | None,
) -> _Open:
    """Takes a request in: finds its samples in the store, joins those that are being asked, queues the rest."""
    of_request = request_key(of_identity, request)
    opened = _Open(request, [None] * request.n)
    for i in range(request.n):
        sample = job(of_request, request, i)
        if (waiting := window.asked.get(sample.key)) is not None:
            waiting.append((opened, i))
            figures.duplicates += 1
        else:
            known = store.get(sample.key)
            if known is not None and not (isinstance(known, Fault) and not known.lasts(context, since)):
                opened.answers[i] = known
                figures.stored += 1
                continue
            window.asked[sample.key] = [(opened, i)]
            window.queue.append(sample)
        opened.missing += 1
    window.waiting += opened.missing > 0
    return opened


def _done(opened: _Open) -> tuple[Request, list[Answer]]:
    return opened.request, [answer for answer in opened.answers if answer is not None]
