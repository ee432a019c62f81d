"""Which slots of which wordings are filled: found by making instances of every task and watching.

A task fills slots from its code, so no file says which there are. Some hundreds of instances show the names that each part is given.
What judges are asked is looked at likewise.
"""

from collections.abc import Mapping

from curation.provenance import key
from synth.engine.request import Sampling
from synth.judge import asking
from synth.seed import Seed
from synth.tasks.task import TASKS, TaskError, instance, task_class
from synth.wordings import watched_fills

TEXT = (
    "精米とは、玄米の表面から糠を取り除くことです。白くするほど味は淡くなり、日持ちは短くなります。近くの米屋では、3分づき、5分づき、"
    "7分づきから選べます。1キロの玄米を白米にすると、およそ900グラムになります。精米したての米は香りがよく、夏なら2週間ほどで"
    "食べ切るのがよいとされています。"
)
"""A passage for tasks that grow from one. Written for the project."""


def filled_slots(block: int = 200, most: int = 3000) -> Mapping[tuple[str, str], frozenset[str]]:
    """Names that are filled in, by file and part, over instances of each task: blocks of them until one shows nothing new.

    An instance that fails for a slot without a value is left: what it was given is known, and the audit says what it lacks.
    """
    seed = Seed(key("audit").hex(), TEXT, "暮らし/料理", "derives", None, "CC0-1.0", None, key("audit", TEXT), {})
    with watched_fills() as seen:
        for name in TASKS:
            task, before = task_class(name, "audit")(), -1
            for number in range(most):
                if number % block == 0:
                    if sum(map(len, seen.values())) == before:
                        break
                    before = sum(map(len, seen.values()))
                try:
                    instance(task, number, "audit", seed if task.passage else None)
                except TaskError:
                    continue
        _ask_judges()
    return {part: frozenset(names) for part, names in seen.items()}


def _ask_judges() -> None:
    """Questions to judges, until each line has been used in all likelihood."""
    drawn = Sampling(max_tokens=1, temperature=0.0)
    for function in asking.functions():
        for n in range(40):
            prompt = [{"role": "user", "content": f"{n}"}]
            asking.pairwise(asking.Question(function, prompt, ("a", "b")), drawn)
            asking.by_rubric(asking.Question(function, prompt, ("a",)), asking.ASPECTS, drawn)
