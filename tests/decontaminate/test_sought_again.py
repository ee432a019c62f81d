"""The independent check's own search against the step's: two pieces of code from one document."""

import json
import random

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.decontaminate.compared_form import compared_form
from curation.decontaminate.search import BenchmarkSearch
from curation.verify.benchmarks import Sought, SoughtItem, compared

japanese = st.text(st.sampled_from("漢字米々かなカー·()（）《》｜|、。 \nAａ"), max_size=40)


@settings(max_examples=300, deadline=None)
@given(japanese)
def test_both_compare_the_same_form(text: str):
    assert compared(text) == compared_form(text)


@pytest.mark.parametrize("with_answer", [None, 5])
def test_both_reject_the_same_rows(tmp_path, with_answer):
    rng = random.Random(8)

    def text(least: int, most: int) -> str:
        return "".join(rng.choices("春夏秋冬山川海空米麦豆栗のはがを。（か）", k=rng.randint(least, most)))

    rows = [
        {"q": [text(5 if i % 2 else 8, 40), text(12, 30)][: rng.randint(1, 2)], "a": text(1, 16), "c": text(30, 80)}
        for i in range(80)
    ]
    rows += [{"q": [text(5, 9) + "？"], "a": text(1, 4), "c": text(30, 80)} for _ in range(30)]
    (tmp_path / "e.jsonl").write_text("\n".join(json.dumps(r) for r in rows))
    rules = {"question": 0.9, "question+answer": 0.6, "context": 0.7}
    sets = {"s": {"file": "e.jsonl", "question": "q[]", "answer": "a", "context": "c"}}
    search = BenchmarkSearch(13, 10, sets, rules, folder=tmp_path, with_answer=with_answer)
    items = [SoughtItem(i.name, dict(i.parts), rules, 0.6) for i in search.benchmarks.items]
    again = Sought(13, 10, items, with_answer)
    pages: list[str] = []
    for row in rows * 3:
        whole = (*row["q"], row["a"], row["c"])
        parts = [part if len(part) < 11 else part[: rng.randint(len(part) // 2, len(part))] for part in whole]
        pages.append("・".join([text(5, 50), *rng.sample(parts, rng.randint(1, len(parts))), text(5, 50)]))
    names = [[o.name for o, _ in one.rejecting] for one in search.find(pa.array(pages, pa.large_string()))]
    theirs = [[said.split(" ")[0] for said in again.rejecting(page)] for page in pages]
    assert [sorted(n) for n in names] == [sorted(t) for t in theirs]
    assert 40 < sum(map(bool, names)) < len(pages)
