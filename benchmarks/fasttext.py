"""Scoring by a fastText model over characters: the collapsed table against fasttext-community, one text after the other, same texts.

    python benchmarks/fasttext.py [--quick]

The model has the size that quality classifiers have (100 numbers a feature, 2 million buckets, n-grams of 3: 800 MB), trained for an
epoch on texts of `scale/` to tell novels from laws; rows that training did not touch keep fastText's random values, so equality is
tried on all of them. 10,000 texts (1,000 with --quick), evenly from all files. Ours is CPU time from the Arrow column to
probabilities, the library's from the same texts as Python strings to probabilities, cutting into characters included (without it:
`ratio_bare`).
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _corpus import DEV, need_corpus

sys.path.remove(str(Path(__file__).resolve().parent))  # this script has the library's name


def main() -> None:
    """Prints each round; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="1,000 texts")
    args = parser.parse_args()
    need_corpus("scale")
    import fasttext

    from curation.classify.scorers import Collapsed, words_line

    texts = scale_texts(1_000 if args.quick else 10_000)
    column = pa.array(texts, pa.large_string())
    with tempfile.TemporaryDirectory() as work:
        path = Path(work) / "model.bin"
        trained(path)
        size = path.stat().st_size
        model: Any = fasttext.load_model(str(path))
        began = time.process_time()
        ours = Collapsed(path)
        collapsing = time.process_time() - began
    ours.probabilities(column.slice(0, 20))
    size_mb = sum(len(t.encode()) for t in texts) / 1e6
    print(
        f"{len(texts)} texts, {size_mb:.1f} MB; model {size / 1e6:.0f} MB, as a table {ours.model.table.nbytes / 1e6:.0f} MB"
    )
    ratios, bare = [], []
    made, theirs = np.zeros(0), np.zeros(0)
    for _ in range(3):
        seconds = []
        for _ in range(2):
            began = time.process_time()
            made = ours.probabilities(column)[0]
            seconds.append(time.process_time() - began)
        began = time.process_time()
        lines = [words_line(text, "characters") for text in texts]
        cutting = time.process_time() - began
        began = time.process_time()
        rows = [model.f.predict(line + "\n", 2, 0.0, "strict") for line in lines]
        library = time.process_time() - began
        theirs = np.array([[{b: a for a, b in row}[f"__label__{name}"] for name in ours.labels] for row in rows])
        ratios.append((library + cutting) / min(seconds))
        bare.append(library / min(seconds))
        print(
            f"ours {size_mb / min(seconds):.0f} MB/s, library {size_mb / (library + cutting):.1f} MB/s "
            f"({size_mb / library:.1f} without cutting): {ratios[-1]:.1f} times"
        )
    figures = {
        "ratio_community": round(statistics.median(ratios), 1),
        "max_dp": float(f"{np.abs(made - np.minimum(theirs, 1)).max():.2g}"),
        "labels_equal": bool((made.argmax(axis=1) == theirs.argmax(axis=1)).all()),
        "ratio_bare": round(statistics.median(bare), 1),
        "texts": len(texts),
        "collapse_s": round(collapsing, 2),
    }
    print(json.dumps(figures))


def trained(path: Path) -> None:
    """Writes a model over characters that tells novels from laws."""
    import fasttext

    from curation.classify.scorers import words_line

    lines = []
    for name, label in (("docs-00", "novel"), ("docs-03", "law")):
        table = pq.read_table(DEV / "scale" / f"{name}.parquet", columns=["text"]).column("text")
        some = table.take(np.linspace(0, len(table) - 1, 300).astype(int)).to_pylist()
        lines += [f"__label__{label} {words_line(text, 'characters')}\n" for text in some]
    file = path.with_suffix(".txt")
    file.write_text("".join(lines[::2] + lines[1::2]), encoding="utf-8")
    options = {"dim": 100, "wordNgrams": 3, "bucket": 2_000_000, "epoch": 1, "lr": 0.5, "thread": 1, "verbose": 0}
    fasttext.train_supervised(str(file), **options).save_model(str(path))


def scale_texts(number: int) -> list[str]:
    """So many rows of `scale/`, evenly from all of its files."""
    texts: list[str] = []
    files = sorted((DEV / "scale").glob("docs-0*.parquet"))
    for path in files:
        column = pq.read_table(path, columns=["text"]).column("text")
        texts += column.take(np.linspace(0, len(column) - 1, number // len(files)).astype(int)).to_pylist()
    return texts


if __name__ == "__main__":
    main()
