"""Several judges' verdicts together: one verdict a comparison, with a margin.

- `majority`: what most say; one voice a family, so that three sizes of one model are not three.
- `bradley_terry`: each answer of a prompt has a strength, fitted to all comparisons of the prompt (Bradley & Terry 1952 by Hunter's
  2004 iteration); ties are half a win for each. For prompts with three answers and more.
- `dawid_skene`: each family of judges has its own habits of error, found together with the truth (Dawid & Skene 1979, by EM).

Judges of one family err together, and a method that takes them for independent believes the pair that agrees with itself: with five
judges, two of which copy each other four times of five, plain Dawid–Skene is right in 69 % where a majority is in 84 %. So what the
judges of a family say together is one observation with a table of its own (docs/benchmarks.md). Without three families the
habits are not determined by the verdicts, and people's decisions on some comparisons are needed.

`dependence` says which judges err together beyond what their accuracy explains: such judges are declared as one family.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from synth.judge.verdict import Together

Method = Literal["majority", "bradley_terry", "dawid_skene"]
CLASSES: tuple[Together, ...] = ("win", "loss", "tie")
"""What the truth of a comparison may be. An inconsistent verdict is one more thing that a judge may say, and never the truth."""
SAID: tuple[Together, ...] = (*CLASSES, "inconsistent")
ENOUGH_FAMILIES = 3
SMOOTHING = 0.5
"""Observations added to each class and, together, to each column of a table: no verdict is impossible."""
ROUNDS, SETTLED = 500, 1e-6


class JuryError(ValueError):
    """Verdicts that this method cannot aggregate: too few families, or nobody to aggregate."""


class Panel(NamedTuple):
    """What several judges say together of one comparison. margin: how far it leans, in [−1, 1], to a; confidence in [0, 1].

    verdict: None where no judge gave one.
    """

    verdict: Together | None
    margin: float
    confidence: float


@dataclass(frozen=True)
class Ballots:
    """Verdicts of all judges: one list a judge, a verdict a comparison or None. family: of each judge; its own name by default."""

    verdicts: Mapping[str, Sequence[Together | None]]
    family: Mapping[str, str]

    def __post_init__(self) -> None:
        if not self.verdicts:
            raise JuryError("a jury without judges")
        if len({len(v) for v in self.verdicts.values()}) > 1:
            raise JuryError("the judges' lists of verdicts are of different lengths")

    def families(self) -> list[list[str]]:
        """Judges by family, in the order of the first of each."""
        found: dict[str, list[str]] = {}
        for judge in self.verdicts:
            found.setdefault(self.family.get(judge, judge), []).append(judge)
        return list(found.values())

    def codes(self, judge: str) -> np.ndarray:
        """0 for no verdict, else the place in `SAID` plus one, a number a comparison."""
        return np.array([0 if v is None else SAID.index(v) + 1 for v in self.verdicts[judge]], np.int64)


def majority(ballots: Ballots) -> list[Panel]:
    """What most voices say, each family having one, shared by its judges; inconsistent where no verdict has the most.

    margin: (wins − losses) / voices. confidence: the verdict's share of them.
    """
    votes = _voices(ballots)
    given = votes.sum(1)
    first = votes.max(1, keepdims=True)
    alone = (votes > first - 1e-9).sum(1) == 1
    top = np.where(alone, votes.argmax(1), SAID.index("inconsistent"))
    share = votes / np.maximum(given, 1e-9)[:, None]
    return [
        Panel(SAID[int(t)], float(s[0] - s[1]), float(s[t])) if g else Panel(None, 0.0, 0.0)
        for t, s, g in zip(top, share, given, strict=True)
    ]


def _voices(ballots: Ballots) -> np.ndarray:
    """How many families say each verdict, [comparisons, verdicts]: a judge has its part of its family's voice."""
    votes = np.zeros((len(next(iter(ballots.verdicts.values()))), len(SAID) + 1))
    for judges in ballots.families():
        for judge in judges:
            votes[np.arange(len(votes)), ballots.codes(judge)] += 1 / len(judges)
    return votes[:, 1:]


def dawid_skene(ballots: Ballots, gold: Sequence[Together | None] | None = None) -> list[Panel]:
    """The most likely verdict of each comparison. gold: people's decisions (win, loss or tie), None where there is none; they hold.

    margin: P(win) − P(loss). Raises JuryError for fewer than three families where there is no gold.
    """
    groups = ballots.families()
    if len(groups) < ENOUGH_FAMILIES and not any(gold or ()):
        raise JuryError(
            f"Dawid–Skene needs verdicts of {ENOUGH_FAMILIES} families or people's decisions on some comparisons; there are "
            f"{len(groups)} families and no decision. Use majority, or add a judge of another family"
        )
    observed = [_joint(ballots, judges) for judges in groups]
    posterior = _fitted(observed, _first_guess(ballots), _fixed(gold, len(observed[0])))
    given = sum(ballots.codes(judge) for judge in ballots.verdicts) > 0
    return [
        Panel(CLASSES[int(p.argmax())], float(p[0] - p[1]), float(p.max())) if some else Panel(None, 0.0, 0.0)
        for p, some in zip(posterior, np.asarray(given).tolist(), strict=True)
    ]


def _joint(ballots: Ballots, judges: Sequence[str]) -> np.ndarray:
    """What a family says together as one number: 0 for none of it, a number for each combination that occurs."""
    code = np.zeros(len(ballots.codes(judges[0])), np.int64)
    for judge in judges:
        code = code * (len(SAID) + 1) + ballots.codes(judge)
    seen, which = np.unique(np.concatenate([[0], code]), return_inverse=True)
    assert seen[0] == 0
    return which[1:]


def _first_guess(ballots: Ballots) -> np.ndarray:
    """Shares of the voices that say each class, [comparisons, classes]."""
    counts = _voices(ballots)[:, : len(CLASSES)] + 1e-3
    return counts / counts.sum(1, keepdims=True)


def _fixed(gold: Sequence[Together | None] | None, count: int) -> np.ndarray:
    """Class of each comparison that people decided, −1 elsewhere."""
    if gold is None:
        return np.full(count, -1)
    if len(gold) != count or any(g == "inconsistent" for g in gold):
        raise JuryError("gold is one of win, loss, tie or None for each comparison")
    return np.array([-1 if g is None else CLASSES.index(g) for g in gold])


def _fitted(observed: Sequence[np.ndarray], posterior: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """EM over the classes' shares and each family's table; a family without a verdict says nothing. [comparisons, classes]."""
    sure = fixed >= 0
    certain = np.eye(len(CLASSES))[np.maximum(fixed, 0)]
    for _ in range(ROUNDS):
        posterior = np.where(sure[:, None], certain, posterior)
        prior = posterior.sum(0) + SMOOTHING
        weight = np.tile(np.log(prior / prior.sum()), (len(posterior), 1))
        for code in observed:
            table = np.stack([np.bincount(code, weights=p, minlength=code.max() + 1) for p in posterior.T], axis=1)
            table = table[1:] + SMOOTHING / max(1, len(table) - 1)
            table = np.concatenate([np.ones((1, len(CLASSES))), table / table.sum(0)])
            weight += np.log(table)[code]
        new = np.exp(weight - weight.max(1, keepdims=True))
        new /= new.sum(1, keepdims=True)
        if np.abs(new - posterior)[~sure].max(initial=0.0) < SETTLED:
            return np.where(sure[:, None], certain, new)
        posterior = new
    return np.where(sure[:, None], certain, posterior)


def bradley_terry(wins: np.ndarray) -> np.ndarray:
    """Strengths of one prompt's answers from wins[i, j] (how often i beat j, a tie half a win for each), their mean logarithm 0.

    Half a win each way is added to every pair that was compared, so that an answer that always won has a finite strength.

    >>> [round(float(s), 2) for s in bradley_terry(np.array([[0.0, 3.0], [1.0, 0.0]]))]
    [1.53, 0.65]
    """
    met = (wins + wins.T) > 0
    won = wins + np.where(met, 0.5, 0.0)
    games = won + won.T
    strength = np.ones(len(wins))
    for _ in range(ROUNDS):
        rate = np.divide(games, strength[:, None] + strength, out=np.zeros_like(games), where=met).sum(1)
        new = np.where(rate > 0, won.sum(1) / np.where(rate > 0, rate, 1), 1.0)
        new /= np.exp(np.log(new).mean())
        if np.abs(new - strength).max() < SETTLED:
            return new
        strength = new
    return strength


def by_strength(ballots: Ballots, sides: Sequence[tuple[bytes, bytes, bytes]]) -> list[Panel]:
    """What the strengths of a prompt's answers say of each comparison. sides: prompt, a and b of each.

    A judge's win is one won game for the answer, with its part of its family's voice; a tie and an inconsistent verdict are half a
    game each way. margin: 2 P(a beats b) − 1, also from comparisons with third answers; confidence: the larger chance.
    """
    votes = _voices(ballots)
    prompts: dict[bytes, list[int]] = {}
    for i, (prompt, _, _) in enumerate(sides):
        prompts.setdefault(prompt, []).append(i)
    panels: list[Panel] = [Panel(None, 0.0, 0.0)] * len(sides)
    for mine in prompts.values():
        place = {answer: n for n, answer in enumerate(sorted({x for i in mine for x in sides[i][1:]}))}
        wins = np.zeros((len(place), len(place)))
        for i in mine:
            a, b = (place[x] for x in sides[i][1:])
            win, loss, *half = votes[i].tolist()
            wins[a, b] += win + sum(half) / 2
            wins[b, a] += loss + sum(half) / 2
        strength = bradley_terry(wins)
        for i in mine:
            if votes[i].sum():
                a, b = (strength[place[x]] for x in sides[i][1:])
                margin = float((a - b) / (a + b))
                verdict: Together = "tie" if abs(margin) < SETTLED else "win" if margin > 0 else "loss"
                panels[i] = Panel(verdict, margin, (1 + abs(margin)) / 2)
    return panels


def dependence(ballots: Ballots, panels: Sequence[Panel]) -> dict[tuple[str, str], float]:
    """For each two judges, how much oftener they say the same than judges with their habits would that err independently.

    Habits are taken from the panels' verdicts. 0 for independent ones, near 1 for copies: agreement beyond expectation over what is
    left of it. NaN for judges that share no comparison.
    """
    found: dict[tuple[str, str], float] = {}
    truth = np.array(
        [-1 if p.verdict is None or p.verdict == "inconsistent" else CLASSES.index(p.verdict) for p in panels]
    )
    names = list(ballots.verdicts)
    codes = {name: ballots.codes(name) for name in names}
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            both = (codes[one] > 0) & (codes[other] > 0) & (truth >= 0)
            found[one, other] = _beyond_chance(codes[one][both], codes[other][both], truth[both])
    return found


def _beyond_chance(one: np.ndarray, other: np.ndarray, truth: np.ndarray) -> float:
    if not len(one):
        return float("nan")
    expected = 0.0
    for c in range(len(CLASSES)):
        of = truth == c
        if of.any():
            shares = [np.bincount(x[of], minlength=len(SAID) + 1) / of.sum() for x in (one, other)]
            expected += float(shares[0] @ shares[1]) * float(of.mean())
    seen = float((one == other).mean())
    return (seen - expected) / (1 - expected) if expected < 1 else 0.0
