"""Does the packaged quality model tell good text from the same text damaged by program, on manuals that it never saw?

    python benchmarks/quality.py [--quick]

The pages that recipes/train_quality_ja.yaml holds out for its test (four of Debian's manuals and the Rust book, two hosts; every 3rd
page with --quick), made by the recipe's own stages, cut and damaged as in training: how well does the score tell the pieces from
their damaged versions, each page of the same weight? Interval: 95 %, over the five manuals, which are all that there are. The best
heuristic is the measured column (text_stats, repetition, language) with the highest AUC on these very pieces, in its better
direction. The full run then looks at other kinds of text that the model has never seen: novels, laws, two sets of translated
documentation, 300 texts each, which may not be passed on and are only read.
"""

import argparse
import fnmatch
import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _corpus import DEV, need_corpus

from curation.classify.examples import Examples, examples_of, group_of
from curation.classify.train_spec import TrainSpec
from curation.shards import ShardSet
from recipes.engine import execute, plan, recipe_file
from recipes.engine.progress import Progress

RECIPE = Path(__file__).resolve().parent.parent / "recipes" / "train_quality_ja.yaml"
TRIED = ("debian", "rust")
"""Sources of the recipe whose groups are tried."""
UNSEEN = {"novels": "docs-00", ".NET documentation": "docs-01", "SQL documentation": "docs-02", "laws": "docs-03"}


def main() -> None:
    """Prints tables; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="every 3rd page, no other kinds of text")
    args = parser.parse_args()
    need_corpus("warc", "scale")
    from curation.classify.fasttext_quality import FasttextQuality
    from curation.classify.train import measured
    from curation.features.words import Tokeniser

    recipe = recipe_file.load(RECIPE)
    spec = recipe.train
    assert spec is not None
    spec = spec.model_copy(update={"damage_copies": 1})
    step = FasttextQuality()
    step.setup()
    tokenise = Tokeniser()

    def figures(rows: list[dict[str, Any]]) -> dict[str, Any]:
        examples = examples_of(rows, spec, None, tokenise)
        batch = pa.record_batch({"text": pa.array(examples.text, pa.large_string())})
        scores = step.columns(batch)["quality"].to_numpy(zero_copy_only=False).astype(float)
        return measured(examples, good(examples), scores)

    rows = held_out(spec)[:: 3 if args.quick else 1]
    made = figures(rows)
    print(f"{made['examples']} pieces of {made['pages']} pages: {made['groups']}")
    for name, said in {**made["by_source"], **made["by_kind"]}.items():
        print(f"  {name:18} {said}")
    print(f"best heuristic: {made['best_heuristic']}")
    print({k: made[k] for k in ("brier", "calibration_error")})
    found = {k: made[k] for k in ("auc", "auc_low", "auc_high", "auc_best_heuristic")} | {"pages": made["pages"]}
    if not args.quick:
        for name, file in UNSEEN.items():
            said = figures(unseen(file, 300))
            print(
                f"{name}: AUC {said['auc']:.3f} (one group, no interval), best heuristic "
                f"{said['auc_best_heuristic']:.3f} ({said['best_heuristic']}), {said['by_source']}"
            )
            found[f"auc_{file}"] = said["auc"]
    print(json.dumps(found))


def good(examples: Examples) -> np.ndarray:
    """Which examples are good."""
    return np.array([label == "good" for label in examples.label])


def held_out(spec: TrainSpec) -> list[dict[str, Any]]:
    """Rows of the groups that the recipe keeps for its test, made by its stages over their sources alone."""
    recipe = recipe_file.load(RECIPE)
    stages = [s for s in recipe.stages if s.name not in ("apache_pages", "written_pages")]
    pages = [f"{source}_pages" for source in TRIED]
    stages = [s.model_copy(update={"read": pages} if s.name == "measured" else {}) for s in stages]
    recipe = recipe.model_copy(update={"stages": stages, "sources": {s: recipe.sources[s] for s in TRIED}})
    with tempfile.TemporaryDirectory() as work, open(os.devnull, "w") as quiet:
        made = plan.make(recipe, RECIPE.name, work)
        execute.run(made, workers=1, progress=Progress(len(made.blocks), stream=quiet))
        columns = ["id", "source", "url", "host", "file", "text"]
        rows = [row for batch in ShardSet.open(made.blocks[-1].url).read(columns) for row in batch.to_pylist()]
    assert isinstance(spec.test, list)
    assert isinstance(spec.calibrate, list)

    def named(row: dict[str, Any], patterns: list[str]) -> bool:
        return any(fnmatch.fnmatchcase(group_of(row, spec.groups), pattern) for pattern in patterns)

    return [row for row in rows if named(row, spec.test) and not named(row, spec.calibrate)]


def unseen(file: str, number: int) -> list[dict[str, Any]]:
    """So many texts of one file of `scale/`, as rows of a source that counts as good; long ones cut to one piece."""
    column = pq.read_table(DEV / "scale" / f"{file}.parquet", columns=["text"]).column("text")
    texts = column.take(np.linspace(0, len(column) - 1, number).astype(int)).to_pylist()
    common = {"source": "debian", "url": None, "host": file, "file": file}
    return [{"id": f"{file}-{n}".encode(), "text": text[:1000], **common} for n, text in enumerate(texts)]


if __name__ == "__main__":
    main()
