"""Several judges are better than one, and judges of one family are not several."""

import numpy as np
import pytest

from synth.judge.jury import (
    CLASSES,
    Ballots,
    JuryError,
    bradley_terry,
    by_strength,
    dawid_skene,
    dependence,
    majority,
)

ALONE: dict[str, str] = {}


def simulated(accuracies, copies: float = 0.0, count: int = 2000, seed: int = 3):
    """Truth and verdicts of judges of known accuracy; the last copies the one before it in a share `copies` of them."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, count, p=[0.4, 0.4, 0.2])
    said = []
    for accuracy in accuracies:
        wrong = rng.random(count) >= accuracy
        said.append(np.where(wrong, (truth + rng.integers(1, 3, count)) % 3, truth))
    if copies:
        said[-1] = np.where(rng.random(count) < copies, said[-2], said[-1])
    return truth, {f"judge{i}": [CLASSES[v] for v in votes] for i, votes in enumerate(said)}


def right(panels, truth) -> float:
    return float(np.mean([p.verdict == CLASSES[t] for p, t in zip(panels, truth, strict=True)]))


def test_a_majority_of_families_decides_and_a_split_does_not():
    ballots = Ballots(
        {
            "a": ["win", "win", None, "win", "tie"],
            "b": ["win", "loss", None, "inconsistent", "tie"],
            "c": ["loss", "tie", None, "win", None],
        },
        ALONE,
    )
    found = majority(ballots)
    assert [p.verdict for p in found] == ["win", "inconsistent", None, "win", "tie"]
    assert found[0].margin == pytest.approx(1 / 3)
    assert found[3].margin == pytest.approx(2 / 3)


def test_three_judges_of_one_family_have_one_voice():
    ballots = Ballots(
        {"a7": ["win"], "a70": ["win"], "a700": ["loss"], "b": ["loss"], "c": ["loss"]},
        dict.fromkeys(("a7", "a70", "a700"), "a"),
    )
    assert majority(ballots)[0].verdict == "loss"


def test_dawid_skene_finds_who_can_be_trusted():
    truth, verdicts = simulated([0.9, 0.5, 0.5])
    panels = dawid_skene(Ballots(verdicts, ALONE))
    assert right(panels, truth) > right(majority(Ballots(verdicts, ALONE)), truth) + 0.05
    assert right(panels, truth) > 0.88


def test_two_judges_that_copy_each_other_do_not_carry_the_jury():
    truth, verdicts = simulated([0.8, 0.75, 0.7, 0.65, 0.65], copies=0.8)
    together = Ballots(verdicts, {"judge3": "x", "judge4": "x"})
    apart = Ballots(verdicts, ALONE)
    assert right(dawid_skene(together), truth) > right(majority(together), truth)
    assert right(dawid_skene(together), truth) > right(majority(apart), truth) + 0.03
    assert right(dawid_skene(together), truth) > right(dawid_skene(apart), truth) + 0.1


def test_judges_that_err_together_are_found():
    _, verdicts = simulated([0.8, 0.75, 0.7, 0.65, 0.65], copies=0.8)
    declared = Ballots(verdicts, {"judge3": "x", "judge4": "x"})
    found = dependence(declared, dawid_skene(declared))
    worst = max(found, key=lambda pair: found[pair])
    assert worst == ("judge3", "judge4")
    assert found[worst] > 0.6
    assert max(v for pair, v in found.items() if pair != worst) < 0.1


def test_peoples_decisions_hold_and_let_two_families_be_weighed():
    truth, verdicts = simulated([0.9, 0.6])
    ballots = Ballots(verdicts, ALONE)
    gold = [CLASSES[t] if i < 200 else None for i, t in enumerate(truth)]
    panels = dawid_skene(ballots, gold)
    assert [p.verdict for p in panels[:200]] == gold[:200]
    assert right(panels[200:], truth[200:]) > 0.87


def test_a_judge_that_always_says_the_same_changes_nothing():
    truth, verdicts = simulated([0.8, 0.75, 0.7])
    with_parrot = dict(verdicts, parrot=["win"] * len(truth))
    before, after = (dawid_skene(Ballots(v, ALONE)) for v in (verdicts, with_parrot))
    assert np.mean([a.verdict == b.verdict for a, b in zip(before, after, strict=True)]) > 0.995


def test_missing_and_inconsistent_verdicts_are_borne():
    truth, verdicts = simulated([0.85, 0.8, 0.75, 0.7])
    rng = np.random.default_rng(0)
    holes = {
        name: [
            None if u < 0.2 else "inconsistent" if u < 0.35 else v
            for u, v in zip(rng.random(len(said)), said, strict=True)
        ]
        for name, said in verdicts.items()
    }
    assert right(dawid_skene(Ballots(holes, ALONE)), truth) > 0.8


def test_swapping_all_answers_swaps_all_verdicts():
    truth, verdicts = simulated([0.8, 0.7, 0.65])
    other = {"win": "loss", "loss": "win", "tie": "tie"}
    swapped = {name: [other[v] for v in said] for name, said in verdicts.items()}
    for method in (majority, dawid_skene):
        one, two = method(Ballots(verdicts, ALONE)), method(Ballots(swapped, ALONE))
        agree = [b.verdict == other.get(str(a.verdict), a.verdict) for a, b in zip(one, two, strict=True)]
        assert np.mean(agree) > 0.999
    assert len(truth) == len(one)


def test_too_few_families_are_refused_with_what_would_help():
    _, verdicts = simulated([0.8, 0.7], count=10)
    with pytest.raises(JuryError, match="3 families or people's decisions"):
        dawid_skene(Ballots(verdicts, ALONE))
    with pytest.raises(JuryError, match="a jury without judges"):
        Ballots({}, ALONE)
    with pytest.raises(JuryError, match="different lengths"):
        Ballots({"a": ["win"], "b": []}, ALONE)
    with pytest.raises(JuryError, match="gold is one of win, loss, tie"):
        dawid_skene(Ballots(verdicts, ALONE), ["win"])


def test_strengths_of_a_prompts_answers_follow_its_wins():
    # three answers, each two compared four times: 0 beats 1 three of four, 1 beats 2 three of four, 0 beats 2 four of four
    wins = np.array([[0, 3, 4], [1, 0, 3], [0, 1, 0]], float)
    strength = bradley_terry(wins)
    assert strength[0] > strength[1] > strength[2] > 0
    assert np.log(strength).mean() == pytest.approx(0, abs=1e-6)
    # the stationary equations of the likelihood, with the half wins in
    won = wins + np.where(wins + wins.T > 0, 0.5, 0)
    expected = ((won + won.T) * strength[:, None] / (strength[:, None] + strength)).sum(1)
    assert won.sum(1) == pytest.approx(expected, abs=1e-4)


def test_an_answer_that_was_never_compared_has_the_middle_strength():
    assert bradley_terry(np.array([[0.0, 2, 0], [0, 0, 0], [0, 0, 0]]))[2] == pytest.approx(1.0, abs=0.01)


def test_a_win_by_strength_is_worth_what_the_prompts_other_comparisons_say():
    # a beats b, b beats c, a beats c; and of another prompt a ring that nobody wins
    sides = [(b"p", b"a", b"b"), (b"p", b"b", b"c"), (b"p", b"a", b"c")]
    sides += [(b"q", b"a", b"b"), (b"q", b"b", b"c"), (b"q", b"c", b"a"), (b"r", b"x", b"y"), (b"s", b"x", b"y")]
    said = ["win", "win", "win", "win", "win", "win", "win", None]
    found = by_strength(Ballots({"one": said}, ALONE), sides)
    assert [p.verdict for p in found] == ["win"] * 3 + ["tie"] * 3 + ["win", None]
    assert found[6].margin == pytest.approx(0.5), "one game won of one, and half a game each way: odds of 1.5 to 0.5"
    assert found[2].margin > found[0].margin == pytest.approx(found[1].margin)
    assert found[2].confidence == pytest.approx((1 + found[2].margin) / 2)


def test_by_strength_a_comparison_that_judges_split_on_follows_the_others():
    sides = [(b"p", b"a", b"b"), (b"p", b"a", b"c"), (b"p", b"c", b"b")]
    found = by_strength(Ballots({"one": ["inconsistent", "win", "win"], "two": ["tie", "win", "win"]}, ALONE), sides)
    assert majority(Ballots({"one": ["inconsistent"], "two": ["tie"]}, ALONE))[0].verdict == "inconsistent"
    assert found[0].verdict == "win"
    assert found[0].margin > found[1].margin == pytest.approx(found[2].margin), (
        "c lies between them, as far from either"
    )


def test_by_strength_a_family_has_one_voice():
    sides = [(b"p", b"a", b"b")]
    copies = Ballots({"a7": ["win"], "a70": ["win"], "b": ["loss"]}, {"a7": "a", "a70": "a"})
    assert by_strength(copies, sides)[0].verdict == "tie"
