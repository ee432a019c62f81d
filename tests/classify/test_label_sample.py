"""The draw of pages to label: spread over hosts, with weights that give the crawl back, and intervals that hold its truth."""

import numpy as np
import polars as pl
import pytest

from curation.classify.labelled_share import by_threshold
from curation.provenance import key
from recipes.engine.classifier.label_sample import drawn


def test_sample_weights_sum_to_all_pages():
    rng = np.random.default_rng(0)
    hosts = [f"h{min(int(h), 5)}.jp" for h in rng.exponential(2, 1003)]
    keys = pl.DataFrame(
        {
            "id": [n.to_bytes(16, "big") for n in range(1003)],
            "host": hosts,
            "file": ["f"] * 1003,
            "quality": rng.random(1003) ** 3,
        }
    )
    found = drawn(keys, "quality", 203, 0)
    assert found.height == 203
    assert found["weight"].sum() == pytest.approx(1003, abs=0.1)
    assert sorted(found.group_by("decile").len()["len"].to_list()) == [20] * 7 + [21] * 3
    assert set(found["group"]) == set(hosts)
    assert drawn(keys.sample(fraction=1, shuffle=True, seed=1), "quality", 203, 0).sort("id").equals(found.sort("id"))


def test_a_sample_s_weights_give_the_share_of_a_large_host_back():
    # one host has 600 of 1,000 pages; 40 have ten each
    hosts = ["large.example"] * 600 + [f"{i % 40}.example" for i in range(400)]
    rng = np.random.default_rng(5)
    keys = pl.DataFrame(
        {
            "id": [key("page", str(i)) for i in range(1000)],
            "host": hosts,
            "file": ["a.warc"] * 1000,
            "quality": rng.random(1000),
        }
    )
    for rows in (60, 300):  # fewer pages a decile than hosts in it, and more
        shares = []
        for seed in range(60):
            found = drawn(keys, "quality", rows, seed)
            shares.append([found.filter(of)["weight"].sum() / 1000 for of in (pl.col("host") == "large.example", True)])
        large, whole = np.mean(shares, axis=0)
        assert large == pytest.approx(0.6, abs=0.02)
        assert whole == pytest.approx(1.0, abs=1e-3)


def test_a_large_host_gives_pages_as_the_root_of_its_size_and_a_small_one_is_not_forgotten():
    hosts = ["large.example"] * 6000 + [f"{i % 400}.example" for i in range(4000)]
    keys = pl.DataFrame(
        {
            "id": [key("page", str(i)) for i in range(10_000)],
            "host": hosts,
            "file": ["a.warc"] * 10_000,
            "quality": np.random.default_rng(1).random(10_000),
        }
    )
    found = drawn(keys, "quality", 400, 0)
    large = (found["group"] == "large.example").sum()
    assert 0.25 < large / 400 < 0.6, "not the 2.5 % of a page a decile, and not the 60 % of chance"
    assert found["group"].n_unique() > 120


@pytest.mark.parametrize(
    "share", [0.0, 0.6], ids=["hosts of one size", "one host has 60 % of the pages, and worse ones"]
)
def test_intervals_of_drawn_pages_hold_the_truth_of_the_crawl(share: float):
    """Precision at .6 through the draw, its weights and its intervals, against every page's own truth."""
    rng, inside, missed = np.random.default_rng(3), 0, []
    for draw in range(60):
        host = np.where(rng.random(2000) < share, 0, 1 + rng.integers(0, 200, 2000))
        rate = np.where(np.arange(201) == 0, -1.2, rng.normal(0.5, 1.0, 201))
        latent = rng.normal(size=2000)
        good = rng.random(2000) < 1 / (1 + np.exp(-rate[host] - 1.5 * latent))
        score = np.round(1 / (1 + np.exp(-latent)), 3)
        ids = [key("page", f"{draw} {i}") for i in range(2000)]
        names = [f"h{h}.example" for h in host]
        keys = pl.DataFrame({"id": ids, "host": names, "file": ["f"] * 2000, "quality": score})
        found = drawn(keys, "quality", 200, draw)
        place = {i: n for n, i in enumerate(ids)}
        rows = np.array([place[i] for i in found["id"]])
        _, hosts = np.unique(host[rows], return_inverse=True)
        (at,) = by_threshold(score[rows], good[rows], found["weight"].to_numpy(), hosts, np.array([0.6]))
        truth = good[score >= 0.6].mean()
        inside += at.precision.low <= truth <= at.precision.high
        missed.append(at.precision.value - truth)
    assert inside >= 53, "95 % of 60 is 57; 53 or more of 60 in 99 cases of 100"
    assert abs(np.mean(missed)) < 0.02
