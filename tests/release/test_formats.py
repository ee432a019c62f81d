"""Trainers' files as they lie on disk: what a trainer reads wrongly is not written for it, and is counted."""

from pathlib import Path

import duckdb
import orjson
import polars as pl
import pytest
import yaml

from annotation.release.formats import FORMATS
from annotation.release.formats.format import REASONS as UNSAYABLE
from annotation.release.row import REASONS
from curation.provenance import key
from tests.release.made_sets import CASES, CLOCK, LONG, RATED, WEATHER, every_case

datasets = pytest.importorskip("datasets")
pytestmark = pytest.mark.pandas


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> tuple[Path, dict]:
    """A release of all cases in all formats but pages."""
    folder = tmp_path_factory.mktemp("release")
    made = every_case(folder, [name for name, of in FORMATS.items() if of.kind != "text"])
    return folder / "out", made


def lines(release: tuple[Path, dict], name: str) -> dict[str, dict]:
    """Rows of a format in JSON lines by id."""
    rows = map(orjson.loads, (release[0] / name / "train-00000.jsonl").read_bytes().splitlines())
    return {row["id"]: row for row in rows}


def loaded(release: tuple[Path, dict], name: str) -> dict[str, dict]:
    """Rows of a format as `datasets` loads them by the card's configuration, by id."""
    return {
        row["id"]: row
        for row in datasets.load_dataset(str(release[0]), name, split="train", cache_dir=f"{release[0]}-cache")
    }


def test_every_format_says_how_many_rows_it_holds_and_why_others_are_left_out(release):
    said = {name: (of["splits"]["train"]["rows"], of["left_out"]) for name, of in release[1]["formats"].items()}
    assert said == {
        "trl_sft": (9, {}),  # seven dialogues; `turns` and `weather` have two turns that train
        "trl_dpo": (5, {}),
        "trl_kto": (5, {}),
        "trl_reward": (5, {}),
        "trl_grpo": (2, {"no_spec": 1}),
        "nemo_rl_sft": (7, {}),
        "nemo_rl_preference": (3, {"tools": 2}),
        "nemo_steerlm": (1, {"no_attributes": 3, "tools": 1}),
        "nemo_steerlm_reward": (1, {"no_attributes": 3, "tools": 1}),
        "axolotl_sft": (7, {}),
        "axolotl_dpo": (3, {"tools": 2}),
        "axolotl_kto": (4, {"tools": 1}),
        "axolotl_reward": (2, {"several_turns": 1, "tools": 2}),
        "llama_factory_sft": (9, {}),
        "llama_factory_dpo": (5, {}),
        "llama_factory_kto": (5, {}),
        "openrlhf_sft": (6, {"tools": 2}),
        "openrlhf_preference": (3, {"tools": 2}),
        "openrlhf_prompts": (1, {"no_spec": 1, "tools": 1}),
    }


def test_prefix_rows_share_a_group_and_learn_each_turn_once(release):
    turns = key("row", "turns").hex()
    rows = loaded(release, "trl_sft")
    first, last = rows[f"{turns}-1"], rows[f"{turns}-5"]
    assert first["split_group"] == last["split_group"]
    assert [m["content"] for m in last["prompt"]] == ["一", "壱です。", "二", "弐です。", "三"]
    assert (first["completion"][0]["content"], last["completion"][0]["content"]) == ("壱です。", "参です。")
    budgets = [
        release[1]["formats"][name]["splits"]["train"] for name in ("trl_sft", "llama_factory_sft", "axolotl_sft")
    ]
    assert len({one["trained"] for one in budgets}) == 1, (
        "prefix rows are learnt from as much as the dialogue with masks"
    )
    assert budgets[0]["shown"] > budgets[2]["shown"]


def test_tools_of_unequal_schemas_come_back_as_they_were(release):
    rows = loaded(release, "trl_sft")
    weather, clock = rows[f"{key('row', 'weather').hex()}-1"], rows[f"{key('row', 'clock').hex()}-1"]
    assert (orjson.loads(weather["tools"]), orjson.loads(clock["tools"])) == (WEATHER, CLOCK)
    asked = clock["completion"][0]["tool_calls"][0]["function"]
    assert asked == {"name": "jikan", "arguments": {"chiiki": {"kuni": "フランス"}, "gozen": True}}
    assert "tool_calls" not in clock["prompt"][0], "a key that a message lacks is not there with null"


def test_long_rows_and_emoji_are_whole(release):
    rows = loaded(release, "trl_sft")
    assert rows[f"{key('row', 'long').hex()}-1"]["completion"][0]["content"] == LONG
    assert len(LONG.encode()) > 100_000
    assert rows[f"{key('row', 'emoji').hex()}-1"]["completion"][0]["content"] == "了解です👩‍🌾🌾✨"


def test_other_readers_see_json_as_text(release):
    path = str(release[0] / "trl_dpo" / "train-00000.parquet")
    wanted = key("row", "p-japanese").hex()
    seen = pl.read_parquet(path).filter(pl.col("id") == wanted)["prompt"].to_list()[0]
    found = duckdb.sql(f"select prompt from '{path}' where id = '{wanted}'").fetchall()[0][0]
    assert [orjson.loads(m)["role"] for m in seen] == [orjson.loads(m)["role"] for m in found] == ["user"]


def test_llama_factory_is_given_turns_by_turns_and_calls_as_calls(release):
    rows = loaded(release, "llama_factory_sft")
    weather = rows[f"{key('row', 'weather').hex()}-3"]
    assert [t["from"] for t in weather["conversations"]] == ["human", "function_call", "observation", "gpt"]
    assert orjson.loads(weather["conversations"][1]["value"]) == [{"name": "tenki", "arguments": {"basho": "京都"}}]
    assert rows[f"{key('row', 'system').hex()}-2"]["system"] == "敬体で答えてください。"
    info = orjson.loads((release[0] / "llama_factory_dpo" / "dataset_info.json").read_bytes())
    assert info["llama_factory_dpo_train"]["ranking"] is True
    settings = yaml.safe_load((release[0] / "llama_factory_sft" / "train.yaml").read_text())
    assert settings == {
        "dataset_dir": "llama_factory_sft", "stage": "sft", "mask_history": True, "dataset": "llama_factory_sft_train",
    }  # fmt: skip


def test_axolotl_is_told_which_turns_to_learn(release):
    messages = orjson.loads(loaded(release, "axolotl_sft")[key("row", "turns").hex()]["messages"])
    assert [m["training"] for m in messages] == [False, True, False, False, False, True]
    said = yaml.safe_load((release[0] / "axolotl_sft" / "axolotl.yaml").read_text())
    assert said["datasets"][0]["path"] == "axolotl_sft/train-00000.parquet"
    assert said["datasets"][0]["message_field_training"] == "training"


def test_nemo_rl_has_its_documented_columns(release):
    """docs/guides of NeMo-RL at commit 7ea279a; there is no package to load them with."""
    sft = lines(release, "nemo_rl_sft")
    cut = sft[key("row", "turns").hex()]["messages"]
    assert [m["content"] for m in cut] == ["一", "壱です。"], "as far as every answer may be learnt from"
    assert sft[key("row", "weather").hex()]["tools"] == WEATHER
    pair = lines(release, "nemo_rl_preference")[key("row", "p-turns").hex()]
    assert pair["task_name"] == "writing"
    assert [m["role"] for m in pair["context"]] == ["user", "assistant", "user"]
    assert [(c["rank"], c["completion"][0]["content"]) for c in pair["completions"]] == [
        (0, "弐です"),
        (1, "知らない。"),
    ]


def test_steerlm_labels_hold_the_attributes_that_it_knows(release):
    row = lines(release, "nemo_steerlm")[key("row", "a-good").hex()]
    assert row["conversations"][1]["label"] == "helpfulness:4,correctness:3,coherence:4,complexity:1,verbosity:2"
    assert (row["mask"], row["type"], row["system"]) == ("User", "VALUE_TO_TEXT", "")
    regression = lines(release, "nemo_steerlm_reward")[key("row", "a-good").hex()]
    assert regression["label"] == [-100.0] * 4 + [4.0, 3.0, 4.0, 1.0, 2.0]
    assert set(RATED) > {"helpfulness", "verbosity"}
    assert regression["text"].startswith("<extra_id_0>System\n\n<extra_id_1>User\n")
    assert regression["text"].endswith("<extra_id_1>Assistant\n玄米から糠を除くことです。\n<extra_id_2>")


def test_canonical_rows_are_a_shard_set_that_can_be_read_back(release):
    from curation.shards import ShardSet

    shards = ShardSet.open(str(release[0] / "shards" / "chat"))
    ids = [row for batch in shards.read(["id"]) for row in batch.column("id").to_pylist()]
    assert ids == sorted(key("row", name) for name in CASES)
    assert (shards.rows, shards.manifest["rows_in"], shards.manifest["rejected"]) == (7, 7, {})


def test_the_page_lists_every_format_and_every_reason():
    import re

    page = (Path(__file__).resolve().parents[2] / "docs" / "release.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ((?:`\w+`(?:, )?)+) \|.*\|$", page.split("## Formats")[1], re.M)
    assert sorted(re.findall(r"`(\w+)`", " ".join(rows))) == sorted(FORMATS)
    assert not [name for name in FORMATS if f"`{name}`" not in page]
    assert all(
        re.search(r"[ぁ-んァ-ヶ一-龠]", reason.meaning_ja) for reason in (*REASONS.values(), *UNSAYABLE.values())
    )
