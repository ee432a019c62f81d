"""An encoder whose process is killed between two batches of a unit that holds a page which says 即死, on the task's first try."""

import os
import signal
from pathlib import Path

from curation.classify.encoder_quality import EncoderQuality


class DyingEncoder(EncoderQuality):
    """Scores, and dies once."""

    name = "encoder_quality"

    def _ahead(self, unit):
        engine = self._scorer.engine
        if self.attempt == 1 and any("即死" in t for b in unit for t in b.column("text").to_pylist()):
            forward, batches = engine.model, []

            def dying(**given):
                batches.append(1)
                if len(batches) == 3:
                    Path(self.model).with_name(f"died-{os.getpid()}").write_text("between two batches")
                    os.kill(os.getpid(), signal.SIGKILL)
                return forward(**given)

            engine.forward = dying
        return super()._ahead(unit)
