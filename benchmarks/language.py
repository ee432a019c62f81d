"""Language identification: our port of lid.176 against fasttext-community on the same pages, and what reading a part of a page costs.

    uvx nox -s bench -- language [--quick]

Pages: the text of every labelled record of the development corpus (every 4th with --quick), in seven languages. Ours is CPU time from
the Arrow column to label and probability, the library's from the same texts as Python strings to label and probability, one by one.
Both read the same: first the whole text, then the step's sample of at most 1,000 characters in eight windows, which is made for the
library beforehand and by ours on the way (`ratio_community`). `ratio_step` is the whole step on that sample, which counts the kana of
the whole page too.

What a part costs: labels by so many characters, in windows over the page or from its beginning, against labels by the whole page and
against the truth (the package's language; pages of 400 characters and more, Japanese ones that nobody has translated left out).
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _corpus import DEV, need_corpus

from curation.classify import lid_model
from curation.classify.language import Language, sampled

WHOLE = 1 << 40
PARTS = (50, 100, 200, 500, 1000, 2000)
ROUNDS = 3


def main() -> None:
    """Prints tables; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="every 4th page")
    args = parser.parse_args()
    need_corpus("warc", "truth.tsv")
    if "SEIMAI_PEER_PYTHON" not in os.environ:
        sys.exit("the peer has an environment of its own: uvx nox -s bench -- language")
    truth, texts = pages(4 if args.quick else 1)
    print(f"{len(texts):,} pages, {sum(len(t.encode()) for t in texts) / 1e6:.1f} MB of text")
    figures = speed(texts) | truncation(truth, texts)
    print(json.dumps(figures | {"pages": len(texts)}))


def pages(every: int) -> tuple[list[str], list[str]]:
    """Language by package ("" where it says nothing sure) and text of labelled records, as one line without fastText's own marks."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    from curation.extract.charset import decode

    with (DEV / "truth.tsv").open(encoding="utf-8", newline="") as file:
        rows = {row["url"]: row for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)}
    truth, texts, number = [], [], 0
    for path in sorted((DEV / "warc").glob("*.warc.gz")):
        with path.open("rb") as file:
            for record in ArchiveIterator(file, record_types=WarcRecordType.response):
                row = rows.get(record.headers["WARC-Target-URI"])
                number += row is not None
                if row is None or number % every:
                    continue
                html = decode(record.reader.read()).text
                text = html if "plain" in row["http_content_type"] else extract_plain_text(html)
                line = " ".join(text.replace("</s>", " ").replace("__label__", " ").split())
                if any(c.isalpha() for c in line):
                    truth.append(language_of(row, line))
                    texts.append(line)
    return truth, texts


def language_of(row: dict[str, str], text: str) -> str:
    """What the package says a page is in; "" for a short one, and for one that is mostly Latin in a Japanese package."""
    letters = [c for c in text if c.isalpha()]
    latin = sum(c.isascii() for c in letters) >= 0.85 * len(letters)
    language = row["package_lang"].split("-")[0]
    return "" if len(text) < 400 or (language == "ja" and latin) else language


def speed(texts: list[str]) -> dict[str, object]:
    """Both sides on the whole texts and on samples of them."""
    samples = [" ".join(sampled(text)) for text in texts]
    with tempfile.TemporaryDirectory() as work:
        path = f"{work}/texts.parquet"
        pq.write_table(pa.table({"whole": texts, "sample": samples}), path)
        command = [os.environ["SEIMAI_PEER_PYTHON"], str(Path(__file__).with_name("_peer_language.py"))]
        subprocess.run([*command, str(lid_model.MODEL), path, str(ROUNDS)], check=True)
        theirs = {name: json.loads(Path(f"{path}.{name}.json").read_text()) for name in ("whole", "sample")}
    figures: dict[str, object] = {}
    equal, distance = True, 0.0
    for name, characters in (("whole", WHOLE), ("sample", 1000)):
        rows, step = labelled(texts, characters)
        alone, said = identified(texts, characters), theirs[name]
        same = [a["language"] == b[0] for a, b in zip(rows, said["answers"], strict=True)]
        gaps = [abs(a["language_score"] - min(1.0, b[1])) for a, b in zip(rows, said["answers"], strict=True)]
        equal, distance = equal and all(same), max(distance, *gaps)
        each = [1000 * s / len(texts) for s in (alone, step, said["seconds"])]
        print(
            f"{name:6}  ours {each[0]:.3f} ms a page (with kana {each[1]:.3f}), fasttext-community {each[2]:.3f}: "
            f"{each[2] / each[0]:.2f} times ({each[2] / each[1]:.2f}); {sum(same)} of {len(same)} labels the same"
        )
        figures |= {f"ratio_{name}": round(each[2] / each[0], 2), "ratio_step": round(each[2] / each[1], 2)}
    head = {"ratio_community": figures.pop("ratio_sample"), "labels_equal": equal}
    return {**head, **figures, "max_dp": round(distance, 5)}


def identified(texts: list[str], characters: int) -> float:
    """CPU seconds of labels and probabilities alone, the best of the rounds."""
    from curation.classify.language import WINDOWS
    from curation.classify.lid_kernel import predict_rows
    from curation.normalise.text_column import text_views

    _, *arrays = lid_model.load()
    columns = [b.column("text") for b in pa.table({"text": pa.array(texts, pa.large_string())}).to_batches(1024)]
    seconds = []
    for _ in range(ROUNDS):
        started = time.process_time()
        for column in columns:
            predict_rows(*text_views(column), characters, WINDOWS, *arrays)
        seconds.append(time.process_time() - started)
    return min(seconds)


def labelled(texts: list[str], characters: int) -> tuple[list[dict[str, Any]], float]:
    """What the step writes, and its CPU seconds, the best of the rounds."""
    step = Language(characters)
    step.setup()
    batches = pa.table({"text": pa.array(texts, pa.large_string())}).to_batches(1024)
    step.columns(batches[0].slice(0, 2))
    seconds, rows = [], []
    for _ in range(ROUNDS):
        started = time.process_time()
        made = [step.columns(batch) for batch in batches]
        seconds.append(time.process_time() - started)
        rows = [row for columns in made for row in pa.table(dict(columns)).to_pylist()]
    return rows, min(seconds)


def truncation(truth: list[str], texts: list[str]) -> dict[str, object]:
    """Labels by parts of the pages against those by whole pages and against the truth."""
    known = np.array([bool(t) for t in truth])
    right = np.array(truth)
    whole = np.array([row["language"] or "" for row in labelled(texts, WHOLE)[0]])
    base = float((whole == right)[known].mean())
    print(f"{int(known.sum()):,} pages of known language: {100 * base:.2f} % right by the whole page")
    print("characters   windows: as whole  right   from the beginning: as whole  right   ms a page")
    figures: dict[str, object] = {"right_whole": round(base, 4)}
    for characters in PARTS:
        rows, seconds = labelled(texts, characters)
        windows = np.array([row["language"] or "" for row in rows])
        rows, _ = labelled([text[:characters] for text in texts], WHOLE)
        head = np.array([row["language"] or "" for row in rows])
        shares = [float(v) for x in (windows, head) for v in ((x == whole).mean(), (x == right)[known].mean())]
        print(
            f"{characters:10}   {100 * shares[0]:17.2f}  {100 * shares[1]:5.2f}   {100 * shares[2]:28.2f}  {100 * shares[3]:5.2f}"
            f"   {1000 * seconds / len(texts):9.3f}"
        )
        if characters == 1000:
            names = ("as_whole", "right", "as_whole_head", "right_head")
            figures |= {name: round(value, 4) for name, value in zip(names, shares, strict=True)}
    return figures


if __name__ == "__main__":
    main()
