"""The checker is written from the specification alone: it imports nothing of what it checks, and agrees with the specification."""

import ast
import hashlib
import json
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.verify.findings import interval
from curation.verify.normal_form import _normalised, fold, form_key, normal_form
from curation.verify.similarity import jaccard, joined, shingles

ROOT = Path(__file__).resolve().parents[2]
PINNED = "22f6300857cad746deb841fcec058738688f50f7916b3968f61c3b5c0d96f631"
"""SHA-256 of the whole of `fold`, from docs/normal-form.md."""


def test_the_checker_imports_nothing_of_the_project_but_itself():
    found = set()
    for path in (ROOT / "curation" / "verify").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found |= {n for n in names if n.split(".")[0] in ("curation", "recipes", "synth", "annotation")}
    assert {n for n in found if not n.startswith("curation.verify")} == set()


def test_its_fold_is_the_pinned_one_under_every_python():
    lines = []
    for code in range(0x110000):
        if not 0xD800 <= code <= 0xDFFF:
            folded = fold(chr(code))
            if _normalised("NFC", folded) != chr(code):
                lines.append(f"{code:X} {folded}")
    assert len(lines) == 6751
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest() == PINNED


def test_it_gives_the_specifications_examples():
    vectors = (ROOT / "tests" / "dedup" / "normal_form_vectors.jsonl").read_text(encoding="utf-8").splitlines()
    wrong = [v["text"] for v in map(json.loads, vectors) if normal_form(v["text"]) != v["form"]]
    assert len(vectors) >= 200
    assert not wrong


def test_it_agrees_with_the_deduplication_on_real_pages(plain_pages):
    from curation.dedup.normal_form import form_key as dedup_key
    from curation.dedup.normal_form import normal_form as dedup_form

    for text in plain_pages(40):
        assert form_key(normal_form(text)) == dedup_key(dedup_form(text))


def test_similarity_is_that_of_sets_of_five_code_points():
    def plain(a: str, b: str) -> float:
        x, y = ({t[i : i + 5] for i in range(len(t) - 4)} for t in (a, b))
        return len(x & y) / len(x | y)

    a, b = "精米は玄米から糠を取り除く作業です", "精米は玄米から糠を取り除く仕事です"
    assert jaccard(shingles(a), shingles(b)) == pytest.approx(plain(a, b))
    assert jaccard(shingles("米"), shingles("米")) == jaccard(shingles(""), shingles("")) == 1
    assert jaccard(shingles("米"), shingles("糠")) == jaccard(shingles("米"), shingles("")) == 0


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_the_join_finds_just_the_pairs_that_comparing_all_would(data):
    base = data.draw(st.lists(st.integers(0, 60), min_size=0, max_size=40))
    sets = [
        np.unique(
            np.array(
                base[data.draw(st.integers(0, 4)) :] + data.draw(st.lists(st.integers(0, 90), max_size=6)), np.uint64
            )
        )
        for _ in range(data.draw(st.integers(0, 9)))
    ]
    tau = data.draw(st.sampled_from([0.5, 0.8, 1.0]))
    wanted = [(a, b) for a, b in combinations(range(len(sets)), 2) if jaccard(sets[a], sets[b]) >= tau]
    assert [(a, b) for a, b, _ in joined(sets, tau)] == wanted


def test_intervals_are_wilsons():
    low, high = interval(10, 100)  # Wilson (1927) by hand: (0.1 + 0.0192 ± 1.96 √(0.0009 + 0.000096)) / 1.0384
    assert (low, high) == (pytest.approx(0.0552, abs=2e-4), pytest.approx(0.1744, abs=2e-4))
