"""Sixty rows before two people in the real page, and what comes of it: agreement and decisions as they are worked out by hand.

    preferences   kiku  a  a  a  a  b  b  同 a        of eight rows three are disputed (3, 6, 8)
                  ume   a  a  b  a  b  同 同 b

α of names: 16 values, 8 a, 5 b, 3 同じ; 3 of 8 rows differ: 1 − (6/16) / (1 − (8·7 + 5·4 + 3·2) / (16·15)) = 34/79.
α of A < 同じ < B: distances by how many values lie between, a–同 (11 − 5.5)² = 30.25, 同–b (8 − 4)² = 16, a–b (16 − 6.5)² = 90.25;
1 − 15 (4 · 90.25 + 2 · 16) / (2 (24 · 30.25 + 15 · 16 + 40 · 90.25)) = 3257/9152.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from annotation.agreed import agreement
from annotation.client import Client
from annotation.decision import Decision, read_decisions
from annotation.items import Item
from annotation.push import Order, push
from annotation.questions import Task
from annotation.review_tasks import task
from curation.provenance import key
from tests.review.conftest import Running
from tests.review.test_review_loop import Desk, browsed, dataset, shards, signed_in

KIKU = ("a", "a", "a", "a", "b", "b", "same", "a")
UME = ("a", "a", "b", "a", "b", "same", "same", "b")
RANKED = {"kiku": ((1, 2, 3), (1, 2, 2), (2, 1, 3)), "ume": ((1, 2, 3), (1, 2, 3), (1, 2, 3))}
REWRITE = "精米とは、玄米から糠を取り除くことです。\n白米になります。"


def items(name: str, count: int, texts: int, people: int) -> list[Item]:
    """Rows of one task; each request is found by its number."""
    made: list[Item] = []
    for n in range(count):
        of, answers = key(name, n), tuple(key(name, n, i) for i in range(texts))
        prompt = [{"role": "user", "content": f"{name}の問い{n:02d}に答えてください。"}]
        made.append(
            Item(
                of,
                of,
                prompt,
                "",
                tuple(f"{name}{n:02d}の答え{i}です。" for i in range(texts)),
                answers,
                {},
                people=people,
            )
        )
    return made


ROWS: Mapping[str, list[Item]] = {
    "preference": items("preference", 30, 2, 2), "ranking": items("ranking", 10, 3, 2),
    "quality": items("quality", 10, 1, 2), "correction": items("correction", 10, 1, 1),
}  # fmt: skip


@pytest.fixture(scope="module")
def people(running: Running) -> dict[str, str]:
    """Two annotators, one of each group, and one who settles disputes; passwords."""
    made = {name: running.annotator(name) for name in ("kiku", "ume")}
    said = running.seimai("adjudicator", "matsu")
    return made | {"matsu": said.partition("password")[2].split()[0]}


@pytest.fixture(scope="module")
def pushed(running: Running, people: dict[str, str]) -> dict[tuple[str, bytes], list[int]]:
    """Sixty rows lie before them; the order of each record's answers, by workspace and row."""
    assert sum(map(len, ROWS.values())) == 60
    with Client(running.url, running.key) as argilla:
        for name, rows in ROWS.items():
            done = push(argilla, shards(running), Order(_task(name), f"trial/{name}"), rows)
            assert not done.left_out
    return {(row["workspace"], row["row"]): row["order"] for row in shards(running).records().values()}


def _task(name: str) -> Task:
    return task(name, answers=3)


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


def drag(desk: Desk, cards: Sequence[str], places: Sequence[int]) -> None:
    """Puts cards into the boxes of their ranks."""
    boxes = desk.page.locator(".draggable__slot-box")
    for card, place in sorted(zip(cards, places, strict=True), key=lambda one: one[1]):
        size = boxes.nth(place - 1).bounding_box()
        assert size is not None
        below = {"x": size["width"] / 2, "y": size["height"] - 3}  # under a card that is there
        desk.page.locator(f'[id="{card}"]').drag_to(boxes.nth(place - 1), target_position=below)


@browsed
def test_sixty_rows_two_people_and_decisions_by_hand(
    running: Running, people: dict[str, str], pushed: dict[tuple[str, bytes], list[int]], tmp_path: Path
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
                drag(desk, ["abc"[order.index(i)] for i in range(3)], places)
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
    running.seimai("resolve", "--method", "majority", "--out", str(tmp_path / "decisions"))
    found = {(one.row, one.question): one for one in read_decisions(str(tmp_path / "decisions"))}
    assert (found[third.row, "preference"].outcome, found[third.row, "preference"].method) == ("b", "adjudicated")


def _check_agreement(running: Running) -> None:
    """By hand; the rankings: nine comparisons of two answers, of which two differ."""
    found = {(one.task, one.question, one.scale): one for one in agreement(shards(running).answers())}
    nominal = found["preference", "preference", "nominal"]
    assert (nominal.alpha.units, nominal.answers) == (8, 16)
    assert nominal.alpha.value == pytest.approx(34 / 79)
    assert found["preference", "preference", "ordinal"].alpha.value == pytest.approx(3257 / 9152)
    order = found["ranking", "order", "ordinal"].alpha
    # 16 values before, 1 equal, 1 after: distances 8.5² and 9.5², and 1 of the two rare ones
    assert (order.units, order.value) == (
        9,
        pytest.approx(1 - 17 * 2 * (72.25 + 90.25) / (2 * (16 * 72.25 + 16 * 90.25 + 1))),
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
    first, second, third = (found[item.row, "order"] for item in ROWS["ranking"][:3])
    assert [(one["answer"], one["rank"]) for one in first.ranks] == list(
        zip(ROWS["ranking"][0].answers, (1, 2, 3), strict=True)
    )
    assert (first.method, second.method, third.method) == ("unanimous", "undecided", "undecided")
    assert told("quality", 0, "verdict") == ("good", "unanimous")
    assert told("quality", 0, "correctness") == (4.5, "median")
    assert told("quality", 1, "verdict") == (None, "undecided")  # kiku changed her answer
    assert told("quality", 1, "helpfulness") == (2.0, "unanimous")
    assert told("quality", 2, "verdict") == ("bad", "single")  # kiku discarded it
    rewrite = found[ROWS["correction"][0].row, "rewrite"]
    assert (rewrite.text, rewrite.method) == (REWRITE, "single")
    assert not found[ROWS["correction"][0].row, "decision"].disputed
