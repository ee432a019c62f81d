"""What is said of an order that is short: advice names what the order has."""

import pytest

from synth.shortfall import Shortfall


def lines(reason: str, **more) -> str:
    return "\n".join(Shortfall("order", "rows", 100, 40, 300, 200, {reason: 160}, **more).lines())


def test_more_passages_are_advised_to_an_order_that_grows_from_passages_alone():
    assert "→ other parameters (`with`) or more wordings" in lines("near_prompt")
    assert "passage" not in lines("near_prompt")
    assert "→ more passages, other parameters (`with`) or more wordings" in lines("near_prompt", passages=True)
    assert "100 of 300 instances could not be made of the passage they were given" in lines("cap_host", passages=True)
    assert "100 of 300 instances could not be made with its parameters" in lines("cap_host")


def test_a_request_that_the_engine_refused_comes_with_advice():
    assert "160 refused: the engine refused the request itself → the detail in refused/*.parquet" in lines("refused")


@pytest.mark.parametrize("reason", ["near_prompt", "same_answer", "verdict_fail", "forbidden_author", "malformed_row"])
def test_an_imported_set_is_not_advised_what_only_a_task_has(reason):
    said = lines(reason, imported=200)
    assert said.startswith("order has 40 of 100 rows, from 200 of the set's 200")
    assert "→" in said
    assert not any(word in said for word in ("`with`", "wordings", "passages", "`rounds.most`"))


def test_an_order_of_which_no_instance_can_be_made_says_of_what():
    assert Shortfall("order", "rows", 9, 0, 50, 0, {}, passages=True).lines()[0].endswith("give it others (`seeds`)")
    assert Shortfall("order", "rows", 9, 0, 50, 0, {}).lines()[0].endswith("with its parameters (`with`)")
