"""Rows come to people by routes: with the probability that is written down, whoever asks and in whatever order the rows come."""

import numpy as np
import pyarrow as pa
import pytest

from annotation.routing import ROUTED, Route, RoutePlan, RoutingError, routed
from curation.provenance import key

AUDIT = Route("audit", 0.2)
UNCERTAIN = Route("uncertain", 0.5, "uncertainty", at_least=0.7)
DISPUTED = Route("disputed", 1.0, "disagreement", at_least=0.5)
PLAN = RoutePlan((AUDIT, UNCERTAIN, DISPUTED), "salt", calibrate=0.25)


def rows(count: int) -> pa.Table:
    ids = [key("row", i) for i in range(count)]
    return pa.table(
        {
            "id": pa.array(ids, pa.binary(16)),
            "seed_key": pa.array([key("seed", i // 4) for i in range(count)], pa.binary(16)),
            "uncertainty": pa.array([(i % 10) / 10 for i in range(count)]),
            "disagreement": pa.array([None if i % 20 else 1.0 for i in range(count)], pa.float64()),
        }
    )


def test_overlapping_routes_combine_to_one_minus_the_product_of_what_they_leave():
    found = routed(rows(20), PLAN).to_pylist()
    by_stratum = {row["review_stratum"]: row["inclusion"] for row in found}
    assert by_stratum == pytest.approx({"audit+disputed": 1.0, "audit": 0.2, "audit+uncertain": 1 - 0.8 * 0.5})
    assert found[0]["review_stratum"] == "audit+disputed"
    assert "disputed" in found[0]["routes"]


def test_as_many_are_drawn_as_the_probability_says():
    found = routed(rows(20_000), PLAN)
    drawn = np.array([bool(r) for r in found.column("routes").to_pylist()])
    stratum = found.column("review_stratum").to_numpy(zero_copy_only=False)
    for name, probability in (("audit", 0.2), ("audit+uncertain", 0.6)):
        of = stratum == name
        # five standard deviations of a binomial
        assert abs(drawn[of].mean() - probability) < 5 * (probability * (1 - probability) / of.sum()) ** 0.5
    assert drawn[stratum == "audit+disputed"].all()


def test_routes_draw_independently_of_each_other():
    both = RoutePlan((Route("one", 0.5), Route("two", 0.5)), "salt")
    found = routed(rows(20_000), both).column("routes").to_pylist()
    assert sum(len(r) == 2 for r in found) / 20_000 == pytest.approx(0.25, abs=0.015)


def test_what_is_drawn_depends_on_the_row_alone():
    whole = routed(rows(500), PLAN)
    some = routed(rows(500).take(pa.array([77, 3, 490])), PLAN)
    assert some.to_pylist() == [whole.to_pylist()[i] for i in (77, 3, 490)]


def test_another_salt_draws_others():
    other = routed(rows(500), RoutePlan(PLAN.routes, "other", 0.25))
    assert other.column("routes").to_pylist() != routed(rows(500), PLAN).column("routes").to_pylist()


def test_rows_of_one_seed_document_are_used_for_one_thing():
    found = routed(rows(4000), PLAN)
    uses = found.column("review_use").to_pylist()
    assert all(len(set(uses[i : i + 4])) == 1 for i in range(0, 4000, 4))
    assert uses.count("calibrate") / 4000 == pytest.approx(0.25, abs=0.08)


def test_a_row_without_seed_stands_for_itself():
    table = rows(100)
    without = table.set_column(1, "seed_key", pa.nulls(100, pa.binary(16)))
    assert (
        routed(without, PLAN).column("review_use").to_pylist()
        == routed(without.drop_columns(["seed_key"]), PLAN).column("review_use").to_pylist()
    )


def test_the_order_in_a_stratum_is_random_and_not_that_of_the_routes():
    found = routed(rows(2000), PLAN)
    order = found.column("review_order").to_numpy()
    drawn = np.array([len(r) for r in found.column("routes").to_pylist()])
    assert len(np.unique(order)) == 2000
    assert abs(np.corrcoef(order.astype(float), drawn)[0, 1]) < 0.1


def test_columns_are_those_that_are_declared():
    found = routed(rows(3), PLAN)
    assert {f.name: f.type for f in found.schema if f.name in ROUTED} == {n: t for n, (t, _) in ROUTED.items()}


def test_no_rows_are_no_fault():
    assert len(routed(rows(0), PLAN)) == 0


def test_rows_that_no_route_may_draw_are_refused_with_an_example():
    with pytest.raises(RoutingError, match=r"7 of 10 rows \(first [0-9a-f]{32}\).*add a route without a condition"):
        routed(rows(10), RoutePlan((UNCERTAIN,), "salt"))


def test_a_value_that_is_none_meets_no_condition():
    table = pa.table({"id": pa.array([key(str(i)) for i in range(3)], pa.binary(16)), "x": [1.0, None, float("nan")]})
    plan = RoutePlan((AUDIT, Route("low", 1.0, "x", below=2)), "s")
    assert routed(table, plan).column("review_stratum").to_pylist() == ["audit+low", "audit", "audit"]


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Route("a", 0.0), "probability must be in"),
        (lambda: Route("a", 1.5), "probability must be in"),
        (lambda: Route("a", 0.5, "x"), "names a column and at_least or below"),
        (lambda: Route("a", 0.5, at_least=1), "names a column and at_least or below"),
        (lambda: Route("a+b", 0.5), "holds no +"),
        (lambda: RoutePlan((), "s"), "needs a route"),
        (lambda: RoutePlan((AUDIT, AUDIT), "s"), "two routes are called 'audit'"),
        (lambda: RoutePlan((AUDIT,), "s", 1.0), "calibrate is a share"),
        (lambda: routed(rows(3), RoutePlan((Route("a", 0.5, "y", below=1),), "s")), "no column 'y'; there are id"),
    ],
)
def test_routes_that_cannot_be_are_said(make, said):
    with pytest.raises(RoutingError, match=said):
        make()
