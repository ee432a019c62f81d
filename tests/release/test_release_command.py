"""`seimai release` on a real run, and what it says of what cannot be released."""

import subprocess
import sys
from pathlib import Path

import orjson
import pytest
import yaml

from recipes.engine.errors import RecipeError, RunError
from recipes.engine.release import command
from recipes.engine.release.about import AboutSpec
from tests.pairs.conftest import PairRecipes
from tests.release.made_sets import (
    CASES,
    CONTACT,
    PAIRS,
    TARGET,
    about,
    dialogue,
    generated,
    paired,
    released,
    rows_of,
    say,
)

datasets = pytest.importorskip("datasets")
pytestmark = pytest.mark.pandas


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A run with a generation, pairs, labelled answers and prompts, all by program."""
    made = PairRecipes(tmp_path_factory.mktemp("run"))
    made.run()
    return made.folder / "out"


def seimai(*said: str) -> subprocess.CompletedProcess:
    """The command as a user gives it."""
    return subprocess.run([sys.executable, "-m", "recipes.engine.cli", *said], capture_output=True, text=True)


def test_a_run_is_released_by_one_command_and_loads_by_its_card(run: Path, tmp_path: Path):
    out = tmp_path / "released"
    formats = ("trl_sft", "trl_dpo", "trl_kto", "trl_grpo", "text")
    ended = seimai(
        "release", str(run), "--out", str(out), "--contact", CONTACT, *(a for f in formats for a in ("--format", f))
    )
    assert ended.returncode == 0, ended.stderr
    manifest = orjson.loads((out / "manifest.json").read_bytes())
    generation = orjson.loads((run / "1" / "instruct" / "manifest.json").read_bytes())
    pairs = orjson.loads((run / "1" / "preference" / "manifest.json").read_bytes())
    assert manifest["shards"]["chat"]["rows_in"] == generation["rows_out"]
    assert manifest["shards"]["preference"]["rows_in"] == pairs["rows_out"] > 0
    assert manifest["shards"]["answer"]["rows_in"] == pairs["sets"]["kto"]["rows"] > 0
    assert manifest["shards"]["prompt"]["rows_in"] == pairs["sets"]["prompts"]["rows"] > 0
    assert manifest["shards"]["text"]["rows_out"] == 1
    assert manifest["rows_in"] == manifest["rows_out"] + sum(manifest["rejected"].values())
    dpo = datasets.load_dataset(str(out), "trl_dpo", split="train", cache_dir=str(tmp_path / "cache"))
    assert len(dpo) == manifest["shards"]["preference"]["rows_out"]
    assert all(row["prompt"][-1]["role"] in ("user", "tool") and row["chosen"] != row["rejected"] for row in dpo)
    text = datasets.load_dataset(str(out), "text", split="train", cache_dir=str(tmp_path / "cache"))
    assert text["text"] == ["精米とは、玄米の表面から糠を取り除くことです。"]
    assert f"{len(dpo):,}" in ended.stdout


def test_two_releases_of_one_run_are_the_same_rows(run: Path, tmp_path: Path):
    made = [
        command.release([str(run)], str(tmp_path / name), ["trl_sft", "trl_dpo"], None, CONTACT, None)
        for name in ("a", "b")
    ]
    assert made[0] == made[1]
    assert made[0]["shards"]["preference"]["content"] == made[1]["shards"]["preference"]["content"]


@pytest.mark.parametrize(
    ("formats", "said", "message"),
    [
        ([], {}, "for which trainer"),
        (["trl_ppo"], {}, "there is no format 'trl_ppo'; there are text, trl_sft"),
        (["trl_grpo"], {}, "takes rows of kind 'prompt', and no set has any.*`prompts`"),
        (["trl_sft"], {"splits": {"validation": 0.5, "test": 0.5}}, "leave some for training"),
        (["trl_sft"], {"splits": {"dev": 0.5}}, "there is no key 'splits.dev'; keys are validation, test, salt"),
        (["trl_sft"], {"target": {"model_name": "x", "purpose": "sell", "publish": False}}, "target.purpose"),
        (["trl_sft"], {"target": None}, "what is the release for"),
        (["trl_sft"], {"policy": "mine.yaml"}, "mine.yaml"),
    ],
)
def test_what_cannot_be_is_said(tmp_path: Path, formats: list[str], said: dict, message: str):
    sets = [generated(tmp_path / "instruct", [CASES["japanese"]])]
    if said.get("target", True) is None:
        manifest = orjson.loads((sets[0] / "manifest.json").read_bytes())
        manifest["made"]["release"]["target"] = None
        (sets[0] / "manifest.json").write_bytes(orjson.dumps(manifest))
    with pytest.raises((RecipeError, RunError), match=message):
        released(tmp_path, sets, formats, **said)
    assert not (tmp_path / "out").exists()


def test_a_release_names_somebody_to_write_to(tmp_path: Path):
    sets = [str(generated(tmp_path / "instruct", [CASES["japanese"]]))]
    with pytest.raises(RecipeError, match="--contact ADDRESS"):
        command.release(sets, str(tmp_path / "out"), ["trl_sft"], None, None, None)


def test_a_release_is_never_written_over(tmp_path: Path):
    sets = [generated(tmp_path / "instruct", [CASES["japanese"]])]
    released(tmp_path, sets, ["trl_sft"])
    with pytest.raises(RunError, match="is there already"):
        released(tmp_path, sets, ["trl_sft"])


def test_a_changed_or_missing_file_of_a_set_is_named(tmp_path: Path):
    sets = [generated(tmp_path / "instruct", [CASES["japanese"]]), paired(tmp_path / "preference", PAIRS)]
    (tmp_path / "preference" / "pairs" / "00000.parquet").unlink()
    with pytest.raises(RunError, match=r"pairs/00000.parquet: is not there"):
        released(tmp_path, sets, ["trl_sft"])
    with (tmp_path / "instruct" / "data" / "00000.parquet").open("ab") as file:
        file.write(b"x")
    with pytest.raises(RunError, match=r"data/00000.parquet: SHA-256 is"):
        released(tmp_path, sets[:1], ["trl_sft"])


def test_a_folder_that_is_no_set_is_named(tmp_path: Path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "manifest.json").write_text("{}")
    with pytest.raises(RunError, match="is that of no set of rows"):
        released(tmp_path, [tmp_path / "other"], ["trl_sft"])
    with pytest.raises(RecipeError, match="no finished run here"):
        released(tmp_path, [tmp_path / "nothing"], ["trl_sft"])


def test_a_recipes_own_policy_must_be_named_again(run: Path, tmp_path: Path):
    version = tmp_path / "copy" / "1"
    version.mkdir(parents=True)
    recipe = yaml.safe_load((run / "1" / "recipe.yaml").read_text(encoding="utf-8")) | {"policy": "own.yaml"}
    for path in (run / "1").iterdir():
        if path.name != "recipe.yaml":
            (version / path.name).symlink_to(path)
    (version / "recipe.yaml").write_text(yaml.safe_dump(recipe, allow_unicode=True), encoding="utf-8")
    with pytest.raises(RecipeError, match=r"policy of its own \(own.yaml\)"):
        released(tmp_path, [version], ["trl_sft"])


def test_rows_that_cannot_be_read_or_teach_nothing_are_left_out_with_a_reason(tmp_path: Path):
    rows = [
        CASES["japanese"],
        dialogue("nothing", [say("user", "一"), say("assistant", "二")], []),
        dialogue("broken", [say("user", "一"), say("assistant", "二")], [1]) | {"messages": "[{"},
        dialogue("nobody", [say("assistant", "二")], [0]),
    ]
    made = released(tmp_path, [generated(tmp_path / "instruct", rows)], ["trl_sft"])
    assert made["rejected"] == {"unreadable": 2, "nothing_trains": 1}
    assert made["rows_in"] == 4 == made["rows_out"] + 3
    assert {row["reason"] for row in rows_of(tmp_path, part="rejected")} == {"unreadable", "nothing_trains"}


def test_a_row_that_two_sets_have_is_released_once(tmp_path: Path):
    sets = [generated(tmp_path / name, [CASES["japanese"], CASES["emoji"]]) for name in ("one", "two")]
    made = released(tmp_path, sets, ["trl_sft"])
    assert (made["rows_in"], made["rows_out"], made["rejected"]) == (4, 2, {"same_id": 2})


def test_the_file_of_about_is_read_strictly(tmp_path: Path):
    path = about(tmp_path, target=TARGET)
    path.write_text("contact: [", encoding="utf-8")
    sets = [str(generated(tmp_path / "instruct", [CASES["japanese"]]))]
    with pytest.raises(RecipeError, match=r"about.yaml, line 1, column 11: not YAML"):
        command.release(sets, str(tmp_path / "out"), ["trl_sft"], path, None, None)
    with pytest.raises(RecipeError, match="cannot be read"):
        command.release(sets, str(tmp_path / "out"), ["trl_sft"], tmp_path / "none.yaml", None, None)


def test_the_file_that_the_page_shows_is_one():
    page = (Path(__file__).resolve().parents[2] / "docs" / "release.md").read_text(encoding="utf-8")
    said = AboutSpec.model_validate(yaml.safe_load(page.split("```yaml\n")[1].split("```")[0]))
    assert said.target is not None
    assert said.target.purpose == "share"
    assert not [
        name for name in AboutSpec.model_fields if f"`{name}`" not in page and name not in ("name", "version", "title")
    ]
