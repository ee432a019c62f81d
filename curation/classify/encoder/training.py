"""Training an encoder: a head on a whole or a frozen model, fitted by the Trainer of `transformers`, tried like fastText's.

The split, the calibration and what the card says are those of `curation/classify/train.py`: hosts are held out whole. Checkpoints lie
in a folder named after everything that decides about the model; training that was stopped, however it was, goes on from the last one
that was written whole.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from curation.classify.encoder.card import CARD, EncoderCard, read_encoder_card
from curation.classify.encoder.engines import load_model, load_tokenizer
from curation.classify.encoder.fit import hold_together, special_tokens
from curation.classify.encoder.folder import ModelFolder, ModelFolderError, read_folder
from curation.classify.encoder.loaded import make_scorer, own_gpu
from curation.classify.encoder.windows import Cutter, WindowPolicy, encoder_of
from curation.classify.evaluation import reliability
from curation.classify.examples import Examples
from curation.classify.train import calibrated, data_of, measured, prepared, shown
from curation.classify.train_spec import EncoderTraining, TrainSpec

_WHOLE = "whole"
"""File that marks a checkpoint which was written to its end."""
_UNIT = 1024
BATCH_TOKENS = 16384
"""Budget of the batches in which held-out pieces are scored; scores do not depend on it."""


def train_encoder(
    examples: Examples,
    spec: TrainSpec,
    version: str,
    rights: Mapping[str, Mapping[str, Any]],
    folder: Path,
    work: Path,
) -> EncoderCard:
    """Trains into `folder`/NAME and returns the card; checkpoints lie in `work`. A model that was made just so is not made again.

    Raises ValueError where a part of the split lacks a class or the encoder cannot be used.
    """
    assert spec.encoder is not None
    how = spec.encoder
    base = read_folder(how.model, how.revision, tuple(how.remote_code))
    if base.most_tokens is not None and how.max_tokens > base.most_tokens:
        raise ModelFolderError(
            f"{base.path}: reads {base.most_tokens} tokens at most, and max_tokens is {how.max_tokens}"
        )
    worth, positive_labels, positive, folds = prepared(examples, spec)
    identity = _identity(examples, spec, base)
    target = folder / spec.name
    if (done := read_encoder_card(target) if target.is_dir() else None) and done.training["identity"] == identity:
        return done
    device = own_gpu() if how.needs == "gpu" else "cpu"
    labels = None if how.objective == "regression" else sorted(worth)
    policy = WindowPolicy(policy=how.windows, max_tokens=how.max_tokens, most=how.most_windows)
    partial = folder / f"{spec.name}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    _fit(
        examples.take(folds["train"]), spec, base, policy, worth, labels, work / f"{spec.name}-{identity[:12]}", partial
    )
    card = EncoderCard(
        name=spec.name,
        version=version,
        about=spec.about.strip(),
        licence=spec.licence,
        sha256=read_folder(str(partial), None, base.code).sha256,
        base={
            "model": how.model if how.revision else base.path.name,
            "revision": how.revision,
            "sha256": base.sha256,
            "licence": how.licence,
        },
        labels={} if labels is None else worth,
        range=(0.0, 1.0) if labels is None else None,
        positive=sorted(positive_labels),
        windows=policy,
        data=data_of(examples, folds, positive, rights),
        training=spec.model_dump(exclude={"name", "about", "licence"}, mode="json", exclude_unset=True)
        | {"encoder": how.model_dump(mode="json"), "identity": identity},
    )
    raw = {
        part: _scores(examples.take(folds[part]).text, partial, base, card, device) for part in ("calibrate", "test")
    }
    calibrating, test = examples.take(folds["calibrate"]), examples.take(folds["test"])
    good = positive[folds["calibrate"]]
    card.calibration = calibrated(raw["calibrate"], good, spec.calibration, calibrating.weights(good))
    good = positive[folds["test"]]
    card.metrics = measured(test, good, card.calibration.apply(raw["test"]))
    card.metrics["before_calibration"] = reliability(good, raw["test"], test.weights(good))
    (partial / CARD).write_text(card.model_dump_json(indent=1), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    partial.replace(target)
    return card


def _identity(examples: Examples, spec: TrainSpec, base: ModelFolder) -> str:
    """Hash of everything that decides about the model."""
    from importlib.metadata import version

    digest = hashlib.sha256(json.dumps([spec.model_dump(mode="json"), base.sha256], sort_keys=True).encode())
    digest.update(f"{version('torch')} {version('transformers')} {version('tokenizers')}".encode())
    for column in ("text", "label", "kind", "group"):
        for value in getattr(examples, column):
            digest.update(value.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()


def _fit(
    examples: Examples,
    spec: TrainSpec,
    base: ModelFolder,
    policy: WindowPolicy,
    worth: Mapping[str, float],
    labels: list[str] | None,
    work: Path,
    out: Path,
) -> None:
    """Trains on the examples and writes model and tokenizer into `out`."""
    import torch
    from transformers import PrinterCallback, Trainer, TrainingArguments, set_seed
    from transformers.utils import logging

    how = spec.encoder
    assert how is not None
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    tokenizer = load_tokenizer(base)
    set_seed(spec.seed)  # the head begins at random
    model = headed(base, how, labels)
    hold_together(tokenizer, base, model.get_input_embeddings().weight.shape[0])
    cutter = Cutter(encoder_of(tokenizer), policy, *special_tokens(tokenizer, base))
    rows: Any = []
    order = shown(examples, spec)
    windows = cutter.cut([examples.text[row] for row in order])
    for window, text in enumerate(windows.text.tolist()):
        label = examples.label[order[text]]
        rows.append({"window": window, "label": worth[label] if labels is None else labels.index(label)})
    pad = int(model.config.pad_token_id or 0)
    kind = torch.float32 if labels is None else torch.int64

    def collate(some: list[dict[str, Any]]) -> dict[str, Any]:
        ids, mask = windows.padded(np.array([r["window"] for r in some]), pad)
        target = torch.tensor([r["label"] for r in some], dtype=kind)
        return {"input_ids": torch.from_numpy(ids), "attention_mask": torch.from_numpy(mask), "labels": target}

    at_once = how.at_once or how.batch
    steps = max(1, int(-(-len(rows) // how.batch) * how.epochs))
    arguments = TrainingArguments(
        output_dir=str(work),
        num_train_epochs=how.epochs,
        learning_rate=how.rate,
        per_device_train_batch_size=at_once,
        gradient_accumulation_steps=how.batch // at_once,
        warmup_steps=int(how.warmup * steps),
        weight_decay=how.weight_decay,
        save_steps=how.checkpoint_steps,
        save_total_limit=2,
        logging_steps=max(1, steps // 20),
        report_to=[],
        disable_tqdm=True,
        remove_unused_columns=False,
        bf16=how.needs == "gpu",
        use_cpu=how.needs == "cpu",
        seed=spec.seed,
    )
    trainer = Trainer(
        model=model,
        args=arguments,
        train_dataset=rows,
        data_collator=collate,
        callbacks=[_marking()],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=last_checkpoint(work))
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)
    for name in base.code:
        shutil.copy(base.path / name, out / name)


def headed(base: ModelFolder, how: EncoderTraining, labels: list[str] | None) -> Any:
    """The encoder with a new head: one output, or one for each label. With `frozen` nothing but the head learns."""
    names = labels or ["quality"]
    model = load_model(
        base,
        "float32",
        num_labels=len(names),
        id2label=dict(enumerate(names)),
        label2id={name: i for i, name in enumerate(names)},
        problem_type="regression" if labels is None else "single_label_classification",
        ignore_mismatched_sizes=True,
    )
    if how.frozen:
        body = getattr(model, model.base_model_prefix)
        body.requires_grad_(False)
        body.train = lambda mode=True: type(body).train(
            body, False
        )  # its dropout would be noise that no weight can answer
    return model


def last_checkpoint(work: Path) -> str | None:
    """The newest checkpoint that was written to its end; those that were not are removed."""
    found = []
    for folder in work.glob("checkpoint-*"):
        if (folder / _WHOLE).exists():
            found.append((int(folder.name.rpartition("-")[2]), str(folder)))
        else:
            shutil.rmtree(folder)
    return max(found)[1] if found else None


def _marking() -> Any:
    from transformers import TrainerCallback

    class Marking(TrainerCallback):
        """Marks a checkpoint when all of its files are there."""

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            """Says how far training is."""
            if logs and "loss" in logs:
                print(f"step {state.global_step} of {state.max_steps}, loss {float(logs['loss']):.4f}", flush=True)

        def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            """Called behind the last file."""
            mark = Path(args.output_dir) / f"checkpoint-{state.global_step}" / _WHOLE
            mark.touch()
            os.sync()

    return Marking()


def _scores(texts: list[str], folder: Path, base: ModelFolder, card: EncoderCard, device: str) -> np.ndarray:
    """Scores before calibration, through what will score pages too."""
    made = read_folder(str(folder), None, base.code)
    scorer = make_scorer(
        made, card, device=device, engine="torch", precision="float32", batch_tokens=max(BATCH_TOKENS, card.windows.max_tokens),
        threads=os.cpu_count() or 1, processes=(0, 1),
    )  # fmt: skip
    raw = [scorer.raw(scorer.cut(texts[at : at + _UNIT])) for at in range(0, len(texts), _UNIT)]
    return np.clip(np.concatenate(raw), 0, 1)
