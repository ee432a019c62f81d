"""Decontamination: are planted items found however they are written, is anything else taken for one, and how fast.

    uvx nox -s bench -- decontaminate [--quick]

1. Planted: every item of JGLUE's and M-IFEval-ja's files whose question is long enough to be sought (of fewer than 10 characters with
   its answer behind it), in eight ways: as it is, inside a longer page, in full width, with readings in brackets behind kanji, in
   Aozora's 《》, split over lines, with spaces between characters, with half-width and decomposed kana. Pages around it are pieces of
   `scale/`. `found` counts those that the step rejects by the rule of `web_ja` (`question: 0.95`).
2. False: what the same rules reject of the texts of `scale/` (laws, novels, manuals), and what they tell. Every one is printed, to be
   read: `false` counts those that reject, whatever they are.
3. Speed: the step over the same texts, CPU time of one process, normal form included; near-misses apart.
4. Near-misses: items with one character in twenty replaced, found by MinHash (`near_found`), and what it finds in `scale/`.
"""

import argparse
import json
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from _corpus import DEV, need_corpus

SETS = {
    "jcommonsenseqa": {"pack": "jcommonsenseqa", "file": "jglue_jcommonsenseqa_valid-v1.3.json.gz"},
    "jnli": {"pack": "jnli", "file": "jglue_jnli_valid-v1.3.json.gz"},
    "jsts": {"pack": "jsts", "file": "jglue_jsts_valid-v1.3.json.gz"},
    "jsquad": {"pack": "jsquad", "file": "jglue_jsquad_valid-v1.3.json.gz"},
    "m_ifeval_ja": {"pack": "m_ifeval_ja", "file": "m_ifeval_ja.jsonl"},
}
WIDTH, SHORTEST, WITH_ANSWER = 13, 10, 5
REJECT, REPORT = {"question": 0.95}, {"question": 0.8, "context": 0.8}
WIDE = {c: c + 0xFEE0 for c in range(0x21, 0x7F)}


def main() -> None:
    """Prints each part; the last line is one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="every tenth item, every tenth text of scale/")
    args = parser.parse_args()
    need_corpus("benchmarks", "scale")
    search, near = made(None), made({"jaccard": 0.4, "report": {"question": 0.8}})
    texts = of_scale(10 if args.quick else 1)
    figures = planted(search, texts, 10 if args.quick else 1)
    figures |= in_the_wild(search, texts)
    figures |= near_misses(near, texts, 10 if args.quick else 1)
    print(json.dumps(figures))


def made(near: dict[str, Any] | None) -> Any:
    """The search over all sets."""
    from curation.decontaminate.near_index import NearRule
    from curation.decontaminate.search import BenchmarkSearch

    rule = None if near is None else NearRule.model_validate(near)
    return BenchmarkSearch(WIDTH, SHORTEST, SETS, REJECT, REPORT, rule, DEV / "benchmarks", WITH_ANSWER)


def of_scale(every: int) -> pa.ChunkedArray:
    """Every n-th text of `scale/`."""
    columns: list[pa.Array] = []
    for path in sorted((DEV / "scale").glob("docs-0*.parquet")):
        column = pq.read_table(path, columns=["text"]).column("text").combine_chunks().cast(pa.large_string())
        columns.append(column.take(pa.array(np.arange(0, len(column), every))))
    return pa.chunked_array(columns)


def ways(rng: random.Random, page: Callable[[], str]) -> dict[str, Callable[[str], str]]:
    """The ways in which an item is planted, by name."""
    from curation.decontaminate.compared_form import is_kanji

    def readings(text: str, opening: str, closing: str) -> str:
        out: list[str] = []
        for i, c in enumerate(text):
            out.append(c)
            ends = is_kanji(c) and not (i + 1 < len(text) and is_kanji(text[i + 1]))
            out.append(f"{opening}{rng.choice(('よみ', 'かな', 'ガナ', 'しょう'))}{closing}" if ends else "")
        return "".join(out)

    def half(text: str) -> str:
        import unicodedata

        return unicodedata.normalize("NFD", text)

    return {
        "verbatim": lambda text: text,
        "inside a page": lambda text: f"{page()}\n{text}\n{page()}",
        "full width": lambda text: text.translate(WIDE),
        "readings (かな)": lambda text: readings(text, "（", "）"),
        "readings 《かな》": lambda text: readings(text, "《", "》"),
        "over lines": lambda text: "\n".join(text[i : i + 8] for i in range(0, len(text), 8)),
        "spaced": lambda text: "　".join(text),
        "decomposed kana": half,
    }


def planted(search: Any, texts: pa.ChunkedArray, every: int) -> dict[str, Any]:
    """How many planted items are rejected, by the way in which they were planted."""
    from curation.decontaminate.item_index import ItemIndex

    index: ItemIndex = search.ready.index
    rng = random.Random(9)
    pages = texts.slice(0, 2000).to_pylist()
    sought = [item for i, item in enumerate(index.items) if index.sayings[index.first_saying[i]].texts]
    left_out = len(index.items) - len(sought)
    beside = {index.items[s.item].name for s in index.sayings if s.answered}
    sought = sought[::every]
    print(f"{len(index.items):,} items, {left_out} of which are not sought, {len(beside)} with their answer only")
    print(f"{len(sought):,} planted in 8 ways")
    total = found = 0
    for name, way in ways(rng, lambda: rng.choice(pages)).items():
        missed: list[str] = []
        for at in range(0, len(sought), 1024):
            items = sought[at : at + 1024]
            asked = ["".join(item.parts["question"][0]) for item in items]
            asked = [
                f"{q}\n{item.parts['answer'][0][0]}" if item.name in beside else q
                for q, item in zip(asked, items, strict=True)
            ]
            rows = [way(text) for text in asked]
            for item, one in zip(items, search.find(pa.array(rows, pa.large_string())), strict=True):
                if item.name not in {overlap.name for overlap, _ in one.rejecting}:
                    missed.append(item.name)
        print(f"  {name:18} {len(sought) - len(missed):6,} of {len(sought):,} {' '.join(missed[:5])}")
        total, found = total + len(sought), found + len(sought) - len(missed)
    return {"planted": total, "found": found}


def in_the_wild(search: Any, texts: pa.ChunkedArray) -> dict[str, Any]:
    """What is found in texts without benchmarks, and the speed of looking."""
    search.find(pa.array(["温める"], pa.large_string()))
    seconds, size, told, contexts = 0.0, 0, 0, 0
    hits: list[tuple[Any, str]] = []
    for column in texts.chunks:
        for at in range(0, len(column), 1024):
            batch = column.slice(at, 1024)
            began = time.process_time()
            found = search.find(batch)
            seconds += time.process_time() - began
            size += sum(len(t.encode()) for t in batch.to_pylist())
            for text, one in zip(batch.to_pylist(), found, strict=True):
                hits += [(overlap, text) for overlap, _ in one.rejecting]
                told += bool(one.told)
                contexts += any("context" in o.shares for o in one.told)
                for overlap in one.told:
                    print(f"  told: {overlap}")
    for overlap, text in hits:
        print(f"  hit: {overlap} | {text[:60]!r}")
    print(f"{size / 1e6:.0f} MB: {len(hits)} hits, {told} pages told, {contexts} of them by a context")
    return {
        "false": len(hits),
        "told": told,
        "mb_per_s": round(size / 1e6 / seconds, 1),
        "mb": round(size / 1e6),
    }


def near_misses(near: Any, texts: pa.ChunkedArray, every: int) -> dict[str, Any]:
    """Changed items that are found as near-misses, those in texts without benchmarks, and the speed with them."""
    from curation.decontaminate.compared_form import compared_form
    from curation.decontaminate.near_index import sentences

    rng = random.Random(10)
    items = [i for i in near.ready.index.items if any(sentences(compared_form(t)) for t in i.parts["question"][0])][
        ::every
    ]
    changed = ["。".join(_changed(t, rng) for t in i.parts["question"][0]) for i in items]
    found = near.find(pa.array(changed, pa.large_string()))
    exact = sum(i.name in {o.name for o in one.overlaps if not o.near} for i, one in zip(items, found, strict=True))
    either = sum(i.name in {o.name for o in one.overlaps} for i, one in zip(items, found, strict=True))
    print(
        f"near-misses: {len(items):,} items with one character in twenty replaced; n-grams find {exact:,}, with MinHash {either:,}"
    )
    seconds = size = wild = 0.0
    for column in texts.chunks:
        for at in range(0, len(column), 1024):
            batch = column.slice(at, 1024)
            began = time.process_time()
            made = near.find(batch)
            seconds += time.process_time() - began
            size += sum(len(t.encode()) for t in batch.to_pylist())
            for one in made:
                wild += any(o.near for o in one.overlaps)
                for o in one.overlaps:
                    if o.near:
                        print(f"  near: {o}")
    return {
        "near_planted": len(items), "near_found": either, "near_by_ngrams": exact, "near_in_scale": int(wild),
        "near_mb_per_s": round(size / 1e6 / seconds, 1),
    }  # fmt: skip


def _changed(text: str, rng: random.Random) -> str:
    """A text with one character in twenty replaced."""
    return "".join(rng.choice("あいうえおのはが山川") if rng.random() < 0.05 else c for c in text)


if __name__ == "__main__":
    main()
