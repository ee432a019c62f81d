"""Rows that take a passage's topic alone: an answer that repeats its wording is none."""

import pytest

from recipes.engine.recipe_file import POLICY
from synth.answering import by_program
from synth.candidates import Rights, row
from synth.deciding import Deciding, Rules
from synth.engine.request import Sampling
from synth.mixture import Mixture, MixturePlan
from synth.novelty import Novelty
from synth.orders import Order, drawn
from synth.policy_file import load_policy
from synth.seed import Seed
from synth.tasks.task import Instance, Task, Turn, checks

TEXT = "精米とは、玄米の表面から糠を取り除くことです。白くするほど味は淡くなり、日持ちは短くなります。"


class Talk(Task):
    """Talks about the topic of a passage; its answer takes so many characters of it."""

    name, function, version, group = "talk", "dialogue", "1", "mathematics"
    passage, use = True, "topic"

    def __init__(self, taken: int):
        self.taken = taken

    def make(self, draw, passage):
        spec = checks({"kind": "char_count", "max": 400})
        answer = f"お話しします。{passage.text[: self.taken]}とのことです。"
        return Instance(
            (Turn("user", "お米について何か話してください。"), Turn("assistant", checks=spec, answer=answer)),
            "talk/ask.1",
        )


@pytest.mark.parametrize(("taken", "reason"), [(29, None), (30, "takes_wording")])
def test_an_answer_shares_less_than_thirty_characters_with_a_passage_of_which_it_takes_the_topic(taken, reason):
    seed = Seed("00" * 16, TEXT, "food", "topic", "a.example.jp", "CC0-1.0", None, b"1" * 16, {})
    order = Order("talk", Talk(taken), "program", 1, Sampling(64, 0.0), drafts=True)
    (one,) = drawn([order], {"talk": (0, 1)}, [seed], "")
    made = row(by_program(one), Rights(load_policy(POLICY), None, "train_internal"), 0)
    assert made["seeds"][0]["topic"] == "food"
    deciding = Deciding(Rules(True, {"char_count"}, 1), Mixture(MixturePlan(rows={"talk": 1})), Novelty(0.8))
    took, refused = deciding.decide([made])
    assert (len(took), [why.reason for _, why in refused]) == ((1, []) if reason is None else (0, [reason]))
    if reason:
        assert refused[0][1].value == 30.0
        assert refused[0][1].detail == TEXT[:30]
