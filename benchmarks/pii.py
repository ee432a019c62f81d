"""Personal data: what is found of what was planted, what is masked in texts that have hardly any, and how fast.

    uvx nox -s bench -- pii [--quick]

1. Planted: the contexts of tests/personal_data, filled with made-up values. The rules were made by those of five files and know
   them; those of contexts_unseen.yaml were written last and changed no rule (`unseen_…`). Addresses are real places of the
   development corpus (pii/postal_addresses.jsonl.gz) with random house numbers. A piece counts as found only where its type and both
   ends are exact. `recall` and `precision` are over the ten numbered types (e-mail and IP addresses among them); street addresses
   and names stand apart. HojiChar's masking runs over the same texts for e-mail and telephone.
2. Known answers: HojiChar's cases, python-stdnum's My Numbers and corporate numbers.
3. False masks: laws, novels and manuals of `scale/`. `false_per_million` counts every mask there as false, whatever it is: an upper
   bound. Nearly all are addresses of public offices that stand in laws, and example addresses in manuals.
4. Speed: the step over the same texts, all types but names in one pass, CPU time of one process; names are timed apart.
"""

import argparse
import gzip
import importlib.util
import json
import time
import unicodedata
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _corpus import DEV, need_corpus

TESTS = Path(__file__).resolve().parent.parent / "tests" / "personal_data"
NUMBERED = (
    "email",
    "phone",
    "postal_code",
    "my_number",
    "corporate_number",
    "bank_account",
    "card",
    "passport",
    "driving_licence",
    "ip",
)


def main() -> None:
    """Prints each part; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="5 fillings of a context, every 20th row of scale/")
    args = parser.parse_args()
    need_corpus("pii", "known_answers", "scale")
    times = 5 if args.quick else 50
    figures = planted(times, [f"contexts{name}.yaml" for name in ("", "_after", "_fresh", "_last", "_more")])
    unseen = planted(times, ["contexts_unseen.yaml"])
    figures |= {
        f"unseen_{name}": unseen[name] for name in ("recall", "precision", "address_recall", "address_precision")
    }
    figures |= known_answers()
    figures |= masks_in_the_wild(20 if args.quick else 1)
    print(json.dumps(figures))


def planted(times: int, names: list[str]) -> dict[str, Any]:
    """Recall and precision over the planted contexts of some files."""
    values = _values()
    places = real_places()
    texts = [t for name in names for t in values.planted(places, times, name=name)]
    scores, _ = values.scores(texts, all_pieces)
    print(f"{', '.join(names)}: {len(texts)} texts, {sum(s.planted for s in scores.values())} planted pieces")
    for kind, score in scores.items():
        print(f"  {kind:17} planted {score.planted:6} recall {score.recall:.4f} precision {score.precision:.4f}")
    numbered = values.Score(*(sum(scores[k][i] for k in NUMBERED) for i in range(3)))
    peer = _hojichar(texts)
    print(
        f"  HojiChar: e-mail and telephone changed in {peer['found']} of {peer['planted']} planted pieces, "
        f"{peer['touched']} of {peer['clean']} texts without either changed"
    )
    return {
        "recall": round(numbered.recall, 4),
        "precision": round(numbered.precision, 4),
        "address_recall": round(scores["address"].recall, 4),
        "address_precision": round(scores["address"].precision, 4),
        "name_recall": round(scores["person_name"].recall, 4),
        "name_precision": round(scores["person_name"].precision, 4),
        "planted": sum(s.planted for s in scores.values()),
    }


def _values() -> Any:
    spec = importlib.util.spec_from_file_location("values", TESTS / "values.py")
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made


def real_places() -> list[tuple[str, str, str]]:
    """Prefecture, municipality and town of the corpus's 3,000 postal codes."""
    with gzip.open(DEV / "pii" / "postal_addresses.jsonl.gz", "rt", encoding="utf-8") as file:
        rows = [json.loads(line)["data"] for line in file]
    return [
        (r["prefecture"], r["city"], unicodedata.normalize("NFKC", r["neighborhood"]))
        for r in rows
        if r["neighborhood"]
    ]


def all_pieces(text: str) -> list[tuple[str, int, int]]:
    """Everything that is found in a text, names too."""
    from curation.normalise.pii.found import Taken
    from curation.normalise.pii.mask import find
    from curation.normalise.pii.person_names import person_names

    taken = Taken()
    taken.add(find(text))
    taken.add(person_names(text, list(taken.pieces)))
    return [tuple(piece) for piece in taken.pieces]  # type: ignore[misc]


def _hojichar(texts: list[Any]) -> dict[str, int]:
    """What HojiChar's MaskPersonalInformation does with the same texts, for the two types that it knows."""
    from hojichar import Document
    from hojichar.filters.document_filters import MaskPersonalInformation

    theirs, found = MaskPersonalInformation(), Counter[str]()
    for text in texts:
        pieces = [p for p in text.pieces if p[0] in ("email", "phone")]
        made = theirs.apply(Document(text.text)).text
        if pieces:
            found["planted"] += len(pieces)
            found["found"] += sum(text.text[a:b] not in made for _, a, b in pieces)
        else:
            found["clean"] += 1
            found["touched"] += made != text.text
    return dict(found)


def known_answers() -> dict[str, Any]:
    """Cases that others published."""
    from curation.normalise.pii.mask import find

    right = cases = 0
    for line in (DEV / "known_answers" / "hojichar_mask_pii.jsonl").read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        cases += 1
        right += len(find(case["args"][0])) == (case["expected"] != case["args"][0])
    for name in ("jp_my_number", "jp_corporate_number"):
        for line in (DEV / "pii" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            cases += 1
            right += bool(find(case["value"])) == case["valid"]
    print(f"known answers: {right} of {cases} right")
    return {"known_answers": f"{right}/{cases}"}


def texts_of_scale(every: int) -> Iterator[tuple[pa.Array, list[str]]]:
    """Texts of each file of `scale/` (every n-th) with their sources."""
    for path in sorted((DEV / "scale").glob("docs-0*.parquet")):
        table = pq.read_table(path, columns=["text", "source"])
        table = table.take(pa.array(np.arange(0, table.num_rows, every)))
        column = table.column("text").combine_chunks().cast(pa.large_string())
        yield column, table.column("source").to_pylist()


def masks_in_the_wild(every: int) -> dict[str, Any]:
    """Masks per million characters on laws, novels and manuals, and the speed of masking them."""
    from curation.normalise.pii.step import MaskPersonalData

    step, named = MaskPersonalData(), MaskPersonalData(person_names=True)
    for one in (step, named):
        one.setup()
        one.columns(pa.record_batch({"text": pa.array(["電話 03-1234-5678"], pa.large_string())}))
    seconds = named_seconds = 0.0
    size = chars = 0
    masks: Counter[tuple[str, str]] = Counter()
    for column, sources in texts_of_scale(every):
        size += sum(len(t.encode()) for t in column.to_pylist())
        chars += sum(map(len, column.to_pylist()))
        for at in range(0, len(column), 1024):
            batch = pa.record_batch({"text": column.slice(at, 1024)})
            began = time.process_time()
            made = step.columns(batch)
            between = time.process_time()
            made_named = named.columns(batch)
            named_seconds += time.process_time() - between
            seconds += between - began
            for name, counts in [*made.items(), ("masked_person_name", made_named["masked_person_name"])]:
                for row in np.flatnonzero(np.asarray(counts)) if name != "text" else ():
                    masks[name.removeprefix("masked_"), sources[at + row].split("/")[-1]] += int(
                        counts[int(row)].as_py()
                    )
    for (kind, source), n in masks.most_common():
        print(f"  {kind:17} {source:24} {n:6}  {n / chars * 1e6:.3f} per million characters")
    formed = sum(n for (kind, _), n in masks.items() if kind != "person_name")
    names = sum(n for (kind, _), n in masks.items() if kind == "person_name")
    print(f"{size / 1e6:.0f} MB, {chars / 1e6:.1f} million characters: {formed} masks, {names} of names")
    return {
        "false_per_million": round(formed / chars * 1e6, 2),
        "names_per_million": round(names / chars * 1e6, 2),
        "mb_per_s": round(size / 1e6 / seconds, 1),
        "mb_per_s_with_names": round(size / 1e6 / named_seconds, 1),
        "mb": round(size / 1e6),
    }


if __name__ == "__main__":
    main()
