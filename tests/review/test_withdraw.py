"""What is forgotten goes from the real Argilla too, and neither a push nor a pull brings it back."""

from annotation.people import pseudonym
from annotation.withdraw import withdraw, withdraw_from
from curation.provenance import key
from curation.tombstones import annotator_key
from tests.annotation.test_review_records import pair
from tests.review.desk import Desk

WHO = {"by": "Sato", "reason": "asked for"}


def answered(desk: Desk, who: str) -> dict[bytes, str]:
    """Rows that an annotator sees, each with its record in Argilla."""
    known = desk.by_external_id()
    return {known[r["external_id"]]["row"]: r["id"] for r in desk.seen(who)}


def test_a_row_and_an_annotator_are_forgotten_in_argilla(desk: Desk):
    items = [pair(n) for n in range(4)]
    assert desk.push(items).pushed == 4
    mine = answered(desk, "kiku")
    for n in range(3):
        desk.answer("kiku", mine[pair(n).row], preference="a")
    desk.answer("ume", mine[pair(3).row], preference="b")
    desk.pull()
    assert len(desk.labels.answers()) == 4

    # row 0 by the document that it grew from, and whoever is kiku
    kiku = pseudonym(desk.users()["kiku"]["id"])
    keys = {"passage": [key("document", 0).hex()], "annotator": [annotator_key(kiku).hex()]}
    done = withdraw(desk.labels, keys, **WHO)
    assert (done.records, done.lines) == (1, 3)
    with desk.client() as argilla:
        withdraw_from(argilla, desk.labels, done)
    assert (done.deleted, done.responses) == (1, 2)
    assert pair(0).row not in answered(desk, "ume")
    assert [row["annotator"] for row in desk.labels.answers()] == [pseudonym(desk.users()["ume"]["id"])]
    (withdrawn,) = [r for r in desk.labels.read("records").to_pylist() if r["event"] == "withdrawn"]
    assert (withdrawn["reason"], withdrawn["fields"], withdrawn["row"]) == ("forgotten", "{}", pair(0).row)

    # the same rows again, and another answer of kiku's
    again = desk.push(items)
    assert (again.pushed, again.there, len(again.left_out["forgotten"])) == (0, 3, 1)
    desk.answer("kiku", mine[pair(1).row], preference="b")
    assert dict(desk.pull().events) == {}
    assert len(desk.labels.answers()) == 1
