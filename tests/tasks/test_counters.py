"""Nouns with their counters in seed files, as `seimai audit prompts` reads them."""

from synth.counter_audit import SEEDS, Pair, audit_counters, counted_pairs

THINGS = """
goods:
  - {name: 鉛筆, counter: 本, low: 60}
  - {name: りんご, counter: 冊}
shared: {fruit: [{name: 未知の実, counter: 個}]}
people: [{name: 田中さん}]
"""


def test_pairs_are_found_wherever_they_stand(tmp_path):
    path = tmp_path / "things.yaml"
    path.write_text(THINGS, encoding="utf-8")
    assert counted_pairs(path) == [
        Pair("things/goods.1", "鉛筆", "本"),
        Pair("things/goods.2", "りんご", "冊"),
        Pair("things/shared.fruit.1", "未知の実", "個"),
    ]


def test_a_counter_that_does_not_go_with_its_noun_and_a_noun_that_nobody_knows_are_faults(tmp_path):
    path = tmp_path / "things.yaml"
    path.write_text(THINGS, encoding="utf-8")
    wrong, unknown = audit_counters(counted_pairs(path))
    assert (wrong.place, wrong.found, wrong.right) == ("things/goods.2", "りんご in 冊", "りんご is counted in 個・つ")
    assert unknown.found.startswith("未知の実 in 個: nothing is said of the noun")


def test_the_projects_own_things_are_counted_rightly():
    pairs = [pair for file in sorted(SEEDS.glob("*.yaml")) for pair in counted_pairs(file)]
    assert len(pairs) >= 18
    assert audit_counters(pairs) == []
