"""What several people's answers to one question are together: a value and how it was found, by nothing but the answers.

    label     the choice of more than half; 判断できない is no vote where somebody else could tell
    labels    each choice that more than half made; none may be made by exactly half
    rating    the median, of an even number the mean of the two in the middle
    ranking   each two answers in the order that more than half give them, where that is an order
    span      characters that more than half marked with a kind; where half and more mark and agree on no character, nothing
    text      the text that more than half wrote

One answer is `single`, equal ones are `unanimous`; where the rule finds nothing the value is None and the method `undecided`.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from statistics import median
from typing import Any, NamedTuple

from annotation.decision import Method

CANNOT_TELL = "cannot_tell"
"""The choice with which people say that they do not know."""

Span = Mapping[str, Any]


class Voted(NamedTuple):
    """A value (None where undecided), how it was found, and how many people's answers it is from."""

    value: Any
    method: Method
    people: int


def most(said: Sequence[Any]) -> Any:
    """The value of more than half; None where there is none.

    >>> most(["a", "a", "b"]), most(["a", "a", "b", "same"])
    ('a', None)
    """
    value, count = Counter(said).most_common(1)[0]
    return value if 2 * count > len(said) else None


def label(said: Sequence[str]) -> Voted:
    """One choice of several people.

    >>> label(["a", "cannot_tell"]), label(["cannot_tell", "cannot_tell"]).value, label(["a", "b"])
    (Voted(value='a', method='single', people=1), 'cannot_tell', Voted(value=None, method='undecided', people=2))
    """
    told = [value for value in said if value != CANNOT_TELL] or list(said)
    return _of(told, most(told), "majority")


def labels(said: Sequence[Sequence[str]]) -> Voted:
    """Choices of several people who may make any number.

    >>> labels([["hate"], ["hate", "rights"], ["hate"]]).value, labels([["hate"], []]).method
    (['hate'], 'undecided')
    """
    chosen = [tuple(sorted(set(one))) for one in said]
    counts = Counter(value for one in chosen for value in one)
    torn = any(2 * count == len(chosen) for count in counts.values())
    value = None if torn else [v for v, count in sorted(counts.items()) if 2 * count > len(chosen)]
    found = _of(chosen, value, "majority")
    return found._replace(value=list(found.value)) if isinstance(found.value, tuple) else found


def rating(said: Sequence[int]) -> Voted:
    """Points of several people.

    >>> rating([2, 5, 4]), rating([3, 4]).value
    (Voted(value=4.0, method='median', people=3), 3.5)
    """
    found = _of(said, median(said), "median")
    return found._replace(value=float(found.value))


def ranking(said: Sequence[Mapping[str, int]]) -> Voted:
    """Orders of several people: ranks by answer, of the same answers each; the value has ranks 1, 2, … without gaps.

    >>> ranking([{"a": 1, "b": 2, "c": 3}, {"b": 1, "c": 2, "a": 3}, {"c": 1, "a": 2, "b": 3}]).method  # in a circle
    'undecided'
    >>> ranking([{"a": 1, "b": 2, "c": 2}, {"a": 1, "b": 3, "c": 3}]).value
    {'a': 1, 'b': 2, 'c': 2}
    """
    orders = [dense(one) for one in said]
    names = sorted(orders[0]) if len({frozenset(one) for one in orders}) == 1 else []
    losses = dict.fromkeys(names, 0)
    relation: dict[tuple[str, str], int] = {}
    for one, other in combinations(names, 2):
        says = most([(o[one] > o[other]) - (o[one] < o[other]) for o in orders])
        if says is None:
            return _of([tuple(sorted(o.items())) for o in orders], None, "majority")
        relation[one, other] = says
        losses[one] += says > 0
        losses[other] += says < 0
    value = dense(losses) if names else None
    holds = value is not None and all(
        (value[a] > value[b]) - (value[a] < value[b]) == says for (a, b), says in relation.items()
    )
    found = _of([tuple(sorted(o.items())) for o in orders], value if holds else None, "majority")
    return found._replace(value=dict(found.value)) if isinstance(found.value, tuple) else found


def dense(ranks: Mapping[str, int]) -> dict[str, int]:
    """Ranks without gaps.

    >>> dense({"a": 4, "b": 1, "c": 4})
    {'a': 2, 'b': 1, 'c': 2}
    """
    place = {rank: n for n, rank in enumerate(sorted(set(ranks.values())), 1)}
    return {name: place[rank] for name, rank in sorted(ranks.items())}


def spans(said: Sequence[Sequence[Span]]) -> Voted:
    """Marks of several people, each with `start`, `end` (behind the last) and `kind`.

    >>> one, other = [{"start": 0, "end": 4, "kind": "fact"}], [{"start": 2, "end": 6, "kind": "fact"}]
    >>> spans([one, other]).value, spans([one, []]).method, spans([[], one, []]).value
    ([{'start': 2, 'end': 4, 'kind': 'fact'}], 'undecided', [])
    """
    marked = [_points(one) for one in said]
    counts = Counter(point for one in marked for point in one)
    kept = sorted(point for point, count in counts.items() if 2 * count > len(marked))
    lost = not kept and 2 * sum(map(bool, marked)) >= len(marked) and any(marked)
    found = _of([tuple(sorted(one)) for one in marked], None if lost else kept, "majority")
    return found if found.value is None else found._replace(value=_runs(found.value))


def text(said: Sequence[str]) -> Voted:
    """Texts of several people."""
    return _of(said, most(said), "majority")


def _of(said: Sequence[Any], value: Any, method: Method) -> Voted:
    """What one rule for all kinds says first: one answer, or equal ones."""
    if len(set(said)) == 1:
        return Voted(said[0], "single" if len(said) == 1 else "unanimous", len(said))
    return Voted(value, "undecided" if value is None else method, len(said))


def _points(marks: Sequence[Span]) -> set[tuple[str, int]]:
    return {(mark["kind"], at) for mark in marks for at in range(mark["start"], mark["end"])}


def _runs(points: Iterable[tuple[str, int]]) -> list[dict[str, Any]]:
    """Neighbouring points of one kind as spans, in the order of the text."""
    by_kind: dict[str, list[list[int]]] = defaultdict(list)
    for kind, at in sorted(points):
        runs = by_kind[kind]
        if runs and runs[-1][1] == at:
            runs[-1][1] = at + 1
        else:
            runs.append([at, at + 1])
    made = [{"start": a, "end": b, "kind": kind} for kind, runs in by_kind.items() for a, b in runs]
    return sorted(made, key=lambda span: (span["start"], span["end"], span["kind"]))
