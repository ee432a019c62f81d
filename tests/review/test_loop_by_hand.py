"""Sixty rows before two people in the real page, and what comes of it, as it is worked out by hand: agreement, decisions, a release,
and what a trainer makes of it.

    preferences   kiku  a  a  a  a  b  b  同 a        of eight rows three are disputed (3, 6, 8); the third is settled: b
                  ume   a  a  b  a  b  同 同 b

α of names: 16 values, 8 a, 5 b, 3 同じ; 3 of 8 rows differ: 1 − (6/16) / (1 − (8·7 + 5·4 + 3·2) / (16·15)) = 34/79.
α of A < 同じ < B: distances by how many values lie between, a–同 (11 − 5.5)² = 30.25, 同–b (8 − 4)² = 16, a–b (16 − 6.5)² = 90.25;
1 − 15 (4 · 90.25 + 2 · 16) / (2 (24 · 30.25 + 15 · 16 + 40 · 90.25)) = 3257/9152.

The release   of 50 dialogues 48: one verdict is disputed, one answer bad; one is rewritten
              of 30 pairs 27: two are disputed, one is 同じ; two change sides. A rewrite makes one more, the first ranking three,
              the fourth, whose second and third are equally good, two; the other rankings are disputed
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
import pytest

from annotation.agreed import agreement
from annotation.client import Client
from annotation.decision import Decision, read_decisions
from annotation.items import Item, of_answer, of_pair, of_prompt
from curation.provenance import key
from tests.release.made_sets import CONTACT, dialogue, generated, pair, paired, run_of
from tests.review.conftest import ROOT, Running
from tests.review.page import Desk, browsed, dataset, shards, signed_in

KIKU = ("a", "a", "a", "a", "b", "b", "same", "a")
UME = ("a", "a", "b", "a", "b", "same", "same", "b")
RANKED = {
    "kiku": ((1, 2, 3), (1, 2, 2), (2, 1, 3), (1, 2, 2)),
    "ume": ((1, 2, 3), (1, 2, 3), (1, 2, 3), (1, 2, 2)),
}
REWRITE = "精米とは、玄米から糠を取り除くことです。\n白米になります。"
TRL = "SEIMAI_TRL_PYTHON"
"""Set by the session: the interpreter of an environment with TRL."""


def request(name: str, n: int) -> list[dict[str, str]]:
    """A request that is found by its number."""
    return [{"role": "user", "content": f"{name}の問い{n:02d}に答えてください。"}]


def answer(name: str, n: int, i: int) -> dict[str, str]:
    """An answer to it."""
    return {"role": "assistant", "content": f"{name}{n:02d}の答え{i}です。"}


def dialogues(name: str, n: int, answers: int) -> list[dict[str, Any]]:
    """Generated rows that answer one request."""
    of = {"prompt_key": key(name, n), "twin": key("twin", name, n)}
    return [dialogue(f"{name}{n}-{i}", [*request(name, n), answer(name, n, i)], [1], **of) for i in range(answers)]


PAIRS = [
    pair(f"preference{n}", request("preference", n), answer("preference", n, 0), answer("preference", n, 1)) for n in range(30)
]  # fmt: skip
GENERATED = {
    name: [dialogues(name, n, answers) for n in range(10)]
    for name, answers in (("ranking", 3), ("quality", 1), ("correction", 1))
}
ROWS: Mapping[str, list[Item]] = {
    "preference": [of_pair(row) for row in PAIRS],
    "ranking": [item for rows in GENERATED["ranking"] if (item := of_prompt(rows, 3)) is not None],
    **{name: [of_answer(row) for (row,) in GENERATED[name]] for name in ("quality", "correction")},
}
PLAN = "routes: {all: {probability: 1.0}}\noverlap: {all: {share: 1.0, people: 2}}\n"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with these rows."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "plan.yaml").write_text(PLAN)
    sets = [generated(folder / name, [row for some in rows for row in some]) for name, rows in GENERATED.items()]
    return run_of(folder, sets, [paired(folder / "preference", PAIRS)])


@pytest.fixture(scope="module")
def people(running: Running) -> dict[str, str]:
    """Two annotators, one of each group, and one who settles disputes; passwords."""
    made = {name: running.annotator(name) for name in ("kiku", "ume")}
    said = running.seimai("adjudicator", "matsu")
    return made | {"matsu": said.partition("password")[2].split()[0]}


@pytest.fixture(scope="module")
def pushed(running: Running, run: Path, people: dict[str, str]) -> dict[tuple[str, bytes], list[int]]:
    """Sixty rows lie before them; the order of each record's answers, by workspace and row."""
    assert sum(map(len, ROWS.values())) == 60
    for name, rows in ROWS.items():
        both = () if name == "correction" else ("--plan", str(run / "plan.yaml"))
        words = ("push", str(run), "--task", name, "--set", name, "--answers", "3" if name == "ranking" else "2", *both)
        assert f"trial/{name}: {len(rows)} rows, {len(rows)} drawn" in running.seimai(*words)
    return {(row["workspace"], row["row"]): row["order"] for row in shards(running).records().values()}


def opened(desk: Desk, made: str, item: Item, status: str = "pending") -> None:
    """The page of one row."""
    number = item.prompt[0]["content"].partition("の問い")[2][:2]
    desk.open(made, f"page=1&status={status}&search=問い{number}")


def compare(
    desk: Desk, made: str, space: str, said: Sequence[str], pushed: Mapping[tuple[str, bytes], list[int]]
) -> None:
    """Preferences in the row's own order, given by the buttons of the places that they stand in."""
    for item, value in zip(ROWS["preference"], said, strict=False):
        order = pushed[space, item.row]
        opened(desk, made, item)
        desk.choose(f"preference_{'ab'[order.index('ab'.index(value))] if value in 'ab' else value}")
        desk.submit()


@browsed
def test_sixty_rows_two_people_decisions_and_a_release_by_hand(
    running: Running, run: Path, people: dict[str, str], pushed: dict[tuple[str, bytes], list[int]], tmp_path: Path
):
    mirrored = set[bool]()
    for who, space, said in (("kiku", "review-1", KIKU), ("ume", "review-2", UME)):
        mirrored |= {pushed[space, one.row] == [1, 0] for one in ROWS["preference"][:8]}
        with signed_in(running, who, people[who]) as desk:
            compare(desk, dataset(running, space, "preference"), space, said, pushed)
            made = dataset(running, space, "ranking")
            for item, places in zip(ROWS["ranking"], RANKED[who], strict=False):
                opened(desk, made, item)
                order = pushed[space, item.row]
                for place, i in sorted((place, i) for i, place in enumerate(places)):
                    desk.rank("abc"[order.index(i)], place - 1)
                desk.choose("usable_good")
                desk.submit()
            made = dataset(running, "review", "quality")
            for item, points in zip(ROWS["quality"][:2], ((4, 5, 3), (2, 3, 3)), strict=True):
                opened(desk, made, item)
                points = points if who == "kiku" else (points[0], 4, points[2])
                desk.choose(
                    "verdict_good",
                    *(f"{q}_{p}" for q, p in zip(("helpfulness", "correctness", "naturalness"), points, strict=True)),
                )
                desk.submit()
            opened(desk, made, ROWS["quality"][2])
            if who == "kiku":
                desk.submit("button.button--discard")
                opened(desk, made, ROWS["quality"][1], "submitted")
                desk.choose("verdict_fixable")  # thinks better of it
                desk.submit()
                opened(desk, dataset(running, "review", "correction"), ROWS["correction"][0])
                desk.choose("decision_fixed")
                desk.write("rewrite", REWRITE)
                desk.submit()
            else:
                desk.choose("verdict_bad", "helpfulness_1", "correctness_1", "naturalness_5")
                desk.submit()
    assert mirrored == {False, True}
    running.seimai("pull")
    _check_agreement(running)
    assert "6 rows are disputed" in running.seimai(
        "resolve", "--method", "majority", "--out", str(tmp_path / "decisions")
    )
    _check_decisions({(one.row, one.question): one for one in read_decisions(str(tmp_path / "decisions"))})
    assert "6 rows are disputed, 0 of them wait for an answer already; 6 to r-" in running.seimai(
        "adjudicate", "--method", "majority"
    )
    with signed_in(running, "matsu", people["matsu"]) as desk:
        third = ROWS["preference"][2]
        with Client(running.url, running.key) as argilla:
            space = next(name for name in argilla.workspaces() if name.startswith("adjudicate-"))
        opened(desk, dataset(running, space, "preference"), third)
        order = shards(running).records()
        (own,) = [row["order"] for row in order.values() if row["workspace"] == space and row["row"] == third.row]
        desk.choose(f"preference_{'ab'[own.index(1)]}")
        desk.submit()
    running.seimai("pull")
    running.seimai("resolve", "--method", "majority")
    found = {(one.row, one.question): one for one in read_decisions(str(running.home / "labels" / "decisions"))}
    assert (found[third.row, "preference"].outcome, found[third.row, "preference"].method) == ("b", "adjudicated")
    _check_release(running, run, tmp_path / "released")
    _check_trainer(tmp_path)


def _check_release(running: Running, run: Path, out: Path) -> None:
    """`seimai release` of the run with what people decided."""
    words = ("release", str(run), "--out", str(out), "--labels", str(running.home / "labels"), "--contact", CONTACT)
    said = _seimai(*words, "--format", "trl_sft", "--format", "trl_dpo")
    assert "rankings: pairs 5, tied 1" in said
    _seimai("verify", str(out))
    made = orjson.loads((out / "manifest.json").read_bytes())
    counts = {kind: (one["rows_in"], one["rows_out"], one["made_by_people"]) for kind, one in made["shards"].items()}
    assert counts == {"chat": (50, 48, 0), "preference": (36, 33, 6)}
    assert made["rejected"] == {"undecided": 3, "same": 1, "bad_answer": 1}
    assert (made["decisions_on_other_texts"], made["decisions_on_other_rows"]) == (0, 0)
    (card,) = (one for one in made["agreement"] if (one["question"], one["scale"]) == ("preference", "nominal"))
    assert card["alpha"].startswith(f"{34 / 79:.2f} ")


def _seimai(*words: str) -> str:
    """`seimai …`, which must end well."""
    command = [sys.executable, "-m", "recipes.engine.cli", *words]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout


def _check_trainer(folder: Path) -> None:
    """TRL's own preparation of what `datasets` loads of the release, in TRL's environment, against what is expected by hand."""
    (folder / "expected.json").write_text(json.dumps(_expected()))
    if not os.environ.get(TRL):
        pytest.skip(f"{TRL} names no interpreter: the release is checked, and what a trainer makes of it is not")
    test = str(ROOT / "tests" / "trainers" / "test_reviewed.py")
    command = [os.environ[TRL], "-m", "pytest", "-p", "no:cacheprovider", test]
    env = {"SEIMAI_REVIEWED": str(folder), "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(folder / "cache")}
    ended = subprocess.run(command, cwd=ROOT, env={**os.environ, **env}, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 passed" in ended.stdout


def _expected() -> dict[str, list[list[str]]]:
    """Texts that a trainer must learn: request and answer; request, better and worse answer."""

    def texts(name: str, n: int, *answers: int) -> list[str]:
        return [request(name, n)[0]["content"], *(answer(name, n, i)["content"] for i in answers)]

    sft = [texts("ranking", n, i) for n in range(10) for i in range(3)]
    sft += [texts("quality", n, 0) for n in range(10) if n not in (1, 2)]  # disputed, bad
    sft += [[*texts("correction", n), REWRITE if n == 0 else answer("correction", n, 0)["content"]] for n in range(10)]
    dpo = [texts("preference", n, *((1, 0) if n in (2, 4) else (0, 1))) for n in range(30) if n not in (5, 6, 7)]
    dpo.append([*texts("correction", 0), REWRITE, answer("correction", 0, 0)["content"]])
    for n, better_and_worse in ((0, ((0, 1), (0, 2), (1, 2))), (3, ((0, 1), (0, 2)))):
        own = ROWS["ranking"][n].texts  # in the order in which they were ranked
        dpo += [[*texts("ranking", n), own[better], own[worse]] for better, worse in better_and_worse]
    return {"sft": sorted(sft), "dpo": sorted(dpo)}


def _check_agreement(running: Running) -> None:
    """By hand; the rankings: twelve comparisons of two answers, of which two differ."""
    found = {(one.task, one.question, one.scale): one for one in agreement(shards(running).answers())}
    nominal = found["preference", "preference", "nominal"]
    assert (nominal.alpha.units, nominal.answers) == (8, 16)
    assert nominal.alpha.value == pytest.approx(34 / 79)
    assert found["preference", "preference", "ordinal"].alpha.value == pytest.approx(3257 / 9152)
    order = found["ranking", "order", "ordinal"].alpha
    # 20 values before, 3 equal, 1 after: distances 11.5² and 13.5², and 2² of the two rare ones
    assert (order.units, order.value) == (
        12,
        pytest.approx(1 - 23 * 2 * (132.25 + 182.25) / (2 * (60 * 132.25 + 20 * 182.25 + 3 * 4))),
    )
    assert found["quality", "verdict", "nominal"].alpha.units == 2


def _check_decisions(found: Mapping[tuple[bytes, str], Decision]) -> None:
    def told(name: str, n: int, question: str) -> tuple[object, str]:
        one = found[ROWS[name][n].row, question]
        return one.outcome if one.kind == "label" else one.points, one.method

    for n, (kiku, ume) in enumerate(zip(KIKU, UME, strict=True)):
        assert told("preference", n, "preference") == ((kiku, "unanimous") if kiku == ume else (None, "undecided"))
        assert found[ROWS["preference"][n].row, "preference"].disputed is (kiku != ume)
    assert (ROWS["preference"][8].row, "preference") not in found  # nobody answered it
    first, second, third, fourth = (found[item.row, "order"] for item in ROWS["ranking"][:4])
    assert [(one["answer"], one["rank"]) for one in first.ranks] == list(
        zip(ROWS["ranking"][0].answers, (1, 2, 3), strict=True)
    )
    assert (first.method, second.method, third.method) == ("unanimous", "undecided", "undecided")
    assert ([one["rank"] for one in fourth.ranks], fourth.method) == ([1, 2, 2], "unanimous")
    assert told("quality", 0, "verdict") == ("good", "unanimous")
    assert told("quality", 0, "correctness") == (4.5, "median")
    assert told("quality", 1, "verdict") == (None, "undecided")  # kiku changed her answer
    assert told("quality", 1, "helpfulness") == (2.0, "unanimous")
    assert told("quality", 2, "verdict") == ("bad", "single")  # kiku discarded it
    rewrite = found[ROWS["correction"][0].row, "rewrite"]
    assert (rewrite.text, rewrite.method) == (REWRITE, "single")
    assert not found[ROWS["correction"][0].row, "decision"].disputed
