"""The step: what it writes, what it refuses, and what becomes of texts that are none."""

import json
import os
import pickle
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from curation.classify import lid_model
from curation.classify.fasttext_file import read_file
from curation.classify.fasttext_quality import PACKAGED, FasttextQuality
from curation.classify.model_card import card_path, read_card, sha256_of
from curation.shards import ShardSet
from recipes.engine import execute
from recipes.engine.errors import RecipeError
from recipes.engine.plan import make
from recipes.engine.progress import Progress
from recipes.engine.spec import Recipe, SourceSpec, Stage
from tests.classify.conftest import fitted, labelled
from tests.engine.test_text_ja import article

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "engine"))
from steps_on_trial import DieOnce

PROSE = article(0)
"""An essay of a dozen sentences."""
SPAM = "激安 お米 通販 送料無料 ランキング 口コミ 人気 おすすめ 比較 最安値 お米 激安 " * 6
WORTH = {"good": 1.0, "bad": 0.0}


def scores(step: FasttextQuality, texts: list[str | None]) -> list[float | None]:
    step.setup()
    kept, rejected = step.split(pa.record_batch({"text": pa.array(texts, pa.large_string())}))
    assert rejected is None
    return kept.column(step.writes[0]).to_pylist()


def test_the_packaged_model_tells_prose_from_keywords():
    *essays, spam = scores(FasttextQuality(), [*(article(n) for n in range(12)), SPAM])
    assert all(score is not None and score > 0.5 for score in essays)
    assert spam is not None
    assert spam < 0.2


def test_the_packaged_model_is_small_and_its_card_is_about_it():
    path = PACKAGED["quality_ja"]
    card = read_card(card_path(path))
    assert path.stat().st_size < 5_000_000
    assert card.sha256 == sha256_of(path)
    assert card.licence == "Apache-2.0"
    learnt = [d for d in card.data if d["part"] == "train"]
    assert {d["licence"] for d in learnt} == {"Apache-2.0"}, "no other text is in the weights"
    tried = {g for d in card.data if d["part"] == "test" for g in d["groups"]}
    assert not tried & {g for d in learnt for g in d["groups"]}
    assert card.metrics["auc_low"] > card.metrics["auc_best_heuristic"]
    assert f"AUC **{card.metrics['auc']:.3f}**" in path.with_suffix(".card.md").read_text()


def test_the_library_loads_the_packaged_model():
    import fasttext

    model = fasttext.load_model(str(PACKAGED["quality_ja"]))
    assert sorted(model.get_labels()) == ["__label__bad", "__label__good"]


def test_a_text_without_a_character_has_no_score():
    assert scores(FasttextQuality(), ["", " ", " \n\t ", None]) == [None] * 4


def test_scores_are_rounded_and_in_bounds_in_any_script_and_at_any_length():
    texts = ["米", "Rice is milled. " * 50, "정미는 현미를", "مرحبا بالعالم", "𠮟🍚" * 30, "あ" * 1_700_000]
    found = scores(FasttextQuality(), texts)
    assert len(texts[-1].encode()) > 5_000_000
    for score in found:
        assert score is not None
        assert 0 <= score <= 1
        assert round(score, 3) == pytest.approx(score, abs=1e-6)


def test_the_score_of_a_row_does_not_depend_on_its_batch(plain_pages: Callable[[int], list[str]]):
    texts: list[str | None] = [*plain_pages(60), PROSE, "", SPAM]
    together = scores(FasttextQuality(), texts)
    assert [scores(FasttextQuality(), [text])[0] for text in texts[::5]] == together[::5]


def test_a_score_that_is_no_number_rejects_the_row_and_is_counted(tmp_path):
    path = fitted(tmp_path / "m.bin", labelled(60), wordNgrams=1)
    file = read_file(path)
    row = [w.decode() for w in file.words].index("糠")
    raw = bytearray(path.read_bytes())
    start = raw.index(file.matrices[0].tobytes())
    width = file.arguments["dim"] * 4
    raw[start + row * width : start + (row + 1) * width] = np.full(file.arguments["dim"], np.nan, "<f4").tobytes()
    path.write_bytes(raw)
    step = FasttextQuality(str(path), tokens="characters", labels=WORTH, licence="CC0-1.0")
    step.setup()
    kept, rejected = step.split(pa.record_batch({"text": pa.array(["米と糠", "米", None], pa.large_string())}))
    assert rejected is not None
    assert rejected.select(["text", "reason", "detail"]).to_pylist() == [
        {"text": "米と糠", "reason": "nan_value", "detail": "quality"}
    ]
    assert kept.column("text").to_pylist() == ["米", None]


def test_a_model_without_a_card_needs_to_be_told_what_its_labels_mean(model: Path):
    with pytest.raises(
        ValueError, match=r"has no card.*say 'tokens', 'labels', 'licence'.*its labels: (good, bad|bad, good)"
    ):
        FasttextQuality(str(model))
    with pytest.raises(ValueError, match=r"has no card.*say 'licence': "):
        FasttextQuality(str(model), tokens="characters", labels=WORTH)
    with pytest.raises(ValueError, match="licence 'Nonsense-9' is not in the SPDX list"):
        FasttextQuality(str(model), tokens="characters", labels=WORTH, licence="Nonsense-9")
    with pytest.raises(ValueError, match=r"has 2 labels .* worth is stated for 3 \(good, fair, bad\)"):
        FasttextQuality(str(model), tokens="characters", labels={"good": 1, "fair": 0.5, "bad": 0}, licence="CC0-1.0")
    with pytest.raises(ValueError, match=r"must lie in \[0, 1\]"):
        FasttextQuality(str(model), tokens="characters", labels={"good": 5, "bad": 0}, licence="CC0-1.0")
    with pytest.raises(ValueError, match=r"lid\.176\.ftz: has 176 labels \(.* …\), and worth is stated for 1 \(ja\)"):
        FasttextQuality(str(lid_model.MODEL), tokens="words", labels={"ja": 1}, licence="CC-BY-SA-3.0")
    prose, spam = scores(
        FasttextQuality(str(model), tokens="characters", labels=WORTH, licence="CC0-1.0"), [PROSE, SPAM]
    )
    assert prose > spam  # type: ignore[operator]


def test_a_card_that_was_written_for_another_file_is_refused(tmp_path):
    path = tmp_path / "quality_ja.bin"
    shutil.copy(PACKAGED["quality_ja"], path)
    shutil.copy(card_path(PACKAGED["quality_ja"]), card_path(path))
    FasttextQuality(str(path))
    with pytest.raises(ValueError, match=r"quality_ja\.card\.json says 'tokens' of this model already: leave it out"):
        FasttextQuality(str(path), tokens="words")
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    with pytest.raises(ValueError, match="is not the file that its card was written for"):
        FasttextQuality(str(path))
    card_path(path).write_text('{"name": "quality_ja"}')
    with pytest.raises(ValueError, match=r"quality_ja\.card\.json: no card of a model: .*licence: Field required"):
        FasttextQuality(str(path))


def test_a_quantised_file_beside_its_model_is_described_on_its_own(tmp_path):
    path = fitted(tmp_path / "edu.bin", labelled(60))
    small = fitted(tmp_path / "edu.ftz", labelled(60), quantize={})
    said = {"tokens": "characters", "labels": WORTH, "licence": "CC0-1.0"}
    card = FasttextQuality(str(path), **said).card
    card_path(path).write_text(card.model_dump_json())
    assert FasttextQuality(str(path)).card == card
    with pytest.raises(
        ValueError, match=r"edu\.ftz has no card \(edu\.ftz\.card\.json or edu\.card\.json\): say 'tokens'"
    ):
        FasttextQuality(str(small))
    own = FasttextQuality(str(small), **said).card
    assert own.sha256 == sha256_of(small) != card.sha256
    (tmp_path / "edu.ftz.card.json").write_text(own.model_copy(update={"version": "small"}).model_dump_json())
    assert FasttextQuality(str(small)).card.version == "small"
    assert FasttextQuality(str(path)).card == card


def test_a_model_that_is_cut_off_is_refused_before_anything_runs(tmp_path, model):
    path = tmp_path / "half.bin"
    path.write_bytes(model.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"half\.bin: cut off: \d+ bytes, and \d+ are needed"):
        FasttextQuality(str(path), tokens="characters", labels=WORTH, licence="CC0-1.0")


def test_a_model_that_changes_after_the_plan_stops_the_task(tmp_path):
    path = fitted(tmp_path / "m.bin", labelled(40))
    step = FasttextQuality(str(path), tokens="characters", labels=WORTH, licence="CC0-1.0")
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(ValueError, match="has changed since the plan was made"):
        step.setup()


def test_a_model_over_words_is_asked_through_the_library(tmp_path):
    import fasttext

    from curation.classify.scorers import words_line

    text = tmp_path / "t.txt"
    text.write_text("".join(f"__label__{label} {words_line(t, 'sudachi')}\n" for label, t in labelled(150)))
    path = tmp_path / "words.bin"
    options = {"dim": 4, "wordNgrams": 2, "bucket": 1000, "epoch": 5, "lr": 0.5, "thread": 1, "verbose": 0}
    fasttext.train_supervised(str(text), **options).save_model(str(path))
    step = FasttextQuality(str(path), column="quality_2", tokens="sudachi", labels=WORTH, licence="CC0-1.0")
    assert not step.collapsed
    assert {"fasttext-community", "sudachipy"} <= set(step.libraries)
    prose, spam, marks, nothing = scores(step, [PROSE, SPAM, "__label__good </s> 米", " \n"])
    assert prose > 0.5 > spam  # type: ignore[operator]
    assert marks is not None
    assert nothing is None


def test_the_step_travels_to_a_worker_without_its_model():
    step = FasttextQuality()
    step.setup()
    assert len(pickle.dumps(step)) < 30_000


def run(folder: Path, steps: list, out: str, workers: int = 2) -> ShardSet:
    """The released set of a recipe over 120 rows."""
    crawl = folder / "crawl"
    crawl.mkdir(exist_ok=True)
    rows = [{"id": str(n), "text": (PROSE if n % 3 else SPAM) + str(n)} for n in range(119)]
    rows.append({"id": "z", "text": "ここで即死する"})
    for part in range(4):
        lines = [json.dumps(r, ensure_ascii=False) for r in rows[part::4]]
        (crawl / f"{part}.jsonl").write_text("\n".join(lines))
    recipe = Recipe(
        name="test/quality",
        version="1",
        partitions=2,
        sources={"crawl": SourceSpec(files=[f"{crawl}/*.jsonl"], licence="CC0-1.0")},
        stages=[Stage(name="pages", read="crawl", steps=steps), Stage(name="curated", read="pages")],
    )
    plan = make(recipe, "test.py", str(folder / out))
    execute.run(plan, workers=workers, progress=Progress(len(plan.blocks), stream=open(os.devnull, "w")))  # noqa: SIM115
    return ShardSet.open(plan.blocks[-1].url)


def test_a_worker_that_is_killed_loses_no_row_and_scores_none_twice(tmp_path):
    keep = {"threshold": {"rules": [{"name": "quality", "column": "quality", "keep": ">= 0.5"}]}}
    calm = run(tmp_path, [DieOnce(attempts=0), "fasttext_quality", keep], "calm", workers=1)
    rough = run(tmp_path, [DieOnce(attempts=1), "fasttext_quality", keep], "rough")
    assert rough.manifest["content"] == calm.manifest["content"]
    pages = ShardSet.open(str(next((tmp_path / "rough/stages").glob("pages-*"))))
    assert pages.manifest["rows_in"] == 120 == pages.rows + sum(pages.manifest["rejected"].values())
    assert pages.manifest["rejected"]["rules.quality"] >= 40, "the advertising"
    assert pages.rows >= 79, "the essays"
    assert rough.manifest["quality_model"]["licence"] == "Apache-2.0"
    assert rough.manifest["quality_model"]["sha256"] == sha256_of(PACKAGED["quality_ja"])


def test_a_recipe_with_a_missing_model_is_refused_with_its_place(tmp_path):
    step = {"fasttext_quality": {"model": str(tmp_path / "none.bin")}}
    with pytest.raises(RecipeError, match=r"stage 'pages', step 1 \(fasttext_quality\): .*none\.bin: there is no such"):
        run(tmp_path, [step], "out")


def test_scores_of_two_classifiers_stand_beside_each_other_and_decide_together(tmp_path, model):
    other = {
        "fasttext_quality": {
            "model": str(model),
            "column": "quality_2",
            "tokens": "characters",
            "labels": WORTH,
            "licence": "CC0-1.0",
        }
    }
    either = {"name": "either", "any": [{"column": c, "keep": ">= 0.9"} for c in ("quality", "quality_2")]}
    shards = run(tmp_path, ["fasttext_quality", other, {"threshold": {"rules": [either]}}], "out")
    rows = [row for batch in shards.read(["quality", "quality_2"]) for row in batch.to_pylist()]
    assert all(max(row["quality"], row["quality_2"]) >= 0.9 for row in rows)
    assert {"quality_model", "quality_2_model"} <= shards.manifest.keys()
