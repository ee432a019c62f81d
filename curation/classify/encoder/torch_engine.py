"""The model in torch, on a CPU or on one GPU, given its work so that the device need not wait for Python.

A unit's tokens are brought to the device once, end to end as they are; there, a batch is gathered from them and padded. So a batch
costs the host a handful of calls, whatever its rows, and nothing is waited for: logits are copied back behind the last batch, and
read when the next unit's work has been given. Memory of the device: the batch, and four bytes for each token of a unit.
"""

import contextlib
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from curation.classify.encoder.engines import Logits, in_order, load_model
from curation.classify.encoder.folder import ModelFolder, ModelFolderError
from curation.classify.encoder.windows import Windows


class TorchEngine:
    """The model on `device` (`cpu` or `cuda:N`).

    A batch for which a GPU has no memory makes its unit be computed again in halves, thirds … of each batch, as wide as before: what
    a window is computed with changes, what it is padded to does not. The smaller size stays for later units.
    """

    def __init__(self, folder: ModelFolder, device: str, precision: str, threads: int, compile: bool):
        import torch
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self._torch = torch
        if device == "cpu":
            torch.set_num_threads(threads)
        else:  # each call gives up the interpreter, and must not wait 5 ms for it when rows are being written
            sys.setswitchinterval(1e-4)
        self.model: Any = load_model(folder, precision).to(device).eval()
        self.forward: Any = torch.compile(self.model, dynamic=True) if compile else self.model
        self.device, self.exact, self.parts = device, precision == "float32", 1
        self.pad = int(self.model.config.pad_token_id or 0)
        self.again = 0
        """Units that were computed again because memory was short."""

    def begin(self, windows: Windows, batches: Sequence[np.ndarray]) -> Logits:
        """As the protocol says. Raises ModelFolderError where one window alone is too large for the device."""
        here = contextlib.nullcontext() if self.device == "cpu" else self._torch.cuda.device(self.device)
        with here, self._torch.inference_mode():
            while True:
                try:
                    return self._begin(windows, batches)
                except self._torch.OutOfMemoryError as error:
                    largest = max(len(batch) for batch in batches)
                    if self.parts >= largest:
                        width = int(windows.lengths.max())
                        raise ModelFolderError(
                            f"{self.device}: no memory for one window of {width} tokens; "
                            f"a smaller 'max_tokens', or a larger GPU: {error}"
                        ) from None
                self.parts = min(self.parts * 2, largest)
                self.again += 1
                if self.device != "cpu":
                    self._torch.cuda.empty_cache()

    def _begin(self, windows: Windows, batches: Sequence[np.ndarray]) -> Logits:
        torch = self._torch
        order = np.concatenate(batches)
        # in front of all tokens one that pads: what lies behind a window's end is gathered from there
        tokens = self._sent(len(windows.tokens) + 1, torch.int32, [self.pad], windows.tokens)
        starts, lengths = self._sent(
            2 * len(order), torch.int64, windows.starts[order] + 1, windows.lengths[order]
        ).view(2, -1, 1)
        place = torch.arange(int(windows.lengths.max()), device=self.device)
        made, begin = [], 0
        for batch in batches:
            width = int(windows.lengths[batch].max())
            for part in np.array_split(batch, min(self.parts, len(batch))):
                rows = slice(begin, begin + len(part))
                mask = place[:width] < lengths[rows]
                ids = tokens[(starts[rows] + place[:width]) * mask].long()
                made.append(self.forward(input_ids=ids, attention_mask=mask.long()).logits)
                begin += len(part)
        return self._read(torch.cat(made).float(), batches)

    def _sent(self, size: int, kind: Any, *arrays: Any) -> Any:
        """Arrays end to end on the device; for a GPU by way of memory that it reads while the host goes on."""
        held = self._torch.empty(size, dtype=kind, pin_memory=self.device != "cpu")
        np.concatenate(arrays, out=held.numpy(), casting="same_kind")
        return held.to(self.device, non_blocking=True)

    def _read(self, found: Any, batches: Sequence[np.ndarray]) -> Logits:
        torch = self._torch
        if self.device == "cpu":
            return lambda: in_order(found.numpy(), batches)
        held = torch.empty(found.shape, dtype=found.dtype, pin_memory=True)
        held.copy_(found, non_blocking=True)
        done = torch.cuda.Event(blocking=True)
        done.record(torch.cuda.current_stream(self.device))

        def wait() -> np.ndarray:
            done.synchronize()
            return in_order(held.numpy(), batches)

        return wait
