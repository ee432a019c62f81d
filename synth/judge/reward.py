"""A reward model as a judge: a number for each answer to a prompt, and the larger one wins.

Any sequence-classification model of Hugging Face with one output, computed as quality classifiers are (`curation/classify/encoder`):
safetensors only, float32 on a CPU, bfloat16 on a GPU, the number on its `range` rounded to 1e-3. It reads no question and knows no
places, so both orders say the same and it has no lean to the first place; to length and to its family it may have one as any judge
has. What it says stands in the form of a judge's text, `{"reason": "0.731, 0.402", "verdict": "A"}`, to be read and recounted
likewise. A dialogue longer than `max_tokens` has no number: cut off, it would be another one.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import orjson

from curation.classify.encoder.card import card_of, check_card
from curation.classify.encoder.folder import read_folder
from curation.provenance import key
from synth.engine.content_key import Identity, canonical
from synth.judge.comparison import Comparison, Heard
from synth.judge.verdict import FIRST, SAME, SECOND, choice
from synth.messages import text_of
from synth.weights import Weights, weigh

if TYPE_CHECKING:
    from curation.classify.encoder.scorer import Scorer

KIND = "reward"
NEEDS = ("torch", "transformers", "tokenizers")
UNIT = 256
"""Comparisons that are scored together."""
TOO_LONG, NO_NUMBER = "prompt_too_long", "no_verdict"


class RewardModel:
    """path: its folder, with a licence text beside it or named. model, revision: as the policy lists it.

    range: its outputs that stand for 0 and for 1. tie: difference of two such numbers below which answers are equally good.
    batch_tokens: tokens of a batch, padding included. gpu: computed on the worker's GPU.
    """

    def __init__(
        self,
        path: str,
        model: str,
        revision: str,
        range: list[float],
        tie: float,
        max_tokens: int,
        licence: str | None = None,
        batch_tokens: int = 16384,
        gpu: bool = False,
    ):
        if not 0 <= tie < 1:
            raise ValueError(f"tie: a difference in [0, 1), not {tie}")
        if batch_tokens < max_tokens:
            raise ValueError(f"batch_tokens: {batch_tokens} is less than max_tokens, {max_tokens}")
        self.path, self.model, self.revision, self.licence = path, model, revision, licence
        self.tie, self.batch_tokens, self.gpu = tie, batch_tokens, gpu
        self.folder = read_folder(path)
        # a second window shows that the first one does not hold all of it
        windows = {"policy": "mean", "max_tokens": max_tokens, "most": 2}
        self.card = card_of(self.folder, windows, None, range, "LicenseRef-policy")
        check_card(self.card, self.folder)
        self.weights: Weights | None = None
        self._scorer: Scorer | None = None
        self._tokenizer: Any = None

    @property
    def precision(self) -> Literal["float32", "bfloat16"]:
        """In which it computes."""
        return "bfloat16" if self.gpu else "float32"

    def setup(self) -> Identity:
        """Hashes and loads it; says who it is. Raises ModelFolderError where its files do not fit."""
        from importlib.metadata import version

        from curation.classify.encoder.engines import load_tokenizer
        from curation.classify.encoder.loaded import loaded

        self.weights = weigh(self.path, self.licence)
        said = {"engine": "torch", "precision": self.precision, "batch_tokens": self.batch_tokens, "compile": False}
        self._scorer = loaded(self.folder, self.card, gpu=self.gpu, threads=1, **said)
        self._tokenizer = load_tokenizer(self.folder)
        about = {"quantisation": self.precision, "verified": True}
        return Identity(self.model, self.revision, self.weights.sha256, KIND, version("transformers"), **about)

    def describe(self) -> Mapping[str, Any]:
        """What a manifest keeps of how it is asked."""
        return {"range": self.card.range, "tie": self.tie, "max_tokens": self.card.windows.max_tokens}

    def rewards(self, dialogues: Sequence[Sequence[Mapping[str, Any]]]) -> list[float | str]:
        """A number in [0, 1] for each dialogue's last turn, or the fault why there is none."""
        assert self._scorer is not None
        windows = self._scorer.cut([self._rendered(one) for one in dialogues])
        count = np.bincount(windows.text, minlength=len(dialogues))
        found = self._scorer.scores(windows)
        return [
            TOO_LONG if n > 1 else NO_NUMBER if not np.isfinite(value) else float(value)
            for n, value in zip(count.tolist(), found.tolist(), strict=True)
        ]

    def _rendered(self, dialogue: Sequence[Mapping[str, Any]]) -> str:
        """A dialogue as the model's chat template writes it; without one as lines of who says what."""
        turns = [{"role": m["role"], "content": text_of(m)} for m in dialogue]
        if not getattr(self._tokenizer, "chat_template", None):
            return "\n".join(f"{t['role']}: {t['content']}" for t in turns)
        text = self._tokenizer.apply_chat_template(turns, tokenize=False)
        return text.removeprefix(
            self._tokenizer.bos_token or ""
        )  # put before every text again where the model wants it


def rewarded(compared: Sequence[Comparison], judge: str, model: RewardModel, identity: Identity) -> Iterator[Heard]:
    """What a reward model says of each comparison. judge: the recipe's name of it."""
    who = canonical([identity.model, identity.revision, identity.weights, identity.quantisation])
    for first in range(0, len(compared), UNIT):
        some = compared[first : first + UNIT]
        asked = [
            [*c.question.prompt, {"role": "assistant", "content": text}] for c in some for text in c.question.answers
        ]
        values = model.rewards(asked)
        for number, one in enumerate(some):
            yield _heard(one, judge, values[2 * number : 2 * number + 2], model.tie, who)


def _heard(one: Comparison, judge: str, values: Sequence[float | str], tie: float, who: bytes) -> Heard:
    fault = next((v for v in values if isinstance(v, str)), "")
    forward, backward = ("", "") if fault else (_said(values, tie), _said(values[::-1], tie))
    read = (None, None) if fault else (choice(forward, False), choice(backward, True))
    answers, prompt = one.question.answers, canonical(list(one.question.prompt))
    keys = key(KIND, who, prompt, *answers), key(KIND, who, prompt, *answers[::-1])
    return Heard(one, judge, *read, (forward, backward), keys, (fault, fault))


def _said(values: Sequence[float | str], tie: float) -> str:
    """The numbers of the answers in the first and in the second place, in the form of a judge's text."""
    first, second = (float(v) for v in values)
    apart = round(first - second, 3)
    verdict = SAME if abs(apart) < tie or apart == 0 else FIRST if apart > 0 else SECOND
    return orjson.dumps({"reason": f"{first:.3f}, {second:.3f}", "verdict": verdict}).decode()
