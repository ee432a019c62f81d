"""fasttext-community on the texts of a Parquet file, one after the other: labels, and CPU seconds of the predictions alone.

    python _peer_language.py MODEL FILE ROUNDS      adds FILE.whole.json and FILE.sample.json

Texts come ready as Python strings with line breaks as spaces; the binding behind `predict` is asked, which spares the library the
NumPy arrays around each answer (and works with NumPy 2). The best of the rounds counts.
"""

import json
import sys
import time
from pathlib import Path

import pyarrow.parquet as pq

sys.path.remove(str(Path(__file__).resolve().parent))  # a benchmark there has the library's name
import fasttext


def main() -> None:
    """Predicts the columns `whole` and `sample`."""
    path, rounds = sys.argv[2], int(sys.argv[3])
    predict = fasttext.load_model(sys.argv[1]).f.predict
    table = pq.read_table(path)
    for column in ("whole", "sample"):
        lines = [text + "\n" for text in table.column(column).to_pylist()]
        seconds, found = [], []
        for _ in range(rounds):
            started = time.process_time()
            found = [predict(line, 1, 0.0, "strict") for line in lines]
            seconds.append(time.process_time() - started)
        answers = [[label.removeprefix("__label__"), score] for [(score, label)] in found]
        with open(f"{path}.{column}.json", "w", encoding="utf-8") as file:
            json.dump({"seconds": min(seconds), "answers": answers}, file)


if __name__ == "__main__":
    main()
