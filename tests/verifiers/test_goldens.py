"""Every kind against the answers of which it is written what it must say, and against answers that say nothing."""

import json
import time
from pathlib import Path

import pytest

from synth.verify.audit import GOLDENS, LEAST, LEAST_UNREAD, audit, audited, goldens
from synth.verify.constraint import kinds, parse
from synth.verify.verdict import Verdict

KINDS = [kind for kind, cls in kinds().items() if not cls.executes]
ALL = list(kinds())


@pytest.mark.parametrize("kind", KINDS)
def test_every_golden_gets_the_verdict_that_is_written(kind: str, all_goldens):
    mine = [g for g in all_goldens if g.spec.kind == kind]
    wrong = [(g.place, g.wanted, g.answer, v) for g in mine if (v := g.verdict()).outcome != g.wanted]
    assert not wrong
    assert sum(g.wanted == "pass" for g in mine) >= LEAST
    assert sum(g.wanted == "fail" for g in mine) >= LEAST


@pytest.mark.parametrize("wanted", ["pass", "fail"])
@pytest.mark.parametrize("kind", ALL)
def test_three_of_each_side_are_by_someone_who_had_not_read_the_verifier(kind: str, wanted: str, all_goldens):
    assert sum(g.unread and g.spec.kind == kind and g.wanted == wanted for g in all_goldens) >= LEAST_UNREAD


def test_a_kind_without_goldens_of_someone_who_had_not_read_it_is_not_audited(all_goldens):
    mine = [g for g in all_goldens if g.spec.kind == "kaibun"]
    whole = next(r for r in audit(mine) if r.kind == "kaibun")
    read = next(r for r in audit([g for g in mine if not g.unread]) if r.kind == "kaibun")
    assert audited([whole]) == {"kaibun"}
    assert read.few == "fewer than 3 unread"
    assert not audited([read])


def test_there_are_sixty_kinds():
    assert len(kinds()) >= 60


def test_goldens_are_not_counted_twice(all_goldens):
    seen = [
        (json.dumps(g.spec.as_json(), sort_keys=True), str(g.prompt.messages), g.answer, g.finish_reason)
        for g in all_goldens
    ]
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("answer", ["", " \n\u3000", "。", "……", "!?", "「」", "---", "\ufffd"])
def test_an_answer_without_words_passes_nothing(answer: str, all_goldens):
    """The vacuity guard: prohibitions hold of it, but it does not use the freedom that is left."""
    specs = {json.dumps(g.spec.as_json(), sort_keys=True): g for g in all_goldens if not g.spec.executes}
    passing = [g.spec.as_json() for g in specs.values() if g.spec.verify(g.prompt, answer).outcome == "pass"]
    assert not [spec for spec in passing if spec["kind"] != "emoji_count"]


@pytest.mark.parametrize("answer", [b"\xe7\xb1", "米\ud800", "米" * 50_001, ""])
def test_what_is_no_text_fails_every_kind(answer: str | bytes, all_goldens):
    specs = {json.dumps(g.spec.as_json(), sort_keys=True): g for g in all_goldens}
    verdicts = [g.spec.verify(g.prompt, answer) for g in specs.values()]
    assert {v.outcome for v in verdicts} == {"fail"}
    assert {v.evidence[0].what for v in verdicts} <= {"not UTF-8", "endless answer", "empty answer"}


ODD = {
    "one letter": "あ",
    "commas": "、",
    "sentences": "米です。",
    "brackets": "「あ」",
    "digits": "1",
    "thousands": "1,",
    "漢数字": "千百十",
    "lines": "あ\n",
    "items": "- a\n",
    "spaces": "a \n ",
    "words": "the ",
    "emphasis": "**a",
    "cells": "|a",
    "fences": "```\na\n",
    "sums": "1+",
    "tags": "<考察>",
    "addresses": "a@",
    "turns": "私は",
}


@pytest.mark.parametrize("what", [*ODD, "nested", "wide"])
def test_no_answer_costs_the_square_of_its_length(what: str, all_goldens):
    """20,000 characters of one shape: every kind answers, and within two seconds of CPU."""
    n = 20_000
    wide = "a" + " " * (n - 2) + "b"
    answer = (
        ODD[what] * (n // len(ODD[what]))
        if what in ODD
        else wide
        if what == "wide"
        else "「" * (n // 2) + "あ" + "」" * (n // 2)
    )
    specs = {(g.spec.kind, getattr(g.spec, "form", "")): g for g in all_goldens if not g.spec.executes}
    slow = {}
    for kind, golden in specs.items():
        began = time.process_time()
        golden.spec.verify(golden.prompt, answer)
        if (took := time.process_time() - began) > 2:
            slow[kind] = took
    assert not slow


def test_a_verdict_is_a_pure_function(all_goldens):
    for golden in (g for g in all_goldens if not g.spec.executes):
        first, again = golden.verdict(), golden.verdict()
        assert first == again
        assert isinstance(first, Verdict)
        assert 0 <= first.score <= 1
        assert (first.score == 1) == (first.outcome == "pass")
        assert first.outcome == "pass" or first.evidence, golden


def test_specs_come_back_from_json(all_goldens):
    for golden in all_goldens:
        stored = json.loads(json.dumps(golden.spec.as_json(), ensure_ascii=False))
        assert parse(stored) == golden.spec


def test_evidence_points_into_the_answer(all_goldens):
    for golden in (g for g in all_goldens if not g.spec.executes):
        for evidence in golden.verdict().evidence:
            assert -1 <= evidence.start <= max(evidence.end, len(golden.answer)) <= len(golden.answer) + 1


def test_a_kind_with_a_wrong_golden_is_not_audited(tmp_path: Path):
    row = {
        "kind": "char_count",
        "spec": {"max": 3},
        "pass": ["米" * n for n in (1, 2, 3)],
        "fail": ["米" * n for n in (4, 5, 3)],
    }
    (tmp_path / "wrong.jsonl").write_text(json.dumps(row) + "\n", encoding="utf-8")
    result = next(r for r in audit(goldens(tmp_path)) if r.kind == "char_count")
    assert [golden.answer for golden, _ in result.wrong] == ["米米米"]
    assert not audited([result])


def test_a_golden_that_cannot_be_read_names_its_line(tmp_path: Path):
    (tmp_path / "bad.jsonl").write_text(
        '{"kind": "char_count", "spec": {"max": 3}}\n{"kind": "char_cuont", "spec": {}}\n'
    )
    with pytest.raises(ValueError, match=r"bad\.jsonl:2: .*did you mean 'char_count'"):
        goldens(tmp_path)


def test_goldens_lie_in_the_package():
    assert list(GOLDENS.glob("*.jsonl"))
