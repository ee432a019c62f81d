"""Scores by vLLM's pooling runner with real vLLM; skipped where vLLM is not, which has an environment of its own.

PYTHONPATH=. vllm/bin/python -m pytest tests/classify/test_encoder_vllm.py     (docs/generation.md says how that is made)
"""

import os

import numpy as np
import pyarrow as pa
import pytest

from curation.classify.encoder_quality import EncoderQuality
from tests.classify.tiny_encoder import encoder, plain_logits

pytest.importorskip("vllm", reason="vLLM is not installed here: it has an environment of its own (docs/generation.md)")
pytestmark = pytest.mark.peer

WORTH = {"LABEL_0": 0.0, "LABEL_1": 0.5, "LABEL_2": 1.0}


@pytest.fixture(autouse=True)
def on_a_cpu(monkeypatch):
    """Settings of the wheel for CPUs."""
    settings = {"KVCACHE_SPACE": "1", "OMP_THREADS_BIND": "nobind"}
    for name, value in settings.items():
        monkeypatch.setenv(f"VLLM_CPU_{name}", value)


@pytest.mark.parametrize("labels", [3, 1], ids=["classes", "regression"])
def test_the_pooling_runner_gives_the_scores_of_transformers(labels, tmp_path):
    folder = encoder(tmp_path / "model", labels, kind="modernbert", hidden_size=128, scale=0.2)
    texts = [f"{'精米とは、玄米から糠を取り除くことである。' * (n % 9)}水加減 {n}" for n in range(120)]
    logits = plain_logits(folder, texts, 128).astype(np.float64)
    said: dict = {"windows": "first", "max_tokens": 128, "licence": "CC0-1.0"}
    if labels == 1:
        low, high = float(logits.min()), float(logits.max())
        want = ((logits - low) / (high - low))[:, 0]
        said |= {"range": [low, high]}
    else:
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        want = e / e.sum(axis=1, keepdims=True) @ np.array(list(WORTH.values()))
        said |= {"labels": WORTH}
    step = EncoderQuality(str(folder), engine="vllm", batch_tokens=2048, **said)
    step.setup()
    batches = [pa.record_batch({"text": pa.array(texts[at : at + 50], pa.large_string())}) for at in range(0, 120, 50)]
    got = np.concatenate([b.column("quality").to_numpy() for b in step.run(batches)])
    step._scorer.engine.close()
    assert np.abs(got - want).max() < 1e-3
    assert want.max() - want.min() > 0.3
    assert os.environ["HF_HUB_OFFLINE"] == "1"
