"""Model and tokenizer as a process keeps them: loaded for its first task, and used by the next ones.

A crawl is thousands of tasks, and a model takes seconds to load. A process holds one model; where a later stage asks another, the
first is let go.
"""

import os
from typing import Any

from curation.classify.encoder.card import EncoderCard
from curation.classify.encoder.engines import OnnxEngine, TorchEngine, VllmEngine, load_tokenizer
from curation.classify.encoder.fit import hold_together, special_tokens
from curation.classify.encoder.folder import ModelFolder, ModelFolderError, read_folder
from curation.classify.encoder.gpus import GpuLease, GpuMissing, gpu_count, gpu_names, why_none
from curation.classify.encoder.scorer import Scale, Scorer
from curation.classify.encoder.windows import Cutter, encoder_of

_kept: dict[str, tuple[Any, Scorer]] = {}
_lease: list[GpuLease] = []


def loaded(folder: ModelFolder, card: EncoderCard, *, gpu: bool, **settings: Any) -> Scorer:
    """The scorer for a model and these settings (engine, precision, batch_tokens, compile, threads).

    Raises ModelFolderError where files changed since they were looked at or do not fit each other, GpuMissing where there is no GPU.
    """
    wanted = (folder.path, folder.sha256, card.model_dump_json(), gpu, tuple(sorted(settings.items())))
    if "scorer" in _kept and _kept["scorer"][0] == wanted:
        return _kept["scorer"][1]
    if "scorer" in _kept and hasattr(_kept["scorer"][1].engine, "close"):
        _kept["scorer"][1].engine.close()  # type: ignore[attr-defined]
    _kept.clear()
    if read_folder(folder.model, folder.revision, folder.code).sha256 != folder.sha256:
        raise ModelFolderError(f"{folder.path}: has changed since the plan was made")
    scorer = make_scorer(folder, card, device=own_gpu() if gpu else "cpu", **settings)
    _kept["scorer"] = wanted, scorer
    return scorer


def make_scorer(
    folder: ModelFolder,
    card: EncoderCard,
    *,
    device: str,
    engine: str,
    precision: str,
    batch_tokens: int,
    compile: bool = False,
    threads: int = 1,
) -> Scorer:
    """Loads everything. Raises ModelFolderError where tokenizer, model and recipe are not of one piece."""
    if device == "cpu":
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # workers are processes already
    tokenizer = load_tokenizer(folder)
    hold_together(tokenizer, folder, None)
    cutter = Cutter(encoder_of(tokenizer), card.windows, *special_tokens(tokenizer, folder))
    if engine == "vllm":
        computes: Any = VllmEngine(folder, precision, card.windows.max_tokens, batch_tokens, compile)
    elif engine == "onnx":
        computes = OnnxEngine(folder, threads)
    else:
        computes = TorchEngine(folder, device, precision, threads, compile)
        hold_together(tokenizer, folder, computes.model.get_input_embeddings().weight.shape[0])
    worth = [card.labels[name] for name in folder.labels] if card.labels else None
    several = folder.config.get("problem_type") == "multi_label_classification"
    return Scorer(cutter, computes, Scale(worth, card.range, several), card.calibration, batch_tokens)


def own_gpu() -> str:
    """The GPU that this process holds (`cuda:N`), taken once. Raises GpuMissing where there is none."""
    import torch

    if not (count := gpu_count()):
        raise GpuMissing(f"the stage needs a GPU, and there is none here: {why_none()}")
    if not _lease:
        _lease.append(GpuLease.take(gpu_names(count)))
        torch.cuda.set_device(_lease[0].number)
    return f"cuda:{_lease[0].number}"
