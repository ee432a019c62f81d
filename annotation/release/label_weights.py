"""What labelled answers weigh in a trainer's loss: one number for good ones and one for bad ones, which make the wanted ratio.

A row's own `weight` is read by no trainer: TRL, LLaMA-Factory and Axolotl take one number a side. The ratio is the recipe's where all
sets say the same one, else what the rows' weights make; it is made of the rows that a trainer is given to learn from, since splits,
people's decisions and rows that a format cannot hold move the counts.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple


class LabelWeights(NamedTuple):
    """Of a good and of a bad answer; the smaller one is 1."""

    good: float
    bad: float


class Labels:
    """Counts good and bad answers that a trainer learns from. ratio: weight of all good ones over that of all bad ones, as wanted."""

    def __init__(self, ratio: float | None):
        self.ratio = ratio
        self._rows, self._weight = {True: 0, False: 0}, {True: 0.0, False: 0.0}

    def add(self, row: Mapping[str, Any]) -> None:
        """Counts a canonical row of the kind `answer`."""
        self._rows[row["label"]] += 1
        self._weight[row["label"]] += row["weight"]

    def weights(self) -> LabelWeights | None:
        """The weights; None where all answers are good, or all are bad.

        >>> labels = Labels(2.0)
        >>> for label in (True, False, False, False): labels.add({"label": label, "weight": 1.0})
        >>> labels.weights()
        LabelWeights(good=6.0, bad=1.0)
        """
        good, bad = self._rows[True], self._rows[False]
        if not good or not bad or not min(self._weight.values()):
            return None
        up = (self.ratio or self._weight[True] / self._weight[False]) * bad / good
        return LabelWeights(round(up, 6), 1.0) if up >= 1 else LabelWeights(1.0, round(1 / up, 6))


def wanted_ratio(manifests: Iterable[Mapping[str, Any]]) -> float | None:
    """The ratio that the manifests of sets with labelled answers state; None where they state several, or none."""
    stated = {one["kto"]["ratio"] for one in manifests if "kto" in one}
    return stated.pop() if len(stated) == 1 else None
