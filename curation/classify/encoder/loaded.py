"""Model and tokenizer as a process keeps them: loaded for its first task, and used by the next ones.

A crawl is thousands of tasks, and a model takes seconds to load. A process holds the models of one stage, of which there is seldom
more than one; where a later stage asks another, those are let go.
"""

import os
from typing import Any

from curation.classify.encoder.ahead import Ahead, InProcesses, InThread, shares
from curation.classify.encoder.card import EncoderCard
from curation.classify.encoder.engines import OnnxEngine, VllmEngine, load_model, load_tokenizer
from curation.classify.encoder.fit import hold_together, special_tokens
from curation.classify.encoder.folder import ModelFolder, ModelFolderError, read_folder
from curation.classify.encoder.gpus import GpuLease, GpuMissing, gpu_count, gpu_names, why_none
from curation.classify.encoder.scorer import Scale, Scorer
from curation.classify.encoder.torch_engine import TorchEngine
from curation.classify.encoder.windows import Cutter, encoder_of

_kept: dict[Any, Scorer] = {}
_lease: list[GpuLease] = []


def loaded(folder: ModelFolder, card: EncoderCard, *, gpu: bool, **settings: Any) -> Scorer:
    """The scorer for a model and these settings (engine, precision, batch_tokens, compile, threads).

    Raises ModelFolderError where files changed since they were looked at or do not fit each other, GpuMissing where there is no GPU.
    """
    wanted = (folder.path, folder.sha256, card.model_dump_json(), gpu, tuple(sorted(settings.items())))
    if wanted in _kept:
        return _kept[wanted]
    for key in [key for key, scorer in _kept.items() if not scorer.users]:
        _kept.pop(key).close()
    if read_folder(folder.model, folder.revision, folder.code).sha256 != folder.sha256:
        raise ModelFolderError(f"{folder.path}: has changed since the plan was made")
    scorer = make_scorer(folder, card, device=own_gpu() if gpu else "cpu", **settings)
    _kept[wanted] = scorer
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
    processes: tuple[int, int] | None = None,
) -> Scorer:
    """Loads everything. Raises ModelFolderError where tokenizer, model and recipe are not of one piece.

    processes: how many tokenise ahead, and threads of each; (0, 1) is a thread of this process. Where None, that is for CPUs, where
    workers are processes already, and `shares` for a GPU.
    """
    tokenizer, cutter = _tokenising(folder, card)
    if engine == "vllm":
        computes: Any = VllmEngine(folder, precision, card.windows.max_tokens, batch_tokens, compile)
    elif engine == "onnx":
        computes = OnnxEngine(folder, threads)
    else:
        computes = TorchEngine(folder, device, precision, threads, compile)
        hold_together(tokenizer, folder, computes.model.get_input_embeddings().weight.shape[0])
    if processes is None:
        compiled = getattr(tokenizer, "backend_tokenizer", None) is not None
        processes = (0, 1) if device == "cpu" else shares(len(os.sched_getaffinity(0)), gpu_count(), compiled)
    ahead: Ahead = InProcesses(folder, tokenizer, cutter, *processes) if processes[0] else InThread(cutter)
    worth = [card.labels[name] for name in folder.labels] if card.labels else None
    several = folder.config.get("problem_type") == "multi_label_classification"
    return Scorer(cutter, computes, Scale(worth, card.range, several), card.calibration, batch_tokens, ahead)


def look(folder: ModelFolder, card: EncoderCard, engine: str) -> None:
    """Loads tokenizer and weights on the CPU, and lets them go: what is wrong with them is said before anything is computed.

    Raises ModelFolderError. Weights for vLLM, which knows other models than `transformers`, are not looked at.
    """
    tokenizer, _ = _tokenising(folder, card)
    if engine == "torch":
        model = load_model(folder, "bfloat16")
        hold_together(tokenizer, folder, model.get_input_embeddings().weight.shape[0])


def _tokenising(folder: ModelFolder, card: EncoderCard) -> tuple[Any, Cutter]:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # in this process
    tokenizer = load_tokenizer(folder)
    hold_together(tokenizer, folder, None)
    return tokenizer, Cutter(encoder_of(tokenizer), card.windows, *special_tokens(tokenizer, folder))


def own_gpu() -> str:
    """The GPU that this process holds (`cuda:N`), taken once. Raises GpuMissing where there is none."""
    import torch

    if not (count := gpu_count()):
        raise GpuMissing(f"the stage needs a GPU, and there is none here: {why_none()}")
    if not _lease:
        _lease.append(GpuLease.take(gpu_names(count)))
        torch.cuda.set_device(_lease[0].number)
    return f"cuda:{_lease[0].number}"
