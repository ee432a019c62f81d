"""Gold rows and disputes at a server that runs: what annotators see of them, who gets which row, and what is decided in the end."""

from pathlib import Path

import orjson
import pytest

from annotation.adjudicate import Adjudicated, adjudicate
from annotation.client import Client
from annotation.datasets import of_review
from annotation.decision import read_decisions
from annotation.errors import ReviewError
from annotation.gold import Rate, mix, pass_rates, read_gold
from annotation.people import adjudicates, pseudonym
from annotation.push import Order
from annotation.resolve import Policy, Resolved, resolve
from tests.annotation.test_review_records import pair
from tests.review.conftest import Running
from tests.review.desk import Desk

MAJORITY = Policy("majority")
CHECK = """
- prompt: 水は何度で沸きますか。
  texts: [百度です。, 知りません。]
  expected: {preference: a}
- kind: attention
  prompt: 一たす一はいくつですか。
  texts: [ああああ, 二です。]
  expected: {preference: b}
"""


@pytest.fixture(scope="module")
def people(running: Running) -> dict[str, str]:
    """Three annotators, and two who settle disputes; one of these is an annotator too."""
    made = {name: running.annotator(name) for name in ("kiku", "ume", "take")}
    assert "settles disputes" in running.seimai("adjudicator", "matsu")
    assert "password" not in running.seimai("adjudicator", "take")
    return made


def who(desk: Desk, name: str) -> str:
    """An annotator's pseudonym."""
    return pseudonym(desk.users()[name]["id"])


def preferring(desk: Desk, name: str, said: dict[bytes, str]) -> None:
    """Somebody answers rows that lie before them as an annotator: their preference in the row's own order."""
    pushed = desk.by_external_id()
    with desk.client() as argilla:
        theirs = {one.id for one in of_review(argilla) if adjudicates(one.workspace)}
    for record in list(desk.seen(name)):
        line = pushed[record["external_id"]]
        if line["row"] in said and record["dataset_id"] not in theirs:
            value = said[line["row"]]
            place = {"a": "ab"[line["order"].index(0)], "b": "ab"[line["order"].index(1)]}.get(value, value)
            desk.answer(name, record["id"], preference=place)


def settled(desk: Desk) -> tuple[Resolved, Adjudicated]:
    """Pulls, and brings disputed rows before those who may settle them."""
    desk.pull()
    found = resolve(desk.labels, MAJORITY)
    with desk.client() as argilla:
        return found, adjudicate(argilla, desk.labels, found)


def before(desk: Desk, name: str) -> list[bytes]:
    """Rows that lie before somebody who settles disputes and wait for an answer."""
    place = f"adjudicate-{who(desk, name)}"
    pushed = {
        line["external_id"]: line["row"] for (of, _), line in desk.labels.records().items() if of.startswith(place)
    }
    with desk.client() as argilla:
        sets = [one.id for one in of_review(argilla) if one.workspace == place]
        records = [record for one in sets for record in argilla.records(one, include=("responses",))]
    return sorted(pushed[record["external_id"]] for record in records if not record.get("responses"))


def test_gold_rows_lie_among_the_others_and_nothing_that_annotators_get_tells_them(desk: Desk, tmp_path: Path):
    (tmp_path / "november.yaml").write_text(CHECK)
    rows = read_gold(tmp_path / "november.yaml", desk.task)
    order = Order(desk.task, "gold/november")
    with desk.client() as argilla:
        with pytest.raises(
            ReviewError, match=r"nothing of 'preference' \w+ was pushed, among which gold could be mixed"
        ):
            mix(argilla, desk.labels, order, rows, "november")
        items = [pair(n, people=2) for n in range(4)]
        desk.push(items)
        done = mix(argilla, desk.labels, order, rows, "november")
        assert (done.rows, done.pushed) == (2, 4)  # each is two records that mirror each other, as the others are
        again = mix(argilla, desk.labels, order, rows, "november")
        assert (again.pushed, again.there, len(desk.labels.read("gold"))) == (0, 4, 2)
        assert desk.push(items).withdrawn.total() == 0  # a push of the other rows leaves them
    pushed = desk.by_external_id()
    gold = {line["row"] for line in desk.labels.read("gold").to_pylist()}
    seen = list(desk.seen("kiku"))
    mine = [record for record in seen if pushed[record["external_id"]]["row"] in gold]
    assert (len(seen), len(mine)) == (6, 2)
    assert len({record["dataset_id"] for record in seen}) == 1
    assert len({frozenset(record) for record in seen}) == 1
    for record in mine:
        others = next(one for one in seen if one not in mine)
        told = orjson.dumps({k: v for k, v in record.items() if k not in ("fields", "id", "external_id")}).decode()
        assert "gold" not in told
        assert "attention" not in told
        assert set(record["fields"]) == set(others["fields"])
        assert record["metadata"] == others["metadata"]
    known = {
        line["row"]: next(iter(orjson.loads(line["expected"]).values()))
        for line in desk.labels.read("gold").to_pylist()
    }
    preferring(desk, "kiku", known | {item.row: "a" for item in items})
    preferring(desk, "ume", dict.fromkeys(known, "a") | {item.row: "a" for item in items})
    desk.pull()
    rates = pass_rates(desk.labels)
    assert (rates[who(desk, "kiku")].gold, rates[who(desk, "kiku")].attention) == (Rate(1, 1), Rate(1, 1))
    assert (rates[who(desk, "ume")].gold, rates[who(desk, "ume")].attention) == (Rate(1, 1), Rate(0, 1))
    found = resolve(desk.labels, MAJORITY)
    assert {one.row for one in found.decisions} == {item.row for item in items}
    assert {(one.outcome, one.method) for one in found.decisions} == {("a", "unanimous")}


def test_a_dispute_goes_to_somebody_who_did_not_vote_and_their_answer_decides(desk: Desk):
    items = [pair(n, people=3) for n in range(4)]
    desk.push([*items, pair(9, people=3)])
    rows = [item.row for item in items]
    groups = dict.fromkeys(("kiku", "ume", "take"), 0)
    for name, value in zip(groups, ("a", "b", "same"), strict=True):
        preferring(desk, name, dict.fromkeys(rows, value))
    found, done = settled(desk)
    full = {unit.record["row"] for unit in found.units.values() if len(unit.votes) == 3}
    assert {row for _, _, row in found.disputed} == full  # a row whose group has one person alone gets no third answer
    assert full
    assert (done.disputed, done.pushed) == (
        len(full),
        {who(desk, "matsu"): len(full)},
    )  # take voted, and settles nothing here
    assert before(desk, "matsu") == sorted(full)
    assert before(desk, "take") == []
    _, again = settled(desk)
    assert (again.waiting, again.pushed.total()) == (len(full), 0)
    first, *others = sorted(full)
    pushed = desk.by_external_id()
    with Client(desk.running.url, desk.users()["matsu"]["api_key"]) as argilla:
        for record in desk.seen("matsu"):
            line = pushed[record["external_id"]]
            assert {answer["user_id"] for answer in record.get("responses") or ()} <= {argilla.me["id"]}
            value = "ab"[line["order"].index(1)] if line["row"] == first else "both_bad"
            desk.answer("matsu", record["id"], preference=value)
    found, done = settled(desk)
    assert (done.disputed, done.waiting) == (0, 0)
    by_row = {one.row: one for one in found.decisions}
    assert (by_row[first].outcome, by_row[first].method) == ("b", "adjudicated")
    assert by_row[first].adjudicator == who(desk, "matsu")
    assert {by_row[row].outcome for row in others} <= {"both_bad"}
    assert desk.push([*items, pair(9, people=3)]).withdrawn.total() == 0  # a push leaves what is being settled


def test_what_is_settled_is_taken_back_and_what_is_discarded_or_voted_on_goes_to_somebody_else(desk: Desk):
    items = [pair(n, people=2) for n in range(6)]
    desk.push(items)
    for name, value in (("kiku", "a"), ("ume", "b")):
        preferring(desk, name, {item.row: value for item in items})
    _, done = settled(desk)
    mine, other = before(desk, "take"), before(desk, "matsu")
    # the one with fewest rows waiting gets the next
    assert done.pushed == {who(desk, "take"): 3, who(desk, "matsu"): 3}
    assert sorted(mine + other) == sorted(item.row for item in items)
    agreed, voted, discarded = mine
    preferring(desk, "kiku", {agreed: "b"})
    preferring(desk, "take", {voted: "same"})
    pushed = desk.by_external_id()
    for record in desk.seen("take"):
        if pushed[record["external_id"]]["row"] == discarded and who(desk, "take") in _workspace(
            desk, record["dataset_id"]
        ):
            desk.answer("take", record["id"], "discarded")
    _, done = settled(desk)
    assert done.withdrawn == {"settled": 1, "voted": 1}
    assert done.pushed == {who(desk, "matsu"): 2}
    assert before(desk, "matsu") == sorted([*other, voted, discarded])
    assert before(desk, "take") == []
    for record in desk.seen("matsu"):
        if pushed[record["external_id"]]["row"] == discarded:
            desk.answer("matsu", record["id"], "discarded")
    found, done = settled(desk)
    assert [row for _, _, row in done.nobody] == [discarded]
    assert {line["reason"] for line in desk.labels.read("records").to_pylist()} == {None, "settled", "voted"}
    assert len({one.name for one in found.decisions if one.disputed}) == 5


def test_what_a_cut_off_command_meant_to_send_is_sent_by_the_next(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    items = [pair(n, people=2) for n in range(4)]
    desk.push(items)
    for name, value in (("kiku", "a"), ("ume", "b")):
        preferring(desk, name, {item.row: value for item in items})

    def cut_off(*_: object) -> None:
        raise ReviewError("the connection was cut off")

    with monkeypatch.context() as patched:
        patched.setattr("annotation.adjudicate.batches", cut_off)  # after all is written down, before anything is sent
        with pytest.raises(ReviewError, match="cut off"):
            settled(desk)
    assert before(desk, "take") == before(desk, "matsu") == []
    _, done = settled(desk)
    assert (done.pushed.total(), done.waiting) == (4, 0)
    assert sorted(before(desk, "take") + before(desk, "matsu")) == sorted(item.row for item in items)
    _, done = settled(desk)
    assert (done.pushed.total(), done.waiting) == (0, 4)


def test_what_lies_before_somebody_who_is_gone_goes_to_the_others(desk: Desk):
    desk.running.seimai("adjudicator", "sakura")
    assert "'owner' is an owner of this Argilla" in desk.running.seimai("adjudicator", "owner", code=1)
    items = [pair(n, people=2) for n in range(6)]
    desk.push(items)
    for name, value in (("kiku", "a"), ("ume", "b")):
        preferring(desk, name, {item.row: value for item in items})
    told = [line.split() for line in desk.running.seimai("people").splitlines()]
    assert ["│", "sakura", "│", who(desk, "sakura"), "│", "–", "│", "│", "yes", "│"] in told
    assert ["│", "kiku", "│", who(desk, "kiku"), "│", "1", "│", "│", "│"] in told
    _, done = settled(desk)
    assert done.pushed == {who(desk, name): 2 for name in ("take", "matsu", "sakura")}
    gone = who(desk, "sakura")
    with desk.client() as argilla:
        argilla.call("DELETE", f"/users/{desk.users()['sakura']['id']}")
    _, done = settled(desk)
    assert (done.withdrawn, done.pushed.total(), done.pushed[gone], done.waiting) == ({"left": 2}, 2, 0, 4)
    assert sorted(before(desk, "take") + before(desk, "matsu")) == sorted(item.row for item in items)


def _workspace(desk: Desk, dataset: str) -> str:
    with desk.client() as argilla:
        return next(one.workspace for one in of_review(argilla) if one.id == dataset)


def test_the_commands_say_what_they_do(running: Running, desk: Desk, tmp_path: Path):
    labels = ("--labels", str(desk.labels.folder))
    (tmp_path / "november.yaml").write_text(CHECK)
    desk.push([pair(n, people=2) for n in range(3)])
    said = running.seimai("gold", str(tmp_path / "november.yaml"), "--task", "preference", *labels)
    assert "1 gold rows, 1 attention checks; answers to them decide nothing" in said
    (tmp_path / "wrong.yaml").write_text(CHECK.replace("preference: b", "preference: c"))
    said = running.seimai("gold", str(tmp_path / "wrong.yaml"), "--task", "preference", *labels, code=1)
    assert "wrong.yaml, row 2.expected.preference: 'c' is no answer to 'preference'" in said
    pushed = desk.by_external_id()
    for name in ("kiku", "ume"):
        preferring(desk, name, {line["row"]: {"kiku": "a", "ume": "both_bad"}[name] for line in pushed.values()})
    said = running.seimai("adjudicate", "--method", "majority", *labels)
    assert "3 rows are disputed, 0 of them wait for an answer already; " in said
    said = running.seimai("resolve", "--method", "majority", *labels)
    assert f"{desk.labels.folder}/decisions: 3 rows, 3 questions: 3 undecided" in said
    assert {one.outcome for one in read_decisions(str(desk.labels.folder / "decisions"))} == {None}
    said = running.seimai("skill", *labels)
    assert "1 of 1 (100%)" in said
    assert "0 of 1 (0%)" in said
    assert "no habits of preference" in said
    assert "needs --sure P" in running.seimai("resolve", "--method", "mace", *labels, code=1)
    assert "has no --sure" in running.seimai("resolve", "--method", "majority", "--sure", "0.9", *labels, code=1)
