"""An encoder as tests score by it: texts, what a recipe says of the model, the step, its scores as rows flow."""

import random
from pathlib import Path

import numpy as np
import pyarrow as pa

from curation.classify.encoder_quality import EncoderQuality
from curation.step import Rejected
from tests.classify.conftest import BAD, GOOD

WORTH = {"LABEL_0": 0.0, "LABEL_1": 0.5, "LABEL_2": 1.0}
SAID = {"windows": "first", "max_tokens": 128, "licence": "CC0-1.0"}


def pages(n: int, seed: int = 0) -> list[str]:
    """Texts of one to a thousand tokens."""
    rng = random.Random(seed)
    stock = [*GOOD, *BAD, "ab 12\n", "𠮟🍚", "[SEP] ", "мука ", "\u3000"]
    return ["米" + "".join(rng.choices(stock, k=int(rng.lognormvariate(2.2, 1)) + 1)) for _ in range(n)]


def batch(texts) -> pa.RecordBatch:
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def step(folder: Path, **given) -> EncoderQuality:
    """A step that is set up, over three classes unless said otherwise."""
    regression = "range" in given
    made = EncoderQuality(str(folder), **SAID | ({} if regression else {"labels": WORTH}) | given)
    made.setup()
    return made


def scores(made: EncoderQuality, texts, cut: int | None = None) -> np.ndarray:
    """Scores as rows flow: through units, in batches of `cut` rows."""
    cut = cut or len(texts)
    out = list(made.run(iter(batch(texts[at : at + cut]) for at in range(0, len(texts), cut))))
    assert not any(isinstance(o, Rejected) for o in out)
    return np.concatenate([o.column("quality").to_numpy(zero_copy_only=False) for o in out])
