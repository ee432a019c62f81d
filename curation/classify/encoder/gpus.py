"""GPUs of this machine: whether there are any, and which one a process may have.

One process a GPU: a process takes the first one that no other holds, by a lock on a file that the kernel gives back when the process
ends, however it ends. The engine starts no more processes than there are GPUs; the lock tells them apart, also between two runs.
"""

import fcntl
import os
import tempfile
import time
from pathlib import Path
from typing import Any


class GpuMissing(Exception):
    """A GPU was asked for, and this process can have none."""


def gpu_count() -> int:
    """GPUs that this process may use; 0 without torch, with a torch built for CPUs, or where CUDA_VISIBLE_DEVICES hides them."""
    try:
        import torch
    except ImportError:
        return 0
    return torch.cuda.device_count()


def gpu_names(count: int) -> list[str]:
    """What the machine calls the GPUs that this process sees: entries of CUDA_VISIBLE_DEVICES, else their numbers.

    Asking the driver for more would open it, and vLLM starts processes of its own before that.
    """
    listed = [name for name in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if name.strip()]
    return [name.strip() for name in listed[:count]] if len(listed) >= count else [str(n) for n in range(count)]


def why_none() -> str:
    """In words why `gpu_count` is 0."""
    try:
        import torch
    except ImportError:
        return "torch is not installed: `uv run --extra encoder seimai …`, or pip install 'seimai[encoder]'"
    if torch.version.cuda is None and torch.version.hip is None:
        return f"torch {torch.__version__} is built for CPUs; install a build with CUDA"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    return f"CUDA_VISIBLE_DEVICES is {hidden!r}" if hidden is not None else "the driver shows none (nvidia-smi)"


class GpuLease:
    """The right to one GPU, held until the process ends or `release` is called."""

    def __init__(self, number: int, file: Any):
        self.number, self._file = number, file

    @classmethod
    def take(cls, names: list[str], patience: float = 600.0, folder: Path | None = None) -> "GpuLease":
        """The first of these GPUs (`gpu_names`) that is free. Raises GpuMissing after `patience` seconds."""
        folder = folder or Path(tempfile.gettempdir()) / f"seimai-gpus-{os.getuid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        until = time.monotonic() + patience
        while True:
            for number, name in enumerate(names):
                file = (folder / name).open("a")
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    file.close()
                    continue
                return cls(number, file)
            if time.monotonic() > until:
                raise GpuMissing(
                    f"all {len(names)} GPUs of this machine have been taken by other processes of seimai for {patience:.0f} s"
                )
            time.sleep(0.2)

    def release(self) -> None:
        """Gives the GPU back."""
        self._file.close()
