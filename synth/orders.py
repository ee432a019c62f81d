"""What a recipe orders: tasks with who answers them and how, and which instances a round asks for.

An order's instances are numbered from 0 and never made twice: round n asks for the numbers after those of round n − 1. So a round's
plan is a few numbers, the same whoever makes it, and a worker makes the instances of its share from them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from curation.provenance import key
from synth.engine.request import Sampling
from synth.rights import shared_span
from synth.seed import Seed
from synth.tasks.draw import Draw
from synth.tasks.task import Instance, Task, TaskError, instance
from synth.verify.constraint import Constraint
from synth.wordings import Split, Wordings

Answers = Literal["program", "model", "both"]
"""Who answers an order: a program, a model, or both where a program can."""


@dataclass(frozen=True)
class Order:
    """One task as a recipe wants it.

    name: the recipe's name of it, by which quotas count. samples: answers that a model is asked for of each prompt. conduct: what
    every turn that a model writes must satisfy beside its own constraints. topic_span: characters in a row that a row of a `topic`
    task may not share with its passage. drafts: whether wordings that nobody has reviewed may be used.
    """

    name: str
    task: Task
    answers: Answers
    samples: int
    sampling: Sampling
    conduct: tuple[Constraint, ...] = ()
    split: Split = "train"
    topic_span: int = 30
    drafts: bool = False

    def words(self) -> Wordings:
        """The wordings that it may use: reviewed ones, or all."""
        whole = self.task.words()
        return whole if self.drafts else whole.only(("reviewed",))


@dataclass(frozen=True)
class Drawn:
    """An instance that was made for an order, with what it was made of."""

    order: Order
    number: int
    instance: Instance
    draw: Draw
    passage: Seed | None

    @property
    def id(self) -> bytes:
        """Identity of the prompt's row: order and content, so that two orders with one prompt stay two."""
        return key("drawn", self.order.name, self.instance.key())

    @property
    def novel(self) -> str:
        """What novelty looks at: a passage is stood for by its id, or every prompt about it would be a copy of the others."""
        said = self.instance.said
        return said if self.passage is None else said.replace(self.passage.text, f" {self.passage.id} ")

    @property
    def twin(self) -> bytes:
        """Under which id novelty decides: that of its twins, or its own."""
        return key("twin", self.order.name, self.instance.twin) if self.instance.twin else self.id


def numbers(wanted: Mapping[str, int], asked: Mapping[str, int]) -> dict[str, tuple[int, int]]:
    """The first number and the one after the last of each order's next instances.

    >>> numbers({"mathematics": 20}, {"mathematics": 35})
    {'mathematics': (35, 55)}
    """
    return {name: (asked.get(name, 0), asked.get(name, 0) + count) for name, count in wanted.items()}


def drawn(
    orders: Sequence[Order],
    ranges: Mapping[str, tuple[int, int]],
    seeds: Sequence[Seed],
    salt: str,
    rank: int = 0,
    of: int = 1,
) -> Iterator[Drawn]:
    """A round's instances, those of one worker of `of`: every order's numbers, each with its passage where its task wants one.

    Passages come in an order of their own for each order, again and again. Instances that a passage does not serve are left out.
    Raises TaskError where an order wants passages and there are none.
    """
    for order in orders:
        first, end = ranges.get(order.name, (0, 0))
        passages = sorted(seeds, key=lambda s: key("passage of", salt, order.name, s.id)) if order.task.passage else []
        if order.task.passage and end > first and not passages:
            raise TaskError(f"'{order.name}' grows from passages, and the curated pages gave none")
        words = order.words()
        for number in range(first, end):
            if number % of != rank:
                continue
            passage = passages[number // order.task.members % len(passages)] if passages else None
            made = instance(order.task, number, f"{salt}/{order.name}", passage, order.split, words)
            if made is None:
                continue
            if (
                passage is not None
                and order.task.use == "topic"
                and shared_span(passage.text, made[0].said, order.topic_span)
            ):
                continue  # the prompt itself takes wording: this instance is none of a topic
            yield Drawn(order, number, made[0], made[1], passage)
