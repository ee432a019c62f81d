"""An encoder that says which GPU its process took, where two are pretended to be there; it computes on the CPU."""

import json
import os
import time
from pathlib import Path

from curation.classify.encoder_quality import EncoderQuality


class TellingEncoder(EncoderQuality):
    """Scores, and leaves a file for each task: process, GPU, and from when until when it had it."""

    name = "encoder_quality"

    def fits(self):
        """Nothing."""

    def setup(self):
        import torch

        from curation.classify.encoder import loaded

        current = []
        torch.cuda.set_device = current.append
        loaded.gpu_count = lambda: 2
        self.taken, self.current = loaded.own_gpu(), current
        self.needs = "cpu"
        super().setup()

    def run(self, data, rank=0, world_size=1):
        began = time.time()
        yield from super().run(data, rank, world_size)
        time.sleep(0.3)
        said = {
            "process": os.getpid(),
            "gpu": self.taken,
            "began": began,
            "ended": time.time(),
            "current": self.current,
        }
        Path(self.model).with_name(f"task-{rank}.json").write_text(json.dumps(said))
