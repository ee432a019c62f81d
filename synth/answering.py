"""Instances answered: by a program at once, by a model turn by turn, each turn verified before the next one is asked.

A pass asks for one open turn of every dialogue that is still going; its window is refilled as answers come. A dialogue ends with its
last turn, or with the first that does not pass: what comes after a wrong answer is not worth asking. Given the same store, the same
answers come in the same places, whoever was faster.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from curation.provenance import key
from synth.chat_forms import ChatForm
from synth.engine.content_key import Identity
from synth.engine.engine import Engine
from synth.engine.figures import Figures
from synth.engine.generate import generate
from synth.engine.request import Answer, Completion, Fault, Request
from synth.engine.store import Store
from synth.messages import spoken
from synth.orders import Drawn
from synth.tasks.verified import Judged, judge, said


@dataclass(frozen=True)
class Dialogue:
    """An instance with answers so far. texts, judged: of its open turns in order. last: what a model gave last, None for a program's.

    sample: number of the first turn's sample; later turns are asked once. fault: why there is no answer, None where there is one.
    """

    drawn: Drawn
    texts: tuple[str, ...] = ()
    judged: tuple[Judged, ...] = ()
    last: Completion | None = None
    request: Request | None = None
    sample: int = 0
    fault: Fault | None = None

    @property
    def next_turn(self) -> int | None:
        """The turn to be asked next, None where the dialogue is over."""
        places = [i for i, turn in enumerate(self.drawn.instance.turns) if turn.open]
        over = len(self.texts) == len(places) or self.fault is not None
        if over or (self.judged and self.judged[-1].verdict != "pass"):
            return None
        return places[len(self.texts)]


@dataclass(frozen=True)
class Asker:
    """What answers: an engine that is set up, with its store.

    form: how its model's chat is written as raw text, for turns of the user that it writes itself. seed: the recipe's.
    faults_since: when this run began, in Unix seconds (`generate`).
    """

    engine: Engine
    identity: Identity
    store: Store
    seed: int = 0
    form: ChatForm | None = None
    show: Callable[[Figures], None] | None = None
    faults_since: float | None = None


def by_program(drawn: Drawn) -> Dialogue:
    """A dialogue whose open turns all have their program-made answer, each verified like a model's."""
    texts: list[str] = []
    judged: list[Judged] = []
    for i, turn in enumerate(drawn.instance.turns):
        if turn.open:
            assert turn.answer is not None
            texts.append(turn.answer)
            judged.append(judge(drawn.instance, i, texts))
    return Dialogue(drawn, tuple(texts), tuple(judged))


def by_model(instances: Iterable[Drawn], asker: Asker, figures: Figures) -> Iterator[Dialogue]:
    """Dialogues that a model answered: one for each sample of the first open turn, faults among them."""
    going: Iterable[Dialogue] = (Dialogue(drawn) for drawn in instances)
    first = True
    while True:
        grown: list[Dialogue] = []
        waiting: dict[bytes, Dialogue] = {}
        requests = _requests(going, asker, waiting, first)
        answered = generate(
            asker.engine, asker.identity, requests, asker.store,
            figures=figures, faults_since=asker.faults_since, show=asker.show,
        )  # fmt: skip
        for request, answers in answered:
            before = waiting.pop(request.id)
            for i, answer in enumerate(answers):
                after = _after(before, request, answer, i if first else before.sample)
                if after.next_turn is None:
                    figures.verdict(after.fault is None and after.judged[-1].verdict == "pass")
                    yield after
                else:
                    grown.append(after)
        if not grown:
            return
        going, first = sorted(grown, key=lambda d: (d.drawn.id, d.sample)), False


def _requests(
    dialogues: Iterable[Dialogue], asker: Asker, waiting: dict[bytes, Dialogue], first: bool
) -> Iterator[Request]:
    """What is asked of each dialogue; two dialogues that ask the same have requests of their own and share the answer."""
    for number, dialogue in enumerate(dialogues):
        request = request_of(dialogue, asker, dialogue.drawn.order.samples if first else 1)
        request = replace(request, id=key("asked", number, dialogue.drawn.id))
        waiting[request.id] = dialogue
        yield request


def request_of(dialogue: Dialogue, asker: Asker, samples: int) -> Request:
    """The request for a dialogue's next turn: the whole message list, or raw text where the model writes the user's turn."""
    drawn, place = dialogue.drawn, dialogue.next_turn
    assert place is not None
    turn, sampling = drawn.instance.turns[place], drawn.order.sampling
    if turn.max_tokens is not None:
        sampling = replace(sampling, max_tokens=min(sampling.max_tokens, turn.max_tokens))
    messages = tuple(said(drawn.instance, dialogue.texts)[:place])
    whose = dialogue.drawn.id
    n = 1 if sampling.temperature == 0 else samples
    if turn.role == "user":
        assert asker.form is not None, "a recipe whose tasks let the model write the user's turn names its chat_form"
        stop = tuple(dict.fromkeys((*sampling.stop, *asker.form.stop)))
        return Request(
            whose,
            (),
            replace(sampling, stop=stop),
            n,
            asker.seed + dialogue.sample,
            prompt=asker.form.before(messages, "user"),
        )
    seed = asker.seed if not dialogue.texts else asker.seed + dialogue.sample
    return Request(whose, messages, sampling, n, seed, drawn.instance.tools, turn.structure)


def _after(before: Dialogue, request: Request, answer: Answer, sample: int) -> Dialogue:
    if isinstance(answer, Fault):
        return replace(before, fault=answer, request=request, sample=sample)
    place = before.next_turn
    assert place is not None
    texts = (*before.texts, spoken(answer.text, answer.tool_calls))
    judged = judge(before.drawn.instance, place, texts, answer.finish, before.drawn.order.conduct)
    return replace(before, texts=texts, judged=(*before.judged, judged), last=answer, request=request, sample=sample)
