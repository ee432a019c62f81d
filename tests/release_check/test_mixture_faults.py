"""A training mixture of two sets that were deduplicated apart: sound as made, and faults whose hashes were made anew."""

import gzip
import hashlib
import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from curation.mixture.ledger import Ledger
from curation.provenance import key
from curation.verify.mixture import verify_mixture
from recipes.engine import execute
from recipes.engine.cli import app
from recipes.engine.errors import RecipeError
from recipes.engine.plan import make
from recipes.engine.progress import Progress
from recipes.engine.spec import Recipe, SourceSpec, Stage


def sentence(seed: int, length: int = 200) -> str:
    """Letters without rhyme: two seeds share no shingle."""
    rng = random.Random(seed)
    return "".join(chr(rng.randrange(0x4E00, 0x9FFF)) for _ in range(length))


def released(folder: Path, name: str, texts: list[str]) -> Path:
    """Runs texts through tokens, dedup and cap (K = 4)."""
    rows = [json.dumps({"id": str(i), "text": text}, ensure_ascii=False) for i, text in enumerate(texts)]
    (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress("\n".join(rows).encode()))
    measured = Stage(name="measured", read=name, steps=[{"tokens": {"tokenizer": "small_ja"}}, "minhash"])  # type: ignore[list-item]
    steps = [{"dedup": {"threshold": 0.8}}, {"cap": {"k": 4, "mode": "one"}}]
    recipe = Recipe(
        name=f"test/{name}",
        version="1",
        partitions=2,
        sources={name: SourceSpec(files=[str(folder / f"{name}.jsonl.gz")], licence="CC0-1.0")},
        stages=[measured, Stage(name="curated", read="measured", steps=steps)],  # type: ignore[arg-type]
    )
    plan = make(recipe, "test.py", str(folder / name))
    execute.run(plan, workers=1, progress=Progress(len(plan.blocks), stream=open(os.devnull, "w")))  # noqa: SIM115
    return folder / name / "1"


def ran(*command: str) -> None:
    done = CliRunner().invoke(app, list(command))
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Mixtures `shards` and `index` of two sets, entered into `ledger`; the sets share no text."""
    folder = tmp_path_factory.mktemp("mixture")
    web = released(folder, "web", [sentence(seed) for seed in range(20)])
    wiki = released(folder, "wiki", [sentence(seed) for seed in range(100, 110)])
    stages = "stages:\n  - {name: pretrain, share: 0.8}\n  - {name: anneal, share: 0.2, sources: [wiki]}\n"
    sources = f"sources:\n  web: {{shards: {web}}}\n  wiki: {{shards: {wiki}, value: 2}}\n"
    (folder / "b.yaml").write_text(f"k: 4\nparameters: 1000\ntokens: 26000\n{sources}{stages}")
    ran("budget", str(folder / "b.yaml"), "--out", str(folder / "plan"))
    for form in ("shards", "index"):
        more = ["--index"] if form == "index" else []
        ran("mix", str(folder / "plan" / "budget.json"), "--out", str(folder / form), *more)
    ran("ledger", "new", str(folder / "ledger"), "--k", "4")
    ran("ledger", "add", str(folder / "ledger"), str(folder / "shards"))
    return folder


@dataclass
class Mixture:
    """A mixture that a test may spoil."""

    folder: Path
    ledger: Path

    def failed(self, **options: object) -> dict[str, list[str]]:
        """Check → problems, of those that fail."""
        return {c.name: c.problems for c in verify_mixture(str(self.folder), **options) if not c.passed}  # type: ignore[arg-type]

    def about(self, changed: Callable[[dict], object]) -> None:
        """Changes mixture.json."""
        about = json.loads((self.folder / "mixture.json").read_text())
        changed(about)
        (self.folder / "mixture.json").write_text(json.dumps(about))

    def change(self, name: str, changed: Callable[[list[dict]], list[dict]]) -> None:
        """Changes the rows of a file, and makes mixture.json agree."""
        path = self.folder / name
        table = pq.read_table(path)
        pq.write_table(pa.Table.from_pylist(changed(table.to_pylist()), schema=table.schema), path)
        self.about(self._agree)

    def _agree(self, about: dict) -> None:
        for stage in about["stages"]:
            for file in (*stage["files"], stage["charges"]):
                raw = (self.folder / file["path"]).read_bytes()
                rows = pq.read_table(self.folder / file["path"]).num_rows
                file |= {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest(), "rows": rows}
            stage["rows"] = sum(f["rows"] for f in stage["files"])
            stage["tokens"] = sum(
                sum(pq.read_table(self.folder / f["path"])["tokens"].to_pylist()) for f in stage["files"]
            )


@pytest.fixture
def mixture(made: Path, tmp_path: Path) -> Mixture:
    """A copy of the mixture as shards, and of the ledger."""
    shutil.copytree(made / "shards", tmp_path / "mixture")
    shutil.copytree(made / "ledger", tmp_path / "ledger")
    return Mixture(tmp_path / "mixture", tmp_path / "ledger")


def test_mixtures_as_they_were_made_pass(made, mixture):
    assert mixture.failed(ledger=str(mixture.ledger)) == {}
    assert Mixture(made / "index", mixture.ledger).failed(ledger=str(mixture.ledger), k=4) == {}


@pytest.mark.parametrize(
    ("changed", "check", "said"),
    [
        (lambda m: m["exposure"].update(max_trainer_epochs=9), "exposures", "the manifest allows 9 passes"),
        (lambda m: m["exposure"].update(highest_exposure=1), "exposures", "highest exposure is 1, the rows show"),
        (lambda m: m["exposure"].pop("highest_exposure"), "exposures", "highest_exposure: Field required"),
        (lambda m: m["stages"][0]["tokens_by_source"].update(web=1), "sums", "tokens by source are"),
        (lambda m: m["stages"].pop(), "files", "anneal/00000.parquet: lies in the mixture and mixture.json does not"),
        (lambda m: m["stages"][1].update(name="pretrain"), "files", "2 stages are named pretrain"),
        (lambda m: m["stages"][0].pop("charges"), "files", "mixture.json: stages.0.charges: Field required"),
    ],
)
def test_what_mixture_json_says_wrongly_is_caught(mixture, changed, check, said):
    mixture.about(changed)
    assert any(said in s for s in mixture.failed()[check])


def test_tokens_moved_from_one_source_to_another_are_caught(mixture):
    def moved(about: dict) -> None:
        by_source = about["stages"][0]["tokens_by_source"]
        about["stages"][0]["tokens_by_source"] = by_source | {
            "web": by_source["web"] - 50,
            "wiki": by_source["wiki"] + 50,
        }

    mixture.about(moved)
    assert any("tokens of source web, the files hold" in s for s in mixture.failed()["sums"])


def test_a_stray_shard_is_caught(mixture):
    shutil.copy(mixture.folder / "pretrain" / "00000.parquet", mixture.folder / "pretrain" / "00009.parquet")
    assert mixture.failed() == {
        "files": ["pretrain/00009.parquet: lies in the mixture and mixture.json does not name it"]
    }


def test_a_stage_that_is_gone_with_all_its_files_is_missed_by_the_ledger(mixture):
    mixture.about(lambda m: m["stages"].pop())
    shutil.rmtree(mixture.folder / "anneal")
    (mixture.folder / "charges" / "anneal.parquet").unlink()
    assert any("stage anneal of mix:" in s for s in mixture.failed(ledger=str(mixture.ledger))["ledger"])


def test_copies_without_form_and_label_are_counted_by_their_text(mixture):
    row = pq.read_table(mixture.folder / "pretrain" / "00000.parquet").to_pylist()[0]
    bare = row | {"form_key": None, "cluster": None}
    mixture.change("pretrain/00000.parquet", lambda rows: [*rows, *[bare] * 50])
    failed = mixture.failed()
    assert any("is shown and has no form key" in s and row["id"].hex() in s for s in failed["forms"])
    assert any(f"form {row['form_key'].hex()}: shown" in s for s in failed["exposures"])


def relabelled(mixture: Mixture, times: int) -> dict:
    """Shows a text more often, each time under another label, and charges it so."""
    row = pq.read_table(mixture.folder / "pretrain" / "00000.parquet").to_pylist()[0]
    labels = [key("label", str(i)) for i in range(times)]
    mixture.change("pretrain/00000.parquet", lambda rows: [*rows, *(row | {"cluster": c} for c in labels)])
    said = {"form_key": row["form_key"], "source": "web", "showings": 1, "charged": 1}
    mixture.change("charges/pretrain.parquet", lambda rows: [*rows, *(said | {"cluster": c} for c in labels)])
    return row


def test_one_text_under_many_labels_is_counted_as_one(mixture):
    row = relabelled(mixture, 5)
    said = mixture.failed()["exposures"]
    assert any(f"form {row['form_key'].hex()}: shown" in s for s in said)


def test_two_clusters_that_share_a_text_are_counted_as_one(mixture):
    """3 + 3 showings of two texts, of which one comes under the other's label too: 6 of K = 4, though no text comes 5 times."""
    rows = pq.read_table(mixture.folder / "pretrain" / "00000.parquet").to_pylist()
    a = rows[0]
    b = next(r for r in rows if r["form_key"] != a["form_key"])
    count = {f: sum(r["form_key"] == f for r in rows) for f in (a["form_key"], b["form_key"])}
    more = [r for r in (a, b) for _ in range(3 - count[r["form_key"]])]
    relabel = {b["form_key"]: a["cluster"]}
    mixture.change(
        "pretrain/00000.parquet",
        lambda rows: [r | {"cluster": relabel.get(r["form_key"], r["cluster"])} for r in [*rows, *more]],
    )
    said = mixture.failed()["exposures"]
    assert any(s.startswith("cluster ") and "K = 4" in s for s in said)


def test_k_and_the_name_in_the_ledger_are_held_and_other_options_refused(mixture):
    assert any("K = 1 by --k, K = 4 by mixture.json" in s for s in mixture.failed(k=1)["exposures"])
    assert any("K = 1" in s and "shown" in s for s in mixture.failed(k=1)["exposures"])
    (said,) = mixture.failed(ledger=str(mixture.ledger), run="nonsense")["ledger"]
    assert "no training on this is entered as nonsense" in said
    for option in ("--sample", "--seed"):
        done = CliRunner().invoke(app, ["verify", str(mixture.folder), option, "3"])
        assert isinstance(done.exception, RecipeError)
        assert "a mixture is read whole" in str(done.exception)


def test_a_forgotten_text_of_a_mixture_is_caught(mixture):
    row = pq.read_table(mixture.folder / "anneal" / "00000.parquet").to_pylist()[0]
    Ledger.open(str(mixture.ledger)).forget([row["form_key"]], whole_clusters=True)
    said = mixture.failed(ledger=str(mixture.ledger))["ledger"]
    assert f"form {row['form_key'].hex()} was forgotten, and is released" in said


def test_an_index_that_names_rows_that_are_not_there_is_caught(made, tmp_path):
    shutil.copytree(made / "index", tmp_path / "index")
    index = Mixture(tmp_path / "index", made / "ledger")
    index.change(
        "pretrain/00000.parquet", lambda rows: [rows[0] | {"row": 10**6}, rows[1] | {"row": rows[2]["row"]}, *rows[2:]]
    )
    said = index.failed()["forms"]
    assert any("has no row 1000000" in s for s in said)
