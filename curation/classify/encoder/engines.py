"""What computes logits: ONNX Runtime, vLLM's pooling runner, or torch (`torch_engine`), each over windows of token ids.

Weights are read as safetensors only, code beside them runs only where it was named, and nothing is fetched. Heavy libraries are
loaded when an engine is made, never by importing this file.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from curation.classify.encoder.folder import ONNX, ModelFolder, ModelFolderError
from curation.classify.encoder.windows import Windows

Logits = Callable[[], np.ndarray]
"""Waits for what was begun: float32 [windows, labels]."""


class Engine(Protocol):
    """Computes logits of windows, batch by batch."""

    exact: bool
    """Whether a window's logits depend on its batch by less than `scorer.NEAR`."""

    def begin(self, windows: Windows, batches: Sequence[np.ndarray]) -> Logits:
        """Gives the device all that it has to do; `batches` are places of windows, each window in one of them, at least one."""
        ...


class OnnxEngine:
    """The model in ONNX Runtime on a CPU: as the folder holds it (onnx/model.onnx), else exported once a process."""

    exact = True

    def __init__(self, folder: ModelFolder, threads: int):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        there = next((folder.path / name for name in ONNX if (folder.path / name).is_file()), None)
        with tempfile.TemporaryDirectory() as work:
            if there is None:
                there = Path(work) / "model.onnx"
                export_onnx(folder, there)
            self._session: Any = onnxruntime.InferenceSession(str(there), options, providers=["CPUExecutionProvider"])
        self._inputs = {i.name for i in self._session.get_inputs()}
        if unknown := self._inputs - {"input_ids", "attention_mask", "token_type_ids"}:
            raise ModelFolderError(f"{there}: has inputs that a text does not give: {', '.join(sorted(unknown))}")
        self.pad = int(folder.config.get("pad_token_id") or 0)

    def begin(self, windows: Windows, batches: Sequence[np.ndarray]) -> Logits:
        """As the protocol says, computed at once."""
        found = []
        for batch in batches:
            ids, mask = windows.padded(batch, self.pad)
            given = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            found.append(self._session.run(None, {name: given[name] for name in self._inputs})[0])
        return lambda: in_order(np.concatenate(found), batches)


class VllmEngine:
    """The model in vLLM's pooling runner, which makes its own batches of what one unit holds."""

    def __init__(self, folder: ModelFolder, precision: str, max_tokens: int, batch_tokens: int, compile: bool):
        quiet = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "VLLM_DO_NOT_TRACK": "1"}
        # its own process begins empty: on CPUs vLLM 0.32 looks into every loaded module, and fails at llvmlite's
        for name, value in (quiet | {"VLLM_WORKER_MULTIPROCESSING_METHOD": "spawn"}).items():
            os.environ.setdefault(name, value)
        import vllm

        self.exact = precision == "float32"
        self._llm: Any = vllm.LLM(
            str(folder.path),
            runner="pooling",
            dtype=precision,
            max_model_len=max_tokens,
            max_num_batched_tokens=max(batch_tokens, max_tokens),
            enforce_eager=not compile,
            trust_remote_code=bool(folder.code),
            load_format="safetensors",
            seed=0,
        )
        # a window's own logits: what is made of them is said by the recipe or the card
        self._raw: Any = vllm.PoolingParams(use_activation=False)

    def begin(self, windows: Windows, batches: Sequence[np.ndarray]) -> Logits:
        """As the protocol says, computed at once; `batches` only give the order."""
        ids = windows.ids
        prompts = [{"prompt_token_ids": ids[i].tolist()} for i in np.concatenate(batches)]
        answers = self._llm.classify(prompts, pooling_params=self._raw, use_tqdm=False)
        found = np.array([answer.outputs.probs for answer in answers], np.float32).reshape(len(prompts), -1)
        return lambda: in_order(found, batches)

    def close(self) -> None:
        """Ends the process that vLLM computes in."""
        self._llm.llm_engine.engine_core.shutdown()


def in_order(found: np.ndarray, batches: Sequence[np.ndarray]) -> np.ndarray:
    """What was found batch after batch, in the windows' own order."""
    out = np.empty_like(found)
    out[np.concatenate(batches)] = found
    return out


def load_model(folder: ModelFolder, precision: str, **config: Any) -> Any:
    """The folder's model for sequence classification, from safetensors. Raises ModelFolderError where it cannot be loaded."""
    import torch
    from transformers import AutoModelForSequenceClassification

    try:
        model, report = AutoModelForSequenceClassification.from_pretrained(
            str(folder.path),
            dtype=getattr(torch, precision),
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=bool(folder.code),
            output_loading_info=True,
            **config,
        )
    except MemoryError:
        raise
    except Exception as error:  # a configuration that no model can have ends in any of them, in ZeroDivisionError too
        raise ModelFolderError(f"{folder.path}: transformers cannot load it: {str(error).strip()[:1000]}") from error
    if not config and report["missing_keys"]:
        raise ModelFolderError(
            f"{folder.path}: its weights lack {', '.join(sorted(report['missing_keys'])[:5])}; it was not trained to classify "
            "(`seimai train` gives an encoder a head)"
        )
    return model


def load_tokenizer(folder: ModelFolder) -> Any:
    """The folder's tokenizer. Raises ModelFolderError where `transformers` cannot load it."""
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(
            str(folder.path), local_files_only=True, trust_remote_code=bool(folder.code)
        )
    except (
        Exception
    ) as error:  # readers of tokenizers raise plain Exception, ImportError for what is not installed, and others
        raise ModelFolderError(f"{folder.path}: the tokenizer cannot be loaded: {str(error).strip()[:1000]}") from error


def export_onnx(folder: ModelFolder, path: Path) -> None:
    """Writes the model for ONNX Runtime, in float32, for batches of any size and width."""
    import contextlib
    import io
    import logging
    import warnings

    import torch

    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    model = load_model(folder, "float32").eval()

    class Logits(torch.nn.Module):
        """Token ids and mask in, logits out."""

        def __init__(self):
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            """float32 [batch, labels]."""
            return self.model(input_ids=input_ids, attention_mask=attention_mask).logits

    ids = torch.full((2, 8), int(model.config.pad_token_id or 0))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0  # an example without padding would be traced as a model that knows none
    shape = {0: torch.export.Dim("batch"), 1: torch.export.Dim("width")}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Logits().eval(),
            (ids, mask),
            str(path),
            input_names=["input_ids", "attention_mask"],
            output_names=["logits"],
            dynamic_shapes={"input_ids": shape, "attention_mask": shape},
            dynamo=True,
            external_data=True,
        )
