"""`seimai label read`: answers of people or of a judge model held against the run that they are about, before anything uses them.

Says how many pages are answered, which are not, which ids the run does not know, what several answers about one page became and how
often two annotators agree; writes one label a page, with its score and its weight, where it is asked to.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.compute as pc
import typer
from rich.console import Console
from rich.table import Table

from curation.classify.agreement import kappa
from curation.classify.answers import Answered, Answers, AnswersError, read_answers
from curation.filters.preset import condition
from curation.parquet_file import present
from recipes.engine.errors import RecipeError
from recipes.engine.file_systems import on_disk
from recipes.engine.run_folder import Run, open_run, rejected_rows, rows_of
from recipes.engine.wording import one_line

NAMED = 5
"""Ids that are named where some are wrong."""


@dataclass
class Labelled:
    """Answers about a run: what was read, and of each labelled page that the run knows its row (with the asked columns)."""

    answered: Answered
    rows: dict[str, dict[str, Any]]
    unknown: list[str]

    @property
    def labels(self) -> dict[str, str]:
        """Labels of pages that the run knows."""
        return {key: label for key, label in self.answered.labels.items() if key in self.rows}


def labelled(run: Run, spec: Answers, base: Path, columns: Sequence[str]) -> Labelled:
    """Reads answers and finds their pages in a run, released or rejected. Raises RecipeError."""
    for file in spec.files:
        on_disk(file, "labels")
    try:
        answered = read_answers(spec, base)
    except AnswersError as error:
        raise RecipeError(str(error)) from error
    return about(answered, run_rows(run, row_ids(answered), columns))


def about(answered: Answered, found: dict[bytes, dict[str, Any]]) -> Labelled:
    """Answers held against rows by id."""
    rows = {key: found[raw] for key in answered.places if _is_id(key) and (raw := bytes.fromhex(key)) in found}
    return Labelled(answered, rows, [key for key in answered.places if key not in rows])


def row_ids(answered: Answered) -> list[bytes]:
    """Ids that the answers name, of those that can be ids."""
    return [bytes.fromhex(key) for key in answered.places if _is_id(key)]


def _is_id(key: str) -> bool:
    return len(key) == 32 and all(c in "0123456789abcdef" for c in key)


def run_rows(run: Run, keys: list[bytes], columns: Sequence[str]) -> dict[bytes, dict[str, Any]]:
    """Rows of a run by id, wherever it has them: kept by any stage, or rejected by one.

    Each column is from the last stage that has a value: what a row measured in an earlier stage is there although it was rejected
    with its key alone, and what it measured in the same stage where it is among the rows that are kept whole as samples.
    """
    found: dict[bytes, dict[str, Any]] = {}

    def lacking() -> list[bytes]:
        return [k for k in keys if k not in found or any(found[k].get(c) is None for c in columns)]

    def add(rows: Iterable[dict[str, Any]]) -> None:
        for row in rows:
            known = found.setdefault(row["id"], {})
            known |= {c: row[c] for c in columns if known.get(c) is None and row.get(c) is not None}

    for block in reversed(run.chain):
        shards, left = run.shard_set(block), lacking()
        if shards is not None and left:
            add(rows_of(shards, left, columns).values())
        if shards is not None and (left := lacking()):
            add(rejected_rows(shards, left, ["id", *columns]))
        if shards is not None and (left := lacking()) and shards.place.exists("samples.parquet"):
            file = shards.open_file("samples.parquet")  # whole rows of some that were rejected with their keys alone
            kept = file.read(columns=present(file, ["id", *columns]))
            add(
                kept.filter(
                    pc.is_in(kept.column("id"), value_set=pa.array(left, kept.schema.field("id").type))
                ).to_pylist()
            )
    return found


@dataclass(frozen=True)
class Reading:
    """How a command says that answers are read, as its options have it; `seimai label read` and `seimai report` have the same."""

    id_key: str = "id"
    label_key: str = "label"
    annotator_key: str | None = None
    time_key: str | None = None
    where: tuple[str, ...] = ()
    several: str = "same"
    id_source: str | None = None


def spec(files: list[str], how: Reading, positive: str | None = None) -> Answers:
    """How answers are read, and with `positive` which of them are good. Raises RecipeError for an option that cannot be."""
    if wrong := [w for w in how.where if "=" not in w]:
        raise RecipeError(f"--where {wrong[0]}: must be KEY=VALUE, e.g. status=submitted")
    if how.several not in ("same", "majority", "median"):
        raise RecipeError(f"--several {how.several}: must be same, majority or median")
    try:
        good = None if positive is None else condition(positive)
    except ValueError as error:
        raise RecipeError(f"--positive: {error}".replace("keep: ", "")) from error
    return Answers(
        files=files,
        id_key=how.id_key,
        id_source=how.id_source,
        label_key=how.label_key,
        annotator_key=how.annotator_key,
        time_key=how.time_key,
        where=dict(w.split("=", 1) for w in how.where),
        several=how.several,
        positive=good,
    )


def labels_of(files: list[str] | None, positive: str | None, how: Reading | None = None) -> Answers | None:
    """How `seimai report` says which labels it looks at; None without files. Raises RecipeError where options do not fit."""
    how = how or Reading()
    if not files:
        if positive is not None:
            raise RecipeError("--positive says which labels are good, and there are none: name files by --labels")
        if how != Reading():
            raise RecipeError(
                "--id-key, --id-source, --label-key, --annotator-key, --time-key, --where and --several say how the files of "
                "--labels are read, and none are named"
            )
        return None
    if positive is None:
        raise RecipeError("--labels: say which are good by --positive, e.g. --positive '>= 3' or --positive '== good'")
    return spec(files, how, positive)


def read(run_folder: str, spec: Answers, out: str | None) -> Labelled:
    """Prints what was read and writes it to `out` (.jsonl) where given. Raises RecipeError where no answer is about the run."""
    target = on_disk(out, "--out") if out else None
    if target is not None and target.suffix != ".jsonl":
        raise RecipeError(f"--out {out}: must end in .jsonl")
    if target is not None and target.exists():
        raise RecipeError(f"{out} is there already")
    run = open_run(run_folder)
    scores = [c for c in ("url", "host", "file") if c in run.release.columns]
    made = labelled(run, spec, Path(), scores)
    print_labelled(made)
    if not made.labels:
        raise RecipeError(f"{', '.join(spec.files)}: no answer is about a page of {run.place.url}")
    if target is not None:
        lines = [
            {"id": key, "label": label, "weight": made.answered.weights.get(key), "url": made.rows[key].get("url")}
            for key, label in made.labels.items()
        ]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(b"".join(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE) for line in lines))
        typer.echo(f"{out}: {len(lines):,} labels")
    return made


def print_labelled(made: Labelled) -> None:
    """Tells what the answers are, and what is wrong with some of them."""
    console = Console(highlight=False, width=None if Console().is_terminal else 120)
    answered = made.answered
    table = Table(box=None, pad_edge=False, show_header=False)
    known = {key for key in answered.places if key in made.rows}
    counts = Counter(made.labels.values())
    table.add_row("pages in the files", f"{len(answered.places):,}")
    table.add_row("answered", f"{len(answered.labels):,}")
    table.add_row("  of the run", ", ".join(f"{label} {n:,}" for label, n in sorted(counts.items())) or "none")
    table.add_row("unanswered", _named([k for k in answered.unanswered if k in known], answered))
    table.add_row("not in the run", _named(made.unknown, answered, strange=True))
    if answered.several:
        table.add_row("several answers", f"{answered.several:,} pages; {_agreement(answered)}")
    if answered.tied:
        table.add_row("tied, left out", _named(list(answered.tied), answered))
    if answered.weights and len(answered.weights) < len(answered.places):
        table.add_row("without a weight", f"{len(answered.places) - len(answered.weights):,}: counted as 1 row each")
    console.print(table)


def _named(keys: list[str], answered: Answered, strange: bool = False) -> str:
    if not keys:
        return "0"
    said = [one_line(f"{k} ({answered.places[k]}{_why(k) if strange else ''})", 120) for k in keys[:NAMED]]
    return "\n".join([f"{len(keys):,}", *said, *(["…"] if len(keys) > NAMED else [])])


def _why(key: str) -> str:
    return "" if _is_id(key) else "; no row id: that is 32 hexadecimal digits"


def _agreement(answered: Answered) -> str:
    same = sum(a == b for a, b in answered.pairs)
    value = kappa(answered.pairs + [(b, a) for a, b in answered.pairs])
    said = "" if value is None else f", κ {value:.2f}"
    return f"two of them agree in {100 * same / len(answered.pairs):.0f} % of {len(answered.pairs):,} pairs{said}"
