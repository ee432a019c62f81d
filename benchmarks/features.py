"""The compiled measures against polars expressions for the same columns, and against plain Python.

    uvx nox -s bench -- features [--quick]

Texts: main text of the labelled pages of the development corpus, normalised as `web_ja` does it, and rows of `scale/`. Both sides get
the same Arrow column in memory; counted is CPU time of the process over all rows less that over none, the best of three
runs, threads included. polars computes 27 of the 28 columns of `text_stats` (its regular expressions cannot find the longest run of
one character); each is compared with ours. Equality with plain Python is over all pages, and with `--quick` over 200.
"""

import argparse
import csv
import json
import platform
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _corpus import DEV, need_corpus

from curation.features.character_sets import SPECIAL_CHARACTERS, TERMINAL_PUNCTUATION

HIRAGANA, KATAKANA, KANJI = "[\u3041-\u3096]", "[\u30a1-\u30fa]", "[々〇〻\u3400-\u9fff\uf900-\ufaff]"


def main() -> None:
    """Prints each comparison; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="3,000 texts for the ratio, 200 pages for equality")
    args = parser.parse_args()
    need_corpus("truth.tsv", "warc", "scale")
    began = time.process_time()
    from curation.features.repetition import Repetition, repetition
    from curation.features.text_stats import TextStats, text_stats
    from curation.normalise.kutoten import Kutoten
    from curation.normalise.nfkc import Nfkc
    from curation.normalise.whitespace import Whitespace

    normalising, measuring = [Nfkc(), Kutoten(), Whitespace()], [TextStats(), Repetition()]
    for step in normalising + measuring:
        step.setup()
        step.columns(batch_of(["精米は楽しい。", "ＡＢＣ，㈱"]))
    startup = time.process_time() - began

    raw = main_texts(200 if args.quick else None)
    batch = batch_of(raw)
    for step in normalising:
        batch = batch.set_column(0, "text", step.columns(batch)["text"])
    pages = batch.column("text").to_pylist()
    texts = pages + scale_texts(2800 if args.quick else 20_000)
    whole = batch_of(texts)
    chars = sum(map(len, texts))
    print(f"{len(pages)} pages and {len(texts) - len(pages)} rows of scale/, {chars / 1e6:.1f} million characters")

    figures: dict[str, Any] = {}
    page_chars = sum(map(len, raw))
    for step in normalising:
        seconds = cpu(step.columns, batch_of(raw))
        figures[f"{step.name}_ms_8k"] = round(seconds / page_chars * 8192e3, 4)
    for step in measuring:
        figures[f"{step.name}_ms_8k"] = round(cpu(step.columns, whole) / chars * 8192e3, 4)
        on_pages = cpu(step.columns, batch) / max(sum(map(len, pages)), 1)
        figures[f"{step.name}_ms_8k_pages"] = round(on_pages * 8192e3, 4)
    figures["n"], figures["startup_s"] = len(texts), round(startup, 2)

    expressions = polars_columns()
    ours, theirs = cpu(measuring[0].columns, whole), cpu(lambda b: polars_measured(b, expressions), whole)
    figures = {"ratio_polars": round(theirs / ours, 1)} | figures
    print(
        f"text_stats {ours:.3f} s, polars {theirs:.3f} s for {len(expressions)} of its columns: {theirs / ours:.1f} times"
    )
    columns, other = measuring[0].columns(whole), polars_measured(whole, expressions)
    for name in expressions:
        mine, its = np.asarray(columns[name], float), other[name].fill_null(0).to_numpy().astype(float)
        if differ := int((np.abs(mine - its) > 1e-9).sum()):
            print(f"  {name}: polars differs on {differ} of {len(texts)}")

    unequal = 0
    for step, plain in ((measuring[0], text_stats), (measuring[1], repetition)):
        made = step.columns(batch)
        rows = zip(*(column.to_pylist() for column in made.values()), strict=True)
        for text, row in zip(pages, rows, strict=True):
            unequal += dict(zip(made, row, strict=True)) != plain(text)
    print(f"plain Python differs on {unequal} of {2 * len(pages)} (page, step) pairs")
    figures |= {"equal": unequal == 0, "pages": len(pages), "python": platform.python_version()}
    print(json.dumps(figures))


def batch_of(texts: list[str]) -> pa.RecordBatch:
    """A batch with nothing but a text column."""
    return pa.record_batch({"text": pa.array(texts, pa.large_string())})


def cpu(run: Callable[[pa.RecordBatch], Any], batch: pa.RecordBatch) -> float:
    """CPU seconds of the process for all rows less that for none, threads included: the best of three."""

    def once(rows: pa.RecordBatch) -> float:
        start = time.process_time()
        run(rows)
        return time.process_time() - start

    once(batch.slice(0, 50))
    return min(once(batch) for _ in range(3)) - min(once(batch.slice(0, 0)) for _ in range(3))


def main_texts(limit: int | None) -> list[str]:
    """Main text of the labelled pages, decoded by their true encodings; with a limit, of every k-th."""
    from fastwarc.warc import ArchiveIterator, WarcRecordType

    from curation.extract.main_text import MainText

    with (DEV / "truth.tsv").open(newline="") as file:
        truth = {row["url"]: row for row in csv.DictReader(file, delimiter="\t")}
    stride = len(truth) // limit if limit else 1
    found = []
    for path in sorted((DEV / "warc").glob("*.warc.gz")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                url = record.headers["WARC-Target-URI"] or ""
                if page := truth.get(url):
                    html = record.reader.read().decode(page["true_encoding"], "replace")
                    mime = page["http_content_type"].split(";")[0].strip() or None
                    found.append({"html": html, "mime_declared": mime, "record_type": "response", "url": url})
    found = found[::stride]
    kinds = {
        "html": pa.large_string(),
        "mime_declared": pa.string(),
        "record_type": pa.string(),
        "url": pa.large_string(),
    }
    step = MainText()
    step.setup()
    texts: list[str] = []
    for k in range(0, len(found), 500):
        batch = pa.RecordBatch.from_pylist(found[k : k + 500], schema=pa.schema(kinds.items()))
        texts += [text for text in step.columns(batch)["text"].to_pylist() if text]
    return texts


def scale_texts(number: int) -> list[str]:
    """So many rows of `scale/`, evenly from all of its files."""
    texts = []
    files = sorted((DEV / "scale").glob("docs-0*.parquet"))
    for path in files:
        column = pq.read_table(path, columns=["text"]).column("text")
        texts += column.take(np.linspace(0, len(column) - 1, number // len(files)).astype(int)).to_pylist()
    return texts


def polars_measured(batch: pa.RecordBatch, expressions: dict[str, Any]) -> Any:
    """The columns of text_stats by polars."""
    import polars as pl

    frame = pl.DataFrame({"text": pl.from_arrow(batch.column("text"))})
    intermediate = frame.lazy().with_columns(
        lines=pl.col("text").str.split("\n"),
        pieces=pl.col("text").str.replace_all("\n+", "\n").str.split("\n"),
        visual=pl.col("text")
        .str.replace_all("\r\n|[\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", "\n")
        .str.strip_suffix("\n")
        .str.split("\n"),
        japanese=pl.col("text").str.count_matches(f"{HIRAGANA}|{KATAKANA}|{KANJI}|[。．！？、，]"),
        chars_=pl.col("text").str.len_chars(),
        sentences_=pl.col("text").str.extract_all("[^。．！？!?\n]+[。．！？!?]?"),
    )
    intermediate = intermediate.with_columns(
        full=pl.col("lines").list.eval(pl.element().filter(pl.element().str.contains(r"[^\s\x1c-\x1f]"))),
        paragraphs=pl.col("lines").list.eval(
            pl.element().str.replace_all("([。．！？!?])[。．！？!?]+", "$1").str.replace("^[。．！？!?]+", "")
        ),
    )
    return intermediate.select(**expressions).collect()


def polars_columns() -> dict[str, Any]:
    """Expressions of 27 columns of text_stats, over the columns that `polars_measured` prepares."""
    import polars as pl

    def count(pattern: str) -> Any:
        return pl.col("text").str.count_matches(pattern)

    def sizes(name: str) -> Any:
        return pl.col(name).list.eval(pl.element().str.len_chars())

    def share(part: Any, whole: Any) -> Any:
        return pl.when(whole != 0).then(part / whole).otherwise(0.0)

    def matching(name: str, pattern: str) -> Any:
        return pl.col(name).list.eval(pl.element().str.contains(pattern)).list.sum()

    def repeated(name: str) -> Any:
        return share(pl.col(name).list.len() - pl.col(name).list.n_unique(), pl.col(name).list.len())

    def repeated_chars(name: str, whole: Any) -> Any:
        unique = pl.col(name).list.unique().list.eval(pl.element().str.len_chars()).list.sum()
        return share(sizes(name).list.sum() - unique, whole)

    def one_of(characters: frozenset[str]) -> str:
        return "[" + "".join(f"\\x{{{ord(c):x}}}" for c in sorted(characters)) + "]"

    chars, japanese = pl.col("chars_"), pl.col("japanese")
    breaks = count("\n")
    visual = pl.when(pl.col("text") == "").then(0).otherwise(pl.col("visual").list.len())
    return {
        "chars": chars,
        "letters": count(r"\p{L}"),
        "japanese_letters": japanese,
        "digits": count(r"\p{Nd}"),
        "lines": pl.col("lines").list.len(),
        "sentences": pl.col("sentences_").list.len(),
        "max_sentence_chars": sizes("sentences_").list.max(),
        "first_50_kana": pl.col("text").str.slice(0, 50).str.count_matches("[ぁ-んァ-ン]"),
        "hiragana_fraction": share(count(HIRAGANA), japanese),
        "katakana_fraction": share(count(KATAKANA), japanese),
        "kanji_fraction": share(count(KANJI), japanese),
        "japanese_fraction": share(japanese, chars),
        "mean_sentence_chars": sizes("sentences_").list.mean(),
        "ellipsis_sentence_fraction": share(
            matching("sentences_", r"[・…][\s\x1c-\x1f]*$"), pl.col("sentences_").list.len()
        ),
        "duplicate_paragraph_fraction": repeated("paragraphs"),
        "duplicate_paragraph_char_fraction": repeated_chars("paragraphs", sizes("paragraphs").list.sum()),
        "duplicate_sentence_fraction": repeated("sentences_"),
        "duplicate_sentence_char_fraction": repeated_chars("sentences_", sizes("sentences_").list.sum()),
        "duplicate_line_fraction": repeated("pieces"),
        "line_punct_fraction": share(matching("full", one_of(TERMINAL_PUNCTUATION) + "$"), pl.col("full").list.len()),
        "duplicate_line_char_fraction": repeated_chars("full", chars - breaks),
        "bullet_line_fraction": share(matching("visual", r"^[\s\x1c-\x1f]*[•-]"), visual),
        "ellipsis_line_fraction": share(matching("visual", r"(?:\.\.\.|…)[\s\x1c-\x1f]*$"), visual),
        "short_line_fraction": share(
            sizes("lines").list.eval(pl.element() <= 10).list.sum(), pl.col("lines").list.len()
        ),
        "ellipsis_newline_fraction": count(r"(?:\.{3}|…)\n") / pl.max_horizontal(breaks, 1),
        "kuten_density": pl.when(chars > 0).then(count("。") / chars).otherwise(1.0),
        "special_char_fraction": share(count(one_of(SPECIAL_CHARACTERS)), chars),
    }


if __name__ == "__main__":
    main()
