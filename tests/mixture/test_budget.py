"""The planner: hand-worked budgets, and that no other filling would be better."""

from math import exp, log

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.mixture.allocation import Allocation
from curation.mixture.budget import (
    Stage,
    compute_optimum,
    curve,
    make_budget,
    marginal_losses,
)
from curation.mixture.cells import BudgetError, Cells
from curation.mixture.relaxation import relaxations, relaxations_for_loss
from curation.mixture.scaling_law import R_D, constrained_loss, worth

G = 1e9


def cells(*rows: tuple[str, str, float, float], k: int = 4) -> Cells:
    source, tier, tokens, value = zip(*rows, strict=True)
    return Cells.plain(list(source), list(tier), np.array(tokens), np.array(value), k)


def test_four_epochs_of_one_source_are_worth_3_73():
    plan = make_budget(cells(("web", "", 25 * G, 1)), 5e9, 100 * G)
    assert plan.showings.tolist() == [[4.0]]
    assert plan.effective / plan.unique == pytest.approx(3.7257, abs=1e-4)
    assert plan.over_training == pytest.approx(1.0)
    assert plan.flops == pytest.approx(6 * 5e9 * 100e9)


def test_the_better_tier_is_repeated_until_its_next_showing_is_worth_the_others_first():
    plan = make_budget(cells(("web", "high", 10 * G, 1.1), ("web", "low", 100 * G, 1.0)), 5e9, 60 * G)
    high, low = plan.showings[0]
    assert high == pytest.approx(1 + R_D * log(1.1))  # 1.1 e^(−(r − 1)/R*) = 1
    assert low == pytest.approx((60 - 10 * high) / 100)
    assert plan.level == 1.0


def test_sources_of_equal_value_are_repeated_alike():
    plan = make_budget(cells(("a", "", 30 * G, 1), ("b", "", 10 * G, 1)), 5e9, 100 * G)
    assert plan.showings[0] == pytest.approx([2.5, 2.5])
    assert plan.level == pytest.approx(exp(-1.5 / R_D))


def test_a_budget_below_one_epoch_repeats_nothing_and_takes_the_best_first():
    plan = make_budget(cells(("a", "", 30 * G, 1), ("b", "", 10 * G, 1.01)), 1e9, 20 * G)
    assert plan.showings[0] == pytest.approx([(20 - 10 * (1 + R_D * log(1.01))) / 30, 1 + R_D * log(1.01)])
    alike = make_budget(cells(("a", "", 30 * G, 1), ("b", "", 10 * G, 1)), 1e9, 20 * G)
    assert alike.showings[0] == pytest.approx([0.5, 0.5])
    assert alike.unique == alike.effective == pytest.approx(20 * G)


def test_later_stages_choose_first_and_all_stages_share_the_allowance():
    stages = (Stage("pretrain", 0.9), Stage("anneal", 0.1, ("wiki",)))
    plan = make_budget(cells(("web", "", 100 * G, 1), ("wiki", "", 10 * G, 1.5)), 1e9, 200 * G, stages)
    assert plan.showings[1] == pytest.approx([0, 2])
    assert plan.showings[0] == pytest.approx([1.6, 2])
    assert plan.showings.sum(axis=0).max() <= 4


def test_the_first_allowance_to_end_is_named_with_its_tokens_and_parameters():
    plan = make_budget(cells(("web", "", 100 * G, 1), ("wiki", "", 10 * G, 2)), 1e9, 50 * G)
    assert plan.binding is not None
    assert (plan.binding.source, plan.binding.tokens) == ("wiki", pytest.approx(40 * G))
    assert plan.binding.parameters == pytest.approx(2 * G)


def test_earlier_showings_and_passes_of_clusters_lower_what_may_be_shown():
    made = Cells(
        ["a", "b", "c"], [""] * 3, np.full(3, G), np.ones(3), 4, np.array([1.0, 2, 1]), np.array([1.0, 3, 1]),
        np.array([3.0, 0, 4]), np.array([np.inf, np.inf, np.inf]),
    )  # fmt: skip
    assert made.most.tolist() == [1, 2, 0]  # 4 − 3; one pass of 3 showings, 2 of them here; nothing
    plan = make_budget(made, 1e9, 2.5 * G)
    assert plan.showings[0] == pytest.approx([0.5 + 0, 2, 0], abs=0.6)
    assert (made.debit + plan.showings[0]).max() <= 4


def test_a_budget_that_allowances_cannot_fill_names_the_smallest_changes():
    plan = make_budget(cells(("web", "", 10 * G, 1)), 5e9, 100 * G)
    assert plan.short == {"train": pytest.approx(60 * G)}
    needed = {r.what: r.needed for r in relaxations(plan)}
    assert needed == {
        "k": 10,
        "unique_tokens": pytest.approx(25 * G),
        "tokens": pytest.approx(40 * G),
        "parameters_at_this_ratio": pytest.approx(2e9),
    }
    more = make_budget(cells(("web", "", 10 * G, 1), k=10), 5e9, 100 * G)
    assert not more.short
    assert not relaxations(more)


def test_each_change_for_a_target_loss_reaches_it_and_little_less_does_not():
    plan = make_budget(cells(("web", "", 100 * G, 1)), 1e9, 20 * G)
    target = plan.losses[0] - 0.05
    needed = {r.what: r.needed for r in relaxations_for_loss(plan, target)}
    more = make_budget(plan.cells, 1e9, needed["tokens"])
    assert more.losses[0] == pytest.approx(target, abs=1e-6)
    wider = make_budget(plan.cells, needed["parameters"], 20 * G)
    assert wider.losses[0] == pytest.approx(target, abs=1e-6)
    assert needed["unique_tokens"] is None, "20 B tokens are all fresh already: more of them would not be shown"
    assert needed["loss"] == plan.losses[0]


def test_a_billion_more_tokens_bring_what_planning_again_with_them_brings():
    def made(more: float):
        return make_budget(cells(("web", "", 80 * G + more, 1), ("wiki", "", 20 * G, 1.2)), 7e9, 300 * G)

    predicted = marginal_losses(made(0))["web"]
    assert predicted < 0
    assert predicted == pytest.approx(made(1 * G).losses[0] - made(0).losses[0], rel=0.02)


@pytest.mark.parametrize(("size", "tokens"), [(1 * G, 2 * G), (10 * G, 40 * G), (4.5e6, 8e6)])
def test_a_billion_more_tokens_of_a_small_source_are_planned_and_not_extrapolated(size, tokens):
    plan = make_budget(cells(("web", "", size, 1)), 1e9, tokens)
    more = make_budget(cells(("web", "", size + G, 1)), 1e9, tokens)
    assert marginal_losses(plan)["web"] == pytest.approx(more.losses[0] - plan.losses[0], abs=1e-9)


def test_a_billion_more_tokens_come_in_the_sources_own_mix_and_stages_stay():
    stages = (Stage("pretrain", 0.9), Stage("anneal", 0.1, ("wiki",)))

    def made(more: float):
        rows = (
            ("web", "", 30 * G, 1),
            ("wiki", "high", (1 + more / 4) * G, 1.5),
            ("wiki", "low", (3 + 3 * more / 4) * G, 1),
        )
        return make_budget(cells(*rows), 1e9, 60 * G, stages)

    found = marginal_losses(made(0), ["wiki"])
    assert found == {"wiki": pytest.approx(made(1).losses[0] - made(0).losses[0], abs=1e-9)}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "charges", "Spill", "-x", "x" * 101, "a b", "a\n"])
def test_a_stage_whose_name_cannot_be_a_folder_is_refused(name):
    with pytest.raises(BudgetError, match="its name becomes a folder"):
        Stage(name)


def test_stages_have_names_of_their_own():
    for name in ("pretrain", "第1段階", "stage_2.b"):
        Stage(name)
    with pytest.raises(BudgetError, match="stage 'A': another stage has this name"):
        make_budget(cells(("web", "", G, 1)), 1e9, 1e9, (Stage("a", 0.5), Stage("A", 0.5)))


def test_repetition_costs_what_the_law_says_beside_an_all_unique_twin():
    once = make_budget(cells(("web", "", 1000 * G, 1)), 7e9, 1000 * G)
    four = make_budget(cells(("web", "", 250 * G, 1)), 7e9, 1000 * G)
    assert (once.losses[0], four.losses[0]) == (pytest.approx(2.1320, abs=1e-4), pytest.approx(2.1343, abs=1e-4))
    assert four.fresh_losses[0] == pytest.approx(once.losses[0])


def test_compute_is_split_at_twenty_to_one_when_there_is_data_enough():
    parameters = compute_optimum(cells(("web", "", 1e14, 1)), 1e22)
    assert 1e22 / 6 / parameters / parameters == pytest.approx(19.6, rel=0.1)
    scarce = compute_optimum(cells(("web", "", 10 * G, 1)), 1e22)
    assert scarce > parameters


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_no_other_filling_of_the_same_tokens_is_worth_more(data):
    n = data.draw(st.integers(1, 8))
    draw = lambda low, high: np.array(data.draw(st.lists(st.floats(low, high), min_size=n, max_size=n)))  # noqa: E731
    tokens, value, shown = draw(1, 100), draw(0.3, 3), draw(0, 3)
    value = np.where(np.array(data.draw(st.lists(st.booleans(), min_size=n, max_size=n))), 1.0, value)
    most = np.array(data.draw(st.lists(st.integers(0, 6), min_size=n, max_size=n)))
    allocation = Allocation(tokens, value, most, shown)
    budget = allocation.feasible * data.draw(st.floats(0.01, 1.2))
    filled = allocation.fill(budget)
    assert tokens @ filled.showings == pytest.approx(min(budget, allocation.feasible), abs=1e-6)
    assert (filled.showings >= 0).all()
    assert (filled.showings <= allocation.room + 1e-9).all()
    best = (tokens * value) @ worth(shown + filled.showings)
    for i in range(n):
        for j in range(n):
            other = filled.showings.copy()
            other[i] += 0.02 / tokens[i]
            other[j] -= 0.02 / tokens[j]
            if other[i] <= allocation.room[i] and other[j] >= 0:
                assert (tokens * value) @ worth(shown + other) <= best + 1e-7


def test_the_curve_passes_through_the_plan_of_one_stage():
    plan = make_budget(cells(("web", "", 25 * G, 1), ("wiki", "", 5 * G, 1.5)), 5e9, 90 * G)
    line = curve(plan, 400)
    assert np.interp(plan.tokens, line.tokens, line.effective) == pytest.approx(plan.effective, rel=1e-3)
    assert np.interp(plan.tokens, line.tokens, line.loss) == pytest.approx(plan.losses[0], rel=1e-3)
    assert (np.diff(line.loss) < 1e-9).all()
    assert line.tokens[-1] == pytest.approx(plan.feasible)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: cells(("web", "", G, 1), k=0), "k must be at least 1 showing, not 0"),
        (lambda: cells(("web", "", G, 0)), "source 'web': a value"),
        (lambda: make_budget(cells(("web", "", G, 1)), 1e9, 0), "tokens must be at least 1"),
        (lambda: make_budget(cells(("web", "", G, 1)), 0, 1e9), "parameters must be at least 1"),
        (lambda: make_budget(cells(("web", "", G, 1)), 1e9, 1e9, (Stage("a", 0.5),)), "sum to 1, not 0.5"),
        (
            lambda: make_budget(cells(("web", "", G, 1)), 1e9, 1e9, (Stage("a", 1.0, ("wiki",)),)),
            "stage 'a': no source 'wiki' has tokens",
        ),
    ],
)
def test_budgets_that_mean_nothing_are_refused(made, said):
    with pytest.raises(BudgetError, match=said):
        made()


def test_the_constrained_loss_of_the_plan_is_that_of_the_law():
    plan = make_budget(cells(("web", "", 25 * G, 1)), 6.34e9, 96 * G)
    assert plan.losses[0] == pytest.approx(float(constrained_loss(6.34e9, 25 * G * worth(96 / 25), 25 * G)))
