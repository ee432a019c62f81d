"""The data card in both languages and Croissant beside it: what a trainer and a lawyer read of a release."""

import re
from pathlib import Path
from typing import get_args

import orjson
import pytest
import yaml

from annotation.decision import Method
from annotation.release.card_words import JA
from annotation.release.decisions import EFFECTS
from annotation.release.gate import CORRECTION
from annotation.release.row import KINDS
from synth.obligations import KINDS as OBLIGATIONS
from synth.preference import STRATEGIES
from tests.release.made_sets import CONTACT, TARGET, dialogue, every_case, generated, released, say, seed

ASKED = [say("user", "精米とは？"), say("assistant", "糠を除くことです。")]


@pytest.fixture(scope="module")
def out(tmp_path_factory) -> Path:
    """A release of all cases for two trainers, with a limit of its owner's."""
    folder = tmp_path_factory.mktemp("release")
    limits = {"ja": ["方言はほとんどありません。"], "en": ["There is hardly any dialect."]}
    every_case(
        folder, ["trl_sft", "trl_dpo", "nemo_rl_sft"], title={"ja": "米屋の対話", "en": "Rice shop"}, limits=limits
    )
    return folder / "out"


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (
            "README.md",
            [
                "# Rice shop",
                "training inside the house",
                "There is hardly any dialect.",
                "| text | source",
                "0 of 12 carry",
            ],
        ),
        ("README.ja.md", ["# 米屋の対話", "組織内での学習", "方言はほとんどありません。", "12 行のうち 0 行です"]),
    ],
)
def test_the_card_says_what_is_in_it_what_it_is_for_and_whom_to_write_to(out: Path, file: str, words: list[str]):
    card = (out / file).read_text(encoding="utf-8")
    assert CONTACT in card
    assert not [word for word in words if word not in card and not word.startswith("|")]
    assert "{{" not in card
    assert "None" not in card


def test_both_cards_have_the_same_figures(out: Path):
    """Numbers of all tables, in order: whatever one language counts, the other does."""
    tables = []
    for name in ("README.md", "README.ja.md"):
        lines = [line for line in (out / name).read_text(encoding="utf-8").splitlines() if line.startswith("|")]
        tables.append([re.findall(r"\d[\d,.]*", line) for line in lines])
    assert tables[0] == tables[1]


def test_the_card_counts_licences_and_names_obligations(tmp_path: Path):
    rows = [
        dialogue("zero", ASKED, [1], seeds=[seed("p")]),
        dialogue("by", ASKED, [1], seeds=[seed("q", "CC-BY-4.0")]),
        dialogue("made", ASKED, [1]),
    ]
    target = TARGET | {"notices": ["CC-BY-4.0: komeya.example.jp"]}
    released(tmp_path, [generated(tmp_path / "instruct", rows)], ["trl_sft"], target=target)
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "| CC0-1.0 | none stated | derives | 1 |" in card
    assert "| CC-BY-4.0 | none stated | derives | 1 |" in card
    assert "- `attribution` CC-BY-4.0: komeya.example.jp" in card
    assert "- Notice: CC-BY-4.0: komeya.example.jp" in card


def test_the_head_of_the_card_names_configurations_and_their_files(out: Path):
    head = yaml.safe_load((out / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    named = {one["config_name"]: one["data_files"] for one in head["configs"]}
    assert named["trl_dpo"] == [{"split": "train", "path": "trl_dpo/train-*.parquet"}]
    assert "nemo_rl_sft" not in named, "JSON lines are read by their trainer alone"
    assert head["license"] == "other"


def test_croissant_names_every_file_with_its_hash_and_every_column(out: Path):
    import hashlib

    said = orjson.loads((out / "croissant.json").read_bytes())
    assert said["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    for file in said["distribution"]:
        assert hashlib.sha256((out / file["contentUrl"]).read_bytes()).hexdigest() == file["sha256"]
    fields = {one["@id"]: [f["name"] for f in one["field"]] for one in said["recordSet"]}
    assert fields["trl_dpo-train-00000"] == ["prompt", "chosen", "rejected", "tools", "id", "split_group"]
    assert {f["contentUrl"] for f in said["distribution"]} == {
        "trl_sft/train-00000.parquet", "trl_dpo/train-00000.parquet", "nemo_rl_sft/train-00000.jsonl",
    }  # fmt: skip


def test_every_code_of_a_release_is_called_something_in_japanese():
    assert {outcome for by in EFFECTS.values() for outcome in by} <= JA["outcome"].keys()
    assert set(KINDS) == JA["kind"].keys()
    assert set(get_args(Method)) == JA["method"].keys()
    assert set(EFFECTS) <= JA["task"].keys()
    assert set(OBLIGATIONS) == JA["obligation"].keys()
    assert {*STRATEGIES, CORRECTION} <= JA["strategy"].keys()
    assert all(
        re.search(r"[ぁ-ん一-龠ァ-ヶ]", word) or word in ("Dawid–Skene", "MACE")
        for of in JA.values()
        for word in of.values()
    )
