"""Seeds: even over topics and lengths, capped by host and cluster, masked, allowed, and the same whatever the order of the pages."""

import json
import random
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.normalise.pii.mask import mask
from curation.provenance import key
from synth.passage import Prose, passage, sentences
from synth.personas import persona
from synth.policy_file import load_policy
from synth.seed import NoSeed, Seed, SeedPlan, choose
from synth.topics import topics, topics_of

POLICY = load_policy(Path(__file__).resolve().parents[2] / "recipes" / "policy.yaml")
PLAN = SeedPlan("derives", "train_internal", (20, 60, 200), per_stratum=3, per_host=2, per_cluster=1)
COOKING = "大さじ二杯の醤油を入れて弱火で煮る。出汁を足して味付けをする。最後に葱を散らす。"
DISASTER = "地震のあとは停電に備え、避難の経路を確かめる。備蓄の水は三日分を用意する。"


def page(name: str, text: str, **other) -> dict:
    own = {"id": key(name), "text": text, "host": f"{name}.example.jp", "cluster": None}
    rights = {"licence": None, "rights_basis": "著作権法30条の4", "x_robots_tag": None, "robots_meta": None}
    return own | rights | other


def chosen(pages, plan=PLAN):
    found = list(choose(pages, plan, POLICY))
    assert len(found) == len(pages), "every page is a seed or has a reason"
    return [f for f in found if isinstance(f, Seed)], Counter(f.reason for f in found if isinstance(f, NoSeed))


def test_a_seed_keeps_where_it_is_from():
    (seed,), _ = chosen([page("a", COOKING, licence="CC-BY-4.0")])
    assert seed.topic == "暮らし/料理"
    assert seed.column() | {"digest": b""} == {
        "kind": "document", "id": key("a").hex(), "use": "derives", "licence": "CC-BY-4.0", "rights_basis": "著作権法30条の4",
        "host": "a.example.jp", "digest": b"", "topic": "暮らし/料理",
    }  # fmt: skip
    assert seed.text in COOKING
    assert 20 <= len(seed.text) < 200


def test_strata_hosts_and_clusters_are_capped():
    pages = [page(f"c{i}", COOKING) for i in range(20)] + [page(f"d{i}", DISASTER) for i in range(5)]
    pages += [page(f"h{i}", DISASTER, host="one.example.jp", licence="CC0-1.0") for i in range(9)]
    seeds, reasons = chosen(pages)
    strata = Counter((s.topic, len(s.text) >= 60) for s in seeds)
    assert max(strata.values()) <= 3
    assert Counter(s.host for s in seeds)["one.example.jp"] <= 2
    assert reasons["seed_stratum_full"] > 0
    twins, reasons = chosen([page(f"t{i}", COOKING, cluster=key("twins")) for i in range(4)])
    assert (len(twins), reasons) == (1, {"seed_cluster_cap": 3})


def test_a_host_gives_as_many_as_its_cap():
    seeds, reasons = chosen([page(f"h{i}", COOKING, host="one.example.jp") for i in range(5)])
    assert (len(seeds), reasons) == (2, {"seed_host_cap": 3})


@given(st.randoms(use_true_random=False))
def test_the_order_of_the_pages_changes_nothing(rng):
    pages = [
        page(f"p{i}", (COOKING, DISASTER)[i % 2] * (1 + i % 4), host=f"{i % 7}.jp", cluster=key(i % 9))
        for i in range(40)
    ]
    before = [(f.id, type(f)) for f in choose(pages, PLAN, POLICY)]
    rng.shuffle(pages)
    after = [(f.id, type(f)) for f in choose(pages, PLAN, POLICY)]
    assert before == after


def test_personal_data_is_masked_before_a_passage_is_a_seed():
    text = "大さじ二杯の醤油で煮る。お問い合わせは075-123-4567、またはtaro@example.ne.jpまで。"
    (seed,), _ = chosen([page("p", text)])
    assert "075" not in seed.text
    assert "@" not in seed.text
    assert seed.masked == {"email": 1, "phone": 1}


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"rights_basis": None}, "seed_rights"),
        ({"robots_meta": "noai"}, "seed_rights"),
        ({"licence": "CC-BY-NC-4.0"}, "seed_rights"),
        ({"quality": 0.4}, "seed_quality"),
        ({"quality": float("nan")}, "seed_quality"),
        ({"text": None}, "seed_length"),
        ({"text": "短い。"}, "seed_length"),
    ],
)
def test_a_page_that_gives_no_seed_says_why(other, reason):
    plan = SeedPlan("derives", "train_internal", (20, 200), 9, 9, 9, quality=("quality", 0.5))
    seeds, reasons = chosen([page("a", COOKING) | {"quality": 0.9} | other], plan)
    assert (seeds, reasons) == ([], {reason: 1})


KEY = "\n".join("MIIC7jCCAlegAwIBAgIBATANBgkqhkiG9w0BAQQFADCBqTELMAkGA1UEBhMCWFkx"[i:] for i in range(4))
TABLE = "\n".join(f"directive{i} サーバ設定ファイル 上書き" for i in range(9))


def test_only_running_text_is_a_passage_where_the_recipe_says_what_that_is():
    plan = SeedPlan("derives", "train_internal", (20, 60, 200), 9, 9, 9, prose=Prose(kana=0.25, sentences=2, ended=0.5))
    pages = [page("rice", COOKING), page("key", KEY), page("table", TABLE), page("mixed", f"{KEY}\n{DISASTER}")]
    seeds, reasons = chosen(pages, plan)
    assert {s.host for s in seeds} == {"rice.example.jp", "mixed.example.jp"}
    assert all("MIIC" not in s.text for s in seeds)
    assert reasons == {"seed_prose": 2}
    without, _ = chosen(pages, replace(plan, prose=None))
    assert len(without) == 4
    assert chosen([page("short", "短い。")], plan)[1] == {"seed_length": 1}


def test_only_topics_of_unknown_pages_may_leave_the_house():
    for use, count in (("topic", 1), ("derives", 0)):
        plan = SeedPlan(use, "publish", (20, 200), 9, 9, 9)
        assert len(chosen([page("a", COOKING)], plan)[0]) == count


def test_topics_that_are_not_wanted_are_left():
    plan = SeedPlan("topic", "train_internal", (20, 200), 9, 9, 9, topics=("社会/防災",))
    seeds, _ = chosen(
        [page("c", COOKING), page("d", DISASTER), page("n", "なんでもない長めの文章がここにあります。")], plan
    )
    assert [s.topic for s in seeds] == ["社会/防災"]


def test_a_plan_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="two rising bounds"):
        SeedPlan("topic", "share", (200, 100), 1, 1, 1)
    with pytest.raises(ValueError, match="per_host must be ≥ 1"):
        SeedPlan("topic", "share", (100, 200), 1, 0, 1)


@given(st.text(alphabet="あい。\n「」 ", max_size=120), st.integers(1, 30), st.integers(0, 30))
def test_a_passage_is_of_the_text_and_of_the_length(text, least, more):
    made = passage(text, least, least + more, b"x")
    if made is not None:
        assert least <= len(made) <= least + more
        plain = "".join(text.split())
        assert all("".join(piece.split()) in plain for piece in made.split("\n"))


@given(st.text(alphabet="あい。！」", max_size=40))
def test_sentences_are_the_paragraph(text):
    assert "".join(sentences(text)) == text or set(text) <= set("」")


def test_a_tie_of_two_topics_is_none():
    assert topics_of([COOKING, DISASTER, COOKING + DISASTER, "猫", None]) == [
        "暮らし/料理",
        "社会/防災",
        "暮らし/料理",
        None,
        None,
    ]
    assert topics_of(["煮る茹で、地震津波"]) == [None]


def test_topics_have_words_of_their_own():
    assert len(topics()) >= 40
    assert all(len(set(words)) == len(words) >= 7 for words in topics().values())


def test_personas_are_the_same_every_time_and_many():
    assert persona(5) == persona(5)
    texts = {persona(i).text() for i in range(2000)}
    assert len(texts) > 1990
    assert not [t for t in texts if "小学校高学年の" in t or "中学生の生徒" in t]


def test_masking_finds_what_a_peer_finds(dev):
    """HojiChar masks the same cases; the words it masks with are others."""
    for line in (dev / "known_answers" / "hojichar_mask_pii.jsonl").read_text().splitlines():
        case = json.loads(line)
        assert (mask(case["args"][0])[0] != case["args"][0]) == (case["expected"] != case["args"][0]), case["args"]


def test_masking_leaves_ordinary_numbers_alone():
    for text in (
        "2026年11月26日",
        "3.14159265358979",
        "部品 100-0001",
        "第0120条",
        "12時00分",
        "ISBN 978-4-00-310101-8",
        "1,234,567,890円",
    ):
        assert mask(text) == (text, Counter()), text


def test_ten_thousand_pages_are_seeds_in_seconds(scale_rows):
    """A hundred thousand must take less than a minute: a tenth of them, measured in CPU time."""
    texts = scale_rows(2000)
    rng = random.Random(1)
    pages = [page(f"p{i}", texts[i % len(texts)], host=f"{rng.randrange(3000)}.jp") for i in range(10_000)]
    began = time.process_time()
    found = list(choose(pages, SeedPlan("derives", "train_internal", (200, 400, 800), 500, 20, 1), POLICY))
    assert len(found) == 10_000
    assert time.process_time() - began < 6
