"""Are pages decoded to what they say? Real records against their true encoding, and transcoded pages in 36 cells; peers beside.

    python benchmarks/decode.py [--quick] [--data ../shared/data]

1. Every response record of the development corpus against `true_encoding` of truth.tsv: read by `ReadWarc` and decoded by the step
   `decode`, and by datatrove's WarcReader on the same files. Right = the same text as Python's codec gives but for six signs that
   JIS and Microsoft map differently; NUL and byte order marks aside.
2. 1,000 Japanese pages (40 with --quick, 8 of them at 1 MiB) × cp932, euc-jp, iso-2022-jp, utf-8 × header right, missing, wrong ×
   whole, cut at 1 MiB (short pages repeated until they are longer), cut in mid-character. resiliparse's detection from bytes and
   meta is run on the cells without a header, and chardet's on up to 100 pages of those that are not of 1 MiB.
3. What `sniff` and `language` say of the labelled pages, by labels that no kana made.

SEIMAI_PEER_PYTHON names the Python of an environment made from benchmarks/peers-decode.txt. Times are CPU of this process.
"""

import argparse
import base64
import csv
import hashlib
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import _transcode as transcode
import pyarrow as pa
from _corpus import need_corpus

from curation.extract.charset import decode
from curation.extract.decode import Decode
from curation.extract.reader import find_inputs, plan_units
from curation.extract.warc import ReadWarc
from curation.provenance import Source
from curation.step import Rejected

Figures = dict[str, Any]

MIN_KANA = 30
"""What recipes/web_ja.yaml gives `sniff`."""


def main() -> None:
    """Runs the three parts and prints tables, then the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer pages: under 50 s")
    parser.add_argument("--data", type=Path, default=Path(__file__).resolve().parents[2] / "shared" / "data")
    args = parser.parse_args()
    need_corpus("truth.tsv", "warc", data=args.data)
    truth = {row["url"]: row for row in _table(args.data / "truth.tsv")}
    batches, rejected = read(args.data)
    rows = (row for batch in batches for row in batch.select(["url", "payload"]).to_pylist())
    expected = {row["url"]: true_text(row["payload"], truth.get(row["url"])) for row in rows}
    figures = real_records(batches, rejected, expected)
    figures |= datatrove(args.data, expected, truth)
    pages = [expected[u] for u, row in truth.items() if row["lang"] == row["package_lang"] == "ja" and u in expected]
    figures |= transcoded(pages, 40 if args.quick else 1000, 8 if args.quick else 1000)
    print(json.dumps(figures | languages(batches, truth)))


def read(data: Path) -> tuple[list[pa.RecordBatch], Counter[str]]:
    """All records with their bodies, and how many were rejected for which reason."""
    batches, rejected = [], Counter[str]()
    units = plan_units(find_inputs([str(data / "warc" / "*.warc.gz")]))
    for item in ReadWarc(units, Source("dev")).run(()):
        if isinstance(item, Rejected):
            rejected.update(item.batch.column("reason").to_pylist())
        else:
            batches.append(item)
    return batches, rejected


def true_text(body: bytes, row: dict[str, str] | None) -> str:
    """The body by its true encoding (the wget crawl, which has no labels, is UTF-8), signs folded, no BOM, no NUL."""
    return _plain(body.decode(row["true_encoding"] if row else "utf-8"))


def real_records(batches: list[pa.RecordBatch], rejected: Counter[str], expected: dict[str, str]) -> Figures:
    """Part 1, our side."""
    step, right, wrong, replaced = Decode(), 0, [], 0
    start = time.process_time()
    made = [step.split(batch) for batch in batches]
    seconds = time.process_time() - start
    for kept, gone in made:
        if gone is not None:
            rejected.update(gone.column("reason").to_pylist())
        replaced += sum(kept.column("replaced_chars").to_pylist())
        for url, text in zip(kept.column("url").to_pylist(), kept.column("html").to_pylist(), strict=True):
            if transcode.folded(text) == expected[url]:
                right += 1
            else:
                wrong.append(url)
    records = sum(batch.num_rows for batch in batches)
    lost = len(expected) - right - len(wrong)
    print(
        f"1. real records: {records} decoded at {1e3 * seconds / records:.3f} ms, {right} right, {lost} lost, {replaced} replaced"
    )
    print(f"   wrong: {wrong[:5]}; rejected with a reason: {dict(rejected)}")
    return {
        "records": records,
        "right": right,
        "lost": lost,
        "replaced_chars": replaced,
        "rejected": dict(rejected),
        "ms_per_page": round(1e3 * seconds / records, 3),
    }


def datatrove(data: Path, expected: dict[str, str], truth: dict[str, dict[str, str]]) -> Figures:
    """Part 1, datatrove's side; nothing where its environment is missing, and then it says so."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "texts.jsonl"
        if not _peer(_WARC_READER, str(data / "warc"), str(out)):
            return {}
        got = {row["url"]: row["sha256"] for row in map(json.loads, out.read_text().splitlines())}
    right = {u for u in expected if got.get(u) == hashlib.sha256(expected[u].encode()).hexdigest()}
    lost = [u for u in expected if u not in got]
    plain = sum("plain" in truth.get(u, {}).get("http_content_type", "") for u in lost)
    print(f"   datatrove: {len(right)} right, {len(got.keys() & expected) - len(right)} garbled, {len(lost)} lost")
    print(f"   ({plain} of the lost are text/plain, which it takes from WET files only)")
    return {
        "datatrove_right": len(right),
        "datatrove_garbled": len(got.keys() & expected) - len(right),
        "datatrove_lost": len(lost),
        "datatrove_lost_plain_text": plain,
    }


def transcoded(pages: list[str], count: int, long_count: int) -> Figures:
    """Part 2: share right in each cell."""
    pages = pages[:: max(1, len(pages) // count)][:count]
    ours, theirs, sent, asked = defaultdict(list), defaultdict(list), [], []
    for cut in transcode.CUTS:
        for number, page in enumerate(pages[: long_count if cut == "cut at 1 MiB" else count]):
            for encoding in transcode.ENCODINGS:
                for header, case in transcode.cases(page, number, encoding, cut):
                    got = decode(case.payload, case.header).text
                    ours[encoding, cut, header].append(transcode.is_right(got, case, encoding))
                    if header == "missing":
                        theirs[encoding, cut].append(transcode.is_right(_resiliparse(case.payload), case, encoding))
                        if number < 100 and cut != "cut at 1 MiB":
                            sent.append(base64.b64encode(case.payload).decode())
                            asked.append((encoding, cut, case))
    chardet = _chardet(sent, asked)
    print(f"2. right, of {len(pages)} pages (of {min(long_count, len(pages))} at 1 MiB)")
    print(f"   {'':34}{'right':>8}{'missing':>9}{'wrong':>8}   missing by resiliparse, chardet")
    for encoding in transcode.ENCODINGS:
        for cut in transcode.CUTS:
            cells = "".join(f"{_share(ours[encoding, cut, h]):>8.2%} " for h in transcode.HEADERS)
            peers = f"{_share(theirs[encoding, cut]):.2%}"
            if (encoding, cut) in chardet:
                peers += f", {_share(chardet[encoding, cut]):.2%} (n {len(chardet[encoding, cut])})"
            print(f"   {encoding:13}{cut:21}{cells}  {peers}")
    figures = {
        "cells": len(ours),
        "cell_pages": len(pages),
        "cell_pages_1mib": min(long_count, len(pages)),
        "cells_worst": round(min(map(_share, ours.values())), 4),
        "resiliparse_worst": round(min(map(_share, theirs.values())), 4),
        "resiliparse_mean": round(sum(map(_share, theirs.values())) / len(theirs), 4),
    }
    if chardet:
        figures["chardet_mean"] = round(sum(map(_share, chardet.values())) / len(chardet), 4)
    return figures


def languages(batches: list[pa.RecordBatch], truth: dict[str, dict[str, str]]) -> Figures:
    """Part 3: pages kept by `sniff` and by the rule of the preset `japanese`, of all text of each page."""
    from resiliparse.extract.html2text import extract_plain_text

    from curation.classify.language import Language, is_japanese
    from curation.extract.sniff import Sniff

    sniff, language, whole = Sniff(min_kana=MIN_KANA), Language(), Language(characters=1 << 40)
    for step in (sniff, language, whole):
        step.setup()
    seen: dict[str, Counter[str]] = defaultdict(Counter)
    agree = total = 0
    for batch in batches:
        passed = set(sniff.split(batch)[0].column("url").to_pylist())
        page, _ = Decode().split(batch)
        markup = zip(page.column("html").to_pylist(), page.column("mime_declared").to_pylist(), strict=True)
        texts = [html if mime == "text/plain" else extract_plain_text(html) for html, mime in markup]
        rows = pa.record_batch({"text": pa.array(texts, pa.large_string())})
        made, full = language.columns(rows), whole.columns(rows)
        agree += sum(a == b for a, b in zip(made["language"].to_pylist(), full["language"].to_pylist(), strict=True))
        total += len(texts)
        verdicts = zip(
            page.column("url").to_pylist(), made["language"].to_pylist(), made["kana_ratio"].to_pylist(), strict=True
        )
        for url, code, kana in verdicts:
            if row := truth.get(url):
                key = _group(row)
                seen[key]["pages"] += 1
                seen[key]["sniffed"] += url in passed
                seen[key]["kept"] += is_japanese(code, kana)
    print(f"3. {'label':44}{'pages':>7}{'pass sniff':>12}{'kept as ja':>12}")
    for key, n in sorted(seen.items()):
        print(f"   {key:44}{n['pages']:>7}{n['sniffed']:>12}{n['kept']:>12}")
    print(f"   sample of 1,000 characters and whole text agree on {agree} of {total} pages")
    ja = [n for key, n in seen.items() if key.startswith("ja: ") and "partly" not in key]
    other = [n for key, n in seen.items() if not key.startswith(("ja", "short"))]
    return {
        "ja_kept": round(sum(n["kept"] for n in ja) / sum(n["pages"] for n in ja), 4),
        "sniff_lost": round(1 - sum(n["sniffed"] for n in ja) / sum(n["pages"] for n in ja), 4),
        "other_rejected_worst": round(min(1 - n["kept"] / n["pages"] for n in other), 4),
        "sniff_skipped_other": round(1 - sum(n["sniffed"] for n in other) / sum(n["pages"] for n in other), 4),
        "sample_agrees": round(agree / total, 4),
    }


def _group(row: dict[str, str]) -> str:
    """Label of a page by its package; of pages of Japanese packages, those that are not or partly translated stand apart."""
    short = "short " if int(row["text_chars"]) < 400 else ""
    if row["package_lang"] != "ja":
        return f"{short}{row['package_lang']}"
    if row["warc"].startswith(("aozora", "egov")):
        return f"{short}ja: {row['warc'].split('-')[0]}"
    apart = {"ja": "manuals", "mixed": "partly translated manuals", "und": "untranslated manuals (are English)"}[
        row["lang"]
    ]
    return f"{short}ja{':' if row['lang'] != 'und' else ','} {apart}"


_WARC_READER = """
import hashlib, json, sys
from datatrove.pipeline.readers import WarcReader
signs = str.maketrans("〜‖−¢£¬", "～∥－￠￡￢")
with open(sys.argv[2], "w") as out:
    for page in WarcReader(sys.argv[1], glob_pattern="*.warc.gz")():
        text = page.text.removeprefix("\\ufeff").replace("\\0", "").translate(signs)
        sha256 = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
        out.write(json.dumps({"url": page.metadata["url"], "sha256": sha256}) + "\\n")
"""
_CHARDET = """
import base64, sys, chardet
with open(sys.argv[1]) as bodies, open(sys.argv[2], "w") as out:
    out.writelines(f"{chardet.detect(base64.b64decode(body))['encoding']}\\n" for body in bodies)
"""


def _peer(program: str, *arguments: str) -> bool:
    """Runs a program with the peers' Python; False, and says so, where there is none."""
    python = os.environ.get("SEIMAI_PEER_PYTHON")
    if not python and all(map(importlib.util.find_spec, ("datatrove", "cchardet", "magic", "chardet"))):
        python = sys.executable
    if not python:
        print("   no peer: SEIMAI_PEER_PYTHON names no environment with benchmarks/peers-decode.txt")
        return False
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    subprocess.run([python, "-c", program, *arguments], check=True, env=environment, stderr=subprocess.DEVNULL)
    return True


def _chardet(sent: list[str], asked: list[tuple[str, str, transcode.Case]]) -> dict[tuple[str, str], list[bool]]:
    found: dict[tuple[str, str], list[bool]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        given, got = Path(folder) / "bodies", Path(folder) / "names"
        given.write_text("".join(f"{body}\n" for body in sent))
        if not _peer(_CHARDET, str(given), str(got)):
            return {}
        names = got.read_text().split()
    for name, (encoding, cut, case) in zip(names, asked, strict=True):
        try:
            text = case.payload.decode(name, "replace")
        except LookupError:
            text = ""
        found[encoding, cut].append(transcode.is_right(text, case, encoding))
    return found


def _resiliparse(payload: bytes) -> str:
    from resiliparse.parse.encoding import bytes_to_str, detect_encoding

    # its own fallback would read a page that was cut as windows-1252
    return bytes_to_str(
        payload, detect_encoding(payload, from_html_meta=True) or "utf-8", errors="replace", fallback_encodings=()
    )


def _table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def _plain(text: str) -> str:
    return transcode.folded(text.removeprefix("\ufeff").replace("\0", ""))


def _share(hits: list[bool]) -> float:
    return sum(hits) / len(hits)


if __name__ == "__main__":
    main()
