"""The labelled sentences of tests/verifiers/keitai: those written for the project, and those named by hash in the development corpus.

Texts of the corpus stay where they are: a row has source, document and the hash of its sentence; the sentence is found again by
splitting the document. Rows whose sentence is not found (another version of an extractor) are left out and counted by the caller.
"""

import gzip
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

from synth.verify.sentences import sentences_of

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "verifiers" / "keitai"
WARCS = {"apache-manual": "apache-manual", "debian-docs-ja": "debian-docs-ja", "aozora": "aozora-text-sjis"}


def rows(name: str) -> list[dict]:
    """One of `hard_list`, `referenced`, `after_freeze`."""
    return [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def labelled(name: str, dev: Path | None) -> list[tuple[str, str, str]]:
    """Source, sentence and label of each row that can be read here."""
    wanted = rows(name)
    found = [(r["source"], r["text"], r["label"]) for r in wanted if "text" in r]
    named = {r["sha256"]: r for r in wanted if "sha256" in r}
    if named and dev is not None:
        for source, text in _documents(dev, {(r["source"], r["key"]) for r in named.values()}):
            for sentence in sentences_of(text):
                row = named.pop(hashlib.sha256(sentence.text.encode()).hexdigest()[:24], None)
                if row is not None:
                    found.append((source, sentence.text, row["label"]))
    return found


def _documents(dev: Path, keys: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for source, name in WARCS.items():
        yield from (
            (source, text) for text in _pages(dev, name, {key for s, key in keys if s == source}, source == "aozora")
        )
    with gzip.open(dev / "extraction_reference" / "egov_text.jsonl.gz", "rt", encoding="utf-8") as file:
        for law in map(json.loads, file):
            if ("egov-laws", law["family_id"]) in keys:
                yield "egov-laws", law["text"]
    with gzip.open(dev / "instructions" / "megagon_instruction_ja.dev.jsonl.gz", "rt", encoding="utf-8") as file:
        for dialogue in map(json.loads, file):
            if ("instruction-ja", str(dialogue["id"])) in keys:
                turns = (u["text"] if isinstance(u, dict) else u for u in dialogue["utterances"])
                yield "instruction-ja", "\n".join(turns)


def _pages(dev: Path, name: str, urls: set[str], ruby: bool) -> Iterator[str]:
    import csv

    from fastwarc.warc import ArchiveIterator, WarcRecordType
    from resiliparse.extract.html2text import extract_plain_text

    with (dev / "truth.tsv").open(newline="", encoding="utf-8") as file:
        truth = {row["url"]: row for row in csv.DictReader(file, delimiter="\t")}
    with (dev / "warc" / f"{name}.warc.gz").open("rb") as stream:
        for record in ArchiveIterator(stream, record_types=WarcRecordType.response, parse_http=True):
            url = record.headers["WARC-Target-URI"] or ""
            if url not in urls:
                continue
            text = record.reader.read().decode(truth[url]["true_encoding"], "replace")
            if "plain" not in truth[url]["http_content_type"]:
                text = extract_plain_text(text, main_content=True)
            yield re.sub(r"《[^》]*》|［＃[^］]*］|｜", "", text) if ruby else text


def graded(sentences: list[tuple[str, str, str]]) -> dict[str, float]:
    """Accuracy of the rule for each label where it decides, their mean (`macro`), over all decided (`micro`), and `abstain`."""
    from synth.verify.morphemes import Morphemes
    from synth.verify.sentence_style import style_of
    from synth.verify.sentences import Sentence

    counts: dict[str, list[int]] = {}
    for _, text, label in sentences:
        split = sentences_of(text)
        whole = split[0] if len(split) == 1 else Sentence(text, 0, len(text), False, False, False)
        style = style_of(whole, Morphemes(text)).style
        right, decided, total = counts.setdefault(label, [0, 0, 0])
        counts[label] = [right + (style == label), decided + (style is not None), total + 1]
    each = {label: right / max(decided, 1) for label, (right, decided, _) in counts.items()}
    decided = sum(c[1] for c in counts.values())
    return {
        **each,
        "macro": sum(each.values()) / len(each),
        "micro": sum(c[0] for c in counts.values()) / max(decided, 1),
        "abstain": 1 - decided / len(sentences),
    }
