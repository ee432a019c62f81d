"""`seimai train`: runs a recipe, and trains the quality model that its section `train` describes from the rows that it released."""

import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from curation.classify.answers import Answered, AnswersError, judged, read_answers
from curation.classify.encoder import gpus
from curation.classify.encoder.card import EncoderCard
from curation.classify.encoder.folder import read_folder
from curation.classify.model_card import ModelCard
from curation.classify.train_spec import TrainSpec
from curation.shards import ShardSet
from recipes.engine import execute, file_systems, plan, recipe_file
from recipes.engine.classifier.label_read import about, print_labelled, row_ids
from recipes.engine.errors import RecipeError
from recipes.engine.run_folder import rows_of

_READ = ("id", "source", "url", "host", "file", "text", "rights_basis", "licence")


def train(
    name: str, files: list[str] | None, out: str | None, overrides: list[str] | None, workers: int | None
) -> ModelCard | EncoderCard:
    """Runs, trains, writes the model into the version's folder and prints its card. Raises RecipeError."""
    path = recipe_file.find(name)
    recipe = recipe_file.load(path, overrides, files)
    if recipe.train is None:
        raise RecipeError(f"{path.name}: has no section 'train'; docs/classifiers.md says what stands in it")
    _can_train(recipe.train, path)
    named = {*recipe.train.positive, *recipe.train.negative}
    if recipe.train.answers is not None and recipe.train.answers.id_source is not None:
        named.add(recipe.train.answers.id_source)
    if unknown := sorted(named - recipe.sources.keys()):
        raise RecipeError(
            f"{path.name}, train: no source is called {', '.join(unknown)}; sources: {', '.join(recipe.sources)}"
        )
    if (stage := recipe.train.stage) and stage not in (names := [s.name for s in recipe.stages]):
        raise RecipeError(f"{path.name}, train.stage: there is no stage '{stage}'; stages: {', '.join(names)}")
    answers = _answers(recipe.train, path)
    file_systems.on_disk(out or ".", "--out of a training")
    made = plan.make(recipe, path.name, out or recipe_file.default_out(recipe), base=path.parent)
    file_systems.open_out(made.out)
    execute.run(made, workers=workers or os.cpu_count() or 1)
    block = made.blocks[-1] if stage is None else [b for b in made.blocks if b.stage == stage and b.kind == "rows"][-1]
    labels = None
    if answers is not None:
        found = about(answers, rows_of(ShardSet.open(block.url), row_ids(answers), []))
        print_labelled(found)
        if not (labels := found.labels):
            named = ", ".join(recipe.train.answers.files if recipe.train.answers else ())
            kept = "the recipe released" if stage is None else f"stage '{stage}' kept"
            raise RecipeError(f"{path.name}, train.answers: no answer in {named} is about a row that {kept}")
        if recipe.train.answers and recipe.train.answers.positive:
            try:
                judged(recipe.train.answers.positive, labels, answers.places)
            except AnswersError as error:
                raise RecipeError(f"{path.name}, train.answers: {error}") from error
    card, folder = trained(block.url, recipe.train, recipe.version, labels, Path(made.folder) / "model", path)
    print_card(card, folder)
    return card


def _can_train(spec: TrainSpec, path: Path) -> None:
    """Raises RecipeError where a library, the encoder or the GPU that training needs is not here."""
    extra = "encoder" if spec.encoder else "fasttext"
    needed = ("torch", "transformers", "accelerate", "scipy") if spec.encoder else ("fasttext", "scipy")
    if missing := [m for m in needed if importlib.util.find_spec(m) is None]:
        raise RecipeError(
            f"seimai train needs {', '.join(missing)}: `uv run --extra {extra} seimai train …`, or pip install 'seimai[{extra}]'"
        )
    if spec.encoder:
        try:
            read_folder(spec.encoder.model, spec.encoder.revision, tuple(spec.encoder.remote_code))
        except ValueError as error:
            raise RecipeError(f"{path.name}, train, encoder: {error}") from error
        if spec.encoder.needs == "gpu" and not gpus.gpu_count():
            raise RecipeError(f"{path.name}, train, encoder: needs a GPU, and there is none here: {gpus.why_none()}")


def _answers(spec: TrainSpec, path: Path) -> Answered | None:
    """The answers of a section `train`, read before anything runs. Raises RecipeError where there is no label in them."""
    if spec.answers is None:
        return None
    try:
        found = read_answers(spec.answers, path.parent)
    except AnswersError as error:
        raise RecipeError(f"{path.name}, train.answers: {error}") from error
    if not found.labels:
        raise RecipeError(f"{path.name}, train.answers: no row of {', '.join(spec.answers.files)} has a label")
    return found


def trained(
    shards: str, spec: TrainSpec, version: str, answers: dict[str, str] | None, folder: Path, recipe: Path
) -> tuple[ModelCard | EncoderCard, Path]:
    """Trains on one shard set; the card as JSON and as Markdown lies with the model. Raises RecipeError for labels of one sort.

    An encoder goes into a folder of its own in `folder`, its checkpoints beside that.
    """
    from curation.classify.card_text import card_text
    from curation.classify.encoder.training import train_encoder
    from curation.classify.examples import content_of, examples_of, labelled_pages
    from curation.classify.train import train as fit
    from curation.features.words import Tokeniser

    rights: dict[str, dict[str, Any]] = {}
    rows = list(_rows(shards, rights))
    tokenise = Tokeniser() if spec.damage else None
    try:
        examples = examples_of(rows, spec, answers, tokenise)
        if spec.encoder:
            card = train_encoder(examples, spec, version, rights, folder, folder / "checkpoints")
        else:
            card = fit(examples, spec, version, rights, folder, content_of(labelled_pages(rows, spec, answers)))
    except ValueError as error:
        raise RecipeError(f"{recipe.name}, train: {error}") from error
    page = folder / spec.name / "card.md" if spec.encoder else folder / f"{spec.name}.card.md"
    page.write_text(card_text(card), encoding="utf-8")
    return card, folder


def _rows(shards: str, rights: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    there = ShardSet.open(shards)
    columns = [c for c in _READ if c in there.columns]
    for batch in there.read(columns):
        for row in batch.to_pylist():
            row = dict.fromkeys(_READ) | row
            rights.setdefault(row["source"], {"licence": row["licence"], "rights_basis": row["rights_basis"]})
            yield row


def print_card(card: ModelCard | EncoderCard, folder: Path) -> None:
    """Says what was trained, how good it is, and where it lies."""
    console = Console(highlight=False, width=None if Console().is_terminal else 120)
    metrics = card.metrics
    table = Table(box=None, pad_edge=False, show_header=False)
    if isinstance(card, ModelCard):
        table.add_row("tokens", f"{card.tokens}   AUC on the calibrating part: {card.training['auc_by_tokens']}")
    low, high = metrics["auc_low"], metrics["auc_high"]
    interval = f" [{low:.4f}, {high:.4f}]" if low is not None else ""
    table.add_row("AUC", f"{metrics['auc']:.4f}{interval}, 95 % over {len(metrics['groups'])} groups")
    table.add_row("best heuristic", f"{metrics['auc_best_heuristic']:.4f} ({metrics['best_heuristic']})")
    table.add_row("Brier, ECE", f"{metrics['brier']}, {metrics['calibration_error']}")
    hosts = ", ".join(list(metrics["hosts"])[:5]) + (" …" if len(metrics["hosts"]) > 5 else "")
    of = "" if metrics["unit"] == "pages" else f" of {metrics['pages']:,} pages"
    table.add_row("tried on", f"{metrics['examples']:,} {metrics['unit']}{of} on {hosts}")
    for what in ("by_source", "by_kind"):
        for name, said in metrics[what].items():
            table.add_row(name, "   ".join(f"{k} {v}" for k, v in said.items()))
    console.print(table)
    model, page = (
        (f"{card.name}.bin", f"{card.name}.card.md")
        if isinstance(card, ModelCard)
        else (card.name, f"{card.name}/card.md")
    )
    console.print(f"\nmodel   {folder / model}\ncard    {folder / page}", soft_wrap=True, markup=False)
