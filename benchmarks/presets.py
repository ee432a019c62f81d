"""Do the presets decide as their originals? HojiChar 0.18.1 and datatrove 0.10.1 with FineWeb2's values, page by page, rule by rule.

    python benchmarks/presets.py [--quick] [--data ../shared/data]

SEIMAI_PEER_PYTHON names the Python of an environment made from benchmarks/peers-presets.txt: this file is run by it as `--peer`, and
only its verdicts come back. Texts are those of the development corpus: every labelled WARC page as plain text (all of the
page, so that menus and lists meet the rules too), a sample of `scale/`, and for words a part of both, because datatrove's
tokeniser reads 30,000 characters a second. Last line: one JSON object.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from _corpus import need_corpus

FINEWEB2 = {
    "top": {2: 0.239, 3: 0.196, 4: 0.172},
    "duplicate": {5: 0.243, 6: 0.225, 7: 0.207, 8: 0.19, 9: 0.175, 10: 0.159},
    "stop_words": ["の", "に", "を", "は", "た", "て", "が", "と", "で", "年", "し", "・", "月", "れ", "さ"],
}
"""Values of fineweb-2 configs/jpn_Jpan.yml, stated again: the peer's side must not read ours."""


def main() -> None:
    """Compares both sides and prints the agreement of each rule."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="some 220 WARC pages only: under 50 s")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    parser.add_argument("--peer", nargs=2, metavar=("TEXTS", "VERDICTS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.peer:
        peer_side(*map(Path, args.peer))
        return
    need_corpus("truth.tsv", "warc", *([] if args.quick else ["scale"]), data=args.data)
    peer = os.environ.get("SEIMAI_PEER_PYTHON")
    if not peer:
        raise SystemExit("SEIMAI_PEER_PYTHON is not set: an environment with benchmarks/peers-presets.txt is needed")
    texts = [text for _, text in dev_texts(args.data, pieces=not args.quick)]
    words = _spread(texts, 300_000 if args.quick else 6_000_000)
    rows = _spread(texts, 1_800_000) if args.quick else list(range(len(texts)))
    by_words = set(words)
    work = sorted({*rows, *words})
    with tempfile.TemporaryDirectory() as folder:
        given, got = Path(folder) / "texts.jsonl", Path(folder) / "verdicts.jsonl"
        given.write_text("".join(json.dumps({"text": texts[i], "words": i in by_words}) + "\n" for i in work))
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
        subprocess.run([peer, __file__, "--peer", str(given), str(got)], check=True, env=environment)
        theirs = [json.loads(line) for line in got.read_text().splitlines()]
    ours, seconds = our_side([texts[i] for i in work])
    figures = compare(ours, theirs)
    figures |= {"pages": len(work), "words_pages_per_s": round(len(work) / seconds, 1)}
    characters = sum(len(texts[i]) for i in work)
    print(f"step words: {characters / seconds:,.0f} characters per CPU second, {characters / len(work):,.0f} a page")
    print(json.dumps(figures))


def dev_texts(data: Path, pieces: bool) -> Iterator[tuple[str, str]]:
    """Identity and text of every labelled page and, with `pieces`, of every 166th row of `scale/`."""
    import pyarrow.parquet as pq
    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    with (data / "truth.tsv").open(newline="") as file:
        truth = {row["url"]: row for row in csv.DictReader(file, delimiter="\t")}
    for path in sorted((data / "warc").glob("*.warc*")):
        with path.open("rb") as stream:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
                page = truth.get(url := record.headers["WARC-Target-URI"] or "")
                if page is None:
                    continue
                text = record.reader.read().decode(page["true_encoding"], "replace")
                if "plain" not in page["http_content_type"]:
                    text = extract_plain_text(text, main_content=False, alt_texts=False)
                yield url, text
    for path in sorted((data / "scale").glob("docs-0*.parquet")) if pieces else []:
        table = pq.read_table(path, columns=["id", "text"])
        table = table.take(list(range(0, len(table), 166)))
        yield from zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True)


def _spread(texts: list[str], characters: int) -> list[int]:
    """Every k-th text, so many that together they have about the given number of characters."""
    step = max(1, round(sum(map(len, texts)) / characters))
    return list(range(0, len(texts), step))


def our_side(texts: list[str]) -> tuple[dict[str, dict[str, list[bool]]], float]:
    """Broken rules by preset and rule, as booleans a row; and the CPU seconds of the step `words`."""
    import pyarrow as pa

    from curation.features.keywords import Keywords
    from curation.features.repetition import Repetition
    from curation.features.text_stats import TextStats
    from curation.features.words import Words
    from curation.filters.preset import load_preset
    from curation.filters.threshold import rules_broken

    batch, seconds = pa.record_batch({"text": pa.array(texts, pa.large_string())}), 0.0
    for step in (TextStats(), Repetition(), Keywords(), Words()):
        step.setup()
        step.columns(batch.slice(0, 2))
        start = time.process_time()
        batch, _ = step.split(batch)
        seconds = time.process_time() - start
    return {
        name: rules_broken(load_preset(name), batch).to_pydict() for name in ("hojichar_default", "fineweb2_jpn")
    }, seconds


def compare(ours: dict[str, dict[str, list[bool]]], theirs: list[dict[str, dict[str, bool]]]) -> dict[str, float]:
    """Prints the agreement of each rule and of the whole preset; the shares of pages decided alike."""
    figures = {}
    for preset, key in (("hojichar_default", "hojichar_agreement"), ("fineweb2_jpn", "fineweb2_agreement")):
        seen = [i for i, row in enumerate(theirs) if preset in row]
        alike = 0
        for i in seen:
            alike += any(broken[i] for broken in ours[preset].values()) == any(theirs[i][preset].values())
        figures[key] = round(alike / len(seen), 5)
        print(f"{preset}: {alike} of {len(seen)} pages decided alike ({alike / len(seen):.3%})")
        for rule, broken in ours[preset].items():
            here = sum(broken[i] for i in seen)
            there = sum(theirs[i][preset][rule] for i in seen)
            differ = [i for i in seen if broken[i] != theirs[i][preset][rule]]
            print(f"  {rule:22} rejects {here:5} here {there:5} there, differ on {len(differ)}")
    return figures


def peer_side(given: Path, got: Path) -> None:
    """Runs in the peers' environment: what each filter says of each text, alone."""
    hojichar, fineweb2 = _hojichar(), _fineweb2()
    with given.open() as lines, got.open("w") as out:
        for line in lines:
            row = json.loads(line)
            verdict = {"hojichar_default": {name: says(row["text"]) for name, says in hojichar.items()}}
            if row["words"]:
                verdict["fineweb2_jpn"] = {name: says(row["text"]) for name, says in fineweb2.items()}
            out.write(json.dumps(verdict) + "\n")


def _hojichar():
    from hojichar import Document
    from hojichar.filters import document_filters as h

    filters = {
        "bbs_comments": h.DiscardBBSComments(),
        "ads": h.DiscardAds(),
        "japanese": h.AcceptJapanese(),
        "rare_kuten": h.DiscardRareKuten(),
        "too_many_nouns": h.DiscardTooManyNouns(),
        "char_repetition": h.CharRepetitionRatioFilter(),
        "word_repetition": h.WordRepetitionRatioFilter(),
        "special_token": h.DiscardTooManySpecialToken(),
        "single_character": h.SingleCharacterRepetitionFilter(),
        "ending_ellipsis": h.DiscardTooManyEndingEllipsis(),
        "too_short_lines": h.DiscardTooShortLines(),
    }
    return {name: (lambda text, f=f: bool(f.apply(Document(text)).is_rejected)) for name, f in filters.items()}


def _fineweb2():
    from datatrove.data import Document
    from datatrove.pipeline.filters import FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter

    def repetition(line=0.0, top=(), duplicate=()):
        return GopherRepetitionFilter(line, 0, 0, 0, top, duplicate, language="jpn_Jpan")

    def fineweb(**rule):
        off = {"line_punct_thr": -1, "short_line_thr": 999, "char_duplicates_ratio": 999, "new_line_ratio": 1e9}
        return FineWebQualityFilter(**{**off, **rule}, language="jpn_Jpan")

    names = (
        *("min_doc_words", "max_doc_words", "min_avg_word_length", "max_avg_word_length", "max_symbol_word_ratio"),
        *("max_bullet_lines_ratio", "max_ellipsis_lines_ratio", "max_non_alpha_words_ratio", "min_stop_words"),
    )

    def gopher(**rule):
        off = dict.fromkeys(names)
        return GopherQualityFilter(**{**off, **rule}, stop_words=FINEWEB2["stop_words"], language="jpn_Jpan")

    def because(f, *reasons):
        def says(text):
            try:
                kept = f.filter(Document(text, id="x"))
            except (ZeroDivisionError, IndexError):  # a text without words: its earlier rules reject it before
                return True
            return not (kept is True or (reasons and kept[1] not in reasons and kept[1] != "empty"))

        return says

    rules = {"dup_line_frac": because(repetition(0.328))}
    rules |= {f"top_{n}_gram": because(repetition(top=((n, limit),))) for n, limit in FINEWEB2["top"].items()}
    rules |= {
        f"duplicated_{n}_n_grams": because(repetition(duplicate=((n, limit),)))
        for n, limit in FINEWEB2["duplicate"].items()
    }
    return rules | {
        "line_punct": because(fineweb(line_punct_thr=0.096)),
        "char_dup": because(fineweb(char_duplicates_ratio=0.1)),
        "list_ratio": because(fineweb(new_line_ratio=0.13)),
        "short_doc": because(gopher(min_doc_words=50)),
        "long_doc": because(gopher(max_doc_words=100_000)),
        "avg_word_length": because(gopher(min_avg_word_length=1, max_avg_word_length=6)),
        "hashes": because(gopher(max_symbol_word_ratio=0.1), "gopher_too_many_hashes"),
        "ellipsis": because(gopher(max_symbol_word_ratio=0.1), "gopher_too_many_ellipsis"),
        "bullets": because(gopher(max_bullet_lines_ratio=0.9)),
        "end_ellipsis": because(gopher(max_ellipsis_lines_ratio=0.3)),
        "alpha": because(gopher(max_non_alpha_words_ratio=0.759)),
        "stop_words": because(gopher(min_stop_words=2)),
    }


if __name__ == "__main__":
    sys.exit(main())
