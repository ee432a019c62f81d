"""`seimai verify` and `seimai explain` know generated sets: what was tampered with is named, and every row has its story."""

import hashlib
import shutil
import sys
from pathlib import Path

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))

from answering_server import AnsweringServer
from test_models_answer import knows, programs, serve

from conftest import Recipes
from recipes.engine.cli import app
from recipes.engine.errors import RecipeError
from recipes.engine.explain.command import explain
from synth.engine.segment import SegmentWriter, records
from synth.engine.store import segments
from synth.generated.check import check_generated

ORDERS = {
    "mathematics": {"rows": 8, "answers": "model", "samples": 3},
    "quotation": {"rows": 3, "answers": "program"},
    "talks": {"task": "dialogue", "rows": 4, "answers": "program"},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A run with answers of a model (half of them wrong) and of programs, with and without passages."""
    recipes = Recipes(tmp_path_factory.mktemp("made"))
    answers = knows(programs("mathematics", "mathematics"), wrong=lambda body: body["seed"] % 2 == 0)
    with AnsweringServer(answers) as server:
        serve(recipes, server, **ORDERS)
        recipes.generate |= {"partitions": 2, "caps": {"per_template_of_all": 0.5}}
        recipes.run()
    return recipes.folder / "out"


@pytest.fixture
def run(made, tmp_path) -> Path:
    """A copy of it that a test may spoil."""
    return Path(shutil.copytree(made, tmp_path / "out"))


def manifest(run: Path, **changed) -> dict:
    path = run / "1/instruct/manifest.json"
    said = orjson.loads(path.read_bytes()) | changed
    path.write_bytes(orjson.dumps(said))
    return said


def rewrite(run: Path, change, kind: str = "data") -> None:
    """Rewrites every row of a kind by `change` (None drops it), and the hashes in the manifest, as a forger would."""
    said = manifest(run)
    for file in said["files"]:
        if file["path"].startswith(kind):
            path = run / "1/instruct" / file["path"]
            table = pq.read_table(path)
            rows = [new for row in table.to_pylist() if (new := change(row)) is not None]
            pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path)
            file["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
            file |= {"bytes": path.stat().st_size, "rows": len(rows)}
    manifest(run, files=said["files"])


def failed(run: Path) -> dict[str, list[str]]:
    found = check_generated(str(run / "1/instruct"), seed=1)
    return {check.name: check.problems for check in found if not check.passed}


def rows(run: Path, kind: str = "data") -> list[dict]:
    return [r for f in sorted((run / f"1/instruct/{kind}").glob("*.parquet")) for r in pq.read_table(f).to_pylist()]


def test_a_sound_run_passes_and_says_what_was_looked_at(made):
    result = CliRunner().invoke(app, ["verify", str(made)])
    assert result.exit_code == 0, result.output
    assert "ok   rows: " in result.output
    assert "0 of them asked more than once" in result.output
    assert f"{made}/1/instruct: every check passed" in result.output
    alone = CliRunner().invoke(app, ["verify", str(made / "1/instruct"), "--seed", "3"])
    assert alone.exit_code == 0, alone.output
    checks = {check.name: check.looked_at for check in check_generated(str(made / "1/instruct"))}
    assert checks["rows"] == len(rows(made)) + len(rows(made, "refused"))
    assert checks["verdicts given anew"] == checks["authors and licences"] == 15
    asked = sum(r["completion_key"] is not None for kind in ("data", "refused") for r in rows(made, kind))
    assert checks["completions"] == asked >= 24


def test_a_byte_more_or_a_file_more_is_named(run):
    with (run / "1/instruct/data/00001.parquet").open("ab") as file:
        file.write(b"\0")
    (run / "1/instruct/data/00009.parquet").write_bytes(b"")
    problems = failed(run)["files"]
    assert any(p.startswith("data/00001.parquet: SHA-256 is ") for p in problems)
    assert "data/00009.parquet: is in the set's folder and not in its manifest" in problems


def test_an_answer_that_was_changed_with_all_hashes_is_found_by_its_id_its_verdict_and_the_store(run):
    def other(row):
        if row["answer_origin"] != "model":
            return row
        messages = orjson.loads(row["messages"])
        messages[-1]["content"] = "答えは七千七百七十七個です。"
        return row | {"messages": orjson.dumps(messages).decode(), "answer": messages[-1]["content"]}

    rewrite(run, other)
    problems = failed(run)
    assert {"sums", "rows", "verdicts given anew", "completions"} <= problems.keys()
    assert any("its id is not the hash of its order, prompt, sample and messages" in p for p in problems["rows"])
    assert any("its answer is not the one in the store" in p for p in problems["completions"])
    assert any("math_answer fail" in p for p in problems["verdicts given anew"])


def test_a_row_that_is_gone_is_missed(run):
    gone = rows(run)[0]["id"]
    rewrite(run, lambda row: None if row["id"] == gone else row)
    assert "manifest.json: rows_out is 15, the rows say 14" in failed(run)["sums"]


def test_a_refused_row_that_became_one_is_no_row(run):
    taken = next(r for r in rows(run, "refused") if r["reason"] == "verdict_fail")
    kept = list(rows(run)[0])
    done = []

    def put(row):
        if done:
            return row
        done.append(row)
        return {name: taken[name] for name in kept}

    rewrite(run, put)
    problems = failed(run)
    assert any("its verdict is fail" in p for p in problems["rows"])
    assert any("is there twice" in p for p in problems["rows"])


def test_a_denied_author_and_a_licence_that_is_not_the_pages_are_named(run):
    def other(row):
        seeds = [s | {"licence": "MIT"} if s["kind"] == "document" else s for s in row["seeds"]]
        return row | {"seeds": seeds, "authors": [a | {"status": "deny"} for a in row["authors"]]}

    rewrite(run, other)
    assert any("is denied" in p for p in failed(run)["authors and licences"])
    result = CliRunner().invoke(app, ["verify", str(run)])
    assert result.exit_code == 1
    assert "its passage says licence MIT, the page CC0-1.0" in " ".join(result.output.split())


def test_obligations_that_the_manifest_hides_are_found(run):
    owed = '[{"kind":"notice_contains","source":"x","value":"Built with Llama"}]'
    rewrite(run, lambda row: row | {"obligations": owed, "licence_status": "conditional"})
    problems = failed(run)["authors and licences"]
    assert any("the manifest's obligations are not those of the rows" in p for p in problems)
    assert any("a notice must contain 'Built with Llama' (x)" in p for p in problems)


def test_more_rows_than_a_cap_allows_are_named(run):
    said = manifest(run)
    said["made"]["generate"]["caps"]["per_template_of_all"] = 0.01
    said["made"]["generate"]["tasks"]["talks"]["rows"] = 2
    manifest(run, made=said["made"])
    problems = failed(run)["quotas and caps"]
    assert "talks: 4 rows, and 2 were asked for" in problems
    assert any("more than 0.01 of all 13" in p for p in problems)


def test_a_prompt_that_later_sets_would_not_be_held_against_is_named(run):
    path = run / "1/instruct/novelty.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    (problem,) = failed(run)["novelty"]
    assert problem.endswith("its prompt is not in novelty.parquet")
    foreign = pa.Table.from_pylist([table.to_pylist()[0] | {"id": b"1" * 16, "row": b"2" * 16}], schema=table.schema)
    pq.write_table(pa.concat_tables([table, foreign]), path)
    assert failed(run)["novelty"] == ["novelty.parquet: 1 prompts are of no row of this set, and its bases gave 0"]


def test_an_answer_asked_twice_is_counted(run):
    path = segments(run / "completions")[0]
    (_, ident, payload), *_ = records(path)
    writer = SegmentWriter(path.parent / "000099-00000000.seg")
    writer.append(ident, payload)
    writer.close()
    (check,) = [c for c in check_generated(str(run / "1/instruct")) if c.name == "completions"]
    assert check.passed
    assert "1 of them asked more than once" in check.notes[0]


def test_a_set_that_run_json_does_not_mean_is_named(run):
    manifest(run, fingerprint="0" * 64)
    result = CliRunner().invoke(app, ["verify", str(run)])
    assert result.exit_code == 1
    assert "its fingerprint is not what run.json says of instruct" in result.output


def test_a_ledger_is_not_for_generated_rows(run):
    result = CliRunner().invoke(app, ["verify", str(run / "1/instruct"), "--k", "4"])
    assert isinstance(result.exception, RecipeError)
    assert "have no showings; leave out --k" in str(result.exception)


def told(run: Path, page: str, capsys, **options) -> str:
    explain(str(run), page, **options)
    return capsys.readouterr().out


def test_a_rows_story_tells_its_wording_spec_prompt_answer_verdicts_decision_and_rights(made, capsys):
    row = next(r for r in rows(made) if r["answer_origin"] == "model")
    said = told(made, row["id"].hex()[:12], capsys)
    for part in (
        f"generated row {row['id'].hex()}",
        "TAKEN  into instruct, round 1",
        f"{row['template']}, draft",
        "order           mathematics",
        "math_answer {",
        "0 user",
        row["answer"].splitlines()[0],
        "pass, trains",
        "model lab/tiny, revision r1",
        "declared by its operator",
        f"sample {row['sample']}, seed {row['seed']}",
        row["completion_key"].hex(),
        "✓",
        "generator       lab/tiny r1: conditional",
        "obliges to      nothing",
    ):
        assert part in said, part


def test_a_refused_candidates_story_tells_why(made, capsys):
    row = next(r for r in rows(made, "refused") if r["reason"] == "verdict_fail")
    said = told(made, row["id"].hex(), capsys)
    assert "REFUSED  by instruct, round 1: verdict_fail" in said
    assert "検証により仕様を満たさないと判定された" in said
    assert "✗" in said
    assert "分かりかねます。0です。" in said


def test_a_row_of_a_passage_is_masked_and_its_pages_story_comes_after_it(made, capsys):
    row = next(r for r in rows(made) if r["task"] == "quotation")
    (seed,) = [s for s in row["seeds"] if s["kind"] == "document"]
    said = told(made, row["id"].hex(), capsys)
    assert "●●●" in said
    assert f"the page that it grew from: {seed['id']}" in said
    assert "KEPT  released in pages" in said
    passage = orjson.loads(row["messages"])[0]["content"][:12]
    assert passage not in said
    assert passage in told(made, row["id"].hex(), capsys, samples=True)


def test_of_a_spec_only_what_may_be_a_pages_is_masked(made, capsys):
    row = next(r for r in rows(made) if r["task"] == "quotation" and '"grounded' in r["spec"])
    said = told(made, row["id"].hex(), capsys)
    spec = said[said.index("\nspec") : said.index("\nmessages")]
    constraints = [c for turn in orjson.loads(row["spec"])["turns"] for c in turn["constraints"]]
    assert all(c["kind"] in spec for c in constraints)
    names = {name for c in constraints for name in c if name != "kind"}
    assert names
    assert all(f'"{name}"' in spec for name in names), "keys hold no page text"
    texts = [
        t for c in constraints for v in c.values() for t in (v if isinstance(v, list) else [v]) if isinstance(t, str)
    ]
    assert [t for t in texts if not t.isascii()]
    assert not [t for t in texts if not t.isascii() and t in spec]


def test_a_pages_story_lists_the_rows_that_grew_from_it(made, capsys):
    row = next(r for r in rows(made) if r["task"] == "quotation")
    (seed,) = [s for s in row["seeds"] if s["kind"] == "document"]
    said = told(made, seed["id"], capsys)
    assert f"{row['id'].hex()}  quotation" in said


def test_an_id_that_is_neither_a_pages_nor_a_rows_is_said_to_be(made):
    with pytest.raises(RecipeError, match="neither a page nor a generated row"):
        explain(str(made), "0123456789abcdef")
