"""Work that another thread does while what it made last is used: reading, decoding, gathering, putting together.

Each kind of work has one thread, which stays: a new thread would get an arena of memory of its own. Work of one kind may ask for
work of another, never for its own.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import cache
from typing import Literal, TypeVar

T = TypeVar("T")
Kind = Literal["decode", "gather", "assemble", "names"]


@cache
def thread(kind: Kind) -> ThreadPoolExecutor:
    """The thread of a kind of work."""
    return ThreadPoolExecutor(1, thread_name_prefix=kind)


def ahead(made: Iterator[T], kind: Kind) -> Iterator[T]:
    """What an iterator yields, the next one being made meanwhile. None ends it.

    >>> list(ahead(iter("精米"), "decode"))
    ['精', '米']
    """
    waiting = thread(kind).submit(next, made, None)
    try:
        while (one := waiting.result()) is not None:
            waiting = thread(kind).submit(next, made, None)
            yield one
    finally:
        if not waiting.cancel():  # what it is made of stays open until it is made
            wait([waiting])
